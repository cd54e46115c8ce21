r"""A message as Markdown, for services that show it: the same words as in plain text, within any limit.

Here: the markup, and taking its meaning out of what people typed. Not here: the words (``delivery.rendering.wording``), and
which services are sent Markdown (`sink`).

>>> escaped("Store_1 *now* [x](y)")
'Store\\_1 \\*now\\* \\[x\\](y)'
"""

import re
from collections.abc import Callable

from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.domain.text import clipped

_MARKUP = re.compile(r"([\\`*_\[\]#|~])")
_MOST_LINES = 300
_LINE = 300


def escaped(text: str) -> str:
    """Text in which nothing is markup."""
    return _MARKUP.sub(r"\\\1", text)


def markdown(message: Message, budget: int, harmless: Callable[[str], str]) -> str:
    """The whole message: headline, why, facts, alerts, steps, links; of alerts as many as fit.

    Args:
        message: The message.
        budget: Characters that it may have.
        harmless: Takes out of a text what would mention people.
    """

    def said(text: str) -> str:
        return escaped(harmless(clipped(text, _LINE)))

    incident = message.incident
    head = [f"**{said(wording.headline(message))}**", "", said(wording.why(message))]
    facts = [f"- **{name}:** {said(value)}" for name, value in wording.facts(incident)]
    steps = [f"{number}. {said(step)}" for number, step in enumerate(wording.steps(incident), 1)]
    links = [f"[{name}]({_in_link(url)})" for name, url in wording.links(incident)]
    about = f"Incident {said(incident.incident_id)}, message {message.sequence}"
    alerts = [f"- {said(line)}" for line in wording.lines_of(incident)]
    parts = ["\n".join(head), "\n".join(facts)]
    tail = [" · ".join([*links, about])]
    if steps and wording.over_since(incident) is None:
        tail.insert(0, "\n".join(["**What usually helps**", "", *steps]))
    # What does not fit is left out by parts: a link that is cut would be none.
    while len(parts) + len(tail) > 1 and _length([*parts, *tail]) > budget:
        (tail or parts).pop(0 if tail else -1)
    left = budget - _length([*parts, *tail]) - len("\n\n**Alerts**\n\n")
    if alerts and left > 0 and len(parts) > 1:
        fitting = wording.fitting(alerts, left, _MOST_LINES)
        parts.append("\n".join(["**Alerts**", "", *fitting]))
    whole = "\n\n".join([*parts, *tail])
    return whole if len(whole) <= budget else clipped(harmless(wording.headline(message)), budget)


def _length(parts: list[str]) -> int:
    return len("\n\n".join(parts))


def _in_link(url: str) -> str:
    return url.replace("@", "%40").replace("(", "%28").replace(")", "%29")
