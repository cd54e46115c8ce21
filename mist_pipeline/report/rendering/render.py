"""One document, three forms: text, JSON, page. The same frames give the same characters, every time."""

import json

from mist_pipeline.report.document.dashboard import build_dashboard
from mist_pipeline.report.document.model import Dashboard
from mist_pipeline.report.queries.data import ReportData
from mist_pipeline.report.rendering.html import Page
from mist_pipeline.report.rendering.text import text_of


def render_text(data: ReportData) -> str:
    """The summary for a terminal or a mail; no control characters, whatever sites are called."""
    return text_of(build_dashboard(data), data.settings)


def render_json(data: ReportData) -> str:
    """The dashboard document (docs/report.md)."""
    return json_of(build_dashboard(data))


def render_html(data: ReportData, data_href: str | None = None) -> str:
    """The page: one file that needs nothing else.

    Args:
        data: The report.
        data_href: Relative address of the JSON dashboard beside the page, if there will be one.
    """
    return Page(build_dashboard(data), data.settings).html(data_href)


def json_of(dashboard: Dashboard) -> str:
    """The document as ASCII JSON that is harmless inside of markup too.

    Raises:
        ValueError: If a number is not finite, which `build_dashboard` rules out.
    """
    text = json.dumps(dashboard, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026") + "\n"
