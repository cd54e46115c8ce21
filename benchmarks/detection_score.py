"""Alerts of a replay compared with the truth of a world: who was told what, when, and when it was over.

- An alert belongs to an incident of its site and family if it opens from the beginning of its cause to 6 h after the end, or in the
  72 h before it, unless it then belongs to an earlier one. An alert about the past (`is_past`) counts at the time at which
  it says that the trouble began.
- The first alert after the beginning, else the last before it, is the hit; the others are duplicates. Among these are hits of other
  troubles of the site that overlap this one; *of no other trouble* are those without them. People get one message
  an incident: they are *told again* by alerts of another incident, but for what is only recorded as past. An alert that belongs to none is false.
- An incident counts at a site only if it does real harm there (`mist_pipeline/simulator/world/harm.py`); alerts at its other
  sites are neither hits nor false. Its onset, from which waiting is counted, is the first hour that users feel.
- Troubles of one site and family that touch are over when the last of them is. Two hours later nobody may be told that it
  is going on: the effect of a slow one fades over two hours, and what an hour held is known at its end. An alert may be told for longer
  if another trouble of its site and family is on by then, for which it did not open; the column of *its own* trouble allows no other.
- An alert that is reopened is told in several *spells*. A trouble is resolved by the end of the spell in which it ends.
- A missed incident is *hidden* if an alert of its site and family, opened for something else, was open at its onset. It was
  *heard of* if such an alert was reopened, became more severe or much worse during it, which people are told at once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from mist_pipeline.alerts.lifecycle.observations import FAMILIES
from mist_pipeline.simulator.world.scenario import LabelledIncident
from mist_pipeline.simulator.world.world import World

BEFORE, AFTER = timedelta(hours=72), timedelta(hours=6)
GRACE = timedelta(hours=2)
PROMPTLY = timedelta(hours=2)
"""After real harm."""
ENOUGH_TO_RESOLVE = timedelta(hours=72)
"""Of data after the end of a trouble, before its alert counts as never resolved."""
LEARNING_DAYS = 18
"""Until then the simulated organisation has no troubles."""
SLOW = ("slow_degradation", "accelerating_degradation", "radius_creep", "outgrown", "pool_exhaustion")
"""Kinds that begin with nothing and get worse; all others are sudden."""
DEVICES = ("ap", "device")
"""Lost devices are reported as either: the access points' own metric, or missing data."""
HEARD = ("reopened", "severity_rose", "much_worse")
"""Events of an open alert that people hear of."""

COLUMNS = (
    "world", "incidents", "recall after onset", "with those heard of", "hidden", "of them heard of", "told within 2 h of harm",
    "precision", "false per site-week", "slow declines warned of", "hours to detect, median", "90 %", "duplicates per hit", "of no other trouble", "told again per hit",
    "hours from end to resolution, median", "90 %", "never resolved", "told after the end", "after the end of its own", "told as past",
    "shared causes as one", "mixed incidents", "backfill s", "replay s",
)  # fmt: skip
HEADER = "| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS)
KIND_COLUMNS = (
    "kind", "incidents", "recall after onset", "hidden", "told within 2 h of harm", "hours to detect, median",
    "duplicates per hit", "hours from end to resolution, median", "never resolved",
)  # fmt: skip

_INSTANT = pl.Datetime("us", "UTC")
_TRUTHS = {
    "truth": pl.Int64(),
    "incident": pl.String(),
    "site_id": pl.String(),
    "families": pl.List(pl.String()),
    "kind": pl.String(),
    "began_at": _INSTANT,
    "onset": _INSTANT,
    "critical_at": _INSTANT,
    "harm_at": _INSTANT,
    "end": _INSTANT,
    "over_at": _INSTANT,
    "counts": pl.Boolean(),
}


