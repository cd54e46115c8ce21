"""What is ambiguous is asked where somebody can answer, and refused with everything it could mean where nobody can."""

import sys
from collections.abc import Sequence

import typer

from mist_pipeline.cli.alerts.arguments import Sites
from mist_pipeline.cli.alerts.tables import say
from mist_pipeline.domain.text import clean, count

_MOST = 20
"""Sites of one name that are listed."""


def chosen(name: str, ids: Sequence[str], sites: Sites, *, asks: bool, several: bool, hint: str) -> list[str]:
    """Those of the sites of one name that are meant.

    Args:
        name: As it was typed.
        ids: Ids of the sites that are called so, two at least.
        sites: What they are called.
        asks: Whether somebody may be asked; on a terminal only, whatever this says.
        several: Whether all of them together may be meant.
        hint: What to write instead, where nobody can be asked.

    Raises:
        typer.BadParameter: Nobody can be asked; lists them with their ids.
    """
    listed = [f"{sites.label(site_id)} ({clean(site_id, 64)})" for site_id in ids[:_MOST]]
    more = [f"and {len(ids) - _MOST:,} more"] if len(ids) > _MOST else []
    if not (asks and is_terminal()) or more:
        raise typer.BadParameter(
            f"{count(len(ids), 'site')} are called {clean(name, 60)!r}: {', '.join([*listed, *more])}. {hint}"
        )
    say(f"{count(len(ids), 'site')} are called ", (clean(name, 60), "bold"), ":")
    for number, line in enumerate(listed, 1):
        say((f"  {number}  ", "cyan"), line)
    if several:
        say(("  a  ", "cyan"), "all of them")
    answers = {str(number): [site_id] for number, site_id in enumerate(ids, 1)}
    if several:
        answers["a"] = list(ids)
    while True:
        answer = typer.prompt("Which", default="", show_default=False).strip().lower()
        if answer in answers:
            return answers[answer]
        if not answer:
            raise typer.Abort
        say(f"Type one of {', '.join(answers)}; nothing ends it.")


def is_terminal() -> bool:
    """Whether somebody sits there."""
    return sys.stdin.isatty() and sys.stdout.isatty()
