"""Pages in the ledger: which of a pager's own incidents are ours, and who has them there.

A pager groups what it is sent into incidents of its own, with names of its own, and tells what people do by those names. A
row joins such a page to one of our incidents; a page that several of our messages were grouped into has several rows, and
one whose incident is not known yet has a row with an empty incident, so that what was heard too early is not lost.

Of every page the newest act counts: what is told again, or later than what followed it, changes nothing. Queries inside the
caller's transaction. Not here: transactions (`ledger`), and what a pager sends (``delivery.sinks``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mist_pipeline.alerts.ledger import queries
from mist_pipeline.alerts.ledger.mapping import Row
from mist_pipeline.alerts.ledger.tables import DELIVERIES, HEARD, INCIDENTS, PAGES
from mist_pipeline.alerts.lifecycle.model import Incident

CLOCKS_DIFFER = timedelta(minutes=1)
"""A pager's clock and ours may differ by so much: an act that much older than the incident's call for a person counts."""

FORGOTTEN_AFTER = timedelta(days=7)
"""Pages of others are forgotten after so long."""

TAKEN_WITHIN = timedelta(hours=1)
"""So long after it happened an act is taken from a pager, and so far ahead of our clock; PagerDuty repeats for twenty minutes."""

_REMEMBERED_FOR = 3 * TAKEN_WITHIN
"""By then an event is too old to be taken, wherever in that time it was."""

_FUTURE = timedelta(days=1)
"""An act so far ahead is a mistake."""

PageAct = Literal["opened", "taken", "closed", "given_back", "merged"]
TAKEN: frozenset[str] = frozenset({"taken", "closed"})
"""Acts after which a person knows."""


@dataclass(frozen=True, kw_only=True)
class PageNews:
    """What a pager says of one of its incidents.

    Attributes:
        page: The pager's name of it.
        act: *opened*; *taken* or *closed* by a person; *given back*: nobody has it any more; *merged* into another.
        at: When, by the pager's clock.
        by: Who, for people; hostile where rendered.
        subjects: What our messages in it are about, as far as the pager says: incidents, digests, tests.
        into: The page that goes on with a merged one.
        sink: Whose pager said so.
        event_id: The pager's name of what happened; empty where it has none.
    """

    page: str
    act: PageAct
    at: datetime
    by: str = ""
    subjects: tuple[str, ...] = ()
    into: str = ""
    sink: str = ""
    event_id: str = ""


def record(connection: Connection, news: PageNews, now: datetime) -> list[Row]:
    """Write down what a pager says; returns the rows whose incidents may follow, sorted by incident."""
    if news.at > now + _FUTURE:
        # It would make whatever follows old.
        return []
    if news.event_id and not is_first(connection, news.sink, news.event_id, now):
        return []
    joined = _join(connection, news.page, _incidents(connection, news.subjects))
    if news.act == "merged" and news.into:
        ours = [row["incident_id"] for row in of_page(connection, news.page)]
        joined |= _join(connection, news.into, ours)
    is_news = _note(connection, news)
    too_old = (PAGES.c.incident_id == "") & (PAGES.c.acted_at < now - FORGOTTEN_AFTER)
    connection.execute(sa.delete(PAGES).where(too_old))
    rows = [*of_page(connection, news.page), *(of_page(connection, news.into) if news.into else ())]
    return [
        row
        for row in rows
        if (is_news and row["page"] == news.page) or (row["page"], row["incident_id"]) in joined
    ]


def of_page(connection: Connection, page: str) -> list[Row]:
    """The rows of a page that is joined to incidents of ours, sorted by incident."""
    return [row for row in _rows(connection, page) if row["incident_id"]]


def note_change(connection: Connection, row: Row, at: datetime) -> None:
    """Write down that the last act on a page changed its incident."""
    mine = (PAGES.c.page == row["page"]) & (PAGES.c.incident_id == row["incident_id"])
    connection.execute(sa.update(PAGES).where(mine).values(changed_at=at))


def takes(row: Row, incident: Incident) -> bool:
    """Whether the last act on a page takes its incident: it happened since the incident asks for a person.

    Where it asks because this very page was given back, the pager's own order of acts counts, and no clock.
    """
    if row["state"] not in TAKEN or incident.state != "open":
        return False
    is_own_call = row["changed_at"] is not None and row["changed_at"] == incident.asks_since
    return is_own_call or bool(row["acted_at"] >= incident.asks_since - CLOCKS_DIFFER)


def gives_back(connection: Connection, row: Row, incident: Incident) -> bool:
    """Whether the last act on a page takes an acknowledgement back: it came by a page, and no page is taken any more."""
    if row["state"] != "given_back" or incident.state != "acknowledged":
        return False
    mine = queries.rows(connection, sa.select(PAGES).where(PAGES.c.incident_id == incident.incident_id))
    came_by_page = any(one["changed_at"] == incident.acknowledged_at for one in mine)
    return came_by_page and not any(
        one["state"] in TAKEN and one["acted_at"] >= incident.asks_since - CLOCKS_DIFFER for one in mine
    )


def is_first(connection: Connection, sink: str, event_id: str, now: datetime) -> bool:
    """Whether an event of a sink's receiver is told for the first time; remembers it for longer than it is taken."""
    connection.execute(sa.delete(HEARD).where(HEARD.c.heard_at < now - _REMEMBERED_FOR))
    mine = (HEARD.c.sink == sink) & (HEARD.c.event_id == event_id)
    if connection.execute(sa.select(HEARD.c.event_id).where(mine)).first() is not None:
        return False
    connection.execute(sa.insert(HEARD).values(sink=sink, event_id=event_id, heard_at=now))
    return True


