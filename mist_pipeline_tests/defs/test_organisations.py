"""Several organisations in one Dagster instance: none sees another's runs, checks, wake-ups, limits or days."""

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

# What Dagster keeps of runs, schedules and graphs can only be made or read with classes that have no public name.
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorStatus
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import TagConcurrencyLimitsCounter

from mist_pipeline.cli.code_location.files import DAGSTER_YAML
from mist_pipeline.definitions import build_defs
from mist_pipeline.defs.assets.whole import NAME as WHOLE
from mist_pipeline.defs.assets.whole import lacking_in_a_row
from mist_pipeline.defs.dagster_history import prune
from mist_pipeline.defs.jobs import poll_unless_one_waits
from mist_pipeline.defs.mornings import complete_days, late_days, look
from mist_pipeline.defs.run_queue import HEAVY, LIVE
from mist_pipeline.defs.runs.dead import PROCESS_TAG, bury_the_dead
from mist_pipeline.defs.scope import KIND_TAG, ORGANISATION_TAG, Scope
from mist_pipeline.defs.sensors import degradation_sensor, delivery_sensor, pipeline_trouble_sensor
from mist_pipeline.defs.watching.clocks import expected_clocks, read_clocks
from mist_pipeline.defs.watching.now import read_service, running_now
from mist_pipeline.defs.watching.pipeline_facts import CheckReader, failed_report, read_facts
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.tables import analysis, history, live
from mist_pipeline.workflows.self_monitoring.facts import PipelineFacts
from mist_pipeline.workflows.self_monitoring.jobs import WATCHED
from mist_pipeline_tests.support.defs.installation import FILES, Installation
from mist_pipeline_tests.support.defs.runs import Ticks, broken, fine, job_named, job_that, turn
from mist_pipeline_tests.support.workflows.messages_waiting import configured, waits

DAY, SINCE = "2026-03-20", datetime(2026, 3, 1, tzinfo=UTC)
YESTERDAY = datetime(2026, 3, 20, tzinfo=UTC).date()
TICK = datetime(2026, 3, 21, 2, 30, tzinfo=UTC)

TWO = [
    pytest.param(("acme", "globex"), id="two keys"),
    pytest.param(("", "acme"), id="ours has none"),
    pytest.param(("acme", ""), id="the other has none"),
]


@pytest.fixture(params=TWO)
def ours_and_theirs(request: pytest.FixtureRequest) -> tuple[Scope, Scope]:
    one, other = request.param
    return Scope(one), Scope(other)


@pytest.fixture
def ours(ours_and_theirs: tuple[Scope, Scope]) -> Scope:
    return ours_and_theirs[0]


@pytest.fixture
def theirs(ours_and_theirs: tuple[Scope, Scope]) -> Scope:
    return ours_and_theirs[1]


def settings_of(scope: Scope, data: Path | None = None) -> Settings:
    key = {"MIST_PIPELINE__ORGANISATION__KEY": scope.organisation} if scope.organisation else {}
    return load_settings(environment={**key, **({"MIST_PIPELINE_DATA": str(data)} if data else {})})


def facts(instance: dg.DagsterInstance, scope: Scope, *checks: dg.AssetCheckKey) -> PipelineFacts:
    return read_facts(instance, scope, WATCHED, CheckReader(checks))


def run(instance: dg.DagsterInstance, scope: Scope, job: str, does: Any, **tags: str) -> str:
    made = job_that(scope.name(job), does)
    wanted = {**scope.tags, **tags}
    return made.execute_in_process(instance=instance, raise_on_error=False, tags=wanted).run_id


def begun(
    instance: dg.DagsterInstance, scope: Scope, job: str, status: dg.DagsterRunStatus, **tags: str
) -> dg.DagsterRun:
    place = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("anywhere"), "__repository__")
    return instance.create_run_for_job(
        job_that(scope.name(job), fine),
        status=status,
        tags={**scope.tags, **tags},
        remote_job_origin=RemoteJobOrigin(place, scope.name(job)),
    )


# What is defined


