"""The sensor that notices the pipeline's own trouble, and the notifications that follow."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import yaml

# What Dagster keeps of runs, schedules and graphs can only be made or read with classes that have no public name.
from dagster._core.scheduler.instigation import (
    InstigatorStatus,
)

from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.notify.outcome import Accepted, Retry
from mist_pipeline.defs.sensors import pipeline_trouble_sensor
from mist_pipeline.settings import load_settings
from mist_pipeline.workflows.ledger_access import notification_rules, open_ledger
from mist_pipeline.workflows.self_monitoring.jobs import WATCHED
from mist_pipeline_tests.support.alerts.histories import START, finding, live
from mist_pipeline_tests.support.defs.installation import (
    Build,
)
from mist_pipeline_tests.support.defs.runs import (
    BAD,
    GOOD,
    Ticks,
    broken,
    fine,
    job_that,
    materialise,
    read,
    run,
    turn,
)

pytestmark = pytest.mark.slow


NOW = datetime(2026, 3, 28, 10, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
QUARTER = 15 * MINUTE


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no folder is given, what the sensor opens is made in the folder that the test stands in."""
    monkeypatch.chdir(tmp_path)


class TroubleTicks(Ticks):
    """The sensor between its ticks, with a clock that tests set."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        keys: Sequence[dg.AssetCheckKey] = (),
        data: Path = Path("data"),
    ) -> None:
        self.now = datetime.now(UTC)
        settings = load_settings(environment={"MIST_PIPELINE_DATA": str(data)})
        super().__init__(
            instance,
            pipeline_trouble_sensor(settings, WATCHED, keys, job_that("alerts", broken), lambda: self.now),
        )


def test_a_sound_pipeline_starts_nothing_and_says_so(instance: dg.DagsterInstance) -> None:
    said = TroubleTicks(instance).tick()
    assert isinstance(said, dg.SkipReason)
    assert said.skip_message == "Nothing new; troubles known: 0."


def test_trouble_starts_the_job_when_it_begins_and_when_it_ends(instance: dg.DagsterInstance) -> None:
    ticks = TroubleTicks(instance)
    run(instance, "daily", broken)
    request = ticks.tick()
    assert isinstance(request, dg.RunRequest)
    assert request.run_key is None
    said = ticks.tick()
    assert isinstance(said, dg.SkipReason)
    assert said.skip_message == "Nothing new; troubles known: 1."
    run(instance, "daily", fine)
    assert ticks.fires()
    assert not ticks.fires()


def test_a_sink_that_fails_starts_the_job_after_minutes_and_when_it_accepts_again(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    notifications = {
        "sinks": {"chat": {"type": "file"}, "mail": {"type": "file"}},
        "routes": [{"name": "all", "sinks": ["chat", "mail"]}],
    }
    settings = load_settings(
        environment={
            "MIST_PIPELINE_DATA": str(tmp_path),
            "MIST_PIPELINE__NOTIFICATIONS": yaml.safe_dump(notifications),
        }
    )
    now = START
    ticks = Ticks(
        instance, pipeline_trouble_sensor(settings, WATCHED, (), job_that("alerts", broken), lambda: now)
    )
    with open_ledger(settings) as ledger:
        ledger.record_evaluation(live(0, finding()), notification_rules(settings))
        outbox = Outbox(ledger.engine)
        outbox.work({"chat": lambda _row: Retry("403")}, "w", lambda: START)
        outbox.work({"mail": lambda _row: Accepted()}, "w", lambda: START)
        now = START + 9 * MINUTE
        assert not ticks.fires()
        now = START + 10 * MINUTE
        assert ticks.fires()
        now = START + 30 * MINUTE
        assert not ticks.fires()
        outbox.work({"chat": lambda _row: Accepted()}, "w", lambda: now)
        assert ticks.fires()


def test_trouble_that_comes_back_starts_the_job_again(instance: dg.DagsterInstance) -> None:
    ticks = TroubleTicks(instance)
    for does in (broken, fine, broken):
        run(instance, "search", does)
        assert ticks.fires()


def test_a_change_of_severity_starts_the_job_and_another_failure_alone_does_not(
    instance: dg.DagsterInstance,
) -> None:
    ticks = TroubleTicks(instance)
    fired = []
    for _ in range(4):
        run(instance, "live", broken)
        fired.append(ticks.fires())
    assert fired == [True, False, True, False]


def test_the_job_that_fails_itself_does_not_start_itself(instance: dg.DagsterInstance) -> None:
    ticks = TroubleTicks(instance)
    run(instance, "daily", broken)
    assert ticks.fires()
    for _ in range(3):
        run(instance, "alerts", broken)
        assert not ticks.fires()


def test_a_sensor_for_a_watched_job_is_refused() -> None:
    settings = load_settings(environment={})
    with pytest.raises(ValueError, match="daily reports the others"):
        pipeline_trouble_sensor(settings, WATCHED, (), job_that("daily", fine))


def test_what_happened_while_the_sensor_was_off_is_not_lost(instance: dg.DagsterInstance) -> None:
    run(instance, "daily", broken)
    run(instance, "search", broken)
    run(instance, "search", fine)
    ticks = TroubleTicks(instance, materialise(instance, BAD))
    ticks.cursor = "no cursor of ours"
    assert ticks.fires()
    assert not ticks.fires()


def test_a_failed_check_starts_the_job(instance: dg.DagsterInstance) -> None:
    ticks = TroubleTicks(instance, materialise(instance, GOOD))
    assert not ticks.fires()
    materialise(instance, BAD)
    assert ticks.fires()


def test_polls_that_stop_start_the_job_without_any_run(scheduled: dg.DagsterInstance, tmp_path: Path) -> None:
    ticks = TroubleTicks(scheduled, data=tmp_path)
    run(scheduled, "live", fine)
    last = read(scheduled).last_poll
    assert last is not None
    turn(scheduled, InstigatorStatus.RUNNING, last - 24 * HOUR, "every_few_minutes")
    ticks.now = last + 45 * MINUTE
    assert not ticks.fires()
    ticks.now = last + 46 * MINUTE
    assert ticks.fires()
    ticks.now = last + 2 * HOUR
    assert not ticks.fires(), (
        "the other schedules and the sensors are off, but who slept for an hour looks for a while first"
    )
    ticks.now += 9 * MINUTE
    assert not ticks.fires()
    ticks.now += 2 * MINUTE
    assert ticks.fires()


def test_the_sensor_is_off_until_somebody_turns_it_on_and_takes_its_time(
    instance: dg.DagsterInstance,
) -> None:
    sensor = TroubleTicks(instance).sensor
    assert sensor.name == "pipeline_trouble"
    assert sensor.default_status == dg.DefaultSensorStatus.STOPPED
    assert sensor.minimum_interval_seconds == 60
    assert [target.job_name for target in sensor.targets] == ["alerts"]


def test_a_failed_daily_run_is_notified_once_and_its_recovery_in_the_same_place(
    build: Build, instance: dg.DagsterInstance
) -> None:
    installed = build()
    watch = installed.definitions.resolve_job_def("watch")
    sensor = pipeline_trouble_sensor(installed.settings, WATCHED, (), watch, lambda: START)
    cursor: str | None = None

    def happens(does: Callable[[], None], hour: float) -> bool:
        """A run of ``daily``, then the sensor, then the run that it asks for; whether it asks."""
        nonlocal cursor
        job_that("daily", does).execute_in_process(instance=instance, raise_on_error=False)
        with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
            said = sensor(context)
            cursor = context.cursor
        if isinstance(said, dg.RunRequest):
            installed.read("watch", hour)
        return isinstance(said, dg.RunRequest)

    assert happens(broken, 0)
    ((told,),) = installed.messages().values()
    assert told["reason"] == "first"
    assert told["incident"]["severity"] == "critical"
    assert "Job daily failed: step: ValueError: the tower fell" in told["incident"]["title"]
    assert not happens(broken, 1)
    installed.read("evaluate", 1)
    assert installed.reasons() == [["first"]]
    assert happens(fine, 2)
    assert installed.reasons() == [["first", "all_resolved"]]
    assert len(installed.messages()) == 1
    installed.read("evaluate", 3)
    assert installed.reasons() == [["first", "all_resolved"]]


def test_what_fails_to_evaluate_is_told_by_somebody_else(
    build: Build, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure of ``evaluate`` was told by nobody."""
    installed = build()
    installed.keep(live(0, finding()))
    monkeypatch.setattr("mist_pipeline.workflows.notifying.evaluate.evaluate", lambda *_, **__: 1 / 0)
    for hour in (1, 2, 3):
        assert not installed.run("evaluate", hour).success
    installed.read("watch", 4)
    ((told,),) = installed.messages().values()
    assert told["incident"]["title"].startswith("Job evaluate failed 3 times in a row: evaluate_looks: ")
    monkeypatch.undo()
    installed.read("evaluate", 5)
    assert installed.incident("radio").is_active
    installed.read("watch", 5.1)
    assert not installed.incident("pipeline").is_active


