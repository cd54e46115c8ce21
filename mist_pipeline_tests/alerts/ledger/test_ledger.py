"""The ledger: transactions that end with events and outbox rows together, on both databases."""

from datetime import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from mist_pipeline.alerts.ledger import tables
from mist_pipeline.alerts.ledger.database import LedgerUnavailableError, reading, writing
from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules
from mist_pipeline.alerts.ledger.mapping import silence_of
from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.ledger.reader import NoSuchSubjectError
from mist_pipeline.alerts.lifecycle.model import Withheld
from mist_pipeline.alerts.lifecycle.projection import fold_alerts, fold_incidents
from mist_pipeline.alerts.lifecycle.replay import replay
from mist_pipeline.alerts.notify.matchers import all_match, parse_matchers
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.alerts.notify.silences import Silence
from mist_pipeline.alerts.notify.time_windows import Window
from mist_pipeline_tests.support.alerts.histories import (
    HOUR,
    START,
    daily,
    episodes,
    excess,
    finding,
    live,
)
from mist_pipeline_tests.support.alerts.ledgers import (
    EVIDENCE,
    MINUTE,
    PAGED,
    TELL,
    incident_id,
    outbox_rows,
    silence,
)


def test_the_migrations_make_exactly_the_tables(ledger: Ledger) -> None:
    with reading(ledger.engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.METADATA) == []


def test_opening_again_changes_nothing_and_a_later_version_is_refused(ledger: Ledger, address: str) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), TELL)
    with Ledger(address) as again:
        assert len(again.events()) == len(ledger.events()) > 0
    with writing(ledger.engine) as connection:
        version = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        with pytest.raises(LedgerUnavailableError, match=r"9999.*Update"):
            Ledger(address)
    finally:
        with writing(ledger.engine) as connection:
            connection.execute(
                sa.text("UPDATE alembic_version SET version_num = :version"), {"version": version}
            )


def test_a_new_ledger_is_made_from_nothing_in_a_folder_that_was_not_there(tmp_path: Path) -> None:
    with Ledger(tmp_path / "deep" / "down" / "ledger.db") as made:
        assert made.events() == []


@pytest.mark.parametrize("url", ["nonsense://nobody@nowhere/x", "postgresql://:://"])
def test_an_address_that_is_none_is_told_without_its_secrets(url: str) -> None:
    with pytest.raises(LedgerUnavailableError, match="database URL") as caught:
        Ledger(url)
    assert "nobody" not in str(caught.value)


def test_events_and_outbox_rows_are_committed_together(ledger: Ledger) -> None:
    recorded = ledger.record_evaluation(live(0, EVIDENCE), TELL)
    assert [event.kind for event in recorded.events] == ["pending", "opened", "opened", "joined"]
    assert outbox_rows(ledger) == [("mail", "first", "pending")]
    bad = NotificationRules(routes=[Route(name="all", sinks=("mail",), escalation="nobody")])
    with pytest.raises(ValueError, match="nobody"):
        ledger.record_evaluation(live(1, finding(family="connect")), bad)
    assert ledger.last_evaluation() == START
    assert len(outbox_rows(ledger)) == 1


@pytest.mark.slow
def test_state_follows_from_the_events_alone(ledger: Ledger) -> None:
    steps = [
        live(0, EVIDENCE),
        live(1, EVIDENCE, finding(severity="critical")),
        *(live(h) for h in range(2, 30)),
    ]
    for step in steps:
        ledger.record_evaluation(step, TELL)
    events = ledger.events()
    state = ledger.lifecycle_state(START + 30 * HOUR)
    assert dict(state.alerts) == fold_alerts(events)
    assert dict(state.incidents) == fold_incidents(events)