def names(settings: Settings) -> dict[str, set[str]]:
    """Everything by which Dagster knows what is defined."""
    definitions = build_defs(settings)
    repository, graph = definitions.get_repository_def(), definitions.resolve_asset_graph()
    nodes = [one.definition for job in repository.get_all_jobs() for one in job.graph.nodes]
    lineages = [spec.metadata.get("dagster/column_lineage") for spec in definitions.resolve_all_asset_specs()]
    sources = [found for one in lineages if one for found in one.deps_by_column.values()]
    return {
        "assets": {key.to_user_string() for key in graph.get_all_asset_keys()},
        "checked": {key.asset_key.to_user_string() for key in graph.asset_check_keys},
        "inputs": {dep.to_user_string() for node in graph.asset_nodes for dep in node.parent_keys},
        "columns": {source.asset_key.to_user_string() for found in sources for source in found},
        "jobs": {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")},
        "schedules": {one.name for one in repository.schedule_defs},
        "sensors": {one.name for one in repository.sensor_defs},
        "pools": {pool for node in nodes for pool in node.pools},
    }


def test_a_key_stands_before_every_name_and_nothing_else_changes() -> None:
    plain, scoped = names(settings_of(Scope())), names(settings_of(Scope("acme")))
    below = {"assets", "checked", "inputs", "columns"}
    assert all(plain.values())
    assert scoped == {
        kind: {f"acme/{name}" if kind in below else f"acme__{name}" for name in found}
        for kind, found in plain.items()
    }


def test_every_run_of_a_job_and_every_asset_says_whose_it_is() -> None:
    definitions = build_defs(settings_of(Scope("acme")))
    jobs = [one for one in definitions.get_repository_def().get_all_jobs() if not one.name.startswith("__")]
    assert {job.name: job.run_tags.get(ORGANISATION_TAG) for job in jobs} == {
        job.name: "acme" for job in jobs
    }
    tags = {spec.tags.get(ORGANISATION_TAG) for spec in definitions.resolve_all_asset_specs()}
    assert tags == {"acme"}
    loads = {job.run_tags.get("mist_pipeline/load") for job in jobs}
    assert loads - {None} == {
        f"acme__{load}" for load in ("heavy", "live", "evaluate", "deliver", "escalate", "read_back", "watch")
    }


def test_runs_of_nobody_in_particular_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="by job or load"):
        Scope("acme").runs(statuses=[dg.DagsterRunStatus.STARTED])


# Trouble


@pytest.mark.slow
@pytest.mark.parametrize("job", ["daily", "live", "search"])
def test_a_failed_run_is_trouble_of_its_organisation_and_a_success_of_another_hides_nothing(
    job: str, instance: dg.DagsterInstance, ours: Scope, theirs: Scope
) -> None:
    days = {"dagster/partition": DAY}
    failed = run(instance, ours, job, broken, **days)
    run(instance, theirs, job, fine, **days)
    (one,) = facts(instance, ours).jobs
    assert (one.job, one.failure.newest.run_id) == (job, failed)
    assert facts(instance, theirs).jobs == ()
    assert (facts(instance, theirs).last_poll is None) == (job != "live")
    assert facts(instance, ours).last_poll is None
    run(instance, ours, job, fine, **days)
    assert facts(instance, ours).jobs == ()


@pytest.mark.slow
def test_a_morning_is_not_made_good_by_parts_of_another_organisation(
    instance: dg.DagsterInstance, ours: Scope, theirs: Scope
) -> None:
    days = {"dagster/partition": DAY}
    run(instance, ours, "daily", broken, **days)
    for scope, is_open in ((theirs, True), (ours, False)):
        for part in ("collect", "analyse", "report"):
            run(instance, scope, part, fine, **days)
        assert bool(facts(instance, ours).jobs) == is_open


def checked(instance: dg.DagsterInstance, scope: Scope, *, passed: bool) -> dg.AssetCheckKey:
    key = scope.key(history.SLE_DAILY)

    @dg.asset(key=key, check_specs=[dg.AssetCheckSpec(WHOLE, asset=key)])
    def table() -> dg.MaterializeResult:
        facts = {"lacking_in_a_row": 0 if passed else 2}
        return dg.MaterializeResult(
            check_results=[dg.AssetCheckResult(passed=passed, check_name=WHOLE, metadata=facts)]
        )

    dg.materialize([table], instance=instance, tags=scope.tags)
    return dg.AssetCheckKey(key, WHOLE)


@pytest.mark.slow
def test_a_failed_check_is_trouble_of_its_organisation_alone(
    instance: dg.DagsterInstance, ours: Scope, theirs: Scope
) -> None:
    mine, yours = checked(instance, ours, passed=False), checked(instance, theirs, passed=True)
    (one,) = facts(instance, ours, mine).checks
    assert (one.asset, one.check) == ("history/sle_daily", WHOLE)
    assert facts(instance, theirs, yours).checks == ()
    assert [lacking_in_a_row(instance, key.asset_key) for key in (mine, yours)] == [2, 0]


