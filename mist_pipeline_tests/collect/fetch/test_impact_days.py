"""Who was hit on single days of a backfill: the worst days are asked for by themselves, with calls that are left."""

from typing import Any

import polars as pl
import pytest

from mist_pipeline.collect.fetch.fetcher import Spent, fetch_plan
from mist_pipeline.collect.fetch.impact_days import MOST_A_DAY
from mist_pipeline.collect.fetch.plan import Budget, Known, make_plan
from mist_pipeline.collect.history.frames import Wanted, read_history
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.mist.endpoints import Call
from mist_pipeline.mist.errors import Unavailable
from mist_pipeline_tests.support.collect.fake_cloud import (
    DAY,
    METRICS,
    NOW,
    ORIGIN,
    UTC_ZONE,
    FakeCloud,
    ask,
    days,
    epoch,
    healthy_cloud,
    sites_of,
    summary,
    window,
)

WEEK = days(7)
BAD = WEEK[3]
"""The day on which coverage is bad at one site."""


def cloud(*, single: Any = None, users: int | None = 9) -> FakeCloud:
    """Coverage is bad on one day at s2; everything else is as good as ever."""

    def detail(call: Call) -> Any:
        start, end = window(call)
        if single is not None and end - start <= 86_400:
            return single
        hours = range(start, end, 3600)
        is_here = (call.site_id, call.spelling) == ("s2", "coverage")
        is_bad = [is_here and epoch(BAD) <= hour < epoch(BAD, 24) for hour in hours]
        degraded: list[float | None] = [50.0 if bad else 1.0 for bad in is_bad]
        blamed: Any = {"weak-signal": degraded}
        return summary(start, end, metric=call.spelling, degraded=degraded, classifiers=blamed, users=users)

    return healthy_cloud(sle_summary=detail)


def fetched(store: RawStore, fake: FakeCloud, budget: int | None = None) -> Spent:
    return fetch_plan(make_plan(ask(days=WEEK), Known(), Budget(budget)), fake, store, ORIGIN)


def blamed(store: RawStore) -> pl.DataFrame:
    wanted = Wanted(sites_of(ask(days=WEEK)), METRICS, WEEK, UTC_ZONE)
    return read_history(store, wanted).classifiers_daily


def test_users_and_devices_of_the_worst_day_are_known_and_the_rest_says_that_nobody_asked(
    store: RawStore,
) -> None:
    spent = fetched(store, cloud())
    rows = blamed(store)
    known = rows.filter(pl.col("impact_state") == "known")
    assert known.select("day", "site_id", "metric", "num_users", "num_aps").rows() == [
        (BAD, "s2", "coverage", 4, 1)
    ]
    assert set(rows.filter(pl.col("impact_state") != "known")["impact_state"]) == {"not_asked"}
    assert rows.filter(pl.col("impact_state") == "not_asked")["num_users"].null_count() == rows.height - 1
    assert spent.summary()["impact_days"] == 1


def test_minutes_are_those_of_the_long_window(store: RawStore) -> None:
    fetched(store, cloud())
    [row] = blamed(store).filter(day=BAD, site_id="s2", metric="coverage").rows(named=True)
    assert (row["degraded_user_minutes"], row["degraded_pct"]) == (24 * 50.0, 50.0)


@pytest.mark.parametrize("budget", [31, 32])
def test_without_calls_left_nobody_asks_and_the_plan_says_so(store: RawStore, budget: int) -> None:
    # 21 windows … of 3 sites × 3 metrics, names of 3 sites, counts by hour; the rest is too little for half of it.
    spent = fetched(store, cloud(), budget)
    assert spent.impact_days == 0
    assert any("who was hit on 1 of 1" in one for one in spent.summary()["left_out"])
    assert set(blamed(store)["impact_state"]) == {"not_asked"}


def test_a_request_that_fails_costs_two_numbers_and_no_day(store: RawStore) -> None:
    spent = fetched(store, cloud(single=Unavailable("in trouble", status=503)))
    assert spent.days["sle_detail"] == list(WEEK)
    assert spent.impact_days == 0
    assert set(blamed(store)["impact_state"]) == {"not_asked"}


def test_a_cloud_that_does_not_say_is_told_from_one_that_was_not_asked(store: RawStore) -> None:
    fake = cloud(users=None)
    spent = fetched(store, fake)
    assert spent.impact_days == 1
    states = blamed(store).filter(day=BAD, site_id="s2", metric="coverage")["impact_state"].to_list()
    assert states == ["not_said"]


def test_a_day_fetched_by_itself_needs_nothing_more(store: RawStore) -> None:
    fake = cloud()
    spent = fetch_plan(make_plan(ask(days=(DAY,)), Known(), Budget(None)), fake, store, ORIGIN)
    assert spent.impact_days == 0
    assert spent.calls == spent.plan.cost


def test_of_three_thousand_sites_only_the_worst_of_every_day_are_asked(store: RawStore) -> None:
    sites = tuple(f"site-{number}" for number in range(300))

    def detail(call: Call) -> Any:
        start, end = window(call)
        return summary(
            start, end, metric=call.spelling, degraded=20.0 + float(call.site_id.removeprefix("site-")) / 10
        )

    fake = healthy_cloud(sle_summary=detail)
    asked = ask(days=WEEK[:2], site_ids=sites, metrics=("coverage",), now=NOW)
    spent = fetch_plan(make_plan(asked, Known(), Budget(None)), fake, store, ORIGIN)
    assert spent.impact_days == 2 * MOST_A_DAY
    single = [call for call in fake.asked("sle_summary") if window(call)[1] - window(call)[0] == 86_400]
    assert {call.site_id for call in single} == {f"site-{number}" for number in range(280, 300)}
