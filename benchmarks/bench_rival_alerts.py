"""Our alerts beside those of simple methods at equal false alerts, by kind of trouble, on the same hours of simulated worlds.

Every method says of each hour how strange a service level is (`alert_rivals`). An alert of a site and family opens when one of its levels
was over the method's line for so many hours in a row, and ends after three hours under it. The line is the lowest one at which the method has
no more false alerts than ours; one, two or three hours in a row are tried, and what finds the most is shown, which flatters the rivals. Hours with too few
users for a severity count for nobody. Ours is the whole way from hours to alerts at the default sensitivity; the daily analysis is not
among it, as in `bench_sensitivity`. What was found is told by `detection_score`.

    python -m benchmarks.bench_rival_alerts [--sites 30] [--days 60] [--worlds 1] [--held-out]
"""

import argparse
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl

from benchmarks import worlds
from benchmarks.alert_rivals import SIMPLE, isolation_forest
from benchmarks.bench_rivals import OURS, beaten
from benchmarks.bench_sensitivity import Hours
from benchmarks.detection_score import LEARNING_DAYS, PROMPTLY, Result, pooled, scored
from mist_pipeline.alerts.lifecycle.observations import FAMILIES
from mist_pipeline.alerts.lifecycle.replay import ALERT_COLUMNS, EVENT_COLUMNS
from mist_pipeline.analysis.evidence.gates import STRICTNESS
from mist_pipeline.analysis.stats.arrays import Flags, Floats

ENDS_AFTER = 3
IN_A_ROW = (1, 2, 3)
STEPS = 8
"""Halvings of the range in which a line is sought."""
FEW = 10


