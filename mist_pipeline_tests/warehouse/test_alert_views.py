"""The views of alerts, over a real ledger: what goes on, how it went, who was told."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules
from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.notify.outcome import Accepted
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.alerts.notify.time_windows import Window
from mist_pipeline.domain.site_names import display_names
from mist_pipeline.warehouse.publish import publish_ledger
from mist_pipeline_tests.support.alerts.histories import HOUR, START, correlation, finding, live

pytestmark = pytest.mark.slow

TELL = NotificationRules(routes=[Route(name="all", sinks=("mail",))])
MINUTE = timedelta(minutes=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.db") as opened:
        yield opened


def deliver(ledger: Ledger, hours: float) -> None:
    """Every waiting message is accepted."""
    now = START + hours * HOUR
    Outbox(ledger.engine).work({"mail": lambda _row: Accepted()}, "worker", lambda: now)


def view(ledger: Ledger, folder: Path, name: str, **seen: str | None) -> list[dict[str, Any]]:
    """The rows of a view, after the ledger was published."""
    published = publish_ledger(
        ledger.frames(), display_names(seen), folder / "ledger.duckdb", read_at=START, evaluated_at=START
    )
    with duckdb.connect(str(published), read_only=True) as reader:
        reader.execute("SET TimeZone = 'UTC'")
        return reader.execute(f"FROM {name}").pl().to_dicts()


def only(rows: list[dict[str, Any]]) -> dict[str, Any]:
    (row,) = rows
    return row


def test_an_incident_tells_how_soon_people_knew_and_took_it_and_how_long_it_lasted(
    ledger: Ledger, tmp_path: Path
) -> None:
    ledger.record_evaluation(live(0, finding()), TELL)
    (name,) = ledger.lifecycle_state(START).incidents
    deliver(ledger, 0.1)
    before = only(view(ledger, tmp_path, "incident_history", s1="Ålesund"))
    assert (before["state"], before["duration_minutes"], before["acknowledged_after_minutes"]) == (
        "open",
        None,
        None,
    )
    ledger.acknowledge(name, "ada", START + 30 * MINUTE)
    ledger.resolve(name, "ada", START + 90 * MINUTE)
    row = only(view(ledger, tmp_path, "incident_history", s1="Ålesund"))
    assert row["site_names"] == ["Ålesund"]
    assert (row["state"], row["worst_severity"], row["num_sites"], row["num_alerts"]) == (
        "resolved",
        "major",
        1,
        1,
    )
    assert (row["told_after_minutes"], row["acknowledged_after_minutes"], row["duration_minutes"]) == (
        6,
        30,
        90,
    )
    assert (row["first_acknowledged_by"], row["told_sinks"]) == ("ada", ["mail"])
    assert view(ledger, tmp_path, "open_incidents") == []


def test_the_first_acknowledgement_stays_in_the_history_when_worse_takes_it_back(
    ledger: Ledger, tmp_path: Path
) -> None:
    ledger.record_evaluation(live(0, finding(severity="warning", kind="evidence")), TELL)
    (name,) = ledger.lifecycle_state(START).incidents
    ledger.acknowledge(name, "ada", START + 30 * MINUTE)
    ledger.record_evaluation(live(1, finding(severity="critical")), TELL)
    row = only(view(ledger, tmp_path, "incident_history"))
    assert (row["worst_severity"], row["first_acknowledged_by"], row["acknowledged_after_minutes"]) == (
        "critical",
        "ada",
        30,
    )
    going = only(view(ledger, tmp_path, "open_incidents"))
    assert (going["state"], going["severity"], going["acknowledged_by"]) == ("open", "critical", None)


def test_open_incidents_are_sorted_by_severity_and_say_why_nobody_was_notified(
    ledger: Ledger, tmp_path: Path
) -> None:
    critical_only = NotificationRules(routes=[Route(name="all", sinks=("mail",), min_severity="critical")])
    ledger.record_evaluation(live(0, finding("s1")), critical_only)
    ledger.record_evaluation(live(3, finding("s1"), finding("s2", severity="critical")), critical_only)
    deliver(ledger, 3)
    rows = view(ledger, tmp_path, "open_incidents", s1="Bergen", s2=None)
    assert [(row["severity"], row["site_names"], row["withheld"], row["told_sinks"]) for row in rows] == [
        ("critical", ["site s2"], "", ["mail"]),
        ("major", ["Bergen"], "no_route", []),
    ]


def test_sites_that_share_a_name_are_counted_and_named_each(ledger: Ledger, tmp_path: Path) -> None:
    rows = [finding("s1"), finding("s2"), finding("s2", metric="throughput")]
    shared = correlation(["s1", "s2"], family="radio")
    ledger.record_evaluation(live(0, *rows, shared), TELL)
    row = only(view(ledger, tmp_path, "open_incidents", s1="Store", s2="Store"))
    assert (row["num_sites"], row["site_names"], row["scope"]) == (
        2,
        ["Store · s1", "Store · s2"],
        "infrastructure",
    )


def test_an_incident_that_was_merged_is_part_of_the_other(ledger: Ledger, tmp_path: Path) -> None:
    ledger.record_evaluation(live(0, finding("s1")), TELL)
    both = [finding("s1"), finding("s2")]
    ledger.record_evaluation(live(3, *both, correlation(["s1", "s2"], family="radio")), TELL)
    assert sorted(ledger.frames()["incidents"]["state"]) == ["merged", "open"]
    row = only(view(ledger, tmp_path, "incident_history"))
    assert (row["num_sites"], row["num_alerts"]) == (2, 2)


def test_trouble_of_the_whole_organisation_has_no_site(ledger: Ledger, tmp_path: Path) -> None:
    ledger.record_evaluation(live(0, finding("", "collector", "collector", "critical", metric="")), TELL)
    row = only(view(ledger, tmp_path, "open_incidents"))
    assert (row["num_sites"], row["site_names"]) == (0, [])
    assert only(view(ledger, tmp_path, "named_alerts"))["site_name"] is None


def test_a_digest_is_a_notification_of_each_of_its_incidents(ledger: Ledger, tmp_path: Path) -> None:
    night = Window(begins=START.time(), zone="UTC", lasts_hours=6)
    quiet = NotificationRules(routes=[Route(name="all", sinks=("mail",), quiet_hours=(night,))])
    rows = [finding("s1"), finding("s2", "connect", metric="time-to-connect")]
    for hour in range(8):
        ledger.record_evaluation(live(hour, *rows), quiet)
    deliver(ledger, 7.5)
    ledger.send_test(["mail"], "info", START + 8 * HOUR)
    incidents = set(ledger.frames()["incidents"]["incident_id"])
    told = view(ledger, tmp_path, "tellings")
    assert {row["incident_id"] for row in told} == incidents
    assert [(row["reason"], row["is_digest"], row["state"]) for row in told] == [("first", True, "sent")] * 2
    assert {row["told_after_minutes"] for row in view(ledger, tmp_path, "incident_history")} == {450}
