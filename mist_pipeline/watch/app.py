"""The application: reads in a thread, draws what it was told last, and says how old that is."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from threading import Thread
from typing import ClassVar, TypeVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Input, Static

from mist_pipeline.domain.text import ID_LENGTH, clean
from mist_pipeline.overview.ledger import UnreadableError
from mist_pipeline.overview.model import IncidentNow, Now, SiteNow
from mist_pipeline.watch import lines, pages, rows
from mist_pipeline.watch.actions import ActionFailedError, Actions, Questions
from mist_pipeline.watch.changes import Changes
from mist_pipeline.watch.dialogs import AskSilence, Confirm, Help, Wanted, silence_question
from mist_pipeline.watch.glyphs import UNICODE, Glyphs
from mist_pipeline.watch.widgets import Lines

T = TypeVar("T")

_SLOW_SECONDS = 5.0
"""A source that takes longer is said to be slow."""
_MOST_INCIDENTS = 5
_MOST_SITES_MATCHED = 20


class WatchApp(App[None]):
    """The live screen.

    Args:
        questions: The read model.
        actions: Decisions of whoever sits there.
        clock: Tells the time.
        every: Seconds between two answers.
        glyphs: Signs.
        bell: Whether the terminal rings when something gets worse.
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
    Help, Confirm, AskSilence { align: center middle; background: #0e1318 60%; }
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
        *,
        every: float = 10.0,
        glyphs: Glyphs = UNICODE,
        bell: bool = False,
    ) -> None:
        super().__init__()
        self.questions = questions
        self.actions = actions
        self.clock = clock
        self.every = every
        self.glyphs = glyphs
        self.rings = bell
        self.now: Now | None = None
        self.changes = Changes()
        self.message = ""
        self._asked_at: float | None = None
        self._answered_at = 0.0

    def on_mount(self) -> None:
        """Ask for the first time, and look at the clock every second."""
        self.push_screen(MainScreen())
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
            words = self.watcher.message or self.KEYS
            line = Text(f" {self.watcher.state()}", style="bold")
            line.append(f"{self.watcher.glyphs.dot}{words}", style="bold" if self.watcher.message else "")
            line.truncate(self.size.width, overflow="ellipsis")
            line.no_wrap = True
            self.query_one("#foot", Static).update(self.watcher.glyphs.shown(line))

    def news(self) -> None:
        """There is another answer."""

    def on_key(self) -> None:
        """Whoever presses a key has read the last message."""
        self.watcher.message = ""


