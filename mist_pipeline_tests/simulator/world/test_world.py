"""A world holds what its arguments say, the same every time."""

from collections import Counter
from datetime import date, timedelta

import polars as pl
import pytest

from mist_pipeline.domain.metrics import CATALOGUE
from mist_pipeline.simulator import World
from mist_pipeline.simulator.world import scenario
from mist_pipeline.simulator.world.organisation import HOSTILE_NAMES, ZONES

KINDS = {
    "slow_degradation",
    "accelerating_degradation",
    "sudden_outage",
    "flapping",
    "site_offline",
    "device_loss",
    "group_dhcp_failure",
    "bad_firmware",
    "blip",
    "level_shift",
    "busy_day",
    "closing_day",
    "firmware_rollout",
    "holiday",
}


@pytest.mark.parametrize("seed", [7, 22, 100, 101, 102])
def test_a_world_of_the_default_size_holds_every_kind_of_trouble_and_decoy(seed: int) -> None:
    assert {incident.kind for incident in World(seed=seed).truth} == KINDS


def test_a_site_group_is_mostly_one_region() -> None:
    sites = World(60, 30, 4).sites()
    for group in {site.sitegroup_ids[0] for site in sites}:
        zones = Counter(site.timezone for site in sites if site.sitegroup_ids[0] == group)
        assert zones.most_common(1)[0][1] >= 0.5 * zones.total()
    assert len({site.timezone for site in sites}) >= 6


def test_the_same_arguments_make_the_same_world_and_another_seed_another() -> None:
    assert World(15, 40, 3).truth == World(15, 40, 3).truth
    assert World(15, 40, 3).sites() == World(15, 40, 3).sites()
    assert World(15, 40, 4).truth != World(15, 40, 3).truth


@pytest.mark.parametrize("seed", range(8))
def test_troubles_of_one_site_rest_a_week_and_the_first_days_are_calm(seed: int) -> None:
    world = World(20, 60, seed)
    by_site: dict[str, list[tuple[object, ...]]] = {}
    for incident in world.truth:
        if incident.is_decoy:
            continue
        assert incident.onset >= world.start + timedelta(days=17)
        assert incident.onset < incident.end
        for site_id in incident.site_ids:
            by_site.setdefault(site_id, []).append((incident.onset, incident.end))
    for spans in by_site.values():
        for (_, end), (onset, _) in zip(sorted(spans), sorted(spans)[1:], strict=False):
            assert onset - end >= timedelta(days=7)  # type: ignore[operator]


def test_trouble_never_comes_to_idle_sites_or_to_one_without_the_metric() -> None:
    world = World(40, 90, 2)
    by_id = {site.site_id: site for site in world.sites()}
    for incident in world.truth:
        for site_id in incident.site_ids:
            assert by_id[site_id].kind != "idle" or incident.is_decoy
        if len(incident.site_ids) == 1:
            assert not set(incident.metrics) & by_id[incident.site_ids[0]].unsupported


def test_sites_cover_what_real_organisations_are_like() -> None:
    sites = World(200, 30, 1).sites()
    assert len({site.site_id for site in sites}) == 200
    assert set(HOSTILE_NAMES) <= {site.name for site in sites}
    assert Counter(site.name for site in sites)["Riverside"] == 2
    assert {site.timezone for site in sites} == set(ZONES)
    assert {site.underscores for site in sites} == {True, False}
    assert {site.kind for site in sites} == {"shop", "office", "warehouse", "idle"}
    assert min(site.num_aps for site in sites) <= 3
    assert max(site.num_aps for site in sites) >= 200
    assert any(0 < site.peak_clients <= 10 for site in sites)
    assert any(site.chronic_family for site in sites)
    assert any(site.unsupported for site in sites)
    assert sum(site.since is not None for site in sites) == 1
    assert {site.num_gateways for site in sites} == {0, 1}
    for site in sites:
        assert 0 < site.num_main_aps <= site.num_aps
        assert sum(site.num_of_model(model) for model in set(site.ap_models)) == site.num_aps


def test_zones_can_be_chosen_and_a_strange_one_is_refused() -> None:
    assert {site.timezone for site in World(9, 10, 1, timezones=["Asia/Tokyo"]).sites()} == {"Asia/Tokyo"}
    with pytest.raises(ValueError, match=r"Mars/Olympus.*choose from"):
        World(9, 10, 1, timezones=["Mars/Olympus"])


@pytest.mark.parametrize(("sites", "days"), [(-1, 10), (50_001, 10), (5, 0)])
def test_a_world_of_an_impossible_size_is_refused(sites: int, days: int) -> None:
    with pytest.raises(ValueError, match="world"):
        World(sites, days)


@pytest.mark.parametrize(("sites", "days"), [(0, 30), (1, 1), (1, 60), (2, 3), (7, 10), (30, 5)])
def test_small_and_short_worlds_work(sites: int, days: int) -> None:
    world = World(sites, days, 3)
    frames = world.history(world.first_day, world.first_day)
    assert frames["sites"].height == sites - sum(site.since is not None for site in world.sites())


