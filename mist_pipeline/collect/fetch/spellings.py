"""What sites call their metrics, as the cloud advertised it and earlier fetches kept it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from mist_pipeline.collect.fetch.plan import WINDOW_STEPS, Known
from mist_pipeline.collect.fetch.records import kind_of
from mist_pipeline.collect.raw.errors import RawDamagedError
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.domain.metrics import CATALOGUE
from mist_pipeline.mist.parsers import parse_sle_metrics

SPELLINGS = "sle_metrics"
"""Snapshot kind that holds which metrics the sites have."""


def known_spellings(
    store: RawStore, as_of: datetime, *, refresh_after: timedelta = timedelta(days=7)
) -> dict[str, Mapping[str, str | None]]:
    """Advertised metric names by site, from what was asked in the last days (the newest wins)."""
    known: dict[str, Mapping[str, str | None]] = {}
    for snapshot in store.snapshots(SPELLINGS, as_of - refresh_after, as_of + timedelta(microseconds=1)):
        try:
            records = store.read_snapshot(snapshot)
        except RawDamagedError:
            continue  # its sites are asked again
        for record in records:
            known[record.header.request["site_id"]] = spellings_of(record.document())
    return known


def what_is_known(store: RawStore, as_of: datetime) -> Known:
    """What earlier fetches learnt about this cloud: metric names of the sites, and how long a detail window may be."""
    newest = store.latest(kind_of("detail"))
    hours = newest.notes.get("window_hours") if newest else None
    return Known(window_hours=hours or WINDOW_STEPS[0], spellings=known_spellings(store, as_of))


def spellings_of(document: Any) -> dict[str, str | None]:
    """Canonical name → spelling to ask for, None for a metric that the site does not have.

    A site that lists nothing at all is asked by the catalogue's own names.
    """
    advertised = parse_sle_metrics(document)
    if not advertised.enabled and not advertised.supported:
        return {metric: metric for metric in CATALOGUE}
    return {metric: advertised.spellings.get(metric) for metric in CATALOGUE}
