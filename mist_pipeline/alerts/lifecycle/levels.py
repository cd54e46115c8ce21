"""Whether an alert that goes on has become much worse: two hours that are far above the worst two hours since it opened.

A sudden outage on top of trouble that creeps cannot make a critical alert more severe, and what blames the same classifier gets no
alert of its own. So every alert remembers how bad the worst two hours of each of its series were, and what is far above that is told.
A trouble follows the rush of the day: it has shown how bad it is by itself once it is two days old, and nothing counts as worse before.

>>> known = {"capacity/interference": 18.0}
>>> now = Level("capacity", "interference", 61.4, is_notable=True)
>>> is_far_above(now, known, Policy()), is_far_above(now, {"capacity/interference": 40.0}, Policy()), is_far_above(now, {}, Policy())
(True, False, False)

Not here: what follows for the alert (`lifecycle`), who hears of it (``notify``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from mist_pipeline.alerts.lifecycle.model import Alert, Series
from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.alerts.lifecycle.seen import MOMENT, Array, PolarsType, numbered
from mist_pipeline.alerts.lifecycle.signals import Key

_DIGITS = 1
"""Tenths of a point: the same hours give the same level, whatever was summed up with them."""

_LEVEL: Mapping[str, PolarsType] = {
    **dict.fromkeys(("site_id", "family", "metric", "classifier"), pl.String),
    "level_pct": pl.Float64,
    "is_notable": pl.Boolean,
}


@dataclass(frozen=True, slots=True)
class Level:
    """How bad the newest two hours of a series were.

    Attributes:
        metric: Service level.
        classifier: What the cloud blames; '' for the whole metric.
        level_pct: Degraded share of the user-minutes.
        is_notable: These two hours alone would raise an alert.
    """

    metric: str
    classifier: str
    level_pct: float
    is_notable: bool

    @property
    def name(self) -> str:
        """As an alert remembers the series."""
        return f"{self.metric}/{self.classifier}"


@dataclass(frozen=True)
class Levels:
    """The levels that some moments know.

    Attributes:
        places: Site and family → its rows, in order of time.
        moments: Of each row its moment.
        rows: metric, classifier, level_pct, is_notable.
    """

    places: Mapping[tuple[Any, ...], tuple[int, int]]
    moments: Array
    rows: pl.DataFrame

    @classmethod
    def of(cls, frames: Sequence[pl.DataFrame | None]) -> "Levels":
        """From the frames of moments, as of ``EvaluationInput.levels``; None is as without any."""
        rows = numbered(frames, _LEVEL).filter(pl.col("level_pct").is_finite())
        rows = rows.sort("site_id", "family", MOMENT, "metric", "classifier").with_row_index("row")
        of_place = rows.group_by("site_id", "family", maintain_order=True).agg(
            pl.col("row").first(), n=pl.len()
        )
        return cls(
            {(site_id, family): (row, row + n) for site_id, family, row, n in of_place.iter_rows()},
            rows[MOMENT].to_numpy(),
            rows.select("metric", "classifier", pl.col("level_pct").round(_DIGITS), "is_notable"),
        )

    def of_trouble(
        self, moment: int, key: Key, series: Iterable[Series], families: Mapping[str, str]
    ) -> Iterator[Level]:
        """Levels of what blames what a trouble blames, in its family and those of its parts.

        Args:
            moment: When.
            key: Site and family of the trouble.
            series: What it is about.
            families: Metric → family.
        """
        site_id, own = key
        blamed = {one.classifier for one in series}
        for family in dict.fromkeys((own, *(families.get(one.metric, own) for one in series))):
            first, end = self.places.get((site_id, family), (0, 0))
            row, last = (
                first + int(self.moments[first:end].searchsorted(moment, side)) for side in ("left", "right")
            )
            for metric, classifier, level_pct, is_notable in self.rows[row:last].iter_rows():
                if classifier in blamed:
                    yield Level(metric, classifier, level_pct, bool(is_notable))


def far_above(alert: Alert, levels: Iterable[Level], at: datetime, policy: Policy) -> Level | None:
    """What of an alert has become much worse; of several the worst."""
    since = max(alert.opened_at or at, alert.pending_since)
    if at - since < policy.worse_after:
        return None
    found = [one for one in levels if is_far_above(one, alert.levels, policy)]
    return max(found, key=lambda one: (one.level_pct, one.name), default=None)


def is_far_above(level: Level, known: Mapping[str, float], policy: Policy) -> bool:
    """Whether two hours are far above the worst two hours of their series before; where none are known, they are not."""
    before = known.get(level.name)
    if before is None or not level.is_notable:
        return False
    return level.level_pct >= policy.worse_share * before + policy.worse_pct


def risen(known: Mapping[str, float], levels: Iterable[Level]) -> dict[str, float]:
    """Series with a new worst level, and those seen for the first time."""
    return {one.name: one.level_pct for one in levels if one.level_pct > known.get(one.name, -1.0)}
