"""Two organisations behind one Dagster, a storm in one: the other's polls, evaluation and messages go on, and nothing of the storm is theirs.

Code servers, queue, sensors and processes of runs are those of `mist-pipeline daemon`, each cloud answers over HTTP. The test says when queue and
sensors look, and until when the storm's cloud is silent, so that what goes on beside the storm is known and no time is waited out.
"""

import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
import yaml
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorType
from dagster._core.test_utils import freeze_time
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._daemon.daemon import get_default_daemon_logger
from dagster._daemon.run_coordinator import QueuedRunCoordinatorDaemon
from dagster._daemon.sensor import execute_sensor_iteration

from mist_pipeline.cli.code_location.files import code_location
from mist_pipeline.cli.code_location.server import code_server
from mist_pipeline.cli.dagster_home import environment, instance
from mist_pipeline.cli.serving.served import locations_of
from mist_pipeline.cli.serving.turning_on import turn_on
from mist_pipeline.definitions import build_defs
from mist_pipeline.defs.resources import run_config
from mist_pipeline.defs.scope import ORGANISATION_TAG, Scope
from mist_pipeline.mist.budget import Counted, counted, fingerprint
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.simulator.cloud.http_faults import Faults, Scripted
from mist_pipeline.simulator.cloud.server import Running, serve
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.scenario import site_offline, wan_storm
from mist_pipeline.simulator.world.world import World
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline_tests.failover.at_work import wait

pytestmark = pytest.mark.slow

STORM, QUIET = "acme", "globex"
SITES = {STORM: 40, QUIET: 8}
HIT = {STORM: tuple(range(34)), QUIET: (5,)}
REFUSED = 3
"""Answers of 429 of the storm's cloud, once it answers."""
Status = dg.DagsterRunStatus


class SilentClock(Clock):
    """Of a cloud that answers nobody as long as it is silent: each answer asks for the time first."""

    def __init__(self, now: datetime) -> None:
        super().__init__(now)
        self.asked, self.speaks = threading.Event(), threading.Event()

    def now(self) -> datetime:
        self.asked.set()
        self.speaks.wait()
        return super().now()


@dataclass
class Service:
    """Two organisations, and the parts of the daemon, which look when they are told to."""

    settings: Mapping[str, Settings]
    clouds: Mapping[str, Running]
    storms_clock: SilentClock
    opened: dg.DagsterInstance
    workspace: WorkspaceProcessContext
    now: datetime
    ticked: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        self._jobs = {
            key: build_defs(one).resolve_job_def(Scope(key).name("live"))
            for key, one in self.settings.items()
        }
        self._queue = QueuedRunCoordinatorDaemon(interval_seconds=1)

    def poll(self, key: str, after: timedelta = timedelta(0)) -> str:
        """A poll into the queue, as the schedule puts it; its id."""
        job = self._jobs[key]
        place = RemoteRepositoryOrigin(
            RegisteredCodeLocationOrigin(code_location(self.settings[key])), "__repository__"
        )
        run = self.opened.create_run_for_job(
            job,
            run_config=run_config(self.now + after),
            tags=job.run_tags,
            status=Status.QUEUED,
            remote_job_origin=RemoteJobOrigin(place, job.name),
        )
        return run.run_id

    def launch(self) -> None:
        """A look of the queue."""
        for _ in self._queue.run_iteration(self.workspace):
            pass

    def tick(self) -> dict[str, set[str]]:
        """A look of every sensor, behind its pause; jobs of the runs that each organisation's sensors asked for."""
        before = {run.run_id for run in self.opened.get_runs()}
        self.ticked = max(self.ticked + 61, time.time())
        with freeze_time(self.ticked):
            for _ in execute_sensor_iteration(
                self.workspace, get_default_daemon_logger("sensors"), None, None
            ):
                pass
        asked: dict[str, set[str]] = {key: set() for key in self.settings}
        for run in self.opened.get_runs():
            if run.run_id not in before:
                key = run.tags[ORGANISATION_TAG]
                asked[key].add(Scope(key).plain(run.job_name))
        return asked

    def ended(self, run_id: str) -> Status:
        """How a run ended."""
        wait(lambda: self.run(run_id).is_finished)
        return self.run(run_id).status

    def work_off(self, key: str) -> list[Status]:
        """Launch what an organisation has in the queue, and wait for the end of all of it."""
        self.launch()
        return [self.ended(run.run_id) for run in self.runs(key)]

    def run(self, run_id: str) -> dg.DagsterRun:
        found = self.opened.get_run_by_id(run_id)
        assert found is not None
        return found

    def runs(self, key: str) -> Sequence[dg.DagsterRun]:
        """Of an organisation."""
        return self.opened.get_runs(dg.RunsFilter(tags={ORGANISATION_TAG: key}))

    def fired(self, key: str) -> dict[str, list[bool]]:
        """Sensors of an organisation that ever asked for a run: whether each tick did, in their order."""
        found = {
            Scope(key).plain(one.name): [
                bool(tick.run_ids)
                for tick in reversed(self.opened.get_ticks(one.instigator_origin_id, one.selector_id))
            ]
            for one in self.opened.all_instigator_state(instigator_type=InstigatorType.SENSOR)
            if one.name.startswith(f"{key}__")
        }
        return {name: ticks for name, ticks in found.items() if any(ticks)}

    def calls(self, key: str) -> int:
        """What the shared file of calls counted of the tokens of an organisation."""
        settings = self.settings[key]
        tokens = [fingerprint(self.clouds[key].base_url, one.get_secret_value()) for one in settings.tokens]
        found: list[Counted] = counted(settings.budget_path, 0.0, tokens)
        return sum(one.batch + one.live + one.elsewhere for one in found)

    def told(self, key: str) -> list[str]:
        """Messages that its people got."""
        return [
            path.read_text(encoding="utf-8")
            for path in (self.settings[key].data / "messages").glob("*/*.txt")
        ]

    def frames(self, key: str) -> dict[str, pl.DataFrame]:
        """Its ledger."""
        with open_ledger(self.settings[key]) as ledger:
            return {**ledger.frames(), "alerts": ledger.alert_frame()}


