"""What a warehouse holds, and where two warehouses differ: table, column, first rows."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from mist_pipeline.tables import BY_NAME, TABLES
from mist_pipeline.warehouse.store import Warehouse

Contents = dict[str, pl.DataFrame]


def contents(path: Path, *layers: str) -> Contents:
    """Every table of these layers, in the order of its key."""
    warehouse = Warehouse(path)
    return {
        table.full_name: warehouse.query(f"SELECT * FROM {table.full_name} ORDER BY {', '.join(table.key)}")
        for table in TABLES
        if table.schema in layers
    }


def differences(one: Mapping[str, pl.DataFrame], other: Mapping[str, pl.DataFrame]) -> list[str]:
    """A line for every table that differs, and for every column of it that does."""
    assert one.keys() == other.keys()
    return [line for name, frame in one.items() for line in _of_table(name, frame, other[name])]


def _of_table(name: str, one: pl.DataFrame, other: pl.DataFrame) -> list[str]:
    if one.equals(other):
        return []
    key = list(BY_NAME[name].key)
    only_one, only_other = one.join(other, on=key, how="anti"), other.join(one, on=key, how="anti")
    lines = [
        f"{name}: {rows.height} keys only in the {which}, first {rows.select(key).row(0)}"
        for which, rows in (("first", only_one), ("second", only_other))
        if rows.height
    ]
    both = one.join(other, on=key, how="inner", suffix="_other", maintain_order="left")
    for column in (column for column in one.columns if column not in key):
        unequal = both.filter(pl.col(column).ne_missing(pl.col(f"{column}_other")))
        if unequal.height:
            first = unequal.row(0, named=True)
            lines.append(
                f"{name}.{column}: {unequal.height} of {both.height} rows, first at {[first[part] for part in key]}: "
                f"{first[column]!r} against {first[f'{column}_other']!r}"
            )
    return lines or [f"{name}: the same keys occur another number of times"]
