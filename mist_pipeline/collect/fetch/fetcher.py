"""Carry out a plan: send its calls, check every document, keep it in the raw store.

A fetch is whole or it fails: nothing is committed for a kind while one of its requests has no answer. What did arrive
stays in the store's unfinished folder, and the next attempt asks only for the rest. What is worth asking is decided in
``plan``, how to send and repeat in ``mist.client``, what the answers mean in ``collect.history``.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

from mist_pipeline.collect.fetch.impact_days import SHARE_OF_REST, ImpactDays
from mist_pipeline.collect.fetch.organisation import organisation_frame, worst_first
from mist_pipeline.collect.fetch.plan import WINDOW_STEPS, JsonValue, Known, Plan, Purpose, Request
from mist_pipeline.collect.fetch.range_limits import RangeLimits
from mist_pipeline.collect.raw.errors import FetchFailedError, RawDamagedError
from mist_pipeline.collect.raw.format import Header, Record
from mist_pipeline.collect.raw.generation import Generation
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.domain.metrics import CATALOGUE
from mist_pipeline.mist import endpoints
from mist_pipeline.mist.endpoints import Call
from mist_pipeline.mist.errors import MistError, NotSupported, UnexpectedShape
from mist_pipeline.mist.page import Page
from mist_pipeline.mist.parsers import (
    SleSummary,
    parse_alarms,
    parse_sites,
    parse_sites_sle,
    parse_sle_metrics,
    parse_sle_summary,
    parse_stats_devices,
    parse_stats_sites,
)

Lane = Literal["batch", "live"]
SnapshotKind = Literal["sites", "stats_sites", "devices"]
Progress = Callable[[int, int], None]

SPELLINGS = "sle_metrics"
"""Snapshot kind that holds which metrics the sites have."""

_KINDS: dict[Purpose, str] = {"organisation": "sle_org", "detail": "sle_detail", "alarms": "alarms"}


class Client(Protocol):
    """What this room needs of ``mist.client.MistClient``."""

    def fetch_many(
        self, calls: Iterable[Call], *, lane: Lane = "batch"
    ) -> Iterator[tuple[Call, list[Page] | MistError]]:
        """Many calls, each with its pages or its error, in the order in which they finish."""
        ...


@dataclass(frozen=True)
class Origin:
    """Who asks: recorded with every answer.

    Attributes:
        org_id: The organisation.
        client_version: Name and version of the client, as in raw files.
        lane: ``live`` keeps its raw files apart: they hold parts of a day and must never replace a whole one.
    """

    org_id: str
    client_version: str
    lane: Lane = "batch"

    def kind(self, purpose: Purpose) -> str:
        """The raw kind of this purpose's answers."""
        return kind_of(purpose, self.lane)


@dataclass
class Spent:
    """What a fetch did.

    Attributes:
        days: Days committed, by raw kind.
        calls: Pages received.
        reused: Requests answered by an interrupted earlier attempt.
        not_supported: Site-metric windows that the site does not have.
        narrowed: Detail windows asked again in shorter pieces because their buckets were wider than an hour.
        window_hours: Longest detail window that gave hourly buckets, as far as is known now.
        spellings: What is known of the sites' metric names now (``plan.Known.spellings``).
        impact_days: Single days of a site and metric asked for once more, to learn who was hit.
    """

    plan: Plan
    days: dict[str, list[date]] = field(default_factory=dict)
    calls: int = 0
    reused: int = 0
    not_supported: int = 0
    narrowed: int = 0
    window_hours: int = 0
    spellings: dict[str, Mapping[str, str | None]] = field(default_factory=dict)
    impact_days: int = 0

    def summary(self) -> dict[str, JsonValue]:
        """Planned, spent and left out, for the metadata of an asset."""
        return {
            **self.plan.summary(),
            "calls_spent": self.calls,
            "requests_reused": self.reused,
            "not_supported": self.not_supported,
            "windows_narrowed": self.narrowed,
            "window_hours": self.window_hours,
            "impact_days": self.impact_days,
        }


