"""``sql``: a query, or a prompt, on the published files."""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from mist_pipeline.cli.console import Format, console, errors, literal, shown
from mist_pipeline.cli.place import need_data_folder

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from mist_pipeline.settings import Settings
    from mist_pipeline.warehouse.reading import Part


def sql(
    query: Annotated[str | None, typer.Argument(help="One query; without it, a prompt.")] = None,
    output: Annotated[Format, typer.Option("--format", help="How rows are printed.")] = Format.table,
) -> None:
    """Query the tables for analysts: whole days, today, alerts.

    Example: [cyan]mist-pipeline sql "SELECT * FROM worst_sites LIMIT 10"[/]
    """
    from mist_pipeline.settings import load_settings
    from mist_pipeline.warehouse.reading import reading
    from mist_pipeline.workflows.present.overview import published_files

    settings = load_settings()
    need_data_folder(settings)
    places = published_files(settings)
    try:
        with reading(places) as opened:
            if query is None:
                console.print(
                    f"{shown(places.days.parent)}, read-only. Try: FROM worst_sites;  FROM open_incidents;  SHOW ALL TABLES;  "
                    "Ctrl-D leaves.",
                    soft_wrap=True,
                )
                _tell_ages(settings, opened.parts)
                _prompt(opened.connection, output)
                return
            # Before the answer, since that may be empty because of it.
            _tell_ages(settings, opened.used_by(query))
            if not _answer(opened.connection, query, output):
                raise typer.Exit(1)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"Nothing is published in {shown(places.days.parent)} yet; `mist-pipeline run` publishes."
        ) from None


def _tell_ages(settings: "Settings", parts: "Iterable[Part]") -> None:
    """Say which of the files are old or cannot be read, on standard error: the rows can still be piped."""
    from mist_pipeline.overview.model import DAYS_STALE, Source

    now = datetime.now(UTC)
    two_polls = timedelta(minutes=2 * settings.monitoring.interval_minutes)
    for part in parts:
        limit = DAYS_STALE if "history" in part.schemas else two_polls
        source = Source(name=part.path.name, as_of=part.as_of, trouble=part.trouble, stale_after=limit)
        if part.trouble or source.is_stale(now):
            tables = ", ".join(f"{schema}.*" for schema in part.schemas)
            errors.print(f"[yellow]{literal(f'{tables}: {source.words(now)}')}[/]", soft_wrap=True)


def _prompt(connection: "duckdb.DuckDBPyConnection", output: Format) -> None:
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
