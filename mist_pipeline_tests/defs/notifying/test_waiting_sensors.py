"""What wakes delivery, escalation and the reading of tickets: only what waits, and no network."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

# What Dagster keeps of runs, schedules and graphs can only be made or read with classes that have no public name.
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.notify.outcome import Accepted, Retry
from mist_pipeline.definitions import build_defs
from mist_pipeline.defs.sensors import (
    delivery_sensor,
    escalation_sensor,
    ticket_sensor,
)
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.workflows.ledger_access import notification_rules, open_ledger
from mist_pipeline_tests.support.alerts.histories import HOUR, START, finding, live
from mist_pipeline_tests.support.defs.runs import (
    Ticks,
    job_named,
    looked,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_network")]


UNDER_WAY = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
LONG_AGO = -20 * 365 * 24.0
"""Hours."""
ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


CONFIGURATION: dict[str, Any] = {
    "sinks": {
        "people": {"type": "file"},
        "jira": {
            "type": "jira",
            "base_url": "https://jira.example.com",
            "project": "NOC",
            "user": "mist@example.com",
            "token_from": "JIRA_TOKEN",
        },
    },
    "routes": [{"name": "all", "sinks": ["people", "jira"], "escalation": "on call"}],
    "escalations": {"on call": {"steps": [{"after_minutes": 15, "sink": "people"}]}},
}


def settings_of(data: Path, told: Mapping[str, Any]) -> Settings:
    data.mkdir(parents=True, exist_ok=True)
    (data / "config.yaml").write_text(yaml.safe_dump({"notifications": dict(told)}), encoding="utf-8")
    return load_settings(environment={"MIST_PIPELINE_DATA": str(data), "JIRA_TOKEN": "very-secret"})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(tmp_path / "data", CONFIGURATION)


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with open_ledger(settings) as opened:
        yield opened


def trouble(ledger: Ledger, settings: Settings, hour: float = 0) -> str:
    """One incident that people are told of; its id."""
    ledger.record_evaluation(live(hour, finding()), notification_rules(settings))
    (name,) = ledger.lifecycle_state(START + hour * HOUR).incidents
    return name


def sends(ledger: Ledger, hour: float, *sinks: str) -> None:
    """What is due for these sinks is accepted."""
    answers = dict.fromkeys(sinks, lambda row: Accepted({"key": f"NOC-{row.delivery_id}"}))
    while Outbox(ledger.engine).work(answers, "worker", lambda: START + hour * HOUR):
        pass


Clock = Callable[[], datetime]
Made = Callable[[Settings, dg.JobDefinition, Clock], dg.SensorDefinition]

SENSORS: dict[str, Made] = {
    "deliver": delivery_sensor,
    "escalate": escalation_sensor,
    "read_back": lambda settings, job, _: ticket_sensor(settings, job),
}
"""Job → what wakes it."""

EVERY_JOB = pytest.mark.parametrize("job", SENSORS)


class Guard:
    """The sensor of a job, at an hour."""

    def __init__(self, instance: dg.DagsterInstance, settings: Settings, job: str) -> None:
        self.hour = 0.0
        self.job = job_named(job)
        sensor = SENSORS[job](settings, self.job, lambda: START + self.hour * HOUR)
        self._watchman = Ticks(instance, sensor)

    def fires(self, hour: float | None = None) -> bool:
        self.hour = self.hour if hour is None else hour
        return self._watchman.fires()

    def said(self) -> str:
        said = self._watchman.tick()
        assert isinstance(said, dg.SkipReason)
        return said.skip_message or ""


@EVERY_JOB
def test_before_the_first_alert_nothing_is_asked_for(
    instance: dg.DagsterInstance, settings: Settings, job: str
) -> None:
    assert Guard(instance, settings, job).said() in {
        "No message is due.",
        "Nobody has to be called.",
        "No ticket is open.",
    }


@EVERY_JOB
def test_without_any_sink_nothing_is_asked_for(
    instance: dg.DagsterInstance, tmp_path: Path, job: str
) -> None:
    nobody = settings_of(tmp_path / "data", {})
    with open_ledger(nobody) as ledger:
        trouble(ledger, nobody)
    assert not Guard(instance, nobody, job).fires(9)


def waiting(ledger: Ledger, settings: Settings, hour: float = 0) -> None:
    """Something for every sensor an hour later: a row that is due, a step that is due, a ticket that is open."""
    trouble(ledger, settings, hour)
    sends(ledger, hour, "jira")


@EVERY_JOB
def test_what_waits_is_asked_for_at_every_tick_until_it_is_done(
    instance: dg.DagsterInstance, settings: Settings, ledger: Ledger, job: str
) -> None:
    waiting(ledger, settings)
    guard = Guard(instance, settings, job)
    assert [guard.fires(1), guard.fires(1)] == [True, True]


@EVERY_JOB
@pytest.mark.parametrize("status", UNDER_WAY)
def test_while_a_run_of_the_job_is_under_way_no_other_is_asked_for(
    instance: dg.DagsterInstance,
    settings: Settings,
    ledger: Ledger,
    job: str,
    status: dg.DagsterRunStatus,
) -> None:
    waiting(ledger, settings)
    guard = Guard(instance, settings, job)
    guard.hour = 1
    # A run in the queue has to know where it comes from.
    target = LoadableTargetOrigin(module_name="mist_pipeline.definitions")
    repository = RemoteRepositoryOrigin(InProcessCodeLocationOrigin(target), "__repository__")
    instance.create_run_for_job(guard.job, status=status, remote_job_origin=RemoteJobOrigin(repository, job))
    assert guard.said() == f"A run of {job} is under way and takes what is due."


@EVERY_JOB
@pytest.mark.parametrize("status", ENDED)
def test_a_run_that_has_ended_and_one_of_another_job_hold_up_nothing(
    instance: dg.DagsterInstance,
    settings: Settings,
    ledger: Ledger,
    job: str,
    status: dg.DagsterRunStatus,
) -> None:
    waiting(ledger, settings)
    guard = Guard(instance, settings, job)
    instance.create_run_for_job(guard.job, status=status)
    instance.create_run_for_job(job_named("daily"), status=dg.DagsterRunStatus.STARTED)
    assert guard.fires(1)


def test_rows_are_asked_for_when_they_are_due_and_no_longer_than_they_are(
    instance: dg.DagsterInstance, settings: Settings, ledger: Ledger
) -> None:
    trouble(ledger, settings)
    guard = Guard(instance, settings, "deliver")
    assert guard.fires(0)
    outbox = Outbox(ledger.engine)
    outbox.work({"people": lambda _: Retry("503", 600), "jira": lambda _: Accepted()}, "w", lambda: START)
    assert not guard.fires(0.1)
    assert guard.fires(0.2)
    sends(ledger, 0.2, "people", "jira")
    assert not guard.fires(0.2)


def test_a_row_that_a_worker_holds_is_asked_for_only_after_its_lease(
    instance: dg.DagsterInstance, settings: Settings, ledger: Ledger
) -> None:
    trouble(ledger, settings)
    assert len(Outbox(ledger.engine).lease("dies", START)) == 2
    guard = Guard(instance, settings, "deliver")
    assert not guard.fires(0.01)
    assert guard.fires(0.1)


def test_rows_for_sinks_that_are_not_configured_any_more_wake_nobody(
    instance: dg.DagsterInstance, settings: Settings, ledger: Ledger, tmp_path: Path
) -> None:
    trouble(ledger, settings)
    sends(ledger, 0, "people")
    assert Guard(instance, settings, "deliver").fires(0)
    files = settings_of(tmp_path / "data", {"sinks": {"people": {"type": "file"}}})
    assert not Guard(instance, files, "deliver").fires(0)


def test_a_step_is_asked_for_when_it_is_due_and_not_after_somebody_has_taken_it(
    instance: dg.DagsterInstance, settings: Settings, ledger: Ledger
) -> None:
    name = trouble(ledger, settings)
    guard = Guard(instance, settings, "escalate")
    assert not guard.fires(0.2)
    assert guard.fires(0.25)
    ledger.acknowledge(name, "ada", START + HOUR)
    assert not guard.fires(1)


def test_tickets_are_asked_for_while_their_incident_goes_on(
    instance: dg.DagsterInstance, settings: Settings, ledger: Ledger
) -> None:
    guard = Guard(instance, settings, "read_back")
    name = trouble(ledger, settings)
    assert not guard.fires()
    sends(ledger, 0, "people")
    assert not guard.fires()
    sends(ledger, 0, "jira")
    assert guard.fires()
    ledger.resolve(name, "ada", START + HOUR)
    assert not guard.fires()


# As they are wired


def test_every_sensor_starts_its_job_and_takes_its_time(settings: Settings) -> None:
    repository = build_defs(settings).get_repository_def()
    told = {
        sensor.name: ([target.job_name for target in sensor.targets], sensor.minimum_interval_seconds)
        for sensor in repository.sensor_defs
    }
    assert told == {
        "degradation_sensor": (["evaluate"], 30),
        "delivery_sensor": (["deliver"], 30),
        "escalation_sensor": (["escalate"], 30),
        "pipeline_trouble": (["watch"], 60),
        "ticket_sensor": (["read_back"], 300),
    }


def test_no_sensor_asks_the_network_also_when_everything_waits(
    instance: dg.DagsterInstance, settings: Settings, ledger: Ledger
) -> None:
    waiting(ledger, settings, LONG_AGO)
    looked(instance)
    repository = build_defs(settings).get_repository_def()
    # They have the real clock, and everything was due before any that is right.
    fired = {sensor.name for sensor in repository.sensor_defs if Ticks(instance, sensor).fires()}
    assert fired == {"degradation_sensor", "delivery_sensor", "escalation_sensor", "ticket_sensor"}
