from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.collect.fetch.days import day_bounds
from mist_pipeline.collect.fetch.fetcher import fetch_plan
from mist_pipeline.collect.fetch.plan import Budget, Known, make_plan
from mist_pipeline.collect.fetch.records import Origin
from mist_pipeline.collect.history.frames import Wanted, make_history, read_history
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.tables import history as tables
from mist_pipeline_tests.support.collect.fake_cloud import (
    DAY,
    ORIGIN,
    UTC_ZONE,
    ask,
    days,
    epoch,
    healthy_cloud,
    same,
    sites_of,
    summary,
    window,
)
from mist_pipeline_tests.support.collect.raw_records import detail, hours, one_day, scores, wanted


def test_the_score_is_what_is_not_degraded_and_never_the_raw_measurement() -> None:
    daily = one_day(total=200.0, degraded=30.0, value=45.0).sle_daily.row(0, named=True)
    assert daily["score_pct"] == pytest.approx(85.0)
    assert (daily["measured_value"], daily["measured_unit"]) == (45.0, "dBm")
    assert (daily["total_user_minutes"], daily["degraded_user_minutes"]) == (4800.0, 720.0)


def test_a_null_bucket_does_not_hide_the_metric() -> None:
    total: list[float | None] = [100.0] * 24
    degraded: list[float | None] = [20.0] * 24
    total[3] = degraded[7] = None
    history = one_day(total=total, degraded=degraded)
    states = hours(history.sle_hourly, "state")
    assert [hour for hour, state in enumerate(states) if state == "missing"] == [3, 7]
    assert set(states) == {"ok", "missing"}
    assert history.sle_daily["score_pct"].to_list() == [pytest.approx(80.0)]
    assert history.sle_daily["total_user_minutes"].to_list() == [2200.0]
    assert history.sle_daily["hours_covered"].to_list() == [22]


@pytest.mark.parametrize(
    ("total", "degraded", "state"),
    [(0.0, 0.0, "no_users"), (None, None, "missing"), (50.0, 0.0, "ok"), (50.0, None, "missing")],
)
def test_only_an_ok_reading_has_a_score(total: float | None, degraded: float | None, state: str) -> None:
    history = one_day(total=[total] * 24, degraded=[degraded] * 24)
    for frame in (history.sle_hourly, history.sle_daily):
        assert set(frame["state"]) == {state}
        assert frame["score_pct"].null_count() == (0 if state == "ok" else frame.height)
    assert history.sle_daily["total_user_minutes"].to_list() == [
        None if state == "missing" else (total or 0) * 24
    ]


def test_hours_without_users_do_not_dilute_the_day() -> None:
    history = one_day(total=[0.0] * 12 + [100.0] * 12, degraded=[0.0] * 12 + [50.0] * 12)
    assert history.sle_daily["score_pct"].to_list() == [50.0]
    assert history.sle_daily["state"].to_list() == ["ok"]


def test_the_measurement_is_weighted_by_user_minutes() -> None:
    total: list[float | None] = [0.0] * 22 + [100.0, 300.0]
    value: list[float | None] = [None] * 21 + [999.0, 10.0, 20.0]
    history = one_day(total=total, degraded=[0.0] * 24, value=value)
    assert history.sle_daily["measured_value"].to_list() == [pytest.approx(17.5)]
    assert hours(history.sle_hourly, "measured_value") == [None] * 22 + [10.0, 20.0]


def test_buckets_shorter_than_an_hour_are_added_up() -> None:
    history = one_day(interval=600, total=10.0, degraded=2.0)
    assert hours(history.sle_hourly, "total_user_minutes") == [60.0] * 24
    assert history.sle_daily["score_pct"].to_list() == [80.0]


def test_buckets_wider_than_an_hour_tell_the_day_but_no_hour() -> None:
    history = one_day(interval=21_600, total=600.0, degraded=60.0, classifiers={"client-usage": 60.0})
    assert set(history.sle_hourly["state"]) == {"missing"}
    assert history.sle_daily.select("score_pct", "total_user_minutes", "state").row(0) == (90.0, 2400.0, "ok")
    assert history.classifiers_hourly.is_empty()
    assert history.classifiers_daily["degraded_pct"].to_list() == [10.0]