class MainScreen(WatchScreen):
    """Organisation, incidents and sites."""

    KEYS = "? help  enter open  / filter  s sort  a ack  z silence  R resolve  q quit"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", show=False),
        Binding("escape", "clear", show=False),
        Binding("s", "sort", show=False),
        Binding("S", "reverse", show=False),
        Binding("g", "group", show=False),
        Binding("n", "next_news", show=False),
        Binding("v", "seen", show=False),
        Binding("a", "acknowledge", show=False),
        Binding("R", "resolve", show=False),
        Binding("z", "silence", show=False),
        Binding("tab", "app.focus_next", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.order = "status"
        self.is_reversed = False
        self.is_grouped = False
        self.typed = ""

    def compose(self) -> ComposeResult:
        """Header, incidents, sites, filter, last line."""
        yield Static(Text("Reading …"), id="head")
        yield Static(id="incident-heading")
        yield Lines[IncidentNow](self._incident, lambda one: one.incident_id, id="incidents")
        yield Static(id="site-heading")
        yield Lines[rows.Entry](self._entry, rows.key_of, id="sites")
        yield Input(placeholder='words, or site_group="North"', id="filter")
        yield Static(id="foot")

    def on_mount(self) -> None:
        """The sites have the cursor."""
        self.sites.focus()
        self.news()

    @property
    def sites(self) -> "Lines[rows.Entry]":
        """The table of sites."""
        return self.query_one("#sites", Lines)

    @property
    def incidents(self) -> "Lines[IncidentNow]":
        """The list of incidents."""
        return self.query_one("#incidents", Lines)

    def _incident(self, incident: IncidentNow, width: int) -> Text:
        at = self.watcher.now.at if self.watcher.now else self.watcher.clock()
        return lines.incident_line(incident, at, width, self.watcher.glyphs)

    def _entry(self, entry: rows.Entry, width: int) -> Text:
        if isinstance(entry, rows.Heading):
            return lines.group_line(entry, width, self.watcher.glyphs)
        changes = self.watcher.changes
        return lines.site_line(
            entry,
            width,
            self.watcher.glyphs,
            is_new=entry.site_id in changes.unseen,
            heat=changes.heat(entry.site_id, time.monotonic()),
        )

    def news(self) -> None:
        """Show another answer, or the same one otherwise."""
        now = self.watcher.now
        if now is None or not self.is_mounted:
            return
        found = rows.chosen_incidents(now, self.typed)
        chosen = rows.chosen(now.sites, now.labels, self.typed, self.order, is_reversed=self.is_reversed)
        self.incidents.show(found)
        self.incidents.styles.height = min(len(found), _MOST_INCIDENTS if self.size.height > 24 else 3)
        self.query_one("#incident-heading", Static).update(
            lines.incident_heading(now, len(found), self.watcher.glyphs)
        )
        self.sites.show(rows.grouped(chosen) if self.is_grouped else chosen)
        self._heading(len(chosen))
        self.tick()

    def _heading(self, shown: int) -> None:
        now = self.watcher.now
        heading = lines.site_heading(self.size.width - 1, self.order, self.watcher.glyphs)
        if now is not None and self.typed and shown == 0:
            heading = Text(
                f" No site of {len(now.sites):,} fits {self.typed!r}; escape shows all", style="bold"
            )
        elif now is not None and not now.sites:
            heading = Text(
                " No site is known yet: `mist-pipeline run` or `mist-pipeline daemon` asks the cloud",
                style="bold",
            )
        self.query_one("#site-heading", Static).update(self.watcher.glyphs.shown(heading))

    def on_resize(self) -> None:
        """Columns are as wide as the terminal is now."""
        self.news()

    def tick(self) -> None:
        """A second went by: ages and highlights are redrawn."""
        super().tick()
        now = self.watcher.now
        if now is not None and self.query("#head"):
            head = lines.header(
                now, self.watcher.changes.counts_at_start, self.size.width, self.watcher.glyphs
            )
            self.query_one("#head", Static).update(Text("\n").join(head))
            self.sites.refresh()

    def on_lines_moved(self, event: "Lines.Moved") -> None:
        """Whoever moves the cursor onto a site has seen it."""
        if isinstance(entry := event.lines.current, SiteNow):
            self.watcher.changes.see(entry.site_id)

    def on_lines_opened(self, event: "Lines.Opened") -> None:
        """Open a site or an incident."""
        entry = event.lines.current
        if isinstance(entry, SiteNow):
            self.watcher.changes.see(entry.site_id)
            self.app.push_screen(SiteScreen(entry))
        elif isinstance(entry, IncidentNow):
            self.app.push_screen(IncidentScreen(entry.incident_id))

    def action_filter(self) -> None:
        """Type a filter."""
        box = self.query_one("#filter", Input)
        box.add_class("shown")
        box.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter as one types."""
        self.typed = event.value
        self.news()

    def on_input_submitted(self) -> None:
        """Keep the filter, and go back to the rows."""
        self.sites.focus()

    def action_clear(self) -> None:
        """No filter."""
        box = self.query_one("#filter", Input)
        box.value = ""
        box.remove_class("shown")
        self.sites.focus()

    def action_sort(self) -> None:
        """By the next column."""
        self.order = rows.next_order(self.order)
        self.watcher.message = f"sorted by {self.order}"
        self.news()

    def action_reverse(self) -> None:
        """The other way round."""
        self.is_reversed = not self.is_reversed
        self.news()

    def action_group(self) -> None:
        """By site group, or not."""
        self.is_grouped = not self.is_grouped
        self.news()

    def action_next_news(self) -> None:
        """To the next site that got worse."""
        unseen = self.watcher.changes.unseen
        places = [
            place
            for place, entry in enumerate(self.sites.entries)
            if isinstance(entry, SiteNow) and entry.site_id in unseen
        ]
        later = [place for place in places if place > self.sites.cursor] or places
        if later:
            self.sites.move_to(later[0])
        else:
            self.watcher.say("No site got worse that you have not seen.")

    def action_seen(self) -> None:
        """All that got worse is seen."""
        self.watcher.changes.unseen.clear()
        self.news()

    def _incident_id(self) -> str | None:
        if isinstance(self.focused, Lines) and self.focused.id == "incidents":
            current = self.incidents.current
            return current.incident_id if current else None
        site = self.sites.current
        return site.incident_ids[0] if isinstance(site, SiteNow) and site.incident_ids else None

    def action_acknowledge(self) -> None:
        """Take the incident under the cursor."""
        if (name := self._incident_id()) is not None:
            self.watcher.acknowledge(name)
        else:
            self.watcher.say("No incident goes on here.")

    def action_resolve(self) -> None:
        """Resolve the incident under the cursor."""
        if (name := self._incident_id()) is not None:
            self.watcher.resolve(name)
        else:
            self.watcher.say("No incident goes on here.")

    def action_silence(self) -> None:
        """Silence the site or incident under the cursor."""
        if isinstance(self.focused, Lines) and self.focused.id == "incidents":
            if (incident := self.incidents.current) is not None:
                self.watcher.silence(incident_matchers(incident))
            return
        entry = self.sites.current
        if isinstance(entry, SiteNow):
            self.watcher.silence(f'site_id="{entry.site_id}"')
        elif isinstance(entry, rows.Heading) and entry.name != rows.NO_GROUP:
            self.watcher.silence(group_matchers(entry.name))


class PageScreen(WatchScreen):
    """One thing in full; it is asked for again with every answer."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,backspace,left", "back", show=False)]

    def __init__(self) -> None:
        super().__init__()
        self._is_asking = False
        self._text: Callable[[int], list[Text]] | None = None

    def compose(self) -> ComposeResult:
        """A text that scrolls, and the last line."""
        with VerticalScroll(id="page"):
            yield Static(Text("Reading …"), id="text")
        yield Static(id="foot")

    def on_mount(self) -> None:
        """Ask."""
        self.query_one("#page").focus()
        self.news()
        self.tick()

    def on_resize(self) -> None:
        """Lines are as wide as the terminal is now."""
        self._draw()

    def _draw(self) -> None:
        if self._text is not None and self.query("#text"):
            found = self._text(self.size.width - 4)
            self.query_one("#text", Static).update(Text("\n").join(found))

    def ask(self, work: Callable[[], T], draw: Callable[[T, int], list[Text]]) -> None:
        """Ask in a thread, one question at a time; what was shown stays until there is an answer."""
        if self._is_asking:
            return
        self._is_asking = True

        def answered(found: T | None, trouble: str) -> None:
            self._is_asking = False
            if found is not None:
                self._text = lambda width: draw(found, width)
                self._draw()
            elif self._text is None and self.query("#text"):
                self.query_one("#text", Static).update(Text(trouble))
            else:
                self.watcher.say(trouble)

        self.watcher.in_thread(work, answered)

    def action_back(self) -> None:
        """To where one came from."""
        self.dismiss()


