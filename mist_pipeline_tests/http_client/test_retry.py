"""When to send a request again: `Retry-After` in all its forms, and waits between attempts."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.http_client.retry import (
    LONGEST_PAUSE_SECONDS,
    RetryPolicy,
    http_date,
    retry_after_seconds,
)

NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        (" 12 ", 12.0),
        ("1.5", 1.5),  # the Mist client once took this for garbage
        (".5", 0.5),
        ("999999", LONGEST_PAUSE_SECONDS),
        ("1" * 400, LONGEST_PAUSE_SECONDS),
        ("-1", None),
        ("-1.5", None),
        ("1.5.0", None),
        ("1e3", None),
        ("1,5", None),
        (".", None),
        ("nan", None),
        ("inf", None),
        ("٣", None),
        ("²", None),
        ("", None),
        ("tomorrow", None),
        ("Tue, 03 Feb 2026 04:05:36 GMT", 30.0),
        ("Tuesday, 03-Feb-26 04:05:36 GMT", 30.0),
        ("Tue Feb  3 04:05:36 2026", 30.0),
        ("Tue, 03 Feb 2026 05:05:36 +0100", 30.0),
        ("Tue, 03 Feb 2026 04:05:36 -0000", 30.0),
        ("Tue, 03 Feb 2026 04:00:00 GMT", 0.0),
        ("Wed, 03 Feb 2027 04:00:00 GMT", LONGEST_PAUSE_SECONDS),
        ("Tue, 33 Feb 2026 04:05:36 GMT", None),
        ("Tue, 03 Feb 2026 04:05:36 +99999999999999999999", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_from_now_and_never_beyond_an_hour(
    asked: str | None, seconds: float | None
) -> None:
    assert retry_after_seconds({} if asked is None else {"retry-after": asked}, NOW) == seconds


@pytest.mark.parametrize(
    "until",
    ["Mon, 23 Nov 2026 04:16:00 GMT", "Monday, 23-Nov-26 04:16:00 GMT", "Mon Nov 23 04:16:00 2026"],
)
@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Mon, 23 Nov 2026 04:15:30 GMT", 30.0),
        ("Monday, 23-Nov-26 04:15:30 GMT", 30.0),
        ("Mon Nov 23 04:15:30 2026", 30.0),
        ("Mon, 23 Nov 2026 04:17:00 GMT", 0.0),
        ("Mon, 23 Nov 2026 01:00:00 GMT", LONGEST_PAUSE_SECONDS),
    ],
)
def test_a_date_counts_from_the_date_of_the_same_answer(until: str, date: str, seconds: float) -> None:
    assert retry_after_seconds({"retry-after": until, "date": date}, NOW) == seconds


@pytest.mark.parametrize("date", [None, "", "yesterday", "Tue, 99 Feb 2026 09:00:00 GMT"])
def test_a_date_counts_from_now_where_the_answer_has_no_date(date: str | None) -> None:
    # Sinks once took such a date for garbage.
    headers = {"retry-after": "Tue, 03 Feb 2026 04:05:36 GMT"} | ({} if date is None else {"date": date})
    assert retry_after_seconds(headers, NOW) == 30.0


@given(st.text(), st.text())
def test_whatever_the_headers_hold_it_is_a_bounded_pause_or_none(asked: str, date: str) -> None:
    seconds = retry_after_seconds({"retry-after": asked, "date": date}, NOW)
    assert seconds is None or 0.0 <= seconds <= LONGEST_PAUSE_SECONDS


@given(
    st.integers(1, 10_000), st.none() | st.floats(0, LONGEST_PAUSE_SECONDS), st.floats(0, 1, exclude_max=True)
)
def test_a_wait_is_bounded_and_at_least_what_the_receiver_asks_for(
    attempt: int, asked: float | None, chance: float
) -> None:
    policy = RetryPolicy()
    wait = policy.wait(attempt, asked, lambda: chance)
    assert min(asked or 0.0, policy.cap_seconds) <= wait <= policy.cap_seconds


def test_waits_are_jittered_over_the_full_exponential_bound() -> None:
    policy = RetryPolicy(base_seconds=1.0)
    assert [policy.wait(attempt, None, lambda: 0.0) for attempt in (1, 2, 3)] == [0.0, 0.0, 0.0]
    assert [policy.wait(attempt, None, lambda: 0.999) for attempt in (1, 2, 3)] == pytest.approx(
        [0.999, 1.998, 3.996]
    )


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"base_seconds": -1}, {"cap_seconds": -1}])
def test_a_policy_without_sense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="retry policy"):
        RetryPolicy(**wrong)


@given(st.text())
def test_any_text_is_a_date_or_none(text: str) -> None:
    moment = http_date(text)
    assert moment is None or moment.tzinfo is not None
