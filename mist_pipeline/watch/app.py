"""The application: reads in a thread, shows every screen what it was told last, asks before it decides.

Not here: what the screens show (`main_screen`, `page_screens`).
"""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from threading import Thread
from typing import ClassVar, TypeVar

from rich.text import Text
from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Static

from mist_pipeline.domain.text import ID_LENGTH, clean
from mist_pipeline.overview.actions import ActionFailedError, Actions, Questions
from mist_pipeline.overview.ledger import UnreadableError
from mist_pipeline.overview.model import Now
from mist_pipeline.watch.browser import NO_PAGES, Pages
from mist_pipeline.watch.changes import Changes
from mist_pipeline.watch.dialogs import (
    AskComment,
    AskSilence,
    Confirm,
    Help,
    Thought,
    Wanted,
    silence_question,
)
from mist_pipeline.watch.glyphs import UNICODE, Glyphs
from mist_pipeline.watch.lines import whole_keys

T = TypeVar("T")

_SLOW_SECONDS = 5.0
"""A source that takes longer is said to be slow."""


class WatchApp(App[None]):
    """The live screen.

    Args:
        questions: The read model.
        actions: Decisions of whoever sits there.
        clock: Tells the time.
        first: Makes the screen that it begins with.
        every: Seconds between two answers.
        glyphs: Signs.
        bell: Whether the terminal rings when something gets worse.
        pages: Where the same is seen in a browser.
    """

    TITLE = "mist-pipeline watch"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { background: #0e1318; color: #e6ebef; }
    #head, #incident-heading, #site-heading, #foot { height: auto; padding: 0; }
    #incidents { height: auto; max-height: 5; overflow-x: hidden; }
    #sites { height: 1fr; overflow-x: hidden; scrollbar-gutter: stable; }
    Lines, VerticalScroll { scrollbar-size: 1 1; scrollbar-color: #5b6670; scrollbar-background: #161d24; }
    #site-heading { background: #1c242c; }
    #foot { background: #1c242c; dock: bottom; }
    #filter { display: none; height: 1; border: none; padding: 0 1; background: #2a343d; }
    #filter.shown { display: block; }
    #page { height: 1fr; padding: 0 1; }
    Help, Confirm, AskSilence, AskComment { align: center middle; background: #0e1318 60%; }
    .box { width: 76; max-width: 100%; height: auto; max-height: 90%; padding: 0 2; background: #161d24; border: solid #98a5b0; }
    .box Input { border: none; height: 1; padding: 0 1; background: #2a343d; margin: 0 0 1 0; }
    .box Static { height: auto; }
    #keys { margin: 1 0 0 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+c", "quit", show=False, priority=False),
        Binding("question_mark", "help", show=False),
        Binding("r", "read", show=False),
    ]

    def __init__(
        self,
        questions: Questions,
        actions: Actions,
        clock: Callable[[], datetime],
        first: "Callable[[], WatchScreen]",
        *,
        every: float = 10.0,
        glyphs: Glyphs = UNICODE,
        bell: bool = False,
        pages: Pages = NO_PAGES,
    ) -> None:
        super().__init__()
        self.questions = questions
        self.actions = actions
        self.clock = clock
        self._first = first
        self.every = every
        self.glyphs = glyphs
        self.rings = bell
        self.pages = pages
        self.now: Now | None = None
        self.changes = Changes()
        self.message = ""
        self._asked_at: float | None = None
        self._answered_at = 0.0

    def on_mount(self) -> None:
        """Ask for the first time, and look at the clock every second."""
        self.push_screen(self._first())
        self.action_read()
        self.set_interval(1.0, self._tick)

    def _tick(self) -> None:
        is_idle = self._asked_at is None
        if is_idle and time.monotonic() - self._answered_at >= self.every:
            self.action_read()
        for screen in self.screen_stack:
            if isinstance(screen, WatchScreen):
                screen.tick()

    def action_read(self) -> None:
        """Ask, unless an answer is awaited: a source that is dead must not pile up questions."""
        if self._asked_at is None:
            self._asked_at = time.monotonic()
            self.in_thread(lambda: self.questions.now(self.clock()), self._answer)

    def _answer(self, now: Now | None, trouble: str) -> None:
        self._asked_at, self._answered_at = None, time.monotonic()
        if now is None:
            self.message = trouble
            return
        if self.changes.take(now, time.monotonic()) and self.rings:
            self.bell()
        self.now = now
        for screen in self.screen_stack:
            if isinstance(screen, WatchScreen):
                screen.news()

    def in_thread(self, work: Callable[[], T], then: Callable[[T | None, str], None]) -> None:
        """Do something slow beside the screen, and hand on what came of it, or why nothing did.

        A thread of its own, which ends with the process: an executor would wait for a dead source when somebody quits.
        """

        def run() -> None:
            found: T | None = None
            trouble = ""
            try:
                found = work()
            except (ActionFailedError, UnreadableError, LookupError) as error:
                trouble = str(error)
            finally:
                if (defect := sys.exception()) is not None:
                    trouble = f"a defect of this program: {type(defect).__name__}: {clean(str(defect), 120)}"
                # Whoever quits while something is asked does not wait for it.
                with suppress(RuntimeError):
                    self.call_from_thread(then, found, trouble)

        Thread(target=run, daemon=True, name="mist-pipeline watch").start()

    def state(self) -> str:
        """When the next answer comes, or since when one is awaited."""
        if self._asked_at is not None:
            waited = time.monotonic() - self._asked_at
            return f"reading for {waited:.0f} s" if waited > _SLOW_SECONDS else "reading"
        return f"next in {max(self.every - (time.monotonic() - self._answered_at), 0):.0f} s"

    def action_help(self) -> None:
        """What keys do."""
        self.push_screen(Help(self.glyphs.new))

    def say(self, words: str) -> None:
        """Show a sentence in the last line until the next one."""
        self.message = words
        for screen in self.screen_stack:
            if isinstance(screen, WatchScreen):
                screen.tick()

    def acknowledge(self, incident_id: str) -> None:
        """Ask, then take an incident."""
        who = self.actions.who
        question = f"Acknowledge incident {incident_id[:ID_LENGTH]} as {who}?\n\nNobody else is called. It asks anew if it grows worse."
        self._confirmed(Text(question), lambda: self.actions.acknowledge(incident_id, self.clock()))

    def resolve(self, incident_id: str) -> None:
        """Ask, then say that an incident is over."""
        who = self.actions.who
        question = f"Resolve incident {incident_id[:ID_LENGTH]} as {who}?\n\nAll of its alerts are closed. It comes back if it fires again."
        self._confirmed(Text(question), lambda: self.actions.resolve(incident_id, self.clock()))

    def comment(self, incident_id: str) -> None:
        """Ask what somebody thinks of an incident, ask again, then note it."""
        name = incident_id[:ID_LENGTH]

        def asked(thought: Thought | None) -> None:
            if thought is None:
                self.say("Nothing is noted.")
                return
            words = f"\n\n{thought.comment}" if thought.comment else ""
            self._confirmed(
                Text(
                    f"Note “{thought.verdict.replace('_', ' ')}” for incident {name}, as {self.actions.who}?{words}"
                ),
                lambda: self.actions.feedback(incident_id, thought.verdict, thought.comment, self.clock()),
            )

        self.push_screen(AskComment(name), asked)

    def open_page(self, address: str) -> None:
        """Ask, then open an address in a browser; where there is none, leave it in the clipboard."""

        def work() -> str:
            if self.pages.show(address):
                return f"Opened {address}"
            self.call_from_thread(self.copy_to_clipboard, address)
            return f"No browser here; copied, if your terminal lets programs copy: {address}"

        self._confirmed(Text(f"Open in a browser?\n\n{address}"), work)

    def silence(self, matchers: str) -> None:
        """Ask what and for how long, show what that covers, ask again, then silence it."""
        previews: dict[str, str] = {}

        def preview(dialog: AskSilence, typed: str) -> None:
            def shown(words: str | None, trouble: str) -> None:
                previews[typed] = words or trouble
                dialog.preview_is(typed, previews[typed])

            self.in_thread(lambda: self.actions.preview(typed, self.clock()), shown)

        def asked(wanted: Wanted | None) -> None:
            if wanted is None:
                self.say("Nothing is silenced.")
                return
            covers = previews.get(wanted.matchers, "")
            question = silence_question(wanted, covers, self.actions.who)
            self._confirmed(
                question,
                lambda: self.actions.silence(wanted.matchers, wanted.lasts_for, wanted.comment, self.clock()),
            )

        self.push_screen(AskSilence(matchers, preview), asked)

    def _confirmed(self, question: Text, work: Callable[[], str]) -> None:
        def done(words: str | None, trouble: str) -> None:
            self.say(words or f"Not done: {trouble}")
            self.action_read()

        def answered(is_sure: bool | None) -> None:
            if is_sure:
                self.in_thread(work, done)
            else:
                self.say("Nothing is changed.")

        self.push_screen(Confirm(question), answered)


class WatchScreen(Screen[None]):
    """What every full screen has: the application, and a last line."""

    KEYS = ""

    @property
    def watcher(self) -> WatchApp:
        """The application."""
        app = self.app
        assert isinstance(app, WatchApp)  # noqa: S101 (for the type checker: these screens are pushed by it alone)
        return app

    def tick(self) -> None:
        """A second went by."""
        if self.query("#foot"):
            line = Text(f" {self.watcher.state()}{self.watcher.glyphs.dot}", style="bold")
            words = self.watcher.message or whole_keys(self.KEYS, self.size.width - line.cell_len)
            line.append(words, style="bold" if self.watcher.message else "")
            line.truncate(self.size.width, overflow="ellipsis")
            line.no_wrap = True
            self.query_one("#foot", Static).update(self.watcher.glyphs.shown(line))

    def news(self) -> None:
        """There is another answer."""

    def on_key(self) -> None:
        """Whoever presses a key has read the last message."""
        self.watcher.message = ""