def test_tidy_worlds_of_old_seeds_are_what_they_always_were() -> None:
    world = World(24, 60, 7)
    day = world.first_day + timedelta(days=40)
    hours = world.history(day, day)["sle_hourly"]
    assert len(world.truth) == 31
    assert world.truth[0].incident_id == "27c4759e-c9c3-5213-b509-5d53773caf15"
    assert hours["total_user_minutes"].sum() == pytest.approx(9639571.649, abs=0.01)
    assert hours["degraded_user_minutes"].sum() == pytest.approx(326867.359, abs=0.01)


def test_given_scenarios_join_the_drawn_ones_and_must_name_sites_of_the_world() -> None:
    onset = World(6, 30, 1).start + timedelta(days=20)
    storm = scenario.wan_storm(range(5), onset, 3)
    world = World(6, 30, 1, scenarios=[storm])
    assert sum(incident.kind == "wan_storm" for incident in world.truth) == 1
    assert len(world.truth) == len(World(6, 30, 1).truth) + 1
    assert [incident.kind for incident in World(6, 30, 1, quiet=True, scenarios=[storm]).truth] == [
        "wan_storm"
    ]
    with pytest.raises(ValueError, match=r"sites \[9\] of a world of 6"):
        World(6, 30, 1, scenarios=[scenario.site_offline([9], onset, 1)])


def test_the_truth_frame_says_what_the_truth_says() -> None:
    world = World(12, 40, 5)
    frame = world.truth_frame()
    assert frame.height == len(world.truth)
    assert frame["incident_id"].n_unique() == frame.height
    first = world.truth[0]
    assert frame.row(0, named=True)["site_ids"] == list(first.site_ids)
    assert frame.schema["onset"] == pl.Datetime("us", "UTC")


SCHEMAS = {
    "sites": {
        "day": pl.Date,
        "site_id": pl.String,
        "name": pl.String,
        "timezone": pl.String,
        "country_code": pl.String,
        "latitude": pl.Float64,
        "longitude": pl.Float64,
        "sitegroup_ids": pl.List(pl.String),
        "attributes": pl.String,
        "is_substituted": pl.Boolean,
    },
    "sle_hourly": {
        "hour": pl.Datetime("us", "UTC"),
        "site_id": pl.String,
        "metric": pl.String,
        "day": pl.Date,
        "score_pct": pl.Float64,
        "total_user_minutes": pl.Float64,
        "degraded_user_minutes": pl.Float64,
        "measured_value": pl.Float64,
        "measured_unit": pl.String,
        "state": pl.String,
    },
    "site_hourly": {
        "hour": pl.Datetime("us", "UTC"),
        "site_id": pl.String,
        "day": pl.Date,
        "num_clients": pl.Int64,
        "num_aps": pl.Int64,
        "num_aps_connected": pl.Int64,
    },
    "classifiers_hourly": {
        "hour": pl.Datetime("us", "UTC"),
        "site_id": pl.String,
        "metric": pl.String,
        "classifier": pl.String,
        "day": pl.Date,
        "degraded_user_minutes": pl.Float64,
        "total_user_minutes": pl.Float64,
    },
    "sle_daily": {
        "day": pl.Date,
        "site_id": pl.String,
        "metric": pl.String,
        "score_pct": pl.Float64,
        "num_users": pl.Int64,
        "total_user_minutes": pl.Float64,
        "degraded_user_minutes": pl.Float64,
        "measured_value": pl.Float64,
        "measured_unit": pl.String,
        "severity": pl.String,
        "hours_covered": pl.Int64,
        "state": pl.String,
    },
    "classifiers_daily": {
        "day": pl.Date,
        "site_id": pl.String,
        "metric": pl.String,
        "classifier": pl.String,
        "degraded_pct": pl.Float64,
        "degraded_user_minutes": pl.Float64,
        "num_users": pl.Int64,
        "num_aps": pl.Int64,
        "impact_state": pl.String,
    },
}


@pytest.fixture(scope="module")
def history(world: World) -> dict[str, pl.DataFrame]:
    return world.history(world.first_day, world.first_day + timedelta(days=39))


@pytest.mark.parametrize("table", SCHEMAS)
def test_frames_have_the_columns_of_the_history_tables(history: dict[str, pl.DataFrame], table: str) -> None:
    assert dict(history[table].schema) == SCHEMAS[table]


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("sites", ["day", "site_id"]),
        ("sle_hourly", ["hour", "site_id", "metric"]),
        ("site_hourly", ["hour", "site_id"]),
        ("classifiers_hourly", ["hour", "site_id", "metric", "classifier"]),
        ("sle_daily", ["day", "site_id", "metric"]),
        ("classifiers_daily", ["day", "site_id", "metric", "classifier"]),
    ],
)
def test_keys_are_unique(history: dict[str, pl.DataFrame], table: str, key: list[str]) -> None:
    assert not history[table].select(key).is_duplicated().any()


