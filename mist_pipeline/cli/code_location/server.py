"""The code servers: processes that have loaded the project, one for each organisation, for the daemon and the UI.

Without them the daemon and the UI each load the project in a process of their own, and the daemon anew every 75 seconds: its refresh of a
workspace of Python modules starts their servers again. Here: starting and ending them, where they answer, loading them again. Not here:
what such a process does (`forks`).
"""

import hashlib
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

from mist_pipeline.cli.code_location.forks import Location
from mist_pipeline.cli.console import errors, literal
from mist_pipeline.cli.together import end
from mist_pipeline.workflows.running.processes import is_gone, this_process

_PREFIX = "mist-pipeline-"
_OWNER = "owner"
_SAYS_SO_AFTER_SECONDS = 60.0
_LOADS_WITHIN_SECONDS = 1800.0
"""Beside much else it takes minutes, as after a restart of the machine; a daemon that gave up then would watch nobody."""
_LOOK_SECONDS = 0.1
_RELOADS_WITHIN_SECONDS = 60


class CodeServerError(OSError):
    """The code server could not be started."""


Configurations = Mapping[Location, Sequence[Path]]
"""Each code location with the files that its settings come from; where one changes, its definitions are loaded again."""


@dataclass
class CodeServer:
    """The running code servers.

    Attributes:
        process: Of which they are forks.
        workspace: The workspace file that leads Dagster's processes to them.
        configurations: Of each.
        served: Those that answered at first; others are tried again and again.
    """

    process: "subprocess.Popen[bytes]"
    workspace: Path
    configurations: Configurations
    served: Sequence[Location] = ()
    _read_at: dict[Location, tuple[int, ...]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._read_at = {location: _changed_at(paths) for location, paths in self.configurations.items()}

    def socket(self, location: Location) -> Path:
        """Where a code location is served."""
        return location.socket(self.workspace.parent)

    def follow_configuration(self) -> None:
        """Load definitions again whose configuration has changed: schedules and sensors keep what they were made of."""
        for location, paths in self.configurations.items():
            changed_at = _changed_at(paths)
            if changed_at != self._read_at[location] and any(changed_at):
                self._read_at[location] = changed_at
                self._load_again(location)

    def _load_again(self, location: Location) -> None:
        from mist_pipeline.settings import SettingsError, load_settings
        from mist_pipeline.settings.organisations import ORGANISATION_VARIABLE

        try:
            load_settings(environment={**os.environ, ORGANISATION_VARIABLE: location.organisation})
        except SettingsError as error:
            errors.print(
                f"[yellow]![/] The changed configuration is not used before it is right: {literal(str(error))}"
            )
            return
        from dagster._core.errors import DagsterUserCodeUnreachableError
        from dagster._grpc.client import DagsterGrpcClient

        try:
            DagsterGrpcClient(socket=str(self.socket(location))).reload_code(timeout=_RELOADS_WITHIN_SECONDS)
        except DagsterUserCodeUnreachableError as error:
            errors.print(f"[yellow]![/] The changed configuration was not loaded: {error}", markup=True)


def _changed_at(paths: Sequence[Path]) -> tuple[int, ...]:
    return tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in paths)


def place_of_sockets(home: str) -> Path:
    """The folder in which the code servers of a Dagster home answer.

    The path of a socket has at most about a hundred characters, that of a data folder any number.
    """
    digest = hashlib.blake2b(home.encode(), digest_size=6).hexdigest()
    return Path(tempfile.gettempdir()) / f"{_PREFIX}{digest}"


def workspace_of(locations: Sequence[Location], home: str) -> str:
    """A workspace file that leads Dagster's processes to the code servers of a Dagster home."""
    folder = place_of_sockets(home)
    lines = ["load_from:"]
    for location in locations:
        lines += ["  - grpc_server:", f"      socket: {location.socket(folder)}"]
        lines += [f"      location_name: {location.name}"]
    return "\n".join(lines) + "\n"


@contextmanager
def code_server(
    env: Mapping[str, str], configurations: Configurations, *, keep_open: Sequence[int] = ()
) -> Iterator[CodeServer]:
    """Code servers that have loaded the project, ended with the block.

    They answer at sockets in a folder that only this user may enter: whoever reaches one can run code.

    Args:
        env: Their environment, with a Dagster home that was opened before: several that make its storage at once damage it.
        configurations: What is served.
        keep_open: Descriptors that their common process keeps open: of a lock.

    Raises:
        CodeServerError: They ended, or none of them answered in time; or somebody else has their folder.
    """
    sweep(Path(tempfile.gettempdir()))
    home = env.get("DAGSTER_HOME", "")
    folder = place_of_sockets(home)
    _make_own(folder)
    (folder / _OWNER).write_text(this_process(), encoding="utf-8")
    workspace = folder / "workspace.yaml"
    workspace.write_text(workspace_of([*configurations], home), encoding="utf-8")
    command = [sys.executable, "-m", "mist_pipeline.cli.code_location.forks", str(folder)]
    command += ["--close", ",".join(map(str, keep_open)), *map(str, configurations)]
    process = subprocess.Popen(command, env=env, pass_fds=keep_open)
    try:
        served = [one for one in configurations if _waited_for(one, folder, process)]
        if not served:
            raise CodeServerError("Dagster's code server could not be started; its messages are above.")
        yield CodeServer(process, workspace, configurations, served)
    finally:
        end([process])
        shutil.rmtree(folder, ignore_errors=True)


def _make_own(folder: Path) -> None:
    """Make the folder of the sockets, which may be left from an earlier time; another's is refused."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.geteuid():
        raise CodeServerError(
            f"{folder} belongs to somebody else: remove it, or set TMPDIR to another folder"
        )
    folder.chmod(0o700)
    for path in (*folder.glob("*.sock"), *folder.glob("*.ended")):
        path.unlink(missing_ok=True)


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
        if is_gone(owner) and not any(map(_answers, folder.glob("*.sock"))):
            shutil.rmtree(folder, ignore_errors=True)
            gone.append(folder)
    return gone


def _waited_for(location: Location, folder: Path, process: "subprocess.Popen[bytes]") -> bool:
    """Wait until a code location is served; False where its server has ended first.

    Raises:
        CodeServerError: All have ended, or this one did not answer in time.
    """
    begun, has_said_so = time.monotonic(), False
    while not _answers(location.socket(folder)):
        if location.ended(folder).exists():
            return False
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
    return True


def _answers(address: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(address))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True
