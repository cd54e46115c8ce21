"""What of the evidence deserves attention: one row an hour, site and metric family.

Here: the gates between evidence and findings. Significance *and* a minimum practical effect, stricter for short windows
because they are tested more often; corroboration for short excursions; what is credited from peers. Not here: opening,
holding and closing alerts, which is the part of ``alerts.lifecycle``.

A day far above its gate raises an alarm; columns of the row as in ``analysis.evidence``:

>>> from datetime import UTC, datetime
>>> day = pl.DataFrame({
...     "hour": [datetime(2026, 3, 2, 9, tzinfo=UTC)], "site_id": "a", "metric": "coverage", "classifier": "",
...     "window_hours": 24, "surprise": 9.0, "excess_pct": 20.0, "observed_pct": 25.0, "breadth_hours": 8.0,
...     "recent_excess_pct": 20.0, "baseline_days": 20.0, "group_surprise": 0.0, "is_estimated": True,
...     "began_at": [datetime(2026, 3, 2, 2, tzinfo=UTC)], "last_bad_at": [datetime(2026, 3, 2, 9, tzinfo=UTC)], "recovery": 0.0,
... })
>>> notable(day, {"coverage": "wifi"}).select("family", pl.col("margin").round(2), "corroboration", "is_alarming").row(0)
('wifi', 3.65, 'horizon', True)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import polars as pl

from mist_pipeline.analysis.evidence.site_load import LOAD, OUTAGE, SILENCE
from mist_pipeline.analysis.evidence.windows import SLOW_FROM

LEVEL_HOURS = 2
"""Window of which the level of a trouble is told: one bad hour is a short excursion, three hide how bad the newest is."""
DEVICE_FAMILY = "device"
LOAD_FAMILY = "load"


@dataclass(frozen=True)
class Gate:
    """What a window of some length must show.

    Attributes:
        surprise: Least surprise (−log10 of the tail probability) of the whole metric.
        excess_pct: Least points more degraded than expected.
        observed_pct: Least degraded share, in percent.
        breadth_hours: Over at least so many hours the excess must be spread; a single awful hour is a short excursion,
            whatever the window.
    """

    surprise: float
    excess_pct: float
    observed_pct: float
    breadth_hours: float = 1.0


GATES: Mapping[int, Gate] = {
    1: Gate(6.4, 15.0, 18.0),
    2: Gate(6.4, 12.0, 16.0, 1.2),
    3: Gate(7.65, 10.0, 15.0, 2.5),
    6: Gate(5.9, 9.0, 13.0, 2.2),
    12: Gate(6.15, 9.0, 13.0, 3.0),
    24: Gate(4.35, 7.5, 11.0, 5.0),
    48: Gate(4.35, 6.0, 11.0, 5.0),
    96: Gate(3.85, 7.0, 9.0, 6.0),
    168: Gate(3.85, 7.5, 11.0, 6.0),
}
"""Chosen on simulated worlds of many noise families by false alerts per site-week; strictness moves them together."""


STRICTNESS: Mapping[str, float] = {"low": 1.75, "normal": 1.0, "high": 0.0}
"""``alerts.sensitivity`` → what is added to every gate's surprise; docs/alerts.md shows what each costs."""