def test_a_report_that_failed_is_made_again(
    build: Build, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = build()
    watch = installed.definitions.resolve_job_def("watch")
    now = datetime.now(UTC)
    sensor = pipeline_trouble_sensor(installed.settings, WATCHED, (), watch, lambda: now)
    ticks = Ticks(instance, sensor)
    job_that("daily", broken).execute_in_process(instance=instance, raise_on_error=False)
    assert ticks.fires()
    with monkeypatch.context() as patch:
        patch.setattr("mist_pipeline.workflows.notifying.evaluate.tell_own_state", lambda *_, **__: 1 / 0)
        assert not installed.run("watch", 0).success
    assert not ticks.fires()
    now += 6 * MINUTE
    assert ticks.fires()
    installed.read("watch", 0)
    assert not ticks.fires()
    assert installed.reasons() == [["first"]]


def test_the_pipelines_own_state_says_nothing_about_any_site(
    build: Build, instance: dg.DagsterInstance
) -> None:
    installed = build()
    installed.evaluates(0, finding())
    job_that("daily", broken).execute_in_process(instance=instance, raise_on_error=False)
    installed.read("evaluate", 0.5)
    assert installed.incident("radio").is_active
    assert installed.incident("pipeline").is_active
    assert installed.reasons() == [["first"], ["first"]]
