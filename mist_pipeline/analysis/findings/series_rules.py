"""Rules about one service level of one site: threshold, trend, pre-warning, baseline, evidence.

Here: frames of one or more moments in, one finding for each row that fires out, with a sentence for people. Not here:
rules about a whole site or the organisation (``site_rules``), and the table (``findings``). Names of sites are
not part of a sentence: they are hostile input, and a finding has its site_id.

Readings in, one row for each score that a rule is about; scores in percent:

>>> from datetime import date
>>> readings = pl.DataFrame(
...     {
...         "moment": [date(2026, 3, 2)] * 2,
...         "site_id": ["s1", "s2"],
...         "metric": ["coverage"] * 2,
...         "state": ["ok"] * 2,
...         "score_pct": [64.0, 97.0],
...         "severity": ["critical", "info"],
...     }
... )
>>> threshold_findings(readings, None, FindingRules()).select("site_id", "severity", "summary").rows()
[('s1', 'critical', 'coverage 64.0 %: critical (below 70 %).')]
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from mist_pipeline.analysis.evidence.site_load import LOAD, SILENCE
from mist_pipeline.analysis.evidence.windows import SLOW_FROM
from mist_pipeline.analysis.risks.risk import sentence
from mist_pipeline.analysis.scores.bands import Bands, threshold
from mist_pipeline.domain.metrics import classifier_title
from mist_pipeline.domain.numbers import CHANCE, NEAR_CHANCE, rounded_down_column
from mist_pipeline.domain.severity import RANKS, UNRANKED, rank

MOMENT = "moment"
"""Name of the column that says when, in every frame that a rule takes: a day, or the instant of a live evaluation."""

COLUMNS = (MOMENT, "site_id", "metric", "kind", "severity", "summary", "evidence", "family", "subject")
"""What every rule returns; ``subject`` distinguishes findings of one kind at one place."""


@dataclass(frozen=True)
class FindingRules:
    """What fires a rule.

    Attributes:
        families: Metric → family; a metric that is not named is a family of its own.
        titles: Metric → name for people.
        bands: Severity bands of every metric without its own.
        by_metric: Severity bands of single metrics.
        finding_severities: Severities of a score that are findings by themselves.
        pre_warning_pct: Metric → line below which a falling score is a finding before it is critical; as in the rules
            of the risks.
        min_drop_points: Smallest shortfall against the expectation that matters in practice.
        alarm_severities: Severities of the cloud's own alarms that are findings.
        min_reporting_share: Share of the sites that must have answered; below it the collection itself has failed.
    """

    families: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    bands: Bands = field(default_factory=Bands)
    by_metric: Mapping[str, Bands] = field(default_factory=dict)
    finding_severities: Sequence[str] = ("critical", "major", "warning")
    pre_warning_pct: Mapping[str, float] = field(default_factory=lambda: {"capacity": 85.0, "roaming": 95.0})
    min_drop_points: float = 3.0
    alarm_severities: Sequence[str] = ("critical",)
    min_reporting_share: float = 0.5


def number(value: pl.Expr, digits: int = 1) -> pl.Expr:
    """A number in a sentence that is no percentage: points, standard deviations, counts."""
    return value.round(digits).cast(pl.String) if digits else value.round(0).cast(pl.Int64).cast(pl.String)


def percent(value: pl.Expr) -> pl.Expr:
    """A percentage in a sentence, rounded down as on every surface (``domain.numbers``)."""
    return rounded_down_column(value).cast(pl.String)


def line_pct(value: pl.Expr) -> pl.Expr:
    """A threshold in a sentence, as it was set: 70, or 72.5."""
    whole = value.cast(pl.Int64)
    return pl.when(value == whole).then(whole.cast(pl.String)).otherwise(value.cast(pl.String))


def between(before: pl.Expr, now: pl.Expr) -> pl.Expr:
    """What lies between two percentages as they are shown, without a sign."""
    return (rounded_down_column(now) - rounded_down_column(before)).abs().round(1).cast(pl.String)


def with_classifier_titles(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with ``classifier_title``: what people call its classifier, null where it names none."""
    names = frame["classifier"].drop_nulls().unique().to_list()
    titles = {name: classifier_title(name) for name in names if name}
    return frame.with_columns(
        pl.col("classifier")
        .replace_strict(titles, default=None, return_dtype=pl.String)
        .alias("classifier_title")
    )


