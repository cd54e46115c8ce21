"""Sources degrade alone: what one of them does not say is missing and told, and the others count."""

import json
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from mist_pipeline.collect.fetch.fetcher import Spent, fetch_plan
from mist_pipeline.collect.fetch.plan import Budget, Known, make_plan
from mist_pipeline.collect.fetch.records import Origin
from mist_pipeline.collect.history.frames import Wanted, read_history
from mist_pipeline.collect.raw.errors import FetchFailedError
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.mist.endpoints import Call
from mist_pipeline.mist.errors import BadRequest, Forbidden, MistError, NotFound, NotSupported, Unavailable
from mist_pipeline.mist.page import Page, parse_json
from mist_pipeline_tests.support.collect.fake_cloud import (
    DAY,
    NOW,
    ORIGIN,
    FakeCloud,
    ask,
    epoch,
    healthy_cloud,
    sites_of,
    sites_sle,
    summary,
    window,
)

pytestmark = pytest.mark.slow

DOWN = Unavailable("the cloud is in trouble", status=500)


def fetched(store: RawStore, cloud: FakeCloud, **changes: Any) -> Spent:
    return fetch_plan(make_plan(ask(**changes), Known(), Budget(None)), cloud, store, ORIGIN)


def daily(store: RawStore, **changes: Any) -> dict[tuple[str, str], str]:
    """State of the day by site and metric."""
    asked = ask(**changes)
    rows = read_history(store, Wanted(sites_of(asked), asked.metrics, asked.days, asked.zone)).sle_daily
    return {(site, metric): state for site, metric, state in rows.select("site_id", "metric", "state").rows()}


def failing(where: str, error: MistError) -> Any:
    """A detail that fails at a site, or for a metric."""

    def answer(call: Call) -> Any:
        return (
            error if where in (call.site_id, call.spelling) else summary(*window(call), metric=call.spelling)
        )

    return answer


def no_scores(call: Call) -> Any:
    return sites_sle(*window(call), [])


@pytest.mark.parametrize("error", [DOWN, Forbidden("no"), NotFound("no")])
def test_alarms_that_are_not_answered_cost_the_alarms_alone(store: RawStore, error: MistError) -> None:
    spent = fetched(store, healthy_cloud(alarms=lambda _: error), alarms=True)
    assert set(spent.days) == {"sle_org", "sle_detail"}
    assert set(daily(store).values()) == {"ok"}
    [sentence] = spent.shortfall.sentences("alarms")
    assert sentence.startswith("1 request has no answer: alarms 2026-02-09: ")
    assert spent.summary()["unanswered"] == {"alarms": 1}


def test_a_log_that_the_token_may_not_read_is_no_warning_of_every_fetch_and_one_that_failed_is(
    store: RawStore,
) -> None:
    spent = fetched(
        store, healthy_cloud(audit_logs=lambda _: Forbidden("not yours", status=403)), changes=True
    )
    assert (spent.shortfall.everything(), spent.summary()["not_allowed"]) == ([], ["changes"])
    assert "changes" not in spent.days
    again = fetched(store, healthy_cloud(audit_logs=lambda _: DOWN), changes=True)
    assert len(again.shortfall.sentences("changes")) == 1


def test_one_odd_alarm_takes_neither_the_other_alarms_nor_the_scores_along(store: RawStore) -> None:
    alarms = [{"id": f"a{number}", "timestamp": epoch(DAY, 3), "count": -1} for number in range(3)]
    document = {"results": [*alarms, {"count": 1}], "next": None}
    spent = fetched(store, healthy_cloud(alarms=lambda _: document), alarms=True)
    assert set(spent.days) == {"alarms", "sle_org", "sle_detail"}
    assert spent.summary()["set_aside"] == {"alarms": 1}
    assert spent.summary()["fields_emptied"] == {"alarms": 3}
    [sentence] = spent.shortfall.sentences("alarms")
    assert sentence.startswith(
        "1 row or reading was set aside and is missing: alarms: results[3].id: an id of "
    )


@pytest.mark.parametrize("error", [Forbidden("not yours", status=403), DOWN])
def test_a_site_that_answers_403_or_500_is_missing_and_the_others_are_there(
    store: RawStore, error: MistError
) -> None:
    cloud = healthy_cloud(sle_summary=failing("s2", error), sites_sle=no_scores)
    spent = fetched(store, cloud)
    states = daily(store)
    assert {state for (site, _), state in states.items() if site != "s2"} == {"ok"}
    assert {state for (site, _), state in states.items() if site == "s2"} == {"missing"}
    [sentence] = spent.shortfall.sentences("sle_detail")
    assert "3 requests have no answer: detail capacity of site s2 2026-02-09: " in sentence


