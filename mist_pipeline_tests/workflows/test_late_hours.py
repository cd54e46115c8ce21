"""Hours that the cloud left out are known by their neighbours, asked for again, and replace what stood in for them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mist_pipeline.collect.fetch.again import ask_again, questions
from mist_pipeline.collect.fetch.fetcher import fetch_plan
from mist_pipeline.collect.fetch.plan import Budget, Known, make_plan
from mist_pipeline.collect.fetch.spellings import what_is_known
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.defs.checks.history import days_with_gaps
from mist_pipeline.mist.endpoints import Call
from mist_pipeline.mist.errors import Unavailable
from mist_pipeline.settings import load_settings
from mist_pipeline.tables import history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.collection.history import write_service_levels
from mist_pipeline.workflows.collection.late_hours import lacking_hours
from mist_pipeline.workflows.progress import silent
from mist_pipeline_tests.support.collect.fake_cloud import (
    DAY,
    NOW,
    ORIGIN,
    UTC_ZONE,
    FakeCloud,
    ask,
    days,
    healthy_cloud,
    sites_sle,
    summary,
    window,
)
from mist_pipeline_tests.support.defs.rows import frame, row

pytestmark = pytest.mark.slow

SITES, METRICS = ("s1", "s2", "s3", "s4"), ("capacity", "coverage")
MIDNIGHT = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
History = Callable[[], dict[str, tuple[Any, ...]]]
Cell = tuple[int, int, str, str]
"""Day (0 = DAY, 1 = the day before …), hour, site, metric."""


@pytest.fixture
def store(tmp_path: Path) -> RawStore:
    return RawStore(tmp_path / "raw")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return Warehouse(tmp_path_factory.mktemp("late") / "warehouse.duckdb")


def put(
    warehouse: Warehouse,
    gone: Callable[[Cell], bool],
    backs: tuple[int, ...] = (0, 1, 7),
    is_known: Callable[[Cell], bool] = lambda _: True,
    **of_day: Any,
) -> None:
    """Days in which everything is there but for these cells."""
    hours, daily = [], []
    for back in backs:
        day = DAY - timedelta(days=back)
        for site in SITES:
            for metric in METRICS:
                if not is_known((back, 0, site, metric)):
                    continue
                states = ["missing" if gone((back, hour, site, metric)) else "ok" for hour in range(24)]
                for hour, state in enumerate(states):
                    known = {"score_pct": 50.0, "total_user_minutes": 60.0} if state == "ok" else {}
                    values = {"score_pct": None, "total_user_minutes": None, **known, "state": state}
                    at = MIDNIGHT - timedelta(days=back) + timedelta(hours=hour)
                    hours.append(
                        row(history.SLE_HOURLY, hour=at, site_id=site, metric=metric, day=day, **values)
                    )
                covered = states.count("ok")
                state = "ok" if covered else "missing"
                score = 50.0 if covered else None
                values = {"hours_covered": covered, "state": state, "score_pct": score, **of_day}
                daily.append(row(day=day, site_id=site, metric=metric, **values))
    frames = {history.SLE_HOURLY: frame(*hours, table=history.SLE_HOURLY), history.SLE_DAILY: frame(*daily)}
    warehouse.replace_all(frames, days(8))


def nothing(_: Cell) -> bool:
    return False


GONE: dict[str, tuple[Callable[[Cell], bool], int]] = {
    "nothing": (nothing, 0),
    "half a day of one series": (lambda c: c[0] == 0 and c[1] >= 12 and c[2:] == ("s1", "coverage"), 12),
    "half a day of one site": (lambda c: c[0] == 0 and c[1] >= 12 and c[2] == "s1", 24),
    "half a day of the whole organisation": (lambda c: c[0] == 0 and c[1] >= 12, 96),
    "a whole day of one site": (lambda c: c[0] == 0 and c[2] == "s1", 48),
    "a whole day of everybody": (lambda c: c[0] == 0, 192),
    "nights at which nobody ever speaks": (lambda c: c[1] < 6, 0),
    "nights at which one site never speaks": (lambda c: c[1] < 6 and c[2] == "s1", 0),
    "a second day of trouble": (lambda c: c[0] < 2 and c[1] >= 12, 96),
    "a site that has been gone for more than a week": (lambda c: c[2] == "s1", 0),
    "an hour of the day before": (lambda c: c[:3] == (1, 5, "s1"), 0),
}


@pytest.mark.parametrize(("gone", "expected"), GONE.values(), ids=GONE)
def test_an_hour_is_lacking_if_its_neighbours_are_there(
    warehouse: Warehouse, gone: Callable[[Cell], bool], expected: int
) -> None:
    put(warehouse, gone)
    assert lacking_hours(warehouse, DAY, DAY).height == expected


FIRST_DAY: dict[str, tuple[Callable[[Cell], bool], int]] = {
    "an hour of one series": (lambda c: c[1:] == (5, "s1", "capacity"), 1),
    "half a day of everybody": (lambda c: c[1] >= 12, 96),
    "the other half": (lambda c: c[1] < 12, 96),
    "a site that never spoke": (lambda c: c[2] == "s1", 0),
}


@pytest.mark.parametrize(("gone", "expected"), FIRST_DAY.values(), ids=FIRST_DAY)
def test_on_the_first_day_the_neighbours_are_the_other_hours(
    warehouse: Warehouse, gone: Callable[[Cell], bool], expected: int
) -> None:
    put(warehouse, gone, backs=(0,))
    assert lacking_hours(warehouse, DAY, DAY).height == expected


@pytest.mark.parametrize(("gone", "expected"), [(range(12), 0), (range(12, 24), 24)])
def test_before_its_first_word_a_new_site_lacks_nothing(
    warehouse: Warehouse, gone: range, expected: int
) -> None:
    put(
        warehouse,
        lambda c: c[2] == "s1" and c[1] in gone,
        is_known=lambda c: c[2] != "s1" or c[0] == 0,
    )
    assert lacking_hours(warehouse, DAY, DAY).height == expected


def test_hours_of_wide_buckets_are_not_lacking(warehouse: Warehouse) -> None:
    put(warehouse, lambda c: c[0] == 0 and c[2] == "s1", hours_covered=24, state="ok", score_pct=50.0)
    assert lacking_hours(warehouse, DAY, DAY).is_empty()


def test_half_a_day_is_told_in_numbers(warehouse: Warehouse) -> None:
    put(warehouse, lambda c: c[0] == 0 and c[1] >= 12)
    [gap] = days_with_gaps(warehouse, DAY - timedelta(days=2), DAY)
    assert str(gap) == (
        f"{DAY}: 96 of 192 hours are missing although their neighbours are there (50%); "
        "they are asked for again on the next mornings"
    )


def lack(*cells: Cell, is_estimate: bool = False) -> pl.DataFrame:
    rows = [
        (
            DAY - timedelta(days=back),
            int((MIDNIGHT - timedelta(days=back) + timedelta(hours=hour)).timestamp()),
            site,
            metric,
            is_estimate,
        )
        for back, hour, site, metric in cells
    ]
    schema = {
        "day": pl.Date,
        "slot": pl.Int64,
        "site_id": pl.String,
        "metric": pl.String,
        "is_estimate": pl.Boolean,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_the_hours_of_a_series_are_one_question_about_whole_days() -> None:
    lacking = lack((2, 5, "s1", "capacity"), (0, 6, "s1", "capacity"), (0, 7, "s2", "capacity"))
    first, second = questions(lacking, UTC_ZONE, 4, None)
    assert (first.request.site_id, first.request.days, len(first.slots)) == ("s1", days(3), 2)
    assert (second.request.site_id, second.request.days) == ("s2", (DAY,))
    assert second.request.end - second.request.start == 86_400


def test_scores_of_all_sites_are_one_question_an_hour_and_cost_their_pages() -> None:
    cells = [(0, hour, site, metric) for hour in (3, 4) for site in SITES for metric in METRICS]
    found = questions(lack(*cells, is_estimate=True), UTC_ZONE, 2_500, None)
    assert [(one.request.purpose, one.request.group, one.request.cost) for one in found] == [
        ("organisation", "wifi", 3)
    ] * 2
    assert found[0].site_ids == set(SITES)


def test_what_brings_most_hours_a_call_is_asked_first_and_the_calls_are_kept() -> None:
    cells = [(0, hour, f"s{site}", "capacity") for site in range(1, 5) for hour in range(site)]
    assert [one.request.site_id for one in questions(lack(*cells), UTC_ZONE, 4, 2)] == ["s4", "s3"]
    assert questions(lack(*cells), UTC_ZONE, 4, 0) == []


SPELLINGS = {site: {metric: metric for metric in METRICS} for site in SITES}
KNOWN = Known(window_hours=72, spellings=SPELLINGS)


def detail_only(answer: Any) -> FakeCloud:
    """A cloud that has no scores of the organisation, so that nothing stands in for the detail."""
    return healthy_cloud(sle_summary=answer, sites_sle=lambda call: sites_sle(*window(call), []))


def collected(store: RawStore, cloud: FakeCloud) -> None:
    asked = ask(site_ids=SITES[:2], metrics=METRICS)
    plan = make_plan(asked, KNOWN, Budget(None))
    fetch_plan(plan, cloud, store, ORIGIN)


def half(call: Call) -> dict[str, Any]:
    """What the cloud knows at night: of site s1 the morning only."""
    total: list[float | None] = [100.0] * 24
    if call.site_id == "s1":
        total[12:] = [None] * 12
    return summary(*window(call), metric=call.spelling, total=total, degraded=[10.0] * 24)


def corrected(call: Call) -> dict[str, Any]:
    """What it knows later: the afternoon, and an hour of the morning that it had wrong."""
    degraded: list[float | None] = [50.0, *[10.0] * 11, *[20.0] * 12]
    return summary(*window(call), metric=call.spelling, total=[100.0] * 24, degraded=degraded)


def silent_now(call: Call) -> dict[str, Any]:
    """What it knows when its data is too old for hours."""
    return summary(*window(call), metric=call.spelling, total=[None] * 24, degraded=[None] * 24)


@pytest.fixture
def rows(store: RawStore, tmp_path: Path) -> History:
    """Makes history of the raw files, and says of s1 what its day stands on."""
    settings = load_settings(environment={})
    target = Warehouse(tmp_path / "warehouse.duckdb")
    sites = [row(history.SITES, site_id=site, day=DAY) for site in SITES[:2]]
    target.replace_days(history.SITES, frame(*sites, table=history.SITES), [DAY])

    def made() -> dict[str, tuple[Any, ...]]:
        write_service_levels(target, store, settings, [DAY], silent)
        found = target.query(
            "SELECT metric, hours_covered, total_user_minutes, score_pct FROM history.sle_daily "
            "WHERE site_id = 's1' AND metric IN ('capacity', 'coverage')"
        )
        return {metric: tuple(rest) for metric, *rest in found.iter_rows()}

    return made


AFTERNOON = lack(*((0, hour, "s1", metric) for hour in range(12, 24) for metric in METRICS))


def again(store: RawStore, cloud: FakeCloud) -> Any:
    wanted = questions(AFTERNOON, UTC_ZONE, 2, None)
    return ask_again(wanted, cloud, store, ORIGIN, KNOWN, NOW + timedelta(days=1))


def test_a_late_answer_replaces_half_a_day_and_what_was_wrong(store: RawStore, rows: History) -> None:
    collected(store, detail_only(half))
    assert rows() == dict.fromkeys(METRICS, (12, 1200.0, 90.0))
    later = healthy_cloud(sle_summary=corrected)
    brought = again(store, later)
    assert [call.site_id for call in later.calls] == ["s1", "s1"]
    assert (brought.asked, brought.useful, brought.failed) == (2, 2, 0)
    assert brought.days == {"sle_detail": [DAY]}
    assert what_is_known(store, NOW).window_hours == 72
    assert rows() == dict.fromkeys(METRICS, (24, 2400.0, pytest.approx(100 - (50 + 110 + 240) / 24)))


NO_NEWS: dict[str, Any] = {
    "nothing new": half,
    "older than the cloud remembers": silent_now,
    "an error": lambda _: Unavailable("down"),
    "no document": lambda _: {"sle": []},
    "buckets of a day": lambda call: summary(*window(call), metric=call.spelling, interval=86_400),
}


@pytest.mark.parametrize("answer", NO_NEWS.values(), ids=NO_NEWS)
def test_an_answer_without_news_changes_nothing(store: RawStore, rows: History, answer: Any) -> None:
    collected(store, detail_only(half))
    before, files = rows(), sorted(store.root.rglob("*.gz"))
    brought = again(store, healthy_cloud(sle_summary=answer))
    assert (brought.useful, brought.days) == (0, {})
    assert sorted(store.root.rglob("*.gz")) == files
    assert rows() == before


def test_an_hour_that_was_known_is_not_lost_when_it_is_asked_again(store: RawStore, rows: History) -> None:
    collected(store, detail_only(half))

    def afternoon_only(call: Call) -> dict[str, Any]:
        total: list[float | None] = [*[None] * 12, *[100.0] * 12]
        return summary(*window(call), metric=call.spelling, total=total, degraded=[10.0] * 24)

    again(store, healthy_cloud(sle_summary=afternoon_only))
    assert rows() == dict.fromkeys(METRICS, (24, 2400.0, 90.0))


def test_scores_of_the_organisation_are_asked_again_by_the_hour(store: RawStore) -> None:
    cells = [(0, 5, site, "capacity") for site in SITES[:2]]
    cloud = healthy_cloud()
    brought = ask_again(
        questions(lack(*cells, is_estimate=True), UTC_ZONE, 2, None), cloud, store, ORIGIN, KNOWN, NOW
    )
    assert [call.endpoint for call in cloud.calls] == ["sites_sle"]
    assert brought.days == {"sle_org": [DAY]}
    [(record, _)] = store.read("sle_org", [DAY])
    assert record.header.request["group"] == "wifi"


def test_a_site_whose_metrics_have_no_known_names_is_not_asked(store: RawStore) -> None:
    cloud = healthy_cloud()
    brought = ask_again(questions(AFTERNOON, UTC_ZONE, 2, None), cloud, store, ORIGIN, Known(), NOW)
    assert (brought.asked, cloud.calls) == (0, [])
