"""What a cloud can do, learned while it is used: whether it has ``summary-trend``.

Safe to share between threads; `client` feeds it. A small JSON file beside the call budget keeps it between processes.
Losing the file costs a few calls, so nothing here ever fails a run. How long a window may be depends on its age
too and is learned elsewhere (``collect.fetch.range_limits``).
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

_FORGET_AFTER_SECONDS = 7 * 86_400
"""Clouds are upgraded: what is older is learned again."""

log = logging.getLogger(__name__)


class CloudCapabilities:
    """Whether a cloud has ``summary-trend``, kept in a file if there is one.

    One success of the new endpoint settles it for good. It counts as absent only once the old endpoint has answered
    where the new one said 404: for a metric that a site does not have both say 404.

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
        self._has_trend: bool | None = self._load().get(base_url, {}).get("has_trend")

    @property
    def has_trend(self) -> bool | None:
        """True or False once settled, None before."""
        return self._has_trend

    def saw_trend(self) -> None:
        """``summary-trend`` has answered."""
        self._learn(has_trend=True)

    def saw_only_summary(self) -> None:
        """``summary`` has answered where ``summary-trend`` said 404."""
        if self._has_trend is None:
            self._learn(has_trend=False)

    def _learn(self, *, has_trend: bool) -> None:
        with self._lock:
            if self._has_trend in (has_trend, True):
                return
            self._has_trend = has_trend
            if self._path is None:
                return
            fact = {"has_trend": has_trend, "learned_at": self._clock()}
            temporary = self._path.with_name(f"{self._path.name}.{os.getpid()}")
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                temporary.write_text(
                    json.dumps({**self._load(), self._base_url: fact}, indent=1), encoding="utf-8"
                )
                temporary.replace(self._path)
            except OSError as error:
                log.warning("what was learned about the cloud is not kept: %s", error)
                with contextlib.suppress(OSError):
                    temporary.unlink()

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
    """The sound entries of the file, which may have been edited by hand."""
    return [
        (url, facts)
        for url, facts in (document.items() if isinstance(document, dict) else ())
        if isinstance(facts, dict)
        and isinstance(facts.get("has_trend"), bool)
        and isinstance(facts.get("learned_at"), int | float)
    ]
