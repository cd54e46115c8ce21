"""Answers of the detail endpoint as frames: user-minutes by site, metric and hour, and by classifier.

Pure: raw records in, frames out. The buckets of an answer are added up by hour; where answers overlap, one of them
counts for an hour. States, days and the organisation's scores come together in ``frames``.
"""

import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from mist_pipeline.collect.fetch.days import HOUR
from mist_pipeline.collect.raw.format import Record
from mist_pipeline.mist.errors import UnexpectedShape
from mist_pipeline.mist.page import NotJsonError
from mist_pipeline.mist.parsers import parse_sle_summary

log = logging.getLogger(__name__)

_WINDOW = ("start", "end", "interval")
_SAMPLES = ("total", "degraded")
_BATCH = 2000
"""Documents taken apart at once: bounds memory, not speed."""

_MINUTES = pl.List(pl.Float64)
_IMPACT = pl.Struct(dict.fromkeys(("num_users", "total_users", "num_aps"), pl.Float64))
_BODY = pl.Struct(
    {
        "start": pl.Float64,
        "end": pl.Float64,
        "impact": _IMPACT,
        "sle": pl.Struct(
            {
                "y_label": pl.String,
                "samples": pl.Struct(dict.fromkeys(("total", "degraded", "value"), _MINUTES)),
            }
        ),
        "classifiers": pl.List(
            pl.Struct(
                {
                    "name": pl.String,
                    "impact": _IMPACT,
                    "samples": pl.Struct(dict.fromkeys(("total", "degraded"), _MINUTES)),
                }
            )
        ),
    }
)
"""What is read of an answer. The whole document was checked when it came in (``mist.parsers``); one that is odd somewhere says so in
its header, and is read by the parser again."""

_ANSWER: dict[str, Any] = {
    "record": pl.Int64,
    "site_id": pl.String,
    "metric": pl.String,
    "outcome": pl.String,
    "start": pl.Int64,
    "end": pl.Int64,
    "received_at": pl.Int64,
    "num_days": pl.Int64,
    "interval": pl.Int64,
    "days": pl.List(pl.Date),
    "body": pl.String,
}


@dataclass(frozen=True)
class DetailFrames:
    """What the detail answers say, an answer being one record.

    Attributes:
        answers: One row per answer and day for which it counts: record, day, site_id, metric, outcome, start, end
            (window asked, epoch seconds), received_at (epoch µs), num_days of the window, total_users, unit.
        buckets: One row per answer and slot: record, day, slot (epoch second of the hour; null where the bucket is
            wider than an hour), total, degraded (user-minutes; null where the cloud had nothing), weighted (Σ value ×
            total), weight (Σ total where there is a value), covered (seconds of buckets that are known).
        classifiers: The same by classifier, without weights; no rows for nulls and hours without users.
        impacts: record, classifier, num_users, num_aps over the whole window.
    """

    answers: pl.DataFrame
    buckets: pl.DataFrame
    classifiers: pl.DataFrame
    impacts: pl.DataFrame


def detail_frames(
    records: Iterable[tuple[Record, frozenset[date]]], days: pl.DataFrame, zone: ZoneInfo, *, first: int = 0
) -> DetailFrames:
    """Take detail answers apart.

    Args:
        records: Answers with the days for which each counts (``RawStore.read``).
        days: day, start, end (epoch seconds) of every day wanted.
        zone: The organisation's time zone.
        first: Number of the first record.
    """
    batches = [_batch(batch, number, days, zone) for number, batch in _batched(records, first)]
    if not batches:
        batches = [_batch([], first, days, zone)]
    return DetailFrames(
        answers=pl.concat([each.answers for each in batches]),
        buckets=pl.concat([each.buckets for each in batches]),
        classifiers=pl.concat([each.classifiers for each in batches]),
        impacts=pl.concat([each.impacts for each in batches]),
    )


def chosen_answers(detail: DetailFrames) -> pl.DataFrame:
    """The answer that counts for each site, metric and hour: one that knows it, which covers most of it, then the newest.

    So an hour that the cloud knew once is not lost when it is asked again, and a later correction replaces it.

    Returns:
        record, site_id, metric, day, slot; wide buckets (slot null) are chosen by day.
    """
    keys = ["site_id", "metric", "day", "slot"]
    return (
        detail.buckets.join(
            detail.answers.select("record", "day", "site_id", "metric", "received_at"), on=["record", "day"]
        )
        .sort(pl.col("total").is_not_null(), "covered", "received_at", "record", descending=True)
        .unique(keys, keep="first", maintain_order=True)
        .select("record", *keys)
    )


