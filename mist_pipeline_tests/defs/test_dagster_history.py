"""Dagster's home forgets runs that are long over, and never which days were made."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from mist_pipeline.defs.dagster_history import prune

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


def files(instance: dg.DagsterInstance, run_id: str) -> list[Path]:
    return [path for path in Path(instance.root_directory).rglob(f"*{run_id}*") if "-wal" not in path.name]


def test_old_runs_go_and_the_days_that_they_made_stay(scheduled: dg.DagsterInstance) -> None:
    polls = [dg.materialize([of_now], instance=scheduled).run_id for _ in range(2)]
    days = [
        dg.materialize([of_days, fine], instance=scheduled, partition_key="2026-03-01").run_id
        for _ in range(2)
    ]
    going_on = scheduled.create_run_for_job(
        dg.Definitions(assets=[of_now]).resolve_implicit_global_asset_job_def(),
        status=dg.DagsterRunStatus.STARTED,
    )
    assert prune(scheduled, datetime.now(UTC) - timedelta(days=1)).runs == 0
    counted = prune(scheduled, LATER, is_dry_run=True)
    assert (counted.runs, counted.logs) == (2, 2)
    assert all(files(scheduled, run_id) for run_id in (*polls, *days))
    pruned = prune(scheduled, LATER)
    assert pruned == counted
    assert pruned.num_bytes > 0
    assert not any(files(scheduled, run_id) for run_id in (*polls, *days))
    assert {run.run_id for run in scheduled.get_runs()} == {*days, going_on.run_id}
    assert scheduled.get_materialized_partitions(of_days.key) == {"2026-03-01"}
    assert scheduled.get_latest_materialization_event(of_now.key) is not None
    [result] = scheduled.event_log_storage.get_asset_check_execution_history(fine.check_key, limit=10)
    assert result.run_id == days[-1]
    again = prune(scheduled, LATER)
    assert (again.runs, again.logs, again.num_bytes) == (0, 0, 0)
