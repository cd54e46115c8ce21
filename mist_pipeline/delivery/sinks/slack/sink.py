"""Slack, in its two ways: an incoming webhook (a new message each time), or a bot (one message an incident).

Here: what is called, and what Slack's answers mean. Not here: what the messages look like (`blocks`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from mist_pipeline.delivery.http_outcome import no_answer, refusal
from mist_pipeline.delivery.message import Message, Reason
from mist_pipeline.delivery.sink import Accepted, Concern, Outcome, Refused, Retry, Unknown
from mist_pipeline.delivery.sinks.slack.blocks import Block, change_blocks, fallback, incident_blocks
from mist_pipeline.delivery.sinks.slack.channels import Channels
from mist_pipeline.delivery.sinks.slack.client import GoneError, SlackClient, StoppedError
from mist_pipeline.http_client.failures import NoAnswerError, excerpt
from mist_pipeline.http_client.secrets import Secret, secrets_of
from mist_pipeline.http_client.session import HttpLimits, as_json, send
from mist_pipeline.http_client.urls import checked_base_url, checked_url

_EVENT = "mist_pipeline_delivery"
_CHANNEL = re.compile(r"[CDGU][A-Z0-9]{6,}|#[^\s#]{1,80}")
_TOKEN = re.compile(r"xox[a-z]-[A-Za-z0-9-]+")
_BROADCAST: frozenset[Reason] = frozenset(
    {"severity_rise", "much_worse", "more_sites", "reopened", "escalation", "unacknowledged"}
)
"""Reasons that belong in the channel too, not only in the thread."""
_GONE = frozenset(
    {
        "message_not_found",
        "cant_update_message",
        "edit_window_closed",
        "thread_not_found",
        "channel_not_found",
    }
)
"""Answers to an update after which the incident gets a new message."""
_SKEW = timedelta(hours=1)
"""By so much the clock of this machine may be ahead of Slack's: what was sent later is looked for from before."""
_MOST_PAGES = 50


class SlackWebhookSink:
    """Posts every notification as a message of its own; a webhook returns no message id, so nothing can be edited.

    Args:
        name: Its name in the configuration.
        url: The webhook's address, which is a secret as a whole.
        limits: Of one request.
    """

    def __init__(self, name: str, url: Secret, limits: HttpLimits | None = None) -> None:
        self._name = name
        self._url = Secret(checked_url(url.reveal(), f"slack webhook of {name}"))
        self._limits = limits

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self._name

    def problem_with(self, recipient: str) -> str | None:
        """Why a route must not name this recipient, None if it may."""
        return "a Slack webhook posts to its own channel only; use a bot token" if recipient else None

    def send(self, message: Message) -> Outcome:
        """Post it."""
        if problem := self.problem_with(message.recipient):
            return Refused(problem)
        document = {
            "text": fallback(message),
            "blocks": incident_blocks(message),
            "unfurl_links": False,
            "unfurl_media": False,
        }
        try:
            answer = send("POST", self._url.reveal(), body=as_json(document), limits=self._limits)
        except NoAnswerError as error:
            return no_answer(error)
        if trouble := refusal(answer, "Slack", secrets_of(self._url)):
            return trouble
        if answer.text.strip() != "ok":
            return Retry("the answer was not Slack's ok; is a proxy in between?")
        return Accepted()

    def recover(self, message: Message) -> Outcome:
        """Post it again: a webhook cannot be asked, and twice is better than never."""
        return self.send(message)


