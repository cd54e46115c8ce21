"""All pages in one place: a page that is not named here does not exist."""

from mist_pipeline.web.context import Page
from mist_pipeline.web.pages import (
    deciding,
    fleet,
    incident,
    incidents,
    metrics,
    now,
    pipeline,
    reports,
    scorecard,
    search,
    site,
)

NAVIGATION = ("Now", "Incidents", "Fleet", "Service levels", "Reports", "Scorecard", "Pipeline")
"""Order of the words at the top."""

PAGES: tuple[Page, ...] = (
    *now.PAGES,
    *incidents.PAGES,
    *incident.PAGES,
    *deciding.PAGES,
    *search.PAGES,
    *site.PAGES,
    *fleet.PAGES,
    *metrics.PAGES,
    *reports.PAGES,
    *scorecard.PAGES,
    *pipeline.PAGES,
)
