"""How good alerts were: precision, misses, times to notice, to acknowledge and to resolve, noise; all, by rule, severity and sink.

Here: judging alerts by truths and summing up. Not here: truths themselves (`truths`), reading the ledger's copies
(``workflows.scorecard``). An alert about which nothing is known is *unjudged*, never wrong. What goes on is counted beside a
time, not in it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from mist_pipeline.scorecard.matching import one_to_one
from mist_pipeline.scorecard.proportions import wilson
from mist_pipeline.tables.scorecard import ALERT_QUALITY

WINDOWS = (7, 30, 90)
BEFORE = timedelta(hours=72)
AFTER = timedelta(hours=6)
"""An alert that opens so long before a trouble begins, or after it ended, is still about it."""

BY_PEOPLE = ("feedback", "ticket")
"""Who can call an alert right and wrong. All other sources know only of trouble that there was."""

TRUE = ("right", "known", "planned", "too_late")
_OF_THE_PIPELINE = "pipeline:"
_BY = ("rule", "severity", "sink")
_OF_THE_CLOUD = ("marvis", "mist_alarm")


@dataclass(frozen=True)
class Told:
    """What the ledger's copies say.

    Attributes:
        alerts: ``alerts.alerts``.
        deliveries: delivery_id, sink, incident_id, sent_at, recipients (empty where the receiver is one): a row for every message that
            arrived and incident that it was about, since a digest is about several.
        acknowledgements: subject (alert or incident), subject_id, at: what people took or closed.
        truths: ``scorecard.truths`` up to the day.
        num_sites: Sites of the organisation on the day.
        watched_since: When the ledger heard of anything first: nobody was told of what began before. None: it has heard of nothing.
    """

    alerts: pl.DataFrame
    deliveries: pl.DataFrame
    acknowledgements: pl.DataFrame
    truths: pl.DataFrame
    num_sites: int
    watched_since: datetime | None


def alert_quality(told: Told, day: date, end: datetime) -> pl.DataFrame:
    """``scorecard.alert_quality`` of one day; what happened after its end does not count.

    Args:
        told: What is known.
        day: The day.
        end: Its end.
    """
    rows = [_window(told, day, end, days) for days in WINDOWS]
    return ALERT_QUALITY.conform(pl.concat(rows)).sort(*ALERT_QUALITY.key)


def judged(alerts: pl.DataFrame, truths: pl.DataFrame) -> pl.DataFrame:
    """What each alert was: the truth with the greatest weight, of equal ones the newest.

    Args:
        alerts: alert_id, incident_id, site_id, family, opened_at.
        truths: ``scorecard.truths``. A *trouble* makes an alert right that opened between 72 hours before it and 6 hours after it.

    Returns:
        alert_id, verdict, source; only alerts about which something is known.
    """
    if alerts.is_empty() or truths.is_empty():
        return alerts.clear().select(*(pl.lit("").alias(name) for name in ("verdict", "source")), "alert_id")
    said = truths.select("source", "verdict", "weight", "said_at", "alert_id", "incident_id")
    about = [
        alerts.select(name, own="alert_id")
        .join(said.filter(pl.col(name).is_not_null()), on=name)
        .select("own", "source", "verdict", "weight", "said_at")
        for name in ("alert_id", "incident_id")
    ]
    seen = _pairs(alerts, truths).select("own", "source", "weight", "said_at", verdict=pl.lit("right"))
    return (
        pl.concat([*about, seen.select(about[0].columns)])
        .sort("weight", "said_at", "source", descending=[True, True, False])
        .unique("own", keep="first", maintain_order=True)
        .select("verdict", "source", alert_id="own")
    )


def detected(alerts: pl.DataFrame, truths: pl.DataFrame) -> pl.DataFrame:
    """Troubles and the alerts that told of them, one to one: as many as can be (`matching`), each the first to open that it can have.

    Troubles of a site that begin within the span of an earlier one of the same family are the same trouble.

    Args:
        alerts: alert_id, site_id, family, opened_at.
        truths: ``scorecard.truths``; rows of another verdict than *trouble* are ignored.

    Returns:
        site_id, family, began_at, alert_id, opened_at; the last two null where there was none.
    """
    key = ("site_id", "family")
    troubles = (
        truths.filter((pl.col("verdict") == "trouble") & pl.col("began_at").is_not_null())
        .sort(*key, "began_at")
        .with_columns(until=pl.col("ended_at").cum_max().shift(1).over(key))
        .filter(pl.col("until").is_null() | (pl.col("began_at") > pl.col("until") + AFTER))
        .with_row_index("trouble")
    )
    pairs = one_to_one(_pairs(alerts, troubles), by="site_id").select("trouble", "opened_at", alert_id="own")
    found_by = troubles.drop("alert_id").join(pairs, on="trouble", how="left")
    return found_by.select(*key, "began_at", "alert_id", "opened_at")


def _pairs(alerts: pl.DataFrame, truths: pl.DataFrame) -> pl.DataFrame:
    """Alerts and the troubles that they may be about: of the same site, and family where the trouble names one."""
    troubles = truths.filter((pl.col("verdict") == "trouble") & pl.col("began_at").is_not_null())
    begins, ends = pl.col("began_at"), pl.coalesce("ended_at", "began_at")
    return (
        alerts.select("site_id", "opened_at", own="alert_id", of_family="family")
        .join(troubles.drop("alert_id", "incident_id"), on="site_id")
        .filter(
            ((pl.col("family") == "") | (pl.col("family") == pl.col("of_family")))
            & pl.col("opened_at").is_between(begins - BEFORE, ends + AFTER)
        )
    )


def _window(told: Told, day: date, end: datetime, days: int) -> pl.DataFrame:
    begin = end - timedelta(days=days)
    truths = told.truths.filter(pl.col("said_at") <= end)
    # For a trouble that began early in the window an alert of the three days before counts.
    every = _alerts(told, begin - BEFORE, end)
    mine = every.filter(pl.col("opened_at") >= begin)
    mine = mine.join(judged(mine, truths), on="alert_id", how="left")
    sent = told.deliveries.filter((pl.col("sent_at") >= begin) & (pl.col("sent_at") < end))
    told_at = sent.group_by("incident_id").agg(told_at=pl.col("sent_at").min())
    rows = []
    for by, of in _groups(mine, sent):
        name = by or "rule"
        first = told_at if by != "sink" else None
        rows.append(
            _summed(of, first, day, days, told.num_sites, by=by).with_columns(
                *(pl.lit("").alias(other) for other in _BY if other != name),
            )
        )
    together = pl.concat(rows, how="diagonal")
    messages = _messages(sent)
    since = max(begin, told.watched_since or end)
    known = truths.filter(pl.col("began_at") >= since)
    missing = _missing(every, known).join(_beside_the_cloud(every, mine, known), on=list(_BY))
    is_of_sinks = (pl.col("rule") == "") & (pl.col("severity") == "")
    return (
        together.join(messages, on="sink", how="left")
        .with_columns(
            pl.when(is_of_sinks).then(pl.col("n").fill_null(0) / days).alias("messages_per_day"),
            pl.when(is_of_sinks).then(pl.col("n_a_person") / days).alias("messages_per_person_day"),
        )
        .join(missing, on=list(_BY), how="left")
        .select(ALERT_QUALITY.column_names)
    )


def _messages(sent: pl.DataFrame) -> pl.DataFrame:
    """Of every sink, and of all (empty): n messages, and n_a_person, how many of them one recipient got in the mean."""
    one = sent.unique("delivery_id").select(
        "sink",
        "delivery_id",
        recipient=pl.when(pl.col("recipients").list.len() > 0)
        .then("recipients")
        .otherwise(pl.concat_list("sink")),
    )
    sums = {
        "n": pl.col("delivery_id").n_unique(),
        "n_a_person": pl.len() / pl.col("recipient").n_unique(),
    }
    got = one.explode("recipient")
    every = got.select(**sums).select(pl.lit("").alias("sink"), "n", pl.col("n_a_person").fill_nan(None))
    return pl.concat([got.group_by("sink").agg(**sums), every], how="vertical_relaxed")


def _beside_the_cloud(every: pl.DataFrame, mine: pl.DataFrame, truths: pl.DataFrame) -> pl.DataFrame:
    """Who told first, Mist or we: one row, of all alerts."""
    alarms = truths.filter(pl.col("source").is_in(_OF_THE_CLOUD))
    lead = -_hours("opened_at", "began_at")
    row = detected(every, alarms).select(
        n_cloud=pl.len(),
        n_cloud_told=pl.col("opened_at").count(),
        n_cloud_before=(lead > 0).sum(),
        cloud_lead_median_hours=lead.median(),
    )
    alone = mine.height - _pairs(mine, alarms)["own"].n_unique()
    return row.with_columns(*(pl.lit("").alias(name) for name in _BY), n_without_cloud=pl.lit(alone))


def _alerts(told: Told, begin: datetime, end: datetime) -> pl.DataFrame:
    """Alerts of sites that opened between two instants, as they stood at the second."""
    acts = told.acknowledgements.filter(pl.col("at") <= end)
    by_alert, by_incident = (
        acts.filter(pl.col("subject") == subject).group_by("subject_id").agg(taken=pl.col("at").min())
        for subject in ("alert", "incident")
    )
    return (
        told.alerts.filter(
            pl.col("opened_at").is_between(begin, end, closed="left")
            & ~pl.col("is_past")
            & (pl.col("site_id") != "")
            & ~pl.col("family").str.starts_with(_OF_THE_PIPELINE)
        )
        .join(by_alert, left_on="alert_id", right_on="subject_id", how="left")
        .join(by_incident, left_on="incident_id", right_on="subject_id", how="left", suffix="_incident")
        .with_columns(
            acted_at=pl.min_horizontal("taken", "taken_incident"),
            resolved_at=pl.when(pl.col("resolved_at") <= end).then("resolved_at"),
            rule="kind",
            severity="highest",
        )
        .select(
            "alert_id", "incident_id", "site_id", "family", "rule", "severity", "opened_at", "began_at", "last_bad_at", "resolved_at",
            "acted_at",
        )
    )  # fmt: skip


def _groups(alerts: pl.DataFrame, sent: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """All alerts, and those of rules, severities and sinks; those of a sink with when that was told."""
    yield "", alerts
    if alerts.is_empty():  # as on most days of a backfill
        return
    yield "rule", alerts
    yield "severity", alerts
    firsts = sent.group_by("sink", "incident_id").agg(told_at=pl.col("sent_at").min())
    yield "sink", alerts.join(firsts, on="incident_id")


def _summed(
    alerts: pl.DataFrame,
    told_at: pl.DataFrame | None,
    day: date,
    days: int,
    num_sites: int,
    *,
    by: str,
) -> pl.DataFrame:
    """One row a value of ``by``, or one of all."""
    if told_at is not None:
        alerts = alerts.join(told_at, on="incident_id", how="left")
    verdict = pl.col("verdict")
    late = _hours("opened_at", "began_at").clip(lower_bound=0.0)
    is_told, is_over = pl.col("told_at").is_not_null(), pl.col("resolved_at").is_not_null()
    wait = (pl.col("acted_at") - pl.col("told_at")).dt.total_microseconds() / 6e7
    is_answered = is_told & (wait >= 0)
    is_untouched = pl.col("acted_at").is_null() & (verdict.is_null() | ~pl.col("source").is_in(BY_PEOPLE))

    sums = {
        "n_alerts": pl.len(),
        "n_told": is_told.sum(),
        "n_true": verdict.is_in(TRUE).sum(),
        "n_false": (verdict == "wrong").sum(),
        "n_known": (verdict == "known").sum(),
        "n_planned": (verdict == "planned").sum(),
        "n_duplicate": (verdict == "duplicate").sum(),
        "n_judged": (verdict.is_in([*TRUE, "wrong"]) & pl.col("source").is_in(BY_PEOPLE)).sum(),
        "n_unjudged": verdict.is_null().sum(),
        "noticed_median_hours": late.median(),
        "noticed_p90_hours": late.quantile(0.9, "linear"),
        "acknowledge_median_minutes": wait.filter(is_answered).median(),
        "acknowledge_p90_minutes": wait.filter(is_answered).quantile(0.9, "linear"),
        "n_acknowledged": is_answered.sum(),
        "n_waiting": (is_told & ~is_over & pl.col("acted_at").is_null()).sum(),
        "resolve_median_hours": _hours("resolved_at", "began_at").clip(lower_bound=0.0).median(),
        "n_resolved": is_over.sum(),
        "n_open": (~is_over).sum(),
        "outlived_median_hours": _hours("resolved_at", "last_bad_at").clip(lower_bound=0.0).median(),
        "n_ignored": (is_told & is_over & is_untouched).sum(),
        "n_told_and_over": (is_told & is_over).sum(),
    }
    summed = alerts.group_by(by).agg(**sums) if by else alerts.select(**sums).with_columns(rule=pl.lit(""))
    counted = pl.col("n_judged")
    right = counted - pl.col("n_false")
    low, high = wilson(right, counted)
    return summed.with_columns(
        day=pl.lit(day),
        window_days=pl.lit(days),
        precision=pl.when(counted > 0).then(right / counted),
        precision_low=low,
        precision_high=high,
        false_per_site_week=pl.when(pl.lit(num_sites) > 0).then(
            (pl.col("n_false") + pl.col("n_duplicate")) / (max(num_sites, 1) * days / 7)
        ),
        ignored_share=pl.when(pl.col("n_told_and_over") > 0).then(
            pl.col("n_ignored") / pl.col("n_told_and_over")
        ),
    ).drop("n_told_and_over")


def _hours(later: str, earlier: str) -> pl.Expr:
    return (pl.col(later) - pl.col(earlier)).dt.total_microseconds() / 3.6e9


def _missing(alerts: pl.DataFrame, truths: pl.DataFrame) -> pl.DataFrame:
    """What is known of troubles: one row, of all alerts."""
    found = detected(alerts, truths)
    late = _hours("opened_at", "began_at")
    is_found, is_early = pl.col("opened_at").is_not_null(), late < 0
    row = found.select(
        n_troubles=pl.len(),
        n_missed=(~is_found).sum(),
        detect_median_hours=late.clip(lower_bound=0.0).median(),
        detect_p90_hours=late.clip(lower_bound=0.0).quantile(0.9, "linear"),
        n_early=is_early.sum(),
        lead_median_hours=(-late).filter(is_early).median(),
    )
    low, high = wilson(pl.col("n_missed"), pl.col("n_troubles"))
    return row.with_columns(*(pl.lit("").alias(name) for name in _BY), missed_low=low, missed_high=high)
