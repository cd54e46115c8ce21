"""An end of all waiting for one attempt: connection, TLS, header, body.

Time-outs of sockets begin anew with every byte, so a receiver that drips holds a thread for ever. A deadline shuts the connection
instead, and whatever waits for it fails at once. Not here: what a failure means (`failures`), how long an attempt may take (`session`).
"""

import contextlib
import math
import os
import socket
import threading
import time
from types import TracebackType
from typing import Any, Self

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_here = threading.local()
"""The deadline of the attempt that this thread makes."""


class Deadline:
    """Ends an attempt that is made inside of ``with``, in the same thread.

    Args:
        seconds: From now on.
    """

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        """Whether connections were shut; what then failed did so for this reason."""
        self.ends_at = math.inf
        """When it ends by itself, on the monotonic clock; while an attempt is made."""
        self._seconds = max(0.0, seconds)
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []

    def end(self) -> None:
        """Shut the connections of the attempt now, from any thread."""
        with self._lock:
            self.is_over = True
            for each in self._sockets:
                _shut(each)

    def watch(self, connection: socket.socket) -> None:
        """Take note of a connection of the attempt."""
        try:
            # A second handle of the same connection: TLS takes the first one away, answers keep it open beyond its closing.
            twin = socket.socket(fileno=os.dup(connection.fileno()))
        except OSError:
            return  # it is closed already
        with self._lock:
            self._sockets.append(twin)
            if self.is_over:
                _shut(twin)

    def __enter__(self) -> Self:
        _here.deadline = self
        self.ends_at = time.monotonic() + self._seconds
        _watchman.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _watchman.remove(self)
        _here.deadline = None
        with self._lock:
            for each in self._sockets:
                each.close()
            self._sockets.clear()


class _Watchman:
    """Ends the attempts whose time is over: one thread for all of them, since to start one takes longer than most requests do.

    The thread is there as long as there are attempts, and until the time of the last one would have come.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watched: set[Deadline] = set()
        self._wakes_at = math.inf
        self._is_there = False

    def add(self, deadline: Deadline) -> None:
        """Watch an attempt."""
        with self._changed:
            self._watched.add(deadline)
            if not self._is_there:
                threading.Thread(target=self._watch, name="deadlines", daemon=True).start()
                self._is_there = True
            elif deadline.ends_at < self._wakes_at:
                self._changed.notify()

    def remove(self, deadline: Deadline) -> None:
        """It is over."""
        with self._changed:
            self._watched.discard(deadline)

    def _watch(self) -> None:
        while True:
            with self._changed:
                if not self._watched:
                    self._is_there = False
                    return
                now = time.monotonic()
                over = [each for each in self._watched if each.ends_at <= now]
                self._watched.difference_update(over)
                if not over:
                    self._wakes_at = min(each.ends_at for each in self._watched)
                    self._changed.wait(min(self._wakes_at - now, threading.TIMEOUT_MAX))
            for each in over:
                each.end()


_watchman = _Watchman()


def _begin_anew() -> None:
    """In a fork: the thread is the parent's, as is whoever holds the lock."""
    global _watchman  # noqa: PLW0603 - one for each process
    _watchman = _Watchman()


os.register_at_fork(after_in_child=_begin_anew)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _watch(connection: socket.socket | None) -> None:
    deadline: Deadline | None = getattr(_here, "deadline", None)
    if deadline is not None and connection is not None:
        deadline.watch(connection)


class _Plain(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        opened = super()._new_conn()
        _watch(opened)
        return opened

    def request(self, *args: Any, **options: Any) -> None:
        _watch(self.sock)  # one that stayed open
        super().request(*args, **options)


class _Tls(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        opened = super()._new_conn()
        _watch(opened)
        return opened

    def request(self, *args: Any, **options: Any) -> None:
        _watch(self.sock)
        super().request(*args, **options)


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _Tls


POOLS = {"http": _PlainPool, "https": _TlsPool}
"""Pools whose connections a deadline can end, for `urllib3`'s pool managers."""
