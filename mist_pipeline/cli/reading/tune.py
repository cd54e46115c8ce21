"""``tune``: a configuration for a wished number of messages or false alerts, and what it costs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mist_pipeline.cli.console import console, literal, next_commands, progress_bar, shown
from mist_pipeline.cli.printing.layout import Column
from mist_pipeline.cli.printing.options import Json
from mist_pipeline.cli.printing.rows import Grid, print_json
from mist_pipeline.cli.reading.replay import FirstDay, LastDay, span_of
from mist_pipeline.domain.text import count

if TYPE_CHECKING:
    from mist_pipeline.settings import Settings
    from mist_pipeline.workflows.replaying.tuning import Suggestion, Tried

TUNED_DAYS = 56


def tune(
    false_alerts: Annotated[
        float | None,
        typer.Option(
            "--false-alerts-a-week", metavar="N", min=0, help="At most so many false alerts a week."
        ),
    ] = None,
    messages: Annotated[
        float | None,
        typer.Option("--messages-a-day", metavar="N", min=0, help="At most so many messages a day."),
    ] = None,
    first_day: FirstDay = None,
    last_day: LastDay = None,
    write: Annotated[
        bool,
        typer.Option("--write", help="Set the suggested keys in the configuration file; keeps a copy of it."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Suggest a sensitivity and the severity from which each rule raises alerts, for a wish; and say what that costs.

    Replays eight weeks (or the days between --from and --to) under every candidate, chooses on the first two thirds of them and reports
    on the others. Changes nothing without --write.

    Example: [cyan]mist-pipeline tune --messages-a-day 3[/]
    """
    from mist_pipeline.settings import load_settings
    from mist_pipeline.workflows.replaying.tuning import Wish, suggestion

    if (false_alerts is None) == (messages is None):
        raise typer.BadParameter("give one wish: --messages-a-day N, or --false-alerts-a-week N.")
    settings = load_settings()
    warehouse, first, last = span_of(settings, first_day, last_day, TUNED_DAYS)
    with progress_bar() as bar:
        found = suggestion(warehouse, settings, Wish(messages, false_alerts), first, last, bar)
    keys = found.chosen.keys if found.chosen else {}
    copy = _write(settings, found) if write and keys else None
    if as_json:
        print_json({**found.document(), "copy": None if copy is None else str(copy)})
        return
    _print(found)
    if copy is not None:
        console.print(
            f"\nWrote {shown(settings.source or copy)}; as it was: {shown(copy)}.",
            markup=False,
            soft_wrap=True,
        )
    elif keys:
        next_commands(("mist-pipeline tune … --write", "set these keys; the same command with --write"))


def _write(settings: "Settings", found: "Suggestion") -> Path:
    from mist_pipeline.workflows.replaying.writing import write_keys

    return write_keys(settings, found.chosen.keys if found.chosen else {}, datetime.now(UTC))


def _print(found: "Suggestion") -> None:
    """The suggestion, its reasons and its cost."""
    from mist_pipeline.cli.reading.replay_tables import print_quality
    from mist_pipeline.report.document.replay_words import heading
    from mist_pipeline.scorecard.replays import MIN_CASES, n_heard
    from mist_pipeline.workflows.replaying.tuning import named

    now, chosen = found.tried[0], found.chosen
    before = found.held_out_from - timedelta(days=1)
    console.print(
        f"[bold]At most {found.wish.most:g} {found.wish.what}[/]. Chosen on {found.first} to {before}, tried on "
        f"{found.held_out_from} to {found.last}.\n",
        soft_wrap=True,
    )
    if chosen is None:
        judged = now.choosing["n_judged"] + now.choosing["n_duplicate"]
        console.print(
            f"Too few cases: {judged} of {count(now.choosing['alerts'], 'alert')} on the days for choosing are judged, {MIN_CASES} are "
            "needed. Judge more with `mist-pipeline alerts feedback`, or wish for --messages-a-day, which needs no judgement.",
            markup=False,
            soft_wrap=True,
        )
    else:
        _say_chosen(found, chosen)
        sides = (now, chosen) if chosen.keys else (now,)
        console.print("\n[bold]On the days for choosing[/]")
        print_quality([named(one, one.choosing) for one in sides])
        console.print("\n[bold]On the days not used for choosing[/]")
        print_quality([named(one, one.held_out) for one in sides])
        if chosen.keys:
            later = (
                ""
                if found.later_median_hours is None
                else f" Later by {found.later_median_hours:.1f} h in the median."
            )
            said = heading(found.changes, "What it costs on the days not used for choosing")
            console.print(f"\n{said}{later}", markup=False, soft_wrap=True)
    console.print("\n[bold]All that were tried, on the days for choosing[/]")
    titles = ("alerts", "messages a day", "troubles heard of", found.wish.what)
    grid = Grid("", *(Column(title, is_number=True) for title in titles))
    for one in found.tried:
        heard = f"{n_heard(one.choosing)} of {one.choosing['n_troubles']}"
        value = "too few cases" if one.value is None else f"{one.value:.1f}"
        grid.add_row(
            one.name, str(one.choosing["alerts"]), f"{one.choosing['messages_per_day']:.1f}", heard, value
        )
    grid.print()


def _say_chosen(found: "Suggestion", chosen: "Tried") -> None:
    now = found.tried[0]
    if not chosen.keys:
        said = (
            "fulfils the wish"
            if found.is_reached
            else "is the nearest of all that were tried, and does not fulfil the wish"
        )
        console.print(f"Nothing to change: the configuration in force {said}.", soft_wrap=True)
    else:
        if not found.is_reached:
            console.print(
                f"None of {count(len(found.tried), 'configuration')} fulfils the wish. The nearest:",
                soft_wrap=True,
            )
        for key, value in chosen.keys.items():
            console.print(f"  [cyan]{literal(key)}: {literal(value)}[/]", soft_wrap=True)
    for one, title in ((now, "in force"), (chosen, "suggested")) if chosen.keys else ((now, "in force"),):
        values = (
            "too few cases" if value is None else f"{value:.1f}" for value in (one.value, one.held_out_value)
        )
        console.print(
            f"  {title}: {' on the days for choosing, '.join(values)} on the others", soft_wrap=True
        )
