"""All rows of a warehouse, and how those of two differ."""

from collections.abc import Mapping

import polars as pl

from mist_pipeline.settings import Settings
from mist_pipeline.tables import TABLES
from mist_pipeline.workflows.warehouse_access import warehouse_of


def contents(settings: Settings) -> dict[str, pl.DataFrame]:
    """Every table of history, analysis and the scorecard, in a fixed order of rows."""
    warehouse = warehouse_of(settings)
    with warehouse.reading():
        return {
            table.full_name: warehouse.query(
                f"SELECT * FROM {table.full_name} ORDER BY {', '.join(table.key)}"
            )
            for table in TABLES
            if table.schema in {"history", "analysis", "scorecard"}
        }


def differing(wanted: Mapping[str, pl.DataFrame], found: Mapping[str, pl.DataFrame]) -> list[str]:
    """Tables that are not the same bit by bit."""
    return [
        f"{table}: {rows.height:,} rows and {found[table].height:,}"
        for table, rows in wanted.items()
        if not found[table].equals(rows)
    ]