def kind_of(purpose: Purpose, lane: Lane = "batch") -> str:
    """The raw kind that holds the answers of a purpose: ``sle_detail``, ``live_sle_org`` and so on."""
    return f"live_{_KINDS[purpose]}" if lane == "live" else _KINDS[purpose]


def fetch_plan(
    plan: Plan, client: Client, store: RawStore, origin: Origin, progress: Progress | None = None
) -> Spent:
    """Ask everything that the plan holds and commit it kind by kind: alarms, organisation, detail.

    A triage plan without a given order takes the detail of the sites that the organisation's fresh scores show worst.

    Args:
        plan: What to ask.
        client: Sends the calls.
        store: Where answers go.
        origin: Who asks.
        progress: Called with requests answered and requests known, from this thread.

    Raises:
        FetchFailedError: Requests of one kind have no answer. Kinds before it are committed, the rest is kept for the next
            attempt.
        Unauthorized: A token was refused.
        RawBusyError: Another process fetches the same.
    """
    run = _Run(plan, client, store, origin, progress)
    run.stage("alarms")
    run.stage("organisation")
    run.discover()
    run.stage("detail")
    return run.spent


def fetch_snapshot(
    kind: SnapshotKind, client: Client, store: RawStore, origin: Origin, as_of: datetime
) -> Path:
    """Ask for one "now only" kind and keep it under the run's instant.

    Raises:
        MistError: It was not answered; nothing is kept.
    """
    call, check = {
        "sites": (endpoints.org_sites(origin.org_id), parse_sites),
        "stats_sites": (endpoints.stats_sites(origin.org_id), parse_stats_sites),
        "devices": (endpoints.stats_devices(origin.org_id), parse_stats_devices),
    }[kind]
    [(_, pages)] = client.fetch_many([call], lane=origin.lane)
    if isinstance(pages, MistError):
        raise pages
    check(*(page.document for page in pages))
    records = [_record(page, kind, {"purpose": kind}, as_of, origin) for page in pages]
    return store.write_snapshot(kind, records, as_of)


def known_spellings(
    store: RawStore, as_of: datetime, *, refresh_after: timedelta = timedelta(days=7)
) -> dict[str, Mapping[str, str | None]]:
    """Advertised metric names by site, from what was asked in the last days (the newest wins)."""
    known: dict[str, Mapping[str, str | None]] = {}
    for snapshot in store.snapshots(SPELLINGS, as_of - refresh_after, as_of + timedelta(microseconds=1)):
        try:
            records = store.read_snapshot(snapshot)
        except RawDamagedError:
            continue  # its sites are asked again
        for record in records:
            known[record.header.request["site_id"]] = _spellings(record.document())
    return known


def what_is_known(store: RawStore, as_of: datetime) -> Known:
    """What earlier fetches learnt about this cloud: metric names of the sites, and how long a detail window may be."""
    newest = store.latest(kind_of("detail"))
    hours = newest.notes.get("window_hours") if newest else None
    return Known(window_hours=hours or WINDOW_STEPS[0], spellings=known_spellings(store, as_of))


