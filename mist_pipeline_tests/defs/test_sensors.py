"""What wakes the jobs that tell people: nothing is lost between two ticks, nothing is asked for twice, nobody is called."""

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import dagster as dg
import pytest
import yaml
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.notify.outcome import Accepted, Retry
from mist_pipeline.definitions import build_defs
from mist_pipeline.defs import sensors
from mist_pipeline.defs.sensors import (
    degradation_sensor,
    delivery_sensor,
    escalation_sensor,
    newest_after,
    ticket_sensor,
)
from mist_pipeline.defs.table_io import SINGLE_RUN, key
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.tables import analysis
from mist_pipeline.tables import live as live_tables
from mist_pipeline.workflows.analysis.detect_day import BACKFILL_TAG
from mist_pipeline.workflows.ledger_access import open_ledger, telling
from mist_pipeline.workflows.progress import NOTIFY_TAG
from mist_pipeline_tests.support.alerts.histories import HOUR, START, finding, live

LIVE, DAY = "live/findings", "analysis/findings"
DAYS = dg.DailyPartitionsDefinition(start_date="2026-03-01", timezone="UTC")
UNDER_WAY = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
LONG_AGO = -20 * 365 * 24.0
"""Hours."""
ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks the network fails, whatever library it takes."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a sensor asked the network")

    connect = socket.socket.connect

    def local_only(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX:
            refuse()
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


def job_named(name: str) -> dg.JobDefinition:
    @dg.op(name="step")
    def step() -> None:
        """Nothing happens."""

    @dg.job(name=name)
    def made() -> None:
        step()

    return made


class Watchman:
    """A sensor between its ticks: what Dagster keeps for it is the cursor."""

    def __init__(self, instance: dg.DagsterInstance, sensor: dg.SensorDefinition) -> None:
        self.instance = instance
        self.sensor = sensor
        self.cursor: str | None = None

    def looks(self) -> dg.RunRequest | dg.SkipReason:
        with dg.build_sensor_context(instance=self.instance, cursor=self.cursor) as context:
            said = self.sensor(context)
            self.cursor = context.cursor
        assert isinstance(said, dg.RunRequest | dg.SkipReason)
        return said

    def fires(self) -> bool:
        return isinstance(self.looks(), dg.RunRequest)


# What a cursor becomes


@pytest.mark.parametrize(
    ("seen", "found", "after", "wanted"),
    [
        pytest.param({}, {}, {}, None, id="nothing happened ever"),
        pytest.param({}, {LIVE: []}, {}, None, id="no look yet"),
        pytest.param({}, {LIVE: [(3, True)]}, {LIVE: 3}, 3, id="the first look"),
        pytest.param({LIVE: 3}, {LIVE: []}, {LIVE: 3}, None, id="nothing new"),
        pytest.param({LIVE: 3}, {LIVE: [(3, True)]}, {LIVE: 3}, None, id="the same again"),
        pytest.param({LIVE: 3}, {LIVE: [(4, True), (7, True)]}, {LIVE: 7}, 7, id="two looks, one run"),
        pytest.param({LIVE: 3}, {LIVE: [(7, False)]}, {LIVE: 7}, None, id="a backfill"),
        pytest.param({LIVE: 3}, {LIVE: [(4, True), (7, False)]}, {LIVE: 7}, 4, id="a backfill behind a look"),
        pytest.param({LIVE: 3}, {LIVE: [(7, False), (4, True)]}, {LIVE: 7}, 4, id="newest first"),
        pytest.param(
            {LIVE: 3},
            {LIVE: [(4, True)], DAY: [(9, True), (8, True)]},
            {LIVE: 4, DAY: 9},
            9,
            id="a look and a day",
        ),
        pytest.param(
            {LIVE: 3, DAY: 9}, {LIVE: [(12, True)], DAY: []}, {LIVE: 12, DAY: 9}, 12, id="each its own cursor"
        ),
        pytest.param({LIVE: 9}, {LIVE: [(4, True)]}, {LIVE: 9}, None, id="a cursor never goes back"),
        pytest.param(
            {"old/asset": 5}, {LIVE: [(6, True)]}, {"old/asset": 5, LIVE: 6}, 6, id="a renamed asset"
        ),
    ],
)
def test_the_newest_event_that_may_tell_is_wanted_and_the_cursor_passes_all(
    seen: Mapping[str, int],
    found: Mapping[str, Sequence[tuple[int, bool]]],
    after: Mapping[str, int],
    wanted: int | None,
) -> None:
    assert newest_after(seen, found) == (after, wanted)


@given(st.lists(st.tuples(st.sampled_from([LIVE, DAY]), st.booleans(), st.booleans())))
def test_however_ticks_fall_between_events_each_that_may_tell_is_followed_by_a_run(
    history: list[tuple[str, bool, bool]],
) -> None:
    seen: dict[str, int] = {}
    happened: dict[str, list[tuple[int, bool]]] = {LIVE: [], DAY: []}
    is_owed = False
    for number, (asset, is_telling, is_tick) in enumerate(history, 1):
        happened[asset].append((number, is_telling))
        is_owed |= is_telling
        if is_tick:
            found = {
                name: [event for event in events if event[0] > seen.get(name, 0)]
                for name, events in happened.items()
            }
            seen, wanted = newest_after(seen, found)
            assert (wanted is not None) == is_owed
            is_owed = False


# New findings


@dg.asset(key=key(live_tables.FINDINGS))
def look() -> None: ...


@dg.asset(key=key(analysis.FINDINGS), partitions_def=DAYS, backfill_policy=SINGLE_RUN)
def day() -> None: ...


def looked(instance: dg.DagsterInstance, **tags: str) -> None:
    dg.materialize([look], instance=instance, tags=tags)


def analysed(
    instance: dg.DagsterInstance, first: str, last: str | None = None, tags: Mapping[str, str] | None = None
) -> None:
    job = dg.define_asset_job("analyse", [day])
    span = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last or first}
    dg.Definitions(assets=[day], jobs=[job]).resolve_job_def("analyse").execute_in_process(
        instance=instance, tags={**span, **(tags or {})}
    )


