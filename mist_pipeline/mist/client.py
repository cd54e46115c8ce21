"""The client of the Mist API: sends calls, repeats what may heal, keeps to the call budget, returns whole answers or an error.

Not here: what is worth asking (`collect.fetch.plan`), what a document means (`parsers`), what a status means
(`responses`), which token pays (`token_scheduler`), how long to wait (`http_client.retry`), a single attempt (`transport`).
"""

import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from random import SystemRandom
from typing import Any, Self

from mist_pipeline.http_client.failures import NoAnswerError
from mist_pipeline.http_client.retry import RetryPolicy, http_date
from mist_pipeline.http_client.secrets import Secret, Secrets
from mist_pipeline.http_client.session import HttpAnswer, HttpLimits
from mist_pipeline.mist import clouds, endpoints
from mist_pipeline.mist.budget import CallBudget, Lane, fingerprint
from mist_pipeline.mist.capabilities import CloudCapabilities
from mist_pipeline.mist.endpoints import Call
from mist_pipeline.mist.errors import (
    BadRequest,
    MistError,
    NotFound,
    NotSupported,
    RateLimited,
    RefusedForNow,
    Unauthorized,
    Unavailable,
    UnexpectedShape,
)
from mist_pipeline.mist.organisation import Organisation, choose
from mist_pipeline.mist.page import Page
from mist_pipeline.mist.paging import read_all
from mist_pipeline.mist.parsers import Oddities, Usage, parse_self, parse_usage
from mist_pipeline.mist.responses import Request, classify_response
from mist_pipeline.mist.token_scheduler import UNKNOWN_USAGE, TokenScheduler
from mist_pipeline.mist.transport import MIST_LIMITS, Transport

log = logging.getLogger(__name__)

_uniform = SystemRandom().random


def _utc_now() -> datetime:
    return datetime.now(UTC)


_METRIC_ENDPOINTS = ("sle_summary", "impact_summary", "impacted_devices", "impacted_people")


@dataclass(frozen=True)
class Limits:
    """How hard the client tries.

    Attributes:
        http: Limits of one attempt.
        retry: Attempts and waits of one request.
        concurrency: Requests in flight at once in `MistClient.fetch_many`.
        budget_wait_seconds: How long one request may wait for room in the call budget. Beyond this (and beyond the
            longest wait of `retry`, which is always allowed) it raises `BudgetExhausted` at once, so that the caller
            can narrow its plan.
        asking_seconds: How long a client may ask in all, waits included; what has no answer by then has none.
    """

    http: HttpLimits = MIST_LIMITS
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    concurrency: int = 8
    budget_wait_seconds: float = 0.0
    asking_seconds: float = math.inf


DEFAULT_LIMITS = Limits()


def connect(
    *,
    cloud: str,
    tokens: Sequence[str],
    budget_path: Path,
    calls_per_hour: int | None = None,
    org_id: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    clock: Callable[[], datetime] = _utc_now,
) -> "MistClient":
    """A client with its call budget.

    Args:
        cloud: Region name or URL (see `clouds.base_url`).
        tokens: API tokens, at least one.
        budget_path: The budget file that all processes of this machine share; the capabilities of the cloud are kept
            beside it in ``clouds.json``.
        calls_per_hour: Limit per token, whatever the cloud says.
        org_id: The wanted organisation, or None for the only one.
        limits: How hard to try.
        clock: The present instant, aware, in UTC.

    Raises:
        ValueError: No token, an impossible token, a bad base URL or limit.
    """
    base_url = clouds.base_url(cloud)
    budget = CallBudget(
        budget_path,
        [fingerprint(base_url, token) for token in _checked(tokens)],
        limit_override=calls_per_hour,
        clock=lambda: clock().timestamp(),
    )
    capabilities = CloudCapabilities(
        base_url, budget_path.with_name("clouds.json"), lambda: clock().timestamp()
    )
    return MistClient(
        base_url=base_url,
        tokens=tokens,
        budget=budget,
        org_id=org_id,
        limits=limits,
        capabilities=capabilities,
        clock=clock,
    )


