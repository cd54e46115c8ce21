"""The pipeline's own trouble follows from what Dagster's instance says now: begins, grows worse, and is over by itself."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl
import pytest
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.alerts.lifecycle.observations import EvaluationInput, is_pipeline, sights
from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.defs.pipeline_facts import WATCHED, pipeline_trouble_sensor, read_facts
from mist_pipeline.settings import load_settings
from mist_pipeline.tables import live
from mist_pipeline.workflows.self_monitoring import (
    CHECKS_TOLD,
    LONGEST_REASON,
    RUNS_READ,
    CheckFacts,
    JobFacts,
    PipelineFacts,
    one_line,
    troubles,
)

NOW = datetime(2026, 3, 28, 10, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
QUARTER = 15 * MINUTE
KEY = dg.AssetKey(["history", "sle_daily"])


def job(name: str, *, failures: int = 1, **facts: Any) -> JobFacts:
    """A job whose newest runs failed an hour ago."""
    told = {"run_id": "run", "is_failed": failures > 0, "ended_at": NOW - HOUR, "failures": failures}
    return JobFacts(job=name, **{**told, **facts})


def check(name: str = "is_fresh", *, is_passed: bool = False, **facts: Any) -> CheckFacts:
    asset = facts.pop("asset", "history/sle_daily")
    return CheckFacts(asset=asset, check=name, is_passed=is_passed, evaluated_at=NOW - HOUR, **facts)


def found(*parts: JobFacts | CheckFacts, look_every: timedelta = QUARTER, **facts: Any) -> pl.DataFrame:
    told = PipelineFacts(
        jobs=tuple(part for part in parts if isinstance(part, JobFacts)),
        checks=tuple(part for part in parts if isinstance(part, CheckFacts)),
        **facts,
    )
    return troubles(told, NOW, look_every)


def severities(frame: pl.DataFrame) -> dict[str, str]:
    """Subject → severity."""
    rows = frame.select("family", "severity").iter_rows()
    return {family.removeprefix("pipeline:"): severity for family, severity in rows}


def evidence(frame: pl.DataFrame) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(frame["evidence"].item())
    return content


# What follows from the facts


def test_a_pipeline_of_which_nothing_is_known_has_no_trouble() -> None:
    assert troubles(PipelineFacts(), NOW, QUARTER).equals(live.FINDINGS.empty())


def test_troubles_are_rows_of_the_live_findings_and_signals_of_the_pipeline_alone() -> None:
    frame = found(job("daily"), job("search"), check())
    assert live.FINDINGS.conform(frame).equals(frame)
    assert frame["as_of"].unique().to_list() == [NOW]
    seen = sights(EvaluationInput(as_of=NOW, source="pipeline", findings=frame), Policy())
    assert {key: signal.severity for key, signal in seen.signals.items()} == {
        ("", "pipeline:checks"): "major",
        ("", "pipeline:daily"): "critical",
        ("", "pipeline:search"): "warning",
    }
    assert all(signal.is_raising for signal in seen.signals.values())
    assert all(is_pipeline(family) for family in frame["family"])


@pytest.mark.parametrize(
    ("name", "failures", "severity"),
    [
        ("daily", 1, "critical"),
        ("collect", 1, "major"),
        ("analyse", 1, "major"),
        ("report", 1, "major"),
        ("live", 1, "warning"),
        ("live", 2, "warning"),
        ("live", 3, "major"),
        ("live", RUNS_READ, "major"),
        *((name, 5, "warning") for name in ("search", "snapshots", "retention", "copies", "read_back")),
        ("a_job_of_tomorrow", 1, "warning"),
    ],
)
def test_how_bad_a_failure_is_depends_on_what_nobody_gets_now(
    name: str, failures: int, severity: str
) -> None:
    assert severities(found(job(name, failures=failures))) == {name: severity}


@pytest.mark.parametrize("name", WATCHED)
def test_a_job_whose_newest_run_succeeded_has_no_trouble(name: str) -> None:
    assert found(job(name, failures=0, succeeded_at=NOW - HOUR)).is_empty()


@pytest.mark.parametrize(
    ("failures", "sentence"),
    [
        (1, "Job live failed: look: no room"),
        (2, "Job live failed 2 times in a row: look: no room"),
        (RUNS_READ, f"Job live failed at least {RUNS_READ} times in a row: look: no room"),
    ],
)
def test_a_failure_says_why_and_how_often(failures: int, sentence: str) -> None:
    frame = found(job("live", failures=failures, reason="look: no room", succeeded_at=NOW - 2 * HOUR))
    assert frame["summary"].item() == sentence
    assert evidence(frame) == {
        "job": "live",
        "run_id": "run",
        "failed_at": "2026-03-28T09:00:00+00:00",
        "failures": failures,
        "reason": "look: no room",
        "succeeded_at": "2026-03-28T08:00:00+00:00",
    }


def test_the_same_trouble_keeps_its_fingerprint_whatever_its_run_reason_and_moment() -> None:
    one = troubles(PipelineFacts(jobs=(job("live"),)), NOW, QUARTER)
    later = PipelineFacts(jobs=(job("live", run_id="other", reason="other", failures=4),))
    other = troubles(later, NOW + HOUR, QUARTER)
    assert one["fingerprint"].to_list() == other["fingerprint"].to_list()


@pytest.mark.parametrize("part", ["collect", "analyse", "report"])
@pytest.mark.parametrize(
    ("minutes", "told"), [(-1, True), (0, True), (1, False)], ids=["before", "at", "after"]
)
def test_a_failed_part_is_over_when_a_whole_day_succeeded_after_it(
    part: str, minutes: int, told: bool
) -> None:
    whole = job("daily", failures=0, succeeded_at=NOW - HOUR + minutes * MINUTE)
    assert severities(found(job(part), whole)) == ({part: "major"} if told else {})


def test_a_failed_day_is_over_when_all_of_its_parts_succeeded_after_it() -> None:
    parts = [job(name, failures=0, succeeded_at=NOW) for name in ("collect", "analyse", "report")]
    assert severities(found(job("daily"), *parts)) == {}
    assert severities(found(job("daily"), *parts[:-1])) == {"daily": "critical"}
    old = replace(parts[-1], succeeded_at=NOW - 2 * HOUR)
    assert severities(found(job("daily"), *parts[:-1], old)) == {"daily": "critical"}


def test_an_old_failure_of_a_part_does_not_come_back_when_a_later_day_fails() -> None:
    once = job("collect", ended_at=NOW - 48 * HOUR)
    assert severities(found(once, job("daily", succeeded_at=NOW - 24 * HOUR))) == {"daily": "critical"}


@pytest.mark.parametrize(
    ("level", "is_blocking", "severity"),
    [
        ("ERROR", True, "major"),
        ("ERROR", False, "major"),
        ("WARN", True, "major"),
        ("WARN", False, "warning"),
    ],
)
def test_a_failed_check_is_major_if_it_is_an_error_or_blocks(
    level: str, is_blocking: bool, severity: str
) -> None:
    frame = found(check(severity=level, is_blocking=is_blocking, description="3 rows of score_pct"))
    assert severities(frame) == {"checks": severity}
    assert frame["summary"].item() == "Check is_fresh of history/sle_daily failed: 3 rows of score_pct"


def test_failed_checks_are_one_trouble_that_names_the_worst_and_counts_the_others() -> None:
    frame = found(
        check(severity="WARN", asset="a"),
        check("keys_are_unique", asset="b", description="2 keys"),
        check("fine", asset="c", is_passed=True),
    )
    assert severities(frame) == {"checks": "major"}
    assert frame["summary"].item() == "Check keys_are_unique of b failed (1 other check failed, too): 2 keys"
    assert evidence(frame)["failed"] == 2
    assert [each["asset"] for each in evidence(frame)["checks"]] == ["b", "a"]


def test_many_failed_checks_are_all_counted_and_the_first_are_listed() -> None:
    frame = found(*(check(f"check_{number:03}") for number in range(CHECKS_TOLD + 5)))
    assert evidence(frame)["failed"] == CHECKS_TOLD + 5
    assert len(evidence(frame)["checks"]) == CHECKS_TOLD


def test_checks_that_pass_are_no_trouble() -> None:
    assert found(check(is_passed=True)).is_empty()


LONG_AGO = NOW - timedelta(days=30)


@pytest.mark.parametrize(
    ("look_every", "silent_for", "told"),
    [
        (15 * MINUTE, 45 * MINUTE, False),
        (15 * MINUTE, 46 * MINUTE, True),
        (5 * MINUTE, 45 * MINUTE, False),
        (5 * MINUTE, 46 * MINUTE, True),
        (60 * MINUTE, 180 * MINUTE, False),
        (60 * MINUTE, 181 * MINUTE, True),
    ],
)
def test_looks_have_stopped_after_three_of_them_and_three_quarters_of_an_hour(
    look_every: timedelta, silent_for: timedelta, told: bool
) -> None:
    frame = found(look_every=look_every, last_look=NOW - silent_for, looks_on_since=LONG_AGO)
    assert severities(frame) == ({"looks": "major"} if told else {})


def test_looks_that_stopped_say_since_when() -> None:
    def sentence(silent_for: timedelta | None, look_every: timedelta = QUARTER) -> str:
        last = None if silent_for is None else NOW - silent_for
        text: str = found(look_every=look_every, last_look=last, looks_on_since=LONG_AGO)["summary"].item()
        return text

    assert sentence(50 * MINUTE) == "No look has succeeded for 50 minutes; one is due every 15 minutes."
    assert sentence(190 * MINUTE, MINUTE) == "No look has succeeded for 3 hours; one is due every minute."
    assert sentence(75 * HOUR) == "No look has succeeded for 3 days; one is due every 15 minutes."
    assert sentence(None) == "No look has succeeded since looks were turned on; one is due every 15 minutes."


def test_looks_that_are_off_have_not_stopped() -> None:
    assert found(last_look=LONG_AGO, looks_on_since=None).is_empty()


def test_looks_that_were_just_turned_on_get_their_time() -> None:
    assert found(last_look=LONG_AGO, looks_on_since=NOW - 45 * MINUTE).is_empty()
    assert found(last_look=None, looks_on_since=NOW - 45 * MINUTE).is_empty()
    assert severities(found(last_look=None, looks_on_since=NOW - 46 * MINUTE)) == {"looks": "major"}


def test_looks_that_fail_are_told_once() -> None:
    frame = found(job("live", failures=4), last_look=NOW - 5 * HOUR, looks_on_since=LONG_AGO)
    assert severities(frame) == {"live": "major"}


INSTANTS = st.integers(0, 5_000).map(lambda minutes: NOW - minutes * MINUTE)
JOBS = st.lists(
    st.builds(
        job,
        st.sampled_from(WATCHED),
        failures=st.integers(0, RUNS_READ),
        ended_at=INSTANTS,
        succeeded_at=st.none() | INSTANTS,
    ),
    unique_by=lambda each: each.job,
)
CHECKS = st.lists(
    st.builds(
        check,
        st.sampled_from(["is_fresh", "keys_are_unique"]),
        is_passed=st.booleans(),
        severity=st.sampled_from(["WARN", "ERROR"]),
        is_blocking=st.booleans(),
    ),
    unique_by=lambda each: each.check,
)


@given(jobs=JOBS, checks=CHECKS, last=st.none() | INSTANTS, on=st.none() | INSTANTS, data=st.data())
def test_troubles_are_unique_and_do_not_depend_on_the_order_of_facts(
    jobs: list[JobFacts],
    checks: list[CheckFacts],
    last: datetime | None,
    on: datetime | None,
    data: st.DataObject,
) -> None:
    facts = PipelineFacts(jobs=tuple(jobs), checks=tuple(checks), last_look=last, looks_on_since=on)
    frame = troubles(facts, NOW, QUARTER)
    shuffled = replace(
        facts,
        jobs=tuple(data.draw(st.permutations(jobs))),
        checks=tuple(data.draw(st.permutations(checks))),
    )
    assert troubles(shuffled, NOW, QUARTER).equals(frame)
    assert not frame.select(live.FINDINGS.key).is_duplicated().any()
    failed = {each.job for each in jobs if each.is_failed}
    assert set(severities(frame)) <= failed | {"checks", "looks"}
    assert ("checks" in severities(frame)) == any(not each.is_passed for each in checks)


# Texts of others


SECRETS = [
    "GET failed, Authorization: Token abcdef0123456789secret\r\nHost: api",
    "{'Authorization': 'GenieKey secret', 'Accept': 'json'}",
    '{"authorization":"Bearer secret"}',
    "[(b'Authorization', b'Basic secret'), (b'Host', b'api')]",
    "AUTHORIZATION = secret",
    "refused Bearer abcdefgh0123456789secret",
    "could not connect to postgresql://mist:secret@db.internal:5432/ledger",
]


@pytest.mark.parametrize("text", SECRETS)
def test_what_looks_like_a_secret_is_left_out(text: str) -> None:
    told = one_line(text)
    assert "secret" not in told
    assert "…" in told


@pytest.mark.parametrize(
    "text",
    [
        "the cloud does not accept the API token (401)",
        "Bearer authentication is needed at https://api.mist.com/api/v1/self",
        "association, authorization, dns",
        "people@example.com at 10:00",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert one_line(text) == text


@given(st.text(max_size=2_000))
def test_the_text_of_others_becomes_one_short_line(text: str) -> None:
    told = one_line(text)
    assert len(told) <= LONGEST_REASON
    assert told == " ".join(told.split())


def test_a_secret_is_left_out_before_the_text_is_cut() -> None:
    text = "x" * (LONGEST_REASON - 20) + " Authorization: secret"
    assert "sec" not in one_line(text)


# What Dagster's instance says


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


def broken() -> None:
    raise ValueError("the tower\n  fell")


def fine() -> None: ...


def job_that(name: str, does: Callable[[], None]) -> dg.JobDefinition:
    @dg.op(name="step")
    def step() -> None:
        does()

    @dg.job(name=name, executor_def=dg.in_process_executor)
    def made() -> None:
        step()

    return made


def run(instance: dg.DagsterInstance, name: str, does: Callable[[], None], **tags: str) -> str:
    ended = job_that(name, does).execute_in_process(instance=instance, raise_on_error=False, tags=tags)
    return ended.run_id


def not_started(instance: dg.DagsterInstance, name: str) -> dg.DagsterRun:
    return instance.create_run_for_job(job_that(name, fine))


def read(
    instance: dg.DagsterInstance, watched: Sequence[str] = WATCHED, keys: Sequence[dg.AssetCheckKey] = ()
) -> PipelineFacts:
    return read_facts(instance, watched, keys)


def only(facts: PipelineFacts) -> JobFacts:
    (one,) = facts.jobs
    return one


def test_an_instance_that_ran_nothing_knows_no_facts(instance: dg.DagsterInstance) -> None:
    assert read(instance, keys=[dg.AssetCheckKey(KEY, "is_fresh")]) == PipelineFacts()


def test_a_failed_run_is_told_with_its_first_error_and_no_wrapping(instance: dg.DagsterInstance) -> None:
    run_id = run(instance, "search", broken)
    facts = only(read(instance))
    assert (facts.job, facts.run_id, facts.is_failed, facts.failures) == ("search", run_id, True, 1)
    assert facts.reason == "step: ValueError: the tower fell"
    assert facts.succeeded_at is None
    assert facts.ended_at.tzinfo is UTC


def test_a_failure_on_purpose_is_told_in_its_own_words(instance: dg.DagsterInstance) -> None:
    def refuse() -> None:
        try:
            broken()
        except ValueError as error:
            raise dg.Failure("No room; ask later. Authorization: secret", allow_retries=False) from error

    run(instance, "search", refuse)
    assert only(read(instance)).reason == "step: Failure: No room; ask later. Authorization: …"


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
    assert facts.last_look == succeeded_at


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


def test_jobs_that_nobody_watches_are_not_told(instance: dg.DagsterInstance) -> None:
    run(instance, "alerts", broken)
    assert read(instance).jobs == ()


def test_a_look_is_known_though_its_job_is_not_watched(instance: dg.DagsterInstance) -> None:
    run(instance, "live", fine)
    facts = read(instance, watched=["daily"])
    assert facts.jobs == ()
    assert facts.last_look is not None


# Checks


Outcome = dg.AssetCheckResult | Exception
DAILY = dg.DailyPartitionsDefinition(start_date="2026-03-01", timezone="UTC")


def materialise(
    instance: dg.DagsterInstance,
    *outcomes: Outcome,
    does: Callable[[], None] = fine,
    blocking: bool = False,
    days: Mapping[str, str] | None = None,
) -> list[dg.AssetCheckKey]:
    """A run of ``daily`` over an asset with a check for each outcome; the keys of the checks."""
    partitions = DAILY if days else None

    @dg.asset(key=KEY, partitions_def=partitions, backfill_policy=dg.BackfillPolicy.single_run())
    def table() -> dg.MaterializeResult[Any]:
        does()
        return dg.MaterializeResult()

    def made(number: int, outcome: Outcome) -> dg.AssetChecksDefinition:
        @dg.asset_check(asset=KEY, name=f"check_{number}", blocking=blocking)
        def checked() -> dg.AssetCheckResult:
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        return checked

    checks = [made(number, outcome) for number, outcome in enumerate(outcomes)]
    definitions = dg.Definitions(
        assets=[table],
        asset_checks=checks,
        jobs=[dg.define_asset_job("daily", executor_def=dg.in_process_executor)],
    )
    definitions.resolve_job_def("daily").execute_in_process(
        instance=instance,
        raise_on_error=False,
        tags={f"dagster/{name}": value for name, value in (days or {}).items()},
    )
    return [key for each in checks for key in each.check_keys]


GOOD = dg.AssetCheckResult(passed=True)
BAD = dg.AssetCheckResult(passed=False, description="3 rows\nof score_pct")


def test_a_failed_check_is_told_though_its_run_succeeded(instance: dg.DagsterInstance) -> None:
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


def test_a_check_that_blocks_fails_its_job_and_is_told_itself(instance: dg.DagsterInstance) -> None:
    facts = read(instance, keys=materialise(instance, BAD, blocking=True))
    assert [(each.is_blocking, each.is_passed) for each in facts.checks] == [(True, False)]
    assert "check_0" in only(facts).reason
    assert severities(troubles(facts, NOW, QUARTER)) == {"checks": "major", "daily": "critical"}


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


def test_checks_that_there_are_no_more_are_not_told(instance: dg.DagsterInstance) -> None:
    keys = materialise(instance, BAD, BAD)
    assert [each.check for each in read(instance, keys=keys[:1]).checks] == ["check_0"]


# The clock


@pytest.fixture
def scheduled() -> Iterator[dg.DagsterInstance]:
    """An instance with schedules."""
    with dg.instance_for_test() as opened:
        yield opened


def turn(instance: dg.DagsterInstance, status: InstigatorStatus, since: datetime, name: str) -> None:
    target = LoadableTargetOrigin(module_name="mist_pipeline.definitions")
    repository = RemoteRepositoryOrigin(InProcessCodeLocationOrigin(target), "__repository__")
    data = ScheduleInstigatorData("*/15 * * * *", since.timestamp())
    origin = RemoteInstigatorOrigin(repository, name)
    state = InstigatorState(origin, InstigatorType.SCHEDULE, status, data)
    known = instance.get_instigator_state(state.instigator_origin_id, state.selector_id)
    (instance.update_instigator_state if known else instance.add_instigator_state)(state)


def test_looks_are_on_while_their_own_schedule_is(scheduled: dg.DagsterInstance) -> None:
    assert read(scheduled).looks_on_since is None
    turn(scheduled, InstigatorStatus.RUNNING, NOW, "every_morning")
    assert read(scheduled).looks_on_since is None
    turn(scheduled, InstigatorStatus.RUNNING, NOW, "every_few_minutes")
    assert read(scheduled).looks_on_since == NOW
    turn(scheduled, InstigatorStatus.STOPPED, NOW, "every_few_minutes")
    assert read(scheduled).looks_on_since is None


def test_the_schedule_that_is_read_is_the_one_of_the_live_job() -> None:
    from mist_pipeline.definitions import build_defs

    repository = build_defs(load_settings(environment={})).get_repository_def()
    assert repository.get_schedule_def("every_few_minutes").job_name == "live"


# The sensor


class Watchman:
    """The sensor between its evaluations: what Dagster keeps for it is the cursor."""

    def __init__(self, instance: dg.DagsterInstance, keys: Sequence[dg.AssetCheckKey] = ()) -> None:
        self.instance = instance
        self.now = datetime.now(UTC)
        self.cursor: str | None = None
        self.sensor = pipeline_trouble_sensor(
            load_settings(environment={}), WATCHED, keys, job_that("alerts", broken), lambda: self.now
        )

    def looks(self) -> dg.RunRequest | dg.SkipReason:
        with dg.build_sensor_context(instance=self.instance, cursor=self.cursor) as context:
            said = self.sensor(context)
            self.cursor = context.cursor
        assert isinstance(said, dg.RunRequest | dg.SkipReason)
        return said

    def fires(self) -> bool:
        return isinstance(self.looks(), dg.RunRequest)


def test_a_sound_pipeline_starts_nothing_and_says_so(instance: dg.DagsterInstance) -> None:
    said = Watchman(instance).looks()
    assert isinstance(said, dg.SkipReason)
    assert said.skip_message == "Nothing new; troubles known: 0."


def test_trouble_starts_the_job_when_it_begins_and_when_it_ends(instance: dg.DagsterInstance) -> None:
    watchman = Watchman(instance)
    run(instance, "daily", broken)
    request = watchman.looks()
    assert isinstance(request, dg.RunRequest)
    assert request.run_key is None
    said = watchman.looks()
    assert isinstance(said, dg.SkipReason)
    assert said.skip_message == "Nothing new; troubles known: 1."
    run(instance, "daily", fine)
    assert watchman.fires()
    assert not watchman.fires()


def test_trouble_that_comes_back_starts_the_job_again(instance: dg.DagsterInstance) -> None:
    watchman = Watchman(instance)
    for does in (broken, fine, broken):
        run(instance, "search", does)
        assert watchman.fires()


def test_a_change_of_severity_starts_the_job_and_another_failure_alone_does_not(
    instance: dg.DagsterInstance,
) -> None:
    watchman = Watchman(instance)
    fired = []
    for _ in range(4):
        run(instance, "live", broken)
        fired.append(watchman.fires())
    assert fired == [True, False, True, False]


def test_the_job_that_fails_itself_does_not_start_itself(instance: dg.DagsterInstance) -> None:
    watchman = Watchman(instance)
    run(instance, "daily", broken)
    assert watchman.fires()
    for _ in range(3):
        run(instance, "alerts", broken)
        assert not watchman.fires()


def test_a_sensor_for_a_watched_job_is_refused() -> None:
    settings = load_settings(environment={})
    with pytest.raises(ValueError, match="daily tells of the others"):
        pipeline_trouble_sensor(settings, WATCHED, (), job_that("daily", fine))


def test_what_happened_while_the_sensor_was_off_is_not_lost(instance: dg.DagsterInstance) -> None:
    run(instance, "daily", broken)
    run(instance, "search", broken)
    run(instance, "search", fine)
    watchman = Watchman(instance, materialise(instance, BAD))
    watchman.cursor = "no cursor of ours"
    assert watchman.fires()
    assert not watchman.fires()


def test_a_failed_check_starts_the_job(instance: dg.DagsterInstance) -> None:
    watchman = Watchman(instance, materialise(instance, GOOD))
    assert not watchman.fires()
    materialise(instance, BAD)
    assert watchman.fires()


def test_looks_that_stop_start_the_job_without_any_run(scheduled: dg.DagsterInstance) -> None:
    watchman = Watchman(scheduled)
    run(scheduled, "live", fine)
    last = read(scheduled).last_look
    assert last is not None
    turn(scheduled, InstigatorStatus.RUNNING, last - 24 * HOUR, "every_few_minutes")
    watchman.now = last + 45 * MINUTE
    assert not watchman.fires()
    watchman.now = last + 46 * MINUTE
    assert watchman.fires()
    watchman.now = last + 2 * HOUR
    assert not watchman.fires()


def test_the_sensor_is_off_until_somebody_turns_it_on_and_takes_its_time(
    instance: dg.DagsterInstance,
) -> None:
    sensor = Watchman(instance).sensor
    assert sensor.name == "pipeline_trouble"
    assert sensor.default_status == dg.DefaultSensorStatus.STOPPED
    assert sensor.minimum_interval_seconds == 60
    assert [target.job_name for target in sensor.targets] == ["alerts"]