def _batched(
    records: Iterable[tuple[Record, frozenset[date]]], first: int
) -> Iterator[tuple[int, list[tuple[Record, frozenset[date]]]]]:
    remaining = iter(records)
    while batch := list(islice(remaining, _BATCH)):
        yield first, batch
        first += len(batch)


def _batch(
    batch: list[tuple[Record, frozenset[date]]], first: int, days: pl.DataFrame, zone: ZoneInfo
) -> DetailFrames:
    answers = _answers(batch, first)
    decoded = _decoded(answers, batch)
    answer = (
        answers.drop("interval", "body")
        .join(decoded.select("record", "total_users", "unit"), on="record", how="left")
        .explode("days", empty_as_null=True)
        .rename({"days": "day"})
    )
    counted = answer.select("record", "day").join(days.select("day", day_start="start"), on="day")
    causes = _causes(decoded)
    buckets = _by_slot(decoded.select("record", *_WINDOW, *_SAMPLES, "value"), "record", counted, zone)
    parts = _by_slot(causes.select("record", "cause", *_WINDOW, *_SAMPLES), "cause", counted, zone)
    names = causes.select("record", "classifier", "cause").unique()
    return DetailFrames(
        answers=answer,
        buckets=buckets,
        classifiers=parts.filter(pl.col("total") > 0)
        .join(names, on="cause", how="left")
        .select("record", "classifier", "day", "slot", "total", "degraded"),
        impacts=causes.select("record", "classifier", "num_users", "num_aps"),
    )


def _answers(batch: list[tuple[Record, frozenset[date]]], first: int) -> pl.DataFrame:
    """One row per record, from the headers; the body as text where there is one."""
    rows = [
        (
            number,
            header.request["site_id"],
            header.request["metric"],
            header.outcome,
            header.request["start"],
            header.request["end"],
            int(header.received_at.timestamp() * 1_000_000),
            len(header.days),
            header.request.get("interval"),
            sorted(counts_for),
            _text(record),
        )
        for number, (record, counts_for) in enumerate(batch, start=first)
        for header in (record.header,)
    ]
    return pl.DataFrame(rows, schema=_ANSWER, orient="row")


def _decoded(answers: pl.DataFrame, batch: list[tuple[Record, frozenset[date]]]) -> pl.DataFrame:
    """The bodies of the answered records as columns."""
    body, sle = pl.col("body").struct, pl.col("sle").struct
    impact = pl.col("impact").struct
    try:
        decoded = answers.drop_nulls("body").with_columns(pl.col("body").str.json_decode(_BODY))
    except pl.exceptions.ComputeError:
        # Slower: half a surrogate pair or a number without end in a field that nobody reads stops the quick reading of all.
        texts = [_sound(record) if record.header.is_answered else None for record, _ in batch]
        answers = answers.with_columns(pl.Series("body", texts, dtype=pl.String))
        decoded = answers.drop_nulls("body").with_columns(pl.col("body").str.json_decode(_BODY))
    return decoded.select(
        "record",
        "interval",
        body.field("start").cast(pl.Int64),
        pl.min_horizontal(body.field("end").cast(pl.Int64), "end").alias("end"),
        body.field("impact", "sle", "classifiers"),
    ).select(
        "record",
        *_WINDOW,
        sle.field("samples").struct.field("total", "degraded", "value"),
        unit=sle.field("y_label").replace("", None),
        total_users=pl.coalesce(impact.field("total_users"), impact.field("num_users")).cast(pl.Int64),
        classifiers="classifiers",
    )


def _text(record: Record) -> str | None:
    """The body as it is read, None where there is none."""
    if not record.header.is_answered:
        return None
    return _sound(record) if record.header.request.get("odd") else record.body.decode(errors="replace")


