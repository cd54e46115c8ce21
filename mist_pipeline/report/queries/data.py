"""What a report is made of: the frames of one day, named as their tables, and the few values it needs beside them.

No I/O and no clock: ``as_of`` is handed in and is the only instant that any part of a report shows.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from types import MappingProxyType
from urllib.parse import quote, urlsplit

import polars as pl

from mist_pipeline.analysis.scores.bands import Bands
from mist_pipeline.domain.console_links import incident_url, site_url
from mist_pipeline.overview.morning import Morning

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}

REQUIRED_COLUMNS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        name: frozenset(columns.split())
        for name, columns in {
            "sites": "day site_id name",
            "sle_daily": "day site_id metric score_pct num_users total_user_minutes severity state",
            "classifiers_daily": "day site_id metric classifier degraded_pct degraded_user_minutes num_users num_aps",
            "site_status": "day site_id status",
            "trends": "day site_id metric change_pct velocity_pct_per_day indicator is_degrading",
            "sle_hourly": "hour day site_id metric score_pct degraded_user_minutes state",
            "baselines": "day site_id metric day_of_week mean_pct std_pct",
            "deviations": "day site_id metric expected_pct sigma is_deviating",
            "forecasts": "day site_id metric target_day mean_pct lower_pct upper_pct lower_80_pct upper_80_pct",
            "risks": "day site_id metric severity state days days_low days_high probability",
            "anomalies": "day site_id anomaly_score is_anomaly contributions",
            "health_scores": "day site_id score change is_at_risk confidence",
            "incidents": "day cause_fingerprint scope metrics site_ids cause p_value",
            "findings": "day site_id metric kind severity summary",
            "changes": "day change_id changed_at action kind title site_ids state",
        }.items()
    }
)
"""Columns that the report reads, by field of `ReportData`, named as in the table definitions; a frame may have more."""


_DEVICE_PAGES = frozenset({"ap", "switch", "gateway"})
_MAC = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Links:
    """Where a reader can go from the report.

    Attributes:
        manage_url: The page of the cloud for people (``https://manage.mist.com``); no links to sites without it.
        org_id: Organisation, for those links.
        dagster_url: Dagster's page of the pipeline, or None.
        console_url: The console in the browser, or None.

    Raises:
        ValueError: For an address that is not https (plain http is for this machine alone), so that nothing
            executable ever becomes a link.
    """

    manage_url: str | None = None
    org_id: str | None = None
    dagster_url: str | None = None
    console_url: str | None = None

    def __post_init__(self) -> None:
        for name, url in (
            ("manage_url", self.manage_url),
            ("dagster_url", self.dagster_url),
            ("console_url", self.console_url),
        ):
            if url is None:
                continue
            parts = urlsplit(url)
            is_local = parts.scheme == "http" and (parts.hostname in _LOOPBACK or name != "manage_url")
            if not parts.hostname or not (parts.scheme == "https" or is_local):
                raise ValueError(f"the report cannot link to {name} {url!r}: give an https URL with a host")

    def site(self, site_id: str) -> str | None:
        """The page of one site in the console, else in the cloud; None where neither is known."""
        if self.console_url is not None:
            return site_url(self.console_url, site_id)
        if self.manage_url is None or self.org_id is None:
            return None
        organisation, site = quote(self.org_id, safe=""), quote(site_id, safe="")
        return f"{self.manage_url.rstrip('/')}/admin/?org_id={organisation}#!dashboard/insights/{site}"

    def incident(self, incident_id: str) -> str | None:
        """The page of an incident in the console, or None where there is no console.

        >>> Links(console_url="https://mist.example.net/").incident("1a2b3c4d")
        'https://mist.example.net/incident/1a2b3c4d'
        """
        return incident_url(self.console_url, incident_id)

    def device(self, kind: str, mac: str, site_id: str) -> str | None:
        """The page of an access point, switch or gateway in the cloud, or None where no cloud or address is known.

        The cloud names a device by its hardware address.

        >>> Links("https://manage.mist.com", "o").device("ap", "5c:5b:35:00:00:01", "s")
        'https://manage.mist.com/admin/?org_id=o#!ap/detail/00000000-0000-0000-1000-5c5b35000001/s'
        """
        plain = mac.replace(":", "").replace("-", "").lower()
        is_known = kind in _DEVICE_PAGES and _MAC.fullmatch(plain) is not None
        if self.manage_url is None or self.org_id is None or not is_known:
            return None
        organisation, site = quote(self.org_id, safe=""), quote(site_id, safe="")
        page = f"{kind}/detail/00000000-0000-0000-1000-{plain}/{site}"
        return f"{self.manage_url.rstrip('/')}/admin/?org_id={organisation}#!{page}"


@dataclass(frozen=True)
class ReportSettings:
    """Thresholds of a report and how much of it fits on a page; plain values out of the settings.

    Attributes:
        bands: Severity thresholds, in percent.
        bands_by_metric: Thresholds of single metrics.
        pre_warning: Pre-warning line by metric, in percent.
        forecast_days: A crossing within so many days is called imminent.
        history_days: Days in sparklines, the heat map and before a forecast.
        max_attention: Sites under "what needs attention" on the page and in the text.
        max_sites: Rows of the sites table on the page; the JSON dashboard holds all.
        max_charts: Fan charts on the page.
        max_rows: Rows of every other list on the page.
    """

    bands: Bands = field(default_factory=Bands)
    bands_by_metric: Mapping[str, Bands] = field(default_factory=dict)
    pre_warning: Mapping[str, float] = field(default_factory=lambda: {"capacity": 85.0, "roaming": 95.0})
    forecast_days: int = 3
    history_days: int = 30
    max_attention: int = 8
    max_sites: int = 200
    max_charts: int = 6
    max_rows: int = 30

    def bands_of(self, metric: str) -> Bands:
        """The severity thresholds of one metric."""
        return self.bands_by_metric.get(metric, self.bands)

    def thresholds_of(self, metric: str) -> dict[str, float]:
        """Percent by name of the threshold: each severity, and the pre-warning line where the metric has one."""
        bands = self.bands_of(metric)
        thresholds = {"critical": bands.critical, "major": bands.major, "warning": bands.warning}
        if metric in self.pre_warning:
            thresholds["pre_warning"] = self.pre_warning[metric]
        return thresholds


@dataclass(frozen=True)
class ReportData:
    """Everything that one report shows.

    Frames may hold more days than ``day``; later ones are ignored. An optional frame that is None was not computed
    and its section is left out; an empty one was computed and the section says that there is nothing.

    Attributes:
        day: The day reported on, in the organisation's time zone.
        as_of: When the report was made; must know its zone.
        organisation: Name for people; hostile like every name.
        sites: ``history.sites``; the newest day up to ``day`` says which sites exist.
        sle_daily: ``history.sle_daily`` of at least ``day``; of a month for the pictures.
        classifiers_daily: ``history.classifiers_daily``.
        site_status: day, site_id, status (`analysis.scores.status.site_status`); earlier days give the comparison.
        trends: ``analysis.trends``.
        sle_hourly: ``history.sle_hourly`` of the day, for the hours at which trouble was worst.
        baselines: ``analysis.baselines``.
        deviations: ``analysis.deviations``.
        forecasts: ``analysis.forecasts``.
        risks: ``analysis.risks``.
        anomalies: ``analysis.anomalies``.
        health_scores: ``analysis.health_scores``.
        incidents: ``analysis.incidents``.
        findings: ``analysis.findings``.
        changes: ``history.changes``, of a month for the charts.
        ledger: What is open, and what began and ended since the report before (``overview``); None where it was not asked.
        scorecard: How right warnings and alerts have been, a sentence each.
        next_steps: Incident that is open → what usually helps, the most fitting first.
        zone: The organisation's time zone, in which the times of incidents are said.
        links: Where a reader can go.
        settings: Thresholds and limits.

    Raises:
        ValueError: For an ``as_of`` without a zone, or a frame that lacks a column; names both.
    """

    day: date
    as_of: datetime
    organisation: str
    sites: pl.DataFrame
    sle_daily: pl.DataFrame
    classifiers_daily: pl.DataFrame
    site_status: pl.DataFrame
    trends: pl.DataFrame
    sle_hourly: pl.DataFrame | None = None
    baselines: pl.DataFrame | None = None
    deviations: pl.DataFrame | None = None
    forecasts: pl.DataFrame | None = None
    risks: pl.DataFrame | None = None
    anomalies: pl.DataFrame | None = None
    health_scores: pl.DataFrame | None = None
    incidents: pl.DataFrame | None = None
    findings: pl.DataFrame | None = None
    changes: pl.DataFrame | None = None
    ledger: Morning | None = None
    scorecard: Sequence[str] = ()
    next_steps: Mapping[str, Sequence[str]] = field(default_factory=dict)
    zone: tzinfo = UTC
    links: Links = field(default_factory=Links)
    settings: ReportSettings = field(default_factory=ReportSettings)

    def __post_init__(self) -> None:
        if self.as_of.utcoffset() is None:
            raise ValueError(
                "as_of of a report must know its time zone, for example datetime.now(UTC) of the run"
            )
        for name, columns in REQUIRED_COLUMNS.items():
            frame: pl.DataFrame | None = getattr(self, name)
            if frame is not None and (absent := sorted(columns - set(frame.columns))):
                raise ValueError(f"the report's frame {name!r} lacks the column(s) {', '.join(absent)}")