class _Run:
    """One execution of a plan."""

    def __init__(
        self, plan: Plan, client: Client, store: RawStore, origin: Origin, progress: Progress | None
    ) -> None:
        self._client = client
        self._store = store
        self._origin = origin
        self._progress = progress
        self._answered = 0
        self._range_limits = RangeLimits(plan.known.window_hours, plan.ask.zone)
        self._impact_days = ImpactDays(plan.ask.zone)
        self.spent = Spent(plan, window_hours=plan.known.window_hours, spellings=dict(plan.known.spellings))

    @property
    def _plan(self) -> Plan:
        return self.spent.plan

    @property
    def _as_of(self) -> datetime:
        return self._plan.ask.now

    def stage(self, purpose: Purpose) -> None:
        """Fetch and commit all requests of one purpose."""
        requests = self._plan.of(purpose)
        if not requests:
            return
        kind = self._origin.kind(purpose)
        with self._store.generation(kind, self._plan.ask.days, self._as_of) as generation:
            keys, failures = self._answer(requests, generation)
            if failures:
                raise FetchFailedError(kind, failures)
            if purpose == "detail":
                keys |= self._who_was_hit(generation)
            if purpose == "organisation" and self._plan.spare:
                ranked = worst_first(organisation_frame(generation.records()))
                self.spent.plan = self._plan.deepen(ranked)
            self.spent.days[kind] = generation.commit(keys, self.spent.summary())

    def _who_was_hit(self, generation: Generation) -> set[str]:
        """Ask once more for the worst single days of windows of several; nothing depends on an answer."""
        available = self._plan.budget.now
        spare = None if available is None else int((available - self._plan.cost) * SHARE_OF_REST)
        asked = self._impact_days.requests(spare, self._plan.ask.now_epoch)
        keys, failures = self._answer(asked, generation)
        left_out = self._impact_days.left_out(asked[: len(asked) - len(failures)])
        self.spent.plan = replace(self._plan, left_out=(*self._plan.left_out, *left_out))
        self.spent.impact_days = len(asked) - len(failures)
        return keys

    def discover(self) -> None:
        """Ask the sites of the plan's detail which metrics they have, and keep the answers as a snapshot."""
        sites = self._plan.discover
        if not sites:
            return
        failures, records = [], []
        for call, pages in self._client.fetch_many(map(endpoints.sle_metrics, sites), lane=self._origin.lane):
            self._advance()
            try:
                records.append(self._discovered(call.site_id, _checked(pages)))
            except MistError as error:
                failures.append((f"metrics of site {call.site_id}", error))
        if failures:
            raise FetchFailedError(SPELLINGS, failures)
        self._store.write_snapshot(SPELLINGS, records, self._as_of)

    def _discovered(self, site_id: str, pages: list[Page]) -> Record:
        self.spent.calls += len(pages)
        self.spent.spellings[site_id] = _spellings(pages[0].document)
        return _record(
            pages[0], site_id, {"purpose": SPELLINGS, "site_id": site_id}, self._as_of, self._origin
        )

    def _answer(
        self, requests: Iterable[Request], generation: Generation
    ) -> tuple[set[str], list[tuple[str, MistError]]]:
        """Answers of all requests, in waves: windows that came back too wide are asked again in pieces."""
        queue = deque(requests)
        keys: set[str] = set()
        failures: list[tuple[str, MistError]] = []
        while queue:
            sent: dict[Call, Request] = {}
            for call, result in self._client.fetch_many(
                self._calls(queue, generation, keys, sent), lane=self._origin.lane
            ):
                request = sent.pop(call)
                try:
                    queue.extendleft(reversed(self._keep(request, result, generation)))
                    keys.add(request.key)
                except MistError as error:
                    failures.append((_described(request), error))
                self._advance()
        return keys, failures

    def _calls(
        self, queue: deque[Request], generation: Generation, keys: set[str], sent: dict[Call, Request]
    ) -> Iterator[Call]:
        while queue:
            request = queue.popleft()
            if request.purpose == "detail" and (pieces := self._range_limits.cut(request)):
                queue.extendleft(reversed(pieces))
                continue
            earlier = generation.header(request.key)
            if earlier is not None:
                self.spent.reused += 1
                keys.add(request.key)
                queue.extendleft(reversed(self._learn(request, earlier.request.get("interval", 0))))
                self._advance()
                continue
            call = self._call(request)
            if call is None:
                self._refuse(request, generation)
                keys.add(request.key)
                self._advance()
                continue
            sent[call] = request
            yield call

    def _call(self, request: Request) -> Call | None:
        if request.purpose == "alarms":
            return endpoints.alarms(self._origin.org_id, request.start, request.end)
        if request.group is not None:
            return endpoints.sites_sle(self._origin.org_id, request.group, request.start, request.end)
        spelling = self.spent.spellings.get(request.site_id, {}).get(request.metric)
        if spelling is None:
            return None
        return endpoints.sle_summary(request.site_id, spelling, request.start, request.end)

    def _keep(
        self, request: Request, result: list[Page] | MistError, generation: Generation
    ) -> list[Request]:
        """Write an answer; the pieces to ask for if its buckets are too wide."""
        if isinstance(result, NotSupported):
            self._refuse(request, generation)
            return []
        pages = _checked(result)
        asked = _asked(request)
        documents = [page.document for page in pages]
        if request.purpose == "detail":
            answers = [_detail(request, document) for document in documents]
            asked["interval"] = max(answer.interval for answer in answers)
            if self._origin.lane == "batch":
                for answer in answers:
                    self._impact_days.saw(request, answer)
        elif request.purpose == "organisation":
            parse_sites_sle(*documents)
        else:
            parse_alarms(*documents)
        generation.write([_record(page, request.key, asked, self._as_of, self._origin) for page in pages])
        self.spent.calls += len(pages)
        return self._learn(request, asked.get("interval", 0))

    def _refuse(self, request: Request, generation: Generation) -> None:
        header = Header(
            key=request.key,
            request=_asked(request),
            number=0,
            as_of=self._as_of,
            requested_at=self._as_of,
            received_at=self._as_of,
            client_version=self._origin.client_version,
            outcome="not_supported",
        )
        generation.write([Record(header, b"null")])
        self.spent.not_supported += 1

    def _learn(self, request: Request, interval: float) -> list[Request]:
        if request.purpose != "detail":
            return []
        pieces = self._range_limits.saw(request, interval)
        self.spent.narrowed += bool(pieces)
        self.spent.window_hours = self._range_limits.window_hours
        return pieces

    def _advance(self) -> None:
        self._answered += 1
        if self._progress is not None:
            known = len(self._plan.requests) + len(self._plan.discover) + self.spent.narrowed
            self._progress(self._answered, max(known, self._answered))