def ids(service: Service, key: str, numbers: Iterable[int]) -> set[str]:
    """Sites of an organisation."""
    sites = service.clouds[key].world.sites()
    return {sites[number].site_id for number in numbers}


def named(service: Service, text: str) -> dict[str, tuple[int, ...]]:
    """Whose sites a text names, and which; without a snapshot they are called by the begin of their ids."""
    found = {
        key: tuple(one.index for one in cloud.world.sites() if f"site {one.site_id[:8]}" in text)
        for key, cloud in service.clouds.items()
    }
    return {key: numbers for key, numbers in found.items() if numbers}


@pytest.fixture(autouse=True)
def _in_memory() -> None:
    """Dagster keeps its record on disk here, since processes share it."""


def configured(folder: Path, clouds: Mapping[str, Running]) -> dict[str, str]:
    """The files of both, and the environment of their processes."""
    own = folder / "config" / "organisations"
    own.mkdir(parents=True)
    told = {"sinks": {"people": {"type": "file"}}, "routes": [{"name": "everybody", "sinks": ["people"]}]}
    (folder / "config" / "config.yaml").write_text(yaml.safe_dump({"notifications": told}), encoding="utf-8")
    variables = {
        "MIST_PIPELINE_CONFIG": str(folder / "config" / "config.yaml"),
        "MIST_PIPELINE_DATA": str(folder / "data"),
    }
    for key, cloud in clouds.items():
        variables[f"{key.upper()}_TOKEN"] = cloud.token
        mist = {"base_url": cloud.base_url, "org_id": cloud.org_id, "token_from": f"{key.upper()}_TOKEN"}
        (own / f"{key}.yaml").write_text(yaml.safe_dump({"mist": mist}), encoding="utf-8")
    return variables


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    # Of the real day before, so that nothing of it is too old and every hour of it is over.
    day = datetime.now(UTC).date() - timedelta(days=1)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    now = noon + timedelta(minutes=20)
    trouble = {STORM: wan_storm(HIT[STORM], noon, 6.0), QUIET: site_offline(HIT[QUIET], noon, 6.0)}
    clocks = {STORM: SilentClock(now), QUIET: Clock(now)}
    refusals = [Scripted("/stats/", "rate_limited", times=REFUSED)]
    faults = {STORM: Faults(script=refusals, retry_after_seconds=1), QUIET: Faults()}
    with ExitStack() as stack:
        clouds = {}
        for seed, key in enumerate((STORM, QUIET), 3):
            world = World(
                SITES[key],
                3,
                seed,
                start=day - timedelta(days=1),
                quiet=True,
                timezones=["UTC"],
                scenarios=[trouble[key]],
            )
            clouds[key] = stack.enter_context(serve(world, clock=clocks[key], faults=faults[key]))
        # Before the clouds end, whose answers wait for it.
        stack.callback(clocks[STORM].speaks.set)
        for name, value in configured(tmp_path, clouds).items():
            monkeypatch.setenv(name, value)
        settings = {
            key: load_settings(environment={**os.environ, "MIST_PIPELINE_ORG": key}) for key in (STORM, QUIET)
        }
        one = settings[STORM]
        opened = stack.enter_context(instance(one))
        env = environment(one)
        server = stack.enter_context(code_server(env, locations_of(list(settings.values()))))
        turn_on(one, server.workspace, [location.name for location in server.served])
        target = WorkspaceFileTarget([str(server.workspace)])
        workspace = stack.enter_context(WorkspaceProcessContext(opened, target))
        yield Service(settings, clouds, clocks[STORM], opened, workspace, now)


