"""Every answer that the simulator gives without faults, against the official contract.

Two things are laxer than the contract, as the real cloud's are: `sites-sle` leaves out `interval`, and its rows leave
out `ap-availability` where there is none; an empty page fits several branches of its `oneOf`.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse
from openapi_core.validation.response.exceptions import InvalidData

from mist_pipeline.simulator import ORG_ID, World
from mist_pipeline.simulator.endpoints import FOREIGN_TOKEN, Behaviour
from mist_pipeline.simulator.organisation import Site
from mist_pipeline.simulator.server import Running, serve
from mist_pipeline_tests.simulator.conftest import getter

_FILE = Path(
    os.environ.get(
        "MIST_OPENAPI", Path(__file__).resolve().parents[3] / "shared" / "mist_openapi_subset.json"
    )
)
pytestmark = pytest.mark.skipif(
    not _FILE.is_file(),
    reason=f"CONTRACT NOT RUN: no {_FILE}; get the public OpenAPI file of the Mist cloud and set MIST_OPENAPI to it",
)
ORG = f"/orgs/{ORG_ID}"
_VIEWS = ("summary", "summary-trend", "impact-summary", "impacted-aps")


@pytest.fixture(scope="module")
def contract() -> OpenAPI:
    return OpenAPI.from_dict(json.loads(_FILE.read_text()))


@pytest.fixture(scope="module")
def strict(world: World) -> Iterator[Running]:
    with serve(world, behaviour=Behaviour(sends_interval=True)) as cloud:
        yield cloud


def _validate(contract: OpenAPI, response: requests.Response, path: str, query: dict[str, Any]) -> None:
    arguments = {name: str(value) for name, value in query.items()}
    asked = MockRequest(
        "https://api.mist.com", "get", f"/api/v1{path}", args=arguments, headers={"Authorization": "Token x"}
    )
    content_type = response.headers.get("Content-Type", "application/json")
    answered = MockResponse(response.content, status_code=response.status_code, content_type=content_type)
    contract.validate_request(asked)
    contract.validate_response(asked, answered)


def _organisation(world: World) -> list[tuple[str, dict[str, Any]]]:
    end = int(world.end.timestamp())
    window = {"start": end - 20 * 86_400, "end": end}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("/self", {}),
        ("/self/usage", {}),
        (f"{ORG}/sites", {}),
        (f"{ORG}/sites", {"limit": 5, "page": 9}),
        (f"{ORG}/sites/search", {"limit": 5}),
        (f"{ORG}/stats/sites", {"limit": 1000}),
        (f"{ORG}/stats/devices", {"type": "all", "limit": 1000}),
        (f"{ORG}/stats/devices", {}),
        (f"{ORG}/inventory", {"limit": 1000}),
        (f"{ORG}/alarms/search", {"limit": 1000, **window}),
        (f"{ORG}/alarms/search", {"limit": 3, **window}),
        (f"/sites/{world.sites()[0].site_id}/alarms/search", window),
    ]
    hour = {"start": end - 3600, "end": end}
    calls += [(f"{ORG}/insights/sites-sle", {"sle": group, **hour}) for group in ("wired", "wan")]
    return calls


def test_answers_about_the_organisation_keep_the_contract(
    contract: OpenAPI, strict: Running, world: World
) -> None:
    for path, query in _organisation(world):
        response = getter(strict)(path, **query)
        assert response.status_code == 200
        _validate(contract, response, path, query)


def _keeps_contract(
    contract: OpenAPI, strict: Running, site: Site, views: tuple[str, ...], metrics: slice = slice(None)
) -> int:
    """Validates these views of these metrics of a site; how many answers that were."""
    get, end = getter(strict), int(strict.world.end.timestamp())
    query: dict[str, Any] = {"start": end - 36_000, "end": end}
    path = f"/sites/{site.site_id}/sle/site/{site.site_id}"
    response = get(f"{path}/metrics")
    _validate(contract, response, f"{path}/metrics", {})
    calls = [f"{path}/metric/{name}/{view}" for name in response.json()["enabled"][metrics] for view in views]
    for call in calls:
        answer = get(call, **query)
        assert answer.status_code == 200
        _validate(contract, answer, call, query)
    return len(calls)


def test_every_metric_of_a_site_and_every_view_of_one_keep_the_contract(
    contract: OpenAPI, strict: Running, world: World
) -> None:
    site = next(site for site in world.sites() if site.num_gateways and not site.unsupported)
    assert _keeps_contract(contract, strict, site, ("summary-trend",)) == 14
    assert _keeps_contract(contract, strict, site, _VIEWS, slice(1)) == 4


@pytest.mark.slow
def test_every_view_of_every_metric_of_every_site_keeps_the_contract(
    contract: OpenAPI, strict: Running, world: World
) -> None:
    assert sum(_keeps_contract(contract, strict, site, _VIEWS) for site in world.sites()) > 500


def test_refusals_keep_the_contract(contract: OpenAPI, strict: Running, world: World) -> None:
    path = f"{ORG}/sites"
    for token, status in (("nobody", 401), (FOREIGN_TOKEN, 403)):
        response = getter(strict, token)(path)
        assert response.status_code == status
        _validate(contract, response, path, {})
    site_id = world.sites()[0].site_id
    path = f"/sites/{site_id}/sle/site/{site_id}/metric/nonsense/summary"
    response = getter(strict)(path)
    assert response.status_code == 404
    _validate(contract, response, path, {})


def _without(document: dict[str, Any], *, rows_lacking: str) -> dict[str, Any]:
    return {**document, "results": [row for row in document["results"] if rows_lacking in row]}


def test_the_organisation_page_breaks_the_contract_only_where_the_cloud_does(
    contract: OpenAPI, strict: Running, running: Running, world: World
) -> None:
    path = f"{ORG}/insights/sites-sle"
    for hours_ago in range(0, 24 * 30, 50):
        end = int(world.end.timestamp()) - 3600 * hours_ago
        query: dict[str, Any] = {"sle": "wifi", "start": end - 3600, "end": end}
        strictly = getter(strict)(path, **query)
        mended = _without(strictly.json(), rows_lacking="ap-availability")
        strictly._content = json.dumps(mended).encode()
        _validate(contract, strictly, path, query)
    loosely = getter(running)(path, **query)
    assert set(strictly.json()) - set(loosely.json()) == {"interval"}
    with pytest.raises(InvalidData):
        _validate(contract, loosely, path, query)


def test_an_empty_page_is_the_documented_exception(contract: OpenAPI, strict: Running, world: World) -> None:
    end = int(world.end.timestamp())
    query: dict[str, Any] = {"sle": "wifi", "start": end + 3600, "end": end + 7200}
    response = getter(strict)(f"{ORG}/insights/sites-sle", **query)
    assert response.json()["results"] == []
    with pytest.raises(InvalidData):
        _validate(contract, response, f"{ORG}/insights/sites-sle", query)
