"""What can be configured: every section and key with its default, its limits and its meaning.

A key that nothing reads does not exist here. Reading the file and the environment is in ``settings.loading``.
"""

import difflib
import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from mist_pipeline.delivery.config import Variable
from mist_pipeline.domain.config_section import Section
from mist_pipeline.domain.metrics import CATALOGUE, Metric, canonical, in_groups
from mist_pipeline.domain.time_zones import known_zone
from mist_pipeline.http_client.secrets import Secret, Secrets, secrets_of, secrets_of_database
from mist_pipeline.http_client.urls import checked_url
from mist_pipeline.mist.clouds import base_url
from mist_pipeline.settings.compute import Compute, refuse_what_workers_cannot_see
from mist_pipeline.settings.notifications import Alerts, Notifications
from mist_pipeline.settings.warehouse import SharedWarehouse
from mist_pipeline.settings.web import Web
from mist_pipeline.storage.address import checked_address

if TYPE_CHECKING:
    from mist_pipeline.delivery.sink import Sink

KEY, LONGEST_KEY = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*"), 20
"""Form and most characters of ``organisation.key``: it stands before every name in Dagster."""

LEAST_HOURLY_DAYS = 62
"""Least ``history.keep_hourly_days``: the longest look back of a poll, the day itself and that of another time zone."""

Percent = Annotated[float, Field(ge=0, le=100)]


class Organisation(Section):
    """The organisation as its people see it."""

    key: str = Field(
        "",
        description="Short name under which several organisations share one Dagster: letters, digits and single `_`. Give it "
        "before the first run; empty: nothing is named after it.",
    )
    name: str = Field("", description="Name shown in reports; empty: the cloud's own.")
    timezone: str = Field("UTC", description="IANA zone in which a day begins and ends.")

    holidays: tuple[date, ...] = Field(
        (), description="Days on which business is not as usual: nothing is learnt from them."
    )

    names: dict[str, str] = Field(
        default_factory=dict,
        description="Id → name of site groups and templates, for routes and reports: the cloud tells their ids only.",
    )

    @field_validator("key")
    @classmethod
    def _is_a_key(cls, value: str) -> str:
        if value and (len(value) > LONGEST_KEY or not KEY.fullmatch(value)):
            raise ValueError(
                f"{value!r} is no key; use at most {LONGEST_KEY} lower-case letters and digits, with single `_` between them, "
                "beginning with a letter, such as acme_eu"
            )
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return known_zone(value)

    @property
    def zone(self) -> ZoneInfo:
        """The zone as an object."""
        return ZoneInfo(self.timezone)


class Mist(Section):
    """The cloud to ask, and how much."""

    cloud: str = Field("global-01", description="Region of the Mist cloud; ignored where base_url is given.")
    base_url: str | None = Field(
        None, description="Address of the cloud's API, for example https://api.eu.mist.com."
    )
    org_id: str | None = Field(None, description="Organisation; empty: the only one that the token can see.")
    token_from: Variable = Field(
        "MIST_API_TOKEN",
        description="Variable with the API token; several tokens, separated by commas, share the calls.",
    )
    webhook_secret_from: Variable = Field(
        "MIST_WEBHOOK_SECRET",
        description="Variable with the secret of the cloud's webhook; where it is not set, nothing is received.",
    )
    detail: Literal["auto", "full", "triage", "off"] = Field(
        "auto", description="Per-site detail: where it fits the budget, always, for the worst only, or never."
    )
    calls_per_hour: int | None = Field(
        None, ge=1, description="Calls an hour and token; empty: what the cloud says of itself."
    )
    connections: int = Field(8, ge=1, le=64, description="Requests under way at the same time.")

    @field_validator("cloud", "base_url")
    @classmethod
    def _known_cloud(cls, value: str | None) -> str | None:
        if value is not None:
            base_url(value)
        return value


