"""Jobs of ops that tell people: evaluate, escalate, read tickets back; each followed by sending what is due.

Ops, since they make no tables: the ledger is theirs, and its copies for analysts are in ``ledger_copies``. None of them
touches the warehouse, so a backfill never holds up a page. Not here: what wakes them (`sensors`), the rules (``alerts``),
sinks (``delivery``).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

import dagster as dg
import polars as pl

from mist_pipeline.alerts.ledger.ledger import Ledger, Ticket
from mist_pipeline.alerts.ledger.outbox import Done
from mist_pipeline.alerts.ledger.pending import take
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput, is_pipeline
from mist_pipeline.alerts.notify.outcome import Retry
from mist_pipeline.alerts.notify.plan import Notice
from mist_pipeline.defs.pipeline_facts import troubles_now
from mist_pipeline.defs.resources import as_of
from mist_pipeline.defs.table_io import markdown_table
from mist_pipeline.delivery.tickets.policy import TicketStatus
from mist_pipeline.notification.worker import SinksFailedError
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.evaluate import (
    AFTER_LOOKS,
    _error,
    _sentence,
    refused_messages,
    ticket_name,
    unreadable_looks,
)
from mist_pipeline.workflows.ledger_access import kept_evaluations, open_ledger, telling
from mist_pipeline.workflows.messages import utc_now, worker
from mist_pipeline.workflows.progress import AS_OF_TAG
from mist_pipeline.workflows.self_monitoring import WATCHED

_SHOWN = 50
"""Rows of a table in the metadata of a run."""


def clock_of(context: dg.OpExecutionContext) -> Callable[[], datetime]:
    """The time; of a run with an instant of its own (a simulated cloud) always that, after all looks of that instant."""
    if AS_OF_TAG in context.run.tags:
        instant = as_of(context) + AFTER_LOOKS
        return lambda: instant
    return utc_now


def pipeline_step(
    ledger: Ledger,
    instance: dg.DagsterInstance,
    settings: Settings,
    checks: Sequence[dg.AssetCheckKey],
    now: datetime,
) -> EvaluationInput | None:
    """How the pipeline itself does; None where nothing is wrong and nothing was."""
    # A sink that is not configured any more will never accept anything again: its end would never come.
    refused = [one for one in ledger.refused() if one[0] in settings.notifications.sinks]
    damaged = kept_evaluations(settings).set_aside_since(now - timedelta(days=1))
    found = pl.concat(
        [
            troubles_now(instance, settings, WATCHED, checks, now),
            refused_messages(refused, now),
            unreadable_looks(damaged, now),
        ]
    )
    is_known = any(
        is_pipeline(alert.family) and (alert.is_active or alert.state == "pending")
        for alert in ledger.book(now).alerts.values()
    )
    return EvaluationInput(as_of=now, source="pipeline", findings=found) if found.height or is_known else None


def evaluate_op(checks: Sequence[dg.AssetCheckKey]) -> dg.OpDefinition:
    """The op that evaluates."""

    @dg.op(
        out=dg.Out(dg.Nothing),
        description="Kept looks that were not evaluated yet, and the pipeline's own state, become events and messages.",
    )
    def evaluate_looks(context: dg.OpExecutionContext, settings: dg.ResourceParam[Settings]) -> None:
        now = clock_of(context)()
        kept = kept_evaluations(settings)
        with open_ledger(settings) as ledger:
            own = pipeline_step(ledger, context.instance, settings, checks, now)
            if own is not None:
                kept.keep(own)
            taken = take(ledger, kept, telling(settings), now)
        for damage in taken.unreadable:
            context.log.error("A kept look cannot be read and is set aside: %s", damage)
        events = Counter(f"{event.subject} {event.kind}" for event in taken.events)
        context.add_output_metadata(
            {
                "evaluated": dg.MetadataValue.json([name.text for name in taken.names]),
                "events": dg.MetadataValue.json(dict(sorted(events.items()))),
                "to tell": dg.MetadataValue.md(_notices(taken.told.notices)),
                "withheld": dg.MetadataValue.md(
                    markdown_table(("incident", "because"), sorted(taken.told.withheld.items())[:_SHOWN])
                ),
            }
        )

    return evaluate_looks


@dg.op(
    out=dg.Out(dg.Nothing),
    description="Steps of escalations that are due, and news that waited for its time, become messages.",
)
def escalate_steps(context: dg.OpExecutionContext, settings: dg.ResourceParam[Settings]) -> None:
    """Escalate what nobody has taken."""
    now = clock_of(context)()
    told = telling(settings)
    with open_ledger(settings) as ledger:
        news = ledger.tell(told, now).notices
        steps = ledger.escalate(told, now)
    context.add_output_metadata(
        {"news": dg.MetadataValue.md(_notices(news)), "steps": dg.MetadataValue.md(_notices(steps))}
    )


@dg.op(
    out=dg.Out(dg.Nothing),
    description="What people did with their tickets: one that was taken or closed acknowledges its incident.",
)
def read_tickets(context: dg.OpExecutionContext, settings: dg.ResourceParam[Settings]) -> None:
    """Read every ticket of an incident that goes on."""
    now = clock_of(context)()
    names = settings.notifications.tickets
    sinks = settings.sinks()
    read: list[tuple[str, str, str, str, str]] = []
    silent: set[str] = set()
    with open_ledger(settings) as ledger:
        for sink, incident_id, reference in ledger.references(names):
            shown = ticket_name(reference)
            if sink in silent:
                read.append((sink, incident_id, shown, "not asked", "did not answer before"))
                continue
            status = sinks[sink].read_status(reference)  # type: ignore[attr-defined]
            if not isinstance(status, TicketStatus):
                context.log.warning("%s: %s", sink, status.error)
                read.append((sink, incident_id, shown, "not read", status.error))
                if isinstance(status, Retry):
                    # Each further ticket would wait as long, and so would those of the other systems.
                    silent.add(sink)
                continue
            ticket = Ticket(
                sink=sink,
                incident_id=incident_id,
                ticket=shown,
                url=reference.get("url", ""),
                state=status.state,
                who=status.who,
                is_by_person=status.is_by_person,
                acted_at=status.at,
            )
            ledger.record_ticket(ticket, now)
            read.append((sink, incident_id, shown, status.state, status.who))
        news = ledger.tell(telling(settings), now).notices
    heads = ("sink", "incident", "ticket", "state", "who")
    context.add_output_metadata(
        {
            "tickets": dg.MetadataValue.md(markdown_table(heads, read[:_SHOWN])),
            "news": dg.MetadataValue.md(_notices(news)),
        }
    )


@dg.op(
    ins={"after": dg.In(dg.Nothing)},
    out=dg.Out(dg.Nothing),
    description="Messages that are due to mail, chat, pagers and webhooks; every sink fails alone.",
)
def notify(context: dg.OpExecutionContext, settings: dg.ResourceParam[Settings]) -> None:
    """Send what is due but tickets."""
    tickets = settings.notifications.tickets
    _send(context, settings, [name for name in settings.notifications.sinks if name not in tickets])


@dg.op(
    ins={"after": dg.In(dg.Nothing)},
    out=dg.Out(dg.Nothing),
    description="Tickets that are due: opened, commented, resolved, reopened; every system fails alone.",
)
def ticket(context: dg.OpExecutionContext, settings: dg.ResourceParam[Settings]) -> None:
    """Bring tickets up to date."""
    _send(context, settings, settings.notifications.tickets)


@dg.op(out=dg.Out(dg.Nothing), description="Rows whose time has come.")
def due(context: dg.OpExecutionContext) -> None:
    """Begin a delivery: nothing to decide."""
    context.log.debug("Sending what is due.")


def alert_jobs(checks: Sequence[dg.AssetCheckKey]) -> list[dg.JobDefinition]:
    """Every job that tells people.

    Args:
        checks: The asset checks whose failure is the pipeline's own trouble.
    """
    return [
        _job("evaluate", evaluate_op(checks), "New findings become alerts, incidents, messages and tickets."),
        _job("deliver", due, "Messages and tickets that are due: new ones, and those that are tried again."),
        _job(
            "escalate", escalate_steps, "Who is called if nobody reacts; what waited for quiet hours to end."
        ),
        _job("read_back", read_tickets, "Tickets that people took or closed acknowledge their incidents."),
    ]


def _job(name: str, first: dg.OpDefinition, description: str) -> dg.JobDefinition:
    # One run of each at a time, and none waits for another: a slow sink must not hold up an escalation.
    @dg.job(
        name=name,
        tags={"mist_pipeline/load": name},
        executor_def=dg.in_process_executor,
        description=description,
    )
    def telling_people() -> None:
        begun = first()
        notify(begun)
        ticket(begun)

    return telling_people


def _send(context: dg.OpExecutionContext, settings: Settings, sinks: Iterable[str]) -> None:
    defect: SinksFailedError | None = None
    with open_ledger(settings) as ledger:
        sender = worker(settings, ledger, clock=clock_of(context), run_id=context.run_id)
        try:
            done: Sequence[Done] = sender.run(sinks)
        except SinksFailedError as error:
            defect, done = error, error.done
    for one in done:
        if one.state == "dead":
            context.log.error("%s", _sentence(one))
        elif one.state in ("failed", "unknown"):
            context.log.warning("%s", _sentence(one))
    states = Counter(one.state or "not needed" for one in done)
    rows = [
        (
            one.delivery.sink,
            one.delivery.incident_id,
            one.delivery.reason,
            str(one.delivery.payload.get("severity", "")),
            one.state or "not needed",
            _error(one),
        )
        for one in done
    ]
    heads = ("sink", "incident", "reason", "severity", "state", "error")
    told = {
        "states": dg.MetadataValue.json(dict(states)),
        "messages": dg.MetadataValue.md(markdown_table(heads, rows[:_SHOWN])),
    }
    if defect is not None:
        # A step that fails has no output to say it on.
        raise dg.Failure(str(defect), metadata=told, allow_retries=False) from defect
    context.add_output_metadata(told)


def _notices(notices: Sequence[Notice]) -> str:
    rows = [(one.sink, one.incident_id, one.reason, one.severity, one.detail) for one in notices[:_SHOWN]]
    return markdown_table(("sink", "incident", "reason", "severity", "detail"), rows)
