"""A messy world: sites change, every kind does what it says and no more, and the truth is what costs users something."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from mist_pipeline.simulator import World
from mist_pipeline.simulator.world import harm
from mist_pipeline.simulator.world import messy_scenario as messy
from mist_pipeline.simulator.world.metric_profiles import METRICS, PROFILES
from mist_pipeline.simulator.world.opening_hours import hour_of
from mist_pipeline.simulator.world.organisation import HOSTILE_NAMES
from mist_pipeline.simulator.world.randomness import Floats
from mist_pipeline.simulator.world.scenario import Scenario, site_offline, sudden_outage

TUESDAY = datetime(2026, 3, 3, 9, tzinfo=UTC)
TROUBLES = {
    *(
        "slow_degradation",
        "accelerating_degradation",
        "sudden_outage",
        "flapping",
        "site_offline",
        "device_loss",
    ),
    *(
        "group_dhcp_failure",
        "intermittent",
        "dead_access_point",
        "pool_exhaustion",
        "radar",
        "outgrown",
        "cascade",
    ),
    *("relapse", "second_problem", "minor_trouble", "radius_creep", "wrong_template", "split_firmware"),
    *("brown_out", "expired_certificate"),
}
DECOYS = {
    *(
        "blip",
        "level_shift",
        "busy_day",
        "stuck_client",
        "cloud_gap",
        "term_break",
        "site_removed",
        "site_moved",
    ),
    "holiday",
}


def test_the_same_seed_makes_the_same_messy_world_and_a_tidy_one_is_another() -> None:
    first, second = (World(14, 50, 3, messy=True) for _ in range(2))
    day = first.first_day + timedelta(days=25)
    assert first.truth == second.truth
    assert first.history(day, day)["sle_hourly"].equals(second.history(day, day)["sle_hourly"])
    assert first.truth != World(14, 50, 4, messy=True).truth
    assert first.truth != World(14, 50, 3).truth


@pytest.mark.slow
def test_several_worlds_hold_every_kind_and_one_holds_nearly_all() -> None:
    worlds = [World(30, 60, seed, messy=True) for seed in (11, 12, 13, 14)]
    kinds = [{incident.kind for incident in world.truth} for world in worlds]
    assert set.union(*kinds) == TROUBLES | DECOYS
    assert all(len((TROUBLES | DECOYS) - some) <= 5 for some in kinds)


@pytest.mark.parametrize("seed", [21, 22, 23])
def test_what_is_told_does_real_harm_at_each_of_its_sites_and_decoys_do_not(seed: int) -> None:
    world = World(30, 60, seed, messy=True)
    for incident in world.truth:
        by_site = {one.site_id: one for one in incident.harms}
        assert set(incident.site_ids) <= set(by_site)
        if incident.is_decoy:
            continue
        assert incident.site_ids
        assert incident.onset >= incident.began_at
        for site_id in incident.site_ids:
            one = by_site[site_id]
            assert one.user_minutes >= harm.LEAST_USER_MINUTES
            assert one.felt_at is not None
            assert one.harm_at is not None
            assert incident.began_at <= one.felt_at <= one.harm_at <= one.over_at + timedelta(hours=2)
    quiet = {"minor_trouble", "stuck_client", "cloud_gap", "term_break"}
    assert not quiet & {incident.kind for incident in world.truth if not incident.is_decoy}


CASES = {
    "intermittent": [messy.intermittent(0, TUESDAY, 24)],
    "dead_access_point": [messy.dead_access_point(0, 10, TUESDAY)],
    "pool_exhaustion": [messy.pool_exhaustion(0, TUESDAY.replace(day=2, hour=12), 2)],
    "radius_creep": [messy.radius_creep([0], TUESDAY, 7, sitegroup_id="g")],
    "radar": [messy.radar(0, TUESDAY, 2)],
    "wrong_template": messy.wrong_template([([0], 5.0), ([1], 9.0)], TUESDAY, networktemplate_id="t"),
    "split_firmware": messy.split_firmware(("AP45", [0]), ("AP34", [1]), TUESDAY, 3, "0.14.1"),
    "brown_out": [messy.brown_out([0], TUESDAY, country_code="GB")],
    "expired_certificate": [messy.expired_certificate([0, 1], TUESDAY.replace(hour=0), 12)],
    "outgrown": [messy.outgrown(0, TUESDAY, 10)],
    "cascade": messy.cascade(0, TUESDAY, 6),
    "minor_trouble": [messy.minor_trouble(0, TUESDAY, 5)],
}


def _calm_and_hit(parts: list[Scenario], sites: int = 3) -> tuple[World, World]:
    return World(sites, 40, 9, quiet=True), World(sites, 40, 9, quiet=True, scenarios=parts)


def _moved(parts: list[Scenario]) -> set[str]:
    """Metrics whose expected share of degraded minutes differs anywhere from that of a calm world."""
    calm, hit = _calm_and_hit(parts)
    hours = np.arange(hour_of(calm.start), hour_of(calm.end))
    before, after = (one.model.measure(np.arange(3), hours, METRICS).expected for one in (calm, hit))
    return {METRICS[at] for at in np.flatnonzero((after > before + 1e-9).any(axis=(0, 1)))}


@pytest.mark.parametrize("kind", CASES)
def test_a_kind_moves_the_metrics_that_it_names_and_no_other(kind: str) -> None:
    parts = CASES[kind]
    named = {item.metric for part in parts for item in part.effects}
    if any(part.offline for part in parts):
        named.add("ap-availability")
    # More users weigh on whatever follows the load.
    loaded = {name for name in METRICS if PROFILES[name].load > 0} if kind == "outgrown" else set()
    assert named <= _moved(parts) <= named | loaded


@pytest.mark.parametrize("kind", CASES)
def test_a_kind_touches_no_other_site_and_no_other_time(kind: str) -> None:
    parts = CASES[kind]
    calm, hit = _calm_and_hit(parts)
    hours = np.arange(hour_of(calm.start), hour_of(calm.end))
    before, after = (one.model.measure(np.arange(3), hours, METRICS).degraded for one in (calm, hit))
    assert np.array_equal(before[2], after[2], equal_nan=True)
    first, last = min(part.onset for part in parts), max(part.end for part in parts)
    outside = (hours < hour_of(first)) | (hours > hour_of(last) + 3)
    assert np.array_equal(before[:, outside], after[:, outside], equal_nan=True)


@pytest.mark.parametrize("kind", CASES)
def test_the_added_minutes_of_the_truth_are_those_that_are_measured(kind: str) -> None:
    parts = CASES[kind]
    calm, hit = _calm_and_hit(parts)
    (incident,) = hit.truth
    hours = np.arange(hour_of(calm.start), hour_of(calm.end))
    before, after = (one.model.measure(np.arange(3), hours, METRICS) for one in (calm, hit))
    added = np.nansum(after.degraded, axis=1) - np.nansum(before.degraded, axis=1)
    for one in incident.harms:
        # Two of a site's services may gain alike; noise decides which is first.
        measured = max(added[hit.index_of[one.site_id], METRICS.index(name)] for name in incident.metrics)
        tolerance = 0.35 if kind in ("outgrown", "minor_trouble", "dead_access_point") else 0.25
        assert measured == pytest.approx(one.user_minutes, rel=tolerance, abs=120)


def _course(one: Scenario, first: int, hours: int) -> Floats:
    return one.hourly(np.arange(hour_of(one.onset) + first, hour_of(one.onset) + first + hours))


def test_short_and_broken_troubles_hit_parts_of_hours() -> None:
    assert _course(messy.intermittent(0, TUESDAY, 24), -1, 4) == pytest.approx([0, 1 / 6, 1 / 6, 1 / 6])
    out = messy.brown_out([0], TUESDAY + timedelta(minutes=30), country_code="GB")
    assert _course(out, -1, 4) == pytest.approx([0, 0.5, 1 / 6, 0])
    assert set(_course(messy.radar(0, TUESDAY, 2), 0, 48).round(3)) == {0.0, 0.333}


def test_a_pool_runs_out_at_lunch_on_workdays_and_worse_every_week() -> None:
    monday = TUESDAY.replace(day=2, hour=12)
    course = _course(messy.pool_exhaustion(0, monday, 2), 0, 24 * 14).reshape(14, 24)
    assert np.flatnonzero(course.any(axis=1)).tolist() == [0, 1, 2, 3, 4, 7, 8, 9, 10, 11]
    assert course[0, :3] == pytest.approx([0.5, 0.25, 0])
    assert course[7, :3] == pytest.approx([1, 0.5, 0])


def test_a_template_is_mended_in_stages_and_the_truth_knows_when_where() -> None:
    _, world = _calm_and_hit(CASES["wrong_template"])
    (incident,) = world.truth
    assert [one.over_at - TUESDAY for one in incident.harms] == [timedelta(hours=5), timedelta(hours=9)]
    assert incident.end == TUESDAY + timedelta(hours=9)
    assert incident.cause == {"networktemplate_id": "t"}


def test_two_models_fail_differently_and_are_one_incident() -> None:
    _, world = _calm_and_hit(CASES["split_firmware"])
    (incident,) = world.truth
    assert incident.cause == {"model": "AP45, AP34", "firmware": "0.14.1"}
    assert {"throughput", "time-to-connect"} <= set(incident.metrics)
    assert world.firmware("AP34", 1, TUESDAY + timedelta(days=1)) == "0.14.1"


def test_where_nobody_is_there_is_no_harm_until_somebody_comes() -> None:
    world = World(30, 40, 9, messy=True, quiet=True)
    shops = [site for site in world.sites() if site.kind == "shop" and site.peak_clients > 30]
    shop = min(shops, key=lambda site: site.night * site.peak_clients)
    night = datetime(2026, 3, 3, 0, tzinfo=ZoneInfo(shop.timezone)).astimezone(UTC)
    for hours, is_told in ((3, False), (14, True)):
        dark = World(30, 40, 9, messy=True, quiet=True, scenarios=[site_offline([shop.index], night, hours)])
        (incident,) = dark.truth
        assert incident.is_decoy is not is_told
        if is_told:
            assert incident.harm_at is not None
            assert incident.harm_at >= night + timedelta(hours=shop.opens - 1)


def test_one_stuck_client_fails_day_and_night_and_is_one_more_user() -> None:
    hours = np.arange(hour_of(TUESDAY), hour_of(TUESDAY) + 48)
    calm, hit = _calm_and_hit([messy.stuck_client(index, TUESDAY, 2) for index in range(9)], 12)
    before, after = (one.model.measure(np.arange(12), hours, ["successful-connect"]) for one in (calm, hit))
    exists = np.arange(12)[:, None] < 9
    assert (after.clients - before.clients == exists * before.exists).all()
    alone = (before.clients == 0) & (after.clients == 1) & ~np.isnan(after.total[:, :, 0])
    assert alone.any()
    assert (after.degraded[:, :, 0][alone] / after.total[:, :, 0][alone] > 0.6).all()
    assert hit.truth[0].is_decoy


def test_a_gap_of_the_cloud_leaves_every_device_connected() -> None:
    calm, hit = _calm_and_hit([messy.cloud_gap([0, 1, 2], TUESDAY, 3)])
    hours = np.arange(hour_of(TUESDAY) - 1, hour_of(TUESDAY) + 4)
    before, after = (one.model.measure(np.arange(3), hours, METRICS) for one in (calm, hit))
    assert np.isnan(after.total[:, 1:4]).all()
    assert not np.isnan(after.total[:, [0, 4]]).all()
    assert np.array_equal(before.connected, after.connected)
    assert np.array_equal(before.clients, after.clients)
    assert not after.silent.any()


def test_sites_are_opened_removed_renamed_and_moved() -> None:
    world = World(30, 60, 5, messy=True)
    first, last = world.sites_at(world.start), world.sites_at(world.end)
    begun, left = {site.site_id: site for site in first}, {site.site_id: site for site in last}
    assert set(left) - set(begun)
    assert set(begun) - set(left)
    both = [(begun[site_id], left[site_id]) for site_id in set(begun) & set(left)]
    assert any(old.name != new.name for old, new in both)
    assert any(old.address != new.address for old, new in both)
    assert all((old.timezone, old.index) == (new.timezone, new.index) for old, new in both)


def test_a_removed_site_has_no_row_from_then_on() -> None:
    world = World(14, 60, 5, messy=True)
    (site,) = (site for site in world.sites() if site.until is not None)
    assert site.until is not None
    day = site.until.date()
    frames = world.history(day, day + timedelta(days=1), device_counts=False)
    hours = frames["site_hourly"].filter(pl.col("site_id") == site.site_id)["hour"]
    assert hours.max() == site.until - timedelta(hours=1)
    assert site.site_id not in frames["sites"]["site_id"]


@pytest.mark.slow
def test_a_new_name_may_be_as_hostile_as_the_old_one() -> None:
    names = Counter(
        site.name
        for seed in range(12)
        for world in [World(30, 20, seed, messy=True, quiet=True)]
        for site in world.sites_at(world.end)
        if site.name != world.sites()[site.index].name
    )
    assert any(name in HOSTILE_NAMES for name in names)
    assert any(name.endswith("(new)") for name in names)


@pytest.mark.slow
def test_noise_families_differ_as_they_say() -> None:
    world = World(120, 40, 2, messy=True, quiet=True)
    hours = np.arange(hour_of(world.start), hour_of(world.end))
    families = np.array([site.noise for site in world.sites()])
    assert set(families) == {"usual", "heavy_tails", "night_bursts", "two_states"}
    block = world.model.measure(np.arange(120), hours, ["throughput"])
    relative = np.log(block.expected[:, :, 0] / block.expected[:, :, 0].mean(axis=1, keepdims=True))
    spread = {family: float(np.median(relative[families == family].std(axis=1))) for family in set(families)}
    assert spread["two_states"] > 1.1 * spread["usual"]
    assert spread["heavy_tails"] > 1.1 * spread["usual"]
    nights = np.array([site.kind != "warehouse" for site in world.sites()]) & (families == "night_bursts")
    few = block.clients[nights] < 0.25 * block.clients[nights].max(axis=1, keepdims=True)
    assert (block.expected[nights][:, :, 0][~few] < 0.5).all()


def test_sites_grow_or_shrink() -> None:
    world = World(40, 60, 2, messy=True, quiet=True)
    growth = np.array([site.growth for site in world.sites()])
    hours = np.arange(hour_of(world.start), hour_of(world.end))
    users = world.model.expected_clients(np.arange(40), hours).reshape(40, 60, 24).sum(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = users[:, 46:60].sum(axis=1) / users[:, 4:18].sum(axis=1)
    known = np.isfinite(ratio) & (ratio > 0.5) & (ratio < 2)
    assert np.corrcoef(growth[known], ratio[known])[0, 1] > 0.5


@pytest.mark.parametrize(("sites", "days"), [(0, 30), (1, 1), (1, 60), (2, 3), (7, 10), (13, 5), (12, 1)])
def test_small_and_short_messy_worlds_work(sites: int, days: int) -> None:
    world = World(sites, days, 3, messy=True)
    assert world.truth_frame().height == len(world.truth)
    frames = world.history(world.first_day, world.first_day)
    assert frames["sites"].height == len(
        world.sites_at(world.midnight(world.first_day + timedelta(days=1)) - timedelta(seconds=1))
    )


def test_a_tidy_world_tells_an_incident_whoever_is_there() -> None:
    night = sudden_outage([0], datetime(2026, 3, 1, 3, tzinfo=UTC), 2, family="connect")
    (incident,) = World(3, 40, 9, quiet=True, scenarios=[night]).truth
    assert not incident.is_decoy
    assert incident.onset == incident.began_at == night.onset
