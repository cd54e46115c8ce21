"""The weekly search for each series' ARIMA order, spread over the days: ``history.sle_daily`` to ``analysis.models``.

Here: which series are due, the search, its backtest. Not here: the daily forecast that uses its result (`forecast`).
What is stored is an order and its coefficients, never a fitted object: ``params`` is JSON ``{"ar": [..], "ma": [..]}`` on
the logit scale after weekday adjustment. The two ``backtest_*error_pct`` are mean absolute errors in points over
``backtest_n`` forecasts of 1–7 days made on the last 14 days by a model that knew only the days before them; ``*_mase``
divide them by the mean |y_t − y_{t−7}| of those earlier days. Where ``fallback`` says why nothing could be searched, p, q
and params are null.

Point in time: a row of day D is a function of the 13 weeks up to D, and of nothing that was fitted before.

>>> search_weekday("site", "capacity") in range(7)
True
>>> fallback_reasons(np.array([[90.0, 91.0] * 20, [np.nan] * 39 + [90.0]])).tolist()  # series × days
['', 'short']
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from itertools import product

import numpy as np
import polars as pl

from mist_pipeline.analysis.forecasts.arima_filter import MAX_ORDER, Filtered, fit, kalman
from mist_pipeline.analysis.forecasts.models import ORIGINS, ljung_box_p
from mist_pipeline.analysis.forecasts.series import daily_series, to_logit, to_percent
from mist_pipeline.analysis.stats.arrays import Flags, Floats, Ints, Texts
from mist_pipeline.analysis.stats.parallel import LOCAL, Compute, Progress, parallel_map, slices
from mist_pipeline.analysis.stats.weekday import weekday_effects
from mist_pipeline.tables.analysis import MODELS

WINDOW_DAYS = 91
"""Thirteen weeks: what both search and forecast use."""

MIN_READINGS = 28
"""Fewer readings than this cannot tell nine orders apart."""

MIN_SHARE = 0.5
"""Share of days with a reading, since the first one, under which an ARIMA is not tried."""

BACKTEST_DAYS = 14
BACKTEST_HORIZON = 7
ORDERS = tuple(product(range(MAX_ORDER + 1), repeat=2))
PREFERRED = (1, 1)
LEAD = 2.0
"""Any other order must lead ARIMA(1, 1, 1) by two units of AICc, less is no difference (Burnham & Anderson, 2002, 2.6)."""

FINALISTS = 2
FINALIST_GAP = 0.5
"""A second order is worth a longer fit only this close in AICc."""

SEARCH_ITERATIONS = 40
"""Further steps of finalists. On 100 simulated series pmdarima's optimiser led by .3 of AICc at most after 20, by .04 after 40."""

CHUNK = 1000
"""Series in a batch: 1,000 cost four times the seconds of 24, and more at once do not fit into the processor's cache."""


