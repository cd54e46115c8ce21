"""Checks of history that warn: what the cloud said of a day, and what it left out.

Here: questions to the tables of history, over the days of the run. Not here: what must hold of every table (`checks`).
"""

from datetime import date

import dagster as dg

from mist_pipeline.defs.checks import days_checked
from mist_pipeline.defs.table_io import key
from mist_pipeline.domain.text import clean
from mist_pipeline.tables import history
from mist_pipeline.warehouse.store import Warehouse

_SHOWN = 3


def unknown_zones(warehouse: Warehouse, days: tuple[date, date] | None) -> list[str]:
    """``Name: localtime`` of every site whose time zone names no place, as it was last described."""
    first, last = days or (date.min, date.max)
    rows = warehouse.query(
        """
        SELECT arg_max(name, day) AS name, arg_max(attributes->>'unknown_timezone', day) AS zone
        FROM history.sites WHERE day BETWEEN ? AND ? GROUP BY site_id
        HAVING max_by(attributes->>'unknown_timezone' IS NOT NULL, day) ORDER BY site_id
        """,
        [first, last],
    )
    return [f"{clean(name, 40)}: {clean(zone, 40)}" for name, zone in rows.iter_rows()]


def zones_check() -> dg.AssetChecksDefinition:
    """Whether every site's time zone is one."""

    @dg.asset_check(
        asset=key(history.SITES),
        name="time_zones_are_known",
        description="The time zone of every site names a place; without one its hours are counted in UTC.",
    )
    def time_zones_are_known(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.AssetCheckResult:
        found = unknown_zones(warehouse, days_checked(context))
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        description = f"counted in UTC, correct the time zone in Mist: {'; '.join(found[:_SHOWN])}{more}"
        return dg.AssetCheckResult(
            passed=not found,
            severity=dg.AssetCheckSeverity.WARN,
            description=description if found else None,
            metadata={"sites": len(found)},
        )

    return time_zones_are_known


def history_checks() -> list[dg.AssetChecksDefinition]:
    """Every check of this module."""
    return [zones_check()]
