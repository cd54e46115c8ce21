"""Turning on every schedule and sensor of the code locations that are served, in one go: a command of Dagster takes seconds for each."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mist_pipeline.cli.console import errors, literal
from mist_pipeline.cli.dagster_home import instance

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from mist_pipeline.settings import Settings

ATTEMPTS = 3
"""Turning on asks the code servers, which answer too late where the machine is busy."""

_PAUSE_SECONDS = 2.0


class NothingTurnedOnError(OSError):
    """Schedules or sensors could not be turned on: better no daemon, which is started again, than one that does nothing."""


def turn_on(settings: "Settings", workspace: Path, locations: Sequence[str]) -> None:
    """Turn on every schedule and sensor of these code locations; those that are on stay as they are.

    Args:
        settings: With the Dagster home, which all of them share.
        workspace: The file that leads to their servers.
        locations: Their names.

    Raises:
        NothingTurnedOnError: Dagster did not do it, several times.
    """
    with instance(settings) as opened:
        in_several_attempts(lambda: _turn_on(opened, workspace, locations))


def in_several_attempts(work: Callable[[], None], wait: Callable[[float], None] = time.sleep) -> None:
    """Do it, and again where Dagster did not.

    Raises:
        NothingTurnedOnError: It failed every time.
    """
    from dagster import DagsterError
    from sqlalchemy.exc import DBAPIError

    for attempt in range(1, ATTEMPTS + 1):
        try:
            work()
        except (DagsterError, DBAPIError) as error:
            reason = " ".join(str(error).strip().splitlines()[:1])
            if attempt == ATTEMPTS:
                raise NothingTurnedOnError(
                    f"Dagster did not turn on every schedule and sensor, without which nothing runs by itself: {reason}"
                ) from None
            errors.print(
                f"[yellow]![/] Not every schedule and sensor could be turned on, once more: {literal(reason)}"
            )
            wait(_PAUSE_SECONDS)
        else:
            return


def _turn_on(opened: "DagsterInstance", workspace: Path, locations: Sequence[str]) -> None:
    # What `dagster schedule start` is made of has no public name.
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import WorkspaceFileTarget

    with WorkspaceProcessContext(opened, WorkspaceFileTarget([str(workspace)])) as loaded:
        request = loaded.create_request_context()
        for name in locations:
            for repository in request.get_code_location(name).get_repositories().values():
                for schedule in repository.get_schedules():
                    opened.start_schedule(schedule)
                for sensor in repository.get_sensors():
                    opened.start_sensor(sensor)
