"""Slack's Web API: calls that do not follow redirects with a token, and what its answers mean for a delivery.

Here: the client, errors as outcomes with what to do about them. Not here: which calls are made (`sink`, `channels`).
"""

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from mist_pipeline.delivery.http_outcome import no_answer, refusal
from mist_pipeline.delivery.sink import Refused, Retry, Unknown
from mist_pipeline.http_client.failures import NoAnswerError, excerpt
from mist_pipeline.http_client.secrets import Secret, Secrets
from mist_pipeline.http_client.session import HttpLimits, as_json, send

_MOST_BYTES = 8 << 20
"""Of an answer: a page of messages with blocks, or of a thousand channels, is larger than what receivers else answer."""
_HEALING = frozenset(
    {"ratelimited", "rate_limited", "service_unavailable", "team_added_to_org", "accesslimited"}
)
_UNSURE = frozenset({"internal_error", "fatal_error", "request_timeout"})
"""Slack: "it's possible some aspect of the operation succeeded before the error was raised"."""
_REMEDIES = {
    "not_in_channel": "invite the bot to the channel: /invite @<bot> there",
    "channel_not_found": "the bot sees no such channel: invite it (a private channel needs that), or give the channel's id",
    "is_archived": "unarchive the channel, or configure another one",
    "restricted_action": "the workspace lets the bot not post there: ask its administrator, or configure another channel",
    **dict.fromkeys(
        ("invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"),
        "create a new bot token, and set its variable",
    ),
}
"""Error → what to do about it."""


class StoppedError(Exception):
    """A call ended in another way than with what was asked for.

    Attributes:
        outcome: What it means for the message.
        code: Slack's name of the error, '' where Slack did not answer.
    """

    def __init__(self, outcome: Retry | Unknown | Refused, code: str = "") -> None:
        self.outcome = outcome
        self.code = code
        super().__init__(outcome.error)


class GoneError(Exception):
    """The message that was to be updated is not there any more."""


class SlackClient(WebClient):
    """Slack's client, its calls sent by ``http_client``: no redirects with a token, and we learn what can have arrived."""

    def __init__(self, token: Secret, base_url: str, limits: HttpLimits | None) -> None:
        # The client's own handlers would send again what may have arrived.
        super().__init__(token=token.reveal(), base_url=f"{base_url}/", retry_handlers=[])
        self._secret = token
        self._limits = replace(limits or HttpLimits(), max_bytes=_MOST_BYTES)

    # The one place where the client sends; a test that redirects are refused fails should that ever change.
    def _perform_urllib_http_request(self, *, url: str, args: dict[str, dict[str, Any]]) -> dict[str, Any]:
        headers = {name: value for name, value in args["headers"].items() if name.lower() != "content-type"}
        if args["json"]:
            body = as_json(args["json"])
            headers["Content-Type"] = "application/json;charset=utf-8"
        else:
            body = urlencode(args["params"] or {}).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            answer = send("POST", url, body=body, headers=headers, limits=self._limits)
        except NoAnswerError as error:
            raise StoppedError(no_answer(error)) from None
        if trouble := refusal(answer, "Slack", [self._secret]):
            raise StoppedError(trouble)
        if not isinstance(answer.document(), dict):
            raise StoppedError(Retry("the answer was not Slack's; is a proxy in between?"))
        return {"status": 200, "headers": dict(answer.headers), "body": answer.text}

    def pages(self, method: str, most: int, **asked: Any) -> Iterator[Mapping[str, Any]]:
        """Answers of a method page by page; a page may be empty and not be the last.

        Args:
            method: Of the Web API.
            most: At most so many pages.
            asked: Its arguments.

        Raises:
            StoppedError: As `answer`.
        """
        cursor = ""
        for _ in range(most):
            page = {**asked, **({"cursor": cursor} if cursor else {})}
            answer = self.answer(functools.partial(self.api_call, method, params=page))
            yield answer
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return

    def answer(
        self, call: Callable[[], SlackResponse], gone: frozenset[str] = frozenset()
    ) -> Mapping[str, Any]:
        """What Slack answered.

        Args:
            call: Of this client.
            gone: Errors that mean that a message is not there any more.

        Raises:
            GoneError: One of these.
            StoppedError: Any other error, or no answer.
        """
        try:
            answer = call().data
        except SlackApiError as error:
            said = error.response
        else:
            return answer if isinstance(answer, dict) else {}
        code = str(said.get("error", "unknown_error"))
        if code in gone:
            raise GoneError
        raise StoppedError(_outcome(code, said, Secrets([self._secret])), code)


def _outcome(code: str, said: SlackResponse, secrets: Secrets) -> Retry | Unknown | Refused:
    """What an error means for the message, and what to do about it."""
    detail = said.get("response_metadata")
    words = excerpt(secrets.hide(f"Slack answered {code} {json.dumps(detail) if detail else ''}"))
    if code in _HEALING:
        return Retry(words)
    if code in _UNSURE:
        return Unknown(words)
    remedy = _REMEDIES.get(code, "")
    if code == "missing_scope":
        needed = excerpt(str(said.get("needed") or "that the call needs"))
        remedy = (
            f"give the bot the scope {needed} (OAuth & Permissions of the app), and install the app again"
        )
    return Refused(f"{words} ({remedy})" if remedy else words)
