"""Mail: text first, the same as HTML with its charts inside, one thread an incident, over SMTP that fails closed.

Here: the MIME message and the conversation with the mail server. What it says is in `wording` and `page`.
"""

import contextlib
import hashlib
import smtplib
import ssl
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Literal

from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.delivery.rendering.incident_page import render_page
from mist_pipeline.delivery.sink import Accepted, Outcome, Refused, Retry, Unknown
from mist_pipeline.domain import text as plain_text
from mist_pipeline.http_client.failures import excerpt
from mist_pipeline.http_client.secrets import Secret, Secrets
from mist_pipeline.http_client.urls import is_loopback

_THREAD = "thread"
_SUBJECT = "subject"
_HEARD = "heard"
"""Addresses that were told of the incident, one a line."""
_MOST_PICTURES = 6
_MOST_PICTURE_BYTES = 4 << 20
_PNG = b"\x89PNG\r\n\x1a\n"
_POLICY = SMTP.clone(cte_type="7bit", raise_on_defect=False)


@dataclass(frozen=True)
class MailSettings:
    """Where and how mail is handed over.

    Attributes:
        host: Mail server.
        sender: Address in ``From``.
        recipients: Addresses in ``To``.
        sender_name: Name in ``From``.
        port: 587 for STARTTLS, 465 for implicit TLS, 25 for a relay inside.
        security: ``starttls`` (refused if the server does not offer it), ``tls`` (from the first byte), ``none``.
        username: Empty for none.
        password: Of ``username``.
        ca_file: Certificates to trust instead of the machine's.
        timeout_seconds: For every single step of the conversation.
    """

    host: str
    sender: str
    recipients: tuple[str, ...]
    sender_name: str = "Mist pipeline"
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: Secret | None = None
    ca_file: Path | None = None
    timeout_seconds: float = 30.0

    def __post_init__(self) -> None:
        """Refuse what could only fail at three in the morning."""
        if not self.host or not 0 < self.port < 65536:
            raise ValueError("mail: give the server's host and a port between 1 and 65535")
        if not self.recipients:
            raise ValueError("mail: give at least one recipient")
        for what, address in (("sender", self.sender), *(("recipient", one) for one in self.recipients)):
            if problem := problem_with_address(address):
                raise ValueError(f"mail: {what} {problem}")
        if (self.username == "") != (self.password is None):
            raise ValueError("mail: username and password belong together; give both or none")
        if not (self.username.isascii() and (self.password is None or self.password.reveal().isascii())):
            raise ValueError("mail: username and password must be ASCII (a limit of Python's smtplib)")
        if self.username and self.security == "none" and not is_loopback(self.host):
            raise ValueError("mail: a password must not travel in the open; use security starttls or tls")
        if self.ca_file is not None and not self.ca_file.is_file():
            raise ValueError(f"mail: there is no file of certificates at {self.ca_file}")
        if plain_text.clean(self.sender_name) != self.sender_name:
            raise ValueError("mail: the sender's name must be one visible line")


def problem_with_address(address: str) -> str | None:
    """Why an address cannot be written to, None if it can."""
    shown = repr(plain_text.clean(address, 80))
    if not address.isascii():
        return f"{shown}: only ASCII addresses are supported; write the domain in its xn-- form"
    try:
        parsed = Address(addr_spec=address)
    except (HeaderParseError, ValueError, IndexError):
        return f"{shown}: not a mail address"
    if not parsed.username or not parsed.domain or parsed.addr_spec != address or not address.isprintable():
        return f"{shown}: not a mail address"
    return None


