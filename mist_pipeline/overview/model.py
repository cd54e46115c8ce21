"""The answers, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from mist_pipeline.alerts.notify.matchers import Labels
from mist_pipeline.domain.text import clean, duration
from mist_pipeline.overview.shared import Shared

HOURS = 24
"""Hours of a site's short history."""


DAYS_STALE = timedelta(hours=48)
"""A day is analysed in the morning after it: what is older missed a morning."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """How old what one source says is.

    Attributes:
        name: ``live``, ``days`` or ``ledger``.
        as_of: Of when its data is; None where there is none.
        trouble: Why it could not be read just now, '' if it could; what it said before is still shown.
        stale_after: An answer that is older may not call anything healthy; None: it does not age.
        is_unreadable: It is there, and what it says is not known: of what it lacks nobody may say that it never was.
    """

    name: str
    as_of: datetime | None = None
    trouble: str = ""
    stale_after: timedelta | None = None
    is_unreadable: bool = False

    def age(self, now: datetime) -> timedelta | None:
        """How old it is, never less than nothing; None without data."""
        return None if self.as_of is None else max(now - self.as_of, timedelta(0))

    def is_stale(self, now: datetime) -> bool:
        """Whether it is too old, or not there, to speak of now."""
        age = self.age(now)
        return age is None or (self.stale_after is not None and age > self.stale_after)

    def words(self, now: datetime) -> str:
        """``data of 14:25 UTC, 22 min old``, with the reason where it cannot be read."""
        age = self.age(now)
        if self.as_of is None or age is None:
            if self.is_unreadable:
                return clean(self.trouble, 240)
            return f"no data yet ({clean(self.trouble, 160)})" if self.trouble else "no data yet"
        day = "" if self.as_of.date() == now.date() else f"{self.as_of:%Y-%m-%d} "
        old = f"{duration(age)} old" if age >= timedelta(minutes=1) else "just now"
        said = f"data of {day}{self.as_of:%H:%M} UTC, {old}"
        return f"{said} ({clean(self.trouble, 120)})" if self.trouble else said


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteNow:
    """One site as it is now.

    Attributes:
        site_id: Mist site id.
        label: What people call it: clean, unlike that of every other site.
        groups: Names of its site groups.
        status: CRITICAL … HEALTHY or UNKNOWN; old data never says HEALTHY.
        last_status: What the data says, however old it is.
        changed_since: Since when the worst service level is what it is.
        health: 0–100 of the newest analysed day.
        health_change: Against the day before.
        worst_metric: Service level with the worst severity, then the lowest score; '' without a reading.
        worst_pct: Its score.
        hours: Its scores in the last 24 hours, oldest first; None where nothing was measured.
        trend: worsening, improving, stable or '' of that service level.
        forecast_metric: What is expected to become critical, '' if nothing is.
        forecast_days: In how many days; None where only its direction is known.
        clients: Clients in the newest hour.
        incident_ids: Incidents that go on there, the worst first.
    """

    site_id: str
    label: str
    groups: tuple[str, ...] = ()
    status: str
    last_status: str
    changed_since: datetime | None = None
    health: float | None = None
    health_change: float | None = None
    worst_metric: str = ""
    worst_pct: float | None = None
    hours: tuple[float | None, ...] = ()
    trend: str = ""
    forecast_metric: str = ""
    forecast_days: float | None = None
    clients: int | None = None
    incident_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentNow:
    """One incident as a list shows it; every text is clean.

    Attributes:
        incident_id: Its id.
        severity: The worst of what goes on; of what is over the worst there was.
        state: open, acknowledged, resolved or merged.
        progress: going on, recovering, over or merged.
        began_at: When the trouble began.
        opened_at: When it was noticed.
        last_bad_at: End of its last bad hour, since when it recovers; None while it goes on.
        resolved_at: When it was over.
        where: Name of the one site, or how many.
        what: The shared cause, or the newest sentence.
        site_ids: Sites that it is about.
        family: Metric family.
        acknowledged_by: Who has it, '' if nobody.
        withheld: Why nobody is notified, '' if there is no reason.
        num_alerts: Its alerts.
        worse: How it last became much worse, '' if it did not.
    """

    incident_id: str
    severity: str
    state: str
    progress: str
    began_at: datetime
    opened_at: datetime
    last_bad_at: datetime | None
    resolved_at: datetime | None
    where: str
    what: str
    site_ids: tuple[str, ...]
    family: str
    acknowledged_by: str
    withheld: str
    num_alerts: int
    worse: str = ""

    @property
    def is_active(self) -> bool:
        """Whether it goes on."""
        return self.state in {"open", "acknowledged"}

    @property
    def bad_until(self) -> datetime | None:
        """End of its last bad hour, also of one that nobody saw end in time; None while it goes on."""
        return self.last_bad_at or self.resolved_at


@dataclass(frozen=True, kw_only=True)
class OrganisationNow:
    """All sites together.

    Attributes:
        day: The newest analysed day.
        health: Mean health of the sites on that day.
        health_change: Against the day before it.
        counts: Status → sites now.
        counts_before: Status → sites on the newest analysed day; empty without one.
        clients: Clients in the newest hour; None where unknown.
    """

    day: date | None = None
    health: float | None = None
    health_change: float | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    counts_before: Mapping[str, int] = field(default_factory=dict)
    clients: int | None = None


@dataclass(frozen=True, kw_only=True)
class PipelineNow:
    """Whether the pipeline itself works.

    Attributes:
        last_poll: Instant of the newest published poll.
        next_poll: When the next is due by the schedule.
        is_late: Two polls in a row are missing.
        last_evaluation: When alerts were last evaluated.
        waiting: Messages that are not sent yet.
        failing: Sink → why and since when it fails, in words.
        machines: Which machine is active and which stand by, in words; '' where one works alone.
    """

    last_poll: datetime | None = None
    next_poll: datetime | None = None
    is_late: bool = False
    last_evaluation: datetime | None = None
    waiting: int = 0
    failing: Mapping[str, str] = field(default_factory=dict)
    machines: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsOfHour:
    """Calls to the cloud in one hour, over all tokens.

    Attributes:
        hour: When it began.
        live: Of polls.
        batch: Of collecting.
        elsewhere: Of others that use the same tokens.
        limit: So many are allowed.
    """

    hour: datetime
    live: int
    batch: int
    elsewhere: int
    limit: int


@dataclass(frozen=True, kw_only=True)
class Now:
    """The organisation now.

    Attributes:
        at: When this was asked.
        live: Age of the statuses.
        days: Age of health, trends and forecasts.
        ledger: Age of the incidents.
        organisation: All sites together.
        pipeline: Whether the pipeline works.
        sites: Every site, by label.
        incidents: Incidents that go on, the worst first.
        labels: Site → labels that matchers match.
    """

    at: datetime
    live: Source
    days: Source
    ledger: Source
    organisation: OrganisationNow
    pipeline: PipelineNow
    sites: Sequence[SiteNow] = ()
    incidents: Sequence[IncidentNow] = ()
    labels: Mapping[str, Labels] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class MetricNow:
    """One service level of one site.

    Attributes:
        metric: Its name.
        score_pct: Newest score.
        severity: Of that score; None where it has none.
        state: ok, no_users, not_supported or missing.
        changed_since: Since when severity and state are what they are.
        usual_low_pct: Lower end of what is usual (mean − 2 σ of 30 days).
        usual_high_pct: Upper end.
        hours: Scores of the last 24 hours, oldest first.
        days: Scores of the last 30 days, oldest first.
        trend: worsening, improving, stable or ''.
        change_pct: Against the day before, in points.
        critical_days: In how many days it is expected to be critical.
        is_withheld: Nobody is warned of that, because forecasts of it have been worse than the mean of its weekday.
    """

    metric: str
    score_pct: float | None = None
    severity: str | None = None
    state: str = "missing"
    changed_since: datetime | None = None
    usual_low_pct: float | None = None
    usual_high_pct: float | None = None
    hours: tuple[float | None, ...] = ()
    days: tuple[float | None, ...] = ()
    trend: str = ""
    change_pct: float | None = None
    critical_days: float | None = None
    is_withheld: bool = False


@dataclass(frozen=True, kw_only=True)
class SiteDetail:
    """One site in full.

    Attributes:
        at: When this was asked.
        live: Age of what is now.
        days: Age of what stands on whole days.
        ledger: Age of the incidents.
        site: As the list shows it.
        metrics: Its service levels, worst first.
        classifiers: What the cloud blames today: metric, classifier, degraded user-minutes; the worst first.
        findings: What the newest poll found: severity, metric, sentence.
        incidents: That go on there, and the newest that are over.
        devices: kind, name, model, firmware, status, clients; those that are not connected first.
        untold: Why nobody is notified of a site in trouble, in words; '' where an incident goes on, or there is no trouble.
    """

    at: datetime
    live: Source
    days: Source
    ledger: Source
    site: SiteNow
    metrics: Sequence[MetricNow] = ()
    classifiers: Sequence[tuple[str, str, float]] = ()
    findings: Sequence[tuple[str, str, str]] = ()
    incidents: Sequence[IncidentNow] = ()
    devices: Sequence[tuple[str, str, str, str, str, int | None]] = ()
    untold: str = ""


@dataclass(frozen=True, kw_only=True)
class IncidentDetail:
    """One incident in full.

    Attributes:
        at: When this was asked.
        ledger: Age of the answer.
        incident: As the list shows it.
        cause: The cause in words.
        alerts: severity, state, where, what of its worst alerts; ``incident.num_alerts`` there are.
        evidence: Numbers behind its worst alert, by name.
        timeline: What happened, each with its instant.
        records: Messages, escalations, tickets and feedback by the names of their tables.
        impact: Newest size in words, '' where nobody asked yet.
        unknown: Why of that size not all is known, '' where nothing is missing.
        devices: kind, name, site, degraded user-minutes of the worst devices, the worst first.
        parts: What those who are hit use (WLAN, band, …) → names with their share of the degraded minutes in percent.
        certainty: How much it is more than chance, in words; '' where that is not known.
        problems: metric, classifier and family of its alerts that go on, of all where none does; the worst first.
        series: site_id and metric of the same alerts, those of the sites that are worst now first.
        sites: Its sites as they are now, the worst first; those that are gone are left out.
        shared: What its sites have in common.
    """

    at: datetime
    ledger: Source
    incident: IncidentNow
    cause: str = ""
    alerts: Sequence[tuple[str, str, str, str]] = ()
    evidence: Mapping[str, str] = field(default_factory=dict)
    timeline: Sequence[tuple[datetime, str]] = ()
    records: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    impact: str = ""
    unknown: str = ""
    devices: Sequence[tuple[str, str, str, float]] = ()
    parts: Mapping[str, Sequence[tuple[str, float]]] = field(default_factory=dict)
    certainty: str = ""
    problems: Sequence[tuple[str, str, str]] = ()
    series: Sequence[tuple[str, str]] = ()
    sites: Sequence[SiteNow] = ()
    shared: Sequence[Shared] = ()
