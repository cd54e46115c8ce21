"""The audit log, from raw files and from what webhooks told → history.changes and live.changes.

A change applies to its own site, or to the sites that use the template. Which sites an organisation's WLAN or network reaches the cloud says
in no list, so that stays open. Pure but for reading the raw store.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from mist_pipeline.collect.fetch.days import day_bounds
from mist_pipeline.collect.fetch.records import Lane, kind_of
from mist_pipeline.collect.fetch.snapshots import sites_of
from mist_pipeline.collect.fetch.wlan_templates import KIND as WLAN_TEMPLATES
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.mist.parsers import (
    Change,
    Site,
    WlanTemplate,
    parse_audit_logs,
    parse_wlan_templates,
)
from mist_pipeline.tables import history

_TITLE_LENGTH = 200
"""Characters of a name that are kept; the rest is in the raw files."""


def changes_frame(
    store: RawStore,
    days: Iterable[date],
    zone: ZoneInfo,
    *,
    pushed: Sequence[Mapping[str, Any]] = (),
    lane: Lane = "batch",
    with_admins: bool = False,
) -> pl.DataFrame:
    """``history.changes`` of these days: every entry once, on the day it was made, and one row for a day without an answer.

    Args:
        store: Raw files.
        days: Days wanted.
        zone: The organisation's.
        pushed: Entries as webhooks told them; the log's own count before them.
        lane: ``live`` for the answers of polls.
        with_admins: Names of people are wanted; without them `admin` is null, whatever the raw files hold.
    """
    wanted = sorted(set(days))
    found: dict[str, tuple[Change, str]] = {}
    if pushed:
        found |= {change.id: (change, "webhook") for change in parse_audit_logs({"results": list(pushed)})}
    answered: set[date] = set()
    for record, covered in store.read(kind_of("changes", lane), wanted, every_generation=lane == "live"):
        if record.header.is_answered:
            answered |= covered
            found |= {change.id: (change, "log") for change in parse_audit_logs(record.document())}
    rows: list[dict[str, Any]] = []
    for day in wanted:
        start, end = day_bounds(day, zone)
        of_day = [(change, source) for change, source in found.values() if start <= change.timestamp < end]
        used = _used_by(store, datetime.fromtimestamp(end, UTC)) if of_day else {}
        rows += [change_row(day, change, source, used, with_admins=with_admins) for change, source in of_day]
        if day not in answered:
            rows.append({"day": day, "change_id": "", "state": "missing"})
    return pl.DataFrame(rows, schema=history.CHANGES.polars_schema()).sort("day", "change_id")


def _used_by(store: RawStore, at: datetime) -> dict[str, list[str]]:
    """Template → the sites that use it, by the lists of sites and of WLAN templates that are valid at an instant."""
    snapshot = store.snapshot_for("sites", at)
    sites: Sequence[Site] = () if snapshot is None else sites_of(store, snapshot)
    used: dict[str, list[str]] = defaultdict(list)
    for site in sites:
        for template in sorted(set(site.templates.values())):
            used[template].append(site.id)
    groups = {site.id: site.sitegroup_ids for site in sites}
    return {template: sorted(site_ids) for template, site_ids in used.items()} | {
        template.id: template.site_ids_of(groups) for template in _wlan_templates(store, at)
    }


def _wlan_templates(store: RawStore, at: datetime) -> Sequence[WlanTemplate]:
    snapshot = store.snapshot_for(WLAN_TEMPLATES, at)
    if snapshot is None:
        return ()
    return parse_wlan_templates(*(record.document() for record in store.read_snapshot(snapshot)))


def change_row(
    day: date, change: Change, source: str, used: Mapping[str, list[str]], *, with_admins: bool
) -> dict[str, Any]:
    """A row of ``history.changes``.

    Args:
        day: Its day.
        change: The entry.
        source: ``log`` or ``webhook``.
        used: Template → the sites that use it.
        with_admins: Names of people are wanted.
    """
    return {
        "day": day,
        "change_id": change.id,
        "changed_at": datetime.fromtimestamp(change.timestamp, UTC),
        "action": change.action,
        "kind": change.kind,
        "object_id": change.object_id,
        "title": change.title and change.title[:_TITLE_LENGTH],
        "message": change.message,
        "site_ids": [change.site_id] if change.site_id else used.get(change.object_id or ""),
        "admin": change.admin if with_admins else None,
        "source": source,
        "state": "ok",
    }
