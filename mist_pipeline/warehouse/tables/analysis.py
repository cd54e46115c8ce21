"""analysis.*: what the history means, a partition a day, never looking past that day."""

from mist_pipeline.warehouse.schema import Column, Table
from mist_pipeline.warehouse.tables.common import DAY, METRIC, SCORE, SITE_ID

TRENDS = Table(
    "analysis",
    "trends",
    "Where a service level is heading, against the previous day with data and over a week.",
    (
        DAY,
        SITE_ID,
        METRIC,
        SCORE,
        Column("previous_pct", "DOUBLE", "Score of the previous day with data", "%"),
        Column("change_pct", "DOUBLE", "score_pct − previous_pct", "points"),
        Column("velocity_pct_per_day", "DOUBLE", "Robust (Theil–Sen) slope over seven days", "points/day"),
        Column("measured_value", "DOUBLE", "Mean raw measurement of the day"),
        Column("measured_change", "DOUBLE", "measured_value against that previous day"),
        Column("indicator", "VARCHAR", "↑ worsening, ↓ improving, → within the noise"),
        Column(
            "is_degrading",
            "BOOLEAN",
            "Worsened by more than the configured share a day, and beyond the noise",
        ),
        Column("noise_pct", "DOUBLE", "Usual day-to-day difference of this series", "points"),
        Column("previous_day", "DATE", "The previous day with data"),
        Column(
            "measured_indicator", "VARCHAR", "↑ ↓ → of the raw measurement, by its own direction and noise"
        ),
    ),
    ("day", "site_id", "metric"),
)

TABLES = (TRENDS,)
