"""What is learned about one cloud while it is used: which summary endpoint it has and how wide a window may be.

Pure and safe to share between threads. `client` feeds it, the call planner reads `max_window_days`.
"""

import threading

HOUR = 3600
DAY = 86_400


class TrendSupport:
    """Whether this cloud has ``summary-trend``, learned from its answers.

    One success of the new endpoint settles it for good. It counts as absent only once the old endpoint has answered
    where the new one said 404: a metric that a site does not have says 404 at both.
    """

    def __init__(self) -> None:
        self._known: bool | None = None
        self._lock = threading.Lock()

    @property
    def known(self) -> bool | None:
        """True or False once settled, None before."""
        return self._known

    def saw_trend(self) -> None:
        """``summary-trend`` has answered."""
        with self._lock:
            self._known = True

    def saw_only_summary(self) -> None:
        """``summary`` has answered where ``summary-trend`` said 404."""
        with self._lock:
            if self._known is None:
                self._known = False


class WindowLimit:
    """How long a window may be before this cloud's buckets grow wider than an hour.

    A limit is only believed while every window that came back wide was longer than every one that came back hourly.
    Otherwise it was not the length: old hours come in wide buckets however they are asked for, and narrowing would
    only cost calls.
    """

    def __init__(self) -> None:
        self._narrowest_wide: int | None = None
        self._longest_hourly = 0
        self._lock = threading.Lock()

    def saw(self, window_seconds: int, interval_seconds: float) -> None:
        """A window of this length came back in buckets of this width."""
        with self._lock:
            if interval_seconds <= HOUR:
                self._longest_hourly = max(self._longest_hourly, window_seconds)
            elif self._narrowest_wide is None or window_seconds < self._narrowest_wide:
                self._narrowest_wide = window_seconds

    @property
    def days(self) -> int | None:
        """Longest window in whole days worth asking for, or None where no limit is known.

        Between the longest that worked and the shortest that did not, it halves the latter, so that asking again with
        it soon finds the edge.
        """
        with self._lock:
            wide, hourly = self._narrowest_wide, self._longest_hourly
        if wide is None or wide <= hourly:
            return None
        return max(1, hourly // DAY, wide // 2 // DAY)