@dataclass(frozen=True)
class Result:
    """What one world gave, or several together.

    Attributes:
        truths: An incident at one of its sites a row: site_id, kind, onset, critical_at, harm_at, end, over_at (the end of all
            that touches it), hit_at after the onset (null: missed), warned_at before it, extra (alerts beyond the first), extra_alone (of them those that
            are the hit of no other trouble), told_again (incidents
            beyond the first), is_hidden, heard_at, is_heard_of, is_never_resolved (null: not known).
        alerts: An alert a row: alert_id, site_id, family, kind, opened_at, resolved_at, is_past, is_false, hours_to_resolve (null
            without a trouble that ended early enough, or unresolved), is_after_end (told as going on when none of its site and family was), is_after_own_end (…
            but the one for which it opened).
        site_weeks: Watched.
        shared: Causes of three sites or more that were detected, and in how many incidents each.
        mixed: Incidents whose alerts are not all about one cause, and all incidents.
        seconds: Of the backfill and of the replay.
    """

    truths: pl.DataFrame
    alerts: pl.DataFrame
    site_weeks: float
    shared: tuple[int, ...]
    mixed: tuple[int, int]
    seconds: tuple[float, float] = (0.0, 0.0)

    def row(self, name: str) -> str:
        """A line of the table of `COLUMNS`."""
        found = self.truths.filter(pl.col("hit_at").is_not_null() | pl.col("warned_at").is_not_null()).height
        hits = self.truths.filter(pl.col("hit_at").is_not_null()).height
        false = int(self.alerts["is_false"].sum())
        slow = self.truths.filter(pl.col("kind").is_in(SLOW), pl.col("critical_at").is_not_null())
        warned = slow.filter(pl.min_horizontal("warned_at", "hit_at") < pl.col("critical_at")).height
        waits = _waits(self.truths.filter(~pl.col("kind").is_in(SLOW)))
        resolving = self.alerts["hours_to_resolve"].drop_nulls()
        hidden = self.truths.filter("is_hidden")
        cells = (
            name,
            self.truths.height,
            _share(hits, self.truths.height),
            _share(hits + int(hidden["is_heard_of"].sum()), self.truths.height),
            hidden.height,
            int(hidden["is_heard_of"].sum()),
            _prompt(self.truths),
            _share(found, found + false),
            f"{false / self.site_weeks:.3f}",
            f"{warned} of {slow.height}",
            *_quantiles(waits),
            f"{int(self.truths['extra'].sum()) / max(1, found):.2f}",
            f"{int(self.truths['extra_alone'].sum()) / max(1, found):.2f}",
            f"{int(self.truths['told_again'].sum()) / max(1, found):.2f}",
            *_quantiles(resolving),
            int(self.truths["is_never_resolved"].sum()),
            int(self.alerts["is_after_end"].sum()),
            int(self.alerts["is_after_own_end"].sum()),
            int(self.alerts["is_past"].sum()),
            f"{sum(one == 1 for one in self.shared)} of {len(self.shared)}",
            f"{self.mixed[0]} of {self.mixed[1]}",
            *(f"{seconds:.0f}" for seconds in self.seconds),
        )
        return _line(cells)

    def by_kind(self) -> str:
        """The table of `KIND_COLUMNS`."""
        lines = [_line(KIND_COLUMNS), "|" + "---|" * len(KIND_COLUMNS)]
        for (kind,), truths in sorted(self.truths.group_by("kind")):
            found = truths.filter(pl.col("hit_at").is_not_null() | pl.col("warned_at").is_not_null()).height
            cells = (
                kind,
                truths.height,
                _share(truths["hit_at"].count(), truths.height),
                int(truths["is_hidden"].sum()),
                _prompt(truths),
                _quantiles(_waits(truths))[0],
                f"{int(truths['extra'].sum()) / max(1, found):.2f}",
                _quantiles(truths["hours_to_resolve"].explode().drop_nulls())[0],
                int(truths["is_never_resolved"].sum()),
            )
            lines.append(_line(cells))
        return "\n".join(lines)


def pooled(results: Sequence[Result]) -> Result:
    """Several worlds as one."""
    return Result(
        pl.concat(one.truths for one in results),
        pl.concat(one.alerts for one in results),
        sum(one.site_weeks for one in results),
        tuple(count for one in results for count in one.shared),
        (sum(one.mixed[0] for one in results), sum(one.mixed[1] for one in results)),
        (sum(one.seconds[0] for one in results), sum(one.seconds[1] for one in results)),
    )


