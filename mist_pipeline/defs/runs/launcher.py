"""The launcher of ``dagster.yaml``: Dagster's own, which also knows whether the process of a run is alive.

With it Dagster's monitoring ends a run whose process is gone, within seconds; its own launcher cannot tell. Not here: how a
process is recognised (``workflows.running.processes``).
"""

import os
import signal

from dagster import DagsterRun, DefaultRunLauncher
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, WorkerStatus

from mist_pipeline.defs.runs.dead import PROCESS_TAG, TERM_TAG, why_dead
from mist_pipeline.workflows.running.processes import host_and_pid, name_of_process, this_process
from mist_pipeline.workflows.running.term import current_term


class NamedProcessLauncher(DefaultRunLauncher):
    """Launches runs as Dagster does, and says of each whether its process is alive."""

    def launch_run(self, context: LaunchRunContext) -> None:
        """Launch a run, tagged with this process until it has one of its own."""
        term = current_term()
        tags = {PROCESS_TAG: this_process(), **({TERM_TAG: str(term.number)} if term else {})}
        self._instance.add_run_tags(context.dagster_run.run_id, tags)
        super().launch_run(context)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """It can say it."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the process of a run is alive, as far as this machine knows."""
        term = current_term()
        reason = why_dead(run.tags, term.number if term else None)
        if reason is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, msg=reason)

    def terminate(self, run_id: str) -> bool:
        """Ask a run to end; one whose code server is gone gets the signal itself."""
        try:
            if super().terminate(run_id):  # type: ignore[no-untyped-call]
                return True
        except DagsterUserCodeUnreachableError as error:
            run = self._instance.get_run_by_id(run_id)
            self._instance.report_engine_event(f"Its code server does not answer: {error}", run)
        run = self._instance.get_run_by_id(run_id)
        name = run.tags.get(PROCESS_TAG, "") if run and not run.is_finished else ""
        _, pid = host_and_pid(name)
        if pid is None or pid == os.getpid() or name_of_process(pid) != name:
            return False
        os.kill(pid, signal.SIGTERM)
        return True