@pytest.mark.parametrize(
    ("interval", "known", "hours_covered"),
    [
        (86_400, [True], 24),
        (43_200, [True, False], 12),
        (21_600, [True, False, False, False], 6),
        (7200, [True, False] * 6, 12),
        (3600, [True] * 5 + [False] * 19, 5),
        (600, [True] + [False] * 5, 4),
        (600, [True] * 6, 24),
        (600, [True] + [False] * 143, 1),
        (3600, [False] * 24, 0),
        (43_200, [False, False], 0),
    ],
)
def test_a_day_covers_the_hours_of_buckets_that_are_known(
    interval: int, known: list[bool], hours_covered: int
) -> None:
    buckets = (known * 24)[: 86_400 // interval]
    total, degraded = ([minutes if each else None for each in buckets] for minutes in (60.0, 6.0))
    daily = one_day(interval=interval, total=total, degraded=degraded).sle_daily.row(0, named=True)
    assert daily["hours_covered"] == hours_covered
    assert daily["score_pct"] == (pytest.approx(90.0) if hours_covered else None)


def test_hourly_buckets_count_where_a_day_has_wide_ones_too() -> None:
    start, end = epoch(DAY), epoch(DAY, 24)
    history = make_history(
        [
            detail(start, end, interval=86_400, total=9999.0, classifiers={"client-usage": 99.0}, minute=5),
            detail(start, end, total=100.0, classifiers={"client-usage": 10.0}),
        ],
        [],
        wanted(),
    )
    assert history.sle_daily["total_user_minutes"].to_list() == [2400.0]
    assert history.classifiers_daily["degraded_user_minutes"].to_list() == [240.0]


def test_a_bucket_belongs_to_the_hour_in_which_it_starts() -> None:
    """A window that begins at 00:20 has buckets at 20 past; the first second of the day before is not this day's."""
    start = epoch(DAY, 1 / 3)
    history = make_history(
        [detail(start, start + 3 * 3600, total=[10.0, 20.0, 30.0], degraded=[0.0] * 3)], [], wanted()
    )
    assert hours(history.sle_hourly, "total_user_minutes")[:3] == [10.0, 20.0, 30.0]
    early = epoch(DAY, -0.5)
    history = make_history(
        [detail(early, epoch(DAY, 1), total=[10.0, 20.0], degraded=[0.0] * 2)], [], wanted()
    )
    assert history.sle_daily["total_user_minutes"].to_list() == [20.0]


def test_of_overlapping_windows_the_whole_bucket_counts_then_the_newest() -> None:
    start = epoch(DAY)
    cut = detail(
        start,
        start + 5400,
        document=summary(start, start + 5400, total=[1.0, 1.0], degraded=[0.0, 0.0]),
        minute=9,
    )
    whole = detail(start, start + 7200, total=[2.0, 2.0], degraded=[0.0, 0.0], minute=1)
    newest = detail(start, start + 3600, total=[3.0], degraded=[0.0], minute=5)
    for answers in ([cut, whole, newest], [newest, whole, cut]):
        history = make_history(answers, [], wanted())
        assert hours(history.sle_hourly, "total_user_minutes")[:2] == [1.0, 2.0]
    history = make_history([whole, newest], [], wanted())
    assert hours(history.sle_hourly, "total_user_minutes")[:2] == [3.0, 2.0]


def test_a_window_counts_only_for_the_days_that_it_is_read_for() -> None:
    two = days(2)
    record, _ = detail(epoch(two[0]), epoch(two[1], 24), two)
    history = make_history([(record, frozenset([two[1]]))], [], wanted(of_days=two))
    assert history.sle_daily.select("day", "state").rows() == [(two[0], "missing"), (two[1], "ok")]


@pytest.mark.parametrize(
    ("zone", "day", "hours_of_day"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2025, 10, 26), 25),
        ("Asia/Kolkata", DAY, 24),
    ],
)
def test_days_are_the_organisations_also_when_clocks_change(zone: str, day: date, hours_of_day: int) -> None:
    home = ZoneInfo(zone)
    three = tuple(day + timedelta(days=offset) for offset in (-1, 0, 1))
    start, end = day_bounds(three[0], home)[0], day_bounds(three[2], home)[1]
    history = make_history([detail(start, end, three)], [], wanted(of_days=three, zone=home))
    assert history.sle_hourly.filter(pl.col("day") == day).height == hours_of_day
    assert history.sle_daily.filter(pl.col("day") == day)["total_user_minutes"].to_list() == [
        100.0 * hours_of_day
    ]
    first = history.sle_hourly.filter(pl.col("day") == day)["hour"].min()
    assert first == datetime.fromtimestamp(day_bounds(day, home)[0], UTC)


