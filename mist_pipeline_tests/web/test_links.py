"""Links in messages lead to pages that there are."""

import pytest
from starlette.routing import Match, Route

from mist_pipeline.domain import console_links
from mist_pipeline.web.address import path_of
from mist_pipeline.web.pages.registry import PAGES

HOSTILE = "a/b?c#d %"


@pytest.mark.parametrize(
    "url",
    [
        console_links.incident_url("https://c.example", HOSTILE),
        console_links.incidents_url("https://c.example/"),
    ],
)
def test_a_link_in_a_message_is_the_address_of_a_page(url: str) -> None:
    path = url.removeprefix("https://c.example")
    assert path in {path_of("incident", HOSTILE), path_of("incidents")}
    scope = {"type": "http", "method": "GET", "path": path}
    routes = [
        Route(page.path, lambda _request: None, methods=["GET"]) for page in PAGES if not page.is_action
    ]
    assert any(route.matches(scope)[0] is Match.FULL for route in routes)


def test_without_an_address_of_the_console_there_is_no_link() -> None:
    assert console_links.incident_url(None, "3f2a") is None
    assert console_links.site_url("https://c.example", "") is None
