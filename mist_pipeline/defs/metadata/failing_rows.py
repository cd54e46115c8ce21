"""The rows that fail a check: a table on the page of its result, with the query that finds them, to be run by hand.

Not here: what fails (`checks`), which days failed (`checks.days`).
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import polars as pl

from mist_pipeline.tables.schema import Table, literal, quote
from mist_pipeline.warehouse.store import Warehouse

MOST_ROWS = 20
"""Rows shown; the query finds the others."""


def failing_rows(
    warehouse: Warehouse, table: Table, where: str, parameters: Sequence[Any], wrong: str
) -> dict[str, Any]:
    """The rows of a table for which a condition holds.

    Args:
        warehouse: Where the table is.
        table: Which.
        where: The rows checked, as SQL with ``?`` for parameters.
        parameters: Their values: days.
        wrong: The condition, as SQL; it may be a window over rows of the same key. Empty: no row fails.
    """
    if not wrong:
        return {}
    keys = ", ".join(map(quote, table.key))
    clause = f"WHERE {where} QUALIFY {wrong}" if " OVER (" in wrong else f"WHERE {where} AND ({wrong})"
    return found(warehouse, f"SELECT * FROM {table.full_name} {clause} ORDER BY {keys}", parameters)


def found(warehouse: Warehouse, sql: str, parameters: Sequence[Any]) -> dict[str, Any]:
    """What a query finds, as metadata of the result of a check."""
    rows = warehouse.query(f"{sql} LIMIT {MOST_ROWS}", parameters)
    shown = sql
    for value in parameters:
        shown = shown.replace("?", f"DATE {literal(str(value))}", 1)
    return {
        "failing_rows": dg.MetadataValue.table(
            [dg.TableRecord(_record(row)) for row in rows.iter_rows(named=True)],
            dg.TableSchema([dg.TableColumn(name, str(kind)) for name, kind in rows.schema.items()]),
        ),
        "query": dg.MetadataValue.md(f"```sql\n{shown}\n```"),
    }


def _record(row: dict[str, Any]) -> dict[str, str | int | float | bool]:
    return {name: value if isinstance(value, bool | int) else _text(value) for name, value in row.items()}


def _text(value: object) -> str:
    # Dagster stores the numbers of a table as JSON, which knows neither NaN nor infinity.
    return "" if value is None else str(value.to_list() if isinstance(value, pl.Series) else value)
