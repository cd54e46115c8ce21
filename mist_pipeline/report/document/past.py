"""What was over before it was noticed: told once, with its true times, in the organisation's time."""

from datetime import UTC, datetime, tzinfo

import polars as pl

from mist_pipeline.domain.severity import RANKS, UNRANKED
from mist_pipeline.domain.site_names import display_names
from mist_pipeline.domain.text import clean, count, duration
from mist_pipeline.report.document.model import PastIncident, PastSite, Site
from mist_pipeline.report.queries.data import ReportData

_ORGANISATION = "The whole organisation"
_MAX_NAMED = 3


def past_incidents(data: ReportData, sites: dict[str, Site]) -> list[PastIncident] | None:
    """The incidents that were over before they were noticed, worst first; None where alerts are not known.

    Args:
        data: The report's frames.
        sites: The sites of the document by id; an incident may be of a site that is no more.
    """
    if data.past_incidents is None:
        return None
    rows = (
        data.past_incidents.with_columns(
            rank=pl.col("severity").replace_strict(RANKS, default=UNRANKED, return_dtype=pl.Int64)
        )
        .sort("incident_id", -pl.col("rank"), "began_at", "site_id", "summary")
        .group_by("incident_id", maintain_order=True)
        .agg(
            pl.col("cause", "summary", "severity", "rank").first(),
            pl.col("site_id").unique(maintain_order=True),
            pl.col("began_at").min(),
            pl.col("last_bad_at").max(),
        )
        .sort(-pl.col("rank"), "began_at", "incident_id")
    )
    gone = display_names(
        {site_id: None for site_id in rows["site_id"].explode().to_list() if site_id and site_id not in sites}
    )
    return [
        _told(row, [_site(site_id or "", sites, gone) for site_id in row["site_id"]], data.zone)
        for row in rows.to_dicts()
    ]


def _told(row: dict[str, object], hit: list[PastSite], zone: tzinfo) -> PastIncident:
    began, ended = row["began_at"], row["last_bad_at"]
    if not isinstance(began, datetime) or not isinstance(ended, datetime):
        raise TypeError(f"the past incident {row['incident_id']!r} has no times")
    return PastIncident(
        incident_id=str(row["incident_id"]),
        where=_where(hit),
        what=clean(str(row["cause"] or row["summary"] or "")) or "Nothing is known of it but its times",
        severity=str(row["severity"] or "info"),
        began_at=_stamp(began),
        last_bad_at=_stamp(ended),
        when=period(began, ended, zone),
        lasted=duration(ended - began),
        num_sites=sum(1 for site in hit if site["site_id"]),
        sites=hit,
    )


def _site(site_id: str, sites: dict[str, Site], gone: dict[str, str]) -> PastSite:
    if site_id in sites:
        return PastSite(site_id=site_id, label=sites[site_id]["label"], url=sites[site_id]["url"])
    return PastSite(site_id=site_id, label=gone.get(site_id, _ORGANISATION), url=None)


def _where(hit: list[PastSite]) -> str:
    """``Leeds, York, Hull and 12 more sites``."""
    named = [site["label"] for site in hit[:_MAX_NAMED]]
    left = len(hit) - len(named)
    return ", ".join(named) + (f" and {count(left, 'more site')}" if left else "")


def period(began: datetime, ended: datetime, zone: tzinfo) -> str:
    """From when to when, with the zone; the day is said again only where it is another one.

    >>> from zoneinfo import ZoneInfo
    >>> nine, one = datetime(2026, 11, 21, 9, tzinfo=UTC), datetime(2026, 11, 22, 1, tzinfo=UTC)
    >>> period(nine, nine.replace(hour=13), ZoneInfo("Europe/Berlin"))
    '2026-11-21 10:00–14:00 CET'
    >>> period(nine, one, ZoneInfo("Asia/Dubai"))
    '2026-11-21 13:00 – 2026-11-22 05:00 UTC+04'

    Where the clocks were changed meanwhile, both names of the zone are said:

    >>> period(datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 4, tzinfo=UTC), ZoneInfo("Europe/Berlin"))
    '2026-10-25 00:00 CEST – 05:00 CET'
    """
    first, last = began.astimezone(zone), ended.astimezone(zone)
    zones = _zone_name(first), _zone_name(last)
    is_one_day, is_one_zone = first.date() == last.date(), zones[0] == zones[1]
    start = f"{first:%Y-%m-%d %H:%M}" + ("" if is_one_zone else f" {zones[0]}")
    end = f"{last:%H:%M}" if is_one_day else f"{last:%Y-%m-%d %H:%M}"
    return f"{start}{'–' if is_one_day and is_one_zone else ' – '}{end} {zones[1]}"


def _zone_name(moment: datetime) -> str:
    """``CET``; ``UTC+04`` for a zone without a name."""
    name = f"{moment:%Z}"
    return f"UTC{name}" if name[:1] in "+-" else name


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