def test_a_storm_of_one_organisation_holds_up_nothing_of_the_other_and_tells_its_people_nothing(
    service: Service,
) -> None:
    storm = [service.poll(STORM), service.poll(STORM)]
    service.launch()
    wait(service.storms_clock.asked.is_set)

    # While the cloud of the storm is silent: behind its polls in the queue, the other one is asked, evaluated, told.
    quiet = [service.poll(QUIET)]
    service.launch()
    assert service.ended(quiet[0]) == Status.SUCCESS
    assert service.tick() == {STORM: set(), QUIET: {"evaluate"}}
    assert set(service.work_off(QUIET)) == {Status.SUCCESS}
    assert [service.run(one).status for one in storm] == [Status.STARTED, Status.QUEUED]
    (message,) = service.told(QUIET)
    assert service.told(STORM) == []

    # It answers, at first with refusals.
    service.storms_clock.speaks.set()
    assert service.ended(storm[0]) == Status.SUCCESS
    assert service.clouds[STORM].requests.statuses[429] == REFUSED
    service.opened.run_coordinator.cancel_run(storm[1])
    assert service.tick() == {STORM: {"evaluate"}, QUIET: set()}
    assert set(service.work_off(STORM)) == {Status.SUCCESS, Status.CANCELED}

    # Of the storm its own people are told, and once.
    (stormed,) = service.told(STORM)
    assert service.told(QUIET) == [message]
    for key, text in ((STORM, stormed), (QUIET, message)):
        assert named(service, text) == {key: HIT[key]}
    scopes = {STORM: "infrastructure", QUIET: "site"}
    for key in (STORM, QUIET):
        found = service.frames(key)
        (incident,) = found["incidents"].iter_rows(named=True)
        assert (incident["scope"], incident["state"]) == (scopes[key], "open")
        assert set(found["alerts"]["site_id"]) == ids(service, key, HIT[key])
        assert set(found["alerts"]["incident_id"]) == {incident["incident_id"]}
        assert found["deliveries"].select("reason", "state").rows() == [("first", "sent")]

    # Whose looks asked for what, which runs that made, and whose calls were counted.
    fired = {key: service.fired(key) for key in (STORM, QUIET)}
    assert fired == {
        STORM: {"degradation_sensor": [False, True]},
        QUIET: {"degradation_sensor": [True, False]},
    }
    jobs = {key: sorted(Scope(key).plain(run.job_name) for run in service.runs(key)) for key in fired}
    assert jobs == {STORM: ["evaluate", "live", "live"], QUIET: ["evaluate", "live"]}
    asked = {key: cloud.requests for key, cloud in service.clouds.items()}
    assert service.calls(QUIET) == asked[QUIET].statuses[200] == asked[QUIET].total
    # A call that was refused may be given back, and asked again.
    assert asked[STORM].statuses[200] <= service.calls(STORM) <= asked[STORM].total
    assert service.calls(STORM) > 2 * service.calls(QUIET)
