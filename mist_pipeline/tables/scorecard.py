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

TRUTHS = Table(
    "scorecard",
    "truths",
    "What is known of whether there was trouble and whether an alert was right, on the day on which it was known, with its source.",
    (
        DAY,
        Column(
            "source",
            "VARCHAR",
            "feedback (a person), ticket (how a person closed it), maintenance (a planned window), sustained_critical (critical on two days "
            "running), marvis or mist_alarm (a critical alarm of the cloud)",
        ),
        Column(
            "truth_id",
            "VARCHAR",
            "What of the source: a number of feedback, a ticket, an alert, a series, an alarm",
        ),
        Column(
            "verdict",
            "VARCHAR",
            "right, wrong, known, planned, too_late or duplicate of an alert; trouble of a site where nobody was asked about an alert",
        ),
        Column(
            "weight",
            "DOUBLE",
            "How much it counts beside others about the same alert, 0–1; the heaviest decides",
        ),
        Column("site_id", "VARCHAR", "About which site; null where it is about an incident"),
        Column(
            "family",
            "VARCHAR",
            "About which metric family; empty for the whole site, null where it is about an incident",
        ),
        Column("alert_id", "VARCHAR", "About which alert; null if about none"),
        Column("incident_id", "VARCHAR", "About which incident, with all of its alerts; null if about none"),
        Column("began_at", "TIMESTAMPTZ", "When the trouble began; null where the source does not say"),
        Column(
            "ended_at", "TIMESTAMPTZ", "When it was over, or last seen; null where the source does not say"
        ),
        Column("said_by", "VARCHAR", "Who says so: a person, a sink, a window; typed by people"),
        Column("said_at", "TIMESTAMPTZ", "When it was said or known"),
        Column("comment", "VARCHAR", "What else was said; typed by people"),
    ),
    ("day", "source", "truth_id"),
)

ALERT_QUALITY = Table(
    "scorecard",
    "alert_quality",
    "How good the alerts were that opened in the days up to the day: all, by rule, by severity and by sink.",
    (
        DAY,
        Column("window_days", "BIGINT", "Days that it sums up, the day included", "d"),
        Column("rule", "VARCHAR", "Rule of the first finding; empty for all"),
        Column("severity", "VARCHAR", "The worst severity that an alert ever had; empty for all"),
        Column("sink", "VARCHAR", "Told at this sink; empty for all, told or not"),
        Column(
            "n_alerts",
            "BIGINT",
            "Alerts that opened; those that were over before they were noticed are not counted",
        ),
        Column("n_told", "BIGINT", "Those of whose incident a message arrived"),
        Column("n_true", "BIGINT", "Judged right, known, planned or too late"),
        Column("n_false", "BIGINT", "Judged wrong"),
        Column("n_known", "BIGINT", "Of n_true known: nobody had to be told"),
        Column("n_planned", "BIGINT", "Of n_true planned work"),
        Column("n_duplicate", "BIGINT", "Judged a duplicate: noise, neither true nor false"),
        Column("n_unjudged", "BIGINT", "Nobody and nothing said whether they were right"),
        Column("n_judged", "BIGINT", "Judged true or false by people: feedback, or how they closed a ticket"),
        Column(
            "precision",
            "DOUBLE",
            "(n_judged − n_false) ÷ n_judged: known trouble says only of right alerts that they were",
        ),
        Column("precision_low", "DOUBLE", "Lower end of its 95 % interval (Wilson)"),
        Column("precision_high", "DOUBLE", "Upper end of it"),
        Column("false_per_site_week", "DOUBLE", "False and duplicate alerts a site and week"),
        Column(
            "n_troubles",
            "BIGINT",
            "Troubles of sites that are known without alerts; null but in the row of all",
        ),
        Column("n_missed", "BIGINT", "Of these without an alert from 72 hours before to 6 hours after"),
        Column("missed_low", "DOUBLE", "Lower end of the 95 % interval of their share (Wilson)"),
        Column("missed_high", "DOUBLE", "Upper end of it"),
        Column(
            "detect_median_hours",
            "DOUBLE",
            "From the begin of a trouble to its alert; 0 for an alert before it",
            "h",
        ),
        Column("detect_p90_hours", "DOUBLE", "Nine of ten were not later", "h"),
        Column("n_early", "BIGINT", "Troubles whose alert came before they began"),
        Column("lead_median_hours", "DOUBLE", "By how much, of these", "h"),
        Column(
            "n_cloud",
            "BIGINT",
            "Critical alarms of Mist and Marvis for sites, those of one time as one; null but in the row of all",
        ),
        Column("n_cloud_told", "BIGINT", "Of these with an alert from 72 hours before to 6 hours after"),
        Column("n_cloud_before", "BIGINT", "Of these the alert opened before the alarm was raised"),
        Column("cloud_lead_median_hours", "DOUBLE", "By how much; negative where Mist was first", "h"),
        Column("n_without_cloud", "BIGINT", "Alerts about whose trouble Mist raised no critical alarm"),
        Column(
            "noticed_median_hours",
            "DOUBLE",
            "From the estimated begin of an alert's own trouble to its opening",
            "h",
        ),
        Column("noticed_p90_hours", "DOUBLE", "Nine of ten were not later", "h"),
        Column(
            "acknowledge_median_minutes",
            "DOUBLE",
            "From the first message to a person's acknowledgement",
            "min",
        ),
        Column("acknowledge_p90_minutes", "DOUBLE", "Nine of ten were not later", "min"),
        Column("n_acknowledged", "BIGINT", "Alerts behind these"),
        Column(
            "n_waiting",
            "BIGINT",
            "Told, going on and not acknowledged: not in the times, which are too short by that",
        ),
        Column("resolve_median_hours", "DOUBLE", "From the estimated begin to the end of the alert", "h"),
        Column("n_resolved", "BIGINT", "Alerts behind it"),
        Column("n_open", "BIGINT", "Alerts that go on: not in the time to resolve"),
        Column("outlived_median_hours", "DOUBLE", "From the last bad hour to the end of the alert", "h"),
        Column(
            "messages_per_day", "DOUBLE", "Messages that arrived, a day; null in rows of a rule or severity"
        ),
        Column(
            "messages_per_person_day",
            "DOUBLE",
            "Of these what one recipient got: a mail address, or a channel, pager or ticket system as one",
        ),
        Column("n_ignored", "BIGINT", "Told, over, and nobody acknowledged, closed or judged them"),
        Column("ignored_share", "DOUBLE", "Of those told and over"),
    ),
    ("day", "window_days", "rule", "severity", "sink"),
)

PROPOSALS = Table(
    "scorecard",
    "proposals",
    "What the grades of the last 90 days suggest to change; nothing is changed by itself.",
    (
        DAY,
        Column(
            "kind",
            "VARCHAR",
            "sensitivity (a rule is wrong too often) or silence (people call the alerts of a site known)",
        ),
        Column("subject", "VARCHAR", "The rule, or the site id"),
        Column("n_judged", "BIGINT", "Its alerts that were judged true or false"),
        Column("n_against", "BIGINT", "Of these wrong, or known"),
        Column("action", "VARCHAR", "What to write into the configuration, or the command"),
    ),
    ("day", "kind", "subject"),
)

TABLES = (
    ISSUED_FORECASTS,
    ISSUED_RISKS,
    FORECAST_ACCURACY,
    PROBABILITIES,
    CROSSINGS,
    TRUTHS,
    ALERT_QUALITY,
    PROPOSALS,
)
