"""The retention job: an op, since it moves files and makes no table. What it does is in ``workflows.retention``."""

import dagster as dg

from mist_pipeline.defs.resources import as_of
from mist_pipeline.defs.runs.limits import limited
from mist_pipeline.settings import Settings
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.retention import archive


def retention_job() -> dg.JobDefinition:
    """Packs old reports and raw files, after writing last week's summary."""

    @dg.op(description="Archives are read back before anything is removed; a crash loses nothing.")
    def archive_what_is_old(
        context: dg.OpExecutionContext,
        settings: dg.ResourceParam[Settings],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> None:
        archived = archive(settings, warehouse, as_of(context))
        context.log.info("Done: %s", archived.steps or "nothing is old enough")
        context.add_output_metadata(
            {
                "moved_files": archived.moved_files,
                "removed_looks": archived.removed_evaluations,
                "written": dg.MetadataValue.json(list(archived.written)),
            }
        )

    @dg.job(
        name="retention",
        tags=limited("retention"),
        description="Old reports and raw files into archives; a summary of every week.",
    )
    def retention() -> None:
        archive_what_is_old()

    return retention
