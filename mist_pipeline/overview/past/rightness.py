"""Was it right? The tables of the scorecard over a range of days, summed up. Shares of few cases come with their uncertainty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb
import polars as pl

from mist_pipeline.overview.past.model import Values
from mist_pipeline.overview.past.ranges import Period
from mist_pipeline.scorecard.proportions import wilson

FEW = 20
"""Of fewer cases nothing is concluded."""
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
        bins: Probabilities, those said and what came.
        censored: Predictions whose week has too few readings.
        outcomes: Outcome → predictions, without those that were withheld.
        late: Predictions of these that were made afterwards, as by a backfill: nobody was warned.
        median_lead_days: Of those that came true, from the warning to the crossing.
        crossings: The newest.
    """

    period: Period
    trouble: str = ""
    by_horizon: Sequence[Accuracy] = ()
    by_metric: Sequence[Accuracy] = ()
    inside_80: Values = ()
    inside_95: Values = ()
    bins: Sequence[Bin] = ()
    censored: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    late: int = 0
    median_lead_days: float | None = None
    crossings: Sequence[Crossing] = ()


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
_CROSSINGS = """
    FROM scorecard.crossings
    WHERE day BETWEEN $first AND $last AND ($metric = '' OR metric = $metric) AND NOT coalesce(is_withheld, false)
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

    counted = connection.execute(
        f"SELECT outcome, count(*), count(*) FILTER (is_late_issue) {_CROSSINGS} GROUP BY outcome",
        known,
    ).fetchall()
    lead = connection.execute(
        f"SELECT median(lead_days) {_CROSSINGS} AND outcome = 'hit'",
        known,
    ).fetchone()
    rows = connection.execute(
        f"SELECT day, site_id, metric, outcome, first_day, predicted_days, lead_days, lowest_pct {_CROSSINGS} "
        "AND outcome <> 'censored' ORDER BY day DESC, site_id, metric LIMIT $most",
        {**known, "most": MOST_CROSSINGS},
    ).fetchall()
    by_day = {name: values for name, *values in accuracy("day")}
    bins = connection.execute(_BINS, known).pl()
    return Rightness(
        period=period,
        by_horizon=[_accuracy(row) for row in accuracy("horizon_days")],
        by_metric=[_accuracy(row) for row in accuracy("metric")],
        inside_80=_by_day(period, by_day, 5),
        inside_95=_by_day(period, by_day, 6),
        bins=_bins(bins),
        censored=int(bins["censored"].sum() or 0),
        outcomes={outcome: number for outcome, number, _ in counted},
        late=sum(late for *_, late in counted),
        median_lead_days=lead[0] if lead else None,
        crossings=[_crossing(row) for row in rows],
    )


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


def _crossing(row: tuple[Any, ...]) -> Crossing:
    day, site_id, metric, outcome, first_day, predicted, lead, lowest = row
    return Crossing(
        day=day, site_id=site_id, metric=metric, outcome=outcome, first_day=first_day, predicted_days=predicted,
        lead_days=lead, lowest_pct=lowest,
    )  # fmt: skip
