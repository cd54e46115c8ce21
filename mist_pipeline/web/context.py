"""What a page is given, and what it is: the request's state, the read model, who asks, and rendering.

Not here: the pages (`pages`), what stands in an address (`address`), who may come in (`access`).
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from jinja2 import Environment
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mist_pipeline.domain.spreadsheets import without_formula
from mist_pipeline.overview.actions import Actions
from mist_pipeline.overview.past.reader import Past
from mist_pipeline.overview.reader import Overview
from mist_pipeline.web.address import Address, BadAddressError, path_of
from mist_pipeline.web.charts.chart import Chart


class NotHereError(Exception):
    """There is no such thing; says what was looked for."""


@dataclass(frozen=True, kw_only=True)
class Console:
    """One console: what is the same for every request.

    Attributes:
        overview: The read model.
        actions_of: Decisions in the name of a person.
        clock: What time it is.
        organisation: Its name, '' where nobody named it.
        is_read_only: Whether nobody may decide anything here.
        stands_still: Whether the clock stands, as in a demonstration: ages then do not tick.
        links: Other places that the navigation leads to: name → address.
        steps_for: What usually helps, by metric, classifier and family.
        link_key: What links to an answer in messages are signed with; '' where there are none.
        prefix: Path below which it is, as in ``/acme``; '' where it is the only one.
    """

    overview: Overview
    actions_of: Callable[[str], Actions]
    clock: Callable[[], datetime]
    organisation: str = ""
    is_read_only: bool = False
    stands_still: bool = False
    links: Mapping[str, str] = field(default_factory=dict)
    steps_for: Callable[[str, str, str], Sequence[str]] = lambda _metric, _classifier, _family: ()
    link_key: str = field(default="", repr=False)
    prefix: str = ""

    @cached_property
    def past(self) -> Past:
        """The read model of what was."""
        return Past(self.overview)


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Who asks.

    Attributes:
        name: In whose name decisions are written down; '' where they have to say it themselves.
        typed: What they said last that they are called.
        token: What a form has to send so that it is known to come from a page of theirs.
    """

    name: str = ""
    typed: str = ""
    token: str = ""


@dataclass(frozen=True, kw_only=True)
class Context:
    """One request, as a page sees it.

    Attributes:
        console: What is the same for every request.
        address: The state of the page.
        at: When it is asked; every age is counted from here.
        visitor: Who asks.
        values: Parts of the path by name, as in ``/site/{site_id}``.
        form: What a form sent, of a POST.
        said: What became of the visitor's last decision, '' if there is nothing to say.
        templates: Where templates are.
        navigation: Title, address and whether it is this page's, of what stands at the top.
        version: Of what the page stands on; another one means that something is new.
    """

    console: Console
    address: Address
    at: datetime
    visitor: Visitor
    templates: Environment
    values: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    said: str = ""
    navigation: Sequence[tuple[str, str, bool]] = ()
    version: str = ""

    @property
    def overview(self) -> Overview:
        """The read model."""
        return self.console.overview

    @property
    def past(self) -> Past:
        """The read model of what was."""
        return self.console.past

    @property
    def organisation(self) -> str:
        """Its name, '' where nobody named it."""
        return self.console.organisation

    @property
    def stands_still(self) -> bool:
        """Whether ages do not tick."""
        return self.console.stands_still

    @property
    def prefix(self) -> str:
        """Path below which all addresses of this console are."""
        return self.console.prefix

    def path_of(self, *parts: str) -> str:
        """The path of a page of this console."""
        return self.prefix + path_of(*parts)

    @property
    def may_act(self) -> bool:
        """Whether decisions may be made here."""
        return not self.console.is_read_only

    @property
    def actions(self) -> Actions:
        """Decisions in the visitor's name."""
        return self.console.actions_of(self.visitor.name or self.visitor.typed)

    def page(self, template: str, *, title: str, status: int = 200, **values: Any) -> Response:
        """A rendered page.

        Args:
            template: Its file.
            title: Of the window.
            status: Of the answer.
            values: What the template needs besides ``context``, ``title`` and ``status``.
        """
        text = self.templates.get_template(template).render(
            context=self, title=title, status=status, **values
        )
        return HTMLResponse(text, status)

    def numbers(self, charts: Iterable[Chart], name: str) -> Response:
        """The numbers of one chart as CSV.

        Args:
            charts: Those of the page.
            name: Of the one that is asked for.

        Raises:
            BadAddressError: None of them is called so.
        """
        known = {chart.name: chart for chart in charts}
        if name not in known:
            raise BadAddressError("chart", name, f"is one of {', '.join(known) or 'none: there is no chart'}")
        return self.table(name, known[name].columns, known[name].values)

    def table(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
        """Rows as CSV for download; a spreadsheet that opens it computes nothing of what strangers typed.

        Args:
            name: Of the file, without its ending: letters, digits and hyphens.
            columns: Their names.
            rows: Values in that order; None is an empty cell.
        """
        written = io.StringIO()
        writer = csv.writer(written)
        writer.writerow(columns)
        writer.writerows([_cell(value) for value in row] for row in rows)
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return Response(written.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


class Done(RedirectResponse):
    """A decision was carried out: the browser goes on to a page, which tells what became of it.

    Args:
        words: What became of it.
        address: Of the page.
    """

    def __init__(self, words: str, address: str) -> None:
        super().__init__(address, 303)
        self.words = words


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return without_formula(value) if isinstance(value, str) else value


Answer = Callable[[Context], Response]
"""What a page is: a function of its context."""


@dataclass(frozen=True)
class Page:
    """One page of the console.

    Attributes:
        path: As Starlette routes it, with ``{names}`` of parts.
        answer: What it answers.
        nav: Its word in the navigation, '' for a page that does not stand there.
        under: The word of the navigation that it belongs to, where it has none itself.
        is_action: Whether it is sent by POST and changes something; all others are GET and change nothing.
    """

    path: str
    answer: Answer
    nav: str = ""
    under: str = ""
    is_action: bool = False

    @property
    def word(self) -> str:
        """The word of the navigation that is marked while this page is shown."""
        return self.nav or self.under
