"""The values of this room: what a row of the outbox is about, and what a message says besides the ledger.

Not here: how a message is made of them (`builder`), where background is read (`context`) and how it is drawn (`charts`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import TypeAlias

from mist_pipeline.alerts.impacts.model import Impact
from mist_pipeline.alerts.lifecycle.model import Alert, Incident
from mist_pipeline.delivery.rendering.remediation import Remediation
from mist_pipeline.domain.site_names import display_names

Pair: TypeAlias = tuple[str, str]
"""site_id and metric."""


@dataclass(frozen=True)
class Subject:
    """An incident with its alerts, as the ledger has them now."""

    incident: Incident
    alerts: tuple[Alert, ...] = ()

    @property
    def is_past(self) -> bool:
        """Whether all of it was over before it was noticed."""
        return bool(self.alerts) and all(alert.is_past for alert in self.alerts)


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual for a service level on the eve of its trouble: as ``analysis.deviations`` expects it, and the spread."""

    expected_pct: float
    std_pct: float


@dataclass(frozen=True, slots=True)
class Ahead:
    """One day of a forecast, with the ranges that hold 80 and 95 % of what may come."""

    day: date
    mean_pct: float
    lower_pct: float
    upper_pct: float
    lower_80_pct: float
    upper_80_pct: float


@dataclass(frozen=True, slots=True)
class Blamed:
    """What the cloud blames, with its share of all user-minutes and the users hit, None where that is not known."""

    classifier: str
    degraded_pct: float
    num_users: int | None = None


@dataclass(frozen=True, kw_only=True)
class Background:
    """What the warehouse knows about one service level of one site.

    Attributes:
        days: Days that have a score, in order; days of the organisation's time zone.
        hours: Starts of hours that have a score, in order.
        usual: None where there is no baseline to be relied on.
        forecast: The newest one, by day; empty where there is none.
        classifiers: What the cloud blamed on ``classifiers_day``, worst first.
        classifiers_day: None where it blamed nothing.
        changes: When the configuration of the site was changed in these hours, in order.
        picture: All of it as PNG, None until it is drawn.
    """

    days: tuple[tuple[date, float], ...] = ()
    hours: tuple[tuple[datetime, float], ...] = ()
    usual: Usual | None = None
    forecast: tuple[Ahead, ...] = ()
    classifiers: tuple[Blamed, ...] = ()
    classifiers_day: date | None = None
    changes: tuple[datetime, ...] = ()
    picture: bytes | None = field(default=None, repr=False)


def _no_page(_site_id: str) -> str | None:
    return None


def _no_run_page(_run_id: str) -> str | None:
    return None


def _no_answers(_incident_id: str, _at: datetime) -> Mapping[str, str]:
    return {}


def _no_device_page(_kind: str, _mac: str, _site_id: str) -> str | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What messages say besides what the ledger knows.

    Attributes:
        site_names: Site id → name of all sites, as people typed it; a site that is not in it is named by its id.
        site_url: Its page in the cloud, None where there is none (``Links.site`` of the report gives it).
        report_url: The report of the day.
        console_url: Where the console is.
        answer_urls: Where people say what they think of an incident, by its id and when the message is made: answer → address.
        run_url: The run of the pipeline that decided.
        failed_run_url: Page of a run that failed, by its id, where trouble of the pipeline is about one.
        remediation: What usually helps.
        background: What the warehouse knows, by site and metric.
        impacts: How large incidents are, by id.
        device_url: Page of a device in the cloud, by kind, hardware address and site (``Links.device``).
    """

    site_names: Mapping[str, str] = field(default_factory=dict)
    site_url: Callable[[str], str | None] = _no_page
    report_url: str | None = None
    console_url: str | None = None
    answer_urls: Callable[[str, datetime], Mapping[str, str]] = _no_answers
    run_url: str | None = None
    failed_run_url: Callable[[str], str | None] = _no_run_page
    remediation: Remediation = field(default_factory=Remediation)
    background: Mapping[Pair, Background] = field(default_factory=dict)
    impacts: Mapping[str, Impact] = field(default_factory=dict)
    device_url: Callable[[str, str, str], str | None] = _no_device_page

    @cached_property
    def site_labels(self) -> Mapping[str, str]:
        """Site id → what people are shown."""
        return display_names(self.site_names)
