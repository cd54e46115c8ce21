"""Which columns a column is made of.

A column that two tables share by its definition (`Column`) is handed on; what is computed is listed here. Keys and columns that
say how something was computed have no line.

>>> from mist_pipeline.tables import analysis, history
>>> [str(one) for one in made_of(analysis.DEVIATIONS, "sigma", [history.SLE_DAILY, analysis.BASELINES])]
['history.sle_daily.score_pct', 'analysis.baselines.std_pct']
>>> [str(one) for one in made_of(analysis.DEVIATIONS, "score_pct", [history.SLE_DAILY, analysis.BASELINES])]
['history.sle_daily.score_pct']
"""

from collections.abc import Iterable
from typing import NamedTuple

from mist_pipeline.tables import analysis, history, live
from mist_pipeline.tables.schema import Table


class Source(NamedTuple):
    """A column of a table."""

    table: Table
    column: str

    def __str__(self) -> str:
        return f"{self.table.full_name}.{self.column}"


def _each(names: str, *sources: Source) -> dict[str, tuple[Source, ...]]:
    return dict.fromkeys(names.split(), sources)


_SCORE = Source(history.SLE_DAILY, "score_pct")
_HOURLY_SCORE = Source(history.SLE_HOURLY, "score_pct")
_MINUTES = (
    Source(history.SLE_HOURLY, "degraded_user_minutes"),
    Source(history.SLE_HOURLY, "total_user_minutes"),
    Source(history.CLASSIFIERS_HOURLY, "degraded_user_minutes"),
)
_FORECAST = Source(analysis.FORECASTS, "mean_pct")

COMPUTED: dict[Table, dict[str, tuple[Source, ...]]] = {
    analysis.TRENDS: {
        **_each("previous_pct change_pct velocity_pct_per_day indicator is_degrading noise_pct", _SCORE),
        **_each("measured_change measured_indicator", Source(history.SLE_DAILY, "measured_value")),
    },
    analysis.UTILISATION: _each(
        "value_pct previous_pct change_pct velocity_pct_per_day indicator is_degrading",
        Source(history.DEVICES, "cpu_pct"),
        Source(history.DEVICES, "memory_pct"),
    ),
    analysis.BASELINES: {
        **_each("mean_pct std_pct median_pct mad_pct low_side_std_pct weekday_strength", _SCORE),
        **_each("user_minutes", Source(history.SLE_DAILY, "total_user_minutes")),
    },
    analysis.DEVIATIONS: {
        **_each("expected_pct", Source(analysis.BASELINES, "mean_pct")),
        **_each("expected_std_pct", Source(analysis.BASELINES, "std_pct")),
        **_each("sigma is_deviating", _SCORE, Source(analysis.BASELINES, "std_pct")),
    },
    analysis.EVIDENCE: _each(
        "excess_user_minutes excess_pct surprise observed_pct expected_pct lost_user_minutes", *_MINUTES
    ),
    analysis.MODELS: _each("p d q params sigma2 aicc backtest_error_pct", _SCORE),
    analysis.FORECASTS: _each(
        "mean_pct lower_pct upper_pct lower_80_pct upper_80_pct spread model_mean_pct",
        _SCORE,
        Source(analysis.MODELS, "params"),
    ),
    analysis.RISKS: {
        **_each(
            "days days_low days_high probability is_pre_warning is_withheld courses_pct", _SCORE, _FORECAST
        ),
        **_each("level_pct slope_pct_per_day decline_probability", _SCORE),
    },
    analysis.ANOMALIES: _each("anomaly_score is_anomaly contributions", _HOURLY_SCORE),
    analysis.HEALTH_SCORES: {
        **_each("score status contributions", _SCORE),
        **_each("is_at_risk", Source(analysis.RISKS, "probability")),
    },
    analysis.CORRELATIONS: _each("coefficient", Source(analysis.DEVIATIONS, "sigma")),
    analysis.INCIDENTS: _each(
        "cause p_value",
        Source(analysis.EVIDENCE, "surprise"),
        Source(analysis.DEVIATIONS, "sigma"),
        Source(history.CHANGES, "changed_at"),
    ),
    live.FINDINGS: _each(
        "severity", Source(live.STATUS, "score_pct"), Source(live.SLE_HOURLY, "degraded_user_minutes")
    ),
}
"""Table → column → what it is computed of."""


def made_of(table: Table, column: str, upstream: Iterable[Table]) -> list[Source]:
    """The columns that a column is made of; none of a key, and of what is made of no other table."""
    if column in table.key:
        return []
    if column in COMPUTED.get(table, {}):
        return list(COMPUTED[table][column])
    definition = table.columns[table.column_names.index(column)]
    return [Source(one, column) for one in upstream if one is not table and definition in one.columns]
