"""Days about which it is worth asking who was hit: the worst of those that were only asked for together with others.

The cloud counts users and devices over the window of a question. A backfill asks for weeks at a time, so it learns nothing of
single days. The days with most degraded user-minutes beyond a tenth of all are asked for once more by themselves, with calls that are left.
No I/O: answers in as they come, requests out.
"""

import heapq
import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from mist_pipeline.collect.fetch.days import HOUR, day_bounds
from mist_pipeline.collect.fetch.plan import LeftOut, Request
from mist_pipeline.mist.parsers import SleSummary

MOST_A_DAY = 20
"""Service levels at sites, of one day, about which it is asked who was hit."""
LEAST_SHARE = 0.1
"""Degraded share of a day from which on somebody will ask who was hit; minutes beyond it say which day is worse."""
SHARE_OF_REST = 0.5
"""Part of the calls left after everything else."""


class ImpactDays:
    """Collects how many user-minutes were degraded on which day.

    Args:
        zone: The organisation's time zone.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._worst: dict[date, list[tuple[float, str, str]]] = defaultdict(list)
        self._wanted = 0

    def saw(self, request: Request, answer: SleSummary) -> None:
        """Take note of the answer to a request for several days."""
        if len(request.days) < 2 or answer.interval > HOUR:
            return
        for day in request.days:
            start, end = day_bounds(day, self._zone)
            first = max(0, math.ceil((start - answer.start) / answer.interval))
            last = max(first, math.ceil((end - answer.start) / answer.interval))
            degraded = math.fsum(minutes for minutes in answer.degraded[first:last] if minutes)
            total = math.fsum(minutes for minutes in answer.total[first:last] if minutes)
            beyond = degraded - LEAST_SHARE * total
            if beyond <= 0:
                continue
            self._wanted += 1
            worst = self._worst[day]
            heapq.heappush(worst, (beyond, request.site_id, request.metric))
            if len(worst) > MOST_A_DAY:
                heapq.heappop(worst)

    def requests(self, calls: int | None, now: int) -> list[Request]:
        """Requests for single days, the newest day first and in it the worst, within so many calls (None: no limit)."""
        found: list[Request] = []
        for day in sorted(self._worst, reverse=True):
            start, end = day_bounds(day, self._zone)
            found += [
                Request("detail", start, min(end, now), (day,), site_id, metric)
                for _, site_id, metric in sorted(self._worst[day], reverse=True)
                if start < now
            ]
        return found if calls is None else found[: max(0, calls)]

    def left_out(self, asked: Sequence[Request]) -> tuple[LeftOut, ...]:
        """What is not known of these days, and why."""
        rest = self._wanted - len(asked)
        if rest <= 0:
            return ()
        why = f"only the worst {MOST_A_DAY} of each day are asked for, within the calls that are left"
        what = f"who was hit on {rest:,} of {self._wanted:,} bad days (more than 10 % degraded in a service level of a site)"
        return (LeftOut(what, why),)
