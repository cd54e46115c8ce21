"""What a site's day looked like, measured against what its days usually look like: the features of the forest.

Here: hourly service levels → one *shape* per day, site and metric → dense arrays → features that know how many users
stood behind a number and what is normal for that site, weekday and time of day. Not here: the forest, its schedule,
its budget and its explanations (`isolation_forest`), and the baselines that people read (``baselines``).

Shares of degraded time are measured on the arcsine scale, x = asin(√share): there the sampling variance of a share
seen by n users is 1/(4n) whatever the share (Anscombe, Biometrika 35, 1948), so that 5 % of four users and 5 % of four
hundred can stand in one column.

One day of a site with 10 users and 10 % degraded in each of its hours, as shape and as arrays (site, metric, day):

>>> hours = pl.datetime_range(datetime(2026, 3, 2), datetime(2026, 3, 2, 23), "1h", time_zone="UTC", eager=True)
>>> sle = pl.DataFrame({"hour": hours, "day": hours.dt.date(), "site_id": "a", "metric": "coverage", "state": "ok"}).with_columns(
...     score_pct=90.0, total_user_minutes=600.0, degraded_user_minutes=60.0
... )
>>> shapes = day_shapes(sle, pl.DataFrame({"site_id": ["a"], "timezone": ["UTC"]}))
>>> shapes.select(pl.col("user_hours", "share", "degraded_hours_5").round(3)).row(0)
(240.0, 0.1, 4.0)
>>> cube = shape_cube(shapes, date(2026, 3, 1), date(2026, 3, 2))
>>> cube.level.shape, cube.block_level.shape, cube.is_known
((1, 1, 2), (1, 1, 2, 6), array([[False,  True]]))
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from mist_pipeline.analysis.stats.arrays import Flags, Floats, Ints
from mist_pipeline.analysis.stats.day_grid import DayGrid
from mist_pipeline.analysis.stats.local_time import site_zones
from mist_pipeline.analysis.stats.robust import MAD_TO_STD, median
from mist_pipeline.analysis.stats.sample_size import MINUTES_PER_CLIENT

BLOCK_HOURS = 4
BLOCKS = 24 // BLOCK_HOURS
FEATURES = ("level", "change", "spread", "pattern")
"""The features of one metric; z-scores, bad side positive, good side cut at −1, then compressed by arcsinh."""

BEST = float(np.arcsinh(-1.0))
"""The smallest value of a feature: a day better than that is not more unusual."""

_SCALE_FLOOR = 0.01
"""Smallest noise believed in, on the arcsine scale: about 0.4 points at a score of 95."""
_WEEKDAY_PRIOR = 2.0
"""A weekday's own effect is shrunk by n / (n + 2): four Mondays are few."""


@dataclass(frozen=True)
class ShapeCube:
    """Shapes as dense arrays, NaN where there is no reading.

    Attributes:
        sites: Site ids, sorted.
        metrics: Metric names, sorted.
        first_day: The day of index 0 on the day axis; days follow without gaps.
        level: Arcsine share of the day, (site, metric, day).
        users: User-hours behind it, (site, metric, day).
        spread: Spread of the hours within the day, (site, metric, day).
        block_level: Arcsine share of each block of local hours, (site, metric, day, block).
        block_users: User-hours behind it, same shape.
        is_known: Whether any row, even without users, was recorded, (site, day).
    """

    sites: list[str]
    metrics: list[str]
    first_day: date
    level: Floats
    users: Floats
    spread: Floats
    block_level: Floats
    block_users: Floats
    is_known: Flags

    def index(self, day: date) -> int:
        """Position of a day on the day axis."""
        return (day - self.first_day).days


