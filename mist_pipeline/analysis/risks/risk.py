"""When each level will be crossed: ``history.sle_daily`` and ``analysis.forecasts`` to ``analysis.risks``.

Here: noise and level of every series, thresholds, states, the row and the sentence that is made from it. Not here:
the hypotheses that compete to explain the last weeks (`change_points`), forecasts of the scores themselves
(``forecasts``), and what becomes of a risk (``findings``).

Point in time: rows of day D depend on ``sle_daily`` up to D and on the forecasts issued on D.

``state`` is ``already`` (the newest score, or the median of the last three, is under the threshold), ``crossing`` (it
will be, with at least ``RiskRules.min_probability`` within a week, and more by a decline that goes on than by chance),
``never`` or ``too_little_history``. ``probability`` is that of the
level lying under the threshold within seven days: 1 for ``already``, null without history. ``days`` is the median,
``days_low`` and ``days_high`` the 10 and 90 % points of the day of crossing, given that it happens within 14 days; null
unless crossing, 0 for ``already``. ``score_pct`` is the newest score, ``level_pct`` the level today without weekday and
noise, ``slope_pct_per_day`` where it is heading over the coming week, ``decline_probability`` how likely it is that a
decline goes on. ``is_pre_warning`` is set on ``critical`` rows only, and never while the last three scores rise: nobody
would believe it. ``courses_pct`` holds what the sentence was made of, for
rows of which anybody is warned: `COURSES` courses of the level over the next 14 days, one after the other.

Eight weeks at 95 %, then eight days that lose two points each:

>>> from datetime import timedelta
>>> days = [date(2026, 1, 1) + timedelta(days=back) for back in range(56)]
>>> score = [95.0 - 2 * max(0, at - 47) + at % 2 for at in range(56)]
>>> daily = pl.DataFrame({"day": days, "site_id": "a", "metric": "capacity", "score_pct": score, "state": "ok"})
>>> row = risks(daily, days[-1], rules=RiskRules(bands={})).row(0, named=True)
>>> row["severity"], row["state"], sentence(row)
('critical', 'crossing', 'approaching critical in 2–8 days at the current trend (79 %)')
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from mist_pipeline.analysis.forecasts.accuracy import WEEKDAY_MEAN
from mist_pipeline.analysis.forecasts.series import DailySeries, daily_series, to_logit
from mist_pipeline.analysis.risks.change_points import (
    COURSES,
    WINDOW_DAYS,
    Odds,
    Posterior,
    courses,
    crossed_by_day,
    explain,
    hypotheses,
    over_hypotheses,
    strayed,
)
from mist_pipeline.analysis.risks.horizon import LOOK_AHEAD_DAYS, WARNING_DAYS
from mist_pipeline.analysis.scores.bands import Bands
from mist_pipeline.analysis.stats.arrays import Flags, Floats, Ints, Texts
from mist_pipeline.analysis.stats.robust import MAD_TO_STD, median
from mist_pipeline.analysis.stats.weekday import weekday_effects, weekly_level
from mist_pipeline.domain.severity import TROUBLE
from mist_pipeline.tables.analysis import RISKS

NOISE_DAYS = 56
"""Days behind the estimates of noise and weekday effects."""

MIN_READINGS = 14
MAX_AGE_DAYS = 3
RECENT_READINGS = 3
MIN_NOISE_PCT = 0.3
MIN_SLOPE_PCT_PER_DAY = 0.05
"""A slope that is smaller reads as none."""

BLIP_SIGMAS = 3.5
CHUNK = 2000

WITHHELD = "; no warning, because forecasts of it have been worse than the mean of its weekday"
"""What a sentence ends with if the warning is withheld."""


@dataclass(frozen=True)
class RiskRules:
    """Thresholds, and when to warn.

    Attributes:
        bands: Severity bands of metrics that differ from ``default_bands``.
        default_bands: Those of all others.
        pre_warning_pct: Line by metric under which a level above critical that is heading down is warned of.
        forecast_days: A crossing of critical predicted within so many days is warned of whatever the level.
        min_probability: Probability from which a crossing counts as predicted.
        odds: What is expected of a series before looking at it.
    """

    bands: Mapping[str, Bands]
    default_bands: Bands = field(default_factory=Bands)
    pre_warning_pct: Mapping[str, float] | None = None
    forecast_days: int = 3
    min_probability: float = 0.3
    odds: Odds = field(default_factory=Odds)


def risks(
    sle_daily: pl.DataFrame, day: date, *, rules: RiskRules, forecasts: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Days until each threshold, as a range with a probability, for every series.

    Args:
        sle_daily: ``history.sle_daily`` of at least the last eight weeks where they exist; later rows are ignored.
        day: The day at whose end the crossing is predicted.
        rules: Thresholds and when to warn.
        forecasts: ``analysis.forecasts``; the rows issued on ``day`` say how far a level strays by itself. Without
            them it is taken to stay where the hypotheses put it.

    Returns:
        ``analysis.risks`` of that day, three rows a series (critical, major, warning), sorted by series.

    Raises:
        ValueError: ``sle_daily`` has a repeated key.
    """
    known = daily_series(sle_daily, day, NOISE_DAYS)
    if len(known) == 0:
        return RISKS.empty()
    wander = _wander(known, forecasts)
    metric = known.keys["metric"].to_list()
    bands = [rules.bands.get(name, rules.default_bands) for name in metric]
    thresholds = {
        "critical": np.array([b.critical for b in bands]),
        "major": np.array([b.major for b in bands]),
        "warning": np.array([b.warning for b in bands]),
    }
    tested = hypotheses(LOOK_AHEAD_DAYS, rules.odds)
    n = len(known)
    level, slope, declining = np.empty(n), np.empty(n), np.empty(n)
    reach = {name: np.empty((n, LOOK_AHEAD_DAYS)) for name in thresholds}
    by_decline = {name: np.empty(n) for name in thresholds}
    drawn: list[pl.DataFrame] = []
    adjusted, variance = noise(known)
    enough = (known.count >= MIN_READINGS) & (known.age <= MAX_AGE_DAYS)
    for start in range(0, n, CHUNK):
        rows = slice(start, min(start + CHUNK, n))
        posterior = explain(adjusted[rows], variance[rows], tested, rules.odds)
        level[rows], slope[rows], declining[rows] = posterior.level, posterior.slope, posterior.decline
        spread = strayed(posterior, wander[rows])
        for name, threshold in thresholds.items():
            by_day = crossed_by_day(posterior, threshold[rows], spread)
            reach[name][rows] = over_hypotheses(posterior.weight, by_day)
            going_on = over_hypotheses(posterior.weight * tested.is_trend, by_day)
            by_decline[name][rows] = going_on[:, WARNING_DAYS - 1]
        likely = np.max([reach[name][rows, WARNING_DAYS - 1] for name in thresholds], axis=0)
        may_be_told = (likely >= rules.min_probability) | (declining[rows] >= 0.5)
        told = start + np.flatnonzero(may_be_told & enough[rows] & (slope[rows] <= -MIN_SLOPE_PCT_PER_DAY))
        drawn.append(
            known.keys[told].with_columns(
                _courses(posterior, told - start, wander[told]).alias("courses_pct")
            )
        )
    last = _last_scores(known)
    newest, recent = last[:, -1], median(last)
    is_falling = slope <= -MIN_SLOPE_PCT_PER_DAY
    is_rising = (np.diff(last, axis=1) > 0).all(axis=1)
    lines = (rules.pre_warning_pct or {}).get
    line = np.array([lines(name, np.nan) for name in metric])
    tables = []
    for name, threshold in thresholds.items():
        already = (recent < threshold) | (newest < threshold)
        probability = reach[name][:, WARNING_DAYS - 1]
        coming = is_falling & (probability >= rules.min_probability) & (by_decline[name] >= probability / 2)
        state = np.select([~enough, already, coming], ["too_little_history", "already", "crossing"], "never")
        tables.append(
            _rows(known, name, threshold, reach[name], state).with_columns(
                pl.Series("score_pct", np.where(enough, newest, np.nan)).fill_nan(None),
                pl.Series("level_pct", np.where(enough, np.clip(level, 0, 100), np.nan)).fill_nan(None),
                pl.Series("slope_pct_per_day", np.where(enough, slope, np.nan)).fill_nan(None),
                pl.Series("decline_probability", np.where(enough, declining, np.nan)).fill_nan(None),
                pl.Series("line", line).fill_nan(None),
                pl.Series("is_seen_falling", is_falling & ~is_rising),
            )
        )
    is_told = pl.col("is_pre_warning") | (pl.col("state") == "crossing")
    return (
        pl.concat(tables)
        .join(pl.concat(drawn), on=["site_id", "metric"], how="left")
        .join(_losing(forecasts, day), on=["site_id", "metric"], how="left")
        .with_columns(_is_pre_warning(rules).alias("is_pre_warning"))
        .with_columns(
            pl.when(is_told).then("courses_pct"),
            is_withheld=is_told & pl.col("loses").fill_null(value=False),
        )
        .with_columns(is_pre_warning=pl.col("is_pre_warning") & ~pl.col("is_withheld"))
        .sort("site_id", "metric", pl.col("severity").cast(pl.Enum(TROUBLE)))
        .select(pl.col(c).cast(t) for c, t in RISKS.polars_schema().items())
    )


