"""A message as a value: an incident with its alerts, why it is sent, to whom, and what is known of earlier messages.

Here: what every sink is given. Not here: making it from the ledger (``notification.builder``), putting it into words
(``delivery.rendering``), what became of it (``alerts.notify.outcome``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from mist_pipeline.domain.severity import Severity

Reason = Literal[
    "first",
    "severity_rise",
    "much_worse",
    "more_sites",
    "some_resolved",
    "all_resolved",
    "reopened",
    "repeat_due",
    "escalation",
    "acknowledged",
    "unacknowledged",
    "digest",
    "test",
]
"""Why a message is sent; every message has one."""


@dataclass(frozen=True)
class SiteView:
    """A site as a message names it. ``name`` is typed by strangers: every renderer has to escape it.

    Attributes:
        site_id: Id in the cloud, '' for none.
        name: As it was typed; for programs.
        url: Its page in the cloud.
        label: What people are shown (``domain.site_names``), unlike that of every other site of the organisation; '' where
            only the sites of the message are known.
    """

    site_id: str
    name: str
    url: str | None = None
    label: str = ""


@dataclass(frozen=True)
class AlertView:
    """One child of an incident.

    Attributes:
        alert_id: Id in the ledger.
        site: Where.
        metric: Canonical metric, or empty for the whole site.
        family: Metric family.
        severity: Its present severity.
        status: Its present state.
        opened_at: When it was noticed; UTC.
        resolved_at: UTC, or None.
        summaries: Sentences of its findings, newest first.
        classifier: What the cloud blames most, or empty.
        evidence: Numbers behind it, by name.
        began_at: When the trouble began, as estimated; UTC. None where it is not known: when it was noticed.
        last_bad_at: End of its last bad hour; None while it goes on.
        is_past: It was over before it was noticed.
    """

    alert_id: str
    site: SiteView
    metric: str
    family: str
    severity: Severity
    status: Literal["open", "acknowledged", "resolved"]
    opened_at: datetime
    resolved_at: datetime | None = None
    summaries: tuple[str, ...] = ()
    classifier: str = ""
    evidence: Mapping[str, object] = field(default_factory=dict, hash=False)
    began_at: datetime | None = None
    last_bad_at: datetime | None = None
    is_past: bool = False


@dataclass(frozen=True)
class DeviceView:
    """An access point, switch or gateway that is hit. ``name`` is typed by strangers and may be empty."""

    kind: Literal["ap", "switch", "gateway"]
    name: str
    mac: str
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class ImpactView:
    """How large an incident is, as last asked; None is unknown, and ``unknown`` says why.

    Attributes:
        as_of: When it was asked, UTC.
        num_sites: Sites in trouble.
        num_sites_asked: Those whose users are counted here.
        num_users: Users hit …
        total_users: … of so many.
        num_aps: Access points hit …
        total_aps: … of so many.
        num_switches: Switches hit.
        num_gateways: Gateways hit.
        lost_user_hours: User-hours below the service level beyond expectation.
        devices: The worst ones, worst first.
        clients: Names or addresses of people's devices; only where the configuration says so.
        unknown: Why what is not known is not known.
    """

    as_of: datetime
    num_sites: int
    num_sites_asked: int
    num_users: int | None = None
    total_users: int | None = None
    num_aps: int | None = None
    total_aps: int | None = None
    num_switches: int | None = None
    num_gateways: int | None = None
    lost_user_hours: float | None = None
    devices: tuple[DeviceView, ...] = ()
    clients: tuple[str, ...] = ()
    unknown: str = ""


@dataclass(frozen=True)
class WorseView:
    """How an alert became much worse.

    Attributes:
        site: Where.
        metric: Service level; the alert may have begun with another one.
        from_pct: Degraded share of the user-minutes of its worst two hours until then, in percent.
        to_pct: The same of the two hours that ended at ``at``.
        at: UTC.
    """

    site: SiteView
    metric: str
    from_pct: float
    to_pct: float
    at: datetime


@dataclass(frozen=True)
class IncidentView:
    """What a message is about: one cause with its alerts.

    Attributes:
        incident_id: Id in the ledger.
        fingerprint: Stable name of the cause.
        title: One sentence; holds names typed by strangers.
        severity: The worst of its open alerts; once resolved, the worst there was.
        scope: One site, or something that sites share.
        status: Its present state.
        opened_at: When it was noticed; UTC.
        updated_at: UTC; the instant of this message.
        resolved_at: UTC, or None.
        cause: The cause in words, or empty.
        alerts: Its children, worst first.
        remediation: Steps that usually help.
        report_url: The report of the day, or None.
        run_url: The Dagster run, or None.
        page_url: Its page in the console, or None.
        answer_urls: What people may think of it → the signed address at which they say so; empty where there is none.
        charts: Picture (PNG) by file name, for sinks that can show them.
        merged_into: The incident that its alerts went to: this one is over, but nothing has recovered.
            Empty for every other.
        began_at: When the first of its alerts began, as estimated; UTC. None where it is not known.
        last_bad_at: End of the last bad hour of its alerts; None while one of them goes on.
        impact: Who is hit and how much; None where nobody has asked yet.
        past_left_out: Of a digest: how many more incidents were over before they were noticed.
        worse: How it last became much worse; None where it did not, or is over.
    """

    incident_id: str
    fingerprint: str
    title: str
    severity: Severity
    scope: Literal["site", "infrastructure", "pipeline"]
    status: Literal["open", "acknowledged", "resolved"]
    opened_at: datetime
    updated_at: datetime
    resolved_at: datetime | None = None
    cause: str = ""
    alerts: tuple[AlertView, ...] = ()
    remediation: tuple[str, ...] = ()
    report_url: str | None = None
    run_url: str | None = None
    page_url: str | None = None
    answer_urls: Mapping[str, str] = field(default_factory=dict, hash=False)
    charts: Mapping[str, bytes] = field(default_factory=dict, hash=False)
    merged_into: str = ""
    began_at: datetime | None = None
    last_bad_at: datetime | None = None
    impact: ImpactView | None = None
    past_left_out: int = 0
    worse: WorseView | None = None

    @property
    def since(self) -> datetime:
        """When the trouble began; not when it was noticed."""
        return min(self.began_at or self.opened_at, self.opened_at)

    @property
    def sites(self) -> tuple[SiteView, ...]:
        """The sites hit, each once, in the order of the alerts."""
        return tuple({alert.site.site_id: alert.site for alert in self.alerts}.values())


_FOR_ALL: frozenset[Reason] = frozenset({"acknowledged", "unacknowledged", "all_resolved"})


@dataclass(frozen=True)
class Message:
    """One delivery.

    Attributes:
        delivery_id: Id of the outbox row; stable over attempts, so that receivers can drop repetitions.
        reason: Why it is sent.
        sequence: Number of this message among those about the incident to this sink, from 1.
        incident: What it is about.
        attempt: From 1; above 1 an earlier attempt may have arrived.
        reference: What the sink returned for this incident last time; empty at first.
        recipient: Address, channel or service that an escalation step or route names; empty for the sink's own.
        unsure_since: Until when an earlier attempt may have sent it; None where none may have.
        sent_at: UTC; when this attempt is made. None: as soon as it was decided.
        served: Recipients that have this message or refused it for good: this attempt is for the others.
    """

    delivery_id: str
    reason: Reason
    sequence: int
    incident: IncidentView
    attempt: int = 1
    reference: Mapping[str, str] = field(default_factory=dict, hash=False)
    recipient: str = ""
    unsure_since: datetime | None = None
    sent_at: datetime | None = None
    served: frozenset[str] = frozenset()

    @property
    def is_for_all_who_heard(self) -> bool:
        """Whether it goes to everybody whom this sink has notified of the incident, by route or by escalation step."""
        return not self.recipient and self.reason in _FOR_ALL
