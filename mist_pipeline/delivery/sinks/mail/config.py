"""The configuration of a sink that sends mail.

Here: keys, defaults, the checks that need no network, which addresses can be written to, and
how it becomes a sink. Not here: the message and sending it (`sink`).
"""

from email.errors import HeaderParseError
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from mist_pipeline.delivery.config import SecretValues, SinkConfig, Variable, secret_of
from mist_pipeline.delivery.sink import Sink
from mist_pipeline.domain.text import clean
from mist_pipeline.http_client.urls import is_loopback


class MailConfig(SinkConfig):
    """Mail by SMTP.

    ``security``: ``starttls`` is refused if the server does not offer it, ``tls`` is used from the first byte.
    """

    position: ClassVar[int] = 10
    type: Literal["mail"]
    host: str = Field(description="Mail server.")
    sender: str = Field(description="Address in From.")
    recipients: tuple[str, ...] = Field(description="Addresses in To.")
    sender_name: str = Field("Mist pipeline", description="Name in From.")
    port: int = Field(587, description="587 for STARTTLS, 465 for TLS, 25 for a relay inside.")
    security: Literal["starttls", "tls", "none"] = Field("starttls", description="Fails closed.")
    username: str = Field("", description="Empty: no authentication.")
    password_from: Variable | None = Field(None, description="Variable with the password.")
    ca_file: Path | None = Field(None, description="Certificates to trust instead of the machine's.")

    @property
    def sends_to(self) -> tuple[str, ...]:
        """The addresses in To."""
        return self.recipients

    @model_validator(mode="after")
    def _can_work(self) -> Self:
        """Refuse what could only fail at three in the morning."""
        if not self.host or not 0 < self.port < 65536:
            raise ValueError("mail: give the server's host and a port between 1 and 65535")
        if not self.recipients:
            raise ValueError("mail: give at least one recipient")
        for what, address in (("sender", self.sender), *(("recipient", one) for one in self.recipients)):
            if problem := problem_with_address(address):
                raise ValueError(f"mail: {what} {problem}")
        if (self.username == "") != (self.password_from is None):
            raise ValueError("mail: username and password belong together; give both or none")
        if self.username and self.security == "none" and not is_loopback(self.host):
            raise ValueError("mail: a password must not travel in the open; use security starttls or tls")
        if self.ca_file is not None and not self.ca_file.is_file():
            raise ValueError(f"mail: there is no file of certificates at {self.ca_file}")
        if clean(self.sender_name) != self.sender_name:
            raise ValueError("mail: the sender's name must be one visible line")
        return self

    @property
    def shows_pictures(self) -> bool:
        """Whether charts are worth drawing for it."""
        return True

    def build(self, name: str, secrets: SecretValues, data: Path) -> Sink:  # noqa: ARG002, D102
        from mist_pipeline.delivery.sinks.mail.sink import MailSink

        return MailSink(name, self, secret_of(secrets, self.password_from) if self.password_from else None)


def problem_with_address(address: str) -> str | None:
    """Why an address cannot be written to, None if it can."""
    shown = repr(clean(address, 80))
    if not address.isascii():
        return f"{shown}: only ASCII addresses are supported; write the domain in its xn-- form"
    try:
        from email.headerregistry import Address

        parsed = Address(addr_spec=address)
    except (HeaderParseError, ValueError, IndexError):
        return f"{shown}: not a mail address"
    if not parsed.username or not parsed.domain or parsed.addr_spec != address or not address.isprintable():
        return f"{shown}: not a mail address"
    return None