@pytest.fixture
def watchman(instance: dg.DagsterInstance) -> Watchman:
    return Watchman(instance, degradation_sensor(job_named("evaluate")))


def test_without_findings_nothing_is_evaluated(watchman: Watchman) -> None:
    said = watchman.looks()
    assert isinstance(said, dg.SkipReason)
    assert said.skip_message == "No new findings."


def test_a_look_and_a_day_are_each_evaluated_once(instance: dg.DagsterInstance, watchman: Watchman) -> None:
    looked(instance)
    first = watchman.looks()
    assert isinstance(first, dg.RunRequest)
    assert not watchman.fires()
    analysed(instance, "2026-03-02")
    second = watchman.looks()
    assert isinstance(second, dg.RunRequest)
    assert not watchman.fires()
    assert first.run_key != second.run_key


def test_what_was_found_while_the_sensor_was_off_is_evaluated_in_one_run(
    instance: dg.DagsterInstance, watchman: Watchman
) -> None:
    for _ in range(3):
        looked(instance)
    analysed(instance, "2026-03-02")
    assert watchman.fires()
    assert not watchman.fires()


def test_a_tick_that_is_repeated_asks_for_the_same_run(
    instance: dg.DagsterInstance, watchman: Watchman
) -> None:
    looked(instance)
    first = watchman.looks()
    # The daemon died before it kept the cursor.
    watchman.cursor = None
    again = watchman.looks()
    assert isinstance(first, dg.RunRequest)
    assert isinstance(again, dg.RunRequest)
    assert first.run_key == again.run_key


