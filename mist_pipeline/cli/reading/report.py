"""``report``: the text of a day, and where its page is."""

import sys
import webbrowser
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from mist_pipeline.cli.clock import clock_of
from mist_pipeline.cli.console import console, shown
from mist_pipeline.cli.moments import AskedDay, asked_day
from mist_pipeline.cli.place import need_data_folder
from mist_pipeline.cli.printing.options import Json


def report(
    day: Annotated[
        AskedDay | None,
        typer.Option(
            parser=asked_day, metavar="DAY", help="2026-03-01, yesterday, monday …; default: the newest."
        ),
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    as_json: Json = False,
) -> None:
    """Print the text of a day's report and say where its page is.

    Example: [cyan]mist-pipeline report --open[/]
    """
    from mist_pipeline.settings import SettingsError, load_settings

    settings = load_settings()
    need_data_folder(settings)
    history = settings.reports_path / "history"
    folders = sorted(path for path in history.glob("????-??-??") if path.is_dir()) if history.exists() else []
    wanted = folders[-1] if folders else None
    if day is not None:
        clock, _stands = clock_of(settings, None)
        today = clock().astimezone(settings.organisation.zone).date()
        asked = day.on(today)
        if asked >= today and history / asked.isoformat() not in folders:
            raise SettingsError(
                f"{asked} is not over yet; the last whole day is {today - timedelta(days=1)}."
            )
        wanted = history / asked.isoformat()
    if wanted is None or wanted not in folders:
        raise FileNotFoundError(_none(history, folders, wanted))
    if as_json:
        # The file has it as ASCII: no name in it commands a terminal.
        sys.stdout.write(_only(wanted, "*.json").read_text(encoding="utf-8").rstrip() + "\n")
        return
    page = _only(wanted, "*.html")
    console.print(_only(wanted, "*.txt").read_text(encoding="utf-8"), markup=False, soft_wrap=True)
    console.print(f"Page: [cyan]{shown(page)}[/]")
    if open_page:
        webbrowser.open(page.resolve().as_uri())


def _none(history: Path, folders: list[Path], wanted: Path | None) -> str:
    """What is said where there is no report, and how to come by one."""
    if wanted is None:
        return f"There is none yet in {shown(history)}: `mist-pipeline run --mode report` makes one of yesterday."
    known = f"There are {folders[0].name} … {folders[-1].name}" if folders else "There is none yet"
    return (
        f"No report of {wanted.name} in {shown(history)}. {known}; make it with "
        f"`mist-pipeline run --mode report --day {wanted.name}`. Older ones are in reports/archive."
    )


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if not found:
        raise FileNotFoundError(f"{shown(folder)} holds no {pattern}; make the report again")
    return found[-1]