def scored(world: World, alerts: pl.DataFrame, events: pl.DataFrame) -> Result:
    """The alerts and events of a replay against the truth of its world.

    Args:
        world: The world.
        alerts: Columns of alerts.csv.
        events: Columns of events.csv.
    """
    begins = world.start + timedelta(days=LEARNING_DAYS)
    alerts = _alerts(alerts, begins)
    truths = _truths(world, begins)
    pairs = _resolved_by(_pairs(truths, alerts), spells := _spells(alerts, events))
    told = truths.filter("counts").join(
        _with_firsts(pairs)
        .group_by("truth")
        .agg(
            hit_at=pl.col("opened_at").filter(pl.col("at") >= pl.col("began_at")).min(),
            warned_at=pl.col("opened_at").filter(pl.col("at") < pl.col("began_at")).max(),
            extra=pl.len() - 1,
            extra_alone=(~pl.col("is_first_of_any")).sum().cast(pl.Int64),
            told_again=(pl.col("incident_id").filter(~pl.col("is_past")).n_unique().cast(pl.Int64) - 1).clip(
                0
            ),
            hours_to_resolve=_hours_to_resolve(world.end).drop_nulls(),
            unresolved=(pl.col("resolved_at").is_null() & ~pl.col("is_past")).any(),
        ),
        on="truth",
        how="left",
    )
    told = told.with_columns(
        pl.col("extra", "extra_alone", "told_again").fill_null(0),
        is_never_resolved=pl.when(pl.col("over_at") <= world.end - ENOUGH_TO_RESOLVE).then(
            pl.col("unresolved").fill_null(value=False)
        ),
    )
    told = told.join(_hidden(told, alerts, events), on="truth", how="left").with_columns(
        pl.col("is_hidden", "is_heard_of").fill_null(value=False)
    )
    of_alert = pairs.group_by("alert_id").agg(
        hours_to_resolve=_hours_to_resolve(world.end).min(),
        is_after_own_end=((_told_until() > pl.col("over_at") + GRACE) & ~pl.col("is_past")).all(),
        incidents=pl.col("incident").unique(),
    )
    judged = alerts.join(of_alert, on="alert_id", how="left").with_columns(
        is_false=pl.col("incidents").is_null(),
        is_after_own_end=pl.col("is_after_own_end").fill_null(value=False),
        is_after_end=pl.col("incidents").is_not_null()
        & ~pl.col("is_past")
        & pl.col("alert_id").is_in(_told_without_trouble(truths, alerts, spells)),
    )
    return Result(
        told.drop("families", "counts", "unresolved"),
        judged.drop("incidents", "incident_id", "metric", "at"),
        len(world.sites()) * (world.days - LEARNING_DAYS) / 7,
        _shared(world, pairs),
        _mixed(judged),
    )


def _alerts(alerts: pl.DataFrame, begins: datetime) -> pl.DataFrame:
    """Alerts of sites after the learning, each with a family and an instant by which it is matched."""
    instants = pl.col("opened_at", "resolved_at", "began_at", "last_bad_at").cast(_INSTANT)
    alerts = alerts.with_columns(instants, pl.col("is_past").cast(pl.Boolean).fill_null(value=False))
    alerts = alerts.with_columns(
        at=pl.when("is_past").then(pl.coalesce("began_at", "opened_at")).otherwise("opened_at"),
        # Alerts about the devices of a site have no metric.
        family=pl.when(pl.col("kind").is_in(["site_down", "mist_alarm"]))
        .then(pl.lit("device"))
        .otherwise(
            pl.col("metric")
            .cast(pl.String)
            .replace_strict(FAMILIES, default=pl.col("metric").cast(pl.String), return_dtype=pl.String)
        ),
    )
    return alerts.filter(
        pl.col("site_id").is_not_null(), pl.col("site_id").cast(pl.String) != "", pl.col("at") >= begins
    ).with_columns(pl.col("site_id", "alert_id", "incident_id").cast(pl.String))


def _truths(world: World, begins: datetime) -> pl.DataFrame:
    """`_TRUTHS`: every incident at every site that feels it; only what does real harm after the learning counts."""
    rows: list[dict[str, object]] = []
    for truth in world.truth:
        if truth.is_decoy or truth.end <= begins or truth.onset >= world.end:
            continue
        for harm in truth.harms:
            rows.append(
                {
                    "truth": len(rows),
                    "incident": truth.incident_id,
                    "site_id": harm.site_id,
                    "families": _families(truth),
                    "kind": truth.kind,
                    "began_at": truth.began_at,
                    "onset": harm.felt_at or truth.onset,
                    "critical_at": truth.critical_at,
                    "harm_at": harm.harm_at,
                    "end": harm.over_at,
                    "over_at": harm.over_at,
                    "counts": harm.site_id in truth.site_ids and harm.harm_at is not None,
                }
            )
    _join_ends(rows)
    return pl.DataFrame(rows, schema=_TRUTHS)


def _families(truth: LabelledIncident) -> list[str]:
    """The families in which a trouble may be told: its own, and those of the metrics that it moves."""
    families = {truth.family, *(FAMILIES[metric] for metric in truth.metrics)}
    if families & set(DEVICES):
        families |= set(DEVICES)
    return sorted(families)


