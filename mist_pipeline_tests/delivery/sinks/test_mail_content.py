"""What a mail says, and that its headers read the same for every reader and let nobody in."""

import email
import re
from datetime import timedelta
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import getaddresses

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mist_pipeline.delivery.rendering import wording
from mist_pipeline.delivery.rendering.incident_page import picture_title
from mist_pipeline.delivery.sink import Refused
from mist_pipeline.delivery.sinks.mail.headers import folded, mailbox
from mist_pipeline.delivery.sinks.mail.sink import compose
from mist_pipeline.domain import text as plain_text
from mist_pipeline_tests.support.delivery.mail_server import PEOPLE, Mailbox, mail_server
from mist_pipeline_tests.support.delivery.mails import accepted, composed, configured, plain, tell
from mist_pipeline_tests.support.delivery.messages import HOSTILE, PNG, START, incident, message, resolved

# The fake knows no TLS but STARTTLS; the connection is inside of TLS already where this would matter.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


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


def test_a_test_says_so_in_its_subject() -> None:
    assert composed(message(reason="test"))["Subject"].startswith("[Test] Mist: ")


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
