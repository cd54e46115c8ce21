"""Sensors: what wakes the jobs that tell people. Each is a question to a database, never to the network.

Every job works on a state (looks that wait, rows that are due), so a lost or doubled wake-up loses and doubles nothing.
Not here: the pipeline's own trouble, which has a sensor beside its facts (`pipeline_trouble`).
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime

import dagster as dg

from mist_pipeline.alerts.outbox import Outbox
from mist_pipeline.defs.findings import BACKFILL_TAG
from mist_pipeline.defs.run import NOTIFY_TAG
from mist_pipeline.defs.sending import utc_now
from mist_pipeline.defs.tables import key
from mist_pipeline.defs.telling import open_ledger
from mist_pipeline.settings import Settings
from mist_pipeline.warehouse.tables import analysis, live

SECONDS = 30
"""How often each question is asked."""

TICKET_SECONDS = 300
"""How often tickets are read back."""

UNDER_WAY = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]

WATCHED_FINDINGS = (key(live.FINDINGS), key(analysis.FINDINGS))


def newest_after(
    seen: Mapping[str, int], found: Mapping[str, tuple[int, bool]]
) -> tuple[dict[str, int], int | None]:
    """What a cursor becomes, and the newest event that wants an evaluation.

    Args:
        seen: Asset → newest storage id that is known.
        found: Asset → newest storage id now, and whether it may tell people anything (backfills may not).
    """
    news = [
        number for asset, (number, is_telling) in found.items() if is_telling and number > seen.get(asset, 0)
    ]
    after = {**seen, **{asset: number for asset, (number, _) in found.items()}}
    return after, max(news, default=None)


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
        found: dict[str, tuple[int, bool]] = {}
        for asset in WATCHED_FINDINGS:
            newest = context.instance.fetch_materializations(asset, limit=1).records
            if newest:
                run = context.instance.get_run_by_id(newest[0].run_id)
                tags = run.tags if run is not None else {}
                is_telling = BACKFILL_TAG not in tags or tags.get(NOTIFY_TAG) == "true"
                found[asset.to_user_string()] = (newest[0].storage_id, is_telling)
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
