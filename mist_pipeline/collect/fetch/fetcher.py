"""Carry out a plan: send its calls, check every document, keep it in the raw store.

Sources degrade alone: a request without an answer is kept as such, which makes its readings ``missing``, and the others count
(`shortfall`). A fetch fails where most of the organisation's scores are missing, and where somebody will try again soon; what did
arrive then stays in the store's unfinished folder, and the next attempt asks only for the rest. What is worth asking is decided
in ``plan``, how to send and repeat in ``mist.client``, what the answers mean in ``collect.history``.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Protocol

from mist_pipeline.collect.fetch.audit_pages import without_people
from mist_pipeline.collect.fetch.days import day_bounds
from mist_pipeline.collect.fetch.impact_days import SHARE_OF_REST, ImpactDays
from mist_pipeline.collect.fetch.organisation import organisation_frame, worst_first
from mist_pipeline.collect.fetch.plan import JsonValue, Plan, Purpose, Request
from mist_pipeline.collect.fetch.range_limits import RangeLimits
from mist_pipeline.collect.fetch.records import Lane, Origin, asked_for, nothing, record_of
from mist_pipeline.collect.fetch.shortfall import Shortfall, Unanswered, described, is_too_little, may_heal
from mist_pipeline.collect.fetch.spellings import SPELLINGS, spellings_of
from mist_pipeline.collect.raw.errors import FetchFailedError
from mist_pipeline.collect.raw.format import Record
from mist_pipeline.collect.raw.generation import Generation
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.mist import endpoints
from mist_pipeline.mist.endpoints import Call
from mist_pipeline.mist.errors import (
    BadRequest,
    Forbidden,
    MistError,
    NotFound,
    NotSupported,
    TransientFailure,
    UnexpectedShape,
)
from mist_pipeline.mist.page import Page
from mist_pipeline.mist.parsers import (
    Oddities,
    SleSummary,
    parse_alarms,
    parse_audit_logs,
    parse_sites_sle,
    parse_sle_summary,
)

Progress = Callable[[int, int], None]


class Client(Protocol):
    """What this room needs of ``mist.client.MistClient``."""

    def fetch_many(
        self, calls: Iterable[Call], *, lane: Lane = "batch"
    ) -> Generator[tuple[Call, list[Page] | MistError], None, None]:
        """Many calls, each with its pages or its error, in the order in which they finish."""
        ...


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
        shortfall: What is missing.
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
    shortfall: Shortfall = field(default_factory=Shortfall)

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
            **self.shortfall.summary(),
        }


def fetch_plan(
    plan: Plan,
    client: Client,
    store: RawStore,
    origin: Origin,
    progress: Progress | None = None,
    *,
    is_tried_again: bool = False,
) -> Spent:
    """Ask everything that the plan holds and commit it kind by kind: alarms, changes, organisation, detail.

    A triage plan without a given order takes the detail of the sites that the organisation's fresh scores show worst.

    Args:
        plan: What to ask.
        client: Sends the calls.
        store: Where answers go.
        origin: Who asks.
        progress: Called with requests answered and requests known, from this thread.
        is_tried_again: Somebody starts again what fails for now: better no answer yet than one that lacks what may heal.

    Raises:
        FetchFailedError: Too many requests of a kind have no answer, or some that is worth another attempt. Kinds before it are
            committed, the rest is kept for the next attempt.
        Unauthorized: A token was refused.
        RawBusyError: Another process fetches the same.
    """
    run = _Run(plan, client, store, origin, progress, is_tried_again=is_tried_again)
    run.stage("alarms")
    run.stage("changes")
    run.stage("organisation")
    run.discover()
    run.stage("detail")
    return run.spent


class _Run:
    """One execution of a plan."""

    def __init__(
        self,
        plan: Plan,
        client: Client,
        store: RawStore,
        origin: Origin,
        progress: Progress | None,
        *,
        is_tried_again: bool,
    ) -> None:
        self._client = client
        self._store = store
        self._origin = origin
        self._progress = progress
        self._is_tried_again = is_tried_again
        self._unnamed: dict[str, MistError] = {}
        """Site → why it is not known what it calls its metrics."""
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
            asked = self._answer(requests, generation)
            failures = asked.failures
            self._refuse_or_note(kind, purpose, len(requests), failures)
            if self._has_more(kind, failures) or not asked.keys:
                return
            if purpose == "detail":
                asked.keys |= self._who_was_hit(generation)
            if purpose == "organisation" and self._plan.spare:
                ranked = worst_first(organisation_frame(generation.records()))
                self.spent.plan = self._plan.deepen(ranked)
            if purpose not in ("alarms", "changes"):  # of these a day without an answer has no files
                for failure in failures:
                    self._keep_nothing(failure.request, generation, "unanswered")
                    asked.keys.add(failure.request.key)
            self.spent.days[kind] = generation.commit(asked.keys, self.spent.summary())

    def _refuse_or_note(
        self, kind: str, purpose: Purpose, requests: int, failures: Sequence[Unanswered]
    ) -> None:
        if is_too_little(purpose, requests, failures) or (self._is_tried_again and may_heal(failures)):
            raise FetchFailedError(kind, described(failures))
        if purpose == "changes" and failures and all(isinstance(one.error, Forbidden) for one in failures):
            self.spent.shortfall.not_allowed.add(kind)
        else:
            self.spent.shortfall.lacks(kind, failures)

    def _has_more(self, kind: str, failures: Sequence[Unanswered]) -> bool:
        """Whether an earlier fetch of whole days lacks less than this one: then it goes on counting."""
        if not failures or self._origin.lane == "live":
            return False
        detailed = len({request.site_id for request in self._plan.of("detail")})
        for day in {day for each in failures for day in each.request.days}:
            earlier = self._store.newest(kind, day)
            if earlier is None or earlier.as_of.timestamp() < day_bounds(day, self._plan.ask.zone)[1]:
                return False
            lacked = earlier.notes.get("unanswered", {}).get(kind, 0)
            if lacked >= len(failures) or earlier.notes.get("num_sites_detailed", detailed) < detailed:
                return False
        self.spent.shortfall.kept.add(kind)
        return True

    def _who_was_hit(self, generation: Generation) -> set[str]:
        """Ask once more for the worst single days of windows of several; nothing depends on an answer."""
        available = self._plan.budget.now
        spare = None if available is None else int((available - self._plan.cost) * SHARE_OF_REST)
        wanted = self._impact_days.requests(spare, self._plan.ask.now_epoch)
        asked = self._answer(wanted, generation)
        answered = wanted[: len(wanted) - len(asked.failures)]
        left_out = self._impact_days.left_out(answered)
        self.spent.plan = replace(self._plan, left_out=(*self._plan.left_out, *left_out))
        self.spent.impact_days = len(answered)
        return asked.keys

    def discover(self) -> None:
        """Ask the sites of the plan's detail which metrics they have, and keep the answers as a snapshot."""
        sites = self._plan.discover
        if not sites:
            return
        records = []
        for call, pages in self._client.fetch_many(map(endpoints.sle_metrics, sites), lane=self._origin.lane):
            self._advance()
            try:
                records.append(self._discovered(call.site_id, checked(pages)))
            except MistError as error:
                self._unnamed[call.site_id] = error
        failures = [(f"metrics of site {site}", error) for site, error in self._unnamed.items()]
        if self._is_tried_again and any(isinstance(error, TransientFailure) for _, error in failures):
            raise FetchFailedError(SPELLINGS, failures)
        if records:
            self._store.write_snapshot(SPELLINGS, records, self._as_of)

    def _discovered(self, site_id: str, pages: list[Page]) -> Record:
        self.spent.calls += len(pages)
        self.spent.spellings[site_id] = spellings_of(pages[0].document)
        return record_of(
            pages[0], site_id, {"purpose": SPELLINGS, "site_id": site_id}, self._as_of, self._origin
        )

    def _answer(self, requests: Iterable[Request], generation: Generation) -> "_Asked":
        """Answers of all requests, in waves: windows that came back too wide are asked again in pieces."""
        asked = _Asked(deque(requests))
        while asked.queue:
            sent: dict[Call, Request] = {}
            for call, result in self._client.fetch_many(
                self._calls(asked, generation, sent), lane=self._origin.lane
            ):
                request = sent.pop(call)
                try:
                    if isinstance(result, NotSupported):
                        asked.doubted.append(request)
                    else:
                        asked.queue.extendleft(reversed(self._keep(request, result, generation)))
                        asked.keys.add(request.key)
                except MistError as error:
                    asked.failures.append(Unanswered(request, error))
                self._advance()
        self._settle(asked, generation)
        return asked

    def _settle(self, asked: "_Asked", generation: Generation) -> None:
        """Tell metrics that a site does not have from those of a site that is gone, which answers alike.

        A site that vanished while we asked refuses metrics that it had; only one that is still there does not have them.
        """
        sites = dict.fromkeys(request.site_id for request in asked.doubted)
        doubts: dict[str, MistError] = {}
        if sites:
            answers = self._client.fetch_many(map(endpoints.sle_metrics, sites), lane=self._origin.lane)
            for call, result in answers:
                self.spent.calls += 1
                if isinstance(result, NotFound | BadRequest):
                    doubts[call.site_id] = NotFound(
                        "the site is gone: the cloud knew it when this fetch began", status=result.status
                    )
                elif isinstance(result, MistError):
                    doubts[call.site_id] = result
        for request in asked.doubted:
            if request.site_id in doubts:
                asked.failures.append(Unanswered(request, doubts[request.site_id]))
            else:
                self._refuse(request, generation)
                asked.keys.add(request.key)

    def _calls(self, asked: "_Asked", generation: Generation, sent: dict[Call, Request]) -> Iterator[Call]:
        queue = asked.queue
        while queue:
            request = queue.popleft()
            if request.purpose == "detail" and (pieces := self._range_limits.cut(request)):
                queue.extendleft(reversed(pieces))
                continue
            earlier = generation.header(request.key)
            if earlier is not None and earlier.outcome != "unanswered":
                self.spent.reused += 1
                asked.keys.add(request.key)
                queue.extendleft(reversed(self._learn(request, earlier.request.get("interval", 0))))
                self._advance()
                continue
            if request.site_id in self._unnamed:
                asked.failures.append(Unanswered(request, self._unnamed[request.site_id]))
                self._advance()
                continue
            call = self._call(request)
            if call is None:
                self._refuse(request, generation)
                asked.keys.add(request.key)
                self._advance()
                continue
            sent[call] = request
            yield call

    def _call(self, request: Request) -> Call | None:
        if request.purpose == "alarms":
            return endpoints.alarms(self._origin.org_id, request.start, request.end)
        if request.purpose == "changes":
            return endpoints.audit_logs(self._origin.org_id, request.start, request.end)
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
        pages = checked(result)
        asked = asked_for(request)
        documents = [page.document for page in pages]
        odd = Oddities(pages[0].call.endpoint)
        if request.purpose == "detail":
            answers = [_detail(request, document, odd) for document in documents]
            asked["interval"] = max(answer.interval for answer in answers)
            if odd.first:
                asked["odd"] = odd.lost + odd.emptied
            if self._origin.lane == "batch":
                for answer in answers:
                    self._impact_days.saw(request, answer)
        elif request.purpose == "organisation":
            parse_sites_sle(*documents, odd=odd)
            odd.check()
        else:
            parse = parse_alarms if request.purpose == "alarms" else parse_audit_logs
            parse(*documents, odd=odd)
            odd.check()
        if request.purpose == "changes":
            pages = [without_people(page, with_admins=self._plan.ask.admins) for page in pages]
        generation.write([record_of(page, request.key, asked, self._as_of, self._origin) for page in pages])
        self.spent.shortfall.found_odd(self._origin.kind(request.purpose), odd, request.days)
        self.spent.calls += len(pages)
        return self._learn(request, asked.get("interval", 0))

    def _refuse(self, request: Request, generation: Generation) -> None:
        self._keep_nothing(request, generation, "not_supported")
        self.spent.not_supported += 1

    def _keep_nothing(self, request: Request, generation: Generation, outcome: str) -> None:
        generation.write([nothing(request, outcome, self._as_of, self._origin)])

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


@dataclass
class _Asked:
    """Requests on their way to an answer.

    Attributes:
        queue: Still to be sent.
        keys: Those that have an outcome.
        failures: Those without an answer.
        doubted: Metrics that a site said it does not know.
    """

    queue: deque[Request]
    keys: set[str] = field(default_factory=set)
    failures: list[Unanswered] = field(default_factory=list)
    doubted: list[Request] = field(default_factory=list)


def checked(result: list[Page] | MistError) -> list[Page]:
    """The pages of an answer; raises the error in their place."""
    if isinstance(result, MistError):
        raise result
    return result


def _detail(request: Request, document: Any, odd: Oddities) -> SleSummary:
    summary = parse_sle_summary(document, odd)
    if summary.metric not in (None, request.metric):
        raise UnexpectedShape(
            f"asked for {request.metric}, the answer is about {summary.name!r}",
            where="sle.name",
            endpoint="sle_summary",
        )
    return summary
