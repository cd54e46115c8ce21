from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.collect.fetch.plan import Ask, Budget, Detail, Known, make_plan
from mist_pipeline.domain.metrics import CATALOGUE, in_groups
from mist_pipeline_tests.support.collect.fake_cloud import DAY, METRICS, NOW, UTC_ZONE, ask, days

WIFI = tuple(metric.name for metric in in_groups(["wifi"]))


def many(count: int) -> tuple[str, ...]:
    return tuple(f"s{number:04}" for number in range(count))


def knowing(sites: tuple[str, ...], **changes: Any) -> Known:
    """Every site has every metric."""
    return Known(spellings={site: {name: name for name in CATALOGUE} for site in sites}, **changes)


@pytest.mark.parametrize(
    ("sites", "num_days", "budget", "strategy", "calls"),
    [
        (24, 45, 4000, "full", 45 * 24 + 24 * 8 * 7),  # a backfill of a small organisation fits an hour
        (24, 1, 4000, "full", 24 + 24 * 8),
        (24, 45, 2000, "detail", None),  # detail of everything, counts of the newest days
        (3000, 1, 4000, "triage", 72),  # 72 calls for everybody, the rest worst first
        (3000, 45, 4000, "triage", 72 * 45),
        (5, 45, 100, "detail", 5 * 8 * 7),  # neither fits: the cheaper one waits
    ],
)
def test_auto_takes_the_best_plan_that_the_budget_allows(
    sites: int, num_days: int, budget: int, strategy: str, calls: int | None
) -> None:
    asked = ask(site_ids=many(sites), metrics=WIFI, days=days(num_days), detail="auto")
    plan = make_plan(asked, knowing(asked.site_ids), Budget(budget))
    assert plan.strategy == strategy
    if calls is not None:
        assert plan.cost == calls


