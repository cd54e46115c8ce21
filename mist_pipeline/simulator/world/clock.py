"""The simulated now: the wall clock, or a moment that only its owner moves."""

import threading
from datetime import UTC, datetime, timedelta


class Clock:
    """The simulated time; safe to share between the server's thread and a test's.

    Args:
        now: Where to stand still, aware. None follows the wall clock.
    """

    def __init__(self, now: datetime | None = None) -> None:
        self._lock = threading.Lock()
        self._now = None if now is None else _utc(now)

    def now(self) -> datetime:
        """The simulated time, UTC."""
        with self._lock:
            return self._now or datetime.now(tz=UTC)

    def set(self, now: datetime) -> None:
        """Stand still at a moment, aware; going back is allowed, a world has no memory."""
        moment = _utc(now)
        with self._lock:
            self._now = moment

    def advance(self, step: timedelta) -> datetime:
        """Move on (a clock that followed the wall stands still from then on) and return the new time."""
        with self._lock:
            self._now = (self._now or datetime.now(tz=UTC)) + step
            return self._now


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(
            f"a simulated time needs a zone: {moment.isoformat()} has none; write {moment.isoformat()}+00:00"
        )
    return moment.astimezone(UTC)
