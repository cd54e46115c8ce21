"""Severities in one order with one rank, and the status word that people use for each.

A *severity* belongs to a reading, a finding or an alert; a *status* is what a site is called because of it. Scores
become severities in ``analysis.scores``.

>>> sorted(["major", "info", "critical"], key=rank, reverse=True)
['critical', 'major', 'info']
>>> worst(["warning", "major"]), milder("warning", "major")
('major', 'warning')
>>> STATUS_OF_SEVERITY["major"], status_of(None)
('UNHEALTHY', 'UNKNOWN')
"""

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["info", "warning", "major", "critical"]

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "major", "critical")
"""Mildest first."""

WORST_FIRST: tuple[Severity, ...] = SEVERITIES[::-1]

TROUBLE: tuple[Severity, ...] = WORST_FIRST[:-1]
"""Severities below whose threshold a score has fallen, worst first; info is no trouble."""

RANKS: Mapping[str, int] = {name: place for place, name in enumerate(SEVERITIES)}
"""Severity → how bad it is: info 0 … critical 3. For frames; for single values there is `rank`."""

UNRANKED = -1
"""Where sorting puts what has no severity: below every one that has."""

UNKNOWN = "UNKNOWN"

STATUS_OF_SEVERITY: Mapping[str, str] = {
    "critical": "CRITICAL",
    "major": "UNHEALTHY",
    "warning": "DEGRADED",
    "info": "HEALTHY",
}
"""What people call a site, or one metric of it, with this severity; worst first."""

SEVERITIES_IN_WORDS = ", ".join(f"{severity} is {status}" for severity, status in STATUS_OF_SEVERITY.items())
"""The line that says which severity is which status, for those who read both words."""

SEVERITY_OF_STATUS: Mapping[str, str] = {status: severity for severity, status in STATUS_OF_SEVERITY.items()}
"""The way back; UNKNOWN has no severity."""

STATUSES: tuple[str, ...] = (*STATUS_OF_SEVERITY.values(), UNKNOWN)
"""Every status, worst first, and what is not known at the end."""


def rank(severity: str) -> int:
    """How bad a severity is: info 0 … critical 3.

    Raises:
        ValueError: For a word that is no severity.
    """
    try:
        return RANKS[severity]
    except KeyError:
        raise ValueError(f"{severity!r} is no severity; use one of {', '.join(SEVERITIES)}") from None


def worst(severities: Iterable[Severity]) -> Severity:
    """The worst of several severities; info of none."""
    return max(severities, key=rank, default="info")


def milder(one: Severity, other: Severity) -> Severity:
    """The milder of two severities."""
    return one if rank(one) <= rank(other) else other


def status_of(severity: str | None) -> str:
    """The status word of a severity; UNKNOWN for none."""
    return STATUS_OF_SEVERITY.get(severity or "", UNKNOWN)
