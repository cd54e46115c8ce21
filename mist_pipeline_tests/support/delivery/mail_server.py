"""A mail server in this process that keeps what it gets and fails on request."""

import email
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from mist_pipeline_tests.support.fakes.certificate import server_context

PASSWORD = "password-very-secret"


PEOPLE = ("ops@example.com", "night@example.com")


@dataclass
class Mailbox:
    """A mail server's behaviour and what it received."""

    answers: dict[str, str] = field(default_factory=dict)
    """Command or recipient → answer instead of 250; ``drop`` closes the connection; ``AUTH`` → answer to a wrong password."""
    arrived: list[Envelope] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "MAIL" in self.answers:
            return self.answers["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.answers.get(address, "250 OK")
        if answer == "drop":
            server.transport.close()
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.answers.get("DATA", "250 Message accepted")
        if answer.startswith("250") or answer == "drop":
            self.arrived.append(envelope)
            self.sessions.append(session)
        if answer == "drop":
            server.transport.close()
        return answer

    def mails(self) -> list[EmailMessage]:
        """What arrived, parsed."""
        return [email.message_from_bytes(envelope.content, policy=default) for envelope in self.arrived]  # type: ignore[arg-type, misc]


@contextmanager
def mail_server(
    mailbox: Mailbox, certificate: Path | None = None, *, implicit: bool = False
) -> Iterator[int]:
    """A server on a free port: plain without a certificate, else with STARTTLS, or TLS from the first byte."""

    def authenticator(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        fits = isinstance(data, LoginPassword) and data == LoginPassword(b"mist", PASSWORD.encode())
        return AuthResult(success=fits, handled=False, message=None if fits else mailbox.answers.get("AUTH"))

    options: dict[str, Any] = {"hostname": "localhost", "port": 0, "ready_timeout": 10}
    if certificate is not None:
        context = server_context(certificate)
        options |= (
            {"ssl_context": context} if implicit else {"tls_context": context, "require_starttls": True}
        )
        options |= {"authenticator": authenticator, "auth_required": True, "auth_require_tls": not implicit}
    controller = _AnyPort(mailbox, **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


class _AnyPort(Controller):
    """The library asks for its port before it knows which one it got."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()