@pytest.mark.slow
def test_the_ledger_and_a_replay_tell_the_same_story(ledger: Ledger) -> None:
    steps = [
        live(0, EVIDENCE),
        *(live(hour) for hour in range(1, 24)),
        daily(24, EVIDENCE),
        live(25, EVIDENCE),
    ]
    for step in steps:
        ledger.record_evaluation(step)
    assert tuple(ledger.events()) == replay(steps).events
    frames = ledger.frames()
    assert frames["events"].height == len(ledger.events())
    assert ledger.alert_frame().equals(replay(steps).alerts)


def test_the_same_evaluation_is_recorded_once_and_an_older_one_refused(ledger: Ledger) -> None:
    assert ledger.record_evaluation(live(1, EVIDENCE), TELL).events
    assert ledger.record_evaluation(live(1, EVIDENCE), TELL).events == ()
    with pytest.raises(ValueError, match="replay"):
        ledger.record_evaluation(live(0, EVIDENCE), TELL)
    assert len(outbox_rows(ledger)) == 1


def test_nothing_is_told_unless_asked_and_can_be_told_later(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE))
    assert outbox_rows(ledger) == []
    assert [notification.reason for notification in ledger.notify(TELL, START + HOUR).notifications] == [
        "first"
    ]
    assert ledger.notify(TELL, START + 2 * HOUR).notifications == ()


def test_every_incident_is_told_or_has_its_reason(ledger: Ledger) -> None:
    nobody = NotificationRules(routes=[Route(name="bad", sinks=("mail",), min_severity="critical")])
    recorded = ledger.record_evaluation(live(0, EVIDENCE), nobody)
    assert list(recorded.withheld.values()) == [Withheld("no_route")]
    assert ledger.lifecycle_state(START).incidents[incident_id(ledger)].withheld == Withheld("no_route")
    ledger.notify(TELL, START + HOUR)
    assert ledger.lifecycle_state(START).incidents[incident_id(ledger)].withheld is None


def test_a_silenced_alert_is_silent_until_the_silence_ends(ledger: Ledger) -> None:
    kept = ledger.add_silence(silence('site_id="s1"'))
    recorded = ledger.record_evaluation(live(0, EVIDENCE), TELL)
    assert list(recorded.withheld.values()) == [Withheld("silenced_by", kept.silence_id)]
    assert outbox_rows(ledger) == []
    ledger.record_evaluation(live(1, EVIDENCE), TELL)
    assert outbox_rows(ledger) == []
    ledger.record_evaluation(live(2, EVIDENCE), TELL)
    assert outbox_rows(ledger) == [("mail", "first", "pending")]


def test_ending_a_silence_early_tells_what_it_held_back(ledger: Ledger) -> None:
    kept = ledger.add_silence(silence("severity=major"))
    ledger.record_evaluation(live(0, EVIDENCE), TELL)
    assert ledger.silences(START + MINUTE) == [kept]
    ended = ledger.end_silence(kept.silence_id, START + MINUTE)
    assert ended.ends_at == START + MINUTE
    assert ledger.silences(START + MINUTE) == []
    assert ledger.silences() == [ended]
    assert ledger.end_silence(kept.silence_id, START + HOUR) == ended
    assert len(ledger.notify(TELL, START + 2 * MINUTE).notifications) == 1


def test_a_silence_that_has_not_begun_is_taken_back_whole(ledger: Ledger) -> None:
    kept = ledger.add_silence(silence("severity=major"))
    ledger.end_silence(kept.silence_id, START - HOUR)
    assert ledger.silences() == []
    with pytest.raises(NoSuchSubjectError, match=kept.silence_id):
        ledger.end_silence(kept.silence_id, START)


@pytest.mark.slow
def test_a_recovery_during_a_silence_is_told_after_it(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), TELL)
    ledger.add_silence(
        Silence(
            silence_id="works",
            matchers=parse_matchers("site_id=s1"),
            starts_at=START + MINUTE,
            ends_at=START + 15 * HOUR,
        )
    )
    for hour in range(1, 15):
        ledger.record_evaluation(live(hour), TELL)
    assert outbox_rows(ledger) == [("mail", "first", "pending")]
    ledger.record_evaluation(live(15), TELL)
    assert [reason for _, reason, _ in outbox_rows(ledger)] == ["first", "all_resolved"]