def search_weekday(site_id: str, metric: str) -> int:
    """The weekday (0 = Monday) on which a series is searched: a hash, the same on every machine and for ever."""
    digest = blake2b(f"{site_id}\x1f{metric}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % 7


@dataclass(frozen=True)
class Found:
    """What the search of a chunk found, a row a series."""

    order: Ints
    ar: Floats
    ma: Floats
    sigma2: Floats
    aicc: Floats
    ljung_box_p: Floats
    error: Floats
    naive_error: Floats
    naive_scale: Floats
    compared: Ints

    @classmethod
    def empty(cls, n: int) -> "Found":
        """Nothing found yet: infinitely bad, to be written over."""

        def floats(fill: float = np.nan) -> Floats:
            return np.full(n, fill)

        return cls(
            order=np.zeros((n, 2), dtype=np.int64),
            ar=np.zeros((n, MAX_ORDER)),
            ma=np.zeros((n, MAX_ORDER)),
            sigma2=floats(),
            aicc=floats(np.inf),
            ljung_box_p=floats(),
            error=floats(),
            naive_error=floats(),
            naive_scale=floats(),
            compared=np.zeros(n, dtype=np.int64),
        )


def search_orders(
    sle_daily: pl.DataFrame,
    days: Sequence[date],
    *,
    only_due: bool = True,
    compute: Compute = LOCAL,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Search the order of every series that is due on each of ``days``, as if the search had run at the end of that day.

    All nine orders (p, q ≤ 2; d = 1) are fitted to all series of all days at once by exact likelihood. The two with the smallest
    AICc (one, where it leads clearly; ARIMA(1, 1, 1) unless another leads it by two) are fitted on from those
    coefficients, and the better is stored; tests compare with pmdarima's optimiser. d is not tested for: models without a difference revert to an old level
    and promise far too narrow intervals on a series that degrades.

    Args:
        sle_daily: ``history.sle_daily`` of at least the 13 weeks before each day where they exist.
        days: The days whose ends the searches know; of each, later rows are ignored.
        only_due: Search only the series whose weekday it is (``search_weekday``); False searches all, for the first
            run of an organisation.
        compute: Where the work runs.
        progress: Called with (done, total) after every chunk.

    Returns:
        ``analysis.models`` of those days, sorted by key.
    """
    work = [_due(sle_daily, day, only_due=only_due) for day in days]
    if not work:
        return MODELS.empty()
    z = np.concatenate([due.z for due in work])
    pieces = slices(len(z), CHUNK)
    found = parallel_map(
        search_chunk,
        [z[piece] for piece in pieces],
        [piece.stop - piece.start for piece in pieces],
        compute,
        what="order search",
        progress=progress,
    )
    keys = pl.concat([due.keys for due in work]).with_row_index("row")
    is_usable = np.concatenate([due.is_usable for due in work])
    return _table(keys, np.flatnonzero(is_usable), found)


@dataclass(frozen=True)
class _Due:
    """What is to be searched as of one day.

    Attributes:
        keys: site_id, metric, day, n, fallback, a row a series.
        is_usable: (n,) which of them an ARIMA is for.
        z: (usable, 91) these on the logit scale.
    """

    keys: pl.DataFrame
    is_usable: Flags
    z: Floats


def _due(sle_daily: pl.DataFrame, day: date, *, only_due: bool) -> _Due:
    known = daily_series(sle_daily, day, WINDOW_DAYS)
    due = np.array(
        [
            not only_due or search_weekday(site, metric) == day.weekday()
            for site, metric in known.keys.iter_rows()
        ],
        dtype=bool,
    )
    score = known.score[due]
    reasons = fallback_reasons(score)
    keys = known.keys.filter(pl.Series(due)).with_columns(
        pl.lit(day).alias("day"),
        pl.Series("n", known.count[due], dtype=pl.Int64),
        pl.Series("fallback", reasons.tolist(), dtype=pl.String).replace("", None),
    )
    is_usable = np.asarray(reasons == "")
    return _Due(keys, is_usable, to_logit(score[is_usable]))


def fallback_reasons(score: Floats) -> Texts:
    """Why an ARIMA is not for a series, '' where it is: ``short``, ``gaps``, ``constant``."""
    seen = ~np.isnan(score)
    count = seen.sum(axis=1)
    span = score.shape[1] - seen.argmax(axis=1)
    filled = np.where(seen, score, -np.inf).max(axis=1, initial=-np.inf)
    lowest = np.where(seen, score, np.inf).min(axis=1, initial=np.inf)
    return np.select(
        [count < MIN_READINGS, count < MIN_SHARE * span, filled - lowest < 1e-9],
        ["short", "gaps", "constant"],
        "",
    )


def search_chunk(z: Floats) -> Found:
    """Orders, coefficients and backtests of series (n, t) on the logit scale; they may end on different days."""
    n = len(z)
    # A search needs to know which days share a weekday, and not which weekday that is.
    weekday = np.arange(z.shape[1]) % 7
    effects = weekday_effects(z, weekday).effect
    series = z - effects[:, weekday]
    screened: list[tuple[Floats, Floats, Filtered]] = []
    for p, q in ORDERS:
        ar, ma = fit(series, p, q)
        screened.append((ar, ma, kalman(series, ar, ma)))
    aicc = np.stack([filtered.aicc(p + q) for (p, q), (_, _, filtered) in zip(ORDERS, screened, strict=True)])
    aicc += np.array([0.0 if order == PREFERRED else LEAD for order in ORDERS])[:, None]
    rank = np.argsort(np.argsort(aicc, axis=0, kind="stable"), axis=0, kind="stable")
    is_finalist = (rank < FINALISTS) & (aicc <= aicc.min(axis=0) + FINALIST_GAP)
    best = Found.empty(n)
    for k, (p, q) in enumerate(ORDERS):
        ar, ma, _ = screened[k]
        rows = np.flatnonzero(is_finalist[k])
        _keep_better(best, rows, (p, q), ar[rows], ma[rows], kalman(series[rows], ar[rows], ma[rows]))
        if p + q == 0 or not rows.size:
            continue
        ar, ma = fit(series[rows], p, q, start=(ar[rows], ma[rows]), iterations=SEARCH_ITERATIONS)
        _keep_better(best, rows, (p, q), ar, ma, kalman(series[rows], ar, ma))
    best.error[:], best.naive_error[:], best.naive_scale[:], best.compared[:] = _backtest(
        z, weekday, best.order
    )
    return best


def _keep_better(
    best: Found, rows: Ints, order: tuple[int, int], ar: Floats, ma: Floats, filtered: Filtered
) -> None:
    """Write these candidates into ``best`` where their AICc is better than what stands there, by ``LEAD`` if need be."""
    p, q = order
    aicc = filtered.aicc(p + q)
    standing = best.aicc[rows] + np.where((best.order[rows] == PREFERRED).all(axis=1), 0.0, LEAD)
    better = aicc + (0.0 if order == PREFERRED else LEAD) < standing
    at = rows[better]
    best.order[at] = order
    best.aicc[at], best.sigma2[at] = aicc[better], filtered.sigma2[better]
    best.ar[at], best.ma[at] = 0.0, 0.0
    best.ar[at, :p], best.ma[at, :q] = ar[better], ma[better]
    best.ljung_box_p[at] = ljung_box_p(filtered.innovation[better][:, -ORIGINS:])


def _backtest(z: Floats, weekday: Ints, order: Ints) -> tuple[Floats, Floats, Floats, Ints]:
    """Mean absolute errors in points of model and seasonal naive over the last days, both knowing only what was before.

    Weekday effects and coefficients come from the days before the backtest; the filter then takes in one day after the
    other without a refit, as in daily use.
    """
    n, days = z.shape
    past = z[:, : days - BACKTEST_DAYS]
    effects = weekday_effects(past, weekday[: days - BACKTEST_DAYS]).effect
    target = days - BACKTEST_DAYS + np.arange(BACKTEST_DAYS)[:, None] + np.arange(BACKTEST_HORIZON)[None, :]
    inside = target < days
    at = np.minimum(target, days - 1)
    forecast = np.full((n, BACKTEST_DAYS, BACKTEST_HORIZON), np.nan)
    for p, q in np.unique(order, axis=0):
        rows = (order == (p, q)).all(axis=1)
        series = z[rows] - effects[rows][:, weekday]
        ar, ma = fit(series[:, : days - BACKTEST_DAYS], int(p), int(q))
        # An origin is the day before its first target.
        filtered = kalman(series[:, :-1], ar, ma, horizon=BACKTEST_HORIZON, origins=BACKTEST_DAYS)
        forecast[rows] = filtered.origins + effects[rows][:, weekday[at]]
    score = to_percent(z)
    actual = np.where(inside, score[:, at], np.nan)
    naive = score[:, at - 7]
    both = ~np.isnan(actual) & ~np.isnan(naive) & ~np.isnan(forecast)
    compared = both.sum(axis=(1, 2))
    share = np.maximum(compared, 1)
    error = np.where(both, np.abs(to_percent(forecast) - actual), 0.0).sum(axis=(1, 2)) / share
    naive_error = np.where(both, np.abs(naive - actual), 0.0).sum(axis=(1, 2)) / share
    weekly = np.abs(score[:, 7 : days - BACKTEST_DAYS] - score[:, : days - BACKTEST_DAYS - 7])
    weeks = (~np.isnan(weekly)).sum(axis=1)
    scale = np.where(weeks > 0, np.nansum(weekly, axis=1) / np.maximum(weeks, 1), np.nan)
    return error, naive_error, scale, compared


def _table(base: pl.DataFrame, usable: Ints, found: list[Found]) -> pl.DataFrame:
    """The rows of ``analysis.models``: searched series and those that could not be."""
    if not found:
        return base.select(
            *(
                pl.col(c) if c in base.columns else pl.lit(None, dtype=t).alias(c)
                for c, t in MODELS.polars_schema().items()
            )
        ).sort(MODELS.key)
    order = np.concatenate([f.order for f in found])
    ar, ma = np.concatenate([f.ar for f in found]), np.concatenate([f.ma for f in found])
    params = [
        json.dumps({"ar": a[:p].tolist(), "ma": m[:q].tolist()})
        for (p, q), a, m in zip(order, ar, ma, strict=True)
    ]
    scale = pl.Series(np.concatenate([f.naive_scale for f in found])).fill_nan(None)
    compared = pl.Series(np.concatenate([f.compared for f in found]))
    values = pl.DataFrame(
        {
            "row": pl.Series(usable, dtype=pl.UInt32),
            "p": order[:, 0],
            "d": np.ones(len(order), dtype=np.int64),
            "q": order[:, 1],
            "params": params,
            "sigma2": np.concatenate([f.sigma2 for f in found]),
            "aicc": np.concatenate([f.aicc for f in found]),
            "ljung_box_p": pl.Series(np.concatenate([f.ljung_box_p for f in found])).fill_nan(None),
            "backtest_error_pct": np.concatenate([f.error for f in found]),
            "backtest_naive_error_pct": np.concatenate([f.naive_error for f in found]),
            "backtest_n": compared,
            "scale": scale,
        }
    ).with_columns(
        pl.when(pl.col("backtest_n") > 0).then(pl.col("backtest_error_pct", "backtest_naive_error_pct")),
        pl.when(pl.col("scale") > 0).then(pl.col("scale")).alias("scale"),
    )
    return (
        base.join(values, on="row", how="left", maintain_order="left")
        .with_columns(
            (pl.col("backtest_error_pct") / pl.col("scale")).alias("backtest_mase"),
            (pl.col("backtest_naive_error_pct") / pl.col("scale")).alias("backtest_naive_mase"),
        )
        .select(pl.col(c).cast(t) for c, t in MODELS.polars_schema().items())
        .sort(MODELS.key)
    )
