"""Dagster's home forgets runs that are long over, and never which days were made."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from mist_pipeline.defs.dagster_history import prune
from mist_pipeline.defs.scope import ALONE
from mist_pipeline.workflows.running.dagster_database import with_driver
from mist_pipeline_tests.support.postgresql import postgresql_server

pytestmark = pytest.mark.slow

DAILY = dg.DailyPartitionsDefinition(start_date="2026-03-01", timezone="UTC")
LATER = datetime.now(UTC) + timedelta(days=1)


@dg.asset(partitions_def=DAILY)
def of_days() -> None: ...


@dg.asset_check(asset=of_days)
def fine() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dg.asset
def of_now() -> None: ...


@pytest.fixture(params=["sqlite", "postgresql"])
def stored(request: pytest.FixtureRequest) -> Iterator[dg.DagsterInstance]:
    """An instance, with each of the databases that may be behind it."""
    if request.param == "sqlite":
        with dg.instance_for_test() as opened:
            yield opened
        return
    pytest.importorskip(
        "dagster_postgres", reason="PostgreSQL NOT TESTED: the extra postgres is not installed"
    )
    with postgresql_server() as address:
        storage = {"storage": {"postgres": {"postgres_url": with_driver(address)}}}
        with dg.instance_for_test(overrides=storage) as opened:
            yield opened


def kept(instance: dg.DagsterInstance, run_id: str) -> Sequence[object]:
    """What is kept of a run's events beside what says which days it made: files of SQLite, rows of PostgreSQL."""
    if isinstance(instance.event_log_storage, SqliteEventLogStorage):
        return [
            path for path in Path(instance.root_directory).rglob(f"*{run_id}*") if "-wal" not in path.name
        ]
    entries = instance.all_logs(run_id)
    return [one for one in entries if one.dagster_event is None or one.dagster_event.asset_key is None]


def test_old_runs_go_and_the_days_that_they_made_stay(stored: dg.DagsterInstance) -> None:
    polls = [dg.materialize([of_now], instance=stored).run_id for _ in range(2)]
    days = [
        dg.materialize([of_days, fine], instance=stored, partition_key="2026-03-01").run_id for _ in range(2)
    ]
    going_on = stored.create_run_for_job(
        dg.Definitions(assets=[of_now]).resolve_implicit_global_asset_job_def(),
        status=dg.DagsterRunStatus.STARTED,
    )
    assert prune(stored, ALONE, datetime.now(UTC) - timedelta(days=1)).runs == 0
    counted = prune(stored, ALONE, LATER, is_dry_run=True)
    assert (counted.runs, counted.logs) == (2, 2)
    assert all(kept(stored, run_id) for run_id in (*polls, *days))
    pruned = prune(stored, ALONE, LATER)
    assert pruned == counted
    assert not any(kept(stored, run_id) for run_id in (*polls, *days))
    assert {run.run_id for run in stored.get_runs()} == {*days, going_on.run_id}
    assert stored.get_materialized_partitions(of_days.key) == {"2026-03-01"}
    assert stored.get_latest_materialization_event(of_now.key) is not None
    [result] = stored.event_log_storage.get_asset_check_execution_history(fine.check_key, limit=10)
    assert result.run_id == days[-1]
    again = prune(stored, ALONE, LATER)
    assert (again.runs, again.logs, again.num_bytes) == (0, 0, 0)
