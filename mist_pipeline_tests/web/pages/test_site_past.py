"""A site over time: ranges in the address, charts with their numbers, what is blamed, who shares the cause."""

import csv
import re
import shutil
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import duckdb
import pytest

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.overview.past.model import Neighbour
from mist_pipeline.overview.past.ranges import RANGES
from mist_pipeline.overview.past.reader import Past
from mist_pipeline.overview.past.site import Read, _changes, put_together
from mist_pipeline.web.pages.site_charts import metric_chart
from mist_pipeline_tests.support.alerts.histories import HOUR, START, episodes, excess, live
from mist_pipeline_tests.support.alerts.ledgers import TELL
from mist_pipeline_tests.support.overview.organisations import AT, METRICS, Organisation
from mist_pipeline_tests.support.web.consoles import Client, client_of

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", RANGES)
def test_every_service_level_is_drawn_over_the_range_of_the_address(visitor: Client, name: str) -> None:
    page = visitor.get(f"/site/site-0?range={name}").body
    assert {f'id="chart-{metric}"' in page for metric in METRICS} == {True}
    assert 'aria-current="true"' in page
    assert len(page) < 500_000


def test_days_have_their_usual_band_and_a_forecast_and_hours_say_where_it_is(visitor: Client) -> None:
    days, hours = (visitor.get(f"/site/site-0?range={name}").body for name in ("30d", "24h"))
    assert "Forecast 95 %" in days
    assert "Forecast 95 %" not in hours
    assert 'class="band usual"' in days
    assert 'class="band usual"' in hours
    assert "range=30d#charts" in hours


def test_the_numbers_of_a_chart_are_a_table_and_csv(visitor: Client) -> None:
    page = visitor.get("/site/site-0?range=30d").body
    assert "/site/site-0?range=30d&amp;as=csv&amp;chart=capacity" in page
    answer = visitor.get("/site/site-0?range=30d&as=csv&chart=capacity")
    rows = list(csv.DictReader(answer.body.splitlines()))
    assert len(rows) == 30 + 7
    assert rows[-1]["Score"] == ""
    assert float(rows[-1]["Forecast"]) == 63.0
    assert sum(bool(row["Score"]) for row in rows) == 12


def test_a_day_without_readings_is_a_gap(visitor: Client) -> None:
    answer = visitor.get("/site/site-1?range=30d&as=csv&chart=coverage")
    scores = [row["Score"] for row in csv.DictReader(answer.body.splitlines())]
    assert scores[22] == ""
    assert all(scores[place] for place in (21, 23))


def test_devices_that_were_lost_are_counted_by_day_and_access_points_by_hour(visitor: Client) -> None:
    page = visitor.get("/site/site-2?range=30d&as=csv&chart=devices").body
    lost = [row["Not connected"] for row in csv.DictReader(page.splitlines())]
    assert (lost[0], lost[-1]) == ("", "1")
    page = visitor.get("/site/site-2?range=7d&as=csv&chart=access-points").body
    by_hour = {row["Time"][:13]: row["Not connected"] for row in csv.DictReader(page.splitlines())}
    assert [by_hour[f"2026-03-0{hour}"] for hour in ("1T12", "1T13", "2T13")] == ["0", "2", ""]


def test_an_alert_is_marked_on_the_chart_of_its_service_level(visitor: Client) -> None:
    page = visitor.get("/site/site-0").body
    marked = re.findall(r'id="chart-([a-z-]+)"(?:(?!</figure>).)*?class="span critical"', page, re.DOTALL)
    assert marked == ["capacity"]


def test_what_is_over_is_marked_until_its_last_bad_hour_and_not_until_somebody_looked(
    weeks: Organisation, tmp_path: Path
) -> None:
    own = replace(weeks, folder=Path(shutil.copytree(weeks.folder, tmp_path / "own")))
    gone = {"began": 8, "last": 10, "site_id": "site-3", "recovery": 1.0}
    with Ledger(own.places.ledger) as ledger:
        hit = episodes({**gone, "recovery": 0.0})
        ledger.record_evaluation(live(13.25, excess(8, 10, site_id="site-3"), episodes=hit), TELL)
        ledger.record_evaluation(live(14.25, episodes=episodes(gone)), TELL)
    past = Past(own.overview())
    found = past.site("site-3", past.period("24h", AT))
    assert [(mark.begin, mark.end) for mark in found.troubles] == [(START + 8 * HOUR, START + 11 * HOUR)]
    (level,) = (one for one in found.metrics if one.metric == "coverage")
    later = replace(found, period=replace(found.period, begin=START + 11 * HOUR))
    drawn = [metric_chart(one, level, {}, AT).picture.count('class="span') for one in (found, later)]
    assert drawn == [1, 0]


