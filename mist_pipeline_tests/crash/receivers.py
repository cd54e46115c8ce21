"""Everybody who is told, as real servers that outlive the child: they write down what really arrived, and have moods.

Here: the fakes of the other tests, with a clock that stands on the board, faults by chance, and a word to the executioner at
each stage of a request. Not here: when somebody is killed (`harness`), and what to think of the records (`verdict`).
"""

import email
import hashlib
import hmac
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.policy import default
from random import Random
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from mist_pipeline.delivery.sinks.pagerduty.keys import incident_id_of
from mist_pipeline_tests.crash.verdict import Page, Post, Take, Ticket
from mist_pipeline_tests.crash.week import SIGNING_KEY
from mist_pipeline_tests.support.fakes.fake_http import FakeHttp, Reply, Seen
from mist_pipeline_tests.support.fakes.fake_jira import FakeJira
from mist_pipeline_tests.support.fakes.fake_pagerduty import FakePagerDuty
from mist_pipeline_tests.support.fakes.fake_slack import FakeSlack
from mist_pipeline_tests.support.fakes.jira_workflows import (
    ANNA,
)

SEARCH_LAG = timedelta(minutes=4)
MARK = re.compile(r"mist-delivery-[0-9a-f]{20}")

Stage = Callable[[str, str, str], bool]
"""Told ``asked``, ``handled`` or ``answered``, by whom, and what; answers whether the child was killed by that."""


@dataclass
class Mood:
    """Faults by chance.

    Attributes:
        random: Where chance comes from.
        refused: Share of requests that are refused for now.
        lost: Share of requests that take effect and whose answer is lost.
    """

    random: Random
    refused: float = 0.06
    lost: float = 0.03
    lock: threading.Lock = field(default_factory=threading.Lock)
    counts: Counter[str] = field(default_factory=Counter)

    def next(self) -> str:
        with self.lock:
            chance = self.random.random()
            fate = "refused" if chance < self.refused else "lost" if chance < self.refused + self.lost else ""
            self.counts[fate] += 1
            return fate

    def coin(self) -> bool:
        with self.lock:
            return self.random.random() < 0.5


@dataclass
class Registry:
    """What arrived, and whose life it was in."""

    clock: Callable[[], datetime]
    mood: Mood
    stage: Stage = lambda _stage, _sink, _what: False
    life: int = 0
    posts: list[Post] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    takes: list[Take] = field(default_factory=list)
    busy: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def arrived(self, sink: str, key: str, incident_id: str) -> None:
        self.posts.append(Post(sink, key, incident_id, self.clock(), self.life))

    def lose_last(self, sink: str) -> None:
        """The answer to what arrived last gets lost."""
        for number in range(len(self.posts) - 1, -1, -1):
            if self.posts[number].sink == sink:
                self.posts[number] = self.posts[number].without_answer()
                return


class Watched(FakeHttp):
    """A fake whose requests are watched and may go wrong."""

    sink = ""
    registry: Registry

    def watch(self, registry: Registry) -> None:
        self.registry = registry
        self.asked = threading.local()
        # The other end of a connection dies here all the time.
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]

    def size(self) -> int:
        """How much has arrived that people see."""
        return 0

    def is_told(self, seen: Seen) -> bool:
        """Whether the request is about telling, which the executioner looks out for."""
        return True

    def _answer(self, seen: Seen) -> Reply:
        registry, what = self.registry, f"{seen.method} {seen.path}"
        self.asked.seen = seen
        with registry.lock:
            registry.busy += 1
        try:
            if self.is_told(seen) and registry.stage("asked", self.sink, what) and registry.mood.coin():
                return Reply(behaviour="reset")
            fate = registry.mood.next()
            if fate == "refused":
                return Reply(503)
            before = self.size()
            reply = super()._answer(seen)
            if 400 <= reply.status < 500 and reply.status != 404:
                registry.complaints.append(f"{self.sink}: {what} → {reply.status} {reply.body[:200]!r}")
            if self.is_told(seen):
                registry.stage("handled", self.sink, what)
            if fate == "lost":
                if self.size() > before:
                    registry.lose_last(self.sink)
                return Reply(behaviour="reset")
            return reply
        finally:
            with registry.lock:
                registry.busy -= 1

    def _handler(self) -> type[Any]:
        base, fake = super()._handler(), self

        class Handler(base):  # type: ignore[misc, valid-type]
            def _send(self, reply: Reply) -> None:
                super()._send(reply)
                seen = fake.asked.seen
                if fake.is_told(seen):
                    fake.registry.stage("answered", fake.sink, f"{seen.method} {seen.path}")

        return Handler


