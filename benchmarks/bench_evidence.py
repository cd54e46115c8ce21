"""How long evidence takes: a whole history from nothing, and one more hour of a large organisation.

Run with ``python benchmarks/bench_evidence.py``; prints a table with the limits that the project promises.
"""

import argparse
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from mist_pipeline.analysis.evidence.model import LOOK_BACK, evidence, past_week_of

METRICS = 8
CLASSIFIERS = 5
START = datetime(2026, 2, 2, tzinfo=UTC)


def frames(sites: int, hours: int, *, detailed: float = 1.0) -> dict[str, pl.DataFrame]:
    """Noise in the shapes of the hourly tables.

    Args:
        sites: How many sites.
        hours: How many hours.
        detailed: Share of the sites that have user-minutes and classifiers; the others have scores only.
    """
    rng = np.random.default_rng(7)
    hour = np.arange(hours)
    clients = rng.poisson(np.where((hour % 24 >= 8) & (hour % 24 < 20), 30, 1), (sites, hours))
    site = pl.DataFrame({"site_id": [f"site-{i:05d}" for i in range(sites)]}).with_row_index("s")
    grid = pl.DataFrame(
        {
            "s": np.repeat(np.arange(sites, dtype=np.uint32), hours),
            "h": np.tile(hour, sites),
            "num_clients": clients.ravel(),
        }
    )
    grid = grid.join(site, on="s").with_columns(
        hour=(pl.lit(START) + pl.duration(hours=pl.col("h"))).cast(pl.Datetime("us", "UTC"))
    )
    site_hourly = grid.select("hour", "site_id", "num_clients").with_columns(
        num_aps=pl.lit(5, pl.Int64), num_aps_connected=pl.lit(None, pl.Int64)
    )
    metric = pl.DataFrame({"metric": [f"metric-{i}" for i in range(METRICS)]})
    cells = grid.join(metric, how="cross")
    total = cells["num_clients"].to_numpy() * 60.0
    share = rng.gamma(1.0, 0.04, total.size).clip(0, 1)
    is_detailed = pl.col("s") < detailed * sites
    cells = cells.with_columns(
        t=pl.Series(total), d=pl.Series(total * share), score=pl.Series(100 * (1 - share))
    )
    sle_hourly = cells.select(
        "hour",
        "site_id",
        "metric",
        state=pl.when(pl.col("t") > 0).then(pl.lit("ok")).otherwise(pl.lit("no_users")),
        score_pct=pl.when(pl.col("t") > 0).then("score"),
        total_user_minutes=pl.when(is_detailed).then("t"),
        degraded_user_minutes=pl.when(is_detailed).then("d"),
    )
    parts = cells.filter(is_detailed).join(
        pl.DataFrame({"classifier": [f"classifier-{i}" for i in range(CLASSIFIERS)]}), how="cross"
    )
    classifiers_hourly = parts.select(
        "hour",
        "site_id",
        "metric",
        "classifier",
        degraded_user_minutes=pl.col("d") / CLASSIFIERS,
        total_user_minutes="t",
    )
    sites_frame = site.select(
        "site_id",
        day=pl.lit(START.date()),
        timezone=pl.lit("Europe/Berlin"),
        country_code=pl.lit("DE"),
        sitegroup_ids=pl.concat_list(pl.format("group-{}", pl.col("s") % 60)),
        attributes=pl.concat_str(pl.lit('{"models": {"AP'), pl.col("s") % 4, pl.lit('": 5}}')),
    )
    return {
        "sle_hourly": sle_hourly,
        "classifiers_hourly": classifiers_hourly,
        "site_hourly": site_hourly,
        "sites": sites_frame,
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure both promises and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=60)
    parser.add_argument("--days", type=int, default=150)
    parser.add_argument("--large", type=int, default=3_000, help="sites of the large organisation")
    options = parser.parse_args(arguments)

    whole = frames(options.sites, options.days * 24)
    begin, busy = time.perf_counter(), time.process_time()
    rows = evidence(*whole.values()).rows.height
    took = f"{time.perf_counter() - begin:6.1f} s, {time.process_time() - busy:6.1f} s of processor"
    print(f"{options.sites} sites × {options.days} days from nothing: {took} (limit 60), {rows} rows")

    days = LOOK_BACK // 24 + 1
    large = frames(options.large, days * 24 + 12, detailed=0.05)
    now = START + timedelta(days=days)
    before = {name: f if name == "sites" else f.filter(pl.col("hour") < now) for name, f in large.items()}
    state = evidence(*before.values()).state
    since = now - timedelta(hours=LOOK_BACK)
    recent = {name: f if name == "sites" else f.filter(pl.col("hour") >= since) for name, f in large.items()}
    begin, busy = time.perf_counter(), time.process_time()
    run = evidence(*recent.values(), state=state, from_hour=now + timedelta(hours=11))
    took = f"{time.perf_counter() - begin:6.1f} s, {time.process_time() - busy:6.1f} s of processor"
    print(f"one more hour of {options.large} sites: {took} (limit 5), {run.rows.height} rows")

    # As polls do it: the week before is there as arrays, and the frames hold the hours of today.
    week = past_week_of(recent["sle_hourly"], recent["classifiers_hourly"], recent["site_hourly"], state)
    today = {name: f if name == "sites" else f.filter(pl.col("hour") >= now) for name, f in large.items()}
    begin, busy = time.perf_counter(), time.process_time()
    again = evidence(
        *today.values(), state=week, from_hour=now + timedelta(hours=11), until_hour=now + timedelta(hours=12)
    )
    took = f"{time.perf_counter() - begin:6.1f} s, {time.process_time() - busy:6.1f} s of processor"
    same = "the same rows" if again.rows.equals(run.rows) else "OTHER ROWS"
    print(f"the same with the week before it kept: {took} (limit 3), {same}")


if __name__ == "__main__":
    main()
