"""How good a replay's alerts would have been, and what is different between two: by what is known of the same troubles.

People judge alerts that they were told of, and another configuration tells other ones. What was said of an alert therefore counts
for every replayed alert of the same site and family whose life overlaps with it. An alert about which nothing is known is
*unjudged*, never wrong. What was over before it was noticed is told to nobody and left out.

Here: carrying truths over, pairing alerts of two replays, sums. Not here: truths themselves (`truths`), replaying
(``workflows.replaying``).

Columns of the alerts of a replay and of the ledger: `LIFE`.

>>> from datetime import UTC
>>> at = datetime(2026, 3, 2, 9, tzinfo=UTC)
>>> def alerts(**columns):
...     one = {"alert_id": "a", "incident_id": "i", "site_id": "s1", "family": "radio", "rule": "evidence", "severity": "major",
...            "opened_at": at, "began_at": at, "resolved_at": None}
...     return pl.DataFrame([{**one, **columns}], schema=LIFE)
>>> base, other = alerts(), alerts(alert_id="b", opened_at=at + timedelta(hours=2))
>>> changes(base, other).select("change", "shift_hours", "base_alert_id", "other_alert_id").row(0)
('later', 2.0, 'a', 'b')
>>> changes(base, alerts(site_id="s2")).select("change", "site_id").rows()
[('fewer', 's1'), ('more', 's2')]
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypedDict

import polars as pl

from mist_pipeline.scorecard.alert_quality import BY_PEOPLE, TRUE, detected, judged
from mist_pipeline.scorecard.proportions import wilson

_INSTANT = pl.Datetime("us", "UTC")
LIFE: Mapping[str, pl.DataType] = {
    "alert_id": pl.String(),
    "incident_id": pl.String(),
    "site_id": pl.String(),
    "family": pl.String(),
    "rule": pl.String(),
    "severity": pl.String(),
    "opened_at": _INSTANT,
    "began_at": _INSTANT,
    "resolved_at": _INSTANT,
}
"""What is needed of an alert: rule is the first finding's, severity the highest; ``resolved_at`` is null while it goes on."""

MIN_CASES = 10
"""Fewer judged alerts, or fewer known troubles, give no share and no median."""

_HEARD = ("right", "too_late")
"""Verdicts of an alert whose trouble people want to hear of; what is known or planned nobody misses."""

_KEY = ("site_id", "family")


class Quality(TypedDict):
    """How good the alerts of a span were, as JSON and tables have it.

    Attributes:
        alerts: Alerts of sites that opened and were told.
        incidents: Incidents in which they are.
        messages: Messages that were, or would have been, sent.
        messages_per_day: The same a day.
        n_true: Known to be right, known, planned or too late, also by trouble that was seen without alerts.
        n_false: Judged wrong.
        n_duplicate: Judged a duplicate.
        n_unjudged: Nothing is known of them.
        n_judged: Called right or wrong by people: others know of trouble alone, which makes no alert wrong.
        precision: (n_judged − n_false) ÷ n_judged; None below `MIN_CASES`.
        precision_low: Lower end of its 95 % interval (Wilson).
        precision_high: Upper end of it.
        false_per_site_week: Known false and duplicate alerts a site and week: at least so many.
        n_troubles: Known troubles of sites.
        n_missed: Of these without an alert.
        recall: 1 − n_missed ÷ n_troubles; None below `MIN_CASES`.
        recall_low: Lower end of its 95 % interval (Wilson).
        recall_high: Upper end of it.
        lead_median_hours: From the alert to the known begin of its trouble, in hours; negative: the alert came after it. None
            below `MIN_CASES` troubles with an alert.
    """

    alerts: int
    incidents: int
    messages: int
    messages_per_day: float
    n_true: int
    n_false: int
    n_duplicate: int
    n_unjudged: int
    n_judged: int
    precision: float | None
    precision_low: float | None
    precision_high: float | None
    false_per_site_week: float
    n_troubles: int
    n_missed: int
    recall: float | None
    recall_low: float | None
    recall_high: float | None
    lead_median_hours: float | None


def n_heard(found: Quality) -> int:
    """Troubles behind the lead."""
    return found["n_troubles"] - found["n_missed"]


