"""Severity of a score: thresholds per metric, and the gate on users that keeps two clients at night from deciding.

Here: one reading in, one severity out. Not here: the order of severities (``domain.severity``), the status of a whole
site (`status`), what a change over days means (`trends`), what is normal for a series (``baselines``).

A score on a threshold is in the better band; with three users nothing is said:

>>> readings = pl.DataFrame({
...     "metric": "capacity", "score_pct": [69.9, 70.0, 95.0], "num_users": [40, 40, 3],
...     "total_user_minutes": 9000.0, "state": "ok",
... })
>>> with_severity(readings)["severity"].to_list()
['critical', 'major', None]
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Bands:
    """Upper ends of the severity bands of one metric, in percent; a score on a threshold is in the better band.

    Attributes:
        critical: Scores below are critical.
        major: Scores from ``critical`` to below are major.
        warning: Scores from ``major`` to below are a warning; everything above is info.

    Raises:
        ValueError: If the thresholds are not in rising order between 0 and 100.
    """

    critical: float = 70.0
    major: float = 80.0
    warning: float = 90.0

    def __post_init__(self) -> None:
        if not 0 <= self.critical < self.major < self.warning <= 100:
            raise ValueError(
                "severity bands must rise from critical over major to warning inside 0–100, "
                f"got critical={self.critical:g}, major={self.major:g}, warning={self.warning:g}"
            )


@dataclass(frozen=True)
class UserGate:
    """How many users a reading needs before it may have a severity.

    Attributes:
        min_users: Fewest distinct users.
        min_user_minutes: Fewest user-minutes.
        window_minutes: Length of the reading's window: a day by default. A user cannot contribute more.
    """

    min_users: int = 5
    min_user_minutes: float = 300.0
    window_minutes: float = 1440.0

    def is_open(self) -> pl.Expr:
        """Whether a row's ``num_users`` and ``total_user_minutes`` suffice; never null.

        Where user-minutes are null (triage: only the organisation endpoint was requested), the users alone decide. Where
        the users are null, the minutes must prove them: ``min_users`` users are certain only beyond what one user
        fewer can contribute in the window. Where both are null nothing is known, and the gate is closed.
        """
        users, minutes = pl.col("num_users"), pl.col("total_user_minutes")
        proof = max(self.min_user_minutes, (self.min_users - 1) * self.window_minutes)
        return (
            pl.when(users.is_null())
            .then((minutes >= self.min_user_minutes) & (minutes > proof if self.min_users > 1 else True))
            .otherwise((users >= self.min_users) & (minutes.is_null() | (minutes >= self.min_user_minutes)))
            .fill_null(value=False)
        )


def threshold(band: str, bands: Bands, by_metric: Mapping[str, Bands] | None = None) -> pl.Expr:
    """The threshold named ``band`` (critical, major or warning) for each row's ``metric``, in percent.

    Args:
        band: Which of the three thresholds.
        bands: The default, for every metric that ``by_metric`` does not name.
        by_metric: Bands of single metrics.
    """
    default = float(getattr(bands, band))
    if not by_metric:
        return pl.lit(default)
    own = {metric: float(getattr(its, band)) for metric, its in by_metric.items()}
    return pl.col("metric").replace_strict(own, default=default, return_dtype=pl.Float64)


def severity(score: pl.Expr, bands: Bands, by_metric: Mapping[str, Bands] | None = None) -> pl.Expr:
    """Severity of an SLE score in percent; null (no users) stays null, and so does NaN.

    With ``by_metric`` the frame must have a ``metric`` column.
    """
    known = score.fill_nan(None)
    return (
        pl.when(known < threshold("critical", bands, by_metric))
        .then(pl.lit("critical"))
        .when(known < threshold("major", bands, by_metric))
        .then(pl.lit("major"))
        .when(known < threshold("warning", bands, by_metric))
        .then(pl.lit("warning"))
        .when(known.is_not_null())
        .then(pl.lit("info"))
    )


def with_severity(
    readings: pl.DataFrame,
    bands: Bands | None = None,
    by_metric: Mapping[str, Bands] | None = None,
    gate: UserGate | None = None,
) -> pl.DataFrame:
    """Set the ``severity`` column of ``history.sle_daily`` (or of any frame of readings).

    Args:
        readings: metric, score_pct, num_users, total_user_minutes, state.
        bands: Thresholds of every metric without its own; DESIGN's 70 / 80 / 90 by default.
        by_metric: Thresholds of single metrics.
        gate: The users a reading needs; 5 users and 300 user-minutes by default.

    Returns:
        The frame with ``severity`` added or replaced: null where the state is not ``ok`` or the gate is closed.
        ``state`` stays as it was: few users are not an error.
    """
    is_enough = (pl.col("state") == "ok") & (gate or UserGate()).is_open()
    return readings.with_columns(
        severity=pl.when(is_enough).then(severity(pl.col("score_pct"), bands or Bands(), by_metric))
    )