@pytest.mark.slow
def test_people_are_told_of_the_trouble_of_their_own_organisation_alone(
    instance: dg.DagsterInstance, tmp_path: Path, ours: Scope, theirs: Scope
) -> None:
    def installed(scope: Scope) -> Installation:
        told = {"sinks": {"people": FILES}, "routes": [{"name": "everybody", "sinks": ["people"]}]}
        organisation = {"organisation": {"key": scope.organisation}}
        return Installation(tmp_path / (scope.organisation or "alone"), instance, {**told, **organisation})

    company, other = installed(ours), installed(theirs)
    run(instance, ours, "retention", broken)
    run(instance, theirs, "retention", fine)
    for one in (company, other):
        # Of both jobs that tell of it; the first one hides nothing from the second.
        assert one.run("watch", 0).success
        assert one.run("evaluate", 1).success
    assert company.reasons() == [["first"]]
    assert "Job retention failed" in str(company.messages())
    assert other.messages() == {}
    run(instance, ours, "retention", fine)
    assert company.run("watch", 2).success
    assert company.reasons() == [["first", "all_resolved"]]


@pytest.mark.slow
def test_a_report_that_failed_is_made_again_by_its_own_organisation(
    instance: dg.DagsterInstance, ours: Scope, theirs: Scope
) -> None:
    @dg.op
    def watch_pipeline() -> None:
        broken()

    @dg.job(name=ours.name("watch"), executor_def=dg.in_process_executor)
    def watch() -> None:
        watch_pipeline()

    watch.execute_in_process(instance=instance, raise_on_error=False, tags=ours.tags)
    assert failed_report(instance, ours)
    assert failed_report(instance, theirs) is None


# Wake-ups


@pytest.mark.slow
def test_a_poll_wakes_the_sensor_of_its_organisation_alone(
    instance: dg.DagsterInstance, tmp_path: Path, ours: Scope, theirs: Scope
) -> None:
    settings = settings_of(ours, tmp_path)
    ticks = Ticks(instance, degradation_sensor(settings, job_named(ours.name("evaluate"))))
    for scope, is_woken in ((theirs, False), (ours, True), (theirs, False)):
        for table in (live.FINDINGS, analysis.FINDINGS):
            instance.report_runless_asset_event(dg.AssetMaterialization(scope.key(table), partition=DAY))
        assert ticks.fires() == is_woken


@pytest.mark.slow
def test_trouble_wakes_the_sensor_of_its_organisation_alone(
    scheduled: dg.DagsterInstance, tmp_path: Path, ours: Scope, theirs: Scope
) -> None:
    ticks = {
        scope: Ticks(
            scheduled,
            pipeline_trouble_sensor(
                settings_of(scope, tmp_path / (scope.organisation or "alone")),
                WATCHED,
                (),
                job_named(scope.name("watch")),
            ),
        )
        for scope in (ours, theirs)
    }
    run(scheduled, ours, "search", broken)
    assert ticks[ours].fires()
    assert not ticks[theirs].fires()


@pytest.mark.slow
def test_a_run_that_sends_messages_holds_up_those_of_nobody_else(
    instance: dg.DagsterInstance, tmp_path: Path, ours: Scope, theirs: Scope
) -> None:
    settings = configured(tmp_path, "chat")
    waits(settings, chat=None)
    keyed = settings.model_copy(
        update={"organisation": settings.organisation.model_copy(update={"key": ours.organisation})}
    )
    later = datetime.now(UTC) + timedelta(hours=1)
    ticks = Ticks(instance, delivery_sensor(keyed, job_named(ours.name("deliver")), lambda: later))
    for scope, is_woken in ((theirs, True), (ours, False)):
        begun(instance, scope, "deliver", dg.DagsterRunStatus.STARTED)
        assert ticks.fires() == is_woken


@pytest.mark.slow
def test_schedules_and_sensors_are_on_for_their_organisation_alone(
    scheduled: dg.DagsterInstance, tmp_path: Path, ours: Scope, theirs: Scope
) -> None:
    turn(scheduled, InstigatorStatus.RUNNING, SINCE, ours.name("every_few_minutes"))
    expected = expected_clocks(settings_of(ours))
    on = {
        scope: {clock.name for clock in read_clocks(scheduled, scope, expected) if clock.is_on}
        for scope in (ours, theirs)
    }
    assert on == {ours: {"every_few_minutes"}, theirs: set()}
    assert facts(scheduled, ours).polls_on_since == SINCE
    assert facts(scheduled, theirs).polls_on_since is None
    assert not read_service(scheduled, settings_of(theirs, tmp_path), datetime.now(UTC)).is_served


# Runs that wait, and runs that are dead


def blocks(scope: Scope, load: str) -> TagConcurrencyLimitsCounter:
    """What the queue refuses while a run of a load goes."""
    limits = yaml.safe_load(DAGSTER_YAML.read_text())["concurrency"]["runs"]["tag_concurrency_limits"]
    goes = dg.DagsterRun(job_name=scope.name("daily"), tags=scope.load(load))
    counter = TagConcurrencyLimitsCounter(limits, [])
    counter.update_counters_with_launched_item(goes)
    return counter


