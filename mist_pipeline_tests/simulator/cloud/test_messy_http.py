"""What the cloud of a messy organisation answers: sites of the right time, gaps, a single dead access point."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mist_pipeline.simulator import ORG_ID, World
from mist_pipeline.simulator.cloud.server import serve, served_world
from mist_pipeline.simulator.world import messy_scenario as messy
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.organisation import Site
from mist_pipeline_tests.simulator.conftest import getter

pytestmark = pytest.mark.slow

ORG = f"/orgs/{ORG_ID}"
ONSET = datetime(2026, 3, 4, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def world() -> World:
    return World(30, 60, 5, messy=True, quiet=True)


def _changing(world: World) -> tuple[Site, datetime]:
    """A site that gets another name or address, and when."""
    (site, at) = next(
        (site, at)
        for at in world.site_changes()
        for site in world.sites()
        if world.site_at(site.index, at) != world.site_at(site.index, at - MINUTE) and site.exists_at(at)
    )
    return site, at


def test_a_site_is_listed_with_the_name_and_address_of_the_time(world: World) -> None:
    site, at = _changing(world)
    clock = Clock(at - MINUTE)
    with serve(world, clock=clock) as running:
        get, found = getter(running), []
        for moment in (at - MINUTE, at):
            clock.set(moment)
            rows: list[dict[str, Any]] = get(f"{ORG}/sites?limit=1000").json()
            found.append(next(row for row in rows if row["id"] == site.site_id))
    for row, moment in zip(found, (at - MINUTE, at), strict=True):
        known = world.site_at(site.index, moment)
        assert known is not None
        assert (row["name"], row["address"]) == (known.name, known.address)
        assert row["sitegroup_ids"] == list(known.sitegroup_ids)
    assert found[0] != found[1]


def test_a_removed_site_is_gone_from_every_answer_and_takes_its_past_with_it(world: World) -> None:
    site = next(site for site in world.sites() if site.until is not None)
    assert site.until is not None
    clock = Clock(site.until - MINUTE)
    window = f"start={int(site.until.timestamp()) - 7200}&end={int(site.until.timestamp())}"
    with serve(world, clock=clock) as running:
        get, seen = getter(running), []
        for moment in (site.until - MINUTE, site.until + timedelta(hours=1)):
            clock.set(moment)
            seen.append(
                (
                    site.site_id in {row["id"] for row in get(f"{ORG}/sites?limit=1000").json()},
                    site.site_id in {row["id"] for row in get(f"{ORG}/stats/sites?limit=1000").json()},
                    site.site_id
                    in {
                        row["site_id"]
                        for row in get(f"{ORG}/insights/sites-sle?limit=1000&{window}").json()["results"]
                    },
                    get(f"/sites/{site.site_id}/sle/site/{site.site_id}/metrics").status_code,
                )
            )
    assert seen == [(True, True, True, 200), (False, False, False, 404)]


def test_a_gap_of_the_cloud_is_null_everywhere_while_devices_stay_connected() -> None:
    world = World(4, 40, 5, quiet=True, scenarios=[messy.cloud_gap(range(4), ONSET, 3)])
    start = int(ONSET.timestamp())
    site = world.sites()[0].site_id
    with serve(world, clock=Clock(ONSET + timedelta(hours=2))) as running:
        get = getter(running)
        spelled = get(f"/sites/{site}/sle/site/{site}/metrics").json()["enabled"][0]
        body = get(
            f"/sites/{site}/sle/site/{site}/metric/{spelled}/summary?start={start - 3600}&end={start + 7200}"
        ).json()
        page = get(f"{ORG}/insights/sites-sle?start={start}&end={start + 3600}").json()
        counts = get(f"{ORG}/stats/sites").json()
        alarms = get(f"{ORG}/alarms/search?start={start}&end={start + 7200}").json()["results"]
    assert body["sle"]["samples"]["total"][1:] == [None, None]
    assert page["results"] == []
    assert all(row["num_ap_connected"] == row["num_ap"] for row in counts)
    assert not [alarm for alarm in alarms if alarm["type"] == "switch_down"]


def test_one_dead_access_point_is_one_lost_device_and_no_switch() -> None:
    index = next(site.index for site in World(30, 40, 5).sites() if 8 <= site.num_aps <= 16)
    site = World(30, 40, 5).sites()[index]
    world = World(30, 40, 5, quiet=True, scenarios=[messy.dead_access_point(index, site.num_aps, ONSET)])
    with serve(world, clock=Clock(ONSET + timedelta(hours=5))) as running:
        get = getter(running)
        (row,) = [one for one in get(f"{ORG}/stats/sites?limit=1000").json() if one["id"] == site.site_id]
        found = get(f"{ORG}/stats/devices?type=all&site_id={site.site_id}&limit=1000").json()
        window = f"start={int(ONSET.timestamp()) - 60}&end={int(ONSET.timestamp()) + 7200}"
        alarms = get(f"/sites/{site.site_id}/alarms/search?{window}&limit=1000").json()["results"]
    assert row["num_ap"] - row["num_ap_connected"] == 1
    assert row["num_switch"] == row["num_switch_connected"]
    assert [one["type"] for one in found if one["status"] == "disconnected"] == ["ap"]
    down = [alarm["type"] for alarm in alarms if alarm["severity"] in ("warn", "critical")]
    assert "device_down" in down
    assert "switch_down" not in down


def test_a_served_world_can_be_messy_and_tell_a_story() -> None:
    now = datetime(2026, 4, 1, 6, tzinfo=UTC)
    plain, story = (served_world(24, 45, 7, now, story=story, messy=True) for story in (False, True))
    assert plain.is_messy
    assert len(story.scenarios) == len(plain.scenarios) + 1
