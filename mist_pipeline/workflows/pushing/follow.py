"""Following what is pushed, in the process that receives it: an evaluation and its messages within seconds.

Dagster's sensors look every 30 seconds, its queue every five, and a run takes seconds to begin ([measured](webhooks.md)): too slow for
a site that is dead now. So a thread beside the listener does what the job `evaluate` does with what was pushed, by the same
functions, ledger, outbox and leases. Whatever it leaves undone, that job or the next look does.

Not here: what is said (`evaluate`), receiving (`receive`).
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa

from mist_pipeline.alerts.ledger.database import LedgerUnavailableError
from mist_pipeline.alerts.ledger.pending import evaluate_pending
from mist_pipeline.settings import Settings
from mist_pipeline.storage.files import StoreError
from mist_pipeline.workflows.ledger_access import kept_evaluations, notification_rules, open_ledger
from mist_pipeline.workflows.notifying import messages
from mist_pipeline.workflows.notifying.messages import utc_now
from mist_pipeline.workflows.pushing.evaluate import keep_pushed

_log = logging.getLogger(__name__)

TOGETHER_SECONDS = 1.0
"""Devices of a site are told in several messages at once: one look for all of them."""

LOOK_SECONDS = 30.0
"""Without news it looks all the same: another machine may have received it, or an earlier process died behind it."""


class PushFollower:
    """Looks at what was pushed whenever something new came, evaluates it, and sends what follows.

    Args:
        settings: The settings.
        clock: What time it is.
        together_seconds: Between news and the look at it.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], datetime] = utc_now,
        together_seconds: float = TOGETHER_SECONDS,
    ) -> None:
        self._settings, self._clock, self._together_seconds = settings, clock, together_seconds
        self._broken: Callable[[], None] = lambda: None
        self.is_broken = False
        self._news, self._ended, self._to_send = threading.Event(), threading.Event(), threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=[self._follow], name="pushes", daemon=True),
            # Apart: a sink that hangs must not hold up the next evaluation.
            threading.Thread(target=self._run, args=[self._deliver], name="messages of pushes", daemon=True),
        ]

    def start(self, broken: Callable[[], None] = lambda: None) -> None:
        """Follow from now on; the first look is at once, at what an earlier process left, and so is the first sending.

        Args:
            broken: Called where a defect has ended it (`is_broken`): whoever runs it has to end, too, and be started again.
        """
        self._broken = broken
        self._news.set()
        self._to_send.set()
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Something new came."""
        self._news.set()

    def end(self) -> None:
        """Follow no more; what is under way is finished."""
        self._ended.set()
        self._news.set()
        self._to_send.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def look(self) -> datetime | None:
        """Evaluate what was pushed, if it says something new; returns when to look again at the latest.

        Raises:
            LedgerUnavailableError: The ledger cannot be opened.
            sqlalchemy.exc.DatabaseError: It does not answer.
        """
        now = self._clock()
        store = kept_evaluations(self._settings)
        with open_ledger(self._settings) as ledger:
            looked = keep_pushed(self._settings, ledger, store, now)
            if looked.is_kept:
                result = evaluate_pending(ledger, store, notification_rules(self._settings), self._clock())
                told = len(result.recorded.notifications)
                _log.info("pushes were evaluated: %d events, %d messages", len(result.events), told)
                if told:
                    self._to_send.set()
        return looked.due_at

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            if not self._ended.is_set():
                _log.critical("pushes are not followed any more; the traceback says why")
                self.is_broken = True
                self._broken()

    def _follow(self) -> None:
        due_at: datetime | None = None
        while not self._ended.is_set():
            if self._news.wait(self._seconds_until(due_at)):
                self._ended.wait(self._together_seconds)
            self._news.clear()
            if self._ended.is_set():
                return
            try:
                due_at = self.look()
            except (LedgerUnavailableError, sa.exc.DatabaseError, StoreError, OSError) as error:
                _log.error("what was pushed is not evaluated now, but with the next look: %s", _words(error))

    def _seconds_until(self, due_at: datetime | None) -> float:
        if due_at is None:
            return LOOK_SECONDS
        return min(max((due_at - self._clock()) / timedelta(seconds=1), 0.1), LOOK_SECONDS)

    def _deliver(self) -> None:
        while True:
            self._to_send.wait()
            self._to_send.clear()
            if self._ended.is_set():
                return
            try:
                with open_ledger(self._settings) as ledger:
                    sinks = self._settings.notifications.sinks
                    sent = messages.send_due(self._settings, ledger, sinks, clock=self._clock)
            except (LedgerUnavailableError, sa.exc.DatabaseError, OSError) as error:
                _log.error("messages of pushes wait for the job deliver: %s", _words(error))
                continue
            for one in sent.done:
                _log.info("%s", messages.sentence(one))
            if sent.defect is not None:
                _log.error("messages of pushes wait for the job deliver: %s", sent.defect)


def _words(error: Exception) -> str:
    """What a driver or the system says, without statements and rows."""
    return str(getattr(error, "orig", None) or error).partition("\n")[0]
