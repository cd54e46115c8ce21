"""Slack as far as we use it: messages that live in channels, limits of Block Kit, scopes, pages, rate limits.

A channel is posted to by its id or name, and read and edited by its id only. A bot sees public channels, and private ones
that it is in; it reads those that it is in. Every method needs its scope, which the answer of a bot without it names.

What people press is sent as Slack does: a form whose only field ``payload`` is a document with the members of captured ones, signed
(``v0``) over the time and the raw body.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode

from mist_pipeline_tests.support.fakes.fake_http import FakeHttp, Reply, Seen, json_reply

TOKEN = "xoxb-1111-very-secret"
CHANNEL = "C0HEADROOM"
HOOK = "/services/T000/B000/hook-very-secret"
SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


@dataclass
class Post:
    """A message in a channel."""

    ts: str
    text: str
    blocks: list[dict[str, Any]]
    thread_ts: str | None = None
    is_broadcast: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)
    edits: int = 0


@dataclass
class Channel:
    """What Slack lists of a channel, and whether the bot is in it."""

    channel_id: str
    name: str
    is_private: bool = False
    is_archived: bool = False
    is_member: bool = True
    previous_names: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """As scopes are called."""
        return "im" if self.channel_id.startswith("D") else "groups" if self.is_private else "channels"


@dataclass(frozen=True)
class Pressed:
    """The request that Slack makes of a press."""

    body: bytes
    headers: Mapping[str, str]

    def changed(self, old: bytes, new: bytes) -> "Pressed":
        """With another body, which nobody has signed."""
        assert old in self.body
        return replace(self, body=self.body.replace(old, new))

    def without(self, name: str) -> "Pressed":
        """Without a header."""
        return replace(self, headers={key: value for key, value in self.headers.items() if key != name})

    def with_header(self, name: str, value: str) -> "Pressed":
        """With another value of a header."""
        return replace(self, headers={**self.headers, name: value})


SCOPES = frozenset(
    f"{kind}:{what}" for kind in ("channels", "groups", "im") for what in ("read", "history")
) | {"chat:write", "im:write"}


class FakeSlack(FakeHttp):
    """``channels``: id → messages, oldest first. ``scopes``: of the bot. ``most``: entries of a page at most."""

    def __init__(self, *, scopes: Iterable[str] = SCOPES, most: int = 999) -> None:
        super().__init__()
        self.channels: dict[str, list[Post]] = {}
        self.known: dict[str, Channel] = {}
        self.add(Channel(CHANNEL, "headroom"))
        self.add(Channel("C0OTHERONE", "other"))
        self.hooked: list[Mapping[str, Any]] = []
        self.scopes = set(scopes)
        self._most = most
        self._clock = 1_796_000_000

    def add(self, *channels: Channel) -> None:
        """More channels."""
        for channel in channels:
            self.known[channel.channel_id] = channel
            self.channels.setdefault(channel.channel_id, [])

    @property
    def hook(self) -> str:
        """Address of the incoming webhook."""
        return self.url + HOOK

    def posts(self, channel: str = CHANNEL) -> list[Post]:
        """Messages of the channel itself."""
        return [post for post in self.channels[channel] if post.thread_ts is None]

    def replies(self, channel: str = CHANNEL) -> list[Post]:
        """Messages in threads."""
        return [post for post in self.channels[channel] if post.thread_ts is not None]

    def buttons(self) -> list[str]:
        """What the buttons of the newest message of the channel do."""
        found = [block for block in self.posts()[-1].blocks if block["type"] == "actions"]
        return [one["action_id"].partition(":")[2] for block in found for one in block["elements"]]

    def press(
        self,
        action: str,
        *,
        at: datetime,
        secret: str = SIGNING_SECRET,
        user: str = "alex",
        team: str = "T0OURS",
        channel: str = CHANNEL,
        kind: str = "block_actions",
        response_url: object = "https://hooks.slack.com/actions/T0OURS/1/answer",
        **button: str,
    ) -> Pressed:
        """Somebody presses a button of the newest message of the channel; ``button`` changes what it is (``action_id``, ``value``, ``ts``)."""
        self._clock += 1
        post = self.posts()[-1]
        ts = button.pop("ts", post.ts)
        elements = [one for block in post.blocks if block["type"] == "actions" for one in block["elements"]]
        pressed = {**elements[0], "action_id": f"mist-pipeline:{action}", **button}
        document = {
            "type": kind,
            "user": {"id": "U0ALEX", "username": user, "name": user, "team_id": team},
            "api_app_id": "A0OURS",
            "token": "deprecated",
            "container": {"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": False},
            "trigger_id": f"{self._clock}.1379717998065.9bc163894734c1f415a2c504e81dec91",
            "team": {"id": team, "domain": "ours"},
            "enterprise": None,
            "is_enterprise_install": False,
            "channel": {"id": channel, "name": "headroom"},
            "message": {"type": "message", "ts": ts, "text": post.text, "blocks": post.blocks},
            "state": {"values": {}},
            "response_url": response_url,
            "actions": [{**pressed, "block_id": "aXy", "action_ts": f"{self._clock}.123456"}],
        }
        return self.signed(urlencode({"payload": json.dumps(document)}).encode(), at, secret)

    @staticmethod
    def signed(body: bytes, at: datetime, secret: str = SIGNING_SECRET) -> Pressed:
        """A request of Slack with this body."""
        stamp = str(int(at.timestamp()))
        made = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
        headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={made}"}
        return Pressed(body, {**headers, "Content-Type": "application/x-www-form-urlencoded"})

    def handle(self, seen: Seen) -> Reply:
        if seen.path == HOOK:
            return self._webhook(seen)
        if seen.path.startswith("/services/"):
            return Reply(404, b"no_service")
        if seen.headers.get("authorization") != f"Bearer {TOKEN}":
            return json_reply({"ok": False, "error": "invalid_auth"})
        method = seen.path.removeprefix("/api/")
        if seen.headers["content-type"].startswith("application/json"):
            arguments = seen.document()
        else:
            arguments = {name: values[0] for name, values in parse_qs(seen.body.decode()).items()}
        calls = {
            "chat.postMessage": self._post,
            "chat.update": self._edit,
            "conversations.history": self._history,
            "conversations.replies": self._thread_of,
            "conversations.list": self._list,
            "conversations.open": self._open,
            "auth.test": lambda _: {"ok": True, "user_id": "U0BOT"},
        }
        if method not in calls:
            return json_reply({"ok": False, "error": "unknown_method"})
        return json_reply(calls[method](arguments))

    def _lacks(self, *needed: str) -> dict[str, Any] | None:
        """What Slack answers a bot without one of these scopes."""
        missing = [scope for scope in needed if scope not in self.scopes]
        if not missing:
            return None
        provided = ",".join(sorted(self.scopes))
        return {"ok": False, "error": "missing_scope", "needed": missing[0], "provided": provided}

    def _list(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        types = str(arguments.get("types", "public_channel")).split(",")
        kinds = {"public_channel": "channels", "private_channel": "groups"}
        if trouble := self._lacks(*(f"{kinds[one]}:read" for one in types)):
            return trouble
        shown = [
            one
            for one in self.known.values()
            if (one.kind == "groups" and "private_channel" in types and one.is_member)
            or (one.kind == "channels" and "public_channel" in types)
        ]
        return self._page(
            "channels",
            [
                {
                    "id": one.channel_id,
                    "name": one.name,
                    "name_normalized": one.name,
                    "is_archived": one.is_archived,
                    "is_private": one.is_private,
                    "is_member": one.is_member,
                    "previous_names": list(one.previous_names),
                }
                for one in shown
            ],
            arguments,
        )

    def _open(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if trouble := self._lacks("im:write"):
            return trouble
        return {"ok": True, "channel": {"id": self._conversation(str(arguments["users"]))}}

    def _conversation(self, user: str) -> str:
        """The conversation with a person, which every member of the workspace has."""
        channel = f"D{user[1:]}"
        self.add(Channel(channel, ""))
        return channel

    def _page(
        self, member: str, entries: list[dict[str, Any]], arguments: Mapping[str, Any]
    ) -> dict[str, Any]:
        limit = int(arguments.get("limit", 100))
        if not 1 <= limit <= 999:
            return {"ok": False, "error": "invalid_limit"}
        begin = int(str(arguments.get("cursor") or "page:0").partition(":")[2])
        end = begin + min(limit, self._most)
        cursor = f"page:{end}" if end < len(entries) else ""
        return {
            "ok": True,
            member: entries[begin:end],
            "has_more": bool(cursor),
            "response_metadata": {"next_cursor": cursor},
        }

    def _webhook(self, seen: Seen) -> Reply:
        try:
            document = seen.document()
        except ValueError:
            return Reply(400, b"invalid_payload")
        if not document.get("text") and not document.get("blocks"):
            return Reply(400, b"no_text")
        if trouble := block_trouble(document.get("blocks", [])):
            return Reply(400, trouble.encode())
        self.hooked.append(document)
        return Reply(200, b"ok")

    def _post(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if trouble := self._lacks("chat:write"):
            return trouble
        channel = self._posted_to(str(arguments["channel"]))
        known = self.known.get(channel)
        if known is None or (known.is_private and not known.is_member):
            return {"ok": False, "error": "channel_not_found"}
        if known.is_archived:
            return {"ok": False, "error": "is_archived"}
        if not known.is_member:
            return {"ok": False, "error": "not_in_channel"}
        if trouble := block_trouble(arguments["blocks"]):
            return {"ok": False, "error": trouble}
        self._clock += 1
        post = Post(
            ts=f"{self._clock}.000100",
            text=arguments["text"],
            blocks=arguments["blocks"],
            thread_ts=arguments.get("thread_ts"),
            is_broadcast=bool(arguments.get("reply_broadcast")),
            metadata=arguments.get("metadata") or {},
        )
        self.channels[channel].append(post)
        return {"ok": True, "channel": channel, "ts": post.ts}

    def _posted_to(self, target: str) -> str:
        if target.startswith("U"):
            return self._conversation(target)
        named = [one for one in self.known.values() if target == f"#{one.name}"]
        return min(named, key=lambda one: one.is_archived).channel_id if named else target

    def _edit(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        # A name is accepted where something is posted, not where something is edited.
        for post in self.channels.get(arguments["channel"], []):
            if post.ts == arguments["ts"]:
                if trouble := block_trouble(arguments["blocks"]):
                    return {"ok": False, "error": trouble}
                post.text, post.blocks = arguments["text"], arguments["blocks"]
                post.edits += 1
                return {"ok": True, "channel": arguments["channel"], "ts": post.ts}
        return {"ok": False, "error": "message_not_found"}

    def _history(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if trouble := self._unreadable(str(arguments["channel"])):
            return trouble
        oldest = float(arguments.get("oldest", 0))
        found = [post for post in self.posts(arguments["channel"]) if float(post.ts) > oldest]
        return self._page("messages", [_listed(post, arguments) for post in reversed(found)], arguments)

    def _unreadable(self, channel: str) -> dict[str, Any] | None:
        known = self.known.get(channel)
        if known is None or (known.is_private and not known.is_member):
            return {"ok": False, "error": "channel_not_found"}
        return self._lacks(f"{known.kind}:history") or (
            None if known.is_member else {"ok": False, "error": "not_in_channel"}
        )

    def _thread_of(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if trouble := self._unreadable(str(arguments["channel"])):
            return trouble
        oldest = float(arguments.get("oldest", 0))
        found = [
            post
            for post in self.channels[arguments["channel"]]
            if post.ts == arguments["ts"] or (post.thread_ts == arguments["ts"] and float(post.ts) > oldest)
        ]
        return self._page("messages", [_listed(post, arguments) for post in found], arguments)


def _listed(post: Post, arguments: Mapping[str, Any]) -> dict[str, Any]:
    wanted = str(arguments.get("include_all_metadata", "")).lower() in {"1", "true"}
    return {
        "ts": post.ts,
        "text": post.text,
        **({"metadata": post.metadata} if wanted and post.metadata else {}),
    }


def block_trouble(blocks: list[dict[str, Any]]) -> str | None:
    """What Slack says of blocks beyond its limits, None if they are within."""
    if len(blocks) > 50:
        return "invalid_blocks"
    if len(json.dumps(blocks, ensure_ascii=False)) > 13_000:
        return "msg_blocks_too_long"
    if not all(_is_valid(block) for block in blocks):
        return "invalid_blocks"
    # Slack reads <…> as a link, a mention or a command.
    for text in _texts(blocks):
        if any(not inner.startswith(("http://", "https://")) for inner in re.findall(r"<([^>]*)>", text)):
            return "mention_or_command"
    return None


def _is_valid(block: dict[str, Any]) -> bool:
    if block["type"] == "header":
        return 1 <= len(block["text"]["text"]) <= 150 and block["text"]["type"] == "plain_text"
    if block["type"] == "actions":
        names = [element["action_id"] for element in block["elements"]]
        return (
            1 <= len(names) <= 25
            and len(set(names)) == len(names)
            and all(
                element["type"] == "button"
                and 1 <= len(element["text"]["text"]) <= 75
                and element["text"]["type"] == "plain_text"
                and len(element["action_id"]) <= 255
                and len(element["value"]) <= 2000
                and element.get("style", "primary") in {"primary", "danger"}
                for element in block["elements"]
            )
        )
    if block["type"] == "context":
        return 1 <= len(block["elements"]) <= 10
    fields = [member["text"] for member in block.get("fields", [])]
    texts = [block["text"]["text"]] if "text" in block else []
    return (
        block["type"] == "section"
        and bool(fields or texts)
        and len(fields) <= 10
        and all(1 <= len(text) <= 2000 for text in fields)
        and all(1 <= len(text) <= 3000 for text in texts)
    )


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [str(value["text"])] if value.get("type") == "mrkdwn" else []
        return own + [text for member in value.values() for text in _texts(member)]
    return [text for member in value for text in _texts(member)] if isinstance(value, list) else []