def test_only_ok_has_a_score_and_each_state_occurs(history: dict[str, pl.DataFrame]) -> None:
    for table in ("sle_hourly", "sle_daily"):
        frame = history[table]
        assert frame.filter((pl.col("state") == "ok") != pl.col("score_pct").is_not_null()).is_empty()
        assert frame["score_pct"].drop_nulls().is_between(0, 100).all()
    assert set(history["sle_hourly"]["state"]) == {"ok", "no_users", "not_supported", "missing"}
    missing = history["sle_hourly"].filter(pl.col("state") == "missing")
    assert missing["total_user_minutes"].null_count() == missing.height
    assert history["sle_hourly"].filter(pl.col("state") == "no_users")[
        "total_user_minutes"
    ].unique().to_list() == [0]


def test_days_are_the_sum_of_their_hours(history: dict[str, pl.DataFrame]) -> None:
    hours = history["sle_hourly"].filter(pl.col("state").is_in(["ok", "no_users"]))
    sums = hours.group_by("day", "site_id", "metric").agg(
        pl.col("total_user_minutes").sum().alias("total"),
        pl.col("degraded_user_minutes").sum().alias("degraded"),
    )
    days = history["sle_daily"].filter(pl.col("state") == "ok").join(sums, on=["day", "site_id", "metric"])
    expected = 100 * (1 - days["degraded"] / days["total"])
    assert (days["score_pct"] - expected).abs().max() < 1e-9  # type: ignore[operator]


def test_classifiers_add_up_to_their_metric_by_hour_and_by_day(history: dict[str, pl.DataFrame]) -> None:
    for grain, table in (("hour", "sle_hourly"), ("day", "sle_daily")):
        split = history[table.replace("sle", "classifiers")].group_by(grain, "site_id", "metric")
        joined = (
            history[table]
            .filter(pl.col("state") == "ok")
            .join(
                split.agg(pl.col("degraded_user_minutes").sum().alias("sum")), on=[grain, "site_id", "metric"]
            )
        )
        assert joined.height == history[table].filter(pl.col("state") == "ok").height
        assert (joined["sum"] - joined["degraded_user_minutes"]).abs().max() < 1e-6  # type: ignore[operator]


def test_severity_has_a_gate_on_users(history: dict[str, pl.DataFrame]) -> None:
    days = history["sle_daily"].filter(pl.col("state") == "ok")
    few = (pl.col("num_users") < 5) | (pl.col("total_user_minutes") < 300)
    assert days.filter(few)["severity"].null_count() == days.filter(few).height > 0
    many = days.filter(~few)
    assert many["severity"].null_count() == 0
    assert many.filter(pl.col("severity") == "critical")["score_pct"].max() < 70  # type: ignore[operator]
    assert many.filter(pl.col("severity") == "info")["score_pct"].min() >= 90  # type: ignore[operator]


def test_a_part_of_history_is_a_cut_of_the_whole(world: World, history: dict[str, pl.DataFrame]) -> None:
    day = world.first_day + timedelta(days=21)
    for name, part in world.history(day, day).items():
        whole = history[name].filter(pl.col("day") == day)
        assert part.sort(part.columns[:3]).equals(whole.sort(part.columns[:3])), name


def test_days_are_those_of_the_organisation() -> None:
    world = World(2, 10, 1, organisation_zone="Asia/Kolkata", start=date(2026, 3, 1))
    hours = world.history(date(2026, 3, 1), date(2026, 3, 1))["site_hourly"]["hour"]
    assert str(hours.min()) == "2026-02-28 18:00:00+00:00"
    assert hours.n_unique() == 24


def test_device_counts_can_be_unknown_and_wired_metrics_can_be_had(world: World) -> None:
    day = world.first_day
    frames = world.history(day, day, groups=("wired", "wan"), device_counts=False)
    assert frames["site_hourly"]["num_aps_connected"].null_count() == frames["site_hourly"].height
    assert set(frames["sle_hourly"]["metric"]) == {
        name for name, metric in CATALOGUE.items() if metric.group in ("wired", "wan")
    }


def test_history_backwards_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="before the first"):
        world.history(world.first_day, world.first_day - timedelta(days=1))


@pytest.mark.slow
def test_a_bad_firmware_shows_in_the_attributes_while_it_runs(world: World) -> None:
    incident = next(incident for incident in world.truth if incident.kind == "bad_firmware")
    sites = world.history(world.first_day, world.first_day + timedelta(days=39))["sites"]
    running = sites.filter(pl.col("attributes").str.contains(incident.cause["firmware"], literal=True))
    assert set(running["site_id"]) == set(incident.site_ids)
    assert running["day"].min() == incident.onset.date()
    assert running["day"].max() <= incident.end.date()  # type: ignore[operator]
    assert sites.filter(pl.col("day") < incident.onset.date()).height > 0


def test_hours_without_classifiers_are_those_with_them() -> None:
    world = World(5, 3, 7)
    day = world.first_day
    few, all_of_it = world.history(day, day, only_scores=True), world.history(day, day)
    assert set(few) == {"sites", "sle_hourly", "site_hourly"}
    for name, frame in few.items():
        assert frame.height
        assert frame.equals(all_of_it[name])
