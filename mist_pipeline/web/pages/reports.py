"""The morning reports that are kept, by calendar; and one of them, locked up: it may load nothing, run nothing and reach nothing."""

import calendar
from dataclasses import dataclass
from datetime import date

from starlette.responses import RedirectResponse, Response

from mist_pipeline.domain.text import clean
from mist_pipeline.web.address import BadAddressError
from mist_pipeline.web.context import Context, NotHereError, Page

SEALED = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""A report is a file that is whole in itself, of another version of us maybe: it gets an origin of its own, so that nothing in it could
decide anything here or read a cookie."""

_KINDS = {"html": "text/html; charset=utf-8", "txt": "text/plain; charset=utf-8", "json": "application/json"}


@dataclass(frozen=True)
class Day:
    """One day of the calendar.

    Attributes:
        day: It.
        is_kept: Whether its report is.
        health: Mean health of the sites on it; None where that is not known.
    """

    day: date
    is_kept: bool
    health: float | None


def listed(context: Context) -> Response:
    """A month."""
    typed = context.address.text("month")
    context.address.finish()
    reports = context.past.reports
    days = reports.days()
    today = context.at.astimezone(context.past.zone).date()
    month = _month(typed) if typed else (days[-1] if days else today).replace(day=1)
    weeks = calendar.Calendar().monthdatescalendar(month.year, month.month)
    kept = set(days)
    health = context.past.health(weeks[0][0], weeks[-1][-1])
    months = sorted({day.replace(day=1) for day in days})
    return context.page(
        "reports.html.j2",
        title="Morning reports",
        month=month,
        weeks=[[Day(day, day in kept, health.get(day)) for day in week] for week in weeks],
        newest=days[-1] if days else None,
        before=max((one for one in months if one < month), default=None),
        after=min((one for one in months if one > month), default=None),
        total=len(days),
        summaries=reports.weeks(),
        month_names=calendar.month_name,
    )


def _month(typed: str) -> date:
    try:
        found = date.fromisoformat(f"{typed}-01")
    except ValueError:
        found = None
    if found is None or not date.min.year < found.year < date.max.year:
        raise BadAddressError("month", typed, "is a month such as 2026-03")
    return found


def of_day(context: Context) -> Response:
    """The newest report of a day: on to its file."""
    context.address.finish()
    day = _day(context.values["day"])
    name = context.past.reports.newest(day)
    if not name:
        raise NotHereError(f"No report of {day.isoformat()} is kept.")
    return RedirectResponse(context.path_of("report", day.isoformat(), name), 303)


def file(context: Context) -> Response:
    """A file of a day."""
    context.address.finish()
    day, name = _day(context.values["day"]), context.values["name"]
    found = context.past.reports.read(day, name)
    if found is None:
        raise NotHereError(f"No file {clean(name, 80)} of {day.isoformat()} is kept.")
    return _sealed(found, name.rpartition(".")[2])


def week(context: Context) -> Response:
    """The summary of a week whose reports are packed away."""
    context.address.finish()
    name = context.values["week"]
    found = context.past.reports.week(name)
    if found is None:
        raise NotHereError(f"No summary of the week {clean(name, 20)} is kept.")
    return _sealed(found, "txt")


def _sealed(body: bytes, kind: str) -> Response:
    return Response(body, media_type=_KINDS[kind], headers={"Content-Security-Policy": SEALED})


def _day(text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise NotHereError(f"{clean(text, 40)} is no day such as 2026-03-01.") from None
    if found.isoformat() != text:
        raise NotHereError(f"{clean(text, 40)} is no day such as 2026-03-01.")
    return found


PAGES = (
    Page("/reports", listed, nav="Reports"),
    Page("/report/{day}", of_day, under="Reports"),
    Page("/report/{day}/{name}", file, under="Reports"),
    Page("/week/{week}", week, under="Reports"),
)
