"""How the command line speaks: one console, one progress bar, times and paths as people read them."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from mist_pipeline.domain.text import without_controls

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

console = Console(highlight=False)
"""Standard output."""

errors = Console(stderr=True, highlight=False)
"""Standard error: progress and trouble, so that output can be piped."""


class Format(StrEnum):
    """How rows are printed."""

    table = "table"
    csv = "csv"
    json = "json"


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


def next_commands(*commands: tuple[str, str]) -> None:
    """What to type next, with its reason."""
    console.print("\n[bold]Next[/]")
    for command, why in commands:
        console.print(f"  [cyan]{command:<48}[/] {why}", soft_wrap=True)
