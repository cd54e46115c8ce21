"""Answers of the organisation endpoint as frames: every site's score, clients and access points by hour.

Pure: raw records in, frames out. Site detail is in ``detail``, both come together in ``frames``.
"""

from collections.abc import Iterable
from typing import Any

import polars as pl

from mist_pipeline.collect.raw_format import Record
from mist_pipeline.mist.metrics import CATALOGUE
from mist_pipeline.mist.shapes import parse_sites_sle

USER_METRICS = tuple(
    name for name, metric in CATALOGUE.items() if metric.family in ("radio", "roaming", "connect")
)
"""Metrics of which nobody present means nobody measured; devices have a health of their own at night."""

_ANSWER = {
    "start": pl.Int64,
    "end": pl.Int64,
    "group": pl.String,
    "received_at": pl.Int64,
    "site_id": pl.String,
    "num_clients": pl.Float64,
    "num_aps": pl.Float64,
}


def organisation_frame(records: Iterable[Record]) -> pl.DataFrame:
    """The answers as one row per window, group and site, scores side by side.

    Returns:
        start, end: The window asked, epoch seconds. group. received_at: Epoch microseconds. site_id, num_clients,
        num_aps (null where the cloud does not say). One column per metric: score in percent, null where absent.
        An answer without sites is one row whose site_id is null: it was asked.
    """
    frames = [_page(record) for record in records]
    empty = pl.DataFrame(schema={**_ANSWER, **dict.fromkeys(CATALOGUE, pl.Float64)})
    return pl.concat([empty, *frames], how="diagonal") if frames else empty


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


def _page(record: Record) -> pl.DataFrame:
    page = parse_sites_sle(record.document())
    asked = record.header.request
    count = len(page.site_ids)
    columns: dict[str, list[Any]] = {
        "site_id": page.site_ids or [None],
        "num_clients": page.num_clients if count else [None],
        "num_aps": page.num_aps if count else [None],
        **(dict(page.scores_pct) if count else {}),
    }
    schema = {name: pl.String if name == "site_id" else pl.Float64 for name in columns}
    return pl.DataFrame(columns, schema=schema).with_columns(
        pl.lit(asked["start"], pl.Int64).alias("start"),
        pl.lit(asked["end"], pl.Int64).alias("end"),
        pl.lit(asked["group"]).alias("group"),
        pl.lit(int(record.header.received_at.timestamp() * 1_000_000), pl.Int64).alias("received_at"),
    )
