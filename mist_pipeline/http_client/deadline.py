"""An end of all waiting for one attempt: connection, TLS, header, body.

Time-outs of sockets begin anew with every byte, so a receiver that drips holds a thread for ever. A deadline shuts the connection
instead, and whatever waits for it fails at once. Not here: what a failure means (`failures`), how long an attempt may take (`session`).
"""

import contextlib
import os
import socket
import threading
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
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(max(0.0, seconds), self.end)
        self._timer.daemon = True

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
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        _here.deadline = None
        with self._lock:
            for each in self._sockets:
                each.close()
            self._sockets.clear()


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
