"""The buttons of a message in Slack, with which people take an incident and say what they think of it.

Here: their names, the block that shows them. Not here: what Slack sends when one is pressed (`inbound`), and what follows
(``workflows.notifying.pressed``).
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from mist_pipeline.delivery.message import Message

Answer = Literal["right", "wrong", "known", "planned"]
Action = Literal["acknowledge"] | Answer

ACTIONS: tuple[Action, ...] = ("acknowledge", *get_args(Answer))
"""What a button does, the first with the incident; the others say what somebody thinks of it."""
_ANSWERS: Mapping[Answer, str] = {
    "right": "Right",
    "wrong": "Wrong alarm",
    "known": "Known",
    "planned": "Planned work",
}
PREFIX = "mist-pipeline:"
"""Of the names of our buttons: an app may have others."""

_ABOUT_NO_INCIDENT = frozenset({"digest", "test"})


def buttons(message: Message) -> list[dict[str, Any]]:
    """The block of a message's buttons, none for one that is about no single incident."""
    if message.reason in _ABOUT_NO_INCIDENT:
        return []
    elements = [_button(message, name, text) for name, text in _ANSWERS.items()]
    if message.incident.status == "open":
        elements.insert(0, {**_button(message, "acknowledge", "Acknowledge"), "style": "primary"})
    return [{"type": "actions", "elements": elements}]


def _button(message: Message, name: Action, text: str) -> dict[str, Any]:
    return {
        "type": "button",
        "text": {"type": "plain_text", "text": text, "emoji": False},
        "action_id": f"{PREFIX}{name}",
        "value": message.incident.incident_id,
    }
