"""When to send a request again: pure decisions, no clock, no sleep.

Here: what ``Retry-After`` asks for, and how long to wait between attempts. Not here: which answers are worth another
attempt; `mist.responses` and `delivery.http_outcome` know that of their receivers.

>>> from datetime import UTC, datetime
>>> now = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
>>> retry_after_seconds({"retry-after": "1.5"}, now)
1.5
>>> retry_after_seconds({"retry-after": "Tue, 03 Feb 2026 04:05:36 GMT"}, now)
30.0
>>> RetryPolicy(base_seconds=0.5).wait(attempt=3, retry_after=1.5, random=lambda: 0.5)
2.5
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_PAUSE_SECONDS = 3600.0
"""No ``Retry-After`` is believed beyond this: limits of calls are by the hour, and a message must not wait for ever."""

_SECONDS = re.compile(r"[0-9]*\.?[0-9]+")


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
        the exponential bound, so that many callers do not come back at once. What the receiver asks for with
        ``Retry-After`` is the least that is waited, with the jitter on top, up to `cap_seconds`.
        """
        bound = min(self.cap_seconds, self.base_seconds * 2.0 ** min(attempt - 1, 32))
        jitter = random() * bound
        return min(self.cap_seconds, jitter + (retry_after or 0.0))


def retry_after_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that ``Retry-After`` asks for, between 0 and `LONGEST_PAUSE_SECONDS`; None if absent or unreadable.

    The header holds seconds or an HTTP date (RFC 9110, section 10.2.3). Fractions of a second are not in the RFC, but are
    sent. A date is in the clock of the server, so it counts from the ``Date`` of the same answer where that is readable.

    Args:
        headers: Of an answer, names in lower case.
        now: The present instant, for an answer without ``Date``.
    """
    asked = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(asked):
        return min(float(asked), LONGEST_PAUSE_SECONDS)
    until = http_date(asked)
    if until is None:
        return None
    pause = (until - (http_date(headers.get("date", "")) or now)).total_seconds()
    return min(max(pause, 0.0), LONGEST_PAUSE_SECONDS)


def http_date(header: str) -> datetime | None:
    """An HTTP date in any of its three forms (RFC 9110, section 5.6.7) as an aware UTC instant, None if it is none."""
    try:
        moment = parsedate_to_datetime(header)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
