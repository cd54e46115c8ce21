"""``report``: the text of a day, and where its page is."""

import webbrowser
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from mist_pipeline.cli.console import console, shown


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
