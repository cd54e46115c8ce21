import pickle
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from mist_pipeline.collect.fetch.fetcher import fetch_plan
from mist_pipeline.collect.fetch.plan import Budget, Known, make_plan
from mist_pipeline.collect.fetch.records import Origin
from mist_pipeline.collect.fetch.spellings import known_spellings, what_is_known
from mist_pipeline.collect.history.frames import Wanted, read_history
from mist_pipeline.collect.raw.errors import FetchFailedError
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.mist.endpoints import Call
from mist_pipeline.mist.errors import NotSupported, Unavailable
from mist_pipeline_tests.support.collect.fake_cloud import (
    DAY,
    METRICS,
    NOW,
    ORIGIN,
    Pages,
    ask,
    days,
    epoch,
    healthy_cloud,
    sites_of,
    sites_sle,
    summary,
    window,
)


def plan(**changes: Any) -> Any:
    return make_plan(ask(**changes), Known(), Budget(None))


def test_a_plan_is_fetched_and_summed_up_by_kind(store: RawStore) -> None:
    cloud = healthy_cloud()
    spent = fetch_plan(plan(days=days(10), alarms=True), cloud, store, ORIGIN)
    assert spent.days == {kind: list(days(10)) for kind in ("alarms", "sle_org", "sle_detail")}
    assert spent.calls == len(cloud.calls) == spent.plan.cost + spent.impact_days
    assert (spent.reused, spent.not_supported, spent.narrowed) == (0, 0, 0)
    assert spent.summary()["calls_spent"] == spent.calls


def test_every_site_is_asked_in_the_spelling_that_it_advertises(store: RawStore) -> None:
    cloud = healthy_cloud(
        sle_metrics=lambda call: {
            "enabled": ["failed-to-connect" if call.site_id == "s1" else "successful-connect"]
        }
    )
    fetch_plan(plan(metrics=("successful-connect",)), cloud, store, ORIGIN)
    assert {call.site_id: call.spelling for call in cloud.asked("sle_summary")} == {
        "s1": "failed-to-connect",
        "s2": "successful-connect",
        "s3": "successful-connect",
    }


def test_spellings_are_asked_once_a_week_and_remembered_in_between(store: RawStore) -> None:
    first = healthy_cloud()
    fetch_plan(plan(), first, store, ORIGIN)
    assert len(first.asked("sle_metrics")) == 3
    known = Known(spellings=known_spellings(store, NOW + timedelta(days=6)))
    again = healthy_cloud()
    fetch_plan(make_plan(ask(), known, Budget(None)), again, store, ORIGIN)
    assert again.asked("sle_metrics") == []
    assert known_spellings(store, NOW + timedelta(days=8)) == {}


def test_a_site_that_lists_no_metrics_at_all_is_asked_by_the_catalogues_names(store: RawStore) -> None:
    cloud = healthy_cloud(sle_metrics=lambda _: {})
    fetch_plan(plan(), cloud, store, ORIGIN)
    assert {call.spelling for call in cloud.asked("sle_summary")} == set(METRICS)


@pytest.mark.parametrize("told_by", ["list", "answer"])
def test_a_metric_that_a_site_does_not_have_is_recorded_and_no_error(store: RawStore, told_by: str) -> None:
    def answer(call: Call) -> Any:
        return (
            NotSupported("no")
            if call.spelling == "coverage"
            else summary(*window(call), metric=call.spelling)
        )

    enabled = ["capacity", "ap-health"] if told_by == "list" else list(METRICS)
    cloud = healthy_cloud(
        sle_summary=answer, sle_metrics=lambda _: {"enabled": enabled, "supported": list(METRICS)}
    )
    spent = fetch_plan(plan(days=days(9)), cloud, store, ORIGIN)
    assert spent.not_supported == 3 * 2
    records = [record for record, _ in store.read("sle_detail", days(9))]
    refused = [record for record in records if record.header.outcome == "not_supported"]
    assert {record.header.request["metric"] for record in refused} == {"coverage"}
    assert all(record.body == b"null" for record in refused)


