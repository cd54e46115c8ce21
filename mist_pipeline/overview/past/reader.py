"""Asking about the past: the published copy, the live tables and the ledger, without waiting for any writer."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import duckdb

from mist_pipeline.overview.files import Kept
from mist_pipeline.overview.ledger import NoLedgerError, UnreadableError, reading_ledger
from mist_pipeline.overview.model import IncidentNow
from mist_pipeline.overview.past import site as one_site
from mist_pipeline.overview.past.model import Neighbour, SitePast, Trouble
from mist_pipeline.overview.past.ranges import Period
from mist_pipeline.overview.reader import Overview

T = TypeVar("T")


class Past:
    """The read model of what was. Safe to use from several threads.

    Args:
        overview: The read model of what is: it knows the places, and what sites are called.
    """

    def __init__(self, overview: Overview) -> None:
        self._overview = overview
        self._places = overview.places

    def period(self, name: str, at: datetime) -> Period:
        """A range that ends now, in days of the organisation."""
        return Period.of(name, at, self._places.zone)

    def lines(self, metric: str) -> dict[str, float]:
        """Scores below which a service level is critical, major or a warning."""
        return dict(self._places.lines(metric))

    def site(self, site_id: str, period: Period) -> SitePast:
        """One site over a range; empty where nobody knows of it. Fails never: what cannot be read is said."""
        zone = self._overview.zone_of(site_id)
        past, why = self._read(
            self._places.published, lambda it: one_site.past_rows(it, site_id, period, zone)
        )
        live, _unread = self._read(self._places.live, lambda it: one_site.live_rows(it, site_id, period))
        troubles, sharing = self._incidents(site_id, period)
        return one_site.put_together(
            period,
            past or one_site.Read(),
            live or one_site.Read(),
            zone,
            trouble=why,
            sharing=sharing,
            troubles=troubles,
        )

    def _read(self, path: Path, load: Callable[[duckdb.DuckDBPyConnection], T]) -> tuple[T | None, str]:
        kept: Kept[T] = Kept(path)
        found = kept.read(load)
        return found, kept.trouble

    def _incidents(self, site_id: str, period: Period) -> tuple[list[Trouble], list[Neighbour]]:
        """Alerts of the site in the range, and the sites that its present incidents hit, too."""
        try:
            with reading_ledger(self._places.ledger, self._places.policy) as ledger:
                found = ledger.of_site(site_id, period.begin)
        except (NoLedgerError, UnreadableError):
            # The page says it beside its list of incidents.
            return [], []
        rows: list[IncidentNow] = self._overview.rows_of(found)
        troubles = [
            Trouble(
                metric=alert.metric,
                begin=alert.began_at or alert.opened_at or incident.opened_at,
                end=alert.resolved_at,
                severity=alert.highest,
            )
            for incident, alerts in found
            for alert in alerts
            if alert.site_id == site_id
        ]
        sharing = [
            Neighbour(site_id=other, why=f"the same incident: {row.what}")
            for row in rows
            if row.is_active
            for other in row.site_ids
            if other != site_id
        ]
        return troubles, sharing
