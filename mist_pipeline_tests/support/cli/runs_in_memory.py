"""Runs of the command line of which Dagster keeps its record in memory instead of on disk."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from dagster import DagsterInstance

from mist_pipeline.cli import execution
from mist_pipeline.settings import Settings


@contextmanager
def runs_in_memory() -> Iterator[Mapping[Path, DagsterInstance]]:
    """While this holds, each data folder has an instance of its own in memory, which lasts as long.

    Yields these instances by data folder.

    A third of a run's time goes into Dagster's files. Who tests what they keep (processes that are killed, the commands
    themselves) does without this.
    """
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        opened: dict[Path, DagsterInstance] = {}

        @contextmanager
        def instance(settings: Settings) -> Iterator[DagsterInstance]:
            if settings.data not in opened:
                opened[settings.data] = stack.enter_context(DagsterInstance.ephemeral())
            yield opened[settings.data]

        patch.setattr(execution, "instance", instance)
        yield opened
