"""."""

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["info", "warning", "major", "critical"]


SEVERITIES: tuple[Severity, ...] = ("info", "warning", "major", "critical")
"""Mildest first."""


_RANK: Mapping[str, int] = {name: rank for rank, name in enumerate(SEVERITIES)}


def rank(severity: str) -> int:
    """How bad a severity is: info 0 … critical 3.

    Raises:
        ValueError: For a word that is no severity.
    """
    try:
        return _RANK[severity]
    except KeyError:
        raise ValueError(f"{severity!r} is no severity; use one of {', '.join(SEVERITIES)}") from None


def worst(severities: Iterable[Severity]) -> Severity:
    """The worst of several severities; info of none."""
    return max(severities, key=rank, default="info")


def milder(one: Severity, other: Severity) -> Severity:
    """The milder of two severities."""
    return one if rank(one) <= rank(other) else other
