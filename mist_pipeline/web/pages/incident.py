"""One incident: what, since when, how sure, who and what is hit, what happened, who was told, what next; and deciding about it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from mist_pipeline.alerts.ledger.reader import NoSuchSubjectError
from mist_pipeline.domain.metrics import title_of
from mist_pipeline.domain.text import clean, safe_url
from mist_pipeline.overview.actions import incident_matchers
from mist_pipeline.overview.model import IncidentDetail
from mist_pipeline.overview.wording import evidence_in_words, why_sent
from mist_pipeline.web.address import BadAddressError
from mist_pipeline.web.charts.chart import Chart
from mist_pipeline.web.context import Context, NotHereError, Page
from mist_pipeline.web.pages.site_charts import legend, metric_chart

MOST_SITES = 40
MOST_EVENTS = 200
MOST_STEPS = 5
MOST_SERIES = 12
"""Service levels of sites that can be drawn."""


def page(context: Context) -> Response:
    """The page."""
    address = context.address
    wants_csv = address.one_of("as", ("page", "csv")) == "csv"
    chosen, chart = address.text("series"), address.text("chart")
    address.finish()
    detail = detail_of(context)
    series = _series(detail)
    if chosen and chosen not in {one.name for one in series}:
        raise BadAddressError("series", chosen, "is none of this incident")
    shown = next((one for one in series if one.name == chosen), series[0] if series else None)
    charts = _charts(context, shown) if shown else []
    if wants_csv:
        return context.numbers(charts, chart)
    return context.page(
        "incident.html.j2",
        title=detail.incident.what,
        detail=detail,
        incident=detail.incident,
        evidence=evidence_in_words(detail.evidence),
        sites=detail.sites[:MOST_SITES],
        steps=steps(context, detail),
        happened=list(reversed(detail.timeline[-MOST_EVENTS:])),
        left_out=max(len(detail.timeline) - MOST_EVENTS, 0),
        messages=[_message(row) for row in detail.records.get("deliveries", ())],
        tickets=[_ticket(row) for row in detail.records.get("tickets", ())],
        calls=[_call(row) for row in detail.records.get("escalations", ())],
        feedback=[_thought(row) for row in detail.records.get("feedback", ())],
        matchers=incident_matchers(detail.incident),
        series=series,
        shown=shown,
        charts=charts,
        keys=legend(charts),
    )


@dataclass(frozen=True)
class Series:
    """One service level of one site that the incident is about.

    Attributes:
        name: In the address.
        site_id: Where.
        label: What the site is called.
        metric: Which.
    """

    name: str
    site_id: str
    label: str
    metric: str


def _series(detail: IncidentDetail) -> list[Series]:
    """Those that can be drawn, the worst first."""
    labels = {site.site_id: site.label for site in detail.sites}
    return [
        Series(f"{site_id} {metric}", site_id, labels.get(site_id, site_id), metric)
        for site_id, metric in detail.series[:MOST_SERIES]
    ]


def _charts(context: Context, shown: Series) -> list[Chart]:
    """A week by the hour with what is usual, and a month by the day with the forecast."""
    charts = []
    for name in ("7d", "30d"):
        past = context.past.site(shown.site_id, context.past.period(name, context.at), is_brief=True)
        one = next((metric for metric in past.metrics if metric.metric == shown.metric), None)
        if one is not None:
            title = f"{title_of(one.metric)}, {past.period.title}, {past.zone if past.period.is_hourly else past.period.zone}"
            charts.append(
                metric_chart(past, one, context.past.lines(one.metric), context.at, name=name, title=title)
            )
    return charts


def detail_of(context: Context) -> IncidentDetail:
    """The incident of the address.

    Raises:
        NotHereError: There is none of this id.
        UnreadableError: The ledger cannot be read.
    """
    name = context.values["incident_id"]
    try:
        return context.overview.incident(name, context.at)
    except NoSuchSubjectError:
        raise NotHereError(f"There is no incident {clean(name, 40)}.") from None


def steps(context: Context, detail: IncidentDetail) -> list[str]:
    """What usually helps, the worst problem's first."""
    found: Iterable[str] = (
        step for problem in detail.problems for step in context.console.steps_for(*problem)
    )
    return list(dict.fromkeys(found))[:MOST_STEPS]


def _message(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "at": row["sent_at"] or row["created_at"],
        "sink": clean(row["sink"], 40),
        "why": why_sent(row["reason"]),
        "state": row["state"],
        "error": clean(row["last_error"] or "", 200),
    }


def _ticket(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sink": clean(row["sink"], 40),
        "ticket": clean(row["ticket"] or "", 60),
        "state": clean(row["state"], 40),
        "who": clean(row["who"] or "", 60),
        "url": safe_url(row["url"]),
    }


def _call(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "due": row["due_at"],
        "policy": clean(row["policy"], 40),
        "number": row["number"],
        "whom": clean(f"{row['sink']} {row['target'] or ''}", 80),
        "state": row["state"],
        "because": clean(row["because"] or "", 80),
    }


def _thought(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "at": row["at"],
        "by": clean(row["by"], 60),
        "verdict": row["verdict"].replace("_", " "),
        "comment": clean(row["comment"] or "", 400),
    }


PAGES = (Page("/incident/{incident_id}", page, under="Incidents"),)
