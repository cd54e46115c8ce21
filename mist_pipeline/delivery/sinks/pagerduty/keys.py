"""Dedup keys of ours: what PagerDuty calls an alert that one of our messages opened, and what the message was about.

>>> incident_id_of("mist-pipeline:1a2b3c4d5e6f7a8b:2"), incident_id_of("grafana:7")
('1a2b3c4d5e6f7a8b', None)

A key names the subject of a message and nothing else of it: what kind of message it was, and whether there is such an
incident, only the ledger knows. Not here: when a message gets a key of its own (`sink`).
"""

from mist_pipeline.delivery.message import Message

_PREFIX = "mist-pipeline"
_LONGEST = 255


def dedup_key(message: Message) -> str:
    """A key that no other message of the incident has, the same for every attempt."""
    # Calls of escalations are counted for themselves.
    number = f"call-{message.sequence}" if message.reason == "escalation" else f"{message.sequence}"
    return f"{_PREFIX}:{message.incident.incident_id}:{number}"[:_LONGEST]


def incident_id_of(key: str) -> str | None:
    """What the message of a key of ours is about, None for a foreign key."""
    match key.split(":"):
        case [prefix, incident_id, number] if prefix == _PREFIX and incident_id and number:
            return incident_id
        case _:
            return None