def _rows(connection: Connection, page: str) -> list[Row]:
    query = sa.select(PAGES).where(PAGES.c.page == page).order_by(PAGES.c.incident_id)
    return list(queries.rows(connection, query))


def _incidents(connection: Connection, subjects: Iterable[str]) -> list[str]:
    """Incidents that these subjects are: themselves, or those that a digest covers; a test is none."""
    wanted = sorted(set(subjects))
    found = [row["incident_id"] for row in queries.rows_in(connection, INCIDENTS.c.incident_id, wanted)]
    for row in queries.rows_in(connection, DELIVERIES.c.incident_id, wanted):
        if row["kind"] == "digest":
            found += [one["incident_id"] for one in row["payload"]["covers"]]
    return sorted(set(found))


def _note(connection: Connection, news: PageNews) -> bool:
    """Write down who has a page; False for what is known, or older than what is known."""
    known = _rows(connection, news.page)
    newest = max((row["acted_at"] for row in known if row["acted_at"] is not None), default=None)
    if newest is not None and news.at <= newest:
        return False
    values = {"state": news.act, "who": news.by, "acted_at": news.at}
    if known:
        connection.execute(sa.update(PAGES).where(PAGES.c.page == news.page).values(**values))
    elif news.act in TAKEN:
        connection.execute(sa.insert(PAGES).values(page=news.page, incident_id="", **values))
    return True


def _join(connection: Connection, page: str, incidents: Sequence[str]) -> set[tuple[str, str]]:
    """Join a page to incidents; returns the new pairs."""
    known = _rows(connection, page)
    # What is known of the page, such as that it was taken before we knew whose it is, holds for each of its incidents.
    last = max(known, key=lambda row: (row["acted_at"] is not None, row["acted_at"]), default=None)
    heard = (
        {name: last[name] for name in ("state", "who", "acted_at")}
        if last
        else {"state": "opened", "who": ""}
    )
    new = [name for name in incidents if name not in {row["incident_id"] for row in known}]
    for name in new:
        connection.execute(sa.insert(PAGES).values(page=page, incident_id=name, **heard))
    if new:
        connection.execute(sa.delete(PAGES).where((PAGES.c.page == page) & (PAGES.c.incident_id == "")))
    return {(page, name) for name in new}
