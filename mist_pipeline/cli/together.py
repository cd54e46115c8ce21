"""Processes that live together: those that the service is made of, and those that it can do without for a while.

Here: starting, watching, ending them. Not here: what they are (`services`).
"""

import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mist_pipeline.cli.console import console, errors

_LOOK_SECONDS = 0.5
_END_SECONDS = 20.0
_PAUSE_SECONDS = 60.0
"""An optional process that ended is started again after this: what kept its port may be gone by then."""


@dataclass
class Helper:
    """A process without which the others go on: it is started again after a pause.

    Attributes:
        name: For what people read.
        command: What to run.
        pause_seconds: From its end to its next start.
    """

    name: str
    command: Sequence[str]
    pause_seconds: float = _PAUSE_SECONDS
    running: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    _again_at: float = field(default=0.0, init=False)

    def watch(self, env: Mapping[str, str], now: float) -> None:
        """Say that it ended, and start it when it is time."""
        if self.running is not None and self.running.poll() is not None:
            errors.print(
                f"[yellow]![/] {self.name} ended with {self.running.returncode}; the rest goes on. "
                f"It is started again in {self.pause_seconds:g} s."
            )
            self.running = None
            self._again_at = now + self.pause_seconds
        if self.running is None and now >= self._again_at:
            self.running = subprocess.Popen(self.command, env=env)


def run_together(
    commands: Sequence[Sequence[str]],
    env: Mapping[str, str],
    helpers: Sequence[Helper] = (),
) -> bool:
    """Run processes together; when a needed one ends or somebody interrupts, end all.

    Args:
        commands: The needed ones.
        env: Their environment.
        helpers: Those that may end.

    Returns:
        Whether every needed one ended as it should.
    """
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    needed = [subprocess.Popen(command, env=env) for command in commands]
    try:
        while all(process.poll() is None for process in needed):
            for helper in helpers:
                helper.watch(env, time.monotonic())
            time.sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        console.print("Stopping …")
    finally:
        _end([*needed, *(helper.running for helper in helpers if helper.running is not None)])
    ended = {process.returncode for process in needed}
    return ended <= {0, None, -signal.SIGTERM, -signal.SIGINT}


def _end(running: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
