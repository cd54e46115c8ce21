"""What every part of the configuration has in common: a misspelt key is an error, and values do not change."""

import difflib
from collections.abc import Iterable
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

Severity: TypeAlias = Literal["info", "warning", "major", "critical"]

Place: TypeAlias = tuple[str | int, ...]
"""Where something stands: keys, and numbers in lists."""


class Section(BaseModel):
    """A part of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class PlacedError(ValueError):
    """Something is wrong below the section that notices it, since only that one knows both sides.

    Attributes:
        place: Where, seen from that section.
        text: What, and how to mend it.
    """

    def __init__(self, place: Place, text: str) -> None:
        self.place = place
        self.text = text
        super().__init__(f"{spelt(place)}: {text}")


def spelt(place: Place) -> str:
    """``notifications.routes[0].sinks``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return "".join(parts).removeprefix(".")


def hint(name: str, known: Iterable[str]) -> str:
    """What somebody may have meant, or what there is."""
    there = sorted(known)
    near = difflib.get_close_matches(name, there, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(there) or 'none'}"
