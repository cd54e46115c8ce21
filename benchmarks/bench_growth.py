"""What is written for ever at 3,000 sites, and how much of it stays: tables of polls, states of detection, kept evaluations.

Nine days of hours of a simulated organisation are analysed, then polls of the next day. Run with
``.venv/bin/python -m benchmarks growth``; another size: ``python -m benchmarks.bench_growth --sites 300``.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from benchmarks.bench_daily import HOURLY, LAST, prepared
from mist_pipeline.simulator.world.world import World
from mist_pipeline.tables import live, state
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.analyse_day import anomaly_frames
from mist_pipeline.workflows.analysis.detect_hour import live_evaluation
from mist_pipeline.workflows.analysis.evidence_walk import KEPT_DAYS, store_evidence
from mist_pipeline.workflows.ledger_access import kept_evaluations

HOUR_OF_POLL = 13
OF_ANOTHER_POLL = "REPLACE (as_of + to_minutes(15 * $n) AS as_of, $n || evidence AS evidence)"
"""Rows of a poll as those of a later one: much the same, and not so much that they take no space."""


@dataclass(frozen=True)
class Growth:
    """How one thing grows.

    Attributes:
        each: Bytes of one poll, one day or one state.
        a_day: How many there are in a day.
        days: For how many days they are kept.
        always: How many there are besides.
    """

    each: int
    a_day: float
    days: int
    always: int = 0

    @property
    def most(self) -> float:
        """Bytes that are there once the oldest are removed."""
        return self.each * (self.a_day * self.days + self.always)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=3000)
    sites = parser.parse_args(arguments).sites
    print(f"{sites:,} sites{'':28} {'each':>10} {'a day':>10} {'at most':>10}   kept for")
    for name, one in measured(sites).items():
        print(
            f"{name:<38} {_mb(one.each)} {_mb(one.each * one.a_day)} {_mb(one.most)}   "
            + (f"{one.days} days" if one.days else "the present")
        )


def measured(sites: int) -> dict[str, Growth]:
    """What grows → how."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        warehouse, settings = prepared(folder / "data", sites, HOURLY)
        store_evidence(warehouse, settings, HOURLY)
        _, shapes = anomaly_frames(warehouse, settings, [LAST])
        warehouse.replace_days(state.DAY_SHAPES, shapes, [LAST])
        instant = _poll(warehouse, sites)
        evaluation = live_evaluation(warehouse, settings, instant)
        warehouse.append(live.FINDINGS, evaluation.detected.findings)
        kept = kept_evaluations(settings)
        kept.keep(evaluation.evaluation_input())
        polls = 24 * 60 // settings.monitoring.interval_minutes
        found = warehouse.query("SELECT count(*) FROM live.findings").item()
        findings = _bytes(warehouse, live.FINDINGS, folder, times=polls)
        states = warehouse.query("SELECT count(DISTINCT day) FROM state.evidence").item()
        tables = (*live.TABLES, *state.TABLES)
        size = {table: _bytes(warehouse, table, folder) for table in tables if table is not live.FINDINGS}
        evaluations = sum(file.stat().st_size for file in (settings.data / "evaluations").rglob("*.*"))
        now = sum(size[table] for table in live.TABLES if table in size)
        monitoring, past = settings.monitoring, settings.history
        return {
            "live.* but findings (replaced)": Growth(now, 0, 0, always=1),
            f"live.findings ({found} of a poll)": Growth(
                findings // polls, polls, monitoring.keep_findings_days
            ),
            "evaluations/": Growth(evaluations, polls, settings.alerts.keep_days),
            "state.evidence (newest, Mondays)": Growth(
                size[state.EVIDENCE] // states, 1 / 7, past.keep_state_days, always=KEPT_DAYS
            ),
            "state.day_shapes": Growth(size[state.DAY_SHAPES], 1, past.keep_state_days),
        }


def _poll(warehouse: Warehouse, sites: int) -> datetime:
    """The tables of a poll in the early afternoon of the day after; its instant."""
    today = LAST + timedelta(days=1)
    instant = datetime(today.year, today.month, today.day, HOUR_OF_POLL, 5, tzinfo=UTC)
    frames = World(sites, len(HOURLY) + 1, 5, start=HOURLY[0]).history(today, today)
    known = warehouse.query("SELECT DISTINCT metric FROM history.sle_hourly")["metric"]
    hours = {
        of: frame.filter(frame["hour"] < instant.replace(minute=0))
        for of, frame in frames.items()
        if of in ("sle_hourly", "classifiers_hourly", "site_hourly")
    }
    hours["sle_hourly"] = hours["sle_hourly"].filter(hours["sle_hourly"]["metric"].is_in(known.implode()))
    tables = {
        live.SLE_HOURLY: "sle_hourly",
        live.CLASSIFIERS_HOURLY: "classifiers_hourly",
        live.SITE_HOURLY: "site_hourly",
    }
    warehouse.replace_tables(
        {table: hours[of].select(table.polars_schema().keys()) for table, of in tables.items()}
    )
    return instant


def _bytes(warehouse: Warehouse, table: Table, folder: Path, times: int = 1) -> int:
    """What a table takes in a file of its own, with its rows as of so many polls, less an empty file."""
    rows = warehouse.query(f"SELECT * FROM {table.full_name}")
    sizes = []
    for name, number in (("empty", 0), ("full", times)):
        file = folder / f"{table.name}-{name}.duckdb"
        with duckdb.connect(str(file)) as connection:
            connection.register("rows_of_it", rows)
            connection.execute("CREATE TABLE it AS SELECT * FROM rows_of_it LIMIT 0")
            for copy in range(number):
                connection.execute(
                    f"INSERT INTO it SELECT * {OF_ANOTHER_POLL if times > 1 else ''} FROM rows_of_it",
                    {"n": copy} if times > 1 else {},
                )
        sizes.append(file.stat().st_size)
    return sizes[1] - sizes[0]


def _mb(size: float) -> str:
    return f"{size / 1e6:7,.2f} MB"


if __name__ == "__main__":
    main()
