"""Asking about the past: the published copy, the live tables and the ledger, without waiting for any writer."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from datetime import date, datetime, tzinfo
from pathlib import Path
from threading import Lock
from typing import TypeVar

import duckdb

from mist_pipeline.domain.text import clean
from mist_pipeline.overview.files import Kept
from mist_pipeline.overview.ledger import UnreadableError, reading_ledger
from mist_pipeline.overview.model import IncidentNow
from mist_pipeline.overview.past import across, graded, rightness, work
from mist_pipeline.overview.past import site as one_site
from mist_pipeline.overview.past.across import MetricAcross, MetricNow, SiteScore
from mist_pipeline.overview.past.graded import Scorecard
from mist_pipeline.overview.past.model import Neighbour, SitePast, Trouble, Values
from mist_pipeline.overview.past.ranges import Period
from mist_pipeline.overview.past.reports import Reports
from mist_pipeline.overview.past.rightness import Rightness
from mist_pipeline.overview.past.work import Work
from mist_pipeline.overview.reader import Overview

T = TypeVar("T")
_MOST_KEPT = 24
"""Answers about all sites that are kept until something is new."""


class Past:
    """The read model of what was. Safe to use from several threads.

    Args:
        overview: The read model of what is: it knows the places, and what sites are called.
    """

    def __init__(self, overview: Overview) -> None:
        self._overview = overview
        self._places = overview.places
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, MetricAcross] = OrderedDict()

    @property
    def zone(self) -> tzinfo:
        """In which days begin and end."""
        return self._places.zone

    def period(self, name: str, at: datetime) -> Period:
        """A range that ends now, in days of the organisation."""
        return Period.of(name, at, self._places.zone)

    def lines(self, metric: str) -> dict[str, float]:
        """Scores below which a service level is critical, major or a warning."""
        return dict(self._places.lines(metric))

    def site(self, site_id: str, period: Period, *, is_brief: bool = False) -> SitePast:
        """One site over a range; empty where nobody knows of it. Fails never: what cannot be read is said.

        Args:
            site_id: Which.
            period: The range.
            is_brief: Only its service levels, with what is usual, the forecast and alerts.
        """
        zone = self._overview.zone_of(site_id)
        past, why = self._read(
            self._places.published,
            lambda it: one_site.past_rows(it, site_id, period, zone, is_brief=is_brief),
        )
        live, _unread = self._read(
            self._places.live, lambda it: one_site.live_rows(it, site_id, period, is_brief=is_brief)
        )
        troubles, sharing = self._incidents(site_id, period, is_brief=is_brief)
        return one_site.put_together(
            period,
            past or one_site.Read(),
            live or one_site.Read(),
            zone,
            trouble=why,
            sharing=sharing,
            troubles=troubles,
        )

    def metrics(self) -> tuple[list[MetricNow], str]:
        """Every service level in a line, by title, and why they could not be read; of the newest poll, else of the newest day."""
        found, why = self._read(self._places.live, lambda it: across.summary(it, "live"))
        if not found:
            found, why = self._read(self._places.published, lambda it: across.summary(it, "history"))
        return sorted(found or [], key=lambda one: one_site.in_order(one.metric)), why

    def scores(self, metric: str) -> Mapping[str, SiteScore]:
        """Site → a service level as it is now; without a poll as the newest day had it."""
        return {one.site_id: one for one in self._scores(metric)[0]}

    def metric(self, metric: str, period: Period, at: datetime) -> MetricAcross:
        """One service level across sites over a range. Fails never: what cannot be read is said."""
        key = (metric, period.name, period.begin, at.date(), self._overview.version())
        with self._lock:
            if key not in self._kept:
                self._kept[key] = self._metric(metric, period, at)
            self._kept.move_to_end(key)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
            return self._kept[key]

    def _metric(self, metric: str, period: Period, at: datetime) -> MetricAcross:
        line = self.lines(metric).get("critical", 0.0)
        week = self.period("7d", at)
        past, why = self._read(
            self._places.published, lambda it: across.hours(it, "history", metric, week, line)
        )
        live, _unread = self._read(self._places.live, lambda it: across.hours(it, "live", metric, week, line))
        rows = [*(past or []), *(live or [])]
        if period.is_hourly:
            drawn = across.by_slot(rows, period)
        else:
            daily, _why = self._read(self._places.published, lambda it: across.days(it, metric, period, line))
            drawn = across.by_slot(daily or [], period)
        sites, trouble = self._scores(metric)
        return MetricAcross(
            metric=metric,
            period=period,
            trouble=why or trouble,
            sites=sites,
            heat=across.heat(rows, at, self._places.zone),
            **drawn,
        )

    def work(self, at: datetime) -> Work:
        """The pipeline's own work in the last 30 days. Fails never: what cannot be read is said."""
        period = self.period("30d", at)
        days, why = self._read(self._places.published, lambda it: work.covered(it, period))
        calls, no_calls = self._places.calls(at)
        nothing: dict[str, Values] = {}
        covered = days or nothing
        found = Work(
            period=period,
            with_readings=covered.get("with_readings", ()),
            without=covered.get("without", ()),
            hours=covered.get("hours", ()),
            days_trouble=why,
            calls=calls,
            calls_trouble=clean(no_calls, 160),
        )
        try:
            with reading_ledger(self._places.ledger, self._places.policy) as ledger:
                states, given_up = work.sinks(ledger, list(self._places.sinks))
        except UnreadableError as error:
            return replace(found, ledger_trouble=clean(str(error), 160))
        return replace(found, sinks=states, given_up=given_up)

    def scorecard(self) -> Scorecard | None:
        """The scorecard in sentences, as the command and the morning page tell it; None where nothing was graded, or can be read."""
        found, _why = self._read(
            self._places.published, lambda it: graded.scorecard(it, self._places.forecast_days)
        )
        return found

    def rightness(self, period: Period, metric: str = "") -> Rightness:
        """The scorecard over days, of one service level or of all. Fails never: what cannot be read is said."""
        found, why = self._read(self._places.published, lambda it: rightness.asked(it, period, metric))
        if found is not None:
            return found
        nothing: Values = (None,) * period.number
        return Rightness(
            period=period, trouble=why, inside_80=nothing, inside_95=nothing, said=nothing, came=nothing
        )

    @property
    def reports(self) -> Reports:
        """The morning reports that are kept."""
        return Reports(self._places.reports)

    def health(self, first: date, last: date) -> dict[date, float]:
        """Day → mean health of its sites, of the days that have one."""
        found, _why = self._read(
            self._places.published,
            lambda it: it.execute(
                "SELECT day, avg(score) FROM analysis.health_scores WHERE day BETWEEN ? AND ? GROUP BY day "
                "HAVING avg(score) IS NOT NULL",
                [first, last],
            ).fetchall(),
        )
        return dict(found or [])

    def _scores(self, metric: str) -> tuple[list[SiteScore], str]:
        live, _unread = self._read(self._places.live, lambda it: across.newest(it, metric))
        past, why = self._read(self._places.published, lambda it: across.before(it, metric))
        return across.scores(live or None, past or {}), why

    def _read(self, path: Path, load: Callable[[duckdb.DuckDBPyConnection], T]) -> tuple[T | None, str]:
        kept: Kept[T] = Kept(path)
        found = kept.read(load)
        return found, kept.trouble

    def _incidents(
        self, site_id: str, period: Period, *, is_brief: bool
    ) -> tuple[list[Trouble], list[Neighbour]]:
        """Alerts of the site in the range, and, where that is asked, the sites that its present incidents hit, too."""
        try:
            with reading_ledger(self._places.ledger, self._places.policy) as ledger:
                found = ledger.of_site(site_id, period.begin, others=not is_brief)
        except UnreadableError:
            # The page says it beside its list of incidents.
            return [], []
        rows: list[IncidentNow] = [] if is_brief else self._overview.rows_of(found)
        troubles = [
            Trouble(
                metric=alert.metric,
                begin=alert.began_at or alert.opened_at or incident.opened_at,
                # Bad until its last bad hour, however long nobody looked before it was resolved.
                end=alert.last_bad_at or alert.resolved_at,
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
