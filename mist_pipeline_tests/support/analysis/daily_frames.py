"""Small `history.sle_daily` frames for the tests of this room."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import polars as pl

D = date(2026, 11, 19)
"""A Thursday."""

SCHEMA = {
    "day": pl.Date,
    "site_id": pl.String,
    "metric": pl.String,
    "score_pct": pl.Float64,
    "num_users": pl.Int64,
    "total_user_minutes": pl.Float64,
    "degraded_user_minutes": pl.Float64,
    "measured_value": pl.Float64,
    "measured_unit": pl.String,
    "severity": pl.String,
    "hours_covered": pl.Int64,
    "state": pl.String,
}


def reading(score: float | None, day: date = D, **columns: object) -> dict[str, object]:
    """One row; many users unless told; without a score its state is ``no_users``."""
    row: dict[str, object] = {
        "day": day,
        "site_id": "site",
        "metric": "capacity",
        "score_pct": score,
        "num_users": 200,
        "total_user_minutes": 48_000.0,
        "degraded_user_minutes": None,
        "measured_value": None,
        "measured_unit": None,
        "severity": None,
        "hours_covered": 24,
        "state": "no_users" if score is None else "ok",
    }
    return row | columns


def frame(rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SCHEMA, orient="row")


def series(scores: Sequence[float | None], last: date = D, **columns: object) -> pl.DataFrame:
    """One site and metric with a score a day, ending on ``last``; None is a day without a row."""
    first = last - timedelta(days=len(scores) - 1)
    return frame(
        [
            reading(score, first + timedelta(days=at), **columns)
            for at, score in enumerate(scores)
            if score is not None
        ]
    )
