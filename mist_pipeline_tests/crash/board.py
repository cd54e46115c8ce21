"""What outlives the child: the machine's clock, and what each of its hands was doing when it was killed.

A file in memory that both processes map. A clock has to live here, for time does not begin anew when a process does.
"""

import mmap
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCK = struct.Struct("<q")
_WORD = 32
HANDS = ("main", "mail", "chat", "page", "jira", "hook")
_SIZE = _CLOCK.size + _WORD * len(HANDS)


class Board:
    """One board; mapped by whoever opens it."""

    def __init__(self, path: Path, start: datetime | None = None) -> None:
        if start is not None:
            path.write_bytes(bytes(_SIZE))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _SIZE)
        if start is not None:
            self.set_clock(start)

    def __call__(self) -> datetime:
        """The time."""
        (micros,) = _CLOCK.unpack_from(self._memory, 0)
        return _EPOCH + timedelta(microseconds=micros)

    def set_clock(self, now: datetime) -> None:
        """Time goes forward only."""
        _CLOCK.pack_into(self._memory, 0, (now - _EPOCH) // timedelta(microseconds=1))

    def write(self, hand: str, doing: str) -> None:
        """What a hand begins to do."""
        place = _CLOCK.size + _WORD * HANDS.index(hand)
        self._memory[place : place + _WORD] = doing.encode()[:_WORD].ljust(_WORD, b"\0")

    def read(self, hand: str) -> str:
        """What a hand did last."""
        place = _CLOCK.size + _WORD * HANDS.index(hand)
        return self._memory[place : place + _WORD].rstrip(b"\0").decode()

    def clear(self) -> None:
        """A new child has done nothing yet."""
        for hand in HANDS:
            self.write(hand, "")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._memory.close()
