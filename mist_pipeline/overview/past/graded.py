"""The scorecard as everybody is told it: command line, morning page and console. Read once, here.

Not here: the sentences (``scorecard.summary``), a range of days in numbers (`rightness`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import polars as pl

from mist_pipeline.domain.site_names import display_names
from mist_pipeline.scorecard import proposals, summary
from mist_pipeline.tables import history
from mist_pipeline.tables import scorecard as table
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.asking import frame_of, rows_of


@dataclass(frozen=True)
class Scorecard:
    """Was it right, up to a day?

    Attributes:
        day: The newest graded day.
        lines: Answers, the most important first.
        proposals: What to consider, in words.
    """

    day: date
    lines: Sequence[summary.Line]
    proposals: Sequence[str]


def scorecard(
    connection: duckdb.DuckDBPyConnection, forecast_days: int, day: date | None = None
) -> Scorecard | None:
    """The scorecard of a day; None where nothing was graded yet.

    Args:
        connection: To the published copy.
        forecast_days: How far forecasts are looked at.
        day: Which; the newest by default.
    """
    if not has_grades(connection):
        return None
    if day is None:
        day = rows_of(connection, "SELECT max(day) AS day FROM scorecard.alert_quality")[0]["day"]
    if day is None:
        return None
    of_outcomes = day - timedelta(days=summary.OUTCOME_DAYS - 1)
    grades = summary.Grades(
        crossings=_days(connection, table.CROSSINGS, of_outcomes, day),
        probabilities=_days(connection, table.PROBABILITIES, of_outcomes, day),
        accuracy=_days(
            connection,
            table.FORECAST_ACCURACY,
            day - timedelta(days=summary.ACCURACY_DAYS - 1),
            day,
            where="model = '' AND site_group = ''",
        ),
        quality=_days(connection, table.ALERT_QUALITY, day, day),
        forecast_days=forecast_days,
    )
    rows = _days(connection, table.PROPOSALS, day, day).to_dicts()
    sites = _days(connection, history.SITES, day, day, columns=("site_id", "name")) if rows else None
    names = {} if sites is None else display_names(dict(sites.iter_rows()))
    said = [proposals.sentence(row, names.get(row["subject"], "")) for row in rows]
    return Scorecard(day, summary.summary(grades), said)


def _days(
    connection: duckdb.DuckDBPyConnection,
    source: Table,
    first: date,
    last: date,
    *,
    columns: Sequence[str] = (),
    where: str = "true",
) -> pl.DataFrame:
    names = columns or source.column_names
    kinds = source.polars_schema()
    # A copy that an earlier version published lacks columns that are new: what they say is not known of these days.
    there = connection.table(source.full_name).columns
    chosen = (name if name in there else f"NULL AS {name}" for name in names)
    query = (
        f"SELECT {', '.join(chosen)} FROM {source.full_name} "  # noqa: S608 - our own names
        f"WHERE day BETWEEN getvariable('first') AND getvariable('last') AND {where}"
    )
    found = frame_of(connection, query, first=first, last=last)
    return found.select(pl.col(name).cast(kinds[name]) for name in names)


def has_grades(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the copy has the newest of these tables; one that an earlier version published has not."""
    return bool(
        rows_of(
            connection,
            "SELECT 1 FROM information_schema.tables WHERE table_schema = getvariable('schema') AND table_name = getvariable('name')",
            schema=table.PROPOSALS.schema,
            name=table.PROPOSALS.name,
        )
    )
