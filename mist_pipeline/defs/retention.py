"""The retention job: ops, since it moves files and makes no table. What they do is in ``workflows`` and `dagster_history`."""

from datetime import datetime, timedelta

import dagster as dg

from mist_pipeline.defs.dagster_history import prune
from mist_pipeline.defs.resources import RunOptions
from mist_pipeline.defs.runs.limits import limited
from mist_pipeline.defs.scope import Scope
from mist_pipeline.settings import Settings
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.notifying.messages import utc_now
from mist_pipeline.workflows.pushing.receive import forget_old_pushes
from mist_pipeline.workflows.retention import age_hours, archive, fold_events
from mist_pipeline.workflows.running.leftovers import sweep
from mist_pipeline.workflows.warehouse_access import upkeep


def oldest_run_kept(settings: Settings, now: datetime) -> datetime:
    """Runs that began earlier may go."""
    return now - timedelta(days=settings.history.keep_runs_days)


def retention_job(scope: Scope) -> dg.JobDefinition:
    """Packs old reports and raw files, after writing last week's summary."""

    @dg.op(description="Archives are read back before anything is removed; a crash loses nothing.")
    def archive_what_is_old(
        context: dg.OpExecutionContext,
        settings: dg.ResourceParam[Settings],
        warehouse: dg.ResourceParam[Warehouse],
        run: RunOptions,
    ) -> None:
        archived = archive(settings, warehouse, run.instant)
        context.log.info("Done: %s", archived.steps or "nothing is old enough")
        context.add_output_metadata(
            {
                "moved_files": archived.moved_files,
                "removed_looks": archived.removed_evaluations,
                "removed_rows": dg.MetadataValue.json(dict(archived.removed_rows)),
                "written": dg.MetadataValue.json(list(archived.written)),
            }
        )

    @dg.op(description="Whole months of hours that are too old for the warehouse, into files beside it.")
    def age_old_hours(
        context: dg.OpExecutionContext,
        settings: dg.ResourceParam[Settings],
        warehouse: dg.ResourceParam[Warehouse],
        run: RunOptions,
    ) -> None:
        made = age_hours(warehouse, settings, run.instant.astimezone(settings.organisation.zone).date())
        context.add_output_metadata({"files": dg.MetadataValue.json(made)})

    @dg.op(
        description="Small files of a shared warehouse are merged, its old snapshots and their files removed; nothing to do for a file."
    )
    def tend_shared_warehouse(context: dg.OpExecutionContext, settings: dg.ResourceParam[Settings]) -> None:
        done = upkeep(settings, utc_now())
        context.log.info("Done: %s", "; ".join(done.lines()) or "nothing was due")
        context.add_output_metadata(
            {
                "merged_files": done.merged,
                "snapshots": done.expired,
                "removed_files": done.removed + done.orphaned,
            }
        )

    @dg.op(
        description="Dagster keeps runs of so many days; of older runs about days it keeps which days they made."
    )
    def prune_dagster(context: dg.OpExecutionContext, settings: dg.ResourceParam[Settings]) -> None:
        gone = prune(context.instance, scope, oldest_run_kept(settings, utc_now()))
        context.log.info("Done: %s", gone)
        context.add_output_metadata({"runs": gone.runs, "logs": gone.logs, "bytes": gone.num_bytes})

    @dg.op(description="Events that the cloud pushed are kept for some days.")
    def forget_pushes(context: dg.OpExecutionContext, settings: dg.ResourceParam[Settings]) -> None:
        context.add_output_metadata({"events": forget_old_pushes(settings, utc_now())})

    @dg.op(
        description="Of incidents that are long over, events of how they were watched become their number."
    )
    def fold_old_events(context: dg.OpExecutionContext, settings: dg.ResourceParam[Settings]) -> None:
        folded = fold_events(settings, utc_now())
        context.add_output_metadata({"subjects": folded.subjects, "events": folded.events})

    @dg.op(description="Files of processes that were killed; never those of a living one.")
    def sweep_leftovers(context: dg.OpExecutionContext, settings: dg.ResourceParam[Settings]) -> None:
        gone = sweep(settings.data, utc_now(), is_shared=settings.monitoring.machines > 1)
        for leftover in gone:
            context.log.info("Removed %s (%d bytes)", leftover.path, leftover.num_bytes)
        context.add_output_metadata({"files": len(gone), "bytes": sum(each.num_bytes for each in gone)})

    @dg.job(
        name=scope.name("retention"),
        tags=limited("retention", scope.tags),
        description="Old reports and raw files into archives, a summary of every week; old runs and leftovers are removed.",
    )
    def retention() -> None:
        # None waits for another: a damaged raw file is no reason to let the rest grow.
        archive_what_is_old()
        age_old_hours()
        tend_shared_warehouse()
        prune_dagster()
        forget_pushes()
        fold_old_events()
        sweep_leftovers()

    return retention