def _losing(forecasts: pl.DataFrame | None, day: date) -> pl.DataFrame:
    """Series whose forecast of the day is the mean of the weekday, because their model has been worse: site_id, metric, loses."""
    if forecasts is None:
        return pl.DataFrame(schema={"site_id": pl.String, "metric": pl.String, "loses": pl.Boolean})
    return (
        forecasts.filter((pl.col("day") == day) & (pl.col("model") == WEEKDAY_MEAN))
        .select("site_id", "metric", loses=pl.lit(value=True))
        .unique()
    )


def _courses(posterior: Posterior, chosen: Ints, wander: Floats) -> pl.Series:
    """The courses of the chosen series, to a hundredth of a point, each list one course after the other."""
    some = replace(
        posterior, weight=posterior.weight[chosen], mean=posterior.mean[chosen], sd=posterior.sd[chosen]
    )
    found = courses(some, wander, WARNING_DAYS).round(2).reshape(len(chosen), COURSES * LOOK_AHEAD_DAYS)
    return pl.Series(found, dtype=pl.Array(pl.Float64, found.shape[1])).cast(pl.List(pl.Float64))


def _is_pre_warning(rules: RiskRules) -> pl.Expr:
    """Above critical and seen to fall; and under the metric's line with a decline likelier than not, or soon critical."""
    is_under = (pl.col("level_pct") < pl.col("line")) & (pl.col("score_pct") < pl.col("line"))
    heading_down = is_under & (pl.col("decline_probability") >= 0.5)
    soon = (pl.col("state") == "crossing") & (pl.col("days_low") <= rules.forecast_days)
    above = pl.col("state").is_in(["crossing", "never"])
    return (
        (pl.col("severity") == "critical")
        & above
        & pl.col("is_seen_falling")
        & (heading_down.fill_null(value=False) | soon.fill_null(value=False))
    )