@dataclass(frozen=True)
class NotableOptions:
    """The trade-off between missed and false alarms.

    Attributes:
        gates: By window length in hours; windows without one are ignored.
        strictness: Added to every gate's surprise; the one knob of the trade-off curve.
        classifier_penalty: Added for a single classifier, of which several are tested.
        part_share: A classifier is a part of what is degraded: far enough beyond chance it needs this share of its gate's degraded
            share, …
        part_from: … which is so much surprise above the gate.
        recent_share: Share of a gate's excess that windows above a day must still have had in their last 24 hours: what is
            over raises no alarm.
        whole_penalty: Added for a whole metric whose classifiers are known, too: causes concentrate in one of them, and what only
            the sum of all shows is mostly noise.
        estimated_penalty: Added where only scores are known, so that it is unknown whether a cause is concentrated.
        support_share: Share of a gate's surprise and excess that still supports an open alert.
        short_hours: Windows up to this length need corroboration.
        second_hour_breadth: An excess of a short window that is spread over so many hours has a second bad hour in it.
        min_baseline_days: Days of history a series needs before its evidence counts.
        peer_credit_from: Surprise of a group above which its members get as credit …
        peer_credit: … this share of it …
        max_peer_credit: … up to this much.
        ease_from: Surprise above its gate from which a series needs less effect, down to …
        ease_until: … this one, where it needs the least …
        least_effect: … this share of its gate's: many user-minutes at a large site are a small share.
        decisive_group: From this surprise on a group leaves no doubt that something happened to it at once (a provider's
            brown-out of 40 minutes): in a window up to ``decisive_hours`` a member then needs no second hour and no breadth of its own, only …
        decisive_share: … this share of its gate's excess and observed share, with …
        decisive_credit: … so much credit at most.
        related_credit: Share of the best other metric's surprise, of the same family at a similar horizon, that adds …
        max_related_credit: … up to this much.
        short_related_credit: The same in windows that need corroboration: what two service levels show within three hours …
        max_short_related_credit: … is hardly ever noise, while levels of days move together without harm.
        second_after: An excess that began so long after the strongest one of its family, and blames another classifier, is a
            row of its own.
        min_silence_surprise: Gate of silence: at once where devices are known to be dead, else from the second hour on.
        min_load_surprise: Gate of the load signal, which supports and never raises an alarm: holidays and sales do not
            harm users.
    """

    gates: Mapping[int, Gate] = field(default_factory=lambda: GATES)
    strictness: float = 0.0
    classifier_penalty: float = 0.4
    whole_penalty: float = 8.0
    estimated_penalty: float = 1.0
    part_share: float = 0.6
    part_from: float = 2.0
    recent_share: float = 0.6
    support_share: float = 0.5
    short_hours: int = 3
    second_hour_breadth: float = 1.8
    min_baseline_days: float = 5.0
    peer_credit_from: float = 3.0
    peer_credit: float = 0.7
    max_peer_credit: float = 3.0
    ease_from: float = 7.0
    ease_until: float = 11.0
    least_effect: float = 0.6
    decisive_group: float = 5.0
    decisive_hours: int = 24
    decisive_share: float = 0.5
    decisive_credit: float = 6.0
    related_credit: float = 0.5
    max_related_credit: float = 2.0
    short_related_credit: float = 1.0
    max_short_related_credit: float = 6.0
    second_after: timedelta = timedelta(hours=6)
    min_silence_surprise: float = 4.0
    min_load_surprise: float = 8.0


def notable(
    rows: pl.DataFrame, families: Mapping[str, str], options: NotableOptions | None = None
) -> pl.DataFrame:
    """The strongest evidence of every hour, site and family that supports or raises an alarm.

    Causal: an hour's row depends on evidence of that hour and the one before.

    Args:
        rows: ``analysis.evidence``.
        families: Metric → family; a metric that is not in it is a family of its own.
        options: See `NotableOptions`.

    Returns:
        One row for each ``hour``, ``site_id``, ``family``, sorted by them, with the columns of the strongest evidence
        (``metric``, ``classifier``, ``window_hours``, ``surprise`` …), ``margin`` (surprise above its gate, credit of
        peers included), ``corroboration`` (``horizon``, ``second-hour``, ``related-metric``, ``devices``, ``peers``
        or null), ``is_alarming`` (rows that are not only support an alert that is open) and ``is_second``: beside the
        strongest a family may have a second row, whose episode began later and blames another classifier.
    """
    options = options or NotableOptions()
    return _strongest(_classified(_credited(_supporting(rows, families, options), options), options), options)


def episodes(rows: pl.DataFrame, families: Mapping[str, str]) -> pl.DataFrame:
    """The newest episode of every series that has evidence, hour by hour.

    Args:
        rows: ``analysis.evidence``.
        families: Metric → family.

    Returns:
        hour, site_id, family, metric, classifier, is_slow (against the lagged expectation), began_at, last_bad_at,
        recovery, lost_user_minutes, is_accepted; sorted by these.
    """
    key = ["hour", "site_id", "family", "metric", "classifier", "is_slow"]
    return (
        rows.filter(pl.col("began_at").is_not_null())
        # A longer window may be about an episode before the newest one; the shortest is about the newest.
        .sort("window_hours")
        .select(
            "hour",
            "site_id",
            pl.col("metric").replace(dict(families)).alias("family"),
            "metric",
            "classifier",
            (pl.col("window_hours") >= SLOW_FROM).alias("is_slow"),
            "began_at",
            "last_bad_at",
            "recovery",
            "lost_user_minutes",
            "is_accepted",
        )
        .unique(subset=key, keep="first", maintain_order=True)
        .sort(key)
    )


