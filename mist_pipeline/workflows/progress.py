"""Who is told how far a long step is."""

from typing import Protocol

ASKING = "asking the cloud"
"""The step that asks the cloud about days; its units are requests."""


class Progress(Protocol):
    """Who wants to know how far a long step is."""

    def __call__(self, step: str, done: int, total: int) -> None:
        """``done`` of ``total`` units of a step are finished."""


def silent(step: str, done: int, total: int) -> None:
    """Progress that nobody watches."""
