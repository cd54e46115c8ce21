"""The call planner: the cheapest requests for sites × metrics × days within the call budget.

Pure: no I/O, no clock. What goes over the wire is made from the requests by ``collect.fetch.fetcher`` with
the calls of ``mist.endpoints``; windows come from ``collect.fetch.days``.

Two endpoints have scores. The *detail* of one site and metric has hourly buckets, user-minutes, classifiers and impact,
and one call covers a week. The *organisation* endpoint has the hourly score, clients and APs of all sites, and one call
covers an hour (a page for every 1,000 sites). Detail costs sites × metrics × weeks, the organisation hours × pages ×
groups: the planner compares the two.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from itertools import groupby, product
from types import MappingProxyType
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from mist_pipeline.collect.fetch.days import Window, day_bounds, hour_windows, span_windows
from mist_pipeline.domain.metrics import CATALOGUE, Group

Detail = Literal["auto", "full", "triage", "off"]
Purpose = Literal["organisation", "detail", "alarms", "changes"]
_PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
Strategy = Literal["full", "detail", "triage", "organisation"]
JsonValue = str | int | float | bool | None | list["JsonValue"] | dict[str, "JsonValue"]

PAGE_SIZE = 1000
"""Sites on one page of the organisation endpoint; its maximum."""

WINDOW_STEPS = (168, 72, 24, 6)
"""Lengths of a detail window in hours, tried in this order where the cloud answers with buckets wider than an hour."""


@dataclass(frozen=True)
class Ask:
    """What is wanted.

    Attributes:
        site_ids: Sites of the organisation.
        metrics: Enabled metrics, canonical names.
        days: Days of the organisation's zone; those that have not begun are left out.
        zone: The organisation's time zone.
        now: The run's instant; the running hour is cut here.
        since: For the live job: only hours that had not ended by then.
        detail: ``full`` asks everything however long it waits for calls, ``triage`` the organisation's scores and
            detail worst first, ``off`` no detail, ``auto`` the best that the budget allows.
        worst_first: Sites whose detail matters most; triage takes them first, then the worst by the scores it has just
            fetched.
        alarms: Ask for the alarms of the days too.
        changes: Ask for the configuration changes of the days too.
        admins: Keep the names of those who changed something.
    """

    site_ids: tuple[str, ...]
    metrics: tuple[str, ...]
    days: tuple[date, ...]
    zone: ZoneInfo
    now: datetime
    since: datetime | None = None
    detail: Detail = "auto"
    worst_first: tuple[str, ...] = ()
    alarms: bool = True
    changes: bool = True
    admins: bool = False

    def __post_init__(self) -> None:
        unknown = sorted(set(self.metrics) - set(CATALOGUE))
        if unknown:
            raise ValueError(f"metrics not in the catalogue: {unknown}; known are {sorted(CATALOGUE)}")
        if self.now.tzinfo is None or (self.since is not None and self.since.tzinfo is None):
            raise ValueError("now and since need a time zone")

    @property
    def groups(self) -> tuple[Group, ...]:
        """The ``sle`` groups of the enabled metrics, wifi first."""
        return tuple(dict.fromkeys(CATALOGUE[name].group for name in CATALOGUE if name in self.metrics))

    @property
    def now_epoch(self) -> int:
        """``now`` in whole epoch seconds."""
        return int(self.now.timestamp())

    @property
    def since_epoch(self) -> int | None:
        """``since`` in whole epoch seconds."""
        return None if self.since is None else int(self.since.timestamp())


@dataclass(frozen=True)
class Known:
    """What earlier runs learnt about this cloud.

    Attributes:
        window_hours: Longest detail window that the cloud answers with hourly buckets.
        spellings: By site, the advertised spelling of each metric, None for one that the site does not have. A site
            that is not in it is asked first, at one call.
    """

    window_hours: int = WINDOW_STEPS[0]
    spellings: Mapping[str, Mapping[str, str | None]] = field(default_factory=lambda: MappingProxyType({}))

    def has(self, site_id: str, metric: str) -> bool:
        """False where the site is known not to have the metric."""
        return self.spellings.get(site_id, {}).get(metric, metric) is not None


@dataclass(frozen=True)
class Budget:
    """Calls left in the lane of this run.

    Attributes:
        now: Calls that can be spent without waiting; None for no limit.
        per_hour: Calls that come free every hour; decides how long a larger plan waits.
    """

    now: int | None
    per_hour: int = 5000


@dataclass(frozen=True)
class Request:
    """One thing to ask, with the days that its answer covers.

    Attributes:
        purpose: Which endpoint.
        start: First epoch second asked.
        end: Epoch second after the last.
        days: Days of the organisation's zone covered.
        site_id: For detail.
        metric: For detail; canonical, spelt as the site advertises it when it is sent.
        group: For the organisation endpoint.
        cost: Calls expected, one a page.
    """

    purpose: Purpose
    start: int
    end: int
    days: tuple[date, ...]
    site_id: str = ""
    metric: str = ""
    group: Group | None = None
    cost: int = 1

    @property
    def key(self) -> str:
        """Identity of the request: the same question has the same key in every run."""
        return "|".join(
            (self.purpose, self.group or "", self.site_id, self.metric, str(self.start), str(self.end))
        )


@dataclass(frozen=True)
class LeftOut:
    """Something wanted that is not asked for, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class Plan:
    """Requests in the order in which they are sent, and what they leave out.

    Attributes:
        strategy: ``full``: detail of everything and hourly counts; ``detail``: detail of everything, counts for the
            newest days only; ``triage``: hourly scores of all sites and detail worst first; ``organisation``: hourly
            scores alone.
        requests: Alarms, changes and organisation first, then detail.
        discover: Sites that have to be asked for their metric names before their detail; one call each.
        left_out: What was wanted and is not asked.
        spare: Calls left for detail that is chosen once the organisation's scores are here (``deepen``).
    """

    ask: Ask
    known: Known
    budget: Budget
    strategy: Strategy
    requests: tuple[Request, ...]
    discover: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    spare: int = 0

    @cached_property
    def cost(self) -> int:
        """Calls expected for what is planned so far."""
        return sum(request.cost for request in self.requests) + len(self.discover)

    @property
    def wait_hours(self) -> float:
        """How long the budget makes this plan wait, in hours."""
        short = 0 if self.budget.now is None else max(0, self.cost - self.budget.now)
        return short / max(1, self.budget.per_hour)

    @cached_property
    def wait_hours_in_full(self) -> float:
        """How long everything that is wanted would wait."""
        if self.strategy == "full":
            return self.wait_hours
        return make_plan(replace(self.ask, detail="full"), self.known, self.budget).wait_hours

    def of(self, purpose: Purpose) -> tuple[Request, ...]:
        """The requests with this purpose, in order."""
        return tuple(request for request in self.requests if request.purpose == purpose)

    def deepen(self, worst_first: Sequence[str]) -> "Plan":
        """A triage plan with as much detail as the spare calls allow: the newest window of every site, then the one before.

        Within a window the sites of the ask come first, then the given ones. A site's window is taken with all its
        metrics; the first one that does not fit ends the selection.
        """
        if self.strategy != "triage":
            return self
        asked = set(self.ask.site_ids)
        wanted_first = (*self.ask.worst_first, *worst_first, *self.ask.site_ids)
        order = [site for site in dict.fromkeys(wanted_first) if site in asked]
        windows = _detail_windows(self.ask, self.known)
        requests, discover, left = list(self.requests), dict.fromkeys(self.discover), self.spare
        taken = 0
        for window, site in product(windows, order):
            wanted = _detail_requests([site], [window], self.ask, self.known)
            is_unknown = site not in self.known.spellings and site not in discover
            cost = _cost(wanted) + is_unknown
            if cost > left:
                break
            requests += wanted
            discover |= {site: None} if is_unknown else {}
            left -= cost
            taken += 1
        left_out, total = self.left_out, len(windows) * len(order)
        if taken < total:
            what = f"{total:,} sites" if len(windows) == 1 else f"{total:,} windows of sites"
            why = f"{self.spare:,} calls were left after the organisation's scores; newest days and worst sites first"
            left_out += (LeftOut(f"detail of {total - taken:,} of {what}", why),)
        return replace(self, requests=tuple(requests), discover=tuple(discover), left_out=left_out, spare=0)

    def summary(self) -> dict[str, JsonValue]:
        """What is planned and left out, for people and for the metadata of an asset."""
        calls: dict[str, JsonValue] = {
            purpose: sum(request.cost for request in self.of(purpose)) for purpose in _PURPOSES
        }
        detailed = {request.site_id for request in self.of("detail")}
        days = sorted({day for request in self.requests for day in request.days})
        return {
            "strategy": self.strategy,
            "detail_asked": self.ask.detail,
            "days": [day.isoformat() for day in (days[0], days[-1])] if days else [],
            "num_days": len(days),
            "num_sites": len(self.ask.site_ids),
            "num_sites_detailed": len(detailed),
            "metrics": list(self.ask.metrics),
            "window_hours": self.known.window_hours,
            "calls": self.cost,
            "calls_by_purpose": {**calls, "discovery": len(self.discover)},
            "calls_spare": self.spare,
            "calls_available": self.budget.now,
            "wait_hours": round(self.wait_hours, 2),
            "wait_hours_in_full": round(self.wait_hours_in_full, 2),
            "left_out": [f"{item.what}: {item.why}" for item in self.left_out],
        }


