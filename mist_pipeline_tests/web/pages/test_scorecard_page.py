"""The scorecard: what it says of many cases, of few, of none, and of what was made afterwards."""

import csv
from collections.abc import Mapping
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mist_pipeline.overview.past.graded import scorecard as scorecard_of
from mist_pipeline.tables import scorecard
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.connection import connect
from mist_pipeline.warehouse.publish import publish
from mist_pipeline_tests.support.overview.organisations import HOSTILE, Organisation, full
from mist_pipeline_tests.support.web.consoles import Client, client_of

pytestmark = pytest.mark.slow

DAY = date(2026, 3, 1)


def rows(table: Table, *given: Mapping[str, Any]) -> pl.DataFrame:
    return full(table, pl.DataFrame(list(given))).select(table.column_names)


def crossing(number: int, outcome: str, **own: Any) -> dict[str, Any]:
    return {
        "day": DAY - timedelta(days=number), "site_id": f"site-{number % 2}", "metric": "capacity", "outcome": outcome,
        "first_day": DAY - timedelta(days=number + 3), "predicted_days": 2.4, "lead_days": 3 if outcome == "hit" else None,
        "lowest_pct": 61.26, "is_late_issue": False, **own,
    }  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Organisation:
    made = Organisation(tmp_path_factory.mktemp("graded"), (HOSTILE[0], "Bonn")).make(days=False, polls=False)
    accuracy = {
        "day": DAY, "metric": "capacity", "model": "", "site_group": "", "mean_abs_error_pct": 1.25, "n_compared": 90,
        "compared_abs_error_pct": 1.2, "naive_abs_error_pct": 2.5, "weekday_abs_error_pct": 1.9, "coverage_80": 0.79,
        "coverage_95": 0.9449,
    }  # fmt: skip
    probability = {"day": DAY, "metric": "capacity", "n_censored": 1, "brier": 0.1}
    frames = {
        scorecard.FORECAST_ACCURACY: rows(
            scorecard.FORECAST_ACCURACY,
            {**accuracy, "horizon_days": 1, "n": 100},
            {**accuracy, "horizon_days": 7, "n": 5},
            {**accuracy, "horizon_days": 1, "n": 100, "model": "arima(1,1,1)"},
        ),
        scorecard.PROBABILITIES: rows(
            scorecard.PROBABILITIES,
            {**probability, "bin_low": 0.8, "n": 40, "mean_probability": 0.85, "observed_share": 0.5},
            {**probability, "bin_low": 0.1, "n": 3, "mean_probability": 0.15, "observed_share": 0.0},
        ),
        scorecard.CROSSINGS: rows(
            scorecard.CROSSINGS,
            crossing(0, "hit"),
            crossing(1, "false_alarm"),
            crossing(2, "missed"),
            crossing(3, "hit", is_late_issue=True),
            crossing(3, "false_alarm", site_id="site-2", is_withheld=True),
        ),
    }
    quality = {
        "day": DAY, "severity": "", "sink": "", "n_told": 0, "n_unjudged": 0, "n_acknowledged": 0, "n_waiting": 0,
        "n_troubles": 0, "n_cloud": 0, "n_cloud_told": 0, "n_cloud_before": 0, "n_without_cloud": 0,
    }  # fmt: skip
    frames[scorecard.ALERT_QUALITY] = rows(
        scorecard.ALERT_QUALITY,
        *(
            {**quality, "window_days": window, "rule": rule, "n_alerts": alerts, "n_true": true, "n_false": false, "n_judged": true + false,
             "precision": true / (true + false), "precision_low": 0.55, "precision_high": 0.93}
            for window in (30, 90)
            for rule, alerts, true, false in (("", 40, 16, 4), ("evidence", 30, 15, 1), ("<b>own</b>", 10, 1, 3))
        ),
    )  # fmt: skip
    days = [DAY - timedelta(days=back) for back in range(4)]
    made.warehouse.replace_all(frames, days)
    publish(made.warehouse, made.places.published)
    return made


@pytest.fixture(scope="module")
def graded(made: Organisation) -> Client:
    return client_of(made)


