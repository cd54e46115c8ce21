"""scorecard.*: whether it was right. What was issued is kept as it was; grades are given once the time has come."""

from mist_pipeline.tables.common import DAY, METRIC, SITE_ID
from mist_pipeline.tables.schema import Column, Table

ISSUED_AT = Column("issued_at", "TIMESTAMPTZ", "Instant of the run that first issued it")
VERSION = Column("version", "VARCHAR", "Version of the code that issued it")
PREDICTED_SCORE = Column("score_pct", "DOUBLE", "The newest score when it was issued", "%")
THRESHOLD = Column("threshold_pct", "DOUBLE", "The critical threshold then", "%")

ISSUED_FORECASTS = Table(
    "scorecard",
    "issued_forecasts",
    "Forecasts as they were first issued for a day; a day that is analysed again changes nothing here.",
    (
        DAY,
        SITE_ID,
        METRIC,
        Column("horizon_days", "BIGINT", "Days ahead", "d"),
        Column("target_day", "DATE", "The day forecast"),
        Column("mean_pct", "DOUBLE", "Centre of the forecast", "%"),
        Column("lower_pct", "DOUBLE", "Lower end of the 95 % interval", "%"),
        Column("upper_pct", "DOUBLE", "Upper end of the 95 % interval", "%"),
        Column("lower_80_pct", "DOUBLE", "Lower end of the 80 % interval", "%"),
        Column("upper_80_pct", "DOUBLE", "Upper end of the 80 % interval", "%"),
        Column("model", "VARCHAR", "arima(p,1,q), its default, or the name of the fall-back"),
        ISSUED_AT,
        VERSION,
    ),
    ("day", "site_id", "metric", "horizon_days"),
)

ISSUED_RISKS = Table(
    "scorecard",
    "issued_risks",
    "What was first said of a day about the critical threshold of a series; a day that is analysed again changes nothing here.",
    (
        DAY,
        SITE_ID,
        METRIC,
        Column("state", "VARCHAR", "never, crossing, already or too_little_history"),
        Column("days", "DOUBLE", "Days until the crossing", "d"),
        Column("days_low", "DOUBLE", "Lower end of the range", "d"),
        Column("days_high", "DOUBLE", "Upper end of the range", "d"),
        Column("probability", "DOUBLE", "Probability of crossing within a week"),
        THRESHOLD,
        PREDICTED_SCORE,
        Column("is_pre_warning", "BOOLEAN", "People were to be warned of it"),
        Column("is_withheld", "BOOLEAN", "The warning was withheld"),
        ISSUED_AT,
        VERSION,
    ),
    ("day", "site_id", "metric"),
)

FORECAST_ACCURACY = Table(
    "scorecard",
    "forecast_accuracy",
    "How good the forecasts for a day were, as issued, beside the seasonal naive forecast and the mean of the weekday.",
    (
        DAY,
        METRIC,
        Column("horizon_days", "BIGINT", "Days ahead", "d"),
        Column("model", "VARCHAR", "Model that issued them; empty for all"),
        Column("site_group", "VARCHAR", "Id of the site group; empty for all sites"),
        Column("n", "BIGINT", "Forecasts whose day has a score"),
        Column("mean_error_pct", "DOUBLE", "Mean of actual − forecast", "points"),
        Column("mean_abs_error_pct", "DOUBLE", "Mean absolute error", "points"),
        Column("smape_pct", "DOUBLE", "Mean of 200 |y − ŷ| ÷ (|y| + |ŷ|)", "%"),
        Column("coverage_80", "DOUBLE", "Share of actual scores inside the 80 % interval"),
        Column("coverage_95", "DOUBLE", "Share inside the 95 % interval"),
        Column("coverage_95_low", "DOUBLE", "Lower end of its own 95 % interval (Wilson)"),
        Column("coverage_95_high", "DOUBLE", "Upper end of it"),
        Column("width_80_pct", "DOUBLE", "Mean width of the 80 % interval", "points"),
        Column("width_95_pct", "DOUBLE", "Mean width of the 95 % interval", "points"),
        Column("winkler_80", "DOUBLE", "Mean Winkler score of the 80 % interval; less is better", "points"),
        Column("winkler_95", "DOUBLE", "Mean Winkler score of the 95 % interval; less is better", "points"),
        Column("n_compared", "BIGINT", "Of n those for which the other methods had a forecast too"),
        Column("compared_abs_error_pct", "DOUBLE", "Mean absolute error of these", "points"),
        Column("naive_abs_error_pct", "DOUBLE", "The same of the seasonal naive forecast", "points"),
        Column(
            "weekday_abs_error_pct",
            "DOUBLE",
            "The same of the mean of the last four of that weekday",
            "points",
        ),
        Column("n_scaled", "BIGINT", "Of n_compared those whose series varied from week to week"),
        Column(
            "mase",
            "DOUBLE",
            "Mean absolute scaled error of these: ÷ mean |y(t) − y(t − 7)| of 56 days before",
        ),
        Column("naive_mase", "DOUBLE", "The same of the seasonal naive forecast"),
        Column("weekday_mase", "DOUBLE", "The same of the mean of the weekday"),
    ),
    ("day", "metric", "horizon_days", "model", "site_group"),
)

