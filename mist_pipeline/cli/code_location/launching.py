"""Puts a run of each of some jobs into the queue: ``python -m mist_pipeline.cli.code_location.launching WORKSPACE LOCATION=JOB …``.

As ``dagster job launch`` does it for one, which would load the workspace anew for each organisation. Not here: who starts this process
(`daemon`), what the queue does with the runs.
"""

import logging
import sys
from collections.abc import Sequence

_log = logging.getLogger(__name__)


def launch(workspace: str, wanted: Sequence[tuple[str, str]]) -> list[str]:
    """Put a run of each job into the queue of Dagster's instance.

    Args:
        workspace: The file that leads to the code servers.
        wanted: Code location and job.

    Returns:
        Sentences about those for which that was not possible: they stop none of the others.
    """
    from dagster import DagsterError, DagsterInstance

    # What `dagster job launch` is made of has no public name.
    from dagster._cli.job import _create_run
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import WorkspaceFileTarget

    failed = []
    target = WorkspaceFileTarget([workspace])
    with DagsterInstance.get() as opened, WorkspaceProcessContext(opened, target) as loaded:
        request = loaded.create_request_context()
        for location, job in wanted:
            try:
                code = request.get_code_location(location)
                (repository,) = code.get_repositories().values()
                run = _create_run(
                    instance=opened,
                    code_location=code,
                    remote_repo=repository,
                    remote_job=repository.get_full_job(job),
                    run_config={},
                    tags=None,
                    op_selection=None,
                    run_id=None,
                )
                opened.submit_run(run.run_id, request)
            except DagsterError as error:
                failed.append(f"{job} of {location} was not started: {error}")
    return failed


def main() -> int:
    """Launch; exit code 1 where one of them was not."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    pairs = [one.partition("=") for one in sys.argv[2:]]
    failed = launch(sys.argv[1], [(location, job) for location, _, job in pairs])
    for sentence in failed:
        _log.error("%s", sentence)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