class SlackBotSink:
    """One message an incident, kept up to date, with what has changed in its thread.

    Its reference holds ``channel → <channel id>/<ts>`` for every channel notified. The bot needs ``chat:write``; with
    ``channels:history`` (``groups:history`` for private channels) it can find out about messages whose fate is unknown, in a
    channel that is configured by its name only with ``channels:read`` (``groups:read``).

    Args:
        name: Its name in the configuration.
        token: Bot token (``xoxb-…``).
        channel: Id (``C…``), or name with ``#``.
        base_url: Of the Web API.
        limits: Of one request.
        has_buttons: Whether people can take incidents and judge them by buttons; what they press is sent to `inbound`.
    """

    def __init__(
        self,
        name: str,
        token: Secret,
        channel: str,
        base_url: str,
        limits: HttpLimits | None = None,
        *,
        has_buttons: bool = False,
    ) -> None:
        self._name = name
        self._has_buttons = has_buttons
        self._channel = channel
        if not _TOKEN.fullmatch(token.reveal()):
            raise ValueError(f"slack bot of {name}: a bot token is xoxb- with letters, digits and hyphens")
        if not channel:
            raise ValueError(f"slack bot of {name}: give a channel")
        if problem := self.problem_with(channel):
            raise ValueError(f"slack bot of {name}: {problem}")
        self._client = SlackClient(token, checked_base_url(base_url, f"slack base_url of {name}"), limits)
        self._channels = Channels(self._client)

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self._name

    def problem_with(self, recipient: str) -> str | None:
        """Why a route must not name this recipient (a channel), None if it may."""
        if not recipient or _CHANNEL.fullmatch(recipient):
            return None
        return (
            f"{excerpt(recipient)!r} is no Slack channel: give its id (C…), a user's id (U…) or a name with #"
        )

    def send(self, message: Message) -> Outcome:
        """Bring the incident's message up to date and reply in its thread; post it where there is none yet."""
        if problem := self.problem_with(message.recipient):
            return Refused(problem)
        try:
            return self._tell(message)
        except StoppedError as error:
            return error.outcome

    def recover(self, message: Message) -> Outcome:
        """Look for the message by its delivery id; send it if it is not there or must not be looked for."""
        try:
            if found := self._find(message):
                return Accepted(self._reference(message, found), "found, it had arrived")
        except StoppedError as error:
            if isinstance(error.outcome, Retry | Unknown):
                return Unknown(error.outcome.error, is_older=True, after_seconds=error.outcome.after_seconds)
            sent = self.send(message)
            # Twice is better than never, and people see why it was twice.
            note = f"it may be there twice, since it could not be looked for: {error}"
            return Accepted(sent.reference, note) if isinstance(sent, Accepted) else sent
        return self.send(message)

    def examine(self) -> Iterable[Concern]:
        """Whether Slack knows the token and the channel, and lets the bot look for what it has sent."""
        try:
            self._client.answer(self._client.auth_test)
            channel = self._channels.id_of(self._channel)
            self._client.answer(lambda: self._client.conversations_history(channel=channel, limit=1))
        except StoppedError as error:
            if isinstance(error.outcome, Refused) and error.code == "missing_scope":
                yield Concern(
                    f"{self._channel}: a message whose answer is lost may be sent twice. {error}",
                    "give the bot the scope, or the channel by its id (C…)",
                )
            else:
                fix = "ask again when Slack answers"
                is_hindrance = isinstance(error.outcome, Refused)
                yield Concern(
                    f"{self._channel}: {error}", "do what it says" if is_hindrance else fix, is_hindrance
                )
            return
        yield Concern(f"{self._channel} is {channel}; the bot can look for what it has sent")
        if self._has_buttons:
            yield Concern(
                "its messages have buttons, which work where the app's Interactivity has a Request URL that leads to /slack of the console"
            )

    def _tell(self, message: Message) -> Outcome:
        known = self._known(message)
        note = self._update_others(message) if message.is_for_all_who_heard else ""
        if known is None or not self._update(message, known):
            posted = self._client.answer(
                lambda: self._client.chat_postMessage(
                    channel=self._target(message),
                    text=fallback(message),
                    blocks=self._blocks(message),
                    metadata=_metadata(message),
                    unfurl_links=False,
                    unfurl_media=False,
                )
            )
            return Accepted(self._reference(message, (str(posted["channel"]), str(posted["ts"]))), note)
        channel, ts = known
        self._client.answer(
            lambda: self._client.chat_postMessage(
                channel=channel,
                thread_ts=ts,
                reply_broadcast=message.reason in _BROADCAST,
                text=fallback(message),
                blocks=change_blocks(message),
                metadata=_metadata(message),
                unfurl_links=False,
                unfurl_media=False,
            )
        )
        return Accepted(self._reference(message, known), note)

    def _blocks(self, message: Message) -> list[Block]:
        return incident_blocks(message, has_buttons=self._has_buttons)

    def _update_others(self, message: Message) -> str:
        """Channels that escalations named see it in their message: an update made twice is one, a reply would be two.

        Returns:
            What could not be updated for good; it keeps nobody else from hearing it.
        """
        notes = []
        for other in sorted(message.reference.keys() - {self._target(message)}):
            try:
                self._update(message, _place(message.reference[other]))
            except StoppedError as error:
                if isinstance(error.outcome, Retry):
                    raise
                notes.append(f"{other}: {error}")
        return excerpt("; ".join(notes))

    def _update(self, message: Message, known: tuple[str, str]) -> bool:
        """Bring the message up to date; False if it is not there any more."""
        channel, ts = known
        try:
            self._client.answer(
                lambda: self._client.chat_update(
                    channel=channel, ts=ts, text=fallback(message), blocks=self._blocks(message)
                ),
                gone=_GONE,
            )
        except GoneError:
            return False
        except StoppedError as error:
            if isinstance(error.outcome, Unknown):
                # An update made twice is one update.
                raise StoppedError(Retry(error.outcome.error)) from None
            raise
        return True

    def _find(self, message: Message) -> tuple[str, str] | None:
        """Where a message is that may have arrived; it was sent after it was decided."""
        known = self._known(message)
        channel, root = known or (self._channels.id_of(self._target(message)), "")
        for entry in self._listed(channel, root, message):
            payload = (entry.get("metadata") or {}).get("event_payload") or {}
            if payload.get("delivery_id") == message.delivery_id:
                return known or (channel, str(entry["ts"]))
        return None

    def _listed(self, channel: str, root: str, message: Message) -> Iterator[Mapping[str, Any]]:
        """Messages of a channel, or of a thread, since shortly before this one was decided."""
        since = str(int((message.incident.updated_at - _SKEW).timestamp()))
        asked = {"channel": channel, "oldest": since, "limit": 100, "include_all_metadata": True}
        if root:
            pages = self._client.pages("conversations.replies", _MOST_PAGES, **asked, ts=root)
        else:
            pages = self._client.pages("conversations.history", _MOST_PAGES, **asked)
        yield from (one for page in pages for one in page.get("messages") or [])

    def _target(self, message: Message) -> str:
        if message.is_for_all_who_heard and self._channel not in message.reference:
            return min(message.reference, default=self._channel)
        return message.recipient or self._channel

    def _known(self, message: Message) -> tuple[str, str] | None:
        channel, ts = _place(message.reference.get(self._target(message), ""))
        return (channel, ts) if channel and ts else None

    def _reference(self, message: Message, posted: tuple[str, str]) -> dict[str, str]:
        return {**message.reference, self._target(message): "/".join(posted)}


def _place(reference: str) -> tuple[str, str]:
    channel, _, ts = reference.partition("/")
    return channel, ts


def _metadata(message: Message) -> dict[str, Any]:
    return {"event_type": _EVENT, "event_payload": {"delivery_id": message.delivery_id}}
