"""Search: sites and incidents that words mean, incidents that are over among them."""

from starlette.responses import RedirectResponse, Response

from mist_pipeline.domain.site_names import folded
from mist_pipeline.overview.filters import search
from mist_pipeline.web.context import Context, Page
from mist_pipeline.web.pages.incidents import MOST_OVER

MOST = 50
"""Sites, and incidents, on one page."""


def page(context: Context) -> Response:
    """What was found; the one site that is called exactly so, or the one incident of this id, is opened at once."""
    typed = context.address.text("q")
    context.address.finish()
    now = context.overview.now(context.at)
    _source, over = context.overview.incidents(context.at, over=True, most=MOST_OVER)
    incidents = [*now.incidents, *over]
    sites, found = search(typed, now.sites, incidents, most=MOST + 1)
    named = [site for site in sites if folded(typed) in {folded(site.label), folded(site.site_id)}]
    if len(named) == 1:
        return RedirectResponse(context.path_of("site", named[0].site_id), 303)
    begun = [one for one in incidents if len(typed) >= 6 and one.incident_id.startswith(typed.lower())]
    if len(begun) == 1:
        return RedirectResponse(context.path_of("incident", begun[0].incident_id), 303)
    return context.page(
        "search.html.j2", title="Search", typed=typed, sites=sites[:MOST], incidents=found[:MOST],
        is_cut=max(len(sites), len(found)) > MOST,
    )  # fmt: skip


PAGES = (Page("/search", page),)