def _join_ends(rows: list[dict[str, Any]]) -> None:
    """Let troubles of one site and family that touch be over together."""
    by_site: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: row["began_at"]):
        by_site.setdefault(row["site_id"], []).append(row)
    for some in by_site.values():
        for row in some:
            for other in some:
                shares = set(row["families"]) & set(other["families"])
                if shares and row["began_at"] <= other["began_at"] <= row["over_at"] + AFTER:
                    row["over_at"] = max(row["over_at"], other["end"])


def _pairs(truths: pl.DataFrame, alerts: pl.DataFrame) -> pl.DataFrame:
    """Every alert with every incident at its site that it belongs to."""
    close = (
        truths.explode("families")
        .join(alerts, left_on=["site_id", "families"], right_on=["site_id", "family"], suffix="_of_alert")
        .filter(pl.col("at").is_between(pl.col("began_at") - BEFORE, pl.col("end") + AFTER))
        .unique(["truth", "alert_id"], maintain_order=True)
        .with_columns(_during=pl.col("at") >= pl.col("began_at"))
    )
    return close.filter(pl.col("_during") | ~pl.col("_during").any().over("alert_id"))


def _with_firsts(pairs: pl.DataFrame) -> pl.DataFrame:
    """With `is_first_of_any`: whether an alert is the hit of this incident or of any other."""
    during, at = pl.col("_during"), pl.col("opened_at")
    first = pl.when(during.any()).then(at.filter(during).min()).otherwise(at.max()).over("truth")
    return pairs.with_columns(_is_first=at == first).with_columns(
        is_first_of_any=pl.col("_is_first").any().over("alert_id")
    )