PROBABILITIES = Table(
    "scorecard",
    "probabilities",
    "Whether what was given a probability of becoming critical within a week did: predictions whose week ended with the day.",
    (
        DAY,
        METRIC,
        Column("bin_low", "DOUBLE", "Predicted probability from, in tenths"),
        Column("n", "BIGINT", "Predictions whose week has enough readings"),
        Column("n_censored", "BIGINT", "Predictions whose week has too few"),
        Column("mean_probability", "DOUBLE", "Mean of what was predicted"),
        Column("observed_share", "DOUBLE", "Share that became critical"),
        Column(
            "brier",
            "DOUBLE",
            "Mean squared distance of prediction and outcome; of “never” it is observed_share",
        ),
    ),
    ("day", "metric", "bin_low"),
)

CROSSINGS = Table(
    "scorecard",
    "crossings",
    "What became of a prediction that a service level would become critical, on the day on which that was known.",
    (
        DAY,
        SITE_ID,
        METRIC,
        Column(
            "outcome",
            "VARCHAR",
            "hit, prevented (somebody acted, then it recovered), unattributed (it recovered, nobody acted), false_alarm, "
            "censored (too few readings), or missed (critical without a prediction)",
        ),
        Column("first_day", "DATE", "Day of the first warning; of a missed one null"),
        Column("last_day", "DATE", "Day of the last warning"),
        Column("num_warnings", "BIGINT", "Days on which it was predicted"),
        Column("predicted_days", "DOUBLE", "Days until the crossing, by the first warning", "d"),
        Column("predicted_low", "DOUBLE", "Lower end of its range", "d"),
        Column("predicted_high", "DOUBLE", "Upper end of its range", "d"),
        Column("probability", "DOUBLE", "Its probability of crossing within a week"),
        Column(
            "deadline",
            "DATE",
            "Until when it was to happen, by the warnings together; at most 14 days after the first",
        ),
        THRESHOLD,
        PREDICTED_SCORE,
        Column("lowest_pct", "DOUBLE", "Lowest score from the first warning on", "%"),
        Column("end_pct", "DOUBLE", "Median of the last three scores", "%"),
        Column("crossing_day", "DATE", "First critical day after the first warning; null if there was none"),
        Column("lead_days", "BIGINT", "From the first warning to the crossing", "d"),
        Column(
            "acted_at",
            "TIMESTAMPTZ",
            "When somebody first acted before the predicted time; null if nobody did",
        ),
        Column("action", "VARCHAR", "What they did: acknowledged, resolved, ticket; empty if nothing"),
        Column(
            "is_sudden",
            "BOOLEAN",
            "Of a missed one: most of the fall came on its last day, so that no trend could tell; else null",
        ),
        Column(
            "is_late_issue",
            "BOOLEAN",
            "Issued later than two days after its day, as by a backfill: nobody could act on it",
        ),
        Column(
            "is_withheld",
            "BOOLEAN",
            "All of its warnings were withheld, because forecasts of the series have been worse than the mean of its weekday",
        ),
    ),
    ("day", "site_id", "metric"),
)

TABLES = (ISSUED_FORECASTS, ISSUED_RISKS, FORECAST_ACCURACY, PROBABILITIES, CROSSINGS)
