"""The plain text of a report as items: what was wrapped at 72 columns is one line again."""

import re
from collections.abc import Iterator

_CONTINUES = re.compile(r" {6,}(?!· |\d+\. |mist-pipeline |[\d.,]+  )\S")


def unwrapped(text: str) -> str:
    """The text with every item on one line."""
    lines: list[str] = []
    for line in text.splitlines():
        if lines and lines[-1].strip() and _CONTINUES.match(line):
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line)
    return "\n".join(lines)


def section(text: str, title: str) -> Iterator[str]:
    """The items of the section whose heading begins so."""
    here = False
    for line in unwrapped(text).splitlines():
        if line.endswith("───"):
            here = line.startswith(title)
        elif here and line.strip():
            yield line
