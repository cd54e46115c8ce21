"""Processes that live together: those that the service is made of, and those that it can do without for a while.

Here: starting, watching, ending them. Not here: what they are (`serving`).
"""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mist_pipeline.cli.console import console, errors

if TYPE_CHECKING:
    import psutil

_LOOK_SECONDS = 0.5
_ENDED_SECONDS = 0.1
_END_SECONDS = 20.0
_STEP_SECONDS = 300.0
_PAUSE_SECONDS = 60.0
"""An optional process that ended is started again after this: what kept its port may be gone by then."""


@dataclass
class Helper:
    """A process without which the others go on: it is started again after a pause.

    Attributes:
        name: For what people read.
        command: What to run.
        pause_seconds: From its end to its next start.
        longest_seconds: It comes to its end by itself, as one that is asked for every few minutes does, and is killed when it
            takes longer; None: it should not end.
        keep_open: Descriptors that it keeps open with this process: of a lock, so that one that is left behind is found by it.
    """

    name: str
    command: Sequence[str]
    pause_seconds: float = _PAUSE_SECONDS
    longest_seconds: float | None = None
    keep_open: Sequence[int] = ()
    running: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    _again_at: float | None = field(default=None, init=False)
    _begun_at: float = field(default=0.0, init=False)

    def watch(self, env: Mapping[str, str], now: float) -> None:
        """Say that it ended where it should not, and start it when it is time."""
        if self._again_at is None:
            # What comes again and again has nothing to say before the others have begun.
            self._again_at = now if self.longest_seconds is None else now + self.pause_seconds
        if self.running is not None and self._is_over(now):
            self.running = None
            self._again_at = now + self.pause_seconds
        if self.running is None and now >= self._again_at:
            self.running = subprocess.Popen(self.command, env=env, pass_fds=self.keep_open)
            self._begun_at = now

    def _is_over(self, now: float) -> bool:
        if self.running is None:
            return True
        if self.running.poll() is not None:
            if self.longest_seconds is None:
                errors.print(
                    f"[yellow]![/] {self.name} ended with {self.running.returncode}; the rest goes on. "
                    f"It is started again in {self.pause_seconds:g} s."
                )
            return True
        if self.longest_seconds is not None and now - self._begun_at > self.longest_seconds:
            errors.print(
                f"[yellow]![/] {self.name} took longer than {self.longest_seconds:g} s and was ended."
            )
            self.running.kill()
            self.running.wait()
            return True
        return False


class ClockSteppedBackError(Exception):
    """The clock of this machine was set back; says by how much."""


class ClockWatch:
    """Notices that the clock is set back: Dagster's daemon would wait until it has caught up.

    Args:
        clock: Epoch seconds.
        steady: Seconds that nobody sets.
    """

    def __init__(
        self, clock: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock, self._steady = clock, steady
        self._difference = clock() - steady()

    def __call__(self) -> None:
        """Look at the clock.

        Raises:
            ClockSteppedBackError: It was set back by more than a few minutes.
        """
        # A machine that slept is later than the steady clock, and that is right.
        difference = self._clock() - self._steady()
        back = self._difference - difference
        self._difference = difference if back <= 0 else self._difference
        if back > _STEP_SECONDS:
            raise ClockSteppedBackError(f"{back / 60:.0f} minutes")


def hear_signals() -> None:
    """SIGTERM ends as Ctrl-C does, here and in what is started from here.

    A shell without a terminal starts what runs beside it deaf to SIGINT, which is handed on; Dagster's servers take both signals for
    the same, and would then hear neither.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def run_together(
    commands: Sequence[Sequence[str]],
    env: Mapping[str, str],
    helpers: Sequence[Helper] = (),
    keep_open: Sequence[int] = (),
    *,
    beside: "Sequence[subprocess.Popen[bytes]]" = (),
    looks: Sequence[Callable[[], None]] = (),
) -> bool:
    """Run processes together; when a needed one ends or somebody interrupts, end all.

    Args:
        commands: The needed ones.
        env: Their environment.
        helpers: Those that may end.
        keep_open: Descriptors that the needed ones keep open with this process: of a lock.
        beside: Needed ones that run already.
        looks: What else is looked after all the while.

    Returns:
        Whether every needed one ended as it should.
    """
    hear_signals()
    started = [subprocess.Popen(command, env=env, pass_fds=keep_open) for command in commands]
    needed = [*beside, *started]
    try:
        while True:
            for helper in helpers:
                helper.watch(env, time.monotonic())
            for look in looks:
                look()
            if any(process.poll() is not None for process in needed):
                break
            time.sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        console.print("Stopping …")
    finally:
        end([*reversed(needed), *(helper.running for helper in helpers if helper.running is not None)])
    ended = {process.returncode for process in needed}
    return ended <= {0, None, -signal.SIGTERM, -signal.SIGINT}


def end(running: "Sequence[subprocess.Popen[bytes]]") -> None:
    """End processes and all that they started, for a run that waits for an hour would be waited for."""
    import psutil

    started = [one for process in running if process.poll() is None for one in _started_by(process.pid)]
    for process in running:
        process.terminate()
    for one in started:
        with suppress(psutil.NoSuchProcess):
            one.terminate()
    deadline = time.monotonic() + _END_SECONDS
    while time.monotonic() < deadline and (
        any(process.poll() is None for process in running) or any(map(_lives, started))
    ):
        time.sleep(_ENDED_SECONDS)
    for one in started:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    for process in running:
        process.kill()
        process.wait()


def kill_started(pid: int) -> None:
    """Kill all that a process has started, at once: nothing of it may go on for even a second."""
    import psutil

    for one in _started_by(pid):
        with suppress(psutil.NoSuchProcess):
            one.kill()


def _lives(process: "psutil.Process") -> bool:
    import psutil

    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _started_by(pid: int) -> "list[psutil.Process]":
    import psutil

    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
