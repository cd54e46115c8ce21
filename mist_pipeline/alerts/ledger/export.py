"""Copies of the ledger as frames, for the warehouse (``alerts.*``) and for lists that people read.

Here: rows to frames with a schema that does not depend on the rows. JSON columns become text, instants stay instants.
"""

import json
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from mist_pipeline.alerts.ledger import tables
from mist_pipeline.alerts.ledger.database import reading
from mist_pipeline.alerts.ledger.mapping import alert_of
from mist_pipeline.alerts.ledger.queries import rows
from mist_pipeline.alerts.lifecycle.replay import alert_frame

COPIED: tuple[sa.Table, ...] = (
    tables.ALERTS,
    tables.EVENTS,
    tables.INCIDENTS,
    tables.DELIVERIES,
    tables.TICKETS,
    tables.THREADS,
    tables.ESCALATIONS,
    tables.SILENCES,
    tables.FEEDBACK,
)

_TYPES: dict[type[Any], pl.DataType] = {
    sa.Text: pl.String(),
    sa.JSON: pl.String(),
    sa.Integer: pl.Int64(),
    sa.Float: pl.Float64(),
    sa.Boolean: pl.Boolean(),
    tables.Instant: pl.Datetime("us", "UTC"),
}


def schema(table: sa.Table) -> dict[str, pl.DataType]:
    """Column → type of the copy of a table."""
    return {column.name: _TYPES[type(column.type)] for column in table.columns}


def copies(engine: Engine) -> dict[str, pl.DataFrame]:
    """Every copied table by name, all of one moment, each sorted by its key."""
    with reading(engine) as connection:
        found = {
            table: rows(connection, sa.select(table).order_by(*table.primary_key.columns)) for table in COPIED
        }
    return {
        table.name: pl.DataFrame(
            [tuple(map(_plain, row.values())) for row in content], schema=schema(table), orient="row"
        )
        for table, content in found.items()
    }


def alert_list(engine: Engine) -> pl.DataFrame:
    """Every alert that ever opened, with the columns of a replay's ``alerts.csv``."""
    with reading(engine) as connection:
        found = rows(connection, sa.select(tables.ALERTS).where(tables.ALERTS.c.opened_at.is_not(None)))
    return alert_frame(map(alert_of, found), {row["alert_id"]: row["incident_id"] for row in found})


def _plain(value: object) -> object:
    if not isinstance(value, dict | list):
        return value
    # Half a surrogate pair is JSON, but no text: one foreign name must not keep all copies from being made.
    return json.dumps(value, sort_keys=True, ensure_ascii=False).encode(errors="replace").decode()
