"""Raw answers → the history tables of service levels, for given days.

Pure but for reading the raw store. Detail answers come from ``hourly``, the organisation's from
``collect.fetch.organisation``; days are summed up in ``daily``; sites, devices and alarms are in ``dimensions``. Severity
is not decided here (``analysis.scores``).

How a score comes about:

* Hour with detail: 100 × (1 − Σ degraded / Σ total) over its buckets, nulls skipped; no user-minutes is ``no_users``.
* Hour without: the organisation endpoint's share × 100, user-minutes null. With no clients a metric that is
  measured on clients is ``no_users``; the health of devices is measured without them too.
* Day with detail: from the sums of its hours. Without: the mean of the hourly scores weighted by clients, which is an
  estimate (an hour counts by the clients present, not by how long they stayed).
* A metric that the site does not have: ``not_supported``, unless the organisation endpoint has a score of it after all.
* Asked without an answer: ``missing``. Never asked: no hourly row, and ``missing`` for the day, which always has its row.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

import polars as pl

from mist_pipeline.collect.fetch.days import HOUR, day_bounds
from mist_pipeline.collect.fetch.organisation import USER_METRICS, organisation_frame
from mist_pipeline.collect.fetch.records import Lane, kind_of
from mist_pipeline.collect.history.daily import classifiers_daily, from_sums, sle_daily
from mist_pipeline.collect.history.hourly import DetailFrames, chosen_answers, detail_frames
from mist_pipeline.collect.raw.format import Record
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.domain.metrics import CATALOGUE

Counted = Iterable[tuple[Record, frozenset[date]]]

_KEY = ["site_id", "metric"]
_SLE_HOURLY = [
    "hour",
    "site_id",
    "metric",
    "day",
    "score_pct",
    "total_user_minutes",
    "degraded_user_minutes",
    "measured_value",
    "measured_unit",
    "state",
]


@dataclass(frozen=True)
class Wanted:
    """Which rows the tables shall have.

    Attributes:
        sites: day, site_id: the sites of each day (``history.sites``); days that are not wanted may be among them.
        metrics: Enabled metrics, canonical names.
        days: Days of the organisation's zone.
        zone: That zone.
    """

    sites: pl.DataFrame
    metrics: tuple[str, ...]
    days: tuple[date, ...]
    zone: ZoneInfo

    def of_days(self) -> "Wanted":
        """The same with each wanted day's sites once, and no others."""
        sites = self.sites.select(pl.col("day").cast(pl.Date), "site_id").unique()
        return replace(self, sites=sites.filter(pl.col("day").is_in(list(self.days))))

    def day_spans(self) -> pl.DataFrame:
        """day, start, end (epoch seconds) of each day."""
        days = sorted(set(self.days))
        bounds = [day_bounds(day, self.zone) for day in days]
        return pl.DataFrame(
            {"day": days, "start": [start for start, _ in bounds], "end": [end for _, end in bounds]},
            schema={"day": pl.Date, "start": pl.Int64, "end": pl.Int64},
        )


@dataclass(frozen=True)
class History:
    """The history tables of some days; columns as in the data dictionary, ``sle_daily`` without ``severity``.

    Rows are ordered by key, those of ``classifiers_hourly`` by hour only.
    """

    sle_hourly: pl.DataFrame
    sle_daily: pl.DataFrame
    classifiers_hourly: pl.DataFrame
    classifiers_daily: pl.DataFrame
    site_hourly: pl.DataFrame

    def tables(self) -> Mapping[str, pl.DataFrame]:
        """The frames by table name."""
        return dict(vars(self))


@dataclass(frozen=True)
class Hours:
    """The hourly ones of them."""

    sle_hourly: pl.DataFrame
    classifiers_hourly: pl.DataFrame
    site_hourly: pl.DataFrame


def read_history(
    store: RawStore, wanted: Wanted, connected: pl.DataFrame | None = None, *, lane: Lane = "batch"
) -> History:
    """The history tables from the raw store; needs no network.

    Args:
        store: Raw files.
        wanted: Rows to make.
        connected: Access points connected by hour (``dimensions.connected_by_hour``), or None where that was not asked.
        lane: ``live``: today's fetches, each of which holds some hours, are put together.

    Raises:
        RawDamagedError: A raw file is missing or unreadable.
        UnexpectedShape: A raw document is not what its endpoint promises.
    """
    every = lane == "live"
    detail = store.read(kind_of("detail", lane), wanted.days, every_generation=every)
    organisation = store.read(kind_of("organisation", lane), wanted.days, every_generation=every)
    return make_history(detail, organisation, wanted, connected)


