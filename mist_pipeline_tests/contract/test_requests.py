"""Every request that the client can send is one that the official file knows."""

from typing import get_args

import pytest

from mist_pipeline.mist import endpoints
from mist_pipeline.mist.client import MistClient
from mist_pipeline.mist.endpoints import Call
from mist_pipeline.mist.errors import MistError
from mist_pipeline_tests.support.contract.calls import CALLS, NOT_IN_THE_COPY, ORG
from mist_pipeline_tests.support.contract.official import Contract, Exchange, request_errors
from mist_pipeline_tests.support.mist.scripted_cloud import Reply, ScriptedCloud, Seen

NEXT = f"/api/v1/orgs/{ORG}/alarms/search?end=3600&limit=1000&search_after=%5B1711031354000%2C+%22x%22%5D&start=0"


def whole_world(seen: Seen) -> Reply:
    """Answers that make the client send everything that it can: second pages, a cursor, the older summary."""
    if seen.path.endswith("/summary-trend"):
        return Reply(404, {"id": "unknown"})
    if seen.path.endswith("/alarms/search"):
        cursor = {} if "search_after" in seen.query else {"next": NEXT}
        return Reply(document={"results": [{"id": seen.query.get("search_after", "first")}], **cursor})
    if "page" not in seen.query:
        return Reply(document={})
    row = {"id": seen.query["page"]}
    if seen.path.endswith("/sites-sle"):
        return Reply(document={"total": 2, "limit": 1, "results": [row]})
    return Reply(document=[row], headers={"X-Page-Total": "2", "X-Page-Limit": "1"})


def sent_for(client: MistClient, cloud: ScriptedCloud, call: Call) -> list[Seen]:
    cloud.requests.clear()
    cloud.usage = lambda seen: (
        cloud.requests.append(seen),
        Reply(document={"request_limit": 1, "requests": 0}),
    )[1]
    try:
        list(client.pages(call))
    except MistError as error:
        pytest.fail(f"the scripted cloud should satisfy {call}: {error}")
    return list(cloud.requests)


def test_every_endpoint_of_the_client_is_here() -> None:
    assert {call.endpoint for call in CALLS} | NOT_IN_THE_COPY == set(get_args(endpoints.Endpoint))


@pytest.mark.parametrize(
    "call", CALLS, ids=lambda call: f"{call.endpoint}-{call.params.get('sle') or call.params.get('type', '')}"
)
def test_a_request_of_the_client_keeps_the_contract(
    contract: Contract, cloud: ScriptedCloud, client: MistClient, call: Call
) -> None:
    cloud.script = whole_world
    sent = sent_for(client, cloud, call)
    expected = {"none": 1, "page": 2, "body": 2, "cursor": 2}[call.paging] + (call.endpoint == "sle_summary")
    assert len([seen for seen in sent if not seen.path.endswith("/usage")]) == expected - (
        call.endpoint == "usage"
    )
    for seen in sent:
        exchange = Exchange("GET", seen.path, seen.query, {"Authorization": seen.headers["authorization"]})
        assert request_errors(contract, exchange) == []


def test_only_the_clouds_own_cursor_carries_a_parameter_that_is_not_declared(
    contract: Contract, cloud: ScriptedCloud, client: MistClient
) -> None:
    cloud.script = whole_world
    undeclared = [
        (seen.path, error)
        for call in CALLS
        for seen in sent_for(client, cloud, call)
        for error in contract.request_errors(Exchange("GET", seen.path, seen.query, seen.headers))
        if "undeclared" in error
    ]
    assert undeclared == [(f"/api/v1/orgs/{ORG}/alarms/search", "undeclared query parameter search_after")]
