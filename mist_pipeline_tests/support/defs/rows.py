"""Rows without fault for tables, and a warehouse that holds them."""

from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from mist_pipeline.tables import history
from mist_pipeline.tables.schema import Column, Table
from mist_pipeline.warehouse.store import Warehouse

FIRST, SECOND = date(2026, 3, 28), date(2026, 3, 29)
INSTANT = datetime(2026, 3, 28, 10, tzinfo=UTC)
TABLE = history.SLE_DAILY

POSSIBLE: dict[str, Any] = {
    "VARCHAR": "a",
    "DOUBLE": 50.0,
    "BIGINT": 3,
    "BOOLEAN": False,
    "DATE": FIRST,
    "TIMESTAMPTZ": INSTANT,
    "VARCHAR[]": ["a"],
    "DOUBLE[]": [1.0],
    "JSON": "{}",
}


def possible(column: Column) -> Any:
    return "ok" if column.name == "state" else POSSIBLE[column.type]


def row(table: Table = TABLE, **values: Any) -> dict[str, Any]:
    """A row without fault, but for these values."""
    return {**{column.name: possible(column) for column in table.columns}, **values}


def frame(*rows: dict[str, Any], table: Table = TABLE) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=table.polars_schema(), orient="row")


def write(warehouse: Warehouse, table: Table, *rows: dict[str, Any]) -> None:
    if table.partition is None:
        warehouse.replace_tables({table: frame(*rows, table=table)})
    else:
        warehouse.replace_days(table, frame(*rows, table=table), [FIRST, SECOND])
