"""An incident as Slack blocks (Block Kit), within all limits for any size of incident and any name.

Limits, from Slack's reference: 50 blocks, 150 characters in a header, 3,000 in a section, 10 fields of 2,000; the whole
message is refused (``msg_blocks_too_long``) near 13,000.
"""

import json
from collections.abc import Sequence
from typing import Any, TypeAlias

from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.delivery.sinks.slack.buttons import buttons
from mist_pipeline.domain.text import clean, clipped, instant

Block: TypeAlias = dict[str, Any]

_WHOLE = 12_000
_SECTION = 2_900
_HEADER = 150
_LINE = 300
_FACT = 400
_MOST_STEPS = 5
_MOST_LINES = 300
_SECTIONS_FOR_LINES = 5
# What a block takes beside its text.
_FRAME = 120

_SIGNS = {"critical": "🔴", "major": "🟠", "warning": "🟡", "info": "🔵"}


def escaped(text: str) -> str:
    """Slack's own three: text that holds no link, mention or command afterwards."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fallback(message: Message) -> str:
    """The text of notifications, and of clients that show no blocks."""
    return escaped(wording.headline(message))


def incident_blocks(message: Message, *, has_buttons: bool = False) -> list[Block]:
    """The incident as it is now: headline, why, facts, steps, as many children as fit, links; with buttons if wanted."""
    incident = message.incident
    sign = "✅" if incident.status == "resolved" else _SIGNS[incident.severity]
    header = clipped(f"{sign} {wording.headline(message)}", _HEADER)
    fields = [
        _mrkdwn(f"*{name}*\n{escaped(clipped(value, _FACT))}") for name, value in wording.facts(incident)
    ]
    top: list[Block] = [
        {"type": "header", "text": {"type": "plain_text", "text": header, "emoji": False}},
        _section(escaped(wording.why(message))),
        {"type": "section", "fields": fields[:10]},
    ]
    bottom = [*(buttons(message) if has_buttons else ()), _footer(message)]
    left = _WHOLE - _size(top) - _size(bottom)
    helpful = [f"{number}. {_line(step)}" for number, step in enumerate(wording.steps(incident), 1)]
    if helpful and wording.over_since(incident) is None:
        budget = min(_SECTION, left // 2)
        listed = wording.fitting(helpful, budget, _MOST_STEPS, _cost)
        top.append(_section("\n".join(["*What usually helps*", *listed])))
        left -= _size(top[-1:])
    return [*top, *_children(message, left), *bottom]


def change_blocks(message: Message) -> list[Block]:
    """What has changed, for the incident's thread."""
    where = clipped(wording.places(message.incident), 500) if message.incident.alerts else ""
    impact = clipped(wording.impact_of(message.incident), 500)
    lines = [
        f"*{escaped(wording.headline(message))}*",
        escaped(wording.why(message)),
        escaped(where),
        escaped(impact),
    ]
    return [_section("\n".join(line for line in lines if line)), _footer(message)]


def _children(message: Message, budget: int) -> list[Block]:
    lines = [f"• {_line(line)}" for line in wording.lines_of(message.incident)]
    room = budget - _SECTIONS_FOR_LINES * _FRAME
    listed = wording.fitting(lines, room, _MOST_LINES, _cost) if lines else []
    return [_section(text) for text in _packed(listed)]


def _packed(lines: Sequence[str]) -> list[str]:
    """Lines joined to texts that fit into a section each."""
    texts: list[str] = []
    for line in lines:
        if texts and len(texts[-1]) + 1 + len(line) <= _SECTION:
            texts[-1] += "\n" + line
        else:
            texts.append(line)
    return texts


def _footer(message: Message) -> Block:
    addresses = [f"<{escaped(url)}|{name}>" for name, url in wording.links(message.incident)]
    incident_id = escaped(clean(message.incident.incident_id, 80))
    about = f"Incident {incident_id}, message {message.sequence}, {instant(message.incident.updated_at)}"
    return {"type": "context", "elements": [_mrkdwn(text) for text in (*addresses, about)]}


def _section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> Block:
    # verbatim: nothing in a name becomes a link or a mention.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _line(text: str) -> str:
    return escaped(clipped(text, _LINE))


def _cost(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False))


def _size(blocks: Sequence[Block]) -> int:
    return len(json.dumps(blocks, ensure_ascii=False))
