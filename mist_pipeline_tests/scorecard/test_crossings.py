"""What becomes of a predicted crossing: every outcome from a short history that anybody can check by eye."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from mist_pipeline.scorecard.crossings import LOOK_BACK_DAYS, NOBODY_ACTED, crossings
from mist_pipeline.tables.scorecard import CROSSINGS, ISSUED_RISKS
from mist_pipeline_tests.support.analysis.daily_frames import frame, reading

pytestmark = pytest.mark.slow

FIRST = date(2026, 3, 2)
CRITICAL = 80.0


def day(at: int) -> date:
    return FIRST + timedelta(days=at)


def warnings(
    at: Sequence[int], *, within: float = 4.0, site: str = "site", delay: int = 1, withheld: bool = False
) -> pl.DataFrame:
    """A warning on each of these days, of a score of 86 that is to be critical ``within`` so many days."""
    rows = [
        {
            "day": day(one),
            "site_id": site,
            "metric": "capacity",
            "state": "crossing",
            "days": within / 2,
            "days_low": 1.0,
            "days_high": within,
            "probability": 0.7,
            "threshold_pct": CRITICAL,
            "score_pct": 86.0,
            "is_pre_warning": not withheld,
            "is_withheld": withheld,
            "issued_at": datetime(2026, 3, 2, 3, tzinfo=UTC) + timedelta(days=one + delay),
            "version": "v",
        }
        for one in at
    ]
    return (
        ISSUED_RISKS.conform(pl.DataFrame(rows, infer_schema_length=None)) if rows else ISSUED_RISKS.empty()
    )


def came(scores: Mapping[int, float], site: str = "site") -> pl.DataFrame:
    return frame(
        [
            reading(score, day(at), site_id=site, severity="critical" if score < CRITICAL else "major")
            for at, score in scores.items()
        ]
    )


def acted(at: int, action: str = "acknowledged", metric: str = "capacity") -> pl.DataFrame:
    row = {
        "site_id": "site",
        "metric": metric,
        "acted_at": datetime(2026, 3, 2, 12, tzinfo=UTC) + timedelta(days=at),
        "action": action,
    }
    return pl.DataFrame([row], schema=NOBODY_ACTED.schema)


def outcomes(
    issued: pl.DataFrame, readings: pl.DataFrame, actions: pl.DataFrame = NOBODY_ACTED, until: int = 30
) -> list[dict[str, Any]]:
    """Every row of the days up to ``until``, each made on its day."""
    rows = [crossings(issued, readings, actions, day(at)) for at in range(-6, until + 1)]
    return pl.concat(rows).to_dicts()


def falling(*scores: float) -> dict[int, float]:
    return dict(enumerate([86.0, *scores]))


@pytest.mark.parametrize(
    ("scores", "actions", "outcome", "on"),
    [
        (falling(83, 79), NOBODY_ACTED, "hit", 2),
        (falling(83, 79), acted(0), "hit", 2),
        (falling(85, 84, 84, 84), NOBODY_ACTED, "false_alarm", 4),
        (falling(83, 82, 90, 91), NOBODY_ACTED, "unattributed", 4),
        (falling(83, 90, 91, 92), acted(1), "prevented", 4),
        (falling(83, 90, 91, 92), acted(1, metric="coverage"), "unattributed", 4),
        (falling(82, 92, 92, 92), acted(3), "unattributed", 4),
        (falling(85, 84, 84, 84), acted(1), "false_alarm", 4),
        ({0: 86.0, 1: 85.0}, NOBODY_ACTED, "censored", 4),
        ({0: 86.0, 1: 85.0, 3: 84.0}, NOBODY_ACTED, "false_alarm", 4),
        (falling(85, 84, 84, 84, 79), NOBODY_ACTED, "false_alarm", 4),
    ],
    ids=[
        "it happened",
        "it happened although somebody acted",
        "it stayed where it was",
        "it recovered by itself",
        "somebody acted and it recovered",
        "somebody acted on something else",
        "somebody acted after it had recovered",
        "somebody acted and nothing changed",
        "too few readings to tell",
        "half of the readings are enough",
        "it happened after the deadline",
    ],
)
def test_a_prediction_matures(scores: dict[int, float], actions: pl.DataFrame, outcome: str, on: int) -> None:
    (row, *later) = outcomes(warnings([0]), came(scores), actions)
    assert (row["outcome"], row["day"]) == (outcome, day(on))
    assert (row["crossing_day"] is not None) == (outcome == "hit")
    # Late is false; but people had been warned within the week, so that it is not missed as well.
    assert later == []


def test_two_predictions_that_one_crossing_decides_are_one_row() -> None:
    apart = warnings([0, 5], within=8.0)  # five days without a warning between them
    (row,) = outcomes(apart, came(falling(85, 85, 85, 85, 85, 84, 79)))
    assert (row["outcome"], row["first_day"], row["last_day"]) == ("hit", day(0), day(5))
    assert (row["num_warnings"], row["lead_days"]) == (2, 7)


def test_the_lead_is_the_time_from_the_first_of_several_warnings() -> None:
    (row,) = outcomes(warnings([0, 1, 3]), came(falling(85, 84, 83, 82, 79)))
    assert (row["outcome"], row["num_warnings"], row["lead_days"]) == ("hit", 3, 5)
    assert (row["first_day"], row["last_day"], row["deadline"]) == (day(0), day(3), day(7))


def test_a_warning_that_is_repeated_for_weeks_runs_out_and_is_false() -> None:
    flat = came(dict.fromkeys(range(40), 85.0))
    rows = outcomes(warnings(list(range(20))), flat)
    assert [(row["outcome"], row["day"]) for row in rows] == [
        ("false_alarm", day(14)),
        ("false_alarm", day(23)),
    ]
    assert [row["num_warnings"] for row in rows] == [15, 5]


def test_after_a_pause_it_is_another_prediction() -> None:
    rows = outcomes(warnings([0, 8], within=3.0), came(dict.fromkeys(range(16), 85.0)))
    assert [row["first_day"] for row in rows] == [day(0), day(8)]


def test_after_it_came_true_it_is_another_prediction() -> None:
    rows = outcomes(warnings([0, 2]), came(falling(79, 85, 84, 79)))
    assert [(row["outcome"], row["crossing_day"]) for row in rows] == [("hit", day(1)), ("hit", day(4))]


def test_a_prediction_whose_time_is_not_over_has_no_row() -> None:
    assert outcomes(warnings([0]), came(falling(85, 84)), until=3) == []


@pytest.mark.parametrize(
    ("before", "is_sudden"), [([90, 88, 86, 84, 82], False), ([99, 99, 98, 99, 99], True)]
)
def test_what_nobody_predicted_is_missed(before: list[float], *, is_sudden: bool) -> None:
    scores = {at - len(before): score for at, score in enumerate(before)}
    (row,) = outcomes(warnings([]), came({**scores, 0: 78.0, 1: 77.0}))
    assert (row["outcome"], row["day"], row["is_sudden"]) == ("missed", day(0), is_sudden)


def test_critical_every_other_day_is_missed_once() -> None:
    scores = {at: 85.0 if at % 2 else 75.0 for at in range(-4, 8)}
    assert [row["outcome"] for row in outcomes(warnings([]), came({-6: 90.0, -5: 90.0, **scores}))] == []
    assert len(outcomes(warnings([]), came({-8: 90.0, -7: 90.0, -6: 90.0, **scores}))) == 1


def test_what_a_backfill_issued_is_marked() -> None:
    on_time, late = (
        outcomes(warnings([0], delay=delay), came(falling(83, 79)))[0]["is_late_issue"] for delay in (1, 9)
    )
    assert (on_time, late) == (False, True)


def test_a_day_does_not_depend_on_what_came_after_it_or_long_before() -> None:
    scores = {at: 90.0 - (at % 9) for at in range(-60, 40)}
    issued = warnings([at for at in range(-60, 40) if at % 9 in (3, 4)])
    for at in range(20):
        near = pl.col("day").is_between(day(at) - timedelta(days=LOOK_BACK_DAYS), day(at))
        whole = crossings(issued, came(scores), NOBODY_ACTED, day(at))
        assert whole.equals(crossings(issued.filter(near), came(scores).filter(near), NOBODY_ACTED, day(at)))


def test_series_are_told_apart() -> None:
    issued = pl.concat([warnings([0], site="a"), warnings([0], site="b")])
    readings = pl.concat([came(falling(83, 79), "a"), came(falling(85, 85, 85, 85), "b")])
    rows = outcomes(issued, readings)
    assert [(row["site_id"], row["outcome"]) for row in rows] == [("a", "hit"), ("b", "false_alarm")]
    assert list(rows[0]) == CROSSINGS.column_names


def test_what_was_withheld_is_graded_too_and_no_crossing_that_nobody_foresaw() -> None:
    issued = pl.concat([warnings([0, 1], withheld=True), warnings([0, 1], site="other")])
    fell = falling(84.0, 82.0, 79.0)
    rows = outcomes(issued, pl.concat([came(fell), came(fell, "other")]))
    assert {row["site_id"]: (row["outcome"], row["is_withheld"]) for row in rows} == {
        "site": ("hit", True),
        "other": ("hit", False),
    }


def test_a_prediction_that_was_told_once_was_not_withheld() -> None:
    issued = pl.concat([warnings([0], withheld=True), warnings([1])])
    (row,) = outcomes(issued, came(falling(84.0, 82.0, 79.0)))
    assert (row["num_warnings"], row["is_withheld"]) == (2, False)
