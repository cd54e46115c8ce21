"""Rules about one service level: each fires on what it is about and on nothing else, in a sentence."""

import json
from dataclasses import replace

from mist_pipeline.analysis.scores.bands import Bands
from mist_pipeline_tests.support.analysis.finding_inputs import (
    RULES,
    found,
    inputs,
    notable,
    only,
    risk,
)


def test_a_critical_score_is_a_finding_with_its_threshold_and_its_largest_classifier() -> None:
    row = only(
        inputs(
            readings=[
                ("a", "time-to-connect", 62.34, "critical", "ok"),
                ("a", "capacity", 95.0, "info", "ok"),
                ("b", "capacity", 12.0, None, "ok"),
            ],
            classifiers=[
                ("a", "time-to-connect", "dhcp-stuck", 40.0),
                ("a", "time-to-connect", "association", 9.0),
            ],
        )
    )
    assert row["summary"] == "Time to connect 62.3 %: critical (below 70 %), mostly DHCP stuck."
    assert (row["kind"], row["severity"], row["family"]) == ("threshold", "critical", "connect")
    assert json.loads(row["evidence"]) == {
        "score_pct": 62.34,
        "threshold_pct": 70.0,
        "classifier": "dhcp-stuck",
    }


def test_the_threshold_is_that_of_the_metric_and_other_severities_are_no_findings() -> None:
    given = inputs(readings=[("a", "capacity", 84.0, "major", "ok"), ("a", "roaming", 89.0, "warning", "ok")])
    rules = replace(
        RULES, by_metric={"capacity": Bands(75.0, 85.0, 95.0)}, finding_severities=("critical", "major")
    )
    assert only(given, rules)["summary"] == "Capacity 84.0 %: major (below 85 %)."


def test_a_degrading_trend_is_a_finding_with_its_numbers_and_at_least_a_warning() -> None:
    given = inputs(
        trends=[
            ("a", "capacity", 84.0, 91.5, -7.5, -1.3, 2.0, "↑", True),
            ("b", "capacity", 91.0, 91.5, -0.5, 0.1, 2.0, "→", False),
            ("c", "roaming", 60.0, 80.0, -20.0, 0.4, 2.0, "↑", True),
        ],
        readings=[("c", "roaming", 60.0, "critical", "ok"), ("a", "capacity", 84.0, "warning", "ok")],
    )
    rows = {row["site_id"]: row for row in found(given) if row["kind"] == "trend"}
    assert set(rows) == {"a", "c"}
    assert (
        rows["a"]["summary"]
        == "Capacity fell 7.5 points, from 91.5 % to 84.0 %; over the week -1.3 points a day."
    )
    assert rows["c"]["summary"] == "Roaming fell 20.0 points, from 80.0 % to 60.0 %."
    assert [rows["a"]["severity"], rows["c"]["severity"]] == ["warning", "critical"]


def test_a_falling_score_under_its_line_is_pre_warned_and_a_critical_or_steady_one_is_not() -> None:
    row = only(
        inputs(
            trends=[
                ("under", "capacity", 84.0, 86.0, -2.0, -1.5, 1.0, "↑", False),
                ("critical", "capacity", 69.0, 86.0, -2.0, -1.5, 1.0, "↑", False),
                ("steady", "capacity", 84.0, 84.2, -0.2, -0.1, 1.0, "→", False),
                ("rising", "capacity", 84.0, 86.0, -2.0, 0.5, 1.0, "↑", False),
                ("no line", "time-to-connect", 84.0, 86.0, -2.0, -1.5, 1.0, "↑", False),
            ]
        )
    )
    assert row["site_id"] == "under"
    assert row["severity"] == "warning"
    assert (
        row["summary"]
        == "Capacity 84.0 % is below its pre-warning line of 85 % and heading down (-1.5 points a day)."
    )


def test_a_predicted_crossing_is_a_finding_in_the_words_of_the_risk() -> None:
    row = only(inputs(risks=[risk("a", "crossing", 2.4, 2.1, 2.9, 0.7)]))
    assert row["summary"] == "Roaming is approaching critical in 2–3 days at the current trend (70 %)."
    assert (row["kind"], row["severity"]) == ("pre_warning", "major")
    assert json.loads(row["evidence"])["days_high"] == 2.9


def test_where_risks_were_made_they_decide_and_the_trend_does_not() -> None:
    given = inputs(
        risks=[
            risk("under", "never", None, None, None),
            risk("calm", "never", None, None, None, warns=False),
        ],
        trends=[
            ("under", "roaming", 91.0, 93.0, -2.0, -1.5, 1.0, "↑", False),
            ("calm", "roaming", 91.0, 93.0, -2.0, -1.5, 1.0, "↑", False),
        ],
    )
    row = only(given)
    assert (row["site_id"], row["severity"]) == ("under", "warning")
    assert row["summary"] == (
        "Roaming 91.2 % is below its pre-warning line of 95 % and heading down (-0.8 points a day)."
    )


def test_a_deviation_is_a_finding_only_of_a_mature_baseline_of_its_own_and_when_it_matters() -> None:
    row = only(
        inputs(
            deviations=[
                ("a", "roaming", 82.1, 94.5, -4.2, True, False),
                ("small", "roaming", 98.0, 99.5, -4.2, True, False),
                ("immature", "roaming", 50.0, 94.5, None, True, False),
                ("pooled", "roaming", 50.0, 94.5, -9.0, True, True),
                ("inside", "roaming", 90.0, 94.5, -1.2, False, False),
            ]
        )
    )
    assert row["site_id"] == "a"
    assert row["summary"] == "Roaming 82.1 %, where 94.5 % is usual here: 4.2 standard deviations below."


def test_the_strongest_alarming_evidence_of_a_site_and_family_is_a_finding() -> None:
    given = inputs(
        notable=[
            notable("a", 8, margin=1.0),
            notable("a", 9, margin=3.0, observed=25.5),
            notable("a", 9, "capacity", family="radio", classifier="", observed=12.0),
            notable("b", 9, alarming=False),
            notable("c", 9, "load", family="load"),
        ]
    )
    rows = found(given)
    assert [(row["site_id"], row["metric"], row["severity"]) for row in rows] == [
        ("a", "capacity", "warning"),
        ("a", "time-to-connect", "major"),
    ]
    assert rows[1]["summary"] == (
        "Time to connect: 25.5 % of user-minutes degraded (DHCP stuck) over 6 h, where 3.1 % is expected; "
        "far beyond chance."
    )
    assert "degraded over 6 h" in rows[0]["summary"]
    beyond = only(inputs(notable=[notable("a", 9, surprise=35.0)]))
    assert beyond["summary"].endswith("far beyond chance.")
    assert only(inputs(notable=[notable("a", 9)]))["severity"] == "critical"
