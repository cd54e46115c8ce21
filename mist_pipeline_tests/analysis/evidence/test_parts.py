"""The parts of evidence by themselves: tails by hand, calibration, expectation, peers, load, silence, triage."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mist_pipeline.analysis.evidence import peer_groups, tails
from mist_pipeline.analysis.evidence.expectation import Baselines, absorb_tails, shape_bins
from mist_pipeline.analysis.evidence.model import EvidenceState, evidence
from mist_pipeline.analysis.stats.local_time import local_time, site_zones
from mist_pipeline_tests.support.analysis.evidence_frames import START, Frames, history


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def one(value: float) -> np.ndarray:
    return np.array([value])


def test_the_gamma_tail_is_that_of_the_textbook() -> None:
    # mean 60 and variance 3,600: exponential with mean 60, P(X ≥ 138.155) = e^-2.30259 = 0.1
    assert tails.upper_surprise(one(138.1551), one(60.0), one(3_600.0))[0] == pytest.approx(1.0, abs=1e-6)


def test_the_tail_of_too_few_clients_is_negative_binomial() -> None:
    # 10 clients expected, variance 20: n = 100 / 10 = 10, p = 0.5; P(X ≤ 0) = 0.5^10
    surprise = tails.lower_surprise(one(0.0), one(600.0), one(20.0 * 3_600), 60.0)[0]
    assert surprise == pytest.approx(10 * np.log10(2.0), abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(st.floats(1, 1e5), st.floats(0.05, 50), st.floats(0, 20))
def test_more_excess_is_never_less_surprising_and_surprise_is_bounded(
    mean: float, ratio: float, more: float
) -> None:
    variance = mean**2 / ratio
    low, high = (
        tails.upper_surprise(one(mean * k), one(mean), one(variance))[0] for k in (1 + more, 2 + more)
    )
    assert 0 <= low <= high <= tails.MAX_SURPRISE


def test_overdispersion_is_recovered_from_enough_residuals() -> None:
    rng = np.random.default_rng(1)
    mean = rng.uniform(50, 20_000, 60_000)
    a, b = 240.0, 0.3
    variance = a * mean + b * mean**2
    residual = rng.normal(0, np.sqrt(variance))
    sums = tails.moment_sums(residual, mean, variance, np.zeros(mean.size, np.int64), 1)
    found_a, found_b = tails.dispersion(sums)
    assert found_a[0] == pytest.approx(a, rel=0.15)
    assert found_b[0] == pytest.approx(b, rel=0.1)


def test_without_history_the_overdispersion_is_the_prior_and_never_negative() -> None:
    a, b = tails.dispersion(np.zeros((1, tails.MOMENTS)))
    assert (a[0], b[0]) == (pytest.approx(150.0), pytest.approx(0.12))
    falling = tails.moment_sums(
        np.array([1_000.0] * 500 + [1.0] * 500), np.array([100.0] * 500 + [1e4] * 500), np.full(1_000, 1e6),
        np.zeros(1_000, np.int64), 1,
    )  # fmt: skip
    a, b = tails.dispersion(falling)
    assert a[0] >= 6.0
    assert b[0] >= 1e-3


def test_a_tail_that_is_as_it_should_be_is_left_alone_and_a_heavier_one_is_shortened() -> None:
    rng = np.random.default_rng(2)
    right = rng.exponential(1 / np.log(10), 400_000)
    zero = np.zeros(right.size, np.int64)
    fitting = tails.calibration(tails.tail_counts(right, zero, 1))
    heavy = tails.calibration(tails.tail_counts(3 * right, zero, 1))
    assert tails.calibrated(one(6.0), fitting)[0] == pytest.approx(6.0, abs=0.4)
    assert tails.calibrated(one(18.0), heavy)[0] == pytest.approx(6.0, abs=0.6)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 70), min_size=2, max_size=20), st.integers(0, 5))
def test_calibration_keeps_the_order(values: list[float], seed: int) -> None:
    counts = np.random.default_rng(seed).poisson(50, tails.BINS).astype(float)[None, :]
    result = tails.calibrated(np.sort(values), tails.calibration(counts)[0])
    assert (np.diff(result) >= 0).all()


@pytest.mark.parametrize(
    ("heaviness", "low", "high"), [(2.0, 0.5, 0.65), (1.0, 0.93, 1.07), (0.5, 1.4, 1.51)]
)
def test_a_site_of_heavy_tails_is_judged_by_its_own(heaviness: float, low: float, high: float) -> None:
    surprise = tails.UPPER_SURPRISE + np.random.default_rng(3).exponential(heaviness / np.log(10.0), 600)
    excess, over = tails.excesses(surprise)
    baselines = Baselines.empty(1)
    absorb_tails(baselines, np.full((1, 2), excess.sum()), np.full((1, 2), float(over.sum())))
    (rate, _) = baselines.tails()[0]
    assert low < rate < high
    judged = tails.with_own_tail(np.array([1.0, 5.0]), rate)
    assert judged[0] == 1.0, "the body is left alone"
    assert judged[1] == pytest.approx(tails.UPPER_SURPRISE + rate * (5.0 - tails.UPPER_SURPRISE))


def test_without_a_history_of_its_own_a_site_has_the_tail_of_its_pool_and_one_day_changes_little() -> None:
    baselines = Baselines.empty(1)
    assert baselines.tails().tolist() == [[1.0, 1.0]]
    outage, _ = tails.excesses(np.full(1, tails.MAX_SURPRISE))
    absorb_tails(baselines, np.full((1, 2), outage.sum()), np.ones((1, 2)))
    assert (baselines.tails() > 0.6).all()


def test_who_takes_part_in_an_excess_of_its_group_is_no_example_of_noise() -> None:
    z = {24: np.array([[1.5, 1.5], [0.2, 0.2], [1.5, np.nan]], np.float32)}
    surprise = {24: np.array([[2.0, 6.0], [6.0, 6.0], [6.0, 6.0]])}
    assert peer_groups.shared_excess(z, surprise).tolist() == [True, False, True]
    assert peer_groups.shared_excess(z, surprise, at_end_of=24).tolist() == [True, False, False]
    assert peer_groups.shared_excess(z, surprise, at_end_of=6).tolist() == [False, False, False]


def test_all_sites_of_an_organisation_are_peers() -> None:
    nothing = pl.DataFrame(schema={"site_id": pl.String, "attribute": pl.String, "value": pl.String})
    members = peer_groups.membership(nothing, list("abc"), np.arange(3), np.zeros(3, np.int64))
    assert (members.group_ids, members.line.tolist()) == ([peer_groups.EVERYBODY], [0, 1, 2])


def test_bins_are_local_hours_with_the_weekend_apart() -> None:
    assert shape_bins(np.array([0, 23, 4 * 24 + 5, 5 * 24, 167])).tolist() == [0, 23, 5, 24, 47]


@pytest.mark.parametrize(
    ("instant", "hour_of_week"),
    [
        (datetime(2026, 3, 29, 0, tzinfo=START.tzinfo), 6 * 24 + 1),
        (datetime(2026, 3, 29, 1, tzinfo=START.tzinfo), 6 * 24 + 3),
        (datetime(2026, 10, 25, 0, tzinfo=START.tzinfo), 6 * 24 + 2),
        (datetime(2026, 10, 25, 1, tzinfo=START.tzinfo), 6 * 24 + 2),
    ],
    ids=["before spring", "after spring", "before autumn", "after autumn"],
)
def test_local_time_follows_both_changes_of_the_clock(instant: datetime, hour_of_week: int) -> None:
    found = local_time({"a": "Europe/Berlin"}, ["a", "b"], int(instant.timestamp() // 3600), 1)
    assert found.hour_of_week[found.zone_of[0], 0] == hour_of_week


def test_a_site_whose_zone_names_no_place_counts_in_utc() -> None:
    named = ["Europe/Berlin", "localtime", "Factory", "Mars/Olympus", None]
    sites = pl.DataFrame({"site_id": list("abcde"), "timezone": named})
    found = site_zones(sites, sites["site_id"]).sort("site_id")
    assert found["zone"].to_list() == ["Europe/Berlin", "UTC", "UTC", "UTC", "UTC"]


def test_an_unknown_zone_says_what_is_expected() -> None:
    with pytest.raises(ValueError, match="IANA"):
        local_time({"a": "Mars/Olympus"}, ["a"], 0, 1)


@pytest.mark.parametrize(("bad", "counts_for"), [(2, 1 / 4.5), (3, 2 / 4.5), (6, 1.0)])
def test_what_hits_few_of_a_group_counts_for_less(bad: int, counts_for: float) -> None:
    nothing = pl.DataFrame(schema={"site_id": pl.String, "attribute": pl.String, "value": pl.String})
    members = peer_groups.membership(nothing, list("abcdefghij"), np.arange(10), np.zeros(10, np.int64))
    z = np.array([[4.0]] * bad + [[0.0]] * (10 - bad), np.float32)
    (found,), _ = peer_groups.group_surprise(z, members)
    total = counts_for * 4 * (bad - 1) / np.sqrt(9 + 0.05 * 81)
    assert found[0] == pytest.approx(-np.log10(stats.norm.sf(total)), rel=1e-6)


def test_peers_are_surprising_together_and_one_bad_site_does_not_accuse_them() -> None:
    shared = pl.DataFrame({"site_id": list("abcdef"), "attribute": "site_group", "value": ["n"] * 5 + ["s"]})
    members = peer_groups.membership(shared, list("abcdef"), np.arange(6), np.zeros(6, np.int64))
    together = np.full((6, 1), 1.5, np.float32)
    alone = np.zeros((6, 1), np.float32)
    alone[2] = 40.0
    (_, north, south), (_, enough_north, enough_south) = peer_groups.group_surprise(together, members)
    # four of five peers at 1.5: 6 / √(4 + 0.05·16) = 2.739
    assert north[0] == pytest.approx(-np.log10(stats.norm.sf(6 / np.sqrt(4.8))), rel=1e-6)
    assert (enough_north[0], enough_south[0], south[0]) == (True, False, 0.0)
    assert peer_groups.group_surprise(alone, members)[0][0, 0] == 0.0
    best, who = peer_groups.best_group(np.array([[0.5], [3.0], [1.0]]), members, 6)
    assert best[:, 0].tolist() == [3, 3, 3, 3, 3, 1]
    assert [members.group_ids[i] for i in who[:, 0]] == ["site_group:n"] * 5 + ["site_group:s"]


SILENT_FROM, SILENT_HOURS = 22 * 24 + 10, 5


def silenced(*, devices: float | None, state: str = "missing") -> Frames:
    """Site 1 without readings for some hours."""
    frames = history(days=24, sites=5, metrics=("coverage",))
    hit = (pl.col("site_id") == "site-001") & pl.col("hour").is_between(
        at(SILENT_FROM), at(SILENT_FROM + SILENT_HOURS), closed="left"
    )
    gone = ("score_pct", "total_user_minutes", "degraded_user_minutes")
    connected = pl.lit(None, pl.Int64) if devices is None else (pl.col("num_aps") * devices).cast(pl.Int64)
    everywhere = pl.lit(None, pl.Int64) if devices is None else pl.col("num_aps_connected")
    return frames | {
        "sle_hourly": frames["sle_hourly"].with_columns(
            state=pl.when(hit).then(pl.lit(state)).otherwise("state"),
            **{name: pl.when(~hit).then(name) for name in gone},
        ),
        "classifiers_hourly": frames["classifiers_hourly"].filter(~hit),
        "site_hourly": frames["site_hourly"].with_columns(
            num_clients=pl.when(hit).then(0).otherwise("num_clients"),
            num_aps_connected=pl.when(hit).then(connected).otherwise(everywhere),
        ),
    }


def silence(frames: Frames) -> list[tuple[datetime, str, int]]:
    rows = evidence(**frames).rows.filter(pl.col("metric") == "silence")
    assert set(rows["site_id"]) <= {"site-001"}
    return rows.select("hour", "classifier", "window_hours").rows()


@pytest.mark.slow
def test_dead_devices_are_an_outage_from_the_first_hour_on() -> None:
    found = silence(silenced(devices=0.0))
    assert found == [(at(SILENT_FROM + i), "outage", w) for i, w in enumerate((1, 2, 3, 3, 3))]


@pytest.mark.slow
def test_missing_data_where_users_are_usual_is_silence_when_devices_are_unknown() -> None:
    assert len(silence(silenced(devices=None))) == SILENT_HOURS


@pytest.mark.slow
@pytest.mark.parametrize("state", ["no_users", "missing"])
def test_no_data_is_no_outage_while_the_devices_live(state: str) -> None:
    assert silence(silenced(devices=1.0, state=state)) == []


@pytest.mark.slow
def test_no_users_is_a_drop_in_load_and_never_silence() -> None:
    frames = silenced(devices=None, state="no_users")
    assert silence(frames) == []
    load = evidence(**frames).rows.filter(
        (pl.col("metric") == "load") & (pl.col("hour") == at(SILENT_FROM + 2))
    )
    assert set(load["classifier"]) == {"drop"}
    assert load["surprise"].max() > 5


@pytest.mark.slow
def test_losing_part_of_the_devices_is_not_losing_all() -> None:
    assert {kind for _, kind, _ in silence(silenced(devices=0.5))} == {"device-loss"}


@pytest.mark.slow
def test_when_the_cloud_is_mute_about_most_sites_no_site_is_silent() -> None:
    frames = silenced(devices=None)
    hit = pl.col("hour").is_between(at(SILENT_FROM), at(SILENT_FROM + 5), closed="left")
    mute = frames["sle_hourly"].with_columns(state=pl.when(hit).then(pl.lit("missing")).otherwise("state"))
    assert silence(frames | {"sle_hourly": mute}) == []


@pytest.mark.slow
def test_how_rarely_a_site_falls_silent_is_learnt_from_beginnings_and_not_from_gaps_of_the_cloud() -> None:
    frames = silenced(devices=None)
    assert [round(value, 1) for value in evidence(**frames).state.loads.silent.tolist()] == [
        0.0,
        1.0,
        0.0,
        0.0,
        0.0,
    ]
    hit = pl.col("hour").is_between(at(SILENT_FROM), at(SILENT_FROM + 5), closed="left")
    mute = frames["sle_hourly"].with_columns(state=pl.when(hit).then(pl.lit("missing")).otherwise("state"))
    assert evidence(**frames | {"sle_hourly": mute}).state.loads.silent.tolist() == [0.0] * 5


@pytest.mark.slow
def test_scores_alone_are_evaluated_with_exposure_from_clients_and_say_so() -> None:
    bad = {(1, "coverage"): (22 * 24 + 9, 22 * 24 + 17, 0.5)}
    full = history(days=24, sites=3, extra=bad)
    empty = pl.lit(None, pl.Float64)
    triage = full | {
        "sle_hourly": full["sle_hourly"].with_columns(total_user_minutes=empty, degraded_user_minutes=empty),
        "classifiers_hourly": full["classifiers_hourly"].clear(),
    }
    rows = evidence(**triage).rows.filter(~pl.col("metric").is_in(["load", "silence"]))
    # An hour without users has nothing to estimate.
    rows = rows.filter(pl.col("total_user_minutes") > 0)
    assert rows["is_estimated"].all()
    assert set(rows["classifier"]) == {""}
    worst = rows.sort("surprise", descending=True).row(0, named=True)
    assert (worst["site_id"], worst["metric"]) == ("site-001", "coverage")


@pytest.mark.slow
def test_a_healthy_site_more_changes_no_other_sites_own_baseline() -> None:
    fewer, more = (evidence(**history(sites=n, days=12, metrics=("coverage",))).state for n in (5, 6))
    kept = (more.series["site_id"] != "site-005").to_numpy()
    assert more.series.filter(kept).equals(fewer.series)
    for name in ("fast_exposure", "days"):
        np.testing.assert_array_equal(getattr(more.baselines, name)[kept], getattr(fewer.baselines, name))
    np.testing.assert_allclose(
        more.baselines.fast_degraded[kept].sum(axis=1), fewer.baselines.fast_degraded.sum(axis=1), rtol=0.05
    )


@pytest.mark.slow
def test_a_lasting_level_becomes_the_new_normal_after_weeks_and_not_before() -> None:
    shifted = {(1, "coverage"): (24 * 20, 24 * 55, 0.2)}
    frames = history(days=55, sites=3, metrics=("coverage",), extra=shifted)
    run = evidence(**frames)
    whole = (
        (pl.col("site_id") == "site-001") & (pl.col("metric") == "coverage") & (pl.col("classifier") == "")
    )
    rows = run.rows.filter(whole & (pl.col("window_hours") == 24))
    second_week = rows.filter(pl.col("hour").is_between(at(24 * 27), at(24 * 33)))
    assert second_week.height > 100
    assert second_week["excess_pct"].min() > 10
    assert rows.filter((pl.col("hour") >= at(24 * 50)) & (pl.col("excess_pct") > 10)).is_empty()
    line = run.state.series.with_row_index().filter(whole).item(0, "index")
    known = run.state.baselines
    assert known.fast_degraded[line].sum() / known.fast_exposure[line].sum() > 0.15


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda rows: rows.filter(pl.col("part") != "next_hour"), "exactly one day"),
        (lambda rows: pl.concat([rows, rows]), "exactly one day"),
        (
            lambda rows: rows.with_columns(
                numbers=pl.when(pl.col("part") == "series.fast_degraded")
                .then(pl.col("numbers").list.head(7))
                .otherwise("numbers")
            ),
            "another version",
        ),
        (lambda rows: rows.filter(pl.col("part") != "site.asked"), "another version"),
        (
            lambda rows: rows.with_columns(
                numbers=pl.when(pl.col("part") == "version").then(pl.lit([1.0])).otherwise("numbers")
            ),
            "begin anew",
        ),
    ],
    ids=["part missing", "two days", "other shape", "field missing", "other version"],
)
def test_rows_that_are_not_one_whole_state_are_refused(spoil: object, says: str) -> None:
    rows = evidence(**history(days=2)).state.rows()
    assert callable(spoil)
    with pytest.raises(ValueError, match=says):
        EvidenceState.from_rows(spoil(rows))
