"""What a table is: columns with type, unit and meaning, from which everything else is made.

DDL, comments, Dagster's column schema, the empty Polars frame and the data dictionary all come from these
definitions. The tables are defined in the other modules of this room; reading and writing is in ``warehouse.store``.

>>> day, score = Column("day", "DATE", "Day"), Column("score_pct", "DOUBLE", "Score", "%")
>>> table = Table("demo", "scores", "One score a day.", (day, score), key=("day",))
>>> table.full_name, score.description, table.polars_schema()
('demo.scores', 'Score [%]', {'day': Date, 'score_pct': Float64})
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

ColumnType = Literal[
    "VARCHAR", "DOUBLE", "BIGINT", "BOOLEAN", "DATE", "TIMESTAMPTZ", "VARCHAR[]", "DOUBLE[]", "JSON"
]

_POLARS: dict[str, pl.DataType] = {
    "VARCHAR": pl.String(),
    "DOUBLE": pl.Float64(),
    "BIGINT": pl.Int64(),
    "BOOLEAN": pl.Boolean(),
    "DATE": pl.Date(),
    "TIMESTAMPTZ": pl.Datetime("us", "UTC"),
    "VARCHAR[]": pl.List(pl.String()),
    "DOUBLE[]": pl.List(pl.Float64()),
    "JSON": pl.String(),
}

SIGNIFICANT_DIGITS = 12
"""Kept of every number: sums of the same rows in another order differ in the last bits, and the same run twice has to
give the same table."""


@dataclass(frozen=True)
class Column:
    """One column: its DuckDB type, what it means, and the unit it is in."""

    name: str
    type: ColumnType
    comment: str
    unit: str | None = None

    @property
    def description(self) -> str:
        """The comment with its unit, as people read it."""
        return f"{self.comment} [{self.unit}]" if self.unit else self.comment


@dataclass(frozen=True)
class Table:
    """One warehouse table.

    Attributes:
        schema: DuckDB schema; the layer, and the group of its asset.
        name: Table name inside the schema.
        comment: What one row says.
        columns: In order.
        key: Columns that identify a row. Enforced by asset checks: a DuckDB primary key would forbid replacing rows
            inside one transaction.
        partition: The column by which partitions are replaced, or None for a table replaced whole or appended to.
    """

    schema: str
    name: str
    comment: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    partition: str | None = "day"

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        repeated = {name for name in names if names.count(name) > 1}
        missing = {name for name in (*self.key, *filter(None, [self.partition])) if name not in names}
        if repeated or missing:
            raise ValueError(
                f"{self.full_name}: columns repeated {sorted(repeated)}, not defined {sorted(missing)}"
            )

    @property
    def full_name(self) -> str:
        """``schema.name``, as written in SQL."""
        return f"{self.schema}.{self.name}"

    @property
    def column_names(self) -> list[str]:
        """Column names in order."""
        return [column.name for column in self.columns]

    @property
    def stored_order(self) -> list[str]:
        """Columns by which the rows of partitions are sorted when they are written: by site, where there is one.

        DuckDB knows the smallest and the largest value of every block of a column, and skips those in which a site cannot be: a
        question about one of 3,000 sites then reads a few blocks of each day instead of all.
        """
        order = [name for name in (self.partition, "site_id") if name in self.column_names]
        return order if "site_id" in order else []

    def polars_schema(self) -> dict[str, pl.DataType]:
        """Column name → Polars type, in order."""
        return {column.name: _POLARS[column.type] for column in self.columns}

    def empty(self) -> pl.DataFrame:
        """A frame with this table's columns and no rows."""
        return pl.DataFrame(schema=self.polars_schema())

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with exactly this table's columns, order and types, numbers to `SIGNIFICANT_DIGITS`.

        Raises:
            ValueError: A column is missing or unknown, or a value does not fit its type.
        """
        missing = [name for name in self.column_names if name not in frame.columns]
        unknown = [name for name in frame.columns if name not in self.column_names]
        if missing or unknown:
            raise ValueError(f"{self.full_name}: the frame lacks {missing} and has unknown columns {unknown}")
        try:
            return frame.select(
                pl.col(name).cast(dtype).round_sig_figs(SIGNIFICANT_DIGITS)
                if dtype == pl.Float64
                else pl.col(name).cast(dtype)
                for name, dtype in self.polars_schema().items()
            )
        except pl.exceptions.PolarsError as error:
            raise ValueError(f"{self.full_name}: {error}") from error

    def create_statements(self) -> list[str]:
        """The DDL of this table with its comments; safe to run again."""
        columns = ",\n  ".join(f"{quote(column.name)} {column.type}" for column in self.columns)
        return [
            f"CREATE SCHEMA IF NOT EXISTS {quote(self.schema)}",
            f"CREATE TABLE IF NOT EXISTS {self.full_name} (\n  {columns}\n)",
            self.comment_statement(),
            *(self.comment_statement(column) for column in self.columns),
        ]

    def comment_statement(self, column: Column | None = None) -> str:
        """The DDL of the comment on one column, or on the table."""
        if column is None:
            return f"COMMENT ON TABLE {self.full_name} IS {literal(self.comment)}"
        return f"COMMENT ON COLUMN {self.full_name}.{quote(column.name)} IS {literal(column.description)}"


def quote(identifier: str) -> str:
    """An SQL identifier in double quotes."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL string literal; for the places (DDL comments, ATTACH) where parameters are not allowed."""
    return "'" + text.replace("'", "''") + "'"


def data_dictionary(tables: Iterable[Table], views: Mapping[str, str]) -> str:
    """The data dictionary as Markdown: a section a table, a row a column; the views at the end.

    Args:
        tables: In the order of the page.
        views: Name → what one row says.
    """
    lines = [
        "# Data dictionary",
        "",
        "Made from the table definitions in `mist_pipeline/tables/` by `make docs`; a test keeps it current.",
        "Percent are 0–100. Instants are UTC. **Bold** columns are the key.",
        "",
        "`history`, `analysis` and `scorecard` are as of the newest morning, `live` as of the newest poll, `alerts` as of the newest",
        "evaluation; the table `freshness` says of each how old it is. [How to query them](operations.md#querying).",
    ]
    for table in tables:
        lines += [
            "",
            f"## {table.full_name}",
            "",
            table.comment,
            "",
            "| column | type | meaning |",
            "|---|---|---|",
        ]
        for column in table.columns:
            name = f"**{column.name}**" if column.name in table.key else column.name
            description = column.description.replace("|", "\\|")
            lines.append(f"| {name} | {column.type} | {description} |")
    lines += ["", "## Views", "", "| view | what it says |", "|---|---|"]
    lines += [f"| {name} | {comment} |" for name, comment in views.items()]
    return "\n".join(lines) + "\n"
