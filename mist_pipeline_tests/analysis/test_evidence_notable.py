"""From evidence to what deserves attention: gates, corroboration, credit from peers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from mist_pipeline.analysis.evidence import SCHEMA
from mist_pipeline.analysis.evidence_notable import GATES, NotableOptions, notable

FAMILIES = {"coverage": "radio", "capacity": "radio", "time-to-connect": "connect"}
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def row(**changes: Any) -> dict[str, Any]:
    """One clearly bad hour of coverage."""
    observed = changes.get("observed_pct", 45.0)
    return {
        "hour": NOON,
        "site_id": "a",
        "metric": "coverage",
        "classifier": "",
        "window_hours": 1,
        "day": NOON.date(),
        "excess_user_minutes": 1_000.0,
        "excess_pct": observed - 5.0,
        "surprise": 12.0,
        "is_estimated": False,
        "observed_pct": observed,
        "expected_pct": 5.0,
        "total_user_minutes": 2_000.0,
        "breadth_hours": 12.0,
        "recent_excess_pct": observed - 5.0,
        "baseline_days": 30.0,
        "group_id": None,
        "group_surprise": 0.0,
        **changes,
    }


def judged(*rows: dict[str, Any], options: NotableOptions | None = None) -> list[dict[str, Any]]:
    return notable(pl.DataFrame(rows, schema=SCHEMA), FAMILIES, options).to_dicts()


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
    (found,) = judged(row(window_hours=24, **changes))
    assert not found["is_alarming"]


def test_a_new_site_is_given_days_before_it_is_judged() -> None:
    assert judged(row(window_hours=24, baseline_days=2.0)) == []


def test_a_single_classifier_must_be_more_surprising_than_the_whole() -> None:
    surprise = GATES[24].surprise + 0.3
    (whole,) = judged(row(window_hours=24, surprise=surprise))
    (part,) = judged(row(window_hours=24, surprise=surprise, classifier="weak-signal"))
    assert (whole["is_alarming"], part["is_alarming"]) == (True, False)


def test_peers_lend_what_a_small_site_lacks_but_not_everything() -> None:
    weak = GATES[24].surprise - 2.0
    lonely, lent = (
        row(window_hours=24, surprise=weak),
        row(window_hours=24, surprise=weak, group_surprise=9.0),
    )
    assert [r["is_alarming"] for r in judged(lonely)] == [False]
    assert [r["is_alarming"] for r in judged(lent)] == [True]
    assert (
        judged(row(window_hours=24, surprise=GATES[24].surprise - 3.1, group_surprise=60.0))[0]["margin"] < 0
    )


def test_strictness_moves_every_gate() -> None:
    bad = row(window_hours=24, surprise=GATES[24].surprise + 1.0)
    alarms = [judged(bad, options=NotableOptions(strictness=s))[0]["is_alarming"] for s in (0.0, 0.9, 1.1)]
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
