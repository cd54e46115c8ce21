"""Sensors: what starts the jobs that notify people. Each asks a database, and no network but a shared store of evaluations.

Every job works on a state (evaluations that wait, rows that are due), so a lost or doubled start loses and doubles nothing.
Not here: the jobs (`alert_jobs`), what is due (``workflows``).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import dagster as dg
import polars as pl

from mist_pipeline.defs.resources import asked_to_notify
from mist_pipeline.defs.runs.connections import instance_of
from mist_pipeline.defs.scope import Scope
from mist_pipeline.defs.watching.now import is_report_lost, troubles_now
from mist_pipeline.defs.watching.pipeline_facts import CheckReader
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis, live
from mist_pipeline.workflows.analysis.detect_day import may_notify
from mist_pipeline.workflows.notifying.evaluate import is_evaluation_left, is_step_due, ledger_troubles
from mist_pipeline.workflows.notifying.messages import is_message_due, utc_now
from mist_pipeline.workflows.notifying.tickets import has_open_tickets
from mist_pipeline.workflows.self_monitoring.service import TICK_PATIENCE

SECONDS = 30
"""How often each question is asked."""

TICKET_SECONDS = 300
"""How often tickets are read back."""

LEFT_AFTER = timedelta(minutes=5)
"""An evaluation that waits for so long was left by a run that was killed or failed; so long after that one it is tried again."""

UNDER_WAY = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]

WATCHED_FINDINGS = (live.FINDINGS, analysis.FINDINGS)

MOST_EVENTS = 1_000
"""Events of an asset that one tick reads; the next one goes on behind them."""


def newest_after(
    seen: Mapping[str, int], found: Mapping[str, Sequence[tuple[int, bool]]]
) -> tuple[dict[str, int], int | None]:
    """What a cursor becomes, and the newest event that wants an evaluation.

    Args:
        seen: Asset → newest storage id that is known.
        found: Asset → events: storage id, and whether people may be notified of it (not of a backfill).
    """
    news = [
        number
        for asset, events in found.items()
        for number, is_telling in events
        if is_telling and number > seen.get(asset, 0)
    ]
    newest = {asset: max(number for number, _ in events) for asset, events in found.items() if events}
    after = {**seen, **{asset: max(number, seen.get(asset, 0)) for asset, number in newest.items()}}
    return after, max(news, default=None)


def events_after(
    instance: dg.DagsterInstance, asset: dg.AssetKey, seen: int | None
) -> list[tuple[int, bool]]:
    """Materialisations of an asset behind one that is known, each with whether people may be notified of it.

    All of them and not only the newest: behind a poll there may be a backfill, of which nobody is notified. Of an asset of which
    nothing is known yet the newest ones: what is older was not waiting for the sensor.
    """
    after = dg.AssetRecordsFilter(asset_key=asset, after_storage_id=seen)
    records = instance.fetch_materializations(after, limit=MOST_EVENTS, ascending=seen is not None).records
    run_ids = sorted({record.run_id for record in records})
    runs = instance.get_runs(dg.RunsFilter(run_ids=run_ids)) if run_ids else []
    silent = {run.run_id for run in runs if not may_notify(run.tags, asked_to_notify(run.run_config))}
    return [(record.storage_id, record.run_id not in silent) for record in records]


def degradation_sensor(
    settings: Settings, job: dg.JobDefinition, clock: Callable[[], datetime] = utc_now
) -> dg.SensorDefinition:
    """New findings are evaluated, and what a run that was killed or failed has left."""
    scope = Scope.of(settings)
    watched = {scope.plain_asset(asset): asset for asset in map(scope.key, WATCHED_FINDINGS)}

    @dg.sensor(
        name=scope.name("degradation_sensor"),
        job=job,
        minimum_interval_seconds=SECONDS,
        description="New findings, of a poll or of yesterday, are evaluated at once; a backfill notifies nobody.",
    )
    def degradation(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        seen: dict[str, int] = json.loads(context.cursor or "{}")
        instance = instance_of(context)
        found = {name: events_after(instance, asset, seen.get(name)) for name, asset in watched.items()}
        after, wanted = newest_after(seen, found)
        context.update_cursor(json.dumps(after))
        if wanted is not None:
            return dg.RunRequest(run_key=f"findings-{wanted}")
        now = clock()
        # The next findings would take it along, and none come where the cloud does not answer.
        is_left = is_evaluation_left(settings, now - LEFT_AFTER)
        tried = dg.RunsFilter(job_name=job.name, created_after=now - LEFT_AFTER)
        if is_left and instance.get_runs(tried, limit=1):
            is_left = False
        return _once(context, job.name, is_waiting=is_left, nothing="No new findings.")

    return degradation


def delivery_sensor(
    settings: Settings, job: dg.JobDefinition, clock: Callable[[], datetime] = utc_now
) -> dg.SensorDefinition:
    """Rows of the outbox that are due are sent."""

    @dg.sensor(
        name=Scope.of(settings).name("delivery_sensor"),
        job=job,
        minimum_interval_seconds=SECONDS,
        description="Messages that are due are sent, also those that are tried again.",
    )
    def delivery(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        is_waiting = is_message_due(settings, clock())
        return _once(context, job.name, is_waiting=is_waiting, nothing="No message is due.")

    return delivery


def escalation_sensor(
    settings: Settings, job: dg.JobDefinition, clock: Callable[[], datetime] = utc_now
) -> dg.SensorDefinition:
    """Steps of escalations that are due are sent."""

    @dg.sensor(
        name=Scope.of(settings).name("escalation_sensor"),
        job=job,
        minimum_interval_seconds=SECONDS,
        description="Somebody is called where nobody has reacted; what waited for its time is sent.",
    )
    def escalation(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        is_waiting = is_step_due(settings, clock())
        return _once(context, job.name, is_waiting=is_waiting, nothing="Nobody has to be called.")

    return escalation


def ticket_sensor(settings: Settings, job: dg.JobDefinition) -> dg.SensorDefinition:
    """Tickets of incidents that go on, or ended and are not closed, are read."""

    @dg.sensor(
        name=Scope.of(settings).name("ticket_sensor"),
        job=job,
        minimum_interval_seconds=TICKET_SECONDS,
        description="Tickets are read back: who took one has taken the incident, who closed one has judged it.",
    )
    def tickets(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        is_waiting = has_open_tickets(settings, utc_now())
        return _once(context, job.name, is_waiting=is_waiting, nothing="No ticket is open.")

    return tickets


def _once(
    context: dg.SensorEvaluationContext, job: str, *, is_waiting: bool, nothing: str
) -> dg.RunRequest | dg.SkipReason:
    """One run at a time; a run takes all that is due, so a second one would find nothing."""
    if not is_waiting:
        return dg.SkipReason(nothing)
    if instance_of(context).get_runs(dg.RunsFilter(job_name=job, statuses=UNDER_WAY), limit=1):
        return dg.SkipReason(f"A run of {job} is under way and takes what is due.")
    return dg.RunRequest()


def known(found: pl.DataFrame) -> str:
    """The set of troubles as the sensor's cursor: fingerprints with their severities, numbers left out."""
    return json.dumps(sorted(found.select("fingerprint", "severity").rows()))


