"""A Mist cloud in a few lines, for the client's Protocol: answers are functions of the call."""

import json
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from mist_pipeline.collect.fetch.days import day_bounds
from mist_pipeline.collect.fetch.plan import Ask
from mist_pipeline.collect.fetch.records import Origin
from mist_pipeline.collect.history.frames import History
from mist_pipeline.domain.metrics import CATALOGUE
from mist_pipeline.mist.endpoints import Call
from mist_pipeline.mist.errors import MistError
from mist_pipeline.mist.page import Page

UTC_ZONE = ZoneInfo("UTC")
NOW = datetime(2026, 2, 10, 6, 0, tzinfo=UTC)
DAY = date(2026, 2, 9)
METRICS = ("capacity", "coverage", "ap-health")
ORIGIN = Origin("org-1", "mist-pipeline/test")
Answer = Callable[[Call], Any]


def days(count: int, last: date = DAY) -> tuple[date, ...]:
    """The last so many days up to one."""
    return tuple(last - timedelta(days=back) for back in reversed(range(count)))


def ask(**changes: Any) -> Ask:
    """Three sites, three metrics, one day."""
    values: dict[str, Any] = {
        "site_ids": ("s1", "s2", "s3"),
        "metrics": METRICS,
        "days": (DAY,),
        "zone": UTC_ZONE,
        "now": NOW,
        "detail": "full",
        "alarms": False,
        "changes": False,
    }
    return Ask(**(values | changes))


def sites_of(asked: Ask) -> pl.DataFrame:
    """Every site on every day asked, as the key columns of ``history.sites``."""
    return pl.DataFrame(
        [(day, site) for day in asked.days for site in asked.site_ids],
        schema={"day": pl.Date, "site_id": pl.String},
        orient="row",
    )


def epoch(day: date, hour: float = 0, zone: ZoneInfo = UTC_ZONE) -> int:
    """Epoch second of an hour of a day."""
    return int(day_bounds(day, zone)[0] + hour * 3600)


def summary(
    start: int,
    end: int,
    *,
    metric: str = "capacity",
    interval: int = 3600,
    total: list[float | None] | float = 100.0,
    degraded: list[float | None] | float = 10.0,
    value: list[float | None] | float | None = 50.0,
    classifiers: dict[str, Any] | None = None,
    users: int | None = 9,
    unit: str = "dBm",
) -> dict[str, Any]:
    """A document of the detail endpoint; a number stands for the same in every bucket."""
    count = -(-(end - start) // interval)

    def column(values: Any) -> list[float | None]:
        return values if isinstance(values, list) else [values] * count

    impact = {"num_users": users and users // 2, "total_users": users, "num_aps": 1, "total_aps": 2}
    return {
        "start": start,
        "end": end,
        "impact": impact,
        "sle": {
            "name": metric,
            "interval": interval,
            "x_label": "seconds",
            "y_label": unit,
            "samples": {"total": column(total), "degraded": column(degraded), "value": column(value)},
        },
        "classifiers": [
            {
                "name": name,
                "interval": interval,
                "impact": impact,
                "samples": {"total": column(total), "degraded": column(minutes), "duration": column(minutes)},
            }
            for name, minutes in (classifiers or {}).items()
        ],
        "events": [],
    }


def sites_sle(start: int, end: int, results: list[dict[str, Any]]) -> dict[str, Any]:
    """A document of the organisation endpoint."""
    return {"start": start, "end": end, "limit": 1000, "page": 1, "total": len(results), "results": results}


def same(left: History, right: History, *, but: Iterable[str] = ()) -> list[str]:
    """Names of the tables that differ, whatever the order of their rows, in other columns than these."""
    return [
        name
        for name, frame in left.tables().items()
        if not _ordered(frame, but).equals(_ordered(right.tables()[name], but))
    ]


def _ordered(frame: pl.DataFrame, but: Iterable[str]) -> pl.DataFrame:
    kept = frame.drop(list(but), strict=False)
    return kept.sort(kept.columns)


@dataclass
class FakeCloud:
    """A client that answers from functions by endpoint, and remembers what it was asked.

    An answer is a document, a list of documents (pages), or a MistError.
    """

    answers: dict[str, Answer] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    now: datetime = NOW

    def fetch_many(
        self, calls: Iterable[Call], *, lane: str = "batch"
    ) -> Generator[tuple[Call, list[Page] | MistError], None, None]:
        for call in calls:
            self.calls.append(call)
            answer = self.answers[call.endpoint](call)
            if isinstance(answer, MistError):
                yield call, answer
                continue
            documents = answer if isinstance(answer, Pages) else Pages([answer])
            yield call, [self._page(call, number, each) for number, each in enumerate(documents, start=1)]

    def asked(self, endpoint: str) -> list[Call]:
        """The calls to one endpoint."""
        return [call for call in self.calls if call.endpoint == endpoint]

    def _page(self, call: Call, number: int, document: Any) -> Page:
        body = json.dumps(document).encode()
        return Page(call, number, self.now, self.now, f"{call.path}?page={number}", body, document)


class Pages(list[Any]):
    """Documents of several pages."""


def window(call: Call) -> tuple[int, int]:
    """Start and end that a call asks for."""
    return int(call.params["start"]), int(call.params["end"])


def healthy_cloud(**answers: Answer) -> FakeCloud:
    """Every site has every metric: 10 % degraded in the detail, 95 % and 7 clients in the organisation's view."""

    def organisation(call: Call) -> Any:
        names = [name for name, metric in CATALOGUE.items() if metric.group == call.params["sle"]]
        rows = [
            {"site_id": site, "num_clients": 7, "num_aps": 3, **dict.fromkeys(names, 0.95)}
            for site in ("s1", "s2", "s3")
        ]
        return sites_sle(*window(call), rows)

    usual: dict[str, Answer] = {
        "sites_sle": organisation,
        "sle_metrics": lambda _: {"enabled": list(CATALOGUE), "supported": list(CATALOGUE)},
        "sle_summary": lambda call: summary(*window(call), metric=call.spelling),
        "alarms": lambda call: {**sites_sle(*window(call), []), "next": None},
        "audit_logs": lambda call: {**sites_sle(*window(call), [])},
    }
    return FakeCloud(usual | answers)
