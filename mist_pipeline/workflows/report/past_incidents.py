"""What was over before it was noticed, for the morning report: read from the published copies of alerts and incidents.

Which instants belong to a report is decided here. How it is told is in ``report.document.past``.
"""

from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from mist_pipeline.tables import alerts
from mist_pipeline.warehouse.store import Warehouse

_HAS_COPIES = """
    SELECT count(*) AS found FROM duckdb_columns()
    WHERE database_name = current_database() AND schema_name = ? AND table_name = ? AND column_name = 'is_past'
    """

_PAST = """
    WITH past AS (
        SELECT incident_id FROM alerts.alerts GROUP BY incident_id HAVING bool_and(coalesce(is_past, false))
    )
    SELECT i.incident_id, CASE WHEN i.scope = 'site' THEN '' ELSE i.cause END AS cause,
           a.site_id, a.summary, a.highest AS severity,
           coalesce(a.began_at, a.pending_since, i.opened_at) AS began_at,
           coalesce(a.last_bad_at, a.resolved_at, i.opened_at) AS last_bad_at
    FROM alerts.incidents i
    JOIN past USING (incident_id)
    JOIN alerts.alerts a USING (incident_id)
    WHERE i.state = 'resolved' AND i.opened_at >= ? AND i.opened_at < ?
    """


def past_incidents(published: Warehouse, first: datetime, end: datetime) -> pl.DataFrame | None:
    """The alerts of incidents of which nothing was noticed before it was over.

    Args:
        published: The analysts' copy.
        first: The incidents recorded from here on
        end: and before this instant.

    Returns:
        incident_id, cause (of several sites; else empty), site_id, summary, severity, began_at, last_bad_at; None where
        the copy has no alerts.
    """
    table = alerts.ALERTS
    if not published.query(_HAS_COPIES, [table.schema, table.name])["found"].item():
        return None
    return published.query(_PAST, [first, end])


def recorded_between(reports: Path, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Between which instants a past incident was recorded that the report of ``day`` tells.

    From the end of the day of the report before, so that nothing is left out where reports were, to the end of ``day``, so
    that the next report does not tell it again. Without an earlier report: the day itself.

    Args:
        reports: The reports folder.
        day: The day reported on.
        zone: Of the organisation.
    """
    folders = (reports / "history").glob("????-??-??")
    earlier = [folder.name for folder in folders if folder.is_dir() and folder.name < day.isoformat()]
    try:
        first = date.fromisoformat(max(earlier)) + timedelta(days=1) if earlier else day
    except ValueError:
        first = day  # a folder that is none of ours
    return midnight(first, zone), midnight(day + timedelta(days=1), zone)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day of the organisation begins."""
    return datetime.combine(day, time(), zone)
