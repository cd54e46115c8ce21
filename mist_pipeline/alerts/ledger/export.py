"""What the ledger shows to others: frames for the warehouse (``alerts.*``), rows for lists that people read.

Here: rows with the columns that are public, which stay what they are while the tables of the ledger may change. JSON
columns become text in frames, instants stay instants, the schema does not depend on the rows. Not here: rows as the
program's own values (`mapping`).

>>> public_row(tables.ESCALATIONS, {"state": "cancelled", "stop_reason": "acknowledged", "stopped_by": "ada"})
{'state': 'cancelled', 'because': 'acknowledged by ada'}
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from mist_pipeline.alerts.ledger import tables
from mist_pipeline.alerts.ledger.database import reading
from mist_pipeline.alerts.ledger.mapping import (
    Row,
    alert_of,
    event_of,
    stop_of,
    withheld_of,
)
from mist_pipeline.alerts.ledger.queries import rows
from mist_pipeline.alerts.lifecycle.model import Event, withheld_from
from mist_pipeline.alerts.lifecycle.replay import alert_frame

COPIED: tuple[sa.Table, ...] = (
    tables.ALERTS,
    tables.EVENTS,
    tables.INCIDENTS,
    tables.IMPACTS,
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


@dataclass(frozen=True)
class _Sentence:
    """A public column of text that several columns of the ledger make.

    Attributes:
        name: The public column; the last of its table.
        parts: The columns of the ledger, which are not public.
        of: What makes it of a row; None is an empty sentence.
    """

    name: str
    parts: frozenset[str]
    of: Callable[[Row], object | None]


_SENTENCES: Mapping[sa.Table, _Sentence] = {
    tables.INCIDENTS: _Sentence(
        "withheld", frozenset({"withheld_reason", "withheld_detail", "withheld_until"}), withheld_of
    ),
    tables.ESCALATIONS: _Sentence("because", frozenset({"stop_reason", "stopped_by"}), stop_of),
}
_PRIVATE: Mapping[sa.Table, frozenset[str]] = {
    # What a return that does not hold is taken back to: of the lifecycle alone.
    tables.ALERTS: frozenset({"began_before", "ended_before", "series_before"}),
    tables.DELIVERIES: frozenset({"kind", "withdrawn_reason", "held_until"}),
    # Names and addresses of people never leave the ledger by this way.
    tables.IMPACTS: frozenset({"clients"}),
    **{table: sentence.parts for table, sentence in _SENTENCES.items()},
}


def schema(table: sa.Table) -> dict[str, pl.DataType]:
    """Column → type of the copy of a table."""
    private = _PRIVATE.get(table, frozenset())
    columns = {
        column.name: _TYPES[type(column.type)] for column in table.columns if column.name not in private
    }
    return columns | ({_SENTENCES[table].name: pl.String()} if table in _SENTENCES else {})


def public_row(table: sa.Table, row: Row) -> dict[str, Any]:
    """A row of the ledger with its public columns, in the order of `schema`."""
    private = _PRIVATE.get(table, frozenset())
    public = {name: value for name, value in row.items() if name not in private}
    if table is tables.EVENTS:
        public["detail"] = public_detail(event_of(row))
    if table in _SENTENCES:
        made = _SENTENCES[table].of(row)
        public[_SENTENCES[table].name] = "" if made is None else str(made)
    return public


def public_detail(event: Event) -> dict[str, Any]:
    """The detail of an event; of one that says why an incident is withheld, its reason is one sentence."""
    return _reason(event.detail) if event.kind == "withheld" else dict(event.detail)


def _reason(detail: Mapping[str, Any]) -> dict[str, Any]:
    withheld = withheld_from(detail)
    return {"reason": "" if withheld is None else str(withheld)}


def copies(engine: Engine) -> dict[str, pl.DataFrame]:
    """Every copied table by name, all of one moment, each sorted by its key."""
    with reading(engine) as connection:
        return {table.name: _copy(connection, table) for table in COPIED}


def _copy(connection: sa.Connection, table: sa.Table) -> pl.DataFrame:
    key = table.primary_key.columns
    if table in _SENTENCES:
        content = rows(connection, sa.select(table).order_by(*key))
        made = [tuple(map(_plain, public_row(table, row).values())) for row in content]
        return pl.DataFrame(made, schema=schema(table), orient="row")
    # There are hundreds of thousands of events: what is JSON is handed on as the text that it is stored as.
    public = [table.c[name] for name in schema(table)]
    query = sa.select(*(sa.cast(one, sa.Text) if _is_json(one) else one for one in public)).order_by(*key)
    found = [tuple(row) for row in connection.execute(query)]
    frame = pl.DataFrame(found, schema=schema(table), orient="row")
    frame = frame.with_columns(_readable(frame[one.name]) for one in public if _is_json(one))
    return _with_reasons(frame) if table is tables.EVENTS else frame


def _is_json(column: sa.Column[Any]) -> bool:
    return isinstance(column.type, sa.JSON)


def _readable(stored: pl.Series) -> pl.Series:
    """JSON as people read it: letters instead of their numbers, null instead of the word."""
    odd = stored.filter(stored.str.contains("\\u", literal=True) | (stored == "null")).unique()
    if odd.is_empty():
        return stored
    return stored.replace(dict(zip(odd, map(_plain, map(json.loads, odd)), strict=True)))


def _with_reasons(events: pl.DataFrame) -> pl.DataFrame:
    """Events with `public_detail`."""
    details = events.filter(pl.col("kind") == "withheld")["detail"].unique()
    said = {one: _plain(_reason(json.loads(one))) for one in details}
    is_withheld = pl.col("kind") == "withheld"
    return events.with_columns(
        detail=pl.when(is_withheld).then(pl.col("detail").replace(said)).otherwise(pl.col("detail"))
    )


def alert_list(engine: Engine) -> pl.DataFrame:
    """Every alert that ever opened, with the columns of a replay's ``alerts.csv``."""
    with reading(engine) as connection:
        found = rows(connection, sa.select(tables.ALERTS).where(tables.ALERTS.c.opened_at.is_not(None)))
    return alert_frame(map(alert_of, found), {row["alert_id"]: row["incident_id"] for row in found})


def _plain(value: object) -> object:
    if not isinstance(value, dict | list):
        return value
    # Half a surrogate pair is JSON, but no text: one foreign name must not keep all copies from being made.
    return json.dumps(value, ensure_ascii=False).encode(errors="replace").decode()
