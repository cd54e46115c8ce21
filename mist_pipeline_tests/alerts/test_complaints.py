"""What users of other systems suffer from, each as a test from findings to the rows that wait for a sink.

The complaints about tickets and pages at the other side are tested with the sinks.
"""

import shutil
from collections.abc import Iterable
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules
from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.alerts.notify.escalation import EscalationPolicy, EscalationStep
from mist_pipeline.alerts.notify.matchers import parse_matchers
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.alerts.notify.silences import Silence
from mist_pipeline.alerts.notify.time_windows import Window
from mist_pipeline_tests.support.alerts.histories import (
    HOUR,
    START,
    correlation,
    daily,
    finding,
    findings,
    live,
    reading,
)

MINUTE = timedelta(minutes=1)
EVIDENCE = finding()
CRITICAL = finding(severity="critical")
DUTY = EscalationPolicy(steps=(EscalationStep(after_minutes=15, sink="pager", to="ada"),))
EVERYBODY = NotificationRules(
    routes=[Route(name="all", sinks=("mail", "jira"), escalation="duty")], escalations={"duty": DUTY}
)


@pytest.fixture
def address(sqlite_template: Path, tmp_path: Path) -> str:
    """SQLite is enough here: what differs between databases is tested with the ledger."""
    return str(shutil.copy(sqlite_template, tmp_path / "ledger.db"))


def told(
    ledger: Ledger, steps: Iterable[EvaluationInput], telling: NotificationRules = EVERYBODY
) -> list[tuple[str, str]]:
    """Sink and reason of everything that these evaluations put into the outbox."""
    said = []
    for step in steps:
        recorded = ledger.record_evaluation(step, telling)
        said += [(notification.sink, notification.reason) for notification in recorded.notifications]
        said += [
            (notification.sink, notification.reason) for notification in ledger.escalate(telling, step.as_of)
        ]
    return said


def reasons(said: list[tuple[str, str]], sink: str = "mail") -> list[str]:
    return [reason for name, reason in said if name == sink]


def hours(
    first: float, last: float, *rows: dict[str, str], readings: pl.DataFrame | None = None
) -> list[EvaluationInput]:
    return [live(first + n, *rows, readings=readings) for n in range(int(last - first) + 1)]


def test_two_workers_open_two_tickets(ledger: Ledger, address: str) -> None:
    """One evaluation, recorded by two workers: one row for the ticket, leased by one of them."""
    with Ledger(address) as second:
        ledger.record_evaluation(live(0, EVIDENCE), EVERYBODY)
        second.record_evaluation(live(0, EVIDENCE), EVERYBODY)
        one = Outbox(ledger.engine).lease("w1", START, sinks=["jira"])
        other = Outbox(second.engine).lease("w2", START, sinks=["jira"])
    assert (len(one), len(other)) == (1, 0)


@pytest.mark.slow
def test_a_re_fire_soon_after_resolve_is_the_same_incident_and_a_late_one_is_new(ledger: Ledger) -> None:
    told(ledger, [live(0, EVIDENCE), *hours(1, 13), live(14), live(15, EVIDENCE), *hours(16, 28)])
    assert len(ledger.lifecycle_state(START).incidents) == 1
    said = told(ledger, [*hours(29, 60), live(61, EVIDENCE)])
    assert reasons(said) == ["first"]
    assert ledger.frames()["incidents"].height == 2


@pytest.mark.slow
def test_flapping(ledger: Ledger) -> None:
    """Every other hour bad for two days is one message, and its end another."""
    steps = [live(hour, *([CRITICAL] if hour % 2 else [])) for hour in range(48)]
    said = told(
        ledger, [*steps, *hours(48, 110)], NotificationRules(routes=[Route(name="all", sinks=("mail",))])
    )
    assert reasons(said) == ["first", "all_resolved"]


