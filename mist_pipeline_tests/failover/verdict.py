"""What must hold after machines died in a storm, and the table of what happened."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import dagster as dg
import sqlalchemy as sa

from mist_pipeline.alerts.ledger import tables
from mist_pipeline.alerts.ledger.database import reading
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.ledger_access import kept_evaluations, open_ledger
from mist_pipeline_tests.crash.daemon.verdict import doubled, evaluated_again
from mist_pipeline_tests.failover.storm import Arrival

Kind = Literal["kill", "cut off", "pause", "database"]

FIRST_MESSAGE = 120.0
"""Seconds within which somebody is told again."""

HANDED_OVER = "took over"
"""Stands in the reason of a run that ended because another machine became the active one."""

SENDERS = 2
"""A machine has a sender and may have a run of ``deliver``: each may be in the middle of one message to each sink when it dies."""


@dataclass(frozen=True)
class Disturbance:
    """What was done to the active machine, and what came of it.

    Attributes:
        kind: What was done.
        at: When (epoch seconds).
        hit: To which machine.
        address: Of that machine.
        terms: How often the lease changed hands until both were there again.
        taken: Seconds until the other was active; None where it was the database that went.
        first_run: Seconds until a run began there.
        first_message: Seconds until the first message of a machine that was not hit.
        left: Processes of the hit machine that went on where they should not: while it was cut off and the other active, or after it woke up.
    """

    kind: Kind
    at: float
    hit: str
    address: str
    terms: int
    taken: float | None
    first_run: float | None
    first_message: float | None
    left: int


@dataclass(frozen=True, kw_only=True)
class Records:
    """What is there at the end.

    Attributes:
        disturbances: All of them, in order.
        news: Of each: seconds until the first message about something that was evaluated after it.
        runs: (job, status, reason of a failure).
        kept: Names of the evaluations of polls that were kept.
        recorded: Names of those that were evaluated.
        events: Of the ledger, without those of notification.
        again: The events of the same evaluations, evaluated once more in the same order, undisturbed.
        rows: State → rows of the outbox.
        unsent: Rows that are neither sent nor withdrawn.
        missing: Rows that are sent, and how many fewer different messages arrived.
        twice: Sink → messages that arrived more than once, with all their repetitions.
        doubled: Tables with rows of the same key.
        taken_slots: Pools with a place that is taken though nothing runs.
        messages: How many arrived.
        end_seconds: How long SIGTERM took at the end.
        handed_over: Seconds from then until the other was active.
        seconds: All of it.
    """

    disturbances: tuple[Disturbance, ...]
    news: tuple[float | None, ...]
    runs: tuple[tuple[str, str, str], ...]
    kept: tuple[str, ...]
    recorded: tuple[str, ...]
    events: tuple[tuple[str, str, str], ...]
    again: tuple[tuple[str, str, str], ...]
    rows: Counter[str]
    unsent: int
    missing: int
    twice: Counter[str]
    doubled: tuple[str, ...]
    taken_slots: tuple[str, ...]
    messages: int
    end_seconds: float = 0.0
    handed_over: float = 0.0
    seconds: float = 0.0


def collect(
    settings: Settings,
    opened: dg.DagsterInstance,
    disturbances: Sequence[Disturbance],
    arrivals: Sequence[Arrival],
) -> Records:
    """Read everything that is left."""
    kept = kept_evaluations(settings)
    with open_ledger(settings) as ledger, reading(ledger.engine) as connection:
        evaluated = connection.execute(
            sa.select(tables.EVALUATIONS).order_by(tables.EVALUATIONS.c.as_of)
        ).all()
        events = connection.execute(sa.select(tables.EVENTS).order_by(tables.EVENTS.c.event_id)).all()
        rows = connection.execute(sa.select(tables.DELIVERIES)).all()
    about_sites = [row for row in evaluated if row.origin and row.source != "pipeline"]
    pipeline = {row.subject_id for row in events if "pipeline" in str(row.detail.get("family", ""))}
    happened = [
        (row.subject, row.subject_id, row.kind)
        for row in events
        if row.kind != "withheld" and row.subject == "alert" and row.subject_id not in pipeline
    ]
    sent = [row for row in rows if row.state == "sent"]
    arrived = Counter((one.sink, one.delivery) for one in arrivals)
    twice: Counter[str] = Counter()
    for (sink, _), number in arrived.items():
        twice[sink] += number - 1
    to = Counter(str(row.sink) for row in sent)
    storage = opened.event_log_storage
    return Records(
        disturbances=tuple(disturbances),
        news=tuple(_news(each.at + (each.taken or 0.0), each.at, sent) for each in disturbances),
        runs=tuple(_runs(opened)),
        kept=tuple(name.text for name in kept.names() if name.source == "live"),
        recorded=tuple(row.origin for row in about_sites if row.source == "live"),
        events=tuple(happened),
        again=tuple(evaluated_again(settings, kept, [row.origin for row in about_sites])),
        rows=Counter(row.state for row in rows),
        unsent=sum(row.state != "sent" and not row.withdrawn_reason for row in rows),
        missing=sum(number - len({one for one in arrived if one[0] == sink}) for sink, number in to.items()),
        twice=+twice,
        doubled=tuple(doubled(settings)),
        taken_slots=tuple(
            key
            for key in sorted(storage.get_concurrency_keys())
            if storage.get_concurrency_info(key).active_slot_count
        ),
        messages=len(arrivals),
    )


def _news(active_at: float, at: float, sent: Sequence[sa.Row[tuple[object, ...]]]) -> float | None:
    """Seconds until a message was sent that was decided after a machine had become active."""
    since = datetime.fromtimestamp(active_at, UTC)
    times = [row.sent_at.timestamp() for row in sent if row.created_at > since]
    return min(times) - at if times else None


def _runs(opened: dg.DagsterInstance) -> Iterator[tuple[str, str, str]]:
    for run in opened.get_runs():
        reason = _why_failed(opened, run.run_id) if run.status == dg.DagsterRunStatus.FAILURE else ""
        yield run.job_name, run.status.value, reason


def _why_failed(opened: dg.DagsterInstance, run_id: str) -> str:
    """What a run was ended for, or what its first failed step said."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    reasons = []
    for record in opened.get_records_for_run(run_id, of_type=kinds, limit=10).records:
        event = record.event_log_entry.dagster_event
        if event is None:
            continue
        error = event.step_failure_data.error if event.is_step_failure else None
        cause = error.cause or error if error else None
        reasons.append(cause.message.strip() if cause else event.message or "")
    return " | ".join(reasons)