@pytest.mark.parametrize("name", ["7d", "30d"])
def test_a_configuration_change_is_an_upright_line_on_the_charts_of_the_sites_that_it_applies_to(
    visitor: Client, name: str
) -> None:
    page, other = (visitor.get(f"/site/site-{one}?range={name}").body for one in (0, 1))
    assert "10:00: RF template “North &lt;b&gt;” updated</title>" in page
    assert page.count('class="moment"') == len(METRICS)
    assert "; 1 configuration change" in page
    assert "Configuration change" in page
    assert "moment" not in other


def test_a_copy_of_before_has_no_changes_and_is_drawn(weeks: Organisation) -> None:
    past = Past(weeks.overview())
    connection = duckdb.connect()
    assert _changes(connection, "history", "site-0", past.period("7d", AT)) == []


def test_what_is_blamed_is_stacked_for_the_service_level_that_is_chosen(visitor: Client) -> None:
    page = visitor.get("/site/site-0?range=30d&blamed=capacity").body
    assert "Capacity: degraded user-minutes by cause" in page
    assert "Capacity: access points hit" in page
    assert page.count('class="bar part-') >= 3


def test_sites_that_share_an_incident_or_a_cause_are_named_once(visitor: Client) -> None:
    page = visitor.get("/site/site-0").body
    section = page[page.index("Sites with the same cause") :]
    assert re.findall(r'<th scope="row"><a href="(/site/[^"]*)"', section)[:2] == [
        "/site/site-1",
        "/site/site-2",
    ]
    assert "firmware &lt;b&gt;0.14&lt;/b&gt;" in section


def test_a_shared_incident_is_a_better_reason_than_a_candidate_cause(weeks: Organisation) -> None:
    past = Past(weeks.overview())
    period = past.period("24h", AT)
    shares = [Neighbour(site_id="site-2", why="the same incident")]
    read = Read(neighbours=[("site-1", "a cause"), ("site-2", "a cause")])
    found = put_together(period, read, Read(), UTC, sharing=shares).neighbours
    assert [(one.site_id, one.why) for one in found] == [
        ("site-2", "the same incident"),
        ("site-1", "a cause"),
    ]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("range=-1", "is one of 24h, 7d, 30d, 90d"),
        ("range=1e9", "is one of 24h, 7d, 30d, 90d"),
        ("range=NaN", "is one of 24h, 7d, 30d, 90d"),
        ("range=7d%00", "is one of 24h, 7d, 30d, 90d"),
        ("blamed=%3Cscript%3E", "&lt;script&gt;: is one of"),
        ("as=csv&chart=../../etc/passwd", "is one of"),
        ("from=2026-01-01", "is not known here"),
        ("range=24h&range=7d", "is there twice"),
    ],
)
def test_an_address_that_says_nothing_known_is_refused_with_what_is_allowed(
    visitor: Client, query: str, said: str
) -> None:
    answer = visitor.get(f"/site/site-0?{query}")
    assert answer.status == 400
    assert said in answer.body


def test_a_site_without_history_says_so_and_has_no_chart(client: Client) -> None:
    page = client.get("/site/site-0?range=90d").body
    assert 'id="chart-capacity"' in page
    empty = client.get("/site/site-0?range=90d&as=csv&chart=health").body
    assert empty.count("\n") == 91


def test_old_data_leaves_the_newest_hours_empty(weeks: Organisation) -> None:
    later = client_of(weeks, clock=lambda: AT + timedelta(days=3))
    assert "Nothing was measured here in the last 24 hours" in later.get("/site/site-0").body


def test_a_published_copy_that_is_gone_is_said_on_the_page(tmp_path: Path) -> None:
    made = Organisation(tmp_path, ("Berlin",)).make(days=False)
    page = client_of(made).get("/site/site-0").body
    assert "Charts: mist.duckdb is not there." in page
    assert 'id="chart-capacity"' in page
