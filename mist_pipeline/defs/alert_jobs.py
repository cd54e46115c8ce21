"""Jobs of ops that notify people: evaluate, escalate, read tickets back; each followed by sending what is due.

Ops, since they make no tables: the ledger is theirs, and its copies for analysts are in ``assets.alert_tables``. None of
them touches the warehouse, so a backfill never holds up a page. Not here: what wakes them (`sensors`), what they do
(``workflows``), the rules (``alerts``), sinks (``delivery``).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import dagster as dg

from mist_pipeline.alerts.ledger.outbox import Done
from mist_pipeline.alerts.notify.plan import Notification
from mist_pipeline.defs.resources import RunOptions
from mist_pipeline.defs.runs.limits import limited
from mist_pipeline.defs.scope import Scope
from mist_pipeline.defs.table_io import markdown_table
from mist_pipeline.defs.watching.now import troubles_now
from mist_pipeline.defs.watching.pipeline_facts import CheckReader
from mist_pipeline.settings import Settings, SettingsError
from mist_pipeline.storage.files import StoreError
from mist_pipeline.workflows.cloud import Cloud
from mist_pipeline.workflows.impact import ask
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline.workflows.notifying import evaluate, messages, tickets
from mist_pipeline.workflows.notifying.messages import utc_now
from mist_pipeline.workflows.present.overview import show_ledger
from mist_pipeline.workflows.pushing.evaluate import keep_what_was_pushed
from mist_pipeline.workflows.running.instants import refuse_future
from mist_pipeline.workflows.self_monitoring.delivery import sink_sentence
from mist_pipeline.workflows.self_monitoring.jobs import NOBODY_TOLD, WATCHED

_SHOWN = 50
"""Rows of a table in the metadata of a run."""


def clock_of(run: RunOptions, settings: Settings) -> Callable[[], datetime]:
    """The clock of a run; of one with an instant of its own (a simulated cloud) just after all evaluations of that.

    Raises:
        Failure: The instant has not come yet, and the cloud is a real one: who typed it would silence all until then.
    """
    if run.given is not None:
        instant = run.given
        if Cloud(settings).is_real:
            try:
                refuse_future(instant, utc_now())
            except SettingsError as error:
                raise dg.Failure(str(error), allow_retries=False) from error
        instant += evaluate.AFTER_EVALUATIONS
        return lambda: instant
    return utc_now


def evaluate_op(checks: Sequence[dg.AssetCheckKey]) -> dg.OpDefinition:
    """The op that evaluates."""

    @dg.op(
        out=dg.Out(dg.Nothing),
        description="What was kept and not evaluated yet, and the pipeline's own state, become events and messages.",
    )
    def evaluate_looks(
        context: dg.OpExecutionContext, settings: dg.ResourceParam[Settings], run: RunOptions
    ) -> None:
        now = clock_of(run, settings)()
        # An earlier failure of this job is made good by this run, or not told by it.
        others = [job for job in WATCHED if Scope.of(settings).name(job) != context.job_name]
        troubles = troubles_now(context.instance, settings, others, CheckReader(checks), now)
        # Whoever received it told it within seconds; here what a listener left that died.
        keep_what_was_pushed(settings, now)
        result = evaluate.evaluate(settings, troubles, now)
        for damage in result.unreadable:
            context.log.error("A kept evaluation cannot be read and is set aside: %s", damage)
        events = Counter(f"{event.subject} {event.kind}" for event in result.events)
        reasons = sorted(result.recorded.withheld.items())[:_SHOWN]
        withheld = [(incident_id, str(reason)) for incident_id, reason in reasons]
        context.add_output_metadata(
            {
                "evaluated": dg.MetadataValue.json([name.text for name in result.names]),
                "events": dg.MetadataValue.json(dict(sorted(events.items()))),
                "to tell": dg.MetadataValue.md(_notifications(result.recorded.notifications)),
                "withheld": dg.MetadataValue.md(markdown_table(("incident", "because"), withheld)),
            }
        )

    return evaluate_looks


def watch_op(checks: Sequence[dg.AssetCheckKey]) -> dg.OpDefinition:
    """The op that reports the pipeline's own trouble."""

    @dg.op(
        out=dg.Out(dg.Nothing),
        description="The pipeline's own state becomes events and messages; needs nothing of what it watches.",
    )
    def watch_pipeline(
        context: dg.OpExecutionContext, settings: dg.ResourceParam[Settings], run: RunOptions
    ) -> None:
        now = clock_of(run, settings)()
        troubles = troubles_now(context.instance, settings, WATCHED, CheckReader(checks), now)
        recorded = evaluate.tell_own_state(settings, troubles, now)
        rows = troubles.select("family", "severity", "summary").rows()[:_SHOWN]
        context.add_output_metadata(
            {
                "troubles": dg.MetadataValue.md(markdown_table(("family", "severity", "summary"), rows)),
                "to tell": dg.MetadataValue.md(_notifications(recorded.notifications)),
            }
        )

    return watch_pipeline


