"""Checks of history that warn: what the cloud said of a day, what it left out, who reports and how fresh it is.

Here: questions to the tables of history, over the days of the run. Not here: what must hold of every row (`rows`).
"""

from dataclasses import dataclass
from datetime import date, timedelta

import dagster as dg

from mist_pipeline.defs.checks.days import about_days, days_checked, where_days
from mist_pipeline.defs.checks.rows import STATES
from mist_pipeline.defs.resources import RunOptions
from mist_pipeline.defs.scope import Scope
from mist_pipeline.domain.text import clean
from mist_pipeline.settings import Settings
from mist_pipeline.tables import history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.collection.late_hours import DAYS_BACK, lacking_hours

MAX_SHARE_LACKING = 0.1
"""Above this share of a day's hours, its readings stand on too little of it to be taken for a day."""

MOST_DAYS = 31
"""Days that one run of the check of hours looks at, the newest."""

MIN_SHARE_REPORTING = 0.8
"""Below this share of sites with any reading, a day should be looked into."""

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


def zones_check(scope: Scope) -> dg.AssetChecksDefinition:
    """Whether every site's time zone is one."""

    @dg.asset_check(
        asset=scope.key(history.SITES),
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


def hours_check(scope: Scope) -> dg.AssetChecksDefinition:
    """Whether a day is a whole one."""

    @dg.asset_check(
        asset=scope.key(history.SLE_DAILY),
        name="hours_are_there",
        description=f"At most {MAX_SHARE_LACKING:.0%} of the hours of a day are missing although their neighbours are there.",
    )
    def hours_are_there(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.AssetCheckResult:
        days = _recent(days_checked(context) or _newest_days(warehouse))
        found = days_with_gaps(warehouse, *days) if days else []
        lacking = sum(gap.lacking for gap in found)
        gaps = [gap for gap in found if gap.share > MAX_SHARE_LACKING]
        return dg.AssetCheckResult(
            passed=not gaps,
            severity=dg.AssetCheckSeverity.WARN,
            description="; ".join(map(str, gaps[:_SHOWN])) or None,
            metadata={"hours_lacking": lacking, **about_days(days, [gap.day for gap in gaps])},
        )

    return hours_are_there


@dataclass(frozen=True)
class Gap:
    """Hours of a day that are lacking, of all those that were asked for."""

    day: date
    lacking: int
    asked: int

    @property
    def share(self) -> float:
        """Of the hours asked for."""
        return self.lacking / max(1, self.asked)

    def __str__(self) -> str:
        return (
            f"{self.day}: {self.lacking:,} of {self.asked:,} hours are missing although their neighbours are there "
            f"({self.share:.0%}); they are asked for again on the next mornings"
        )


def days_with_gaps(warehouse: Warehouse, first: date, last: date) -> list[Gap]:
    """Days with lacking hours, in order."""
    asked = warehouse.query(
        "SELECT day, count(*) AS asked FROM history.sle_hourly WHERE day BETWEEN ? AND ? AND state <> 'not_supported' "
        "GROUP BY day",
        [first, last],
    )
    lacking = lacking_hours(warehouse, first, last).group_by("day").len("lacking")
    rows = lacking.join(asked, on="day").select("day", "lacking", "asked").sort("day")
    return [Gap(*row) for row in rows.iter_rows()]


def _recent(days: tuple[date, date] | None) -> tuple[date, date] | None:
    """The end of a long backfill: hours are compared with those of other days, and all at once would be many."""
    return None if days is None else (max(days[0], days[1] - timedelta(days=MOST_DAYS - 1)), days[1])


def _newest_days(warehouse: Warehouse) -> tuple[date, date] | None:
    """The last days, for a check that runs on its own: older gaps are not asked for again."""
    newest = warehouse.query("SELECT max(day) FROM history.sle_daily").item()
    return None if newest is None else (newest - timedelta(days=DAYS_BACK - 1), newest)


def sle_daily_checks(scope: Scope) -> list[dg.AssetChecksDefinition]:
    """Checks of the daily service levels alone: who reports, in which states, and how fresh it is."""
    table = history.SLE_DAILY

    @dg.asset_check(
        asset=scope.key(table),
        name="sites_report",
        description=f"At least {MIN_SHARE_REPORTING:.0%} of the sites have a reading every day.",
    )
    def sites_report(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.AssetCheckResult:
        checked = days_checked(context)
        where, parameters = where_days(table, checked)
        days = warehouse.query(
            f"""
            SELECT day, count(DISTINCT site_id) AS sites,
                   count(DISTINCT site_id) FILTER (state IN ('ok', 'no_users')) AS reporting,
                   {", ".join(f"count(*) FILTER (state = '{state}') AS {state}" for state in STATES)}
            FROM history.sle_daily WHERE {where} GROUP BY day ORDER BY day
            """,
            parameters,
        )
        poor = days.filter(days["reporting"] < MIN_SHARE_REPORTING * days["sites"])
        description = f"{poor.height} days, the first {poor['day'][0]}" if poor.height else None
        states = {state: int(days[state].sum()) for state in STATES}
        return dg.AssetCheckResult(
            passed=poor.is_empty(),
            severity=dg.AssetCheckSeverity.WARN,
            description=description,
            metadata={**states, **about_days(checked, list(poor["day"]))},
        )

    @dg.asset_check(
        asset=scope.key(table),
        name="is_fresh",
        description="The newest day is the day before yesterday or later.",
    )
    def is_fresh(
        warehouse: dg.ResourceParam[Warehouse],
        settings: dg.ResourceParam[Settings],
        run: RunOptions,
    ) -> dg.AssetCheckResult:
        newest = warehouse.query("SELECT max(day) FROM history.sle_daily WHERE state = 'ok'").item()
        today = run.instant.astimezone(settings.organisation.zone).date()
        fresh = newest is not None and newest >= today - timedelta(days=2)
        description = None if fresh else f"the newest day with data is {newest}, today is {today}"
        return dg.AssetCheckResult(
            passed=fresh,
            severity=dg.AssetCheckSeverity.WARN,
            description=description,
            metadata={"newest_day": str(newest)},
        )

    return [sites_report, is_fresh]


def history_checks(scope: Scope) -> list[dg.AssetChecksDefinition]:
    """Every check of this module."""
    return [*sle_daily_checks(scope), zones_check(scope), hours_check(scope)]
