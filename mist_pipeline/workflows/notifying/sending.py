"""Sending on every one of several machines, active or not, outside of Dagster: what is due goes out while nothing else runs, steps of escalations, too.

Leases of rows keep two senders from sending the same; what a dead one had is unknown until it was looked up, as after any kill. Once this
machine has become the active one, what the one before had kept and not evaluated is evaluated here at once: its run died with it, and the next
would begin minutes later. Not here: what is due (``alerts.ledger.outbox``), sending (`messages`).
"""

import logging
from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from mist_pipeline.alerts.ledger.database import LedgerUnavailableError
from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.ledger.pending import evaluate_pending
from mist_pipeline.alerts.machines.lease import read_machines
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.ledger_access import (
    kept_evaluations,
    notification_rules,
    open_ledger,
    unevaluated_since,
)
from mist_pipeline.workflows.notifying import messages
from mist_pipeline.workflows.notifying.evaluate import escalate
from mist_pipeline.workflows.notifying.messages import utc_now

_log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0


class Sender:
    """Looks every few seconds at what is due.

    Args:
        settings: The settings.
        machine: Host name of this machine.
        clock: What time it is.
    """

    def __init__(self, settings: Settings, machine: str, clock: Callable[[], datetime] = utc_now) -> None:
        self._settings, self._machine, self._clock = settings, machine, clock
        self._taken_up = 0
        """The term whose inheritance was looked at."""

    def run(self, wait: Callable[[float], None]) -> None:
        """Look again and again, until somebody ends this process; a ledger that does not answer is asked again."""
        while True:
            try:
                with open_ledger(self._settings) as ledger:
                    while True:
                        self.look(ledger)
                        wait(LOOK_SECONDS)
            except (LedgerUnavailableError, sa.exc.DatabaseError, OSError) as error:
                said = str(getattr(error, "orig", None) or error).partition("\n")[0]
                _log.error("what is due is not sent from here now: %s", said)
            wait(LOOK_SECONDS)

    def look(self, ledger: Ledger) -> None:
        """Take up what the machine before left, take the steps that are due, and send what is due."""
        self._take_up(ledger)
        if ledger.is_due(self._clock()):
            escalate(self._settings, self._clock())
        sinks = self._settings.notifications.sinks
        if not Outbox(ledger.engine).is_waiting(self._clock(), sinks):
            return
        sent = messages.send_due(self._settings, ledger, sinks, clock=self._clock)
        for one in sent.done:
            _log.info("%s", messages.sentence(one))
        if sent.defect is not None:
            _log.error("messages wait for the job deliver: %s", sent.defect)

    def _take_up(self, ledger: Ledger) -> None:
        machines = read_machines(ledger.engine)
        if machines.active != self._machine or machines.term == self._taken_up or machines.since is None:
            return
        self._taken_up = machines.term
        kept_at = unevaluated_since(self._settings, ledger)
        if kept_at is None or kept_at >= machines.since:
            return
        rules, store = notification_rules(self._settings), kept_evaluations(self._settings)
        result = evaluate_pending(ledger, store, rules, self._clock())
        told = len(result.recorded.notifications)
        _log.warning("%d evaluations of another machine were taken up: %d messages", len(result.names), told)
