"""What a query finds as a frame; what no frame can hold is named, with what to write instead."""

import re
from collections.abc import Iterator

import duckdb
import polars as pl

from mist_pipeline.warehouse.asking import frame_of_relation

_INTERVAL = re.compile(r"\bINTERVAL\b")
_SECONDS = (-62_135_596_800, 253_402_300_799)
"""From the first of the year 1 to the last of the year 9999, from 1970."""
_A_DAY = 86_400
_PER_SECOND = {"ms": 10**3, "us": 10**6, "ns": 10**9}


class UnshownError(ValueError):
    """A query that asks nothing, or whose rows cannot be shown."""


def answers_of(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[pl.DataFrame]:
    """The rows of each statement of a query, in order; a statement is run when its rows are asked for.

    Raises:
        duckdb.Error: One fails.
        UnshownError: There is no statement, or a column is of what cannot be shown.
    """
    statements = connection.extract_statements(query)
    if not statements:
        raise UnshownError("Error: the query is empty. Try: FROM worst_sites")
    for statement in statements:
        relation = connection.sql(statement)
        # What gives no rows, such as SET, has been done.
        if relation is not None:
            yield _frame_of(relation)


def _frame_of(relation: duckdb.DuckDBPyRelation) -> pl.DataFrame:
    for name, kind in zip(relation.columns, relation.types, strict=True):
        if _INTERVAL.search(str(kind)):
            raise _unshown(name, "is an interval")
    try:
        frame = frame_of_relation(relation)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise UnshownError(
            f"Error: these rows cannot be shown: {error}. Cast to VARCHAR what is unusual"
        ) from error
    for column in frame.iter_columns():
        if _is_beyond_calendar(column):
            raise _unshown(column.name, "holds infinity or a date outside the years 1 to 9999")
    return frame


def _unshown(column: str, why: str) -> UnshownError:
    return UnshownError(
        f"Error: column {column!r} {why}, which cannot be shown. Cast it to text: (…)::VARCHAR"
    )


def _is_beyond_calendar(column: pl.Series) -> bool:
    """Whether a column, or what is in its lists and structs, holds an instant that has no date."""
    kind = column.dtype
    if isinstance(kind, pl.Map):
        pairs = pl.List(pl.Struct({"key": kind.key, "value": kind.value}))
        return _is_beyond_calendar(column.cast(pairs))
    if isinstance(kind, pl.List | pl.Array):
        return _is_beyond_calendar(column.explode())
    if isinstance(kind, pl.Struct):
        return any(map(_is_beyond_calendar, column.struct.unnest().iter_columns()))
    if isinstance(kind, pl.Date):
        first, last = (second // _A_DAY for second in _SECONDS)
    elif isinstance(kind, pl.Datetime):
        first, last = (second * _PER_SECOND[kind.time_unit] for second in _SECONDS)
    else:
        return False
    return not column.to_physical().cast(pl.Int128).drop_nulls().is_between(first, last).all()
