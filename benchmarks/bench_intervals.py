"""Whether 80 and 95 % intervals hold what they say, without and with the feedback of graded forecasts.

Simulated worlds are forecast day after day, once with the intervals of the model alone and once with what `calibration` learns from
the grades that were there on each day. Every forecast is graded with the score that came. The last two columns are those of the
probabilities of becoming critical within a week, whose spread the intervals give.

    python -m benchmarks.bench_intervals [--sites 40] [--days 100] [--cells]
"""

import argparse
import time
from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from benchmarks import worlds
from mist_pipeline.analysis.forecasts.accuracy import grade
from mist_pipeline.analysis.forecasts.forecast import forecasts
from mist_pipeline.analysis.forecasts.model_search import WINDOW_DAYS
from mist_pipeline.analysis.risks.risk import NOISE_DAYS, RiskRules, risks
from mist_pipeline.scorecard.probabilities import probabilities

FIRST = 14
"""Days of history before the first forecast."""

READ_BACK_DAYS = 56
HEADER = (
    f"{'':<34}{'forecasts':>10}{'in 80 %':>9}{'in 95 %':>9}{'below 95':>9}{'above 95':>9}"
    f"{'width 80':>9}{'width 95':>9}{'Winkler 80':>11}{'Winkler 95':>11}{'Brier':>8}{'never':>8}"
)


def issued(readings: pl.DataFrame, days: Sequence[date], *, feeds_back: bool) -> pl.DataFrame:
    """Forecasts of all days, each from what was known at its end."""
    made: list[pl.DataFrame] = []
    for day in days:
        window = readings.filter(pl.col("day").is_between(day - timedelta(days=WINDOW_DAYS), day))
        earlier = pl.concat(made[-READ_BACK_DAYS:]) if feeds_back and made else None
        made.append(forecasts(window, day, issued=earlier))
    return pl.concat(made)


def judged(readings: pl.DataFrame, made: pl.DataFrame, days: Sequence[date]) -> pl.DataFrame:
    """``scorecard.probabilities`` of the risks that stand on these forecasts."""
    told = pl.concat(
        [
            risks(
                readings.filter(pl.col("day").is_between(day - timedelta(days=NOISE_DAYS), day)),
                day,
                rules=RiskRules(bands={}),
                forecasts=made.filter(pl.col("day") == day),
            ).filter(pl.col("severity") == "critical")
            for day in days
        ]
    )
    return pl.concat(
        [
            probabilities(
                told,
                readings.filter(pl.col("day").is_between(day - timedelta(days=7), day)),
                day,
            )
            for day in days
        ]
    )


def row(name: str, graded: pl.DataFrame, grades: pl.DataFrame) -> str:
    """One line of the table."""
    n, in_80, in_95, below, above, w_80, w_95, k_80, k_95 = graded.select(
        n=pl.len(),
        in_80=pl.col("is_inside_80").mean(),
        in_95=pl.col("is_inside_95").mean(),
        below=(~pl.col("is_inside_95") & (pl.col("error_pct") < 0)).mean(),
        above=(~pl.col("is_inside_95") & (pl.col("error_pct") > 0)).mean(),
        **{c: pl.col(c).mean() for c in ("width_80_pct", "width_95_pct", "winkler_80", "winkler_95")},
    ).row(0)
    known = grades.filter(pl.col("n") > 0)
    weight = max(int(known["n"].sum()), 1)
    brier, never = (
        float((known[column] * known["n"]).sum()) / weight for column in ("brier", "observed_share")
    )
    return (
        f"{name:<34}{n:>10,}{in_80:>9.3f}{in_95:>9.3f}{below:>9.3f}{above:>9.3f}{w_80:>9.2f}{w_95:>9.2f}{k_80:>11.2f}{k_95:>11.2f}"
        f"{brier:>8.4f}{never:>8.4f}"
    )


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    worlds.add_options(parser, sites=40, days=100)
    parser.add_argument("--cells", action="store_true", help="coverage by metric and horizon too")
    options = parser.parse_args(arguments)
    print(f"{options.sites} sites × {options.days} days\n\n{HEADER}")
    every: dict[str, list[tuple[pl.DataFrame, pl.DataFrame]]] = {}
    for name_of_world, world in worlds.INTERVALS.worlds(options):
        last = world.first_day + timedelta(days=options.days - 1)
        readings = world.history(world.first_day, last)["sle_daily"]
        days = [world.first_day + timedelta(days=at) for at in range(FIRST, options.days - 1)]
        for name, feeds_back in (("model", False), ("graded errors", True)):
            began = time.process_time()
            made = issued(readings, days, feeds_back=feeds_back)
            took = (time.process_time() - began) / len(days)
            pair = (grade(made, readings, last), judged(readings, made, days))
            every.setdefault(name, []).append(pair)
            print(row(f"{name_of_world}, {name}", *pair), f" {took:.2f} s a day", flush=True)
    for name, pairs in every.items():
        graded = pl.concat([one for one, _ in pairs])
        print(row(f"all, {name}", graded, pl.concat([two for _, two in pairs])))
        if options.cells:
            cells = graded.group_by("metric", "horizon_days").agg(
                in_80=pl.col("is_inside_80").mean(), in_95=pl.col("is_inside_95").mean()
            )
            with pl.Config(tbl_rows=-1):
                print(cells.sort("metric", "horizon_days"))


if __name__ == "__main__":
    main()
