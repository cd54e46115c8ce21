"""One site: service levels with their usual band, last day and month, what is blamed, incidents, devices, and how old all of it is."""

from collections.abc import Sequence

from starlette.responses import Response

from mist_pipeline.domain.text import clean
from mist_pipeline.overview.actions import site_matchers
from mist_pipeline.overview.model import Now, SiteDetail
from mist_pipeline.web.context import Context, NotHereError, Page

_STATES = {"no_users": "no users", "not_supported": "not supported", "missing": "no reading"}
"""Why a service level has no score, in words."""

_COLUMNS: Sequence[str] = (
    "metric", "score_pct", "severity", "state", "changed_since", "usual_low_pct", "usual_high_pct", "trend", "change_pct",
    "critical_days",
)  # fmt: skip


def page(context: Context) -> Response:
    """The page."""
    wants_csv = context.address.one_of("as", ("page", "csv")) == "csv"
    context.address.finish()
    detail = detail_of(context)
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
    )


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
    if detail.ledger.trouble:
        said.append(f"Incidents: {detail.ledger.words(detail.at)}.")
    return said


PAGES = (Page("/site/{site_id}", page, under="Now"),)