def title(rules: FindingRules) -> pl.Expr:
    """The metric's name for people."""
    return pl.col("metric").replace(dict(rules.titles))


def as_findings(
    frame: pl.DataFrame,
    kind: str,
    severity: pl.Expr,
    summary: pl.Expr,
    evidence: Mapping[str, pl.Expr],
    *,
    rules: FindingRules,
    family: pl.Expr | None = None,
    subject: pl.Expr | None = None,
) -> pl.DataFrame:
    """Rows that fired as findings with the columns ``COLUMNS``.

    Args:
        frame: moment, site_id, metric and whatever the expressions use.
        kind: The rule.
        severity: Of each row.
        summary: Sentence of each row.
        evidence: Members of the evidence object.
        rules: For the families.
        family: Instead of that of the metric.
        subject: What distinguishes several findings of this kind at one site and metric.
    """
    named = [value.alias(name) for name, value in evidence.items()]
    return frame.select(
        MOMENT,
        "site_id",
        "metric",
        pl.lit(kind).alias("kind"),
        severity.alias("severity"),
        summary.alias("summary"),
        pl.struct(named).struct.json_encode().alias("evidence"),
        (pl.col("metric").replace(dict(rules.families)) if family is None else family).alias("family"),
        (pl.lit("") if subject is None else subject).alias("subject"),
    )


def worse(severity: pl.Expr, at_least: str) -> pl.Expr:
    """A severity, raised to ``at_least`` where it is milder or unknown."""
    return pl.when(severity_rank(severity) >= rank(at_least)).then(severity).otherwise(pl.lit(at_least))


def severity_rank(severity: pl.Expr) -> pl.Expr:
    """How bad a severity is, as ``domain.severity``: info 0 … critical 3; below all where it is unknown."""
    return severity.replace_strict(RANKS, default=UNRANKED, return_dtype=pl.Int64)


def threshold_findings(
    readings: pl.DataFrame, classifiers: pl.DataFrame | None, rules: FindingRules
) -> pl.DataFrame:
    """Scores of `FindingRules.finding_severities`. The gate on users was applied before: a null severity fires nothing.

    Args:
        readings: moment, site_id, metric, score_pct, severity.
        classifiers: moment, site_id, metric, classifier, degraded_user_minutes: names the largest one.
        rules: Bands and ``finding_severities``.
    """
    line = pl.coalesce(
        pl.when(pl.col("severity") == name).then(threshold(name, rules.bands, rules.by_metric))
        for name in ("critical", "major", "warning")
    )
    fired = with_classifier_titles(
        with_classifier(readings, classifiers).filter(
            pl.col("severity").is_in(list(rules.finding_severities)) & line.is_not_null()
        )
    )
    cause = (
        pl.when(pl.col("classifier_title").is_not_null())
        .then(pl.format(", mostly {}", "classifier_title"))
        .otherwise(pl.lit(""))
    )
    return as_findings(
        fired,
        "threshold",
        pl.col("severity"),
        pl.format(
            "{} {} %: {} (below {} %){}.",
            title(rules),
            percent(pl.col("score_pct")),
            pl.col("severity"),
            line_pct(line),
            cause,
        ),
        {"score_pct": pl.col("score_pct"), "threshold_pct": line, "classifier": pl.col("classifier")},
        rules=rules,
    )


def trend_findings(trends: pl.DataFrame, readings: pl.DataFrame | None, rules: FindingRules) -> pl.DataFrame:
    """Series that are degrading, beyond the rule of the roadmap and their own noise.

    Args:
        trends: moment, site_id, metric, score_pct, previous_pct, change_pct, velocity_pct_per_day, is_degrading.
        readings: moment, site_id, metric, severity: a falling score that is critical already is critical.
        rules: Names and families.
    """
    fired = with_severity_of(trends.filter(pl.col("is_degrading")), readings)
    velocity = pl.col("velocity_pct_per_day")
    weekly = (
        pl.when(velocity < -0.05)
        .then(pl.format("; over the week {} points a day", number(velocity)))
        .otherwise(pl.lit(""))
    )
    return as_findings(
        fired,
        "trend",
        worse(pl.col("severity"), "warning"),
        pl.format(
            "{} fell {} points, from {} % to {} %{}.",
            title(rules),
            between(pl.col("previous_pct"), pl.col("score_pct")),
            percent(pl.col("previous_pct")),
            percent(pl.col("score_pct")),
            weekly,
        ),
        {
            name: pl.col(name)
            for name in ("score_pct", "previous_pct", "change_pct", "velocity_pct_per_day", "noise_pct")
        },
        rules=rules,
    )


