"""A call of ``mist-pipeline``, and how it ended."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ended:
    """How a command ended; ``out`` and ``err`` as printed, ``text`` both with their line breaks undone."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return " ".join(f"{self.out} {self.err}".split())


Call = Callable[..., Ended]
