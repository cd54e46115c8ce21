"""state.*: what analyses carry from day to day. For the pipeline alone: never published."""

from mist_pipeline.tables.schema import Column, Table

EVIDENCE = Table(
    "state",
    "evidence",
    "What detection knew at the end of a UTC day, a row for each named field and key; recent days and Mondays are kept.",
    (
        Column("day", "DATE", "Last UTC day that has entered"),
        Column(
            "part", "VARCHAR", "Name of the field: series.days, pool.moments …; version is that of the form"
        ),
        Column("site_id", "VARCHAR", "Mist site id, or empty"),
        Column("metric", "VARCHAR", "Service level, or empty"),
        Column("classifier", "VARCHAR", "Classifier or kind, or empty"),
        Column("numbers", "DOUBLE[]", "The field's array for this key, flattened row by row"),
    ),
    ("day", "part", "site_id", "metric", "classifier"),
)

DAY_SHAPES = Table(
    "state",
    "day_shapes",
    "How a day's degradation was spread over its hours, for the anomalies; every day is independent of the others.",
    (
        Column("day", "DATE", "Day in the organisation's time zone"),
        Column("site_id", "VARCHAR", "Mist site id"),
        Column("metric", "VARCHAR", "Service level"),
        Column("user_hours", "DOUBLE", "User-hours of the day", "h"),
        Column("share", "DOUBLE", "Degraded share, 0 to 1"),
        Column("spread", "DOUBLE", "Weighted standard deviation of the hours' arcsine shares"),
        *(
            Column(
                f"{name}_{block}", "DOUBLE", f"{meaning} in local hours {4 * block} to {4 * block + 3}", "h"
            )
            for block in range(6)
            for name, meaning in (("user_hours", "User-hours"), ("degraded_hours", "Degraded user-hours"))
        ),
    ),
    ("day", "site_id", "metric"),
)

FORESTS = Table(
    "state",
    "forests",
    "The forest that anomalies of now are scored with, a row for each part; made again where it was made of something else.",
    (
        Column("day", "DATE", "Day of its training"),
        Column("made_of", "VARCHAR", "Digest of settings, code, libraries and shapes"),
        Column("part", "VARCHAR", "Name of the part: medians, column, bound …"),
        Column("name", "VARCHAR", "Service level or text, or empty"),
        Column("place", "BIGINT", "Which one of its part: tree or service level"),
        Column("numbers", "DOUBLE[]", "The numbers"),
    ),
    ("day", "part", "name", "place"),
)

TABLES = (EVIDENCE, DAY_SHAPES, FORESTS)
