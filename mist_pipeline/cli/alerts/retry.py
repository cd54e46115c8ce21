"""``alerts retry``: messages that were given up, and another attempt. Not here: sending (``notification.worker``)."""

from typing import TYPE_CHECKING, Annotated

import typer

from mist_pipeline.cli.alerts.arguments import Json, is_there, now_of, opened
from mist_pipeline.cli.alerts.tables import cell, print_json, say, short, table
from mist_pipeline.cli.console import console, next_commands
from mist_pipeline.domain.text import clean
from mist_pipeline.domain.text import instant as in_words

if TYPE_CHECKING:
    from mist_pipeline.alerts.ledger.ledger import Ledger
    from mist_pipeline.settings import Settings


def retry(
    context: typer.Context,
    delivery_id: Annotated[
        int | None, typer.Argument(metavar="MESSAGE", help="Its number; without it: a list.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Try a message again that was given up, once what was wrong is fixed. Without a number, list them.

    Example: [cyan]mist-pipeline alerts retry 17[/]
    """
    from mist_pipeline.alerts.ledger.outbox import Outbox
    from mist_pipeline.settings import load_settings

    settings = load_settings()
    if delivery_id is None:
        _list_given_up(settings, as_json)
        return
    with opened(settings) as ledger:
        dead = {delivery.delivery_id: delivery for delivery in ledger.given_up()}
        if delivery_id not in dead:
            raise typer.BadParameter(_why_not_again(ledger, delivery_id, list(dead)), param_hint="MESSAGE")
        if not Outbox(ledger.engine).requeue(delivery_id, now_of(context)):
            raise typer.BadParameter(f"message {delivery_id} waits already")
    again = dead[delivery_id]
    if as_json:
        print_json({"delivery_id": delivery_id, "sink": again.sink, "state": "pending"})
        return
    say(
        f"Message {delivery_id} to ",
        (clean(again.sink), "bold"),
        " waits again. The next delivery run sends it.",
    )


def _list_given_up(settings: "Settings", as_json: bool) -> None:
    dead = []
    if is_there(settings):
        with opened(settings) as ledger:
            dead = ledger.given_up()
    columns = ("delivery_id", "sink", "incident_id", "reason", "attempts", "created_at", "last_error")
    if as_json:
        print_json([{name: getattr(one, name) for name in columns} for one in dead])
        return
    if not dead:
        say("No message was given up.")
        return
    rows = table("message", "sink", "incident", "reason", "tries", "decided", "error")
    for one in dead:
        rows.add_row(
            str(one.delivery_id),
            cell(one.sink),
            short(one.incident_id) if one.kind == "incident" else clean(one.incident_id),
            cell(one.reason),
            str(one.attempts),
            in_words(one.created_at),
            cell(one.last_error),
        )
    console.print(rows)
    next_commands((f"mist-pipeline alerts retry {dead[-1].delivery_id}", "once what was wrong is fixed"))


def _why_not_again(ledger: "Ledger", delivery_id: int, dead: list[int]) -> str:
    from mist_pipeline.alerts.ledger.reader import NoSuchSubjectError

    known = f"given up were {', '.join(map(str, dead[-5:]))}" if dead else "no message was given up"
    try:
        delivery = ledger.delivery(delivery_id)
    except NoSuchSubjectError:
        return f"there is no message {delivery_id}; {known}"
    if delivery.state == "dead":
        return f"message {delivery_id} was withdrawn, {clean(delivery.last_error)}; {known}"
    return f"message {delivery_id} is {delivery.state}, not given up; {known}"