def test_accuracy_stands_beside_simple_methods_and_few_cases_say_so(graded: Client) -> None:
    page = graded.get("/scorecard").body
    assert "<b>1.25</b>" in page
    assert ">2.50<" in page
    assert ">94.4<" in page
    assert page.count("too few cases") == 3
    assert 'id="chart-inside"' in page


def test_probabilities_stand_beside_what_came_with_how_sure_that_is(graded: Client) -> None:
    page = graded.get("/scorecard").body
    assert "80–90 %" in page
    assert "<b>50.0 %</b>" in page
    assert "35.2–64.8 %" in page
    assert "2 predictions had too few readings" in page


def test_the_sentences_are_those_of_the_command_and_of_the_morning(
    graded: Client, made: Organisation
) -> None:
    page = unescape(graded.get("/scorecard").body)
    with connect(made.places.published, read_only=True) as connection:
        found = scorecard_of(connection, 3)
    assert found is not None
    assert found.day == DAY
    assert len(found.lines) > 4
    assert all(line.text in page for line in found.lines)


def test_alerts_are_graded_by_rule_with_how_sure_that_is(graded: Client) -> None:
    page = graded.get("/scorecard").body
    alerts = page[page.index("<h2>Alerts</h2>") : page.index("<h2>Forecasts</h2>")]
    assert "<b>93 %</b>" in alerts
    assert "55–93 %" in alerts
    assert alerts.count("too few cases") == 1
    assert ">Excess trouble<" in alerts
    assert "&lt;b&gt;own&lt;/b&gt;" in alerts


def test_reliability_is_drawn_of_many_cases_with_its_numbers(graded: Client) -> None:
    page = graded.get("/scorecard").body
    assert 'id="chart-reliability"' in page
    assert page.count('class="dot" d=') == 1
    found = list(csv.DictReader(graded.get("/scorecard?as=csv&chart=reliability").body.splitlines()))
    assert len(found) == 10
    assert (found[8]["Mean said"], found[8]["Came"]) == ("85.0", "50.0")
    assert found[1]["Came"] == ""
    over_time = list(csv.DictReader(graded.get("/scorecard?as=csv&chart=calibration").body.splitlines()))
    assert over_time[-1]["Time"] == DAY.isoformat()
    assert float(over_time[-1]["Said"]) == pytest.approx((40 * 85 + 3 * 15) / 43)


def test_crossings_are_counted_and_those_that_were_made_afterwards_named(graded: Client) -> None:
    page = graded.get("/scorecard").body
    assert "Too few cases to say how good warnings are." in page
    assert "1 prediction of these was made afterwards, by a backfill: nobody was warned." in page
    assert '<span class="n">2</span> <span class="w">Came true</span>' in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    # On a phone there is no head of the table: each number says what it is.
    assert '<td class="num" data-word="Said in">2.4 d</td>' in page
    assert "<script>alert" not in page


def test_one_service_level_and_another_range_are_addresses(graded: Client) -> None:
    assert "No forecast has fallen due" in graded.get("/scorecard?metric=coverage&range=90d").body
    found = list(csv.DictReader(graded.get("/scorecard?metric=capacity&as=csv").body.splitlines()))
    assert [row["name"] for row in found] == ["1", "7", "capacity"]
    for wrong in ("metric=%3Cb%3E", "range=24h", "range=-1", "as=csv&chart=x"):
        assert graded.get(f"/scorecard?{wrong}").status == 400


def test_a_copy_of_an_earlier_version_has_no_scorecard_and_says_so(tmp_path: Path) -> None:
    page = client_of(Organisation(tmp_path, ())).get("/scorecard").body
    assert "Scorecard: mist.duckdb is not there." in page
    assert "No forecast has fallen due" in page


def test_a_copy_without_the_newest_columns_is_graded_as_far_as_it_goes(
    made: Organisation, tmp_path: Path
) -> None:
    older = tmp_path / "mist.duckdb"
    older.write_bytes(made.places.published.read_bytes())
    with connect(older, read_only=False, wait_seconds=1) as connection:
        connection.execute("ALTER TABLE scorecard.alert_quality DROP COLUMN noticed_p90_hours")
    with connect(older, read_only=True, wait_seconds=1) as connection:
        found = scorecard_of(connection, 3)
    assert found is not None
    assert "precision" in [line.name for line in found.lines]
