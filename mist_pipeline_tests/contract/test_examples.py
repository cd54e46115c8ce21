"""The official file's own examples go through client, parsing and scoring; what is tolerated is tested one by one."""

import json
from pathlib import Path
from typing import Any

import pytest

from mist_pipeline.mist import endpoints, parsers
from mist_pipeline.mist.client import MistClient
from mist_pipeline.mist.endpoints import Call
from mist_pipeline_tests.support.contract.calls import CALLS, ORG, SITE
from mist_pipeline_tests.support.contract.official import TOLERATED, Contract, Exchange, mended
from mist_pipeline_tests.support.contract.parsing import PARSERS
from mist_pipeline_tests.support.mist.scripted_cloud import Reply, ScriptedCloud

pytestmark = pytest.mark.slow

TOKEN = {"Authorization": "Token x"}


def fetched(client: MistClient, cloud: ScriptedCloud, call: Call, document: Any) -> list[Any]:
    """The document after its way over HTTP and through the client, page by page."""
    rows = len(document) if isinstance(document, list) else 1
    headers = {"X-Page-Total": str(rows), "X-Page-Limit": "1000", "X-Page-Page": "1"}
    cloud.answers(Reply(document=document, headers=headers))
    cloud.usage = cloud.script
    return [page.document for page in client.pages(call)]


def _as_the_only_page(example: Any) -> Any:
    """The examples of a list show a page out of the middle; the client would go on asking."""
    if isinstance(example, dict) and "results" in example:
        return {**example, "page": 1, "limit": 1000, "total": len(example["results"])}
    return example


def summary_of(client: MistClient, cloud: ScriptedCloud, document: Any) -> parsers.SleSummary:
    call = endpoints.sle_summary(SITE, "capacity", 1627226206, 1627312606)
    return parsers.parse_sle_summary(*fetched(client, cloud, call, document))


@pytest.mark.parametrize(
    "call", CALLS, ids=lambda call: f"{call.endpoint}-{call.params.get('sle') or call.params.get('type', '')}"
)
def test_every_example_of_an_endpoint_is_read(
    contract: Contract, cloud: ScriptedCloud, client: MistClient, call: Call
) -> None:
    examples = contract.examples(contract.template(call.path))
    assert examples or call.endpoint == "alarms"  # the file has no example of an alarm search
    for name, example in examples.items():
        document = _as_the_only_page(example)
        exchange = Exchange("GET", call.path, call.params, TOKEN, body=json.dumps(document).encode())
        assert contract.response_errors(exchange) == [], name
        found = PARSERS[call.endpoint](*fetched(client, cloud, call, document))
        assert found, name


def test_the_capacity_example_scores_95_39_percent(
    contract: Contract, cloud: ScriptedCloud, client: MistClient
) -> None:
    found = summary_of(client, cloud, contract.example("SleSummaryExample"))
    assert found.score_pct == pytest.approx(95.39, abs=0.005)
    assert sum(filter(None, found.degraded)) == pytest.approx(1489.8, abs=0.05)
    assert sum(filter(None, found.total)) == pytest.approx(32346.5, abs=0.05)
    assert (found.metric, found.interval, len(found.total)) == ("capacity", 3600, 24)
    mean_of_the_measurement = sum(filter(None, found.value)) / 24  # what the predecessor took for the score
    assert mean_of_the_measurement == pytest.approx(0.668, abs=0.001)


def test_the_classifiers_of_the_example_add_up_to_its_degraded_minutes(
    contract: Contract, cloud: ScriptedCloud, client: MistClient
) -> None:
    found = summary_of(client, cloud, contract.example("SleSummaryExample"))
    assert [each.name for each in found.classifiers] == [
        "client-count",
        "wifi-interference",
        "client-usage",
        "non-wifi-interference",
    ]
    for bucket, degraded in enumerate(found.degraded):
        assert sum(each.degraded[bucket] or 0.0 for each in found.classifiers) == pytest.approx(
            degraded, abs=0.01
        )
    assert (found.impact.num_users, found.impact.total_users, found.impact.num_aps) == (21, 26, 2)


