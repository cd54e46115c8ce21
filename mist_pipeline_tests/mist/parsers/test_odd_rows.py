"""One odd row never takes the others along, whatever is odd about it, and never passes for healthy."""

import copy
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.mist import parsers
from mist_pipeline.mist.errors import UnexpectedShape
from mist_pipeline.mist.page import NotJsonError, parse_json

MISSING = object()
ODD: list[Any] = [
    MISSING, None, "", "x", "\ud800", "\x00", "../x", "x" * 5000, True, False, -1, -0.5, 0, 1, 0.5, 7, 95, 1.05, 1e15, 1e300,
    2**63, 10**400, int("9" * 400), math.nan, math.inf, -math.inf, [], [None], ["x"], [[]], {}, {"a": {"b": []}}, [1] * 50,
]  # fmt: skip
"""What a field may hold instead: of a wrong type, negative, huge, not finite, empty, nested, no text at all."""

ROW = {
    "sites": {
        "name": "Shop",
        "timezone": "Europe/Berlin",
        "country_code": "DE",
        "latlng": {"lat": 52.5, "lng": 13},
        "sitegroup_ids": ["g1", "g2"],
        "rftemplate_id": "t-1",
        "address": "Platz 1",
    },
    "stats_sites": {
        "num_ap": 17,
        "num_ap_connected": 14,
        "num_clients": 3,
        "num_switch": 1,
        "num_gateway": 0,
    },
    "stats_devices": {
        "mac": "5c5b35d0077b",
        "name": "AP 1",
        "type": "ap",
        "model": "AP43",
        "site_id": "s-1",
        "status": "connected",
        "uptime": 15931.5,
        "version": "0.14.29",
        "last_seen": 1720595866.25,
        "cpu_util": 5,
        "cpu_stat": {"idle": 95},
        "memory_stat": {"usage": 20},
        "mem_used_kb": 256,
        "mem_total_kb": 1024,
        "num_clients": 3,
        "clients_stats": {"total": {"num_wired_clients": 3}},
        "radio_stat": {"band_5": {"channel": 36, "num_clients": 1, "util_all": 13, "noise_floor": -90}},
    },
    "alarms": {
        "timestamp": 1711031354,
        "last_seen": 1711031774.5,
        "resolved_time": 1711031775,
        "type": "device_down",
        "group": "infrastructure",
        "severity": "critical",
        "count": 2,
        "site_id": "s-1",
        "aps": ["5c5b35000001"],
        "hostnames": ["ap"],
        "acked": False,
        "status": "open",
        "details": {"state": "validated"},
    },
    "sites_sle": {
        "num_clients": 24,
        "num_aps": 3,
        "num_switches": 1,
        "capacity": 0.98,
        "coverage": 1,
        "new": 0.5,
    },
    "impact_summary": {"name": "ap43", "degraded": 1486, "total": 27406, "duration": 0},
    "impacted_devices": {"name": "ap43", "degraded": 3, "total": 60},
    "impacted_people": {"name": "phone", "src_ip": "10.0.0.9", "degraded": 3, "total": 60},
    "self": {"org_id": "o-1", "role": "read", "name": "Retail", "org_name": "Retail"},
}
"""A row as captured, by endpoint, without what names it."""


@dataclass(frozen=True)
class Case:
    """An endpoint, how its rows lie in a document, and how they come out."""

    endpoint: str
    key: str
    parse: Callable[..., Any]
    wrap: Callable[[list[Any]], Any]
    read: Callable[[Any], Sequence[Any]] = lambda found: found
    name: Callable[[Any], Any] = lambda row: row.id

    def rows(self) -> list[Any]:
        return [{self.key: f"id-{number}", **copy.deepcopy(ROW[self.endpoint])} for number in range(4)]


