"""What can be asked of the ledger, and what it exports."""

from datetime import datetime, timedelta
from typing import Literal

import psycopg
import pytest
import sqlalchemy as sa

from mist_pipeline.alerts.ledger import tables
from mist_pipeline.alerts.ledger.database import (
    LedgerUnavailableError,
    check_version,
    open_engine,
    reading,
    writing,
)
from mist_pipeline.alerts.ledger.export import COPIED, schema
from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules, Ticket
from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.ledger.reader import ANSWER_SECONDS, NoSuchSubjectError, reading_only
from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.alerts.notify.outcome import Accepted, Refused
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline_tests.support.alerts.histories import HOUR, START, finding, live
from mist_pipeline_tests.support.alerts.ledgers import EVIDENCE, MINUTE, PAGED, TELL, incident_id


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


def test_of_a_site_its_alerts_alone_are_those_of_the_whole_incident_that_are_its_own(ledger: Ledger) -> None:
    ledger.record_evaluation(
        live(14, *(finding(site, severity="critical") for site in map("s{}".format, range(12)))), TELL
    )
    whole = ledger.of_site("s2", START)
    assert any({alert.site_id for alert in alerts} > {"s2"} for _, alerts in whole)
    own = [(incident, [alert for alert in alerts if alert.site_id == "s2"]) for incident, alerts in whole]
    assert ledger.of_site("s2", START, others=False) == own


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
    ledger.add_feedback("right", "ada", START, alert_id=its[0].alert_id)
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
    assert [one["verdict"] for one in records["feedback"]] == ["right"]
    assert [one["target"] for one in records["escalations"]] == ["ada", "bob"]
    assert records["tickets"] == records["threads"] == []


@pytest.mark.slow
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


@pytest.mark.slow
def test_tickets_of_ended_incidents_are_asked_for_until_somebody_has_closed_them(ledger: Ledger) -> None:
    ledger.record_evaluation(
        live(0, EVIDENCE), NotificationRules(routes=[Route(name="all", sinks=("jira",))])
    )
    Outbox(ledger.engine).work({"jira": lambda _: Accepted({"id": "jira-1"})}, "w", lambda: START)
    name = incident_id(ledger)
    over = START + HOUR
    assert ledger.closing_references(["jira"], over) == []
    ledger.resolve(name, "ada", over)
    reference = [("jira", name, {"id": "jira-1"})]

    def read(state: Literal["open", "closed"], at: datetime) -> None:
        ticket = Ticket(
            sink="jira",
            incident_id=name,
            ticket="NOC-1",
            state=state,
            who="bob",
            is_by_person=True,
            resolution="Done",
        )
        assert ledger.record_ticket(ticket, at) == []  # who closes it takes nothing that is over

    assert ledger.references(["jira"]) == []
    assert ledger.closing_references(["jira"], over + HOUR) == reference
    read("open", over + HOUR)
    assert ledger.closing_references(["jira"], over + 2 * HOUR) == []
    assert ledger.closing_references(["jira"], over + 8 * HOUR) == reference
    assert ledger.closing_references(["mail"], over + 8 * HOUR) == []
    assert ledger.closing_references(["jira"], over + timedelta(days=15)) == []
    read("closed", over + 8 * HOUR)
    assert ledger.closing_references(["jira"], over + timedelta(days=2)) == []


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


def test_copies_show_letters_in_json_and_half_a_letter_spoils_none_of_them(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), TELL)
    name, event = incident_id(ledger), tables.EVENTS.c
    details = [
        {"by": "Åsa 😀"},
        {"by": "half \ud83d of it"},
        {"reason": "silenced_by", "detail": "Åsa's silence", "until": None},
    ]
    with writing(ledger.engine) as connection:
        newest = connection.execute(sa.select(sa.func.max(event.event_id))).scalar_one()
        for at, detail in enumerate(details, start=1):
            kind = "withheld" if "reason" in detail else "acknowledged"
            connection.execute(
                sa.insert(tables.EVENTS).values(
                    event_id=newest + at, subject="incident", subject_id=name, number=90 + at, at=START, kind=kind,
                    detail=detail,
                )
            )  # fmt: skip
    copied = ledger.frames()["events"]["detail"].to_list()[-3:]
    assert copied == [
        '{"by": "Åsa 😀"}',
        '{"by": "half ? of it"}',
        '{"reason": "silenced_by: Åsa\'s silence"}',
    ]


def test_who_only_looks_waits_for_no_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, object] = {}

    def connect(*_arguments: object, **options: object) -> None:
        given.update(options)
        raise psycopg.OperationalError("timeout expired")

    monkeypatch.setattr(psycopg, "connect", connect)
    silent = reading_only("postgresql://ledger@db.invalid/alerts", Policy())
    with pytest.raises(LedgerUnavailableError, match="does not answer: timeout expired"), silent:
        pass
    assert given["connect_timeout"] == ANSWER_SECONDS
    assert given["tcp_user_timeout"] == 1000 * ANSWER_SECONDS
    assert given["keepalives_idle"] == ANSWER_SECONDS


@pytest.mark.slow
def test_who_only_looks_waits_for_no_lock(postgresql: str) -> None:
    Ledger(postgresql).close()
    with reading_only(postgresql, Policy()) as looking, reading(looking.engine) as connection:
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == f"{ANSWER_SECONDS}s"
    engine = open_engine(postgresql, answers_within=1)
    with Ledger(postgresql) as ledger, writing(ledger.engine) as connection:
        connection.exec_driver_sql("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(LedgerUnavailableError, match="lock timeout"):
            check_version(engine)
    engine.dispose()
