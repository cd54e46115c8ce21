"""The dry run of ``retention``: a table of what grows, then each thing that would be moved or removed.

Not here: what grows and by which rule (``workflows.what_grows``).
"""

from datetime import datetime
from typing import TYPE_CHECKING

from mist_pipeline.cli.console import console, shown
from mist_pipeline.cli.printing.layout import Column
from mist_pipeline.cli.printing.rows import Grid

if TYPE_CHECKING:
    from pathlib import Path

    from mist_pipeline.defs.dagster_history import Pruned
    from mist_pipeline.settings import Settings


def print_dry_run(settings: "Settings", now: datetime) -> None:
    """Print it."""
    from mist_pipeline.workflows.retention import planned
    from mist_pipeline.workflows.running.leftovers import find_leftovers
    from mist_pipeline.workflows.warehouse_access import upkeep_due
    from mist_pipeline.workflows.what_grows import Growing, size_of, what_grows

    found = what_grows(settings, now)
    steps = planned(settings, now.astimezone(settings.organisation.zone).date())
    steps += [
        f"remove {shown(each.path)} ({each.num_bytes:,} bytes), left by a killed process"
        for each in find_leftovers(settings.data, now, is_shared=settings.monitoring.machines > 1)
    ]
    steps += upkeep_due(settings, now)
    home, pruned = _dagster(settings, now)
    if home is not None:
        found.append(
            Growing(
                "Dagster's home",
                size_of([home]),
                f"runs {settings.history.keep_runs_days} days (history.keep_runs_days); which days they made for ever",
                f"remove {pruned.num_bytes / 1e6:,.1f} MB" if pruned else "",
            )
        )
    steps += [str(pruned)] if pruned else []
    rows = Grid(
        Column("what", least=10),
        Column("MB", is_number=True),
        Column("kept", least=20),
        Column("would go", least=10),
    )
    for each in found:
        rows.add_row(
            each.what, "" if each.num_bytes is None else f"{each.num_bytes / 1e6:,.1f}", each.rule, each.going
        )
    rows.print()
    console.print("\n".join(["", *steps]) if steps else "Nothing is old enough.", markup=False)


def _dagster(settings: "Settings", now: datetime) -> "tuple[Path | None, Pruned | None]":
    """Dagster's home, and what would go of it."""
    from mist_pipeline.cli.dagster_home import instance, place_of_home

    home = place_of_home(settings)
    if not home.exists():  # opening makes it
        return None, None
    from mist_pipeline.defs.dagster_history import prune
    from mist_pipeline.defs.retention import oldest_run_kept
    from mist_pipeline.defs.scope import Scope

    with instance(settings) as opened:
        old = prune(opened, Scope.of(settings), oldest_run_kept(settings, now), is_dry_run=True)
    return home, old if old.runs or old.logs else None