@pytest.mark.slow
def test_the_target_vanishes_and_is_called_resolved(ledger: Ledger) -> None:
    said = told(ledger, [live(0, EVIDENCE), *hours(1, 60, readings=reading("missing"))])
    assert "all_resolved" not in reasons(said)


@pytest.mark.slow
def test_the_collector_stops_and_everything_is_called_resolved(ledger: Ledger) -> None:
    stopped = finding("", "collector", "collector", "critical", "")
    said = told(ledger, [live(0, EVIDENCE), *hours(1, 60, stopped)])
    assert reasons(said) == ["first", "first"]


@pytest.mark.slow
@pytest.mark.parametrize("state", ["missing", "not_supported"])
def test_missing_is_filled_with_zero(ledger: Ledger, state: str) -> None:
    """No reading is neither bad nor good: it opens nothing, and it closes nothing."""
    assert told(ledger, [live(0, readings=reading(state))]) == []
    steps = [live(1, EVIDENCE), *hours(2, 30, readings=reading(state))]
    assert reasons(told(ledger, steps)) == ["first"]


@pytest.mark.parametrize(
    ("local", "is_notifying"),
    [
        ("2026-03-28T19:39", True),
        ("2026-03-28T19:40", False),
        ("2026-03-29T07:39", False),
        ("2026-03-29T07:40", True),
        ("2026-10-24T19:40", False),
        ("2026-10-25T05:39", False),
        ("2026-10-25T05:40", True),
    ],
)
def test_quiet_hours_in_utc_shifted_by_daylight_saving_and_lost_at_midnight(
    ledger: Ledger, local: str, is_notifying: bool
) -> None:
    night = Window(begins=time(19, 40), zone="Europe/Berlin", lasts_hours=11)
    telling = NotificationRules(routes=[Route(name="all", sinks=("mail",), quiet_hours=(night,))])
    now = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    step = EvaluationInput(as_of=now, source="live", findings=findings([EVIDENCE]))
    recorded = ledger.record_evaluation(step, telling)
    assert bool(recorded.notifications) is is_notifying
    assert all(withheld.reason == "quiet_hours" for withheld in recorded.withheld.values())
    assert len(recorded.withheld) == (not is_notifying)


def test_suppressed_for_ever_after_the_window(ledger: Ledger) -> None:
    """State goes on under a silence, and what is true at its end is told then: here a rise."""
    works = Silence(
        silence_id="works", matchers=parse_matchers("site_id=s1"), starts_at=START, ends_at=START + 5 * HOUR
    )
    telling = NotificationRules(routes=[Route(name="all", sinks=("mail",))], windows=[works])
    before = [live(-1, EVIDENCE)]
    during = [*hours(0, 4, CRITICAL)]
    assert reasons(told(ledger, [*before, *during], telling)) == ["first"]
    assert reasons(told(ledger, [live(5, CRITICAL)], telling)) == ["severity_rise"]


def test_a_snooze_that_had_its_window_the_wrong_way_round(ledger: Ledger) -> None:
    """Silent inside, told before and after."""
    works = Silence(
        silence_id="works",
        matchers=parse_matchers('site_group="North"'),
        starts_at=START + 2 * HOUR,
        ends_at=START + 4 * HOUR,
    )
    telling = NotificationRules(
        routes=[Route(name="all", sinks=("mail",))],
        windows=[works],
        labels_by_site={name: {"site_group": ("North",)} for name in ("s1", "s2", "s3")},
    )
    heard = {
        hour: reasons(told(ledger, [live(hour, finding(site))], telling))
        for hour, site in ((1, "s1"), (3, "s2"), (4, "s3"))
    }
    assert heard == {1: ["first"], 3: [], 4: ["first", "first"]}


@pytest.mark.slow
def test_still_paged_after_acknowledging(ledger: Ledger) -> None:
    told(ledger, [live(0, CRITICAL)])
    (name,) = ledger.lifecycle_state(START).incidents
    ledger.acknowledge(name, "ada", START + 10 * MINUTE)
    said = told(ledger, hours(1, 40, CRITICAL))
    assert reasons(said, "pager") == []