class Monitoring(Section):
    """What is watched."""

    interval_minutes: int = Field(15, ge=1, le=60, description="Minutes between two polls of the live job.")
    keep_findings_days: int = Field(35, ge=2, description="Days for which the findings of polls are kept.")
    enable_wifi: bool = Field(True, description="Collect the wireless service levels.")
    enable_wired: bool = Field(False, description="Collect the wired service levels.")
    enable_wan: bool = Field(False, description="Collect the WAN service levels.")
    enable_devices: bool = Field(True, description="Take snapshots of access points, switches and gateways.")
    enable_alarms: bool = Field(True, description="Collect the cloud's alarms.")
    enable_changes: bool = Field(
        True, description="Collect configuration changes from the organisation's audit log."
    )
    machines: int = Field(
        1,
        ge=1,
        le=9,
        description="Machines that run `mist-pipeline daemon`: one is active, the others take over when it is gone. More than 1 "
        "needs alerts.ledger and Dagster's storage in PostgreSQL.",
    )
    heartbeat_url: SecretStr | None = Field(
        None,
        description="Address of a dead man's switch, asked every few minutes while the pipeline does its work; set "
        "MIST_PIPELINE__MONITORING__HEARTBEAT_URL, since whoever knows it can keep it quiet.",
    )
    heartbeat_fail_url: SecretStr | None = Field(
        None,
        description="Address that is asked instead while it does not; empty: nothing is asked then.",
    )
    heartbeat_minutes: int = Field(5, ge=1, le=60, description="Minutes between two heartbeats.")

    @field_validator("heartbeat_url", "heartbeat_fail_url")
    @classmethod
    def _is_safe_for_a_secret(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is None:
            return None
        return SecretStr(checked_url(value.get_secret_value(), str(info.field_name)))

    @model_validator(mode="after")
    def _fails_only_what_beats(self) -> Self:
        if self.heartbeat_fail_url and not self.heartbeat_url:
            raise ValueError("heartbeat_fail_url needs heartbeat_url: what never beats cannot fail")
        return self

    @field_validator("interval_minutes")
    @classmethod
    def _divides_an_hour(cls, value: int) -> int:
        if 60 % value:
            raise ValueError(f"{value} does not divide an hour; use 5, 10, 15, 20, 30 or 60")
        return value


class Bands(Section):
    """Severity of a score: below ``critical`` it is critical, below ``major`` major, below ``warning`` warning."""

    critical: Percent = Field(70, description="Below this: critical.")
    major: Percent = Field(80, description="Below this: major.")
    warning: Percent = Field(90, description="Below this: warning.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.critical < self.major < self.warning:
            raise ValueError(
                f"needs critical < major < warning, not {self.critical}, {self.major}, {self.warning}"
            )
        return self


class Thresholds(Section):
    """When a change or a forecast is worth saying."""

    pre_warning_capacity: Percent = Field(
        85, description="Capacity under this line and heading down is a pre-warning."
    )
    pre_warning_roaming: Percent = Field(
        95, description="Roaming under this line and heading down is a pre-warning."
    )
    trend_degradation_percent: float = Field(
        5,
        gt=0,
        le=100,
        description="Worsening a day, in percent of the previous value, that counts as degrading.",
    )
    forecast_days: int = Field(
        3, ge=1, le=14, description="A crossing predicted within so many days is reported before it happens."
    )
    deviation_sigma: float = Field(
        2, gt=0, description="Standard deviations below the baseline that count as deviating."
    )
    anomalies_per_1000: float = Field(
        5, gt=0, le=100, description="Site-days called anomalous among 1,000 ordinary ones."
    )
    min_users: int = Field(5, ge=0, description="Fewer users a day than this decide nothing.")
    min_user_minutes: float = Field(
        300, ge=0, description="Fewer user-minutes a day than this decide nothing."
    )


class History(Section):
    """How far back, and for how long things are kept."""

    start: date = Field(
        # Every day since is a partition; the cloud itself is of 2014.
        date(2026, 1, 1),
        ge=date(2014, 1, 1),
        description="First day of history; partitions begin here.",
    )
    keep_days: int = Field(7, ge=1, description="Days of reports kept as folders before they are compressed.")
    auto_archive: bool = Field(True, description="Move old reports and raw files into archives by schedule.")
    archive_after_days: int = Field(30, ge=1, description="Age at which raw files go into monthly archives.")
    keep_runs_days: int = Field(
        14, ge=7, description="Days that Dagster keeps runs, their logs, ticks and results of checks."
    )
    keep_hourly_days: int = Field(
        100,
        description="Days for which hours stay in the warehouse; whole months before go into Parquet files beside it, and are read as before.",
    )
    keep_state_days: int = Field(
        400,
        ge=90,
        description="Days for which the state of detection is kept; earlier days are analysed again only from the first day on.",
    )

    @field_validator("keep_hourly_days")
    @classmethod
    def _has_what_every_poll_reads(cls, value: int) -> int:
        if value < LEAST_HOURLY_DAYS:
            raise ValueError(
                f"{value} is less than {LEAST_HOURLY_DAYS}: polls read hours of up to 60 days (five weeks for what is usual of an hour, 60 "
                "days for evidence where no state is stored yet), and would open files of old hours every few minutes"
            )
        return value


class Health(Section):
    """How the health of a site is scored."""

    method: Literal["smooth", "banded"] = Field(
        "smooth", description="Credit by severity: interpolated between the bands, or in steps."
    )


class Privacy(Section):
    """What is shown of the people who use and run the network, and who of this machine may read it."""

    show_clients: bool = Field(
        False,
        description="Ask whose clients an incident hits, keep their names and addresses in the ledger, and show them in "
        "messages; without it nobody asks. Copies for analysts never hold them.",
    )

    show_admins: bool = Field(
        False,
        description="Keep who changed a configuration, from the audit log on, and name them where a change may be a cause; without "
        "it a change was made “by an administrator”.",
    )

    readable_by_group: bool = Field(
        False,
        description="The group of the account may read the reports and the published copy; without it, as everything else in "
        "the data folder, only the account itself.",
    )


class Storage(Section):
    """Where the files are that several machines may share."""

    url: str = Field(
        "",
        description="Store of raw, kept and published files that several machines share: s3://bucket/path, gs://bucket/path or "
        "abfss://container@account.dfs.core.windows.net/path, or the absolute path of a folder; empty: the data folder. Credentials "
        "come from the environment.",
    )

    @field_validator("url")
    @classmethod
    def _known_store(cls, value: str) -> str:
        if not value:
            return ""
        try:
            return checked_address(value)
        except ValueError as error:
            # The value may hold a key that does not belong there, and is not repeated.
            raise ValueError(f"storage.url {error}") from None


class Settings(Section):
    """Everything that can be configured, in one object. ``mist-pipeline init`` writes it as a commented file."""

    organisation: Organisation = Field(default_factory=Organisation)
    mist: Mist = Field(default_factory=Mist)
    monitoring: Monitoring = Field(default_factory=Monitoring)
    sle_thresholds: dict[str, Bands] = Field(
        default_factory=lambda: {"default": Bands()},
        description="Severity bands: `default`, and any metric that needs its own.",
    )
    thresholds: Thresholds = Field(default_factory=Thresholds)
    history: History = Field(default_factory=History)
    health: Health = Field(default_factory=Health)
    privacy: Privacy = Field(default_factory=Privacy)
    compute: Compute = Field(default_factory=Compute)
    warehouse: SharedWarehouse = Field(default_factory=SharedWarehouse)
    storage: Storage = Field(default_factory=Storage)
    alerts: Alerts = Field(default_factory=Alerts)
    notifications: Notifications = Field(default_factory=Notifications)
    web: Web = Field(default_factory=Web)

    tokens: tuple[SecretStr, ...] = Field((), exclude=True, repr=False)
    webhook_secrets: tuple[SecretStr, ...] = Field((), exclude=True, repr=False)
    secrets: dict[str, SecretStr] = Field(default_factory=dict, exclude=True, repr=False)
    data: Path = Field(Path("data"), exclude=True)
    common: Path | None = Field(None, exclude=True)
    is_data_named: bool = Field(False, exclude=True)
    source: Path | None = Field(None, exclude=True)

    @model_validator(mode="after")
    def _seen_by_workers(self) -> Self:
        if self.compute.engine == "dask":
            refuse_what_workers_cannot_see(self.warehouse.url, self.storage.url, self.ledger)
        return self

    @field_validator("sle_thresholds", mode="before")
    @classmethod
    def _own_bands_inherit(cls, value: Any) -> Any:
        default = value.get("default") if isinstance(value, dict) else None
        if not isinstance(default, dict):
            return value
        return {name: {**default, **own} if isinstance(own, dict) else own for name, own in value.items()}

    @field_validator("sle_thresholds")
    @classmethod
    def _known_metrics(cls, value: dict[str, Bands]) -> dict[str, Bands]:
        bands = {"default": value.get("default", Bands())}
        for name, band in value.items():
            if name == "default":
                continue
            metric = canonical(name)
            if metric is None:
                near = difflib.get_close_matches(name, [*CATALOGUE, "default"], n=1)
                raise ValueError(f"{name!r} is no metric" + (f"; did you mean {near[0]!r}?" if near else ""))
            if metric in bands:
                raise ValueError(
                    f"{name!r} is {metric!r} in another spelling, which is there already; keep one of them"
                )
            bands[metric] = band
        return bands

    def bands_of(self, metric: str) -> Bands:
        """The severity bands of a metric."""
        return self.sle_thresholds.get(metric, self.sle_thresholds["default"])

    @property
    def metrics(self) -> list[Metric]:
        """The enabled metrics, in catalogue order."""
        enabled = self.monitoring
        groups = {"wifi": enabled.enable_wifi, "wired": enabled.enable_wired, "wan": enabled.enable_wan}
        return [metric for metric in in_groups(("wifi", "wired", "wan")) if groups[metric.group]]

    @property
    def pre_warning_lines(self) -> dict[str, float]:
        """Metric → the line under which a decline is a pre-warning."""
        return {
            "capacity": self.thresholds.pre_warning_capacity,
            "roaming": self.thresholds.pre_warning_roaming,
        }

    @property
    def is_one_of_several(self) -> bool:
        """Whether it is one of the organisations of a folder of files, whose data folder lies below a common one."""
        return self.common is not None

    @property
    def installation(self) -> Path:
        """The folder of all that several organisations have in common; of one alone its data folder."""
        return self.common or self.data

    @property
    def warehouse_path(self) -> Path:
        """The DuckDB file that the pipeline writes where no warehouse is shared."""
        return self.data / "warehouse.duckdb"

    @property
    def warehouse_name(self) -> str:
        """Schema of the catalogue, and folder of the files, of a shared warehouse."""
        key = self.organisation.key
        return self.warehouse.name or (f"mist_{key}" if key else "mist")

    @property
    def published_path(self) -> Path:
        """The DuckDB file that analysts read."""
        return self.data / "published" / "mist.duckdb"

    @property
    def published_live_path(self) -> Path:
        """The published live tables, replaced after every poll."""
        return self.published_path.with_name("today.duckdb")

    @property
    def published_ledger_path(self) -> Path:
        """The published copies of the ledger, replaced after every evaluation."""
        return self.published_path.with_name("ledger.duckdb")

    @property
    def reports_path(self) -> Path:
        """The folder of the reports."""
        return self.data / "reports"

    @property
    def ledger(self) -> str | Path:
        """Path or address of the ledger; an address may hold a password."""
        address = self.alerts.ledger
        return address.get_secret_value() if address else self.data / "ledger.db"

    @property
    def evaluations_path(self) -> Path:
        """The folder of what evaluations were made of."""
        return self.data / "evaluations"

    @property
    def kept_week_path(self) -> Path:
        """The week before today as polls need it: made again wherever it is lost."""
        return self.data / "kept" / "week.npz"

    @property
    def sites_path(self) -> Path:
        """The sites as they were last seen, beside what evaluations were made of."""
        return self.evaluations_path / "sites.parquet"

    @property
    def link_key(self) -> str:
        """What links to an answer are signed with, '' for nothing."""
        named = self.secrets.get(self.web.link_key_from)
        return "" if named is None else named.get_secret_value()

    @property
    def devices_path(self) -> Path:
        """The devices as they were last listed, beside the sites."""
        return self.evaluations_path / "devices.parquet"

    def sinks(self) -> "dict[str, Sink]":
        """Every configured sink by name."""
        return self.notifications.build(self.secrets, self.data)

    def known_secrets(self) -> Secrets:
        """Every secret of this configuration, to be taken out of what is logged, kept and shown."""
        known = [Secret(one.get_secret_value()) for one in (*self.tokens, *self.webhook_secrets)]
        for value in map(SecretStr.get_secret_value, self.secrets.values()):
            is_web = value.startswith(("https://", "http://"))
            known += (
                secrets_of(Secret(value), is_host_secret=not is_web) if "://" in value else [Secret(value)]
            )
        for url in (self.monitoring.heartbeat_url, self.monitoring.heartbeat_fail_url):
            known += secrets_of(Secret(url.get_secret_value())) if url else []
        if isinstance(self.ledger, str):
            known += secrets_of_database(Secret(self.ledger))
        if self.warehouse.url:
            known += secrets_of_database(Secret(self.warehouse.catalogue))
        return Secrets(known)

    @property
    def budget_path(self) -> Path:
        """The SQLite file through which all processes share the call budget; one for several organisations, which may share a token."""
        return self.installation / "call_budget.db"
