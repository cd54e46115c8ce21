"""From the table of daily scores to arrays that a forecaster can work on, and back to percent.

Here: the dense matrix (series × days) of ``history.sle_daily`` and the logit scale. Not here: weekday effects
(``stats.weekday``), models (`arima_filter`), forecasts (`forecast`) and risks (``risks``), which both start from it.

>>> rows = pl.DataFrame({"day": [date(2026, 3, 3)], "site_id": "a", "metric": "capacity", "score_pct": 50.0, "state": "ok"})
>>> known = daily_series(rows, date(2026, 3, 3), window_days=3)
>>> known.score, to_logit(known.score), known.age
(array([[nan, nan, 50.]]), array([[nan, nan,  0.]]), array([0]))
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from mist_pipeline.analysis.stats.arrays import Floats, Ints, Texts
from mist_pipeline.analysis.stats.day_grid import DayGrid
from mist_pipeline.analysis.stats.weekday import weekdays

KEY = ("site_id", "metric")

CLIP_PCT = 0.05
"""Distance that scores keep from 0 and 100 % on the logit scale."""


@dataclass(frozen=True)
class DailySeries:
    """Daily scores of many series over one span of days, in the order of their keys.

    Attributes:
        keys: ``site_id`` and ``metric`` of every row, sorted.
        day: The last day.
        score: (n, t) percent, NaN where the state is not ``ok``.
        users: (n, t) users of that day, NaN where unknown.
        last_state: (n,) the newest state within the span.
    """

    keys: pl.DataFrame
    day: date
    score: Floats
    users: Floats
    last_state: Texts

    def __len__(self) -> int:
        return self.keys.height

    @property
    def weekdays(self) -> Ints:
        """(t,) weekday of every column, 0 = Monday."""
        return weekdays(self.day, self.score.shape[1])

    @property
    def count(self) -> Ints:
        """(n,) number of days with a score."""
        return np.asarray((~np.isnan(self.score)).sum(axis=1))

    @property
    def age(self) -> Ints:
        """(n,) days since the newest score: 0 if the last day has one, the length of the span if none has."""
        newest_first = ~np.isnan(self.score[:, ::-1])
        first = newest_first.argmax(axis=1)
        return np.asarray(np.where(newest_first.any(axis=1), first, self.score.shape[1]), dtype=np.int64)


def daily_series(sle_daily: pl.DataFrame, day: date, window_days: int) -> DailySeries:
    """The last ``window_days`` days up to ``day`` as arrays; later rows are ignored.

    Series whose newest state is ``not_supported`` and series without any row in the span are left out.

    Args:
        sle_daily: ``history.sle_daily``: day, site_id, metric, score_pct, state, and num_users if known.
        day: The last day of the span.
        window_days: Length of the span.

    Raises:
        ValueError: A (day, site_id, metric) occurs twice.
    """
    first = day - timedelta(days=window_days - 1)
    users = pl.col("num_users") if "num_users" in sle_daily.columns else pl.lit(None)
    rows = sle_daily.filter(pl.col("day").is_between(first, day)).select(
        "day",
        *KEY,
        "state",
        score=pl.when(pl.col("state") == "ok").then(pl.col("score_pct").cast(pl.Float64).clip(0.0, 100.0)),
        users=users,
    )
    newest = rows.group_by(KEY).agg(last_state=pl.col("state").sort_by("day").last())
    kept = newest.filter(pl.col("last_state") != "not_supported").sort(KEY)
    grid = DayGrid.over(rows.join(kept, on=KEY, how="semi"), KEY, first, day)
    score = grid.matrix(pl.col("score"))
    score[~np.isfinite(score)] = np.nan
    last_state = kept["last_state"].to_numpy().astype(np.str_)
    return DailySeries(grid.keys, day, score, grid.matrix(pl.col("users")), last_state)


def to_logit(score_pct: Floats) -> Floats:
    """Percent to log odds, with [0, 100] squeezed into [0.05, 99.95] first so that both ends stay finite."""
    share = (CLIP_PCT + score_pct * (1 - 2 * CLIP_PCT / 100)) / 100
    return np.asarray(np.log(share / (1 - share)))


def to_percent(logit: Floats) -> Floats:
    """The inverse of ``to_logit``, inside [0, 100]."""
    share = 100 / (1 + np.exp(-np.clip(logit, -50, 50)))
    return np.asarray(np.clip((share - CLIP_PCT) / (1 - 2 * CLIP_PCT / 100), 0.0, 100.0))
