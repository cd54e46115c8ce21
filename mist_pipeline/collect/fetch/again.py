"""Ask again for hours that an earlier fetch did not get, and add what comes to the days that it has.

Which hours are lacking is given; here: the cheapest questions for them within a number of calls, and which answers bring
something. Nothing depends on an answer: one that fails, or brings nothing, leaves the day as it is. Not here: whole days
(`plan`, `fetcher`), what the answers mean (``collect.history``).

>>> lacking = pl.DataFrame({"day": [date(2026, 3, 2)] * 2, "slot": [1772409600, 1772413200], "site_id": "a",
...     "metric": "capacity", "is_estimate": False})
>>> [(one.request.site_id, one.request.days, len(one.slots)) for one in questions(lacking, ZoneInfo("UTC"), 1, None)]
[('a', (datetime.date(2026, 3, 2),), 2)]
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from mist_pipeline.collect.fetch.days import HOUR, day_bounds
from mist_pipeline.collect.fetch.fetcher import Client
from mist_pipeline.collect.fetch.plan import PAGE_SIZE, Known, Request
from mist_pipeline.collect.fetch.records import Origin
from mist_pipeline.collect.raw.format import Header, Record
from mist_pipeline.collect.raw.generation import Generation
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.domain.metrics import CATALOGUE
from mist_pipeline.mist import endpoints
from mist_pipeline.mist.endpoints import Call
from mist_pipeline.mist.errors import MistError
from mist_pipeline.mist.page import Page
from mist_pipeline.mist.parsers import Oddities, parse_sites_sle, parse_sle_summary


@dataclass(frozen=True)
class Question:
    """One request, and what it shall bring.

    Attributes:
        request: What is asked.
        slots: Hours that are lacking (epoch seconds at which they begin).
        site_ids: Sites that lack them.
    """

    request: Request
    slots: frozenset[int]
    site_ids: frozenset[str]


@dataclass
class Brought:
    """What asking again came to.

    Attributes:
        asked: Requests sent.
        failed: Those without an answer.
        useful: Those whose answer brought an hour that was lacking.
        days: Raw kind → days that have answers that they did not have before.
    """

    asked: int = 0
    failed: int = 0
    useful: int = 0
    days: dict[str, list[date]] = field(default_factory=dict)


def questions(lacking: pl.DataFrame, zone: ZoneInfo, num_sites: int, calls: int | None) -> list[Question]:
    """What to ask, the most hours a call first.

    Args:
        lacking: day, slot (epoch seconds), site_id, metric, is_estimate (the day's reading stands on the organisation's scores, so
            these are asked; else the detail of the site).
        zone: The organisation's time zone.
        num_sites: Sites of the organisation, which decide how many pages its scores have.
        calls: How many may be spent; None for no limit.
    """
    groups = pl.DataFrame(
        {"metric": list(CATALOGUE), "group": [metric.group for metric in CATALOGUE.values()]}
    )
    detail = (
        lacking.filter(~pl.col("is_estimate"))
        .group_by("site_id", "metric")
        .agg(first=pl.col("day").min(), last=pl.col("day").max(), slots="slot", sites=pl.col("site_id"))
        .with_columns(group=pl.lit(None, pl.String), cost=pl.lit(1))
    )
    scores = (
        lacking.filter("is_estimate")
        .join(groups, on="metric")
        .group_by("group", "day", "slot")
        .agg(sites=pl.col("site_id"))
        .select(
            site_id=pl.lit(""),
            metric=pl.lit(""),
            first="day",
            last="day",
            slots=pl.concat_list("slot"),
            sites="sites",
            group="group",
            cost=pl.lit(max(1, -(-num_sites // PAGE_SIZE))),
        )
    )
    ranked = (
        pl.concat([detail, scores.select(detail.columns)])
        .with_columns(gain=pl.col("sites").list.len() / pl.col("cost"))
        .sort("gain", "last", "group", "site_id", "metric", "slots", descending=[True, True, *[False] * 4])
    )
    if calls is not None:
        ranked = ranked.filter(pl.col("cost").cum_sum() <= calls)
    return [_question(row, zone) for row in ranked.iter_rows(named=True)]


def _question(row: Mapping[str, Any], zone: ZoneInfo) -> Question:
    days = tuple(
        row["first"] + timedelta(days=offset) for offset in range((row["last"] - row["first"]).days + 1)
    )
    slots, sites = frozenset(row["slots"]), frozenset(row["sites"])
    if row["group"] is None:
        # Whole days: an answer about a part of one would tell the users of that part.
        start, end = day_bounds(days[0], zone)[0], day_bounds(days[-1], zone)[1]
        request = Request("detail", start, end, days, row["site_id"], row["metric"])
    else:
        [slot] = slots
        end = min(slot + HOUR, day_bounds(days[0], zone)[1])
        request = Request("organisation", slot, end, days, group=row["group"], cost=row["cost"])
    return Question(request, slots, sites)


def ask_again(
    wanted: Sequence[Question],
    client: Client,
    store: RawStore,
    origin: Origin,
    known: Known,
    as_of: datetime,
) -> Brought:
    """Ask, and add the answers that bring something to their days.

    Args:
        wanted: From `questions`.
        client: Sends the calls.
        store: Where answers go.
        origin: Who asks.
        known: What earlier fetches learnt; a site whose metrics have no known names is not asked.
        as_of: Instant of the run.

    Raises:
        Unauthorized: A token was refused.
        RawBusyError: Another process asks the same.
    """
    brought = Brought()
    for purpose in ("organisation", "detail"):
        calls = {
            call: one
            for one in wanted
            if one.request.purpose == purpose
            and (call := _call(one.request, origin, known.spellings.get(one.request.site_id, {}))) is not None
        }
        if calls:
            days = sorted({day for one in calls.values() for day in one.request.days})
            with store.generation(origin.kind(purpose), days, as_of, adds=True) as generation:
                _collect(calls, client, generation, origin, brought, known)
    return brought


def _collect(
    calls: Mapping[Call, Question],
    client: Client,
    generation: Generation,
    origin: Origin,
    brought: Brought,
    known: Known,
) -> None:
    keys = []
    for call, result in client.fetch_many(calls, lane=origin.lane):
        request = calls[call].request
        brought.asked += 1
        try:
            interval = _news(calls[call], result)
        except MistError:
            brought.failed += 1
            continue
        if interval is not None and not isinstance(result, MistError):
            generation.write([_record(page, request, interval, generation.as_of, origin) for page in result])
            keys.append(request.key)
    brought.useful += len(keys)
    if keys:
        # The next plan learns from the newest fetch how long a window may be.
        notes = {"strategy": "again", "calls_spent": brought.asked, "window_hours": known.window_hours}
        brought.days[generation.kind] = generation.commit(keys, notes)


def _call(request: Request, origin: Origin, spelling: Mapping[str, str | None]) -> Call | None:
    if request.group is not None:
        return endpoints.sites_sle(origin.org_id, request.group, request.start, request.end)
    name = spelling.get(request.metric)
    return None if name is None else endpoints.sle_summary(request.site_id, name, request.start, request.end)


def _news(question: Question, result: list[Page] | MistError) -> int | None:
    """Width of the buckets of an answer that has an hour that was lacking (0 for scores); None if it has none.

    Raises:
        MistError: There is no answer, or it is none that can be read.
    """
    if isinstance(result, MistError):
        raise result
    documents = [page.document for page in result]
    if question.request.group is not None:
        scores = parse_sites_sle(*documents)
        known = _sites_with_a_score(scores.site_ids, scores.scores_pct.values())
        return 0 if known & question.site_ids else None
    for answer in map(parse_sle_summary, documents):
        buckets = zip(answer.bucket_starts, answer.total, answer.degraded, strict=True)
        begins = [begin for begin, total, degraded in buckets if total is not None and degraded is not None]
        if answer.interval <= HOUR and any(
            slot <= begin < slot + HOUR for slot in question.slots for begin in begins
        ):
            return answer.interval
    return None


def _sites_with_a_score(site_ids: Sequence[str], columns: Iterable[Sequence[float | None]]) -> set[str]:
    return {
        site for column in columns for site, score in zip(site_ids, column, strict=True) if score is not None
    }


def _oddities(page: Page) -> int:
    """How much of a detail is odd: then history is made from what the parser makes of it."""
    odd = Oddities(page.call.endpoint)
    parse_sle_summary(page.document, odd)
    return odd.lost + odd.emptied


def _record(page: Page, request: Request, interval: int, as_of: datetime, origin: Origin) -> Record:
    asked: dict[str, Any] = {
        "purpose": request.purpose,
        "start": request.start,
        "end": request.end,
        "days": [day.isoformat() for day in request.days],
        "path": page.url_path,
    }
    about = {
        "site_id": request.site_id,
        "metric": request.metric,
        "group": request.group,
        "interval": interval,
        "odd": _oddities(page) if request.group is None else 0,
    }
    header = Header(
        key=request.key,
        request={**asked, **{name: value for name, value in about.items() if value}},
        number=page.number,
        as_of=as_of,
        requested_at=page.requested_at,
        received_at=page.received_at,
        client_version=origin.client_version,
    )
    return Record(header, page.body)