def with_verdicts(alerts: pl.DataFrame, truths: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """Alerts of a replay with ``verdict`` and ``source``, null where nothing is known.

    Args:
        alerts: `LIFE`.
        truths: ``scorecard.truths``.
        told: `LIFE` of the alerts that the ledger has, which people judged.
    """
    about = truths.filter(pl.col("verdict") != "trouble")
    said = pl.concat(
        [
            told.select(name, its="alert_id")
            .join(about, on=name)
            .drop("alert_id", "incident_id", strict=False)
            for name in ("alert_id", "incident_id")
        ],
        how="diagonal",
    )
    carried = _overlapping(alerts, told).select(alert_id="own", its="other").join(said, on="its").drop("its")
    troubles = truths.filter(pl.col("verdict") == "trouble")
    known = pl.concat([carried, troubles.drop("alert_id", "incident_id")], how="diagonal").with_columns(
        incident_id=pl.lit(None, pl.String)
    )
    return alerts.join(judged(alerts, known), on="alert_id", how="left")


def known_troubles(truths: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """Troubles of which people want to hear: those known without alerts, and those of alerts that were right.

    Args:
        truths: ``scorecard.truths``.
        told: `LIFE` of the alerts that the ledger has.

    Returns:
        Rows of ``scorecard.truths`` with the verdict *trouble*.
    """
    said = truths.filter(pl.col("verdict") != "trouble")
    right = told.join(judged(told, said), on="alert_id").filter(pl.col("verdict").is_in(_HEARD))
    of_alerts = right.select(
        *_KEY,
        source="source",
        verdict=pl.lit("trouble"),
        began_at=pl.coalesce("began_at", "opened_at"),
        ended_at=pl.coalesce("resolved_at", "opened_at"),
    )
    return pl.concat([truths.filter(pl.col("verdict") == "trouble"), of_alerts], how="diagonal_relaxed")


def quality(
    alerts: pl.DataFrame,
    troubles: pl.DataFrame,
    messages: int,
    num_sites: int,
    begin: datetime,
    end: datetime,
) -> Quality:
    """Sums of a replay over a span of time.

    Args:
        alerts: `with_verdicts`, of the whole replay.
        troubles: `known_troubles`.
        messages: Messages of the span.
        num_sites: Sites of the organisation.
        begin: First instant; alerts that opened before, and troubles that began before, do not count.
        end: The instant after the last.
    """
    within = pl.col("opened_at").is_between(begin, end, closed="left")
    mine = alerts.filter(within)
    verdict = pl.col("verdict")
    is_by_people = pl.col("source").is_in(BY_PEOPLE)
    incidents, n_true, n_false, n_duplicate, n_unjudged, n_judged = mine.select(
        pl.col("incident_id").n_unique(),
        n_true=verdict.is_in(TRUE).sum(),
        n_false=(verdict == "wrong").sum(),
        n_duplicate=(verdict == "duplicate").sum(),
        n_unjudged=verdict.is_null().sum(),
        n_judged=(verdict.is_in([*TRUE, "wrong"]) & is_by_people).sum(),
    ).row(0)
    found = detected(alerts, troubles.filter(pl.col("began_at").is_between(begin, end, closed="left")))
    missed = found["alert_id"].null_count()
    leads = (found["began_at"] - found["opened_at"]).drop_nulls().dt.total_microseconds() / 3.6e9
    median = leads.median()
    precision = _share(n_judged - n_false, n_judged)
    recall = _share(found.height - missed, found.height)
    days = (end - begin) / timedelta(days=1)
    return Quality(
        alerts=mine.height,
        incidents=incidents,
        messages=messages,
        messages_per_day=messages / days,
        n_true=n_true,
        n_false=n_false,
        n_duplicate=n_duplicate,
        n_unjudged=n_unjudged,
        n_judged=n_judged,
        precision=precision[0],
        precision_low=precision[1],
        precision_high=precision[2],
        false_per_site_week=(n_false + n_duplicate) / (max(num_sites, 1) * days / 7),
        n_troubles=found.height,
        n_missed=missed,
        recall=recall[0],
        recall_low=recall[1],
        recall_high=recall[2],
        lead_median_hours=float(median) if isinstance(median, float) and leads.len() >= MIN_CASES else None,
    )


def changes(base: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """What is different between the alerts of two replays of the same span, alert by alert.

    Alerts of one site and family whose lives overlap are the same, one to one, the nearest openings first.

    Args:
        base: `LIFE`; further columns are kept.
        other: The same.

    Returns:
        ``change`` (``same``, ``earlier``, ``later``: by its opening; ``more``, ``fewer``: only the other, or only the base has
        it), ``site_id``, ``family``, ``rule`` (of the base where it has one), ``shift_hours``, then the columns of both with
        ``base_`` and ``other_`` before them; sorted by opening, site and family.
    """
    pairs = _paired(_overlapping(base, other))
    mine, theirs = (
        frame.select(pl.all().name.prefix(f"{name}_")) for name, frame in (("base", base), ("other", other))
    )
    joined = (
        mine.join(pairs, left_on="base_alert_id", right_on="own", how="left")
        .join(theirs, left_on="other", right_on="other_alert_id", how="full", coalesce=False)
        .drop("other")
    )
    shift = (pl.col("other_opened_at") - pl.col("base_opened_at")).dt.total_microseconds() / 3.6e9
    change = (
        pl.when(pl.col("base_alert_id").is_null())
        .then(pl.lit("more"))
        .when(pl.col("other_alert_id").is_null())
        .then(pl.lit("fewer"))
        .when(shift < 0)
        .then(pl.lit("earlier"))
        .when(shift > 0)
        .then(pl.lit("later"))
        .otherwise(pl.lit("same"))
    )
    either = (pl.coalesce(f"base_{name}", f"other_{name}").alias(name) for name in (*_KEY, "rule"))
    opened = pl.min_horizontal("base_opened_at", "other_opened_at")
    return (
        joined.select(change.alias("change"), *either, shift.alias("shift_hours"), pl.all())
        .with_columns(_opened=opened)
        .sort("_opened", *_KEY, "base_alert_id", "other_alert_id")
        .drop("_opened")
    )


def counted(changed: pl.DataFrame, by: str) -> pl.DataFrame:
    """How many alerts are different, by rule or by site.

    Args:
        changed: `changes` of alerts with verdicts.
        by: ``rule`` or ``site_id``.

    Returns:
        ``by``, alerts of both (``base_alerts``, ``other_alerts``), ``more``, ``fewer``, ``earlier``, ``later``, and for both
        ``n_true`` and ``n_false``; where most is different first.
    """
    kinds = ("more", "fewer", "earlier", "later")
    verdicts = {
        f"{name}_{kind}": pl.col(f"{name}_verdict").is_in(verdicts).sum()
        for name in ("base", "other")
        for kind, verdicts in (("n_true", TRUE), ("n_false", ("wrong",)))
    }
    return (
        changed.group_by(by)
        .agg(
            base_alerts=pl.col("base_alert_id").count(),
            other_alerts=pl.col("other_alert_id").count(),
            **{kind: (pl.col("change") == kind).sum() for kind in kinds},
            **verdicts,
        )
        .with_columns(_most=pl.sum_horizontal(*kinds))
        .sort("_most", "base_alerts", by, descending=[True, True, False])
        .drop("_most")
    )


def _overlapping(alerts: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """own, other, apart (hours between their openings) of alerts of one site and family whose lives overlap."""
    begins = pl.min_horizontal("opened_at", "began_at").alias("begins")
    mine = alerts.select(*_KEY, begins, "opened_at", "resolved_at", own="alert_id")
    theirs = others.select(*_KEY, begins, "opened_at", "resolved_at", other="alert_id")
    both = mine.join(theirs, on=_KEY, suffix="_of_other")
    ends_after = pl.col("resolved_at").is_null() | (pl.col("resolved_at") >= pl.col("begins_of_other"))
    begins_before = pl.col("resolved_at_of_other").is_null() | (
        pl.col("resolved_at_of_other") >= pl.col("begins")
    )
    return both.filter(ends_after & begins_before).select(
        "own", "other", apart=(pl.col("opened_at") - pl.col("opened_at_of_other")).abs()
    )


def _paired(close: pl.DataFrame) -> pl.DataFrame:
    """own, other, one to one: of all that overlap the nearest first."""
    left = close.sort("apart", "own", "other")
    found = [left.clear()]
    # The nearest of all is in each round, so that every round leaves fewer.
    while not left.is_empty():
        best = left.unique("own", keep="first", maintain_order=True).join(
            left.unique("other", keep="first", maintain_order=True), on=["own", "other"], how="semi"
        )
        found.append(best)
        left = (
            left.join(best, on="own", how="anti")
            .join(best, on="other", how="anti")
            .sort("apart", "own", "other")
        )
    return pl.concat(found).select("own", "other")


def _share(part: int, whole: int) -> tuple[float | None, float | None, float | None]:
    """A share with the ends of its interval; None of all where there are too few cases for it."""
    if whole < MIN_CASES:
        return None, None, None
    low, high = pl.select(*wilson(pl.lit(part), pl.lit(whole))).row(0)
    return part / whole, low, high