WINDOW = {"start": 1769990400, "end": 1769994000}
CASES = [
    Case("sites", "id", parsers.parse_sites, list),
    Case("stats_sites", "id", parsers.parse_stats_sites, list),
    Case("stats_devices", "id", parsers.parse_stats_devices, list),
    Case("alarms", "id", parsers.parse_alarms, lambda rows: {**WINDOW, "results": rows}),
    Case(
        "sites_sle",
        "site_id",
        parsers.parse_sites_sle,
        lambda rows: {**WINDOW, "results": rows},
        lambda found: [
            (site, clients, aps, *scores)
            for site, clients, aps, *scores in zip(
                found.site_ids,
                found.num_clients,
                found.num_aps,
                found.scores_pct["capacity"],
                found.scores_pct["coverage"],
                strict=True,
            )
        ],
        lambda row: row[0],
    ),
    Case(
        "impact_summary",
        "ap_mac",
        parsers.parse_impact_summary,
        lambda rows: {**WINDOW, "metric": "capacity", "ap": rows},
        lambda found: found.rows,
        lambda row: row.key,
    ),
    Case(
        "impacted_devices",
        "ap_mac",
        parsers.parse_impacted_devices,
        lambda rows: {**WINDOW, "total_count": 4, "aps": rows},
        lambda found: found.rows,
        lambda row: row.mac,
    ),
    Case(
        "impacted_people",
        "mac",
        parsers.parse_impacted_people,
        lambda rows: {**WINDOW, "total_count": 4, "users": rows},
        lambda found: found.rows,
        lambda row: row.mac,
    ),
    Case(
        "self",
        "scope",
        parsers.parse_self,
        lambda rows: {"privileges": rows},
        name=lambda row: row.scope,
    ),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a document, the document itself included."""
    yield path
    if isinstance(value, dict | list):
        for step in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[step], (*path, step))


def put(document: Any, path: tuple[Any, ...], value: Any) -> None:
    """Replace or remove one value."""
    target = document
    for step in path[:-1]:
        target = target[step]
    if value is not MISSING:
        target[path[-1]] = copy.deepcopy(value)
    elif isinstance(target, dict):
        del target[path[-1]]
    else:
        target.pop(path[-1])


def received(document: Any) -> Any:
    """The document as it comes over the wire."""
    return parse_json(json.dumps(document).encode())


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, int | float):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from numbers(each)
    elif hasattr(value, "__slots__"):
        for name in value.__slots__:
            yield from numbers(getattr(value, name))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.endpoint)
def test_whatever_is_odd_about_one_row_the_others_say_what_they_said(case: Case) -> None:
    sound = case.rows()
    expected = {case.name(row): row for row in case.read(case.parse(received(case.wrap(sound))))}
    assert list(expected) == ["id-0", "id-1", "id-2", "id-3"]
    del expected["id-2"]
    for place in places(sound[2]):
        for value in ODD:
            rows = case.rows()
            put(rows, (2, *place), value)
            odd = parsers.Oddities(case.endpoint)
            found = case.read(case.parse(received(case.wrap(rows)), odd=odd))
            named = {case.name(row): row for row in found}
            assert {name: named.get(name) for name in expected} == expected, (place, value)
            for number in numbers([row for row in found if case.name(row) not in expected]):
                assert -1e15 <= number <= 1e15, (place, value)
            json.dumps([str(row) for row in found], ensure_ascii=False).encode()  # no half surrogates
            odd.check()  # one row is never too many
            assert all(each.sentence.isprintable() for each in odd.first)


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
def test_an_odd_score_of_one_site_is_missing_or_a_score_that_can_be(value: Any) -> None:
    rows = [{"site_id": f"s{number}", "capacity": 0.9} for number in range(4)]
    put(rows, (2, "capacity"), value)
    odd = parsers.Oddities("sites_sle")
    found = parsers.parse_sites_sle(received({**WINDOW, "results": rows}), odd=odd).scores_pct["capacity"]
    is_share = type(value) in (int, float) and 0 <= value <= 1
    assert found == [90.0, 90.0, pytest.approx(100 * value) if is_share else None, 90.0]
    assert bool(odd.lost) == (not is_share and value is not None and value is not MISSING)


def summary() -> dict[str, Any]:
    """Four buckets of a metric and a cause, as captured."""
    impact = {"num_aps": 1, "total_aps": 3, "num_users": 4, "total_users": 26}
    samples = {"total": [60.0, 60.0, 60.0, 0.0], "degraded": [6.0, 30.0, 59.0, 0.0]}
    return {
        "start": 0,
        "end": 4 * 3600,
        "sle": {
            "name": "capacity",
            "interval": 3600,
            "y_label": "%",
            "samples": {**copy.deepcopy(samples), "value": [0.7, None, 0.6, 0.1]},
        },
        "impact": impact,
        "classifiers": [
            {"name": "client_usage", "impact": impact, "samples": copy.deepcopy(samples)},
            {"name": "wifi_interference", "interval": 3600, "impact": impact, "samples": samples},
        ],
    }


def test_whatever_is_odd_in_a_detail_it_is_refused_or_no_bucket_is_better_than_it_was() -> None:
    sound = parsers.parse_sle_summary(summary())
    for place in places(summary()):
        for value in ODD:
            document = [summary()]
            put(document, (0, *place), value)
            try:
                found = parsers.parse_sle_summary(received(document[0]) if document else None)
            except UnexpectedShape:
                found = None
            if found is None:
                # Whole answers only go where they cannot be placed in time, or are no samples at all.
                assert place[:1] in ((), ("start",), ("end",), ("sle",)), (place, value)
                continue
            assert len(found.total) == len(found.degraded) == len(found.value)
            assert all(0 <= number <= 1e15 for number in numbers([found.total, found.degraded])), place
            if place[:2] == ("sle", "samples") and len(place) == 4 and value is not MISSING:
                bucket = place[3]
                others = [index for index in range(4) if index != bucket]
                assert [found.degraded[index] for index in others] == [
                    sound.degraded[index] for index in others
                ]
                is_number = type(value) in (int, float) and 0 <= value <= 1e15
                if place[2] != "value" and not is_number:
                    assert None in (found.total[bucket], found.degraded[bucket]), (place, value)
            if place[:1] in (("classifiers",), ("impact",)):
                assert (found.total, found.degraded) == (sound.total, sound.degraded), (place, value)


LEAVES = st.sampled_from([value for value in ODD if value is not MISSING])
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), value=ANYTHING, case=st.sampled_from(CASES))
def test_a_row_with_anything_anywhere_never_costs_the_others(
    data: st.DataObject, value: Any, case: Case
) -> None:
    rows = case.rows()
    for place in data.draw(
        st.lists(st.sampled_from([p for p in places(rows[1]) if p]), max_size=3, unique=True)
    ):
        try:
            put(rows, (1, *place), value)
        except (TypeError, KeyError, IndexError):
            continue  # an earlier change removed this place
    found = {case.name(row) for row in case.read(case.parse(received(case.wrap(rows))))}
    assert {"id-0", "id-2", "id-3"} <= found


@pytest.mark.parametrize(
    ("rows", "lost", "is_refused"),
    [
        (1, 1, False),
        (2, 1, False),
        (2, 2, True),
        (3, 2, True),
        (4, 2, False),
        (10, 2, False),
        (12, 3, False),
        (12, 4, True),
        (30, 3, False),
        (30, 4, True),
        (3000, 300, False),
        (3000, 301, True),
    ],
)
def test_a_share_of_odd_rows_is_a_changed_cloud_and_refused(rows: int, lost: int, is_refused: bool) -> None:
    odd = parsers.Oddities("sites")
    parsers.parse_sites([{"id": None if number < lost else f"s{number}"} for number in range(rows)], odd=odd)
    assert odd.lost == lost
    if not is_refused:
        odd.check()
        return
    with pytest.raises(UnexpectedShape, match=rf"{lost} of {rows} rows cannot be read") as caught:
        odd.check()
    assert caught.value.where == "[0].id"


@pytest.mark.parametrize("sites", [1, 2, 3, 8, 9])
def test_a_site_of_which_every_score_is_odd_counts_once_and_costs_no_other(sites: int) -> None:
    sound = {"capacity": 0.9, "coverage": 0.8, "roaming": 0.7, "throughput": 0.6}
    rows = [{"site_id": f"s{number}", **sound} for number in range(sites)]
    rows[0] |= dict.fromkeys(sound, -1)
    odd = parsers.Oddities("sites_sle")
    found = parsers.parse_sites_sle({**WINDOW, "results": rows}, odd=odd)
    odd.check()
    assert (odd.read, odd.lost, odd.odd_rows) == (sites, 4, 1)
    assert found.scores_pct["capacity"] == [None, *[90.0] * (sites - 1)]


def test_scores_sent_as_percentages_are_refused_and_not_read_as_missing() -> None:
    odd = parsers.Oddities("sites_sle")
    rows = [{"site_id": f"s{number}", "capacity": 97.5, "coverage": 88} for number in range(10)]
    parsers.parse_sites_sle({**WINDOW, "results": rows}, odd=odd)
    with pytest.raises(UnexpectedShape):
        odd.check()


def test_what_is_named_is_bounded_and_everything_is_counted() -> None:
    odd, more = parsers.Oddities("sites"), parsers.Oddities("sites")
    parsers.parse_sites([{"id": number} for number in range(500)], odd=odd)
    parsers.parse_sites([{"id": "a", "name": 7}, {"id": 1}], odd=more)
    more.add(odd)
    assert (more.read, more.lost, more.emptied, len(more.first)) == (502, 501, 1, 20)


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (rb'["\ud83d\ude00", "\\ud800"]', ["😀", "\\ud800"]),
        (rb'["\ud83d", "\udc00x", "\ud83d\ud83d\ude00"]', ["\ufffd", "\ufffdx", "\ufffd😀"]),
        (b'["caf\xe9", "\xed\xa0\x80"]', ["caf\ufffd", "\ufffd\ufffd\ufffd"]),
        (b"\xef\xbb\xbf[1]", [1]),
        (b"[" + b"9" * 5000 + b", 1]", [math.inf, 1]),
    ],
)
def test_one_odd_text_or_number_does_not_take_the_document_along(body: bytes, document: Any) -> None:
    assert parse_json(body) == document


@pytest.mark.parametrize(
    "nested",
    [b"[" * 5000 + b"]" * 5000, b'{"a":' * 5000 + b"0" + b"}" * 5000, b'["[{",' * 5000 + b"[]" + b"]" * 5000],
)
def test_a_field_nested_a_thousand_times_costs_that_field_alone(nested: bytes) -> None:
    rows = b'[{"id": "s1", "name": "A"}, {"id": "s2", "name": %b}, {"id": "s3", "name": "[{"}]' % nested
    odd = parsers.Oddities("sites")
    sites = parsers.parse_sites(parse_json(rows), odd=odd)
    assert [(site.id, site.name) for site in sites] == [("s1", "A"), ("s2", ""), ("s3", "[{")]
    assert [each.where for each in odd.first] == ["[1].name"]
    with pytest.raises(NotJsonError):
        parse_json(rows[: 60 + len(nested) // 2])
