r"""The words of tickets: Jinja2 templates per severity, cut to what a ticket system takes.

Here: rendering and shortening. A rendered text is lines: the first line of a ticket is its summary; ``# `` begins a
heading, ``- `` a list item, everything else is text. Each value is made one clean line, so that nobody's name can add
a line, a heading or a link. As plain text, which every receiver understands:

>>> print(plain(f"# More\n- {LINK_START}report{LINK_MIDDLE}https://example.com/{LINK_END}"))
More
- report – https://example.com/

Not here: markup of one system (``jira.markup``), and words that all sinks share (``delivery.rendering``).

Templates begin every line with their own words, never with a value. Users put their own beside them:
``ticket_<severity>.txt.j2`` and ``ticket_comment.txt.j2``. Where one of these fails, the packaged one is taken, and says so: an
incident is not kept from people by a slip in its words.
"""

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, TemplateError

from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.own_templates import RENDERING_FAILED, sandbox
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.delivery.tickets.policy import delivery_mark
from mist_pipeline.domain import text as plain_text

_log = logging.getLogger(__name__)

LINK_START, LINK_MIDDLE, LINK_END = "\x02", "\x1f", "\x03"
"""Around the label and the address of a link; values cannot contain them."""
LINK = re.compile(f"{LINK_START}(.*?){LINK_MIDDLE}(.*?){LINK_END}")

Fits: TypeAlias = Callable[[str], bool]
"""Whether a rendered body is short enough for its receiver."""

_CUT = "… (shortened)"


@dataclass(frozen=True)
class TicketText:
    """The words of a new ticket: one line, and the lines below it."""

    summary: str
    body: str


@dataclass(frozen=True)
class _Child:
    """One alert as templates list it: its sentence, the name of its site and the address of that."""

    site: str
    url: str | None
    text: str


class _Marked(str):
    """Text that may contain link marks."""

    __slots__ = ()


class TicketTemplates:
    """The templates that come with the package, or a user's own where there are any.

    Args:
        folder: Folder of a user's templates; those it lacks come with the package.

    Raises:
        ValueError: If the folder does not exist.
    """

    def __init__(self, folder: Path | None = None) -> None:
        if folder is not None and not folder.is_dir():
            raise ValueError(f"{folder} is no folder; create it or leave the setting out")
        packaged = PackageLoader("mist_pipeline.delivery.tickets", "templates")
        self._folder = folder
        self._packaged = sandbox(packaged, _finalize)
        self._own = (
            self._packaged
            if folder is None
            else sandbox(ChoiceLoader([FileSystemLoader(folder), packaged]), _finalize)
        )
        for environment in (self._packaged, self._own):
            environment.globals["link"] = _link

    def check(self) -> None:
        """Read every template of the user.

        Raises:
            TemplateSyntaxError: One is none; names file and line.
            OSError, ValueError: One cannot be read, or is no text.
        """
        for path in sorted(self._folder.glob("*.j2")) if self._folder else ():
            self._own.parse(path.read_text(encoding="utf-8"), filename=str(path))

    def ticket(self, message: Message, fits: Fits, *, previous: str = "") -> TicketText:
        """The text of a new ticket, listing as many children as fit; the first line is the summary.

        Args:
            message: What it is about.
            fits: Whether a body is short enough.
            previous: Name of an earlier ticket of the same cause.
        """
        return TicketText(
            *self._rendered(f"ticket_{message.incident.severity}.txt.j2", message, previous, fits)
        )

    def comment(self, message: Message, fits: Fits) -> str:
        """The text of a comment about a change."""
        return self._rendered("ticket_comment.txt.j2", message, "", fits, has_summary=False)[1]

    def _rendered(
        self, name: str, message: Message, previous: str, fits: Fits, *, has_summary: bool = True
    ) -> tuple[str, str]:
        """Summary and body by the user's template, or by the packaged one where that fails."""

        def fitting(environment: Environment, note: str = "") -> tuple[str, str]:
            drafts = self._drafts(environment, name, message, previous)
            split = (draft.partition("\n") if has_summary else ("", "", draft) for draft in drafts)
            return _first_fitting(((head.strip(), rest.strip() + note) for head, _, rest in split), fits)

        try:
            return fitting(self._own)
        except RENDERING_FAILED as error:
            if self._own is self._packaged:
                raise
            # What an error of the interpreter quotes may be anything.
            about = f": {plain_text.clean(str(error), 200)}" if isinstance(error, TemplateError) else ""
            reason = f"{type(error).__name__}{about}"
            _log.warning("the template %s failed, the packaged one was taken: %s", name, reason)
            return fitting(
                self._packaged, f"\n\nThese are the usual words: your template {name} failed ({reason})."
            )

    def _drafts(self, environment: Environment, name: str, message: Message, previous: str) -> Iterator[str]:
        """From all there is to say down to no child at all, each shorter than the one before."""
        template = environment.get_template(name)
        incident = message.incident
        labels = wording.site_labels(incident.sites)
        children = [
            _Child(
                site=labels[alert.site.site_id] + (" (resolved)" if alert.status == "resolved" else ""),
                url=alert.site.url,
                text=wording.alert_line(alert, labels[alert.site.site_id]),
            )
            for alert in incident.alerts
        ]
        common = {
            "headline": wording.headline(message),
            "why": wording.why(message),
            "facts": wording.facts(incident),
            "steps": wording.steps(incident)[:20],
            "links": wording.links(incident),
            "previous": previous,
            "as_of": plain_text.instant(incident.updated_at),
            "sequence": message.sequence,
            "mark": delivery_mark(message),
        }
        shown = len(children)
        yield template.render(common, children=children, left_out="", is_brief=False).strip()
        while True:
            left_out = wording.left_out(len(children) - shown) if shown < len(children) else ""
            yield template.render(common, children=children[:shown], left_out=left_out, is_brief=True).strip()
            if shown == 0:
                return
            # Steps of a tenth: close to the limit within a few dozen drafts, whatever the size.
            shown = min(shown - 1, shown * 9 // 10)


def plain(text: str) -> str:
    """Rendered lines as plain text: links as ``label – address``, never more than one empty line."""
    lines = "\n".join(line.removeprefix("# ") for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", LINK.sub(r"\1 – \2", lines))


def _first_fitting(drafts: Iterator[tuple[str, str]], fits: Fits) -> tuple[str, str]:
    """The first draft that fits, or the lines of the last that do."""
    head, body = "", ""
    for head, body in drafts:
        if fits(body):
            return head, body
    lines = body.split("\n")
    low, high = 0, len(lines)
    while low < high:
        middle = (low + high + 1) // 2
        if fits("\n".join([*lines[:middle], _CUT])):
            low = middle
        else:
            high = middle - 1
    return head, "\n".join([*lines[:low], _CUT])


def _finalize(value: object) -> str:
    return value if isinstance(value, _Marked) else plain_text.clean(str(value))


def _link(label: str, url: str | None) -> str:
    """A link for web addresses only; anything else stays text."""
    address = plain_text.safe_url(url)
    if address is None:
        return plain_text.clean(label)
    return _Marked(f"{LINK_START}{plain_text.clean(label)}{LINK_MIDDLE}{address}{LINK_END}")
