"""The daily report: frames in; a text summary, a JSON dashboard and one HTML page out.

`ReportData` (in `data`) is what the caller gathers. `dashboard` turns it into one plain document, and everything that
is shown is rendered from that: `text`, `page` (templates, `charts`, `drawings`). `files` puts the three into the
reports folder. What the page shows and the fields of the JSON: docs/report.md.

Not here: any judgement (`analysis`), sending (`delivery`), reading the warehouse, Dagster.
"""

from mist_pipeline.report.document.dashboard import build_dashboard
from mist_pipeline.report.queries.data import Links, ReportData, ReportSettings
from mist_pipeline.report.rendering.files import Written, write
from mist_pipeline.report.rendering.templates import render_html, render_json, render_text

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