def make_history(
    detail: Counted, organisation: Counted, wanted: Wanted, connected: pl.DataFrame | None = None
) -> History:
    """The history tables from raw records; see ``read_history``."""
    wanted = wanted.of_days()
    frames = detail_frames(detail, wanted.day_spans(), wanted.zone)
    made = _Made.of(frames, organisation_frame(record for record, _ in organisation), wanted, connected)
    hours = made.hours()
    metrics = pl.DataFrame({"metric": list(wanted.metrics)}, schema={"metric": pl.String})
    asked = wanted.sites.join(metrics, how="cross")
    return History(
        sle_hourly=hours.sle_hourly,
        sle_daily=sle_daily(made.hourly, frames, made.chosen, hours.site_hourly, asked),
        classifiers_hourly=hours.classifiers_hourly,
        classifiers_daily=classifiers_daily(made.parts, frames),
        site_hourly=hours.site_hourly,
    )


def make_hours(
    detail: DetailFrames, organisation: pl.DataFrame, wanted: Wanted, connected: pl.DataFrame | None = None
) -> Hours:
    """The hourly tables of answers that were taken apart before (``read_once``), as ``read_history`` makes them.

    Args:
        detail: Detail answers.
        organisation: The organisation's, as from ``organisation_frame``.
        wanted: Rows to make.
        connected: As for ``read_history``.
    """
    return _Made.of(detail, organisation, wanted.of_days(), connected).hours()


def counting_answers(answers: pl.DataFrame, wanted: Wanted) -> pl.DataFrame:
    """Those of the organisation's answers that count, of every group, site and hour one; in the columns of ``organisation_frame``."""
    return _in_slots(answers, wanted.day_spans()).select(answers.columns)


@dataclass(frozen=True)
class _Made:
    """What hours and days are made of.

    Attributes:
        hourly: Hours merged from detail and organisation.
        chosen: Which detail answer counts when.
        parts: Classifier buckets of the answers that count.
        site_hourly: ``history.site_hourly``.
    """

    hourly: pl.DataFrame
    chosen: pl.DataFrame
    parts: pl.DataFrame
    site_hourly: pl.DataFrame

    @classmethod
    def of(
        cls, frames: DetailFrames, organisation: pl.DataFrame, wanted: Wanted, connected: pl.DataFrame | None
    ) -> "_Made":
        days = wanted.day_spans()
        answers = _in_slots(organisation, days)
        chosen = chosen_answers(frames)
        from_detail = _detail_hours(frames, chosen, days, wanted)
        from_organisation = _organisation_hours(answers, wanted)
        return cls(
            # A day is added up hour by hour: the last digit of a sum depends on the order, and joins have none.
            hourly=_merged(from_detail, from_organisation).sort("hour", *_KEY),
            chosen=chosen,
            # By far the largest table: ordered by numbers, because sorting it by its texts takes longer than all the rest.
            parts=frames.classifiers.join(chosen, on=["record", "day", "slot"], how="inner", nulls_equal=True)
            .join(wanted.sites, on=["day", "site_id"], how="semi")
            .sort("slot", "record"),
            site_hourly=_site_hourly(answers, wanted, connected),
        )

    def hours(self) -> Hours:
        return Hours(self.hourly.select(_SLE_HOURLY), _classifiers_hourly(self.parts), self.site_hourly)


