"""The morning: which days are complete by what Dagster knows, the clock that collects what is not, and asking for late hours.

The clock ticks every hour of the day: after a success it finds nothing to do, after a failure it tries again. So minutes of trouble
at night cost an hour and not the day. Not here: which days are due (``workflows.collection.mornings``).
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import dagster as dg

from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.defs.assets import raw
from mist_pipeline.defs.resources import RunOptions, run_config
from mist_pipeline.defs.run_queue import HEAVY
from mist_pipeline.defs.runs.limits import limited
from mist_pipeline.defs.scope import Scope
from mist_pipeline.defs.sensors import UNDER_WAY
from mist_pipeline.settings import Settings
from mist_pipeline.tables import history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.cloud import Cloud
from mist_pipeline.workflows.collection.late_hours import ask_for_late_hours
from mist_pipeline.workflows.collection.mornings import LOOK_BACK_DAYS, Due, due
from mist_pipeline.workflows.layers import LAYERS

DAILY, RENEW, LATE_HOURS = "daily", "renew", "late_hours"

WHY_TAG = "mist_pipeline/why"
"""Run tag that says in words why a run makes more days than yesterday."""

MORNING_HOUR, MORNING_MINUTE = 2, 30
"""When yesterday is collected: late enough for the cloud to settle, early enough to be read with the first coffee."""
LATE_MINUTE = 45
"""Of the hour: after the morning of that hour has begun."""

ANSWERS = ("sle_org", "sle_detail")
"""Raw kinds that may get further answers after a day was made."""


def complete_days(
    instance: dg.DagsterInstance, tables: Iterable[dg.AssetKey], pages: Iterable[dg.AssetKey] = ()
) -> set[date]:
    """Days for which every one of these tables was materialised, and the pages of that day or of a later one.

    A backfill writes the page of its last day alone: a later page stands for an earlier one.
    """
    of_table = [instance.get_materialized_partitions(asset) for asset in tables]
    of_page = [instance.get_materialized_partitions(asset) for asset in pages]
    if not of_table or not all(of_page):
        return set()
    last_page = min((max(names) for names in of_page), default=date.max.isoformat())
    return {date.fromisoformat(name) for name in set.intersection(*of_table) if name <= last_page}


def late_days(instance: dg.DagsterInstance, scope: Scope, yesterday: date) -> set[date]:
    """Days with answers that came after their history was made, among the last ones."""
    names = {(yesterday - timedelta(days=back)).isoformat() for back in range(LOOK_BACK_DAYS)}

    def newest(asset: dg.AssetKey) -> dict[str, int]:
        made = dg.DagsterEventType.ASSET_MATERIALIZATION
        return dict(instance.get_latest_storage_id_by_partition(asset, made, names))

    rows = newest(scope.key(history.SLE_DAILY))
    answered = [newest(scope.asset(raw.LAYER, kind)) for kind in ANSWERS]
    return {
        date.fromisoformat(name)
        for name, made in rows.items()
        if any(answers.get(name, 0) > made for answers in answered)
    }


def request_of(wanted: Due) -> dg.RunRequest:
    """The run that makes what is due; people are notified of yesterday as on any morning, also where earlier days come with it."""
    why = {WHY_TAG: str(wanted)}
    if wanted.first == wanted.last:
        return dg.RunRequest(partition_key=wanted.first.isoformat(), tags=why)
    days = {
        "dagster/asset_partition_range_start": wanted.first.isoformat(),
        "dagster/asset_partition_range_end": wanted.last.isoformat(),
    }
    options = run_config(notify=True if wanted.is_asking else None)
    return dg.RunRequest(tags={**why, **days}, run_config=options)


def look(
    instance: dg.DagsterInstance,
    repository: dg.RepositoryDefinition,
    settings: Settings,
    at: datetime,
    *,
    is_asking: bool,
) -> dg.RunRequest | dg.SkipReason:
    """What one of the two clocks starts at an instant: that which asks the cloud, or that which makes days again."""
    yesterday = at.astimezone(settings.organisation.zone).date() - timedelta(days=1)
    scope = Scope.of(settings)
    under_way = instance.get_runs(scope.runs(load=HEAVY, statuses=UNDER_WAY), limit=1)
    if under_way:
        return dg.SkipReason(f"A run of {under_way[0].job_name} is under way; the next hour looks again.")
    graph = repository.get_job(scope.name(DAILY)).asset_layer.asset_graph
    made = [node for node in graph.asset_nodes if node.partitions_def is not None and node.is_executable]
    pages = [node.key for node in made if node.group_name in LAYERS["report"]]
    tables = [node.key for node in made if node.key not in pages]
    complete, late = complete_days(instance, tables, pages), late_days(instance, scope, yesterday)
    wanted = due(complete, late, settings.history.start, yesterday)
    if wanted is None:
        return dg.SkipReason(f"Every day up to {yesterday} is complete.")
    if wanted.is_asking != is_asking:
        return dg.SkipReason(f"The other clock makes {wanted}.")
    return request_of(wanted)


def every_morning(settings: Settings, daily: "dg.UnresolvedAssetJobDefinition") -> dg.ScheduleDefinition:
    """Yesterday and what was left behind, tried again every hour."""
    return _hourly(
        "every_morning",
        settings,
        daily,
        MORNING_MINUTE,
        "Yesterday, once the cloud has settled, with every day that is not complete; tried again every hour.",
        is_asking=True,
    )


def late_answers(settings: Settings, renew: "dg.UnresolvedAssetJobDefinition") -> dg.ScheduleDefinition:
    """Days with late answers, and what depends on them."""
    return _hourly(
        "after_late_answers",
        settings,
        renew,
        LATE_MINUTE,
        "Days whose raw answers came after their history was made, and the days behind them.",
        is_asking=False,
    )


def _hourly(
    name: str,
    settings: Settings,
    job: "dg.UnresolvedAssetJobDefinition",
    minute: int,
    description: str,
    *,
    is_asking: bool,
) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=Scope.of(settings).name(name),
        job=job,
        cron_schedule=f"{minute} {MORNING_HOUR}-23 * * *",
        execution_timezone=settings.organisation.timezone,
        description=description,
    )
    def clock(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        at = context.scheduled_execution_time
        return look(context.instance, context.repository_def, settings, at, is_asking=is_asking)

    return clock


def late_hours_job(scope: Scope) -> dg.JobDefinition:
    """Asks for hours that the cloud left out."""

    @dg.op(
        description="Hours of the last days that are missing although their neighbours are there are asked for again."
    )
    def ask_again(
        context: dg.OpExecutionContext,
        settings: dg.ResourceParam[Settings],
        cloud: dg.ResourceParam[Cloud],
        raw_store: dg.ResourceParam[RawStore],
        warehouse: dg.ResourceParam[Warehouse],
        run: RunOptions,
    ) -> None:
        with raw.only_transient_failures_are_retried():
            asked = ask_for_late_hours(settings, cloud, raw_store, warehouse, run.instant)
        facts: dict[str, int] = {"hours_lacking": asked.lacking}
        if asked.brought is not None:
            facts |= {
                "requests": asked.brought.asked,
                "requests_failed": asked.brought.failed,
                "answers_added": asked.brought.useful,
            }
            for kind, days in asked.brought.days.items():
                for day in days:
                    # What is made of them is late from here on, and `every_morning` makes it again.
                    context.log_event(
                        dg.AssetMaterialization(
                            scope.asset(raw.LAYER, kind), partition=day.isoformat(), metadata=facts
                        )
                    )
        context.log.info("Late hours: %s", facts)
        context.add_output_metadata(facts)

    @dg.job(
        name=scope.name(LATE_HOURS),
        tags=limited(LATE_HOURS, scope.load(HEAVY)),
        description="Hours that the cloud left out are asked for again, three mornings long.",
    )
    def late_hours() -> None:
        ask_again()

    return late_hours
