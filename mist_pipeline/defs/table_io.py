"""How a warehouse table becomes an asset: key, description, column schema, partitions, and the write with metadata.

An asset's key is its table (`scope`) and its group the layer. Its pool, whose limit is 1,
is its own: two runs never make the same table at once, and none waits while another computes or asks the cloud. Reads and
writes, which are short, take turns at the lock of the warehouse file (``warehouse.connection``).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

import dagster as dg
import polars as pl

from mist_pipeline.defs.metadata.versions import code_version
from mist_pipeline.defs.scope import Scope
from mist_pipeline.tables import BY_NAME
from mist_pipeline.tables.lineage import made_of
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.store import Glance, Warehouse, glance_of
from mist_pipeline.workflows.layers import DAYS_A_RUN

DATA_ENGINEERING = "team:data-engineering"
NETWORK_OPERATIONS = "team:network-operations"

LINEAGE = "dagster/column_lineage"
"""Of a definition, and of the newest day that a run makes: Dagster draws it from an asset's last event."""

Draw = Callable[[Warehouse, date], dg.MetadataValue]
"""Draws a picture of a day."""

BACKFILL = dg.BackfillPolicy.multi_run(max_partitions_per_run=DAYS_A_RUN)
"""A backfill is cut into runs that fit into memory, wherever it is started."""


@dataclass(frozen=True)
class Dep:
    """What an asset is made of, before it is said whose.

    Attributes:
        layer: Layer of the asset.
        name: Its name in the layer.
        mapping: Which of its days, where not the same ones.
    """

    layer: str
    name: str
    mapping: dg.PartitionMapping | None = None

    def of(self, scope: Scope) -> dg.AssetDep:
        """That of an organisation."""
        return dg.AssetDep(scope.asset(self.layer, self.name), partition_mapping=self.mapping)


def column_schema(table: Table) -> dg.TableSchema:
    """The columns as Dagster shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.type,
                column.description,
                constraints=dg.TableColumnConstraints(nullable=column.name not in table.key),
            )
            for column in table.columns
        ]
    )


def lineage(scope: Scope, table: Table, deps: Sequence[Dep]) -> dg.TableColumnLineage:
    """The columns that each column is made of, as Dagster draws them."""
    names = (f"{dep.layer}.{dep.name}" for dep in deps)
    upstream = [BY_NAME[name] for name in dict.fromkeys(names) if name in BY_NAME]
    sources = {name: made_of(table, name, upstream) for name in table.column_names}
    return dg.TableColumnLineage(
        {
            name: [dg.TableColumnDep(scope.key(source.table), source.column) for source in found]
            for name, found in sources.items()
            if found
        }
    )


def spec(
    scope: Scope,
    table: Table,
    deps: Sequence[Dep] = (),
    *,
    partitions: dg.PartitionsDefinition[str] | None = None,
    owner: str = NETWORK_OPERATIONS,
    freshness: dg.FreshnessPolicy | None = None,
) -> dg.AssetSpec:
    """The asset spec of a table."""
    return dg.AssetSpec(
        scope.key(table),
        deps=[dep.of(scope) for dep in deps],
        description=table.comment,
        group_name=table.schema,
        owners=[owner],
        kinds={"duckdb", "polars"},
        tags=scope.tags,
        partitions_def=partitions,
        code_version=code_version(table.schema),
        freshness_policy=freshness,
        metadata={
            LINEAGE: lineage(scope, table, deps),
            "dagster/column_schema": column_schema(table),
            "dagster/table_name": table.full_name,
            "key": dg.MetadataValue.text(", ".join(table.key)),
        },
    )


def on(table: Table, *, days_back: int = 0, include_day: bool = True) -> Dep:
    """A dependency on the same day of a table, and on the days before it where a look-back is given."""
    if not days_back:
        return Dep(table.schema, table.name)
    mapping = dg.TimeWindowPartitionMapping(start_offset=-days_back, end_offset=0 if include_day else -1)
    return Dep(table.schema, table.name, mapping)


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """The days that this run materialises, in order."""
    return sorted(date.fromisoformat(name) for name in context.partition_keys)


def replaced(
    scope: Scope,
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    table: Table,
    frame: pl.DataFrame,
    about: Callable[[pl.DataFrame], Mapping[str, Any]] | None = None,
    draw: Draw | None = None,
) -> dg.MaterializeResult[Any]:
    """Replace this run's days of a table and say of each what was written.

    Args:
        scope: Whose asset it is.
        context: Of the run.
        warehouse: Where the table is.
        table: What is replaced.
        frame: Its rows of these days.
        about: What else to say of a day, made from its rows.
        draw: Draws a picture of the newest day.
    """
    days = days_of(context)
    stored = warehouse.replace_days(table, frame, days)
    facts = {}
    if about is not None:
        parts = frame.partition_by("day", as_dict=True)
        facts = {day: about(parts.get((day,), frame.clear())) for day in days}
    return days_written(scope, context, warehouse, table, glance_of(table, stored, days), facts, draw)


def days_written(
    scope: Scope,
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    table: Table,
    seen: Mapping[date, Glance] | None = None,
    facts: Mapping[date, Mapping[str, Any]] = MappingProxyType({}),
    draw: Draw | None = None,
) -> dg.MaterializeResult[Any]:
    """What an asset says about each day of its table: row count, a preview, what else is known; a picture of the newest.

    Args:
        scope: Whose asset it is.
        context: Of the run.
        warehouse: Where the table is.
        table: What was written.
        seen: Its days at a glance; None: they are read.
        facts: Day → what else is known of it.
        draw: Draws a picture of the newest day.
    """
    days = days_of(context)
    asset = scope.key(table)
    drawn = {LINEAGE: context.assets_def.metadata_by_key[asset][LINEAGE]}
    if draw is not None:
        drawn["picture"] = draw(warehouse, days[-1])
    for day, (rows, first) in (seen or warehouse.glance(table, days)).items():
        about = {**_of_rows(rows, first), **facts.get(day, {}), **(drawn if day == days[-1] else {})}
        context.add_asset_metadata(about, asset, day.isoformat())
    return dg.MaterializeResult(asset_key=asset)


def written(
    scope: Scope, table: Table, frame: pl.DataFrame, rows: int, metadata: Mapping[str, Any]
) -> dg.MaterializeResult[Any]:
    """What an asset without partitions says about its table."""
    return dg.MaterializeResult(asset_key=scope.key(table), metadata={**_of_rows(rows, frame), **metadata})


def _of_rows(rows: int, frame: pl.DataFrame) -> dict[str, Any]:
    return {"dagster/row_count": rows, "preview": dg.MetadataValue.md(preview(frame))}


def preview(frame: pl.DataFrame, rows: int = 8) -> str:
    """The first rows as a Markdown table; cell text is escaped, since names are typed by strangers."""
    return markdown_table(frame.columns, frame.head(rows).rows())


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; cell text is escaped."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


_ESCAPED = {ord(character): f"&#{ord(character)};" for character in "\\|`*_[]()#!&<>"}


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = f"{value:.2f}" if isinstance(value, float) else str(value)
    return " ".join(text.split())[:60].translate(_ESCAPED)
