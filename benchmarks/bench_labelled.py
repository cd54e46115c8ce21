"""Our evidence beside simple alarms on plain labelled series (`labelled_series`), at equal false alarms.

Every method says of each hour how strange it is; an alarm begins after one, two or three hours in a row over its line and ends after three under it.
The line is the lowest at which the method has no more false alarms than allowed, and the best number of hours in a row is shown: both are chosen
with the truth, for all methods alike. An alarm is false if it begins more than a day after the anomaly's end, or ends before it begins. An
anomaly is found if an alarm begins within it, or within three hours after it (hours in a row need them); by event, and nothing is adjusted.

A plain series has no users. So each is a site of its own whose 50 people spend 3,000 user-minutes an hour, of which a share is degraded: half
at the median of the first four weeks, all where the value is twice their range above it. A second service level has the mirrored share, since evidence looks for more trouble than expected and never for less. The stranger of both counts; the simple methods get the same
two levels in percent. What that leaves out of evidence: shares near nothing, where trouble is and is counted in few people, hours of few users,
what classifiers say, peers and groups (every series stands alone), severities, corroboration and the whole life of an alert.

    python -m benchmarks.bench_labelled [--series 20] [--kinds mean,trend] [--noise 0.3] [--seed 9601]
"""

import argparse
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from benchmarks.alert_rivals import SIMPLE, isolation_forest
from benchmarks.bench_rival_alerts import IN_A_ROW, runs
from benchmarks.labelled_series import HOURS, KINDS, LEARNT_DAYS, NOISE, PERIOD, Labelled, labelled
from mist_pipeline.analysis.evidence.model import EvidenceOptions, evidence
from mist_pipeline.analysis.stats.arrays import Floats

START = datetime(2026, 2, 2, tzinfo=UTC)
OURS = "evidence (ours)"
USERS = 50
ALLOWED = (0.1, 0.01)
"""False alarms a series-week."""
LEARNT = LEARNT_DAYS * PERIOD
AFTERWARDS = 3
ECHO = PERIOD
STEPS = 24
SCALE = 2.0
"""Ranges of the usual values for which a share goes from one half to all."""


@dataclass(frozen=True)
class Found:
    """What a method finds at a line.

    Attributes:
        is_hit: (series,) whether its anomaly was found.
        hours: (series,) from its begin to the alarm; NaN where it was not.
        false: Alarms that are of no anomaly.
    """

    is_hit: np.ndarray
    hours: Floats
    false: int


def shares(values: Floats) -> Floats:
    """(series, hours, 2) degraded shares, up and down."""
    known = values[:, :LEARNT]
    usual = np.median(known, axis=1, keepdims=True)
    size = np.ptp(known, axis=1)[:, None]
    up = np.clip(0.5 + (values - usual) / (2 * SCALE * size), 0, 1)
    return np.stack([up, 1 - up], axis=2)