class MailSink:
    """Tells people by mail.

    Args:
        name: Its name in the configuration.
        settings: Where and how.
    """

    def __init__(self, name: str, settings: MailSettings) -> None:
        self._name = name
        self._settings = settings

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self._name

    def problem_with(self, recipient: str) -> str | None:
        """Why a route must not name this recipient (a mail address), None if it may."""
        return problem_with_address(recipient) if recipient else None

    def send(self, message: Message) -> Outcome:
        """Hand one mail to the server; a mail that some recipients cannot get is accepted, with a note."""
        if problem := self.problem_with(message.recipient):
            return Refused(f"mail to {problem}")
        try:
            mail = compose(message, self._settings)
        except ValueError as error:
            return Refused(f"mail: {error}")
        delivery = _Delivery(
            self._settings, _recipients(message, self._settings), mail.as_bytes(policy=_POLICY)
        )
        outcome = delivery.run()
        if isinstance(outcome, Accepted):
            thread = message.reference.get(_THREAD, str(mail["Message-ID"]))
            subject = message.reference.get(_SUBJECT, _first_subject(message))
            heard = {_HEARD: "\n".join(sorted({*_heard(message, self._settings), *delivery.recipients}))}
            return Accepted({_THREAD: thread, _SUBJECT: subject, **heard}, outcome.note)
        return outcome

    def recover(self, message: Message) -> Outcome:
        """Send it again: it has the same Message-ID, by which mailboxes drop the second one."""
        return self.send(message)


def compose(message: Message, settings: MailSettings) -> EmailMessage:
    """The mail.

    The subject stays that of the incident's first mail (what has changed since is the first line of the text, which
    mail readers show beside the subject): several readers put a mail in a thread only if both its References and its
    subject fit. ``Date`` is the instant of this telling, so that every attempt sends the same bytes but for boundaries.

    Raises:
        ValueError: A header value holds a line break or control character.
    """
    incident = message.incident
    domain = settings.sender.rpartition("@")[2]
    thread = message.reference.get(_THREAD)
    subject = message.reference.get(_SUBJECT)
    mail = EmailMessage(policy=_POLICY)
    headers = {
        "From": str(Address(settings.sender_name, addr_spec=settings.sender)),
        "To": ", ".join(_recipients(message, settings)),
        "Subject": f"Re: {subject}" if subject else _first_subject(message),
        "Date": format_datetime(incident.updated_at),
        "Message-ID": f"<{_token(message.delivery_id)}@{domain}>",
        **({"In-Reply-To": thread, "References": thread} if thread else {}),
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "X-Mist-Incident": incident.incident_id,
        "X-Mist-Severity": incident.severity,
        "X-Mist-Status": incident.status,
        **({"Importance": "high"} if _is_urgent(message) else {}),
    }
    for name, value in headers.items():
        mail[name] = _one_line(name, value)
    mail.set_content(wording.plain_text(message), cte="quoted-printable")
    pictures = _pictures(incident.charts)
    addresses = {title: f"cid:{_token(title)}@{domain}" for title in pictures}
    mail.add_alternative(render_page(message, addresses), subtype="html", cte="quoted-printable")
    if pictures:
        _, page = mail.iter_parts()
        for title, picture in pictures.items():
            page.add_related(
                picture,
                maintype="image",
                subtype="png",
                cid=f"<{_token(title)}@{domain}>",
                filename=f"{_token(title)}.png",
                disposition="inline",
            )
    return mail


