"""``sql``: queries on the published files: one, a file of them, or a prompt. Not here: the prompt itself (`prompt`)."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from mist_pipeline.cli.clock import clock_of
from mist_pipeline.cli.console import console, errors, literal, shown
from mist_pipeline.cli.place import need_data_folder
from mist_pipeline.cli.printing.options import Csv, Json, Output, Parquet, Wide, output_of

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from mist_pipeline.settings import Settings
    from mist_pipeline.warehouse.reading import Part, Reading


def sql(
    query: Annotated[
        str | None,
        typer.Argument(
            help="Statements, separated by ; or - for those of standard input. Without it, a prompt."
        ),
    ] = None,
    as_json: Json = False,
    csv: Csv = False,
    parquet: Parquet = None,
    wide: Wide = False,
) -> None:
    """Query the tables for analysts: whole days, today, alerts. Of several statements programs get the last one's rows.

    Example: [cyan]mist-pipeline sql "SELECT * FROM worst_sites LIMIT 10"[/]

    For a spreadsheet: [cyan]mist-pipeline sql "FROM open_incidents" --csv > incidents.csv[/]
    """
    from mist_pipeline.settings import load_settings

    output = output_of(as_json=as_json, csv=csv, parquet=parquet, wide=wide)
    settings = load_settings()
    need_data_folder(settings)
    if query == "-" or (query is None and not sys.stdin.isatty()):
        query = sys.stdin.read()
    with _published(settings) as opened:
        if query is None:
            _prompt(settings, opened, output)
            return
        # Before the answer, since that may be empty because of it.
        _tell_ages(settings, opened.used_by(query))
        if not answer(opened.connection, query, output):
            raise typer.Exit(1)


@contextmanager
def _published(settings: "Settings") -> "Iterator[Reading]":
    from mist_pipeline.warehouse.reading import reading
    from mist_pipeline.workflows.present.overview import published_files

    places = published_files(settings)
    if not any(path.exists() for path in (places.days, places.today, places.ledger)):
        raise FileNotFoundError(
            f"Nothing is published in {shown(places.days.parent)} yet; `mist-pipeline run` publishes."
        )
    with reading(places) as opened:
        yield opened


def _prompt(settings: "Settings", opened: "Reading", output: Output) -> None:
    from mist_pipeline.cli.reading.prompt import begin

    console.print(
        f"{shown(opened.parts[0].path.parent)}, read-only. A statement ends with ;  .help lists what else there is, Ctrl-D leaves.",
        soft_wrap=True,
    )
    _tell_ages(settings, opened.parts)
    begin(opened.connection, output, answer)


def _tell_ages(settings: "Settings", parts: "Iterable[Part]") -> None:
    """Say which of the files are old or cannot be read, on standard error: the rows can still be piped."""
    from mist_pipeline.overview.model import DAYS_STALE, Source

    clock, _stands = clock_of(settings, None)
    now = clock()
    two_polls = timedelta(minutes=2 * settings.monitoring.interval_minutes)
    for part in parts:
        limit = DAYS_STALE if "history" in part.schemas else two_polls
        source = Source(
            name=part.path.name,
            as_of=part.as_of,
            trouble=part.trouble,
            stale_after=limit,
            is_unreadable=bool(part.trouble) and part.path.exists(),
        )
        if part.trouble or source.is_stale(now):
            tables = ", ".join(f"{schema}.*" for schema in part.schemas)
            errors.print(f"[yellow]{literal(f'{tables}: {source.words(now)}')}[/]", soft_wrap=True)


def answer(connection: "duckdb.DuckDBPyConnection", query: str, output: Output) -> bool:
    """Print what statements find, or say why one cannot; whether all could."""
    import duckdb

    from mist_pipeline.cli.printing.answers import UnshownError, answers_of

    frame = None
    try:
        for frame in answers_of(connection, query):
            if output.is_table:
                _show(frame, output)
    except (duckdb.Error, UnshownError) as error:
        # The reason may quote what is stored.
        errors.print(f"[red]{literal(str(error))}[/]", soft_wrap=True)
        return False
    if frame is not None and not output.is_table:
        _show(frame, output)
    return True


def _show(frame: "pl.DataFrame", output: Output) -> None:
    from mist_pipeline.cli.printing.frames import json_of, table_of
    from mist_pipeline.cli.printing.rows import print_frame, print_lines

    if output.form == "json":
        sys.stdout.write(json_of(frame))
    elif not output.is_table:
        print_frame(frame, output, datetime_format=None)
    else:
        print_lines(table_of(frame, console.width if console.is_terminal and not output.is_wide else None))
