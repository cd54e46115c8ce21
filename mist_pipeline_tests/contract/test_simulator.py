"""Every answer that the simulated cloud gives without faults keeps the official contract, and the client reads it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests
from starlette.applications import Starlette

from mist_pipeline.domain.metrics import CATALOGUE
from mist_pipeline.mist import endpoints
from mist_pipeline.mist.client import connect
from mist_pipeline.mist.errors import NotSupported
from mist_pipeline.mist.parsers import parse_sites, parse_sle_metrics, parse_sle_summary
from mist_pipeline.simulator import World
from mist_pipeline.simulator.cloud.app import CONTROL_PATH, SimulatedCloud
from mist_pipeline.simulator.cloud.endpoints import FOREIGN_TOKEN, Behaviour
from mist_pipeline.simulator.cloud.server import Running, serve
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline_tests.support.contract.official import Contract, Exchange, request_errors, response_errors
from mist_pipeline_tests.support.contract.parsing import PARSERS

DAY = 86_400
WORLD = World(sites=10, days=6, seed=11)
NOW = WORLD.end - timedelta(hours=7, minutes=20)
END = int(NOW.timestamp()) // 3600 * 3600


@pytest.fixture(scope="module")
def simulated() -> Iterator[Running]:
    with serve(WORLD, clock=Clock(NOW)) as running:
        yield running


@dataclass(frozen=True)
class Question:
    """One request by hand, so that endpoints which the client never asks are judged too."""

    path: str
    query: dict[str, str]
    method: str = "GET"
    body: dict[str, Any] | None = None


def exchange(running: Running, question: Question, token: str | None = None) -> Exchange:
    headers = {"Authorization": f"Token {token or running.token}"}
    answer = requests.request(
        question.method,
        running.base_url + question.path,
        params=question.query,
        headers=headers,
        json=question.body,
        timeout=30,
    )
    return Exchange(
        question.method,
        question.path,
        question.query,
        headers,
        status=answer.status_code,
        body=answer.content,
        content_type=answer.headers.get("Content-Type", ""),
        sent=answer.request.body if isinstance(answer.request.body, bytes) else None,
    )


def judged(contract: Contract, *exchanges: Exchange) -> dict[str, list[str]]:
    """What is wrong, by path."""
    return {
        each.path: errors
        for each in exchanges
        if (errors := [*request_errors(contract, each), *response_errors(contract, each)])
    }


def questions(running: Running) -> dict[str, list[Question]]:
    """Questions by route of the simulator, several where a parameter changes what comes back."""
    org = f"/api/v1/orgs/{running.org_id}"
    # One site of each kind: spelling by hyphen or underscore, with a gateway or without.
    kinds = {(each.underscores, each.num_gateways > 0): each.site_id for each in running.world.sites()}
    sites = list(kinds.values())
    day = {"start": str(END - DAY), "end": str(END)}
    week = {"start": str(END - 5 * DAY), "end": str(END)}
    partial = {"start": str(END - 5000), "end": str(int(NOW.timestamp()))}
    ahead = {"start": str(END + DAY), "end": str(END + 2 * DAY)}
    asked: dict[str, list[Question]] = {
        "/api/v1/self": [Question("/api/v1/self", {})],
        "/api/v1/self/usage": [Question("/api/v1/self/usage", {})],
    }

    def ask(route: str, path: str, *queries: dict[str, str]) -> None:
        asked.setdefault(route, []).extend(Question(path, query) for query in queries)

    pages = [{}, {"limit": "4", "page": "2"}, {"limit": "1000", "page": "9"}]
    for name in ("sites", "stats/sites"):
        ask(f"/api/v1/orgs/{{org_id}}/{name}", f"{org}/{name}", *pages)
    for name in ("stats/devices", "inventory"):
        types = [{"type": kind, "limit": "20"} for kind in ("ap", "switch", "gateway")]
        ask(f"/api/v1/orgs/{{org_id}}/{name}", f"{org}/{name}", *pages, *types)
    ask("/api/v1/orgs/{org_id}/sites/search", f"{org}/sites/search", {}, {"limit": "4"})
    for sle in ("wifi", "wired", "wan"):
        for window in (day, week, partial, ahead):
            ask(
                "/api/v1/orgs/{org_id}/insights/sites-sle",
                f"{org}/insights/sites-sle",
                {"sle": sle, **window},
            )
    for path in (org, f"/api/v1/sites/{sites[0]}"):
        place = path.split("/")[3]
        ask(
            f"/api/v1/{place}/{{{place[:-1]}_id}}/alarms/search",
            f"{path}/alarms/search",
            {},
            {**week, "limit": "3"},
            {**week, "limit": "1000"},
            ahead,
        )
        body = {"alarm_ids": ["ccb8c94d-ca56-4075-932f-1f2ab444ff2c"], "note": "seen"}
        asked[f"/api/v1/{place}/{{{place[:-1]}_id}}/alarms/ack"] = [
            Question(f"{path}/alarms/ack", {}, "POST", body)
        ]
    made = {"name": "ours", "type": "http-post", "url": "https://example.com/mist", "topics": ["alarms"]}
    asked["/api/v1/orgs/{org_id}/webhooks"] = [
        Question(f"{org}/webhooks", {}, "POST", made),
        *(Question(f"{org}/webhooks", page) for page in pages),
    ]
    route = "/api/v1/sites/{site_id}/sle/{scope}/{scope_id}"
    for site in sites:
        sle_path = f"/api/v1/sites/{site}/sle/site/{site}"
        ask(f"{route}/metrics", f"{sle_path}/metrics", {})
        spellings = requests.get(
            f"{running.base_url}{sle_path}/metrics",
            headers={"Authorization": f"Token {running.token}"},
            timeout=30,
        ).json()["enabled"]
        for spelling in spellings:
            hit = [f"impacted-{what}" for what in ("aps", "switches", "gateways", "users", "clients")]
            names = ("summary-trend", "impact-summary", *(["summary", *hit] if site == sites[0] else []))
            for name in names:
                is_read_over_time = site == sites[0] and name == "summary-trend"
                windows = (week, partial, ahead) if is_read_over_time else (day,)
                ask(f"{route}/metric/{{metric}}/{name}", f"{sle_path}/metric/{spelling}/{name}", *windows)
    return asked


def routes(application: Any) -> set[str]:
    assert isinstance(application, Starlette)
    paths = {route.path for route in application.routes if hasattr(route, "path")} - {CONTROL_PATH}
    # The copy of the contract knows how webhooks are listed and made, not how one of them is asked about, and neither the audit log nor
    # templates nor providers.
    unknown = ("{webhook_id}", "{msp_id}")
    return {
        path
        for path in paths
        if not any(part in path for part in unknown) and not path.endswith(("/logs", "/templates"))
    }


@pytest.mark.slow
def test_every_route_of_the_simulator_keeps_the_contract(contract: Contract, simulated: Running) -> None:
    asked = questions(simulated)
    assert set(asked) == routes(SimulatedCloud(WORLD).app())
    exchanges = [exchange(simulated, question) for several in asked.values() for question in several]
    assert {each.status for each in exchanges} == {200}
    assert judged(contract, *exchanges) == {}


def test_cursors_of_the_simulator_keep_the_contract(contract: Contract, simulated: Running) -> None:
    path = f"/api/v1/orgs/{simulated.org_id}/alarms/search"
    query = {"start": str(END - 6 * DAY), "end": str(END), "limit": "3"}
    followed = []
    for _ in range(3):
        followed.append(exchange(simulated, Question(path, query)))
        following = json.loads(followed[-1].body).get("next")
        if following is None:
            break
        query = dict(parse_qsl(following.partition("?")[2]))
    assert len(followed) > 1
    assert judged(contract, *followed) == {}


@pytest.mark.parametrize(
    ("path", "query", "token", "status"),
    [
        ("/api/v1/self", {}, "wrong", 401),
        ("/api/v1/orgs/{org}/sites", {}, FOREIGN_TOKEN, 403),
        ("/api/v1/orgs/{org}/insights/sites-sle", {"sle": "wifi", "start": "never"}, None, 400),
        ("/api/v1/sites/{unknown}/sle/site/{unknown}/metrics", {}, None, 404),
        ("/api/v1/sites/{site}/sle/site/{site}/metric/no-such-metric/summary-trend", {}, None, (400, 404)),
    ],
)
def test_refusals_of_the_simulator_keep_the_contract(
    contract: Contract, simulated: Running, path: str, query: dict[str, str], token: str | None, status: Any
) -> None:
    filled = path.format(
        org=simulated.org_id, site=WORLD.sites()[0].site_id, unknown="4ac1dcf4-9d8b-7211-65c4-057819f0862b"
    )
    refused = exchange(simulated, Question(filled, query), token)
    assert refused.status in (status if isinstance(status, tuple) else (status,))
    assert response_errors(contract, refused) == []


def test_an_exhausted_hour_of_the_simulator_keeps_the_contract(contract: Contract) -> None:
    with serve(WORLD, clock=Clock(NOW), behaviour=Behaviour(request_limit=2)) as running:
        last = [exchange(running, Question("/api/v1/self", {})) for _ in range(3)][-1]
    assert last.status == 429
    assert response_errors(contract, last) == []


BEHAVIOURS: dict[str, Behaviour] = {
    "usual": Behaviour(),
    "older": Behaviour(has_summary_trend=False, sends_interval=True),
    "forgetful": Behaviour(retention_days=2),
    "coarse": Behaviour(coarse_after_days=3),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BEHAVIOURS)
def test_the_client_reads_every_kind_of_simulated_cloud(
    contract: Contract, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        serve(WORLD, clock=Clock(NOW), behaviour=BEHAVIOURS[name]) as running,
        connect(cloud=running.base_url, tokens=[running.token], budget_path=tmp_path / "b.db") as client,
    ):
        heard = _overhear(client, monkeypatch)
        organisation = client.resolve_org()
        assert organisation.id == running.org_id
        site_pages = list(client.pages(endpoints.org_sites(organisation.id)))
        sites = [each.id for each in parse_sites(*[page.document for page in site_pages])]
        assert sorted(sites) == sorted(each.site_id for each in WORLD.sites())
        calls = [
            endpoints.usage(),
            *[endpoints.sites_sle(organisation.id, sle, END - 3600, END) for sle in ("wifi", "wired", "wan")],  # type: ignore[arg-type]
            endpoints.stats_sites(organisation.id),
            endpoints.stats_devices(organisation.id, "gateway" if name != "usual" else "all"),
            endpoints.alarms(organisation.id, END - 5 * DAY, END),
        ]
        for site in sites[:1]:
            [page] = client.pages(endpoints.sle_metrics(site))
            spellings = parse_sle_metrics(page.document).spellings
            assert set(spellings) <= set(CATALOGUE)
            for spelling in spellings.values():
                calls.append(endpoints.sle_summary(site, spelling, END - 4 * DAY, END))
                calls.append(endpoints.impact_summary(site, spelling, END - DAY, END))
                calls.append(endpoints.impacted_devices(site, spelling, "ap", END - DAY, END))
                calls.append(endpoints.impacted_people(site, spelling, "wireless", END - DAY, END))
        outcomes = dict(client.fetch_many(calls))
        for call, outcome in outcomes.items():
            assert isinstance(outcome, list), outcome
            assert PARSERS[call.endpoint](*[page.document for page in outcome])
        summaries = [
            parse_sle_summary(outcome[0].document)
            for call, outcome in outcomes.items()
            if call.endpoint == "sle_summary" and isinstance(outcome, list)
        ]
        assert {each.interval for each in summaries} == {DAY if name == "coarse" else 3600}
        assert any(each.score_pct is not None for each in summaries)
        with pytest.raises(NotSupported):
            list(client.pages(endpoints.sle_summary(sites[0], "no-such-metric", END - DAY, END)))
    assert judged(contract, *heard) == {}


def _overhear(client: Any, monkeypatch: pytest.MonkeyPatch) -> list[Exchange]:
    """Everything that goes over the client's wire from now on, but for documents that are judged elsewhere by size."""
    heard: list[Exchange] = []
    send: Callable[..., Any] = client._transport.send

    def overheard(method: str, path: str, query: Any, token: Any, **options: Any) -> Any:
        answer = send(method, path, query, token, **options)
        bare, _, told = path.partition("?")
        both = {**dict(query), **dict(parse_qsl(told))}
        headers = {"Authorization": f"Token {token.reveal()}"}
        content_type = answer.headers["content-type"]
        heard.append(Exchange(method, bare, both, headers, answer.status, answer.body, content_type))
        return answer

    monkeypatch.setattr(client._transport, "send", overheard)
    return heard


def test_the_world_of_these_tests_has_what_they_are_about(simulated: Running) -> None:
    assert datetime.fromtimestamp(END, UTC) < NOW
    assert {site.underscores for site in WORLD.sites()} == {True, False}
    assert simulated.world is WORLD
