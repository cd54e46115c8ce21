"""Past weeks again, and the frames that come of them."""

import json

import polars as pl

from mist_pipeline.alerts.lifecycle.replay import ALERT_COLUMNS, EVENT_COLUMNS, replay
from mist_pipeline_tests.support.alerts.histories import HOUR, START, correlation, finding, live, run

ONE = finding(severity="warning")
WORSE = finding(kind="site_down", family="radio", severity="critical")


def test_a_replay_gives_the_columns_that_others_read() -> None:
    steps = [live(0, ONE), live(1, ONE, WORSE), *(live(hour) for hour in range(2, 20))]
    told = replay(steps)
    assert dict(told.alerts.schema) == dict(ALERT_COLUMNS)
    (row,) = told.alerts.iter_rows(named=True)
    assert (row["kind"], row["severity"], row["metric"]) == ("evidence", "critical", "coverage")
    assert (row["opened_at"], row["resolved_at"]) == (START, START + 14 * HOUR)
    events = told.event_frame()
    assert dict(events.schema) == dict(EVENT_COLUMNS)
    assert json.loads(events["detail"][0])["summary"] == "Coverage is bad."


def test_alerts_that_never_opened_are_left_out_and_an_empty_past_has_columns() -> None:
    pending = replay([live(0, finding("", "collector", "collector", "major", "")), live(0.25)])
    assert pending.alerts.is_empty()
    assert pending.events
    assert dict(replay([]).alerts.schema) == dict(ALERT_COLUMNS)
    assert dict(replay([]).event_frame().schema) == dict(EVENT_COLUMNS)


def test_an_alert_is_listed_under_the_incident_in_which_it_ended_up() -> None:
    sites = ["s1", "s2", "s3"]
    rows = [finding(site, "connect") for site in sites]
    steps = [live(0, rows[0]), live(1, *rows, correlation(sites))]
    state, _ = run(steps)
    listed = dict(replay(steps).alerts.select("alert_id", "incident_id").iter_rows())
    assert listed == {name: one.incident_id for one in state.incidents.values() for name in one.alert_ids}
    assert len(set(listed.values())) == 1


def test_the_order_of_findings_and_sites_changes_nothing() -> None:
    rows = [finding(site, family) for site in ("s1", "s2", "s3") for family in ("radio", "connect")]
    forward = replay([live(0, *rows), live(1, *rows[:3])])
    backward = replay([live(0, *rows[::-1]), live(1, *rows[2::-1])])
    assert forward.alerts.equals(backward.alerts)
    assert forward.events == backward.events


def test_a_healthy_site_more_changes_nothing_for_the_others() -> None:
    def told(*sites: str) -> pl.DataFrame:
        answered = pl.DataFrame(
            {"site_id": sites, "metric": "coverage", "state": "ok", "score_pct": 99.0},
            schema_overrides={"score_pct": pl.Float64},
        )
        steps = [live(0, ONE), *(live(hour, readings=answered) for hour in range(1, 20))]
        return replay(steps).alerts

    assert told("s1").equals(told("s1", "s2"))
