"""A list of lines of which only those in view are drawn: three thousand sites scroll as fast as ten."""

from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

E = TypeVar("E")

_CURSOR = Style(bgcolor="#23517a", bold=True)
_CURSOR_OF_16 = Style(color="bright_white", bgcolor="blue", bold=True)
"""Of sixteen colours none lies between a background and the colours of statuses: signs and words say what they say."""


class Lines(ScrollView, Generic[E], can_focus=True):
    """Rows under a cursor.

    Args:
        draw: A row and a width → its line.
        key: What a row is, whatever it says now: the cursor stays on it.
        id: Name of the widget.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup,ctrl+b", "page(-1)", show=False),
        Binding("pagedown,ctrl+f", "page(1)", show=False),
        Binding("home", "move(-1000000)", show=False),
        Binding("end", "move(1000000)", show=False),
        Binding("enter", "open", show=False),
    ]

    class Opened(Message):
        """Somebody opened the row under the cursor."""

        def __init__(self, lines: "Lines[E]") -> None:
            self.lines = lines
            super().__init__()

    class Moved(Message):
        """The cursor is on another row."""

        def __init__(self, lines: "Lines[E]") -> None:
            self.lines = lines
            super().__init__()

    def __init__(self, draw: Callable[[E, int], Text], key: Callable[[E], str], *, id: str) -> None:  # noqa: A002 (Textual's name)
        super().__init__(id=id)
        self._draw = draw
        self._key = key
        self.entries: Sequence[E] = ()
        self.cursor = 0

    @property
    def current(self) -> E | None:
        """The row under the cursor."""
        return self.entries[self.cursor] if self.cursor < len(self.entries) else None

    def show(self, entries: Sequence[E]) -> None:
        """Other rows; the cursor stays on its row, or else in its place."""
        held = None if self.current is None else self._key(self.current)
        self.entries = entries
        places = (place for place, entry in enumerate(entries) if self._key(entry) == held)
        self.cursor = next(places, min(self.cursor, max(len(entries) - 1, 0)))
        self.virtual_size = Size(0, len(entries))
        self._keep_in_view()
        self.refresh()

    def move_to(self, place: int) -> None:
        """Put the cursor on a row."""
        self.cursor = min(max(place, 0), max(len(self.entries) - 1, 0))
        self._keep_in_view()
        self.refresh()
        self.post_message(self.Moved(self))

    def _keep_in_view(self) -> None:
        if self.entries and self.size.height:
            self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False)

    def action_move(self, rows: int) -> None:
        """Move the cursor."""
        self.move_to(self.cursor + rows)

    def action_page(self, pages: int) -> None:
        """Move the cursor by as many rows as are in view."""
        self.move_to(self.cursor + pages * max(self.size.height - 1, 1))

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self.current is not None:
            self.post_message(self.Opened(self))

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor, a second one opens."""
        place = event.y + self.scroll_offset.y
        if place < len(self.entries):
            self.move_to(place)
            if event.chain > 1:
                self.action_open()

    def on_resize(self) -> None:
        """The row under the cursor stays in view."""
        self._keep_in_view()

    @property
    def _cursor_style(self) -> Style:
        has_16 = self.app.console.color_system == "standard" and not self.app.is_headless
        return _CURSOR_OF_16 if has_16 else _CURSOR

    def render_line(self, y: int) -> Strip:
        """One line of those in view."""
        width, place = self.scrollable_content_region.width, y + self.scroll_offset.y
        if place >= len(self.entries):
            return Strip.blank(width, self.rich_style)
        text = self._draw(self.entries[place], width)
        strip = Strip(list(text.render(self.app.console, ""))).adjust_cell_length(width)
        if place == self.cursor and self.has_focus:
            return Strip(Segment.apply_style(strip, post_style=self._cursor_style), width)
        return strip.apply_style(self.rich_style)