def test_what_somebody_else_was_told_is_told_to_be_over_even_without_a_route(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), TELL)
    moved = NotificationRules(routes=[Route(name="new", sinks=("slack",), min_severity="critical")])
    ledger.resolve(incident_id(ledger), "ada", START + MINUTE)
    (notification,) = ledger.notify(moved, START + 2 * MINUTE).notifications
    assert (notification.sink, notification.reason, notification.is_over) == ("mail", "all_resolved", True)


def test_a_test_message_is_marked_and_makes_no_incident(ledger: Ledger) -> None:
    (notification,) = ledger.send_test(["mail"], "critical", START)
    assert outbox_rows(ledger) == [("mail", "test", "pending")]
    (row,) = Outbox(ledger.engine).lease("w1", START)
    assert (row.incident_id, row.payload["severity"]) == (notification.incident_id, "critical")
    assert ledger.frames()["incidents"].is_empty()


@pytest.mark.slow
def test_three_hundred_sites_make_one_row_for_each_sink(ledger: Ledger) -> None:
    down = [finding(f"s{n}", "device", "site_down", "critical", "") for n in range(300)]
    both = NotificationRules(routes=[Route(name="all", sinks=("mail", "slack"))])
    ledger.record_evaluation(live(0, *down, site_count=300), both)
    assert outbox_rows(ledger) == [("mail", "first", "pending"), ("slack", "first", "pending")]
    frames = ledger.frames()
    assert frames["alerts"]["incident_id"].n_unique() == 1
    assert frames["alerts"].height == 300


def test_what_was_over_before_it_was_noticed_is_in_one_digest_and_in_no_other_message(ledger: Ledger) -> None:
    night = Window(begins=time(22), zone="UTC", until=time(6))
    rules = NotificationRules(
        routes=[Route(name="all", sinks=("mail", "pager"), quiet_hours=(night,), escalation="duty")],
        escalations=PAGED.escalations,
        pagers=["pager"],
    )
    gone = episodes({"site_id": "s9", "began": 10, "last": 19, "recovery": 1.0})
    ledger.record_evaluation(live(24, EVIDENCE), rules)
    ledger.record_evaluation(daily(26.5, excess(10, 19, recovery=1.0, site_id="s9"), episodes=gone), rules)
    assert outbox_rows(ledger) == []
    morning = ledger.notify(rules, START + 30 * HOUR).notifications
    assert sorted((one.sink, one.reason) for one in morning) == [("mail", "digest"), ("pager", "first")]
    (digest,) = [one for one in morning if one.reason == "digest"]
    assert [one.reason for one in digest.covers] == ["first", "past"]
    past = digest.covers[1].incident_id
    assert [row["reason"] for row in ledger.records(past)["deliveries"]] == ["digest"]
    assert ledger.records(past)["escalations"] == []
    # Another night, another digest: the past was told.
    ledger.record_evaluation(live(48, EVIDENCE, finding("s2", "connect")), rules)
    (again,) = [one for one in ledger.notify(rules, START + 54 * HOUR).notifications if one.sink == "mail"]
    assert again.reason == "first"


def test_a_stored_silence_that_cannot_be_read_any_more_is_about_nothing_and_stops_nothing() -> None:
    row = {
        "silence_id": "old",
        "matchers": 'site=~"Cologne(?=3)"',
        "starts_at": START,
        "ends_at": START.replace(year=START.year + 1),
        "window": None,
        "created_by": "ada",
        "comment": "",
    }
    silence = silence_of(row)
    assert not all_match(silence.matchers, {"site": ("Cologne3",), "severity": ("critical",)})
    assert "not readable any more" in str(silence.matchers[0])
    assert parse_matchers(str(silence.matchers[0])) == silence.matchers
