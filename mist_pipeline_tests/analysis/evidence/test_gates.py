"""From evidence to what deserves attention: gates, corroboration, credit from peers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from mist_pipeline.analysis.evidence.gates import GATES, NotableOptions, levels, notable
from mist_pipeline.tables.analysis import EVIDENCE

FAMILIES = {"coverage": "radio", "capacity": "radio", "time-to-connect": "connect"}
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def row(**changes: Any) -> dict[str, Any]:
    """One clearly bad hour of coverage, which one classifier explains."""
    observed = changes.get("observed_pct", 45.0)
    return {
        "hour": NOON,
        "site_id": "a",
        "metric": "coverage",
        "classifier": "weak-signal",
        "window_hours": 1,
        "day": NOON.date(),
        "excess_user_minutes": 1_000.0,
        "excess_pct": observed - 5.0,
        "surprise": 12.0,
        "is_estimated": False,
        "observed_pct": observed,
        "expected_pct": 5.0,
        "total_user_minutes": 2_000.0,
        "breadth_hours": 1.0 if changes.get("window_hours", 1) == 1 else 12.0,
        "recent_excess_pct": observed - 5.0,
        "baseline_days": 30.0,
        "group_id": None,
        "group_surprise": 0.0,
        **changes,
    }


def judged(*rows: dict[str, Any], options: NotableOptions | None = None) -> list[dict[str, Any]]:
    return notable(pl.DataFrame(rows, schema=EVIDENCE.polars_schema()), FAMILIES, options).to_dicts()


@pytest.mark.parametrize(
    ("changes", "others", "expected"),
    [
        ({}, [], [(45.0, True)]),
        ({"observed_pct": 13.0}, [], [(13.0, False)]),
        ({"breadth_hours": 1.1}, [], [(45.0, False)]),
        ({"surprise": 6.0}, [], [(45.0, False)]),
        ({"surprise": 6.0}, [{"metric": "capacity", "surprise": 9.0}], [(45.0, True), (45.0, True)]),
        ({"recovery": 1.0}, [], [(45.0, False)]),
        ({"surprise": 2.0}, [{"window_hours": 6, "surprise": 20.0}], [(45.0, False)]),
        ({"metric": "load"}, [], []),
        ({"metric": "silence"}, [], []),
    ],
    ids=[
        "notable", "too little", "one bad hour", "no surprise", "vouched for by another metric", "over", "a longer window is another",
        "load", "silence",
    ],
)  # fmt: skip
def test_the_level_of_two_hours_is_notable_where_they_alone_would_raise_an_alarm(
    changes: dict[str, Any], others: list[dict[str, Any]], expected: list[tuple[float, bool]]
) -> None:
    two = {"window_hours": 2, "breadth_hours": 2.0, "recovery": 0.0}
    rows = [row(**{**two, **changes}), *(row(**{**two, **other}) for other in others)]
    frame = pl.DataFrame(rows, schema=EVIDENCE.polars_schema())
    assert levels(frame, FAMILIES).select("level_pct", "is_notable").rows() == expected
    alarming = notable(frame.filter(pl.col("window_hours") == 2), FAMILIES).filter(
        "is_alarming", pl.col("recovery") < 1
    )
    is_level = pl.col("family").is_in(["load", "device"]).not_()
    assert bool(alarming.filter(is_level).height) == any(told for _, told in expected)


BEFORE = NOON - timedelta(hours=1)


@pytest.mark.parametrize(
    ("others", "why"),
    [
        ([], None),
        ([row(hour=BEFORE)], "second-hour"),
        ([row(hour=BEFORE, site_id="b")], None),
        ([row(hour=BEFORE - timedelta(hours=1))], None),
        ([row(metric="capacity", surprise=9.0)], "related-metric"),
        ([row(metric="silence", classifier="device-loss", surprise=3.0)], "devices"),
    ],
    ids=[
        "alone",
        "bad before",
        "other site bad before",
        "bad two hours before",
        "other metric",
        "devices lost",
    ],
)
def test_a_single_bad_hour_needs_corroboration(others: list[dict[str, Any]], why: str | None) -> None:
    (found,) = (
        r for r in judged(row(), *others) if (r["hour"], r["site_id"], r["family"]) == (NOON, "a", "radio")
    )
    assert found["corroboration"] == why
    assert found["is_alarming"] == (why is not None)


def test_a_long_window_speaks_for_itself() -> None:
    (found,) = judged(row(window_hours=24, observed_pct=20.0))
    assert (found["corroboration"], found["is_alarming"]) == ("horizon", True)


@pytest.mark.parametrize(
    "changes",
    [
        {"surprise": GATES[24].surprise - 0.1},
        {"observed_pct": GATES[24].observed_pct - 0.1, "excess_pct": 8.0},
        {"excess_pct": GATES[24].excess_pct - 0.1},
    ],
    ids=["not surprising", "hardly degraded", "hardly more than usual"],
)
def test_neither_significance_nor_effect_suffices_alone(changes: dict[str, Any]) -> None:
    clear = {"surprise": GATES[24].surprise + 4.0, "classifier": "", "is_estimated": True}
    assert [found["is_alarming"] for found in judged(row(window_hours=24, **clear))] == [True]
    (found,) = judged(row(window_hours=24, **{**clear, **changes}))
    assert not found["is_alarming"]


@pytest.mark.parametrize(("breadth", "why"), [(1.7, None), (1.8, "second-hour")])
def test_an_excess_spread_over_two_hours_corroborates_itself(breadth: float, why: str | None) -> None:
    (found,) = judged(row(window_hours=3, breadth_hours=breadth, surprise=20.0))
    assert (found["corroboration"], found["is_alarming"]) == (why, why is not None)


def test_a_new_site_is_given_days_before_its_evidence_counts() -> None:
    assert judged(row(window_hours=24, baseline_days=2.0)) == []


def part(above: float, **changes: Any) -> dict[str, Any]:
    """A bad day of one classifier, with so much surprise above its gate."""
    window = changes.get("window_hours", 24)
    surprise = GATES[window].surprise + NotableOptions().classifier_penalty + above
    return row(**{"window_hours": window, "surprise": surprise, **changes})


LINE = GATES[24].surprise
WHOLE = NotableOptions().whole_penalty


@pytest.mark.parametrize(
    ("rows", "blamed"),
    [
        ([part(-0.1)], []),
        ([part(0.1)], ["weak-signal"]),
        ([row(window_hours=24, surprise=LINE + WHOLE - 0.1, classifier="")], []),
        ([row(window_hours=24, surprise=LINE + WHOLE + 0.1, classifier="")], [""]),
        ([row(window_hours=24, surprise=LINE + 0.9, classifier="", is_estimated=True)], []),
        ([row(window_hours=24, surprise=LINE + 1.1, classifier="", is_estimated=True)], [""]),
        ([row(window_hours=24, surprise=LINE + 3.0, classifier=""), part(1.0)], ["weak-signal"]),
        ([row(window_hours=24, surprise=LINE + 3.0, classifier=""), part(3.0, excess_pct=4.0)], []),
    ],
    ids=[
        "classifier", "classifier, clear", "whole", "whole, clear", "score only", "score only, clear", "whole and its classifier",
        "whole and a small classifier",
    ],
)  # fmt: skip
def test_a_classifier_needs_less_surprise_than_the_whole_and_a_score_more_than_either(
    rows: list[dict[str, Any]], blamed: list[str]
) -> None:
    assert [found["classifier"] for found in judged(*rows) if found["is_alarming"]] == blamed


def test_peers_lend_what_a_small_site_lacks_but_not_everything() -> None:
    assert [r["is_alarming"] for r in judged(part(-2.0))] == [False]
    assert [r["is_alarming"] for r in judged(part(-2.0, group_surprise=9.0))] == [True]
    assert judged(part(-3.1, window_hours=48, group_surprise=60.0))[0]["margin"] < 0


def test_where_peers_leave_no_doubt_one_bad_hour_with_half_of_the_effect_is_enough() -> None:
    brown_out = row(
        classifier="isp", window_hours=2, surprise=4.0, observed_pct=20.0, excess_pct=15.0, breadth_hours=1.0
    )
    assert [found["is_alarming"] for found in judged(brown_out)] == [False]
    (found,) = judged({**brown_out, "group_surprise": 12.0})
    assert (found["is_alarming"], found["corroboration"]) == (True, "peers")
    diffuse = {**brown_out, "group_surprise": 12.0, "classifier": ""}
    assert not any(found["is_alarming"] for found in judged(diffuse)), (
        "a member that blames nothing in particular"
    )
    assert judged({**diffuse, "is_estimated": True})[0]["corroboration"] == "peers", "where no blame is known"
    tiny = {**brown_out, "group_surprise": 12.0, "observed_pct": 8.0, "excess_pct": 3.0}
    assert not any(found["is_alarming"] for found in judged(tiny))


def test_a_small_share_of_many_people_may_be_far_beyond_chance() -> None:
    small = {"window_hours": 12, "observed_pct": 12.0, "excess_pct": 7.0, "recent_excess_pct": 7.0}
    part = row(classifier="interference", surprise=25.0, **small)
    assert [found["is_alarming"] for found in judged(part)] == [True]
    assert [found["is_alarming"] for found in judged({**part, "surprise": 9.0})] == [False]


def test_a_second_problem_of_a_family_is_a_row_of_its_own() -> None:
    chronic = row(
        window_hours=24, classifier="dhcp", surprise=30.0, began_at=NOON - timedelta(days=5), recovery=0.0
    )
    fresh = row(
        window_hours=6,
        classifier="interference",
        surprise=14.0,
        began_at=NOON - timedelta(hours=4),
        recovery=0.0,
    )
    assert [(found["classifier"], found["is_second"]) for found in judged(chronic, fresh)] == [
        ("dhcp", False),
        ("interference", True),
    ]
    same = {**fresh, "classifier": "dhcp"}
    together = {**fresh, "began_at": NOON - timedelta(days=5)}
    assert len(judged(chronic, same)) == len(judged(chronic, together)) == 1


def test_what_has_just_begun_stands_before_a_stronger_window_of_what_is_over() -> None:
    ended = NOON - timedelta(hours=10)
    over = row(
        window_hours=48, surprise=30.0, began_at=ended - timedelta(hours=8), last_bad_at=ended, recovery=1.0
    )
    fresh = row(
        window_hours=6, surprise=14.0, began_at=NOON - timedelta(hours=2), last_bad_at=NOON, recovery=0.0
    )
    still = {**fresh, "window_hours": 12}
    assert [found["window_hours"] for found in judged(over, fresh)] == [6]
    assert [found["window_hours"] for found in judged(over, still)] == [48], (
        "a window that contains the old one"
    )
    assert [found["window_hours"] for found in judged(over, {**fresh, "began_at": ended})] == [48], (
        "the old one"
    )
    assert [found["window_hours"] for found in judged({**over, "recovery": 0.9}, fresh)] == [48], "it goes on"


def test_a_related_metric_lends_surprise_to_its_family() -> None:
    related = row(window_hours=24, metric="capacity", surprise=3.0, excess_pct=6.0)
    elsewhere = {**related, "metric": "time-to-connect"}
    assert [r["is_alarming"] for r in judged(part(-1.0), related)] == [True]
    assert [r["is_alarming"] for r in judged(part(-1.0), elsewhere)] == [False, False]


@pytest.mark.parametrize(("window", "is_alarming"), [(2, True), (24, False)])
def test_two_service_levels_within_hours_lend_each_other_more_than_over_a_day(
    window: int, is_alarming: bool
) -> None:
    shown = part(-2.2, window_hours=window), part(-2.2, window_hours=window, metric="capacity")
    assert [found["is_alarming"] for found in judged(*shown)] == [is_alarming]


def test_a_week_whose_trouble_is_over_raises_nothing() -> None:
    over = row(window_hours=168, surprise=20.0, observed_pct=20.0, recent_excess_pct=0.5)
    assert judged(over) == []
    (still,) = judged({**over, "recent_excess_pct": 15.0})
    assert still["is_alarming"]


def test_one_awful_hour_is_a_short_excursion_in_any_window() -> None:
    (found,) = judged(row(window_hours=24, surprise=20.0, breadth_hours=1.1))
    assert not found["is_alarming"]


def test_strictness_moves_every_gate() -> None:
    bad = [part(1.0)]
    alarms = [judged(*bad, options=NotableOptions(strictness=s))[0]["is_alarming"] for s in (0.0, 0.9, 1.1)]
    assert alarms == [True, True, False]


def test_load_alone_never_raises_an_alarm_and_silence_does() -> None:
    load = row(metric="load", classifier="drop", window_hours=24, surprise=30.0)
    silent = row(metric="silence", classifier="outage", surprise=6.0)
    assert [(r["family"], r["is_alarming"]) for r in judged(load, silent)] == [
        ("device", True),
        ("load", False),
    ]


def test_the_strongest_evidence_represents_its_family_and_unknown_metrics_are_their_own() -> None:
    rows = judged(
        row(window_hours=24, surprise=8.0),
        row(window_hours=24, surprise=9.0, metric="capacity"),
        row(window_hours=24, metric="new-thing"),
    )
    assert [(r["family"], r["metric"]) for r in rows] == [("new-thing", "new-thing"), ("radio", "capacity")]
