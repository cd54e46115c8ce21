"""Was it right? The tables of the scorecard over a range of days in numbers. Shares of few cases come with their uncertainty.

What became of predictions is counted by ``scorecard.summary``, as for the sentences (`graded`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb
import polars as pl

from mist_pipeline.overview.past.model import Values
from mist_pipeline.overview.past.ranges import Period
from mist_pipeline.scorecard import summary
from mist_pipeline.scorecard.alert_quality import WINDOWS
from mist_pipeline.scorecard.proportions import wilson
from mist_pipeline.warehouse.asking import rows_of

FEW = summary.MIN_CASES
"""Of fewer cases nothing is concluded, as in the sentences."""
MOST_CROSSINGS = 60


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Forecasts of one kind that fell due.

    Attributes:
        name: Horizon in days, or a service level.
        n: Forecasts.
        error_pct: Mean absolute error in points.
        naive_error_pct: Of the seasonal naive forecast, for those that both have.
        weekday_error_pct: Of the mean of the last four of the weekday.
        compared_error_pct: Ours of the same ones.
        inside_80_pct: Share inside the 80 % range, in percent.
        inside_95_pct: Share inside the 95 % range.
    """

    name: str
    n: int
    error_pct: float
    compared_error_pct: float | None
    naive_error_pct: float | None
    weekday_error_pct: float | None
    inside_80_pct: float | None
    inside_95_pct: float | None


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Predictions with about the same probability of becoming critical within a week.

    Attributes:
        low_pct: Lower end of the tenth.
        n: Predictions whose week is known.
        predicted_pct: Mean of what was predicted.
        observed_pct: Share that became critical.
        observed_low_pct: Lower end of the 95 % interval of that share.
        observed_high_pct: Upper end.
    """

    low_pct: float
    n: int
    predicted_pct: float
    observed_pct: float
    observed_low_pct: float
    observed_high_pct: float


@dataclass(frozen=True, kw_only=True)
class Quality:
    """How good the alerts of one rule were, or of all.

    Attributes:
        rule: Kind of the first finding; '' for all.
        n_alerts: Alerts that opened in the window.
        n_judged: Those that people judged.
        n_right: Of these right.
        precision_pct: Share of right ones; None where nothing was judged.
        low_pct: Lower end of its 95 % interval (Wilson).
        high_pct: Upper end.
    """

    rule: str
    n_alerts: int
    n_judged: int
    n_right: int
    precision_pct: float | None
    low_pct: float | None
    high_pct: float | None


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """What became of one predicted crossing, or one that nobody predicted."""

    day: date
    site_id: str
    metric: str
    outcome: str
    first_day: date | None
    predicted_days: float | None
    lead_days: int | None
    lowest_pct: float | None


@dataclass(frozen=True, kw_only=True)
class Rightness:
    """The scorecard over a range.

    Attributes:
        period: The range.
        trouble: Why it could not be read, '' if it could.
        by_horizon: Accuracy by days ahead.
        by_metric: Accuracy by service level.
        inside_80: Share inside the 80 % range in percent, by day.
        inside_95: Share inside the 95 % range, by day.
        said: Mean of what was predicted in percent, by the day on which the week ended.
        came: Share that became critical, by the same days.
        bins: Probabilities, those said and what came.
        censored: Predictions whose week has too few readings.
        outcomes: Outcome → predictions, without those that were withheld.
        late: Predictions of these that were made afterwards, as by a backfill: nobody was warned.
        median_lead_days: Of those that came true, from the warning to the crossing.
        crossings: The newest.
        quality: Alerts of all service levels in the same number of days: all, then by rule.
    """

    period: Period
    trouble: str = ""
    by_horizon: Sequence[Accuracy] = ()
    by_metric: Sequence[Accuracy] = ()
    inside_80: Values = ()
    inside_95: Values = ()
    said: Values = ()
    came: Values = ()
    bins: Sequence[Bin] = ()
    censored: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    late: int = 0
    median_lead_days: float | None = None
    crossings: Sequence[Crossing] = ()
    quality: Sequence[Quality] = ()


_ACCURACY = """
    SELECT {group} AS name, sum(n), sum(n * mean_abs_error_pct) / sum(n),
           sum(n_compared * compared_abs_error_pct) / nullif(sum(n_compared), 0),
           sum(n_compared * naive_abs_error_pct) / nullif(sum(n_compared), 0),
           sum(n_compared * weekday_abs_error_pct) / nullif(sum(n_compared), 0),
           100 * sum(n * coverage_80) / sum(n), 100 * sum(n * coverage_95) / sum(n)
    FROM scorecard.forecast_accuracy
    WHERE day BETWEEN $first AND $last AND model = '' AND site_group = '' AND ($metric = '' OR metric = $metric) AND n > 0
    GROUP BY 1 ORDER BY 1
    """
_BINS = """
    SELECT bin_low, sum(n)::BIGINT AS n, sum(n_censored)::BIGINT AS censored,
           sum(n * mean_probability) / nullif(sum(n), 0) AS predicted, sum(n * observed_share) AS came
    FROM scorecard.probabilities
    WHERE day BETWEEN $first AND $last AND ($metric = '' OR metric = $metric) GROUP BY bin_low ORDER BY bin_low
    """
_SAID = """
    SELECT day, sum(n)::BIGINT, 100 * sum(n * mean_probability) / sum(n), 100 * sum(n * observed_share) / sum(n)
    FROM scorecard.probabilities
    WHERE day BETWEEN $first AND $last AND ($metric = '' OR metric = $metric) AND n > 0 GROUP BY day
    """
_CROSSINGS = """
    SELECT day, site_id, metric, outcome, first_day, predicted_days, lead_days, lowest_pct, is_late_issue, is_sudden
    FROM scorecard.crossings
    WHERE day BETWEEN $first AND $last AND ($metric = '' OR metric = $metric) AND NOT coalesce(is_withheld, false)
    ORDER BY day DESC, site_id, metric
    """
_QUALITY = """
    SELECT rule, n_alerts, n_judged, n_judged - n_false AS n_right, 100 * precision AS precision_pct, 100 * precision_low AS low_pct,
           100 * precision_high AS high_pct
    FROM scorecard.alert_quality
    WHERE day = (SELECT max(day) FROM scorecard.alert_quality WHERE day <= getvariable('last'))
      AND window_days = getvariable('days') AND severity = '' AND sink = ''
    ORDER BY rule <> '', n_alerts DESC, rule
    """


def asked(connection: duckdb.DuckDBPyConnection, period: Period, metric: str) -> Rightness:
    """The scorecard of a range.

    Args:
        connection: To the published copy.
        period: Days.
        metric: Only this service level; '' for all.
    """
    known = {"first": period.first_day, "last": period.last_day, "metric": metric}

    def accuracy(group: str) -> list[tuple[Any, ...]]:
        return connection.execute(_ACCURACY.format(group=group), known).fetchall()

    crossings = connection.execute(_CROSSINGS, known).pl()
    counts = summary.warnings(crossings).values
    missed = crossings.filter(pl.col("outcome") == "missed").height
    outcomes = {name: int(counts[name] or 0) for name in summary.OUTCOMES} | {"missed": missed}
    newest = (
        crossings.filter(pl.col("outcome") != "censored")
        .drop("is_late_issue", "is_sudden")
        .head(MOST_CROSSINGS)
    )
    said = {day: values for day, *values in connection.execute(_SAID, known).fetchall()}
    by_day = {name: values for name, *values in accuracy("day")}
    bins = connection.execute(_BINS, known).pl()
    return Rightness(
        period=period,
        by_horizon=[_accuracy(row) for row in accuracy("horizon_days")],
        by_metric=[_accuracy(row) for row in accuracy("metric")],
        inside_80=_by_day(period, by_day, 5),
        inside_95=_by_day(period, by_day, 6),
        said=_by_day(period, said, 1),
        came=_by_day(period, said, 2),
        bins=_bins(bins),
        censored=int(bins["censored"].sum() or 0),
        outcomes=outcomes,
        late=int(counts["made_afterwards"] or 0),
        median_lead_days=counts["median_lead_days"],
        crossings=[Crossing(**row) for row in newest.iter_rows(named=True)],
        quality=[
            Quality(**row)
            for row in rows_of(connection, _QUALITY, last=period.last_day, days=_window(period))
        ],
    )


def _window(period: Period) -> int:
    """The longest window of alerts that is no longer than the range."""
    return max((days for days in WINDOWS if days <= period.number), default=min(WINDOWS))


def _accuracy(row: tuple[Any, ...]) -> Accuracy:
    name, n, error, compared, naive, weekday, inside_80, inside_95 = row
    return Accuracy(
        name=str(name),
        n=int(n),
        error_pct=error,
        compared_error_pct=compared,
        naive_error_pct=naive,
        weekday_error_pct=weekday,
        inside_80_pct=inside_80,
        inside_95_pct=inside_95,
    )


def _by_day(period: Period, found: dict[date, list[Any]], place: int) -> Values:
    """A share by day; of a day on which few forecasts fell due it says nothing."""
    values: list[float | None] = [None] * period.number
    for day, numbers in found.items():
        slot = period.place(day)
        if slot is not None and numbers[0] >= FEW:
            values[slot] = numbers[place]
    return tuple(values)


def _bins(frame: pl.DataFrame) -> list[Bin]:
    ends = pl.struct(*wilson(pl.col("came"), pl.col("n")))
    known = frame.filter(pl.col("n") > 0).with_columns(ends.alias("ends"))
    return [
        Bin(
            low_pct=100 * row["bin_low"],
            n=row["n"],
            predicted_pct=100 * row["predicted"],
            observed_pct=100 * row["came"] / row["n"],
            observed_low_pct=100 * row["ends"]["low"],
            observed_high_pct=100 * row["ends"]["high"],
        )
        for row in known.iter_rows(named=True)
    ]
