"""One site: service levels with their usual band, last day and month, what is blamed, incidents, devices, and how old all of it is."""

from collections.abc import Sequence

from starlette.responses import Response

from mist_pipeline.domain.metrics import CATALOGUE
from mist_pipeline.domain.text import clean
from mist_pipeline.overview.actions import site_matchers
from mist_pipeline.overview.model import Now, SiteDetail
from mist_pipeline.overview.past.model import Neighbour, SitePast
from mist_pipeline.overview.past.ranges import RANGES
from mist_pipeline.web.address import BadAddressError
from mist_pipeline.web.charts.chart import Chart
from mist_pipeline.web.context import Context, NotHereError, Page
from mist_pipeline.web.pages.site_charts import (
    blame_charts,
    blamed_metrics,
    legend,
    load_charts,
    metric_chart,
    usual_in_words,
)

_STATES = {"no_users": "no users", "not_supported": "not supported", "missing": "no reading"}
"""Why a service level has no score, in words."""

_COLUMNS: Sequence[str] = (
    "metric", "score_pct", "severity", "state", "changed_since", "usual_low_pct", "usual_high_pct", "trend", "change_pct",
    "critical_days",
    "is_withheld",
)  # fmt: skip


def page(context: Context) -> Response:
    """The page."""
    address = context.address
    wants_csv = address.one_of("as", ("page", "csv")) == "csv"
    range_name = address.one_of("range", RANGES)
    chosen, chart = address.text("blamed"), address.text("chart")
    address.finish()
    detail = detail_of(context)
    period = context.past.period(range_name, context.at)
    past = context.past.site(detail.site.site_id, period)
    charts = _charts(context, detail, past)
    blamed = blamed_metrics(past)
    known = [*CATALOGUE, *(one.metric for one in detail.metrics if one.metric not in CATALOGUE)]
    if chosen and chosen not in known:
        raise BadAddressError("blamed", chosen, f"is one of {', '.join(known)}")
    if chosen and chosen not in blamed:
        # Something is blamed in another range; the reader compares ranges.
        blamed.append(chosen)
    chosen = chosen or (blamed[0] if blamed else "")
    blame = blame_charts(past, chosen) if chosen else []
    if wants_csv and chart:
        return context.numbers([*charts, *blame], chart)
    if wants_csv:
        rows = ([getattr(one, name) for name in _COLUMNS] for one in detail.metrics)
        return context.table("service-levels", _COLUMNS, rows)
    return context.page(
        "site.html.j2",
        title=detail.site.label,
        detail=detail,
        site=detail.site,
        states=_STATES,
        warnings=warnings(detail),
        open=[one for one in detail.incidents if one.is_active],
        over=[one for one in detail.incidents if not one.is_active],
        matchers=site_matchers(detail.site.site_id),
        period=period,
        past=past,
        zone=str(past.zone if period.is_hourly else period.zone),
        usual=usual_in_words(period),
        charts=charts,
        keys=legend(charts),
        blamed=blamed,
        chosen=chosen,
        blame=blame,
        neighbours=_neighbours(context, past),
    )


def _charts(context: Context, detail: SiteDetail, past: SitePast) -> list[Chart]:
    """Service levels, the worst first, then what else was measured."""
    known = {one.metric: one for one in past.metrics}
    order = [one.metric for one in detail.metrics if one.metric in known]
    order += [metric for metric in known if metric not in order]
    charts = [metric_chart(past, known[name], context.past.lines(name), context.at) for name in order]
    return [*charts, *load_charts(past)]


def _neighbours(context: Context, past: SitePast) -> list[tuple[Neighbour, str, str]]:
    """Neighbours with their label and status; those that are gone are left out."""
    now = {site.site_id: site for site in context.overview.now(context.at).sites}
    return [
        (one, now[one.site_id].label, now[one.site_id].status)
        for one in past.neighbours
        if one.site_id in now
    ]


def detail_of(context: Context) -> SiteDetail:
    """The site of the address.

    Raises:
        NotHereError: Nobody knows of it: it is not there now, and neither a reading nor an incident is.
    """
    site_id = context.values["site_id"]
    detail = context.overview.site(site_id, context.at)
    if not (detail.metrics or detail.incidents or _is_known(context.overview.now(context.at), site_id)):
        raise NotHereError(f"There is no site {clean(site_id, 60)}.")
    return detail


def _is_known(now: Now, site_id: str) -> bool:
    return any(one.site_id == site_id for one in now.sites)


def warnings(detail: SiteDetail) -> list[str]:
    """What keeps the page from saying how things are now."""
    said = []
    if detail.live.is_stale(detail.at) or detail.live.trouble:
        said.append(f"Service levels: {detail.live.words(detail.at)}.")
    if detail.days.trouble or (detail.days.as_of is not None and detail.days.is_stale(detail.at)):
        said.append(f"Usual band, trend and health: {detail.days.words(detail.at)}.")
    if detail.ledger.trouble and detail.ledger.as_of:
        said.append(f"Incidents: {detail.ledger.words(detail.at)}.")
    return said


PAGES = (Page("/site/{site_id}", page, under="Now"),)
