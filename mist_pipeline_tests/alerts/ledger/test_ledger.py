"""The ledger: transactions that end with events and outbox rows together, on both databases."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from mist_pipeline.alerts.ledger import tables
from mist_pipeline.alerts.ledger.database import LedgerUnavailableError, reading, writing
from mist_pipeline.alerts.ledger.export import COPIED, schema
from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules, Ticket
from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.ledger.reader import NoSuchSubjectError
from mist_pipeline.alerts.lifecycle.model import Withheld
from mist_pipeline.alerts.lifecycle.projection import fold_alerts, fold_incidents
from mist_pipeline.alerts.lifecycle.replay import replay
from mist_pipeline.alerts.notify.escalation import EscalationPolicy, EscalationStep
from mist_pipeline.alerts.notify.matchers import parse_matchers
from mist_pipeline.alerts.notify.outcome import Accepted, Refused
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.alerts.notify.silences import Silence
from mist_pipeline_tests.support.alerts.histories import HOUR, START, daily, finding, live

EVIDENCE = finding()
MINUTE = timedelta(minutes=1)
TELL = NotificationRules(routes=[Route(name="all", sinks=("mail",))])
PAGED = NotificationRules(
    routes=[Route(name="all", sinks=("mail",), escalation="duty")],
    escalations={
        "duty": EscalationPolicy(
            steps=(
                EscalationStep(after_minutes=15, sink="pager", to="ada"),
                EscalationStep(after_minutes=30, sink="pager", to="bob"),
            ),
        )
    },
)


def outbox_rows(ledger: Ledger) -> list[tuple[str, str, str]]:
    with reading(ledger.engine) as connection:
        query = sa.select(tables.DELIVERIES).order_by(tables.DELIVERIES.c.delivery_id)
        return [(row.sink, row.reason, row.state) for row in connection.execute(query)]


def incident_id(ledger: Ledger) -> str:
    (name,) = ledger.lifecycle_state(START).incidents
    return name


def silence(text: str, hours: float = 2) -> Silence:
    return Silence(
        silence_id="", matchers=parse_matchers(text), starts_at=START, ends_at=START + hours * HOUR
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


def test_acknowledging_is_an_event_of_incident_and_alerts_and_once_is_enough(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), TELL)
    events = ledger.acknowledge(incident_id(ledger), "ada", START + MINUTE)
    assert [(event.subject, event.kind) for event in events] == [
        ("incident", "acknowledged"),
        ("alert", "acknowledged"),
    ]
    assert ledger.acknowledge(incident_id(ledger), "bob", START + MINUTE) == []
    incident, (alert,), history = ledger.incident(incident_id(ledger))
    assert (incident.acknowledged_by, alert.acknowledged_by, alert.state) == ("ada", "ada", "acknowledged")
    assert len(history) == 6


def test_whoever_was_told_hears_that_somebody_has_taken_it(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), TELL)
    ledger.acknowledge(incident_id(ledger), "ada", START + MINUTE)
    assert [
        notification.reason for notification in ledger.notify(TELL, START + 2 * MINUTE).notifications
    ] == ["acknowledged"]
    assert ledger.notify(TELL, START + 3 * MINUTE).notifications == ()


@pytest.mark.parametrize(
    ("state", "is_by_person", "is_taken"),
    [("open", True, False), ("acknowledged", True, True), ("closed", True, True), ("closed", False, False)],
)
def test_a_ticket_that_a_person_takes_or_closes_acknowledges_the_incident(
    ledger: Ledger, state: Any, is_by_person: bool, is_taken: bool
) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    name = incident_id(ledger)
    ticket = Ticket(
        sink="jira", incident_id=name, ticket="NET-1", state=state, who="Ada", is_by_person=is_by_person
    )
    ledger.record_ticket(ticket, START + MINUTE)
    assert (ledger.incident(name)[0].acknowledged_by == "Ada") is is_taken
    assert (ledger.escalate(PAGED, START + HOUR) == []) is is_taken
    assert ledger.record_ticket(ticket, START + HOUR) == []
    assert ledger.frames()["tickets"]["ticket"].to_list() == ["NET-1"]


@pytest.mark.parametrize("says_when", [True, False])
def test_a_hand_that_lay_on_a_ticket_before_it_grew_worse_does_not_take_it_again(
    ledger: Ledger, says_when: bool
) -> None:
    def read(acted: timedelta, who: str, at: timedelta) -> bool:
        ticket = Ticket(
            sink="jira",
            incident_id=name,
            ticket="NET-1",
            state="acknowledged",
            who=who,
            is_by_person=True,
            acted_at=START + acted if says_when else None,
        )
        return bool(ledger.record_ticket(ticket, START + at))

    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    name = incident_id(ledger)
    assert read(MINUTE, "Ada", 2 * MINUTE)
    ledger.record_evaluation(live(1, finding(severity="critical")), PAGED)
    assert not read(MINUTE, "Ada", HOUR + MINUTE)
    assert [notification.detail for notification in ledger.escalate(PAGED, START + HOUR + 15 * MINUTE)] == [
        "ada"
    ]
    assert read(HOUR + 16 * MINUTE, "Bob", HOUR + 17 * MINUTE)
    assert ledger.escalate(PAGED, START + 3 * HOUR) == []


def test_a_hand_on_the_ticket_of_an_earlier_incident_does_not_take_the_one_that_goes_on_with_it(
    ledger: Ledger,
) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    ticket = Ticket(
        sink="jira",
        incident_id=incident_id(ledger),
        ticket="NET-1",
        state="acknowledged",
        who="Ada",
        is_by_person=True,
        acted_at=START - MINUTE,
    )
    assert ledger.record_ticket(ticket, START + MINUTE) == []
    assert ledger.record_ticket(replace(ticket, acted_at=START + MINUTE), START + 2 * MINUTE)


def test_closing_by_hand_ends_the_incident_and_is_told(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), TELL)
    name = incident_id(ledger)
    assert [event.kind for event in ledger.resolve(name, "ada", START + MINUTE)] == ["resolved", "resolved"]
    assert ledger.resolve(name, "ada", START + MINUTE) == []
    assert [
        notification.reason for notification in ledger.notify(TELL, START + 2 * MINUTE).notifications
    ] == ["all_resolved"]


@pytest.mark.parametrize("verb", ["acknowledge", "resolve"])
def test_an_unknown_incident_is_named(ledger: Ledger, verb: str) -> None:
    with pytest.raises(NoSuchSubjectError, match="'i42'"):
        getattr(ledger, verb)("i42", "ada", START)
    with pytest.raises(NoSuchSubjectError, match="'i42'"):
        ledger.incident("i42")


def test_feedback_needs_something_that_exists(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), TELL)
    ledger.add_feedback("useful", "ada", START, incident_id=incident_id(ledger), comment="Thanks")
    assert ledger.frames()["feedback"]["verdict"].to_list() == ["useful"]
    with pytest.raises(NoSuchSubjectError, match="a42"):
        ledger.add_feedback("useful", "ada", START, alert_id="a42")


def test_an_escalation_calls_the_next_person_until_somebody_reacts(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    assert ledger.escalate(PAGED, START + 14 * MINUTE) == []
    (first,) = ledger.escalate(PAGED, START + 15 * MINUTE)
    assert (first.sink, first.detail, first.reason) == ("pager", "ada", "escalation")
    assert ledger.escalate(PAGED, START + 16 * MINUTE) == []
    (second,) = ledger.escalate(PAGED, START + 31 * MINUTE)
    assert (second.detail, second.sequence) == ("bob", 2)


def test_acknowledging_cancels_what_is_pending_and_withdraws_what_is_not_sent(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    ledger.escalate(PAGED, START + 15 * MINUTE)
    ledger.acknowledge(incident_id(ledger), "ada", START + 16 * MINUTE)
    assert outbox_rows(ledger) == [("mail", "first", "pending"), ("pager", "escalation", "dead")]
    assert ledger.escalate(PAGED, START + 31 * MINUTE) == []
    ledger.record_evaluation(live(1, EVIDENCE), PAGED)
    assert ledger.escalate(PAGED, START + 3 * HOUR) == []


def test_an_escalation_survives_a_restart_and_is_caught_up(address: str) -> None:
    with Ledger(address) as before:
        before.record_evaluation(live(0, EVIDENCE), PAGED)
    with Ledger(address) as after:
        called = after.escalate(PAGED, START + 2 * HOUR)
    assert [notification.detail for notification in called] == ["ada", "bob"]


def test_an_escalation_never_calls_later_than_its_expiry(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    assert ledger.escalate(PAGED, START + timedelta(days=90)) == []
    assert set(ledger.frames()["escalations"]["because"]) == {"expired"}


def test_recovery_ends_the_escalation(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    ledger.resolve(incident_id(ledger), "ada", START + MINUTE)
    assert ledger.escalate(PAGED, START + HOUR) == []


def test_recovery_by_itself_ends_the_escalation_as_well(ledger: Ledger) -> None:
    slow = EscalationPolicy(steps=(EscalationStep(after_minutes=1200, sink="pager", to="ada"),))
    telling = NotificationRules(routes=PAGED.routes, escalations={"duty": slow})
    for step in [live(0, EVIDENCE), *(live(hour) for hour in range(1, 14))]:
        ledger.record_evaluation(step, telling)
    assert ledger.escalate(telling, START + 21 * HOUR) == []
    assert set(ledger.frames()["escalations"]["because"]) == {"resolved"}


def test_a_rise_after_the_acknowledgement_calls_anew(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    ledger.acknowledge(incident_id(ledger), "ada", START + MINUTE)
    worse = ledger.record_evaluation(live(1, finding(severity="critical")), PAGED)
    assert [notification.reason for notification in worse.notifications] == ["severity_rise"]
    assert [notification.detail for notification in ledger.escalate(PAGED, START + HOUR + 15 * MINUTE)] == [
        "ada"
    ]


def test_a_silenced_incident_calls_nobody_until_the_silence_ends(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    ledger.add_silence(silence("site_id=s1", hours=1))
    assert ledger.escalate(PAGED, START + 20 * MINUTE) == []
    assert len(ledger.escalate(PAGED, START + 61 * MINUTE)) == 2


def test_by_policy_only_the_end_stops_an_escalation_and_repetitions_call_once(ledger: Ledger) -> None:
    policy = EscalationPolicy(
        steps=(EscalationStep(after_minutes=10, sink="pager", to="ada"),),
        stops_when="resolved",
        repeats=3,
        repeat_every_minutes=30,
    )
    telling = NotificationRules(routes=PAGED.routes, escalations={"duty": policy})
    ledger.record_evaluation(live(0, EVIDENCE), telling)
    ledger.acknowledge(incident_id(ledger), "ada", START + MINUTE)
    assert len(ledger.escalate(telling, START + 10 * MINUTE)) == 1
    assert len(ledger.escalate(telling, START + 3 * HOUR)) == 1
    assert sorted(ledger.frames()["escalations"]["state"]) == ["cancelled", "cancelled", "fired", "fired"]
    ledger.resolve(incident_id(ledger), "ada", START + 4 * HOUR)
    assert ledger.escalate(telling, START + 5 * HOUR) == []


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


def test_three_hundred_sites_make_one_row_for_each_sink(ledger: Ledger) -> None:
    down = [finding(f"s{n}", "device", "site_down", "critical", "") for n in range(300)]
    both = NotificationRules(routes=[Route(name="all", sinks=("mail", "slack"))])
    ledger.record_evaluation(live(0, *down, site_count=300), both)
    assert outbox_rows(ledger) == [("mail", "first", "pending"), ("slack", "first", "pending")]
    frames = ledger.frames()
    assert frames["alerts"]["incident_id"].n_unique() == 1
    assert frames["alerts"].height == 300


def test_copies_have_every_column_even_of_empty_tables(ledger: Ledger) -> None:
    frames = ledger.frames()
    assert {name: frame.columns for name, frame in frames.items()} == {
        table.name: list(schema(table)) for table in COPIED
    }
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    Outbox(ledger.engine).work({}, "w", lambda: START)
    filled = ledger.frames()
    assert {name: frame.schema for name, frame in frames.items()} == {
        name: frame.schema for name, frame in filled.items()
    }


def told_to_the_pager(ledger: Ledger) -> list[str]:
    return [reason for sink, reason, _ in outbox_rows(ledger) if sink == "pager"]


def test_whom_an_escalation_called_hears_that_somebody_took_it_and_that_it_is_over(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    ledger.escalate(PAGED, START + 15 * MINUTE)
    Outbox(ledger.engine).work({"pager": lambda _: Accepted()}, "w", lambda: START + 15 * MINUTE)
    ledger.acknowledge(incident_id(ledger), "ada", START + 20 * MINUTE)
    ledger.notify(PAGED, START + 20 * MINUTE)
    assert told_to_the_pager(ledger) == ["escalation", "acknowledged"]
    ledger.resolve(incident_id(ledger), "ada", START + HOUR)
    ledger.notify(PAGED, START + HOUR)
    assert told_to_the_pager(ledger) == ["escalation", "acknowledged", "all_resolved"]


def test_whom_an_escalation_called_does_not_hear_of_every_change(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    ledger.escalate(PAGED, START + 15 * MINUTE)
    ledger.record_evaluation(live(1, finding(severity="critical")), PAGED)
    assert told_to_the_pager(ledger) == ["escalation"]


def test_who_was_not_called_after_all_hears_nothing(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    ledger.escalate(PAGED, START + 15 * MINUTE)
    ledger.acknowledge(incident_id(ledger), "ada", START + 16 * MINUTE)
    ledger.notify(PAGED, START + 16 * MINUTE)
    assert outbox_rows(ledger)[1:] == [("pager", "escalation", "dead"), ("mail", "acknowledged", "pending")]


def test_incidents_come_with_their_alerts_by_state(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), TELL)
    ledger.record_evaluation(live(3, EVIDENCE, finding("s2")), TELL)
    first, second = ledger.incidents(("open", "acknowledged"))
    assert [[alert.site_id for alert in alerts] for _, alerts in (first, second)] == [["s1"], ["s2"]]
    ledger.acknowledge(first[0].incident_id, "ada", START + 4 * HOUR)
    ledger.resolve(second[0].incident_id, "ada", START + 4 * HOUR)
    assert [one.incident_id for one, _ in ledger.incidents(["acknowledged"])] == [first[0].incident_id]
    assert [one.incident_id for one, _ in ledger.incidents(["resolved"])] == [second[0].incident_id]
    assert ledger.alert_ids("acknowledged") == list(first[0].alert_ids)


def test_a_beginning_finds_incidents_and_alerts_and_a_whole_id_itself_alone(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), TELL)
    name = incident_id(ledger)
    (alert_id,) = ledger.lifecycle_state(START).incidents[name].alert_ids
    assert ledger.find(name[:5].upper()) == {name: name}
    assert ledger.find(alert_id) == {alert_id: name}
    assert ledger.find("") == {name: name, alert_id: name}
    assert ledger.find("%") == ledger.find("_") == {}


def test_an_alert_that_is_still_held_is_no_subject_yet(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, finding(kind="mist_alarm", severity="critical")), TELL)
    (alert_id,) = ledger.lifecycle_state(START).alerts
    assert ledger.find(alert_id) == {}


def test_records_of_an_incident_are_its_own_and_the_digests_and_feedback_about_it(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    ledger.record_evaluation(live(3, EVIDENCE, finding("s2")), PAGED)
    (mine, its), (other, _) = ledger.incidents(["open"])
    ledger.add_feedback("useful", "ada", START, alert_id=its[0].alert_id)
    ledger.add_feedback("duplicate", "bob", START, incident_id=other.incident_id)
    with writing(ledger.engine) as connection:
        row = {"sink": "mail", "sequence": 1, "state": "pending", "created_at": START, "due_at": START}
        for digest, about in (("digest-1", mine), ("digest-2", other)):
            payload = {"covers": [{"incident_id": about.incident_id}]}
            connection.execute(
                sa.insert(tables.DELIVERIES).values(
                    **row, incident_id=digest, kind="digest", reason="digest", payload=payload
                )
            )
    records = ledger.records(mine.incident_id)
    assert [one["incident_id"] for one in records["deliveries"]] == [mine.incident_id, "digest-1"]
    assert [one["verdict"] for one in records["feedback"]] == ["useful"]
    assert [one["target"] for one in records["escalations"]] == ["ada", "bob"]
    assert records["tickets"] == records["threads"] == []


def test_given_up_is_what_was_refused_and_not_what_nobody_needs(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    ledger.escalate(PAGED, START + 15 * MINUTE)
    ledger.acknowledge(incident_id(ledger), "ada", START + 16 * MINUTE)
    Outbox(ledger.engine).work({"mail": lambda _: Refused("no such address")}, "w", lambda: START + HOUR)
    (given_up,) = ledger.given_up()
    assert (given_up.sink, given_up.last_error) == ("mail", "no such address")
    assert ledger.delivery(given_up.delivery_id) == given_up
    with pytest.raises(NoSuchSubjectError, match="no message 42"):
        ledger.delivery(42)


def test_a_step_that_is_silenced_wakes_nobody_every_moment(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    ledger.add_silence(silence('family="radio"', hours=1))
    assert ledger.is_due(START + 15 * MINUTE)
    assert ledger.escalate(PAGED, START + 15 * MINUTE) == []
    assert not ledger.is_due(START + 16 * MINUTE)
    assert [one.detail for one in ledger.escalate(PAGED, START + 61 * MINUTE)] == ["ada", "bob"]