@pytest.mark.slow
def test_an_acknowledged_alert_pages_months_later(ledger: Ledger) -> None:
    told(ledger, [live(0, CRITICAL)])
    (name,) = ledger.lifecycle_state(START).incidents
    ledger.acknowledge(name, "ada", START + 10 * MINUTE)
    silent = [live(24 * day, readings=reading("missing")) for day in range(1, 90)]
    assert reasons(told(ledger, silent), "pager") == []
    assert ledger.frames()["alerts"]["resolution"].to_list() == ["expired"]


def test_an_escalation_is_lost_at_a_restart(address: str) -> None:
    with Ledger(address) as before:
        told(before, [live(0, CRITICAL)])
    with Ledger(address) as after:
        assert [notification.sink for notification in after.escalate(EVERYBODY, START + 40 * MINUTE)] == [
            "pager"
        ]


@pytest.mark.slow
def test_a_storm_of_three_hundred_messages_for_one_wan_outage(ledger: Ledger) -> None:
    down = [finding(f"s{n:03}", "device", "site_down", "critical", "") for n in range(300)]
    said = told(ledger, [live(0, *down), live(1, *down)])
    assert sorted(said) == [("jira", "first"), ("mail", "first"), ("pager", "escalation")]
    (row,) = ledger.frames()["deliveries"].filter(pl.col("sink") == "mail").iter_rows(named=True)
    assert '"s299"' in row["payload"]


def test_a_new_site_pages_at_once_on_noise(ledger: Ledger) -> None:
    """Statistics alone, before there is enough history to be evidence, tell nobody."""
    noise = [finding(kind=kind, severity="critical") for kind in ("baseline", "trend", "anomaly")]
    for hour, row in enumerate(noise):
        assert told(ledger, [live(hour, row)]) == []


def test_an_alert_carries_its_evidence(ledger: Ledger) -> None:
    seen = finding(evidence='{"surprise": 8.1, "window_hours": 3}', summary="Coverage: 40 % degraded.")
    told(ledger, [live(0, seen)])
    row = ledger.frames()["alerts"].row(0, named=True)
    assert (row["evidence"], row["summary"]) == (seen["evidence"], seen["summary"])


def test_a_regional_fault_is_one_incident_and_those_told_before_are_merged(ledger: Ledger) -> None:
    sites = [f"s{n}" for n in range(6)]
    rows = [finding(site, "connect") for site in sites]
    said = told(ledger, [live(0, rows[0]), live(1, *rows, correlation(sites))])
    assert reasons(said) == ["first", "merged", "first"]


@pytest.mark.slow
def test_a_chronic_site_is_told_every_morning(ledger: Ledger) -> None:
    chronic = finding(kind="evidence", severity="warning")
    said = told(ledger, [daily(24 * day, chronic) for day in range(1, 40)])
    assert reasons(said) == ["first"]


def test_an_ended_incident_of_long_ago_is_still_told_to_be_over(ledger: Ledger) -> None:
    """A silence that lasts longer than the memory for reopening."""
    works = Silence(
        silence_id="works",
        matchers=parse_matchers("site_id=s1"),
        starts_at=START + MINUTE,
        ends_at=START + 300 * HOUR,
    )
    telling = NotificationRules(routes=[Route(name="all", sinks=("mail",))], windows=[works])
    quick = [live(0, EVIDENCE), *hours(1, 14), live(299)]
    assert reasons(told(ledger, quick, telling)) == ["first"]
    assert reasons(told(ledger, [live(301)], telling)) == ["all_resolved"]


def test_rules_are_those_the_ledger_was_opened_with(address: str) -> None:
    silent = Policy(rules={})
    with Ledger(address, silent) as ledger:
        assert told(ledger, [live(0, CRITICAL)]) == []
