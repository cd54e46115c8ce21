from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from mist_pipeline.collect.history.frames import Wanted, make_history
from mist_pipeline_tests.support.collect.fake_cloud import (
    DAY,
    epoch,
)
from mist_pipeline_tests.support.collect.raw_records import detail, hours, refused, scores, wanted


def test_hourly_scores_stand_in_where_there_is_no_detail() -> None:
    rows = [
        {"site_id": "s1", "num_clients": clients, "num_aps": 3, "capacity": share}
        for clients, share in ((30, 0.8), (10, 0.4))
    ]
    history = make_history([], [scores(hour, [row]) for hour, row in enumerate(rows)], wanted())
    assert hours(history.sle_hourly, "score_pct") == [80.0, 40.0]
    daily = history.sle_daily.row(0, named=True)
    assert daily["score_pct"] == pytest.approx((30 * 80 + 10 * 40) / 40)
    assert (daily["total_user_minutes"], daily["degraded_user_minutes"], daily["state"]) == (None, None, "ok")
    assert daily["num_users"] == 30


def test_without_client_counts_the_hours_count_alike() -> None:
    history = make_history(
        [],
        [scores(hour, [{"site_id": "s1", "capacity": share}]) for hour, share in enumerate((0.8, 0.4))],
        wanted(),
    )
    assert history.sle_daily.select("score_pct", "num_users").row(0) == (pytest.approx(60.0), None)


@pytest.mark.parametrize(
    ("metric", "row", "state"),
    [
        ("capacity", {"num_clients": 0, "capacity": 0.5}, "no_users"),
        ("capacity", {"num_clients": 0}, "no_users"),
        ("ap-health", {"num_clients": 0, "ap-health": 0.5}, "ok"),
        ("capacity", {"num_clients": 3}, "missing"),
        ("capacity", {"capacity": None}, "missing"),
        ("capacity", None, "missing"),
    ],
)
def test_the_organisations_silence_about_a_site_is_never_health(
    metric: str, row: dict[str, Any] | None, state: str
) -> None:
    rows = [] if row is None else [{"site_id": "s1", **row}]
    history = make_history([], [scores(0, rows)], wanted(metrics=[metric]))
    assert history.sle_hourly["state"].to_list() == [state]
    assert history.sle_daily["state"].to_list() == [state]
    assert history.sle_hourly["score_pct"].is_not_null().to_list() == [state == "ok"]


def test_detail_counts_before_the_organisation_and_the_organisation_before_no_answer() -> None:
    total: list[float | None] = [100.0, None]
    answer = detail(epoch(DAY), epoch(DAY, 2), total=total, degraded=[50.0, None])
    history = make_history(
        [answer],
        [scores(hour, [{"site_id": "s1", "num_clients": 5, "capacity": 0.9}]) for hour in range(3)],
        wanted(),
    )
    assert hours(history.sle_hourly, "score_pct") == [50.0, 90.0, 90.0]
    assert hours(history.sle_hourly, "total_user_minutes") == [100.0, None, None]
    assert history.sle_daily.select("score_pct", "total_user_minutes").row(0) == (50.0, 100.0)


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (None, "not_supported"),
        ({"num_clients": 0}, "not_supported"),
        ({"num_clients": 4, "capacity": 0.7}, "ok"),
    ],
)
def test_a_metric_that_the_site_does_not_have_is_not_supported_unless_it_has_a_score(
    row: dict[str, Any] | None, state: str
) -> None:
    organisation = [] if row is None else [scores(0, [{"site_id": "s1", **row}])]
    history = make_history([refused()], organisation, wanted())
    assert history.sle_daily["state"].to_list() == [state]
    assert history.sle_hourly.height == 24
    assert hours(history.sle_hourly, "state")[0] == state


def test_never_asked_is_missing_for_the_day_and_no_row_for_the_hour() -> None:
    history = make_history([], [], wanted(sites=("s1", "s2"), metrics=("capacity", "coverage")))
    assert history.sle_hourly.is_empty()
    assert history.sle_daily["state"].to_list() == ["missing"] * 4


def test_other_sites_metrics_and_days_are_left_out() -> None:
    answers = [
        detail(epoch(DAY), epoch(DAY, 24), site="closed"),
        detail(epoch(DAY), epoch(DAY, 24), metric="coverage"),
        detail(epoch(DAY), epoch(DAY, 24), classifiers={"low-power": 1.0}, site="closed"),
    ]
    rows = [{"site_id": "closed", "num_clients": 4, "capacity": 0.1}]
    target = wanted()
    more = pl.concat([target.sites, target.sites.with_columns(day=pl.lit(DAY - timedelta(days=1)))])
    history = make_history(answers, [scores(0, rows)], Wanted(more, target.metrics, target.days, target.zone))
    assert history.sle_daily.select("day", "site_id", "metric", "state").rows() == [
        (DAY, "s1", "capacity", "missing")
    ]
    assert history.sle_hourly.select("site_id", "state").rows() == [("s1", "missing")]
    assert history.classifiers_daily.is_empty()
    assert history.site_hourly.select("site_id", "num_clients").rows() == [("s1", None)]


def test_clients_by_hour_come_from_the_wireless_answer_where_there_is_one() -> None:
    organisation = [
        scores(0, [{"site_id": "s1", "num_clients": 50}], group="wired"),
        scores(0, [{"site_id": "s1", "num_clients": 7.4, "num_aps": 3}]),
        scores(1, [{"site_id": "s1", "num_clients": 60}], group="wired"),
    ]
    history = make_history([], organisation, wanted(metrics=("capacity", "switch-health")))
    assert history.site_hourly.select("num_clients", "num_aps").rows() == [(7, 3), (60, None)]


def test_a_running_hour_is_replaced_by_the_whole_one() -> None:
    organisation = [
        scores(0, [{"site_id": "s1", "num_clients": 9, "capacity": 0.9}], minute=1),
        scores(0, [{"site_id": "s1", "num_clients": 1, "capacity": 0.1}], minutes=15, minute=2),
    ]
    history = make_history([], organisation, wanted())
    assert history.sle_hourly["score_pct"].to_list() == [90.0]
    assert history.site_hourly["num_clients"].to_list() == [9]


def test_connected_access_points_join_the_hour_in_which_they_were_counted() -> None:
    at = datetime.fromtimestamp(epoch(DAY), UTC)
    connected = pl.DataFrame(
        {
            "hour": [at, at + timedelta(hours=1), at],
            "site_id": ["s1", "s1", "closed"],
            "day": [DAY] * 3,
            "num_aps": [4] * 3,
            "num_aps_connected": [3, 2, 0],
        },
        schema_overrides={
            "hour": pl.Datetime("us", "UTC"),
            "num_aps": pl.Int64,
            "num_aps_connected": pl.Int64,
        },
    )
    history = make_history(
        [], [scores(0, [{"site_id": "s1", "num_clients": 9, "num_aps": 5}])], wanted(), connected
    )
    assert history.site_hourly.select("num_clients", "num_aps", "num_aps_connected").rows() == [
        (9, 5, 3),
        (None, 4, 2),
    ]
