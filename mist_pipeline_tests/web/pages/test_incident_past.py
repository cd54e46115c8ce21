"""The chart of an incident: what it is about, with what is usual and what is expected."""

import csv
import re

import pytest

from mist_pipeline_tests.support.overview.organisations import AT, Organisation
from mist_pipeline_tests.support.web.consoles import Client

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def path(weeks: Organisation) -> str:
    _source, found = weeks.overview().incidents(AT)
    return next(f"/incident/{one.incident_id}" for one in found if one.site_ids == ("site-0",))


def test_an_incident_is_drawn_by_the_hour_and_by_the_day_with_its_forecast(
    visitor: Client, path: str
) -> None:
    page = visitor.get(path).body
    assert re.findall(r'id="chart-([^"]*)"', page) == ["7d", "30d"]
    assert "Capacity, 7 days, UTC" in page
    assert "Forecast 95 %" in page
    assert 'class="span critical"' in page


def test_its_numbers_come_as_csv(visitor: Client, path: str) -> None:
    rows = list(csv.DictReader(visitor.get(f"{path}?as=csv&chart=7d").body.splitlines()))
    assert len(rows) == 168
    assert rows[-1]["Time"] == "2026-03-02T14:00:00+00:00"
    assert 0 < float(rows[-1]["Score"]) < 70


@pytest.mark.parametrize("query", ["series=%3Cb%3E", "as=csv&chart=", "as=csv&chart=90d"])
def test_what_it_is_not_about_is_refused(visitor: Client, path: str, query: str) -> None:
    answer = visitor.get(f"{path}?{query}")
    assert answer.status == 400
    assert "<b>" not in answer.body
