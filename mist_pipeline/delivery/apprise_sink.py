"""Everything else that the library Apprise can reach: Teams, Telegram, Matrix, Discord and a hundred more.

Apprise says whether a notification was accepted, but not why it was not, and knows neither threads nor repetitions. So
what failed is tried again within the outbox's patience. For services with a sink of their own, that one is better.
"""

from mist_pipeline.delivery import wording
from mist_pipeline.delivery.sink import Accepted, Message, Outcome, Refused, Retry
from mist_pipeline.mist.transport import Secret

_BODY = 3_000
"""Characters that nearly every service takes."""


class AppriseSink:
    """One service of Apprise.

    Args:
        name: Its name in the configuration.
        url: Apprise's address of the service (``msteams://…``), which is a secret as a whole.

    Raises:
        ValueError: Apprise does not know such an address.
    """

    def __init__(self, name: str, url: Secret) -> None:
        from apprise import Apprise

        self._name = name
        self._service = Apprise()
        if not self._service.add(url.reveal()):
            raise ValueError(f"apprise of {name}: Apprise does not know such an address")

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self._name

    def problem_with(self, recipient: str) -> str | None:
        """Why a route must not name this recipient, None if it may."""
        return "Apprise tells whom its address names" if recipient else None

    def send(self, message: Message) -> Outcome:
        """Tell it as plain text."""
        from apprise import NotifyFormat, NotifyType

        if problem := self.problem_with(message.recipient):
            return Refused(problem)
        kinds = {"critical": NotifyType.FAILURE, "major": NotifyType.WARNING, "warning": NotifyType.WARNING}
        is_over = message.incident.status == "resolved"
        kind = NotifyType.SUCCESS if is_over else kinds.get(message.incident.severity, NotifyType.INFO)
        is_accepted = self._service.notify(
            title=wording.headline(message),
            body=wording.clipped(wording.plain_text(message, budget=_BODY // 2), _BODY),
            notify_type=kind,
            body_format=NotifyFormat.TEXT,
        )
        return Accepted() if is_accepted else Retry("Apprise could not hand it over; its log says why")

    def recover(self, message: Message) -> Outcome:
        """Send it again: Apprise cannot ask what arrived."""
        return self.send(message)
