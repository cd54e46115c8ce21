"""Inputs of the rules of findings, from rows without their day."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from mist_pipeline.analysis.findings.findings import findings
from mist_pipeline.analysis.findings.inputs import FindingInputs
from mist_pipeline.analysis.findings.series_rules import FindingRules
from mist_pipeline.tables import analysis, history
from mist_pipeline.tables.schema import Table

DAY = date(2026, 11, 20)
RULES = FindingRules(
    families={"time-to-connect": "connect", "capacity": "radio", "roaming": "roaming"},
    titles={"time-to-connect": "Time to connect", "capacity": "Capacity", "roaming": "Roaming"},
)
NOTHING = FindingInputs()


def columns(table: Table, names: str, **more: Any) -> dict[str, Any]:
    """Types of some columns of a table, ``day`` first; ``more`` for what is computed on the way to the rules."""
    types = {**table.polars_schema(), **more}
    return {name: types[name] for name in ("day", *names.split())}


SCHEMAS: dict[str, dict[str, Any]] = {
    "readings": columns(history.SLE_DAILY, "site_id metric score_pct severity state"),
    "classifiers": columns(history.CLASSIFIERS_DAILY, "site_id metric classifier degraded_user_minutes"),
    "sites": columns(history.SITES, "site_id"),
    "site_hourly": columns(history.SITE_HOURLY, "hour site_id num_aps num_aps_connected"),
    "trends": columns(
        analysis.TRENDS,
        "site_id metric score_pct previous_pct change_pct velocity_pct_per_day noise_pct indicator is_degrading",
    ),
    "deviations": columns(
        analysis.DEVIATIONS,
        "site_id metric score_pct expected_pct sigma is_deviating is_pooled",
        is_pooled=pl.Boolean(),
    ),
    "risks": columns(
        analysis.RISKS,
        "site_id metric severity state days days_low days_high probability level_pct slope_pct_per_day "
        "is_pre_warning",
    ),
    "anomalies": columns(
        analysis.ANOMALIES, "site_id anomaly_score is_anomaly rarity_per_1000 contributions"
    ),
    "health_scores": columns(analysis.HEALTH_SCORES, "site_id score previous_score change status is_drop"),
    "causes": columns(
        analysis.INCIDENTS, "cause_fingerprint scope metrics site_ids cause evidence p_value family"
    ),
    "notable": columns(
        analysis.EVIDENCE,
        "hour site_id family metric classifier window_hours surprise margin observed_pct expected_pct "
        "excess_user_minutes corroboration is_alarming began_at last_bad_at recovery is_second",
        family=pl.String(),
        margin=pl.Float64(),
        corroboration=pl.String(),
        is_alarming=pl.Boolean(),
        is_second=pl.Boolean(),
    ),
    "alarms": columns(
        history.ALARMS, "site_id type severity raised_at resolved_at status aps switches gateways"
    ),
}
"""Columns of every frame that the tests give to the rules, in the order of their rows."""


def inputs(**rows: list[tuple[Any, ...]]) -> FindingInputs:
    """Inputs from rows without their day, which is DAY."""
    return replace(
        NOTHING,
        **{
            name: pl.DataFrame([(DAY, *row) for row in given], schema=SCHEMAS[name], orient="row")
            for name, given in rows.items()
        },
    )


def found(given: FindingInputs, rules: FindingRules = RULES) -> list[dict[str, Any]]:
    return findings(given, [DAY], rules).rows(named=True)


def only(given: FindingInputs, rules: FindingRules = RULES) -> dict[str, Any]:
    (row,) = found(given, rules)
    return row


def risk(
    site: str,
    state: str,
    days: float | None,
    low: float | None,
    high: float | None,
    probability: float = 0.1,
    *,
    warns: bool = True,
) -> tuple[Any, ...]:
    return (site, "roaming", "critical", state, days, low, high, probability, 91.2, -0.8, warns)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 20, hour, minute, tzinfo=UTC)


def alarm(
    kind: str,
    severity: str,
    raised: int,
    *,
    aps: list[str] | None = None,
    resolved: int | None = None,
    status: str | None = None,
) -> tuple[Any, ...]:
    return (
        "a",
        kind,
        severity,
        at(raised),
        None if resolved is None else at(resolved),
        status,
        aps,
        None,
        None,
    )


def notable(
    site: str,
    hour: int,
    metric: str = "time-to-connect",
    margin: float = 2.0,
    observed: float = 35.0,
    **more: Any,
) -> tuple[Any, ...]:
    return (
        at(hour),
        site,
        more.get("family", "connect"),
        metric,
        more.get("classifier", "dhcp-stuck"),
        more.get("window_hours", 6),
        more.get("surprise", 8.2),
        margin,
        observed,
        3.14,
        900.0,
        "horizon",
        more.get("alarming", True),
        at(hour),
        at(hour),
        0.0,
        False,
    )
