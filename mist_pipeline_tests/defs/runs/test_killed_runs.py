"""A killed run leaves nothing behind that a later one would wait for, and a living one is left alone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run_iterator
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.launcher.base import LaunchRunContext, WorkerStatus
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._utils.interrupts import capture_interrupts

from mist_pipeline.cli.dagster_home import instance as home_of
from mist_pipeline.cli.execution import execute
from mist_pipeline.definitions import build_defs
from mist_pipeline.defs.jobs import poll_unless_one_waits
from mist_pipeline.defs.resources import RUN, RunOptions
from mist_pipeline.defs.runs.dead import PROCESS_TAG, TERM_TAG, bury_the_dead, why_dead
from mist_pipeline.defs.runs.executor import in_process
from mist_pipeline.defs.runs.launcher import NamedProcessLauncher
from mist_pipeline.defs.runs.limits import LIMIT_TAG, MAX_RUNTIME
from mist_pipeline.defs.runs.ticks import set_back_runs, set_back_ticks
from mist_pipeline.defs.runs.waiting import attentive_waits
from mist_pipeline.defs.scope import ALONE
from mist_pipeline.defs.watching.pipeline_facts import CheckReader, read_facts
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.workflows.progress import silent
from mist_pipeline.workflows.running.processes import name_of_process, this_process

pytestmark = pytest.mark.slow

POOL = "evidence"

ORIGIN = RemoteJobOrigin(
    RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("mist_pipeline"), "__repository__"), "live"
)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """An instance as production has it, with our launcher, which has pools."""
    with home_of(settings_at(tmp_path_factory.mktemp("home"))) as instance:
        yield instance


def settings_at(data: Path) -> Settings:
    return load_settings(environment={"MIST_PIPELINE_DATA": str(data)})


@dg.job
def work() -> None:
    """Nothing."""


def started(
    opened: dg.DagsterInstance,
    process: str | None = None,
    status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED,
) -> dg.DagsterRun:
    """A run that is under way and holds the place of the warehouse's writer."""
    tags = {} if process is None else {PROCESS_TAG: process}
    run = opened.create_run_for_job(work, tags=tags, status=status)
    opened.event_log_storage.initialize_concurrency_limit_to_default(POOL)
    opened.event_log_storage.claim_concurrency_slot(POOL, run.run_id, "step")
    return run


def status(opened: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    known = opened.get_run_by_id(run.run_id)
    assert known is not None
    return known.status


def free_places(opened: dg.DagsterInstance) -> int:
    info = opened.event_log_storage.get_concurrency_info(POOL)
    return info.slot_count - info.active_slot_count


def end(opened: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    opened.report_run_failed(run)
    opened.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def child() -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)


@pytest.fixture(scope="module")
def killed() -> str:
    """The name of a process that was killed and is gone."""
    process = child()
    name = name_of_process(process.pid)
    assert name is not None
    process.kill()
    process.communicate()
    return name


@pytest.mark.parametrize(
    "under_way",
    [
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.CANCELING,
    ],
    ids=lambda one: one.value.lower(),
)
def test_the_run_of_a_killed_process_is_ended_and_its_place_is_free(
    opened: dg.DagsterInstance, killed: str, under_way: dg.DagsterRunStatus
) -> None:
    run = started(opened, killed, under_way)
    assert free_places(opened) == 0
    assert bury_the_dead(opened) == [run.run_id]
    assert status(opened, run) == dg.DagsterRunStatus.FAILURE
    assert free_places(opened) == 1
    assert bury_the_dead(opened) == []


def test_the_end_of_a_killed_run_says_what_happened_to_whom(opened: dg.DagsterInstance, killed: str) -> None:
    run = started(opened, killed)
    bury_the_dead(opened)
    records = opened.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE).records
    [event] = [record.event_log_entry.dagster_event for record in records]
    assert event is not None
    assert event.message is not None
    assert f"number {killed.split(':')[1]}" in event.message
    assert "killed" in event.message