def day_shapes(
    sle_hourly: pl.DataFrame, sites: pl.DataFrame, site_hourly: pl.DataFrame | None = None
) -> pl.DataFrame:
    """One row per day, site and metric that says how the day's degradation was spread over its hours.

    Every day is independent of the others, so a long history can be given in pieces and the answers concatenated.

    Args:
        sle_hourly: hour (UTC), day, site_id, metric, score_pct, total_user_minutes, degraded_user_minutes, state.
        sites: site_id, timezone (IANA; null or unknown counts as UTC). Several days may be given; the newest wins.
        site_hourly: hour, site_id, num_clients. Where user-minutes are unknown, each client counts 60 of them;
            without clients, too, an hour counts as one user-hour.

    Returns:
        day, site_id, metric, user_hours, share (0–1, null without users), spread (weighted standard deviation of the
        hours' arcsine shares), and for each block b of four local hours user_hours_b and degraded_hours_b. Days that
        were asked for but had no users keep a row with user_hours 0.
    """
    hours = _usable_hours(sle_hourly, sites, site_hourly)
    block = pl.col("local_hour") // BLOCK_HOURS
    weight, x = pl.col("weight"), pl.col("x")
    per_block = [
        pl.when(block == b).then(pl.col(source)).otherwise(0.0).sum().alias(f"{name}_{b}")
        for b in range(BLOCKS)
        for source, name in (("weight", "user_hours"), ("degraded", "degraded_hours"))
    ]
    return (
        hours.group_by("day", "site_id", "metric")
        .agg(
            weight.sum().alias("user_hours"),
            pl.col("degraded").sum().alias("degraded_hours"),
            (weight * x).sum().alias("first_moment"),
            (weight * x * x).sum().alias("second_moment"),
            *per_block,
        )
        .with_columns(pl.when(pl.col("user_hours") > 0).then(pl.col("user_hours")).alias("n"))
        .with_columns(
            (pl.col("degraded_hours") / pl.col("n")).clip(0.0, 1.0).alias("share"),
            (pl.col("second_moment") / pl.col("n") - (pl.col("first_moment") / pl.col("n")) ** 2)
            .clip(lower_bound=0.0)
            .sqrt()
            .alias("spread"),
        )
        .drop("n", "degraded_hours", "first_moment", "second_moment")
        .sort("day", "site_id", "metric")
    )


