"""What the terminal can show: its width, and whether more than ASCII."""

import os
import sys
from typing import TYPE_CHECKING

import typer

from mist_pipeline.cli.console import console

if TYPE_CHECKING:
    from mist_pipeline.watch.glyphs import Glyphs

FILE_WIDTH = 120
"""Of a screen that is printed into a file."""


def width() -> int:
    """Places of a line of a whole screen."""
    return console.width if console.is_terminal else FILE_WIDTH


def glyphs(*, ascii_only: bool = False) -> "Glyphs":
    """The signs that can be shown."""
    from mist_pipeline.watch.glyphs import ASCII, UNICODE

    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    can = encoding.startswith("utf") and os.environ.get("TERM") != "linux"
    return ASCII if ascii_only or not can else UNICODE


def need_terminal() -> None:
    """Refuse a screen where there is no terminal: it is drawn on standard error, keys come from standard input.

    Raises:
        BadParameter: There is none.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):
        raise typer.BadParameter("needs a terminal; --once prints the screen, --json its data")
