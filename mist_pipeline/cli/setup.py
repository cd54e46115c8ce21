"""Getting started: ``init`` writes the configuration, ``doctor`` says what is missing and how to fix it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from mist_pipeline.cli.console import console, next_commands, shown
from mist_pipeline.cli.dagster_home import dagster_home

DEFAULT_FILE = Path("config/config.yaml")
"""Where `load_settings` looks for it; written again here, since importing the settings would slow down every ``--help``."""


def init(
    path: Annotated[Path, typer.Option(help="Where to write it.")] = DEFAULT_FILE,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a commented configuration file with every key at its default.

    Example: [cyan]mist-pipeline init --path /etc/mist_pipeline/config.yaml[/]
    """
    from mist_pipeline.settings import SettingsError
    from mist_pipeline.settings.template import template

    if path.exists() and not force:
        raise SettingsError(f"{path} is there already; edit it, or replace it with --force")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(template(), encoding="utf-8")
    console.print(f"Wrote {path}.")
    next_commands(
        ("export MIST_API_TOKEN=…", "a token of the Mist dashboard: Organization → Settings → API Token"),
        ("mist-pipeline doctor", "checks file, token, organisation, budget, disk"),
    )


def doctor() -> None:
    """Check everything a run needs, and say how to fix what is missing. Exit code 1 if something must be fixed.

    Example: [cyan]mist-pipeline doctor[/]
    """
    from mist_pipeline.settings import load_settings
    from mist_pipeline.workflows.doctor import FINE, WRONG, checks

    settings = load_settings()
    table = Table("", "what", "found", box=None, pad_edge=False)
    signs = {FINE: "[green]✓[/]", WRONG: "[red]✗[/]"}
    found = list(checks(settings, dagster_home(settings), shown))
    for check in found:
        text = check.found.replace("[", r"\[")
        fix = f"\n[yellow]→ {check.fix}[/]" if check.fix else ""
        table.add_row(signs.get(check.verdict, "[yellow]![/]"), check.subject, text + fix)
    console.print(table)
    if any(check.verdict == WRONG for check in found):
        raise typer.Exit(1)
    next_commands(
        ("mist-pipeline backfill --from … --to …", "fill the history"),
        ("mist-pipeline daemon", "run every morning and every few minutes"),
    )