def pre_warning_findings(
    trends: pl.DataFrame | None, risks: pl.DataFrame | None, rules: FindingRules
) -> pl.DataFrame:
    """Scores that are not critical yet but predicted to be, or under their pre-warning line and heading down.

    Risks decide where they were made; without them a trend under the line does.

    Args:
        trends: moment, site_id, metric, score_pct, velocity_pct_per_day, indicator.
        risks: ``analysis.risks`` with moment; its ``is_pre_warning`` rows fire.
        rules: Lines.
    """
    if risks is not None:
        return _predicted(risks, rules)
    if trends is None:
        return no_findings()
    falling = trends.with_columns(_line(rules)).filter(
        (pl.col("score_pct") < pl.col("line"))
        & (pl.col("score_pct") >= threshold("critical", rules.bands, rules.by_metric))
        & (pl.col("indicator") == "↑")
        & (pl.col("velocity_pct_per_day") < -0.05)
    )
    return as_findings(
        falling,
        "pre_warning",
        pl.lit("warning"),
        _under_its_line(pl.col("score_pct"), pl.col("velocity_pct_per_day"), rules),
        {name: pl.col(name) for name in ("score_pct", "line", "velocity_pct_per_day")},
        rules=rules,
    )


def baseline_findings(
    deviations: pl.DataFrame, readings: pl.DataFrame | None, rules: FindingRules
) -> pl.DataFrame:
    """Scores that deviate from their own expectation on the bad side, by enough to matter.

    A baseline that is not mature fires nothing: sigma is null there. Where it was borrowed from peers (``is_pooled``) it
    informs the report and fires nothing here.

    Args:
        deviations: moment, site_id, metric, score_pct, expected_pct, sigma, is_deviating; is_pooled where known.
        readings: moment, site_id, metric, severity.
        rules: ``min_drop_points``.
    """
    own = ~pl.col("is_pooled") if "is_pooled" in deviations.columns else pl.lit(value=True)
    drop = pl.col("expected_pct") - pl.col("score_pct")
    fired = with_severity_of(
        deviations.filter(pl.col("is_deviating") & pl.col("sigma").is_not_null() & own)
        .filter(drop >= rules.min_drop_points)
        .drop("severity", strict=False),
        readings,
    )
    return as_findings(
        fired,
        "baseline",
        worse(pl.col("severity"), "warning"),
        pl.format(
            "{} {} %, where {} % is usual here: {} standard deviations below.",
            title(rules),
            percent(pl.col("score_pct")),
            percent(pl.col("expected_pct")),
            number(pl.col("sigma").abs()),
        ),
        {name: pl.col(name) for name in ("score_pct", "expected_pct", "sigma")},
        rules=rules,
    )


def evidence_findings(notable: pl.DataFrame, rules: FindingRules) -> pl.DataFrame:
    """Excess of degraded user-minutes that is significant, large and corroborated.

    Args:
        notable: ``evidence.gates.notable`` with moment: hour, site_id, family, metric, classifier, window_hours,
            surprise, margin, observed_pct, expected_pct, excess_user_minutes, corroboration, is_alarming. The strongest
            of each moment, site and family fires. Load fires nothing; silence is a finding of kind ``site_down``.
        rules: Bands: the severity is that of the score over the window.
    """
    fired = with_classifier_titles(
        notable.filter(pl.col("is_alarming") & ~pl.col("metric").is_in([LOAD, SILENCE]))
        .sort(
            [MOMENT, "site_id", "family", "margin", "hour"],
            descending=[False, False, False, True, True],
        )
        .unique(subset=[MOMENT, "site_id", "family", "is_second"], keep="first", maintain_order=True)
    )
    score = 100.0 - pl.col("observed_pct")
    severity = (
        pl.when(score < threshold("critical", rules.bands, rules.by_metric))
        .then(pl.lit("critical"))
        .when(score < threshold("major", rules.bands, rules.by_metric))
        .then(pl.lit("major"))
        .otherwise(pl.lit("warning"))
    )
    of = (
        pl.when(pl.col("classifier_title").is_not_null())
        .then(pl.format(" ({})", "classifier_title"))
        .otherwise(pl.lit(""))
    )
    return as_findings(
        fired,
        "evidence",
        severity,
        pl.format(
            "{}: {} % of user-minutes degraded{} over {} h, where {} % is expected; {}.",
            title(rules),
            percent(pl.col("observed_pct")),
            of,
            pl.col("window_hours"),
            percent(pl.col("expected_pct")),
            _beyond_chance(pl.col("surprise")),
        ),
        {
            name: pl.col(name)
            for name in (
                "hour", "classifier", "window_hours", "observed_pct", "expected_pct", "excess_user_minutes",
                "surprise", "margin", "corroboration", "began_at", "last_bad_at", "recovery",
                "is_second",
            )
        }
        | {"is_slow": pl.col("window_hours") >= SLOW_FROM},
        rules=rules,
        family=pl.col("family"),
        subject=pl.when("is_second").then("classifier").otherwise(pl.lit("")),
    )  # fmt: skip


