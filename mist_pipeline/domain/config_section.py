"""What every part of the configuration has in common: a misspelt key is an error, and values do not change.

The parts themselves stand in the rooms that they configure; ``settings`` loads and composes them.

>>> spelt(("notifications", "routes", 0, "sinks"))
'notifications.routes[0].sinks'
>>> hint("critcal", ["critical", "major"])
"did you mean 'critical'?"
"""

import difflib
from collections.abc import Iterable
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict

Place: TypeAlias = tuple[str | int, ...]
"""Where something stands: keys, and numbers in lists."""


class Section(BaseModel):
    """A part of the configuration."""

    # What a section is checked with is built when it is first used: most sinks and ticket systems are not configured.
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, defer_build=True)


class PlacedError(ValueError):
    """A value is wrong that only a section further up can check, because it concerns several of its parts.

    Attributes:
        place: Where, seen from that section.
        text: What is wrong, and how to fix it.
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
    """The known name that is nearest to a wrong one, or all known names."""
    there = sorted(known)
    near = difflib.get_close_matches(name, there, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(there) or 'none'}"
