"""."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from mist_pipeline.delivery.config import SecretValues, SinkConfig, Variable, secret_of
from mist_pipeline.delivery.sink import Sink
from mist_pipeline.delivery.sinks.mail.sink import MailSettings, MailSink


class MailConfig(SinkConfig):
    """Mail by SMTP."""

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
    def shows_pictures(self) -> bool:
        """Whether charts are worth drawing for it."""
        return True

    def build(self, name: str, secrets: SecretValues, data: Path) -> "Sink":  # noqa: ARG002, D102

        password = secret_of(secrets, self.password_from) if self.password_from else None
        return MailSink(
            name,
            MailSettings(
                host=self.host,
                sender=self.sender,
                recipients=self.recipients,
                sender_name=self.sender_name,
                port=self.port,
                security=self.security,
                username=self.username,
                password=password,
                ca_file=self.ca_file,
            ),
        )
