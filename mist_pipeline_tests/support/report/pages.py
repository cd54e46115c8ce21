"""A report in all its forms, and a strict parser of its page."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

from mist_pipeline.report import ReportData, build_dashboard, render_html, render_text
from mist_pipeline.report.document.model import Dashboard

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


@dataclass
class Parsed:
    """A page as elements and text; unbalanced tags are errors."""

    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def all(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag in tags]

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parsed = Parsed()
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.parsed.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.parsed.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.parsed.errors.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.parsed.text.append(data)

    def close(self) -> None:
        super().close()
        self.parsed.errors += [f"<{tag}> never closed" for tag in self._open]


def parse(page: str) -> Parsed:
    """Parse a page strictly."""
    parser = _Parser()
    parser.feed(page)
    parser.close()
    return parser.parsed


@dataclass(frozen=True)
class Rendered:
    """One report in all its forms."""

    data: ReportData
    dashboard: Dashboard
    html: str
    page: Parsed
    text: str


def rendered(data: ReportData) -> Rendered:
    """Render everything once."""
    page = render_html(data)
    return Rendered(data, build_dashboard(data), page, parse(page), render_text(data))
