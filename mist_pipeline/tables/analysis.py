"""analysis.*: what the history means, a partition a day, never looking past that day."""

from mist_pipeline.tables.common import DAY, HOUR, IS_ESTIMATED, METRIC, SCORE, SITE_ID, TOTAL_MINUTES
from mist_pipeline.tables.schema import Column, Table

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

UTILISATION = Table(
    "analysis",
    "utilisation",
    "Where the load of an access point, switch or gateway is heading; more is worse. From snapshots on, never backfilled.",
    (
        DAY,
        SITE_ID,
        Column("device_id", "VARCHAR", "Mist device id"),
        Column("measure", "VARCHAR", "cpu or memory"),
        Column("value_pct", "DOUBLE", "Utilisation in the last snapshot of the day", "%"),
        Column("previous_pct", "DOUBLE", "The same on the previous day with a snapshot", "%"),
        Column("change_pct", "DOUBLE", "value_pct − previous_pct", "points"),
        Column("velocity_pct_per_day", "DOUBLE", "Robust (Theil–Sen) slope over seven days", "points/day"),
        Column("indicator", "VARCHAR", "↑ worsening (rising), ↓ improving (falling), → within the noise"),
        Column(
            "is_degrading", "BOOLEAN", "Rose by more than the configured share a day, and beyond the noise"
        ),
        Column("sentence", "VARCHAR", "“75 % yesterday, 79 % today, trending upward”"),
    ),
    ("day", "site_id", "device_id", "measure"),
)

BASELINES = Table(
    "analysis",
    "baselines",
    "What is normal for a service level on the eve of the day, from the thirty days before it.",
    (
        DAY,
        SITE_ID,
        METRIC,
        Column("day_of_week", "BIGINT", "0 = Monday … 6 = Sunday; −1 = all days"),
        Column("mean_pct", "DOUBLE", "Mean, weighted by user-minutes", "%"),
        Column("std_pct", "DOUBLE", "Standard deviation, weighted by user-minutes", "points"),
        Column("median_pct", "DOUBLE", "Weighted median", "%"),
        Column("mad_pct", "DOUBLE", "Median absolute deviation from the median, floored", "points"),
        Column("n", "BIGINT", "Days with data"),
        Column("is_mature", "BOOLEAN", "Enough days to be relied on"),
        Column(
            "is_pooled", "BOOLEAN", "Borrowed from peers (same group and size), the series being too young"
        ),
        Column("low_side_std_pct", "DOUBLE", "Robust spread below the expectation", "points"),
        Column("weekday_strength", "DOUBLE", "0 no weekday pattern … 1 nothing else"),
        Column("user_minutes", "DOUBLE", "Mean user-minutes a day", "min"),
    ),
    ("day", "site_id", "metric", "day_of_week"),
)

DEVIATIONS = Table(
    "analysis",
    "deviations",
    "How far a score lies from its baseline, in standard deviations that know how many users it rests on.",
    (
        DAY,
        SITE_ID,
        METRIC,
        SCORE,
        Column("expected_pct", "DOUBLE", "Median of the weekday where that is mature, else of all days", "%"),
        Column(
            "sigma",
            "DOUBLE",
            "Standard deviations from the expectation; negative is worse; null if not mature",
        ),
        Column("is_deviating", "BOOLEAN", "Beyond the limit on the bad side, with enough users"),
        Column(
            "expected_std_pct", "DOUBLE", "Standard deviation of this score around its expectation", "points"
        ),
        Column("is_weekday_aware", "BOOLEAN", "The expectation is that of the weekday"),
        Column("is_pooled", "BOOLEAN", "The baseline was borrowed from peers"),
    ),
    ("day", "site_id", "metric"),
)

EVIDENCE = Table(
    "analysis",
    "evidence",
    "Degraded user-minutes beyond expectation in the window that ends with an hour; notable rows, and every hour of an episode.",
    (
        HOUR,
        SITE_ID,
        METRIC,
        Column("classifier", "VARCHAR", "What the cloud blames; empty for the whole metric"),
        Column("window_hours", "BIGINT", "Length of the window", "h"),
        DAY,
        Column("excess_user_minutes", "DOUBLE", "Degraded user-minutes beyond expectation", "min"),
        Column("excess_pct", "DOUBLE", "Degraded share beyond expectation", "points"),
        Column("surprise", "DOUBLE", "−log10 of the tail probability"),
        IS_ESTIMATED,
        Column("observed_pct", "DOUBLE", "Degraded share seen", "%"),
        Column("expected_pct", "DOUBLE", "Degraded share expected", "%"),
        TOTAL_MINUTES,
        Column("breadth_hours", "DOUBLE", "Over how many hours the excess is spread", "h"),
        Column("recent_excess_pct", "DOUBLE", "Excess share of the newest day of the window", "points"),
        Column("baseline_days", "DOUBLE", "Days of history behind the expectation", "d"),
        Column("group_id", "VARCHAR", "Peers that show the same; null for none"),
        Column("group_surprise", "DOUBLE", "Surprise of those peers together"),
        Column(
            "began_at",
            "TIMESTAMPTZ",
            "First hour of the newest episode of excess (windows from 48 h: against the lagged expectation)",
        ),
        Column("last_bad_at", "TIMESTAMPTZ", "Its last bad hour so far"),
        Column(
            "recovery", "DOUBLE", "0 at a bad hour … 1 the fresh hours together say that the episode is over"
        ),
        Column(
            "lost_user_minutes",
            "DOUBLE",
            "Degraded user-minutes beyond expectation from began_at to last_bad_at",
            "min",
        ),
        Column(
            "is_accepted",
            "BOOLEAN",
            "The episode ended because its level had lasted for weeks and is the new normal",
        ),
    ),
    ("hour", "site_id", "metric", "classifier", "window_hours"),
)

