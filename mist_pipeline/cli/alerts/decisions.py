"""``alerts ack``, ``resolve`` and ``feedback``: what people decide about an incident.

Here: what was typed and what is said about it. Not here: what a decision does (``workflows.notifying.decisions``).
"""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from mist_pipeline.cli.alerts.arguments import By, Comment, Id, now_of, opened, subject_of, user
from mist_pipeline.cli.alerts.tables import say, say_what_follows
from mist_pipeline.cli.printing.values import short
from mist_pipeline.domain.text import clean, count
from mist_pipeline.domain.text import instant as in_words

if TYPE_CHECKING:
    from mist_pipeline.alerts.ledger.ledger import Ledger
    from mist_pipeline.alerts.lifecycle.model import Incident


class VerdictName(StrEnum):
    """What a person thinks of an alert."""

    right = "right"
    wrong = "wrong"
    known = "known"
    planned = "planned"
    too_late = "too_late"
    duplicate = "duplicate"


def ack(context: typer.Context, subject: Id, by: By = None) -> None:
    """Take an incident: nobody else is called, pagers stop. It asks anew if it grows worse. Doing it twice is fine.

    Example: [cyan]mist-pipeline alerts ack 3f2a --by ada[/]
    """
    from mist_pipeline.settings import load_settings
    from mist_pipeline.workflows.notifying import decisions

    settings, who = load_settings(), user(by)
    now = now_of(context, settings)
    with opened(settings) as ledger:
        incident = _not_merged(ledger, subject, "ack")
        decided = decisions.acknowledge(settings, ledger, incident.incident_id, who, now)
    if decided.is_changed:
        _say_done(incident, f"is acknowledged by {who}.", decided.cancelled_calls)
        say_what_follows(decided.recorded)
    elif incident.state == "acknowledged":
        _say_done(incident, f"was acknowledged already, by {_taken(incident)}; nothing changes.")
    else:
        _say_done(incident, f"{_over(incident)}; nothing changes.")


def resolve(context: typer.Context, subject: Id, by: By = None) -> None:
    """Say that an incident is over, with all of its alerts. What fires again comes back.

    Example: [cyan]mist-pipeline alerts resolve 3f2a --by ada[/]
    """
    from mist_pipeline.settings import load_settings
    from mist_pipeline.workflows.notifying import decisions

    settings, who = load_settings(), user(by)
    now = now_of(context, settings)
    with opened(settings) as ledger:
        incident = _not_merged(ledger, subject, "resolve")
        decided = decisions.resolve(settings, ledger, incident.incident_id, who, now)
    if decided.is_changed:
        _say_done(incident, f"is closed by {who}; it comes back if it fires again.", decided.cancelled_calls)
        say_what_follows(decided.recorded)
    else:
        _say_done(incident, f"{_over(incident)}; nothing changes.")


def _not_merged(ledger: "Ledger", subject: str, command: str) -> "Incident":
    """The incident, unless another one has its alerts: a person may not mean that."""
    incident, _alerts, _events = ledger.incident(subject_of(ledger, subject).incident_id)
    if incident.state == "merged":
        other = short(incident.merged_into or "")
        raise typer.BadParameter(
            f"incident {short(incident.incident_id)} is part of {other} now; `mist-pipeline alerts {command} {other}` "
            "does it for all of that"
        )
    return incident


def _say_done(incident: "Incident", words: str, cancelled_calls: int = 0) -> None:
    say(
        "Incident ",
        (short(incident.incident_id), "bold cyan"),
        " ",
        clean(words),
        " ",
        (clean(incident.cause), "dim"),
    )
    if cancelled_calls:
        verb = "is" if cancelled_calls == 1 else "are"
        say(f"{count(cancelled_calls, 'call')} that would have followed {verb} cancelled.")


def _taken(incident: "Incident") -> str:
    when = in_words(incident.acknowledged_at) if incident.acknowledged_at else "some time"
    return f"{incident.acknowledged_by} at {when}"


def _over(incident: "Incident") -> str:
    when = f" since {in_words(incident.resolved_at)}" if incident.resolved_at else ""
    return f"is over{when}"


def feedback(
    context: typer.Context,
    subject: Id,
    verdict: Annotated[
        VerdictName,
        typer.Argument(
            help="Was it right? Known trouble and planned work are right, but nobody had to be told."
        ),
    ],
    comment: Comment = "",
    by: By = None,
) -> None:
    """Say what you think of an alert or incident: it counts in the scorecard, and days of planned work leave the baselines.

    Example: [cyan]mist-pipeline alerts feedback 3f2a planned --comment "new switches"[/]
    """
    from mist_pipeline.settings import load_settings

    settings, who = load_settings(), user(by)
    now = now_of(context, settings)
    with opened(settings) as ledger:
        found = subject_of(ledger, subject)
        about = {"alert_id": found.alert_id} if found.alert_id else {"incident_id": found.incident_id}
        ledger.add_feedback(verdict.value, who, now, comment=comment, **about)
    kind, name = ("Alert", found.alert_id) if found.alert_id else ("Incident", found.incident_id)
    say(f"{kind} ", (short(name), "bold cyan"), f": {verdict.value}, noted for {who}.")
