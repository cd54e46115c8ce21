"""The values of this room: alerts, incidents, the events that make them, and stable names.

An event says that something happened to one alert or incident; the state of either follows from its events alone. Names
are made of what they name, so that a backfill, a replay and the live job agree about them:

>>> alert_fingerprint("site-1", "radio") == stable_id("alert", "site-1", "radio")
True
>>> len(stable_id("incident", "cause", "2026-03-02T10:00:00+00:00"))
16

Not here: when they change (`lifecycle`, `grouping`), what each event changes (`projection`), and how they are stored
(``ledger.mapping``).
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from mist_pipeline.domain.metrics import CATALOGUE
from mist_pipeline.domain.severity import Severity

AlertState: TypeAlias = Literal["pending", "open", "acknowledged", "resolved", "lapsed"]
Condition: TypeAlias = Literal["firing", "quiet", "frozen"]
IncidentState: TypeAlias = Literal["open", "acknowledged", "resolved", "merged"]
Scope: TypeAlias = Literal["site", "infrastructure"]
Source: TypeAlias = Literal["live", "daily", "pipeline", "push"]
Json: TypeAlias = (
    str
    | int
    | float
    | bool
    | list[str]
    | list[dict[str, str | bool]]
    | dict[str, str]
    | dict[str, float]
    | None
)

WithheldReason: TypeAlias = Literal["silenced_by", "inhibited_by", "quiet_hours", "not_yet", "no_route"]

ACTIVE: frozenset[str] = frozenset({"open", "acknowledged"})
"""States of an alert that is open and not over."""


def stable_id(*parts: str) -> str:
    """A name made of what it names: the same from a backfill, a replay and the live job."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


def alert_fingerprint(site_id: str, family: str, problem: str = "") -> str:
    """Name of a problem: one site and metric family; ``site_id`` '' for the organisation.

    Args:
        site_id: Where.
        family: What.
        problem: Classifier of a second problem that began while the first went on; '' for the first.
    """
    return stable_id("alert", site_id, family, *([problem] if problem else []))


_PIPELINE_DAYS = re.compile(r"^(pipeline:.+)@\d{4}-\d\d-\d\d(?:\.\.\d{4}-\d\d-\d\d)?$")


def without_days(family: str) -> str:
    """The family of the pipeline's own trouble without the days that it is about, as people match it.

    >>> without_days("pipeline:daily@2026-03-02"), without_days("pipeline:checks@2026-03-01..2026-03-09"), without_days("radio")
    ('pipeline:daily', 'pipeline:checks', 'radio')
    """
    return _PIPELINE_DAYS.sub(r"\1", family)


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """What of a site is in trouble: the series whose episodes of excess decide when an alert is over.

    Attributes:
        metric: Service level.
        classifier: What the cloud blames; '' for the whole metric.
        is_slow: Against the lagged expectation, in which a decline of weeks cannot hide.
    """

    metric: str
    classifier: str
    is_slow: bool

    def row(self) -> dict[str, str | bool]:
        """As events and the ledger keep it."""
        return {"metric": self.metric, "classifier": self.classifier, "is_slow": self.is_slow}