def noise(known: DailySeries) -> tuple[Floats, Floats]:
    """Scores without weekday effects and the variance of their noise, both (n, WINDOW_DAYS).

    Weekday effects are found on the logit scale, where they are additive at any level. The noise is the robust spread
    around the week, at least 0.3 points; larger where the level is lower (as p · (100 − p)), half of it larger with
    fewer users than usual (as 1 / users), and inflated by (1 + ρ) / (1 − ρ) for the autocorrelation of noise, ρ being
    the median over all series. A day that stands out from the three days on both sides by 3.5 standard deviations is a
    blip and left out; the last three days have no other side yet and are kept: the hypotheses explain them.
    """
    z = to_logit(known.score)
    effects = weekday_effects(z, known.weekdays).effect[:, known.weekdays]
    flat = known.score - _in_points(known.score, effects)
    around = weekly_level(flat)
    residual = flat - around
    # A week's mean takes a seventh of the variance of each of its days away.
    spread = np.maximum(MAD_TO_STD * np.nan_to_num(median(np.abs(residual))) * np.sqrt(7 / 6), MIN_NOISE_PCT)
    flexible = _percent_variance(around) / _percent_variance(median(flat))[:, None]
    usual = median(known.users)[:, None]
    crowd = np.where(np.isnan(known.users), 1.0, np.clip(usual / np.maximum(known.users, 1), 0.25, 6))
    variance = (spread**2)[:, None] * np.nan_to_num(np.clip(flexible, 0.7, 4), nan=1.0) * (0.5 + 0.5 * crowd)
    rho = _autocorrelation(residual)
    last = slice(-WINDOW_DAYS, None)
    kept = np.where(_is_blip(flat, variance)[:, last], np.nan, flat[:, last])
    return kept, variance[:, last] * (1 + rho) / (1 - rho)


def _in_points(score: Floats, effects: Floats) -> Floats:
    """What an effect on the logit scale does to a score, in points (first order, at the score itself)."""
    share = np.clip(score / 100, 0.0, 1.0)
    return effects * 100 * share * (1 - share)


def _percent_variance(level: Floats) -> Floats:
    bounded = np.clip(level, 1.0, 99.7)
    return np.asarray(bounded * (100 - bounded))


def _autocorrelation(residual: Floats) -> float:
    """Median lag-one autocorrelation of all series, corrected for the week that was taken away, between 0 and 0.6."""
    kept = np.nan_to_num(residual)
    power = (kept**2).sum(axis=1)
    some = power > 0
    if not some.any():
        return 0.0
    found = (kept[some, 1:] * kept[some, :-1]).sum(axis=1) / power[some]
    return float(np.clip(np.median(found) + 1 / 6, 0.0, 0.6))


def _is_blip(flat: Floats, variance: Floats) -> Flags:
    days = flat.shape[1]
    padded = np.pad(flat, ((0, 0), (3, 3)), constant_values=np.nan)
    beside = np.stack([padded[:, i : i + days] for i in (0, 1, 2, 4, 5, 6)], axis=-1)
    blip = np.abs(flat - median(beside)) > BLIP_SIGMAS * np.sqrt(variance)
    blip[:, -3:] = False
    return blip


