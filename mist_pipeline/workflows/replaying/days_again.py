"""Analyses of days as another configuration would have made them, in memory; the warehouse keeps what it has.

Only what the other configuration changes is made again: evidence, baselines and forecasts depend on no setting that may differ.
Not here: the analyses (``workflows.analysis``), closed hours (``workflows.analysis.replay``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

import polars as pl

from mist_pipeline.analysis.detection import BASE_RATE_DAYS
from mist_pipeline.analysis.scores.bands import with_severity
from mist_pipeline.settings import Settings, SettingsError
from mist_pipeline.tables import analysis, history
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis import rules
from mist_pipeline.workflows.analysis.analyse_day import (
    anomaly_frames,
    deviation_rows,
    health_rows,
    trend_rows,
)
from mist_pipeline.workflows.analysis.detect_day import candidate_cause_rows, finding_rows
from mist_pipeline.workflows.analysis.forecast_day import risk_rows

_FIXED: Mapping[str, tuple[Callable[[Settings], object], str]] = {
    "organisation.timezone": (lambda one: one.organisation.timezone, "days begin in it"),
    "organisation.holidays": (lambda one: one.organisation.holidays, "baselines were made without them"),
    "thresholds.forecast_days": (lambda one: one.thresholds.forecast_days, "forecasts were made for it"),
}
"""Keys on which stored analyses depend that a replay does not make again."""

_RULES: Mapping[str, Callable[[Settings], object]] = {
    "severity": lambda one: (rules.default_bands(one), rules.bands_by_metric(one), rules.gate(one)),
    "trend": rules.trend_rules,
    "deviation": rules.deviation_rules,
    "risk": rules.risk_rules,
    "anomaly": rules.anomaly_settings,
    "health": rules.health_rules,
    "detection": rules.detection_rules,
}


class _Layer(NamedTuple):
    """A table that another configuration may change.

    Attributes:
        changed_by: Names of `_RULES`, and of tables of which it is made.
        has_base_rates: Whether the days before the first are needed, too.
        make: Makes its rows.
    """

    table: Table
    changed_by: frozenset[str]
    make: Callable[[Warehouse, Settings, Sequence[date]], pl.DataFrame]
    has_base_rates: bool = False


_LAYERS = (
    _Layer(analysis.TRENDS, frozenset({"trend"}), trend_rows),
    _Layer(analysis.DEVIATIONS, frozenset({"deviation"}), deviation_rows, has_base_rates=True),
    _Layer(analysis.RISKS, frozenset({"risk"}), risk_rows),
    _Layer(analysis.ANOMALIES, frozenset({"anomaly"}), lambda *given: anomaly_frames(*given)[0]),
    _Layer(analysis.HEALTH_SCORES, frozenset({"health", "risks"}), health_rows),
    _Layer(analysis.INCIDENTS, frozenset({"severity", "deviations", "detection"}), candidate_cause_rows),
    _Layer(
        analysis.FINDINGS,
        frozenset(
            {
                "severity",
                "trends",
                "deviations",
                "risks",
                "anomalies",
                "health_scores",
                "incidents",
                "detection",
            }
        ),
        finding_rows,
    ),
)
"""In an order in which each may read those before it."""


@dataclass
class _InMemory(Warehouse):
    """The warehouse with some of its tables made again, and with severities by other bands."""

    made: dict[Table, pl.DataFrame] = field(default_factory=dict)
    daily: Callable[[pl.DataFrame], pl.DataFrame] | None = None

    def read_days(
        self, table: Table, first: date, last: date, *, columns: Sequence[str] = (), where: str = "true"
    ) -> pl.DataFrame:
        if table in self.made:
            rows = self.made[table].filter(pl.col("day").is_between(first, last))
        elif self.daily is not None and table == history.SLE_DAILY:
            rows = self.daily(super().read_days(table, first, last))
        else:
            return super().read_days(table, first, last, columns=columns, where=where)
        if where != "true":
            raise NotImplementedError(f"{table.full_name} in memory is read without a condition in SQL")
        return rows.select(columns or table.column_names)


def days_under(warehouse: Warehouse, base: Settings, other: Settings, first: date, last: date) -> Warehouse:
    """The warehouse as it would be read if these days had been analysed under another configuration.

    Args:
        warehouse: With the days as they were analysed.
        base: The configuration in force, under which they count as analysed.
        other: Another one.
        first: First day.
        last: Last day.

    Returns:
        The warehouse itself where nothing of them is different.

    Raises:
        SettingsError: The other configuration differs in what a replay cannot make again.
    """
    for key, (value, why) in _FIXED.items():
        if value(base) != value(other):
            raise SettingsError(
                f"{key} is {_plain(value(base))} in one configuration and {_plain(value(other))} in the other: {why}, so "
                "a replay cannot compare them; make it the same in both"
            )
    changed = {name for name, rule in _RULES.items() if rule(base) != rule(other)}
    if not changed:
        return warehouse
    again = _InMemory(warehouse.place, warehouse.wait_seconds)
    if "severity" in changed:
        again.daily = lambda rows: with_severity(
            rows, rules.default_bands(other), rules.bands_by_metric(other), rules.gate(other)
        )
    for layer in _LAYERS:
        if changed & layer.changed_by:
            begin = first - timedelta(days=BASE_RATE_DAYS) if layer.has_base_rates else first
            days = [begin + timedelta(days=at) for at in range((last - begin).days + 1)]
            again.made[layer.table] = layer.table.conform(layer.make(again, other, days))
            changed.add(layer.table.name)
    return again


def detects_alike(settings: Settings) -> str:
    """The same text for two configurations that detect alike; their alerts and messages may differ all the same."""
    return repr([rule(settings) for rule in _RULES.values()])


def _plain(value: object) -> str:
    """A value of a key in a sentence; none of these keys holds a secret."""
    return ", ".join(map(str, value)) or "empty" if isinstance(value, tuple) else str(value)
