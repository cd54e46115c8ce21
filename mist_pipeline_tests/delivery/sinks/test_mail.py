"""Mail against a real SMTP server: recipients, TLS that fails closed, refusals, disconnects, and settings."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mist_pipeline.delivery.message import Reason
from mist_pipeline.delivery.sink import Accepted, Outcome, Partly, Refused, Retry, Unknown
from mist_pipeline.delivery.sinks.mail.sink import MailSink
from mist_pipeline_tests.support.delivery.mail_server import PASSWORD, PEOPLE, Mailbox, mail_server
from mist_pipeline_tests.support.delivery.mails import accepted, configured, plain, secure, tell
from mist_pipeline_tests.support.delivery.messages import incident, message
from mist_pipeline_tests.support.fakes.certificate import private_authority, self_signed
from mist_pipeline_tests.support.fakes.fake_http import FakeHttp

# The fake knows no TLS but STARTTLS; the connection is inside of TLS already where this would matter.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"))


def test_an_escalation_goes_to_whom_it_names() -> None:
    outcome, mailbox = tell(message(reason="escalation", recipient="boss@example.com"))
    accepted(outcome)
    assert plain(9).name == "mail"
    assert mailbox.arrived[0].rcpt_tos == ["boss@example.com"]
    assert mailbox.mails()[0]["To"] == "boss@example.com"


@pytest.mark.parametrize(
    ("heard", "reason", "hears"),
    [
        (("", "boss@example.com"), "all_resolved", {*PEOPLE, "boss@example.com"}),
        (("boss@example.com",), "acknowledged", {"boss@example.com"}),
        (("", "boss@example.com"), "more_sites", {*PEOPLE}),
        (("",), "all_resolved", {*PEOPLE}),
    ],
)
def test_whoever_was_told_hears_that_it_is_taken_and_over_and_nobody_else(
    heard: tuple[str, ...], reason: Reason, hears: set[str]
) -> None:
    reference: Mapping[str, str] = {}
    for number, recipient in enumerate(heard, 1):
        told = message(reason="escalation" if recipient else "first", sequence=number, recipient=recipient)
        reference = accepted(tell(replace(told, reference=reference))[0]).reference
    outcome, mailbox = tell(message(reason=reason, sequence=9, reference=reference))
    accepted(outcome)
    assert set(mailbox.arrived[0].rcpt_tos) == hears


def served(outcome: Outcome) -> frozenset[str]:
    """Whom the outbox does not try again."""
    assert isinstance(outcome, Accepted | Partly), outcome
    return frozenset(name for name, answer in outcome.answers.items() if answer.state != "later")


def test_recipients_that_are_refused_for_now_are_tried_again_alone_and_nobody_else_twice() -> None:
    people = ("gone@example.com", "greylisted@example.com", "ops@example.com")
    mailbox = Mailbox({people[0]: "550 5.1.1 no such user", people[1]: "450 4.2.1 greylisted"})
    with mail_server(mailbox) as port:
        sink = plain(port, recipients=people)
        first = sink.send(message())
        assert isinstance(first, Partly)
        assert {name: answer.state for name, answer in first.answers.items()} == {
            "gone@example.com": "refused",
            "greylisted@example.com": "later",
            "ops@example.com": "accepted",
        }
        assert "greylisted@example.com (450 4.2.1 greylisted)" in first.error
        again = message(
            incident(title="called otherwise"), reference=first.reference, served=served(first), attempt=2
        )
        still = sink.send(again)
        assert isinstance(still, Partly)
        assert set(still.answers) == {"greylisted@example.com"}
        mailbox.answers = {people[0]: mailbox.answers[people[0]]}
        last = accepted(sink.send(replace(again, reference=still.reference, attempt=3)))
    assert [envelope.rcpt_tos for envelope in mailbox.arrived] == [
        ["ops@example.com"],
        ["greylisted@example.com"],
    ]
    one, other = mailbox.mails()
    assert [one[name] for name in ("Message-ID", "Subject", "To")] == [
        other[name] for name in ("Message-ID", "Subject", "To")
    ]
    assert other["References"] is None
    assert last.reference["heard"].splitlines() == ["greylisted@example.com", "ops@example.com"]


def test_the_last_recipients_refused_for_good_end_the_mail_that_others_have() -> None:
    outcome, mailbox = tell(
        message(served=frozenset({PEOPLE[0]}), reference={"thread": "<a@example.com>", "subject": "s"}),
        {PEOPLE[1]: "550 5.1.1 no such user"},
    )
    assert accepted(outcome).answers[PEOPLE[1]].state == "refused"
    assert mailbox.arrived == []


def test_a_server_that_refuses_the_retry_as_a_whole_loses_nobody() -> None:
    outcome, _ = tell(message(served=frozenset({PEOPLE[0]})), {"MAIL": "550 5.7.1 not you"})
    assert isinstance(outcome, Refused)


def test_a_recipient_that_was_taken_out_of_the_configuration_meanwhile_ends_the_mail() -> None:
    outcome, mailbox = tell(message(served=frozenset(PEOPLE)))
    assert "no recipient any more" in accepted(outcome).note
    assert mailbox.arrived == []


def test_some_refused_recipients_are_a_note_and_no_retry() -> None:
    outcome, mailbox = tell(message(), {"night@example.com": "550 5.1.1 no such user"})
    assert "night@example.com (550 5.1.1 no such user)" in accepted(outcome).note
    assert mailbox.arrived[0].rcpt_tos == ["ops@example.com"]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"MAIL": "451 4.3.0 later"}, Retry),
        ({"MAIL": "550 5.7.1 not you"}, Refused),
        ({"DATA": "452 4.3.1 disk full"}, Retry),
        ({"DATA": "554 5.6.0 looks like spam"}, Refused),
        (dict.fromkeys(PEOPLE, "450 4.2.1 greylisted"), Retry),
        (dict.fromkeys(PEOPLE, "550 5.1.1 unknown"), Refused),
        ({PEOPLE[0]: "550 5.1.1 unknown", PEOPLE[1]: "450 4.2.1 greylisted"}, Partly),
        ({PEOPLE[1]: "450 4.2.1 greylisted"}, Partly),
        ({PEOPLE[1]: "421 4.3.2 shutting down"}, Retry),
        ({PEOPLE[0]: "drop"}, Retry),
        ({"DATA": "drop"}, Unknown),
    ],
    ids=str,
)
def test_what_an_answer_of_the_server_means(answers: dict[str, str], expected: type) -> None:
    outcome, mailbox = tell(message(), answers)
    assert isinstance(outcome, expected), outcome
    assert "mail by localhost, " in outcome.error  # type: ignore[union-attr]
    assert len(mailbox.arrived) == (expected is Unknown or (len(answers) == 1 and expected is Partly))


def test_a_mail_that_may_have_arrived_is_sent_again_under_the_same_id() -> None:
    mailbox = Mailbox({"DATA": "drop"})
    with mail_server(mailbox) as port:
        sink = plain(port)
        assert isinstance(sink.send(message()), Unknown)
        mailbox.answers.clear()
        accepted(sink.recover(message(attempt=2)))
    first, second = mailbox.mails()
    assert first["Message-ID"] == second["Message-ID"]


def test_starttls_and_a_password_go_together(certificate: Path) -> None:
    mailbox = Mailbox()
    with mail_server(mailbox, certificate) as port:
        accepted(secure(port, certificate).send(message()))
    assert mailbox.sessions[0].ssl is not None
    assert mailbox.sessions[0].authenticated


def test_implicit_tls_is_tls_from_the_first_byte(certificate: Path) -> None:
    mailbox = Mailbox()
    with mail_server(mailbox, certificate, implicit=True) as port:
        accepted(secure(port, certificate, security="tls").send(message()))
    assert len(mailbox.arrived) == 1


def test_a_server_that_does_not_offer_starttls_gets_nothing() -> None:
    mailbox = Mailbox()
    with mail_server(mailbox) as port:
        outcome = secure(port, None).send(message())
    assert isinstance(outcome, Refused)
    assert "STARTTLS" in outcome.error
    assert mailbox.arrived == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_nobody_vouches_for_gets_nothing(certificate: Path, security: str) -> None:
    mailbox = Mailbox()
    with mail_server(mailbox, certificate, implicit=security == "tls") as port:
        outcome = secure(port, None, security=security).send(message())
    assert isinstance(outcome, Retry)
    assert "certificate" in outcome.error
    assert mailbox.arrived == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_an_authority_of_the_machine_vouches_for_a_mail_server(
    security: str, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    signed = private_authority(tmp_path)
    mailbox = Mailbox()
    with mail_server(mailbox, signed.certificate, implicit=security == "tls") as port:
        distrusted = secure(port, None, security=security).send(message())
        monkeypatch.setenv(variable, str(signed.authority))
        accepted(secure(port, None, security=security).send(message()))
    assert isinstance(distrusted, Retry)
    assert "signed by an authority that this machine does not trust" in distrusted.error
    assert "in REQUESTS_CA_BUNDLE or the sink's ca_file" in distrusted.error
    assert len(mailbox.arrived) == 1


def test_a_certificate_for_another_host_gets_nothing(certificate: Path) -> None:
    mailbox = Mailbox()
    with mail_server(mailbox, certificate) as port:
        outcome = secure(port, certificate, host="127.0.0.1").send(message())
    assert isinstance(outcome, Retry)
    assert mailbox.arrived == []


def test_a_wrong_password_is_refused_and_not_shown(certificate: Path) -> None:
    mailbox = Mailbox()
    with mail_server(mailbox, certificate) as port:
        sink = secure(port, certificate, password="wrong-secret")
        outcome = sink.send(message())
    assert isinstance(outcome, Refused)
    assert "login" in outcome.error
    assert "535" in outcome.error
    assert "wrong-secret" not in outcome.error + repr(vars(sink))


@pytest.mark.parametrize(
    "repeated",
    [
        base64.b64encode(b"\0mist\0wrong-secret").decode(),
        base64.b64encode(b"wrong-secret").decode(),
        "wrong-secret",
        "wrong%2Dsecret",
    ],
    ids=["AUTH PLAIN", "AUTH LOGIN", "in clear", "percent"],
)
def test_a_server_that_repeats_the_password_does_not_get_it_shown(certificate: Path, repeated: str) -> None:
    mailbox = Mailbox({"AUTH": f"535 5.7.8 no such login: {repeated}"})
    with mail_server(mailbox, certificate) as port:
        outcome = secure(port, certificate, password="wrong-secret").send(message())
    assert isinstance(outcome, Refused)
    assert "535 5.7.8 no such login: ***" in outcome.error
    assert repeated not in outcome.error


@pytest.mark.parametrize("far", [0, 150, 190, 250])
def test_a_server_that_repeats_how_we_logged_in_does_not_get_the_password_into_the_error(
    far: int, certificate: Path
) -> None:
    plain = base64.b64encode(f"\0mist\0{PASSWORD}".encode()).decode()
    login = base64.b64encode(PASSWORD.encode()).decode()
    # A secret must not be cut before it is hidden: what is left of it would be shown.
    mailbox = Mailbox(answers={"MAIL": f"550 {'x' * far} {plain} {login} {PASSWORD}"})
    with mail_server(mailbox, certificate) as port:
        outcome = secure(port, certificate).send(message())
    assert isinstance(outcome, Refused)
    assert "***" in outcome.error
    assert not [part for part in (plain[8:20], login[:12], PASSWORD[:8]) if part in outcome.error]


def test_a_password_the_server_does_not_ask_for_is_refused_as_a_mistake() -> None:
    with mail_server(Mailbox()) as port:
        outcome = secure(port, None, security="none").send(message())
    assert isinstance(outcome, Refused)
    assert "AUTH" in outcome.error


def test_nobody_there_is_a_retry() -> None:
    with FakeHttp() as fake:
        port = int(fake.url.rpartition(":")[2])
    assert isinstance(plain(port).send(message()), Retry)


def test_a_server_that_speaks_no_smtp_is_a_retry() -> None:
    with FakeHttp() as fake:
        port = int(fake.url.rpartition(":")[2])
        assert isinstance(
            MailSink("mail", configured(port=port, security="none"), timeout_seconds=0.3).send(message()),
            Retry,
        )


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"recipients": ()}, "at least one recipient"),
        ({"recipients": ("nobody",)}, "recipient 'nobody': not a mail address"),
        ({"recipients": ("a@b.c\r\nBcc: d@e.f",)}, "not a mail address"),
        ({"recipients": ("a@b.c, d@e.f",)}, "not a mail address"),
        ({"recipients": ("",)}, "not a mail address"),
        ({"recipients": ("ops@köln.example",)}, "xn-- form"),
        ({"sender": "Mist <mist@example.com>"}, "sender 'Mist <mist@example.com>': not a mail address"),
        ({"sender_name": "Mist\r\nBcc: x"}, "one visible line"),
        ({"username": "mist"}, "belong together"),
        (
            {"host": "mail.example.com", "security": "none", "username": "a", "password_from": "B"},
            "in the open",
        ),
        ({"port": 0}, "port"),
        ({"ca_file": Path("/nowhere/ca.pem")}, "no file of certificates at /nowhere/ca.pem"),
    ],
)
def test_settings_that_could_only_fail_at_night_are_an_error_at_once(
    changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        configured(**changes)


def test_a_password_that_cannot_be_sent_is_an_error_at_once() -> None:
    with pytest.raises(ValueError, match="must be ASCII"):
        secure(25, None, "pässwort")


def test_certificates_are_not_read_where_they_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("reading them takes longer than the mail")

    monkeypatch.setattr("mist_pipeline.delivery.sinks.mail.sink.tls_context", never)
    outcome, mailbox = tell(message())
    accepted(outcome)
    assert len(mailbox.arrived) == 1
