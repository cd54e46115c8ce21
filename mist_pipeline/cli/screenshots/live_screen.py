"""The live screen as SVG, as Textual exports it."""

import asyncio
import re
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from mist_pipeline.overview.actions import Actions, Questions

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from mist_pipeline.watch.app import WatchApp

_FONT = re.compile(r"@font-face\s*\{[^}]*\}\s*")
_SECONDS = 60.0


def pictures(
    questions: Questions, actions: Actions, clock: Callable[[], datetime], size: tuple[int, int]
) -> dict[str, str]:
    """The screen with all sites, and the first site opened.

    Args:
        questions: The read model.
        actions: Decisions; none is made.
        clock: Tells the time.
        size: Columns and rows.

    Returns:
        ``watch`` and ``watch-site`` → SVG.

    Raises:
        TimeoutError: There was no answer within a minute.
    """
    from mist_pipeline.watch.app import WatchApp
    from mist_pipeline.watch.main_screen import MainScreen

    async def session() -> dict[str, str]:
        app = WatchApp(questions, actions, clock, MainScreen, every=600)
        async with app.run_test(size=size) as pilot:
            await _until(pilot, lambda: app.now is not None)
            found = {"watch": _svg(app)}
            await pilot.press("enter")
            await _until(pilot, lambda: "Service levels" in _text(app))
            return {**found, "watch-site": _svg(app)}

    return asyncio.run(session())


async def _until(pilot: "Pilot[None]", is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        await pilot.pause()
        if is_so():
            await pilot.pause()
            return
        await asyncio.sleep(0.05)
    raise TimeoutError(f"The live screen had no answer within {_SECONDS:.0f} s")


def _text(app: "WatchApp") -> str:
    """What the page of one thing says; '' on another screen."""
    from textual.widgets import Static

    return "".join(str(found.content) for found in app.screen.query("#text").results(Static))


def _svg(app: "WatchApp") -> str:
    return without_fonts(app.export_screenshot(title="mist-pipeline watch"))


def without_fonts(svg: str) -> str:
    """The picture without fonts from the network: the reader's own fixed-width one is as good.

    >>> without_fonts("<style>@font-face { src: url(https://x) } .a { fill: red }</style>")
    '<style>.a { fill: red }</style>'
    """
    return _FONT.sub("", svg)
