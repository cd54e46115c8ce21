"""What must hold after a day of kills, and the table of what happened."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import dagster as dg
import sqlalchemy as sa

from mist_pipeline.alerts.ledger import tables
from mist_pipeline.alerts.ledger.database import reading
from mist_pipeline.alerts.ledger.evaluation_store import EvaluationName, EvaluationStore
from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.settings import Settings
from mist_pipeline.tables import BY_NAME
from mist_pipeline.workflows.ledger_access import kept_evaluations, open_ledger
from mist_pipeline.workflows.warehouse_access import warehouse_of

UNDER_WAY = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]

GONE = "is gone without an end of the run"
"""What the end of a killed run says."""

UNQUEUED = "seconds to start"
"""What the end of a run says that was killed before it was in the queue: it blocks nobody, and ends by the limit of a start."""

MINUTES, TIMES = 180.0, 3.0
"""Seconds within which a job goes on after a restart, on a machine that does much else; or so many times the seconds that the start took, where
that is longer, since a run's process loads as much as the service."""


@dataclass(frozen=True)
class Kill:
    """One life of the service, and its end.

    Attributes:
        began: Epoch seconds of its start.
        ready: Seconds until runs could begin; None: it was killed before.
        hit: Jobs of the runs that the kill left under way.
        left: Jobs of the runs that were still under way when it was ready: of earlier kills, and nobody ended them.
    """

    began: float
    ready: float | None
    hit: tuple[str, ...]
    left: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Records:
    """What is there at the end of the day.

    Attributes:
        lives: Every life that was killed.
        runs: (job, status, reason of a failure, began or None) of every run.
        polls: Polls that were put into the queue.
        kept: Names of the evaluations of polls that were kept.
        recorded: Names of those that were evaluated.
        events: Of the ledger, without those of notification.
        again: The events of the same evaluations, evaluated once more in the same order, undisturbed.
        rows: State → rows of the outbox.
        unsent: Rows of the outbox that are neither sent nor withdrawn.
        unwritten: Rows that are sent and have no file.
        taken_slots: Pools with a place that is taken though nothing runs.
        doubled: Tables with rows of the same key.
        incidents: How many there were.
        left_at_last: Jobs of runs that were under way when the last life was ready.
        last_ready: Seconds from its start until then.
        end_seconds: How long SIGTERM took.
        seconds: The whole day.
    """

    lives: tuple[Kill, ...]
    runs: tuple[tuple[str, str, str, float | None], ...]
    polls: int
    kept: tuple[str, ...]
    recorded: tuple[str, ...]
    events: tuple[tuple[str, str, str], ...]
    again: tuple[tuple[str, str, str], ...]
    rows: Counter[str]
    unsent: int
    unwritten: int
    taken_slots: tuple[str, ...]
    doubled: tuple[str, ...]
    incidents: int
    left_at_last: tuple[str, ...]
    last_ready: float
    end_seconds: float = 0.0
    seconds: float = 0.0


def collect(
    settings: Settings,
    opened: dg.DagsterInstance,
    lives: Sequence[Kill],
    *,
    polls: int,
    last_ready: float,
    left_at_last: Sequence[str],
) -> Records:
    """Read everything that the day left."""
    kept = kept_evaluations(settings)
    with open_ledger(settings) as ledger, reading(ledger.engine) as connection:
        evaluated = connection.execute(
            sa.select(tables.EVALUATIONS).order_by(tables.EVALUATIONS.c.as_of)
        ).all()
        events = connection.execute(sa.select(tables.EVENTS).order_by(tables.EVENTS.c.event_id)).all()
        rows = connection.execute(sa.select(tables.DELIVERIES)).all()
        incidents = connection.execute(sa.select(sa.func.count()).select_from(tables.INCIDENTS)).scalar()
    about_sites = [row for row in evaluated if row.origin and row.source != "pipeline"]
    pipeline = {row.subject_id for row in events if "pipeline" in str(row.detail.get("family", ""))}
    happened = [
        (row.subject, row.subject_id, row.kind)
        for row in events
        if row.kind != "withheld" and row.subject == "alert" and row.subject_id not in pipeline
    ]
    sent = [row for row in rows if row.state == "sent"]
    return Records(
        lives=tuple(lives),
        runs=tuple(_runs(opened)),
        polls=polls,
        kept=tuple(name.text for name in kept.names() if name.source == "live"),
        recorded=tuple(row.origin for row in about_sites if row.source == "live"),
        events=tuple(happened),
        again=tuple(evaluated_again(settings, kept, [row.origin for row in about_sites])),
        rows=Counter(row.state for row in rows),
        unsent=sum(row.state != "sent" and not row.withdrawn_reason for row in rows),
        unwritten=sum(not _is_written(settings.data, row) for row in sent),
        taken_slots=tuple(_taken_slots(opened)),
        doubled=tuple(doubled(settings)),
        incidents=int(incidents or 0),
        left_at_last=tuple(left_at_last),
        last_ready=last_ready,
    )


