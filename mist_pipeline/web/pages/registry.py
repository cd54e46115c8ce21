"""All pages in one place: a page that is not named here does not exist."""

from mist_pipeline.web.context import Page
from mist_pipeline.web.pages import deciding, incident, incidents, now, search

NAVIGATION = ("Now", "Incidents", "Fleet", "Metrics", "Reports", "Pipeline")
"""Order of the words at the top; one without a page is left out."""

PAGES: tuple[Page, ...] = (
    *now.PAGES,
    *incidents.PAGES,
    *incident.PAGES,
    *deciding.PAGES,
    *search.PAGES,
)
