"""Answers of the organisation endpoint as frames: every site's score, clients and access points by hour.

Pure: raw records in, frames out. The detail of a site is in ``collect.history.hourly``, both
come together in ``collect.history.frames``.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Any

import polars as pl

from mist_pipeline.collect.raw.format import Record
from mist_pipeline.domain.metrics import CATALOGUE
from mist_pipeline.mist.parsers import SitesSle, parse_sites_sle

USER_METRICS = tuple(
    name for name, metric in CATALOGUE.items() if metric.family in ("radio", "roaming", "connect")
)
"""Metrics that are measured on clients: without clients there is no score. The health of devices has one at any time."""

_ANSWER: dict[str, Any] = {
    "start": pl.Int64,
    "end": pl.Int64,
    "group": pl.String,
    "received_at": pl.Int64,
    "site_id": pl.String,
    "num_clients": pl.Float64,
    "num_aps": pl.Float64,
    **dict.fromkeys(CATALOGUE, pl.Float64),
}

_BATCH = 200
"""Pages taken apart at once: bounds memory."""


def organisation_frame(records: Iterable[Record]) -> pl.DataFrame:
    """The answers as one row per window, group and site, scores side by side.

    Returns:
        start, end: The window asked, epoch seconds. group. received_at: Epoch microseconds. site_id, num_clients,
        num_aps (null where the cloud does not say). One column per metric: score in percent, null where absent.
        An answer without sites, or none at all, is one row whose site_id is null: it was asked.
    """
    remaining = iter(records)
    frames = []
    while batch := list(islice(remaining, _BATCH)):
        frames.append(_pages(batch))
    return pl.concat(frames) if frames else pl.DataFrame(schema=_ANSWER)


def worst_first(answers: pl.DataFrame) -> tuple[str, ...]:
    """Sites in the order in which their detail is worth asking: most client-hours of degraded service first.

    Args:
        answers: As from ``organisation_frame``.
    """
    lost = pl.sum_horizontal((100.0 - pl.col(metric)).fill_null(0.0) for metric in CATALOGUE)
    weight = pl.max_horizontal(pl.col("num_clients").fill_null(0.0), 1.0)
    ranked = (
        answers.filter(pl.col("site_id").is_not_null())
        .group_by("site_id")
        .agg((lost * weight).sum().alias("lost"))
        .sort(["lost", "site_id"], descending=[True, False])
    )
    return tuple(ranked["site_id"])


def _pages(batch: list[Record]) -> pl.DataFrame:
    columns: dict[str, list[Any]] = {name: [] for name in _ANSWER}
    for record in batch:
        page = _page(record)
        asked = record.header.request
        count = max(1, len(page.site_ids))
        nothing: list[Any] = [None] * count
        found: dict[str, list[Any]] = {
            "start": [asked["start"]] * count,
            "end": [asked["end"]] * count,
            "group": [asked["group"]] * count,
            "received_at": [int(record.header.received_at.timestamp() * 1_000_000)] * count,
            "site_id": page.site_ids,
            "num_clients": page.num_clients,
            "num_aps": page.num_aps,
            **page.scores_pct,
        }
        for name, column in columns.items():
            column.extend(found.get(name) or nothing)
    return pl.DataFrame(columns, schema=_ANSWER)


_NOTHING = SitesSle(0, 0, [], [], [], {}, frozenset())


def _page(record: Record) -> SitesSle:
    return parse_sites_sle(record.document()) if record.header.is_answered else _NOTHING
