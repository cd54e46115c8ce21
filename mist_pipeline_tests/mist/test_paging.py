"""Three styles of pages, over real HTTP: whole lists or an error, never a part that looks like everything."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from mist_pipeline.mist import endpoints, paging
from mist_pipeline.mist.errors import Inconsistent, NotFound, Unavailable, UnexpectedShape
from mist_pipeline.mist.parsers import parse_alarms, parse_sites, parse_sites_sle
from mist_pipeline_tests.support.mist.scripted_cloud import ClientMaker, Reply, ScriptedCloud, Seen

ORG = "203d3d02-dbc0-4c1b-9f41-76896a3330f4"
SITES = endpoints.org_sites(ORG)
SLE = endpoints.sites_sle(ORG, "wifi", 0, 3600)
ALARMS = endpoints.alarms(ORG, 0, 86_400)


def site(number: int) -> dict[str, Any]:
    return {"id": f"site-{number}", "name": "Shop"}


def by_headers(sites: list[Any], *, limit: int = 100, headers: bool = True) -> Callable[[Seen], Reply]:
    """Serves a list the way the cloud does, with its own idea of the largest page."""

    def script(seen: Seen) -> Reply:
        size = min(limit, int(seen.query["limit"]))
        number = int(seen.query["page"])
        counts = {"X-Page-Total": str(len(sites)), "X-Page-Limit": str(size), "X-Page-Page": str(number)}
        return Reply(document=sites[(number - 1) * size : number * size], headers=counts if headers else {})

    return script


def in_body(rows: list[Any], *, limit: int = 1000) -> Callable[[Seen], Reply]:
    def script(seen: Seen) -> Reply:
        size = min(limit, int(seen.query["limit"]))
        number = int(seen.query["page"])
        part = rows[(number - 1) * size : number * size]
        counts = {"start": 0, "end": 3600, "limit": size, "page": number, "total": len(rows)}
        return Reply(document={**counts, "results": part})

    return script


def by_cursor(*pages: tuple[list[Any], object], total: int | None = None) -> Callable[[Seen], Reply]:
    """Page i holds its alarms and its `next`; the cursor is the page's number."""

    def script(seen: Seen) -> Reply:
        results, following = pages[int(seen.query.get("search_after", "0"))]
        document = {"start": 0, "end": 86_400, "limit": 1000, "results": results}
        if following is not None:
            document["next"] = following
        if total is not None:
            document["total"] = total
        return Reply(document=document)

    return script


def cursor(number: int) -> str:
    return f"{ALARMS.path}?search_after={number}&end=86400"