def test_one_metric_of_one_site_that_fails_is_missing_and_falls_back_to_its_score(store: RawStore) -> None:
    def answer(call: Call) -> Any:
        is_it = (call.site_id, call.spelling) == ("s1", "coverage")
        return DOWN if is_it else summary(*window(call), metric=call.spelling)

    fetched(store, healthy_cloud(sle_summary=answer, sites_sle=no_scores))
    assert {key for key, state in daily(store).items() if state != "ok"} == {("s1", "coverage")}
    fetched(store, healthy_cloud(sle_summary=answer))
    asked = ask()
    rows = read_history(store, Wanted(sites_of(asked), asked.metrics, asked.days, asked.zone)).sle_daily
    row = rows.filter(pl.col("site_id") == "s1", pl.col("metric") == "coverage").row(0, named=True)
    assert (row["state"], row["score_pct"], row["total_user_minutes"]) == ("ok", pytest.approx(95.0), None)


@pytest.mark.parametrize("when", ["before its metrics are asked", "after its metrics were asked"])
@pytest.mark.parametrize("refusal", [NotSupported("no such site", status=404), BadRequest("no", status=400)])
def test_a_site_that_vanishes_between_two_calls_is_missing_and_not_one_without_metrics(
    store: RawStore, when: str, refusal: MistError
) -> None:
    asked_before: set[str] = set()

    def metrics(call: Call) -> Any:
        is_gone = call.site_id == "s2" and ("before" in when or "s2" in asked_before)
        asked_before.add(call.site_id)
        return NotFound("gone", status=404) if is_gone else {"enabled": ["capacity", "coverage", "ap-health"]}

    cloud = healthy_cloud(sle_metrics=metrics, sle_summary=failing("s2", refusal), sites_sle=no_scores)
    spent = fetched(store, cloud)
    states = daily(store)
    assert {state for (site, _), state in states.items() if site == "s2"} == {"missing"}
    assert {state for (site, _), state in states.items() if site != "s2"} == {"ok"}
    assert "site s2" in spent.shortfall.sentences("sle_detail")[0]
    assert spent.not_supported == 0


def test_a_site_that_is_there_and_refuses_a_metric_does_not_have_it(store: RawStore) -> None:
    cloud = healthy_cloud(
        sle_summary=failing("coverage", NotSupported("no", status=404)), sites_sle=no_scores
    )
    spent = fetched(store, cloud)
    assert {metric: state for (_, metric), state in daily(store).items()} == {
        "capacity": "ok",
        "ap-health": "ok",
        "coverage": "not_supported",
    }
    assert spent.shortfall.sentences("sle_detail") == []


def test_some_hours_without_scores_are_missing_and_told_and_the_others_count(store: RawStore) -> None:
    usual = healthy_cloud().answers["sites_sle"]

    def scores(call: Call) -> Any:
        return DOWN if int(call.params["start"]) < epoch(DAY, 5) else usual(call)

    spent = fetched(store, healthy_cloud(sites_sle=scores), detail="off")
    asked = ask()
    rows = read_history(store, Wanted(sites_of(asked), asked.metrics, asked.days, asked.zone)).sle_hourly
    states = rows.filter(pl.col("site_id") == "s1", pl.col("metric") == "capacity").sort("hour")["state"]
    assert states.to_list() == ["missing"] * 5 + ["ok"] * 19
    assert spent.summary()["unanswered"] == {"sle_org": 5}


def test_without_most_of_the_scores_a_fetch_fails(store: RawStore) -> None:
    usual = healthy_cloud().answers["sites_sle"]

    def scores(call: Call) -> Any:
        return Forbidden("no") if int(call.params["start"]) < epoch(DAY, 13) else usual(call)

    with pytest.raises(FetchFailedError, match="13 requests of sle_org failed"):
        fetched(store, healthy_cloud(sites_sle=scores), detail="off")
    assert store.newest("sle_org", DAY) is None


def test_a_failure_that_cannot_heal_does_not_wait_for_another_attempt(store: RawStore) -> None:
    cloud = healthy_cloud(sle_summary=failing("s2", Forbidden("no")))
    plan = make_plan(ask(), Known(), Budget(None))
    spent = fetch_plan(plan, cloud, store, ORIGIN, is_tried_again=True)
    assert spent.summary()["unanswered"] == {"sle_detail": 3}


def test_half_a_day_does_not_stand_for_the_day_because_the_whole_one_lacks_something(store: RawStore) -> None:
    fetched(store, healthy_cloud(), now=NOW - timedelta(hours=18))
    fetched(store, healthy_cloud(sle_summary=failing("s2", DOWN)))
    manifest = store.newest("sle_detail", DAY)
    assert manifest is not None
    assert manifest.as_of == NOW


