"""Rules about a whole site or the organisation: down, anomaly, health drop, shared cause, Mist alarms, the collector.

Here: frames of one or more moments in, one finding for each row that fires out. Not here: rules about one service level
(``series_rules``), and the table (``findings``). Conventions are those of ``series_rules``.

Hours of sites in, one row for each site whose access points were all disconnected:

>>> from datetime import UTC, datetime
>>> hour = datetime(2026, 3, 2, 11, tzinfo=UTC)
>>> hours = pl.DataFrame(
...     {
...         "moment": [hour] * 2,
...         "hour": [hour] * 2,
...         "site_id": ["s1", "s2"],
...         "num_aps": [12, 8],
...         "num_aps_connected": [0, 8],
...     }
... )
>>> site_down_findings(hours, None, FindingRules()).select("site_id", "severity", "summary").rows()
[('s1', 'critical', 'The site is down, since 2026-03-02 11:00 UTC or longer.')]
"""

import json

import polars as pl

from mist_pipeline.analysis.evidence.gates import DEVICE_FAMILY
from mist_pipeline.analysis.evidence.site_load import OUTAGE, SILENCE
from mist_pipeline.analysis.findings.series_rules import (
    MOMENT,
    FindingRules,
    as_findings,
    between,
    no_findings,
    number,
    percent,
    severity_rank,
    worse,
)
from mist_pipeline.analysis.stats.sample_size import MINUTES_PER_CLIENT
from mist_pipeline.domain.severity import SEVERITY_OF_STATUS

_LARGEST = pl.List(pl.Struct({"contributor": pl.String, "share": pl.Float64}))
_ALARM_SEVERITIES = {"critical": "critical", "warn": "warning", "info": "info"}


def site_down_findings(
    site_hourly: pl.DataFrame | None, notable: pl.DataFrame | None, rules: FindingRules
) -> pl.DataFrame:
    """Sites whose access points were all disconnected, or that fell silent; and sites that lost a part of them.

    Critical while it lasts, that is in the newest hour of the moment; major when it is over or partial. Its evidence says how
    many access points the site has, and how many users are usual in the busiest of these hours, as far as that is known.

    Args:
        site_hourly: moment, hour, site_id, num_aps, num_aps_connected (null where it is not known).
        notable: As for ``evidence_findings``; its rows about silence.
        rules: For the families.
    """
    down = [_disconnected(site_hourly)] if site_hourly is not None else []
    silent = [_silent(notable)] if notable is not None else []
    if not (down or silent):
        return no_findings()
    looked = [frame for frame in (site_hourly, notable) if frame is not None]
    latest = pl.col("hour").max()
    anywhere = (
        pl.concat(frame.select(MOMENT, "hour") for frame in looked)
        .group_by(MOMENT)
        .agg(latest.alias("anywhere"))
    )
    # The site's own hours say whether it is over; those of others only where nothing is known of its own.
    own = looked[0].group_by(MOMENT, "site_id").agg(latest.alias("own"))
    fired = (
        pl.concat([*down, *silent])
        .group_by(MOMENT, "site_id")
        .agg(
            pl.col("hour").filter(~pl.col("is_partial")).n_unique().alias("hours"),
            pl.col("began").min().alias("first"),
            pl.col("hour").max().alias("last"),
            pl.col("is_partial").all(),
            pl.col("source").unique().sort().str.join(" and ").alias("source"),
            pl.col("num_aps", "usual_users").max(),
        )
        .join(anywhere, on=MOMENT)
        .join(own if site_hourly is not None else own.clear(), on=[MOMENT, "site_id"], how="left")
        .with_columns(
            (pl.col("last") < pl.coalesce("own", "anywhere")).alias("is_over"), pl.lit("").alias("metric")
        )
    )
    return as_findings(
        fired,
        "site_down",
        pl.when(pl.col("is_partial") | pl.col("is_over")).then(pl.lit("major")).otherwise(pl.lit("critical")),
        pl.when(pl.col("is_partial"))
        .then(pl.lit("The site has lost many of its devices."))
        .when(pl.col("is_over"))
        .then(
            pl.format(
                "The site was down for {} h, until {} UTC.",
                "hours",
                _clock(pl.col("last").dt.offset_by("1h")),
            )
        )
        .otherwise(pl.format("The site is down, since {} UTC or longer.", _clock(pl.col("first")))),
        {
            name: pl.col(name)
            for name in (
                *("source", "first", "last", "hours", "is_over", "is_partial"),
                *("num_aps", "usual_users"),
            )
        },
        rules=rules,
        family=pl.lit(DEVICE_FAMILY),
    )


