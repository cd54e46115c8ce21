"""What is learned about one cloud while it is used: which summary endpoint it has and how wide a window may be.

Safe to share between threads. `client` feeds it, the call planner reads `max_window_days`. A small JSON file beside the
call budget keeps it between processes; losing the file costs a few calls, so nothing here ever fails a run.
"""

import contextlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HOUR = 3600
DAY = 86_400
_FORGET_AFTER_SECONDS = 7 * DAY
"""Clouds are upgraded: what is older is learned again."""

log = logging.getLogger(__name__)


class TrendSupport:
    """Whether this cloud has ``summary-trend``, learned from its answers.

    One success of the new endpoint settles it for good. It counts as absent only once the old endpoint has answered
    where the new one said 404: a metric that a site does not have says 404 at both.
    """

    def __init__(self, known: bool | None = None) -> None:
        self._known = known
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

    def __init__(self, narrowest_wide: int | None = None, longest_hourly: int = 0) -> None:
        self._narrowest_wide = narrowest_wide
        self._longest_hourly = longest_hourly
        self._lock = threading.Lock()

    def saw(self, window_seconds: int, interval_seconds: float) -> None:
        """A window of this length came back in buckets of this width."""
        with self._lock:
            if interval_seconds <= HOUR:
                self._longest_hourly = max(self._longest_hourly, window_seconds)
            elif self._narrowest_wide is None or window_seconds < self._narrowest_wide:
                self._narrowest_wide = window_seconds

    @property
    def evidence(self) -> tuple[int | None, int]:
        """Seconds of the shortest window that came back wide (None if none did) and of the longest that came back hourly."""
        with self._lock:
            return self._narrowest_wide, self._longest_hourly

    @property
    def days(self) -> int | None:
        """Longest window in whole days worth asking for, or None where no limit is known.

        Between the longest that worked and the shortest that did not, it halves the latter, so that asking again with
        it soon finds the edge.
        """
        wide, hourly = self.evidence
        if wide is None or wide <= hourly:
            return None
        return max(1, hourly // DAY, wide // 2 // DAY)


class CloudCapabilities:
    """Both kinds of knowledge about one cloud, kept in a file if there is one.

    Args:
        base_url: The cloud.
        path: JSON file for all clouds that this machine talks to, or None to forget with the process.
        clock: Epoch seconds.
    """

    def __init__(
        self, base_url: str, path: Path | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._base_url = base_url
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        known = self._load().get(base_url, {})
        self.trend = TrendSupport(known.get("has_trend"))
        self.window = WindowLimit(known.get("narrowest_wide"), known.get("longest_hourly", 0))
        self._kept = self._facts()

    def keep(self) -> None:
        """Write down what is new; to be called after something was learned."""
        facts = self._facts()
        if self._path is None or facts == self._kept:
            return
        with self._lock:
            self._kept = facts
            everything = {**self._load(), self._base_url: {**facts, "learned_at": self._clock()}}
            temporary = self._path.with_name(f"{self._path.name}.{os.getpid()}")
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                temporary.write_text(json.dumps(everything, indent=1), encoding="utf-8")
                temporary.replace(self._path)
            except OSError as error:
                log.warning("what was learned about the cloud is not kept: %s", error)
                with contextlib.suppress(OSError):
                    temporary.unlink()

    def _facts(self) -> dict[str, Any]:
        narrowest_wide, longest_hourly = self.window.evidence
        return {
            "has_trend": self.trend.known,
            "narrowest_wide": narrowest_wide,
            "longest_hourly": longest_hourly,
        }

    def _load(self) -> dict[str, dict[str, Any]]:
        """What is known and not too old, by cloud; nothing if the file is absent or unreadable."""
        if self._path is None:
            return {}
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        oldest = self._clock() - _FORGET_AFTER_SECONDS
        return {url: facts for url, facts in _entries(found) if facts["learned_at"] >= oldest}


def _entries(document: Any) -> list[tuple[str, dict[str, Any]]]:
    """The sound entries of a memory file; somebody may have edited it."""
    kinds = {
        "has_trend": (bool, type(None)),
        "narrowest_wide": (int, type(None)),
        "longest_hourly": (int,),
        "learned_at": (int, float),
    }
    return [
        (url, facts)
        for url, facts in (document.items() if isinstance(document, dict) else ())
        if isinstance(facts, dict)
        and set(facts) == set(kinds)
        and all(isinstance(facts[name], kind) for name, kind in kinds.items())
    ]
