"""One site, and one incident, in full."""

from collections.abc import Callable
from typing import ClassVar, TypeVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from mist_pipeline.domain.console_links import incident_url, site_url
from mist_pipeline.overview.actions import incident_matchers, site_matchers
from mist_pipeline.overview.model import SiteNow
from mist_pipeline.watch import pages
from mist_pipeline.watch.acting import ActingScreen

T = TypeVar("T")


class PageScreen(ActingScreen):
    """One thing in full; it is asked for again with every answer."""

    KEYS = "escape back  a ack  c comment  z silence  R resolve  o open  ? help"
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

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "draw(1)", show=False),
        Binding("M", "draw(-1)", show=False),
    ]

    def __init__(self, site: SiteNow) -> None:
        super().__init__()
        self._site = site
        self._drawn = 0

    def news(self) -> None:
        """Ask for it again."""
        watch, site_id = self.watcher, self._site.site_id
        self.ask(
            lambda: watch.questions.site(site_id, watch.clock()),
            lambda found, width: pages.site_page(found, width, watch.glyphs, self._drawn),
        )

    def action_draw(self, step: int) -> None:
        """Draw the next service level, or the one before."""
        self._drawn += step
        self._draw()

    def chosen_incident(self) -> str | None:
        """The worst incident of this site."""
        known = self.watcher.now.sites if self.watcher.now else ()
        row = next((one for one in known if one.site_id == self._site.site_id), self._site)
        return row.incident_ids[0] if row.incident_ids else None

    def chosen_matchers(self) -> str:
        """Of this site."""
        return site_matchers(self._site.site_id)

    def chosen_page(self) -> str | None:
        """Of this site."""
        return site_url(self.watcher.pages.console_url, self._site.site_id)


class IncidentScreen(PageScreen):
    """One incident."""

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

    def chosen_incident(self) -> str:
        """This one, also when it is over: the ledger says so then."""
        return self._incident_id

    def chosen_page(self) -> str | None:
        """Of this incident."""
        return incident_url(self.watcher.pages.console_url, self._incident_id)

    def chosen_matchers(self) -> str | None:
        """Of what it is about, as long as it goes on."""
        known = self.watcher.now.incidents if self.watcher.now else ()
        found = next((one for one in known if one.incident_id == self._incident_id), None)
        return incident_matchers(found) if found is not None else None
