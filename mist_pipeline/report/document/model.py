"""The document that every report is rendered from: the JSON dashboard, version 2.

Plain dictionaries of JSON values, so that what machines read and what people see cannot differ. Fields and units are
described for readers in docs/report.md; a change that breaks readers raises `SCHEMA_VERSION`.
"""

from typing import TypedDict

from mist_pipeline.domain.severity import TROUBLE, status_of
from mist_pipeline.report.document.incident_model import Ledger, PastIncident, Series

SCHEMA = "mist-pipeline/dashboard"
SCHEMA_VERSION = 2

STATUSES = tuple(status_of(severity) for severity in (*TROUBLE, None, "info"))
"""Every status in the order in which a reader needs them: what is not known comes before what is well."""

STATES = ("ok", "no_users", "not_supported", "missing", "not_asked")
"""Every state of a reading; ``not_asked`` stands for a row that is absent."""


class Reading(TypedDict):
    """One metric of one site on the day."""

    metric: str
    score_pct: float | None
    severity: str | None
    state: str
    num_users: int | None
    indicator: str | None
    change_pct: float | None
    velocity_pct_per_day: float | None


class Health(TypedDict):
    """Health of one site on the day."""

    score: float | None
    change: float | None
    confidence: float | None
    is_at_risk: bool | None


class Site(TypedDict):
    """One site on the day; histories have a value for each of the document's ``days``.

    ``history`` is the worst score with a severity of each day, ``health_history`` its health (None where not computed).
    """

    site_id: str
    name: str | None
    label: str
    url: str | None
    status: str
    previous_status: str | None
    reason: str
    health: Health | None
    metrics: list[Reading]
    history: Series
    health_history: Series | None


class Attention(TypedDict):
    """A site that needs attention, and why."""

    site_id: str
    label: str
    url: str | None
    status: str
    metric: str | None
    score_pct: float | None
    num_users: int | None
    indicator: str | None
    change_pct: float | None
    reason: str
    notes: list[str]
    cause_fingerprint: str | None
    incident_id: str | None
    threshold_pct: float
    history: Series


class TrendDay(TypedDict):
    """One day of a seven-day line."""

    day: str
    day_number: int
    score_pct: float | None
    status: str
    indicator: str | None
    is_alert: bool
    text: str


class Trend(TypedDict):
    """A series that gets worse, with its last seven days."""

    site_id: str
    label: str
    url: str | None
    metric: str
    score_pct: float | None
    change_pct: float | None
    velocity_pct_per_day: float | None
    alert: str | None
    line: list[TrendDay]


class ForecastDay(TypedDict):
    """One day ahead."""

    day: str
    mean_pct: float
    lower_pct: float
    upper_pct: float
    lower_80_pct: float
    upper_80_pct: float


class SiteChange(TypedDict):
    """A configuration change of a site: its day, and what was changed in words with names that people typed."""

    day: str
    what: str


class AtRisk(TypedDict):
    """A series that is expected to cross a threshold.

    ``courses`` are equally likely courses of its level over the next days, those that fall deepest first; ``forecast``
    is the middle one with the ranges that hold 80 and 95 % of them. ``crosses_on`` is the day of the median crossing. Where it
    ``is_withheld`` nobody was warned, because forecasts of the series have been worse than the mean of its weekday.
    """

    site_id: str
    label: str
    url: str | None
    metric: str
    threshold: str
    threshold_pct: float | None
    days: float | None
    days_low: float | None
    days_high: float | None
    probability: float | None
    sentence: str
    why: list[str]
    crosses_on: str | None
    is_soon: bool
    is_withheld: bool
    history: Series
    changes: list[SiteChange]
    forecast: list[ForecastDay]
    courses: list[list[float]]


class Share(TypedDict):
    """A metric's share in something."""

    metric: str
    share: float


class Anomaly(TypedDict):
    """A site that behaves unlike itself and its peers in all its metrics together."""

    site_id: str
    label: str
    url: str | None
    status: str
    anomaly_score: float | None
    contributions: list[Share]
    deviations: list[str]


class FarFromUsual(TypedDict):
    """A site of which single scores are far from usual, the farthest first."""

    site_id: str
    label: str
    url: str | None
    status: str
    deviations: list[str]


class CauseSite(TypedDict):
    """A site of a candidate cause."""

    site_id: str
    label: str
    url: str | None
    status: str


class CandidateCause(TypedDict):
    """A candidate cause: what several findings, or those of one site, have in common."""

    cause_fingerprint: str
    scope: str
    cause: str
    metrics: list[str]
    p_value: float | None
    num_sites: int
    sites: list[CauseSite]


class Classifier(TypedDict):
    """What the cloud blames for a metric, over all sites."""

    metric: str
    classifier: str
    title: str
    degraded_pct: float
    num_users: int | None
    num_aps: int | None
    impact_state: str | None
    num_sites: int
    num_sites_counted: int
    worst_site: str
    worst_site_id: str
    worst_pct: float


class UnknownReason(TypedDict):
    """Why some sites have no status."""

    reason: str
    num_sites: int


class Notice(TypedDict):
    """Something about the organisation or the pipeline itself."""

    kind: str
    severity: str | None
    summary: str


class Comparison(TypedDict):
    """The day against the newest day before it, over the sites that could be judged on both.

    ``verdict`` is ``worse``, ``better`` or ``same`` (see docs/report.md); null where nothing can be compared.
    """

    day: str | None
    verdict: str | None
    num_judged: int
    num_worse: int
    num_better: int


class Totals(TypedDict):
    """Counts over the whole organisation."""

    sites: int
    status: dict[str, int]
    previous_status: dict[str, int] | None
    readings: dict[str, int]
    mean_health: float | None
    mean_health_change: float | None
    at_risk_series: int | None
    degrading_series: int
    anomalies: int | None
    incidents: int | None


class Dashboard(TypedDict):
    """The whole document."""

    schema: str
    version: int
    organisation: str
    day: str
    as_of: str
    headline: str
    comparison: Comparison
    totals: Totals
    ledger: Ledger | None
    metrics: list[str]
    days: list[str]
    notices: list[Notice]
    attention: list[Attention]
    unknown: list[UnknownReason]
    past_incidents: list[PastIncident] | None
    incidents: list[CandidateCause] | None
    at_risk: list[AtRisk] | None
    scorecard: list[str]
    trends: list[Trend]
    sites: list[Site]
    anomalies: list[Anomaly] | None
    far_from_usual: list[FarFromUsual] | None
    classifiers: list[Classifier]
    status_by_day: list[dict[str, int | str]]
    thresholds: dict[str, dict[str, float]]
    links: dict[str, str | None]