def anomaly_findings(anomalies: pl.DataFrame, rules: FindingRules) -> pl.DataFrame:
    """Site-days that the forest calls unusual within its budget; the family is that of the metric that weighs most.

    Args:
        anomalies: moment, site_id, anomaly_score, is_anomaly, rarity_per_1000, contributions (JSON, largest first).
        rules: Names and families.
    """
    unusual = anomalies.filter(pl.col("is_anomaly")).with_columns(
        pl.col("contributions").map_elements(_largest, return_dtype=_LARGEST).alias("largest")
    )
    reasons = (
        unusual.select(MOMENT, "site_id", "largest")
        .explode("largest")
        .unnest("largest")
        .filter(pl.col("share") >= 0.1)
        .with_columns(pl.col("contributor").replace(dict(rules.titles)).alias("title"))
        .group_by(MOMENT, "site_id", maintain_order=True)
        .agg(pl.format("{} {} %", "title", number(100 * pl.col("share"), 0)).str.join(", ").alias("because"))
    )
    fired = unusual.join(reasons, on=[MOMENT, "site_id"], how="left").with_columns(
        pl.lit("").alias("metric"),
        pl.col("largest").list.first().struct.field("contributor").alias("first_metric"),
    )
    rarity = pl.col("rarity_per_1000")
    rare = (
        pl.when(rarity < 1)
        .then(pl.lit("fewer than 1 in 1000"))
        .otherwise(pl.format("about {} in 1000", number(rarity, 0)))
    )
    return as_findings(
        fired,
        "anomaly",
        pl.lit("warning"),
        pl.format(
            "Unusual for this site ({} site-days score as high), because of {}.",
            rare,
            pl.col("because").fill_null("all metrics together"),
        ),
        {
            "anomaly_score": pl.col("anomaly_score"),
            "rarity_per_1000": rarity,
            "contributions": pl.col("contributions"),
        },
        rules=rules,
        family=pl.col("first_metric").replace(dict(rules.families)).fill_null(""),
    )


def _largest(contributions: str) -> list[dict[str, str | float]]:
    """The three largest contributions of a JSON object metric → share, whose order is largest first."""
    pairs = list(json.loads(contributions).items())[:3]
    return [{"contributor": metric, "share": share} for metric, share in pairs]


def health_findings(health_scores: pl.DataFrame, rules: FindingRules) -> pl.DataFrame:
    """Sites whose health fell by more than its rule allows, both days being sure enough.

    Args:
        health_scores: moment, site_id, score, previous_score, change, status, is_drop.
        rules: For the families.
    """
    fired = health_scores.filter(pl.col("is_drop")).with_columns(pl.lit("").alias("metric"))
    severity = pl.col("status").replace_strict(SEVERITY_OF_STATUS, default=None, return_dtype=pl.String)
    return as_findings(
        fired,
        "health_drop",
        worse(severity, "warning"),
        pl.format(
            "Health fell {} points, from {} to {} of 100.",
            between(pl.col("previous_score"), pl.col("score")),
            percent(pl.col("previous_score")),
            percent(pl.col("score")),
        ),
        {name: pl.col(name) for name in ("score", "previous_score", "change")},
        rules=rules,
        family=pl.lit("health"),
    )