class SiteScreen(PageScreen):
    """One site."""

    KEYS = "escape back  a ack  z silence  R resolve  ? help  q quit"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "acknowledge", show=False),
        Binding("R", "resolve", show=False),
        Binding("z", "silence", show=False),
    ]

    def __init__(self, site: SiteNow) -> None:
        super().__init__()
        self._site = site

    def news(self) -> None:
        """Ask for it again."""
        watch, site_id = self.watcher, self._site.site_id
        self.ask(
            lambda: watch.questions.site(site_id, watch.clock()),
            lambda found, width: pages.site_page(found, width, watch.glyphs),
        )

    def _incident_id(self) -> str | None:
        known = self.watcher.now.sites if self.watcher.now else ()
        row = next((one for one in known if one.site_id == self._site.site_id), self._site)
        return row.incident_ids[0] if row.incident_ids else None

    def action_acknowledge(self) -> None:
        """Take the worst incident of this site."""
        if (name := self._incident_id()) is not None:
            self.watcher.acknowledge(name)
        else:
            self.watcher.say("No incident goes on here.")

    def action_resolve(self) -> None:
        """Resolve the worst incident of this site."""
        if (name := self._incident_id()) is not None:
            self.watcher.resolve(name)
        else:
            self.watcher.say("No incident goes on here.")

    def action_silence(self) -> None:
        """Silence this site."""
        self.watcher.silence(f'site_id="{self._site.site_id}"')


class IncidentScreen(PageScreen):
    """One incident."""

    KEYS = "escape back  a ack  z silence  R resolve  ? help  q quit"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "acknowledge", show=False),
        Binding("R", "resolve", show=False),
        Binding("z", "silence", show=False),
    ]

    def __init__(self, incident_id: str) -> None:
        super().__init__()
        self._incident_id = incident_id

    def news(self) -> None:
        """Ask for it again."""
        watch, name = self.watcher, self._incident_id
        self.ask(
            lambda: watch.questions.incident(name, watch.clock()),
            lambda found, _width: pages.incident_page(found, watch.glyphs),
        )

    def action_acknowledge(self) -> None:
        """Take it."""
        self.watcher.acknowledge(self._incident_id)

    def action_resolve(self) -> None:
        """Say that it is over."""
        self.watcher.resolve(self._incident_id)

    def action_silence(self) -> None:
        """Silence what it is about."""
        known = self.watcher.now.incidents if self.watcher.now else ()
        found = next((one for one in known if one.incident_id == self._incident_id), None)
        if found is None:
            self.watcher.say("It does not go on: there is nothing to silence.")
        else:
            self.watcher.silence(incident_matchers(found))


def incident_matchers(incident: IncidentNow) -> str:
    """Matchers that cover an incident: its sites and family; of very many sites the family alone.

    >>> from types import SimpleNamespace
    >>> incident_matchers(SimpleNamespace(family="radio", site_ids=("a", "b")))
    'family="radio",site_id=~"a|b"'
    """
    parts = [f'family="{incident.family}"'] if incident.family else []
    if len(incident.site_ids) == 1:
        parts.append(f'site_id="{incident.site_ids[0]}"')
    elif 1 < len(incident.site_ids) <= _MOST_SITES_MATCHED:
        parts.append(f'site_id=~"{"|".join(incident.site_ids)}"')
    return ",".join(parts)


def group_matchers(name: str) -> str:
    """Matchers that cover a site group."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'site_group="{escaped}"'