def levels(
    rows: pl.DataFrame, families: Mapping[str, str], options: NotableOptions | None = None
) -> pl.DataFrame:
    """How bad the newest two hours of every series were, and whether they alone would raise an alarm.

    Causal as `notable` is, and with the same gates: what short windows need is in short windows and in silence.

    Args:
        rows: ``analysis.evidence``.
        families: Metric → family; a metric that is not in it is a family of its own.
        options: See `NotableOptions`.

    Returns:
        hour, site_id, metric, classifier, family, level_pct (degraded share of the user-minutes of the two hours that end with the
        hour) and is_notable; a row for every series whose two hours have evidence, sorted by these.
    """
    options = options or NotableOptions()
    is_site = pl.col("metric").is_in([LOAD, SILENCE])
    short = rows.filter((pl.col("window_hours") <= options.short_hours) | is_site)
    judged = _classified(_credited(_supporting(short, families, options), options), options)
    key = ["hour", "site_id", "metric", "classifier"]
    goes_on = pl.col("recovery").is_null() | (pl.col("recovery") < 1)
    alarming = judged.filter(pl.col("is_alarming") & (pl.col("window_hours") == LEVEL_HOURS) & goes_on)
    return (
        rows.filter((pl.col("window_hours") == LEVEL_HOURS) & ~is_site)
        .select(*key, family=pl.col("metric").replace(dict(families)), level_pct="observed_pct")
        .join(alarming.select(*key, is_notable=pl.lit(value=True)), on=key, how="left")
        .with_columns(pl.col("is_notable").fill_null(value=False))
        .sort(key)
    )


def silent_hours(rows: pl.DataFrame) -> pl.DataFrame:
    """What users lost in each hour in which a site was silent: all client-minutes that are usual there at that hour.

    Args:
        rows: ``analysis.evidence``.

    Returns:
        hour, site_id, family, began_at, last_bad_at (both the hour), lost_user_minutes.
    """
    is_silent = (
        (pl.col("metric") == SILENCE) & (pl.col("classifier") == OUTAGE) & (pl.col("observed_pct") < 100)
    )
    return (
        rows.filter(is_silent)
        .select(
            "hour",
            "site_id",
            family=pl.lit(DEVICE_FAMILY),
            began_at=pl.col("hour"),
            last_bad_at=pl.col("hour"),
            lost_user_minutes=pl.col("excess_user_minutes"),
        )
        .unique(["hour", "site_id"], keep="any")
        .sort("hour", "site_id")
    )


_SITE_HOUR = ["hour", "site_id"]
_FAMILY_HOUR = ["hour", "site_id", "family"]


def _gates(options: NotableOptions) -> pl.DataFrame:
    rows = [
        (hours, gate.surprise + options.strictness, gate.excess_pct, gate.observed_pct, gate.breadth_hours)
        for hours, gate in options.gates.items()
    ]
    columns = ("_need", "_excess", "_observed", "_breadth")
    return pl.DataFrame(
        rows, schema={"window_hours": pl.Int64, **dict.fromkeys(columns, pl.Float64)}, orient="row"
    )


