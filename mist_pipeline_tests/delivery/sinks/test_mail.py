"""Mail against a real SMTP server: threads, TLS that fails closed, refusals, disconnects, and what arrives."""

import base64
import email
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import getaddresses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mist_pipeline.delivery.message import Message, Reason
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.delivery.rendering.incident_page import picture_title
from mist_pipeline.delivery.sink import Accepted, Outcome, Partly, Refused, Retry, Unknown
from mist_pipeline.delivery.sinks.mail.config import MailConfig
from mist_pipeline.delivery.sinks.mail.headers import folded, mailbox
from mist_pipeline.delivery.sinks.mail.sink import MailSink, compose
from mist_pipeline.domain import text as plain_text
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline_tests.support.delivery.mail_server import PASSWORD, PEOPLE, Mailbox, mail_server
from mist_pipeline_tests.support.delivery.messages import HOSTILE, PNG, START, incident, message, resolved
from mist_pipeline_tests.support.fakes.certificate import private_authority, self_signed
from mist_pipeline_tests.support.fakes.fake_http import FakeHttp

# The fake knows no TLS but STARTTLS; the connection is inside of TLS already where this would matter.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"))


def configured(**changes: Any) -> MailConfig:
    keys = {"type": "mail", "host": "localhost", "sender": "mist@example.com", "recipients": PEOPLE}
    return MailConfig.model_validate({**keys, **changes})


def plain(port: int, password: Secret | None = None, **changes: Any) -> MailSink:
    config = configured(**{"port": port, "security": "none", **changes})
    return MailSink("mail", config, password, timeout_seconds=5)


def secure(port: int, certificate: Path | None, password: str = PASSWORD, **changes: Any) -> MailSink:
    keys = {"security": "starttls", "username": "mist", "password_from": "PASSWORD", "ca_file": certificate}
    return plain(port, Secret(password), **{**keys, **changes})


def accepted(outcome: Outcome) -> Accepted:
    assert isinstance(outcome, Accepted), outcome
    return outcome


def tell(told: Message, answers: dict[str, str] | None = None) -> tuple[Outcome, Mailbox]:
    mailbox = Mailbox(answers or {})
    with mail_server(mailbox) as port:
        outcome = plain(port).send(told)
    return outcome, mailbox


def composed(told: Message, **changes: Any) -> EmailMessage:
    mail = compose(told, configured(**changes))
    return email.message_from_bytes(bytes(mail), policy=default)  # type: ignore[return-value]


def test_a_mail_is_text_first_then_the_same_as_html_with_its_charts_inside() -> None:
    charts = {"coverage-store-1.png": PNG, "not-a-picture.png": b"GIF89a"}
    outcome, mailbox = tell(message(incident(charts=charts)))
    accepted(outcome)
    [mail] = mailbox.mails()
    assert mail.get_content_type() == "multipart/alternative"
    text, related = mail.iter_parts()
    html, picture = related.iter_parts()
    assert [text.get_content_type(), related.get_content_type()] == ["text/plain", "multipart/related"]
    assert text.get_content().startswith("CRITICAL: Coverage is critical at Store 1")
    assert picture.get_content() == PNG
    assert f'src="cid:{picture["Content-ID"].strip("<>")}"' in html.get_content()
    assert picture.get_content_disposition() == "inline"
    assert html.get_content().count("<img") == 1


def test_a_mail_says_that_no_person_wrote_it_and_who_gets_it() -> None:
    outcome, mailbox = tell(message())
    accepted(outcome)
    [mail] = mailbox.mails()
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["From"] == "Mist pipeline <mist@example.com>"
    assert mail["To"] == "ops@example.com, night@example.com"
    assert mail["Date"].datetime == START + timedelta(minutes=10)
    assert mail["Importance"] == "high"
    assert mailbox.arrived[0].rcpt_tos == list(PEOPLE)
    assert max(len(line) for line in mailbox.arrived[0].content.splitlines()) <= 998  # type: ignore[union-attr]
    assert mailbox.arrived[0].content.isascii()  # type: ignore[union-attr]


