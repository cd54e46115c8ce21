"""Our forecasts and warnings of crossings beside simple methods and those of others, on the same series of simulated worlds.

**Forecasts** of the coming week, made on every seventh day: MASE, coverage, and Winkler score of the 95 % interval, for days within trouble
by kind, and for all others. The methods of statsforecast take seconds a series, so all are compared on a sample of series; ours learns from all.

**Warnings**: on each day every series that is not critical gets a number from each method, the greater the more it is to be warned of.
A crossing is a day on which a series becomes critical after three readings that were not; it was *warned of* if the number was over the
method's line on one of the seven days before. A warning of a series that is not critical within a week is false. The lines are chosen so
that all methods have as many false warnings as ours at a probability of a half, so that only the order counts.

    python -m benchmarks.bench_rivals [--sites 30] [--days 90] [--series 40] [--no-libraries]
"""

import argparse
import time
import warnings
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from benchmarks import worlds
from benchmarks.forecast_baselines import HORIZON, SIMPLE, WARNERS, Band, of_libraries
from mist_pipeline.alerts.lifecycle.observations import FAMILIES
from mist_pipeline.analysis.forecasts.forecast import forecasts
from mist_pipeline.analysis.forecasts.model_search import WINDOW_DAYS, search_orders
from mist_pipeline.analysis.forecasts.series import DailySeries, daily_series
from mist_pipeline.analysis.risks.risk import NOISE_DAYS, RiskRules, risks
from mist_pipeline.analysis.stats.arrays import Flags, Floats
from mist_pipeline.simulator.world.world import World

FIRST = 42
"""Days of history before the first day that is compared."""

OURS = "mist-pipeline"
CRITICAL_PCT = 70.0
AT_PROBABILITY = 0.5
QUIET = "no trouble"
FEW = 10
"""Crossings or forecasts of a kind without which nothing is said of who is best."""

_GRADES = pl.Schema(
    {
        "method": pl.String,
        "kind": pl.String,
        "mase": pl.Float64,
        "in_80": pl.Boolean,
        "in_95": pl.Boolean,
        "winkler_95": pl.Float64,
    }
)


def main(arguments: list[str] | None = None) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    worlds.add_options(parser, sites=30, days=90)
    parser.add_argument("--series", type=int, default=40, help="series on which forecasts are compared")
    parser.add_argument("--no-libraries", action="store_true", help="without statsforecast")
    options = parser.parse_args(arguments)
    side = "held-out" if options.held_out else "development"
    print(f"{options.sites} sites × {options.days} days, {side} worlds")
    grades, caught = [], []
    for name, world in worlds.RIVALS.worlds(options):
        began = time.process_time()
        of_forecasts, of_warnings = compared(world, options.series, with_libraries=not options.no_libraries)
        grades.append(of_forecasts)
        caught.append(of_warnings)
        print(f"{name}: {time.process_time() - began:.0f} s of processor", flush=True)
    print(forecast_table(pl.concat(grades)))
    print(warning_table(pl.concat(caught)))


