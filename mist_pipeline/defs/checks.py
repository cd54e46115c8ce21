"""Asset checks, made from the table definitions: keys, ranges, states, share of sites, freshness.

A check that blocks stops what would be wrong downstream; the others warn. SQL only, over the days of the run. A result says
which days it is about and which of them failed (`check_days`), since one run may check many, and only the same days heal it.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import dagster as dg

from mist_pipeline.defs.check_days import about_days
from mist_pipeline.defs.metadata.failing_rows import failing_rows, found
from mist_pipeline.defs.resources import RunOptions
from mist_pipeline.defs.table_io import key
from mist_pipeline.settings import Settings
from mist_pipeline.tables import PUBLIC_TABLES, analysis, history
from mist_pipeline.tables.schema import Table, quote
from mist_pipeline.warehouse.store import Warehouse

PERCENTAGES = frozenset(
    {
        "score_pct",
        "degraded_pct",
        "previous_pct",
        "cpu_pct",
        "memory_pct",
        "expected_pct",
        "mean_pct",
        "median_pct",
    }
)
"""Columns that must lie within 0–100."""

STATES = ("ok", "no_users", "not_supported", "missing")

MIN_SHARE_REPORTING = 0.8
"""Below this share of sites with any reading, a day should be looked into."""


def days_checked(context: dg.AssetCheckExecutionContext) -> tuple[date, date] | None:
    """First and last day of the run, or None where the check runs on its own: then the whole table is checked."""
    tags = context.run.tags
    first = tags.get("dagster/asset_partition_range_start") or tags.get("dagster/partition")
    last = tags.get("dagster/asset_partition_range_end") or tags.get("dagster/partition")
    return (date.fromisoformat(first), date.fromisoformat(last)) if first and last else None


def _where(table: Table, days: tuple[date, date] | None) -> tuple[str, list[Any]]:
    if table.partition is None or days is None:
        return "true", []
    return f"{quote(table.partition)} BETWEEN ? AND ?", list(days)


def _days_with(
    warehouse: Warehouse, table: Table, days: tuple[date, date] | None, wrong: str
) -> list[date] | None:
    """Days with a row for which a condition holds ('': for none); None of a table that is not kept by day."""
    if table.partition is None or not wrong:
        return None if table.partition is None else []
    where, parameters = _where(table, days)
    # The condition may be a window over rows of the same key, so it is filtered one level above.
    rows = f"SELECT {quote(table.partition)} AS day, {wrong} AS is_wrong FROM {table.full_name} WHERE {where}"
    sql = f"SELECT DISTINCT day FROM ({rows}) WHERE is_wrong ORDER BY day"
    return list(warehouse.query(sql, parameters)["day"])


def duplicate_keys(warehouse: Warehouse, table: Table, days: tuple[date, date] | None) -> int:
    """Number of keys that occur more than once."""
    where, parameters = _where(table, days)
    columns = ", ".join(quote(name) for name in table.key)
    sql = f"SELECT count(*) FROM (SELECT 1 FROM {table.full_name} WHERE {where} GROUP BY {columns} HAVING count(*) > 1)"
    return int(warehouse.query(sql, parameters).item())


def out_of_range(warehouse: Warehouse, table: Table, days: tuple[date, date] | None) -> dict[str, int]:
    """Column → rows with an impossible value.

    Keys are not null, numbers are numbers, percentages lie in 0–100, minutes and counts are not negative, states are
    known, and only state ok has a score.
    """
    where, parameters = _where(table, days)
    counts = ", ".join(
        f"count(*) FILTER ({condition}) AS {quote(name)}" for name, condition in _impossible(table).items()
    )
    row = warehouse.query(f"SELECT {counts} FROM {table.full_name} WHERE {where}", parameters).row(
        0, named=True
    )
    return {name: count for name, count in row.items() if count}


def _impossible(table: Table) -> dict[str, str]:
    """Column → when its value is impossible, as SQL."""
    conditions: dict[str, list[str]] = {column.name: [] for column in table.columns}
    for column in table.columns:
        name, impossible = quote(column.name), conditions[column.name]
        if column.name in table.key:
            impossible.append(f"{name} IS NULL")
        if column.type == "DOUBLE":
            impossible.append(f"isnan({name}) OR isinf({name})")
        if column.name in PERCENTAGES:
            impossible.append(f"{name} NOT BETWEEN 0 AND 100")
        elif column.name.startswith("num_") or (
            column.name.endswith("_user_minutes") and not column.name.startswith("excess")
        ):
            impossible.append(f"{name} < 0")
        elif column.name == "state" and table.schema in ("history", "live"):
            states = ", ".join(f"'{state}'" for state in STATES)
            impossible.append(f"{name} IS NULL OR {name} NOT IN ({states})")
            if "score_pct" in table.column_names:
                conditions["score_pct"].append("(score_pct IS NULL) = (state = 'ok')")
    return {name: " OR ".join(impossible) for name, impossible in conditions.items() if impossible}


def _about_rows(
    warehouse: Warehouse, table: Table, days: tuple[date, date] | None, wrong: str
) -> dict[str, Any]:
    """Which days and which rows fail, for which a condition holds; '': none does."""
    where, parameters = _where(table, days)
    failed = _days_with(warehouse, table, days, wrong)
    return {**about_days(days, failed), **failing_rows(warehouse, table, where, parameters, wrong)}


def _any_of(conditions: Iterable[str]) -> str:
    return " OR ".join(f"({condition})" for condition in conditions)


def table_checks(table: Table) -> list[dg.AssetChecksDefinition]:
    """The checks that every table has."""

    @dg.asset_check(
        asset=key(table), name="keys_are_unique", blocking=True, description="No key occurs twice."
    )
    def keys_are_unique(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.AssetCheckResult:
        days = days_checked(context)
        repeated = duplicate_keys(warehouse, table, days)
        description = f"{repeated} keys ({', '.join(table.key)}) occur more than once" if repeated else None
        same_key = f"count(*) OVER (PARTITION BY {', '.join(map(quote, table.key))}) > 1"
        wrong = same_key if repeated else ""
        return dg.AssetCheckResult(
            passed=not repeated,
            description=description,
            metadata={"repeated": repeated, **_about_rows(warehouse, table, days, wrong)},
        )

    @dg.asset_check(
        asset=key(table),
        name="values_are_possible",
        blocking=True,
        description="Percentages lie in 0–100, minutes and counts are not negative, only state ok has a score.",
    )
    def values_are_possible(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.AssetCheckResult:
        days = days_checked(context)
        wrong = out_of_range(warehouse, table, days)
        description = ", ".join(f"{count} rows of {name}" for name, count in wrong.items()) or None
        impossible = _impossible(table)
        rows = _about_rows(warehouse, table, days, _any_of(impossible[name] for name in wrong))
        return dg.AssetCheckResult(passed=not wrong, description=description, metadata={**wrong, **rows})

    return [keys_are_unique, values_are_possible]


def sle_daily_checks() -> list[dg.AssetChecksDefinition]:
    """Checks of the daily service levels alone: who reports, in which states, and how fresh it is."""
    table = history.SLE_DAILY

    @dg.asset_check(
        asset=key(table),
        name="sites_report",
        description=f"At least {MIN_SHARE_REPORTING:.0%} of the sites have a reading every day.",
    )
    def sites_report(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.AssetCheckResult:
        checked = days_checked(context)
        where, parameters = _where(table, checked)
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
        asset=key(table), name="is_fresh", description="The newest day is the day before yesterday or later."
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


RULES: dict[Table, dict[str, str]] = {
    analysis.TRENDS: {"noise_pct": "noise_pct >= 0", "indicator": "indicator IN ('↑', '↓', '→')"},
    analysis.UTILISATION: {
        "value_pct": "value_pct BETWEEN 0 AND 100",
        "indicator": "indicator IN ('↑', '↓', '→')",
    },
    analysis.BASELINES: {
        "std_pct": "std_pct >= 0",
        "mad_pct": "mad_pct >= 0",
        "n": "n >= 0",
        "day_of_week": "day_of_week BETWEEN -1 AND 6",
    },
    analysis.DEVIATIONS: {"is_deviating": "NOT (is_deviating AND sigma IS NULL)"},
    analysis.EVIDENCE: {"surprise": "surprise >= 0", "day": "day IS NOT NULL"},
    analysis.MODELS: {"p": "(p IS NULL) = (fallback IS NOT NULL)"},
    analysis.FORECASTS: {
        "lower_pct": "lower_pct BETWEEN 0 AND lower_80_pct",
        "mean_pct": "mean_pct BETWEEN lower_80_pct AND upper_80_pct",
        "upper_pct": "upper_pct BETWEEN upper_80_pct AND 100",
        "target_day": "target_day = day + horizon_days::INTEGER",
        "spread": "spread > 0",
    },
    analysis.RISKS: {
        "days": "days BETWEEN days_low AND days_high",
        "probability": "probability BETWEEN 0 AND 1",
        "state": "state IN ('never', 'crossing', 'already', 'too_little_history')",
    },
    analysis.ANOMALIES: {
        "anomaly_score": "anomaly_score BETWEEN 0 AND 1",
        "state": "(state = 'ok') = (anomaly_score IS NOT NULL)",
    },
    analysis.HEALTH_SCORES: {"score": "score BETWEEN 0 AND 100", "confidence": "confidence BETWEEN 0 AND 1"},
    analysis.CORRELATIONS: {"coefficient": "coefficient BETWEEN -1 AND 1", "site_a": "site_a < site_b"},
    analysis.INCIDENTS: {"p_value": "p_value BETWEEN 0 AND 1", "site_ids": "len(site_ids) > 0"},
    analysis.FINDINGS: {
        "severity": "severity IN ('critical', 'major', 'warning', 'info')",
        "summary": "summary <> ''",
    },
}
"""What must hold in every row of an analysis table, by the column that is wrong where it does not; null holds."""

EVERY_SITE = (analysis.ANOMALIES, analysis.HEALTH_SCORES)
"""Tables with a row for every site of the day."""

MAX_SHARE_OF_FALL_BACKS = 0.5
"""Above this share of forecasts by a fall-back, the search or the history should be looked into."""


def broken_rules(warehouse: Warehouse, table: Table, days: tuple[date, date] | None) -> dict[str, int]:
    """Column → rows in which its rule does not hold."""
    where, parameters = _where(table, days)
    counts = ", ".join(
        f"count(*) FILTER (NOT ({rule})) AS {quote(name)}" for name, rule in RULES[table].items()
    )
    row = warehouse.query(f"SELECT {counts} FROM {table.full_name} WHERE {where}", parameters).row(
        0, named=True
    )
    return {name: count for name, count in row.items() if count}


def analysis_checks() -> list[dg.AssetChecksDefinition]:
    """Rules of every analysis table, completeness, and the share of fall-backs."""

    def rules_check(table: Table) -> dg.AssetChecksDefinition:
        @dg.asset_check(
            asset=key(table), name="rules_hold", blocking=True, description="; ".join(RULES[table].values())
        )
        def rules_hold(
            context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
        ) -> dg.AssetCheckResult:
            days = days_checked(context)
            broken = broken_rules(warehouse, table, days)
            description = ", ".join(f"{count} rows of {name}" for name, count in broken.items()) or None
            wrong = _any_of(f"NOT ({RULES[table][name]})" for name in broken)
            rows = _about_rows(warehouse, table, days, wrong)
            return dg.AssetCheckResult(
                passed=not broken, description=description, metadata={**broken, **rows}
            )

        return rules_hold

    def completeness_check(table: Table) -> dg.AssetChecksDefinition:
        @dg.asset_check(
            asset=key(table), name="every_site_is_there", description="A row for every site of the day."
        )
        def every_site_is_there(
            context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
        ) -> dg.AssetCheckResult:
            days = days_checked(context)
            where, parameters = _where(history.SITES, days)
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
        asset=key(analysis.FORECASTS),
        name="few_fall_backs",
        description=f"At most {MAX_SHARE_OF_FALL_BACKS:.0%} of the newest day's forecasts come from a fall-back.",
    )
    def few_fall_backs(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.AssetCheckResult:
        where, parameters = _where(analysis.FORECASTS, days_checked(context))
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
        *(rules_check(table) for table in RULES),
        *(completeness_check(table) for table in EVERY_SITE),
        few_fall_backs,
    ]


def all_checks(tables: Sequence[Table] = PUBLIC_TABLES) -> list[dg.AssetChecksDefinition]:
    """Every check of every table."""
    return (
        [check for table in tables for check in table_checks(table)] + sle_daily_checks() + analysis_checks()
    )
