"""How the command line speaks: one console, one progress bar, times and paths as people read them."""

import codecs
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from mist_pipeline.domain.text import without_controls

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from mist_pipeline.cli.failures import Line

console = Console(highlight=False)
"""Standard output."""

errors = Console(stderr=True, highlight=False)
"""Standard error: progress and trouble, so that output can be piped."""


class Bar:
    """A progress bar that steps report to; satisfies ``workflows.progress.Progress``."""

    def __init__(self, progress: "Progress") -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, step: str, done: int, total: int) -> None:
        """Show ``done`` of ``total`` of a step."""
        if step not in self._tasks:
            self._tasks[step] = self._progress.add_task(step, total=total)
        self._progress.update(self._tasks[step], completed=done, total=total)


@contextmanager
def progress_bar() -> Iterator[Bar]:
    """A progress bar on standard error for the time of the block; plain where nobody watches."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        SpinnerColumn(finished_text="[green]✓[/]"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=errors, refresh_per_second=5) as progress:
        yield Bar(progress)


def shown(path: Path) -> str:
    """A path relative to the working directory where it is below it."""
    absolute = path.resolve()
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else str(absolute)


def literal(text: str) -> str:
    """Text of anybody's for a line with markup: neither markup nor what a terminal obeys."""
    return escape(without_controls(text))


def say_line(line: "Line | None") -> None:
    """Say on standard error why a command ended."""
    if line is not None:
        errors.print(f"[bold red]{line.title}:[/] {literal(line.text)}", soft_wrap=True)


_PLAIN = {
    "…": "...", "→": "->", "←": "<-", "↗": "/", "↘": "\\", "–": "-", "—": "-", "−": "-", "‑": "-", "·": "-", "✓": "+", "✗": "x",
    "≤": "<=", "≥": ">=", "×": "x", "“": '"', "”": '"', "’": "'", "‘": "'", "█": "#", "━": "-", "╸": "-", "╺": "-", "•": "*",
}  # fmt: skip
"""What this program prints beyond ASCII, as a terminal that cannot show it gets it."""


def speak_any_encoding() -> None:
    """Let both outputs print what a terminal in Latin-1 or ASCII cannot show in signs that it can, instead of failing."""
    codecs.register_error("mist_pipeline.plain", _plain_signs)
    for stream in (sys.stdout, sys.stderr):
        # An output that nobody encodes, such as one of a test, has nothing to set.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="mist_pipeline.plain")


def _plain_signs(error: UnicodeError) -> tuple[str, int]:
    """What stands for signs that an encoding lacks: their nearest in ASCII, else a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    plain = "".join(
        _PLAIN.get(sign) or unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode() or "?"
        for sign in signs
    )
    return plain, error.end


def next_commands(*commands: tuple[str, str]) -> None:
    """What to type next, with its reason."""
    console.print("\n[bold]Next[/]")
    for command, why in commands:
        console.print(f"  [cyan]{command:<48}[/] {why}", soft_wrap=True)
