"""The process behind `server`: it loads the project once, and each code location is served by a fork of it.

``python -m mist_pipeline.cli.code_location.forks SOCKETS [--close 7,8] NAME=ORGANISATION …``. A fork shares what was imported with all
others and holds only what is its own: its settings, its definitions, its server. So a further organisation costs little memory and
starts within seconds, and what is wrong with one stops no other. A fork that ends is made again. One whose parent is gone ends, once
its runs have ended. One more fork waits for runs that begin (`runs`). Not here: who starts this and what is asked of it (`server`).
"""

import argparse
import gc
import importlib
import logging
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from mist_pipeline.cli.code_location import runs
from mist_pipeline.cli.code_location.files import MODULE
from mist_pipeline.workflows.running.term import current_term, end_with_term, kill_self, steady

_LOOK_SECONDS = 0.5
_LOADS_SECONDS = 60.0
_WAITS_SECONDS = 60.0
_AGAIN_AFTER_SECONDS = 10.0
"""A fork that ends is made again so long after it began, at the earliest."""
_RUNS = "new runs"
"""Among the names of code locations, none of which has a space."""


@dataclass(frozen=True)
class Location:
    """A code location.

    Attributes:
        name: What Dagster calls it.
        organisation: Which of several it is; '' where there is one.
    """

    name: str
    organisation: str = ""

    def __str__(self) -> str:
        return f"{self.name}={self.organisation}"

    @classmethod
    def of(cls, text: str) -> "Location":
        """From an argument."""
        name, _, organisation = text.partition("=")
        return cls(name, organisation)

    def socket(self, folder: Path) -> Path:
        """Where it is served."""
        return folder / f"{self.name}.sock"

    def ended(self, folder: Path) -> Path:
        """A file that is there since its fork has ended once."""
        return folder / f"{self.name}.ended"


def keep_forked(
    names: Sequence[str],
    fork: Callable[[str], int],
    *,
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], None] = time.sleep,
    reap: Callable[[], tuple[int, int]] = lambda: os.waitpid(-1, os.WNOHANG),
    say: Callable[[str, str], None],
    serves: Callable[[str], bool],
    at_once: int,
) -> NoReturn:
    """Fork for each name, and again for each whose fork has ended, until somebody ends this process.

    Fifty that load their definitions at once bring a small machine to a halt: a few at a time are begun.

    Args:
        names: What is forked for.
        fork: Makes a fork; returns its number here, and never there.
        clock: Seconds.
        wait: Waits for so many seconds.
        reap: Number and status of a fork that has ended; number 0 while all live.
        say: Told the name of one that has ended, and a sentence about it.
        serves: Whether the fork for a name has loaded what it needs.
        at_once: So many load at the same time; one that takes a minute does not hold up the others.
    """
    begun: dict[str, float] = {}
    forks: dict[int, str] = {}
    due = dict.fromkeys(names, clock())
    while True:
        with suppress(ChildProcessError):
            while (ended := reap())[0]:
                if name := forks.pop(ended[0], ""):
                    code = os.waitstatus_to_exitcode(ended[1])
                    due[name] = max(clock(), begun[name] + _AGAIN_AFTER_SECONDS)
                    say(name, f"! The code server of {name} ended with {code}; it is started again.")
        loading = sum(clock() - begun[name] < _LOADS_SECONDS and not serves(name) for name in forks.values())
        ready = [name for name, at in due.items() if at <= clock()]
        for name in ready[: max(at_once - loading, 0)]:
            begun[name] = clock()
            try:
                forks[fork(name)] = name
            except OSError as error:  # no memory, or too many processes: those that live go on
                due[name] = clock() + _AGAIN_AFTER_SECONDS
                say(name, f"! The code server of {name} cannot be started, which is tried again: {error}")
            else:
                del due[name]
        wait(_LOOK_SECONDS)


