"""When and how long to wait."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.http_client.retry import RETRY_AFTER_CAP, RetryPolicy, http_date, retry_after_seconds

NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        (" 12 ", 12.0),
        ("999999", RETRY_AFTER_CAP),
        ("1" * 400, RETRY_AFTER_CAP),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        ("", None),
        ("tomorrow", None),
        ("Tue, 03 Feb 2026 04:05:36 GMT", 30.0),
        ("Tue, 03 Feb 2026 05:05:36 +0100", 30.0),
        ("Tue, 03 Feb 2026 04:05:36 -0000", 30.0),
        ("Tue, 03 Feb 2026 04:00:00 GMT", 0.0),
        ("Wed, 03 Feb 2027 04:00:00 GMT", RETRY_AFTER_CAP),
        ("Tue, 33 Feb 2026 04:05:36 GMT", None),
    ],
)
def test_retry_after_is_read_and_capped(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, NOW) == seconds


@given(st.integers(1, 10_000), st.none() | st.floats(0, RETRY_AFTER_CAP), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_bounded_and_at_least_what_the_cloud_asks_for(
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
