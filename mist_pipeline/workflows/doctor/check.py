"""What one check says."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Verdict = Literal["fine", "doubtful", "wrong"]
FINE: Verdict = "fine"
DOUBTFUL: Verdict = "doubtful"
WRONG: Verdict = "wrong"


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        verdict: fine, doubtful (it works, but not for long or not well), wrong (no run will succeed).
        subject: What was checked.
        found: What there is.
        fix: What to do, '' where nothing is to be done.
    """

    verdict: Verdict
    subject: str
    found: str
    fix: str = ""


Shown = Callable[[Path], str]
"""How a path is written."""
