"""The process of a run: a fork of one that has loaded the project, so that it begins without importing all of it again.

Dagster's server starts a fresh interpreter for each run. It cannot fork itself, since it has threads (gRPC). So one more fork of the process
that has loaded the project (`forks`) waits beside the code servers of all organisations, has no thread of its own, and forks for each run that
one of them starts. How a fork is asked for, and what becomes of it, is Python's own fork server (``multiprocessing.forkserver``), which here
begins as a fork instead of as an interpreter of its own. Where it does not answer, the run begins in a fresh interpreter, as ever.
"""

import gc
import importlib
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from mist_pipeline.cli.code_location.files import MODULE
from mist_pipeline.workflows.running.processes import is_gone, name_of_process

IS_POSSIBLE = sys.version_info < (3, 14)
"""Later versions of Python's fork server want a key that only an interpreter started by itself is given."""

_PLACE = "runs"
"""Name of the socket; those of code locations end in ``.sock``."""

_LATE_IMPORTS = (
    "altair",
    "mist_pipeline.workflows.report.page",
    "pandas",
    "pyarrow.compute",
    "sklearn.ensemble",
    "upath",
)
"""What mornings and polls import when they need it."""


def place_of(folder: Path) -> Path:
    """Where forks are asked for."""
    return folder / _PLACE


def make_forks(folder: Path, alive: int) -> None:
    """Fork for each run, until everybody who may ask is gone: what the process does that waits.

    Args:
        folder: Of the sockets.
        alive: A descriptor that reads its end once all are gone.
    """
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        signal.signal(number, handler)
    for module in _LATE_IMPORTS:
        with suppress(ImportError):
            importlib.import_module(module)
    gc.collect()
    gc.freeze()  # what is never looked at stays shared
    place = place_of(folder)
    place.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen()
        with suppress(SystemExit):
            # It closes the socket, whose number it is given.
            forkserver.main(listener.detach(), alive, [])


def ask_there(folder: Path, alive: int) -> None:
    """Let this process, a code server, ask for forks.

    Args:
        folder: Of the sockets.
        alive: A descriptor that is closed when this process is gone.
    """
    # Of a fork server that somebody else started, Python's own has no public way to know.
    server: Any = forkserver._forkserver  # noqa: SLF001
    server._forkserver_address = str(place_of(folder))  # noqa: SLF001
    server._forkserver_alive_fd = alive  # noqa: SLF001
    server.ensure_running = lambda: None


class RunContext:
    """A context of ``multiprocessing`` for the runs of a code server, as far as Dagster uses it."""

    def __init__(self) -> None:
        fresh = multiprocessing.get_context("spawn")
        self.Queue: Callable[[], Any] = fresh.Queue
        self.Event: Callable[[], Any] = fresh.Event

    def Process(self, target: Callable[..., None], args: Sequence[Any]) -> "RunProcess":  # noqa: N802 - as there
        """The process of a run, which has not begun."""
        return RunProcess(target, args)


class RunProcess:
    """The process of a run: a fork where that is possible, else a fresh interpreter.

    Args:
        target: What it does.
        args: With what.
    """

    def __init__(self, target: Callable[..., None], args: Sequence[Any]) -> None:
        self._target, self._args = target, args
        self._process: BaseProcess | None = None
        self._name: str | None = None

    def start(self) -> None:
        """Start it."""
        given = (dict(os.environ), self._target, *self._args)
        process: BaseProcess = multiprocessing.get_context("forkserver").Process(target=begin, args=given)
        try:
            process.start()
        except (OSError, EOFError):  # nobody waits there (any more), or could fork, so nothing was begun
            process = multiprocessing.get_context("spawn").Process(target=self._target, args=self._args)
            process.start()
        self._process = process
        self._name = None if process.pid is None else name_of_process(process.pid)

    def is_alive(self) -> bool:
        """Whether it has not ended.

        Who forked it says how it ended, and says so too where he himself is gone, while the run goes on.
        """
        if self._process is None:
            return False
        return self._process.is_alive() or (self._name is not None and not is_gone(self._name))

    @property
    def exitcode(self) -> int | None:
        """How it ended; None while it has not, and 255 where nobody is left who knows."""
        return None if self._process is None or self.is_alive() else self._process.exitcode


def begin(environment: Mapping[str, str], target: Callable[..., None], *args: Any) -> None:
    """Be the run of an organisation: what a fork does.

    Args:
        environment: Of its code server, whose organisation it names.
        target: What Dagster's server starts.
        args: With what.
    """
    os.environ.clear()
    os.environ.update(environment)
    # As a fresh interpreter, it makes its definitions of the configuration as it is now; where that is wrong, Dagster says so.
    sys.modules.pop(MODULE, None)
    target(*args)