def test_an_incident_is_one_thread_whatever_it_is_called_later() -> None:
    mailbox = Mailbox()
    with mail_server(mailbox) as port:
        sink = plain(port)
        first = accepted(sink.send(message()))
        second = accepted(sink.send(message(incident(3), "more_sites", 2, reference=first.reference)))
        accepted(sink.send(message(resolved(incident(3)), "all_resolved", 3, reference=second.reference)))
    root, *later = mailbox.mails()
    assert root["References"] is None
    assert [mail["References"] for mail in later] == [root["Message-ID"]] * 2
    assert [mail["In-Reply-To"] for mail in later] == [root["Message-ID"]] * 2
    assert len({mail["Message-ID"] for mail in mailbox.mails()}) == 3
    assert [mail["Subject"] for mail in later] == [f"Re: {root['Subject']}"] * 2
    assert later[1]["X-Mist-Status"] == "resolved"
    assert later[1]["Importance"] is None
    assert next(later[1].iter_parts()).get_content().startswith("RESOLVED after 2 h 10 min")


def test_every_attempt_has_the_same_message_id() -> None:
    assert composed(message())["Message-ID"] == composed(message(attempt=2))["Message-ID"]
    assert (
        composed(message())["Message-ID"] != composed(message(sequence=2, delivery_id="other"))["Message-ID"]
    )


def test_a_subject_of_any_script_arrives_as_it_is() -> None:
    title = "Köln 東京 Ελλάδα 👩‍🔧: " + "Abdeckung " * 20
    outcome, mailbox = tell(message(incident(title=title)))
    accepted(outcome)
    [mail] = mailbox.mails()
    assert mail["Subject"].startswith("Mist: Köln 東京 Ελλάδα 👩‍🔧: Abdeckung Abdeckung")


@given(st.text(max_size=300))
def test_any_title_makes_a_mail_that_says_it(title: str) -> None:
    told = message(incident(title=title))
    mail = composed(told)
    assert mail["Subject"] == f"Mist: {plain_text.clipped(wording.title_of(told.incident), 150)}"
    assert mail["Bcc"] is None
    assert len(list(mail.walk())) == 3


_PARTS = st.sampled_from(
    [
        "Köln",
        "Coverage",
        "東京",
        "👩\u200d🔧",
        "x" * 90,
        "ü" * 60,
        "a,b",
        "(x)",
        "=?utf-8?q?x?=",
        "at",
        "?=",
        "-",
        "\ufffd",
    ]
)


def raw_header(mail: EmailMessage, name: str) -> str:
    """What stands on the wire, its lines joined as RFC 5322 has it."""
    head = mail.as_bytes(policy=mail.policy).partition(b"\r\n\r\n")[0].decode("ascii")
    lines = re.split(r"\r\n(?! )", head)
    return next(unfolded(line) for line in lines if line.lower().startswith(f"{name.lower()}: "))


def unfolded(line: str) -> str:
    """The value of a header, its lines joined as RFC 5322 has it."""
    return line.replace("\r\n", "").partition(": ")[2]


@given(st.lists(_PARTS, min_size=1, max_size=30).map(" ".join) | st.text(max_size=300).map(plain_text.clean))
@example("Köln Köln Köln Köln " + "ü" * 60 + " Store")
@example("is =?utf-8?q?x?= critical")
@example("Abdeckung " + "x" * 120)
def test_a_header_reads_the_same_in_the_first_mail_and_in_replies_for_every_reader(title: str) -> None:
    for text in (f"Mist: {title}", f"Re: Mist: {title}"):
        wire = folded("Subject", text)
        assert all(line.strip() for line in wire.splitlines())
        assert "=?" not in text or wire.startswith("Subject: =?utf-8?b?")
        assert str(make_header(decode_header(unfolded(wire)))) == text
        assert email.message_from_string(f"{wire}\r\n", policy=default)["Subject"] == text


def test_a_reply_has_the_subject_of_the_first_mail_also_where_the_incident_is_called_something_else() -> None:
    title = "Köln Köln Köln Köln " + "ü" * 60 + " =?utf-8?q?x?= Store"
    first = compose(message(incident(title=title)), configured())
    reference = {"thread": str(first["Message-ID"]), "subject": f"Mist: {title}"}
    reply = compose(message(incident(title="other"), "more_sites", 2, reference=reference), configured())
    subjects = [str(make_header(decode_header(raw_header(mail, "Subject")))) for mail in (first, reply)]
    assert subjects == [f"Mist: {title}", f"Re: Mist: {title}"]