def test_classifiers_add_up_by_hour_and_day_under_one_spelling() -> None:
    history = one_day(
        total=100.0, degraded=30.0, classifiers={"client_usage": 10.0, "wifi-interference": 20.0}
    )
    assert sorted(set(history.classifiers_hourly["classifier"])) == ["client-usage", "wifi-interference"]
    assert history.classifiers_hourly.height == 48
    rows = history.classifiers_daily.select(
        "classifier", "degraded_pct", "degraded_user_minutes", "num_users", "num_aps"
    ).rows()
    assert rows == [("client-usage", 10.0, 240.0, 4, 1), ("wifi-interference", 20.0, 480.0, 4, 1)]


def test_a_classifier_that_is_innocent_has_rows_and_an_hour_without_users_has_none() -> None:
    total: list[float | None] = [0.0, None] + [100.0] * 22
    history = one_day(
        total=total, degraded=[0.0, None] + [5.0] * 22, classifiers={"low-power": [0.0, None] + [0.0] * 22}
    )
    assert history.classifiers_hourly.height == 22
    assert history.classifiers_daily["degraded_pct"].to_list() == [0.0]


def test_users_of_one_day_come_from_the_cloud_and_of_several_from_the_busiest_hour() -> None:
    assert one_day(users=9).sle_daily["num_users"].to_list() == [9]
    two = days(2)
    answer = detail(epoch(two[0]), epoch(two[1], 24), two, users=9, classifiers={"low-power": 1.0})
    busy = [
        scores(hour, [{"site_id": "s1", "num_clients": 3 + hour, "capacity": 0.5}], day=two[1])
        for hour in range(3)
    ]
    history = make_history([answer], busy, wanted(of_days=two))
    assert history.sle_daily["num_users"].to_list() == [None, 5]
    assert history.classifiers_daily["num_users"].to_list() == [None, None]


@pytest.mark.parametrize("is_empty", [True, False])
def test_the_frames_have_the_columns_of_the_warehouse(is_empty: bool, store: RawStore) -> None:
    history = make_history([], [], wanted(sites=())) if is_empty else one_day(classifiers={"low-power": 1.0})
    for table in (
        tables.SLE_HOURLY,
        tables.CLASSIFIERS_HOURLY,
        tables.CLASSIFIERS_DAILY,
        tables.SITE_HOURLY,
        tables.SLE_DAILY,
    ):
        frame = history.tables()[table.name]
        schema = {name: dtype for name, dtype in table.polars_schema().items() if name != "severity"}
        assert dict(frame.schema) == schema, table.name


@pytest.mark.slow
@given(
    cells=st.lists(
        st.one_of(st.none(), st.tuples(st.floats(0, 1e4), st.floats(0, 1))), min_size=24, max_size=24
    )
)
@settings(deadline=None, max_examples=40)
def test_a_day_is_the_sum_of_its_hours(cells: list[tuple[float, float] | None]) -> None:
    total = [None if cell is None else cell[0] for cell in cells]
    degraded = [None if cell is None else cell[0] * cell[1] for cell in cells]
    history = one_day(total=total, degraded=degraded)
    hourly, daily = history.sle_hourly, history.sle_daily.row(0, named=True)
    assert hourly.height == 24
    known = [cell for cell in cells if cell is not None]
    assert daily["state"] == (
        "missing" if not known else "ok" if sum(cell[0] for cell in known) > 0 else "no_users"
    )
    if known:
        assert daily["total_user_minutes"] == pytest.approx(hourly["total_user_minutes"].sum())
        assert daily["degraded_user_minutes"] == pytest.approx(hourly["degraded_user_minutes"].sum())
    if daily["score_pct"] is not None:
        lowest, highest = hourly["score_pct"].min(), hourly["score_pct"].max()
        assert isinstance(lowest, float)
        assert isinstance(highest, float)
        assert lowest - 1e-9 <= daily["score_pct"] <= highest + 1e-9