class MistClient:
    """Sends calls to one Mist cloud with one or several tokens; safe to share between threads.

    Args:
        base_url: Region name or URL of the cloud (see `clouds.base_url`).
        tokens: API tokens, at least one. They are sent to this cloud only and shown nowhere.
        budget: The call budget of exactly these tokens (`connect` makes both); closed with the client.
        org_id: The wanted organisation, or None for the only one that the tokens see.
        limits: How hard to try.
        capabilities: What is known about the cloud; by default nothing, and forgotten with the client.
        clock: The present instant, aware, in UTC.
        sleep: Waits this many seconds; by default a wait that `close` ends early.
        random: Uniform in [0, 1), for the jitter.
        timer: Seconds that pass whatever the clock says, for `Limits.asking_seconds`.

    Raises:
        ValueError: No token, a token with characters that no header can hold, or a bad base URL.
    """

    def __init__(  # noqa: PLR0913 - clock, sleep and random are handed in, so that no test waits
        self,
        *,
        base_url: str,
        tokens: Sequence[str],
        budget: CallBudget,
        org_id: str | None = None,
        limits: Limits = DEFAULT_LIMITS,
        capabilities: CloudCapabilities | None = None,
        clock: Callable[[], datetime] = _utc_now,
        sleep: Callable[[float], object] | None = None,
        random: Callable[[], float] = _uniform,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.base_url = clouds.base_url(base_url)
        self.org_id = org_id
        self.clock_skew: timedelta | None = None
        """Cloud's clock minus own clock (from the `Date` header, to the second), None before the first answer."""
        secrets = [Secret(token) for token in _checked(tokens)]
        self._tokens = {fingerprint(self.base_url, each.reveal()): each for each in secrets}
        self._secrets = Secrets(secrets)
        self.budget = budget
        """What may still be asked this hour; `budget.remaining(lane)` is what a plan has to fit in."""
        self._limits = limits
        self._clock = clock
        self._closed = threading.Event()
        self._stops: set[threading.Event] = {self._closed}
        self._sleep = sleep
        self._random = random
        self._timer = timer
        self._ends = timer() + limits.asking_seconds
        self._accepted: set[str] = set()
        """Tokens that this cloud has answered."""
        self._transport = Transport(self.base_url, limits.http)
        self._capabilities = capabilities or CloudCapabilities(self.base_url)
        self._organisation: Organisation | None = None
        self._scheduler = TokenScheduler(
            self._tokens,
            budget,
            patience_seconds=max(limits.budget_wait_seconds, limits.retry.cap_seconds),
            ask_usage=self._ask_usage,
            pause=self._pause,
            clock=clock,
            random=random,
        )

    def pages(self, call: Call, *, lane: Lane = "batch") -> Iterator[Page]:
        """All pages of a call, in order. The first is returned once the last has arrived: all or nothing.

        Raises:
            NotSupported: The site does not know the metric (404 or 400 at a metric's endpoint).
            MistError: The call failed; which one says whether asking again makes sense.
        """
        try:
            pages = self._read(call, lane, self._closed)
        finally:
            self.budget.give_back()
        yield from pages

    def fetch_many(
        self, calls: Iterable[Call], *, lane: Lane = "batch"
    ) -> Generator[tuple[Call, list[Page] | MistError], None, None]:
        """Many calls at once, each with its pages or its error, in the order in which they finish.

        Calls are taken from the iterable as they can be sent, so a plan of any length needs little memory. Closing the
        iterator early cancels what has not been sent.

        Raises:
            Unauthorized: A token was refused; nothing else is sent, because every call would fail the same way.
            RefusedForNow: The same, for a token that was accepted before.
        """
        stop = threading.Event()
        self._stops.add(stop)
        done: queue.SimpleQueue[tuple[Call, Future[list[Page]]]] = queue.SimpleQueue()
        waiting = iter(calls)
        workers = max(1, self._limits.concurrency)
        pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="mist")

        def hand_on(call: Call, finished: Future[list[Page]]) -> None:
            done.put((call, finished))

        def submit(count: int) -> int:
            batch = list(islice(waiting, count))
            for call in batch:
                future = pool.submit(self._read, call, lane, stop)
                future.add_done_callback(partial(hand_on, call))
            return len(batch)

        try:
            running = submit(2 * workers)
            while running:
                call, future = done.get()
                error = future.exception()
                if error is not None and (
                    isinstance(error, Unauthorized | RefusedForNow) or not isinstance(error, MistError)
                ):
                    raise error
                running += submit(1) - 1
                yield call, error if isinstance(error, MistError) else future.result()
        finally:
            stop.set()
            self._stops.discard(stop)
            # Whoever ends early (a signal, a refused token) does not wait for answers that nobody reads.
            self._transport.abort(stop)
            pool.shutdown(wait=True, cancel_futures=True)
            self.budget.give_back()

    def change(self, call: Call) -> Any:
        """Send a call that changes something; the document that the cloud answers, None where it says nothing.

        It is sent again only where it cannot have arrived, or was refused for want of calls.

        Raises:
            Forbidden: The token may read and not write.
            MistError: The call failed, or nobody knows whether it arrived (`Unavailable`): look before it is made again.
        """
        try:
            (page,) = self._read(call, "batch", self._closed)
        finally:
            self.budget.give_back()
        return page.document

    def resolve_org(self) -> Organisation:
        """The organisation to watch: the configured one, else the only one that the token has a privilege on.

        Asked once per client.

        Raises:
            OrganisationUnclear: Several or none, and none configured; the message lists them.
            Forbidden: The configured one is not among the token's.
        """
        if self._organisation is None:
            [page] = self.pages(endpoints.whoami())
            self._organisation = choose(parse_self(page.document), self.org_id)
        return self._organisation

    def usage(self) -> Usage:
        """This hour's calls and limit of the first token, as the cloud counts them."""
        [page] = self.pages(endpoints.usage())
        return parse_usage(page.document)

    def allow(self, seconds: float) -> None:
        """Let this client ask so much longer: a plan that has to wait for calls says for how long."""
        self._ends += seconds

    def close(self) -> None:
        """End waits, give unused calls back, close connections."""
        for stop in tuple(self._stops):
            stop.set()
            self._transport.abort(stop)
        self.budget.close()
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, call: Call, lane: Lane, stop: threading.Event) -> list[Page]:
        def fetch(number: int, path: str, query: Mapping[str, str]) -> Page:
            return self._page(Request(call, number, path, query, lane, stop))

        if call.endpoint == "audit_logs":
            try:
                return read_all(call, self.base_url, fetch)
            except NotFound:  # once a day: not worth remembering
                return read_all(replace(call, path=f"{call.path}/search"), self.base_url, fetch)
        if call.endpoint not in _METRIC_ENDPOINTS:
            return read_all(call, self.base_url, fetch)
        try:
            if call.endpoint == "sle_summary":
                return [self._summary(call, fetch)]
            return read_all(call, self.base_url, fetch)
        except (NotFound, BadRequest) as error:
            raise NotSupported(
                f"the site does not know the metric {call.spelling!r}",
                method=error.method,
                path=error.path,
                status=error.status,
                attempt=error.attempt,
                detail=error.detail,
            ) from error

    def _summary(self, call: Call, fetch: Callable[[int, str, Mapping[str, str]], Page]) -> Page:
        """``summary-trend``, or ``summary`` where this cloud has only that."""
        old_path = call.path.removesuffix("-trend")
        if self._capabilities.has_trend is False:
            return fetch(1, old_path, call.params)
        try:
            page = fetch(1, call.path, call.params)
            self._capabilities.saw_trend()
        except NotFound:
            if self._capabilities.has_trend:
                raise
            page = fetch(1, old_path, call.params)
            self._capabilities.saw_only_summary()
            log.info("this cloud has no summary-trend, asking for summary from now on")
        return page

    def _page(self, request: Request) -> Page:
        """One page, asked for as often as the policy allows."""
        policy = self._limits.retry
        attempt = 0
        while True:
            attempt += 1
            self._check_time(request)
            token = self._scheduler.take_call(request)
            requested_at = self._clock()
            try:
                answer = self._transport.send(
                    request.call.method,
                    request.path,
                    request.query,
                    self._tokens[token],
                    body=request.call.body,
                    is_page=request.call.paging != "none",
                    seconds=self._ends - self._timer(),
                    owner=request.stop,
                )
            except NoAnswerError as failed:
                error: MistError = Unavailable(str(failed), **request.error_fields(None, attempt))
                if failed.may_have_arrived and _changes(request.call):
                    raise error from None
                wait = policy.wait(attempt, None, self._random)
            else:
                outcome = self._classify(request, answer, attempt, requested_at, self._clock())
                if isinstance(outcome, Page):
                    self._scheduler.succeeded(token)
                    self._accepted.add(token)
                    return outcome
                if isinstance(outcome, Unauthorized) and token in self._accepted:
                    outcome = RefusedForNow(
                        "the cloud refuses an API token that it accepted before: it was revoked, or the cloud is in trouble",
                        **request.error_fields(401, attempt),
                    )
                if not isinstance(outcome, RateLimited | Unavailable | RefusedForNow):
                    raise self._scheduler.with_token_named(outcome, token)
                if isinstance(outcome, Unavailable) and _changes(request.call):
                    raise outcome
                error = outcome
                wait = self._after_refusal(token, answer, attempt, outcome)
            if attempt >= policy.attempts:
                raise error
            log.info("%s Waiting %.1f s before attempt %d.", error, wait, attempt + 1)
            self._pause(wait, request)

    def _classify(
        self,
        request: Request,
        answer: HttpAnswer,
        attempt: int,
        requested_at: datetime,
        received_at: datetime,
    ) -> Page | MistError:
        self._note_date(answer, requested_at, received_at)
        return classify_response(
            request,
            answer,
            attempt=attempt,
            requested_at=requested_at,
            received_at=received_at,
            secrets=self._secrets,
        )

    def _after_refusal(self, token: str, answer: HttpAnswer, attempt: int, error: MistError) -> float:
        """Seconds to wait after a 429 or 5xx."""
        asked = answer.retry_after_seconds(self._clock() + (self.clock_skew or timedelta()))
        if answer.status == 429 and self._scheduler.refused(token, error, asked):
            return 0.0  # another token may have room; if none has, taking the next call waits or says so
        return self._limits.retry.wait(attempt, asked, self._random)

    def _ask_usage(self, token: str, request: Request) -> Usage:
        """A token's count as the cloud has it, for the scheduler; asked once, because work can go on without it."""
        call = endpoints.usage()
        usage = Request(call, 1, call.path, call.params, request.lane, request.stop)
        now = self._clock()
        try:
            outcome = self._classify(
                usage, self._transport.send("GET", usage.path, usage.query, self._tokens[token]), 1, now, now
            )
            if isinstance(outcome, Page):
                odd = Oddities("usage")
                found = parse_usage(outcome.document, odd)
                if not odd.first:
                    return found
                reason = odd.first[0].sentence
            elif isinstance(outcome, Unauthorized):
                raise self._scheduler.with_token_named(outcome, token)
            else:
                reason = str(outcome)
        except (NoAnswerError, UnexpectedShape) as error:
            reason = self._secrets.hide(str(error))
        log.warning("the call budget starts without the cloud's own count: %s", reason)
        return UNKNOWN_USAGE

    def _note_date(self, answer: HttpAnswer, requested_at: datetime, received_at: datetime) -> None:
        cloud = http_date(answer.headers["date"]) if "date" in answer.headers else None
        if cloud is not None:
            self.clock_skew = cloud - (requested_at + (received_at - requested_at) / 2).replace(microsecond=0)

    def _pause(self, seconds: float, request: Request) -> None:
        (self._sleep or request.stop.wait)(min(seconds, max(0.0, self._ends - self._timer())))
        self._check_time(request)

    def _check_time(self, request: Request) -> None:
        if request.stop.is_set():
            raise Unavailable("stopped before an answer came", **request.error_fields(None, 0))
        if self._timer() >= self._ends:
            raise Unavailable(
                f"not asked any more: asking had {self._limits.asking_seconds:g} s in all",
                **request.error_fields(None, 0),
            )


def _changes(call: Call) -> bool:
    """Whether a call must not be sent again without looking what came of it."""
    return call.method != "GET"


def _checked(tokens: Sequence[str]) -> list[str]:
    """Tokens without surrounding blanks, each once, fit for a header."""
    stripped = list(dict.fromkeys(token.strip() for token in tokens if token.strip()))
    if not stripped:
        raise ValueError("no API token is given: set MIST_API_TOKEN (several: comma-separated)")
    for number, token in enumerate(stripped, start=1):
        if not (token.isascii() and token.isprintable() and " " not in token):
            raise ValueError(f"API token {number} holds characters that no token has; was it pasted whole?")
    return stripped
