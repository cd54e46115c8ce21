"""Mail: text first, the same as HTML with its charts inside, one thread an incident, over SMTP that fails closed.

Here: the MIME message and the conversation with the mail server. Not here: the keys and their checks (`config`), what the
mail says (``delivery.rendering``).
"""

import contextlib
import hashlib
import smtplib
import ssl
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from email.utils import format_datetime

from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.delivery.rendering.incident_page import picture_title, render_page
from mist_pipeline.delivery.sink import (
    Accepted,
    Outcome,
    Partly,
    RecipientAnswer,
    Refused,
    Retry,
    Unknown,
)
from mist_pipeline.delivery.sinks.mail.config import MailConfig, problem_with_address
from mist_pipeline.delivery.sinks.mail.headers import HeaderPolicy, mailbox
from mist_pipeline.domain.text import clean, clipped
from mist_pipeline.http_client.certificates import CertificatesError, certificate_problem, tls_context
from mist_pipeline.http_client.secrets import Secret, Secrets

_THREAD = "thread"
_SUBJECT = "subject"
_HEARD = "heard"
"""Addresses that were notified of the incident, one a line."""
_MOST_SAID = 4_000
_WORDS = 400
"""Characters of an answer that are read, and of an error that are shown."""
_MOST_PICTURES = 6
_MOST_PICTURE_BYTES = 4 << 20
_PNG = b"\x89PNG\r\n\x1a\n"
_POLICY = HeaderPolicy(linesep="\r\n", cte_type="7bit", raise_on_defect=False)


class MailSink:
    """Sends messages by mail.

    Args:
        name: Its name in the configuration.
        config: Where and how.
        password: Of ``config.username``; None for none.
        timeout_seconds: Limit of every single step of the conversation with the server.

    Raises:
        ValueError: User name or password are not ASCII.
    """

    def __init__(
        self, name: str, config: MailConfig, password: Secret | None = None, *, timeout_seconds: float = 30.0
    ) -> None:
        if not (config.username.isascii() and (password is None or password.reveal().isascii())):
            raise ValueError("mail: username and password must be ASCII (a limit of Python's smtplib)")
        self._name = name
        self._config = config
        self._password = password
        self._timeout_seconds = timeout_seconds

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self._name

    def problem_with(self, recipient: str) -> str | None:
        """Why a route must not name this recipient (a mail address), None if it may."""
        return problem_with_address(recipient) if recipient else None

    def send(self, message: Message) -> Outcome:
        """Hand one mail to the server, for all who do not have it yet.

        Recipients that the server refuses for now are tried again alone; those it refuses for good are noted.
        """
        if problem := self.problem_with(message.recipient):
            return Refused(f"mail to {problem}")
        try:
            mail = compose(message, self._config)
        except ValueError as error:
            return Refused(f"mail: {error}")
        waiting = tuple(one for one in _recipients(message, self._config) if one not in message.served)
        if not waiting:
            return Accepted(message.reference, "who did not have it yet is no recipient any more")
        outcome = _Delivery(
            config=self._config,
            password=self._password,
            timeout_seconds=self._timeout_seconds,
            recipients=waiting,
            content=mail.as_bytes(policy=_POLICY),
            is_for_the_rest=bool(message.served),
        ).run()
        if not isinstance(outcome, Accepted | Partly):
            return outcome
        heard = [name for name, answer in outcome.answers.items() if answer.state == "accepted"]
        if not heard:
            return replace(outcome, reference=message.reference)
        thread = message.reference.get(_THREAD, str(mail["Message-ID"]))
        subject = message.reference.get(_SUBJECT, _first_subject(message))
        all_heard = "\n".join(sorted({*_heard(message, self._config), *heard}))
        return replace(outcome, reference={_THREAD: thread, _SUBJECT: subject, _HEARD: all_heard})

    def recover(self, message: Message) -> Outcome:
        """Send it again: it has the same Message-ID, by which mailboxes drop the second one."""
        return self.send(message)


