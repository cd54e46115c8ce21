"""The seam to ``delivery``: a row of the outbox, and what became of it.

Values only. Not here: sinks (``delivery.sink``), what people read (``notification`` makes it from the ledger for each
row), and keeping the rows (``ledger.outbox``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

DeliveryKind: TypeAlias = Literal["incident", "digest", "test"]
"""What a row of the outbox is about: one incident, several that quiet hours held back, or none."""

DeliveryState: TypeAlias = Literal["pending", "sending", "sent", "partly", "failed", "unknown", "dead"]
"""*pending*: not tried yet. *sending*: leased. *failed*: surely not sent, tried again. *partly*: some recipients have it, the
others are tried again alone; it holds up no later message. *unknown*: may have been sent, looked up before it is sent again.
*sent* and *dead* are final."""


@dataclass(frozen=True)
class RecipientAnswer:
    """What a receiver said of one recipient of a message.

    Attributes:
        state: It has the message (*accepted*), will never get it (*refused*), or may get it at another attempt (*later*).
        said: The receiver's words; '' where it accepted.
    """

    state: Literal["accepted", "refused", "later"]
    said: str = ""


Answers: TypeAlias = Mapping[str, RecipientAnswer]
"""Recipient → answer, where a receiver answers for each of them."""


@dataclass(frozen=True)
class Accepted:
    """The receiver has it.

    Attributes:
        reference: What the sink wants to be given with the next message about this incident (thread, issue key, dedup
            keys); replaces what is remembered of the incident at this sink.
        note: What people should know all the same, such as refused recipients.
        after_seconds: The receiver wants nothing else before; see `Retry`.
        answers: For each recipient, where the receiver says it.
    """

    reference: Mapping[str, str] = field(default_factory=dict, hash=False)
    note: str = ""
    after_seconds: float | None = None
    answers: Answers = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Partly:
    """Some recipients have it or will never get it, the others may get it later: they are tried again, and nobody else is.

    Attributes:
        error: For people.
        answers: For each recipient of this attempt.
        reference: As of `Accepted`.
        after_seconds: The receiver wants nothing before; see `Retry`.
    """

    error: str
    answers: Answers = field(hash=False)
    reference: Mapping[str, str] = field(default_factory=dict, hash=False)
    after_seconds: float | None = None


@dataclass(frozen=True)
class Retry:
    """It surely did not arrive, and may if it is sent again.

    Attributes:
        error: For people.
        after_seconds: Where the receiver says so, it wants nothing before: neither this message nor another.
    """

    error: str
    after_seconds: float | None = None


@dataclass(frozen=True)
class Unknown:
    """It may have arrived (a timeout after sending). Only ``recover`` may decide whether it is sent again.

    Attributes:
        error: For people.
        is_older: This attempt sent nothing, it only could not find out about an earlier one.
        after_seconds: The receiver wants nothing before; see `Retry`.
    """

    error: str
    is_older: bool = False
    after_seconds: float | None = None


@dataclass(frozen=True)
class Refused:
    """It will never be accepted as it is; somebody has to fix the configuration or the message."""

    error: str


Outcome = Accepted | Partly | Retry | Unknown | Refused
"""What became of one attempt. Errors are for people, and never hold a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One row of the outbox: one notification of one sink.

    Attributes:
        delivery_id: Key.
        sink: Name of the sink in the configuration.
        incident_id: What it is about; a name of its own for a digest or a test.
        kind: Whether it is about one incident, several or none.
        reason: Why: a reason of `decision.Reason`, ``digest`` or ``test``.
        sequence: 1, 2, 3 … within sink and incident.
        state: See `DeliveryState`.
        payload: What was true when it was decided: ``route``, ``severity``, ``site_ids``, ``is_over``, ``detail``;
            for a digest ``covers``, a list of the same with ``incident_id``, ``reason`` and ``sequence``, and ``counted``, how
            many more were over before they were noticed. The detail of an escalation is the person or list to reach.
            ``answers`` is added: recipient → state and words of a `RecipientAnswer`.
        created_at: When it was decided.
        due_at: Not to be sent before.
        attempts: How often it was tried, the running one included.
        last_error: Of the last attempt, or the note of an acceptance; '' without one.
        reference: What the sink gave back with the last message about this incident; empty before the first.
        sent_at: When it was accepted.
        leased_by: Which worker has it.
        leased_until: … until when. Of a row of unknown fate that no worker has: until when it may have been sent.
        unsure_since: Until when an earlier attempt may have sent it; None where none may have.
    """

    delivery_id: int
    sink: str
    incident_id: str
    reason: str
    sequence: int
    state: DeliveryState
    kind: DeliveryKind = "incident"
    payload: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime
    due_at: datetime
    attempts: int = 0
    last_error: str = ""
    reference: Mapping[str, str] = field(default_factory=dict)
    sent_at: datetime | None = None
    leased_by: str | None = None
    leased_until: datetime | None = None
    unsure_since: datetime | None = None

    @property
    def answers(self) -> dict[str, RecipientAnswer]:
        """What was said of each recipient by earlier attempts."""
        return {
            name: RecipientAnswer(said["state"], said["said"])
            for name, said in self.payload.get("answers", {}).items()
        }

    @property
    def served(self) -> frozenset[str]:
        """Recipients that need no further attempt."""
        return frozenset(name for name, answer in self.answers.items() if answer.state != "later")
