"""What machines without Dagster wrote down of their work (`turner`), and waiting for it."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

WITHIN = 240.0
"""Seconds for what takes a few: a machine on which it takes longer is no machine for tests."""


class Moment(NamedTuple):
    """A moment at which a machine was at work.

    Attributes:
        at: Seconds since the machine under all of them started.
        term: Number of the term for which it worked.
    """

    at: float
    term: int


def moments(folder: Path, name: str) -> list[Moment]:
    """When a machine was at work."""
    path = folder / name
    if not path.exists():
        return []
    # The last line may be under way.
    whole = path.read_text().rpartition("\n")[0].splitlines()
    return [Moment(float(at), int(term)) for at, term in map(str.split, whole)]


def are_in_turn(found: Sequence[Moment]) -> bool:
    """Whether all work for a term was done before any for a later one.

    >>> are_in_turn([Moment(2.0, 2), Moment(1.0, 1), Moment(3.0, 2)])
    True
    >>> are_in_turn([Moment(1.0, 1), Moment(2.0, 2), Moment(2.1, 1)])
    False
    """
    terms = [term for _, term in sorted(found)]
    return terms == sorted(terms)


def wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not until():
        assert time.monotonic() < deadline, f"not within {WITHIN:.0f} s"
        time.sleep(0.05)