def _runs(opened: dg.DagsterInstance) -> Iterator[tuple[str, str, str, float | None]]:
    for record in opened.get_run_records():
        run, reason = record.dagster_run, ""
        if run.status == dg.DagsterRunStatus.FAILURE:
            kinds = {dg.DagsterEventType.RUN_FAILURE}
            found = opened.get_records_for_run(run.run_id, of_type=kinds, limit=1).records
            event = found[0].event_log_entry.dagster_event if found else None
            reason = (event.message or "") if event else ""
        yield run.job_name, run.status.value, reason, record.start_time


def evaluated_again(
    settings: Settings, kept: EvaluationStore, origins: Sequence[str]
) -> Iterator[tuple[str, str, str]]:
    """The events of these evaluations in a fresh ledger."""
    names: dict[str, EvaluationName] = {name.text: name for name in kept.names()}
    fresh = settings.data.parent / "again.db"
    with Ledger(fresh, settings.alerts.policy()) as ledger:
        for origin in origins:
            for event in ledger.record_evaluation(kept.load(names[origin]), origin=origin).events:
                if event.subject == "alert":
                    yield event.subject, event.subject_id, event.kind


def _is_written(data: Path, row: sa.Row[tuple[object, ...]]) -> bool:
    folder = data / str(row.sink) / str(row.incident_id)
    return any(folder.glob(f"{row.sequence:03d}-{row.reason}-*.txt"))


def _taken_slots(opened: dg.DagsterInstance) -> Iterator[str]:
    storage = opened.event_log_storage
    for key in sorted(storage.get_concurrency_keys()):
        if storage.get_concurrency_info(key).active_slot_count:
            yield key


def doubled(settings: Settings) -> Iterator[str]:
    warehouse = warehouse_of(settings)
    for table in BY_NAME.values():
        if table.schema in ("history", "live", "analysis") and table.key:
            keys = ", ".join(f'"{column}"' for column in table.key)
            query = (
                f"SELECT count(*) FROM (SELECT 1 FROM {table.full_name} GROUP BY {keys} HAVING count(*) > 1)"
            )
            if warehouse.query(query).item():
                yield table.full_name


def broken(records: Records) -> list[str]:
    """Every promise that was not kept."""
    return [*_broken_runs(records), *_broken_evaluations(records), *_broken_stores(records)]


def _is_killed(reason: str) -> bool:
    return GONE in reason or UNQUEUED in reason


def _broken_runs(records: Records) -> Iterator[str]:
    for left in (*(life.left for life in records.lives), records.left_at_last):
        if left:
            yield f"runs of a killed service were under way when the next one was ready: {left}"
    for job, status, reason, _ in records.runs:
        if status not in ("SUCCESS", "FAILURE"):
            yield f"a run of {job} is {status} though nothing is left to do"
        if status == "FAILURE" and not _is_killed(reason):
            yield f"a run of {job} failed, and not because it was killed: {reason}"
    slow = [pause for pause, ready in _pauses(records) if pause > max(MINUTES, TIMES * ready)]
    if slow:
        yield f"after a restart nothing began for {max(slow):.0f} s"


