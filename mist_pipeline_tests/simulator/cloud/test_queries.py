"""Windows, pages and limits as the cloud reads them from a request."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.simulator.cloud import queries

NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
AT = NOW.timestamp()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, (AT - 86_400, AT)),
        ({"duration": "2w"}, (AT - 14 * 86_400, AT)),
        ({"start": "1000", "end": "5000"}, (1000, 5000)),
        ({"start": "1000.5", "end": "5000"}, (1000.5, 5000)),
        ({"start": "-2d", "end": "-1d"}, (AT - 2 * 86_400, AT - 86_400)),
        ({"start": "-1h", "end": "now"}, (AT - 3600, AT)),
        ({"end": str(int(AT) - 50), "duration": "1h"}, (int(AT) - 3650, int(AT) - 50)),
        ({"start": "1000", "duration": "10m"}, (1000, 1600)),
        ({"start": "-6h"}, (AT - 6 * 3600, AT)),
    ],
)
def test_windows_are_absolute_relative_or_by_duration(
    query: dict[str, str], expected: tuple[float, float]
) -> None:
    assert queries.window(query, NOW) == pytest.approx(expected)


@pytest.mark.parametrize(
    "query",
    [
        {"start": "5000", "end": "1000"},
        {"start": "soon"},
        {"end": "-1y"},
        {"duration": "a while"},
        {"start": "-5", "end": "100"},
        {"start": "99999999999999"},
        {"start": "nan"},
    ],
)
def test_a_window_that_is_none_is_a_bad_request(query: dict[str, str]) -> None:
    with pytest.raises(queries.BadRequestError):
        queries.window(query, NOW)


def test_pages_default_to_a_hundred_and_end_at_a_thousand() -> None:
    assert queries.page_of({}) == queries.Paged(1, 100, slice(0, 100))
    assert queries.page_of({"limit": "5000", "page": "3"}) == queries.Paged(3, 1000, slice(2000, 3000))


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"page": "0"}, {"page": "-1"}, {"limit": "x"}, {"page": "²"}]
)
def test_a_page_that_is_none_is_a_bad_request(query: dict[str, str]) -> None:
    with pytest.raises(queries.BadRequestError, match="whole number"):
        queries.page_of(query)


@given(st.integers(0, 60), st.integers(1, 25))
def test_following_the_cursor_gives_everything_once_and_in_order(count: int, limit: int) -> None:
    items = list(range(count))
    keys = [(float(item // 3), str(item)) for item in items]
    query, seen = {"limit": str(limit), "sort": "timestamp"}, []
    for _ in range(count + 1):
        chosen, cursor = queries.after_cursor(items, keys, query, "/search")
        seen += chosen
        if cursor is None:
            break
        path, _, rest = cursor.partition("?")
        assert path == "/search"
        query = dict(queries_parse(rest))
        assert query["sort"] == "timestamp"
    assert seen == items


def queries_parse(text: str) -> list[tuple[str, str]]:
    from urllib.parse import parse_qsl

    return parse_qsl(text)


@pytest.mark.parametrize("cursor", ["x", "[1]", '[7.0, "unknown"]', "{}", "[null, null]"])
def test_a_strange_cursor_is_a_bad_request(cursor: str) -> None:
    with pytest.raises(queries.BadRequestError, match="cursor"):
        queries.after_cursor([1], [(1.0, "a")], {"search_after": cursor}, "/search")
