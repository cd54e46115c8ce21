"""A mail address that does not exist any more: told to the others, shown by doctor, over once it is mended."""

import json
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.workflows.doctor.asking import MAX_SKEW
from mist_pipeline.workflows.doctor.check import DOUBTFUL, FINE
from mist_pipeline.workflows.doctor.telling import delivery
from mist_pipeline.workflows.ledger_access import notification_rules, open_ledger
from mist_pipeline.workflows.notifying.evaluate import own_state
from mist_pipeline.workflows.notifying.messages import send_due
from mist_pipeline.workflows.self_monitoring.facts import PipelineFacts
from mist_pipeline.workflows.self_monitoring.service import ServiceFacts
from mist_pipeline.workflows.self_monitoring.troubles import troubles
from mist_pipeline_tests.support.alerts.histories import START, finding, live
from mist_pipeline_tests.support.delivery.mail_server import PEOPLE, Mailbox, mail_server

HERE, GONE = PEOPLE


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox({GONE: "550 5.1.1 no such user"})


def configured(folder: Path, port: int, people: tuple[str, ...] = PEOPLE) -> Settings:
    mail = {
        "type": "mail",
        "host": "localhost",
        "port": port,
        "security": "none",
        "sender": "mist@example.com",
        "recipients": people,
    }
    return load_settings(
        environment={
            "MIST_PIPELINE_DATA": str(folder),
            "MIST_PIPELINE__NOTIFICATIONS__SINKS": json.dumps({"mail": mail}),
            "MIST_PIPELINE__NOTIFICATIONS__ROUTES": json.dumps([{"name": "all", "sinks": ["mail"]}]),
        }
    )


def told(settings: Settings, ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, finding("s0")), notification_rules(settings))
    send_due(settings, ledger, ["mail"], clock=lambda: START)


def test_an_address_that_is_refused_for_good_is_a_trouble_of_the_pipeline_until_it_is_mended(
    tmp_path: Path, mailbox: Mailbox
) -> None:
    nothing = troubles(PipelineFacts(), ServiceFacts(), START, MAX_SKEW, UTC)
    with mail_server(mailbox) as port:
        settings = configured(tmp_path, port)
        with open_ledger(settings) as ledger:
            told(settings, ledger)
            own = own_state(settings, ledger, nothing, START)
            mended = configured(tmp_path, port, (HERE,))
            assert own_state(mended, ledger, nothing, START) is None
        (check,) = delivery(settings)
    assert own is not None
    (said,) = own.findings["summary"]
    assert said == f"Messages of mail do not arrive at {GONE}: 550 5.1.1 no such user"
    assert check.verdict == DOUBTFUL
    assert GONE in check.found
    assert [envelope.rcpt_tos for envelope in mailbox.arrived] == [[HERE]]
    (fine,) = delivery(mended)
    assert fine.verdict == FINE


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_greylisted_address_gets_the_same_mail_later_and_the_others_do_not_get_it_twice(
    tmp_path: Path, mailbox: Mailbox, is_killed: bool
) -> None:
    mailbox.answers = {GONE: "450 4.2.0 greylisted, try again"}
    with mail_server(mailbox) as port:
        settings = configured(tmp_path, port)
        with open_ledger(settings) as ledger:
            told(settings, ledger)
        mailbox.answers = {}
        later = START + timedelta(minutes=1)
        with open_ledger(settings) as ledger:
            if is_killed:
                (row,) = Outbox(ledger.engine).lease("killed", later)
                assert row.served == {HERE}
                later += timedelta(minutes=5)
            send_due(settings, ledger, ["mail"], clock=lambda: later)
            assert (
                own_state(
                    settings,
                    ledger,
                    troubles(PipelineFacts(), ServiceFacts(), START, MAX_SKEW, UTC),
                    later,
                )
                is None
            )
            (delivery,) = ledger.frames()["deliveries"].rows(named=True)
    assert delivery["state"] == "sent"
    assert [envelope.rcpt_tos for envelope in mailbox.arrived] == [[HERE], [GONE]]
    assert len({(mail["Message-ID"], mail["Subject"], mail["To"]) for mail in mailbox.mails()}) == 1


def test_doctor_makes_no_ledger_where_nothing_was_sent(tmp_path: Path) -> None:
    assert list(delivery(configured(tmp_path, 9))) == []
    assert list(tmp_path.iterdir()) == []
