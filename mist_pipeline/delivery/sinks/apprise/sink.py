"""Everything else that the library Apprise can reach: Teams, Telegram, Matrix, Discord and a hundred more.

Apprise knows neither threads nor repetitions, cannot change what was sent, and its failures do not say whether another
attempt may help. So what failed is tried again until the outbox gives up. The title stays the same for all messages about an
incident, since several services make a thread or a topic of it. For services with a sink of their own, that one is better.
"""

import logging
import re
from collections.abc import Iterable
from typing import Any

from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.delivery.sink import Accepted, Concern, Outcome, Refused, Retry
from mist_pipeline.delivery.sinks.apprise.markdown import markdown
from mist_pipeline.domain.text import clean, clipped
from mist_pipeline.http_client.failures import excerpt
from mist_pipeline.http_client.secrets import Secret, Secrets, secrets_of

_BODY = 3_000
"""Characters that a message has at most, also where a service would take more."""
_LEAST_MARKDOWN = 800
"""A service that takes less gets plain text: markup would be most of it."""
_FOR_PROGRAMS = frozenset({"json", "jsons", "xml", "xmls", "form", "forms"})
"""Addresses of programs: they take Markdown, but nobody shows it."""
_TITLE = "title"
_LONGEST_TITLE = 150
_TITLE_MARKUP = 10
"""Characters with which Apprise puts a title above a text."""
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
        """Send it, as Markdown where the service shows it."""
        from apprise import NotifyFormat, NotifyType

        if problem := self.problem_with(message.recipient):
            return Refused(problem)
        kinds = {"critical": NotifyType.FAILURE, "major": NotifyType.WARNING, "warning": NotifyType.WARNING}
        is_over = message.incident.status == "resolved"
        kind = NotifyType.SUCCESS if is_over else kinds.get(message.incident.severity, NotifyType.INFO)
        title = message.reference.get(_TITLE) or _first_title(message)
        budget = self._room_beside(title)
        if self._shows_markdown and budget >= _LEAST_MARKDOWN:
            body, body_format = markdown(message, budget, _harmless), NotifyFormat.MARKDOWN
        else:
            body = clipped(_harmless(wording.plain_text(message, budget=budget // 2)), budget)
            body_format = NotifyFormat.TEXT
        result = self._service.notify(
            title=self._fitting(title), body=body, notify_type=kind, body_format=body_format
        )
        if result:
            return Accepted({_TITLE: title})
        said = excerpt(self._secrets.hide(_reason(result)))
        return Retry("Apprise could not hand it over" + (f": {said}" if said else ""))

    def recover(self, message: Message) -> Outcome:
        """Send it again: Apprise cannot ask what arrived."""
        return self.send(message)

    def examine(self) -> Iterable[Concern]:
        """What this service takes, and what no service of Apprise can do; asks nobody."""
        title, body = self._target.title_maxlen, self._room_beside("")
        form = "Markdown" if self._shows_markdown and body >= _LEAST_MARKDOWN else "plain text"
        heading = f"a title of at most {title:,} characters and " if title > 0 else "no title of its own and "
        name = clean(str(self._target.service_name))
        yield Concern(
            f"{name} by Apprise: {heading}at most {body:,} characters of {form}, longer lists are cut; a message cannot be "
            "updated, nobody can acknowledge there, and one whose fate is unknown is sent again"
        )

    @property
    def _target(self) -> Any:
        return self._service[0]

    @property
    def _shows_markdown(self) -> bool:
        """Whether the service is made for Markdown, or its address asks for it (``format=markdown``)."""
        from apprise import NotifyFormat

        target = self._target
        if target.schemas() & _FOR_PROGRAMS:
            return False
        # Of several formats, which older versions of Apprise do not know, a service takes the one that it is given.
        if hasattr(target, "resolve_format"):
            return bool(target.resolve_format(NotifyFormat.MARKDOWN) == NotifyFormat.MARKDOWN)
        return bool(target.notify_format == NotifyFormat.MARKDOWN)

    def _room_beside(self, title: str) -> int:
        """Characters that the text may have; a service without titles puts ours into its text."""
        taken = len(title) + _TITLE_MARKUP if self._target.title_maxlen <= 0 else 0
        return max(min(_BODY, int(self._target.body_maxlen) - taken), 1)

    def _fitting(self, title: str) -> str:
        longest = int(self._target.title_maxlen)
        return _harmless(clipped(title, longest) if longest > 0 else title)


def _first_title(message: Message) -> str:
    """Without severity and state: it stays the same for the whole incident."""
    mark = "[Test] " if message.reason == "test" else ""
    return f"{mark}Mist: {clipped(wording.title_of(message.incident), _LONGEST_TITLE)}"


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
