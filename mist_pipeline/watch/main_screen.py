"""The screen that it begins with: organisation, incidents going on, and the table of sites."""

import time
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from mist_pipeline.domain.console_links import incident_url, site_url
from mist_pipeline.overview.actions import group_matchers, incident_matchers, site_matchers
from mist_pipeline.overview.model import IncidentNow, SiteNow
from mist_pipeline.overview.orders import chosen_incidents, chosen_sites
from mist_pipeline.watch import lines, rows
from mist_pipeline.watch.acting import ActingScreen
from mist_pipeline.watch.page_screens import IncidentScreen, SiteScreen
from mist_pipeline.watch.widgets import Lines

_MOST_INCIDENTS = 5


class MainScreen(ActingScreen):
    """Organisation, incidents and sites."""

    KEYS = "? help  enter open  / filter  s sort  a ack  z silence  q quit  R resolve"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", show=False),
        Binding("escape", "clear", show=False),
        Binding("s", "sort", show=False),
        Binding("S", "reverse", show=False),
        Binding("g", "group", show=False),
        Binding("n", "next_news", show=False),
        Binding("v", "seen", show=False),
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
        found = chosen_incidents(now.incidents, now.labels, self.typed)
        chosen = chosen_sites(now.sites, now.labels, self.typed, self.order, is_reversed=self.is_reversed)
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

    def chosen_incident(self) -> str | None:
        """The incident under the cursor, or the worst one of the site there."""
        if isinstance(self.focused, Lines) and self.focused.id == "incidents":
            current = self.incidents.current
            return current.incident_id if current else None
        site = self.sites.current
        return site.incident_ids[0] if isinstance(site, SiteNow) and site.incident_ids else None

    def chosen_page(self) -> str | None:
        """Of the incident or site under the cursor."""
        console = self.watcher.pages.console_url
        if isinstance(self.focused, Lines) and self.focused.id == "incidents":
            incident = self.incidents.current
            return incident_url(console, incident.incident_id) if incident is not None else None
        entry = self.sites.current
        return site_url(console, entry.site_id) if isinstance(entry, SiteNow) else None

    def chosen_matchers(self) -> str | None:
        """Of the incident, site or group under the cursor."""
        if isinstance(self.focused, Lines) and self.focused.id == "incidents":
            incident = self.incidents.current
            return incident_matchers(incident) if incident is not None else None
        entry = self.sites.current
        if isinstance(entry, SiteNow):
            return site_matchers(entry.site_id)
        return group_matchers(entry.name) if entry is not None and entry.name != rows.NO_GROUP else None
