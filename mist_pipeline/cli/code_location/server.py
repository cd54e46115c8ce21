"""The code server: the one process that has loaded the project, for the daemon and the UI.

Without it each of the two loads the project in a process of its own, and the daemon anew every 75 seconds: its refresh of a
workspace of Python modules starts their servers again.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mist_pipeline.cli.code_location.files import MODULE
from mist_pipeline.cli.console import errors, literal
from mist_pipeline.cli.together import end
from mist_pipeline.workflows.running.processes import is_gone, this_process

_PREFIX = "mist-pipeline-"
_SOCKET, _OWNER = "code.sock", "owner"
_SAYS_SO_AFTER_SECONDS = 60.0
_LOADS_WITHIN_SECONDS = 1800.0
"""Beside much else it takes minutes, as after a restart of the machine; a daemon that gave up then would watch nobody."""
_LOOK_SECONDS = 0.1
_RELOADS_WITHIN_SECONDS = 60
_PROJECT_LOOK_SECONDS = 15.0
_EMPTY_SECONDS = 60.0
"""While it loads the project again, as after a change of the configuration, it may have none for a moment."""

_WORKSPACE = """\
load_from:
  - grpc_server:
      socket: {socket}
      location_name: {name}
"""


class CodeServerError(OSError):
    """The code server could not be started."""


class CodeServerEmptyError(Exception):
    """The code server lives, and the process in which it had loaded the project is gone: no run can begin."""


@dataclass
class CodeServer:
    """A running code server.

    Attributes:
        process: Its process.
        workspace: The workspace file that leads Dagster's processes to it.
        socket: Where it answers.
        configuration: A file that it has read; where it changes, the project is loaded again.
    """

    process: "subprocess.Popen[bytes]"
    workspace: Path
    socket: Path
    configuration: Path | None = None
    _read_at: int = field(default=0, init=False)
    _looked_at: float = field(default=0.0, init=False)
    _empty_since: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._read_at = self._changed_at()

    def need_project(self) -> None:
        """Look whether the project is still loaded: Dagster does not load it again where its process was killed or ended itself.

        Raises:
            CodeServerEmptyError: It has not been for a while.
        """
        now = time.monotonic()
        if now - self._looked_at < _PROJECT_LOOK_SECONDS:
            return
        self._looked_at = now
        if _has_children(self.process.pid):
            self._empty_since = None
        elif self._empty_since is None:
            self._empty_since = now
        elif now - self._empty_since >= _EMPTY_SECONDS:
            raise CodeServerEmptyError

    def follow_configuration(self) -> None:
        """Load the project again if its configuration has changed: schedules and sensors keep what they were made of."""
        changed_at = self._changed_at()
        if changed_at in (0, self._read_at):
            return
        self._read_at = changed_at
        from mist_pipeline.settings import SettingsError, load_settings

        try:
            load_settings()
        except SettingsError as error:
            errors.print(
                f"[yellow]![/] The changed configuration is not used before it is right: {literal(str(error))}"
            )
            return
        from dagster._core.errors import DagsterUserCodeUnreachableError
        from dagster._grpc.client import DagsterGrpcClient

        try:
            DagsterGrpcClient(socket=str(self.socket)).reload_code(timeout=_RELOADS_WITHIN_SECONDS)
        except DagsterUserCodeUnreachableError as error:
            errors.print(f"[yellow]![/] The changed configuration was not loaded: {error}", markup=True)

    def _changed_at(self) -> int:
        try:
            return self.configuration.stat().st_mtime_ns if self.configuration else 0
        except FileNotFoundError:
            return 0


@contextmanager
def code_server(
    env: Mapping[str, str], name: str, *, configuration: Path | None = None, keep_open: Sequence[int] = ()
) -> Iterator[CodeServer]:
    """A code server that has loaded the project, ended with the block.

    It answers at a socket in a folder that only this user may enter: whoever reaches it can run code.

    Args:
        env: Its environment.
        name: What Dagster calls the code location.
        configuration: The file that its settings come from, if there is one.
        keep_open: Descriptors that it keeps open: of a lock.

    Raises:
        CodeServerError: It ended, or did not answer in time.
    """
    # The path of a socket has at most about a hundred characters, that of a data folder any number.
    sweep(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    (folder / _OWNER).write_text(this_process(), encoding="utf-8")
    address, workspace = folder / _SOCKET, folder / "workspace.yaml"
    workspace.write_text(_WORKSPACE.format(socket=address, name=name), encoding="utf-8")
    command = [sys.executable, "-m", "dagster", "code-server", "start", "--module-name", MODULE]
    command += ["--socket", str(address), "--location-name", name, "--log-level", "warning"]
    process = subprocess.Popen(command, env=env, pass_fds=keep_open)
    try:
        _wait_for(address, process)
        yield CodeServer(process, workspace, address, configuration)
    finally:
        end([process])
        shutil.rmtree(folder, ignore_errors=True)


def sweep(place: Path) -> list[Path]:
    """Remove folders of code servers whose owner was killed; returns them. A server that still answers keeps its folder.

    Args:
        place: Where folders of code servers are; others there are left alone.
    """
    gone = []
    for folder in sorted(place.glob(f"{_PREFIX}*")):
        try:
            is_ours = not folder.is_symlink() and folder.stat().st_uid == os.geteuid()
            owner = (folder / _OWNER).read_text(encoding="utf-8") if is_ours else ""
        except (OSError, ValueError):  # not one of ours, or one that goes right now
            continue
        if is_gone(owner) and not _answers(folder / _SOCKET):
            shutil.rmtree(folder, ignore_errors=True)
            gone.append(folder)
    return gone


def _wait_for(address: Path, process: "subprocess.Popen[bytes]") -> None:
    begun, has_said_so = time.monotonic(), False
    while not _answers(address):
        if process.poll() is not None:
            raise CodeServerError(
                f"Dagster's code server ended with {process.returncode}; its messages are above."
            )
        waited = time.monotonic() - begun
        if waited > _LOADS_WITHIN_SECONDS:
            raise CodeServerError(
                f"Dagster's code server (process {process.pid}) did not answer within {_LOADS_WITHIN_SECONDS:.0f} s: "
                "see what keeps the machine busy, then start again."
            )
        if waited > _SAYS_SO_AFTER_SECONDS and not has_said_so:
            has_said_so = True
            errors.print(
                "[yellow]![/] Dagster's code server is still loading the project: the machine is busy."
            )
        time.sleep(_LOOK_SECONDS)


def _has_children(pid: int) -> bool:
    import psutil

    try:
        # Nobody asks how a killed one ended, so it stays as a zombie.
        return any(one.status() != psutil.STATUS_ZOMBIE for one in psutil.Process(pid).children())
    except psutil.NoSuchProcess:
        return True  # one that went just now is seen at the next look


def _answers(address: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(address))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True