def _sound(record: Record) -> str | None:
    """What the parser makes of a body, as a document; None, so missing, where it can make nothing of it."""
    try:
        summary = parse_sle_summary(record.document())
    except (UnexpectedShape, NotJsonError) as error:
        log.warning("The answer to %s is missing: %s", record.header.key, error)
        return None
    causes = [
        {
            "name": cause.name,
            "impact": asdict(cause.impact),
            "samples": {"total": cause.total, "degraded": cause.degraded},
        }
        for cause in summary.classifiers
    ]
    samples = {"total": summary.total, "degraded": summary.degraded, "value": summary.value}
    return json.dumps(
        {
            "start": summary.start,
            "end": summary.end,
            "impact": asdict(summary.impact),
            "sle": {"y_label": summary.unit, "samples": samples},
            "classifiers": causes,
        }
    )


def _causes(decoded: pl.DataFrame) -> pl.DataFrame:
    """One row per record and classifier as sent; ``cause`` numbers the record's classifiers by normalised name."""
    each, impact = pl.col("classifiers").struct, pl.col("impact").struct
    # As domain.metrics.normalise does it.
    name = each.field("name").fill_null("").str.strip_chars().str.to_lowercase().str.replace_all("[_ ]", "-")
    return (
        decoded.select("record", *_WINDOW, "classifiers")
        .filter(pl.col("classifiers").list.len() > 0)
        .explode("classifiers")
        .select("record", *_WINDOW, each.field("impact", "samples"), classifier=name)
        .select(
            "record",
            "classifier",
            *_WINDOW,
            pl.col("samples").struct.field("total", "degraded"),
            impact.field("num_users", "num_aps").cast(pl.Int64),
        )
        .with_row_index("cause")
        .with_columns(pl.col("cause").first().over("record", "classifier"))
    )


def _by_slot(documents: pl.DataFrame, key: str, days: pl.DataFrame, zone: ZoneInfo) -> pl.DataFrame:
    """Buckets of list columns added up by hour; only those that begin in a day for which their answer counts.

    Args:
        documents: record, key, window, interval and the list columns.
        key: What is added up apart from the others.
        days: record, day, day_start (epoch seconds).
        zone: The organisation's time zone.
    """
    columns = [name for name in (*_SAMPLES, "value") if name in documents.columns]
    count = pl.max_horizontal(pl.col(name).list.len().fill_null(0) for name in columns)
    nulls = pl.lit(None, pl.Float64).repeat_by("count")
    filled = [pl.when(pl.col(name).is_null()).then(nulls).otherwise(name).alias(name) for name in columns]
    begin = pl.col("begin")
    is_known = pl.col("total").is_not_null() & pl.col("degraded").is_not_null()
    # What exceeds the total is rounding: mist.parsers lets no more through.
    degraded = pl.when(pl.col("degraded") > pl.col("total")).then("total").otherwise("degraded")
    is_measured = is_known & pl.col("value").is_not_null()
    measured = {
        "weighted": pl.when(is_measured).then(pl.col("value") * pl.col("total")),
        "weight": pl.when(is_measured).then("total"),
    }
    sums = list(measured) if "value" in columns else []
    buckets = (
        documents.with_columns(count=count)
        .filter(pl.col("count") > 0)
        .with_columns(*filled, index=pl.int_ranges(0, "count"))
        .explode("index", *columns)
        .with_columns(begin=pl.col("start") + pl.col("index") * pl.col("interval"))
        .with_columns(
            day=pl.from_epoch(begin).dt.replace_time_zone("UTC").dt.convert_time_zone(zone.key).dt.date()
        )
        # In the order of the buckets, because the last digit of a sum depends on it.
        .join(days, on=["record", "day"], maintain_order="left")
        .select(
            key,
            "day",
            slot=pl.when(pl.col("interval") <= HOUR).then(begin - (begin - pl.col("day_start")) % HOUR),
            total=pl.when(is_known).then("total"),
            degraded=pl.when(is_known).then(degraded),
            **{name: measured[name] for name in sums},
            covered=pl.when(is_known)
            .then(pl.min_horizontal(begin + pl.col("interval"), "end") - begin)
            .otherwise(0),
            is_known=is_known,
        )
    )
    is_any = pl.col("is_known")
    return (
        buckets.group_by(key, "day", "slot")
        .agg(pl.col("total", "degraded", *sums, "covered").sum(), is_any.any())
        .with_columns(pl.when(is_any).then(pl.col("total", "degraded")))
        .drop("is_known")
    )
