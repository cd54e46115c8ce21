"""``sql``: a query, or a prompt, on the published copy."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mist_pipeline.cli.console import Format, console, errors, literal, shown

if TYPE_CHECKING:
    import duckdb
    import polars as pl


def sql(
    query: Annotated[str | None, typer.Argument(help="One query; without it, a prompt.")] = None,
    output: Annotated[Format, typer.Option("--format", help="How rows are printed.")] = Format.table,
) -> None:
    """Query the analysts' copy of the warehouse.

    Example: [cyan]mist-pipeline sql "SELECT * FROM worst_sites LIMIT 10"[/]
    """
    import duckdb

    from mist_pipeline.settings import load_settings

    path = load_settings().published_path
    if not path.exists():
        raise FileNotFoundError(f"Nothing is published at {shown(path)} yet; `mist-pipeline run` publishes.")
    # Read-only is the copy alone: without the second, COPY and EXPORT would write other files.
    with duckdb.connect(str(path), read_only=True, config={"enable_external_access": "false"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        if query is None:
            _prompt(connection, path, output)
        elif not _answer(connection, query, output):
            raise typer.Exit(1)


def _prompt(connection: "duckdb.DuckDBPyConnection", path: Path, output: Format) -> None:
    console.print(f"{shown(path)}, read-only. Try: FROM worst_sites;  SHOW ALL TABLES;  Ctrl-D leaves.")
    statement = ""
    while True:
        try:
            line = input("... " if statement else "sql> ")
        except (EOFError, KeyboardInterrupt):
            console.print()
            return
        statement = f"{statement}\n{line}".strip()
        if not statement.endswith(";"):
            continue
        _answer(connection, statement, output)
        statement = ""


def _answer(connection: "duckdb.DuckDBPyConnection", query: str, output: Format) -> bool:
    """Print what a query finds, or say why it cannot; whether it could."""
    import duckdb

    from mist_pipeline.cli.printing.answers import UnshownError, frame_of

    try:
        _show(frame_of(connection, query), output)
    except (duckdb.Error, UnshownError) as error:
        _complain(error)
        return False
    return True


def _show(frame: "pl.DataFrame", output: Format) -> None:
    from mist_pipeline.cli.printing.frames import csv_of, json_of, table_of

    if output is Format.csv:
        sys.stdout.write(csv_of(frame))
    elif output is Format.json:
        sys.stdout.write(json_of(frame))
    else:
        sys.stdout.write(table_of(frame, console.width))


def _complain(error: Exception) -> None:
    """Say why a query failed; the reason may quote what is stored."""
    errors.print(f"[red]{literal(str(error))}[/]")
