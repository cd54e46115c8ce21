"""The mistakes of the reactive predecessor that this room could repeat, one by one."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from mist_pipeline.collect.fetch.fetcher import fetch_plan
from mist_pipeline.collect.fetch.plan import Budget, Known, make_plan
from mist_pipeline.collect.fetch.snapshots import fetch_snapshot
from mist_pipeline.collect.history.dimensions import sites_frame
from mist_pipeline.collect.history.frames import Wanted, read_history
from mist_pipeline.collect.raw.errors import FetchFailedError, NothingKnownError
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.mist.errors import Unavailable
from mist_pipeline_tests.support.collect.fake_cloud import (
    DAY,
    NOW,
    ORIGIN,
    UTC_ZONE,
    FakeCloud,
    ask,
    healthy_cloud,
    sites_of,
    summary,
    window,
)


@pytest.mark.parametrize(
    ("endpoint", "kind"),
    [
        ("alarms", "alarms"),
        ("sites_sle", "sle_org"),
        ("sle_metrics", "sle_detail"),
        ("sle_summary", "sle_detail"),
    ],
)
def test_mistake_7_a_failed_fetch_is_told_and_never_an_empty_healthy_day(
    store: RawStore, endpoint: str, kind: str
) -> None:
    asked = ask(alarms=True)
    plan = make_plan(asked, Known(), Budget(None))
    cloud = healthy_cloud(**{endpoint: lambda _: Unavailable("down")})
    if endpoint == "sites_sle":
        with pytest.raises(FetchFailedError):
            fetch_plan(plan, cloud, store, ORIGIN)
    else:
        assert fetch_plan(plan, cloud, store, ORIGIN).shortfall.sentences(kind)
    history = read_history(store, Wanted(sites_of(asked), asked.metrics, asked.days, asked.zone))
    if endpoint == "sites_sle":
        assert set(history.sle_daily["state"]) == {"missing"}
        assert history.sle_daily["score_pct"].null_count() == history.sle_daily.height == 9
    elif endpoint != "alarms":
        assert set(history.sle_daily["total_user_minutes"]) == {None}
    assert store.newest(kind, DAY) is None


def test_mistake_7_a_failed_list_of_sites_is_not_an_organisation_without_sites(store: RawStore) -> None:
    with pytest.raises(Unavailable):
        fetch_snapshot("sites", FakeCloud({"sites": lambda _: Unavailable("down")}), store, ORIGIN, NOW)
    with pytest.raises(NothingKnownError):
        sites_frame(store, [DAY], UTC_ZONE)


def test_mistake_7_a_failed_second_fetch_leaves_the_first_one_in_place(store: RawStore) -> None:
    asked = ask()
    plan = make_plan(asked, Known(), Budget(None))
    fetch_plan(plan, healthy_cloud(), store, ORIGIN)
    again = fetch_plan(plan, healthy_cloud(sle_summary=lambda _: Unavailable("down")), store, ORIGIN)
    assert again.shortfall.kept == {"sle_detail"}
    history = read_history(store, Wanted(sites_of(asked), asked.metrics, asked.days, asked.zone))
    assert set(history.sle_daily["state"]) == {"ok"}


def test_mistake_10_two_sites_of_one_name_stay_two_sites(store: RawStore) -> None:
    document = [{"id": site, "name": "Store"} for site in ("s1", "s2", "s3")]
    fetch_snapshot("sites", FakeCloud({"sites": lambda _: document}), store, ORIGIN, NOW)
    sites = sites_frame(store, [DAY], UTC_ZONE)
    assert Counter(sites["name"]) == {"Store": 3}
    minutes = {"s1": 10.0, "s2": 20.0, "s3": 30.0}
    cloud = healthy_cloud(
        sle_summary=lambda call: summary(*window(call), metric=call.spelling, degraded=minutes[call.site_id])
    )
    asked = ask(metrics=("capacity",))
    fetch_plan(make_plan(asked, Known(), Budget(None)), cloud, store, ORIGIN)
    history = read_history(
        store, Wanted(sites.select("day", "site_id"), asked.metrics, asked.days, asked.zone)
    )
    assert history.sle_daily.select("site_id", "score_pct").rows() == [
        ("s1", 90.0),
        ("s2", 80.0),
        ("s3", 70.0),
    ]


def test_mistake_13_one_run_has_one_clock_from_file_name_to_content(store: RawStore) -> None:
    """The answers come in minutes later, past midnight even: names and content still say when the run was."""
    now = datetime(2026, 2, 9, 23, 59, 30, tzinfo=UTC)
    cloud = healthy_cloud(sites=lambda _: [{"id": "s1"}])
    cloud.now = now + timedelta(minutes=5)
    fetch_plan(make_plan(ask(now=now), Known(), Budget(None)), cloud, store, ORIGIN)
    snapshot = fetch_snapshot("sites", cloud, store, ORIGIN, now)
    manifest = store.newest("sle_detail", DAY)
    assert manifest is not None
    assert manifest.as_of == now
    assert manifest.generation.endswith("20260209T235930.000000Z")
    assert snapshot.written.address.rpartition("/")[2] == "20260209T235930.000000Z.jsonl.gz"
    headers = [record.header for record, _ in store.read("sle_detail", [DAY])]
    assert {header.as_of for header in headers} == {now}
    assert {header.requested_at for header in headers} == {cloud.now}
    assert max(header.request["end"] for header in headers) == int(now.timestamp())
    assert sites_frame(store, [DAY], UTC_ZONE)["is_substituted"].to_list() == [False]
    assert sites_frame(store, [DAY], UTC_ZONE).filter(pl.col("day") == DAY).height == 1