def _beyond_chance(surprise: pl.Expr) -> pl.Expr:
    """``domain.numbers.beyond_chance`` of a column of −log10 probabilities."""
    return pl.coalesce(
        *(pl.when(surprise >= least).then(pl.lit(words)) for least, words in CHANCE), pl.lit(NEAR_CHANCE)
    )


def with_classifier(readings: pl.DataFrame, classifiers: pl.DataFrame | None) -> pl.DataFrame:
    """Readings with their largest classifier by degraded minutes, null where none is known."""
    if classifiers is None:
        return readings.with_columns(pl.lit(None, dtype=pl.String).alias("classifier"))
    keys = [MOMENT, "site_id", "metric"]
    largest = (
        classifiers.filter(pl.col("degraded_user_minutes") > 0)
        .sort([*keys, "degraded_user_minutes", "classifier"], descending=[False, False, False, True, False])
        .unique(subset=keys, keep="first", maintain_order=True)
        .select(*keys, "classifier")
    )
    return readings.join(largest, on=keys, how="left")


def with_severity_of(frame: pl.DataFrame, readings: pl.DataFrame | None) -> pl.DataFrame:
    """A frame with the severity of its readings, null where there are none."""
    if readings is None:
        return frame.with_columns(pl.lit(None, dtype=pl.String).alias("severity"))
    keys = [MOMENT, "site_id", "metric"]
    return frame.join(readings.select(*keys, "severity").unique(subset=keys), on=keys, how="left")


def no_findings() -> pl.DataFrame:
    """No row, but only the columns that do not depend on the moment's type."""
    return pl.DataFrame(schema={name: pl.String for name in COLUMNS if name != MOMENT})


def _predicted(risks: pl.DataFrame, rules: FindingRules) -> pl.DataFrame:
    """Risks that warn, with the sentence of the risk; those without a predicted day are under their line."""
    # Rows that an earlier version stored have no score.
    scored = risks if "score_pct" in risks.columns else risks.with_columns(score_pct="level_pct")
    fired = scored.filter(pl.col("is_pre_warning")).with_columns(
        _line(rules), score_pct=pl.coalesce("score_pct", "level_pct")
    )
    words = pl.Series("sentence", [sentence(row) for row in fired.iter_rows(named=True)], dtype=pl.String)
    is_soon = pl.col("state") == "crossing"
    return as_findings(
        fired.with_columns(words),
        "pre_warning",
        pl.when(is_soon).then(pl.lit("major")).otherwise(pl.lit("warning")),
        pl.when(is_soon)
        .then(pl.format("{} is {}.", title(rules), "sentence"))
        .otherwise(_under_its_line(pl.col("score_pct"), pl.col("slope_pct_per_day"), rules)),
        {
            name: pl.col(name)
            for name in (
                "state",
                "days",
                "days_low",
                "days_high",
                "probability",
                "score_pct",
                "level_pct",
                "slope_pct_per_day",
            )
        },
        rules=rules,
    )


def _line(rules: FindingRules) -> pl.Expr:
    """The metric's pre-warning line, null where it has none."""
    lines = pl.col("metric").replace_strict(
        dict(rules.pre_warning_pct), default=None, return_dtype=pl.Float64
    )
    return lines.alias("line")


def _under_its_line(score: pl.Expr, slope: pl.Expr, rules: FindingRules) -> pl.Expr:
    """The sentence for a score that falls towards critical from below its line."""
    return pl.format(
        "{} {} % is below its pre-warning line of {} % and heading down ({} points a day).",
        title(rules),
        percent(score),
        line_pct(pl.col("line")),
        number(slope),
    )