@dg.op(
    ins={"after": dg.In(dg.Nothing)},
    out=dg.Out(dg.Nothing),
    description="Who is hit by incidents that opened, grew worse, go on for another hour or ended: a few calls each.",
)
def ask_who_is_hit(
    context: dg.OpExecutionContext, settings: dg.ResourceParam[Settings], run: RunOptions
) -> None:
    """Ask the cloud, so that messages can say it; a cloud that does not answer holds up nothing."""
    asked = ask.ask_who_is_hit(settings, clock_of(run, settings)(), warn=context.log.warning)
    heads = ("incident", "because", "users", "APs", "user-hours lost", "not known")
    rows = [
        (
            one.incident_id,
            one.occasion,
            _number(one.num_users),
            _number(one.num_aps),
            _number(None if one.lost_user_minutes is None else one.lost_user_minutes / 60),
            one.unknown,
        )
        for one in asked.impacts[:_SHOWN]
    ]
    context.add_output_metadata(
        {
            "calls": asked.calls,
            "questions left out": asked.left_out,
            "incidents": dg.MetadataValue.md(markdown_table(heads, rows)),
        }
    )


@dg.op(
    out=dg.Out(dg.Nothing),
    description="Steps of escalations that are due, and news that waited for its time, become messages.",
)
def escalate_steps(
    context: dg.OpExecutionContext, settings: dg.ResourceParam[Settings], run: RunOptions
) -> None:
    """Escalate what nobody has taken."""
    escalated = evaluate.escalate(settings, clock_of(run, settings)())
    context.add_output_metadata(
        {
            "news": dg.MetadataValue.md(_notifications(escalated.waited)),
            "steps": dg.MetadataValue.md(_notifications(escalated.steps)),
        }
    )


@dg.op(
    out=dg.Out(dg.Nothing),
    description="What people did with their tickets: one that was taken or closed acknowledges its incident.",
)
def read_tickets(
    context: dg.OpExecutionContext, settings: dg.ResourceParam[Settings], run: RunOptions
) -> None:
    """Read every ticket of an active incident."""
    read = tickets.read_tickets(settings, clock_of(run, settings)(), context.log.warning)
    heads = ("sink", "incident", "ticket", "state", "who")
    rows = [(one.sink, one.incident_id, one.ticket, one.state, one.detail) for one in read.tickets[:_SHOWN]]
    context.add_output_metadata(
        {
            "tickets": dg.MetadataValue.md(markdown_table(heads, rows)),
            "news": dg.MetadataValue.md(_notifications(read.notifications)),
        }
    )


@dg.op(
    ins={"after": dg.In(dg.Nothing)},
    out=dg.Out(dg.Nothing),
    description="Messages that are due to mail, chat, pagers and webhooks; every sink fails alone.",
)
def notify(context: dg.OpExecutionContext, settings: dg.ResourceParam[Settings], run: RunOptions) -> None:
    """Send what is due but tickets."""
    ticket_systems = settings.notifications.tickets
    _send(
        context, settings, run, [name for name in settings.notifications.sinks if name not in ticket_systems]
    )


@dg.op(
    ins={"after": dg.In(dg.Nothing)},
    out=dg.Out(dg.Nothing),
    description="Tickets that are due: opened, commented, resolved, reopened; every system fails alone.",
)
def ticket(context: dg.OpExecutionContext, settings: dg.ResourceParam[Settings], run: RunOptions) -> None:
    """Bring tickets up to date."""
    _send(context, settings, run, settings.notifications.tickets)


@dg.op(out=dg.Out(dg.Nothing), description="Rows whose time has come.")
def due(context: dg.OpExecutionContext) -> None:
    """Begin a delivery: nothing to decide."""
    context.log.debug("Sending what is due.")