def _supporting(rows: pl.DataFrame, families: Mapping[str, str], options: NotableOptions) -> pl.DataFrame:
    """Evidence that can hold an alert open, with what its gate asks for."""
    family_of = {**families, LOAD: LOAD_FAMILY, SILENCE: DEVICE_FAMILY}
    is_load, is_silence = pl.col("metric") == LOAD, pl.col("metric") == SILENCE
    penalty = pl.when(pl.col("classifier") != "").then(options.classifier_penalty).otherwise(0.0)
    need = (
        pl.when(is_load)
        .then(options.min_load_surprise)
        .when(is_silence)
        .then(options.min_silence_surprise)
        .otherwise(pl.col("_need") + penalty)
    )
    from_peers = (pl.col("group_surprise") - options.peer_credit_from) * options.peer_credit
    share = options.support_share
    return (
        rows.join(_gates(options), on="window_hours", how="inner")
        .filter(is_silence | (pl.col("baseline_days") >= options.min_baseline_days))
        .with_columns(
            family=pl.col("metric").replace(family_of),
            _need=need,
            _is_site=is_load | is_silence,
            _is_short=~is_silence & (pl.col("window_hours") <= options.short_hours),
            _is_decisive=~is_load
            & ~is_silence
            & (pl.col("window_hours") <= options.decisive_hours)
            # What hits a group at once has one cause: peers vouch for a member that blames it, too, not for any of its troubles.
            & ((pl.col("classifier") != "") | pl.col("is_estimated"))
            & (pl.col("group_surprise") >= options.decisive_group),
        )
        .with_columns(
            _from_peers=pl.when("_is_decisive")
            .then(from_peers.clip(0.0, options.decisive_credit))
            .otherwise(from_peers.clip(0.0, options.max_peer_credit)),
        )
        .filter(
            (pl.col("surprise") + pl.col("_from_peers") >= share * pl.col("_need"))
            & (
                pl.col("_is_site")
                | (pl.min_horizontal("excess_pct", "recent_excess_pct") >= share * pl.col("_excess"))
            )
        )
    )


def _credited(support: pl.DataFrame, options: NotableOptions) -> pl.DataFrame:
    """How far each is above its gate, with what peers and related metrics add, and whether the effect is large enough."""
    horizon = [*_FAMILY_HOUR, "_is_short"]
    by_metric = (
        support.group_by([*horizon, "metric"]).agg(_best=pl.col("surprise").max()).sort("_best", "metric")
    )
    best_two = by_metric.group_by(horizon, maintain_order=True).agg(
        _first=pl.col("_best").last(),
        _first_metric=pl.col("metric").last(),
        _second=pl.when(pl.len() > 1).then(pl.col("_best").slice(-2, 1).first()).otherwise(0.0),
    )
    related = pl.when(pl.col("metric") == pl.col("_first_metric")).then("_second").otherwise("_first")
    # What is far beyond chance rests on many user-minutes: the same share of more people asks for less of it.
    span = options.ease_until - options.ease_from
    beyond = ((pl.col("surprise") - pl.col("_need") - options.ease_from) / span).clip(0.0, 1.0)
    part = 1.0 - (1.0 - options.least_effect) * beyond
    is_sure = (pl.col("classifier") != "") & (pl.col("surprise") - pl.col("_need") >= options.part_from)
    observed = pl.col("_observed") * pl.when(is_sure).then(options.part_share).otherwise(1.0)
    is_large = (
        (pl.col("excess_pct") >= part * pl.col("_excess"))
        & (pl.col("observed_pct") >= part * observed)
        & (pl.col("breadth_hours") >= part * pl.col("_breadth"))
        & (pl.col("recent_excess_pct") >= part * options.recent_share * pl.col("_excess"))
    )
    is_shared = (
        pl.col("_is_decisive")
        & (pl.col("excess_pct") >= options.decisive_share * pl.col("_excess"))
        & (pl.col("observed_pct") >= options.decisive_share * pl.col("_observed"))
        & (pl.col("recent_excess_pct") >= options.recent_share * options.decisive_share * pl.col("_excess"))
    )
    credit = (
        pl.when("_is_short")
        .then(_lent(options.short_related_credit, options.max_short_related_credit))
        .otherwise(_lent(options.related_credit, options.max_related_credit))
    )
    vague = (
        pl.when(pl.col("_is_site"))
        .then(0.0)
        .when(pl.col("is_estimated"))
        .then(options.estimated_penalty)
        .when(pl.col("classifier") == "")
        .then(options.whole_penalty)
        .otherwise(0.0)
    )
    return (
        support.join(best_two, on=horizon, how="left")
        .with_columns(_related=related)
        .with_columns(_credit=credit)
        .with_columns(
            margin=pl.col("surprise") + pl.col("_from_peers") + pl.col("_credit") - pl.col("_need") - vague
        )
        .with_columns(
            _passes=(pl.col("margin") >= 0) & (pl.col("_is_site") | is_large | is_shared),
        )
    )