def _wander(known: DailySeries, forecasts: pl.DataFrame | None) -> Floats:
    """(n, LOOK_AHEAD_DAYS) how far each level strays by itself: what the forecast's spread grows beyond the first day.

    sd_h = half the width of the 80 % interval / 1.2816; wander_h² = sd_h² − sd_1², the forecast's own random walk;
    beyond its horizon it grows on at the same rate a day. Zero for series without a forecast.
    """
    wander = np.zeros((len(known), LOOK_AHEAD_DAYS))
    if forecasts is None:
        return wander
    issued = forecasts.filter((pl.col("day") == known.day) & pl.col("mean_pct").is_not_null())
    placed = known.keys.with_row_index("row").join(issued, on=["site_id", "metric"], how="inner")
    horizon = placed["horizon_days"].max() if placed.height else None
    if not isinstance(horizon, int):
        return wander
    variance = np.full((len(known), horizon), np.nan)
    sd = ((placed["upper_80_pct"] - placed["lower_80_pct"]) / 2 / 1.2816).to_numpy()
    variance[placed["row"].to_numpy(), placed["horizon_days"].to_numpy() - 1] = sd**2
    growth = np.maximum(np.nan_to_num(variance[:, -1] - variance[:, 0]), 0.0) / max(horizon - 1, 1)
    return np.asarray(np.sqrt(growth[:, None] * np.arange(LOOK_AHEAD_DAYS)))


def _last_scores(known: DailySeries) -> Floats:
    """(n, RECENT_READINGS) the last scores, the newest last; NaN where there are fewer."""
    newest_first = known.score[:, ::-1]
    order = np.argsort(np.isnan(newest_first), axis=1, kind="stable")[:, :RECENT_READINGS]
    return np.take_along_axis(newest_first, order, axis=1)[:, ::-1]


def _rows(known: DailySeries, severity: str, threshold: Floats, reach: Floats, state: Texts) -> pl.DataFrame:
    """One row a series for one severity."""
    columns = {"days": 0.5, "days_low": 0.1, "days_high": 0.9}
    found = {
        name: np.where(state == "crossing", crossing_day(reach, q), np.nan) for name, q in columns.items()
    }
    probability = np.select(
        [state == "already", state == "too_little_history"], [1.0, np.nan], reach[:, WARNING_DAYS - 1]
    )
    return known.keys.with_columns(
        pl.lit(known.day).alias("day"),
        pl.lit(severity).alias("severity"),
        pl.Series("state", state.tolist(), dtype=pl.String),
        *(
            pl.Series(name, np.where(state == "already", 0.0, values)).fill_nan(None)
            for name, values in found.items()
        ),
        pl.Series("probability", probability).fill_nan(None),
        pl.Series("threshold_pct", threshold),
    )


def crossing_day(reach: Floats, q: float) -> Floats:
    """(n,) the day by which a share ``q`` of those courses has crossed that cross at all, between whole days linearly.

    Args:
        reach: (n, h) probability of having crossed by day 1 … h, rising.
        q: Share between 0 and 1.
    """
    target = q * reach[:, -1]
    above = reach >= np.maximum(target, 1e-300)[:, None]
    at = above.argmax(axis=1)
    rows = np.arange(len(reach))
    upper = reach[rows, at]
    lower = np.where(at > 0, reach[rows, np.maximum(at - 1, 0)], 0.0)
    share = np.where(upper > lower, (target - lower) / np.maximum(upper - lower, 1e-300), 1.0)
    return np.asarray(at + np.clip(share, 0, 1))


def sentence(row: Mapping[str, Any]) -> str:
    """What a row of ``analysis.risks`` says to people.

    Example:
        ``approaching critical in 2–3 days at the current trend (70 %)``
    """
    severity = row["severity"]
    if row["state"] == "already":
        return f"already {severity}"
    if row["state"] == "too_little_history":
        return "too little history to tell"
    percent = _percent(row["probability"])
    if row["state"] == "never":
        return f"not approaching {severity} within {WARNING_DAYS} days ({percent})"
    low, high = max(1, int(np.floor(row["days_low"]))), max(1, int(np.ceil(row["days_high"])))
    when = f"{low} day{'s' if low > 1 else ''}" if low == high else f"{low}–{high} days"
    said = f"approaching {severity} in {when} at the current trend ({percent})"
    return said + WITHHELD if row.get("is_withheld") else said


def _percent(probability: float) -> str:
    if probability < 0.01:
        return "< 1 %"
    if probability > 0.99:
        return "> 99 %"
    return f"{probability:.0%}".replace("%", " %")