def test_a_reply_refers_to_the_first_mail_however_long_the_domain_is() -> None:
    sender = f"mist@{'a' * 60}.{'b' * 60}.notifications.example.com"
    first = compose(message(), configured(sender=sender))
    thread = raw_header(first, "Message-ID")
    assert thread.startswith("<")
    reply = compose(
        message(reference={"thread": thread, "subject": "s"}, sequence=2), configured(sender=sender)
    )
    assert [raw_header(reply, name) for name in ("In-Reply-To", "References")] == [thread, thread]


@given(st.text(max_size=200).map(plain_text.clean).filter(bool))
def test_any_name_of_a_sender_arrives_as_it_is(name: str) -> None:
    name_on_the_wire, _, address = mailbox(name, "mist@example.com").rpartition(" ")
    assert address == "<mist@example.com>"
    if "=?" in name_on_the_wire:
        assert str(make_header(decode_header(name_on_the_wire))) == name
    else:
        (read,) = getaddresses([mailbox(name, "mist@example.com")])
        assert read == (name, "mist@example.com")


def test_a_late_mail_has_the_date_of_its_sending_and_says_of_when_it_is() -> None:
    sent_at = START + timedelta(hours=9)
    mail = composed(message(sent_at=sent_at))
    assert mail["Date"].datetime == sent_at
    said = "Told late: it was so at 2026-11-23 04:25 UTC, and is sent at 2026-11-23 13:15 UTC."
    assert [said in part.get_content() for part in mail.iter_parts()] == [True, True]  # type: ignore[attr-defined]
    prompt = composed(message(sent_at=START + timedelta(minutes=12)))
    assert [said[:9] in part.get_content() for part in prompt.iter_parts()] == [False, False]  # type: ignore[attr-defined]


def test_a_hostile_title_adds_no_header_and_no_recipient() -> None:
    outcome, mailbox = tell(message(incident(title=HOSTILE, cause=HOSTILE)))
    accepted(outcome)
    [mail] = mailbox.mails()
    assert mail["Bcc"] is None
    assert mailbox.arrived[0].rcpt_tos == list(PEOPLE)
    assert "evil@example.com" in mail["Subject"]


@pytest.mark.parametrize("value", ["x\r\nBcc: evil@example.com", "x\nY: z", "x\0", "x\x1b[31m", "x\u2028y"])
def test_a_line_break_in_any_header_is_refused(value: str) -> None:
    for told in (
        message(incident(incident_id=value)),
        message(reference={"thread": value, "subject": "s"}),
        message(reference={"thread": "<a@b>", "subject": value}),
        message(recipient=value),
    ):
        outcome = plain(9).send(told)
        assert isinstance(outcome, Refused)
        assert "\r" not in outcome.error
        assert "\n" not in outcome.error


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


def test_a_test_says_so_in_its_subject() -> None:
    assert composed(message(reason="test"))["Subject"].startswith("[Test] Mist: ")


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


def test_a_sender_may_be_called_anything_visible() -> None:
    assert (
        str(composed(message(), sender_name="Netz & Köln, GmbH")["From"])
        == '"Netz & Köln, GmbH" <mist@example.com>'
    )


def test_too_many_or_too_large_pictures_do_not_make_a_mail_that_is_refused() -> None:
    many = {f"chart-{number}.png": PNG for number in range(20)}
    assert (
        len(
            [
                part
                for part in composed(message(incident(charts=many))).walk()
                if part.get_content_maintype() == "image"
            ]
        )
        == 6
    )
    large = {"large.png": PNG + b"\0" * (5 << 20)}
    assert "image/png" not in str(composed(message(incident(charts=large))))


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("coverage at Köln-Süd 1.5.png", "Coverage at Köln-Süd 1.5"),
        ("\u202e.png", "Chart"),
        ("a\nb.png", "A b"),
    ],
)
def test_a_picture_is_titled_by_its_name(name: str, title: str) -> None:
    assert picture_title(name) == title


def test_certificates_are_not_read_where_they_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("reading them takes longer than the mail")

    monkeypatch.setattr("mist_pipeline.delivery.sinks.mail.sink.tls_context", never)
    outcome, mailbox = tell(message())
    accepted(outcome)
    assert len(mailbox.arrived) == 1
