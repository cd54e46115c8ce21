"""Past incidents as the published copies give them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

NINE = datetime(2026, 11, 21, 9, tzinfo=UTC)

_INSTANT = pl.Datetime("us", "UTC")
_SCHEMA = {
    **dict.fromkeys(("incident_id", "cause", "site_id", "summary", "severity"), pl.String()),
    **dict.fromkeys(("began_at", "last_bad_at"), _INSTANT),
}


def past_alerts(*rows: dict[str, Any]) -> pl.DataFrame:
    """A row an alert: its values over those of one that was major on the eve of the day from nine to one."""
    usual = {
        "incident_id": "incident-a",
        "cause": "",
        "site_id": "",
        "summary": "Coverage lost 40 user-hours",
        "severity": "major",
        "began_at": NINE,
        "last_bad_at": NINE + timedelta(hours=4),
    }
    return pl.DataFrame([{**usual, **row} for row in rows], schema=_SCHEMA)