def make_plan(ask: Ask, known: Known, budget: Budget) -> Plan:
    """The best plan that the budget allows; see ``Ask.detail`` and ``Plan.strategy``.

    ``auto`` takes the first that fits: full; detail with counts for as many of the newest days as fit; triage. Where
    none fits, it takes the cheapest and waits for calls (``Plan.wait_hours``): a day without any score is of no use.
    """
    logs = _daily_requests(ask, "alarms") if ask.alarms else []
    logs += _daily_requests(ask, "changes") if ask.changes else []
    left_out = _unopened(ask)
    detail_cost = _detail_cost(ask, known)
    counts = _organisation_requests(ask, ask.groups[:1])
    scores = _organisation_requests(ask, ask.groups)
    strategy = _choose(ask.detail, budget, len(logs), detail_cost, _cost(counts), _cost(scores))
    plan = Plan(ask, known, budget, strategy, (), left_out=tuple(left_out))
    if strategy in ("full", "detail"):
        fixed = len(logs) + detail_cost
        if strategy == "detail":
            counts, missing = _newest(counts, max(0, (budget.now or 0) - fixed))
            why = f"{fixed} of {budget.now} calls go to the detail of all sites"
            plan = replace(plan, left_out=(*left_out, LeftOut(f"clients by hour on {missing} days", why)))
        sites = _sites_with_detail(ask, known)
        detail = _detail_requests(sites, _detail_windows(ask, known), ask, known)
        discover = tuple(site for site in sites if site not in known.spellings) if detail else ()
        return replace(plan, requests=(*logs, *counts, *detail), discover=discover)
    plan = replace(plan, requests=(*logs, *scores))
    if strategy == "organisation":
        why = "detail is switched off"
        return replace(plan, left_out=(*left_out, LeftOut("user-minutes and classifiers of all sites", why)))
    spare = detail_cost if budget.now is None else max(0, min(detail_cost, budget.now - plan.cost))
    plan = replace(plan, spare=spare)
    return plan if spare else plan.deepen(())


