"""What stands in an address: what is taken, and what is refused in words."""

from datetime import UTC, datetime, timedelta

import pytest

from mist_pipeline.web.address import Address, BadAddressError

NOW = datetime(2026, 3, 2, 14, 47, tzinfo=UTC)


def of(query: str) -> Address:
    parts = (part.partition("=") for part in query.split("&") if part)
    return Address("/here", [(name, value) for name, _, value in parts])


@pytest.mark.parametrize(
    ("query", "read", "said"),
    [
        ("page=0", lambda it: it.number("page", 1, 1, 99), "is a whole number from 1 to 99"),
        ("page=١", lambda it: it.number("page", 1, 1, 99), "is a whole number"),
        ("page=99999999999999999999", lambda it: it.number("page", 1, 1, 99), "is a whole number"),
        ("sort=site", lambda it: it.one_of("sort", ("status", "name")), "is one of status, name"),
        ("down=yes", lambda it: it.is_set("down"), "is one of 0, 1"),
        ("day=2026-02-30", lambda it: it.day("day"), "is a day such as"),
        ("range=1y", lambda it: it.time_range(NOW), "is one of 24h, 7d, 30d, 90d"),
        ("from=yesterday", lambda it: it.time_range(NOW), "is a day or an instant"),
        ("from=0001-01-01T00:00%2B14:00", lambda it: it.time_range(NOW), "is a day or an instant"),
        ("from=2026-03-03", lambda it: it.time_range(NOW), "is before to"),
        ("from=2020-01-01", lambda it: it.time_range(NOW), "at most a year"),
        ("to=2026-03-01", lambda it: it.time_range(NOW), "needs from"),
        ("from=2026-03-01&range=7d", lambda it: it.time_range(NOW), "keep one"),
        ("sorted=name", lambda it: it.finish(), "is not known here"),
        ("q=a&q=b", lambda it: it.text("q"), "is there twice"),
        (f"q={'x' * 500}", lambda it: it.text("q"), "more than 400 characters"),
    ],
)  # fmt: skip
def test_a_bad_value_is_refused_and_says_what_is_allowed(query: str, read: object, said: str) -> None:
    with pytest.raises(BadAddressError, match=said):
        read(of(query))  # type: ignore[operator]


def test_a_span_ends_now_or_is_named_by_its_ends() -> None:
    assert of("").time_range(NOW).name == "24h"
    week = of("range=7d").time_range(NOW)
    assert (week.begin, week.end) == (NOW - timedelta(days=7), NOW)
    named = of("from=2026-02-01&to=2026-02-08T12:00+02:00").time_range(NOW)
    assert (named.begin, named.end) == (
        datetime(2026, 2, 1, tzinfo=UTC),
        datetime(2026, 2, 8, 10, tzinfo=UTC),
    )
    assert named.name == ""


def test_a_link_keeps_the_rest_of_the_state_and_begins_at_the_first_page() -> None:
    address = of("q=a&sort=name&page=3")
    assert address.link(sort="score") == "/here?q=a&sort=score"
    assert address.link(page=4) == "/here?q=a&sort=name&page=4"
    assert address.link(q=None, sort=None) == "/here"
    assert address.others("q") == [("sort", "name")]
