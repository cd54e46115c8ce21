"""What is wrong now, from Dagster's instance, the ledger and the machine together."""

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

# What Dagster keeps of runs, schedules and graphs can only be made or read with classes that have no public name.
from dagster._core.scheduler.instigation import InstigatorStatus

from mist_pipeline.defs.runs.dead import PROCESS_TAG
from mist_pipeline.defs.watching.now import read_service, running_now, stalled_now
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.ledger_access import kept_evaluations
from mist_pipeline_tests.support.alerts.histories import finding, live
from mist_pipeline_tests.support.defs.runs import broken, fine, job_that, run, turn
from mist_pipeline_tests.support.workflows.messages_waiting import configured, waits

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 28, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_what_waits_is_read_where_somebody_turned_the_work_on(
    scheduled: dg.DagsterInstance, tmp_path: Path
) -> None:
    settings = configured(tmp_path, "chat")
    waits(settings, chat=None)
    kept_evaluations(settings).keep(live(0, finding()))
    now = datetime.now(UTC) + HOUR
    nobody = read_service(scheduled, settings, now)
    assert (nobody.is_served, nobody.is_unsent, nobody.unevaluated_since) == (False, False, None)
    turn(scheduled, InstigatorStatus.RUNNING, now - HOUR, "delivery_sensor")
    found = read_service(scheduled, settings, now)
    assert (found.is_unsent, found.is_uncalled, found.analysed_days) == (True, False, frozenset())
    since = found.unevaluated_since
    assert since is not None
    assert timedelta(0) <= now - HOUR - since < HOUR
    assert found.disks[0].free_bytes > 0
    assert set(stalled_subjects(scheduled, settings, now)) >= {"unevaluated", "unsent", "switched_off"}


def stalled_subjects(instance: dg.DagsterInstance, settings: Settings, now: datetime) -> list[str]:
    return [one.subject for one in stalled_now(instance, settings, now)]


def test_a_ledger_that_cannot_be_read_stops_the_heartbeat(
    scheduled: dg.DagsterInstance, tmp_path: Path
) -> None:
    settings = configured(tmp_path, "chat")
    (tmp_path / "ledger.db").write_bytes(b"no database" * 500)
    turn(scheduled, InstigatorStatus.RUNNING, NOW, "delivery_sensor")
    assert "ledger" in stalled_subjects(scheduled, settings, NOW)


def test_doctor_sees_trouble_clocks_and_dead_runs(scheduled: dg.DagsterInstance, tmp_path: Path) -> None:
    settings = configured(tmp_path, "chat")
    run(scheduled, "search", broken)
    dead = scheduled.create_run_for_job(job_that("daily", fine))
    scheduled.add_run_tags(dead.run_id, {PROCESS_TAG: f"{socket.gethostname()}:1:gone"})
    scheduled.report_dagster_event(
        dg.DagsterEvent(dg.DagsterEventType.PIPELINE_STARTING.value, "daily"), dead.run_id
    )
    found = running_now(scheduled, settings, datetime.now(UTC))
    assert [one.subject for one in found.troubles] == ["search"]
    assert found.dead_runs == [f"daily {dead.run_id[:8]}"]
    assert not any(clock.is_on for clock in found.clocks)