@dataclass(frozen=True)
class Grid:
    """The hours of a world as arrays.

    Attributes:
        hours: What they were made of.
        sites: Site ids.
        metrics: Service levels.
        score: (sites, hours, metrics) percent; NaN where nothing was read or too few users were there.
    """

    hours: Hours
    sites: list[str]
    metrics: list[str]
    score: Floats

    @classmethod
    def of(cls, hours: Hours) -> "Grid":
        """From the readings of a world."""
        readings = hours.frames.readings
        assert readings is not None
        rows = readings.filter((pl.col("state") == "ok") & pl.col("severity").is_not_null())
        sites, metrics = (sorted(rows[name].unique()) for name in ("site_id", "metric"))
        at = ((rows["hour"] - hours.world.start).dt.total_seconds() // 3600).to_numpy()
        score = np.full((len(sites), hours.world.days * 24, len(metrics)), np.nan)
        places = [
            np.searchsorted(names, rows[name].to_list())
            for names, name in ((sites, "site_id"), (metrics, "metric"))
        ]
        score[places[0], at, places[1]] = rows["score_pct"].to_numpy()
        return cls(hours, sites, metrics, score)

    def strangeness(self) -> Iterator[tuple[str, dict[str, Floats]]]:
        """Of every method, family → (sites, hours)."""
        of_family: dict[str, list[int]] = {}
        for place, metric in enumerate(self.metrics):
            of_family.setdefault(FAMILIES[metric], []).append(place)
        learned = LEARNING_DAYS * 24
        for name, method in SIMPLE.items():
            found = np.stack([method(self.score[:, :, at]) for at in range(len(self.metrics))], axis=2)
            yield name, {family: _greatest(found[:, :, at]) for family, at in of_family.items()}
        forest = isolation_forest(learned)
        if forest is not None:
            found = forest(self.score)
            # A forest does not say what is wrong: its alert is of the family whose level is lowest for the site.
            usual = np.nanmedian(self.score[:, :learned], axis=1, keepdims=True)
            lowest = np.nanargmax(np.nan_to_num(usual - self.score, nan=-np.inf), axis=2)
            families = np.array([FAMILIES[metric] for metric in self.metrics])[lowest]
            yield (
                "PyOD isolation forest",
                {
                    family: np.where(families == family, found, np.where(np.isnan(found), np.nan, -np.inf))
                    for family in of_family
                },
            )

    def alerts(self, strange: dict[str, Floats], line: float, in_a_row: int) -> pl.DataFrame:
        """Alerts of a method at a line, with the columns of alerts.csv."""
        rows = []
        metric_of = {family: metric for metric, family in FAMILIES.items() if metric in self.metrics}
        for family, values in strange.items():
            for site, begin, opened, end in runs(values > line, ~np.isnan(values), in_a_row):
                start = self.hours.world.start
                instants = [start + timedelta(hours=at) for at in (opened, begin)]
                over = None if end is None else start + timedelta(hours=end)
                name = f"{family}-{site}-{opened}"
                rows.append(
                    (
                        name,
                        name,
                        self.sites[site],
                        metric_of[family],
                        "evidence",
                        "major",
                        instants[0],
                        over,
                        instants[1],
                        over,
                        False,
                    )
                )
        return pl.DataFrame(rows, schema=dict(ALERT_COLUMNS), orient="row")


def runs(over: Flags, seen: Flags, in_a_row: int) -> Iterator[tuple[int, int, int, int | None]]:
    """Alerts: series, first hour, the hour at whose beginning it opens, and the one at whose beginning it ends (None: it does not).

    Hours without a reading neither count nor interrupt.

    Args:
        over: (series, hours) over the line.
        seen: (series, hours) with a reading.
        in_a_row: Hours over the line that open an alert.
    """
    for series in range(len(over)):
        begin, high, low, opened = 0, 0, 0, -1
        for at in np.flatnonzero(seen[series]):
            if over[series, at]:
                begin = int(at) if high == 0 and opened < 0 else begin
                high, low = high + 1, 0
                opened = int(at) + 1 if opened < 0 and high >= in_a_row else opened
            else:
                high, low = 0, low + 1
                if opened >= 0 and low >= ENDS_AFTER:
                    yield series, begin, opened, int(at) + 1
                    opened = -1
        if opened >= 0:
            yield series, begin, opened, None


def _greatest(values: Floats) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hours without any reading
        return np.asarray(np.nanmax(values, axis=2))


def at_equal_false(grids: list[Grid], strange: list[dict[str, Floats]], allowed: int) -> tuple[Result, int]:
    """What a method finds in all worlds with at most so many false alerts, and for how many hours in a row."""
    nothing = pl.DataFrame(schema=dict(EVENT_COLUMNS))
    values = np.concatenate([one[np.isfinite(one)] for of in strange for one in of.values()])
    best: tuple[int, Result, int] | None = None
    for in_a_row in IN_A_ROW:
        # Shares of hours under the line: from one in five over it to none.
        low, high = 0.8, 1.0
        kept: Result | None = None
        for _ in range(STEPS):
            share = 1 - np.sqrt((1 - low) * max(1 - high, 1e-7))
            line = float(np.quantile(values, share))
            found = pooled(
                [
                    scored(grid.hours.world, grid.alerts(of, line, in_a_row), nothing)
                    for grid, of in zip(grids, strange, strict=True)
                ]
            )
            if int(found.alerts["is_false"].sum()) <= allowed:
                high, kept = share, found
            else:
                low = share
        if kept is not None:
            hits = kept.truths["hit_at"].count()
            if best is None or hits > best[0]:
                best = hits, kept, in_a_row
    if best is None:
        raise SystemExit(f"no line gives at most {allowed} false alerts")
    return best[1], best[2]


def told_promptly(truths: pl.DataFrame) -> pl.Series:
    """Of which incidents people heard before, or at most two hours after, real harm."""
    first = pl.min_horizontal("warned_at", "hit_at")
    return truths.select((first <= pl.col("harm_at") + PROMPTLY).fill_null(value=False)).to_series()


def table(results: dict[str, tuple[Result, int]]) -> str:
    """Recall after onset of every method, all and by kind; where another one wins."""
    kinds = next(iter(results.values()))[0].truths.group_by("kind").len().sort("kind")
    heads = " | ".join(f"{kind} ({n})" for kind, n in kinds.iter_rows())
    lines = [
        f"\n| alerts | hours in a row | false | precision | alerts a hit | all | told within 2 h of harm | {heads} |",
        "|---" * (7 + kinds.height) + "|",
    ]
    columns: dict[str, dict[str, float]] = {"all": {}, "told within 2 h of harm": {}}
    for name, (found, in_a_row) in results.items():
        truths = found.truths.with_columns(
            is_found=pl.col("hit_at").is_not_null(), is_prompt=told_promptly(found.truths)
        )
        false, hits = (
            int(found.alerts["is_false"].sum()),
            found.truths.filter(pl.col("hit_at").is_not_null() | pl.col("warned_at").is_not_null()).height,
        )
        alerts_a_hit = 1 + int(truths["extra"].sum()) / max(1, hits)
        of_kind = dict(truths.group_by("kind").agg(pl.col("is_found").mean()).iter_rows())
        whole = (
            float(truths[column].cast(pl.Float64).sum()) / truths.height
            for column in ("is_found", "is_prompt")
        )
        columns["all"][name], columns["told within 2 h of harm"][name] = whole
        for kind, n in kinds.iter_rows():
            if n >= FEW:
                columns.setdefault(kind, {})[name] = of_kind[kind]
        cells = [f"{columns['all'][name]:.2f}", f"{columns['told within 2 h of harm'][name]:.2f}"]
        cells += [f"{of_kind[kind]:.2f}" for kind in kinds["kind"]]
        lines.append(
            f"| {name} | {in_a_row or '–'} | {false} | {hits / max(1, hits + false):.2f} | {alerts_a_hit:.1f} | "
            + " | ".join(cells)
            + " |"
        )
    return "\n".join([*lines, "", beaten(columns, lower_is_better=False)])


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    worlds.add_options(parser, sites=30, days=60)
    options = parser.parse_args(arguments)
    side = "held-out" if options.held_out else "development"
    print(f"{options.sites} sites × {options.days} days, {side} worlds", flush=True)
    began = time.process_time()
    grids, mine = [], []
    for name, world in worlds.RIVALS.worlds(options):
        hours = Hours.of(world)
        mine.append(hours.result(STRICTNESS["normal"]))
        grids.append(Grid.of(hours))
        print(f"{name}: {time.process_time() - began:.0f} s of processor", flush=True)
    results = {OURS: (pooled(mine), 0)}
    allowed = int(results[OURS][0].alerts["is_false"].sum())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hours of the week without a reading
        methods = [dict(grid.strangeness()) for grid in grids]
    for name in methods[0]:
        results[name] = at_equal_false(grids, [of[name] for of in methods], allowed)
        print(f"{name}: {time.process_time() - began:.0f} s of processor", flush=True)
    if "PyOD isolation forest" not in results:
        print("PyOD is not installed (pip install 'mist-pipeline[bench]'): no isolation forest")
    print(table(results))


if __name__ == "__main__":
    main()
