"""Reading results: ``report`` and ``sql``."""

import json
import sys
import webbrowser
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mist_pipeline.cli.console import Format, console, errors, shown

if TYPE_CHECKING:
    import duckdb
    import polars as pl


def report(
    day: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Default: the newest.")] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Print the text of a day's report and say where its page is.

    Example: [cyan]mist-pipeline report --open[/]
    """
    from mist_pipeline.settings import load_settings

    settings = load_settings()
    history = settings.reports_path / "history"
    folders = sorted(path for path in history.glob("????-??-??") if path.is_dir()) if history.exists() else []
    wanted = history / day.date().isoformat() if day else (folders[-1] if folders else history / "none")
    if wanted not in folders:
        known = f"There are {folders[0].name} … {folders[-1].name}" if folders else "There is none yet"
        raise FileNotFoundError(
            f"No report of {wanted.name} in {shown(history)}. {known}; make one with "
            "`mist-pipeline run --mode report --day …`. Older ones are in reports/archive."
        )
    page = _only(wanted, "*.html")
    console.print(_only(wanted, "*.txt").read_text(encoding="utf-8"), markup=False, soft_wrap=True)
    console.print(f"Page: [cyan]{shown(page)}[/]")
    if open_page:
        webbrowser.open(page.resolve().as_uri())


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if not found:
        raise FileNotFoundError(f"{shown(folder)} holds no {pattern}; make the report again")
    return found[-1]


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
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        if query is not None:
            try:
                _show(connection.execute(query).pl(), output)
            except duckdb.Error as error:
                errors.print(f"[red]{str(error).replace('[', chr(92) + '[')}[/]")
                raise typer.Exit(1) from None
            return
        _prompt(connection, path, output)


def _prompt(connection: "duckdb.DuckDBPyConnection", path: Path, output: Format) -> None:
    import duckdb

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
        try:
            _show(connection.execute(statement).pl(), output)
        except duckdb.Error as error:
            errors.print(f"[red]{str(error).replace('[', chr(92) + '[')}[/]")
        statement = ""


def _show(frame: "pl.DataFrame", output: Format) -> None:
    import polars as pl

    if output is Format.csv:
        flat = frame.with_columns(pl.col(pl.List).cast(pl.List(pl.String)).list.join(" "))
        sys.stdout.write(flat.write_csv())
    elif output is Format.json:
        sys.stdout.write(json.dumps(frame.to_dicts(), default=str, ensure_ascii=False, indent=2) + "\n")
    else:
        with pl.Config(
            tbl_rows=50,
            tbl_cols=-1,
            tbl_width_chars=console.width,
            tbl_hide_column_data_types=True,
            tbl_hide_dataframe_shape=True,
        ):
            sys.stdout.write(f"{frame}\n{frame.height} rows\n")
