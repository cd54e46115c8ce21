"""A past of three days that is written by hand: hours, and evidence of two strengths, as detection would have stored them.

The organisation lives in Europe/Berlin. Site `STRONG` has a trouble that every sensitivity tells, site `WEAK` one that only the highest
tells, and site `QUIET` none.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.tables import analysis, history
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.detect_day import candidate_cause_rows, finding_rows

DAYS = [date(2026, 3, 28) + timedelta(days=at) for at in range(3)]
"""On the second the clocks go forward."""
ZONE = "Europe/Berlin"
BEGIN = datetime(2026, 3, 27, 23, tzinfo=UTC)
HOURS = 71
STRONG, WEAK, QUIET = "site-1", "site-2", "site-3"
NAMES = {STRONG: "Bonn", WEAK: "<script>alert(1)</script>", QUIET: "Köln"}
_HOUR = timedelta(hours=1)


def rows(table: Table, *given: dict[str, Any]) -> pl.DataFrame:
    """Rows of a table; what is not given is null."""
    schema = table.polars_schema()
    return pl.DataFrame([dict.fromkeys(schema) | row for row in given], schema=schema)


def _day(hour: datetime) -> date:
    return DAYS[0] + (hour - BEGIN + (_HOUR if hour >= BEGIN + 26 * _HOUR else timedelta(0))) // timedelta(
        days=1
    ) * timedelta(days=1)


def excess(site_id: str, begins: int, lasts: int, surprise: float) -> list[dict[str, Any]]:
    """Evidence of a trouble that begins so many hours after `BEGIN`: bad hours, then three good ones until it is over."""
    began, last = BEGIN + begins * _HOUR, BEGIN + (begins + lasts - 1) * _HOUR
    return [
        {
            "hour": (hour := began + at * _HOUR),
            "site_id": site_id,
            "metric": "coverage",
            "classifier": "",
            "window_hours": 24,
            "day": _day(hour),
            "excess_user_minutes": 900.0,
            "excess_pct": 30.0,
            "surprise": surprise if at < lasts else 1.0,
            "is_estimated": True,
            "observed_pct": 35.0,
            "expected_pct": 5.0,
            "total_user_minutes": 3000.0,
            "breadth_hours": 8.0,
            "recent_excess_pct": 30.0,
            "baseline_days": 20.0,
            "group_surprise": 0.0,
            "began_at": began,
            "last_bad_at": min(hour, last),
            "recovery": max(0.0, min(1.0, (at - lasts + 1) / 3)),
            "lost_user_minutes": 100.0 * (at + 1),
            "is_accepted": False,
        }
        for at in range(lasts + 3)
    ]


def small_past(data: Path, **environment: str) -> tuple[Warehouse, Settings]:
    """A warehouse with these days, and settings that point at it."""
    settings = load_settings(
        environment={
            "MIST_PIPELINE_DATA": str(data),
            "MIST_PIPELINE__ORGANISATION__TIMEZONE": ZONE,
            "MIST_PIPELINE__HISTORY__START": DAYS[0].isoformat(),
            **environment,
        }
    )
    warehouse = Warehouse(settings.warehouse_path)
    hours = [BEGIN + at * _HOUR for at in range(HOURS)]
    at_every_hour = [(hour, site) for hour in hours for site in NAMES]
    frames = {
        history.SITES: rows(
            history.SITES,
            *(
                {
                    "day": day,
                    "site_id": site,
                    "name": name,
                    "timezone": ZONE,
                    "sitegroup_ids": [],
                    "attributes": "{}",
                }
                for day in DAYS
                for site, name in NAMES.items()
            ),
        ),
        history.SLE_HOURLY: rows(
            history.SLE_HOURLY,
            *(
                {
                    "hour": hour,
                    "site_id": site,
                    "metric": "coverage",
                    "day": _day(hour),
                    "score_pct": 95.0,
                    "state": "ok",
                }
                for hour, site in at_every_hour
            ),
        ),
        history.SITE_HOURLY: rows(
            history.SITE_HOURLY,
            *(
                {"hour": hour, "site_id": site, "day": _day(hour), "num_clients": 50, "num_aps": 5}
                for hour, site in at_every_hour
            ),
        ),
        analysis.EVIDENCE: rows(
            analysis.EVIDENCE,
            *excess(STRONG, 10, 8, 12.0),
            *excess(WEAK, 34, 8, 5.9),
            *excess(STRONG, 58, 6, 12.0),
        ),
    }
    frames[history.SLE_DAILY] = rows(
        history.SLE_DAILY,
        *(
            {
                "day": day,
                "site_id": site,
                "metric": "coverage",
                "score_pct": 95.0,
                "num_users": 50,
                "state": "ok",
                "severity": "info",
            }
            for day in DAYS
            for site in NAMES
        ),
    )
    warehouse.replace_all(frames, DAYS)
    for table, make in ((analysis.INCIDENTS, candidate_cause_rows), (analysis.FINDINGS, finding_rows)):
        warehouse.replace_days(table, make(warehouse, settings, DAYS), DAYS)
    return warehouse, settings
