"""The list of several organisations as a screen: the worst first, one of which is entered. Not here: the screens of one (`app`)."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from mist_pipeline.overview.organisations.standing import Standing
from mist_pipeline.watch.glyphs import UNICODE, Glyphs
from mist_pipeline.watch.lines import whole_keys
from mist_pipeline.watch.organisation_lines import (
    organisation_line,
    organisations_header,
    organisations_heading,
)
from mist_pipeline.watch.widgets import Lines


class OrganisationsApp(App[str]):
    """The list; its result is the key of the organisation that is entered, None where somebody quits.

    Args:
        ask: How each stands now, the worst first; answers at once.
        left_out: Sentences about organisations that cannot be shown.
        last: Key of the organisation that was left; the cursor is on it.
        glyphs: Signs.
    """

    TITLE = "mist-pipeline watch"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { background: #0e1318; color: #e6ebef; }
    #head, #heading, #left-out, #foot { height: auto; padding: 0; }
    #heading { background: #1c242c; }
    #list { height: 1fr; overflow-x: hidden; scrollbar-gutter: stable; scrollbar-size: 1 1; scrollbar-color: #5b6670; scrollbar-background: #161d24; }
    #foot { background: #1c242c; dock: bottom; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("q,ctrl+c", "quit", show=False, priority=False)]
    KEYS = "enter open  ↑ ↓ move  q quit"

    def __init__(
        self,
        ask: Callable[[], Sequence[Standing]],
        left_out: Sequence[str] = (),
        *,
        last: str = "",
        glyphs: Glyphs = UNICODE,
    ) -> None:
        super().__init__()
        self._ask, self._left_out, self._last, self._signs = ask, left_out, last, glyphs
        self._has_chosen = bool(last)

    def compose(self) -> ComposeResult:
        """Counts, what is left out, the list, keys."""
        yield Static(id="head")
        yield Static(Text("\n".join(self._left_out), style="bold"), id="left-out")
        yield Static(id="heading")
        yield Lines[Standing](self._line, lambda one: one.key, id="list")
        yield Static(id="foot")

    @property
    def list(self) -> "Lines[Standing]":
        """The rows."""
        return self.query_one("#list", Lines)

    def on_mount(self) -> None:
        """Ask every second: that is looking at what was read beside."""
        self.query_one("#left-out").display = bool(self._left_out)
        self.list.focus()
        self._show()
        places = (place for place, one in enumerate(self.list.entries) if one.key == self._last)
        self.list.move_to(next(places, 0))
        self.set_interval(1.0, self._show)

    def _show(self) -> None:
        found, width = self._ask(), self.size.width
        self.list.show(found)
        if not self._has_chosen:
            # While all are read the order changes: whoever has not moved yet looks at the worst.
            self.list.move_to(0)
        self.query_one("#head", Static).update(organisations_header(found, width, self._signs))
        self.query_one("#heading", Static).update(organisations_heading(width - 1, self._signs))
        keys = Text(f" {whole_keys(self.KEYS, width - 1)}", style="bold")
        self.query_one("#foot", Static).update(self._signs.shown(keys))

    def on_resize(self) -> None:
        """Columns are as wide as the terminal is now."""
        self._show()

    def _line(self, one: Standing, width: int) -> Text:
        return organisation_line(one, width, self._signs)

    def on_lines_moved(self, event: "Lines.Moved") -> None:
        """From now on the cursor stays on its organisation."""
        self._has_chosen = self._has_chosen or event.lines.cursor > 0

    def on_lines_opened(self, _event: "Lines.Opened") -> None:
        """Enter the organisation under the cursor."""
        if (one := self.list.current) is not None:
            self.exit(one.key)
