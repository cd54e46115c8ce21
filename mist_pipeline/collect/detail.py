"""Answers of the detail endpoint as frames: user-minutes by site, metric and hour, and by classifier.

Pure: raw records in, frames out. The buckets of an answer are added up by hour; where answers overlap, one of them
speaks for an hour. States, days and the organisation's scores come together in ``frames``.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

import polars as pl

from mist_pipeline.collect.raw_format import Record
from mist_pipeline.mist.shapes import SleSummary, parse_sle_summary

_BATCH = 2000
"""Documents taken apart at once: bounds memory, not speed."""

_MINUTES = pl.List(pl.Float64)
_DOCUMENT: dict[str, Any] = {
    "record": pl.Int64,
    "start": pl.Int64,
    "end": pl.Int64,
    "interval": pl.Int64,
    "total": _MINUTES,
    "degraded": _MINUTES,
    "value": _MINUTES,
}
_CLASSIFIER: dict[str, Any] = {
    "record": pl.Int64,
    "classifier": pl.String,
    "num_users": pl.Int64,
    "num_aps": pl.Int64,
    "start": pl.Int64,
    "end": pl.Int64,
    "interval": pl.Int64,
    "total": _MINUTES,
    "degraded": _MINUTES,
}
_ANSWER: dict[str, Any] = {
    "record": pl.Int64,
    "site_id": pl.String,
    "metric": pl.String,
    "outcome": pl.String,
    "start": pl.Int64,
    "end": pl.Int64,
    "received_at": pl.Int64,
    "num_days": pl.Int64,
    "total_users": pl.Int64,
    "unit": pl.String,
    "days": pl.List(pl.Date),
}


@dataclass(frozen=True)
class DetailFrames:
    """What the detail answers say, an answer being one record.

    Attributes:
        answers: One row per answer and day for which it counts: record, day, site_id, metric, outcome, start, end
            (window asked, epoch seconds), received_at (epoch µs), num_days of the window, total_users, unit.
        buckets: One row per answer and slot: record, day, slot (epoch second of the hour; null where the bucket is
            wider than an hour), total, degraded (user-minutes; null where the cloud had nothing), weighted (Σ value ×
            total), weight (Σ total where there is a value), covered (seconds).
        classifiers: The same by classifier, without weights; no rows for nulls and hours without users.
        impacts: record, classifier, num_users, num_aps over the whole window.
    """

    answers: pl.DataFrame
    buckets: pl.DataFrame
    classifiers: pl.DataFrame
    impacts: pl.DataFrame


def detail_frames(records: Iterable[tuple[Record, frozenset[date]]], days: pl.DataFrame) -> DetailFrames:
    """Take detail answers apart.

    Args:
        records: Answers with the days for which each counts (``RawStore.read``).
        days: day, start, end (epoch seconds) of every day wanted.
    """
    batches = [_batch(batch, first, days) for first, batch in _batched(records)]
    if not batches:
        batches = [_batch([], 0, days)]
    return DetailFrames(
        answers=pl.concat([each.answers for each in batches]),
        buckets=pl.concat([each.buckets for each in batches]),
        classifiers=pl.concat([each.classifiers for each in batches]),
        impacts=pl.concat([each.impacts for each in batches]),
    )


def speaking(detail: DetailFrames) -> pl.DataFrame:
    """The answer that speaks for each site, metric and hour: the one that covers most of it, then the newest.

    Returns:
        record, site_id, metric, day, slot; wide buckets (slot null) are chosen by day.
    """
    keys = ["site_id", "metric", "day", "slot"]
    return (
        detail.buckets.join(
            detail.answers.select("record", "day", "site_id", "metric", "received_at"), on=["record", "day"]
        )
        .sort("covered", "received_at", "record", descending=True)
        .unique(keys, keep="first", maintain_order=True)
        .select("record", *keys)
    )


def _batched(
    records: Iterable[tuple[Record, frozenset[date]]],
) -> Iterator[tuple[int, list[tuple[Record, frozenset[date]]]]]:
    remaining = iter(records)
    first = 0
    while batch := list(islice(remaining, _BATCH)):
        yield first, batch
        first += len(batch)


def _batch(batch: list[tuple[Record, frozenset[date]]], first: int, days: pl.DataFrame) -> DetailFrames:
    answers: list[tuple[Any, ...]] = []
    documents: list[tuple[Any, ...]] = []
    classifiers: list[tuple[Any, ...]] = []
    for number, (record, counts_for) in enumerate(batch, start=first):
        header = record.header
        summary = parse_sle_summary(record.document()) if header.outcome == "answered" else None
        asked = header.request
        answers.append(
            (
                number,
                asked["site_id"],
                asked["metric"],
                header.outcome,
                asked["start"],
                asked["end"],
                int(header.received_at.timestamp() * 1_000_000),
                len(header.days),
                _users(summary),
                summary.unit if summary else None,
                sorted(counts_for),
            )
        )
        if summary is not None:
            window = (summary.start, min(summary.end, asked["end"]), summary.interval)
            documents.append((number, *window, summary.total, summary.degraded, summary.value))
            classifiers += [
                (
                    number,
                    each.name,
                    each.impact.num_users,
                    each.impact.num_aps,
                    *window,
                    each.total,
                    each.degraded,
                )
                for each in summary.classifiers
            ]
    answer = _columns(answers, _ANSWER).explode("days", empty_as_null=True).rename({"days": "day"})
    allowed = answer.select("record", "day")
    causes = _columns(classifiers, _CLASSIFIER)
    buckets = _by_slot(_columns(documents, _DOCUMENT), ["record"], allowed, days)
    parts = _by_slot(
        causes.with_columns(value=pl.col("total")), ["record", "classifier"], allowed, days
    ).filter(pl.col("total") > 0)
    return DetailFrames(
        answers=answer,
        buckets=buckets,
        classifiers=parts.select("record", "classifier", "day", "slot", "total", "degraded"),
        impacts=causes.select("record", "classifier", "num_users", "num_aps"),
    )


def _users(summary: SleSummary | None) -> int | None:
    if summary is None:
        return None
    impact = summary.impact
    return impact.total_users if impact.total_users is not None else impact.num_users


def _columns(rows: list[tuple[Any, ...]], schema: dict[str, Any]) -> pl.DataFrame:
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    return pl.DataFrame(
        [
            pl.Series(name, list(column), dtype=dtype)
            for (name, dtype), column in zip(schema.items(), columns, strict=True)
        ]
    )


def _by_slot(
    documents: pl.DataFrame, keys: list[str], allowed: pl.DataFrame, days: pl.DataFrame
) -> pl.DataFrame:
    """Buckets of list columns added up by hour; only those that begin in a day for which their answer counts."""
    begins = pl.col("start") + pl.col("index") * pl.col("interval")
    both = pl.col("total").is_not_null() & pl.col("degraded").is_not_null()
    measured = both & pl.col("value").is_not_null()
    is_hourly = pl.col("interval") <= 3600
    return (
        documents.with_columns(index=pl.int_ranges(0, pl.col("total").list.len()))
        .filter(pl.col("total").list.len() > 0)
        .explode("index", "total", "degraded", "value")
        .with_columns(begin=begins)
        .with_columns(finish=pl.min_horizontal(pl.col("begin") + pl.col("interval"), "end"))
        .sort("begin")
        .join_asof(
            days.select("day", begin="start", day_end="end").sort("begin"),
            on="begin",
            strategy="backward",
            coalesce=False,
        )
        .filter(pl.col("begin") < pl.col("day_end"))
        .join(allowed, on=["record", "day"], how="semi")
        .with_columns(
            slot=pl.when(is_hourly).then(pl.col("begin") - (pl.col("begin") - pl.col("begin_right")) % 3600)
        )
        .group_by(*keys, "day", "slot")
        .agg(
            pl.when(both.any()).then(pl.col("total").filter(both).sum()).alias("total"),
            pl.when(both.any()).then(pl.col("degraded").filter(both).sum()).alias("degraded"),
            (pl.col("value") * pl.col("total")).filter(measured).sum().alias("weighted"),
            pl.col("total").filter(measured).sum().alias("weight"),
            (pl.col("finish") - pl.col("begin")).sum().alias("covered"),
        )
    )
