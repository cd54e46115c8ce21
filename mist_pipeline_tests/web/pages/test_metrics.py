"""Service levels across sites, and all sites at once."""

import csv
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mist_pipeline.domain.metrics import CATALOGUE
from mist_pipeline.overview.past.across import heat
from mist_pipeline.web.pages.fleet import BY, SHOWS
from mist_pipeline_tests.support.overview.organisations import AT, METRICS, Organisation
from mist_pipeline_tests.support.web.consoles import Client, client_of

pytestmark = pytest.mark.slow


def test_every_service_level_is_a_line_with_its_worst_site(visitor: Client) -> None:
    page = visitor.get("/metrics").body
    assert re.findall(r'href="/metric/([^"]*)"', page) == [name for name in CATALOGUE if name in METRICS]
    assert page.count('<a href="/site/site-0">') == len(METRICS)


@pytest.mark.parametrize("name", ["24h", "7d", "30d", "90d"])
def test_one_is_shown_with_its_course_its_distribution_its_hours_and_its_sites(
    visitor: Client, name: str
) -> None:
    page = visitor.get(f"/metric/capacity?range={name}").body
    assert re.findall(r'id="chart-([^"]*)"', page) == ["trend", "critical", "distribution"]
    assert page.count("<td class=") >= 7 * 24 // 2
    assert re.findall(r'<tr data-key="([^"]*)"', page)[0] == "site-0"


def test_its_sites_are_filtered_and_come_as_csv(visitor: Client) -> None:
    page = visitor.get("/metric/capacity?q=bonn").body
    assert re.findall(r'<tr data-key="([^"]*)"', page) == ["site-1"]
    rows = list(csv.DictReader(visitor.get("/metric/capacity?as=csv").body.splitlines()))
    assert [row["label"] for row in rows[:2]] == ["Berlin", "Bonn"]
    assert rows[0]["severity"] == "critical"
    (critical,) = (
        row["Critical sites"]
        for row in csv.DictReader(
            visitor.get("/metric/capacity?range=30d&as=csv&chart=critical").body.splitlines()
        )
        if row["Time"] == "2026-03-01"
    )
    assert float(critical) == 1


def test_the_answer_is_kept_until_something_is_new(weeks: Organisation) -> None:
    past = client_of(weeks).app._console.past  # type: ignore[attr-defined]
    period = past.period("7d", AT)
    assert past.metric("capacity", period, AT) is past.metric("capacity", period, AT)


def test_old_data_calls_no_site_fine(weeks: Organisation) -> None:
    later = client_of(weeks, clock=lambda: AT + timedelta(hours=3))
    assert ">Info<" not in later.get("/metric/capacity").body
    assert 'class="healthy"' not in later.get("/fleet?show=capacity").body


@pytest.mark.parametrize("path", ["/metric/%3Cscript%3E", "/metric/..%2F..%2Fetc", "/metric/' OR 1=1 --"])
def test_a_service_level_that_nobody_knows_is_not_there(visitor: Client, path: str) -> None:
    answer = visitor.get(path.replace(" ", "%20"))
    assert answer.status == 404
    assert "<script>" not in answer.body


def test_hours_are_those_of_the_organisation() -> None:
    rows = [(datetime(2026, 3, 1, 23, tzinfo=UTC), [], 0, 88.0, 90.0), (datetime(2026, 3, 2, 9, tzinfo=UTC), [], 0, None, 70.0)]  # fmt: skip
    found = heat(rows, AT, ZoneInfo("Europe/Berlin"))
    assert next(iter(found)) == date(2026, 3, 2)
    assert (found[date(2026, 3, 2)][0], found[date(2026, 3, 2)][10]) == (88.0, 70.0)


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("shows", ["status", "health", "coverage"])
def test_every_site_is_one_cell_of_the_fleet(visitor: Client, by: str, shows: str) -> None:
    page = visitor.get(f"/fleet?by={by}&show={shows}").body
    assert sorted(re.findall(r'<a class="\w+" href="/site/(site-\d)"', page)) == [
        f"site-{one}" for one in range(4)
    ]
    rows = list(csv.DictReader(visitor.get(f"/fleet?by={by}&show={shows}&as=csv").body.splitlines()))
    assert len(rows) == 4


def test_the_fleet_says_its_numbers_and_no_name_of_a_stranger_is_markup(visitor: Client) -> None:
    page = visitor.get("/fleet").body
    assert "<bdi>North</bdi> <small>2 sites · 1 critical · 1 degraded</small>" in page
    assert "<script>alert" not in page


@pytest.mark.parametrize("query", ["by=-1", "show=NaN", "show=%3Cb%3E", "by=group&by=country", "x=1"])
def test_the_fleet_refuses_what_it_does_not_know(visitor: Client, query: str) -> None:
    assert visitor.get(f"/fleet?{query}").status == 400
    assert len(SHOWS) == len(CATALOGUE) + 2


def test_three_thousand_cells_are_a_small_page(tmp_path: Path) -> None:
    names = [f"Store {number:04}" for number in range(3000)]
    client = client_of(Organisation(tmp_path, names).make(days=False, polls=False))
    page = client.get("/fleet").body
    assert page.count('<a class="unknown"') == 3000
    assert len(page) < 500_000


def test_without_anything_all_pages_say_so(tmp_path: Path) -> None:
    client = client_of(Organisation(tmp_path, ()))
    assert "No site is known yet" in client.get("/fleet").body
    assert "No service level was measured yet: mist.duckdb is not there." in client.get("/metrics").body
    assert "No site has a score of it" in client.get("/metric/capacity").body
