"""What Dagster's instance says now about jobs, checks and the schedule of polls."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

# What Dagster keeps of runs, schedules and graphs can only be made or read with classes that have no public name.
from dagster._core.scheduler.instigation import (
    InstigatorStatus,
)

from mist_pipeline.defs.assets.raw import only_transient_failures_are_retried
from mist_pipeline.defs.checks.days import about_days
from mist_pipeline.defs.scope import ALONE
from mist_pipeline.defs.watching.pipeline_facts import CheckReader, read_facts
from mist_pipeline.settings import SettingsError, load_settings
from mist_pipeline.workflows.organisation_pin import OtherOrganisationError
from mist_pipeline.workflows.self_monitoring.facts import FailedJob, PipelineFacts
from mist_pipeline.workflows.self_monitoring.jobs import RUNS_READ, WATCHED
from mist_pipeline.workflows.self_monitoring.service import ServiceFacts
from mist_pipeline.workflows.self_monitoring.troubles import troubles
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


def only(facts: PipelineFacts) -> FailedJob:
    (one,) = facts.jobs
    return one


def test_an_instance_that_ran_nothing_knows_no_facts(instance: dg.DagsterInstance) -> None:
    assert read(instance, keys=[dg.AssetCheckKey(KEY, "is_fresh")]) == PipelineFacts()


def test_a_failed_run_is_reported_with_its_first_error_and_no_wrapping(instance: dg.DagsterInstance) -> None:
    run_id = run(instance, "search", broken)
    facts = only(read(instance))
    assert (facts.job, facts.failure.newest.run_id, facts.failure.failures) == ("search", run_id, 1)
    assert facts.reason == "step: ValueError: the tower fell"
    assert facts.failure.newest.at.tzinfo is UTC


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


@pytest.mark.parametrize("failures_before", [1, RUNS_READ + 1])
def test_a_job_that_wrong_settings_stop_knows_whether_it_failed_before(
    failures_before: int, instance: dg.DagsterInstance
) -> None:
    def refuse() -> None:
        with only_transient_failures_are_retried():
            raise SettingsError("no token")

    run(instance, "live", fine)
    for _ in range(failures_before):
        run(instance, "live", refuse)
    assert not only(read(instance)).began_otherwise
    run(instance, "live", fine)
    run(instance, "live", broken)
    for _ in range(failures_before):
        run(instance, "live", refuse)
    facts = only(read(instance))
    assert facts.is_settings
    assert facts.began_otherwise


@pytest.mark.parametrize("name", ["daily", "live"])
def test_a_later_success_ends_it_and_a_later_failure_begins_it_anew(
    name: str, instance: dg.DagsterInstance
) -> None:
    run(instance, name, broken)
    run(instance, name, fine)
    assert read(instance).jobs == ()
    run(instance, name, broken)
    run(instance, name, broken)
    assert only(read(instance)).failure.failures == 2


def test_the_last_poll_is_remembered_behind_many_failures(instance: dg.DagsterInstance) -> None:
    run(instance, "live", fine)
    succeeded_at = read(instance).last_poll
    assert succeeded_at is not None
    for _ in range(RUNS_READ + 1):
        instance.report_run_failed(not_started(instance, "live"))
    facts = read(instance)
    assert only(facts).failure.failures == RUNS_READ
    assert facts.last_poll == succeeded_at


# By day


def of_days(instance: dg.DagsterInstance, name: str, does: Callable[[], None], *days: int) -> None:
    """A run about one day of March, or from one to another."""
    first, last = (f"2026-03-{day:02}" for day in (days[0], days[-1]))
    tags = {"dagster/partition": first}
    if len(days) > 1:
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    run(instance, name, does, **tags)


def left(instance: dg.DagsterInstance, **more: Any) -> dict[str, list[int]]:
    """Job with the days of its first failure → days of March that are not good."""
    return {
        f"{each.job}@{each.failure.span}": [day.day for day in each.failure.days]
        for each in read_facts(instance, ALONE, WATCHED, CheckReader(()), **more).jobs
    }


def test_a_failed_run_of_many_days_is_not_made_good_by_a_run_of_other_days(
    instance: dg.DagsterInstance,
) -> None:
    """A failed backfill of 44 days was told as resolved after a run of two other days."""
    of_days(instance, "collect", broken, 1, 20)
    of_days(instance, "collect", fine, 25, 26)
    assert left(instance) == {"collect@2026-03-01..2026-03-20": list(range(1, 21))}
    of_days(instance, "collect", fine, 1, 10)
    assert left(instance) == {"collect@2026-03-01..2026-03-20": list(range(11, 21))}
    of_days(instance, "collect", broken, 11, 20)
    assert left(instance) == {"collect@2026-03-01..2026-03-20": list(range(11, 21))}
    of_days(instance, "daily", fine, 11, 20)
    assert left(instance) == {}


def test_tuesdays_success_does_not_bury_mondays_missing_day(instance: dg.DagsterInstance) -> None:
    of_days(instance, "daily", broken, 2)
    of_days(instance, "daily", fine, 3)
    assert left(instance) == {"daily@2026-03-02": [2]}
    of_days(instance, "daily", broken, 4)
    assert left(instance) == {"daily@2026-03-02": [2], "daily@2026-03-04": [4]}
    of_days(instance, "daily", fine, 2)
    assert left(instance) == {"daily@2026-03-04": [4]}


def test_a_failed_morning_is_made_good_by_a_backfill_whose_last_page_is_of_a_later_day(
    instance: dg.DagsterInstance,
) -> None:
    of_days(instance, "daily", broken, 2)
    of_days(instance, "collect", fine, 1, 4)
    of_days(instance, "analyse", fine, 1, 4)
    of_days(instance, "report", fine, 1)
    assert left(instance) == {"daily@2026-03-02": [2]}
    of_days(instance, "report", fine, 4)
    assert left(instance) == {}


def test_a_part_that_failed_is_made_good_by_a_later_morning_of_that_day_alone(
    instance: dg.DagsterInstance,
) -> None:
    of_days(instance, "daily", fine, 2)
    of_days(instance, "report", broken, 2)
    of_days(instance, "daily", fine, 3)
    assert left(instance) == {"report@2026-03-02": [2]}
    of_days(instance, "daily", fine, 2)
    assert left(instance) == {}


def test_what_failed_long_ago_is_not_told_any_more(instance: dg.DagsterInstance) -> None:
    of_days(instance, "daily", broken, 2)
    assert left(instance, since=datetime.now(UTC) - HOUR) == {"daily@2026-03-02": [2]}
    assert left(instance, since=datetime.now(UTC) + HOUR) == {}


def test_a_cancelled_run_says_nothing(instance: dg.DagsterInstance) -> None:
    instance.report_run_canceled(not_started(instance, "daily"))
    assert read(instance).jobs == ()
    failed = run(instance, "daily", broken)
    instance.report_run_canceled(not_started(instance, "daily"))
    assert only(read(instance)).failure.newest.run_id == failed


def test_a_run_that_goes_on_says_nothing_yet(instance: dg.DagsterInstance) -> None:
    failed = run(instance, "daily", broken)
    not_started(instance, "daily")
    seen: list[PipelineFacts] = []
    run(instance, "daily", lambda: seen.append(read(instance)))
    assert only(seen[0]).failure.newest.run_id == failed
    assert read(instance).jobs == ()


def test_a_run_without_a_failed_step_says_why_it_ended(instance: dg.DagsterInstance) -> None:
    instance.report_run_failed(not_started(instance, "daily"), "The process of this run was killed.")
    assert only(read(instance)).reason == "The process of this run was killed."


def test_runs_of_the_command_line_count(instance: dg.DagsterInstance) -> None:
    run(instance, "collect", broken, **{"mist_pipeline/process": "host:1:2.0"})
    assert only(read(instance)).job == "collect"


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
    assert facts.jobs == ()
    assert [(each.check, each.severity) for each in facts.checks] == [
        ("check_1", "ERROR"),
        ("check_2", "WARN"),
    ]
    assert {each.asset for each in facts.checks} == {"history/sle_daily"}
    assert facts.checks[0].description == "3 rows of score_pct"
    assert datetime.now(UTC) - facts.checks[0].failure.newest.at < HOUR


def test_a_check_that_blocks_fails_its_job_and_is_reported_itself(instance: dg.DagsterInstance) -> None:
    facts = read(instance, keys=materialise(instance, BAD, blocking=True))
    assert [each.is_blocking for each in facts.checks] == [True]
    assert "check_0" in only(facts).reason
    assert dict(
        troubles(facts, ServiceFacts(), NOW, QUARTER, UTC).select("family", "severity").iter_rows()
    ) == {
        "pipeline:checks": "major",
        "pipeline:daily": "critical",
    }


def test_a_check_that_passes_again_is_over(instance: dg.DagsterInstance) -> None:
    materialise(instance, BAD)
    assert read(instance, keys=materialise(instance, GOOD)).checks == ()


def test_a_failed_check_lasts_while_the_next_run_has_not_come_to_it(instance: dg.DagsterInstance) -> None:
    keys = materialise(instance, BAD)
    seen: list[PipelineFacts] = []
    materialise(instance, GOOD, does=lambda: seen.append(read(instance, keys=keys)))
    assert [each.check for each in seen[0].checks] == ["check_0"]
    assert read(instance, keys=keys).checks == ()


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


def checked(instance: dg.DagsterInstance, first: int, last: int, *failed: int) -> list[list[int]]:
    """A run whose check is about days of March, some of which fail; days that are not good by its trouble."""
    days = (date(2026, 3, first), date(2026, 3, last))
    about = about_days(days, [date(2026, 3, day) for day in failed])
    result = dg.AssetCheckResult(passed=not failed, metadata=about)
    span = {"asset_partition_range_start": str(days[0]), "asset_partition_range_end": str(days[1])}
    found = read(instance, keys=materialise(instance, result, days=span)).checks
    return [[day.day for day in each.failure.days] for each in found]


def test_a_failed_check_is_over_when_the_same_days_pass(instance: dg.DagsterInstance) -> None:
    """A failed check of one day was told as resolved when another day passed."""
    assert checked(instance, 1, 3, 1, 3) == [[1, 3]]
    assert checked(instance, 4, 5) == [[1, 3]]
    assert checked(instance, 1, 2) == [[3]]
    assert checked(instance, 3, 6, 5) == [[5]]
    assert checked(instance, 5, 5) == []


def test_a_reader_of_checks_asks_again_when_a_run_was_there(instance: dg.DagsterInstance) -> None:
    reader = CheckReader(materialise(instance, BAD))
    assert len(read_facts(instance, ALONE, WATCHED, reader).checks) == 1
    materialise(instance, GOOD)
    assert read_facts(instance, ALONE, WATCHED, reader).checks == ()


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