def compose(message: Message, config: MailConfig) -> EmailMessage:
    """The mail.

    The subject stays that of the incident's first mail (what has changed since is the first line of the text, which
    mail readers show beside the subject): several readers put a mail in a thread only if both its References and its
    subject fit. ``Date`` is when it is sent; how late that is, the text says.

    Raises:
        ValueError: A header value holds a line break or control character.
    """
    incident = message.incident
    domain = config.sender.rpartition("@")[2]
    mail_id = f"<{_token(message.delivery_id)}@{domain}>"
    thread = message.reference.get(_THREAD)
    subject = message.reference.get(_SUBJECT)
    # The first mail again, for those who did not get it yet, is no reply to itself.
    is_reply = thread is not None and thread != mail_id
    mail = EmailMessage(policy=_POLICY)
    headers = {
        "From": mailbox(config.sender_name, config.sender),
        "To": ", ".join(_recipients(message, config)),
        "Subject": _first_subject(message) if subject is None else f"Re: {subject}" if is_reply else subject,
        "Date": format_datetime(message.sent_at or incident.updated_at),
        "Message-ID": mail_id,
        **({"In-Reply-To": thread, "References": thread} if is_reply and thread else {}),
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "X-Mist-Incident": incident.incident_id,
        "X-Mist-Severity": incident.severity,
        "X-Mist-Status": incident.status,
        **({"Importance": "high"} if _is_urgent(message) else {}),
    }
    for name, value in headers.items():
        mail[name] = _one_line(name, value)
    mail.set_content(wording.plain_text(message, has_answers=True), cte="quoted-printable")
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

    config: MailConfig
    password: Secret | None
    timeout_seconds: float
    recipients: tuple[str, ...]
    content: bytes = field(repr=False)
    is_for_the_rest: bool = False
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
            return Refused(self._words(_said(str(error))))
        except (ssl.SSLCertVerificationError, CertificatesError) as error:
            return Retry(self._words(_distrust(error)))
        except OSError as error:
            return self._broken(f"the connection failed or ended early ({type(error).__name__})")

    def _broken(self, how: str) -> Retry | Unknown:
        """A connection that ended: only once the content is on its way can it have arrived."""
        if self.step == "content":
            return Unknown(self._words(f"{how}; it may have arrived"))
        return Retry(self._words(how))

    @contextlib.contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        config, limit = self.config, self.timeout_seconds
        if config.security == "tls":
            session: smtplib.SMTP = smtplib.SMTP_SSL(
                config.host, config.port, timeout=limit, context=self._context()
            )
        else:
            session = smtplib.SMTP(config.host, config.port, timeout=limit)
        try:
            if config.security == "starttls":
                self.step = "STARTTLS"
                session.starttls(context=self._context())
            if config.username and self.password is not None:
                self.step = "login"
                session.login(config.username, self.password.reveal())
            yield session
        finally:
            # QUIT would hide the outcome behind its own error.
            session.close()

    def _context(self) -> ssl.SSLContext:
        # Reading the machine's certificates takes longer than a mail does: only where they are used.
        return tls_context(self.config.ca_file)

    def _hand_over(self, session: smtplib.SMTP) -> Outcome:
        session.ehlo_or_helo_if_needed()
        self.step = "sender"
        code, said = session.mail(self.config.sender)
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
        return self._by_recipient(refused)

    def _all_refused(self, refused: Mapping[str, tuple[int, bytes]]) -> Outcome:
        """No recipient was taken; those that may be later are tried again without those that never will be."""
        if self.is_for_the_rest or len({code < 500 for code, _ in refused.values()}) > 1:
            return self._by_recipient(refused)
        code, said = min(refused.values(), key=lambda answer: answer[0])
        return self._answered(code, said)

    def _by_recipient(self, refused: Mapping[str, tuple[int, bytes]]) -> Accepted | Partly:
        """What the answers to each recipient mean together."""
        answers = {
            one: self._answer_to(*refused[one]) if one in refused else RecipientAnswer("accepted")
            for one in self.recipients
        }
        missed = [f"{one} ({answer.said})" for one, answer in answers.items() if answer.state != "accepted"]
        note = f"refused for {', '.join(missed)}" if missed else ""
        if any(answer.state == "later" for answer in answers.values()):
            return Partly(self._words(note), answers)
        return Accepted(note=note, answers=answers)

    def _answer_to(self, code: int, said: bytes) -> RecipientAnswer:
        return RecipientAnswer(
            "later" if code < 500 else "refused", self._hidden(f"{code} {_said(said)}".rstrip())
        )

    def _answered(self, code: int, said: bytes | str) -> Retry | Refused:
        """What a refusing answer means: 4yz may heal, 5yz will not (RFC 5321, 4.2.1)."""
        text = self._words(f"the server answered {code} {_said(said)}".rstrip())
        # -1 is what the library says for an answer without a number.
        return Retry(text) if code < 500 else Refused(text)

    def _words(self, text: str) -> str:
        return f"mail by {self.config.host}, {self.step}: {self._hidden(text)}"

    def _hidden(self, text: str) -> str:
        return clipped(Secrets([self.password] if self.password else []).hide(text), _WORDS)


def _distrust(error: ssl.SSLCertVerificationError | CertificatesError) -> str:
    if isinstance(error, CertificatesError):
        return str(error)
    return f"nothing was sent: {certificate_problem(error)} or the sink's ca_file"


def _recipients(message: Message, config: MailConfig) -> tuple[str, ...]:
    if message.recipient:
        return (message.recipient,)
    if message.is_for_all_who_heard:
        return _heard(message, config) or config.recipients
    return config.recipients


def _heard(message: Message, config: MailConfig) -> tuple[str, ...]:
    """Addresses that were notified of the incident, in the order of the configuration; those it no longer names come last."""
    known = message.reference.get(_HEARD, "").splitlines()
    return tuple(sorted(known, key=lambda one: (one not in config.recipients, one)))


def _first_subject(message: Message) -> str:
    """Without severity and state: it stays the same in the whole thread."""
    mark = "[Test] " if message.reason == "test" else ""
    return f"{mark}Mist: {clipped(wording.title_of(message.incident), 150)}"


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


def _said(said: bytes | str) -> str:
    """One line; it is cut once secrets are hidden, since half a secret is not found any more."""
    return clean(said.decode(errors="replace") if isinstance(said, bytes) else said, _MOST_SAID)
