"""The lock of a data folder: one daemon or UI works on it, and whoever comes second is told who has it.

Two daemons would each poll, evaluate and send, with two sets of schedules. The operating system holds the lock as long as one of
the processes lives that the holder started with it, and frees it with the last of them: so none is stale after a kill, and a
daemon whose parent alone was killed still counts. Readers, and runs of the command line, take no part: runs take turns at the warehouse
by its own lock (``warehouse.connection``).
"""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from mist_pipeline.domain.text import clean

FILE = "daemon.lock"


def lock_file(machines: int) -> str:
    """Name of the lock: where several machines take turns, each has its own, since they may share the folder."""
    return FILE if machines == 1 else f"daemon.{socket.gethostname()}.lock"


class FolderInUseError(OSError):
    """Another daemon or UI works on the data folder; says which, and what to do."""


@dataclass(frozen=True)
class Holder:
    """Who works on a data folder.

    Attributes:
        command: What was started.
        host: On which machine.
        pid: Its process there.
        since: When.
        address: Where its UI is.
    """

    command: str
    host: str
    pid: int
    since: datetime
    address: str

    def __str__(self) -> str:
        since = f"{self.since:%Y-%m-%d %H:%M %Z}".strip()
        return f"`{self.command}`, process {self.pid} on {self.host}, since {since}, UI at {self.address}"


class FolderLock:
    """A lock that is held until `release` or the end of all processes that got its descriptor.

    Attributes:
        descriptor: To hand on to processes that keep the folder with this one.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def release(self) -> None:
        """Free the folder, as far as this process holds it."""
        os.ftruncate(self.descriptor, 0)
        os.close(self.descriptor)


def take_folder(folder: Path, command: str, address: str, now: datetime, *, file: str = FILE) -> FolderLock:
    """Take a data folder for this process and those that it starts with the descriptor.

    Args:
        folder: The data folder; it is there.
        command: What was started, as people know it.
        address: Where its UI is.
        now: The instant.
        file: Name of the lock, as `lock_file` gives it.

    Raises:
        FolderInUseError: Another one has it.
    """
    path = folder / file
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise FolderInUseError(_refusal(folder, path)) from None
    me = Holder(command, socket.gethostname(), os.getpid(), now, address)
    text = json.dumps({**asdict(me), "since": now.isoformat()}, indent=1) + "\n"
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)
    return FolderLock(descriptor)


def holder(folder: Path, file: str = FILE) -> Holder | None:
    """Who took a folder last; None if nobody did, or it was freed."""
    try:
        facts = json.loads((folder / file).read_text(encoding="utf-8"))
        return Holder(
            command=clean(str(facts["command"]), 80),
            host=clean(str(facts["host"]), 80),
            pid=int(facts["pid"]),
            since=datetime.fromisoformat(facts["since"]),
            address=clean(str(facts["address"]), 80),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _refusal(folder: Path, path: Path) -> str:
    who = holder(folder, path.name)
    begin = f"The data folder {folder.absolute()} is in use"
    if who is None:
        return (
            f"{begin} by a daemon or UI that is just starting. Only one works on a data folder: end it first."
        )
    if who.host != socket.gethostname():
        return (
            f"{begin} by {who}. Only one daemon or UI works on a data folder: use that one, or end it there."
        )
    keepers = sorted(_keepers(path))
    if keepers and who.pid not in keepers:
        numbers = " ".join(map(str, keepers))
        return (
            f"{begin}: {who} was killed, but processes that it had started still run. "
            f"End them, then start again: kill {numbers}"
        )
    return (
        f"{begin} by {who}. Only one daemon or UI works on a data folder: use that one's UI, "
        f"or end it first (kill {who.pid}). Queries and `run` need no lock."
    )


def _keepers(path: Path) -> Iterator[int]:
    """Numbers of the processes of this machine that keep a lock, as far as this user may see them."""
    import psutil

    wanted = path.stat()
    for process in psutil.process_iter():
        try:
            names = [file.path for file in process.open_files()]
        except psutil.Error:
            continue
        for name in names:
            try:
                is_same = os.path.samestat(Path(name).stat(), wanted)
            except OSError:
                continue
            if is_same:
                yield process.pid
                break