def surprise(share: Floats) -> Floats:
    """(series, hours) the greatest surprise of the evidence of an hour; 0 where none is notable."""
    series, hours, _ = share.shape
    site = [f"s{number:04d}" for number in range(series)]
    at = pl.datetime_range(
        START, interval="1h", end=START + timedelta(hours=hours - 1), time_zone="UTC", eager=True
    )
    cells = pl.DataFrame(
        {
            "hour": pl.concat([at.gather(np.repeat(np.arange(hours), 2))] * series),
            "site_id": np.repeat(site, hours * 2),
            "metric": ["up", "down"] * (series * hours),
            "share": share.ravel(),
        }
    )
    total = USERS * 60.0
    scores = cells.select(
        "hour",
        "site_id",
        "metric",
        state=pl.lit("ok"),
        score_pct=100 * (1 - pl.col("share")),
        total_user_minutes=pl.lit(total),
        degraded_user_minutes=total * pl.col("share"),
    )
    clients = cells.filter(pl.col("metric") == "up").select(
        "hour",
        "site_id",
        num_clients=pl.lit(USERS),
        num_aps=pl.lit(5),
        num_aps_connected=pl.lit(5),
    )
    sites = pl.DataFrame({"site_id": site}).with_columns(
        day=pl.lit(START.date()),
        timezone=pl.lit("UTC"),
        country_code=pl.lit(None, pl.String),
        sitegroup_ids=pl.lit([], pl.List(pl.String)),
        attributes=pl.lit("{}"),
    )
    causes = scores.clear().with_columns(classifier=pl.lit("")).drop("state", "score_pct")
    options = EvidenceOptions(min_surprise=1.0, min_excess_pct=0.5)
    rows = evidence(scores, causes, clients, sites, options=options).rows
    best = rows.group_by("site_id", "hour").agg(pl.col("surprise").max())
    found = np.zeros((series, hours))
    hour = ((best["hour"] - START).dt.total_seconds() // 3600).to_numpy()
    found[np.searchsorted(site, best["site_id"].to_list()), hour] = best["surprise"].fill_null(0).to_numpy()
    return found


def judged(made: Labelled, strange: Floats, line: float, in_a_row: int) -> Found:
    """What a method finds in series of one kind."""
    watched = np.arange(HOURS) >= LEARNT
    seen = ~np.isnan(strange) & watched & (np.arange(HOURS) < made.watched[:, None])
    is_hit, hours, false = np.zeros(len(strange), bool), np.full(len(strange), np.nan), 0
    for series, begin, opened, end in runs(strange > line, seen, in_a_row):
        of_anomaly = made.begin[series] < opened <= made.end[series] + AFTERWARDS
        touches = begin <= made.end[series] + ECHO and (end is None or end > made.begin[series])
        if of_anomaly and not is_hit[series]:
            is_hit[series], hours[series] = True, opened - made.begin[series]
        elif not touches:
            false += 1
    return Found(is_hit, hours, false)


def best_at(
    every: Sequence[Labelled], strange: Sequence[Floats], allowed: float
) -> tuple[list[Found], int] | None:
    """What a method finds with at most so many false alarms, and after how many hours in a row; None if it cannot."""
    finite = np.concatenate([one[:, LEARNT:].ravel() for one in strange])
    finite = finite[np.isfinite(finite)]
    best: tuple[list[Found], int] | None = None
    for in_a_row in IN_A_ROW:
        # Shares of hours over the line, from one in five to one in a million.
        low, high, kept = np.log(0.2), np.log(1e-6), None
        for _ in range(STEPS):
            middle = (low + high) / 2
            line = float(np.quantile(finite, 1 - np.exp(middle)))
            found = [judged(made, of, line, in_a_row) for made, of in zip(every, strange, strict=True)]
            if sum(one.false for one in found) <= allowed:
                high, kept = middle, found
            else:
                low = middle
        if kept is not None and (best is None or _hits(kept) > _hits(best[0])):
            best = kept, in_a_row
    return best


def _hits(found: Sequence[Found]) -> int:
    return int(sum(one.is_hit.sum() for one in found))


def methods(every: Sequence[Labelled]) -> dict[str, list[Floats]]:
    """Method → of every kind (series, hours), how strange; each learns from all series of a kind together."""
    found: dict[str, list[Floats]] = {OURS: []}
    for made in every:
        share = shares(made.values)
        levels = 100 * (1 - share)
        found[OURS].append(surprise(share))
        for name, method in SIMPLE.items():
            both = np.stack([method(levels[:, :, at]) for at in range(2)])
            found.setdefault(name, []).append(np.asarray(np.nanmax(both, axis=0)))
        forest = isolation_forest(LEARNT)
        if forest is not None:
            found.setdefault("PyOD isolation forest", []).append(forest(levels))
    return found


def table(every: Sequence[Labelled], strange: dict[str, list[Floats]], rate: float) -> str:
    """Share of anomalies found by every method, all and by kind."""
    weeks = sum(float((made.watched - LEARNT).sum()) for made in every) / (7 * PERIOD)
    lines = [
        f"\nat most {rate:g} false alarms a series-week ({int(rate * weeks)} in {weeks:,.0f}):\n",
        f"| method | hours in a row | false | precision | found | hours to detect, median | {' | '.join(made.kind for made in every)} |",
        "|---" * (6 + len(every)) + "|",
    ]
    for name, values in strange.items():
        found = best_at(every, values, rate * weeks)
        if found is None:
            lines.append(f"| {name} | – | – | – | – | – |" + " – |" * len(every))
            continue
        kinds, in_a_row = found
        false, hits = sum(one.false for one in kinds), _hits(kinds)
        hours = np.concatenate([one.hours for one in kinds])
        cells = (
            name,
            in_a_row,
            false,
            f"{hits / max(1, hits + false):.2f}",
            f"{hits / sum(len(one.is_hit) for one in kinds):.2f}",
            f"{np.nanmedian(hours):.0f}" if hits else "–",
            *(f"{one.is_hit.mean():.2f}" for one in kinds),
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--series", type=int, default=20, help="of each kind")
    parser.add_argument("--kinds", default=",".join(KINDS), help="of them only these")
    parser.add_argument(
        "--noise", type=float, default=NOISE, help="standard deviation; the sine's amplitude is 1"
    )
    parser.add_argument("--seed", type=int, default=9601)
    options = parser.parse_args(arguments)
    began = time.process_time()
    every = [labelled(kind, options.series, options.seed, options.noise) for kind in options.kinds.split(",")]
    print(
        f"{options.series} series of {len(every)} kinds as sites of their own, {HOURS:,} hours, seed {options.seed}, noise {options.noise:g}"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hours of the week without a reading
        strange = methods(every)
    if "PyOD isolation forest" not in strange:
        print("PyOD is not installed (pip install 'mist-pipeline[bench]'): no isolation forest")
    for rate in ALLOWED:
        print(table(every, strange, rate))
    print(f"\n{time.process_time() - began:.0f} s of processor")


if __name__ == "__main__":
    main()
