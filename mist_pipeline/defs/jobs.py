"""Jobs and the clock: what runs together, and when.

Which load a run is, and so what it waits for, is in `run_queue`.
"""

from collections.abc import Callable

import dagster as dg

from mist_pipeline.defs.assets.alert_tables import copies_job
from mist_pipeline.defs.mornings import (
    DAILY,
    MORNING_HOUR,
    MORNING_MINUTE,
    RENEW,
    every_morning,
    late_answers,
)
from mist_pipeline.defs.run_queue import HEAVY, LIVE
from mist_pipeline.defs.runs.limits import limited
from mist_pipeline.defs.scope import Scope
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis
from mist_pipeline.workflows.layers import LAYERS


def jobs(scope: Scope) -> list["dg.UnresolvedAssetJobDefinition"]:
    """Every job."""
    search = dg.AssetSelection.assets(scope.key(analysis.MODELS))
    partitioned = (
        dg.AssetSelection.groups(*(group for groups in LAYERS.values() for group in groups)) - search
    )
    snapshots = dg.AssetSelection.groups("snapshots")
    described = {
        "collect": "What the cloud says about a day, raw and as history.",
        "analyse": "What the history means, and whether what was said of it before was right.",
        "report": "Copies of the ledger, the analysts' copy and the page of the day.",
    }
    layered = [
        dg.define_asset_job(
            scope.name(name),
            selection=dg.AssetSelection.groups(*groups) - search,
            tags=limited(name, scope.load(HEAVY)),
            description=described[name],
        )
        for name, groups in LAYERS.items()
    ]
    return [
        dg.define_asset_job(
            scope.name(DAILY),
            selection=partitioned,
            tags=limited(DAILY, scope.load(HEAVY)),
            description="A whole day: collect, analyse, report.",
        ),
        *layered,
        dg.define_asset_job(
            scope.name(RENEW),
            selection=partitioned - dg.AssetSelection.groups("raw"),
            tags=limited(RENEW, scope.load(HEAVY)),
            description="A whole day again, from the raw files that are there: after answers that came late.",
        ),
        dg.define_asset_job(
            scope.name("search"),
            selection=search,
            tags=limited("search", scope.load(HEAVY)),
            description="The weekly search for the order of every series, spread over the days; after the findings.",
        ),
        dg.define_asset_job(
            scope.name("snapshots"),
            selection=snapshots,
            tags=limited("snapshots", scope.tags),
            description="What the cloud only knows about now: sites, devices.",
        ),
        copies_job(scope),
        dg.define_asset_job(
            scope.name("live"),
            selection=dg.AssetSelection.groups("live"),
            tags=limited("live", scope.load(LIVE)),
            description="What is going on right now.",
        ),
    ]


def schedules(
    settings: Settings,
    all_jobs: list["dg.UnresolvedAssetJobDefinition"],
    retention: dg.JobDefinition,
    late_hours: dg.JobDefinition,
) -> list["dg.ScheduleDefinition | dg.UnresolvedPartitionedAssetScheduleDefinition"]:
    """The clock. All are off until somebody turns them on: ``mist-pipeline daemon`` does."""
    scope = Scope.of(settings)
    by_name = {scope.plain(job.name): job for job in all_jobs}
    zone = settings.organisation.timezone
    return [
        every_morning(settings, by_name[DAILY]),
        late_answers(settings, by_name[RENEW]),
        dg.ScheduleDefinition(
            name=scope.name("after_the_morning"),
            job=late_hours,
            cron_schedule="10 5 * * *",
            execution_timezone=zone,
            description="Hours of the last three days that are missing although their neighbours are there, once more.",
        ),
        dg.build_schedule_from_partitioned_job(
            by_name["search"],
            name=scope.name("after_the_findings"),
            hour_of_day=MORNING_HOUR + 1,
            minute_of_hour=MORNING_MINUTE,
            description="Orders of the series whose weekday it was.",
        ),
        dg.ScheduleDefinition(
            name=scope.name("every_few_minutes"),
            job=by_name["live"],
            cron_schedule=f"*/{settings.monitoring.interval_minutes} * * * *"
            if settings.monitoring.interval_minutes < 60
            else "0 * * * *",
            execution_timezone=zone,
            execution_fn=poll_unless_one_waits(scope),
            description="A poll of what is going on.",
        ),
        dg.ScheduleDefinition(
            name=scope.name("four_times_a_day"),
            job=by_name["snapshots"],
            cron_schedule="50 5,11,17,23 * * *",
            execution_timezone=zone,
            description="Sites and devices, the last time shortly before the day ends.",
        ),
        dg.ScheduleDefinition(
            name=scope.name("every_hour"),
            job=by_name["copies"],
            cron_schedule="40 * * * *",
            execution_timezone=zone,
            description="Alerts and incidents for analysts.",
        ),
        dg.ScheduleDefinition(
            name=scope.name("every_night"),
            job=retention,
            cron_schedule="30 4 * * *",
            execution_timezone=zone,
            description="Old reports and raw files into archives.",
        ),
    ]


def poll_unless_one_waits(
    scope: Scope,
) -> Callable[[dg.ScheduleEvaluationContext], dg.RunRequest | dg.SkipReason]:
    """Requests a poll, unless one is in the queue already: it will ask about then, and a second one would ask the same."""
    queued = scope.runs("live", statuses=[dg.DagsterRunStatus.QUEUED])

    def request(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if context.instance.get_runs(queued, limit=1):
            return dg.SkipReason("A poll waits in the queue already; it asks when its turn comes.")
        return dg.RunRequest()

    return request
