"""Jobs of ops that tell people: evaluate, escalate, read tickets back; each followed by sending what is due.

Ops, since they make no tables: the ledger is theirs, and its copies for analysts are in ``ledger_copies``. None of them
touches the warehouse, so a backfill never holds up a page. Not here: what wakes them (`sensors`), the rules (``alerts``),
sinks (``delivery``).
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl

from mist_pipeline.alerts.dispatch import Notice
from mist_pipeline.alerts.inbox import take
from mist_pipeline.alerts.ledger import Ledger, Ticket
from mist_pipeline.alerts.outbox import Done
from mist_pipeline.alerts.signals import PIPELINE, Step, is_pipeline
from mist_pipeline.alerts.sink import Retry
from mist_pipeline.analysis.findings import fingerprint
from mist_pipeline.defs.pipeline_trouble import WATCHED, troubles_now
from mist_pipeline.defs.resources import as_of
from mist_pipeline.defs.run import AS_OF_TAG
from mist_pipeline.defs.sending import utc_now, worker
from mist_pipeline.defs.tables import markdown_table
from mist_pipeline.defs.telling import kept_evaluations, open_ledger, telling
from mist_pipeline.delivery.tickets import TicketStatus
from mist_pipeline.notification.worker import SinksFailedError
from mist_pipeline.settings import Settings
from mist_pipeline.warehouse.tables import live

AFTER_LOOKS = timedelta(seconds=1)
"""Looks of one instant are evaluated one after another, each a moment later: nobody would be told yet of what began
after now."""

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
) -> Step | None:
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
    return Step(as_of=now, source="pipeline", findings=found) if found.height or is_known else None


def refused_messages(refused: Sequence[tuple[str, str, datetime]], now: datetime) -> pl.DataFrame:
    """Sinks that refuse what they are told, as one finding; none where all accept.

    Args:
        refused: Sink, error and since when, as `Ledger.refused` gives them.
        now: The instant of the evaluation.
    """
    if not refused:
        return _NO_FINDINGS
    sinks, errors, since = zip(*refused, strict=True)
    evidence = {"sinks": dict(zip(sinks, errors, strict=True)), "since": min(since).isoformat()}
    summary = f"Messages do not arrive by {', '.join(sinks)}: {errors[0]}"
    return _own_finding(now, "delivery", "major", summary, evidence)


def unreadable_looks(names: Sequence[str], now: datetime) -> pl.DataFrame:
    """Kept looks that were damaged and set aside, as one finding; none where there are none."""
    if not names:
        return _NO_FINDINGS
    summary = f"{len(names)} kept looks are damaged and were not evaluated, the newest {names[-1]}."
    return _own_finding(now, "evaluations", "warning", summary, {"looks": list(names)})


_NO_FINDINGS = live.FINDINGS.empty()


def _own_finding(
    now: datetime, subject: str, severity: str, summary: str, evidence: Mapping[str, object]
) -> pl.DataFrame:
    """One finding about the pipeline itself."""
    row = {
        "as_of": now,
        "site_id": "",
        "metric": "",
        "kind": PIPELINE,
        "severity": severity,
        "summary": summary,
        "evidence": json.dumps(evidence),
        "fingerprint": fingerprint(PIPELINE, "", "", subject),
        "family": f"{PIPELINE}:{subject}",
    }
    return pl.DataFrame([row], schema=live.FINDINGS.polars_schema(), orient="row")


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


def ticket_name(reference: "dict[str, str] | Any") -> str:
    """What people call the ticket of a reference: an issue key, or a number."""
    return str(reference.get("key") or reference.get("number") or reference.get("sys_id") or "")


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


def _sentence(one: Done) -> str:
    delivery = one.delivery
    return (
        f"{delivery.sink}: {delivery.reason} of incident {delivery.incident_id} is {one.state}: {_error(one)}"
    )


def _error(one: Done) -> str:
    return str(getattr(one.outcome, "error", "") or getattr(one.outcome, "note", ""))


def _notices(notices: Sequence[Notice]) -> str:
    rows = [(one.sink, one.incident_id, one.reason, one.severity, one.detail) for one in notices[:_SHOWN]]
    return markdown_table(("sink", "incident", "reason", "severity", "detail"), rows)
