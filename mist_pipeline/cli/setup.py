"""Getting started: ``init`` writes the configuration, ``doctor`` says what is missing and how to mend it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from mist_pipeline.cli.console import console, next_commands
from mist_pipeline.settings import DEFAULT_FILE, SettingsError, load_settings
from mist_pipeline.settings.template import template


def init(
    path: Annotated[Path, typer.Option(help="Where to write it.")] = DEFAULT_FILE,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a commented configuration file with every key at its default.

    Example: [cyan]mist-pipeline init --path /etc/mist_pipeline/config.yaml[/]
    """
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
    """Check everything a run needs, and say how to mend what is missing. Exit code 1 if something must be mended.

    Example: [cyan]mist-pipeline doctor[/]
    """
    from mist_pipeline.cli.doctor import FINE, WRONG, examine

    settings = load_settings()
    table = Table("", "what", "found", box=None, pad_edge=False)
    signs = {FINE: "[green]✓[/]", WRONG: "[red]✗[/]"}
    findings = list(examine(settings))
    for finding in findings:
        text = finding.found.replace("[", r"\[")
        mend = f"\n[yellow]→ {finding.mend}[/]" if finding.mend else ""
        table.add_row(signs.get(finding.verdict, "[yellow]![/]"), finding.what, text + mend)
    console.print(table)
    if any(finding.verdict == WRONG for finding in findings):
        raise typer.Exit(1)
    next_commands(
        ("mist-pipeline backfill --from … --to …", "fill the history"),
        ("mist-pipeline daemon", "run every morning and every few minutes"),
    )