MODELS = Table(
    "analysis",
    "models",
    "The ARIMA order and coefficients that the weekly search found for a series; never a fitted model.",
    (
        DAY,
        SITE_ID,
        METRIC,
        Column("p", "BIGINT", "Autoregressive order"),
        Column("d", "BIGINT", "Order of differencing"),
        Column("q", "BIGINT", "Moving-average order"),
        Column("params", "JSON", "Coefficients on the logit scale: {ar: […], ma: […]}"),
        Column("sigma2", "DOUBLE", "Variance of the innovations on the logit scale"),
        Column("aicc", "DOUBLE", "Corrected Akaike criterion"),
        Column("ljung_box_p", "DOUBLE", "p-value of the innovations' autocorrelation"),
        Column("n", "BIGINT", "Readings seen"),
        Column("backtest_error_pct", "DOUBLE", "Mean absolute error of the backtest", "points"),
        Column("backtest_naive_error_pct", "DOUBLE", "The same of the seasonal naive forecast", "points"),
        Column("backtest_mase", "DOUBLE", "Mean absolute scaled error of the backtest"),
        Column("backtest_naive_mase", "DOUBLE", "The same of the seasonal naive forecast"),
        Column("backtest_n", "BIGINT", "Forecasts in the backtest"),
        Column("fallback", "VARCHAR", "Why nothing could be searched: short, gaps, constant"),
    ),
    ("day", "site_id", "metric"),
)

FORECASTS = Table(
    "analysis",
    "forecasts",
    "What a score will be, as issued at the end of the day; never restated.",
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
        Column(
            "beats_naive",
            "BOOLEAN",
            "Forecasts of this series were better than the seasonal naive; null if unknown",
        ),
        Column(
            "state", "VARCHAR", "ok, short, gaps, constant; without a forecast dead or too_little_history"
        ),
        Column("is_refitted", "BOOLEAN", "Diagnostics asked for a refit"),
        Column(
            "spread",
            "DOUBLE",
            "What errors of this forecast are measured in, on the scale of log odds; the bounds are quantiles of earlier errors × this",
        ),
        Column(
            "interval_basis",
            "VARCHAR",
            "Errors behind the interval: “graded errors” of issued forecasts, by level, metric and horizon; “graded errors of all "
            "metrics” by level alone; “model” as long as there are too few",
        ),
        Column(
            "model_mean_pct",
            "DOUBLE",
            "Centre by the series' own model; another than mean_pct where the mean of the weekday was issued because it has been better",
            "%",
        ),
    ),
    ("day", "site_id", "metric", "horizon_days"),
)

RISKS = Table(
    "analysis",
    "risks",
    "When a score will fall below a threshold.",
    (
        DAY,
        SITE_ID,
        METRIC,
        Column("severity", "VARCHAR", "Whose threshold: critical, major or warning"),
        Column("state", "VARCHAR", "never, crossing, already or too_little_history"),
        Column("days", "DOUBLE", "Days until the crossing", "d"),
        Column("days_low", "DOUBLE", "Lower end of the range", "d"),
        Column("days_high", "DOUBLE", "Upper end of the range", "d"),
        Column("probability", "DOUBLE", "Probability of crossing within a week"),
        Column("threshold_pct", "DOUBLE", "The threshold", "%"),
        Column("score_pct", "DOUBLE", "The newest score, at most three days old", "%"),
        Column("level_pct", "DOUBLE", "Present level without weekday effects", "%"),
        Column("slope_pct_per_day", "DOUBLE", "Present slope", "points/day"),
        Column("decline_probability", "DOUBLE", "Probability that the series is declining at all"),
        Column(
            "is_pre_warning", "BOOLEAN", "To be warned of: under its line and heading down, or crossing soon"
        ),
        Column(
            "is_withheld",
            "BOOLEAN",
            "It would be told, but the forecasts of this series have been worse than the mean of its weekday: nobody is warned",
        ),
        Column(
            "courses_pct",
            "DOUBLE[]",
            "Where a warning is: 40 equally likely courses of the level over 14 days, one after the other",
            "%",
        ),
    ),
    ("day", "site_id", "metric", "severity"),
)