def test_what_the_examples_say_is_what_is_read(
    contract: Contract, cloud: ScriptedCloud, client: MistClient
) -> None:
    metrics = parsers.parse_sle_metrics(contract.example("SiteSleMetricsExample"))
    assert metrics.spellings["successful-connect"] == "failed-to-connect"
    assert metrics.spellings["application-health"] == "application_health"
    assert "roaming-v2" in metrics.enabled
    wifi = parsers.parse_sites_sle(contract.example("OrgSiteSleWiFiSLE"))
    assert wifi.scores_pct["ap-health"] == [pytest.approx(67.356, abs=0.001)]
    assert wifi.unknown == frozenset()
    [site] = parsers.parse_sites(contract.example("SitesArrayExample"))
    assert (site.timezone, site.latitude) == ("America/Los_Angeles", 37.295833)
    [counts] = parsers.parse_stats_sites(contract.example("SitesArrayStatsExample"))
    assert (counts.num_aps, counts.num_aps_connected, counts.num_switches_connected) == (17, 14, 7)
    access_point, switch, gateway = (
        parsers.parse_stats_devices(contract.example(f"DevicesArrayStatsOrg{kind}Stats"))[0]
        for kind in ("AccessPoint", "Switch", "Gateway")
    )
    assert (access_point.cpu_pct, access_point.num_clients, len(access_point.radios)) == (5.0, 1, 2)
    assert (switch.cpu_pct, switch.memory_pct, switch.num_clients) == (26.0, 16.0, 13)
    assert (gateway.cpu_pct, gateway.memory_pct, gateway.type) == (24.0, 39.0, "gateway")
    impact = parsers.parse_impact_summary(contract.example("SleImpactSummaryExample"))
    assert impact.rows[0] == parsers.ImpactRow("ap", "5c5b3550bd2e", "ap43-off.lab", 1486.0, 27406.0)


SOUND = {
    "start": 1769990400,
    "end": 1769994000,
    "interval": 3600,
    "limit": 1000,
    "page": 1,
    "total": 1,
    "results": [{"site_id": SITE, "num_aps": 3, "num_clients": 7, "coverage": 0.5, "ap-availability": 1}],
}
LAX: dict[str, dict[str, Any]] = {
    TOLERATED[0].what: {name: value for name, value in SOUND.items() if name != "interval"},
    TOLERATED[1].what: {
        **SOUND,
        "results": [{"site_id": SITE, "num_aps": 3, "num_clients": 7, "coverage": 0.5}],
    },
    TOLERATED[2].what: {**SOUND, "total": 0, "results": []},
}


@pytest.mark.parametrize("tolerated", TOLERATED, ids=lambda each: each.what)
def test_what_is_tolerated_is_condemned_by_the_contract_and_read_by_us(
    contract: Contract, cloud: ScriptedCloud, client: MistClient, tolerated: Any
) -> None:
    call = endpoints.sites_sle(ORG, "wifi", 1769990400, 1769994000)

    def errors(document: dict[str, Any]) -> list[str]:
        body = json.dumps(document).encode()
        return contract.response_errors(Exchange("GET", call.path, call.params, TOKEN, body=body))

    lax = LAX[tolerated.what]
    assert errors(SOUND) == []
    assert errors(lax) != []
    assert errors(tolerated.mend(lax, "wifi")) == []
    found = parsers.parse_sites_sle(*fetched(client, cloud, call, lax))
    assert found.scores_pct.get("coverage", []) == ([50.0] if lax["results"] else [])


@pytest.mark.parametrize(
    "wrong",
    [
        {**SOUND, "results": [{"site_id": SITE, "coverage": "high", "ap-availability": 1}]},
        {**SOUND, "results": [{"site_id": "no uuid", "ap-availability": 1}]},
        {**SOUND, "results": [{"coverage": 1}]},
        {name: value for name, value in SOUND.items() if name != "total"},
        {**SOUND, "start": "now"},
    ],
)
def test_tolerance_hides_nothing_else(contract: Contract, wrong: dict[str, Any]) -> None:
    call = endpoints.sites_sle(ORG, "wifi", 1769990400, 1769994000)
    body = json.dumps(mended(wrong, "wifi")).encode()
    assert contract.response_errors(Exchange("GET", call.path, call.params, TOKEN, body=body)) != []


def test_the_documentation_lists_exactly_what_is_tolerated() -> None:
    page = (Path(__file__).parents[2] / "docs" / "mist-client.md").read_text(encoding="utf-8")
    section = page.partition("## The contract")[2]
    listed = [line.removeprefix("- ").rstrip(";.") for line in section.splitlines() if line.startswith("- ")]
    assert [line.partition(" (")[0] for line in listed[: len(TOLERATED)]] == [each.what for each in TOLERATED]
    assert len(listed) == len(TOLERATED) + 1
    assert "`search_after`" in listed[-1]
