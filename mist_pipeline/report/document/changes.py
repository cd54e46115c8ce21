"""Configuration changes of sites: what was changed on which day, for the marks of charts."""

from collections.abc import Collection

import polars as pl

from mist_pipeline.domain.changes import changed_thing
from mist_pipeline.report.document.model import SiteChange
from mist_pipeline.report.queries.data import ReportData
from mist_pipeline.report.queries.frames import of_days

MOST_CHANGES = 40
"""Changes of a site that its charts mark; the newest."""


def changes_of(data: ReportData, site_ids: Collection[str]) -> dict[str, list[SiteChange]]:
    """The configuration changes of these sites in the days of the charts, oldest first; the same thing once a day.

    Args:
        data: With ``changes``; None: nothing is known of any.
        site_ids: The sites.
    """
    if data.changes is None:
        return {}
    told = ("kind", "title", "action")
    rows = (
        of_days(data.changes, data.day, data.settings.history_days)
        .filter(pl.col("state") == "ok", pl.col("kind") != "other")
        .explode("site_ids")
        .rename({"site_ids": "site_id"})
        .filter(pl.col("site_id").is_in(list(site_ids)))
        .sort("changed_at", "change_id")
        .unique(["site_id", "day", *told], keep="first", maintain_order=True)
        .group_by("site_id", maintain_order=True)
        .tail(MOST_CHANGES)
        .select("site_id", pl.col("day").dt.to_string("iso"), *told)
    )
    found: dict[str, list[SiteChange]] = {}
    for site_id, day, kind, title, action in rows.iter_rows():
        found.setdefault(site_id, []).append(
            SiteChange(day=day, what=f"{changed_thing(kind, title or '')} {action}")
        )
    return found