ANOMALIES = Table(
    "analysis",
    "anomalies",
    "How unusual a site's day was, all its service levels together.",
    (
        DAY,
        SITE_ID,
        Column("anomaly_score", "DOUBLE", "Isolation forest: 0.5 ordinary … 1 unusual"),
        Column("is_anomaly", "BOOLEAN", "Within the budget of alerts"),
        Column("rarity_per_1000", "DOUBLE", "Ordinary site-days in 1,000 that score as high"),
        Column("contributions", "JSON", "Metric → share of the score; they sum to 1"),
        Column(
            "state", "VARCHAR", "ok, too_little_data, too_little_history or no_model; only ok has a score"
        ),
        Column("model_version", "VARCHAR", "Which forest"),
        Column("trained_from", "DATE", "First day of its training"),
        Column("trained_to", "DATE", "Last day of its training"),
    ),
    ("day", "site_id"),
)

HEALTH_SCORES = Table(
    "analysis",
    "health_scores",
    "Health of a site: the mean over its metrics of score × credit by severity.",
    (
        DAY,
        SITE_ID,
        Column("score", "DOUBLE", "0–100; null where no metric has a severity"),
        Column("previous_score", "DOUBLE", "Score of the last day that has one"),
        Column("change", "DOUBLE", "score − previous_score", "points"),
        Column("status", "VARCHAR", "CRITICAL, UNHEALTHY, DEGRADED, HEALTHY or UNKNOWN"),
        Column(
            "is_at_risk", "BOOLEAN", "A threshold will probably be crossed soon; null if nothing is known"
        ),
        Column("contributions", "JSON", "Metric → points; they sum to the score"),
        Column("confidence", "DOUBLE", "Share of the collected, supported metrics that have a severity"),
        Column("previous_day", "DATE", "Day of previous_score"),
        Column("previous_confidence", "DOUBLE", "Confidence of that day"),
        Column("is_drop", "BOOLEAN", "Fell by more than the limit, both days being sure enough"),
    ),
    ("day", "site_id"),
)

CORRELATIONS = Table(
    "analysis",
    "correlations",
    "Pairs of sites whose deviations move together.",
    (
        DAY,
        METRIC,
        Column("site_a", "VARCHAR", "Site id, the smaller of the two"),
        Column("site_b", "VARCHAR", "Site id"),
        Column("coefficient", "DOUBLE", "Correlation of the normal scores of their deviations"),
        Column("n", "BIGINT", "Days that both have"),
    ),
    ("day", "metric", "site_a", "site_b"),
)

INCIDENTS = Table(
    "analysis",
    "incidents",
    "Candidate causes of a day: what the degraded sites have in common.",
    (
        DAY,
        Column("cause_fingerprint", "VARCHAR", "Stable name of the cause"),
        Column("scope", "VARCHAR", "site or infrastructure"),
        Column("metrics", "VARCHAR[]", "Metrics hit"),
        Column("site_ids", "VARCHAR[]", "Sites hit"),
        Column("cause", "VARCHAR", "The cause in words"),
        Column("evidence", "JSON", "The counts behind it"),
        Column("p_value", "DOUBLE", "Corrected for the number of explanations tried; null for a single site"),
        Column("family", "VARCHAR", "Metric family"),
        Column("attribute", "VARCHAR", "What they share: site group, model, firmware, change …"),
        Column("value", "VARCHAR", "Which one"),
        Column("classifier", "VARCHAR", "What the cloud blames at most of them"),
    ),
    ("day", "cause_fingerprint"),
)

FINDINGS = Table(
    "analysis",
    "findings",
    "What one rule found on one day, in a sentence.",
    (
        DAY,
        Column("site_id", "VARCHAR", "Mist site id; empty for the whole organisation"),
        Column("metric", "VARCHAR", "Service level; empty for the whole site"),
        Column("kind", "VARCHAR", "The rule that fired"),
        Column("severity", "VARCHAR", "critical, major, warning or info"),
        Column("summary", "VARCHAR", "A sentence for people; may hold names typed by people"),
        Column("evidence", "JSON", "The numbers behind it"),
        Column("fingerprint", "VARCHAR", "Stable name of the finding, the same on every day it lasts"),
        Column("family", "VARCHAR", "Metric family"),
    ),
    ("day", "fingerprint"),
)

TABLES = (
    TRENDS,
    UTILISATION,
    BASELINES,
    DEVIATIONS,
    EVIDENCE,
    MODELS,
    FORECASTS,
    RISKS,
    ANOMALIES,
    HEALTH_SCORES,
    CORRELATIONS,
    INCIDENTS,
    FINDINGS,
)
