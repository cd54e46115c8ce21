"""One small organisation and its console for every test of pages."""

from collections.abc import Iterator

import pytest

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline_tests.support.alerts.histories import finding, live
from mist_pipeline_tests.support.alerts.ledgers import TELL
from mist_pipeline_tests.support.overview.organisations import HOSTILE, Organisation
from mist_pipeline_tests.support.overview.weeks import with_weeks
from mist_pipeline_tests.support.web.browser import Browser, browser
from mist_pipeline_tests.support.web.consoles import Client, client_of


@pytest.fixture(scope="session")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Organisation:
    """Berlin with a critical incident, three more cities, and sites with names that a page must survive; nobody writes to it."""
    made = Organisation(tmp_path_factory.mktemp("made"), ("Berlin", "Bonn", "Köln", "Ulm", *HOSTILE)).make()
    with Ledger(made.places.ledger) as ledger:
        for hour in (13, 14):
            ledger.record_evaluation(live(hour, finding("site-0", severity="critical")), TELL)
    return made


@pytest.fixture(scope="session")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> Organisation:
    """Sites with twelve days behind them, one of them in trouble since yesterday; nobody writes to it."""
    names = ("Berlin", "Bonn", "Köln", HOSTILE[0])
    made = with_weeks(Organisation(tmp_path_factory.mktemp("weeks"), names).make(days=False), 12)
    with Ledger(made.places.ledger) as ledger:
        for hour in (12, 13):
            hit = [finding(f"site-{one}", severity="critical", metric="capacity") for one in (0, 1)]
            ledger.record_evaluation(live(hour, *hit), TELL)
    return made


@pytest.fixture(scope="session")
def visitor(weeks: Organisation) -> Client:
    """What asks the console of these weeks for pages."""
    return client_of(weeks)


@pytest.fixture(scope="session")
def client(organisation: Organisation) -> Client:
    """What asks its console for pages."""
    return client_of(organisation)


@pytest.fixture(scope="session")
def tab() -> Iterator[Browser]:
    """The one browser of all tests that need one; at the end it has asked only the console, and complained of nothing."""
    with browser() as made:
        made.look()
        yield made
        strangers = [
            one for one in made.asked if not one.startswith(("http://127.0.0.1:", "about:", "data:"))
        ]
        assert strangers == []
        assert made.complaints == []
