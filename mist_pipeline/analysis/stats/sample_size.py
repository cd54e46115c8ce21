"""How much a reading rests on: whether it has a score, its user-minutes, and the independent observations among them.

Here: expressions and constants that ``scores``, ``baselines``, ``anomalies`` and ``evidence`` share. Not here: the gate
on users (``scores.bands``).

>>> readings = pl.DataFrame({"total_user_minutes": [600.0, None], "num_users": [12, 5]})
>>> readings.select(minutes=user_minutes(), observations=observations()).rows()
[(600.0, 40.0), (300.0, 20.0)]
"""

import polars as pl

MINUTES_PER_CLIENT = 60.0
"""Exposure of a client whose minutes are unknown (triage: only the organisation endpoint was requested)."""

OBSERVATION_MINUTES = 15.0
"""User-minutes that count as one observation: minutes of one user share their fate for about so long.

Only a starting point: wherever a series has history, its own spread decides (`overdispersion` in the docs).
"""


def has_score() -> pl.Expr:
    """Whether a row of readings has a score: ``state`` is ok and ``score_pct`` is neither null nor NaN."""
    score = pl.col("score_pct")
    return (pl.col("state") == "ok") & score.is_not_null() & score.is_not_nan()


def user_minutes() -> pl.Expr:
    """User-minutes of a row, estimated from ``num_users`` where ``total_user_minutes`` is null; null without both."""
    return pl.coalesce(
        pl.col("total_user_minutes"), pl.col("num_users").cast(pl.Float64) * MINUTES_PER_CLIENT
    )


def observations() -> pl.Expr:
    """Independent observations behind a row's score: its user-minutes ÷ `OBSERVATION_MINUTES`."""
    return user_minutes() / OBSERVATION_MINUTES
