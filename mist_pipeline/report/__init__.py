"""The daily report: frames in; a text summary, a JSON dashboard and one HTML page out.

The caller gathers `ReportData` (``queries``). `build_dashboard` makes one plain document of it (``document``), and
text, JSON and page are rendered from that document (``rendering``), which also writes them to the reports folder. What
the page shows and the fields of the JSON: docs/report.md.

Not here: computing anything about a day (``analysis``), sending (``delivery``), reading the warehouse, Dagster.
"""

from mist_pipeline.report.document.dashboard import build_dashboard
from mist_pipeline.report.queries.data import Links, ReportData, ReportSettings
from mist_pipeline.report.rendering.files import Written, write
from mist_pipeline.report.rendering.render import render_html, render_json, render_text

__all__ = [
    "Links",
    "ReportData",
    "ReportSettings",
    "Written",
    "build_dashboard",
    "render_html",
    "render_json",
    "render_text",
    "write",
]