@dataclass(frozen=True)
class Remembered:
    """What the sensor of trouble keeps in its cursor, where it outlives processes.

    Attributes:
        known: The troubles that were asked to be told, as `known` writes them.
        since: Since when it has been ticking without a pause: behind that of a suspended machine everything looks late.
        last: Its last tick.

    >>> from datetime import UTC
    >>> noon, one, since = datetime(2026, 3, 1, 12, tzinfo=UTC), Remembered(), []
    >>> for minutes in (0, 1, 9, 40, 41):
    ...     one = Remembered.of(one.at(noon + timedelta(minutes=minutes)).text)
    ...     since.append(one.since.minute)
    >>> since
    [0, 0, 0, 40, 40]
    """

    known: str = ""
    since: datetime | None = None
    last: datetime | None = None

    @classmethod
    def of(cls, cursor: str | None) -> "Remembered":
        """From a cursor; of an earlier version it was the troubles alone."""
        try:
            facts = json.loads(cursor or "{}")
            if not isinstance(facts, dict):
                return cls(cursor or "")
            since, last = (datetime.fromisoformat(facts[name]) for name in ("since", "last"))
            return cls(str(facts["known"]), since, last)
        except (ValueError, KeyError, TypeError):
            return cls()

    def at(self, now: datetime) -> "Remembered":
        """The same at a tick."""
        is_going_on = self.last is not None and timedelta(0) <= now - self.last <= TICK_PATIENCE
        return replace(self, since=self.since if is_going_on and self.since else now, last=now)

    @property
    def text(self) -> str:
        """As a cursor."""
        times = {
            "since": self.since.isoformat() if self.since else None,
            "last": self.last and self.last.isoformat(),
        }
        return json.dumps({"known": self.known, **times})


def pipeline_trouble_sensor(
    settings: Settings,
    watched: Sequence[str],
    check_keys: Sequence[dg.AssetCheckKey],
    job: dg.JobDefinition,
    clock: Callable[[], datetime] = utc_now,
) -> dg.SensorDefinition:
    """The sensor that starts a job when trouble begins, changes its severity or ends.

    Raises:
        ValueError: The job is watched: each of its failures would start it again.
    """
    scope = Scope.of(settings)
    if scope.plain(job.name) in watched:
        raise ValueError(
            f"{job.name} reports the others and cannot be watched itself: take it out of the watched jobs"
        )

    checks = CheckReader(check_keys)

    @dg.sensor(
        name=scope.name("pipeline_trouble"),
        job=job,
        minimum_interval_seconds=60,
        description="The pipeline's own trouble: what failed, what is late, what is off, what is full.",
    )
    def pipeline_trouble(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        now, instance = clock(), instance_of(context)
        before = Remembered.of(context.cursor).at(now)
        found = troubles_now(instance, settings, watched, checks, now, before.since)
        found = pl.concat([found, ledger_troubles(settings, now)])
        now_known = known(found)
        context.update_cursor(replace(before, known=now_known).text)
        is_news = now_known != (before.known or known(found.clear()))
        if not is_news and not is_report_lost(instance, scope, now):
            return dg.SkipReason(f"Nothing new; troubles known: {found.height}.")
        # No run key: the same trouble may come back, and a key is remembered for ever.
        return dg.RunRequest()

    return pipeline_trouble