def test_counts_of_the_newest_days_are_kept_when_calls_run_short() -> None:
    asked = ask(site_ids=many(24), metrics=WIFI, days=days(45), detail="auto")
    plan = make_plan(asked, knowing(asked.site_ids), Budget(2000))
    counted = {day for request in plan.of("organisation") for day in request.days}
    assert counted == set(days((2000 - 24 * 8 * 7) // 24))
    assert [item.what for item in plan.left_out] == [f"clients by hour on {45 - len(counted)} days"]


@pytest.mark.slow
def test_full_asks_everything_however_long_it_waits() -> None:
    asked = ask(site_ids=many(3000), metrics=WIFI, detail="full")
    plan = make_plan(asked, knowing(asked.site_ids), Budget(4000, per_hour=4000))
    assert plan.cost == 72 + 3000 * 8
    assert plan.wait_hours == pytest.approx((plan.cost - 4000) / 4000)
    assert plan.left_out == ()


def test_triage_spends_what_is_left_on_whole_sites_worst_first() -> None:
    asked = ask(site_ids=many(100), metrics=WIFI, detail="triage", worst_first=("s0042", "gone", "s0007"))
    plan = make_plan(asked, knowing(asked.site_ids), Budget(24 + 3 * 8 + 7)).deepen(["s0099"])
    detailed = [request.site_id for request in plan.of("detail")]
    assert list(dict.fromkeys(detailed)) == ["s0042", "s0007", "s0099"]
    assert all(detailed.count(site) == 8 for site in detailed)
    assert plan.left_out[0].what == "detail of 97 of 100 sites"


def test_triage_waits_for_the_scores_before_it_chooses() -> None:
    asked = ask(site_ids=many(100), metrics=WIFI, detail="triage")
    plan = make_plan(asked, knowing(asked.site_ids), Budget(24 + 16))
    assert (plan.spare, plan.of("detail")) == (16, ())
    deeper = plan.deepen(["s0099"])
    assert {request.site_id for request in deeper.of("detail")} == {"s0099", "s0000"}
    assert deeper.spare == 0


def test_triage_of_weeks_takes_the_newest_of_all_sites_before_older_ones_of_any() -> None:
    asked = ask(site_ids=many(10), metrics=WIFI, detail="triage", days=days(21))
    scores = make_plan(replace(asked, detail="off"), knowing(asked.site_ids), Budget(None)).cost
    plan = make_plan(asked, knowing(asked.site_ids), Budget(scores + 12 * 8 + 7)).deepen(["s0009"])
    starts = {}
    for request in plan.of("detail"):
        starts.setdefault(request.start, []).append(request.site_id)
    newest, before = sorted(starts, reverse=True)
    assert set(starts[newest]) == set(asked.site_ids)
    assert list(dict.fromkeys(starts[before])) == ["s0009", "s0000"]
    assert plan.left_out[0].what == "detail of 18 of 30 windows of sites"


def test_deepening_leaves_other_plans_alone() -> None:
    plan = make_plan(ask(), Known(), Budget(None))
    assert plan.deepen(["s1"]) is plan


def test_off_asks_the_organisation_alone_and_says_what_is_missing() -> None:
    plan = make_plan(ask(detail="off"), Known(), Budget(1))
    assert plan.strategy == "organisation"
    assert not plan.of("detail")
    assert "detail is switched off" in plan.left_out[0].why


@pytest.mark.parametrize(
    ("metrics", "groups"),
    [
        (("capacity",), ["wifi"]),
        (("wan-link-health", "capacity"), ["wifi", "wan"]),
        (("switch-health",), ["wired"]),
    ],
)
def test_triage_asks_one_organisation_call_an_hour_for_each_group(
    metrics: tuple[str, ...], groups: list[str]
) -> None:
    plan = make_plan(ask(metrics=metrics, detail="off"), Known(), Budget(None))
    assert len(plan.of("organisation")) == 24 * len(groups)
    assert list(dict.fromkeys(request.group for request in plan.of("organisation"))) == groups


def test_a_metric_that_a_site_does_not_have_costs_nothing_but_leaves_its_trace() -> None:
    known = Known(
        spellings={site: {**dict.fromkeys(METRICS, "x"), "coverage": None} for site in ("s1", "s2", "s3")}
    )
    plan = make_plan(ask(), known, Budget(None))
    assert sum(request.cost for request in plan.of("detail")) == 6
    assert len(plan.of("detail")) == 9


def test_a_site_without_any_known_metric_is_not_asked_for_detail() -> None:
    known = Known(spellings={"s1": dict.fromkeys(METRICS)})
    plan = make_plan(ask(site_ids=("s1",)), known, Budget(None))
    assert sum(request.cost for request in plan.of("detail")) == 0


def test_sites_of_unknown_metrics_are_asked_first_at_one_call_each() -> None:
    plan = make_plan(ask(), knowing(("s2",)), Budget(None))
    assert plan.discover == ("s1", "s3")
    assert plan.cost == 24 + 9 + 2


def test_the_future_is_never_planned_and_the_running_hour_ends_now() -> None:
    now = NOW.replace(hour=5, minute=30)
    asked = ask(days=(DAY, DAY + timedelta(days=1), DAY + timedelta(days=2)), now=now, alarms=True)
    plan = make_plan(asked, Known(), Budget(None))
    assert max(request.end for request in plan.requests) == int(now.timestamp())
    assert [item.what for item in plan.left_out] == ["2026-02-11"]
    assert len(plan.of("organisation")) == 24 + 6


def test_alarms_are_asked_a_day_at_a_time() -> None:
    plan = make_plan(ask(days=days(5), alarms=True), Known(), Budget(None))
    assert [request.days for request in plan.of("alarms")] == [(day,) for day in days(5)]


def test_detail_is_asked_newest_first_so_that_the_first_answers_tell_about_this_cloud() -> None:
    plan = make_plan(ask(days=days(20)), Known(), Budget(None))
    assert [request.start for request in plan.of("detail")] == sorted(
        (request.start for request in plan.of("detail")), reverse=True
    )


def test_an_organisation_without_sites_needs_no_calls() -> None:
    plan = make_plan(ask(site_ids=()), Known(), Budget(10))
    assert (plan.cost, plan.requests) == (0, ())
    assert plan.summary()["days"] == []


def test_the_summary_says_planned_left_out_and_waiting() -> None:
    asked = ask(site_ids=many(3000), metrics=WIFI, detail="auto", worst_first=("s0001",))
    summary = make_plan(asked, knowing(asked.site_ids), Budget(100, per_hour=100)).deepen(()).summary()
    assert summary["strategy"] == "triage"
    assert summary["calls_by_purpose"] == {
        "organisation": 72,
        "detail": 24,
        "alarms": 0,
        "changes": 0,
        "discovery": 0,
    }
    assert summary["num_sites_detailed"] == 3
    assert summary["left_out"] == [
        (
            "detail of 2,997 of 3,000 sites: 28 calls were left after the organisation's scores; "
            "newest days and worst sites first"
        )
    ]
    assert summary["wait_hours"] == 0.0
    assert summary["wait_hours_in_full"] == pytest.approx(239.72)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metrics": ("capactiy",)}, "capactiy"),
        ({"now": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001 - the point
        ({"since": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001
    ],
)
def test_an_impossible_wish_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ask(**changes)


@pytest.mark.slow
@given(
    sites=st.integers(0, 1200),
    metrics=st.sets(st.sampled_from(sorted(CATALOGUE)), min_size=1),
    first=st.dates(date(2026, 1, 1), date(2026, 12, 1)),
    count=st.integers(1, 12),
    hours=st.integers(0, 400),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"]),
    detail=st.sampled_from(get_args(Detail)),
    calls=st.one_of(st.none(), st.integers(0, 20_000)),
    unknown=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_a_plan_asks_nothing_twice_nothing_of_the_future_and_keeps_to_its_budget(
    sites: int,
    metrics: set[str],
    first: date,
    count: int,
    hours: int,
    zone: str,
    detail: Detail,
    calls: int | None,
    unknown: bool,
) -> None:
    now = datetime(first.year, first.month, first.day, tzinfo=UTC) + timedelta(hours=hours)
    asked = Ask(
        many(sites),
        tuple(sorted(metrics)),
        tuple(first + timedelta(days=offset) for offset in range(count)),
        ZoneInfo(zone),
        now,
        detail=detail,
    )
    known = Known() if unknown else knowing(asked.site_ids)
    plan = make_plan(asked, known, Budget(calls))
    assert len({request.key for request in plan.requests}) == len(plan.requests)
    assert all(request.end <= asked.now_epoch for request in plan.requests)
    assert {day for request in plan.requests for day in request.days} <= set(asked.days)
    deeper = plan.deepen(asked.site_ids[::-1])
    needed = make_plan(replace(asked, detail="off"), known, Budget(None)).cost
    if detail == "auto" and calls is not None and needed <= calls:
        assert deeper.cost <= calls
        assert deeper.wait_hours == 0
    if detail == "full" and sites and plan.requests:
        assert {request.site_id for request in plan.of("detail")} == set(asked.site_ids)


def test_the_same_question_has_the_same_key_in_every_run() -> None:
    first = make_plan(ask(), Known(), Budget(None))
    later = make_plan(ask(now=NOW + timedelta(hours=3)), knowing(("s1",)), Budget(None))
    assert {request.key for request in first.requests} == {request.key for request in later.requests}


def test_every_zone_is_the_organisations() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    plan = make_plan(ask(zone=berlin, days=(date(2025, 10, 26),)), Known(), Budget(None))
    assert len(plan.of("organisation")) == 25
    assert plan.of("detail")[0].end - plan.of("detail")[0].start == 25 * 3600
    assert berlin != UTC_ZONE
