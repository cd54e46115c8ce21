"""The seam to ``delivery``: a row of the outbox, and what became of it.

Here: values. Not here: any sink (``delivery.sink``), what people read (made from the ledger for each row), and the rows
themselves (`outbox`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Verdict = Literal["accepted", "retry", "unknown", "refused"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one delivery.

    Attributes:
        verdict: accepted: the other side has it. retry: it has not, and may take it later (5xx, 429, no connection).
            unknown: it may have it (a timeout after the request was sent); must be looked up before anything is sent
            again. refused: it will never take it (400, 401, a missing address).
        because: Named reason, for people and for ``last_error``; never a secret.
        retry_at: For retry: not before; None: the outbox decides (back-off).
        reference: For accepted: what the sink wants to be given with the next message about this incident (thread, issue
            key, dedup keys); replaces what it gave before.
    """

    verdict: Verdict
    because: str = ""
    retry_at: datetime | None = None
    reference: Mapping[str, str] | None = None


def accepted(reference: Mapping[str, str] | None = None) -> Outcome:
    """The other side has it."""
    return Outcome("accepted", reference=reference)


def retry(because: str, at: datetime | None = None) -> Outcome:
    """Not taken, and worth trying again."""
    return Outcome("retry", because, retry_at=at)


def unknown(because: str) -> Outcome:
    """Perhaps taken."""
    return Outcome("unknown", because)


def refused(because: str) -> Outcome:
    """Not taken, and never will be."""
    return Outcome("refused", because)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One row of the outbox: one thing to tell one sink.

    Attributes:
        delivery_id: Key.
        sink: Name of the sink in the configuration.
        incident_id: What it is about; ``digest-…`` for a digest, ``test-…`` for a test.
        reason: Why it is told: a reason of `telling.Reason`, ``digest`` or ``test``.
        sequence: 1, 2, 3 … within sink and incident.
        state: pending, sending, sent, failed, unknown or dead.
        payload: What was true when it was decided: ``route``, ``severity``, ``site_ids``, ``is_over``, ``detail``;
            for a digest ``covers``, a list of the same with ``incident_id``, ``reason`` and ``sequence``. The detail of an
            escalation is the person or list to reach.
        created_at: When it was decided.
        due_at: Not to be sent before.
        attempts: How often it was tried, the running one included.
        last_error: Of the last attempt, '' without one.
        reference: What the sink gave back with the last message about this incident; empty before the first.
        sent_at: When it was accepted.
        leased_by: Which worker has it.
        leased_until: … until when.
    """

    delivery_id: int
    sink: str
    incident_id: str
    reason: str
    sequence: int
    state: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime
    due_at: datetime
    attempts: int = 0
    last_error: str = ""
    reference: Mapping[str, str] = field(default_factory=dict)
    sent_at: datetime | None = None
    leased_by: str | None = None
    leased_until: datetime | None = None
