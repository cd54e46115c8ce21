"""What of the evidence deserves attention: one row an hour, site and metric family.

Here: the gates between evidence and findings. Significance *and* a minimum practical effect, stricter for short windows
because they are tested more often; corroboration for short excursions; what is borrowed from peers. Not here: opening,
holding and closing alerts, which is the lifecycle's part.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from mist_pipeline.analysis.evidence_load import LOAD, SILENCE

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
    1: Gate(6.5, 20.0, 28.0),
    2: Gate(6.0, 16.0, 24.0),
    3: Gate(6.0, 14.0, 22.0),
    6: Gate(5.5, 11.0, 18.0, 2.2),
    12: Gate(5.5, 9.0, 15.0, 3.0),
    24: Gate(5.0, 7.0, 12.0, 4.0),
    48: Gate(5.0, 6.0, 11.0, 5.0),
    96: Gate(5.0, 6.0, 11.0, 6.0),
    168: Gate(5.0, 6.0, 11.0, 6.0),
}


@dataclass(frozen=True)
class NotableOptions:
    """The trade-off between missing and crying wolf.

    Attributes:
        gates: By window length in hours; windows without one are ignored.
        strictness: Added to every gate's surprise; the one knob of the trade-off curve.
        classifier_penalty: Added for a single classifier, of which several are tested.
        support_share: Share of a gate's surprise and excess that still supports an open alert.
        short_hours: Windows up to this length need corroboration.
        min_baseline_days: Days of history a series needs before its evidence counts.
        peer_credit_from: Surprise of a group above which its members may borrow …
        peer_credit: … this share of it …
        max_peer_credit: … up to this much.
        min_load_surprise: Gate of the load signal, which supports and never raises an alarm: holidays and sales do not
            harm users.
    """

    gates: Mapping[int, Gate] = field(default_factory=lambda: GATES)
    strictness: float = 0.0
    classifier_penalty: float = 0.7
    support_share: float = 0.5
    short_hours: int = 3
    min_baseline_days: float = 5.0
    peer_credit_from: float = 3.0
    peer_credit: float = 0.5
    max_peer_credit: float = 3.0
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
        (``metric``, ``classifier``, ``window_hours``, ``surprise`` …), ``margin`` (surprise above its gate, borrowed
        credit included), ``corroboration`` (``horizon``, ``second-hour``, ``related-metric``, ``devices``, ``peers``
        or null) and ``is_alarming``; rows that are not only support an alert that is open.
    """
    options = options or NotableOptions()
    judged = _judged(rows, families, options)
    return _corroborated(judged, options)


def _judged(rows: pl.DataFrame, families: Mapping[str, str], options: NotableOptions) -> pl.DataFrame:
    family_of = {**families, LOAD: LOAD_FAMILY, SILENCE: DEVICE_FAMILY}
    gates = pl.DataFrame(
        [
            (hours, gate.surprise, gate.excess_pct, gate.observed_pct, gate.breadth_hours)
            for hours, gate in options.gates.items()
        ],
        schema={
            "window_hours": pl.Int64,
            "_surprise": pl.Float64,
            "_excess": pl.Float64,
            "_observed": pl.Float64,
            "_breadth": pl.Float64,
        },
        orient="row",
    )
    is_load, is_silence = pl.col("metric") == LOAD, pl.col("metric") == SILENCE
    need = (
        pl.when(is_load)
        .then(options.min_load_surprise)
        .when(is_silence)
        .then(3.0)
        .otherwise(
            pl.col("_surprise")
            + options.strictness
            + pl.when(pl.col("classifier") != "").then(options.classifier_penalty).otherwise(0.0)
        )
    )
    credit = ((pl.col("group_surprise") - options.peer_credit_from) * options.peer_credit).clip(
        0.0, options.max_peer_credit
    )
    is_pseudo = is_load | is_silence
    share = options.support_share
    return (
        rows.join(gates, on="window_hours", how="inner")
        .filter(is_silence | (pl.col("baseline_days") >= options.min_baseline_days))
        .with_columns(
            family=pl.col("metric").replace(family_of),
            _need=need,
            _total=pl.col("surprise") + credit,
        )
        .with_columns(
            margin=pl.col("_total") - pl.col("_need"),
            _is_peer=(pl.col("surprise") < pl.col("_need")) & (pl.col("_total") >= pl.col("_need")),
            _is_big=is_pseudo
            | (
                (pl.col("excess_pct") >= pl.col("_excess"))
                & (pl.col("observed_pct") >= pl.col("_observed"))
                & (pl.col("breadth_hours") >= pl.col("_breadth"))
            ),
            _is_enough=is_pseudo | (pl.col("excess_pct") >= share * pl.col("_excess")),
        )
        .with_columns(_passes=(pl.col("margin") >= 0) & pl.col("_is_big"))
        .filter(pl.col("_passes") | ((pl.col("_total") >= share * pl.col("_need")) & pl.col("_is_enough")))
    )


def _corroborated(judged: pl.DataFrame, options: NotableOptions) -> pl.DataFrame:
    by_hour = ["hour", "site_id"]
    sle = ~pl.col("metric").is_in([LOAD, SILENCE])
    hourly = judged.filter(sle & (pl.col("window_hours") == 1))
    bad_before = (
        hourly.select(pl.col("hour").dt.offset_by("1h"), "site_id", "family")
        .unique()
        .with_columns(_again=True)
    )
    bad_now = hourly.select("hour", "site_id", "family").unique().with_columns(_now=True)
    related = (
        judged.filter(sle & pl.col("_passes")).group_by(by_hour).agg(_metrics=pl.col("metric").n_unique())
    )
    silent = judged.filter(pl.col("metric") == SILENCE).select(by_hour).unique().with_columns(_silent=True)
    passes, is_short = pl.col("_passes"), pl.col("window_hours") <= options.short_hours
    why = (
        pl.when(pl.col("metric") == SILENCE)
        .then(pl.lit("devices"))
        .when(pl.col("metric") == LOAD)
        .then(None)
        .when(~is_short)
        .then(pl.lit("horizon"))
        .when(pl.col("_silent"))
        .then(pl.lit("devices"))
        .when(pl.col("_again") & pl.col("_now"))
        .then(pl.lit("second-hour"))
        .when(pl.col("_metrics") >= 2)
        .then(pl.lit("related-metric"))
        .when(pl.col("_is_peer"))
        .then(pl.lit("peers"))
    )
    ranked = (
        judged.join(bad_before, on=[*by_hour, "family"], how="left")
        .join(bad_now, on=[*by_hour, "family"], how="left")
        .join(related, on=by_hour, how="left")
        .join(silent, on=by_hour, how="left")
        .with_columns(corroboration=why)
        .with_columns(is_alarming=passes & pl.col("corroboration").is_not_null())
        .sort(
            [*by_hour, "family", "is_alarming", "margin", "metric", "classifier", "window_hours"],
            descending=[False, False, False, True, True, False, False, False],
        )
        .group_by([*by_hour, "family"], maintain_order=True)
        .first()
    )
    return ranked.select(pl.exclude("^_.*$"))