def correlation_findings(
    causes: pl.DataFrame, readings: pl.DataFrame | None, rules: FindingRules
) -> pl.DataFrame:
    """Causes that sites share. One finding of the organisation (site_id '') for each cause.

    Args:
        causes: moment, cause_fingerprint, scope, metrics, site_ids, cause, evidence, p_value, family.
        readings: moment, site_id, metric, severity: the worst of the cause's sites and metrics is its severity; a
            shared cause is at least major.
        rules: For the families.
    """
    shared = causes.filter(pl.col("scope") == "infrastructure")
    rank = pl.col("severity").replace_strict({"critical": 0}, default=1, return_dtype=pl.Int64)
    if readings is None:
        worst = shared.select(MOMENT, "cause_fingerprint", pl.lit(1).alias("rank"))
    else:
        worst = (
            shared.select(MOMENT, "cause_fingerprint", "site_ids", "metrics")
            .explode("site_ids")
            .explode("metrics")
            .rename({"site_ids": "site_id", "metrics": "metric"})
            .join(readings.select(MOMENT, "site_id", "metric", "severity"), on=[MOMENT, "site_id", "metric"])
            .group_by(MOMENT, "cause_fingerprint")
            .agg(rank.min().alias("rank"))
        )
    fired = shared.join(worst, on=[MOMENT, "cause_fingerprint"], how="left").with_columns(
        pl.lit("").alias("site_id"),
        pl.when(pl.col("metrics").list.len() == 1)
        .then(pl.col("metrics").list.first())
        .otherwise(pl.lit(""))
        .alias("metric"),
    )
    return as_findings(
        fired,
        "correlation",
        pl.when(pl.col("rank") == 0).then(pl.lit("critical")).otherwise(pl.lit("major")),
        pl.format("{}.", pl.col("cause")),
        {
            "cause_fingerprint": pl.col("cause_fingerprint"),
            "site_ids": pl.col("site_ids"),
            "metrics": pl.col("metrics"),
            "p_value": pl.col("p_value"),
            "statistics": pl.col("evidence"),
        },
        rules=rules,
        family=pl.col("family"),
        subject=pl.col("cause_fingerprint"),
    )


def alarm_findings(alarms: pl.DataFrame, rules: FindingRules) -> pl.DataFrame:
    """The cloud's own alarms of `FindingRules.alarm_severities` that are not over: one finding for each site, with their types.

    Infrastructure alarms keep no state: a loss (``…_down``) is over once the same device of the site reported back
    (``…_reconnected``, ``…_up``) after it.

    Args:
        alarms: moment, site_id, type, severity (critical, warn, info), raised_at, resolved_at, status, aps, switches,
            gateways.
        rules: ``alarm_severities``.
    """
    named = alarms.with_columns(
        _devices().alias("device"), pl.col("type").str.replace(r"_(down|disconnected)$", "").alias("thing")
    ).with_row_index("row")
    back = (
        alarms.with_columns(
            _devices().alias("device"),
            pl.col("type").str.extract(r"^(.*)_(?:reconnected|connected|up)$", 1).alias("thing"),
        )
        .filter(pl.col("thing").is_not_null())
        .explode("device")
        .group_by(MOMENT, "site_id", "thing", "device")
        .agg(pl.col("raised_at").max().alias("back_at"))
    )
    is_loss = pl.col("type").str.contains(r"_(down|disconnected)$")
    lost = (
        named.filter(is_loss)
        .explode("device")
        .join(back, on=[MOMENT, "site_id", "thing", "device"], how="left", nulls_equal=True)
        .group_by("row")
        .agg((pl.col("back_at") >= pl.col("raised_at")).fill_null(False).all().alias("is_back"))
    )
    is_open = (
        pl.col("resolved_at").is_null()
        & (pl.col("status").fill_null("open") != "resolved")
        & ~pl.col("is_back").fill_null(False)
    )
    mine = pl.col("severity").replace_strict(_ALARM_SEVERITIES, default=None, return_dtype=pl.String)
    by_type = (
        named.join(lost, on="row", how="left")
        .with_columns(mine.alias("severity"), pl.col("site_id").fill_null(""))
        .filter(is_open & pl.col("severity").is_in(list(rules.alarm_severities)))
        .group_by(MOMENT, "site_id", "type")
        .agg(
            pl.len().alias("n"),
            pl.col("severity").sort_by(severity_rank(pl.col("severity")), descending=True).first(),
        )
        .sort(MOMENT, "site_id", "n", "type", descending=[False, False, True, False])
    )
    fired = (
        by_type.group_by(MOMENT, "site_id", maintain_order=True)
        .agg(
            pl.col("n").sum().alias("total"),
            pl.col("severity").sort_by(severity_rank(pl.col("severity")), descending=True).first(),
            pl.format("{} ({})", "type", "n").alias("types"),
        )
        .with_columns(pl.lit("").alias("metric"))
    )
    return as_findings(
        fired,
        "mist_alarm",
        pl.col("severity"),
        pl.format("Open alarms of the Mist cloud: {}.", pl.col("types").list.head(5).list.join(", ")),
        {"count": pl.col("total"), "types": pl.col("types")},
        rules=rules,
        family=pl.lit(DEVICE_FAMILY),
    )