def _checked(result: list[Page] | MistError) -> list[Page]:
    if isinstance(result, MistError):
        raise result
    return result


def _detail(request: Request, document: Any) -> SleSummary:
    summary = parse_sle_summary(document)
    if summary.metric not in (None, request.metric):
        raise UnexpectedShape(
            f"asked for {request.metric}, the answer is about {summary.name!r}",
            where="sle.name",
            endpoint="sle_summary",
        )
    return summary


def _spellings(document: Any) -> dict[str, str | None]:
    """Canonical name → spelling to ask for, None for a metric that the site does not have.

    A site that lists nothing at all is asked by the catalogue's own names.
    """
    advertised = parse_sle_metrics(document)
    if not advertised.enabled and not advertised.supported:
        return {metric: metric for metric in CATALOGUE}
    return {metric: advertised.spellings.get(metric) for metric in CATALOGUE}


def _asked(request: Request) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "purpose": request.purpose,
        "start": request.start,
        "end": request.end,
        "days": [day.isoformat() for day in request.days],
    }
    optional = {"site_id": request.site_id, "metric": request.metric, "group": request.group}
    return asked | {name: value for name, value in optional.items() if value}


def _described(request: Request) -> str:
    subject = " ".join(
        filter(None, (request.metric, request.group, request.site_id and f"of site {request.site_id}"))
    )
    days = f"{request.days[0]}" if len(request.days) == 1 else f"{request.days[0]} to {request.days[-1]}"
    return f"{request.purpose} {subject} {days}".replace("  ", " ")


def _record(page: Page, key: str, asked: Mapping[str, Any], as_of: datetime, origin: Origin) -> Record:
    header = Header(
        key=key,
        request={**asked, "path": page.url_path},
        number=page.number,
        as_of=as_of,
        requested_at=page.requested_at,
        received_at=page.received_at,
        client_version=origin.client_version,
    )
    return Record(header, page.body)