def test_what_may_heal_fails_the_fetch_while_somebody_tries_again_and_every_failure_is_named(
    store: RawStore,
) -> None:
    def answer(call: Call) -> Any:
        if call.site_id in ("s1", "s3"):
            return Unavailable("down", retry_at=1234.0)
        return summary(*window(call), metric=call.spelling)

    with pytest.raises(FetchFailedError) as caught:
        fetch_plan(plan(), healthy_cloud(sle_summary=answer), store, ORIGIN, is_tried_again=True)
    error = caught.value
    assert (error.kind, len(error.failures), error.is_transient, error.retry_at) == (
        "sle_detail",
        6,
        True,
        1234.0,
    )
    assert "detail capacity of site s1 2026-02-09" in str(error)
    assert "and 1 more" in str(error)
    assert store.newest("sle_detail", DAY) is None
    assert store.newest("sle_org", DAY) is not None
    copied = pickle.loads(pickle.dumps(error))
    assert (str(copied), copied.retry_at) == (str(error), 1234.0)


def test_the_next_attempt_asks_only_for_what_is_missing(store: RawStore) -> None:
    def answer(call: Call) -> Any:
        return Unavailable("down") if call.site_id == "s2" else summary(*window(call), metric=call.spelling)

    with pytest.raises(FetchFailedError):
        fetch_plan(plan(), healthy_cloud(sle_summary=answer), store, ORIGIN, is_tried_again=True)
    cloud = healthy_cloud()
    known = Known(spellings=known_spellings(store, NOW))
    spent = fetch_plan(
        make_plan(ask(now=NOW + timedelta(minutes=5)), known, Budget(None)), cloud, store, ORIGIN
    )
    assert {call.site_id for call in cloud.asked("sle_summary")} == {"s2"}
    assert spent.reused == 6
    assert len({record.header.key for record, _ in store.read("sle_detail", [DAY])}) == 9


@pytest.mark.parametrize(
    ("endpoint", "document", "kind"),
    [
        (
            "sle_summary",
            {"start": 0, "end": 3600, "sle": {"samples": {"total": [1], "degraded": []}}},
            "sle_detail",
        ),
        ("sle_summary", summary(epoch(DAY), epoch(DAY, 24), metric="roaming"), "sle_detail"),
        ("alarms", {"results": "none"}, "alarms"),
        ("sle_metrics", {"enabled": "all"}, "sle_detail"),
    ],
)
def test_an_answer_of_a_wrong_frame_is_never_kept_and_told(
    store: RawStore, endpoint: str, document: Any, kind: str
) -> None:
    cloud = healthy_cloud(**{endpoint: lambda _: document})
    spent = fetch_plan(plan(alarms=True), cloud, store, ORIGIN)
    assert store.newest(kind, DAY) is None
    assert store.newest("sle_org", DAY) is not None
    assert spent.shortfall.sentences(kind)


def test_all_pages_of_an_answer_are_kept(store: RawStore) -> None:
    def paged(call: Call) -> Pages:
        return Pages(
            sites_sle(*window(call), [{"site_id": site, "num_clients": 1, "capacity": 1.0}])
            for site in ("s1", "s2", "s3")
        )

    fetch_plan(plan(detail="off"), healthy_cloud(sites_sle=paged), store, ORIGIN)
    assert len([record for record, _ in store.read("sle_org", [DAY])]) == 24 * 3


def test_buckets_wider_than_an_hour_are_asked_again_in_shorter_windows(store: RawStore) -> None:
    def answer(call: Call) -> Any:
        start, end = window(call)
        wide = end - start > 86_400
        return summary(start, end, metric=call.spelling, interval=86_400 if wide else 3600)

    asked = ask(days=days(7))
    spent = fetch_plan(
        make_plan(asked, Known(), Budget(None)), healthy_cloud(sle_summary=answer), store, ORIGIN
    )
    assert spent.window_hours == 24
    assert spent.narrowed > 0
    history = read_history(store, Wanted(sites_of(asked), asked.metrics, asked.days, asked.zone))
    assert set(history.sle_hourly["state"]) == {"ok"}
    assert history.sle_daily["total_user_minutes"].to_list() == [2400.0] * 63


