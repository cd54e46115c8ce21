"""What a report says of incidents is what the ledger has, and the check notices where it is not."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from mist_pipeline.overview.morning import Morning
from mist_pipeline.report import ReportData, build_dashboard, render_html, render_text
from mist_pipeline_tests.support.facts.claims import falsehoods as claimed
from mist_pipeline_tests.support.facts.nothing_claims import nothing_said
from mist_pipeline_tests.support.facts.readers.ledger_reader import ledger_falsehoods
from mist_pipeline_tests.support.facts.tree import tree
from mist_pipeline_tests.support.facts.truth import Truth
from mist_pipeline_tests.support.report.mornings import HOUR, NINE, READ, incident, morning, over, past
from mist_pipeline_tests.support.report.worlds import make_report, site_id

pytestmark = pytest.mark.slow

OPEN = incident("0pen", site_id(0))
SHARED = incident(
    "5hared",
    *(site_id(number) for number in range(3)),
    what="DHCP of group North.",
    acknowledged_by="ada",
    severity="major",
)
ENDED = over("0ver", site_id(1))
OLD = over("01d", site_id(1), began_at=NINE - 48 * HOUR, opened_at=NINE - 47 * HOUR)
PAST = past("pa57", site_id(2), severity="major", last_bad_at=NINE + 20 * HOUR)
ALL = morning(OPEN, SHARED, ENDED, OLD, PAST)
GREW = "Coverage grew from 18 % to 61 % of user-minutes degraded in the 2 h until 2026-11-22 11:00 UTC"
MORNINGS = {
    "everything": ALL,
    "recovering": morning(incident("0pen", site_id(0), progress="recovering", last_bad_at=NINE + 4 * HOUR)),
    "much worse": morning(incident("0pen", site_id(0), worse=GREW), SHARED),
    "nothing open": morning(),
    "nothing evaluated": morning(evaluated_at=None),
    "not readable": morning(trouble="the ledger does not answer: timeout"),
    "not asked": None,
}


@pytest.fixture(scope="module")
def world() -> ReportData:
    return replace(make_report(3, 2, analysed=False), zone=ZoneInfo("America/New_York"))


def falsehoods(world: ReportData, said: Morning | None, so: Morning | None) -> list[str]:
    """What a report says of one ledger against another."""
    data, truth = replace(world, ledger=said), Truth(replace(world, ledger=so))
    document, page, text = build_dashboard(data), tree(render_html(data)), render_text(data)
    return [*ledger_falsehoods(document, page, text, truth), *claimed(nothing_said(page, text), truth)]


@pytest.mark.parametrize("name", MORNINGS)
def test_what_is_told_is_so(world: ReportData, name: str) -> None:
    assert falsehoods(world, MORNINGS[name], MORNINGS[name]) == []


@pytest.mark.parametrize(
    ("so", "surfaces", "noticed"),
    [
        (morning(incident("0pen", site_id(0), severity="major")), {"page", "text"}, "severity critical"),
        (morning(incident("0pen", site_id(0), began_at=NINE - HOUR)), {"page", "text"}, "the ledger has 2026-11-22 03:00"),
        (morning(incident("0pen", site_id(0), acknowledged_by="ada")), {"page", "text"}, "who nobody"),
        (morning(incident("0pen", site_id(0), progress="recovering")), {"page", "text"}, "the ledger has recovering"),
        (
            morning(incident("0pen", site_id(0), progress="recovering", last_bad_at=NINE + 4 * HOUR)),
            {"page", "text"},
            "the ledger has 2026-11-22 08:00",
        ),
        (morning(incident("0pen", site_id(0), what="Another.")), {"page"}, "the ledger has “Another.”"),
        (morning(OPEN, at=READ + HOUR), {"page", "text"}, "lasts 20 h 31 min"),
        (morning(OPEN, since=NINE + 2 * HOUR), {"page", "text"}, "new is True"),
        (morning(incident("0pen", site_id(0), worse=GREW)), {"page"}, "the ledger has “Coverage grew"),
        (morning(OPEN, ENDED), {"JSON"}, "changes: not those of the ledger"),
        (morning(), {"JSON"}, "open: not the incidents"),
        (morning(trouble="no"), {"JSON"}, "it is not known, and it is told"),
    ],
)  # fmt: skip
def test_a_falsehood_about_what_is_open_is_noticed_on_every_surface(
    world: ReportData, so: Morning, surfaces: set[str], noticed: str
) -> None:
    wrong = falsehoods(world, morning(OPEN), so)
    heard = {surface for surface in surfaces for one in wrong if one.startswith(surface) and noticed in one}
    assert heard == surfaces, wrong


@pytest.mark.parametrize(
    ("changes", "noticed"),
    [
        ({"began_at": NINE - HOUR}, "the ledger has"),
        ({"last_bad_at": NINE + 5 * HOUR}, "but it lasted 5 h"),
        ({"severity": "warning"}, "not the worst"),
        ({"is_past": False, "resolved_at": NINE + timedelta(hours=2)}, "not the incidents"),
    ],
)
def test_a_falsehood_about_what_is_past_is_noticed(
    world: ReportData, changes: dict[str, object], noticed: str
) -> None:
    so = morning(past("pa57", site_id(2), **changes))
    assert any(noticed in one for one in falsehoods(world, morning(past("pa57", site_id(2))), so))


def test_that_nothing_is_open_or_changed_is_noticed_where_something_is(world: ReportData) -> None:
    wrong = falsehoods(world, morning(), ALL)
    assert any("No incident is open." in one for one in wrong)
    assert any("No incident began or ended." in one for one in wrong)
