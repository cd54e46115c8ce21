"""Runs whose process was killed: ended, so that nothing waits for them.

``kill -9``, an out-of-memory kill or a power failure leave a run as *started* for ever; its job, its load and its place in a
pool would be taken until somebody frees them. Every run has a tag that names its process: the launcher's until it has begun
(`launcher`), then its own (`executor`). Where several machines take turns, a second tag has the term of the one that launched it. Not here: runs that live and hang (`limits`).
"""

from collections.abc import Collection, Mapping

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from mist_pipeline.defs.scope import Scope
from mist_pipeline.workflows.running.processes import host_and_pid, is_gone

PROCESS_TAG = "mist_pipeline/process"
"""Run tag that names the process of a run."""

TERM_TAG = "mist_pipeline/term"
"""Run tag with the term of the active machine that launched a run, where several machines take turns."""

UNDER_WAY = [
    DagsterRunStatus.STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.CANCELING,
    # One of the command line whose process ended before it could say that it begins, as on a full disk. Ended by Dagster's monitoring
    # minutes later, it would have failed behind the run that did its work.
    DagsterRunStatus.NOT_STARTED,
]


NEVER_LAUNCHED = (
    "The process that was about to launch this run is gone without an end of the run: it was killed."
)


def why_dead(tags: Mapping[str, str], term: int | None = None) -> str | None:
    """Why a run that is under way is dead; None if it lives, or if nobody here can know.

    Args:
        tags: Of the run.
        term: Of the active machine, which this is: whatever was launched under an earlier one has ended with it. None: a process of another
            machine is left alone.
    """
    name = tags.get(PROCESS_TAG, "")
    launched = tags.get(TERM_TAG, "")
    if term is not None and launched.isdigit() and int(launched) < term:
        host, _ = host_and_pid(name)
        return (
            f"The process of this run, on {host}, is gone without an end of the run: another machine took over from it. "
            "No data is damaged; the job's next run does what was left."
        )
    if not is_gone(name):
        return None
    host, pid = host_and_pid(name)
    return (
        f"The process of this run (number {pid} on {host}) is gone without an end of the run: it was killed "
        "(kill -9, out of memory), or the machine was restarted. No data is damaged; the job's next run does what was left."
    )


def bury_the_dead(
    instance: DagsterInstance, *, not_launched: Collection[Scope] = (), term: int | None = None
) -> list[str]:
    """End the runs whose process is gone, and free the places that they hold in pools.

    At the start of the daemon and of every run of the command line; in between Dagster's monitoring asks the launcher.

    Args:
        instance: Dagster's instance.
        not_launched: Organisations whose daemon does not run, as whoever holds the lock of their folders knows: a run that is about
            to begin and has no name of a process yet was being launched by one that was killed in that moment.
        term: As `why_dead`.

    Returns:
        The ids of the runs ended.
    """
    ended = []
    for run in instance.get_runs(RunsFilter(statuses=UNDER_WAY)):
        reason = why_dead(run.tags, term)
        is_nameless = run.status == DagsterRunStatus.STARTING and PROCESS_TAG not in run.tags
        if is_nameless and any(scope.owns(run.tags) for scope in not_launched):
            reason = NEVER_LAUNCHED
        if reason is not None:
            instance.report_run_failed(run, reason)
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            ended.append(run.run_id)
    return ended