def test_a_killed_process_that_nobody_waited_for_is_dead(opened: dg.DagsterInstance) -> None:
    process = child()
    try:
        name = name_of_process(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        run = started(opened, name)
        assert bury_the_dead(opened) == [run.run_id]
    finally:
        process.communicate()


def of_another_start() -> str:
    """This process's number, as another process had it once."""
    host, number, _ = this_process().split(":")
    return f"{host}:{number}:0ther-1"


@pytest.mark.parametrize(
    ("process", "is_dead"),
    [
        (this_process(), False),
        (of_another_start(), True),
        ("another-host:1:1-1", False),
        ("nonsense", False),
        ("", False),
        (f"{this_process().split(':')[0]}:-3:1", False),
    ],
    ids=[
        "alive",
        "its number is another's now",
        "of another host",
        "not a name",
        "without a name",
        "a strange number",
    ],
)
def test_only_who_is_known_to_be_gone_is_dead(process: str, is_dead: bool) -> None:
    assert (why_dead({PROCESS_TAG: process}) is not None) == is_dead


def test_living_runs_and_those_of_other_hosts_keep_their_place(opened: dg.DagsterInstance) -> None:
    runs = [started(opened, this_process()), started(opened, "another-host:1:1-1"), started(opened)]
    assert bury_the_dead(opened) == []
    assert {status(opened, run) for run in runs} == {dg.DagsterRunStatus.STARTED}
    assert free_places(opened) == 0
    for run in runs:
        end(opened, run)


@pytest.mark.parametrize(
    ("launched", "term", "is_dead"),
    [("6", 7, True), ("7", 7, False), ("6", None, False), (None, 7, False), ("soon", 7, False)],
    ids=["of an earlier term", "of this term", "nobody here is active", "of the command line", "nonsense"],
)
def test_what_another_machine_launched_is_dead_once_this_one_took_over(
    launched: str | None, term: int | None, is_dead: bool
) -> None:
    tags = {PROCESS_TAG: "another-host:1:1-1", **({TERM_TAG: launched} if launched else {})}
    reason = why_dead(tags, term)
    assert (reason is not None) == is_dead
    assert not is_dead or "on another-host, is gone" in str(reason)


def test_whoever_takes_over_frees_the_places_of_the_machine_before(opened: dg.DagsterInstance) -> None:
    run = started(opened, "another-host:1:1-1")
    opened.add_run_tags(run.run_id, {TERM_TAG: "1"})
    assert bury_the_dead(opened) == []
    assert bury_the_dead(opened, term=2) == [run.run_id]
    assert free_places(opened) == 1


def test_a_run_that_nobody_launched_in_the_end_is_ended_by_the_next_daemon(
    opened: dg.DagsterInstance,
) -> None:
    run = started(opened, None, dg.DagsterRunStatus.STARTING)
    assert bury_the_dead(opened) == [], "its launcher may be about to name it"
    assert bury_the_dead(opened, not_launched=[ALONE]) == [run.run_id]
    assert status(opened, run) == dg.DagsterRunStatus.FAILURE
    assert free_places(opened) == 1


def test_the_monitoring_of_dagster_is_told_which_processes_are_gone(
    opened: dg.DagsterInstance, killed: str
) -> None:
    launcher = opened.run_launcher
    assert isinstance(launcher, NamedProcessLauncher)
    assert launcher.supports_check_run_worker_health
    assert opened.run_monitoring_enabled
    dead, alive = started(opened, killed), started(opened, this_process())
    health = {run.run_id: launcher.check_run_worker_health(run) for run in (dead, alive)}
    assert health[dead.run_id].status == WorkerStatus.NOT_FOUND
    assert "killed" in str(health[dead.run_id].msg)
    assert health[alive.run_id].status == WorkerStatus.RUNNING
    for run in (dead, alive):
        end(opened, run)


def test_a_run_is_known_by_the_process_that_launches_it_until_it_has_its_own(
    opened: dg.DagsterInstance,
) -> None:
    run = opened.create_run_for_job(work, status=dg.DagsterRunStatus.STARTING)
    with pytest.raises(dg.DagsterInvariantViolationError, match="workspace"):
        opened.run_launcher.launch_run(LaunchRunContext(run, workspace=None))
    known = opened.get_run_by_id(run.run_id)
    assert known is not None
    assert known.tags[PROCESS_TAG] == this_process()
    opened.report_run_failed(run)


def test_a_run_that_hangs_without_its_code_server_gets_the_signal_itself(opened: dg.DagsterInstance) -> None:
    process = child()
    run = started(opened, name_of_process(process.pid))
    assert opened.run_launcher.terminate(run.run_id)
    # Before its input ends, which would end it as well.
    assert process.wait(60) == -signal.SIGTERM
    process.communicate()
    assert not opened.run_launcher.terminate(run.run_id), "nobody is left who could get it"
    end(opened, run)


def test_every_job_names_its_process_and_has_a_limit(tmp_path: Path) -> None:
    definitions = build_defs(settings_at(tmp_path))
    jobs = {job.name: job for job in definitions.resolve_all_job_defs()}
    implicit = {name for name in jobs if name.startswith("__")}
    assert set(MAX_RUNTIME) == set(jobs) - implicit
    for name, job in jobs.items():
        assert job.executor_def is in_process, name
        if name not in implicit:
            assert int(job.run_tags[LIMIT_TAG]) == MAX_RUNTIME[name].total_seconds()


def test_a_run_that_dagster_launched_says_which_process_it_is(opened: dg.DagsterInstance) -> None:
    @dg.op
    def look(context: dg.OpExecutionContext) -> None:
        known = context.instance.get_run_by_id(context.run_id)
        assert known is not None
        assert known.tags[PROCESS_TAG] == this_process()

    @dg.job(executor_def=in_process)
    def named() -> None:
        look()

    run = opened.create_run_for_job(named)
    events = list(execute_run_iterator(InMemoryJob(named), run, opened))
    assert events[-1].event_type == dg.DagsterEventType.RUN_SUCCESS


def test_a_run_that_waits_for_a_pool_pauses_and_hears_the_signal_to_end(opened: dg.DagsterInstance) -> None:
    holder = started(opened, this_process())
    with (
        attentive_waits(),
        capture_interrupts(),
        InstanceConcurrencyContext(opened, opened.create_run_for_job(work)) as waiting,
    ):
        assert not waiting.claim(POOL, "step")
        assert waiting.interval_to_next_pending_claim_check() > 0
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(dg.DagsterExecutionInterruptedError, match="waited"):
            waiting.interval_to_next_pending_claim_check()
    end(opened, holder)


def test_a_run_that_waited_in_the_queue_works_as_of_its_beginning(opened: dg.DagsterInstance) -> None:
    seen = []

    @dg.op
    def look(run: RunOptions) -> None:
        seen.append(run.instant)

    @dg.job(executor_def=in_process, resource_defs={RUN: RunOptions.configure_at_launch()})
    def waited() -> None:
        look()

    run = opened.create_run_for_job(waited)
    list(execute_run_iterator(InMemoryJob(waited), run, opened))
    record = opened.get_run_record_by_id(run.run_id)
    assert record is not None
    assert record.start_time is not None
    assert [one.timestamp() for one in seen] == [pytest.approx(record.start_time, abs=1e-5)]


def test_a_run_of_the_command_line_names_its_process_and_has_no_limit(tmp_path: Path) -> None:
    settings = settings_at(tmp_path)
    assert execute(settings, "retention", progress=silent).is_success
    with home_of(settings) as opened:
        (run,) = opened.get_runs()
    assert run.tags[PROCESS_TAG] == this_process()
    assert run.tags[LIMIT_TAG] == "0"


def test_a_poll_that_waits_in_the_queue_is_not_joined_by_another(opened: dg.DagsterInstance) -> None:
    @dg.job
    def live() -> None: ...

    with dg.build_schedule_context(instance=opened) as context:
        assert isinstance(poll_unless_one_waits(ALONE)(context), dg.RunRequest)
        under_way = opened.create_run_for_job(live, status=dg.DagsterRunStatus.STARTED)
        assert isinstance(poll_unless_one_waits(ALONE)(context), dg.RunRequest)
        waiting = opened.create_run_for_job(live, status=dg.DagsterRunStatus.QUEUED, remote_job_origin=ORIGIN)
        assert isinstance(poll_unless_one_waits(ALONE)(context), dg.SkipReason)
    for run in (under_way, waiting):
        opened.report_run_failed(run)


def instigator(name: str, kind: InstigatorType, data: Any) -> InstigatorState:
    origin = RemoteInstigatorOrigin(ORIGIN.repository_origin, name)
    return InstigatorState(origin, kind, InstigatorStatus.RUNNING, data)


def test_a_run_of_a_clock_that_was_ahead_is_not_the_newest_for_hours(opened: dg.DagsterInstance) -> None:
    @dg.job
    def polls() -> None: ...

    def run(at: float, event: dg.DagsterEventType) -> dg.DagsterRun:
        made = opened.create_run_for_job(polls)
        opened.report_dagster_event(dg.DagsterEvent(event.value, polls.name), made.run_id, timestamp=at)
        return made

    now = time.time()
    failed = run(now + 3 * 3600, dg.DagsterEventType.RUN_FAILURE)
    good = run(now + 1, dg.DagsterEventType.RUN_SUCCESS)
    facts = partial(read_facts, opened, ALONE, ["polls"], CheckReader([]))
    assert [one.job for one in facts().jobs] == ["polls"], "what was seen: it failed after it succeeded"
    assert set_back_runs(opened, now) == 1
    assert set_back_runs(opened, now) == 0
    assert facts().jobs == ()
    for each in (failed, good):
        opened.delete_run(each.run_id)


NOW = 1_770_000_000.0
AHEAD = NOW + 3 * 3600


def test_schedules_and_sensors_do_not_wait_for_the_time_of_a_clock_that_was_ahead(
    opened: dg.DagsterInstance,
) -> None:
    states = [
        instigator("polls", InstigatorType.SCHEDULE, ScheduleInstigatorData("* * * * *", AHEAD, AHEAD)),
        instigator("dues", InstigatorType.SENSOR, SensorInstigatorData(AHEAD, cursor="7")),
        instigator("right", InstigatorType.SENSOR, SensorInstigatorData(NOW - 30.0)),
    ]
    for state in states:
        opened.add_instigator_state(state)
        opened.create_tick(
            TickData(
                state.instigator_origin_id,
                state.instigator_name,
                state.instigator_type,
                TickStatus.SUCCESS,
                NOW - 30.0 if state.instigator_name == "right" else AHEAD,
                run_ids=[],
                run_keys=[],
                selector_id=state.selector_id,
            )
        )
    assert set_back_ticks(opened, NOW) == ["dues", "polls"]
    assert set_back_ticks(opened, NOW) == []
    after = {state.instigator_name: state for state in opened.all_instigator_state()}
    polls, dues = after["polls"].instigator_data, after["dues"].instigator_data
    assert isinstance(polls, ScheduleInstigatorData)
    assert isinstance(dues, SensorInstigatorData)
    assert (polls.start_timestamp, polls.last_iteration_timestamp) == (NOW, NOW)
    assert (dues.last_tick_timestamp, dues.cursor) == (NOW, "7")
    for state in states:
        [tick] = opened.get_ticks(state.instigator_origin_id, state.selector_id)
        assert tick.timestamp <= NOW
        opened.delete_instigator_state(state.instigator_origin_id, state.selector_id)
