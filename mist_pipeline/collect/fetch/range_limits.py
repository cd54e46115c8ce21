"""How long a window may be before the cloud answers with buckets wider than an hour; shorter ones where that helps.

Two causes look alike. Some clouds widen the buckets of long windows: shorter ones cure it. And every cloud widens or
drops old hours: nothing cures it, asking again only costs calls. Requests are sent newest first, so that the first
answers show which it is. Pure; ``fetcher`` feeds it.
"""

from dataclasses import replace
from zoneinfo import ZoneInfo

from mist_pipeline.collect.fetch.days import DAY_HOURS, HOUR, span_windows
from mist_pipeline.collect.fetch.plan import WINDOW_STEPS, Request


class RangeLimits:
    """What the answers of one fetch say about window lengths.

    Args:
        window_hours: Longest window that is worth asking for, as known before.
        zone: The organisation's time zone.
    """

    def __init__(self, window_hours: int, zone: ZoneInfo) -> None:
        self._known = window_hours
        self._zone = zone
        self._limit = window_hours
        self._longest_hourly = 0
        self._wide_until = 0

    @property
    def window_hours(self) -> int:
        """Longest window worth asking for now: shorter than before only where shorter ones came back hourly."""
        return self._limit if 0 < self._longest_hourly <= self._limit else self._known

    def cut(self, request: Request) -> list[Request]:
        """The request in windows of the length learnt, newest first; empty where it can be sent as it is."""
        if request.end <= self._wide_until or _hours(request) <= self._limit:
            return []
        return self._pieces(request, self._limit)

    def saw(self, request: Request, interval: float) -> list[Request]:
        """Learn from an answer; the pieces to ask for, newest first, where shorter windows may bring hourly buckets.

        Args:
            request: What was asked.
            interval: Width of the buckets in seconds.
        """
        hours = _hours(request)
        if interval <= HOUR:
            self._longest_hourly = max(self._longest_hourly, hours)
            self._limit = min(self._known, max(self._limit, hours))
            return []
        if request.end <= self._wide_until:
            return []
        step = next((step for step in WINDOW_STEPS if step < hours), None)
        if step is None or hours <= min(self._longest_hourly, DAY_HOURS):
            # Windows of this length do come back hourly, or none shorter is left: it is the age.
            self._wide_until = request.end
            return []
        if self._longest_hourly < hours:
            self._limit = min(self._limit, step)
        return self._pieces(request, step)

    def _pieces(self, request: Request, hours: int) -> list[Request]:
        windows = span_windows(
            request.days, self._zone, max_hours=hours, now=request.end, since=request.start
        )
        return [
            replace(request, start=window.start, end=window.end, days=window.days)
            for window in reversed(windows)
        ]


def _hours(request: Request) -> int:
    """Length of the window; whole days count 24 hours, on the days when the clocks change too."""
    hours = -(-(request.end - request.start) // HOUR)
    return hours if hours < DAY_HOURS else DAY_HOURS * len(request.days)