def last_24_hours(
    sle_hourly: pl.DataFrame,
    sites: pl.DataFrame,
    as_of: datetime,
    zone: str = "UTC",
    site_hourly: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The shape of the 24 hours before ``as_of``, labelled with the day on which most of them fell.

    Appended to the shapes of earlier days (see ``with_live``), the live job uses the same function as the daily one.

    Args:
        sle_hourly: As for ``day_shapes``; hours outside [as_of − 24 h, as_of) are ignored.
        sites: As for ``day_shapes``.
        as_of: The instant of the evaluation, with a zone.
        zone: The organisation's zone, in which days are counted.
        site_hourly: As for ``day_shapes``.
    """
    label = (as_of - timedelta(hours=12)).astimezone(ZoneInfo(zone)).date()
    recent = sle_hourly.filter(
        pl.col("hour") >= as_of - timedelta(hours=24), pl.col("hour") < as_of
    ).with_columns(pl.lit(label, dtype=pl.Date).alias("day"))
    return day_shapes(recent, sites, site_hourly)


def with_live(shapes: pl.DataFrame, live: pl.DataFrame) -> pl.DataFrame:
    """Earlier days' shapes with the live ones in place of their own day and whatever is stored after it."""
    return pl.concat([shapes.filter(pl.col("day") < live["day"].min()), live], how="vertical")


def shape_cube(shapes: pl.DataFrame, first_day: date, last_day: date) -> ShapeCube:
    """Shapes of the days first_day … last_day as dense arrays; other days are ignored."""
    grid = DayGrid.over(shapes, ("site_id", "metric"), first_day, last_day)
    (site_ids, of_site), (metrics, of_metric) = (_numbered(grid.keys[name]) for name in ("site_id", "metric"))

    def dense(name: str) -> Floats:
        values = np.full((len(site_ids), len(metrics), grid.shape[1]), np.nan)
        values[of_site, of_metric] = grid.matrix(pl.col(name))
        return values

    users = dense("user_hours")
    block_users = np.stack([dense(f"user_hours_{b}") for b in range(BLOCKS)], axis=-1)
    block_degraded = np.stack([dense(f"degraded_hours_{b}") for b in range(BLOCKS)], axis=-1)
    has_users = block_users > 0
    block_share = np.divide(
        block_degraded, block_users, out=np.full_like(block_users, np.nan), where=has_users
    )
    return ShapeCube(
        sites=site_ids,
        metrics=metrics,
        first_day=first_day,
        level=np.arcsin(np.sqrt(dense("share"))),
        users=users,
        spread=dense("spread"),
        block_level=np.arcsin(np.sqrt(np.clip(block_share, 0.0, 1.0))),
        block_users=np.where(has_users, block_users, np.nan),
        is_known=np.asarray(np.isfinite(users).any(axis=1)),
    )


def _numbered(names: pl.Series) -> tuple[list[str], Ints]:
    """The distinct names, sorted, and the position of each row's name among them."""
    return names.unique().sort().to_list(), names.rank("dense").to_numpy().astype(np.int64) - 1


def features(cube: ShapeCube, days: Sequence[date], window_days: int, min_days: int) -> dict[date, Floats]:
    """Features of every site and metric on these days, each against the ``window_days`` before it and no others.

    Args:
        cube: Dense shapes that reach ``window_days`` before the first of the days.
        days: The days to describe.
        window_days: Length of the reference, whole weeks.
        min_days: Days with users that the reference needs before anything is said.

    Returns:
        For each day an array (site, metric, feature) in the order of ``FEATURES``; NaN where the metric had no
        users that day or too little history.
    """
    if window_days % 7:
        raise ValueError(f"window_days must be whole weeks, not {window_days}")
    blocks = _BlockReference.of(cube)
    return {day: _features_of_day(cube, blocks, cube.index(day), window_days, min_days) for day in days}


def _usable_hours(
    sle_hourly: pl.DataFrame, sites: pl.DataFrame, site_hourly: pl.DataFrame | None
) -> pl.DataFrame:
    """Hours with weight (user-hours), degraded (user-hours), x (arcsine share) and local_hour."""
    hours = sle_hourly.select(
        "hour",
        "day",
        "site_id",
        "metric",
        "score_pct",
        "total_user_minutes",
        "degraded_user_minutes",
        "state",
    )
    minutes = pl.col("total_user_minutes")
    if site_hourly is not None:
        hours = hours.join(
            site_hourly.select("hour", "site_id", pl.col("num_clients").cast(pl.Float64)).unique(
                subset=["hour", "site_id"], keep="any"
            ),
            on=["hour", "site_id"],
            how="left",
        )
        minutes = minutes.fill_null(MINUTES_PER_CLIENT * pl.col("num_clients"))
    is_ok = (pl.col("state") == "ok") & pl.col("score_pct").is_not_null()
    share = (1.0 - pl.col("score_pct") / 100.0).clip(0.0, 1.0)
    return (
        _with_local_hour(hours, sites)
        .with_columns(
            pl.when(is_ok).then(minutes.fill_null(60.0) / 60.0).otherwise(0.0).alias("weight"),
            pl.when(is_ok).then(share).otherwise(0.0).alias("share"),
        )
        .with_columns(
            (pl.col("weight") * pl.col("share")).alias("degraded"),
            pl.col("share").sqrt().arcsin().alias("x"),
        )
    )


def _with_local_hour(hours: pl.DataFrame, sites: pl.DataFrame) -> pl.DataFrame:
    """The hours with local_hour (0–23 on the site's own clock); one conversion per zone, not per row."""
    zones = site_zones(sites, hours["site_id"])
    instants = hours.select(pl.col("hour").unique())
    clocks = pl.concat(
        instants.with_columns(
            pl.lit(zone).alias("zone"),
            pl.col("hour").dt.convert_time_zone(zone).dt.hour().alias("local_hour"),
        )
        for zone in sorted({*zones["zone"], "UTC"})
    )
    return hours.join(zones, on="site_id", how="left", maintain_order="left").join(
        clocks, on=["hour", "zone"], how="left", maintain_order="left"
    )


@dataclass(frozen=True)
class _BlockReference:
    """Running sums over days of the blocks' levels, so that any window's mean and variance are two subtractions."""

    count: Floats
    total: Floats
    squares: Floats
    sampling: Floats

    @classmethod
    def of(cls, cube: ShapeCube) -> "_BlockReference":
        seen = np.isfinite(cube.block_level)
        x = np.where(seen, cube.block_level, 0.0)
        sampling = np.where(seen, 0.25 / np.where(seen, cube.block_users, 1.0), 0.0)

        def running(values: Floats) -> Floats:
            padded = np.zeros((*values.shape[:2], values.shape[2] + 1, values.shape[3]))
            np.cumsum(values, axis=2, out=padded[:, :, 1:])
            return padded

        return cls(running(seen.astype(np.float64)), running(x), running(x * x), running(sampling))

    def window(self, start: int, stop: int) -> tuple[Floats, Floats, Floats, Floats]:
        """Count, mean, variance and mean sampling variance of the days start … stop − 1."""
        count, total, squares, sampling = (
            sums[:, :, stop] - sums[:, :, start]
            for sums in (self.count, self.total, self.squares, self.sampling)
        )
        n = np.maximum(count, 1.0)
        mean = total / n
        return count, mean, np.maximum(squares / n - mean * mean, 0.0), sampling / n


def _features_of_day(
    cube: ShapeCube, blocks: _BlockReference, t: int, window_days: int, min_days: int
) -> Floats:
    """Features (site, metric, feature) of the day at index t."""
    start = t - window_days
    level = _window(cube.level, start, t)
    today = cube.level[:, :, t]
    seen = np.isfinite(level)
    count = seen.sum(axis=-1)
    is_mature = (count >= min_days) & np.isfinite(today)

    usual = median(level)
    weekday = _weekday_effect(level - usual[..., None])
    residual = level - usual[..., None] - np.tile(weekday, window_days // 7)
    users = _window(cube.users, start, t)
    usual_sampling = np.divide(
        np.where(seen, 0.25 / np.where(seen, users, 1.0), 0.0).sum(axis=-1), np.maximum(count, 1)
    )
    sampling = 0.25 / np.where(np.isfinite(today), cube.users[:, :, t], 1.0)
    noise = np.sqrt(np.maximum(_scale(residual) ** 2 - usual_sampling, _SCALE_FLOOR**2) + sampling)
    # Index 0 of the window is the same weekday as today, whole weeks before.
    excess = today - usual - weekday[..., 0]

    spread = _window(cube.spread, start, t)
    spread_noise = _scale(spread - median(spread)[..., None]) * np.sqrt(
        np.maximum(1.0, sampling / np.maximum(usual_sampling, 1e-12))
    )
    z = np.stack(
        [
            excess / noise,
            (excess - _latest(residual[..., -3:])) / (np.sqrt(2.0) * noise),
            (cube.spread[:, :, t] - median(spread)) / spread_noise,
            _pattern(cube, blocks, t, max(start, 0), min_days),
        ],
        axis=-1,
    )
    compressed = np.arcsinh(np.maximum(z, -1.0))
    # Sums over many rows may differ in their last bits between runs; a forest should not see that.
    return np.where(is_mature[..., None], np.round(compressed, 6), np.nan)


def _pattern(cube: ShapeCube, blocks: _BlockReference, t: int, start: int, min_days: int) -> Floats:
    """The worst block of local hours against the same hours of the reference (site, metric)."""
    count, mean, variance, usual_sampling = blocks.window(start, t)
    users = cube.block_users[:, :, t]
    sampling = 0.25 / np.where(users > 0, users, 1.0)
    noise = np.sqrt(np.maximum(variance - usual_sampling, (2.0 * _SCALE_FLOOR) ** 2) + sampling)
    z = np.where(count >= min_days, (cube.block_level[:, :, t] - mean) / noise, np.nan)
    return _nan_reduce(z)


def _window(values: Floats, start: int, stop: int) -> Floats:
    """The days start … stop − 1 of the last axis, NaN for days before the first day of the arrays."""
    if start >= 0:
        return values[..., start:stop]
    missing = np.full((*values.shape[:-1], -start), np.nan)
    return np.concatenate([missing, values[..., :stop]], axis=-1)


def _weekday_effect(residual: Floats) -> Floats:
    """Median residual of each position in the week, shrunk for its few weeks (…, 7); 0 where never seen."""
    weeks = np.moveaxis(residual.reshape(*residual.shape[:-1], -1, 7), -2, -1)
    count = np.isfinite(weeks).sum(axis=-1)
    effect = np.where(count > 0, median(weeks), 0.0)
    return np.asarray(effect * count / (count + _WEEKDAY_PRIOR))


def _scale(residual: Floats) -> Floats:
    """Robust standard deviation of the last axis, floored: a MAD of zero must not make everything a sensation."""
    centre = median(residual)
    mad = MAD_TO_STD * median(np.abs(residual - centre[..., None]))
    seen = np.isfinite(residual)
    n = np.maximum(seen.sum(axis=-1), 1)
    x = np.where(seen, residual, 0.0)
    std = np.sqrt(np.maximum((x * x).sum(axis=-1) / n - (x.sum(axis=-1) / n) ** 2, 0.0))
    return np.asarray(np.fmax(np.fmax(mad, 0.5 * std), _SCALE_FLOOR))


def _nan_reduce(values: Floats) -> Floats:
    """Largest finite value of the last axis, NaN where there are none."""
    largest = np.where(np.isfinite(values), values, -np.inf).max(axis=-1)
    return np.asarray(np.where(np.isfinite(largest), largest, np.nan))


def _latest(values: Floats) -> Floats:
    """The last finite value of the last axis, NaN where there are none."""
    seen = np.isfinite(values)
    position = values.shape[-1] - 1 - np.argmax(seen[..., ::-1], axis=-1)
    latest = np.take_along_axis(values, position[..., None], axis=-1)[..., 0]
    return np.asarray(np.where(seen.any(axis=-1), latest, np.nan))
