"""Raw records of the detail and organisation endpoints, made by hand."""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from mist_pipeline.collect.history.frames import History, Wanted, make_history
from mist_pipeline.collect.raw.format import Header, Record
from mist_pipeline_tests.support.collect.fake_cloud import (
    DAY,
    NOW,
    UTC_ZONE,
    epoch,
    sites_sle,
    summary,
)

Counted = tuple[Record, frozenset[date]]


def wanted(
    *,
    sites: Sequence[str] = ("s1",),
    metrics: Sequence[str] = ("capacity",),
    of_days: Sequence[date] = (DAY,),
    zone: ZoneInfo = UTC_ZONE,
) -> Wanted:
    rows = [(day, site) for day in of_days for site in sites]
    frame = pl.DataFrame(rows, schema={"day": pl.Date, "site_id": pl.String}, orient="row")
    return Wanted(frame, tuple(metrics), tuple(of_days), zone)


def counted(
    request: dict[str, Any],
    document: Any,
    of_days: Sequence[date],
    minute: int = 0,
    outcome: str = "answered",
) -> Counted:
    at = NOW + timedelta(minutes=minute)
    asked = {**request, "days": [day.isoformat() for day in of_days]}
    header = Header("key", asked, 1, at, at, at, "test", outcome)
    return Record(header, json.dumps(document).encode()), frozenset(of_days)


def detail(
    start: int,
    end: int,
    of_days: Sequence[date] = (DAY,),
    *,
    site: str = "s1",
    metric: str = "capacity",
    minute: int = 0,
    document: Any = None,
    **values: Any,
) -> Counted:
    """A detail answer for a window."""
    request = {"purpose": "detail", "site_id": site, "metric": metric, "start": start, "end": end}
    document = document or summary(start, end, metric=metric, **values)
    return counted({**request, "interval": document["sle"]["interval"]}, document, of_days, minute)


def scores(
    hour: float,
    rows: list[dict[str, Any]],
    *,
    day: date = DAY,
    group: str = "wifi",
    minutes: int = 60,
    minute: int = 0,
) -> Counted:
    """An organisation answer for an hour."""
    start = epoch(day, hour)
    end = start + minutes * 60
    request = {"purpose": "organisation", "group": group, "start": start, "end": end}
    return counted(request, sites_sle(start, end, rows), [day], minute)


def hours(frame: pl.DataFrame, column: str) -> list[Any]:
    return frame.sort("hour")[column].to_list()


def one_day(document: dict[str, Any] | None = None, **values: Any) -> History:
    """One day of one metric at one site."""
    return make_history([detail(epoch(DAY), epoch(DAY, 24), document=document, **values)], [], wanted())


def refused(metric: str = "capacity") -> Counted:
    request = {
        "purpose": "detail",
        "site_id": "s1",
        "metric": metric,
        "start": epoch(DAY),
        "end": epoch(DAY, 24),
    }
    return counted(request, None, [DAY], outcome="not_supported")
