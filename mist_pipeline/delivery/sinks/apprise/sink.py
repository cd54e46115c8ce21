"""Everything else that the library Apprise can reach: Teams, Telegram, Matrix, Discord and a hundred more.

Apprise knows neither threads nor repetitions, and its failures do not say whether another attempt may help. So what failed
is tried again until the outbox gives up. For services with a sink of their own, that one is better.
"""

import logging
import re
from typing import Any

from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.delivery.sink import Accepted, Outcome, Refused, Retry
from mist_pipeline.domain.text import clipped
from mist_pipeline.http_client.failures import excerpt
from mist_pipeline.http_client.secrets import Secret, Secrets, secrets_of

_BODY = 3_000
"""Characters that nearly every service takes."""
_HARMLESS = str.maketrans({"@": "\N{FULLWIDTH COMMERCIAL AT}", "<": "‹", ">": "›"})
_ADDRESS = re.compile(r"https?://\S+")


class AppriseSink:
    """One service of Apprise.

    Args:
        name: Its name in the configuration.
        url: Apprise's address of the service (``msteams://…``), which is a secret as a whole.

    Raises:
        ValueError: Apprise does not know such an address.
    """

    def __init__(self, name: str, url: Secret) -> None:
        _silence()
        from apprise import Apprise, AppriseAsset

        asset = AppriseAsset(async_mode=False)
        # A redirect would carry what is secret to another host.
        asset.http_redirects = False
        self._name = name
        self._secrets = Secrets(secrets_of(url, is_host_secret=True))
        self._service = Apprise(asset=asset)
        # Of several addresses some would get a message twice whenever another one failed.
        if not self._service.add(url.reveal()) or len(self._service) != 1:
            raise ValueError(
                f"apprise of {name}: Apprise knows no such address; give one, as its documentation has it"
            )

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self._name

    def problem_with(self, recipient: str) -> str | None:
        """Why a route must not name this recipient, None if it may."""
        return "Apprise sends to the address of its configuration only" if recipient else None

    def send(self, message: Message) -> Outcome:
        """Send it as plain text."""
        from apprise import NotifyFormat, NotifyType

        if problem := self.problem_with(message.recipient):
            return Refused(problem)
        kinds = {"critical": NotifyType.FAILURE, "major": NotifyType.WARNING, "warning": NotifyType.WARNING}
        is_over = message.incident.status == "resolved"
        kind = NotifyType.SUCCESS if is_over else kinds.get(message.incident.severity, NotifyType.INFO)
        result = self._service.notify(
            title=_harmless(wording.headline(message)),
            body=clipped(_harmless(wording.plain_text(message, budget=_BODY // 2)), _BODY),
            notify_type=kind,
            body_format=NotifyFormat.TEXT,
        )
        if result:
            return Accepted()
        said = excerpt(self._secrets.hide(_reason(result)))
        return Retry("Apprise could not hand it over" + (f": {said}" if said else ""))

    def recover(self, message: Message) -> Outcome:
        """Send it again: Apprise cannot ask what arrived."""
        return self.send(message)


def _silence() -> None:
    """Keep Apprise's log to itself: at its lower levels it writes addresses with all that is secret in them."""
    log = logging.getLogger("apprise")
    log.propagate = False
    if not log.handlers:
        log.addHandler(logging.NullHandler())


def _harmless(text: str) -> str:
    """Text in which nobody's name mentions anybody: several services make ``@everyone`` and ``<!channel>`` ring for all."""
    parts: list[str] = []
    end = 0
    for found in _ADDRESS.finditer(text):
        parts += [text[end : found.start()].translate(_HARMLESS), found[0].replace("@", "%40")]
        end = found.end()
    return "".join([*parts, text[end:].translate(_HARMLESS)])


def _reason(result: Any) -> str:
    """What Apprise says of a failure, as far as its version tells more than no."""
    return "; ".join(entry.message for entry in result.logs()) if hasattr(result, "logs") else ""
