"""The term of the active one of several machines, as its processes know it: a file that says until when they may go on.

The daemon renews the lease (``alerts.machines``) and moves that instant on. Every process that acts for the active machine looks at it twice a
second and kills itself once it is over, whatever became of the daemon: killed, paused, cut off from the database. A process that was
paused itself ends as soon as it wakes up. Instants are seconds since the machine started, in which a suspended machine's sleep counts, and which
nobody sets. Where one machine works alone there is no such file, and nothing of this happens.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "MIST_PIPELINE_TERM"
"""Variable of the environment with the number of the term and the path of its file: ``7:/tmp/…/7``."""

LOOK_SECONDS = 0.5


def steady() -> float:
    """Seconds that nobody sets and that go on while the machine sleeps."""
    number = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(number)


@dataclass(frozen=True)
class Term:
    """A term of this machine.

    Attributes:
        number: As the lease has it.
        path: The file.
    """

    number: int
    path: Path

    @property
    def variable(self) -> str:
        """What processes of this term have in their environment."""
        return f"{self.number}:{self.path}"

    def extend(self, until: float) -> None:
        """Let its processes go on until then (`steady`)."""
        fresh = self.path.with_name(f".{self.path.name}")
        fresh.write_text(repr(until), encoding="ascii")
        fresh.replace(self.path)

    def end(self) -> None:
        """Let no process of it go on."""
        self.path.unlink(missing_ok=True)

    def is_over(self, now: float) -> bool:
        """Whether its processes have to end; also where nobody can say."""
        try:
            return now >= float(self.path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return True


def current_term(environment: Mapping[str, str] = os.environ) -> Term | None:
    """The term under which this process was started; None where one machine works alone.

    Raises:
        ValueError: The variable holds something else.
    """
    text = environment.get(VARIABLE, "")
    if not text:
        return None
    number, _, path = text.partition(":")
    if not number.isdigit() or not path:
        raise ValueError(f"{VARIABLE} is {text!r}: the daemon sets it, nobody else")
    return Term(int(number), Path(path))


def kill_self() -> None:
    """End this process at once: what it would still do, another machine does now."""
    os.kill(os.getpid(), signal.SIGKILL)


def end_with_term(
    over: Callable[[], None] = kill_self,
    *,
    clock: Callable[[], float] = steady,
    wait: Callable[[float], None] = time.sleep,
) -> threading.Thread | None:
    """From now on, end this process with the term under which it was started; a fork has to call it anew.

    Args:
        over: Ends it.
        clock: As `steady`.
        wait: Waits for so many seconds.

    Returns:
        The thread that looks; None where one machine works alone.
    """
    term = current_term()
    if term is None:
        return None

    if term.is_over(clock()):
        over()

    def look() -> None:
        while not term.is_over(clock()):
            wait(LOOK_SECONDS)
        over()

    watching = threading.Thread(target=look, name="term", daemon=True)
    watching.start()
    return watching
