"""Sites whose devices all lost the cloud, from what the cloud pushed: told at once, and confirmed or corrected by the next poll.

Frames in, findings of kind ``site_down`` out, so that pushes and polls are about the same alert. Sets, no loops over rows.

- A device is down if the last that is known of it is a loss that was pushed; what was down before pushes began to tell of it is not counted.
- A site is down if each of its devices is, and at least half of what was lost fell within two minutes: devices that die one after the
  other over hours are the polls' business.
- A site of which no device is listed is not judged: nobody knows whether those that were lost are all.
- A site with a single device is down once that has been down for five minutes: devices restart, and one device is no agreement.
- Where most sites fell together, it is the cloud or the way to it, and one cause of all of them.

>>> from datetime import UTC
>>> at = datetime(2026, 3, 2, 10, 2, 40, tzinfo=UTC)
>>> devices = pl.DataFrame(
...     [("s1", "a1", "ap", True, at - timedelta(hours=1)), ("s1", "a2", "ap", True, at - timedelta(hours=1))],
...     schema=DEVICES, orient="row",
... )
>>> lost = pl.DataFrame(
...     [("s1", "a1", "AP_DISCONNECTED", at - timedelta(seconds=40)), ("s1", "a2", "AP_DISCONNECTED", at)],
...     schema=EVENTS, orient="row",
... )
>>> outages(devices, lost, at + timedelta(seconds=2)).findings["summary"].to_list()
['All devices of the site (2 access points) lost the Mist cloud within 40 s, at 10:02 UTC.']

Not here: which events there are (``alerts.pushed``), and what follows (``workflows.pushing``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from mist_pipeline.analysis.evidence.gates import DEVICE_FAMILY
from mist_pipeline.analysis.findings.fingerprints import fingerprint
from mist_pipeline.analysis.findings.series_rules import MOMENT, FindingRules, as_findings
from mist_pipeline.tables import live

_INSTANT = pl.Datetime("us", "UTC")

DEVICES = pl.Schema(
    {
        "site_id": pl.String(),
        "device": pl.String(),
        "type": pl.String(),
        "is_connected": pl.Boolean(),
        "known_at": _INSTANT,
    }
)
"""Devices as they were last listed: MAC address, type, whether connected (null: not known), when that was."""

EVENTS = pl.Schema(
    {"site_id": pl.String(), "device": pl.String(), "kind": pl.String(), "happened_at": _INSTANT}
)
"""What was pushed of devices."""

CAUSES = pl.Schema(
    {
        "cause_fingerprint": pl.String(),
        "scope": pl.String(),
        "family": pl.String(),
        "attribute": pl.String(),
        "value": pl.String(),
        "cause": pl.String(),
        "site_ids": pl.List(pl.String()),
    }
)
"""Columns of ``analysis.incidents`` that the grouping of alerts reads."""

_TYPES = {"AP": "ap", "SW": "switch", "GW": "gateway"}
_WORDS = (
    ("ap", "access point", "access points"),
    ("switch", "switch", "switches"),
    ("gateway", "gateway", "gateways"),
)


@dataclass(frozen=True)
class OutageRules:
    """When lost devices are a site that is down.

    Attributes:
        within: Devices that fall within this are lost together.
        alone: A single device has to be down for so long.
        fresh: Losses of earlier are told by the polls.
        cloud_share: So many of all sites at once are the cloud, …
        cloud_sites: … and at least so many.
        cloud_within: … whose devices fell within this.
    """

    within: timedelta = timedelta(minutes=2)
    alone: timedelta = timedelta(minutes=5)
    fresh: timedelta = timedelta(minutes=30)
    cloud_share: float = 0.8
    cloud_sites: int = 3
    cloud_within: timedelta = timedelta(minutes=5)


@dataclass(frozen=True)
class Outages:
    """What pushes say of sites at one moment.

    Attributes:
        findings: Rows of ``live.findings``: sites that are down.
        causes: What most sites share, as `CAUSES`; no rows where they do not.
        lost: Those sites → when the last of their devices fell.
        back: Sites of which a device came back a short while ago, and is there → when.
        due_at: When a single device will have been down for long enough; None where none is waited for.
    """

    findings: pl.DataFrame
    causes: pl.DataFrame
    lost: Mapping[str, datetime]
    back: Mapping[str, datetime]
    due_at: datetime | None


def outages(
    devices: pl.DataFrame, events: pl.DataFrame, now: datetime, rules: OutageRules = OutageRules()
) -> Outages:
    """Sites that are down by what was pushed.

    Args:
        devices: `DEVICES`, one row a device. A device that is in no list yet counts by its events alone, at a site of which others are.
        events: `EVENTS`, in any order, repeated or not.
        now: The instant.
        rules: When it is an outage.
    """
    sites = _sites(_states(devices, events, now), rules)
    moment = pl.lit(now, dtype=_INSTANT)
    fallen = sites.filter(
        pl.col("num_up") == 0,
        pl.col("last") > moment - rules.fresh,
        2 * pl.col("num_together") >= pl.col("num_fallen"),
    )
    is_alone = pl.col("num") == 1
    ripe = pl.col("last") <= moment - rules.alone
    waits = fallen.filter(is_alone & ~ripe)
    first = waits["last"].min()
    due_at = first + rules.alone if isinstance(first, datetime) else None
    back = sites.filter((pl.col("num_up") > 0) & (pl.col("back_at") > moment - rules.fresh))
    down = fallen.filter(~is_alone | ripe)
    return Outages(
        _findings(down, now),
        _causes(fallen, sites.height, rules),
        dict(down.select("site_id", "last").iter_rows()),
        dict(back.select("site_id", "back_at").iter_rows()),
        due_at,
    )


def lost_sites(devices: pl.DataFrame, events: pl.DataFrame, now: datetime) -> frozenset[str]:
    """Sites of which each device is lost, whenever and in whatever order that was.

    Args:
        devices: `DEVICES`.
        events: `EVENTS`.
        now: The instant.
    """
    sites = _sites(_states(devices, events, now), OutageRules())
    return frozenset(sites.filter(pl.col("num_up") == 0)["site_id"].drop_nulls())


def _states(devices: pl.DataFrame, events: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """One row a device that was up, or whose loss was pushed: site_id, type, is_up, fell_at, back_at."""
    kind = pl.col("kind")
    pushed = (
        events.filter(pl.col("device") != "", pl.col("happened_at") <= now)
        .with_columns(
            # A restart is told by a device that is there again.
            is_up=pl.when(kind.str.ends_with("_DISCONNECTED"))
            .then(pl.lit(value=False))
            .when(kind.str.contains(r"_(?:CONNECTED|RESTARTED)$"))
            .then(pl.lit(value=True)),
            pushed_type=kind.str.extract(r"^([A-Z]+)_").replace_strict(
                _TYPES, default="", return_dtype=pl.String
            ),
        )
        .filter(pl.col("is_up").is_not_null())
        # Of a loss and a return in one second the return is the later one.
        .sort("happened_at", "is_up")
        .group_by("device", maintain_order=True)
        .agg(
            pl.col("is_up", "happened_at", "pushed_type").last(),
            pl.col("site_id").filter(pl.col("site_id") != "").last().alias("pushed_site"),
        )
    )
    is_news = pl.col("happened_at").is_not_null() & (
        pl.col("known_at").is_null() | (pl.col("happened_at") > pl.col("known_at"))
    )
    return (
        devices.unique("device", keep="last", maintain_order=True)
        .join(pushed, on="device", how="full", coalesce=True)
        .select(
            pl.coalesce("site_id", "pushed_site").alias("site_id"),
            pl.coalesce("type", "pushed_type").alias("type"),
            pl.when(is_news).then("is_up").otherwise("is_connected").alias("is_up"),
            pl.when(is_news & ~pl.col("is_up")).then("happened_at").alias("fell_at"),
            pl.when(is_news & pl.col("is_up")).then("happened_at").alias("back_at"),
        )
        .filter(
            pl.col("site_id").is_in(devices["site_id"].drop_nulls().unique().implode()),
            pl.col("is_up") | pl.col("fell_at").is_not_null(),
        )
    )


def _sites(states: pl.DataFrame, rules: OutageRules) -> pl.DataFrame:
    """One row a site: its devices, how many are up, and the last that were lost together."""
    last = pl.col("fell_at").max().over("site_id")
    together = pl.col("fell_at") >= pl.col("last") - rules.within
    counts = [(pl.col("type") == name).sum().alias(f"num_{name}") for name, _, _ in _WORDS]
    return (
        states.with_columns(last=last)
        .group_by("site_id")
        .agg(
            pl.len().alias("num"),
            pl.col("is_up").sum().alias("num_up"),
            pl.col("fell_at").count().alias("num_fallen"),
            together.sum().alias("num_together"),
            pl.col("fell_at").filter(together).min().alias("first"),
            pl.col("last").first(),
            pl.col("back_at").max(),
            *counts,
        )
        .sort("site_id")
    )


def _findings(down: pl.DataFrame, now: datetime) -> pl.DataFrame:
    seconds = (pl.col("last") - pl.col("first")).dt.total_seconds(fractional=True).round(0).cast(pl.Int64)
    when = pl.col("first").dt.strftime("%H:%M")
    found = as_findings(
        down.with_columns(
            pl.lit(now, dtype=_INSTANT).alias(MOMENT), pl.lit("").alias("metric"), seconds=seconds
        ),
        "site_down",
        pl.lit("critical"),
        pl.when(pl.col("num") == 1)
        .then(
            pl.format(
                "The only device of the site ({}) has not reached the Mist cloud since {} UTC.",
                _devices(),
                when,
            )
        )
        .when(seconds == 0)
        .then(
            pl.format(
                "All devices of the site ({}) lost the Mist cloud at once, at {} UTC.", _devices(), when
            )
        )
        .otherwise(
            pl.format(
                "All devices of the site ({}) lost the Mist cloud within {} s, at {} UTC.",
                _devices(),
                "seconds",
                when,
            )
        ),
        {
            "source": pl.lit("pushes"),
            # Not as `first` and `last`, the hours of polls: by hours the next loss would be a part of the one before.
            "lost_from": pl.col("first"),
            "lost_at": pl.col("last"),
            "num_devices": pl.col("num"),
            "num_lost_together": pl.col("num_together"),
            "is_over": pl.lit(value=False),
            "is_partial": pl.lit(value=False),
            "num_aps": pl.col("num_ap").cast(pl.Int64),
            "usual_users": pl.lit(None, pl.Float64),
        },
        rules=FindingRules(),
        family=pl.lit(DEVICE_FAMILY),
    ).rename({MOMENT: "as_of"})
    names = [fingerprint("site_down", site_id, "") for site_id in found["site_id"]]
    schema = live.FINDINGS.polars_schema()
    return found.with_columns(pl.Series("fingerprint", names, pl.String)).select(
        pl.col(name).cast(dtype) for name, dtype in schema.items()
    )


def _devices() -> pl.Expr:
    """The devices of a site in words: ``2 access points, 1 switch``."""
    parts: list[pl.Expr] = [
        pl.when(pl.col(f"num_{name}") == 1)
        .then(pl.lit(f"1 {one}"))
        .when(pl.col(f"num_{name}") > 1)
        .then(pl.format(f"{{}} {many}", f"num_{name}"))
        for name, one, many in _WORDS
    ]
    others = pl.col("num") - pl.sum_horizontal(f"num_{name}" for name, _, _ in _WORDS)
    parts.append(pl.when(others > 0).then(pl.format("{} of another type", others)))
    return pl.concat_list(parts).list.drop_nulls().list.join(", ")


def _causes(fallen: pl.DataFrame, num_sites: int, rules: OutageRules) -> pl.DataFrame:
    """The cloud itself, where most sites fell together."""
    newest = fallen["last"].max()
    together = fallen.filter(pl.col("last") >= pl.lit(newest, dtype=_INSTANT) - rules.cloud_within)
    number = together.height
    if number < max(rules.cloud_sites, rules.cloud_share * num_sites):
        return pl.DataFrame(schema=CAUSES)
    text = f"{number:,} of {num_sites:,} sites lost the Mist cloud together: the cloud itself, or the way to it, and hardly each site"
    row = (
        "mist-cloud",
        "infrastructure",
        DEVICE_FAMILY,
        "cloud",
        "Mist",
        text,
        together["site_id"].to_list(),
    )
    return pl.DataFrame([row], schema=CAUSES, orient="row")