@dataclass(frozen=True, slots=True)
class Worse:
    """That an alert became much worse.

    Attributes:
        alert_id: Which.
        at: Instant of the evaluation that showed it.
        metric: Service level.
        from_pct: Degraded share of the user-minutes of its worst two hours until then.
        to_pct: The same of the two hours that ended then.
    """

    alert_id: str
    at: datetime
    metric: str
    from_pct: float
    to_pct: float


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to one alert or incident; never changed afterwards.

    Attributes:
        subject: What it happened to …
        subject_id: … and which one.
        number: 1, 2, 3 … within the subject, without gaps until they are folded.
        at: Instant of the evaluation or action.
        kind: One of `ALERT_EVENTS` or `INCIDENT_EVENTS`, or `FOLDED`.
        detail: What `projection` needs to know beyond that; JSON values.
    """

    subject: Literal["alert", "incident"]
    subject_id: str
    number: int
    at: datetime
    kind: str
    detail: Mapping[str, Json] = field(default_factory=dict)


ALERT_EVENTS = (
    "pending", "lapsed", "opened", "reopened", "seen", "renewed", "quieted", "frozen", "thawed", "rising", "easing",
    "severity_rose", "severity_fell", "peaked", "much_worse", "acknowledged", "unacknowledged", "resolved",
)  # fmt: skip
INCIDENT_EVENTS = (
    "opened", "joined", "left", "renamed", "merged", "acknowledged", "unacknowledged", "worsened", "resolved", "reopened",
    "withheld",
)  # fmt: skip
WATCHED = (
    "pending", "lapsed", "seen", "renewed", "quieted", "frozen", "thawed", "rising", "easing", "peaked", "withheld",
)  # fmt: skip
"""Events of how something was watched, which nobody asks for once it is long over."""
FOLDED = "folded"
"""Kind of the event that stands for those of `WATCHED` that are gone; its detail says how many they were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One problem of one site and metric family, as its events made it.

    Attributes:
        alert_id: Stable name of this occurrence.
        fingerprint: Stable name of the problem.
        site_id: '' for the whole organisation.
        family: Metric family.
        problem: Classifier, where this is a second problem that began while another of the family went on; else ''.
        metric: Metric of the first finding.
        kind: Rule of the first finding.
        kinds: Every rule that has reported it.
        summary: Sentence of the finding that last raised it.
        evidence: JSON of the same.
        classifier: What the cloud blames, '' if unknown.
        state: pending, open, acknowledged, resolved, or lapsed (was over before its hold was met; nobody was notified).
        severity: Now.
        highest: Ever.
        version: Number of its last event.
        pending_since: When its hold began (of the last reopening, if it was reopened).
        condition: firing, quiet (readings are good again) or frozen (no readings).
        since: When the condition began.
        counted: How long it had been quiet, or held, before it was frozen.
        quiet_since: When readings became good again, through freezing; None while it fires.
        valid_until: A daily finding speaks for a day: until then no further finding is needed to keep firing.
        source: Kind of evaluation that last saw it firing.
        recovery_pct: Metric → score below which the alert is held, as ``metric=number`` (hysteresis).
        rising_since: Since when it has been seen worse than ``severity`` …
        rising_to: … and at least how bad.
        easing_since: Since when it has been seen milder …
        easing_to: … and at most how bad.
        opened_at: When its hold was first met.
        acknowledged_at: When a person took it.
        acknowledged_by: Who.
        resolved_at: When it was over.
        resolution: recovered, new level accepted, over before it was noticed, site removed, expired, or what a person said.
        began_at: When the trouble began, as estimated: the first hour of the excess, or when it was first seen.
        last_bad_at: End of its last bad hour; None while it goes on.
        series: Whose episodes of excess it is about; empty where other rules raised it.
        began_before: Of a resolved alert that is pending again: `began_at` …
        ended_before: … `last_bad_at` …
        series_before: … and `series` of what is over, which are those of the alert again if the new hold is not met.
        is_past: It was over before it was noticed: opened and resolved at once, for the record.
        reopenings: How often it came back inside its reopen window.
        levels: Series, as ``metric/classifier``, → degraded share of the user-minutes of its worst two hours since the alert opened.
            Empty where no evaluation has said so yet.
        worse_at: When it last became much worse (`levels`) …
        worse_metric: … in which service level …
        worse_from_pct: … from which worst level of two hours …
        worse_to_pct: … to which.
    """

    alert_id: str
    fingerprint: str
    site_id: str
    family: str
    metric: str
    kind: str
    kinds: tuple[str, ...]
    summary: str
    evidence: str
    classifier: str
    state: AlertState
    severity: Severity
    highest: Severity
    version: int
    pending_since: datetime
    condition: Condition
    since: datetime
    counted: timedelta
    valid_until: datetime
    source: Source
    recovery_pct: Mapping[str, float]
    quiet_since: datetime | None = None
    rising_since: datetime | None = None
    rising_to: Severity | None = None
    easing_since: datetime | None = None
    easing_to: Severity | None = None
    opened_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    resolved_at: datetime | None = None
    resolution: str | None = None
    began_at: datetime | None = None
    last_bad_at: datetime | None = None
    series: tuple[Series, ...] = ()
    began_before: datetime | None = None
    ended_before: datetime | None = None
    series_before: tuple[Series, ...] = ()
    is_past: bool = False
    problem: str = ""
    reopenings: int = 0
    levels: Mapping[str, float] = field(default_factory=dict)
    worse_at: datetime | None = None
    worse_metric: str | None = None
    worse_from_pct: float | None = None
    worse_to_pct: float | None = None

    @property
    def is_active(self) -> bool:
        """Whether it is open or acknowledged."""
        return self.state in ACTIVE

    @property
    def worse(self) -> "Worse | None":
        """How it last became much worse."""
        if self.worse_at is None or self.worse_from_pct is None or self.worse_to_pct is None:
            return None
        return Worse(
            self.alert_id, self.worse_at, self.worse_metric or "", self.worse_from_pct, self.worse_to_pct
        )

    @property
    def metrics_of_parts(self) -> dict[str, tuple[str, ...]]:
        """Families besides its own in which its trouble shows (`parts`), each with its service levels."""
        shown: dict[str, tuple[str, ...]] = {}
        for one in self.series:
            known = CATALOGUE.get(one.metric)
            if (
                known is not None
                and known.family != self.family
                and one.metric not in shown.get(known.family, ())
            ):
                shown[known.family] = (*shown.get(known.family, ()), one.metric)
        return shown

    @property
    def duration(self) -> timedelta:
        """From its opening to its end; zero before either."""
        if self.opened_at is None or self.resolved_at is None:
            return timedelta(0)
        return self.resolved_at - self.opened_at


@dataclass(frozen=True, slots=True)
class Withheld:
    """Why no sink is notified of an incident for now.

    Attributes:
        reason: Its name.
        detail: Which silence, or which incident.
        until: When the wait is over, of ``quiet_hours`` and ``not_yet``.
    """

    reason: WithheldReason
    detail: str = ""
    until: datetime | None = None

    def __str__(self) -> str:
        """As exports show it: ``silenced_by: works``, ``not_yet: 2026-03-02T10:00:00+00:00``, ``no_route``."""
        detail = self.detail if self.until is None else self.until.isoformat()
        return f"{self.reason}: {detail}" if detail else self.reason


def withheld_detail(withheld: Withheld | None) -> dict[str, Json]:
    """What an event of kind ``withheld`` says; None: that the incident is withheld no longer.

    >>> withheld_detail(Withheld("silenced_by", "works"))
    {'reason': 'silenced_by', 'detail': 'works', 'until': None}
    """
    if withheld is None:
        return {"reason": None, "detail": None, "until": None}
    until = None if withheld.until is None else withheld.until.isoformat()
    return {"reason": withheld.reason, "detail": withheld.detail or None, "until": until}


def withheld_from(detail: Mapping[str, Any]) -> Withheld | None:
    """The reason that the detail of an event of kind ``withheld`` says, if it says one."""
    if detail["reason"] is None:
        return None
    until = None if detail["until"] is None else datetime.fromisoformat(detail["until"])
    return Withheld(detail["reason"], detail["detail"] or "", until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """What people are notified of: one cause with its alerts as children.

    Attributes:
        incident_id: Stable name of this occurrence; thread, ticket and page hang on it.
        fingerprint: The cause's: ``cause_fingerprint`` of ``analysis.incidents`` (the table) where it is one.
        scope: site or infrastructure.
        family: Metric family of the cause, '' where it has several.
        cause: In words; hostile where rendered.
        attribute: What its sites share ('site' for one site's own, 'storm' where only the moment).
        value: The shared value.
        state: open, acknowledged, resolved, or merged (its alerts went to the incident ``merged_into``).
        alert_ids: Its alerts, in the order in which they joined.
        opened_at: When it was made.
        began_at: When the first of its alerts began.
        last_bad_at: End of the last bad hour of its alerts; None while one goes on.
        last_joined_at: When an alert last joined.
        asks_since: Since when it asks for a person: its opening, its last reopening, when it grew worse than what was
            acknowledged, or when the acknowledgement was taken back.
        version: Number of its last event.
        merged_into: Where its alerts went.
        acknowledged_at: When a person took it.
        acknowledged_by: Who.
        acknowledged_severity: How bad it was then; a rise above it asks for a person anew.
        resolved_at: When the last alert was over.
        withheld: Why no sink was notified of it; None if one was, or if there was nothing to notify of.
    """

    incident_id: str
    fingerprint: str
    scope: Scope
    family: str
    cause: str
    attribute: str
    value: str
    state: IncidentState
    alert_ids: tuple[str, ...]
    opened_at: datetime
    last_joined_at: datetime
    asks_since: datetime
    version: int
    merged_into: str | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    acknowledged_severity: Severity | None = None
    resolved_at: datetime | None = None
    began_at: datetime | None = None
    last_bad_at: datetime | None = None
    withheld: Withheld | None = None

    @property
    def is_active(self) -> bool:
        """Whether it is open or acknowledged."""
        return self.state in ACTIVE
