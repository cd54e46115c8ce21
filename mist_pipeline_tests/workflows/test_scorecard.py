"""What was issued first is kept and graded, whatever is made of the day afterwards."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.tables import alerts, analysis, history
from mist_pipeline.tables.schema import Table
from mist_pipeline.tables.scorecard import ISSUED_FORECASTS, TRUTHS
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.scorecard.grade import accuracy_rows, actions_of, crossing_rows, probability_rows
from mist_pipeline.workflows.scorecard.issue import keep_issued
from mist_pipeline.workflows.scorecard.quality import copied, quality_rows, truth_rows

DAY = date(2026, 3, 1)
AT = datetime(2026, 3, 2, 2, tzinfo=UTC)


def installation(folder: Path) -> tuple[Warehouse, Settings]:
    warehouse = Warehouse(folder / "mist.duckdb")
    warehouse.prepare()
    # Days of the organisation are not those of UTC: midnight there is another instant, of another type.
    zone = {"MIST_PIPELINE__ORGANISATION__TIMEZONE": "Europe/Berlin"}
    return warehouse, load_settings(environment={"MIST_PIPELINE_DATA": str(folder), **zone})


def rows_of(table: Table, *rows: dict[str, object]) -> pl.DataFrame:
    """Rows of a table; what is not said is null."""
    schema = table.polars_schema()
    return pl.DataFrame([dict.fromkeys(schema) | row for row in rows], schema=schema)


def forecast(mean: float, day: date = DAY) -> pl.DataFrame:
    bounds = {
        "lower_pct": mean - 5,
        "upper_pct": mean + 5,
        "lower_80_pct": mean - 2,
        "upper_80_pct": mean + 2,
    }
    row = {
        "day": day,
        "site_id": "a",
        "metric": "capacity",
        "horizon_days": 1,
        "mean_pct": mean,
        "model": "constant",
    }
    return rows_of(analysis.FORECASTS, row | bounds | {"target_day": day + timedelta(days=1)})


def keep(warehouse: Warehouse, *days: date, at: datetime = AT) -> int:
    return keep_issued(warehouse, ISSUED_FORECASTS, days or [DAY], at, "v1")


def test_a_day_that_is_analysed_again_keeps_what_was_issued_first(tmp_path: Path) -> None:
    warehouse, settings = installation(tmp_path)
    warehouse.replace_days(analysis.FORECASTS, forecast(90.0), [DAY])
    assert keep(warehouse) == 1
    warehouse.replace_days(analysis.FORECASTS, forecast(50.0), [DAY])
    assert keep(warehouse, at=AT + timedelta(days=9)) == 0
    (kept,) = warehouse.read_days(ISSUED_FORECASTS, DAY, DAY).to_dicts()
    assert (kept["mean_pct"], kept["issued_at"], kept["version"]) == (90.0, AT, "v1")
    due = DAY + timedelta(days=1)
    reading = {"day": due, "site_id": "a", "metric": "capacity", "score_pct": 88.0, "state": "ok"}
    warehouse.replace_days(history.SLE_DAILY, rows_of(history.SLE_DAILY, reading), [due])
    graded = accuracy_rows(warehouse, settings, [due]).filter(pl.col("model") == "")
    assert graded["mean_abs_error_pct"].to_list() == [2.0]


def test_only_days_without_anything_kept_are_added(tmp_path: Path) -> None:
    warehouse, _ = installation(tmp_path)
    days = [DAY, DAY + timedelta(days=1)]
    warehouse.replace_days(analysis.FORECASTS, pl.concat([forecast(90.0), forecast(80.0, days[1])]), days)
    assert [keep(warehouse, DAY), keep(warehouse, *days)] == [1, 1]


def test_without_anything_issued_there_are_no_grades(tmp_path: Path) -> None:
    warehouse, settings = installation(tmp_path)
    for rows in (accuracy_rows, probability_rows, crossing_rows):
        assert rows(warehouse, settings, [DAY]).is_empty()


def test_what_people_did_counts_for_every_service_level_of_the_family(tmp_path: Path) -> None:
    warehouse, settings = installation(tmp_path)
    family = {metric.name: metric.family for metric in settings.metrics}["capacity"]
    alert = {"alert_id": "1", "incident_id": "i", "site_id": "a", "family": family}

    def event(number: int, subject: str, kind: str, detail: str) -> dict[str, object]:
        about = {"subject": subject, "subject_id": "i" if subject == "incident" else "1"}
        return {"event_id": number, "number": number, "at": AT, "kind": kind, "detail": detail, **about}

    warehouse.replace_tables(
        {
            alerts.ALERTS: rows_of(alerts.ALERTS, alert),
            alerts.EVENTS: rows_of(
                alerts.EVENTS,
                event(1, "incident", "acknowledged", '{"by": "ada"}'),
                event(2, "alert", "resolved", '{"because": "recovered"}'),
            ),
        }
    )
    found = actions_of(warehouse, settings, DAY)
    assert set(found["action"]) == {"acknowledged"}
    assert set(found["metric"]) == {one.name for one in settings.metrics if one.family == family}


def test_what_people_said_reaches_the_quality_of_alerts(tmp_path: Path) -> None:
    warehouse, settings = installation(tmp_path)
    opened = datetime(2026, 3, 1, 10, tzinfo=UTC)
    alert = {
        "alert_id": "1",
        "incident_id": "i",
        "site_id": "a",
        "family": "radio",
        "kind": "evidence",
        "highest": "major",
        "opened_at": opened,
        "began_at": opened,
        "is_past": False,
    }
    said = {
        "feedback_id": 1,
        "incident_id": "i",
        "verdict": "wrong",
        "by": "ada",
        "at": AT - timedelta(hours=4),
        "comment": "",
    }
    later = {**said, "feedback_id": 2, "verdict": "right", "at": AT + timedelta(hours=4)}
    answers = {"ada@x.de": {"state": "accepted", "said": ""}, "$b.c@x.de": {"state": "refused", "said": "no"}}
    digest = {"covers": [{"incident_id": "i", "reason": "first"}], "answers": answers}
    sent = {
        "delivery_id": 1,
        "sink": "mail",
        "incident_id": "digest-1",
        "reason": "digest",
        "state": "sent",
        "payload": json.dumps(digest),
        "sent_at": opened,
    }
    warehouse.replace_tables(
        {
            alerts.ALERTS: rows_of(alerts.ALERTS, alert),
            alerts.FEEDBACK: rows_of(alerts.FEEDBACK, said, later),
            alerts.DELIVERIES: rows_of(alerts.DELIVERIES, sent),
        }
    )
    warehouse.replace_days(history.SITES, rows_of(history.SITES, {"day": DAY, "site_id": "a"}), [DAY])
    days = [DAY, DAY + timedelta(days=1)]
    known = truth_rows(warehouse, settings, days)
    assert known.select("day", "verdict").rows() == [(DAY, "wrong"), (days[1], "right")]
    warehouse.replace_days(TRUTHS, known, days)
    found = quality_rows(warehouse, settings, days).filter(
        (pl.col("window_days") == 7) & (pl.col("rule") == "") & (pl.col("severity") == "")
    )
    # The next day the person had changed her mind.
    assert found.filter(pl.col("sink") == "").select("day", "n_true", "n_false").rows() == [
        (DAY, 0, 1),
        (days[1], 1, 0),
    ]
    assert found.filter(pl.col("sink") == "mail")["n_alerts"].to_list() == [1, 1]
    # The digest told of it; one address took it.
    assert found.filter(pl.col("sink") == "mail")["messages_per_person_day"].to_list() == pytest.approx(
        [1 / 7] * 2
    )


def test_a_copy_that_an_earlier_version_made_is_read_without_what_is_new(tmp_path: Path) -> None:
    warehouse, _ = installation(tmp_path)
    warehouse.replace_tables({alerts.ALERTS: rows_of(alerts.ALERTS, {"alert_id": "1"})})
    with duckdb.connect(str(tmp_path / "mist.duckdb")) as connection:
        connection.execute(f"ALTER TABLE {alerts.ALERTS.full_name} DROP COLUMN levels")
    assert copied(warehouse, alerts.ALERTS).equals(rows_of(alerts.ALERTS, {"alert_id": "1"}))


def test_an_alert_in_a_planned_window_is_planned(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "notifications:\n  maintenance:\n    - name: updates\n      match: family=radio\n"
        '      window: {begins: "02:00", until: "04:00", zone: UTC}\n',
        encoding="utf-8",
    )
    warehouse, _ = installation(tmp_path)
    settings = load_settings(tmp_path / "config.yaml", {"MIST_PIPELINE_DATA": str(tmp_path)})
    at_three = datetime(2026, 3, 1, 3, tzinfo=UTC)
    alert = {
        "site_id": "a",
        "family": "radio",
        "kind": "trend",
        "metric": "",
        "highest": "major",
        "classifier": "",
    }
    rows = [
        {**alert, "alert_id": "in", "opened_at": at_three},
        {**alert, "alert_id": "other", "opened_at": at_three, "family": "connect"},
        {**alert, "alert_id": "after", "opened_at": at_three + timedelta(hours=2)},
    ]
    warehouse.replace_tables({alerts.ALERTS: rows_of(alerts.ALERTS, *rows)})
    found = truth_rows(warehouse, settings, [DAY])
    assert found.select("alert_id", "verdict", "said_by").rows() == [("in", "planned", "updates")]