@pytest.mark.parametrize("load", [HEAVY, LIVE, "deliver", "watch"])
def test_a_run_waits_for_runs_of_its_organisation_alone(load: str, ours: Scope, theirs: Scope) -> None:
    counter = blocks(ours, load)

    def waiting(scope: Scope) -> dg.DagsterRun:
        return dg.DagsterRun(job_name=scope.name("daily"), tags=scope.load(load))

    assert counter.is_blocked(waiting(ours))
    assert not counter.is_blocked(waiting(theirs))


def test_heavy_runs_of_several_organisations_are_counted_together_and_of_one_alone_not() -> None:
    assert Scope("acme").load(HEAVY)[KIND_TAG] == HEAVY
    assert KIND_TAG not in Scope().load(HEAVY)
    # Runs that began before they had it are found all the same.
    assert KIND_TAG not in Scope("acme").runs(load=HEAVY).tags


@pytest.mark.slow
def test_what_a_run_waits_for_is_not_a_dead_run_of_another_organisation(
    scheduled: dg.DagsterInstance, tmp_path: Path, ours: Scope, theirs: Scope
) -> None:
    dead = {PROCESS_TAG: f"{socket.gethostname()}:1:gone"}
    gone = begun(scheduled, ours, "daily", dg.DagsterRunStatus.STARTED, **ours.load(HEAVY), **dead)
    nameless = begun(scheduled, ours, "live", dg.DagsterRunStatus.STARTING)
    begun(scheduled, ours, "live", dg.DagsterRunStatus.QUEUED)
    asked = {
        scope: look(
            scheduled,
            build_defs(settings_of(scope)).get_repository_def(),
            settings_of(scope, tmp_path),
            TICK,
            is_asking=True,
        )
        for scope in (ours, theirs)
    }
    assert isinstance(asked[ours], dg.SkipReason)
    assert isinstance(asked[theirs], dg.RunRequest)
    with dg.build_schedule_context(instance=scheduled) as context:
        assert isinstance(poll_unless_one_waits(ours)(context), dg.SkipReason)
        assert isinstance(poll_unless_one_waits(theirs)(context), dg.RunRequest)
    now = datetime.now(UTC)
    assert running_now(scheduled, settings_of(ours, tmp_path), now).dead_runs == [
        f"{ours.name('daily')} {gone.run_id[:8]}"
    ]
    assert running_now(scheduled, settings_of(theirs, tmp_path), now).dead_runs == []
    # Whoever comes by ends what is dead; what is only being launched is known to the daemon of its organisation.
    assert bury_the_dead(scheduled, not_launched=[theirs]) == [gone.run_id]
    assert bury_the_dead(scheduled, not_launched=[ours]) == [nameless.run_id]


# Days, and what is let go


def test_days_are_made_and_late_for_their_organisation_alone(
    instance: dg.DagsterInstance, ours: Scope, theirs: Scope, tmp_path: Path
) -> None:
    made = [ours.key(history.SLE_DAILY), ours.key(analysis.FINDINGS), ours.asset("report", "daily_report")]
    for asset in (*made, ours.asset("raw", "sle_detail")):
        instance.report_runless_asset_event(dg.AssetMaterialization(asset, partition=DAY))
    others = [theirs.key(history.SLE_DAILY)]
    assert (complete_days(instance, made), complete_days(instance, others)) == ({YESTERDAY}, set())
    assert (late_days(instance, ours, YESTERDAY), late_days(instance, theirs, YESTERDAY)) == (
        {YESTERDAY},
        set(),
    )


LATER = datetime.now(UTC) + timedelta(days=1)


@pytest.mark.slow
def test_an_organisation_lets_go_of_its_own_old_runs_and_results_alone(
    scheduled: dg.DagsterInstance, ours: Scope, theirs: Scope
) -> None:
    kept = [run(scheduled, theirs, "live", fine) for _ in range(2)]
    for scope in (ours, theirs):
        for _ in range(3):
            checked(scheduled, scope, passed=True)
    own = {one.run_id for one in scheduled.get_runs() if ours.owns(one.tags)}
    others = {one.run_id for one in scheduled.get_runs()} - own
    assert set(kept) < others

    def results(scope: Scope) -> int:
        key = dg.AssetCheckKey(scope.key(history.SLE_DAILY), WHOLE)
        return len(scheduled.event_log_storage.get_asset_check_execution_history(key, limit=10))

    assert prune(scheduled, ours, LATER, is_dry_run=True).runs == len(own) == 3
    assert prune(scheduled, ours, LATER).runs == 3
    assert {one.run_id for one in scheduled.get_runs()} == others
    assert (results(ours), results(theirs)) == (1, 3)
