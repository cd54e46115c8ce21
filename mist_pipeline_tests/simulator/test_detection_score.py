"""The detection benchmark scores what it says: hits, hidden incidents, ends, reopened alerts, alerts about the past."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from benchmarks.detection_score import Result, scored
from mist_pipeline.alerts.lifecycle.replay import ALERT_COLUMNS, EVENT_COLUMNS
from mist_pipeline.simulator import World
from mist_pipeline.simulator.world import scenario

ONSET = datetime(2026, 3, 4, 10, tzinfo=UTC)
WEEK = 7 * 24
FIRST = scenario.sudden_outage([0], ONSET, 6, family="connect")
SECOND = scenario.sudden_outage([0], ONSET + timedelta(hours=24), 6, family="connect")

Row = tuple[float, float | None]
"""Hours after the onset at which an alert opens and is resolved."""


def _result(
    alerts: Sequence[Row],
    scenarios: Sequence[scenario.Scenario] = (FIRST,),
    *,
    metric: str = "time-to-connect",
    past: float | None = None,
    last_bad: float | None = None,
    heard: float | None = None,
    kind: str = "severity_rose",
    spells: Sequence[tuple[float, float, float]] = (),
    incidents: Sequence[str] = ("i0", "i1"),
) -> Result:
    world = World(3, 60, 1, quiet=True, scenarios=scenarios)
    site = world.sites()[0].site_id
    moment = [None if hours is None else ONSET + timedelta(hours=hours) for pair in alerts for hours in pair]
    rows = [
        {
            "alert_id": f"a{at}",
            "incident_id": incidents[at],
            "site_id": site,
            "metric": metric,
            "kind": "evidence",
            "opened_at": moment[2 * at],
            "resolved_at": moment[2 * at + 1],
            "began_at": None if past is None else ONSET + timedelta(hours=past),
            "last_bad_at": None if last_bad is None else ONSET + timedelta(hours=last_bad),
            "is_past": past is not None,
        }
        for at in range(len(alerts))
    ]
    frame = pl.DataFrame(rows, schema=dict(ALERT_COLUMNS))
    events = []
    if heard is not None:
        events.append((ONSET + timedelta(hours=heard), "alert", "a0", 2, kind, "{}"))
    for number, (told, bad, over) in enumerate(spells):
        ended = json.dumps({"last_bad_at": (ONSET + timedelta(hours=bad)).isoformat()})
        events += [
            (
                ONSET + timedelta(hours=told),
                "alert",
                "a0",
                2 * number,
                "reopened" if number else "opened",
                "{}",
            ),
            (ONSET + timedelta(hours=over), "alert", "a0", 2 * number + 1, "resolved", ended),
        ]
    return scored(world, frame, pl.DataFrame(events, schema=dict(EVENT_COLUMNS), orient="row"))


@pytest.mark.parametrize(
    ("alerts", "hits", "false", "extra"),
    [
        ([], 0, 0, 0),
        ([(1, 8)], 1, 0, 0),
        ([(1, 8), (3, 9)], 1, 0, 1),
        ([(-80, -75)], 0, 1, 0),
        ([(-10, 8)], 0, 0, 0),
        ([(11, 15)], 1, 0, 0),
        ([(13, 15)], 0, 1, 0),
    ],
    ids=["missed", "hit", "told twice", "long before", "warned", "just after", "long after"],
)
def test_an_alert_hits_its_incident_or_is_false(alerts: list[Row], hits: int, false: int, extra: int) -> None:
    result = _result(alerts)
    assert result.truths["hit_at"].count() == hits
    assert result.alerts["is_false"].sum() == false
    assert result.truths["extra"].sum() == extra


def test_alerts_of_one_incident_are_one_telling() -> None:
    assert _result([(1, 8), (3, 9)]).truths["told_again"].to_list() == [1]
    assert _result([(1, 8), (3, 9)], incidents=("i", "i")).truths["told_again"].to_list() == [0]
    assert _result([(1, 8), (3, 9)], past=1).truths["told_again"].to_list() == [0], "recorded, not told"


def test_the_hit_of_a_trouble_inside_another_one_is_no_duplicate_of_its_own() -> None:
    long = scenario.sudden_outage([0], ONSET, 30, family="connect")
    told = _result([(1, 8), (3, 9), (25, 30)], (long, SECOND), incidents=("i0", "i1", "i2")).truths
    assert told["extra"].to_list() == [2, 0]
    assert told["extra_alone"].to_list() == [1, 0]


def test_an_alert_of_another_family_is_false() -> None:
    assert _result([(1, 8)], metric="roaming").alerts["is_false"].to_list() == [True]


def test_an_open_alert_hides_the_next_incident_and_does_not_warn_of_it() -> None:
    result = _result([(1, 40)], (FIRST, SECOND))
    assert result.truths["is_hidden"].to_list() == [False, True]
    assert result.truths["is_heard_of"].to_list() == [False, False]
    assert result.truths["warned_at"].to_list() == [None, None]
    assert _result([(1, 40)], (FIRST, SECOND), heard=26).truths["is_heard_of"].to_list() == [False, True]
    worse = _result([(1, 40)], (FIRST, SECOND), heard=26, kind="much_worse")
    assert worse.truths["is_heard_of"].to_list() == [False, True]
    assert worse.truths["heard_at"].to_list() == [None, ONSET + timedelta(hours=26)]
    peaked = _result([(1, 40)], (FIRST, SECOND), heard=26, kind="peaked")
    assert peaked.truths["is_heard_of"].to_list() == [False, False], "nobody is told"
    assert " | 1.000 | " in _result([(1, 40)], (FIRST, SECOND), heard=26).row("with those heard of")
    assert _result([(1, 20)], (FIRST, SECOND)).truths["is_hidden"].to_list() == [False, False]


def test_resolution_counts_from_the_end_of_the_trouble() -> None:
    assert _result([(1, 20)]).alerts["hours_to_resolve"].to_list() == [14.0]
    assert _result([(1, 5)]).alerts["hours_to_resolve"].to_list() == [0.0]
    unresolved = _result([(1, None)])
    assert unresolved.alerts["hours_to_resolve"].to_list() == [None]
    assert unresolved.truths["is_never_resolved"].to_list() == [True]


def test_troubles_that_touch_are_over_together() -> None:
    inside = scenario.sudden_outage([0], ONSET + timedelta(hours=8), 12, family="connect")
    result = _result([(1, 21)], (FIRST, inside))
    assert result.alerts["hours_to_resolve"].to_list() == [1.0]


def test_what_is_told_after_the_end_counts_unless_it_is_told_as_past() -> None:
    assert _result([(10, 11)]).alerts["is_after_end"].to_list() == [True]
    assert _result([(7, 11)]).alerts["is_after_end"].to_list() == [False]
    assert _result([(1, 30)], last_bad=20).alerts["is_after_end"].to_list() == [True]
    past = _result([(20, 20)], past=0)
    assert past.alerts["is_after_end"].to_list() == [False]
    assert past.alerts["is_false"].to_list() == [False]
    assert past.truths["hit_at"].to_list() == [ONSET + timedelta(hours=20)]


@pytest.mark.parametrize(
    ("spells", "is_after_end", "is_after_own_end", "hours"),
    [
        ([(1, 6, 9)], False, False, 3.0),
        ([(1, 20, 23)], True, True, 17.0),
        ([(1, 6, 9), (25, 30, 33)], False, True, 3.0),
        ([(1, 6, 9), (25, 40, 43)], True, True, 3.0),
        ([(1, 6, 9), (14, 15, 18)], True, True, 3.0),
        ([(1, 29, 33)], True, True, 27.0),
    ],
    ids=[
        "one",
        "too long",
        "with the next",
        "longer than the next",
        "with nothing",
        "across the quiet between",
    ],
)
def test_an_alert_may_be_told_as_long_as_any_trouble_of_its_site_and_family_is_on(
    spells: list[tuple[float, float, float]], *, is_after_end: bool, is_after_own_end: bool, hours: float
) -> None:
    _, bad, over = spells[-1]
    alerts = _result([(1, over)], (FIRST, SECOND), last_bad=bad, spells=spells).alerts
    assert alerts["is_after_end"].to_list() == [is_after_end]
    assert alerts["is_after_own_end"].to_list() == [is_after_own_end]
    assert alerts["hours_to_resolve"].to_list() == [hours]


def test_the_table_of_a_world_without_any_alert_can_be_printed() -> None:
    result = _result([])
    assert result.row("x").count("|") == result.row("y").count("|")
    assert "sudden_outage" in result.by_kind()


def test_alerts_opened_while_the_site_learns_do_not_count() -> None:
    assert _result([(-3 * WEEK, None)]).alerts.is_empty()
