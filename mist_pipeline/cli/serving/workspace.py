"""``workspace``: the file that leads Dagster's own commands to the code servers of `daemon` and `ui`, one code location an organisation."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from mist_pipeline.cli.console import console, next_commands, shown


def workspace(
    write: Annotated[
        bool, typer.Option("--write", help="Write it; the file as it was is kept beside it.")
    ] = False,
    path: Annotated[
        Path | None, typer.Option(help="Where; default: workspace.yaml in the Dagster home.")
    ] = None,
) -> None:
    """Show the workspace file of this installation, or write it: one code location for each organisation.

    Dagster's own commands need it while `daemon` or `ui` serves, such as `dagster schedule list -w PATH`.

    Example: [cyan]mist-pipeline workspace --write[/]
    """
    from mist_pipeline.cli.code_location.files import code_location
    from mist_pipeline.cli.code_location.server import workspace_of
    from mist_pipeline.cli.dagster_home import place_of_home
    from mist_pipeline.cli.serving.served import locations_of, settings_of_all
    from mist_pipeline.storage.durable import write_atomically

    served = settings_of_all()
    home = place_of_home(served[0])
    text = workspace_of([*locations_of(served)], str(home))
    if not write:
        print(text, end="")
        return
    target = path or home / "workspace.yaml"
    if target.exists():
        if target.read_text(encoding="utf-8") == text:
            console.print(f"{shown(target)} is as it has to be.", markup=False)
            return
        kept = target.with_name(f"{target.name}.{datetime.now(UTC):%Y%m%dT%H%M%SZ}.bak")
        shutil.copy2(target, kept)
        console.print(f"As it was: {shown(kept)}", markup=False)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, [text.encode()])
    console.print(f"Wrote {shown(target)}.", markup=False)
    next_commands(
        ("mist-pipeline daemon", "serves these code locations"),
        (
            f"DAGSTER_HOME={shown(home)} dagster schedule list -w {shown(target)} --location {code_location(served[0])}",
            "asks Dagster itself",
        ),
    )
