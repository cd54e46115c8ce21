"""Checks of the analysis that warn: is every site there, and how many forecasts fall back?

Not here: what must hold of every row (`rows`).
"""

import dagster as dg

from mist_pipeline.defs.checks.days import about_days, days_checked, where_days
from mist_pipeline.defs.metadata.failing_rows import found
from mist_pipeline.defs.scope import Scope
from mist_pipeline.tables import analysis, history
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.store import Warehouse

EVERY_SITE = (analysis.ANOMALIES, analysis.HEALTH_SCORES)
"""Tables with a row for every site of the day."""

MAX_SHARE_OF_FALL_BACKS = 0.5
"""Above this share of forecasts by a fall-back, the search or the history should be looked into."""


def analysis_checks(scope: Scope) -> list[dg.AssetChecksDefinition]:
    """Every check of this module."""

    def completeness_check(table: Table) -> dg.AssetChecksDefinition:
        @dg.asset_check(
            asset=scope.key(table), name="every_site_is_there", description="A row for every site of the day."
        )
        def every_site_is_there(
            context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
        ) -> dg.AssetCheckResult:
            days = days_checked(context)
            where, parameters = where_days(history.SITES, days)
            lacking = f"FROM history.sites ANTI JOIN {table.full_name} USING (day, site_id) WHERE {where}"
            by_day = warehouse.query(
                f"SELECT day, count(*) AS sites {lacking} GROUP BY day ORDER BY day", parameters
            )
            absent = int(by_day["sites"].sum())
            description = f"{absent} sites have no row" if absent else None
            return dg.AssetCheckResult(
                passed=not absent,
                severity=dg.AssetCheckSeverity.WARN,
                description=description,
                metadata={
                    **about_days(days, list(by_day["day"])),
                    **(
                        found(warehouse, f"SELECT * {lacking} ORDER BY day, site_id", parameters)
                        if absent
                        else {}
                    ),
                },
            )

        return every_site_is_there

    @dg.asset_check(
        asset=scope.key(analysis.FORECASTS),
        name="few_fall_backs",
        description=f"At most {MAX_SHARE_OF_FALL_BACKS:.0%} of the newest day's forecasts come from a fall-back.",
    )
    def few_fall_backs(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.AssetCheckResult:
        where, parameters = where_days(analysis.FORECASTS, days_checked(context))
        newest, share = warehouse.query(
            f"""
            WITH checked AS (SELECT * FROM analysis.forecasts WHERE {where} AND mean_pct IS NOT NULL)
            SELECT max(day), avg((model NOT LIKE 'arima%')::INTEGER) FROM checked WHERE day = (SELECT max(day) FROM checked)
            """,
            parameters,
        ).row(0)
        passed = share is None or share <= MAX_SHARE_OF_FALL_BACKS
        description = (
            None
            if passed
            else f"{share:.0%} of the forecasts come from a fall-back: is the history too short?"
        )
        return dg.AssetCheckResult(
            passed=passed,
            severity=dg.AssetCheckSeverity.WARN,
            description=description,
            metadata={"share": share or 0.0, **about_days(newest and (newest, newest), [])},
        )

    return [
        *(completeness_check(table) for table in EVERY_SITE),
        few_fall_backs,
    ]
