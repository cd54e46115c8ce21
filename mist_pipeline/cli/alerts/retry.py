"""``alerts retry``: messages that were given up, and another attempt. Not here: sending (``notification.worker``)."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from mist_pipeline.cli.alerts.arguments import is_there, looked_at, now_of, opened
from mist_pipeline.cli.alerts.tables import say
from mist_pipeline.cli.console import next_commands
from mist_pipeline.cli.printing.options import Csv, Json, Output, Parquet, Wide, output_of
from mist_pipeline.cli.printing.rows import Field, print_json, print_rows
from mist_pipeline.cli.printing.values import cell, short
from mist_pipeline.domain.text import clean
from mist_pipeline.domain.text import instant as in_words

if TYPE_CHECKING:
    from mist_pipeline.alerts.ledger.ledger import Ledger
    from mist_pipeline.alerts.notify.outcome import Delivery
    from mist_pipeline.settings import Settings


def retry(
    context: typer.Context,
    delivery_id: Annotated[
        int | None, typer.Argument(metavar="MESSAGE", help="Its number; without it: a list.")
    ] = None,
    as_json: Json = False,
    csv: Csv = False,
    parquet: Parquet = None,
    wide: Wide = False,
) -> None:
    """Try a message again that was given up, once what was wrong is fixed. Without a number, list them.

    Example: [cyan]mist-pipeline alerts retry 17[/]
    """
    from mist_pipeline.alerts.ledger.outbox import Outbox
    from mist_pipeline.settings import load_settings

    settings = load_settings()
    output = output_of(as_json=as_json, csv=csv, parquet=parquet, wide=wide)
    if delivery_id is None:
        _list_given_up(settings, output)
        return
    with opened(settings) as ledger:
        dead = {delivery.delivery_id: delivery for delivery in ledger.given_up()}
        if delivery_id not in dead:
            raise typer.BadParameter(_why_not_again(ledger, delivery_id, list(dead)), param_hint="MESSAGE")
        if not Outbox(ledger.engine).requeue(delivery_id, now_of(context, settings)):
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


FIELDS: "list[Field[Delivery]]" = [
    Field("delivery_id", lambda one: one.delivery_id, int, heading="message", is_number=True),
    Field("sink", lambda one: one.sink, heading="sink", said=lambda one: cell(one.sink), least=8),
    Field("incident_id", lambda one: one.incident_id, heading="incident",
          said=lambda one: short(one.incident_id) if one.kind == "incident" else clean(one.incident_id)),
    Field("reason", lambda one: one.reason, heading="reason", said=lambda one: cell(one.reason), least=8),
    Field("attempts", lambda one: one.attempts, int, heading="tries", is_number=True),
    Field("created_at", lambda one: one.created_at, datetime, heading="decided", said=lambda one: in_words(one.created_at)),
    Field("last_error", lambda one: one.last_error, heading="error", said=lambda one: cell(one.last_error), least=20),
]  # fmt: skip


def _list_given_up(settings: "Settings", output: Output) -> None:
    dead: list[Delivery] = []
    if is_there(settings):
        with looked_at(settings) as ledger:
            dead = ledger.given_up()
    if not dead and output.is_table:
        say("No message was given up.")
        return
    print_rows(dead, FIELDS, output)
    if output.is_table:
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
