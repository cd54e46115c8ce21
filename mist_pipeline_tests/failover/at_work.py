"""What machines without Dagster wrote down of their work (`turner`), and waiting for it."""

import time
from collections.abc import Callable
from pathlib import Path

WITHIN = 60.0


def moments(folder: Path, name: str) -> list[float]:
    """When a machine was at work."""
    path = folder / name
    return [float(line) for line in path.read_text().splitlines() if line] if path.exists() else []


def wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not until():
        assert time.monotonic() < deadline, "not within a minute"
        time.sleep(0.05)
