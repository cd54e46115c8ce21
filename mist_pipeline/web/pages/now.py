"""The organisation now: what people look at first and leave open.

Health, counts with their change, the state of the pipeline, incidents that go on, and every site, the worst first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from mist_pipeline.domain.severity import STATUSES
from mist_pipeline.overview.model import Now, Source
from mist_pipeline.overview.orders import ORDERS, chosen_sites
from mist_pipeline.web.context import Context, Page
from mist_pipeline.web.paging import pages_of

MOST_INCIDENTS = 8
"""Incidents on this page; all of them have a page of their own."""

ROWS = 100
"""Sites on one page."""


@dataclass(frozen=True)
class Count:
    """So many sites have a status.

    Attributes:
        status: The status.
        number: Sites; None where no site is known.
        change: Against the newest analysed day; None where that is not known.
    """

    status: str
    number: int | None
    change: int | None


def counts(now: Now) -> list[Count]:
    """Every status with its sites, the worst first; UNKNOWN only where there is or was one."""
    here, before = now.organisation.counts, now.organisation.counts_before
    found = [
        Count(
            status,
            here.get(status, 0) if now.sites else None,
            here.get(status, 0) - before.get(status, 0) if before else None,
        )
        for status in STATUSES
    ]
    return [one for one in found if one.status != STATUSES[-1] or one.number or one.change]


def warnings(now: Now) -> list[str]:
    """What keeps the page from saying how things are now: sources that are old or cannot be read, and sinks that fail."""
    said = status_warnings(now)
    if now.ledger.trouble:
        said.append(f"Incidents: {now.ledger.words(now.at)}.")
    said += [f"Health: {now.days.words(now.at)}."] if _is_told(now.days, now) else []
    return said + sink_warnings(now)


def status_warnings(now: Now) -> list[str]:
    """What keeps statuses from being those of now."""
    if now.live.is_stale(now.at):
        if now.live.as_of:
            then = "Polls are missing: is mist-pipeline daemon running?"
        else:
            then = (
                "The next poll of mist-pipeline daemon writes it anew."
                if now.live.is_unreadable
                else "mist-pipeline daemon polls."
            )
        return [f"Statuses: {now.live.words(now.at)}. {then}"]
    return [f"Statuses: {now.live.words(now.at)}."] if now.live.trouble else []


def sink_warnings(now: Now) -> list[str]:
    """Sinks that fail."""
    return [f"Messages: {sink} {why.rstrip('.')}." for sink, why in now.pipeline.failing.items()]


def _is_told(source: Source, now: Now) -> bool:
    return bool(source.trouble) or (source.as_of is not None and source.is_stale(now.at))


def page(context: Context) -> Response:
    """The page."""
    address = context.address
    typed = address.text("q")
    order = address.one_of("sort", tuple(ORDERS))
    is_reversed = address.is_set("down")
    number = address.number("page", 1, 1, 10_000)
    wants_csv = address.one_of("as", ("page", "csv")) == "csv"
    address.finish()
    now = context.overview.now(context.at)
    found = chosen_sites(now.sites, now.labels, typed, order, is_reversed=is_reversed)
    if wants_csv:
        return context.table(
            "sites", _COLUMNS, ([getattr(site, name) for name in _COLUMNS] for site in found)
        )
    return context.page(
        "now.html.j2",
        title="Now",
        now=now,
        counts=counts(now),
        warnings=warnings(now),
        incidents=now.incidents[:MOST_INCIDENTS],
        sites=pages_of(found, number, ROWS),
        typed=typed,
        order=order,
        is_reversed=is_reversed,
        severe=sum(one.severity == "critical" for one in now.incidents),
    )


_COLUMNS: Sequence[str] = (
    "site_id", "label", "status", "last_status", "changed_since", "worst_metric", "worst_pct", "trend", "health",
    "health_change", "clients", "forecast_metric", "forecast_days",
)  # fmt: skip

PAGES = (Page("/", page, nav="Now"),)