@dataclass
class _Delivery:
    """One conversation with the mail server, and what it was about when it ended."""

    settings: MailSettings
    recipients: tuple[str, ...]
    content: bytes = field(repr=False)
    step: str = "connect"

    def run(self) -> Outcome:
        """Everything from the connection to the answer to the content."""
        try:
            with self._session() as session:
                return self._hand_over(session)
        except smtplib.SMTPResponseException as error:
            return self._answered(error.smtp_code, error.smtp_error)
        except smtplib.SMTPServerDisconnected:
            return self._broken("the server closed the connection")
        except smtplib.SMTPException as error:
            return Refused(self._words(excerpt(str(error))))
        except ssl.SSLCertVerificationError:
            return Retry(self._words("the certificate of the server is not valid for it; nothing was sent"))
        except OSError as error:
            return self._broken(f"the connection failed or ended early ({type(error).__name__})")

    def _broken(self, how: str) -> Retry | Unknown:
        """A connection that ended: only once the content is on its way can it have arrived."""
        if self.step == "content":
            return Unknown(self._words(f"{how}; it may have arrived"))
        return Retry(self._words(how))

    @contextlib.contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        settings = self.settings
        if settings.security == "tls":
            session: smtplib.SMTP = smtplib.SMTP_SSL(
                settings.host, settings.port, timeout=settings.timeout_seconds, context=self._context()
            )
        else:
            session = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout_seconds)
        try:
            if settings.security == "starttls":
                self.step = "STARTTLS"
                session.starttls(context=self._context())
            if settings.username and settings.password is not None:
                self.step = "login"
                session.login(settings.username, settings.password.reveal())
            yield session
        finally:
            # QUIT would hide the outcome behind its own error.
            session.close()

    def _context(self) -> ssl.SSLContext:
        # Reading the machine's certificates takes longer than a mail does: only where they are used.
        ca_file = self.settings.ca_file
        return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)

    def _hand_over(self, session: smtplib.SMTP) -> Outcome:
        session.ehlo_or_helo_if_needed()
        self.step = "sender"
        code, said = session.mail(self.settings.sender)
        if code != 250:
            return self._answered(code, said)
        self.step = "recipients"
        refused: dict[str, tuple[int, bytes]] = {}
        for recipient in self.recipients:
            code, said = session.rcpt(recipient)
            if code == 421:
                return self._answered(code, said)
            if code not in (250, 251):
                refused[recipient] = (code, said)
        if len(refused) == len(self.recipients):
            return self._all_refused(refused)
        self.step = "content"
        code, said = session.data(self.content)
        if code != 250:
            return self._answered(code, said)
        with contextlib.suppress(smtplib.SMTPException, OSError):
            session.quit()
        notes = [f"{recipient} ({code} {_said(said)})" for recipient, (code, said) in refused.items()]
        return Accepted(note=f"refused for {', '.join(notes)}" if notes else "")

    def _all_refused(self, refused: Mapping[str, tuple[int, bytes]]) -> Outcome:
        """No recipient was taken: worth another attempt if that may help for one of them."""
        code, said = min(refused.values(), key=lambda answer: answer[0])
        return self._answered(code, said)

    def _answered(self, code: int, said: bytes | str) -> Retry | Refused:
        """What a refusing answer means: 4yz may heal, 5yz will not (RFC 5321, 4.2.1)."""
        text = self._words(f"the server answered {code} {_said(said)}".rstrip())
        # -1 is what the library says for an answer without a number.
        return Retry(text) if code < 500 else Refused(text)

    def _words(self, text: str) -> str:
        password = self.settings.password
        hidden = Secrets([password] if password else []).hide(text)
        return f"mail by {self.settings.host}, {self.step}: {hidden}"


def _recipients(message: Message, settings: MailSettings) -> tuple[str, ...]:
    if message.recipient:
        return (message.recipient,)
    if message.is_for_all_who_heard:
        return _heard(message, settings) or settings.recipients
    return settings.recipients


def _heard(message: Message, settings: MailSettings) -> tuple[str, ...]:
    """Who was told of the incident, in the order of the configuration; those whom it no longer names come last."""
    known = message.reference.get(_HEARD, "").splitlines()
    return tuple(sorted(known, key=lambda one: (one not in settings.recipients, one)))


def _first_subject(message: Message) -> str:
    """Without severity and state: it stays the same in the whole thread."""
    mark = "[Test] " if message.reason == "test" else ""
    return f"{mark}Mist: {plain_text.clipped(wording.title_of(message.incident), 150)}"


def _is_urgent(message: Message) -> bool:
    return message.incident.severity == "critical" and message.incident.status == "open"


def _one_line(name: str, value: str) -> str:
    if any(unicodedata.category(char) in {"Cc", "Zl", "Zp"} for char in value):
        raise ValueError(f"the header {name} would hold a line break or control character")
    return value


def _token(text: str) -> str:
    """A stable local part for ids of any content."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]


def _pictures(charts: Mapping[str, bytes]) -> dict[str, bytes]:
    """The first charts that are PNG and not too large together, by title."""
    chosen: dict[str, bytes] = {}
    size = 0
    for name, picture in charts.items():
        size += len(picture)
        if picture.startswith(_PNG) and size <= _MOST_PICTURE_BYTES and len(chosen) < _MOST_PICTURES:
            chosen[picture_title(name)] = picture
    return chosen


def picture_title(name: str) -> str:
    """``coverage-cologne.png`` → ``Coverage cologne``."""
    title = plain_text.clean(Path(name).stem.replace("-", " ").replace("_", " "), plain_text.NAME_LENGTH)
    return title[:1].upper() + title[1:] or "Chart"


def _said(said: bytes | str) -> str:
    return excerpt(said.decode(errors="replace") if isinstance(said, bytes) else said)
