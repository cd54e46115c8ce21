"""What must hold of every row of a table: keys, possible values, rules.

One question to a table answers all of it, so that a run has one step a table and not three. These checks block: what is
wrong goes no further. Not here: checks of whole days, which warn (`history`, `analysis`).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from mist_pipeline.defs.checks.days import about_days, days_checked, where_days
from mist_pipeline.defs.metadata.failing_rows import failing_rows
from mist_pipeline.defs.scope import Scope
from mist_pipeline.tables import analysis, history
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

RULES: dict[Table, dict[str, str]] = {
    history.CHANGES: {
        "state": "(state = 'missing') = (change_id = '')",
        "changed_at": "(state = 'ok') = (changed_at IS NOT NULL)",
        "source": "source IN ('log', 'webhook')",
    },
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
"""What must hold in every row of a table, by the column that is wrong where it does not; null holds."""

KEYS, VALUES, RULES_HOLD = "keys_are_unique", "values_are_possible", "rules_hold"


@dataclass(frozen=True)
class RowCheck:
    """One of the checks of a table's rows.

    Attributes:
        name: As Dagster shows it.
        description: What holds.
        wrong: What is counted → when a row is wrong, as SQL. For columns of a key that occurs twice it is a window over
            rows, which cannot be counted with the others.
    """

    name: str
    description: str
    wrong: Mapping[str, str]

    def says(self, table: Table, counts: Mapping[str, int]) -> str | None:
        """What is wrong, in words; None where nothing is."""
        if self.name == KEYS and counts:
            return f"{counts['repeated']} keys ({', '.join(table.key)}) occur more than once"
        return ", ".join(f"{count} rows of {name}" for name, count in counts.items()) or None


def checks_of(table: Table) -> tuple[RowCheck, ...]:
    """The checks of every row: of each table its keys and values, and its rules where it has some."""
    keys = ", ".join(map(quote, table.key))
    rules = RULES.get(table, {})
    checks = (
        RowCheck(KEYS, "No key occurs twice.", {"repeated": f"count(*) OVER (PARTITION BY {keys}) > 1"}),
        RowCheck(
            VALUES,
            "Percentages lie in 0–100, minutes and counts are not negative, only state ok has a score.",
            _impossible(table),
        ),
        RowCheck(
            RULES_HOLD,
            "; ".join(rules.values()),
            {name: f"NOT ({rule})" for name, rule in rules.items()},
        ),
    )
    return checks if rules else checks[:2]


def faults(
    warehouse: Warehouse, table: Table, days: tuple[date, date] | None, names: Collection[str] | None = None
) -> dict[str, dict[str, int]]:
    """Count what is wrong.

    Args:
        warehouse: Where the table is.
        table: What is checked.
        days: First and last day; None: the whole table.
        names: Of the checks; None: all.

    Returns:
        Check → what is counted → keys that occur more than once (`keys_are_unique`), or rows whose column has an impossible
        value or breaks its rule. What is right is left out.
    """
    checks = [one for one in checks_of(table) if names is None or one.name in names]
    where, parameters = where_days(table, days)
    keys = ", ".join(map(quote, table.key))
    repeated = f"SELECT 1 FROM {table.full_name} WHERE {where} GROUP BY {keys} HAVING count(*) > 1"
    counted = {
        (one.name, column): f"(SELECT count(*) FROM ({repeated}))"
        if one.name == KEYS
        else f"count(*) FILTER ({condition})"
        for one in checks
        for column, condition in one.wrong.items()
    }
    asked = ", ".join(f"{count} AS count_{number}" for number, count in enumerate(counted.values()))
    sql = f"SELECT {asked} FROM {table.full_name} WHERE {where}"
    each = parameters * (1 + any(one.name == KEYS for one in checks))
    counts = dict(zip(counted, warehouse.query(sql, each).row(0), strict=True))
    return {
        one.name: {column: counts[one.name, column] for column in one.wrong if counts[one.name, column]}
        for one in checks
    }


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


def _days_with(
    warehouse: Warehouse, table: Table, days: tuple[date, date] | None, wrong: str
) -> list[date] | None:
    """Days with a row for which a condition holds ('': for none); None of a table that is not kept by day."""
    if table.partition is None or not wrong:
        return None if table.partition is None else []
    where, parameters = where_days(table, days)
    # The condition may be a window over rows of the same key, so it is filtered one level above.
    rows = f"SELECT {quote(table.partition)} AS day, {wrong} AS is_wrong FROM {table.full_name} WHERE {where}"
    sql = f"SELECT DISTINCT day FROM ({rows}) WHERE is_wrong ORDER BY day"
    return list(warehouse.query(sql, parameters)["day"])


def _about_rows(
    warehouse: Warehouse, table: Table, days: tuple[date, date] | None, wrong: str
) -> dict[str, Any]:
    """Which days and which rows fail, for which a condition holds; '': none does."""
    where, parameters = where_days(table, days)
    failed = _days_with(warehouse, table, days, wrong)
    return {**about_days(days, failed), **failing_rows(warehouse, table, where, parameters, wrong)}


def _any_of(conditions: Iterable[str]) -> str:
    return " OR ".join(f"({condition})" for condition in conditions)


def row_checks(scope: Scope, table: Table) -> dg.AssetChecksDefinition:
    """The checks of a table's rows, as one step of a run."""
    checks, asset = {one.name: one for one in checks_of(table)}, scope.key(table)

    @dg.multi_asset_check(
        name=f"{table.schema}__{table.name}__rows",
        specs=[
            dg.AssetCheckSpec(one.name, asset=asset, blocking=True, description=one.description)
            for one in checks.values()
        ],
        can_subset=True,
    )
    def rows(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> Iterator[dg.AssetCheckResult]:
        days = days_checked(context)
        wanted = {one.name for one in context.selected_asset_check_keys}
        for name, counts in faults(warehouse, table, days, wanted).items():
            wrong = _any_of(checks[name].wrong[column] for column in counts)
            yield dg.AssetCheckResult(
                asset_key=asset,
                check_name=name,
                passed=not counts,
                description=checks[name].says(table, counts),
                metadata={**counts, **_about_rows(warehouse, table, days, wrong)},
            )

    return rows
