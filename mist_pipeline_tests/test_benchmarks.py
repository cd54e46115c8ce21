"""Every benchmark runs: tiny here, so that `make bench` does not fail after an hour."""

import importlib
from pathlib import Path

import pytest

TINY = {
    "bound": ["--sites", "2", "--days", "25", "--seeds", "1"],
    "changes": ["--sites", "3", "--days", "22", "--seeds", "1"],
    "daily": ["--sites", "2", "--backfill", "0"],
    "evidence": ["--sites", "2", "--days", "10", "--large", "2"],
    "faults": ["--sites", "2", "--hours", "1", "--minutes", "30"],
    "forecasts": ["--sites", "1", "--series", "0"],
    "growth": ["--sites", "2", "--steps", "evaluate", "evidence"],
    "intervals": ["--sites", "2", "--days", "18", "--worlds", "1"],
    "labelled": ["--series", "1", "--kinds", "mean,extremum"],
    "operator": ["--quarters", "1", "--cases", "1"],
    "overview": ["--sites", "2"],
    "polls": ["--sites", "2"],
    "replay": ["--sites", "2", "--days", "3"],
    "rival_alerts": ["--sites", "3", "--days", "25", "--worlds", "1"],
    "rivals": ["--sites", "2", "--days", "56", "--worlds", "1", "--series", "2", "--no-libraries"],
    "sensitivity": ["--sites", "2", "--days", "20", "--tidy", "1", "--messy", "--added", "1"],
    "storage": ["--sites", "2", "--repeat", "1"],
    "web": ["--sites", "2", "--days", "8"],
    "webhooks": ["--messages", "2", "--outages", "1", "--storm-sites", "2"],
}
"""Benchmark → options with which it takes seconds."""

TOO_LONG = {"detection", "lake", "organisations", "runs", "waits"}
"""Collects, analyses and replays a world by commands, half a minute for the smallest; `end_to_end` does the same with more questions.
Starts a service beside a backfill, two minutes for the smallest; `crash.daemon` and `defs.runs.test_pools` do the same.
Starts a daemon with several code servers, a minute for the smallest; `cli.serving` tests its parts.
Starts PostgreSQL and analyses twice, ten seconds for the smallest; `warehouse.test_lake` and `warehouse.test_upkeep` test its parts.
Starts a code server and twelve runs, a minute for one job; `cli.serving.test_run_processes` starts such runs."""


def test_no_benchmark_is_forgotten() -> None:
    folder = Path(__file__).parents[1] / "benchmarks"
    assert set(TINY) | TOO_LONG == {path.stem.removeprefix("bench_") for path in folder.glob("bench_*.py")}


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
def test_a_benchmark_prints_its_table(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    importlib.import_module(f"benchmarks.bench_{name}").main(TINY[name])
    assert "sites" in capsys.readouterr().out