def _spells(alerts: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """How often and when each alert was told: alert_id, told_at, told_until (the last bad hour), spell_resolved_at."""
    known = (
        events.filter(pl.col("subject") == "alert", pl.col("kind").is_in(["opened", "reopened", "resolved"]))
        .select(
            alert_id=pl.col("subject_id").cast(pl.String),
            at=pl.col("at").cast(_INSTANT),
            number="number",
            is_end=pl.col("kind") == "resolved",
            ended=pl.col("detail")
            .str.json_path_match("$.last_bad_at")
            .str.to_datetime(time_unit="us", time_zone="UTC", strict=False),
        )
        .sort("alert_id", "number")
        .with_columns(spell=(~pl.col("is_end")).cum_sum().over("alert_id"))
        .group_by("alert_id", "spell", maintain_order=True)
        .agg(
            told_at=pl.col("at").first(),
            told_until=pl.col("ended").filter("is_end").first(),
            spell_resolved_at=pl.col("at").filter("is_end").first(),
        )
    )
    unknown = alerts.join(known, on="alert_id", how="anti").select(
        "alert_id", told_at="opened_at", told_until="last_bad_at", spell_resolved_at="resolved_at"
    )
    # What has not ended is told until its last bad hour so far, where one is known.
    last = alerts.select("alert_id", "last_bad_at", "resolved_at")
    return (
        pl.concat([known.drop("spell"), unknown])
        .join(last, on="alert_id")
        .with_columns(
            told_until=pl.max_horizontal("told_at", pl.coalesce("told_until", "last_bad_at")),
        )
        .drop("last_bad_at", "resolved_at")
    )


def _resolved_by(pairs: pl.DataFrame, spells: pl.DataFrame) -> pl.DataFrame:
    """Pairs with the end of the spell in which the trouble ended, or of the last one before, as ``resolved_at``."""
    ended = (
        pairs.select("truth", "alert_id", "over_at")
        .join(spells, on="alert_id")
        .filter(
            (pl.col("told_at") <= pl.col("over_at"))
            | (pl.col("told_at") == pl.col("told_at").min().over("truth", "alert_id"))
        )
        .sort("told_at")
        .group_by("truth", "alert_id")
        .agg(pl.col("spell_resolved_at").last())
    )
    return pairs.join(ended, on=["truth", "alert_id"], how="left", maintain_order="left").with_columns(
        resolved_at="spell_resolved_at"
    )


def _told_without_trouble(truths: pl.DataFrame, alerts: pl.DataFrame, spells: pl.DataFrame) -> list[str]:
    """Alerts that were told as going on while no trouble of their site and family was, after one had been."""
    troubles: dict[tuple[str, str], list[tuple[datetime, datetime]]] = {}
    rows = truths.explode("families").select("site_id", "families", "began_at", "over_at").sort("began_at")
    for site_id, family, began_at, over_at in rows.iter_rows():
        troubles.setdefault((site_id, family), []).append((began_at, over_at + GRACE))
    told = alerts.select("alert_id", "site_id", "family").join(spells, on="alert_id")
    found = []
    for alert_id, site_id, family, told_at, told_until, _ in told.iter_rows():
        covered = None
        for began_at, over_at in troubles.get((site_id, family), ()):
            if began_at <= told_until and over_at >= told_at and (covered is None or began_at <= covered):
                covered = max(covered or over_at, over_at)
        if told_until > (covered or told_at - GRACE):
            found.append(alert_id)
    return sorted(set(found))


def _told_until() -> pl.Expr:
    """The latest instant at which an alert says that there is trouble."""
    return pl.max_horizontal("opened_at", "last_bad_at")


def _hours_to_resolve(end: datetime) -> pl.Expr:
    """Hours from the end of the trouble to the resolution of its alert; null where it is open, past, or at the end of the data."""
    hours = (pl.col("resolved_at") - pl.col("over_at")).dt.total_seconds() / 3600
    is_known = (pl.col("over_at") <= end - ENOUGH_TO_RESOLVE) & ~pl.col("is_past")
    return pl.when(is_known).then(hours.clip(0))


def _hidden(told: pl.DataFrame, alerts: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """truth, is_hidden, heard_at, is_heard_of of the missed incidents at whose onset an alert of their site and family was open."""
    heard = events.filter(pl.col("subject") == "alert", pl.col("kind").is_in(HEARD)).select(
        alert_id=pl.col("subject_id").cast(pl.String), heard_at=pl.col("at").cast(_INSTANT)
    )
    return (
        told.filter(pl.col("hit_at").is_null())
        .explode("families")
        .join(
            alerts.filter(~pl.col("is_past")),
            left_on=["site_id", "families"],
            right_on=["site_id", "family"],
            suffix="_of_alert",
        )
        .filter(
            pl.col("opened_at") < pl.col("began_at"),
            pl.col("resolved_at").is_null() | (pl.col("resolved_at") > pl.col("began_at")),
        )
        .join(heard, on="alert_id", how="left")
        .group_by("truth")
        .agg(
            is_hidden=pl.col("warned_at").is_null().any(),
            heard_at=pl.col("heard_at")
            .filter(pl.col("heard_at").is_between(pl.col("onset"), pl.col("end") + AFTER))
            .min(),
        )
        .with_columns(is_heard_of=pl.col("heard_at").is_not_null())
    )


def _shared(world: World, pairs: pl.DataFrame) -> tuple[int, ...]:
    """In how many incidents each detected cause of three sites or more was told."""
    large = [truth.incident_id for truth in world.truth if len(truth.site_ids) >= 3]
    return tuple(
        pairs.filter(pl.col("incident").is_in(large))
        .group_by("incident", maintain_order=True)
        .agg(pl.col("incident_id").n_unique())["incident_id"]
    )


def _mixed(alerts: pl.DataFrame) -> tuple[int, int]:
    """Incidents whose alerts are not all about one cause, and all incidents."""
    contents = alerts.group_by("incident_id").agg(pl.col("incidents").fill_null([]))["incidents"].to_list()
    truths = [[set(of_alert) for of_alert in incident] for incident in contents]
    mixed = sum(len(set.union(*some)) > 1 and not set.intersection(*some) for some in truths)
    return mixed, len(truths)


def _waits(truths: pl.DataFrame) -> pl.Series:
    """Hours from the onset to the hit; none where it was told before anybody felt it."""
    return (truths["hit_at"] - truths["onset"]).dt.total_seconds().clip(0).drop_nulls() / 3600


def _prompt(truths: pl.DataFrame) -> str:
    """Share of the incidents of which people heard before, or soon after, real harm."""
    first = pl.coalesce("warned_at", "hit_at", "heard_at")
    return _share(truths.filter(first <= pl.col("harm_at") + PROMPTLY).height, truths.height)


def _quantiles(hours: pl.Series) -> tuple[str, str]:
    if hours.is_empty():
        return "–", "–"
    median, late = np.quantile(hours.to_numpy(), [0.5, 0.9])
    return f"{median:.1f}", f"{late:.1f}"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "–"


def _line(cells: Iterable[object]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"
