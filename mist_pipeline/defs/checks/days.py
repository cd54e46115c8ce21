"""Which days a check reads, and which its result is about, so that only the same days heal a failed one.

Checks have no partitions of Dagster's: a run over a range of days gives one result without a partition, and leaves a planned one
for each day that never comes (Dagster 1.13). Not here: the checks (`checks`), what follows from failed ones (``workflows``).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg

from mist_pipeline.tables.schema import Table, quote

_FIRST, _LAST, _FAILED = "first_day", "last_day", "failed_days"


def days_checked(context: dg.AssetCheckExecutionContext) -> tuple[date, date] | None:
    """First and last day of the run, or None where the check runs on its own: then the whole table is checked."""
    tags = context.run.tags
    first = tags.get("dagster/asset_partition_range_start") or tags.get("dagster/partition")
    last = tags.get("dagster/asset_partition_range_end") or tags.get("dagster/partition")
    return (date.fromisoformat(first), date.fromisoformat(last)) if first and last else None


def where_days(table: Table, days: tuple[date, date] | None) -> tuple[str, list[Any]]:
    """The rows of these days as a condition in SQL, with its parameters; all rows of a table that is not kept by day."""
    if table.partition is None or days is None:
        return "true", []
    return f"{quote(table.partition)} BETWEEN ? AND ?", list(days)


def about_days(days: tuple[date, date] | None, failed: Sequence[date] | None) -> dict[str, Any]:
    """Metadata of a result.

    Args:
        days: First and last day checked; None: the whole table.
        failed: Days that failed; None of a table that is not kept by day.
    """
    if failed is None:
        return {}
    span = {} if days is None else {_FIRST: days[0].isoformat(), _LAST: days[1].isoformat()}
    return {**span, _FAILED: dg.MetadataValue.json([day.isoformat() for day in failed])}


def days_of_result(metadata: Mapping[str, Any]) -> tuple[tuple[date, date] | None, tuple[date, ...]]:
    """The days checked, None if it was everything, and the days that failed; of results of an earlier version, none."""
    values = {name: value.value for name, value in metadata.items() if name in (_FIRST, _LAST, _FAILED)}
    span = (values[_FIRST], values[_LAST]) if _FIRST in values and _LAST in values else None
    failed = values.get(_FAILED) or []
    if isinstance(failed, str):
        failed = json.loads(failed)
    days = None if span is None else (date.fromisoformat(span[0]), date.fromisoformat(span[1]))
    return days, tuple(map(date.fromisoformat, failed))