def compared(world: World, series: int, *, with_libraries: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Grades of forecasts (`_GRADES`) and crossings of one world: method, kind, is_caught."""
    last = world.first_day + timedelta(days=world.days - 1)
    readings = world.history(world.first_day, last)["sle_daily"]
    known = daily_series(readings, last, world.days)
    days = [world.first_day + timedelta(days=at) for at in range(FIRST, world.days - HORIZON)]
    issued, scores = ours(readings, known, days)
    kinds = kind_of_days(world, known)
    sample = np.linspace(0, len(known) - 1, min(series, len(known))).astype(np.int64)
    grades = [pl.DataFrame(schema=_GRADES)]
    methods = {**SIMPLE, **(of_libraries() if with_libraries else {})}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # means of weeks without a reading
        for at, day in enumerate(days):
            until = FIRST + at + 1
            for name, warner in WARNERS.items():
                values = warner(known.score[:, :until], np.full(len(known), CRITICAL_PCT))
                scores[name][:, at] = np.nan_to_num(values, nan=-np.inf, neginf=-np.inf)
            if at % 7:
                continue
            bands = {OURS: _band(issued[day])}
            enough = (~np.isnan(known.score[:, until - 28 : until])).sum(axis=1) >= 14
            chosen = sample[enough[sample]]
            bands = {OURS: Band(bands[OURS].centre[chosen], bands[OURS].bounds[chosen])}
            bands |= {name: method(known.score[chosen, :until]) for name, method in methods.items()}
            grades += [graded(name, band, known, chosen, until, kinds) for name, band in bands.items()]
    return pl.concat(grades), crossings(known, scores, kinds)


def ours(
    readings: pl.DataFrame, known: DailySeries, days: Sequence[date]
) -> tuple[dict[date, pl.DataFrame], dict[str, Floats]]:
    """What the product issues on each day: forecasts in the order of ``known``, and (n, days) probabilities of becoming critical."""
    models = search_orders(readings, days)
    made: list[pl.DataFrame] = []
    scores = {name: np.full((len(known), len(days)), -np.inf) for name in (OURS, *WARNERS)}
    for at, day in enumerate(days):
        near = readings.filter(pl.col("day").is_between(day - timedelta(days=WINDOW_DAYS), day))
        earlier = pl.concat(made[-56:]) if made else None
        made.append(forecasts(near, day, models=models, issued=earlier))
        recent = near.filter(pl.col("day") > day - timedelta(days=NOISE_DAYS + 1))
        told = risks(recent, day, rules=RiskRules(bands={}), forecasts=made[-1])
        told = told.filter(pl.col("severity") == "critical").select("site_id", "metric", "probability")
        placed = known.keys.join(told, on=["site_id", "metric"], how="left", maintain_order="left")
        scores[OURS][:, at] = placed["probability"].fill_null(-np.inf).to_numpy()
    in_order = {
        day: known.keys.join(
            pl.DataFrame({"horizon_days": range(1, HORIZON + 1)}, schema={"horizon_days": pl.Int64}),
            how="cross",
            maintain_order="left_right",
        ).join(frame, on=["site_id", "metric", "horizon_days"], how="left", maintain_order="left")
        for day, frame in zip(days, made, strict=True)
    }
    return in_order, scores


def _band(issued: pl.DataFrame) -> Band:
    names = ("mean_pct", "lower_pct", "lower_80_pct", "upper_80_pct", "upper_pct")
    values = issued.select(pl.col(names).fill_null(np.nan)).to_numpy().reshape(-1, HORIZON, 5)
    return Band(values[..., 0], values[..., 1:])


def kind_of_days(world: World, known: DailySeries) -> np.ndarray[tuple[int, ...], np.dtype[np.object_]]:
    """(n, t) the kind of trouble that moves a series on a day, `QUIET` where there is none; decoys are none."""
    kinds = np.full(known.score.shape, QUIET, dtype=object)
    rows = {key: row for row, key in enumerate(known.keys.iter_rows())}
    for truth in world.truth:
        if truth.is_decoy:
            continue
        first, last = ((at.date() - world.first_day).days for at in (truth.began_at, truth.end))
        moved = set(truth.metrics) or {m for m, family in FAMILIES.items() if family == truth.family}
        for site in truth.site_ids:
            for metric in moved:
                if (row := rows.get((site, metric))) is not None:
                    kinds[row, max(first, 0) : last + 1] = truth.kind
    return kinds


def graded(
    name: str,
    band: Band,
    known: DailySeries,
    chosen: np.ndarray[tuple[int], np.dtype[np.int64]],
    until: int,
    kinds: np.ndarray[tuple[int, ...], np.dtype[np.object_]],
) -> pl.DataFrame:
    """`_GRADES` of one method's forecasts, each scaled by the series' mean change from week to week over eight weeks."""
    past = known.score[chosen, max(0, until - 56) : until]
    scale = np.nanmean(np.abs(past[:, 7:] - past[:, :-7]), axis=1, keepdims=True)
    actual = known.score[chosen, until : until + HORIZON]
    lower, lower_80, upper_80, upper = np.moveaxis(band.bounds, 2, 0)
    miss = np.maximum(lower - actual, 0) + np.maximum(actual - upper, 0)
    kept = (~np.isnan(actual) & ~np.isnan(band.centre) & (scale > 0.05)).ravel()
    columns = {
        "kind": kinds[chosen, until : until + HORIZON],
        "mase": np.abs(actual - band.centre) / np.maximum(scale, 0.05),
        "in_80": (actual >= lower_80) & (actual <= upper_80),
        "in_95": (actual >= lower) & (actual <= upper),
        "winkler_95": upper - lower + 2 / 0.05 * miss,
    }
    frame = pl.DataFrame({name: values.ravel()[kept].tolist() for name, values in columns.items()})
    return frame.select(pl.lit(name).alias("method"), pl.all()).cast(_GRADES)


def crossings(
    known: DailySeries,
    scores: Mapping[str, Floats],
    kinds: np.ndarray[tuple[int, ...], np.dtype[np.object_]],
) -> pl.DataFrame:
    """Every crossing of the days compared, by method at equal false warnings: method, kind, is_caught."""
    critical = known.score < CRITICAL_PCT
    seen = ~np.isnan(known.score)
    days = scores[OURS].shape[1]
    now = critical[:, FIRST : FIRST + days]
    ahead = np.stack([critical[:, FIRST + h : FIRST + h + days] for h in range(1, HORIZON + 1)]).any(axis=0)
    may_warn = ~now & seen[:, FIRST : FIRST + days]
    crossed = [
        (row, at)
        for row, at in zip(*np.nonzero(critical[:, FIRST + HORIZON :]), strict=True)
        if _is_crossing(critical[row], seen[row], at + FIRST + HORIZON)
    ]
    allowed = int((may_warn & ~ahead & (scores[OURS] >= AT_PROBABILITY)).sum())
    rows = []
    for name, score in scores.items():
        warned = may_warn & (score > line(score[may_warn & ~ahead], allowed))
        for row, at in crossed:
            kind = kinds[row, at + FIRST + HORIZON]
            # Column `at` of what may be warned is seven days before the crossing.
            rows.append((name, str(kind), bool(warned[row, at : at + HORIZON].any()), allowed))
    schema = {"method": pl.String, "kind": pl.String, "is_caught": pl.Boolean, "false_warnings": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _is_crossing(critical: Flags, seen: Flags, at: int) -> bool:
    """Whether the three readings before were not critical."""
    before = np.flatnonzero(seen[:at])[-3:]
    return len(before) == 3 and not critical[before].any()


def line(of_false: Floats, allowed: int) -> float:
    """The lowest line over which at most ``allowed`` of these lie."""
    if allowed >= len(of_false):
        return -np.inf
    return float(np.sort(of_false)[::-1][allowed])


def forecast_table(grades: pl.DataFrame) -> str:
    """Of every method MASE of all and by kind, coverage and the Winkler score; which of others are better than ours."""
    scored = grades.group_by("method", maintain_order=True).agg(
        pl.len().alias("n"),
        pl.col("mase", "in_80", "in_95", "winkler_95").mean(),
    )
    by_kind = grades.group_by("method", "kind", maintain_order=True).agg(
        pl.col("mase").mean().alias("value"), pl.len().alias("n")
    )
    wide = _wide(by_kind)
    lines = [
        "\n| forecasts | n | MASE | in 80 % | in 95 % | Winkler 95 | MASE by kind: " + _heads(by_kind) + " |"
    ]
    lines.append("|---" * (6 + len(wide)) + "|")
    for row in scored.iter_rows(named=True):
        cells = [f"{row[name]:.3f}" for name in ("mase", "in_80", "in_95")] + [f"{row['winkler_95']:.1f}"]
        cells += [f"{of.get(row['method'], np.nan):.2f}" for of in wide.values()]
        lines.append(f"| {row['method']} | {row['n']} | " + " | ".join(cells) + " |")
    whole = {"all": dict(scored.select("method", "mase").iter_rows())}
    whole["Winkler 95"] = dict(scored.select("method", "winkler_95").iter_rows())
    return "\n".join([*lines, "", beaten({**whole, **_enough(wide, by_kind)}, lower_is_better=True)])


def warning_table(caught: pl.DataFrame) -> str:
    """Of every method the share of crossings warned of, all and by kind, at equal false warnings."""
    shares = caught.group_by("method", maintain_order=True).agg(pl.col("is_caught").mean(), n=pl.len())
    by_kind = caught.group_by("method", "kind", maintain_order=True).agg(
        pl.col("is_caught").mean().alias("value"), n=pl.len()
    )
    wide = _wide(by_kind)
    lines = ["\n| crossings warned of | n | all | " + _heads(by_kind) + " |", "|---" * (3 + len(wide)) + "|"]
    for name, share, n in shares.iter_rows():
        cells = [f"{of.get(name, np.nan):.2f}" for of in wide.values()]
        lines.append(f"| {name} | {n} | {share:.2f} | " + " | ".join(cells) + " |")
    whole = {"all": dict(shares.select("method", "is_caught").iter_rows())}
    return "\n".join([*lines, "", beaten({**whole, **_enough(wide, by_kind)}, lower_is_better=False)])


def _wide(by_kind: pl.DataFrame) -> dict[str, dict[str, float]]:
    kinds = by_kind["kind"].unique().sort()
    return {
        kind: dict(by_kind.filter(pl.col("kind") == kind).select("method", "value").iter_rows())
        for kind in kinds
    }


def _heads(by_kind: pl.DataFrame) -> str:
    counts = by_kind.group_by("kind").agg(pl.col("n").max()).sort("kind")
    return " | ".join(f"{kind} ({n})" for kind, n in counts.iter_rows())


def _enough(wide: dict[str, dict[str, float]], by_kind: pl.DataFrame) -> dict[str, dict[str, float]]:
    counts = dict(by_kind.group_by("kind").agg(pl.col("n").max()).iter_rows())
    return {kind: of for kind, of in wide.items() if counts[kind] >= FEW}


def beaten(columns: Mapping[str, Mapping[str, float]], *, lower_is_better: bool) -> str:
    """Where another method wins, and by how much; ties are no win."""
    sign = 1 if lower_is_better else -1
    said = []
    for name, of in columns.items():
        mine = of[OURS]
        best = min((method for method in of), key=lambda method: (sign * of[method], method != OURS))
        if sign * of[best] < sign * mine:
            said.append(f"{best} is better in “{name}”: {of[best]:.3f} against {mine:.3f}")
    return (
        "; ".join(said) + "." if said else "No other method is better in any column with ten cases or more."
    )


if __name__ == "__main__":
    main()
