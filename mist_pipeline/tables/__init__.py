"""Every table of the warehouse: names, columns, types, units and meanings, one module for each layer.

Definitions belong here, and only those: DDL, Polars schemas, Dagster's column schemas and the data dictionary are made
from them. Reading and writing tables is in ``warehouse``, and what fills them is in ``collect``, ``analysis``,
``alerts`` and ``scorecard``.
"""

from mist_pipeline.tables import alerts, analysis, history, live, scorecard, state
from mist_pipeline.tables.schema import Table

PUBLIC_TABLES: tuple[Table, ...] = (
    *history.TABLES,
    *analysis.TABLES,
    *live.TABLES,
    *alerts.TABLES,
    *scorecard.TABLES,
)
"""The tables for analysts: they are assets, are published, and are in the data dictionary."""

TABLES: tuple[Table, ...] = (*PUBLIC_TABLES, *state.TABLES)
"""Every table of the warehouse."""

BY_NAME: dict[str, Table] = {table.full_name: table for table in TABLES}
"""Every table by ``schema.name``."""