def _choose(
    detail: Detail, budget: Budget, logs: int, detail_cost: int, counts_cost: int, scores_cost: int
) -> Strategy:
    if detail == "off":
        return "organisation"
    if detail == "triage":
        return "triage"
    if detail == "full" or budget.now is None or logs + detail_cost + counts_cost <= budget.now:
        return "full"
    if logs + detail_cost <= budget.now:
        return "detail"
    return "detail" if detail_cost < scores_cost else "triage"


def _cost(requests: Iterable[Request]) -> int:
    return sum(request.cost for request in requests)


def _sites_with_detail(ask: Ask, known: Known) -> list[str]:
    return [site for site in ask.site_ids if any(known.has(site, metric) for metric in ask.metrics)]


def _detail_windows(ask: Ask, known: Known) -> list[Window]:
    windows = span_windows(
        ask.days, ask.zone, max_hours=known.window_hours, now=ask.now_epoch, since=ask.since_epoch
    )
    return windows[::-1]  # newest first: range_limits learns from them


def _detail_cost(ask: Ask, known: Known) -> int:
    windows = len(_detail_windows(ask, known))
    sites = _sites_with_detail(ask, known)
    pairs = sum(known.has(site, metric) for site in sites for metric in ask.metrics)
    return pairs * windows + (sum(site not in known.spellings for site in sites) if windows else 0)


def _detail_requests(
    sites: Sequence[str], windows: Sequence[Window], ask: Ask, known: Known
) -> list[Request]:
    # Unsupported metrics are requests too: they cost nothing and leave their trace ("not supported") in the raw files.
    return [
        Request(
            "detail",
            window.start,
            window.end,
            window.days,
            site,
            metric,
            cost=int(known.has(site, metric)),
        )
        for window in windows
        for site in sites
        for metric in ask.metrics
    ]


def _organisation_requests(ask: Ask, groups: Sequence[Group]) -> list[Request]:
    pages = -(-len(ask.site_ids) // PAGE_SIZE)
    windows = hour_windows(ask.days, ask.zone, now=ask.now_epoch, since=ask.since_epoch) if pages else []
    return [
        Request("organisation", window.start, window.end, window.days, group=group, cost=pages)
        for window in windows
        for group in groups
    ]


def _daily_requests(ask: Ask, purpose: Purpose) -> list[Request]:
    # One window a day: alarms are many, and their cursor must not run over weeks.
    windows = span_windows(ask.days, ask.zone, max_hours=24, now=ask.now_epoch, since=ask.since_epoch)
    return [Request(purpose, window.start, window.end, window.days) for window in windows]


def _newest(requests: Sequence[Request], calls: int) -> tuple[list[Request], int]:
    """The requests of the newest whole days that cost at most ``calls``, and how many days that leaves out."""
    days = [list(group) for _, group in groupby(requests, key=lambda request: request.days)]
    kept: list[list[Request]] = []
    for day in reversed(days):
        calls -= _cost(day)
        if calls < 0:
            break
        kept.insert(0, day)
    return [request for day in kept for request in day], len(days) - len(kept)


def _unopened(ask: Ask) -> list[LeftOut]:
    future = sorted(day for day in set(ask.days) if day_bounds(day, ask.zone)[0] >= ask.now_epoch)
    return [LeftOut(f"{day.isoformat()}", "the day has not begun") for day in future]
