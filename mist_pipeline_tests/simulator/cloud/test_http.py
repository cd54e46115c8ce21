"""What a caller sees over HTTP: the cloud's rules, and never the future or the truth."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from mist_pipeline.simulator import ORG_ID, World
from mist_pipeline.simulator.cloud.endpoints import FOREIGN_TOKEN, SECOND_TOKEN, Behaviour
from mist_pipeline.simulator.cloud.server import Running, serve
from mist_pipeline.simulator.world import scenario
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline_tests.simulator.conftest import Get, getter

pytestmark = pytest.mark.slow

ORG = f"/orgs/{ORG_ID}"
DAY = 86_400


def _sle(site_id: str, rest: str) -> str:
    return f"/sites/{site_id}/sle/site/{site_id}/{rest}"


def _spelling(get: Get, site_id: str, metric: str) -> str:
    names = get(_sle(site_id, "metrics")).json()["enabled"]
    return next(name for name in names if name.replace("_", "-") == metric)


def test_the_first_privilege_is_not_the_organisation(get: Get) -> None:
    privileges = get("/self").json()["privileges"]
    assert [privilege["scope"] for privilege in privileges] == ["msp", "org", "site"]
    assert "org_id" not in privileges[0]
    assert privileges[1]["org_id"] == ORG_ID


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer x"}, {"Authorization": "Token nobody"}])
def test_without_a_valid_token_nothing_is_answered(running: Running, header: dict[str, str]) -> None:
    response = requests.get(f"{running.base_url}/api/v1{ORG}/sites", headers=header, timeout=10)
    assert (response.status_code, list(response.json())) == (401, ["detail"])


def test_another_organisation_is_forbidden(running: Running, get: Get) -> None:
    for response in (
        getter(running, FOREIGN_TOKEN)(f"{ORG}/sites"),
        get("/orgs/11111111-2222-3333-4444-555555555555/sites"),
    ):
        assert (response.status_code, list(response.json())) == (403, ["detail"])


@pytest.mark.parametrize(
    "path",
    ["/sites/11111111-2222-3333-4444-555555555555/alarms/search", f"{ORG}/nonsense", "/truth", "/incidents"],
)
def test_what_is_not_there_answers_404_with_an_id_and_no_detail(get: Get, path: str) -> None:
    response = get(path)
    assert (response.status_code, list(response.json())) == (404, ["id"])


def test_numbered_pages_say_their_total_in_headers(get: Get, world: World) -> None:
    pages = [get(f"{ORG}/sites", limit=5, page=page) for page in (1, 2, 3, 4)]
    assert [len(page.json()) for page in pages] == [5, 5, 2, 0]
    assert {page.headers["X-Page-Total"] for page in pages} == {"12"}
    assert [page.headers["X-Page-Page"] for page in pages] == ["1", "2", "3", "4"]
    assert pages[0].headers["X-Page-Limit"] == "5"
    ids = [site["id"] for page in pages for site in page.json()]
    assert ids == [site.site_id for site in world.sites()]


def test_no_page_is_larger_than_the_cloud_allows(get: Get) -> None:
    assert get(f"{ORG}/sites", limit=5000).headers["X-Page-Limit"] == "1000"
    assert get(f"{ORG}/sites").headers["X-Page-Limit"] == "100"
    assert get(f"{ORG}/sites", limit=0).status_code == 400


def test_names_arrive_as_hostile_as_they_are(get: Get) -> None:
    names = [site["name"] for site in get(f"{ORG}/sites").json()]
    assert names.count("Riverside") == 2
    assert {"", "<script>alert(1)</script>", "Line one\nLine two"} <= set(names)


def test_the_organisation_page_gives_fractions_and_leaves_out_what_has_no_users(
    get: Get, world: World
) -> None:
    end = int(world.end.timestamp()) - 10 * DAY
    document = get(f"{ORG}/insights/sites-sle", sle="wifi", start=end - 3600, end=end).json()
    assert "interval" not in document
    assert document["total"] == len(document["results"])
    idle = next(site for site in world.sites() if site.kind == "idle")
    row = next(row for row in document["results"] if row["site_id"] == idle.site_id)
    assert row["num_clients"] == 0
    assert "capacity" not in row
    assert 0.9 <= row["ap-availability"] <= 1.0
    for row in document["results"]:
        assert all(0.0 <= value <= 1.0 for name, value in row.items() if "-" in name)
    assert any("successful-connect" in row for row in document["results"])


def test_the_organisation_page_pages_in_its_body(get: Get, world: World) -> None:
    end = int(world.end.timestamp()) - 10 * DAY
    query: dict[str, Any] = {"sle": "wan", "start": end - 3600, "end": end}
    whole = get(f"{ORG}/insights/sites-sle", **query).json()
    parts = [get(f"{ORG}/insights/sites-sle", limit=4, page=page, **query).json() for page in (1, 2, 3)]
    assert [row for part in parts for row in part["results"]] == whole["results"]
    assert {part["total"] for part in parts} == {whole["total"]}
    assert any("application_health" in row for row in whole["results"])


def test_both_views_of_one_hour_agree(get: Get, world: World) -> None:
    site, end = world.sites()[0], int(world.end.timestamp()) - 20 * DAY + 12 * 3600
    row = get(f"{ORG}/insights/sites-sle", sle="wifi", start=end - 3600, end=end).json()["results"][0]
    for metric in ("coverage", "time-to-connect"):
        name = _spelling(get, site.site_id, metric)
        samples = get(_sle(site.site_id, f"metric/{name}/summary"), start=end - 3600, end=end).json()["sle"][
            "samples"
        ]
        assert row[metric] == pytest.approx(1 - samples["degraded"][0] / samples["total"][0], abs=1e-6)


def test_http_and_history_tell_the_same(get: Get, world: World) -> None:
    site, day = world.sites()[0], world.first_day + timedelta(days=20)
    frame = world.history(day, day)["sle_hourly"]
    start = int(world.midnight(day).timestamp())
    name = _spelling(get, site.site_id, "throughput")
    summary = get(_sle(site.site_id, f"metric/{name}/summary-trend"), start=start, end=start + DAY).json()
    rows = frame.filter(site_id=site.site_id, metric="throughput").sort("hour")
    assert summary["sle"]["samples"]["total"] == pytest.approx(rows["total_user_minutes"].to_list(), abs=1e-3)
    assert summary["sle"]["samples"]["degraded"] == pytest.approx(
        rows["degraded_user_minutes"].to_list(), abs=1e-3
    )
    split = [
        sum(values)
        for values in zip(*(c["samples"]["degraded"] for c in summary["classifiers"]), strict=True)
    ]
    assert split == pytest.approx(summary["sle"]["samples"]["degraded"], abs=0.01)
    assert summary["sle"]["y_label"] == "Mbps"


def test_a_site_knows_only_the_spelling_that_it_advertises(get: Get, world: World) -> None:
    styles = set()
    for site in world.sites():
        names = get(_sle(site.site_id, "metrics")).json()["enabled"]
        styles.add("time_to_connect" in names)
        assert any(name.replace("_", "-") == "failed-to-connect" for name in names)
        wrong = "time-to-connect" if "time_to_connect" in names else "time_to_connect"
        for refused in (wrong, "successful-connect", "roaming-v2", *sorted(site.unsupported)):
            status = get(_sle(site.site_id, f"metric/{refused}/summary"), duration="1d").status_code
            assert status == (400 if site.index % 2 else 404)
    assert styles == {True, False}


def test_an_older_cloud_does_not_know_the_newer_path(world: World) -> None:
    with serve(world, behaviour=Behaviour(has_summary_trend=False)) as cloud:
        get, site_id = getter(cloud), world.sites()[0].site_id
        assert get(_sle(site_id, "metric/coverage/summary-trend"), duration="1d").status_code == 404
        assert get(_sle(site_id, "metric/coverage/summary"), duration="1d").status_code == 200


def test_other_scopes_than_the_site_itself_are_not_there(get: Get, world: World) -> None:
    first, second = world.sites()[0].site_id, world.sites()[1].site_id
    assert get(f"/sites/{first}/sle/site/{second}/metrics").status_code == 404
    assert get(f"/sites/{first}/sle/ap/{first}/metrics").status_code == 404


def test_first_and_last_buckets_may_be_partial(get: Get, world: World) -> None:
    site_id, start = world.sites()[0].site_id, int(world.end.timestamp()) - 20 * DAY + 9 * 3600

    def totals(first: int, last: int) -> list[float]:
        path = _sle(site_id, "metric/coverage/summary")
        samples = get(path, start=first, end=last).json()["sle"]["samples"]
        return [value or 0.0 for value in samples["total"]]

    whole = totals(start, start + 2 * 3600)
    shifted = totals(start + 900, start + 900 + 4500)
    assert len(shifted) == 2
    assert shifted[0] == pytest.approx(0.75 * whole[0] + 0.25 * whole[1], rel=1e-4)
    assert shifted[1] == pytest.approx(0.25 * whole[1], rel=1e-4)


def test_a_gap_in_the_cloud_is_null_in_every_series(get: Get, world: World) -> None:
    start, end = int(world.start.timestamp()), int(world.end.timestamp())
    site = world.sites()[0]
    samples = get(_sle(site.site_id, "metric/coverage/summary"), start=start, end=end).json()["sle"][
        "samples"
    ]
    gaps = [position for position, value in enumerate(samples["total"]) if value is None]
    assert 0 < len(gaps) < 20
    assert [position for position, value in enumerate(samples["degraded"]) if value is None] == gaps


def test_an_impact_names_the_access_points_that_carry_it(get: Get, world: World) -> None:
    site, end = world.sites()[0], int(world.end.timestamp())
    path = _sle(site.site_id, "metric/coverage")
    summary = get(f"{path}/summary", start=end - DAY, end=end).json()
    impact = get(f"{path}/impact-summary", start=end - DAY, end=end).json()
    degraded = sum(value or 0 for value in summary["sle"]["samples"]["degraded"])
    assert sum(row["degraded"] for row in impact["ap"]) == pytest.approx(degraded, rel=0.01)
    assert sum(row["degraded"] for row in impact["band"]) == pytest.approx(degraded, rel=0.01)
    assert summary["impact"]["total_aps"] == site.num_aps
    assert 0 < summary["impact"]["num_users"] <= summary["impact"]["total_users"]
    aps = get(f"{path}/impacted-aps", start=end - DAY, end=end, classifier="weak-signal").json()
    assert 0 < sum(row["degraded"] for row in aps["aps"]) < degraded
    servers = get(f"{path}/impact-summary", start=end - DAY, end=end, fields="server").json()
    assert servers["server"][0]["degraded"] > 0
    assert servers["ap"] == []
    assert get(f"{path}/impact-summary", duration="1d", fields="colour").status_code == 400


def test_whoever_asks_who_is_hit_hears_the_same_number(get: Get, world: World) -> None:
    end = int(world.end.timestamp())
    for site in world.sites()[:4]:
        path = _sle(site.site_id, "metric/coverage")
        window = {"start": end - DAY, "end": end}
        answer = get(f"{path}/summary", **window)
        if answer.status_code != 200:
            continue
        impact = answer.json()["impact"]
        users = get(f"{path}/impacted-users", **window).json()
        aps = get(f"{path}/impacted-aps", **window).json()
        assert users["total_count"] == len(users["users"]) == impact["num_users"] <= impact["total_users"]
        assert aps["total_count"] == len(aps["aps"]) == impact["num_aps"] <= impact["total_aps"]
        assert {row["ap_mac"] for row in users["users"]} <= {row["ap_mac"] for row in aps["aps"]}
        assert len({row["mac"] for row in users["users"]}) == users["total_count"]
        assert get(f"{path}/impacted-switches", **window).json()["switches"] == []


def test_the_access_points_that_are_hit_are_those_of_the_incident() -> None:
    onset = datetime(2026, 2, 20, 6, tzinfo=UTC)
    plain = World(8, 30, 2, quiet=True)
    site = next(one for one in plain.sites() if one.num_main_aps < one.num_aps)
    other = site.ap_models[1]
    incident = scenario.bad_firmware([site.index], onset, 30, model=other, firmware="9.9.9")
    world = World(8, 30, 2, quiet=True, scenarios=[incident])
    metric = incident.effects[0].metric
    with serve(world, clock=Clock(onset + timedelta(hours=24))) as cloud:
        get = getter(cloud)
        spelled = _spelling(get, site.site_id, metric)
        window = {"start": int(onset.timestamp()), "end": int(onset.timestamp()) + DAY}
        aps = get(_sle(site.site_id, f"metric/{spelled}/impacted-aps"), **window).json()["aps"]
    ordinals = [int(row["name"].removeprefix("ap-")) - 1 for row in aps]
    assert ordinals
    assert ordinals[0] >= site.num_main_aps, "the worst one is of the model that the firmware broke"


def test_devices_default_to_access_points(get: Get, world: World) -> None:
    def types(**query: str) -> set[str]:
        return {device["type"] for device in get(f"{ORG}/stats/devices", limit=1000, **query).json()}

    assert types() == {"ap"}
    assert types(type="all") == {"ap", "switch", "gateway"}
    assert types(type="switch") == {"switch"}
    assert get(f"{ORG}/stats/devices", type="toaster").status_code == 400
    everything = sum(site.num_aps + site.num_switches + site.num_gateways for site in world.sites())
    response = get(f"{ORG}/stats/devices", type="all", limit=1000)
    assert response.headers["X-Page-Total"] == str(everything)
    assert len({device["id"] for device in response.json()}) == min(everything, 1000)
    assert get(f"{ORG}/inventory").headers["X-Page-Total"] == str(everything)


def test_a_lost_site_shows_in_counts_devices_and_alarms_and_comes_back() -> None:
    onset = datetime(2026, 2, 20, 10, tzinfo=UTC)
    world = World(6, 30, 2, quiet=True, scenarios=[scenario.site_offline([2], onset, 3)])
    site = world.sites()[2]
    window = {"start": int(onset.timestamp()) - 60, "end": int(onset.timestamp()) + 6 * 3600, "limit": 1000}
    with serve(world, clock=Clock(onset - timedelta(minutes=1))) as cloud:
        get = getter(cloud)

        def connected() -> int:
            return int(get(f"{ORG}/stats/sites").json()[2]["num_ap_connected"])

        def alarms() -> list[str]:
            results = get(f"/sites/{site.site_id}/alarms/search", **window).json()["results"]
            return [alarm["type"] for alarm in results]

        assert connected() == site.num_aps
        assert alarms() == []
        cloud.clock.advance(timedelta(hours=1, minutes=6))
        assert connected() == 0
        assert alarms().count("device_down") == site.num_aps
        assert alarms().count("device_reconnected") == 0
        lost = get(f"{ORG}/stats/devices", type="all", status="disconnected", limit=1000).json()
        assert {device["site_id"] for device in lost} == {site.site_id}
        assert {device["last_seen"] for device in lost} == {onset.timestamp()}
        assert {device["uptime"] for device in lost} == {None}
        rows = get(
            f"{ORG}/insights/sites-sle", sle="wifi", start=window["start"] + 60, end=window["start"] + 3660
        )
        assert site.site_id not in {row["site_id"] for row in rows.json()["results"]}
        cloud.clock.advance(timedelta(hours=2))
        assert connected() == site.num_aps
        assert alarms().count("device_reconnected") == site.num_aps
        assert alarms().count("device_down") == site.num_aps


def test_nothing_tells_the_future_and_the_running_hour_is_partial() -> None:
    now = datetime(2026, 2, 20, 12, 20, tzinfo=UTC)
    world = World(6, 40, 2)
    site_id = world.sites()[0].site_id
    start = int(datetime(2026, 2, 20, 10, tzinfo=UTC).timestamp())
    path = _sle(site_id, "metric/coverage/summary")
    with serve(world, clock=Clock(now)) as cloud:
        get = getter(cloud)
        early = get(path, start=start, end=start + 10 * 3600).json()
        assert early["end"] == int(now.timestamp())
        assert len(early["sle"]["samples"]["total"]) == 3
        assert get(path, start=start + 5 * 3600, end=start + 9 * 3600).json()["sle"]["samples"]["total"] == []
        future = get(
            f"{ORG}/insights/sites-sle", sle="wifi", start=start + 5 * 3600, end=start + 6 * 3600
        ).json()
        assert (future["total"], future["results"]) == (0, [])
        later = int(now.timestamp())
        assert get(f"{ORG}/alarms/search", start=later + 1, end=later + 10 * DAY).json()["total"] == 0
        assert len(get(f"{ORG}/sites").json()) == 6
        cloud.clock.advance(timedelta(hours=2))
        late = get(path, start=start, end=start + 10 * 3600).json()["sle"]["samples"]["total"]
        assert late[:2] == early["sle"]["samples"]["total"][:2]
        assert early["sle"]["samples"]["total"][2] == pytest.approx(late[2] / 3, rel=1e-3)


def test_a_new_site_is_not_listed_before_it_opens(world: World) -> None:
    new = next(site for site in world.sites() if site.since is not None)
    assert new.since is not None
    with serve(world, clock=Clock(new.since - timedelta(hours=1))) as cloud:
        get = getter(cloud)
        assert len(get(f"{ORG}/sites").json()) == 11
        assert get(_sle(new.site_id, "metrics")).status_code == 404
        cloud.clock.advance(timedelta(hours=2))
        assert len(get(f"{ORG}/sites").json()) == 12
        assert get(_sle(new.site_id, "metrics")).status_code == 200


def test_hours_beyond_retention_are_gone_and_not_zero(world: World) -> None:
    site_id, end = world.sites()[0].site_id, int(world.end.timestamp())
    with serve(world, behaviour=Behaviour(retention_days=14)) as cloud:
        get = getter(cloud)
        path = _sle(site_id, "metric/coverage/summary")
        old = get(path, start=end - 20 * DAY, end=end - 19 * DAY).json()
        assert set(old["sle"]["samples"]["total"]) == {None}
        assert set(get(path, start=end - 3 * DAY, end=end).json()["sle"]["samples"]["total"]) != {None}
        window = {"sle": "wifi", "start": end - 20 * DAY, "end": end - 20 * DAY + 3600}
        assert get(f"{ORG}/insights/sites-sle", **window).json()["results"] == []


def test_long_windows_may_come_in_wider_buckets(world: World) -> None:
    site_id, end = world.sites()[0].site_id, int(world.end.timestamp())
    with serve(world, behaviour=Behaviour(coarse_after_days=7)) as cloud:
        get = getter(cloud)
        path = _sle(site_id, "metric/coverage/summary")
        wide = get(path, start=end - 10 * DAY, end=end).json()
        fine = get(path, start=end - 7 * DAY, end=end).json()
    assert wide["sle"]["interval"] == wide["classifiers"][0]["interval"] == DAY
    assert len(wide["sle"]["samples"]["total"]) == 10
    assert fine["sle"]["interval"] == 3600
    days = [
        sum(value or 0 for value in fine["sle"]["samples"]["total"][-24 * n :][:24]) for n in range(7, 0, -1)
    ]
    assert wide["sle"]["samples"]["total"][-7:] == pytest.approx(days, rel=1e-6)


def test_every_token_has_a_budget_of_its_own_and_says_what_is_spent(world: World) -> None:
    with serve(world, behaviour=Behaviour(request_limit=3)) as cloud:
        first, second = getter(cloud), getter(cloud, SECOND_TOKEN)
        assert [first("/self/usage").json()["requests"] for _ in range(3)] == [1, 2, 3]
        refused = first("/self")
        assert (refused.status_code, list(refused.json())) == (429, ["detail"])
        assert second("/self/usage").json() == {"request_limit": 3, "requests": 1}
        cloud.clock.advance(timedelta(hours=1))
        assert first("/self/usage").json()["requests"] == 1


def test_alarms_come_by_cursor_and_each_once(get: Get, world: World) -> None:
    start, end = int(world.start.timestamp()), int(world.end.timestamp())
    response = get(f"{ORG}/alarms/search", start=start, end=end, limit=7).json()
    seen, total = list(response["results"]), response["total"]
    while "next" in response:
        assert response["next"].startswith(f"/api/v1{ORG}/alarms/search?")
        response = get(response["next"].removeprefix("/api/v1")).json()
        assert response["total"] == total
        seen += response["results"]
    assert len({alarm["id"] for alarm in seen}) == len(seen) == total > 7
    assert [alarm["timestamp"] for alarm in seen] == sorted(alarm["timestamp"] for alarm in seen)
    newest = get(f"{ORG}/alarms/search", start=start, end=end, limit=1, sort="-timestamp").json()["results"][
        0
    ]
    assert newest == seen[-1]
    assert {"infrastructure", "marvis"} <= {alarm["group"] for alarm in seen}


def test_alarms_can_be_filtered_and_keep_state_only_where_the_cloud_does(get: Get, world: World) -> None:
    window = {"start": int(world.start.timestamp()), "end": int(world.end.timestamp()), "limit": 1000}
    marvis = get(f"{ORG}/alarms/search", group="marvis", **window).json()["results"]
    assert {alarm["group"] for alarm in marvis} == {"marvis"}
    assert all(alarm["status"] in ("open", "resolved") and alarm["details"]["state"] for alarm in marvis)
    devices = get(f"{ORG}/alarms/search", type="device_down,device_reconnected", **window).json()["results"]
    assert {alarm["type"] for alarm in devices} == {"device_down", "device_reconnected"}
    assert all("status" not in alarm for alarm in devices)
    site_id = marvis[0]["site_id"]
    for path, extra in (
        (f"{ORG}/alarms/search", {"site_id": site_id}),
        (f"/sites/{site_id}/alarms/search", {}),
    ):
        found = get(path, **window, **extra).json()["results"]
        assert {alarm["site_id"] for alarm in found} == {site_id}


def test_acknowledged_alarms_say_so(world: World) -> None:
    with serve(world) as cloud:
        get, url = getter(cloud), f"{cloud.base_url}/api/v1{ORG}/alarms/ack"
        window = {"start": int(world.start.timestamp()), "end": int(world.end.timestamp())}
        alarm_id = get(f"{ORG}/alarms/search", limit=1, **window).json()["results"][0]["id"]
        headers = {"Authorization": f"Token {cloud.token}"}

        def post(body: object) -> int:
            return requests.post(url, data=json.dumps(body), headers=headers, timeout=10).status_code

        assert post({"alarm_ids": [alarm_id], "note": "looking"}) == 200
        acked = get(f"{ORG}/alarms/search", acked="true", **window).json()["results"]
        assert [(alarm["id"], alarm["note"]) for alarm in acked] == [(alarm_id, "looking")]
        assert post({"alarm_ids": ["x"] * 1001}) == 400
        assert post({"alarm_ids": "x"}) == post([]) == 400
        assert requests.post(url, data="{", headers=headers, timeout=10).status_code == 400


def test_sites_can_be_searched(get: Get, world: World) -> None:
    found = get(f"{ORG}/sites/search", name="Riverside").json()
    assert (found["total"], [row["name"] for row in found["results"]]) == (2, ["Riverside"] * 2)
    assert get(f"{ORG}/sites/search", limit=5).json()["next"]


def test_the_clock_has_no_hands_unless_it_is_asked_for(running: Running, world: World) -> None:
    assert requests.get(f"{running.base_url}/simulator/clock", timeout=10).status_code == 404
    with serve(world, behaviour=Behaviour(has_control=True)) as cloud:
        url = f"{cloud.base_url}/simulator/clock"

        def post(body: object) -> requests.Response:
            return requests.post(url, json=body, timeout=10)

        assert post({"now": "2026-03-01T10:00:00+00:00"}).json() == {"now": "2026-03-01T10:00:00+00:00"}
        assert post({"advance_seconds": 90}).json() == {"now": "2026-03-01T10:01:30+00:00"}
        assert requests.get(url, timeout=10).json() == {"now": "2026-03-01T10:01:30+00:00"}
        assert cloud.clock.now() == datetime(2026, 3, 1, 10, 1, 30, tzinfo=UTC)
        for wrong in ({"now": "2026-03-01T10:00:00"}, {"now": "soon"}, {}, [], {"advance_seconds": "x"}):
            assert post(wrong).status_code == 400


def test_the_truth_is_nowhere_in_what_is_served(get: Get, world: World) -> None:
    window = {"start": int(world.start.timestamp()), "end": int(world.end.timestamp()), "limit": 1000}
    texts = [
        get(path, **query).text
        for path, query in (
            ("/self", {}),
            (f"{ORG}/sites", {}),
            (f"{ORG}/stats/sites", {}),
            (f"{ORG}/stats/devices", {"type": "all", "limit": 1000}),
            (f"{ORG}/alarms/search", window),
        )
    ]
    for incident in world.truth:
        for text in texts:
            assert incident.incident_id not in text
            assert incident.kind not in text


def test_a_wan_storm_silences_many_sites_at_once() -> None:
    onset = datetime(2026, 2, 20, 10, tzinfo=UTC)
    world = World(320, 30, 2, quiet=True, scenarios=[scenario.wan_storm(range(300), onset, 4)])
    with serve(world, clock=Clock(onset + timedelta(minutes=10))) as cloud:
        stats = getter(cloud)(f"{ORG}/stats/sites", limit=1000).json()
    assert sum(site["num_devices_connected"] == 0 for site in stats) == 300


def test_an_empty_organisation_answers_with_empty_pages() -> None:
    with serve(World(0, 30, 1)) as cloud:
        get = getter(cloud)
        for path in ("sites", "stats/sites", "stats/devices", "inventory"):
            response = get(f"{ORG}/{path}")
            assert (response.json(), response.headers["X-Page-Total"]) == ([], "0")
        for path in ("insights/sites-sle", "alarms/search", "sites/search"):
            document = get(f"{ORG}/{path}").json()
            assert (document["results"], document["total"]) == ([], 0)


def test_a_cloud_that_answers_nobody_is_refused() -> None:
    for impossible in ({"tokens": ()}, {"request_limit": 0}):
        with pytest.raises(ValueError, match="answers nobody"):
            Behaviour(**impossible)
