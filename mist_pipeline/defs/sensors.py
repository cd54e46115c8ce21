"""Sensors: what wakes the jobs that tell people. Each is a question to a database, never to the network.

Every job works on a state (looks that wait, rows that are due), so a lost or doubled wake-up loses and doubles nothing.
Not here: the pipeline's own trouble, which has a sensor beside its facts (`pipeline_trouble`).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import dagster as dg

from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.defs.table_io import key
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis, live
from mist_pipeline.workflows.analysis.detect_day import may_notify
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline.workflows.messages import utc_now

SECONDS = 30
"""How often each question is asked."""

TICKET_SECONDS = 300
"""How often tickets are read back."""

UNDER_WAY = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]

WATCHED_FINDINGS = (key(live.FINDINGS), key(analysis.FINDINGS))

MOST_EVENTS = 1_000
"""Events of an asset that one tick reads; the next one goes on behind them."""


def newest_after(
    seen: Mapping[str, int], found: Mapping[str, Sequence[tuple[int, bool]]]
) -> tuple[dict[str, int], int | None]:
    """What a cursor becomes, and the newest event that wants an evaluation.

    Args:
        seen: Asset → newest storage id that is known.
        found: Asset → events: storage id, and whether it may tell people anything (backfills may not).
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
    """Materialisations of an asset behind one that is known, each with whether it may tell people anything.

    All of them and not only the newest: behind a look there may be a backfill that tells nobody. Of an asset of which
    nothing is known yet the newest ones: what is older waited for no sensor.
    """
    after = dg.AssetRecordsFilter(asset_key=asset, after_storage_id=seen)
    records = instance.fetch_materializations(after, limit=MOST_EVENTS, ascending=seen is not None).records
    run_ids = sorted({record.run_id for record in records})
    runs = instance.get_runs(dg.RunsFilter(run_ids=run_ids)) if run_ids else []
    silent = {run.run_id for run in runs if not may_notify(run.tags)}
    return [(record.storage_id, record.run_id not in silent) for record in records]


def degradation_sensor(job: dg.JobDefinition) -> dg.SensorDefinition:
    """New findings are evaluated."""

    @dg.sensor(
        name="degradation_sensor",
        job=job,
        minimum_interval_seconds=SECONDS,
        description="New findings, of a look or of yesterday, are evaluated at once; a backfill tells nobody.",
    )
    def degradation(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        seen: dict[str, int] = json.loads(context.cursor or "{}")
        found = {
            (name := asset.to_user_string()): events_after(context.instance, asset, seen.get(name))
            for asset in WATCHED_FINDINGS
        }
        after, wanted = newest_after(seen, found)
        context.update_cursor(json.dumps(after))
        if wanted is None:
            return dg.SkipReason("No new findings.")
        return dg.RunRequest(run_key=f"findings-{wanted}")

    return degradation


def delivery_sensor(
    settings: Settings, job: dg.JobDefinition, clock: Callable[[], datetime] = utc_now
) -> dg.SensorDefinition:
    """Rows of the outbox that are due are sent."""

    @dg.sensor(
        name="delivery_sensor",
        job=job,
        minimum_interval_seconds=SECONDS,
        description="Messages that are due are sent, also those that are tried again.",
    )
    def delivery(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        with open_ledger(settings) as ledger:
            is_waiting = Outbox(ledger.engine).is_waiting(clock(), settings.notifications.sinks)
        return _once(context, job.name, is_waiting=is_waiting, nothing="No message is due.")

    return delivery


def escalation_sensor(
    settings: Settings, job: dg.JobDefinition, clock: Callable[[], datetime] = utc_now
) -> dg.SensorDefinition:
    """Steps that are due are told."""

    @dg.sensor(
        name="escalation_sensor",
        job=job,
        minimum_interval_seconds=SECONDS,
        description="Somebody is called where nobody has reacted; what waited for its time is told.",
    )
    def escalation(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        with open_ledger(settings) as ledger:
            is_waiting = ledger.is_due(clock())
        return _once(context, job.name, is_waiting=is_waiting, nothing="Nobody has to be called.")

    return escalation


def ticket_sensor(settings: Settings, job: dg.JobDefinition) -> dg.SensorDefinition:
    """Tickets of incidents that go on are read."""

    @dg.sensor(
        name="ticket_sensor",
        job=job,
        minimum_interval_seconds=TICKET_SECONDS,
        description="Tickets of incidents that go on are read back: who took one has taken the incident.",
    )
    def tickets(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        with open_ledger(settings) as ledger:
            known = ledger.references(settings.notifications.tickets)
        return _once(context, job.name, is_waiting=bool(known), nothing="No ticket is open.")

    return tickets


def _once(
    context: dg.SensorEvaluationContext, job: str, *, is_waiting: bool, nothing: str
) -> dg.RunRequest | dg.SkipReason:
    """One run at a time; a run takes all that is due, so a second one would find nothing."""
    if not is_waiting:
        return dg.SkipReason(nothing)
    if context.instance.get_runs(dg.RunsFilter(job_name=job, statuses=UNDER_WAY), limit=1):
        return dg.SkipReason(f"A run of {job} is under way and takes what is due.")
    return dg.RunRequest()
