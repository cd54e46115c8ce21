"""Alerts of replays: what pairs them, what is known of them, and sums computed by hand."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.scorecard.replays import (
    LIFE,
    MIN_CASES,
    changes,
    counted,
    known_troubles,
    n_heard,
    quality,
    with_verdicts,
)
from mist_pipeline.tables.scorecard import TRUTHS

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


def alert(name: str, opened: float, lasted: float | None = 4, **more: Any) -> dict[str, Any]:
    at = BEGIN + opened * HOUR
    return {
        "alert_id": name,
        "incident_id": f"i-{name}",
        "site_id": "s1",
        "family": "radio",
        "rule": "evidence",
        "severity": "major",
        "opened_at": at,
        "began_at": at,
        "resolved_at": None if lasted is None else at + lasted * HOUR,
        **more,
    }


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict(LIFE))


def truths(*rows: dict[str, Any]) -> pl.DataFrame:
    schema = TRUTHS.polars_schema()
    empty = dict.fromkeys(schema) | {
        "day": date(2026, 3, 3),
        "source": "feedback",
        "weight": 1.0,
        "said_at": BEGIN,
    }
    return pl.DataFrame([empty | row for row in rows], schema=schema)


def trouble(began: float, lasted: float = 4, **more: Any) -> dict[str, Any]:
    at = BEGIN + began * HOUR
    return {
        "source": "sustained_critical",
        "verdict": "trouble",
        "weight": 0.6,
        "site_id": "s1",
        "family": "radio",
        "began_at": at,
        "ended_at": at + lasted * HOUR,
        **more,
    }


@pytest.mark.parametrize(
    ("other", "change"),
    [
        (alert("b", 10), "same"),
        (alert("b", 12), "later"),
        (alert("b", 7, 4), "earlier"),
        (alert("b", 14), "later"),
        (alert("b", 14.5), "fewer"),
        (alert("b", 20, began_at=BEGIN + 13 * HOUR), "later"),
        (alert("b", 10, family="wan"), "fewer"),
        (alert("b", 10, site_id="s2"), "fewer"),
    ],
)
def test_alerts_are_the_same_where_their_lives_overlap(other: dict[str, Any], change: str) -> None:
    found = changes(frame(alert("a", 10)), frame(other))
    assert found.filter(pl.col("base_alert_id") == "a")["change"].to_list() == [change]
    assert found.height == (2 if change == "fewer" else 1)


def test_the_nearest_openings_are_paired_and_every_alert_once() -> None:
    base = frame(alert("long", 0, None), alert("other family", 0, family="wan"))
    other = frame(alert("early", 1), alert("late", 50))
    found = changes(base, other)
    assert found.select("change", "base_alert_id", "other_alert_id").rows() == [
        ("later", "long", "early"),
        ("fewer", "other family", None),
        ("more", None, "late"),
    ]


lives = st.lists(
    st.tuples(st.integers(0, 60), st.none() | st.integers(0, 20), st.sampled_from(["s1", "s2"])), max_size=8
)


@given(lives, lives)
def test_every_alert_is_in_exactly_one_change_and_the_other_way_round_is_the_mirror(
    mine: list[Any], theirs: list[Any]
) -> None:
    base, other = (
        frame(
            *(alert(f"{at}", opened, lasted, site_id=site) for at, (opened, lasted, site) in enumerate(some))
        )
        for some in (mine, theirs)
    )
    there, back = changes(base, other), changes(other, base)
    for found, one, two in ((there, base, other), (back, other, base)):
        assert sorted(found["base_alert_id"].drop_nulls()) == sorted(one["alert_id"])
        assert sorted(found["other_alert_id"].drop_nulls()) == sorted(two["alert_id"])
    mirror = {"more": "fewer", "fewer": "more", "earlier": "later", "later": "earlier", "same": "same"}
    assert sorted(there["change"]) == sorted(mirror[one] for one in back["change"])


def test_what_was_said_of_an_alert_or_its_incident_counts_for_those_that_overlap() -> None:
    told = frame(alert("live", 10, incident_id="i"), alert("live 2", 40, incident_id="j"))
    said = truths({"verdict": "wrong", "alert_id": "live"}, {"verdict": "known", "incident_id": "j"})
    replayed = frame(alert("a", 12), alert("b", 41), alert("c", 90), alert("d", 12, site_id="s2"))
    found = with_verdicts(replayed, said, told)
    assert dict(found.select("alert_id", "verdict").iter_rows()) == {
        "a": "wrong",
        "b": "known",
        "c": None,
        "d": None,
    }


def test_a_trouble_makes_right_what_nobody_judged_and_a_person_outweighs_it() -> None:
    told = frame(alert("live", 40))
    said = truths(trouble(10), trouble(40), {"verdict": "wrong", "alert_id": "live"})
    found = with_verdicts(frame(alert("a", 11), alert("b", 40)), said, told)
    assert found.select("verdict", "source").rows() == [
        ("right", "sustained_critical"),
        ("wrong", "feedback"),
    ]


def test_troubles_are_those_known_without_alerts_and_those_of_alerts_that_were_right() -> None:
    told = frame(
        *(
            alert(verdict, at * 40)
            for at, verdict in enumerate(("right", "too_late", "known", "planned", "wrong"))
        )
    )
    said = truths(trouble(300), *({"verdict": name, "alert_id": name} for name in told["alert_id"]))
    found = known_troubles(said, told)
    assert sorted(found["began_at"]) == [BEGIN, BEGIN + 40 * HOUR, BEGIN + 300 * HOUR]


def test_sums_of_a_span_by_hand() -> None:
    judged = ["right"] * 6 + ["wrong"] * 3 + ["duplicate"] + ["known"] * 2 + [None] * 2
    rows = [alert(f"{at:02}", at * 100, incident_id=f"i{at // 2}") for at in range(len(judged))]
    alerts = frame(*rows).with_columns(verdict=pl.Series(judged, dtype=pl.String), source=pl.lit("feedback"))
    # Of two alerts no trouble is known; each other one comes two hours before the known begin of its trouble.
    known = truths(*(trouble(at * 100 + 2, 1) for at in range(12)), trouble(1500), trouble(-5))
    week = quality(alerts, known, 21, 4, BEGIN, BEGIN + timedelta(weeks=10))
    assert (
        week["alerts"],
        week["incidents"],
        week["n_true"],
        week["n_false"],
        week["n_duplicate"],
        week["n_unjudged"],
    ) == (
        14,
        7,
        8,
        3,
        1,
        2,
    )
    assert week["precision"] == pytest.approx(8 / 11)
    assert week["messages_per_day"] == 0.3
    assert week["false_per_site_week"] == pytest.approx(4 / (4 * 10))
    assert (week["n_troubles"], week["n_missed"]) == (13, 1), "one began before the span"
    assert week["recall"] == pytest.approx(12 / 13)
    assert week["lead_median_hours"] == 2.0
    assert n_heard(week) == 12


@pytest.mark.parametrize(("cases", "is_said"), [(MIN_CASES - 1, False), (MIN_CASES, True)])
def test_too_few_cases_give_no_share_and_no_median(cases: int, is_said: bool) -> None:
    alerts = frame(*(alert(f"{at:02}", at * 100) for at in range(cases))).with_columns(
        verdict=pl.lit("right"), source=pl.lit("feedback")
    )
    found = quality(
        alerts, truths(*(trouble(at * 100) for at in range(cases))), 0, 1, BEGIN, BEGIN + timedelta(weeks=8)
    )
    shares = (
        found["precision"],
        found["precision_low"],
        found["recall"],
        found["recall_high"],
        found["lead_median_hours"],
    )
    assert all((one is not None) == is_said for one in shares)


def test_trouble_that_was_seen_makes_no_precision() -> None:
    alerts = frame(*(alert(f"{at:02}", at * 100) for at in range(MIN_CASES))).with_columns(
        verdict=pl.lit("right"), source=pl.lit("score")
    )
    found = quality(alerts, truths(), 0, 1, BEGIN, BEGIN + timedelta(weeks=8))
    assert (found["n_true"], found["n_judged"], found["precision"]) == (MIN_CASES, 0, None)


def test_an_empty_organisation_has_sums() -> None:
    empty = frame().with_columns(verdict=pl.lit(None, pl.String), source=pl.lit(None, pl.String))
    found = quality(empty, truths(), 0, 0, BEGIN, BEGIN + timedelta(days=1))
    assert (found["alerts"], found["messages_per_day"], found["false_per_site_week"], found["precision"]) == (
        0,
        0.0,
        0.0,
        None,
    )
    assert changes(empty, empty).is_empty()
    assert counted(changes(empty, empty), "rule").is_empty()
