"""The pipeline's own trouble follows from facts alone: it begins, grows worse, and ends by itself."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.alerts.lifecycle.observations import EvaluationInput, is_pipeline, observe
from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.http_client.secrets import Secret, Secrets
from mist_pipeline.tables import live
from mist_pipeline.workflows.self_monitoring.by_day import Attempt, OpenFailure, span_of
from mist_pipeline.workflows.self_monitoring.checks import MOST_CHECKS
from mist_pipeline.workflows.self_monitoring.facts import FailedCheck, FailedJob, PipelineFacts
from mist_pipeline.workflows.self_monitoring.jobs import NOBODY_TOLD, RUNS_READ, WATCHED
from mist_pipeline.workflows.self_monitoring.service import ServiceFacts
from mist_pipeline.workflows.self_monitoring.trouble import LONGEST_REASON, one_line
from mist_pipeline.workflows.self_monitoring.troubles import troubles

NOW = datetime(2026, 3, 28, 10, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
QUARTER = 15 * MINUTE


def failure(subject: str, days: Sequence[date] = (), **more: Any) -> OpenFailure:
    """Something that failed an hour ago, for these days."""
    run = Attempt(
        subject=subject, run_id=more.pop("run_id", "run"), at=more.pop("ended_at", NOW - HOUR), is_good=False
    )
    span = more.pop("span", span_of(days))
    first = replace(run, at=more.pop("began_at", run.at))
    return OpenFailure(subject=subject, newest=run, first=first, span=span, days=tuple(days), **more)


def job(
    name: str, *, reason: str = "", is_settings: bool = False, began_otherwise: bool = False, **facts: Any
) -> FailedJob:
    """A job whose newest runs failed."""
    failed = failure(name, **facts)
    return FailedJob(failure=failed, reason=reason, is_settings=is_settings, began_otherwise=began_otherwise)


def check(name: str = "is_fresh", **facts: Any) -> FailedCheck:
    """A check that failed."""
    days = facts.pop("days", ())
    asset = facts.pop("asset", "history/sle_daily")
    return FailedCheck(failure=failure(name, days), asset=asset, check=name, **facts)


def found(*parts: FailedJob | FailedCheck, poll_every: timedelta = QUARTER, **facts: Any) -> pl.DataFrame:
    told = PipelineFacts(
        jobs=tuple(part for part in parts if isinstance(part, FailedJob)),
        checks=tuple(part for part in parts if isinstance(part, FailedCheck)),
        **facts,
    )
    return troubles(told, ServiceFacts(), NOW, poll_every, UTC)


def severities(frame: pl.DataFrame) -> dict[str, str]:
    """Subject → severity."""
    rows = frame.select("family", "severity").iter_rows()
    return {family.removeprefix("pipeline:"): severity for family, severity in rows}


def evidence(frame: pl.DataFrame) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(frame["evidence"].item())
    return content


# What follows from the facts


def test_a_pipeline_of_which_nothing_is_known_has_no_trouble() -> None:
    assert troubles(PipelineFacts(), ServiceFacts(), NOW, QUARTER, UTC).equals(live.FINDINGS.empty())


def test_troubles_are_rows_of_the_live_findings_and_signals_of_the_pipeline_alone() -> None:
    frame = found(job("daily"), job("search"), check())
    assert live.FINDINGS.conform(frame).equals(frame)
    assert frame["as_of"].unique().to_list() == [NOW]
    seen = observe(EvaluationInput(as_of=NOW, source="pipeline", findings=frame), Policy())
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
        *((name, 1, "warning") for name in ("evaluate", "deliver", "escalate")),
        *((name, 3, "major") for name in ("evaluate", "deliver", "escalate")),
        *((name, 5, "warning") for name in ("search", "snapshots", "retention", "copies", "read_back")),
        ("a_job_of_tomorrow", 1, "warning"),
    ],
)
def test_how_bad_a_failure_is_depends_on_what_nobody_gets_now(
    name: str, failures: int, severity: str
) -> None:
    assert severities(found(job(name, failures=failures))) == {name: severity}


@pytest.mark.parametrize(
    ("failures", "sentence"),
    [
        (1, "Job live failed: look: no room"),
        (2, "Job live failed 2 times in a row: look: no room"),
        (RUNS_READ, f"Job live failed at least {RUNS_READ} times in a row: look: no room"),
    ],
)
def test_a_failure_says_why_and_how_often(failures: int, sentence: str) -> None:
    frame = found(job("live", failures=failures, reason="look: no room"))
    assert frame["summary"].item() == sentence
    assert evidence(frame) == {
        "job": "live",
        "run_id": "run",
        "failed_at": "2026-03-28T09:00:00+00:00",
        "failures": failures,
        "reason": "look: no room",
        "days": [],
    }


def test_the_same_trouble_keeps_its_fingerprint_whatever_its_run_reason_and_moment() -> None:
    one = troubles(PipelineFacts(jobs=(job("live"),)), ServiceFacts(), NOW, QUARTER, UTC)
    later = PipelineFacts(jobs=(job("live", run_id="other", reason="other", failures=4),))
    other = troubles(later, ServiceFacts(), NOW + HOUR, QUARTER, UTC)
    assert one["fingerprint"].to_list() == other["fingerprint"].to_list()


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


MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)


def test_every_morning_that_failed_is_trouble_of_its_own_and_names_its_day() -> None:
    frame = found(
        job("daily", days=[MONDAY], reason="disk full"),
        job("daily", days=[TUESDAY], reason="no room"),
        job("collect", days=[MONDAY, TUESDAY], span="2026-03-01..2026-03-09", failures=2),
    )
    assert dict(frame.select("family", "summary").iter_rows()) == {
        "pipeline:daily@2026-03-02": "Job daily failed for 2026-03-02: disk full",
        "pipeline:daily@2026-03-03": "Job daily failed for 2026-03-03: no room",
        "pipeline:collect@2026-03-01..2026-03-09": "Job collect failed for 2 days (2026-03-02 … 2026-03-03)"
        " 2 times in a row: no reason was given",
    }
    assert all(is_pipeline(family) for family in frame["family"])


def test_checks_of_other_days_are_other_trouble() -> None:
    frame = found(check(days=[MONDAY]), check("keys_are_unique", days=[MONDAY]), check(days=[TUESDAY]))
    assert severities(frame) == {"checks@2026-03-02": "major", "checks@2026-03-03": "major"}


def test_failed_checks_are_one_trouble_that_names_the_worst_and_counts_the_others() -> None:
    frame = found(
        check(severity="WARN", asset="a"),
        check("keys_are_unique", asset="b", description="2 keys"),
    )
    assert severities(frame) == {"checks": "major"}
    assert frame["summary"].item() == "Check keys_are_unique of b failed (1 other check failed, too): 2 keys"
    assert evidence(frame)["failed"] == 2
    assert [each["asset"] for each in evidence(frame)["checks"]] == ["b", "a"]


def test_many_failed_checks_are_all_counted_and_the_first_are_listed() -> None:
    frame = found(*(check(f"check_{number:03}") for number in range(MOST_CHECKS + 5)))
    assert evidence(frame)["failed"] == MOST_CHECKS + 5
    assert len(evidence(frame)["checks"]) == MOST_CHECKS


LONG_AGO = NOW - timedelta(days=30)


@pytest.mark.parametrize(
    ("poll_every", "silent_for", "told"),
    [
        (15 * MINUTE, 45 * MINUTE, False),
        (15 * MINUTE, 46 * MINUTE, True),
        (5 * MINUTE, 45 * MINUTE, False),
        (5 * MINUTE, 46 * MINUTE, True),
        (60 * MINUTE, 180 * MINUTE, False),
        (60 * MINUTE, 181 * MINUTE, True),
    ],
)
def test_polls_have_stopped_after_three_of_them_and_three_quarters_of_an_hour(
    poll_every: timedelta, silent_for: timedelta, told: bool
) -> None:
    frame = found(poll_every=poll_every, last_poll=NOW - silent_for, polls_on_since=LONG_AGO)
    assert severities(frame) == ({"live": "major"} if told else {})


def test_polls_that_stopped_say_since_when() -> None:
    def sentence(silent_for: timedelta | None, poll_every: timedelta = QUARTER) -> str:
        last = None if silent_for is None else NOW - silent_for
        text: str = found(poll_every=poll_every, last_poll=last, polls_on_since=LONG_AGO)["summary"].item()
        return text

    assert sentence(50 * MINUTE) == "No poll has succeeded for 50 minutes; one is due every 15 minutes."
    assert sentence(190 * MINUTE, MINUTE) == "No poll has succeeded for 3 hours; one is due every minute."
    assert sentence(75 * HOUR) == "No poll has succeeded for 3 days; one is due every 15 minutes."
    assert sentence(None) == "No poll has succeeded since polls were turned on; one is due every 15 minutes."


def test_polls_that_are_off_have_not_stopped() -> None:
    assert found(last_poll=LONG_AGO, polls_on_since=None).is_empty()


def test_polls_that_were_just_turned_on_get_their_time() -> None:
    assert found(last_poll=LONG_AGO, polls_on_since=NOW - 45 * MINUTE).is_empty()
    assert found(last_poll=None, polls_on_since=NOW - 45 * MINUTE).is_empty()
    assert severities(found(last_poll=None, polls_on_since=NOW - 46 * MINUTE)) == {"live": "major"}


def test_polls_that_fail_are_reported_once() -> None:
    frame = found(job("live", failures=4), last_poll=NOW - 5 * HOUR, polls_on_since=LONG_AGO)
    assert severities(frame) == {"live": "major"}


def test_polls_that_stopped_have_not_recovered_when_they_begin_to_fail() -> None:
    """A machine that was off for hours, and a cloud that did not answer afterwards, were told as "RESOLVED: No poll has succeeded"."""
    failing = job("live", reason="look: connection refused")
    stopped = {"last_poll": NOW - 3 * HOUR, "polls_on_since": LONG_AGO}
    frames = [found(**stopped), found(failing, **stopped), found(failing)]
    assert {frame["fingerprint"].item() for frame in frames} == {frames[0]["fingerprint"].item()}


def test_polls_that_fail_and_stop_are_as_bad_as_polls_that_stop() -> None:
    """Fifty-one minutes without a poll, the last of which failed, were told as one warning."""
    failed = job("live", failures=1, reason="look: connection refused")
    told = found(failed, last_poll=NOW - 51 * MINUTE, polls_on_since=LONG_AGO)
    assert severities(told) == {"live": "major"}
    assert told["summary"].item() == (
        "No poll has succeeded for 51 minutes; one is due every 15 minutes. Job live failed: look: connection refused"
    )
    assert evidence(told)["run_id"] == "run"
    assert evidence(told)["last_look"] == (NOW - 51 * MINUTE).isoformat()
    soon = found(failed, last_poll=NOW - 40 * MINUTE, polls_on_since=LONG_AGO)
    assert severities(soon) == {"live": "warning"}


def test_runs_that_could_tell_nobody_are_told_as_the_sinks_that_fail_and_nothing_else() -> None:
    failed = job("deliver", failures=9, reason=f"notify: Failure: {NOBODY_TOLD}")
    assert found(failed, job("evaluate", reason="evaluate_looks: ValueError")).height == 1


def test_wrong_settings_are_told_once_whatever_they_stop() -> None:
    text = "MIST_API_TOKEN is not set: create a token"
    told = found(
        job("live", reason=f"look: Failure: {text}", is_settings=True),
        job("daily", reason=f"raw_answers: Failure: {text}", is_settings=True, run_id="morning"),
        job("snapshots", reason=f"raw__sites: Failure: {text}", is_settings=True),
        job("retention", reason="disk full"),
        last_poll=NOW - 51 * MINUTE,
        polls_on_since=LONG_AGO,
    )
    assert severities(told) == {"retention": "warning", "settings": "critical"}
    (one,) = told.filter(pl.col("family") == "pipeline:settings").iter_rows(named=True)
    assert one["summary"] == f"Jobs daily, live and snapshots cannot run: {text}"
    assert json.loads(one["evidence"])["run_id"] == "morning"
    alone = found(job("live", reason=f"look: Failure: {text}", is_settings=True))
    assert alone["summary"].item() == f"Job live cannot run: {text}"


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(
            job("live", is_settings=True, began_otherwise=True, failures=4), id="failed for another reason"
        ),
        pytest.param(job("live", is_settings=True, began_at=NOW - 10 * MINUTE), id="did not run at all"),
    ],
)
def test_polls_that_wrong_settings_stop_after_other_trouble_have_not_recovered(before: FailedJob) -> None:
    told = found(before, last_poll=NOW - 90 * MINUTE, polls_on_since=LONG_AGO)
    assert severities(told) == {"live": "major", "settings": "warning"}


INSTANTS = st.integers(0, 5_000).map(lambda minutes: NOW - minutes * MINUTE)
JOBS = st.lists(
    st.builds(
        job,
        st.sampled_from(WATCHED),
        failures=st.integers(1, RUNS_READ),
        ended_at=INSTANTS,
    ),
    unique_by=lambda each: each.job,
)
CHECKS = st.lists(
    st.builds(
        check,
        st.sampled_from(["is_fresh", "keys_are_unique"]),
        severity=st.sampled_from(["WARN", "ERROR"]),
        is_blocking=st.booleans(),
    ),
    unique_by=lambda each: each.check,
)


@pytest.mark.slow
@given(jobs=JOBS, checks=CHECKS, last=st.none() | INSTANTS, on=st.none() | INSTANTS, data=st.data())
def test_troubles_are_unique_and_do_not_depend_on_the_order_of_facts(
    jobs: list[FailedJob],
    checks: list[FailedCheck],
    last: datetime | None,
    on: datetime | None,
    data: st.DataObject,
) -> None:
    facts = PipelineFacts(jobs=tuple(jobs), checks=tuple(checks), last_poll=last, polls_on_since=on)
    frame = troubles(facts, ServiceFacts(), NOW, QUARTER, UTC)
    shuffled = replace(
        facts,
        jobs=tuple(data.draw(st.permutations(jobs))),
        checks=tuple(data.draw(st.permutations(checks))),
    )
    assert troubles(shuffled, ServiceFacts(), NOW, QUARTER, UTC).equals(frame)
    assert not frame.select(live.FINDINGS.key).is_duplicated().any()
    assert set(severities(frame)) <= {each.job for each in jobs} | {"checks", "live"}
    assert ("checks" in severities(frame)) == bool(checks)


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


def test_a_known_secret_is_left_out_in_whatever_form_a_library_writes_it() -> None:
    known = Secrets([Secret("pa/ss w0rd")])
    assert one_line("cannot GET /x?k=pa%2fss+w0rd", known) == "cannot GET /x?k=***"


def test_a_secret_is_left_out_before_the_text_is_cut() -> None:
    text = "x" * (LONGEST_REASON - 20) + " Authorization: secret"
    assert "sec" not in one_line(text)
