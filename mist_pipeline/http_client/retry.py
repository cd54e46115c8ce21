"""When and how long to wait before asking again: pure decisions, no clock, no sleep.

`transport` makes single attempts, `client` repeats them as this module says.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

RETRY_AFTER_CAP = 3600.0
"""No `Retry-After` is believed beyond this many seconds: the cloud's limits are by the hour."""


@dataclass(frozen=True)
class RetryPolicy:
    """How often to ask and how long to wait in between.

    Attributes:
        attempts: Attempts in total, the first one included.
        base_seconds: Upper bound of the first wait; it doubles with every attempt.
        cap_seconds: Upper bound of any wait that is spent inside a call.
    """

    attempts: int = 5
    base_seconds: float = 0.5
    cap_seconds: float = 60.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.base_seconds < 0 or self.cap_seconds < 0:
            raise ValueError("a retry policy needs at least one attempt and waits that are not negative")

    def wait(self, attempt: int, retry_after: float | None, random: Callable[[], float]) -> float:
        """Seconds to wait after this failed attempt (1 is the first).

        Full jitter (Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog 2015): uniform between 0 and
        the exponential bound, so that many callers do not come back at once. What the cloud asks for with
        `Retry-After` is the least that is waited, with the jitter on top, up to `cap_seconds`.
        """
        bound = min(self.cap_seconds, self.base_seconds * 2.0 ** min(attempt - 1, 32))
        jitter = random() * bound
        return min(self.cap_seconds, jitter + (retry_after or 0.0))


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """Seconds that a `Retry-After` header asks for, between 0 and `RETRY_AFTER_CAP`; None if absent or unreadable.

    Args:
        header: Seconds or an HTTP date (RFC 9110, section 10.2.3).
        now: The cloud's own time where known, because the date is in its clock.
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        seconds = float(text)
    else:
        moment = http_date(text)
        if moment is None:
            return None
        seconds = (moment - now).total_seconds()
    return min(max(seconds, 0.0), RETRY_AFTER_CAP)


def http_date(header: str) -> datetime | None:
    """An HTTP date as an aware UTC instant, or None if it is none."""
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
