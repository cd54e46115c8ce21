"""Mail sinks of tests, and what a mail that they composed or sent is."""

import email
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.sink import Accepted, Outcome
from mist_pipeline.delivery.sinks.mail.config import MailConfig
from mist_pipeline.delivery.sinks.mail.sink import MailSink, compose
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline_tests.support.delivery.mail_server import PASSWORD, PEOPLE, Mailbox, mail_server


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