def _in_slots(answers: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """Organisation answers with day and slot, one per group, site and hour: the longest window, then the newest."""
    return (
        answers.sort("start")
        .join_asof(
            days.select("day", start="start", day_end="end").sort("start"),
            on="start",
            strategy="backward",
            coalesce=False,
        )
        .filter(pl.col("start") < pl.col("day_end"))
        .with_columns(
            slot=pl.col("start") - (pl.col("start") - pl.col("start_right")) % HOUR,
            covered=pl.col("end") - pl.col("start"),
        )
        .sort("covered", "received_at", descending=True)
        .unique(["group", "site_id", "slot"], keep="first", maintain_order=True)
    )


def _instant(epoch_seconds: str) -> pl.Expr:
    return pl.from_epoch(pl.col(epoch_seconds) * 1_000_000, time_unit="us").dt.replace_time_zone("UTC")


def _detail_hours(
    frames: DetailFrames, chosen: pl.DataFrame, days: pl.DataFrame, wanted: Wanted
) -> pl.DataFrame:
    """One row for every site, metric and hour that a detail answer was asked for."""
    slots = _slots(days)
    asked = (
        frames.answers.join(wanted.sites, on=["day", "site_id"], how="semi")
        .filter(pl.col("metric").is_in(wanted.metrics))
        .join(slots, on="day")
        .filter(pl.col("slot") + HOUR > pl.col("start"), pl.col("slot") < pl.col("end"))
        .group_by(*_KEY, "day", "slot")
        .agg(
            pl.col("unit").sort_by("received_at").last(),
            (pl.col("outcome") == "not_supported").all().alias("is_refused"),
        )
    )
    best = chosen.drop_nulls("slot").join(frames.buckets, on=["record", "day", "slot"])
    return asked.join(best.drop("record"), on=[*_KEY, "day", "slot"], how="left").select(
        *_KEY,
        "day",
        "slot",
        *from_sums(),
        pl.col("unit").alias("measured_unit"),
        "weighted",
        "weight",
        "covered",
    )


def _slots(days: pl.DataFrame) -> pl.DataFrame:
    return (
        days.select("day", slot=pl.int_ranges("start", "end", HOUR))
        .explode("slot", empty_as_null=True)
        .drop_nulls()
    )


def _organisation_hours(answers: pl.DataFrame, wanted: Wanted) -> pl.DataFrame:
    """One row for every site, metric and hour that the organisation endpoint was asked for."""
    groups = pl.DataFrame(
        {"metric": list(wanted.metrics), "group": [CATALOGUE[metric].group for metric in wanted.metrics]},
        schema={"metric": pl.String, "group": pl.String},
    )
    asked = (
        answers.select("group", "day", "slot").unique().join(groups, on="group").join(wanted.sites, on="day")
    )
    scores = answers.unpivot(
        on=list(wanted.metrics),
        index=["group", "site_id", "slot", "num_clients"],
        variable_name="metric",
        value_name="score",
    )
    is_empty = (pl.col("num_clients") == 0) & pl.col("metric").is_in(USER_METRICS)
    return asked.join(scores, on=["group", "metric", "site_id", "slot"], how="left").select(
        *_KEY,
        "day",
        "slot",
        pl.when(~is_empty.fill_null(value=False)).then("score").alias("score_pct"),
        pl.when(is_empty)
        .then(pl.lit("no_users"))
        .when(pl.col("score").is_not_null())
        .then(pl.lit("ok"))
        .otherwise(pl.lit("missing"))
        .alias("state"),
        "num_clients",
    )


def _merged(detail: pl.DataFrame, organisation: pl.DataFrame) -> pl.DataFrame:
    """Detail where it says something, else the organisation's score, else whichever was asked."""
    both = detail.join(organisation, on=[*_KEY, "day", "slot"], how="full", coalesce=True, suffix="_org")
    is_detail = (
        pl.when(pl.col("state").is_null())
        .then(pl.lit(value=False))
        .when(pl.col("state") == "missing")
        .then(pl.col("state_org").is_null())
        .when(pl.col("state") == "not_supported")
        .then(pl.col("state_org").ne_missing("ok"))
        .otherwise(pl.lit(value=True))
    )
    return both.select(
        _instant("slot").alias("hour"),
        *_KEY,
        "day",
        pl.when(is_detail).then("score_pct").otherwise("score_pct_org").alias("score_pct"),
        *(
            pl.when(is_detail).then(name).alias(name)
            for name in ("total_user_minutes", "degraded_user_minutes", "measured_value", "measured_unit")
        ),
        pl.when(is_detail).then("state").otherwise("state_org").alias("state"),
        is_detail.alias("is_detail"),
        "num_clients",
        "weighted",
        "weight",
        pl.when(is_detail).then("covered").alias("covered"),
    )


def _site_hourly(answers: pl.DataFrame, wanted: Wanted, connected: pl.DataFrame | None) -> pl.DataFrame:
    """Clients and access points of every site in the hours asked; the wireless answer counts where there is one."""
    order = {group: rank for rank, group in enumerate(("wifi", "wired", "wan"))}
    rank = pl.col("group").replace_strict(order, return_dtype=pl.Int64)
    first = (
        answers.drop_nulls("site_id")
        .sort(rank)
        .group_by("site_id", "slot")
        .agg(pl.col("num_clients").drop_nulls().first(), pl.col("num_aps").drop_nulls().first())
    )
    rows = (
        answers.select("day", "slot")
        .unique()
        .join(wanted.sites, on="day")
        .join(first, on=["site_id", "slot"], how="left")
        .select(
            _instant("slot").alias("hour"),
            "site_id",
            "day",
            pl.col("num_clients").round().cast(pl.Int64),
            pl.col("num_aps").round().cast(pl.Int64),
        )
    )
    if connected is None:
        return rows.with_columns(num_aps_connected=pl.lit(None, pl.Int64)).sort("hour", "site_id")
    seen = connected.join(wanted.sites, on=["day", "site_id"], how="semi")
    return (
        rows.join(seen, on=["hour", "site_id", "day"], how="full", coalesce=True, suffix="_seen")
        .with_columns(num_aps=pl.coalesce("num_aps", "num_aps_seen"))
        .select("hour", "site_id", "day", "num_clients", "num_aps", "num_aps_connected")
        .sort("hour", "site_id")
    )


def _classifiers_hourly(parts: pl.DataFrame) -> pl.DataFrame:
    return parts.drop_nulls("slot").select(
        _instant("slot").alias("hour"),
        *_KEY,
        "classifier",
        "day",
        degraded_user_minutes="degraded",
        total_user_minutes="total",
    )