def main() -> None:
    """Serve every code location until somebody ends this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--close", default="")
    parser.add_argument("locations", nargs="+", type=Location.of)
    given = parser.parse_args()
    locations: Mapping[str, Location] = {one.name: one for one in given.locations}
    close = [int(one) for one in given.close.split(",") if one]
    # All that a server and the definitions are made of. Nothing is computed or asked here: a fork has no thread but its own, and pools of
    # threads that were made before it would be waited for in vain.
    _choose(given.locations[0])
    importlib.import_module("dagster._grpc.server")
    importlib.import_module(MODULE)
    gc.collect()
    gc.freeze()  # what is never looked at stays shared

    parent = os.getpid()
    # Nobody writes: that it can be read means that all who held the other end are gone.
    ended, alive = os.pipe()

    def fork(name: str) -> int:
        number = os.fork()
        if number:
            return number
        code = 1
        try:
            for descriptor in (*close, alive if name == _RUNS else ended):
                os.close(descriptor)
            if name == _RUNS:
                runs.make_forks(given.folder, ended)
            else:
                if runs.IS_POSSIBLE:
                    runs.ask_there(given.folder, alive)
                _serve(locations[name], given.folder, parent)
            code = 0
        except KeyboardInterrupt:
            code = 0
        except BaseException:  # a fork never goes on with what is its parent's work
            logging.getLogger("dagster").exception("The code server of %s cannot be started", name)
        finally:
            _flush()
            os._exit(code)

    def say(name: str, sentence: str) -> None:
        print(sentence, file=sys.stderr, flush=True)
        if name in locations:
            with suppress(OSError):
                locations[name].ended(given.folder).touch()

    signal.signal(signal.SIGTERM, _end)
    with suppress(KeyboardInterrupt):
        keep_forked(
            [*locations, *([_RUNS] if runs.IS_POSSIBLE else [])],
            fork,
            wait=_wait,
            say=say,
            serves=lambda name: _place(locations.get(name), given.folder).exists(),
            at_once=max(os.cpu_count() or 1, 2),
        )


def _place(location: Location | None, folder: Path) -> Path:
    return runs.place_of(folder) if location is None else location.socket(folder)


def _wait(seconds: float) -> None:
    """Wait, and end with the term: no thread does it here, which a fork would not have."""
    term = current_term()
    if term is not None and term.is_over(steady()):
        kill_self()
    time.sleep(seconds)


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()


def _choose(location: Location) -> None:
    from mist_pipeline.settings.organisations import ORGANISATION_VARIABLE

    if location.organisation:
        os.environ[ORGANISATION_VARIABLE] = location.organisation


def _serve(location: Location, folder: Path, parent: int) -> None:
    """Serve one code location as ``dagster api grpc`` does, until this process is ended or its parent is gone."""
    # What `dagster api grpc` is made of has no public name, and neither has how long gRPC waits.
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
    from dagster._core.utils import FuturesAwareThreadPoolExecutor
    from dagster._grpc.server import DagsterGrpcServer
    from dagster._utils.log import configure_loggers

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    # A server that waits for its end looks ten times a second for signals, which interrupt the wait by themselves.
    waiting: Any = importlib.import_module("grpc._common")
    waiting.MAXIMUM_WAIT_TIMEOUT = _WAITS_SECONDS
    configure_loggers(log_level="WARNING")
    _choose(location)
    end_with_term()
    importlib.reload(sys.modules[MODULE])
    logger, over = logging.getLogger("dagster.code_server"), threading.Event()
    pool = FuturesAwareThreadPoolExecutor(max_workers=None)
    origin = LoadableTargetOrigin(
        executable_path=sys.executable, working_directory=str(Path.cwd()), module_name=MODULE
    )
    servicer = _server_of_forks()(
        server_termination_event=over,
        logger=logger,
        server_threadpool_executor=pool,
        loadable_target_origin=origin,
        location_name=location.name,
    )
    server = DagsterGrpcServer(
        server_termination_event=over,
        dagster_api_servicer=servicer,
        logger=logger,
        threadpool_executor=pool,
        socket=str(location.socket(folder)),
    )
    threading.Thread(target=_end_with, args=(parent, servicer), daemon=True).start()
    server.serve()  # type: ignore[no-untyped-call]


def _server_of_forks() -> Any:
    """Dagster's server, whose runs are forks, and which loads the definitions again when it is asked to.

    Dagster itself starts further processes for both.
    """
    from dagster._grpc.__generated__ import dagster_api_pb2
    from dagster._grpc.server import DagsterApiServer, LoadedRepositories

    class OfForks(DagsterApiServer):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            if runs.IS_POSSIBLE:
                self._mp_ctx: Any = runs.RunContext()

        def ReloadCode(self, _request: Any, _context: Any) -> Any:  # noqa: N802 - as the protocol names it
            with self._reload_lock:
                importlib.reload(sys.modules[MODULE])
                self._loaded_repositories = LoadedRepositories(
                    self._loadable_target_origin,
                    container_image=None,
                    entry_point=self._entry_point,
                    container_context=None,
                )
                # By it Dagster's processes notice that there is something new.
                self._server_id = str(uuid.uuid4())
            return dagster_api_pb2.ReloadCodeReply()

        def end_after_runs(self) -> None:
            """End the server once its runs have ended."""
            self._shutdown_once_executions_finish_event.set()

    return OfForks


def _end_with(parent: int, servicer: Any) -> None:
    """End the server once its parent is gone and its runs have ended."""
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    servicer.end_after_runs()


if __name__ == "__main__":
    main()