def alarm(number: int) -> dict[str, Any]:
    return {"id": f"alarm-{number}", "timestamp": number, "type": "device_down"}


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
def test_predecessor_mistake_5_sites_after_the_100th_were_invisible(
    cloud: ScriptedCloud, make_client: ClientMaker, count: int
) -> None:
    cloud.script = by_headers([site(number) for number in range(count)])
    pages = list(make_client().pages(SITES))
    found = parse_sites(*[page.document for page in pages])
    assert [each.id for each in found] == [f"site-{number}" for number in range(count)]
    assert [page.number for page in pages] == list(range(1, max(1, -(-count // 100)) + 1))
    assert cloud.requests[0].query == {"limit": "1000", "page": "1"}


@pytest.mark.parametrize("count", [0, 999, 1000, 1001])
def test_without_page_headers_a_page_that_is_not_full_is_the_last(
    cloud: ScriptedCloud, make_client: ClientMaker, count: int
) -> None:
    cloud.script = by_headers([site(number) for number in range(count)], limit=1000, headers=False)
    pages = list(make_client().pages(SITES))
    assert sum(len(page.document) for page in pages) == count


@pytest.mark.parametrize("count", [0, 1, 1000, 1001, 2500])
def test_a_total_in_the_body_is_read_to_its_end(
    cloud: ScriptedCloud, make_client: ClientMaker, count: int
) -> None:
    cloud.script = in_body([{"site_id": f"s{number}", "coverage": 1} for number in range(count)])
    pages = list(make_client().pages(SLE))
    assert len(parse_sites_sle(*[page.document for page in pages]).site_ids) == count
    assert len(pages) == max(1, -(-count // 1000))


def test_cursors_are_followed_verbatim_and_duplicates_are_the_parsers_task(
    cloud: ScriptedCloud, make_client: ClientMaker
) -> None:
    odd = f"{ALARMS.path}?search_after=2&x=%5B1711031354000%2C+%2256bfa7af%22%5D"
    cloud.script = by_cursor(
        ([alarm(1), alarm(2)], cursor(1)), ([alarm(2), alarm(3)], odd), ([alarm(4)], None), total=4
    )
    pages = list(make_client().pages(ALARMS))
    assert [page.url_path for page in pages][1:] == [cursor(1), odd]
    assert cloud.requests[2].query == {"search_after": "2", "x": '[1711031354000, "56bfa7af"]'}
    found = parse_alarms(*[page.document for page in pages])
    assert [each.id for each in found] == ["alarm-1", "alarm-2", "alarm-3", "alarm-4"]


def test_a_cursor_may_name_its_own_host(cloud: ScriptedCloud, make_client: ClientMaker) -> None:
    cloud.script = by_cursor(([alarm(1)], cloud.url + cursor(1)), ([alarm(2)], ""))
    assert len(list(make_client().pages(ALARMS))) == 2


@pytest.mark.parametrize(
    "strange",
    [
        "https://evil.example/api/v1/orgs/x/alarms/search?search_after=1",
        "//evil.example/api/v1/x",
        "/\\evil.example/api/v1/x",
        "@evil.example/api/v1/x",
        ".evil.example/api/v1/x",
        "/api/v1/../../admin",
        "/elsewhere?search_after=1",
        "api/v1/relative",
        "/api/v1/x\r\nHost: evil.example",
        "/api/v1/x#fragment",
        "/api/v1/x y",
        7,
        True,
        {"url": "/api/v1/x"},
    ],
)
def test_a_cursor_never_leads_to_another_host(
    cloud: ScriptedCloud, make_client: ClientMaker, strange: object
) -> None:
    cloud.script = by_cursor(([alarm(1)], strange))
    with pytest.raises(UnexpectedShape, match="same host") as caught:
        list(make_client().pages(ALARMS))
    assert caught.value.where == "next"
    assert len(cloud.requests) == 1


def test_a_cursor_of_another_port_or_scheme_is_another_host(
    cloud: ScriptedCloud, make_client: ClientMaker
) -> None:
    for host in (cloud.url.replace("http:", "https:"), cloud.url + "1", cloud.url + "@evil.example"):
        cloud.script = by_cursor(([alarm(1)], host + cursor(1)))
        with pytest.raises(UnexpectedShape):
            list(make_client().pages(ALARMS))


def test_a_repeated_cursor_ends_the_list_if_everything_has_come(
    cloud: ScriptedCloud, make_client: ClientMaker
) -> None:
    cloud.script = by_cursor(([alarm(1)], cursor(1)), ([alarm(2)], cursor(1)), total=2)
    assert len(list(make_client().pages(ALARMS))) == 2


@pytest.mark.parametrize("total", [None, 3])
def test_a_repeated_cursor_is_a_loop_if_something_is_missing(
    cloud: ScriptedCloud, make_client: ClientMaker, total: int | None
) -> None:
    cloud.script = by_cursor(([alarm(1)], cursor(1)), ([alarm(2)], cursor(1)), total=total)
    with pytest.raises(UnexpectedShape, match="comes again"):
        list(make_client().pages(ALARMS))


def test_a_cursor_after_an_empty_page_is_the_end(cloud: ScriptedCloud, make_client: ClientMaker) -> None:
    cloud.script = by_cursor(([alarm(1)], cursor(1)), ([], cursor(2)))
    assert len(list(make_client().pages(ALARMS))) == 2


def test_cursors_that_never_end_are_a_loop(
    cloud: ScriptedCloud, make_client: ClientMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "MAX_PAGES", 20)
    cloud.script = lambda seen: Reply(
        document={"results": [alarm(1)], "next": cursor(int(seen.query.get("search_after", "0")) + 1)}
    )
    with pytest.raises(UnexpectedShape, match="more than 20 pages"):
        list(make_client().pages(ALARMS))
    assert len(cloud.requests) == 20


def test_alarms_that_end_before_their_total_are_noticed(
    cloud: ScriptedCloud, make_client: ClientMaker, caplog: pytest.LogCaptureFixture
) -> None:
    cloud.script = by_cursor(([alarm(1)], cursor(1)), ([alarm(2)], None), total=9)
    with caplog.at_level(logging.WARNING):
        list(make_client().pages(ALARMS))
    assert "announced 9 items, its pages end after 2" in caplog.text


def test_a_page_that_comes_again_is_a_loop(cloud: ScriptedCloud, make_client: ClientMaker) -> None:
    cloud.script = lambda _: Reply(
        document=[site(1), site(2)], headers={"X-Page-Total": "100", "X-Page-Limit": "2", "X-Page-Page": "1"}
    )
    with pytest.raises(UnexpectedShape, match="page 2 repeats page 1"):
        list(make_client().pages(SITES))


@pytest.mark.parametrize("call", [SITES, SLE, ALARMS])
@pytest.mark.parametrize(("status", "kind"), [(500, Unavailable), (404, NotFound)])
def test_predecessor_mistake_7_a_failure_on_page_2_is_not_an_empty_or_partial_list(
    cloud: ScriptedCloud,
    make_client: ClientMaker,
    call: endpoints.Call,
    status: int,
    kind: type[Exception],
) -> None:
    first = {
        "page": by_headers([site(number) for number in range(150)]),
        "body": in_body([{"site_id": str(number)} for number in range(150)], limit=100),
        "cursor": by_cursor(([alarm(1)], cursor(1))),
    }[call.paging]
    cloud.script = lambda seen: (
        Reply(status, {}) if seen.query.get("page") == "2" or "search_after" in seen.query else first(seen)
    )
    received = []
    with pytest.raises(kind):
        received.extend(make_client().pages(call))
    assert received == []


def test_a_list_that_changes_while_it_is_read_is_read_again(
    cloud: ScriptedCloud, make_client: ClientMaker
) -> None:
    sites = [site(number) for number in range(150)]

    def script(seen: Seen) -> Reply:
        if len(cloud.requests) == 2:
            del sites[0]
        return by_headers(sites)(seen)

    cloud.script = script
    pages = list(make_client().pages(SITES))
    assert [seen.query["page"] for seen in cloud.requests] == ["1", "2", "1", "2"]
    assert [each.id for each in parse_sites(*[page.document for page in pages])] == [
        item["id"] for item in sites
    ]


def test_a_list_that_never_stands_still_is_an_error(cloud: ScriptedCloud, make_client: ClientMaker) -> None:
    sites = [site(number) for number in range(150)]

    def script(seen: Seen) -> Reply:
        sites.append(site(len(sites)))
        return by_headers(sites)(seen)

    cloud.script = script
    with pytest.raises(Inconsistent, match="changed while it was read"):
        list(make_client().pages(SITES))
    assert len(cloud.requests) == 6


def test_fewer_items_than_announced_are_an_error(cloud: ScriptedCloud, make_client: ClientMaker) -> None:
    cloud.script = lambda seen: Reply(
        document=[site(1)] if seen.query["page"] == "1" else [],
        headers={"X-Page-Total": "2", "X-Page-Limit": "100"},
    )
    with pytest.raises(Inconsistent, match="announced 2 items and sent 1"):
        list(make_client().pages(SITES))


def test_pages_smaller_than_announced_are_read_to_the_total(
    cloud: ScriptedCloud, make_client: ClientMaker
) -> None:
    cloud.script = lambda seen: Reply(document=[site(int(seen.query["page"]))], headers={"X-Page-Total": "3"})
    assert len(list(make_client().pages(SITES))) == 3


def test_more_items_than_announced_are_kept_and_noticed(
    cloud: ScriptedCloud, make_client: ClientMaker, caplog: pytest.LogCaptureFixture
) -> None:
    cloud.script = lambda _: Reply(
        document=[site(1), site(2)], headers={"X-Page-Total": "1", "X-Page-Limit": "100"}
    )
    with caplog.at_level(logging.WARNING):
        [page] = make_client().pages(SITES)
    assert len(page.document) == 2
    assert "announced 1 items and sent 2" in caplog.text


@pytest.mark.parametrize(
    ("call", "document", "where"),
    [
        (SITES, {"detail": "x"}, ""),
        (SITES, None, ""),
        (SLE, [], ""),
        (SLE, {"total": 0}, "results"),
        (SLE, {"total": "1", "results": []}, "total"),
        (SLE, {"total": True, "results": []}, "total"),
        (SLE, {"limit": -1, "results": []}, "limit"),
        (ALARMS, {"results": {}}, "results"),
        (ALARMS, {"results": None}, "results"),
    ],
)
def test_a_document_without_its_list_is_not_an_empty_list(
    cloud: ScriptedCloud, make_client: ClientMaker, call: endpoints.Call, document: object, where: str
) -> None:
    cloud.answers(Reply(body=json.dumps(document).encode()))
    with pytest.raises(UnexpectedShape) as caught:
        list(make_client().pages(call))
    assert (caught.value.where, caught.value.endpoint) == (where, call.endpoint)


@pytest.mark.parametrize("header", ["", "many", "-3", "1e3", "9" * 30, "٣"])
def test_an_unreadable_total_header_counts_as_none(
    cloud: ScriptedCloud, make_client: ClientMaker, header: str
) -> None:
    cloud.script = lambda _: Reply(
        document=[site(1)], headers={"X-Page-Total": header.encode().decode("latin-1")}
    )
    [page] = make_client().pages(SITES)
    assert (page.total, page.limit) == (None, None)


def test_a_loop_of_fresh_cursors_ends_at_the_pages_that_the_first_one_promised(
    cloud: ScriptedCloud, make_client: ClientMaker
) -> None:
    def fresh(seen: Seen) -> Reply:
        number = int(seen.query.get("search_after", "0"))
        rows = [alarm(2 * number), alarm(2 * number + 1)]
        return Reply(document={"results": rows, "next": cursor(number + 1), "total": 5})

    cloud.script = fresh
    with pytest.raises(UnexpectedShape, match="promised 5 items, so at most 4 pages") as caught:
        list(make_client().pages(ALARMS))
    assert caught.value.where == "next"
    assert len(cloud.requests) == 4


def test_cursors_that_go_on_after_everything_has_come_end_without_an_error(
    cloud: ScriptedCloud, make_client: ClientMaker
) -> None:
    cloud.script = lambda seen: Reply(
        document={
            "results": [alarm(1), alarm(2)],
            "next": cursor(int(seen.query.get("search_after", "0")) + 1),
            "total": 2,
        }
    )
    assert len(list(make_client().pages(ALARMS))) == 2
