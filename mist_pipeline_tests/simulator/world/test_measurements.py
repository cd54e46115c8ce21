"""What is measured: any window is a cut of the whole, and noise depends on users."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.simulator import World
from mist_pipeline.simulator.world import scenario
from mist_pipeline.simulator.world.metric_profiles import METRICS, PROFILES
from mist_pipeline.simulator.world.opening_hours import hour_of

WIFI = METRICS[:8]
ONSET = datetime(2026, 2, 18, 6, tzinfo=UTC)


@pytest.mark.slow
@settings(deadline=None, max_examples=30)
@given(st.integers(0, 11), st.integers(0, 900), st.integers(1, 60), st.sampled_from(METRICS))
def test_any_window_is_a_cut_of_the_whole(
    world: World, site: int, first: int, length: int, metric: str
) -> None:
    hour = hour_of(world.start) + first
    whole = world.model.measure(np.arange(12), np.arange(hour - 5, hour + length + 5), METRICS)
    part = world.model.measure(np.array([site]), np.arange(hour, hour + length), [metric])
    column = METRICS.index(metric)
    cut = slice(5, 5 + length)
    assert np.array_equal(whole.degraded[site, cut, column], part.degraded[0, :, 0], equal_nan=True)
    assert np.array_equal(whole.total[site, cut, column], part.total[0, :, 0], equal_nan=True)
    assert np.array_equal(whole.value[site, cut, column], part.value[0, :, 0], equal_nan=True)
    assert np.array_equal(whole.clients[site, cut], part.clients[0])
    names, split = world.model.classifiers(whole, metric)
    assert np.array_equal(split[site, cut], world.model.classifiers(part, metric)[1][0], equal_nan=True)
    assert names == tuple(PROFILES[metric].classifiers)


def test_degraded_minutes_stay_within_the_total_and_classifiers_add_up(world: World) -> None:
    hours = np.arange(hour_of(world.start), hour_of(world.end))
    block = world.model.measure(np.arange(12), hours, METRICS)
    known = ~np.isnan(block.total)
    assert (block.degraded[known] >= 0).all()
    assert (block.degraded[known] <= block.total[known]).all()
    for column, metric in enumerate(METRICS):
        _, split = world.model.classifiers(block, metric)
        assert np.nanmax(np.abs(split.sum(axis=2) - block.degraded[:, :, column])) < 1e-6
        assert (split[~np.isnan(split)] >= 0).all()


def test_other_seeds_make_other_worlds() -> None:
    hours = np.arange(490_000, 490_050)
    blocks = [World(3, 10, seed).model.measure(np.arange(3), hours, WIFI).degraded for seed in (1, 2, 1)]
    assert np.array_equal(blocks[0], blocks[2], equal_nan=True)
    assert not np.array_equal(blocks[0], blocks[1], equal_nan=True)


def _quiet() -> World:
    return World(40, 60, 3, quiet=True)


def test_noise_grows_as_users_get_fewer() -> None:
    world = _quiet()
    hours = np.arange(hour_of(world.start), hour_of(world.end))
    block = world.model.measure(np.arange(40), hours, ["coverage"])
    share = np.where(block.total > 0, block.degraded / np.maximum(block.total, 1), np.nan)[:, :, 0]
    base = world.model.base[:, METRICS.index("coverage")][:, None]
    relative = (share - base) / base
    few, many = relative[(block.clients > 0) & (block.clients < 8)], relative[block.clients > 80]
    assert np.nanstd(few) > 2.0 * np.nanstd(many)


def test_degraded_shares_are_overdispersed_skewed_and_remember() -> None:
    world = _quiet()
    hours = np.arange(hour_of(world.start), hour_of(world.end))
    block = world.model.measure(np.arange(40), hours, ["successful-connect"])
    share = (block.degraded / np.where(block.total > 0, block.total, np.nan))[:, :, 0]
    busy = np.where(block.clients > 60, share, np.nan)
    busy = busy[~np.isnan(busy).all(axis=1)]
    deviation = busy - np.nanmean(busy, axis=1, keepdims=True)
    skewness = np.nanmean(deviation**3) / np.nanmean(deviation**2) ** 1.5
    assert skewness > 1.5
    pairs = ~np.isnan(busy[:, :-1]) & ~np.isnan(busy[:, 1:])
    assert np.corrcoef(deviation[:, :-1][pairs], deviation[:, 1:][pairs])[0, 1] > 0.2
    users = block.clients[block.clients > 60]
    assert np.nanvar(busy) > 2.0 * 0.02 / users.mean()


def test_healthy_sites_score_high_and_chronic_ones_do_not() -> None:
    world = _quiet()
    hours = np.arange(hour_of(world.start), hour_of(world.start) + 24 * 28)
    block = world.model.measure(np.arange(40), hours, WIFI)
    score = 100 * (1 - np.nansum(block.degraded, axis=1) / np.nansum(block.total, axis=1).clip(1))
    chronic = np.array([site.chronic_family is not None for site in world.sites()])
    assert np.median(score[~chronic]) > 94
    assert score[chronic].min(axis=1).max() < 90


def test_an_outage_shows_in_its_metrics_and_its_classifier_only_while_it_lasts() -> None:
    case = scenario.dhcp_failure([0, 1], ONSET, 6, sitegroup_id="g", peak=0.8)
    calm, hit = World(4, 30, 9, quiet=True), World(4, 30, 9, quiet=True, scenarios=[case])
    hours = np.arange(hour_of(ONSET) - 6, hour_of(ONSET) + 12)
    before, after = (each.model.measure(np.arange(4), hours, WIFI) for each in (calm, hit))
    column = WIFI.index("time-to-connect")
    during = slice(6, 12)
    assert np.nansum(after.degraded[:2, during, column]) > 0.6 * np.nansum(after.total[:2, during, column])
    names, split = hit.model.classifiers(after, "time-to-connect")
    minutes = np.nansum(split[:2, during], axis=(0, 1))
    assert names[int(minutes.argmax())] == "dhcp-unresponsive"
    assert minutes.max() > 0.6 * minutes.sum()
    unhurt = WIFI.index("coverage")
    assert np.array_equal(before.degraded[:, :, unhurt], after.degraded[:, :, unhurt], equal_nan=True)
    assert np.array_equal(before.degraded[2:], after.degraded[2:], equal_nan=True)
    assert np.array_equal(before.degraded[:, :6], after.degraded[:, :6], equal_nan=True)
    assert np.array_equal(before.degraded[:, 12:], after.degraded[:, 12:], equal_nan=True)


@pytest.mark.parametrize("focus", [0.0, 0.5, 1.0])
def test_a_world_without_focus_counts_trouble_for_all_classifiers_as_noise_is(focus: float) -> None:
    failure = scenario.dhcp_failure([0], datetime(2026, 2, 9, 8, tzinfo=UTC), 10.0, sitegroup_id="g")
    made = World(1, 14, quiet=True, scenarios=[failure], focus=focus)
    begin = hour_of(datetime(2026, 2, 9, 8, tzinfo=UTC))
    hours = np.arange(begin, begin + 10, dtype=np.int64)
    block = made.model.measure(np.array([0]), hours, ["time-to-connect"])
    calm = World(1, 14, quiet=True).model.measure(np.array([0]), hours, ["time-to-connect"])
    names, split = made.model.classifiers(block, "time-to-connect")
    named = np.nansum(split[:, :, names.index("dhcp-unresponsive")])
    added = np.nansum(block.degraded) - np.nansum(calm.degraded)
    assert added > 0
    assert named / added == pytest.approx(focus, abs=0.25)


def test_a_focus_is_a_share() -> None:
    with pytest.raises(ValueError, match="a share from 0 to 1"):
        World(1, 1, focus=1.5)


def test_a_site_offline_reports_nothing_and_has_no_device_left() -> None:
    world = World(3, 30, 2, quiet=True, scenarios=[scenario.site_offline([1], ONSET, 4)])
    block = world.model.measure(np.arange(3), np.arange(hour_of(ONSET) - 1, hour_of(ONSET) + 5), WIFI)
    assert block.silent[1].tolist() == [False, True, True, True, True, False]
    assert np.isnan(block.total[1, 1:5]).all()
    assert block.connected[1, 1:5].tolist() == [0.0] * 4
    assert block.clients[1, 1:5].tolist() == [0.0] * 4
    assert block.connected[1, 0] == world.sites()[1].num_aps
    assert not block.silent[[0, 2]].any()


def test_lost_access_points_lower_availability() -> None:
    world = World(3, 30, 2, quiet=True, scenarios=[scenario.device_loss([1], ONSET, 6, share=0.5)])
    block = world.model.measure(
        np.arange(3), np.arange(hour_of(ONSET), hour_of(ONSET) + 6), ["ap-availability"]
    )
    assert np.nansum(block.degraded[1]) / np.nansum(block.total[1]) == pytest.approx(0.5, abs=0.1)
    assert (block.connected[1] < world.sites()[1].num_aps).all()


def test_a_closing_day_empties_a_site_and_a_busy_day_fills_it() -> None:
    for case, ratio in (
        (scenario.closing_day([0], ONSET), 0.08),
        (scenario.busy_day([0], ONSET, hours=24), 1.5),
    ):
        hours = np.arange(hour_of(ONSET), hour_of(ONSET) + 24)
        calm, moved = (
            World(1, 30, 4, quiet=True, scenarios=scenarios).model.clients(np.array([0]), hours)[0].sum()
            for scenarios in ([], [case])
        )
        assert moved / calm == pytest.approx(ratio, abs=0.12 * ratio + 0.02)


def test_an_idle_site_has_no_users_and_a_new_one_nothing_before_it_opens(world: World) -> None:
    hours = np.arange(hour_of(world.start), hour_of(world.end))
    block = world.model.measure(np.arange(12), hours, WIFI)
    idle = next(site for site in world.sites() if site.kind == "idle")
    assert block.clients[idle.index].sum() == 0
    assert np.nanmax(block.total[idle.index, :, 0]) == 0
    new = next(site for site in world.sites() if site.since is not None)
    assert new.since is not None
    opened = hour_of(new.since) - hours[0]
    assert not block.exists[new.index, :opened].any()
    assert np.isnan(block.total[new.index, :opened]).all()
    assert block.exists[new.index, opened:].all()


def test_an_unsupported_metric_is_never_measured(world: World) -> None:
    site = next(site for site in world.sites() if site.unsupported)
    hours = np.arange(hour_of(world.start), hour_of(world.start) + 100)
    block = world.model.measure(np.array([site.index]), hours, sorted(site.unsupported))
    assert not block.supported.any()
    assert np.isnan(block.total).all()


def test_the_raw_measurement_follows_the_score_in_its_own_unit() -> None:
    case = scenario.sudden_outage([0], ONSET, 24, family="radio", peak=0.8)
    calm, hit = World(1, 30, 6, quiet=True), World(1, 30, 6, quiet=True, scenarios=[case])
    hours = np.arange(hour_of(ONSET), hour_of(ONSET) + 24)
    means = [
        np.nanmean(
            each.model.measure(np.array([0]), hours, ["coverage", "capacity", "throughput"]).value,
            (0, 1),
        )
        for each in (calm, hit)
    ]
    assert -64 < means[0][0] < -55 > means[0][0] > means[1][0] > -82
    assert means[1][1] < means[0][1] < 80
    assert means[1][2] < 60 < means[0][2] < 100


def test_holidays_of_the_country_empty_its_sites() -> None:
    world = World(
        30, 30, 3, quiet=True, timezones=["Europe/Berlin"], start=datetime(2026, 4, 20, tzinfo=UTC).date()
    )
    days = [
        world.model.clients(
            np.arange(30), np.arange(hour_of(world.midnight(day)), hour_of(world.midnight(day)) + 24)
        )[0].sum()
        for day in (datetime(2026, 5, 1, tzinfo=UTC).date(), datetime(2026, 5, 8, tzinfo=UTC).date())
    ]
    assert days[0] < 0.25 * days[1]


def test_noise_does_not_depend_on_how_long_the_world_lasts() -> None:
    hours = np.arange(hour_of(ONSET), hour_of(ONSET + timedelta(days=2)))
    first, second = (World(4, days, 8, quiet=True) for days in (30, 50))
    assert np.array_equal(
        first.model.measure(np.arange(4), hours, WIFI).degraded,
        second.model.measure(np.arange(4), hours, WIFI).degraded,
        equal_nan=True,
    )
