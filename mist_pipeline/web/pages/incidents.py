"""Incidents as lists: those that go on, those that are over; by words and by the matchers of silences."""

from starlette.responses import Response

from mist_pipeline.overview.orders import chosen_incidents
from mist_pipeline.web.context import Context, Page
from mist_pipeline.web.paging import pages_of

ROWS = 100
MOST_OVER = 1000
"""Incidents that are over and can be found here, the newest."""


def page(context: Context) -> Response:
    """The list."""
    address = context.address
    is_over = address.one_of("state", ("open", "over")) == "over"
    typed = address.text("q")
    number = address.number("page", 1, 1, 10_000)
    wants_csv = address.one_of("as", ("page", "csv")) == "csv"
    address.finish()
    source, known = context.overview.incidents(context.at, over=is_over, most=MOST_OVER)
    found = chosen_incidents(known, context.overview.labels(), typed)
    if wants_csv:
        rows = ([getattr(one, name) for name in _COLUMNS] for one in found)
        return context.table(f"incidents-{'over' if is_over else 'open'}", _COLUMNS, rows)
    return context.page(
        "incidents.html.j2",
        title="Incidents that are over" if is_over else "Incidents",
        is_over=is_over,
        typed=typed,
        source=source,
        known=len(known),
        is_cut=is_over and len(known) == MOST_OVER,
        incidents=pages_of(found, number, ROWS),
    )


_COLUMNS = (
    "incident_id", "severity", "state", "progress", "began_at", "opened_at", "last_bad_at", "resolved_at", "where", "what", "family",
    "acknowledged_by", "withheld", "num_alerts",
)  # fmt: skip

PAGES = (Page("/incidents", page, nav="Incidents"),)
