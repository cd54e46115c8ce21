"""Reliability and Brier score of probabilities, against hand-computed ones and scikit-learn's."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from sklearn.metrics import brier_score_loss

from mist_pipeline.scorecard.probabilities import probabilities
from mist_pipeline.tables.scorecard import ISSUED_RISKS
from mist_pipeline_tests.support.analysis.daily_frames import D, frame, reading

ISSUE = D - timedelta(days=7)


def predicted(
    probability: float | None, *, site: str, state: str = "never", score: float = 90.0
) -> pl.DataFrame:
    row = {
        "day": ISSUE,
        "site_id": site,
        "metric": "capacity",
        "state": state,
        "days": None,
        "days_low": None,
        "days_high": None,
        "probability": probability,
        "threshold_pct": 80.0,
        "score_pct": score,
        "is_pre_warning": False,
        "is_withheld": False,
        "issued_at": datetime(2026, 11, 13, 2, tzinfo=UTC),
        "version": "v",
    }
    return ISSUED_RISKS.conform(pl.DataFrame([row], infer_schema_length=None))


def week(severities: Sequence[str | None], site: str) -> pl.DataFrame:
    """Readings of the week after the issue; None is a day that cannot be judged."""
    return frame(
        [
            reading(90.0, ISSUE + timedelta(days=at), site_id=site, severity=severity)
            for at, severity in enumerate(severities, 1)
        ]
    )


CALM = ["info"] * 7
FELL = ["info"] * 6 + ["critical"]


def test_the_brier_score_is_that_of_scikit_learn() -> None:
    cases = [(0.31, CALM), (0.35, FELL), (0.38, CALM)]
    issued = pl.concat([predicted(p, site=str(at)) for at, (p, _) in enumerate(cases)])
    came = pl.concat([week(one, str(at)) for at, (_, one) in enumerate(cases)])
    (row,) = probabilities(issued, came, D).to_dicts()
    outcomes = [one is FELL for _, one in cases]
    assert (row["bin_low"], row["n"], row["n_censored"]) == (0.3, 3, 0)
    assert row["mean_probability"] == pytest.approx(1.04 / 3)
    assert row["observed_share"] == pytest.approx(1 / 3)
    assert row["brier"] == pytest.approx(brier_score_loss(outcomes, [p for p, _ in cases]))


@pytest.mark.parametrize(
    ("severities", "n", "censored"),
    [
        ([*CALM[:5], None, None], 1, 0),
        ([*CALM[:4], None, None, None], 0, 1),
        (["critical", *[None] * 6], 1, 0),
        ([None] * 7, 0, 1),
    ],
    ids=["five days are enough", "four are not", "one critical day is", "nothing is known"],
)
def test_a_week_with_too_few_readings_is_censored_not_calm(
    severities: list[str | None], n: int, censored: int
) -> None:
    (row,) = probabilities(predicted(0.5, site="a"), week(severities, "a"), D).to_dicts()
    assert (row["n"], row["n_censored"]) == (n, censored)
    assert (row["observed_share"] is None) == (n == 0)


@pytest.mark.parametrize(
    "left_out",
    [
        predicted(0.5, site="a", state="already"),
        predicted(0.5, site="a", score=79.0),
        predicted(None, site="a", state="too_little_history"),
    ],
    ids=["already critical", "under the line", "too little history"],
)
def test_what_was_no_prediction_is_not_graded(left_out: pl.DataFrame) -> None:
    assert probabilities(left_out, week(CALM, "a"), D).is_empty()


@pytest.mark.parametrize(
    ("probability", "expected"), [(0.0, 0.0), (0.1, 0.1), (0.7, 0.7), (0.999, 0.9), (1.0, 0.9)]
)
def test_the_ends_belong_to_the_first_and_last_tenth(probability: float, expected: float) -> None:
    (row,) = probabilities(predicted(probability, site="a"), week(CALM, "a"), D).to_dicts()
    assert row["bin_low"] == expected
