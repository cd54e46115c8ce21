"""What the cloud can only tell about now: sites, their counts, their devices. One question each, kept under the run's instant.

Not here: answers about days (`fetcher`), what becomes of a snapshot (``collect.history``).
"""

from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from mist_pipeline.collect.fetch.fetcher import Client, checked
from mist_pipeline.collect.fetch.records import Origin, record_of
from mist_pipeline.collect.raw.store import RawStore, Snapshot, Written
from mist_pipeline.mist import endpoints
from mist_pipeline.mist.endpoints import Call
from mist_pipeline.mist.errors import UnexpectedShape
from mist_pipeline.mist.parsers import Oddities, Site, parse_sites, parse_stats_devices, parse_stats_sites

SnapshotKind = Literal["sites", "stats_sites", "devices"]

_QUESTIONS: Mapping[SnapshotKind, tuple[Callable[[str], Call], Callable[..., Sized]]] = {
    "sites": (endpoints.org_sites, parse_sites),
    "stats_sites": (endpoints.stats_sites, parse_stats_sites),
    "devices": (endpoints.stats_devices, parse_stats_devices),
}


@dataclass(frozen=True)
class Taken:
    """A snapshot that was taken, and what of it could not be read."""

    written: Written
    odd: Oddities


def fetch_snapshot(
    kind: SnapshotKind, client: Client, store: RawStore, origin: Origin, as_of: datetime
) -> Taken:
    """Ask for one "now only" kind and keep it under the run's instant.

    Raises:
        MistError: It was not answered, or too much of it cannot be read; nothing is kept.
    """
    ask, parse = _QUESTIONS[kind]
    call = ask(origin.org_id)
    [(_, result)] = client.fetch_many([call], lane=origin.lane)
    pages = checked(result)
    odd = Oddities(kind)
    rows = parse(*(page.document for page in pages), odd=odd)
    odd.check()
    if odd.lost and not rows:
        raise UnexpectedShape(f"nothing of it can be read: {odd.first[0].sentence}", endpoint=call.endpoint)
    records = [record_of(page, kind, {"purpose": kind}, as_of, origin) for page in pages]
    return Taken(store.write_snapshot(kind, records, as_of), odd)


LOOK_BACK = 28
"""Snapshots before an odd one that are looked into, a week of them: until one of which every row could be read."""


def sites_of(store: RawStore, snapshot: Snapshot) -> list[Site]:
    """The sites of a snapshot; where rows of it cannot be read, also those that the ones before it knew.

    A site without a readable id cannot be told from one that was removed. It is asked for once more rather than forgotten: what a removed
    site does not say is missing for as long as the odd row is there.
    """
    found: dict[str, Site] = {}
    for _ in range(LOOK_BACK):
        odd = Oddities("sites")
        documents = (record.document() for record in store.read_snapshot(snapshot))
        found = {site.id: site for site in parse_sites(*documents, odd=odd)} | found
        before = store.snapshot_for("sites", snapshot.as_of - timedelta(microseconds=1))
        if not odd.lost or before is None or before.is_substituted:
            break
        snapshot = before
    return list(found.values())
