"""What the ledger tells in the morning, written down by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any

from mist_pipeline.overview.model import IncidentNow
from mist_pipeline.overview.morning import IncidentTold, Morning, Problem

NINE = datetime(2026, 11, 22, 9, tzinfo=UTC)
"""In the morning of the day."""
READ = datetime(2026, 11, 23, 5, 31, tzinfo=UTC)
HOUR = timedelta(hours=1)


def incident(
    incident_id: str = "a1b2c3d4e5f60718",
    *site_ids: str,
    what: str = "Coverage 61.2 %: critical (below 70 %).",
    **changes: Any,
) -> IncidentTold:
    """An open, critical incident since nine; what is no field of the list belongs to what is told besides."""
    own = {name: changes.pop(name) for name in list(changes) if name in IncidentTold.__dataclass_fields__}
    usual = {
        "severity": "critical",
        "state": "open",
        "progress": "going on",
        "began_at": NINE,
        "opened_at": NINE + HOUR,
        "last_bad_at": None,
        "resolved_at": None,
        "where": "The whole organisation",
        "family": "radio",
        "acknowledged_by": "",
        "withheld": "",
        "num_alerts": max(len(site_ids), 1),
    }
    row = IncidentNow(incident_id=incident_id, what=what, site_ids=site_ids, **{**usual, **changes})
    problems = tuple(
        Problem(
            site_id=site_id,
            metric="coverage",
            classifier="weak-signal",
            family="radio",
            severity=row.severity,
        )
        for site_id in site_ids
    )
    shared = "infrastructure" if len(site_ids) > 1 else "site"
    return IncidentTold(
        incident=row, **{"scope": shared, "fingerprint": f"cause-{incident_id}", "problems": problems, **own}
    )


def over(incident_id: str, *site_ids: str, **changes: Any) -> IncidentTold:
    """One that ended at one o'clock and was noticed in time."""
    ended = {
        "state": "resolved",
        "progress": "over",
        "resolved_at": NINE + 5 * HOUR,
        "last_bad_at": NINE + 4 * HOUR,
    }
    return incident(incident_id, *site_ids, **{**ended, **changes})


def past(incident_id: str, *site_ids: str, **changes: Any) -> IncidentTold:
    """One of which nothing was noticed before it was over."""
    return over(
        incident_id,
        *site_ids,
        **{"is_past": True, "resolved_at": NINE + HOUR, "severity": "major", **changes},
    )


def morning(*told: IncidentTold, **changes: Any) -> Morning:
    """The ledger at half past five, of what was told since midnight."""
    usual: dict[str, Any] = {
        "at": READ,
        "since": datetime(2026, 11, 22, tzinfo=UTC),
        "until": datetime(2026, 11, 23, 5, 30, tzinfo=UTC),
        "evaluated_at": READ - timedelta(minutes=15),
        "open": [one for one in told if one.incident.is_active],
        "over": [one for one in told if not one.incident.is_active],
    }
    return Morning(**{**usual, **changes})
