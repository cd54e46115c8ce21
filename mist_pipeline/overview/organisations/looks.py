"""Looking at many organisations at once, some of which hang: a ledger behind a dead network, a folder of a file server that is away.

A few are looked at at a time. A look that takes long gives up its place to the others and goes on in its thread; its organisation is not looked
at again before that has ended. So hanging ones keep nobody waiting for more than a moment, and there is at most one thread for each organisation.
Not here: what is looked at (`reader`).
"""

import logging
import threading
import time
from collections.abc import Callable

AT_ONCE = 4
"""Looks that hold a place."""

PATIENCE_SECONDS = 2.0
"""A look that takes longer gives up its place; most take some hundredths of that."""

_log = logging.getLogger(__name__)


class Looks:
    """Looks under way.

    Args:
        at_once: How many hold a place.
        patience_seconds: How long each of them does.
        monotonic: A clock that never goes back, in seconds.
    """

    def __init__(
        self,
        at_once: int = AT_ONCE,
        patience_seconds: float = PATIENCE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._at_once, self._patience, self._monotonic = at_once, patience_seconds, monotonic
        self._changed = threading.Condition()
        self._begun: dict[str, float] = {}

    def begin(self, key: str, look: Callable[[], None]) -> None:
        """Look at one in a thread of its own, once there is a place; nothing where the last look at it is still under way."""
        with self._changed:
            if key in self._begun:
                return
            while (free_in := self._free_in()) > 0:
                self._changed.wait(free_in)
            self._begun[key] = self._monotonic()
        # No pool: what hangs there would keep the program from ending.
        threading.Thread(target=self._look, args=(key, look), name=f"look {key}", daemon=True).start()

    def wait(self, seconds: float) -> frozenset[str]:
        """Wait until all have ended, or each of them has taken so long; those that are under way then."""
        with self._changed:
            while self._begun:
                left = max(self._begun.values()) + seconds - self._monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            return frozenset(self._begun)

    def _free_in(self) -> float:
        """Seconds until there is a place, if none ends before."""
        now = self._monotonic()
        left = sorted(at + self._patience - now for at in self._begun.values())
        held = [one for one in left if one > 0]
        return held[-self._at_once] if len(held) >= self._at_once else 0.0

    def _look(self, key: str, look: Callable[[], None]) -> None:
        try:
            look()
        except Exception:  # noqa: BLE001 - whatever it was, the others are looked at
            # What was known of it stays, and is said to be lost in the end.
            _log.exception("%s cannot be looked at", key)
        finally:
            with self._changed:
                del self._begun[key]
                self._changed.notify_all()
