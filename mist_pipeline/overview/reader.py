"""Asking: one reader for every surface. It keeps the last good answer of each source and says how old it is."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import duckdb
import polars as pl

from mist_pipeline.alerts.lifecycle.model import ACTIVE
from mist_pipeline.alerts.lifecycle.observations import COLLECTOR, is_pipeline
from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.alerts.notify.matchers import Labels
from mist_pipeline.alerts.notify.silences import site_labels
from mist_pipeline.domain.site_names import display_names, unnamed
from mist_pipeline.domain.text import clean, duration
from mist_pipeline.domain.time_zones import zone_names
from mist_pipeline.overview import site_detail
from mist_pipeline.overview.files import Kept, settled, state_of
from mist_pipeline.overview.incidents import incident_detail, incident_rows
from mist_pipeline.overview.ledger import (
    NoLedgerError,
    UnreadableError,
    ledger_files,
    reading_ledger,
    told_machines,
)
from mist_pipeline.overview.model import (
    DAYS_STALE,
    CallsOfHour,
    IncidentDetail,
    IncidentNow,
    Now,
    PipelineNow,
    SiteDetail,
    SiteNow,
    Source,
)
from mist_pipeline.overview.morning import Morning, told
from mist_pipeline.overview.orders import chosen_sites
from mist_pipeline.overview.queries import DayFacts, LiveFacts, day_facts, hours_of, live_facts
from mist_pipeline.overview.shared import in_common
from mist_pipeline.overview.sites import hour_lists, incidents_by_site, named_groups, organisation, site_rows
from mist_pipeline.overview.wording import IN_TROUBLE, Found, why_untold

if TYPE_CHECKING:
    from mist_pipeline.alerts.ledger.sink_health import FailingSink

MOST_OVER = 50
"""Incidents that are over and that a list shows."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where answers come from.

    Attributes:
        published: The published copy.
        live: The published live tables.
        sites: The sites as they were last seen (Parquet).
        ledger: Path or address of the ledger.
        reports: Folder of the morning reports.
        interval: Between two polls.
        forecast_days: How far forecasts are graded.
        sink_patience: How long a message may wait before its sink counts as failing.
        sinks: Sinks that are configured.
        group_names: Id of a site group or template → its name.
        policy: How long what is over is remembered.
        zone: In which days begin and end.
        lines: Service level → the scores below which it is critical, major or a warning, by these names.
        has_several_machines: Whether several machines share the work.
        calls: Calls to the cloud in the hours before an instant, and why their count cannot be read, '' if it can.
    """

    published: Path
    live: Path
    sites: Path
    ledger: str | Path
    reports: Path
    interval: timedelta = timedelta(minutes=15)
    forecast_days: int = 3
    sink_patience: timedelta = timedelta(minutes=30)
    sinks: Collection[str] = ()
    group_names: Mapping[str, str] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    zone: tzinfo = UTC
    lines: Callable[[str], Mapping[str, float]] = lambda _metric: {}
    has_several_machines: bool = False
    calls: Callable[[datetime], tuple[Sequence[CallsOfHour], str]] = lambda _at: ((), "")


@dataclass(frozen=True, eq=False)
class _Sites:
    """What sites are called; also what the command line shows in their place."""

    names: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    labels: Mapping[str, Labels] = field(default_factory=dict)
    present: tuple[str, ...] = ()
    zones: Mapping[str, str] = field(default_factory=dict)

    def label(self, site_id: str, family: str = "") -> str:
        """What a site is called; without one the organisation, or the pipeline itself."""
        if not site_id:
            of_ours = family == COLLECTOR or is_pipeline(family)
            return "The pipeline" if of_ours else "The whole organisation"
        return self.names.get(site_id) or unnamed(site_id)


@dataclass(frozen=True)
class _Ledger:
    """What the ledger said last."""

    at: datetime
    active: tuple[IncidentNow, ...]
    over: tuple[IncidentNow, ...]
    last_evaluation: datetime | None
    waiting: int
    failing: Mapping[str, str]
    machines: str


class Overview:
    """The read model. Safe to use from several threads, one question at a time.

    Args:
        places: Where answers come from.
    """

    def __init__(self, places: Places) -> None:
        self._places = places
        self._lock = Lock()
        self._live: Kept[LiveFacts] = Kept(places.live)
        self._days: Kept[DayFacts] = Kept(places.published)
        self._live_hours: Kept[pl.DataFrame] = Kept(places.live)
        self._day_hours: Kept[pl.DataFrame] = Kept(places.published)
        self._sites = _Sites()
        self._sites_key: object = None
        self._rows: list[SiteNow] = []
        self._rows_key: object = None
        self._hit_rows: tuple[list[SiteNow], tuple[IncidentNow, ...], list[SiteNow]] = ([], (), [])
        self._ledger: _Ledger | None = None
        self._ledger_key: object = None
        self._ledger_trouble = ""
        self._is_ledger_unreadable = False

    def now(self, at: datetime) -> Now:
        """The organisation at an instant. Fails never: what cannot be read is said by the ages."""
        with self._lock:
            return self._now(at)

    @property
    def places(self) -> Places:
        """Where answers come from."""
        return self._places

    def zone_of(self, site_id: str) -> tzinfo:
        """The time zone of a site; the organisation's where that is not known."""
        with self._lock:
            self._read_sites()
            name = self._sites.zones.get(site_id) or ""
        return ZoneInfo(name) if name in zone_names() else self._places.zone

    def rows_of(self, found: Iterable[Found]) -> list[IncidentNow]:
        """Incidents of the ledger as lists show them."""
        with self._lock:
            self._read_sites()
            return incident_rows(found, self._sites)

    def version(self) -> str:
        """Of all that answers stand on: it is another one as soon as something is new. Cheap, and fails never."""
        places = self._places
        files = ledger_files(places.ledger)
        seen: list[object] = [
            state_of(path) for path in (places.live, places.published, places.sites, *files)
        ]
        if not files:
            try:
                with reading_ledger(places.ledger, places.policy) as opened:
                    seen.append(opened.newest_event())
            except UnreadableError:
                seen.append(None)
        return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]

    def labels(self) -> Mapping[str, Labels]:
        """Site → labels that matchers match."""
        with self._lock:
            self._read_sites()
            return self._sites.labels

    def site_names(self) -> Mapping[str, str]:
        """Site → what people call it, also of sites that are gone."""
        with self._lock:
            self._days.read(day_facts)
            self._read_sites()
            return self._sites.names

    def incidents(
        self, at: datetime, *, over: bool = False, most: int = MOST_OVER
    ) -> tuple[Source, list[IncidentNow]]:
        """Incidents that go on, or the newest that are over, with the age of the answer."""
        with self._lock:
            self._read_sites()
            self._read_ledger(at)
            known = self._ledger
            rows = () if known is None else known.over if over else known.active
            if over and most > MOST_OVER and not self._ledger_trouble:
                try:
                    with reading_ledger(self._places.ledger, self._places.policy) as ledger:
                        rows = tuple(incident_rows(ledger.newest_over(most), self._sites))
                except UnreadableError as error:
                    self._ledger_trouble = str(error)
                    self._is_ledger_unreadable = not isinstance(error, NoLedgerError)
            return self._ledger_source(), list(rows)

    def incident(self, incident_id: str, at: datetime) -> IncidentDetail:
        """One incident in full.

        Raises:
            NoSuchSubjectError: There is none of this id.
            UnreadableError: The ledger cannot be read.
        """
        with self._lock:
            now = self._now(at)
            sites = self._sites
        with reading_ledger(self._places.ledger, self._places.policy) as ledger:
            found, alerts, events = ledger.incident(incident_id)
            records = ledger.records(incident_id)
            sizes = ledger.impacts([incident_id]).get(incident_id, [])
        detail = incident_detail(found, alerts, events, records, sizes, sites, at)
        mine = set(detail.incident.site_ids)
        rows = chosen_sites((one for one in now.sites if one.site_id in mine), {}, "", "status")
        # Of thousands that are equally bad by their alerts, those that are worst now: some are drawn.
        place = {one.site_id: number for number, one in enumerate(rows)}
        series = sorted(detail.series, key=lambda one: place.get(one[0], len(place)))
        shared = in_common(sites.labels, detail.incident.site_ids)
        return replace(detail, sites=rows, series=series, shared=shared)

    def morning(self, since: datetime, until: datetime, at: datetime) -> Morning:
        """What is open, and what began and ended between two instants. Fails never: why nothing is known is in the answer.

        Args:
            since: After this instant something counts as new …
            until: … and up to this one.
            at: As of when this is asked. The ledger has no state but its newest: where that was evaluated later, as of then.
        """
        with self._lock:
            self._days.read(day_facts)
            self._read_sites()
            sites = self._sites
        try:
            with reading_ledger(self._places.ledger, self._places.policy) as ledger:
                active, over = ledger.incidents(ACTIVE), ledger.over_between(since, until)
                ids = [incident.incident_id for incident, _ in active]
                known = ledger.impacts(ids), ledger.tickets(ids), ledger.notified(ids)
                evaluated = ledger.last_evaluation()
        except NoLedgerError:
            return Morning(at=at, since=since, until=until)
        except UnreadableError as error:
            return Morning(at=at, since=since, until=until, trouble=clean(str(error), 240))
        return Morning(
            at=at if evaluated is None else max(at, evaluated),
            since=since,
            until=until,
            evaluated_at=evaluated,
            open=told(active, sites, *known),
            over=told(over, sites, {}, {}, {}),
        )

    def site(self, site_id: str, at: datetime) -> SiteDetail:
        """One site in full; of one that nobody knows only its id."""
        with self._lock:
            now = self._now(at)
            known = self._ledger
        row = next((one for one in now.sites if one.site_id == site_id), None) or SiteNow(
            site_id=site_id, label=self._sites.label(site_id), status="UNKNOWN", last_status="UNKNOWN"
        )
        mine = [one for one in (*(known.active if known else ()), *(known.over if known else ()))
                if site_id in one.site_ids]  # fmt: skip
        end = self._end() or at
        live: Kept[site_detail.LiveSite] = Kept(self._places.live)
        days: Kept[site_detail.DaySite] = Kept(self._places.published)
        today = live.read(lambda connection: site_detail.live_site(connection, site_id, end))
        past = days.read(lambda connection: site_detail.day_site(connection, site_id, end))
        return SiteDetail(
            at=at,
            live=replace(now.live, trouble=live.trouble or now.live.trouble),
            days=replace(now.days, trouble=days.trouble or now.days.trouble),
            ledger=now.ledger,
            site=row,
            metrics=site_detail.metrics(today, past, end, is_stale=now.live.is_stale(at)),
            classifiers=() if today is None else today.classifiers,
            findings=() if today is None else today.findings,
            incidents=mine,
            devices=() if past is None else past.devices,
            untold=self._untold(now, row, mine, today),
        )

    def _untold(
        self, now: Now, site: SiteNow, mine: Sequence[IncidentNow], today: site_detail.LiveSite | None
    ) -> str:
        """Why nobody is notified of a site; nothing where that cannot be known now."""
        is_known = today is not None and now.ledger.as_of is not None and not now.live.is_stale(now.at)
        if today is None or not is_known or any(one.is_active for one in mine):
            return ""
        evaluated, polled = now.pipeline.last_evaluation, now.live.as_of
        if evaluated is None or (polled is not None and evaluated < polled):
            return "The newest poll is not evaluated yet." if site.status in IN_TROUBLE else ""
        return why_untold(site.status, today.kinds, self._places.policy)

    def _now(self, at: datetime) -> Now:
        live, days = self._live.read(live_facts), self._days.read(day_facts)
        self._read_sites()
        self._read_ledger(at)
        stale_after = 2 * self._places.interval
        newest = None if live is None else live.as_of
        live_source = Source(
            name="live",
            as_of=newest,
            trouble=self._live.trouble,
            stale_after=stale_after,
            is_unreadable=self._live.is_unreadable,
        )
        days_source = Source(
            name="days",
            as_of=None if days is None else days.ends_at,
            trouble=self._days.trouble,
            stale_after=DAYS_STALE,
            is_unreadable=self._days.is_unreadable,
        )
        is_stale = live_source.is_stale(at)
        known = self._ledger
        active = known.active if known else ()
        # The files' answers are the same objects until a file is another one.
        key = (id(live), id(days), id(self._sites), is_stale)
        if key != self._rows_key:
            self._rows = site_rows(
                live,
                days,
                self._hours(live, days),
                self._sites.names,
                self._sites.groups,
                self._sites.present,
                is_stale=is_stale,
            )
            self._rows_key = key
        if self._hit_rows[0] is not self._rows or self._hit_rows[1] is not active:
            ids = incidents_by_site(active)
            hit = [
                replace(one, incident_ids=ids[one.site_id]) if one.site_id in ids else one
                for one in self._rows
            ]
            self._hit_rows = (self._rows, active, hit)
        rows = self._hit_rows[2]
        return Now(
            at=at,
            live=live_source,
            days=days_source,
            ledger=self._ledger_source(),
            organisation=organisation(rows, days),
            pipeline=PipelineNow(
                last_poll=newest,
                next_poll=next_poll(at, self._places.interval),
                is_late=is_stale,
                last_evaluation=known.last_evaluation if known else None,
                waiting=known.waiting if known else 0,
                failing=known.failing if known else {},
                machines=known.machines if known else "",
            ),
            sites=rows,
            incidents=active,
            labels=self._sites.labels,
        )

    def _end(self) -> datetime | None:
        """When the hours of the short history end: after the running hour of the newest poll, else of the newest day."""
        live, days = self._live.value, self._days.value
        if live is not None and live.as_of is not None:
            return live.as_of.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        return None if days is None else days.ends_at

    def _hours(self, live: LiveFacts | None, days: DayFacts | None) -> dict[str, tuple[float | None, ...]]:
        end = self._end()
        if end is None or live is None:
            return {}
        wanted = live.sites.filter(pl.col("metric") != "")
        also = (id(live), end)

        def load(schema: str) -> Callable[[duckdb.DuckDBPyConnection], pl.DataFrame]:
            return lambda connection: hours_of(connection, schema, wanted, end)

        today = self._live_hours.read(load("live"), also=also)
        before = None if days is None else self._day_hours.read(load("history"), also=also)
        frames = [frame for frame in (before, today) if frame is not None]
        # What was polled last is newer than what the day's partition says.
        return hour_lists(pl.concat(frames), end) if frames else {}

    def _read_sites(self) -> None:
        """Names, groups and labels; those of an unreadable file stay as they were."""
        days = self._days.value
        try:
            known = self._places.sites.stat()
            key: object = (known.st_ino, known.st_mtime_ns, id(days))
            if key == self._sites_key:
                return
            frame = pl.read_parquet(self._places.sites)
        except (OSError, pl.exceptions.PolarsError):
            if days is not None and not self._sites.names:
                self._sites = _Sites(names=dict(days.names.iter_rows()))
            return
        names = self._places.group_names
        gone = {} if days is None else dict(days.names.iter_rows())
        present = display_names(dict(frame.select("site_id", "name").iter_rows()))
        groups = {
            site_id: named_groups(names.get(one, one) for one in ids or ())
            for site_id, ids in frame.select("site_id", "sitegroup_ids").iter_rows()
        }
        zones = dict(frame.select("site_id", "timezone").iter_rows())
        self._sites = _Sites({**gone, **present}, groups, site_labels(frame, names), tuple(present), zones)
        self._sites_key = key

    def _read_ledger(self, at: datetime) -> None:
        # Thousands of alerts take a while: they are read again once the ledger was written, or sites have other names.
        key = settled(ledger_files(self._places.ledger)), self._sites
        known = self._ledger if key[0] is not None and key == self._ledger_key else None
        try:
            with reading_ledger(self._places.ledger, self._places.policy) as ledger:
                active = (
                    known.active if known else tuple(incident_rows(ledger.incidents(ACTIVE), self._sites))
                )
                over = (
                    known.over if known else tuple(incident_rows(ledger.newest_over(MOST_OVER), self._sites))
                )
                evaluated = ledger.last_evaluation()
                waiting = ledger.waiting_messages()
                failing = ledger.failing_sinks(at, self._places.sink_patience)
                machines = told_machines(ledger) if self._places.has_several_machines else ""
        except UnreadableError as error:
            self._ledger_trouble = str(error)
            self._is_ledger_unreadable = not isinstance(error, NoLedgerError)
            return
        self._ledger_trouble, self._is_ledger_unreadable = "", False
        self._ledger_key = key
        self._ledger = _Ledger(
            at=at,
            active=active,
            over=over,
            last_evaluation=evaluated,
            waiting=sum(waiting.values()),
            failing={
                one.sink: _failure(one, at)
                for one in failing
                if not self._places.sinks or one.sink in self._places.sinks
            },
            machines=machines,
        )

    def _ledger_source(self) -> Source:
        known = self._ledger
        return Source(
            name="ledger",
            as_of=known.at if known else None,
            trouble=self._ledger_trouble,
            is_unreadable=self._is_ledger_unreadable,
        )


def _failure(one: "FailingSink", at: datetime) -> str:
    """Since when a sink fails, and why where it said so."""
    words = f"fails for {duration(max(at - one.since, timedelta(0)))}"
    return clean(f"{words}: {one.error}" if one.error else words, 160)


def next_poll(now: datetime, interval: timedelta) -> datetime:
    """When the schedule polls next: at full multiples of the interval after the hour.

    >>> from datetime import UTC
    >>> next_poll(datetime(2026, 3, 2, 9, 47, 10, tzinfo=UTC), timedelta(minutes=15)).isoformat()
    '2026-03-02T10:00:00+00:00'
    """
    hour = now.replace(minute=0, second=0, microsecond=0)
    return hour + interval * ((now - hour) // interval + 1)