@dg.op(
    ins={"after": dg.In(dg.Nothing)},
    out=dg.Out(dg.Nothing),
    # After the messages, and also where a sink fails: then this is not an input of theirs, nor they of this.
    tags={"dagster/priority": "-1"},
    description="The ledger as it is now, as tables for analysts: alerts, incidents, who was told, what people did.",
)
def publish_alerts(
    context: dg.OpExecutionContext, settings: dg.ResourceParam[Settings], run: RunOptions
) -> None:
    """Publish the copies of the ledger."""
    import duckdb

    try:
        frames = show_ledger(settings, clock_of(run, settings)())
    except (OSError, duckdb.Error, StoreError) as error:
        # People are told all the same, and whoever reads the tables sees how old they are.
        context.log.warning("The ledger is not published for analysts: %s", error)
        return
    context.add_output_metadata({name: frame.height for name, frame in frames.items()})


def alert_jobs(scope: Scope, checks: Sequence[dg.AssetCheckKey]) -> list[dg.JobDefinition]:
    """Every job that notifies people.

    Args:
        scope: Whose they are.
        checks: The asset checks whose failure is the pipeline's own trouble.
    """
    return [
        _job(
            scope,
            "evaluate",
            evaluate_op(checks),
            "New findings become alerts, incidents, messages and tickets.",
            before_sending=ask_who_is_hit,
            after_sending=publish_alerts,
        ),
        _job(
            scope,
            "deliver",
            due,
            "Messages and tickets that are due: new ones, and those that are tried again.",
        ),
        _job(
            scope,
            "escalate",
            escalate_steps,
            "Who is called if nobody reacts; what waited for quiet hours to end.",
        ),
        _job(
            scope,
            "read_back",
            read_tickets,
            "Tickets that people took or closed acknowledge their incidents.",
        ),
        _job(
            scope,
            "watch",
            watch_op(checks),
            "The pipeline's own trouble, told apart from all that it is about: what fails cannot tell that it fails.",
        ),
    ]


def _job(
    scope: Scope,
    name: str,
    first: dg.OpDefinition,
    description: str,
    before_sending: dg.OpDefinition | None = None,
    after_sending: dg.OpDefinition | None = None,
) -> dg.JobDefinition:
    # One run of each at a time, and none waits for another: a slow sink must not hold up an escalation.
    @dg.job(
        name=scope.name(name),
        tags=limited(name, scope.load(name)),
        description=description,
    )
    def notifying() -> None:
        begun = first() if before_sending is None else before_sending(first())
        notify(begun)
        ticket(begun)
        if after_sending is not None:
            after_sending(begun)

    return notifying


def _send(context: dg.OpExecutionContext, settings: Settings, run: RunOptions, sinks: Iterable[str]) -> None:
    with open_ledger(settings) as ledger:
        sent = messages.send_due(
            settings, ledger, sinks, clock=clock_of(run, settings), run_id=context.run_id
        )
    for one in sent.done:
        if one.state == "dead":
            context.log.error("%s", messages.sentence(one))
        elif one.state in ("failed", "unknown"):
            context.log.warning("%s", messages.sentence(one))
    metadata = {
        "states": dg.MetadataValue.json(dict(Counter(map(_state, sent.done)))),
        "messages": dg.MetadataValue.md(_messages(sent.done[:_SHOWN])),
    }
    failing = [sink_sentence(one, settings.organisation.zone) for one in sent.failing]
    if failing:
        rows = [(one.sink, one.since.isoformat(), one.waiting, one.error) for one in sent.failing]
        metadata["failing sinks"] = dg.MetadataValue.md(
            markdown_table(("sink", "since", "waiting", "error"), rows)
        )
    for sentence in failing:
        context.log.warning("%s", sentence)
    if sent.done and failing and len(failing) == len(settings.notifications.sinks):
        # Nobody can be told of it: the run itself has to say so.
        raise dg.Failure(NOBODY_TOLD, metadata=metadata, allow_retries=False) from sent.defect
    if sent.defect is not None:
        # A step that fails has no output to say it on.
        raise dg.Failure(str(sent.defect), metadata=metadata, allow_retries=False) from sent.defect
    context.add_output_metadata(metadata)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f}".removesuffix(".0")


def _state(one: Done) -> str:
    return one.state or "not needed"


def _messages(done: Iterable[Done]) -> str:
    rows = [
        (
            one.delivery.sink,
            one.delivery.incident_id,
            one.delivery.reason,
            str(one.delivery.payload.get("severity", "")),
            _state(one),
            messages.error_of(one),
        )
        for one in done
    ]
    return markdown_table(("sink", "incident", "reason", "severity", "state", "error"), rows)


def _notifications(notifications: Sequence[Notification]) -> str:
    rows = [
        (one.sink, one.incident_id, one.reason, one.severity, one.detail) for one in notifications[:_SHOWN]
    ]
    return markdown_table(("sink", "incident", "reason", "severity", "detail"), rows)
