"""Loads: which runs wait for one another. Jobs name theirs; what is materialised by hand gets the one of its assets here.

``dagster.yaml`` lets one run of each load go at a time, and names ``LoadTags`` as the queue that every run of the UI, of a
schedule and of a sensor enters. Imported by Dagster's own processes, so it imports nothing heavy.
"""

from collections.abc import Set as AbstractSet

import dagster as dg

from mist_pipeline.defs.scope import LOAD_TAG, ORGANISATION_TAG, Scope

HEAVY, LIVE = "heavy", "live"

_LOADS = {"live": LIVE, "snapshots": None, "alerts": None}
"""Group of assets → load of a run of nothing else; every other group is heavy."""


def load_of(groups: AbstractSet[str | None]) -> str | None:
    """The load of a run of these groups of assets: the same as of the job that makes them.

    >>> load_of({"live"}), load_of({"analysis"}), load_of({"live", "history"}), load_of({"snapshots"})
    ('live', 'heavy', 'heavy', None)
    """
    loads = {_LOADS.get(group or "", HEAVY) for group in groups}
    return HEAVY if HEAVY in loads else LIVE if LIVE in loads else None


class LoadTags(dg.QueuedRunCoordinator):
    """Dagster's queue, where a run that belongs to no job of ours gets its load before it waits.

    A job hands its tags on to its runs; "Materialize" on the page of an asset starts none of our jobs.
    """

    def submit_run(self, context: dg.SubmitRunContext) -> dg.DagsterRun:
        """Put a run into the queue."""
        run = context.dagster_run
        wanted = {
            *(run.asset_selection or ()),
            *(check.asset_key for check in run.asset_check_selection or ()),
        }
        if LOAD_TAG not in run.tags and wanted:
            graph = context.workspace.asset_graph
            known = [graph.get(key) for key in wanted if graph.has(key)]
            groups = {one.group_name for one in known} | ({None} if len(known) < len(wanted) else set())
            # Assets of several organisations are of several code locations, and never of one run.
            scope = Scope(
                next((one.tags[ORGANISATION_TAG] for one in known if ORGANISATION_TAG in one.tags), "")
            )
            if tags := scope.load(load_of(groups)):
                self._instance.add_run_tags(run.run_id, tags)
        return super().submit_run(context)