def _broken_evaluations(records: Records) -> Iterator[str]:
    missing = sorted(set(records.kept) - set(records.recorded))
    if missing:
        yield f"{len(missing)} polls were kept and never evaluated: {missing[:5]}"
    if len(set(records.recorded)) != len(records.recorded):
        yield "an evaluation was recorded twice"
    if records.events != records.again:
        differing = Counter(records.events)
        differing.subtract(Counter(records.again))
        yield f"events differ from those of an undisturbed evaluation: too many {+differing}, missing {-differing}"
    if not records.incidents:
        yield "nothing happened on this day"


def _broken_stores(records: Records) -> Iterator[str]:
    if records.unsent:
        yield f"{records.unsent} messages are neither sent nor withdrawn: {dict(records.rows)}"
    if records.unwritten:
        yield f"{records.unwritten} messages are marked sent and did not arrive"
    if records.taken_slots:
        yield f"pools are taken though nothing runs: {records.taken_slots}"
    if records.doubled:
        yield f"tables have rows twice: {records.doubled}"


def _pauses(records: Records) -> Iterator[tuple[float, float]]:
    """Of each service that was ready: seconds from its start until its first run began, and until it was ready."""
    began = sorted(start for *_, start in records.runs if start)
    for number, life in enumerate(records.lives):
        ends = records.lives[number + 1].began if number + 1 < len(records.lives) else float("inf")
        first = next((start for start in began if life.began <= start < ends), None)
        if life.ready is not None and first is not None:
            yield first - life.began, life.ready


def table(records: Records) -> str:
    """What happened, for people."""
    lines = ["| | |", "|---|---|", *(f"| {what} | {value} |" for what, value in _facts(records).items()), ""]
    ends = Counter(
        (job, "killed" if _is_killed(reason) else status.lower()) for job, status, reason, _ in records.runs
    )
    lines += ["| job | runs | succeeded | killed | other failures |", "|---|---|---|---|---|"]
    for job in sorted({job for job, *_ in records.runs}):
        good, killed = ends[job, "success"], ends[job, "killed"]
        runs = sum(number for (name, _), number in ends.items() if name == job)
        lines.append(f"| `{job}` | {runs} | {good} | {killed} | {runs - good - killed} |")
    return "\n".join(lines)


def _facts(records: Records) -> dict[str, object]:
    readies = [life.ready for life in records.lives if life.ready is not None] + [records.last_ready]
    pauses = [pause for pause, _ in _pauses(records)] or [0.0]
    withdrawn = sum(records.rows.values()) - records.rows["sent"] - records.unsent
    left = sum(len(life.left) for life in records.lives) + len(records.left_at_last)
    return {
        "kills": len(records.lives),
        "… while the service started": sum(life.ready is None for life in records.lives),
        "… with runs under way": sum(bool(life.hit) for life in records.lives),
        "runs that were killed": sum(_is_killed(reason) for _, _, reason, _ in records.runs),
        "… still under way when the next service was ready": left,
        "seconds from a start until runs can begin (median, longest)": f"{median(readies):.0f}, {max(readies):.0f}",
        "seconds from a start until its first run began (median, longest)": f"{median(pauses):.0f}, {max(pauses):.0f}",
        "polls queued, kept, evaluated": f"{records.polls}, {len(records.kept)}, {len(records.recorded)}",
        "events of alerts; of the same polls evaluated undisturbed": f"{len(records.events)}; {len(records.again)}",
        "incidents": records.incidents,
        "messages sent, withdrawn, lost": f"{records.rows['sent']}, {withdrawn}, {records.unsent + records.unwritten}",
        "places of pools left taken": len(records.taken_slots),
        "tables with a key twice": len(records.doubled),
        "seconds that SIGTERM took at the end": f"{records.end_seconds:.0f}",
        "minutes": f"{records.seconds / 60:.0f}",
    }
