"""What is known of alerts and troubles: each source by itself, and on which day."""

from datetime import UTC, date, datetime, timedelta

import polars as pl

from mist_pipeline.scorecard.truths import (
    WEIGHTS,
    dated,
    from_alarms,
    from_feedback,
    from_maintenance,
    from_scores,
    from_tickets,
)
from mist_pipeline.tables import alerts, history
from mist_pipeline_tests.support.analysis.daily_frames import frame, reading

DAY = date(2026, 3, 2)
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
END = BEGIN + timedelta(days=1)
FAMILIES = pl.DataFrame(
    {"metric": ["capacity", "coverage", "time-to-connect"], "family": ["radio", "radio", "connect"]}
)


def day(at: int) -> date:
    return DAY + timedelta(days=at)


def critical(site: str, metric: str, *days: int) -> list[dict[str, object]]:
    return [reading(60.0, day(at), site_id=site, metric=metric, severity="critical") for at in days]


def begun(*rows: dict[str, object]) -> list[tuple[str, str]]:
    found = from_scores(frame(list(rows)), FAMILIES, DAY, BEGIN - timedelta(days=1), END)
    return sorted(found.select("site_id", "family").rows())


def test_a_level_that_is_critical_for_the_second_day_is_trouble_once() -> None:
    assert begun(*critical("a", "capacity", -1, 0)) == [("a", "radio")]
    assert begun(*critical("a", "capacity", 0)) == []
    assert begun(*critical("a", "capacity", -2, -1, 0)) == []
    assert begun(*critical("a", "capacity", -2, 0)) == []


def test_levels_of_one_family_are_one_trouble() -> None:
    assert begun(*critical("a", "capacity", -1, 0), *critical("a", "coverage", -1, 0)) == [("a", "radio")]
    # One took over from the other: the family has been in trouble for two days.
    assert begun(*critical("a", "capacity", -1), *critical("a", "coverage", 0)) == [("a", "radio")]
    assert begun(*critical("a", "capacity", -1, 0), *critical("a", "time-to-connect", -1, 0)) == [
        ("a", "connect"),
        ("a", "radio"),
    ]


def test_only_tickets_whose_resolution_says_something_are_truths() -> None:
    schema = {**alerts.TICKETS.polars_schema(), "verdict": pl.String()}
    row = {
        "sink": "jira",
        "incident_id": "i",
        "ticket": "OPS-1",
        "state": "closed",
        "who": "ada",
        "read_at": END,
        "resolution": "Won't Do",
    }
    rows = [
        {**row, "verdict": "wrong"},
        {**row, "incident_id": "j", "verdict": None},
        {**row, "incident_id": "k", "state": "acknowledged", "verdict": "wrong"},
    ]
    (found,) = from_tickets(
        pl.DataFrame([dict.fromkeys(schema) | one for one in rows], schema=schema)
    ).to_dicts()
    assert (found["truth_id"], found["verdict"], found["said_by"], found["weight"]) == (
        "jira/i",
        "wrong",
        "ada",
        WEIGHTS["ticket"],
    )
    assert found["site_id"] is None


def test_critical_alarms_are_troubles_of_the_whole_site_and_those_of_marvis_by_themselves() -> None:
    schema = history.ALARMS.polars_schema()
    row = {
        "site_id": "a",
        "severity": "critical",
        "raised_at": BEGIN,
        "last_seen": END,
        "type": "dhcp_failure",
    }
    rows = [
        {**row, "alarm_id": "1", "alarm_group": "marvis"},
        {**row, "alarm_id": "2", "alarm_group": "infrastructure", "resolved_at": BEGIN},
        {**row, "alarm_id": "3", "alarm_group": "marvis", "severity": "warn"},
        {**row, "alarm_id": "4", "alarm_group": "infrastructure", "site_id": None},
    ]
    found = from_alarms(pl.DataFrame([dict.fromkeys(schema) | one for one in rows], schema=schema))
    assert found.select("truth_id", "source", "family", "ended_at").rows() == [
        ("1", "marvis", "", END),
        ("2", "mist_alarm", "", BEGIN),
    ]


def said(at: datetime, number: int = 1) -> pl.DataFrame:
    schema = alerts.FEEDBACK.polars_schema()
    row = {"feedback_id": number, "alert_id": "a1", "verdict": "right", "by": "ada", "at": at, "comment": ""}
    return from_feedback(pl.DataFrame([dict.fromkeys(schema) | row], schema=schema))


def test_what_is_said_belongs_to_the_day_of_the_organisation() -> None:
    at = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    assert dated(said(at), "UTC", DAY, DAY).height == 1
    assert dated(said(at), "Europe/Berlin", DAY, DAY).is_empty()
    assert dated(said(at), "Europe/Berlin", DAY, day(1))["day"].to_list() == [day(1)]


def test_a_trouble_known_at_the_end_of_a_day_belongs_to_that_day() -> None:
    found = from_scores(
        frame(critical("a", "capacity", -1, 0)), FAMILIES, DAY, BEGIN - timedelta(days=1), END
    )
    assert dated(found, "UTC", DAY, day(1))["day"].to_list() == [DAY]


def test_what_nobody_said_makes_empty_tables() -> None:
    nothing = [
        from_feedback(pl.DataFrame(schema=alerts.FEEDBACK.polars_schema())),
        from_tickets(pl.DataFrame(schema={**alerts.TICKETS.polars_schema(), "verdict": pl.String()})),
        from_alarms(pl.DataFrame(schema=history.ALARMS.polars_schema())),
        from_maintenance(
            pl.DataFrame(
                schema={
                    "alert_id": pl.String(),
                    "site_id": pl.String(),
                    "family": pl.String(),
                    "opened_at": pl.Datetime("us", "UTC"),
                    "window": pl.String(),
                }
            )
        ),
    ]
    assert dated(pl.concat(nothing), "UTC", DAY, DAY).is_empty()
