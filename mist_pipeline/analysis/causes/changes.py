"""Which configuration changes came before the trouble of which sites.

A change is what people saved together: entries of the audit log about one object with less than `TOGETHER` between them, since a template is saved
again and a script goes from site to site. It is a candidate for a family of metrics at a moment if it applies to at least three sites in
trouble that came into it within `LOOK_BACK` after the change. Onsets are known by the hour, so a change within the first bad hour counts, too.

Here: entries and onsets → candidates. Not here: whether its sites are in trouble beyond chance (``shared_attributes``, as for every attribute), and
words (``wording``).

>>> from datetime import UTC, date, datetime
>>> at = datetime(2026, 3, 2, 10, 35, tzinfo=UTC)
>>> sites = [f"s{number}" for number in range(3)]
>>> entries = pl.DataFrame(
...     {
...         "change_id": ["c1"], "changed_at": [at], "action": ["updated"], "kind": ["network_template"], "object_id": ["t1"],
...         "title": ["Retail"], "site_ids": [sites], "admin": [None], "state": ["ok"],
...     }
... )
>>> onsets = pl.DataFrame(
...     {"day": [date(2026, 3, 2)] * 3, "site_id": sites, "family": ["connect"] * 3, "began_at": [at.replace(hour=11, minute=0)] * 3}
... )
>>> [found] = candidates(Changed(entries, onsets), "day", 3)[date(2026, 3, 2)]
>>> found.change_id, found.family, found.minutes_before["s0"]
('c1', 'connect', 25.0)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

LOOK_BACK = timedelta(hours=24)
"""So long a change may be felt later: what is saved in the evening is felt when people come in the morning, in any time zone."""

TOGETHER = timedelta(hours=2)
"""Entries about one object with less than this between them are one change."""

FIRST_HOUR = timedelta(hours=1)
"""Trouble begins somewhere in its first bad hour."""

LOOK_BACK_DAYS = 8
"""Days of entries that are read: what goes on longer began with nothing that is still looked for."""

NO_CANDIDATE = ("other",)
"""Kinds of entries that change no configuration that users could feel, or nobody knows which."""


@dataclass(frozen=True)
class Changed:
    """What was changed, and since when sites are in trouble.

    Attributes:
        entries: ``history.changes``, of `LOOK_BACK_DAYS` before the first moment on.
        onsets: The moment, site_id, family, began_at (start of the first bad hour).
    """

    entries: pl.DataFrame
    onsets: pl.DataFrame


@dataclass(frozen=True)
class Candidate:
    """A change that came before the trouble of some sites, at one moment and for one family.

    Attributes:
        change_id: Of its first entry.
        family: Metric family.
        kind: What was changed.
        action: What happened to it.
        title: Its name as people typed it; '' where it has none.
        admin: Who; '' where that is not known.
        changed_at: When the first site was changed.
        site_ids: All sites that it applies to.
        minutes_before: Site in trouble → minutes from its change to the start of its first bad hour; 0 within that hour.
    """

    change_id: str
    family: str
    kind: str
    action: str
    title: str
    admin: str
    changed_at: datetime
    site_ids: frozenset[str]
    minutes_before: Mapping[str, float]


def candidates(changed: Changed, moment: str, min_sites: int) -> dict[Any, list[Candidate]]:
    """The candidates of every moment.

    Args:
        changed: Entries, and onsets of the sites in trouble.
        moment: The column of ``onsets`` that says when.
        min_sites: Sites in trouble that a change must have come before.
    """
    made = _made(changed.entries)
    lead = pl.col("began_at") - pl.col("changed_at")
    preceded = (
        changed.onsets.select(moment, "site_id", "family", "began_at")
        .drop_nulls()
        .join(made, on="site_id")
        .filter(lead > -FIRST_HOUR, lead <= LOOK_BACK)
        .with_columns(minutes=(lead.dt.total_seconds() / 60).clip(lower_bound=0.0))
        .group_by(moment, "family", "change_id")
        .agg(pl.col("site_id", "minutes").sort_by("site_id"))
        .filter(pl.col("site_id").list.len() >= min_sites)
        .sort(moment, "family", "change_id")
    )
    told = ("kind", "action", "title", "admin", "first_at")
    whole = made.group_by("change_id").agg(
        pl.col(*told).first(), pl.col("site_id").unique().sort().alias("site_ids")
    )
    found: dict[Any, list[Candidate]] = {}
    for row in preceded.join(whole, on="change_id", how="left", maintain_order="left").iter_rows(named=True):
        found.setdefault(row[moment], []).append(
            Candidate(
                change_id=row["change_id"],
                family=row["family"],
                kind=row["kind"],
                action=row["action"],
                title=row["title"] or "",
                admin=row["admin"] or "",
                changed_at=row["first_at"],
                site_ids=frozenset(row["site_ids"]),
                minutes_before=dict(zip(row["site_id"], row["minutes"], strict=True)),
            )
        )
    return found


def _made(entries: pl.DataFrame) -> pl.DataFrame:
    """Changes: change_id, kind, action, title, admin, first_at, site_id, changed_at (the first one there); a row a site."""
    one = ["kind", "action", "object"]
    return (
        entries.filter(
            pl.col("state") == "ok",
            ~pl.col("kind").is_in(NO_CANDIDATE),
            pl.col("site_ids").list.len() > 0,
        )
        .with_columns(object=pl.coalesce("object_id", "title", pl.lit("")))
        .sort(*one, "changed_at", "change_id")
        .with_columns(
            number=(pl.col("changed_at").diff() >= TOGETHER).fill_null(value=False).cum_sum().over(one)
        )
        .with_columns(
            pl.col("change_id", "title", "admin").first().over(*one, "number"),
            first_at=pl.col("changed_at").first().over(*one, "number"),
        )
        # First by equal lists of sites: a script saves a template of thousands of sites thousands of times a day.
        .group_by("change_id", "site_ids")
        .agg(pl.col("kind", "action", "title", "admin", "first_at").first(), pl.col("changed_at").min())
        .explode("site_ids")
        .group_by("change_id", pl.col("site_ids").alias("site_id"))
        .agg(pl.col("kind", "action", "title", "admin", "first_at").first(), pl.col("changed_at").min())
    )
