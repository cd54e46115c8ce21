"""Questions over the screen: help, are you sure, and what to silence for how long."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, get_args

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from mist_pipeline.domain.text import duration, span_of
from mist_pipeline.overview.actions import Verdict

HELP = """\
enter        open the site or incident; escape goes back
tab          from sites to incidents and back
up down j k  the cursor; page up, page down, home, end; the mouse
n            to the next site that got worse; v: all are seen
/            filter as you type: words (berlin critical), or matchers
             of silences: site_group="North",severity=critical
escape       no filter
s  S         sort by the next column; the other way round
g            by site group
r  q         read again now; quit

Each of these asks first, and is written to the ledger in your name:
a            acknowledge the incident: nobody else is called
c            comment on it: was it right, wrong, known, …, and why
z            silence for a while: nobody is notified of what matches
R            resolve the incident: it comes back if it fires again

o            open the page of the site or incident in a browser
m  M         on a site: draw the next service level; the one before

{new}            got worse, and you did not look at it yet
shading      changed in the last seconds
%  24 h      the worst service level, hour by hour from 50 to 100 %
hlt  crit    health of the last analysed day; days until critical
OLD          the newest poll is old: nothing is called healthy then
UNKNOWN      too few users to judge, no reading, or old data
"""

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""The words that people may choose from."""

_KEYS = "enter: yes   escape: no"


class Help(ModalScreen[None]):
    """What keys do.

    Args:
        new: The mark of what got worse.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,enter", "dismiss", show=False)]

    def __init__(self, new: str) -> None:
        super().__init__()
        self._new = new

    def compose(self) -> ComposeResult:
        """The help in a box that scrolls."""
        with VerticalScroll(classes="box", can_focus=True):
            yield Static(Text(HELP.format(new=self._new), no_wrap=True))


class Confirm(ModalScreen[bool]):
    """Are you sure?"""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,y", "answer(True)", show=False),
        Binding("escape,n,q", "answer(False)", show=False),
    ]

    def __init__(self, question: Text) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """The question, and what to press."""
        with Vertical(classes="box"):
            yield Static(self._question)
            yield Static(Text(_KEYS, style="bold"), id="keys")

    def action_answer(self, answer: bool) -> None:
        """Yes or no."""
        self.dismiss(answer)


@dataclass(frozen=True)
class Wanted:
    """A silence as somebody wants it.

    Attributes:
        matchers: What it covers.
        lasts_for: For how long.
        comment: Why.
    """

    matchers: str
    lasts_for: timedelta
    comment: str


class AskSilence(ModalScreen[Wanted | None]):
    """What to silence, for how long, and why; the preview follows what is typed.

    Args:
        matchers: What is proposed.
        preview: Asked whenever the matchers change; answers through `preview_is`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", show=False)]

    def __init__(self, matchers: str, preview: Callable[["AskSilence", str], None]) -> None:
        super().__init__()
        self._matchers = matchers
        self._preview = preview

    def compose(self) -> ComposeResult:
        """Three fields and the preview."""
        with Vertical(classes="box"):
            yield Static(
                Text(
                    "Silence: nobody is notified of what matches. It lives on, and what goes on at the end is told."
                )
            )
            yield Static(Text("Matchers", style="bold"))
            yield Input(self._matchers, id="matchers")
            yield Static(Text("For how long (90m, 2h, 1d12h)", style="bold"))
            yield Input("2h", id="lasts")
            yield Static(Text("Why", style="bold"))
            yield Input(placeholder="for others", id="why")
            yield Static("", id="preview")
            yield Static(Text("enter: go on   tab: next field   escape: no", style="bold"), id="keys")

    def on_mount(self) -> None:
        """The length is what is usually changed."""
        self.query_one("#lasts", Input).focus()
        self._preview(self, self._matchers)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what other matchers cover."""
        if event.input.id == "matchers":
            self._preview(self, event.value)

    def preview_is(self, matchers: str, words: str) -> None:
        """What these matchers cover; an answer that is overtaken by typing is dropped."""
        if self.is_attached and self.query_one("#matchers", Input).value == matchers:
            self.query_one("#preview", Static).update(Text(words))

    def on_input_submitted(self) -> None:
        """Go on, where it can be understood."""
        try:
            lasts_for = span_of(self.query_one("#lasts", Input).value)
        except ValueError as error:
            self.query_one("#preview", Static).update(Text(str(error), style="bold"))
            return
        matchers = self.query_one("#matchers", Input).value.strip()
        self.dismiss(Wanted(matchers, lasts_for, self.query_one("#why", Input).value))

    def action_cancel(self) -> None:
        """No silence."""
        self.dismiss(None)


@dataclass(frozen=True)
class Thought:
    """What somebody thinks of an incident.

    Attributes:
        verdict: In one word.
        comment: In their own words.
    """

    verdict: Verdict
    comment: str


class AskComment(ModalScreen[Thought | None]):
    """What somebody thinks of an incident, and why.

    Args:
        name: What the incident is called.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", show=False)]

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def compose(self) -> ComposeResult:
        """Two fields."""
        with Vertical(classes="box"):
            yield Static(
                Text(f"What do you think of incident {self._name}? Analysts find it beside its alerts.")
            )
            yield Static(Text(f"In a word, or its first letter: {', '.join(VERDICTS)}", style="bold"))
            yield Input(id="verdict", suggester=SuggestFromList(VERDICTS))
            yield Static(Text("Why", style="bold"))
            yield Input(placeholder="for others", id="why")
            yield Static("", id="wrong")
            yield Static(Text("enter: go on   tab: next field   escape: no", style="bold"), id="keys")

    def on_mount(self) -> None:
        """The word comes first: none is proposed, since it would be taken for what somebody thinks."""
        self.query_one("#verdict", Input).focus()

    def on_input_submitted(self) -> None:
        """Go on, where the word is one of them."""
        typed = self.query_one("#verdict", Input).value.strip().lower().replace(" ", "_")
        verdict = next((one for one in VERDICTS if typed and one.startswith(typed)), None)
        if verdict is None:
            self.query_one("#wrong", Static).update(
                Text(f"{typed!r} is none of {', '.join(VERDICTS)}", style="bold")
            )
            self.query_one("#verdict", Input).focus()
            return
        self.dismiss(Thought(verdict, self.query_one("#why", Input).value.strip()))

    def action_cancel(self) -> None:
        """Nothing is noted."""
        self.dismiss(None)


def silence_question(wanted: Wanted, preview: str, who: str) -> Text:
    """What somebody is about to silence."""
    return Text(f"Silence {wanted.matchers} for {duration(wanted.lasts_for)}, as {who}?\n\n{preview}")
