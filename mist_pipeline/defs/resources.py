"""The instant of a run. Resources themselves are plain objects, made from the settings in ``definitions``, replaced in tests.

Secrets come from the environment through the settings and stay inside ``Cloud``; Dagster never sees them.
"""

from datetime import UTC, datetime

import dagster as dg

from mist_pipeline.workflows.progress import AS_OF_TAG


def as_of(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext | dg.OpExecutionContext,
) -> datetime:
    """The one instant of this run, UTC; every asset of the run gets the same."""
    run = context.run
    if instant := run.tags.get(AS_OF_TAG):
        return datetime.fromisoformat(instant).astimezone(UTC)
    record = context.instance.get_run_record_by_id(run.run_id)
    if record is None:
        return datetime.now(UTC)
    # One that waited in the queue asks when it begins, not when somebody wanted it.
    begun = record.start_time
    return datetime.fromtimestamp(begun, UTC) if begun else record.create_timestamp.astimezone(UTC)
