"""``scorecard``: was it right? Grades of warnings, forecasts and alerts in sentences."""

import json
import sys
from typing import TYPE_CHECKING

from mist_pipeline.cli.console import console, literal, next_commands, shown
from mist_pipeline.cli.place import need_data_folder
from mist_pipeline.cli.printing.options import Json

if TYPE_CHECKING:
    from mist_pipeline.overview.past.graded import Scorecard


def scorecard(as_json: Json = False) -> None:
    """Say how right warnings, forecasts and alerts were, and what to consider. Too few cases are told, not averaged.

    Example: [cyan]mist-pipeline scorecard[/]
    """
    from mist_pipeline.overview.past.graded import scorecard as graded
    from mist_pipeline.settings import load_settings
    from mist_pipeline.warehouse.store import Warehouse
    from mist_pipeline.workflows.shared_publishing import try_to_fetch

    settings = load_settings()
    need_data_folder(settings)
    try_to_fetch(settings)
    if not settings.published_path.exists():
        raise FileNotFoundError(
            f"Nothing is published in {shown(settings.published_path.parent)} yet; `mist-pipeline run` publishes."
        )
    with Warehouse(settings.published_path).reading() as connection:
        found = graded(connection, settings.thresholds.forecast_days)
    if as_json:
        sys.stdout.write(json_of(found) + "\n")
        return
    if found is None:
        console.print("Nothing was graded yet: the first grades come with the second morning.")
        return
    console.print(
        f"[bold]Up to {found.day.isoformat()}[/]: warnings and alerts of 90 days, forecasts of 28.\n",
        soft_wrap=True,
    )
    for line in found.lines:
        console.print(f"  {literal(line.text)}", style=None if line.is_enough else "dim", soft_wrap=True)
    if found.proposals:
        console.print("\n[bold]To consider[/]")
        for text in found.proposals:
            console.print(f"  {literal(text)}", soft_wrap=True)
    next_commands(
        ("mist-pipeline alerts feedback ID right", "judge an alert: right, wrong, known, planned …")
    )


def json_of(found: "Scorecard | None") -> str:
    """The scorecard for programs: day, lines by name with their numbers, proposals; null where nothing was graded."""
    if found is None:
        return "null"
    return json.dumps(
        {
            "day": found.day.isoformat(),
            "lines": [
                {
                    "name": line.name,
                    "text": line.text,
                    "n": line.n,
                    "is_enough": line.is_enough,
                    "values": dict(line.values),
                }
                for line in found.lines
            ],
            "proposals": list(found.proposals),
        },
        indent=2,
        ensure_ascii=False,
    )
