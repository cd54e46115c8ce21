"""Slack as far as we use it: messages that live in channels, limits of Block Kit, scopes, rate limits."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from mist_pipeline_tests.support.fakes.fake_http import FakeHttp, Reply, Seen, json_reply

TOKEN = "xoxb-1111-very-secret"
CHANNEL = "C0HEADROOM"
HOOK = "/services/T000/B000/hook-very-secret"


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


class FakeSlack(FakeHttp):
    """``channels``: id → messages, oldest first. ``may_read``: whether the bot has a history scope."""

    def __init__(self, *, may_read: bool = True) -> None:
        super().__init__()
        self.channels: dict[str, list[Post]] = {CHANNEL: [], "C0OTHERONE": []}
        self.names = {"#headroom": CHANNEL}
        self.hooked: list[Mapping[str, Any]] = []
        self.may_read = may_read
        self._clock = 1_796_000_000

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
        }
        if method not in calls:
            return json_reply({"ok": False, "error": "unknown_method"})
        return json_reply(calls[method](arguments))

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
        channel = self.names.get(arguments["channel"], arguments["channel"])
        if channel not in self.channels:
            return {"ok": False, "error": "channel_not_found"}
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
        if not self.may_read:
            return {"ok": False, "error": "missing_scope"}
        if arguments["channel"] not in self.channels:
            return {"ok": False, "error": "channel_not_found"}
        oldest = float(arguments.get("oldest", 0))
        found = [post for post in self.posts(arguments["channel"]) if float(post.ts) > oldest]
        return {"ok": True, "messages": [_listed(post, arguments) for post in reversed(found)]}

    def _thread_of(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if not self.may_read:
            return {"ok": False, "error": "missing_scope"}
        posts = self.channels.get(arguments["channel"], [])
        found = [post for post in posts if arguments["ts"] in (post.ts, post.thread_ts)]
        return {"ok": True, "messages": [_listed(post, arguments) for post in found]}


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
