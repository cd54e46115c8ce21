"""What Dagster's instance says now about jobs, checks and the schedule of polls."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

# What Dagster keeps of runs, schedules and graphs can only be made or read with classes that have no public name.
from dagster._core.scheduler.instigation import (
    InstigatorStatus,
)

from mist_pipeline.defs.assets.raw import only_transient_failures_are_retried
from mist_pipeline.settings import SettingsError, load_settings
from mist_pipeline.workflows.organisation_pin import OtherOrganisationError
from mist_pipeline.workflows.self_monitoring import (
    RUNS_READ,
    JobFacts,
    PipelineFacts,
    troubles,
)
from mist_pipeline_tests.support.defs.runs import (
    BAD,
    GOOD,
    KEY,
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


def not_started(instance: dg.DagsterInstance, name: str) -> dg.DagsterRun:
    return instance.create_run_for_job(job_that(name, fine))


def only(facts: PipelineFacts) -> JobFacts:
    (one,) = facts.jobs
    return one


def test_an_instance_that_ran_nothing_knows_no_facts(instance: dg.DagsterInstance) -> None:
    assert read(instance, keys=[dg.AssetCheckKey(KEY, "is_fresh")]) == PipelineFacts()


def test_a_failed_run_is_reported_with_its_first_error_and_no_wrapping(instance: dg.DagsterInstance) -> None:
    run_id = run(instance, "search", broken)
    facts = only(read(instance))
    assert (facts.job, facts.run_id, facts.is_failed, facts.failures) == ("search", run_id, True, 1)
    assert facts.reason == "step: ValueError: the tower fell"
    assert facts.succeeded_at is None
    assert facts.ended_at.tzinfo is UTC


def test_a_failure_on_purpose_is_reported_in_its_own_words(instance: dg.DagsterInstance) -> None:
    def refuse() -> None:
        try:
            broken()
        except ValueError as error:
            raise dg.Failure("No room; ask later. Authorization: secret", allow_retries=False) from error

    run(instance, "search", refuse)
    assert only(read(instance)).reason == "step: Failure: No room; ask later. Authorization: …"


def test_a_failure_that_was_retried_is_reported_with_its_first_cause(instance: dg.DagsterInstance) -> None:
    @dg.op(name="step", retry_policy=dg.RetryPolicy(max_retries=1, delay=0))
    def step() -> None:
        raise ConnectionError("connection refused at api.eu.mist.com")

    @dg.job(name="live", executor_def=dg.in_process_executor)
    def made() -> None:
        step()

    made.execute_in_process(instance=instance, raise_on_error=False)
    assert only(read(instance)).reason == "step: ConnectionError: connection refused at api.eu.mist.com"


@pytest.mark.parametrize("error", [SettingsError("no token"), OtherOrganisationError("no token")])
def test_wrong_settings_are_not_retried_and_reported_as_such(
    error: Exception, instance: dg.DagsterInstance
) -> None:
    def refuse() -> None:
        with only_transient_failures_are_retried():
            raise error

    run(instance, "live", refuse)
    facts = only(read(instance))
    assert (facts.reason, facts.is_settings) == ("step: Failure: no token", True)
    with pytest.raises(dg.Failure) as raised:
        refuse()
    assert not raised.value.allow_retries


def test_a_later_success_ends_it_and_a_later_failure_begins_it_anew(instance: dg.DagsterInstance) -> None:
    run(instance, "daily", broken)
    run(instance, "daily", fine)
    healed = only(read(instance))
    assert not healed.is_failed
    assert (healed.failures, healed.reason, healed.succeeded_at) == (0, "", healed.ended_at)
    run(instance, "daily", broken)
    run(instance, "daily", broken)
    again = only(read(instance))
    assert (again.is_failed, again.failures, again.succeeded_at) == (True, 2, healed.succeeded_at)


def test_the_last_success_is_remembered_behind_many_failures(instance: dg.DagsterInstance) -> None:
    run(instance, "live", fine)
    succeeded_at = only(read(instance)).succeeded_at
    for _ in range(RUNS_READ + 1):
        instance.report_run_failed(not_started(instance, "live"))
    facts = read(instance)
    assert (only(facts).failures, only(facts).succeeded_at) == (RUNS_READ, succeeded_at)
    assert facts.last_poll == succeeded_at


def test_a_cancelled_run_says_nothing(instance: dg.DagsterInstance) -> None:
    instance.report_run_canceled(not_started(instance, "daily"))
    assert read(instance).jobs == ()
    failed = run(instance, "daily", broken)
    instance.report_run_canceled(not_started(instance, "daily"))
    assert only(read(instance)).run_id == failed


def test_a_run_that_goes_on_says_nothing_yet(instance: dg.DagsterInstance) -> None:
    failed = run(instance, "daily", broken)
    not_started(instance, "daily")
    seen: list[PipelineFacts] = []
    run(instance, "daily", lambda: seen.append(read(instance)))
    assert only(seen[0]).run_id == failed
    assert not only(read(instance)).is_failed


def test_a_run_without_a_failed_step_says_why_it_ended(instance: dg.DagsterInstance) -> None:
    instance.report_run_failed(not_started(instance, "daily"), "The process of this run was killed.")
    assert only(read(instance)).reason == "The process of this run was killed."


def test_runs_of_the_command_line_count(instance: dg.DagsterInstance) -> None:
    run(instance, "collect", broken, **{"mist_pipeline/process": "host:1:2.0"})
    assert only(read(instance)).is_failed


def test_jobs_that_nobody_watches_are_not_reported(instance: dg.DagsterInstance) -> None:
    run(instance, "alerts", broken)
    assert read(instance).jobs == ()


def test_a_poll_is_known_though_its_job_is_not_watched(instance: dg.DagsterInstance) -> None:
    run(instance, "live", fine)
    facts = read(instance, watched=["daily"])
    assert facts.jobs == ()
    assert facts.last_poll is not None


# Checks


def test_a_failed_check_is_reported_though_its_run_succeeded(instance: dg.DagsterInstance) -> None:
    warns = dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)
    facts = read(instance, keys=materialise(instance, GOOD, BAD, warns))
    assert not only(facts).is_failed
    assert [(each.check, each.is_passed, each.severity) for each in facts.checks] == [
        ("check_0", True, "ERROR"),
        ("check_1", False, "ERROR"),
        ("check_2", False, "WARN"),
    ]
    assert {each.asset for each in facts.checks} == {"history/sle_daily"}
    assert facts.checks[1].description == "3 rows of score_pct"
    assert only(facts).ended_at - facts.checks[1].evaluated_at < HOUR


def test_a_check_that_blocks_fails_its_job_and_is_reported_itself(instance: dg.DagsterInstance) -> None:
    facts = read(instance, keys=materialise(instance, BAD, blocking=True))
    assert [(each.is_blocking, each.is_passed) for each in facts.checks] == [(True, False)]
    assert "check_0" in only(facts).reason
    assert dict(troubles(facts, NOW, QUARTER).select("family", "severity").iter_rows()) == {
        "pipeline:checks": "major",
        "pipeline:daily": "critical",
    }


def test_a_check_that_passes_again_is_over(instance: dg.DagsterInstance) -> None:
    materialise(instance, BAD)
    facts = read(instance, keys=materialise(instance, GOOD))
    assert [each.is_passed for each in facts.checks] == [True]


def test_a_failed_check_lasts_while_the_next_run_has_not_come_to_it(instance: dg.DagsterInstance) -> None:
    keys = materialise(instance, BAD)
    seen: list[PipelineFacts] = []
    materialise(instance, GOOD, does=lambda: seen.append(read(instance, keys=keys)))
    assert [each.is_passed for each in seen[0].checks] == [False]
    assert [each.is_passed for each in read(instance, keys=keys).checks] == [True]


@pytest.mark.parametrize("before", [GOOD, BAD], ids=["good", "bad"])
def test_a_check_that_was_not_reached_or_crashed_has_not_changed_its_mind(
    before: dg.AssetCheckResult, instance: dg.DagsterInstance
) -> None:
    keys = materialise(instance, before)
    said = read(instance, keys=keys).checks
    materialise(instance, BAD, does=broken)
    assert read(instance, keys=keys).checks == said
    materialise(instance, ValueError("boom"))
    facts = read(instance, keys=keys)
    assert facts.checks == said
    assert only(facts).reason == "history__sle_daily_check_0: ValueError: boom"


def test_a_check_that_only_ever_crashed_has_no_facts(instance: dg.DagsterInstance) -> None:
    assert read(instance, keys=materialise(instance, ValueError("boom"))).checks == ()


def test_a_run_over_a_range_of_days_counts_as_one(instance: dg.DagsterInstance) -> None:
    days = {"asset_partition_range_start": "2026-03-01", "asset_partition_range_end": "2026-03-03"}
    keys = materialise(instance, BAD, days=days)
    facts = read(instance, keys=keys)
    assert [each.is_passed for each in facts.checks] == [False]
    materialise(instance, GOOD, days={"partition": "2026-03-03"})
    facts = read(instance, keys=keys)
    assert [each.is_passed for each in facts.checks] == [True]


def test_checks_that_there_are_no_more_are_not_reported(instance: dg.DagsterInstance) -> None:
    keys = materialise(instance, BAD, BAD)
    assert [each.check for each in read(instance, keys=keys[:1]).checks] == ["check_0"]


# The clock


def test_polls_are_on_while_their_own_schedule_is(scheduled: dg.DagsterInstance) -> None:
    assert read(scheduled).polls_on_since is None
    turn(scheduled, InstigatorStatus.RUNNING, NOW, "every_morning")
    assert read(scheduled).polls_on_since is None
    turn(scheduled, InstigatorStatus.RUNNING, NOW, "every_few_minutes")
    assert read(scheduled).polls_on_since == NOW
    turn(scheduled, InstigatorStatus.STOPPED, NOW, "every_few_minutes")
    assert read(scheduled).polls_on_since is None


def test_the_schedule_that_is_read_is_the_one_of_the_live_job() -> None:
    from mist_pipeline.definitions import build_defs

    repository = build_defs(load_settings(environment={})).get_repository_def()
    assert repository.get_schedule_def("every_few_minutes").job_name == "live"
