"""Fetches of a few answers, and what a raw store says of them afterwards."""

import json
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from mist_pipeline.collect.raw.format import Header, Record
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline_tests.support.collect.fake_cloud import NOW


def record(
    key: str, of_days: Iterable[date], body: Any = None, *, as_of: datetime = NOW, number: int = 1
) -> Record:
    """One page about some days."""
    header = Header(
        key=key,
        request={"site_id": key, "days": [day.isoformat() for day in of_days]},
        number=number,
        as_of=as_of,
        requested_at=as_of,
        received_at=as_of,
        client_version="test",
    )
    return Record(header, json.dumps(body).encode())


def fetch(store: RawStore, kind: str, records: list[Record], as_of: datetime = NOW) -> list[date]:
    """Write and commit one record a request."""
    of_days = sorted({day for each in records for day in each.header.days})
    with store.generation(kind, of_days, as_of) as fetching:
        for each in records:
            fetching.write([each])
        return fetching.commit([each.header.key for each in records], {"strategy": "full"})


def bodies(store: RawStore, kind: str, wanted: Iterable[date], **options: Any) -> dict[Any, frozenset[date]]:
    """Every document that counts, with the days for which it does."""
    return {each.document(): of_days for each, of_days in store.read(kind, wanted, **options)}