class Chat(Watched, FakeSlack):
    sink = "chat"

    def size(self) -> int:
        return sum(map(len, self.channels.values()))

    def _post(self, arguments: Any) -> dict[str, Any]:
        answer = super()._post(arguments)
        if answer["ok"]:
            key = str(arguments["metadata"]["event_payload"]["delivery_id"])
            self.registry.arrived(self.sink, key, "")
        else:
            self.registry.complaints.append(f"chat: {answer}")
        return answer


class Pager(Watched, FakePagerDuty):
    sink = "page"

    def _apply(self, event: dict[str, Any]) -> None:
        before = len(self.pages)
        super()._apply(event)
        if len(self.pages) > before:
            key = str(event["dedup_key"])
            self.registry.pages.append(
                Page(
                    f"{event['routing_key']}/{key}",
                    incident_id_of(key) or "",
                    self.registry.clock(),
                    self.registry.life,
                )
            )


class Jira(Watched, FakeJira):
    sink = "jira"

    def is_told(self, seen: Seen) -> bool:
        return seen.query.get("expand") != "changelog" and not seen.path.endswith("/myself")

    def tickets(self) -> list[Ticket]:
        """Every issue, with what was told in it."""
        found = []
        for key, issue in self.issues.items():
            texts = [json.dumps(issue["fields"]["description"]), *self.comments(key)]
            marks = [mark for text in texts for mark in MARK.findall(text)]
            labels = tuple(issue["fields"]["labels"])
            found.append(Ticket(key, labels, self.category(key) == "done", tuple(marks)))
        return found

    def take(self, key: str) -> None:
        """A person assigns an issue to herself; once in a moment, however often the child is killed in it."""
        with self._lock:
            take = Take(key, self.registry.clock())
            if take not in self.registry.takes:
                self.assign(key, ANNA)
                self.registry.takes.append(take)


class Hook(Watched):
    """Checks signatures, as a receiver does."""

    sink = "hook"

    def size(self) -> int:
        return len(self.registry.posts)

    def handle(self, seen: Seen) -> Reply:
        timestamp = seen.headers["x-mist-timestamp"]
        wanted = hmac.new(
            SIGNING_KEY.encode(), timestamp.encode() + b"." + seen.body, hashlib.sha256
        ).hexdigest()
        document = seen.document()
        is_genuine = hmac.compare_digest(seen.headers["x-mist-signature"], f"v1={wanted}")
        if not is_genuine or seen.headers["x-mist-delivery"] != document["delivery_id"]:
            return Reply(401, b"not genuine")
        self.registry.arrived(self.sink, document["delivery_id"], document["incident"]["incident_id"])
        return Reply(204)


class People(FakeHttp):
    """Where the child's script makes a person take a ticket."""

    def __init__(self, jira: Jira) -> None:
        super().__init__()
        self._jira = jira

    def handle(self, seen: Seen) -> Reply:
        self._jira.take(seen.document()["key"])
        return Reply(204)


class Mailbox:
    """A mail server's hands."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        registry = self._registry
        if registry.stage("asked", "mail", "DATA") and registry.mood.coin():
            return "451 4.3.0 gone"
        fate = registry.mood.next()
        if fate == "refused":
            return "451 4.3.0 later"
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=default)
        registry.arrived("mail", str(mail["Message-ID"]), str(mail["X-Mist-Incident"]))
        registry.stage("handled", "mail", "DATA")
        if fate == "lost":
            registry.lose_last("mail")
            assert server.transport is not None
            server.transport.close()
        return "250 Message accepted"


class _AnyPort(Controller):
    """The library asks for its port before it knows which one it got."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@dataclass
class Receivers:
    """All of them, with their addresses."""

    registry: Registry
    chat: Chat
    pager: Pager
    jira: Jira
    addresses: dict[str, str]


@contextmanager
def receivers(clock: Callable[[], datetime], mood: Mood) -> Iterator[Receivers]:
    """Everybody, listening on this machine."""
    registry = Registry(clock, mood)
    with ExitStack() as stack:
        chat, pager, jira, hook = Chat(), Pager(), Jira(clock=clock), Hook()  # type: ignore[arg-type]
        jira.lag = SEARCH_LAG
        for fake in (chat, pager, jira, hook):
            fake.watch(registry)
            stack.enter_context(fake)
        people = stack.enter_context(People(jira))
        mail = _AnyPort(Mailbox(registry), hostname="localhost", port=0, ready_timeout=10)
        mail.start()
        stack.callback(mail.stop)
        addresses = {
            "mail": str(mail.port),
            "chat": f"{chat.url}/api",
            "page": pager.url,
            "jira": jira.url,
            "hook": f"{hook.url}/hook",
            "people": people.url,
        }
        yield Receivers(registry, chat, pager, jira, addresses)
