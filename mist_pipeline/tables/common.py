"""Columns that several tables share, so that one name means one thing."""

from mist_pipeline.tables.schema import Column

DAY = Column("day", "DATE", "Day in the organisation's time zone")
HOUR = Column("hour", "TIMESTAMPTZ", "Start of the hour")
AS_OF = Column("as_of", "TIMESTAMPTZ", "Instant at which this was evaluated")
SITE_ID = Column("site_id", "VARCHAR", "Mist site id; names repeat, ids do not")
METRIC = Column("metric", "VARCHAR", "Service level, canonical name with hyphens")
CLASSIFIER = Column("classifier", "VARCHAR", "What the cloud blames, canonical name with hyphens")
SCORE = Column("score_pct", "DOUBLE", "100 × (1 − Σ degraded / Σ total user-minutes); higher is better", "%")
TOTAL_MINUTES = Column(
    "total_user_minutes",
    "DOUBLE",
    "User-minutes observed; null where only the organisation endpoint was asked",
    "min",
)
DEGRADED_MINUTES = Column("degraded_user_minutes", "DOUBLE", "User-minutes below the service level", "min")
MEASURED_VALUE = Column("measured_value", "DOUBLE", "Mean raw measurement, in measured_unit; not the score")
MEASURED_UNIT = Column("measured_unit", "VARCHAR", "Unit of the raw measurement (dBm, Mbps, s, %)")
STATE = Column("state", "VARCHAR", "ok, no_users, not_supported or missing; only ok has a score")
SEVERITY = Column(
    "severity",
    "VARCHAR",
    "critical, major, warning or info; null where there are too few users or no score",
)
IS_ESTIMATED = Column("is_estimated", "BOOLEAN", "Exposure was estimated from clients (60 minutes each)")
