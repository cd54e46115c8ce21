"""A process by name, so that it is recognised later: host, number and start.

A number alone comes back to another process one day. The start is counted in ticks since the machine started, together with
the id of that start, since a date would change whenever somebody sets the clock: a living run must not look dead then.

>>> name_of_process(os.getpid()) == this_process()
True
>>> is_gone(this_process())
False
>>> is_gone("another-host:1:1")
False
"""

import os
import socket
import sys
from functools import cache
from pathlib import Path

PROC = Path("/proc")

STATE, START = 0, 19
"""Places of a process's state and start in ``/proc/<pid>/stat``, counted behind the program's name."""

DEAD_STATES = ("Z", "X")
"""Zombies: nobody has asked how they ended."""


def this_process() -> str:
    """Name of this process."""
    name = name_of_process(os.getpid())
    if name is None:
        raise OSError("this machine does not say when its processes started")
    return name


def name_of_process(pid: int) -> str | None:
    """Name of a living process of this machine; None if there is none of this number."""
    started = _started(pid)
    return None if started is None else f"{socket.gethostname()}:{pid}:{started}"


def is_gone(name: str) -> bool:
    """Whether a name is that of a process of this machine that is no more; of other machines nobody here knows."""
    host, pid = host_and_pid(name)
    if host != socket.gethostname() or pid is None:
        return False
    return name_of_process(pid) != name


def host_and_pid(name: str) -> tuple[str, int | None]:
    """The parts of a name that people look for; no number where it is no name.

    >>> host_and_pid("noc-1:4711:5f0c-99")
    ('noc-1', 4711)
    >>> host_and_pid("nonsense")
    ('nonsense', None)
    """
    host, _, rest = name.partition(":")
    number, _, started = rest.partition(":")
    return host, int(number) if number.isascii() and number.isdigit() and started else None


def boot_of(name: str) -> str:
    """Which start of which machine the name of a process is of.

    >>> boot_of("noc-1:4711:5f0c-99")
    'noc-1:5f0c'
    """
    host, _, rest = name.partition(":")
    return f"{host}:{rest.partition(':')[2].partition('-')[0]}"


def _started(pid: int) -> str | None:
    """When a living process started, in words that no clock changes."""
    if not sys.platform.startswith("linux"):
        return _started_elsewhere(pid)
    try:
        # The name of the program is in brackets, and may itself hold brackets and blanks.
        facts = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = facts.split()
    return None if fields[STATE] in DEAD_STATES else f"{_boot()}-{fields[START]}"


def _started_elsewhere(pid: int) -> str | None:
    import psutil

    try:
        process = psutil.Process(pid)
        is_dead = process.status() == psutil.STATUS_ZOMBIE
        return None if is_dead else f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return None


@cache
def _boot() -> str:
    """Which start of the machine this is."""
    return (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip().partition("-")[0]