def test_the_window_length_that_a_cloud_allows_is_remembered(store: RawStore) -> None:
    def answer(call: Call) -> Any:
        start, end = window(call)
        return summary(start, end, metric=call.spelling, interval=86_400 if end - start > 86_400 else 3600)

    assert what_is_known(store, NOW).window_hours == 168
    asked = ask(days=days(7))
    fetch_plan(
        make_plan(asked, what_is_known(store, NOW), Budget(None)),
        healthy_cloud(sle_summary=answer),
        store,
        ORIGIN,
    )
    known = what_is_known(store, NOW + timedelta(hours=1))
    assert (known.window_hours, set(known.spellings)) == (24, {"s1", "s2", "s3"})
    again = healthy_cloud(sle_summary=answer)
    spent = fetch_plan(make_plan(asked, known, Budget(None)), again, store, ORIGIN)
    assert (len(again.asked("sle_summary")), spent.narrowed) == (7 * 9, 0)


def test_a_wide_answer_of_an_interrupted_attempt_is_narrowed_too(store: RawStore) -> None:
    def answer(call: Call) -> Any:
        start, end = window(call)
        wide = end - start > 86_400
        if not wide:
            return Unavailable("down")
        return summary(start, end, metric=call.spelling, interval=86_400)

    asked = plan(days=days(3), site_ids=("s1",), metrics=("capacity",))
    with pytest.raises(FetchFailedError):
        fetch_plan(asked, healthy_cloud(sle_summary=answer), store, ORIGIN, is_tried_again=True)
    cloud = healthy_cloud()
    fetch_plan(asked, cloud, store, ORIGIN)
    assert [window(call) for call in cloud.asked("sle_summary")] == [
        (epoch(day), epoch(day, 24)) for day in reversed(days(3))
    ]


def test_triage_takes_the_detail_of_the_sites_that_are_worst_right_now(store: RawStore) -> None:
    def scores(call: Call) -> Any:
        rows = [
            {"site_id": "s1", "num_clients": 2, "capacity": 0.1},  # bad, but hardly anybody is there
            {"site_id": "s2", "num_clients": 100, "capacity": 0.8},
            {"site_id": "s3", "num_clients": 100, "capacity": 0.99},
        ]
        return sites_sle(*window(call), rows)

    asked = make_plan(ask(detail="triage"), Known(), Budget(24 + 4))
    spent = fetch_plan(asked, healthy_cloud(sites_sle=scores), store, ORIGIN)
    assert {request.site_id for request in spent.plan.of("detail")} == {"s2"}
    assert spent.calls == 24 + 4
    assert spent.summary()["left_out"] == [
        "detail of 2 of 3 sites: 4 calls were left after the organisation's scores; newest days and worst sites first"
    ]


def test_progress_grows_to_the_end_and_never_beyond(store: RawStore) -> None:
    seen: list[tuple[int, int]] = []
    fetch_plan(plan(), healthy_cloud(), store, ORIGIN, lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == list(range(1, 24 + 9 + 3 + 1))
    assert seen[-1] == (36, 36)
    assert all(left[1] <= right[1] for left, right in pairwise(seen))


def test_live_fetches_add_up_and_never_stand_for_the_whole_day(store: RawStore) -> None:
    live = Origin("org-1", "test", lane="live")
    today = NOW.date()
    for hour, minute in ((2, 30), (3, 15)):
        now = NOW.replace(hour=hour, minute=minute)
        asked = ask(days=(today,), now=now, since=now - timedelta(hours=1), detail="off")
        fetch_plan(make_plan(asked, Known(), Budget(None)), healthy_cloud(), store, live)
    assert store.newest("sle_org", today) is None
    wanted = Wanted(sites_of(asked), METRICS, (today,), asked.zone)
    hours = read_history(store, wanted, lane="live").site_hourly["hour"].unique().sort().to_list()
    assert [hour.hour for hour in hours] == [1, 2, 3]