def _lent(share: float, most: float) -> pl.Expr:
    """What a related metric adds."""
    return (pl.col("_related") * share).clip(0.0, most)


def _classified(credited: pl.DataFrame, options: NotableOptions) -> pl.DataFrame:
    """Why each is more than an excursion, and whether it raises an alarm."""
    hourly = (
        credited.filter(~pl.col("_is_site") & (pl.col("window_hours") == 1)).select(_FAMILY_HOUR).unique()
    )
    before = hourly.with_columns(pl.col("hour").dt.offset_by("1h"))
    twice = hourly.join(before, on=_FAMILY_HOUR, how="semi").with_columns(_is_twice=True)
    silent = (
        credited.filter(pl.col("metric") == SILENCE).select(_SITE_HOUR).unique().with_columns(_is_silent=True)
    )
    needs_peers = pl.col("margin") < pl.col("_from_peers")
    why = (
        pl.when(pl.col("metric") == SILENCE)
        .then(pl.lit("devices"))
        .when(pl.col("metric") == LOAD)
        .then(None)
        .when(~pl.col("_is_short"))
        .then(pl.lit("horizon"))
        .when(pl.col("_is_silent"))
        .then(pl.lit("devices"))
        .when(pl.col("_is_twice") | (pl.col("breadth_hours") >= options.second_hour_breadth))
        .then(pl.lit("second-hour"))
        .when(pl.col("_related") > 0)
        .then(pl.lit("related-metric"))
        .when(pl.col("_is_decisive") | ((pl.col("_from_peers") > 0) & needs_peers))
        .then(pl.lit("peers"))
    )
    return (
        credited.join(twice, on=_FAMILY_HOUR, how="left")
        .join(silent, on=_SITE_HOUR, how="left")
        .with_columns(corroboration=why)
        .with_columns(is_alarming=pl.col("_passes") & pl.col("corroboration").is_not_null())
    )


def _strongest(classified: pl.DataFrame, options: NotableOptions) -> pl.DataFrame:
    order = ["is_alarming", "margin", "metric", "classifier", "window_hours"]
    ordered = classified.sort(
        [*_FAMILY_HOUR, *order], descending=[False, False, False, True, True, False, False, False]
    ).select(pl.exclude("^_.*$"))
    strongest = ordered.group_by(_FAMILY_HOUR, maintain_order=True).first()
    first = _fresh_first(ordered, strongest).with_columns(is_second=False)
    leads = first.select(*_FAMILY_HOUR, pl.col("began_at", "classifier").name.prefix("_"))
    later = (pl.col("began_at") - pl.col("_began_at")) >= options.second_after
    second = (
        ordered.filter(pl.col("is_alarming") & (pl.col("classifier") != "") & (pl.col("recovery") < 1))
        .join(leads, on=_FAMILY_HOUR)
        .filter(later & (pl.col("classifier") != pl.col("_classifier")))
        .group_by(_FAMILY_HOUR, maintain_order=True)
        .first()
        .select(pl.exclude("^_.*$"))
        .with_columns(is_second=True)
    )
    return pl.concat([first, second.select(first.columns)]).sort([*_FAMILY_HOUR, "is_second"])


def _fresh_first(ordered: pl.DataFrame, strongest: pl.DataFrame) -> pl.DataFrame:
    """The strongest of each, but what began after its end where that is over.

    A long window is surprising for days after its trouble, and would stand before the first hours of the next one.
    """
    over = strongest.filter(pl.col("is_alarming") & (pl.col("recovery") >= 1))
    first_hour = pl.col("hour") - pl.duration(hours=pl.col("window_hours") - 1)
    fresh = (
        ordered.filter(pl.col("is_alarming") & (pl.col("recovery") < 1))
        .join(over.select(*_FAMILY_HOUR, _ended="last_bad_at"), on=_FAMILY_HOUR)
        .filter((pl.col("began_at") > pl.col("_ended")) & (first_hour > pl.col("_ended")))
        .group_by(_FAMILY_HOUR, maintain_order=True)
        .first()
        .select(strongest.columns)
    )
    return pl.concat([strongest.join(fresh, on=_FAMILY_HOUR, how="anti"), fresh])