def test_a_poor_second_fetch_does_not_replace_a_good_first_one(store: RawStore) -> None:
    fetched(store, healthy_cloud())
    first = store.newest("sle_detail", DAY)
    down = healthy_cloud(
        sle_summary=lambda call: (
            DOWN if call.site_id != "s1" else summary(*window(call), metric=call.spelling)
        )
    )
    spent = fetched(store, down, now=NOW + timedelta(hours=30))
    assert store.newest("sle_detail", DAY) == first
    assert "sle_detail" not in spent.days
    assert "The answers of an earlier fetch are kept." in spent.shortfall.sentences("sle_detail")[0]


def test_a_retry_asks_again_for_what_was_not_answered(store: RawStore) -> None:
    fetched(store, healthy_cloud(sle_summary=failing("s2", DOWN), sites_sle=no_scores))
    assert daily(store)["s2", "capacity"] == "missing"
    fetched(store, healthy_cloud(sites_sle=no_scores), now=NOW + timedelta(minutes=30))
    assert set(daily(store).values()) == {"ok"}


def test_a_live_poll_goes_on_without_alarms_and_detail(store: RawStore) -> None:
    live = Origin("org-1", "test", lane="live")
    now = datetime.fromtimestamp(epoch(DAY, 3), NOW.tzinfo)
    asked = ask(now=now, since=now - timedelta(minutes=30), alarms=True)
    cloud = healthy_cloud(alarms=lambda _: DOWN, sle_metrics=lambda _: DOWN)
    spent = fetch_plan(make_plan(asked, Known(), Budget(None)), cloud, store, live)
    assert list(spent.days) == ["live_sle_org"]
    assert set(spent.summary()["unanswered"]) == {"live_alarms", "live_sle_detail"}  # type: ignore[arg-type]
    history = read_history(store, Wanted(sites_of(asked), asked.metrics, (DAY,), asked.zone), lane="live")
    assert set(history.sle_hourly["state"]) == {"ok"}


ODD = ["x", "", -1, 1e300, 10**400, float("nan"), float("inf"), None, [], {}, [None], "\ud800", True, 107]


class Wire(FakeCloud):
    """Sends its documents as bytes, as a cloud does."""

    def _page(self, call: Call, number: int, document: Any) -> Page:
        body = json.dumps(document).encode()
        return Page(call, number, self.now, self.now, f"{call.path}?page={number}", body, parse_json(body))


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:12])
@pytest.mark.parametrize(
    "place",
    [
        ("sle", "samples", "total", 5),
        ("sle", "samples", "degraded", 5),
        ("sle", "samples", "value", 5),
        ("sle", "samples", "total"),
        ("sle", "y_label"),
        ("sle", "name"),
        ("start",),
        ("impact", "num_users"),
        ("classifiers", 0, "samples", "degraded", 5),
        ("classifiers", 0, "name"),
        ("classifiers", 0),
        ("events",),
    ],
    ids=lambda place: ".".join(map(str, place)),
)
def test_one_odd_detail_costs_no_other_site_and_is_never_better_than_it_was(
    store: RawStore, place: tuple[Any, ...], value: Any
) -> None:
    def answer(call: Call) -> Any:
        document = summary(*window(call), metric=call.spelling, classifiers={"capacity-issue": 5.0})
        if call.site_id == "s2":
            target: Any = document
            for step in place[:-1]:
                target = target[step]
            target[place[-1]] = value
        return document

    cloud = Wire(healthy_cloud(sle_summary=answer, sites_sle=no_scores).answers)
    changes = {"site_ids": ("s1", "s2"), "metrics": ("capacity",)}
    fetched(store, cloud, **changes)
    asked = ask(**changes)
    history = read_history(store, Wanted(sites_of(asked), asked.metrics, asked.days, asked.zone))
    hourly = history.sle_hourly.sort("site_id", "hour")
    sound = hourly.filter(pl.col("site_id") == "s1")
    assert (sound["state"].to_list(), sound["score_pct"].to_list()) == (["ok"] * 24, [90.0] * 24)
    odd = hourly.filter(pl.col("site_id") == "s2")
    assert set(odd["state"]) <= {"ok", "missing", "no_users"}
    assert odd.filter(pl.col("state") == "ok")["score_pct"].is_between(0.0, 100.0).all()
    if place[:2] == ("sle", "samples") and len(place) == 4 and place[2] != "value" and value != 107:
        assert odd["state"][5] == "missing"
        assert odd["score_pct"].to_list()[:5] == [90.0] * 5
    classifiers = history.classifiers_hourly.filter(pl.col("site_id") == "s1")
    assert classifiers.height == 24