def broken(records: Records) -> list[str]:
    """Every promise that was not kept."""
    return [
        *_broken_machines(records),
        *_broken_work(records),
        *_broken_messages(records),
        *_left_over(records),
    ]


def _broken_machines(records: Records) -> Iterator[str]:
    for each in records.disturbances:
        if each.kind != "database" and each.terms != 1:
            yield f"after {each.kind} the lease changed hands {each.terms} times"
        if each.left:
            yield f"after {each.kind} {each.left} processes of {each.hit} went on"
        # Behind a database that was away for a moment nothing need be due.
        is_promised = each.kind != "database"
        if is_promised and (each.first_message is None or each.first_message > FIRST_MESSAGE):
            yield f"after {each.kind} nobody was told for {each.first_message} s"


def _broken_work(records: Records) -> Iterator[str]:
    missing = sorted(set(records.kept) - set(records.recorded))
    if missing:
        yield f"{len(missing)} polls were kept and never evaluated: {missing[:5]}"
    if len(set(records.recorded)) != len(records.recorded):
        yield "an evaluation was recorded twice"
    if records.events != records.again:
        differing = Counter(records.events)
        differing.subtract(Counter(records.again))
        yield f"events differ from those of an undisturbed evaluation: too many {+differing}, missing {-differing}"
    if not records.events:
        yield "nothing happened on this day"


def _broken_messages(records: Records) -> Iterator[str]:
    if records.unsent:
        yield f"{records.unsent} messages are neither sent nor withdrawn: {dict(records.rows)}"
    if records.missing:
        yield f"{records.missing} messages are marked sent and did not arrive"
    allowed = SENDERS * len(records.disturbances)
    for sink, number in records.twice.items():
        if number > allowed:
            yield f"{number} messages of {sink} came twice, {allowed} may"


def _left_over(records: Records) -> Iterator[str]:
    if records.doubled:
        yield f"tables have rows twice: {records.doubled}"
    if records.taken_slots:
        yield f"pools are taken though nothing runs: {records.taken_slots}"
    for job, status, _ in records.runs:
        if status not in ("SUCCESS", "FAILURE"):
            yield f"a run of {job} is {status} though nothing is left to do"


def table(records: Records) -> str:
    """What happened, for people."""
    lines = [
        "| the active machine was … | seconds to the take-over | … to a run of the other | … to its first message | … to the first news | processes that went on |",
        "|---|---|---|---|---|---|",
    ]
    words = {
        "kill": "killed (`kill -9` of everything)",
        "cut off": "cut off from the network",
        "pause": "paused for five minutes (SIGSTOP)",
        "database": "left alone, and PostgreSQL restarted",
    }
    for each, news in zip(records.disturbances, records.news, strict=True):
        cells = [_seconds(one) for one in (each.taken, each.first_run, each.first_message, news)]
        lines.append(f"| {words[each.kind]} | {' | '.join(cells)} | {each.left} |")
    lines += ["", "| | |", "|---|---|"]
    lines += [f"| {what} | {value} |" for what, value in _facts(records).items()]
    return "\n".join(lines)


def failed_otherwise(records: Records) -> list[tuple[str, str]]:
    """Job and reason of runs that failed, but not because another machine took over."""
    return [
        (job, reason)
        for job, status, reason in records.runs
        if status == "FAILURE" and HANDED_OVER not in reason
    ]


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def _facts(records: Records) -> dict[str, object]:
    num_failed = sum(status == "FAILURE" for _, status, _ in records.runs)
    num_otherwise = len(failed_otherwise(records))
    withdrawn = sum(records.rows.values()) - records.rows["sent"] - records.unsent
    return {
        "polls kept, evaluated": f"{len(records.kept)}, {len(set(records.recorded))}",
        "events of alerts; of the same polls evaluated undisturbed": f"{len(records.events)}; {len(records.again)}",
        "messages sent, withdrawn, lost": f"{records.rows['sent']}, {withdrawn}, {records.unsent + records.missing}",
        "messages that arrived; of them twice": f"{records.messages}; {sum(records.twice.values())}",
        "runs; of them ended because another machine took over; failed otherwise": f"{len(records.runs)}; {num_failed - num_otherwise}; {num_otherwise}",
        "places of pools left taken, tables with a key twice": f"{len(records.taken_slots)}, {len(records.doubled)}",
        "seconds that SIGTERM took at the end, and until the other was active": f"{records.end_seconds:.0f}, {records.handed_over:.0f}",
        "minutes": f"{records.seconds / 60:.0f}",
    }
