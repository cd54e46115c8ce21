r"""Text as Jira takes it: Atlassian Document Format (Cloud, API v3) and wiki markup in plain text (Data Center, v2).

Input are the lines of `ticket_text`:

>>> print(wiki("# Affected\n- Store [1] is down"))
h3. Affected
<BLANKLINE>
* Store \[1\] is down
>>> [block["type"] for block in adf("# Affected\n- Store [1] is down")["content"]]
['heading', 'bulletList']

Not here: which text goes into which issue. Source of the format: Atlassian, "Atlassian Document Format", document structure
version 1.
"""

import json
import re
from collections.abc import Iterator
from typing import TypeAlias

from mist_pipeline.delivery.tickets.ticket_text import LINK

TEXT_LIMIT = 32_767
"""Longest description or comment."""
SUMMARY_LIMIT = 255

Adf: TypeAlias = "dict[str, str | int | dict[str, str | int] | list[Adf]]"

_WIKI = re.compile(r"[\\{}\[\]!|*_~^]")


def length(text: str) -> int:
    """Length as Java counts it: UTF-16 units, so that an emoji counts twice."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def clip(text: str, limit: int) -> str:
    """The text within a limit of UTF-16 units, with an ellipsis where it was cut."""
    if length(text) <= limit:
        return text
    while length(text) > limit - 1:
        text = text[: -max(1, (length(text) - limit) // 2)]
    return text.rstrip() + "…"


def adf(text: str) -> Adf:
    """An ADF document. Values become text nodes, which Jira shows as they are."""
    content: list[Adf] = []
    for kind, lines in _blocks(text):
        if kind == "heading":
            content.append({"type": "heading", "attrs": {"level": 3}, "content": _inline(lines[0])})
        elif kind == "list":
            items: list[Adf] = [{"type": "listItem", "content": [_paragraph([line])]} for line in lines]
            content.append({"type": "bulletList", "content": items})
        else:
            content.append(_paragraph(lines))
    return {"type": "doc", "version": 1, "content": content}


def adf_fits(text: str) -> bool:
    """Whether its ADF document is within the limit, counting the whole JSON: the strictest reading of the limit."""
    return length(json.dumps(adf(text), ensure_ascii=False, separators=(",", ":"))) <= TEXT_LIMIT


def wiki(text: str) -> str:
    """Wiki markup in which values cannot start macros, links, images or mentions."""
    lines: list[str] = []
    for kind, block in _blocks(text):
        prefix = {"heading": "h3. ", "list": "* ", "text": ""}[kind]
        lines += [prefix + _wiki_line(line) for line in block]
        lines.append("")
    return "\n".join(lines).rstrip()


def wiki_fits(text: str) -> bool:
    """Whether its wiki markup is within the limit."""
    return length(wiki(text)) <= TEXT_LIMIT


def _blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    """Runs of lines of one kind: heading (one line), list, text (ended by an empty line)."""
    kind, block = "text", list[str]()
    for line in [*text.split("\n"), ""]:
        of = "heading" if line.startswith("# ") else "list" if line.startswith("- ") else "text"
        if block and (of != kind or of == "heading" or not line.strip()):
            yield kind, block
            block = []
        if line.strip():
            kind = of
            block.append(line[2:] if of != "text" else line)


def _paragraph(lines: list[str]) -> Adf:
    content: list[Adf] = []
    for number, line in enumerate(lines):
        if number:
            content.append({"type": "hardBreak"})
        content += _inline(line)
    return {"type": "paragraph", "content": content}


def _inline(line: str) -> list[Adf]:
    """Text nodes (never empty, which Jira refuses) and links."""
    nodes: list[Adf] = []
    end = 0
    for link in LINK.finditer(line):
        if link.start() > end:
            nodes.append({"type": "text", "text": line[end : link.start()]})
        marks: list[Adf] = [{"type": "link", "attrs": {"href": link[2]}}]
        nodes.append({"type": "text", "text": link[1] or link[2], "marks": marks})
        end = link.end()
    if end < len(line):
        nodes.append({"type": "text", "text": line[end:]})
    return nodes


def _wiki_line(line: str) -> str:
    """One line with its special characters escaped, except in the addresses of links."""
    parts: list[str] = []
    end = 0
    for link in LINK.finditer(line):
        parts += [_escape(line[end : link.start()]), f"{_escape(link[1])} – {link[2]}"]
        end = link.end()
    return "".join([*parts, _escape(line[end:])])


def _escape(text: str) -> str:
    return _WIKI.sub(r"\\\g<0>", text)