def collector_findings(
    readings: pl.DataFrame, sites: pl.DataFrame, rules: FindingRules, site_hourly: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Moments at which too few sites answered: then the collection has failed, and the sites are unknown.

    A site of which the cloud says that its access points are disconnected is known, and down: many of them are a storm
    and no failure of the collection.

    Args:
        readings: moment, site_id, state. Every state but ``missing`` is an answer.
        sites: moment, site_id of every site that should have answered.
        rules: ``min_reporting_share``.
        site_hourly: As for ``site_down_findings``.
    """
    known = [readings.filter(pl.col("state") != "missing").select(MOMENT, "site_id")]
    if site_hourly is not None:
        known.append(_disconnected(site_hourly).select(MOMENT, "site_id"))
    answered = pl.concat(known).unique()
    share = pl.col("answered") / pl.col("expected")
    fired = (
        sites.select(MOMENT, "site_id")
        .unique()
        .join(answered.with_columns(pl.lit(1).alias("one")), on=[MOMENT, "site_id"], how="left")
        .group_by(MOMENT)
        .agg(pl.len().cast(pl.Int64).alias("expected"), pl.col("one").sum().cast(pl.Int64).alias("answered"))
        .filter(share < rules.min_reporting_share)
        .with_columns(pl.lit("").alias("site_id"), pl.lit("").alias("metric"))
    )
    return as_findings(
        fired,
        "collector",
        pl.when(pl.col("answered") == 0).then(pl.lit("critical")).otherwise(pl.lit("major")),
        pl.format(
            "Only {} of {} sites answered; the others are unknown, not healthy.", "answered", "expected"
        ),
        {"answered": pl.col("answered"), "expected": pl.col("expected")},
        rules=rules,
        family=pl.lit("collector"),
    )


def _disconnected(site_hourly: pl.DataFrame) -> pl.DataFrame:
    """Hours in which a site had access points and none of them was connected."""
    return site_hourly.filter((pl.col("num_aps") > 0) & (pl.col("num_aps_connected") == 0)).select(
        MOMENT,
        "site_id",
        "hour",
        pl.col("hour").alias("began"),
        pl.lit("devices").alias("source"),
        pl.lit(value=False).alias("is_partial"),
        pl.col("num_aps").cast(pl.Int64),
        pl.lit(None, pl.Float64).alias("usual_users"),
    )


def _silent(notable: pl.DataFrame) -> pl.DataFrame:
    """Hours in which a site was silent, or had lost a part of its devices."""
    return notable.filter((pl.col("metric") == SILENCE) & pl.col("is_alarming")).select(
        MOMENT,
        "site_id",
        "hour",
        # The gate is passed after some silent hours: it began with the first of them.
        pl.col("hour").sub(pl.duration(hours=pl.col("window_hours") - 1)).alias("began"),
        pl.lit("silence").alias("source"),
        (pl.col("classifier") != OUTAGE).alias("is_partial"),
        pl.lit(None, pl.Int64).alias("num_aps"),
        # All that are usual are missing.
        pl.when(pl.col("classifier") == OUTAGE)
        .then((pl.col("excess_user_minutes") / MINUTES_PER_CLIENT).round(1))
        .alias("usual_users"),
    )


def _devices() -> pl.Expr:
    """The devices that an alarm names; one without a name where it names none, so that it is still one loss."""
    named = pl.concat_list(pl.col(name).fill_null([]) for name in ("aps", "switches", "gateways"))
    return pl.when(named.list.len() > 0).then(named).otherwise(pl.lit([""]))


def _clock(instant: pl.Expr) -> pl.Expr:
    """An instant in words."""
    return instant.dt.strftime("%Y-%m-%d %H:%M")
