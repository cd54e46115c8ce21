"""The answers about the past, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo

from mist_pipeline.overview.past.ranges import Period

Values = tuple[float | None, ...]
"""One a slot of the range; None where nothing was measured."""


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """One day of a forecast, in percent."""

    day: date
    mean: float
    low_80: float
    high_80: float
    low_95: float
    high_95: float


@dataclass(frozen=True, kw_only=True)
class MetricPast:
    """One service level of one site.

    Attributes:
        metric: Its name.
        scores: In percent.
        usual_low: Lower ends of what is usual: of hours the 10th percentile of the same hour (of working days, or of
            weekends) in the 28 days before the range; of days mean − 2 σ of the 30 days before each.
        usual_high: Upper ends: the 90th percentile; mean + 2 σ.
        forecast: Days ahead, where the range is of days.
    """

    metric: str
    scores: Values
    usual_low: Values = ()
    usual_high: Values = ()
    forecast: Sequence[Ahead] = ()


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """Another site, and what connects it with this one.

    Attributes:
        site_id: It.
        why: In words.
    """

    site_id: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """An alert of the site, as a span of time.

    Attributes:
        metric: Service level, '' where it is about none.
        begin: When the trouble began.
        end: End of its last bad hour; None while it goes on.
        severity: The worst it was.
    """

    metric: str
    begin: datetime
    end: datetime | None
    severity: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """A configuration change that applies to the site.

    Attributes:
        at: When.
        words: What happened to what, safe to show after escaping.
    """

    at: datetime
    words: str


@dataclass(frozen=True, kw_only=True)
class SitePast:
    """One site over a range of time.

    Attributes:
        period: The range.
        trouble: Why not all of it could be read, '' if it could.
        metrics: Service levels in the order in which people are shown them.
        health: 0–100 by day; empty where the range is of hours.
        blamed: Metric → classifier → degraded user-minutes.
        clients: Most clients in a slot.
        lost: Most access points that were not connected.
        down: Devices of any kind that the last snapshot of a day showed as not connected; empty where the range is of hours.
        hit: Metric → most access points that one cause hit, by day; empty where the range is of hours.
        neighbours: Sites with the same cause, or that move together.
        troubles: Alerts of the site in this range.
        changes: Configuration changes that apply to it, in order of time.
        zone: Of the site.
    """

    period: Period
    zone: tzinfo = UTC
    troubles: Sequence[Trouble] = ()
    trouble: str = ""
    metrics: Sequence[MetricPast] = ()
    health: Values = ()
    blamed: Mapping[str, Mapping[str, Values]] = field(default_factory=dict)
    clients: Values = ()
    lost: Values = ()
    down: Values = ()
    hit: Mapping[str, Values] = field(default_factory=dict)
    neighbours: Sequence[Neighbour] = ()
    changes: Sequence[Change] = ()