@pytest.mark.parametrize(
    ("tags", "is_told"),
    [
        ({}, True),
        ({"dagster/schedule_name": "every_morning"}, True),
        ({BACKFILL_TAG: "abc"}, False),
        ({BACKFILL_TAG: "abc", NOTIFY_TAG: "true"}, True),
        ({BACKFILL_TAG: "abc", NOTIFY_TAG: "false"}, False),
        ({NOTIFY_TAG: "false"}, False),
        ({NOTIFY_TAG: "true"}, True),
    ],
)
def test_a_backfill_asks_for_nothing_unless_it_is_told_to(
    instance: dg.DagsterInstance, watchman: Watchman, tags: dict[str, str], is_told: bool
) -> None:
    analysed(instance, "2026-03-02", tags=tags)
    assert watchman.fires() == is_told
    assert not watchman.fires()


def test_a_day_behind_which_a_backfill_came_is_evaluated_all_the_same(
    instance: dg.DagsterInstance, watchman: Watchman
) -> None:
    looked(instance)
    assert watchman.fires()
    analysed(instance, "2026-03-05")
    analysed(instance, "2026-03-01", "2026-03-04", tags={BACKFILL_TAG: "abc"})
    assert watchman.fires()
    assert not watchman.fires()


def test_before_the_first_tick_too_a_backfill_hides_no_look(
    instance: dg.DagsterInstance, watchman: Watchman
) -> None:
    analysed(instance, "2026-03-05")
    analysed(instance, "2026-03-01", "2026-03-04", tags={BACKFILL_TAG: "abc"})
    assert watchman.fires()


def test_many_days_at_once_are_one_run(instance: dg.DagsterInstance, watchman: Watchman) -> None:
    looked(instance)
    assert watchman.fires()
    analysed(instance, "2026-03-01", "2026-03-20")
    assert watchman.fires()
    assert not watchman.fires()


def test_more_events_than_one_tick_reads_are_read_by_the_next_ones(
    instance: dg.DagsterInstance, watchman: Watchman, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "MOST_EVENTS", 4)
    analysed(instance, "2026-03-01")
    assert watchman.fires()
    analysed(instance, "2026-03-02", "2026-03-06", tags={BACKFILL_TAG: "abc"})
    analysed(instance, "2026-03-07")
    assert [watchman.fires() for _ in range(3)] == [False, True, False]


def test_events_without_a_run_are_evaluated(instance: dg.DagsterInstance, watchman: Watchman) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(key(live_tables.FINDINGS)))
    assert watchman.fires()


def test_a_run_that_was_deleted_takes_no_wake_up_with_it(
    instance: dg.DagsterInstance, watchman: Watchman
) -> None:
    looked(instance)
    assert watchman.fires()
    looked(instance)
    for run in instance.get_runs():
        instance.run_storage.delete_run(run.run_id)
    assert watchman.fires()


# Rows, steps and tickets


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
    ledger.record_evaluation(live(hour, finding()), telling(settings))
    (name,) = ledger.book(START + hour * HOUR).incidents
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
        self._watchman = Watchman(instance, sensor)

    def fires(self, hour: float | None = None) -> bool:
        self.hour = self.hour if hour is None else hour
        return self._watchman.fires()

    def said(self) -> str:
        said = self._watchman.looks()
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
        "pipeline_trouble": (["evaluate"], 60),
        "ticket_sensor": (["read_back"], 300),
    }


def test_no_sensor_asks_the_network_also_when_everything_waits(
    instance: dg.DagsterInstance, settings: Settings, ledger: Ledger
) -> None:
    waiting(ledger, settings, LONG_AGO)
    looked(instance)
    repository = build_defs(settings).get_repository_def()
    # They have the real clock, and everything was due before any that is right.
    fired = {sensor.name for sensor in repository.sensor_defs if Watchman(instance, sensor).fires()}
    assert fired == {"degradation_sensor", "delivery_sensor", "escalation_sensor", "ticket_sensor"}