def test_every_wanted_site_metric_and_day_has_exactly_one_row(store: RawStore) -> None:
    asked = ask(
        days=days(9), site_ids=("s1", "s2", "s3", "new"), metrics=("capacity", "ap-health", "switch-health")
    )
    fetch_plan(make_plan(asked, Known(), Budget(None)), healthy_cloud(), store, ORIGIN)
    history = read_history(store, Wanted(sites_of(asked), asked.metrics, asked.days, asked.zone))
    assert (
        history.sle_daily.height
        == history.sle_daily.select("day", "site_id", "metric").unique().height
        == 9 * 4 * 3
    )
    assert set(history.sle_daily["state"]) == {"ok"}
    for frame, keys in (
        (history.sle_hourly, ["hour", "site_id", "metric"]),
        (history.site_hourly, ["hour", "site_id"]),
    ):
        assert frame.height == frame.select(keys).unique().height


def test_history_is_the_same_whichever_way_its_days_were_fetched(store: RawStore, tmp_path: Any) -> None:
    """At once or day by day: only what the cloud tells for a whole window differs (users hit)."""

    def answer(call: Any) -> Any:
        start, end = window(call)
        each = [100.0 + (start // 3600 + hour) % 7 for hour in range((end - start) // 3600)]
        return summary(start, end, metric=call.spelling, total=each, degraded=[value / 9 for value in each])

    five = days(5)
    at_once, by_day = store, RawStore(tmp_path / "other")
    fetch: Callable[..., Any] = lambda target, asked: fetch_plan(  # noqa: E731
        make_plan(asked, Known(), Budget(None)), healthy_cloud(sle_summary=answer), target, ORIGIN
    )
    fetch(at_once, ask(days=five))
    for day in five:
        fetch(by_day, ask(days=(day,)))
    whole = Wanted(sites_of(ask(days=five)), ask().metrics, five, UTC_ZONE)
    left, right = read_history(at_once, whole), read_history(by_day, whole)
    assert same(left, right, but=["num_users", "num_aps"]) == []
    counts = [each.site_hourly.select("hour", "site_id", "num_aps") for each in (left, right)]
    assert counts[0].equals(counts[1])


def test_an_answer_with_an_odd_bucket_is_missing_in_that_hour_and_the_rest_is_read() -> None:
    document = summary(epoch(DAY), epoch(DAY, 24))
    document["sle"]["samples"]["total"][3] = "many"
    rows = make_history(
        [
            detail(epoch(DAY), epoch(DAY, 24), site="s2"),
            detail(epoch(DAY), epoch(DAY, 24), document=document),
        ],
        [],
        wanted(sites=("s1", "s2")),
    ).sle_hourly
    of_s1 = rows.filter(pl.col("site_id") == "s1").sort("hour")
    assert of_s1["state"].to_list() == ["ok"] * 3 + ["missing"] + ["ok"] * 20
    assert of_s1["score_pct"][3] is None
    assert rows.filter(pl.col("site_id") == "s2")["state"].unique().to_list() == ["ok"]


def test_an_answer_of_which_nothing_can_be_read_is_missing_and_the_others_are_read() -> None:
    document = {"start": epoch(DAY), "end": epoch(DAY, 24), "sle": {"interval": 3600, "samples": []}}
    rows = make_history(
        [
            detail(epoch(DAY), epoch(DAY, 24), site="s2"),
            detail(epoch(DAY), epoch(DAY, 24), document=document),
        ],
        [],
        wanted(sites=("s1", "s2")),
    ).sle_hourly
    assert rows.group_by("site_id").agg(pl.col("state").unique()).sort("site_id").rows() == [
        ("s1", ["missing"]),
        ("s2", ["ok"]),
    ]


def test_a_live_read_puts_todays_answers_together(store: RawStore) -> None:
    live = Origin("org-1", "test", lane="live")
    for hour in (1, 2, 3):
        now = datetime.fromtimestamp(epoch(DAY, hour), UTC)
        asked = ask(now=now, since=now - timedelta(minutes=30))
        fetch_plan(make_plan(asked, Known(), Budget(None)), healthy_cloud(), store, live)
    history = read_history(store, Wanted(sites_of(asked), asked.metrics, (DAY,), asked.zone), lane="live")
    assert history.sle_hourly.group_by("hour").len().height == 3
    assert set(history.sle_hourly["total_user_minutes"]) == {100.0}
