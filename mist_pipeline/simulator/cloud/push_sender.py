"""Posting what the simulated cloud pushes to addresses, signed as the cloud signs, from a thread.

Neighbours: `pushes` says what there is to send, `server` starts it.
"""

import hashlib
import hmac
import json
import logging
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mist_pipeline.simulator.cloud.pushes import PushLog
from mist_pipeline.simulator.world.clock import Clock

_log = logging.getLogger(__name__)

EVERY_SECONDS: Final = 2.0
_TIMEOUT_SECONDS: Final = 10.0
_ATTEMPTS: Final = 3


@dataclass(frozen=True)
class Receiver:
    """Where webhooks go.

    Attributes:
        url: Address.
        secret: What signs them; '' for none.
        topics: What goes there; None: everything.
        webhook_id: The webhook that somebody made; '' for an address that nobody made one for.
    """

    url: str
    secret: str
    topics: frozenset[str] | None = None
    webhook_id: str = ""

    def wants(self, topic: str) -> bool:
        """Whether messages of a topic go there."""
        return self.topics is None or topic in self.topics


def headers_of(body: bytes, secret: str) -> dict[str, str]:
    """The headers that the cloud sends with a body."""
    headers = {"Content-Type": "application/json", "User-Agent": "Mist-webhook"}
    if secret:
        key = secret.encode()
        headers["X-Mist-Signature-v2"] = hmac.new(key, body, hashlib.sha256).hexdigest()
        headers["X-Mist-Signature"] = hmac.new(key, body, hashlib.sha1).hexdigest()
    return headers


def post(receiver: Receiver, message: Mapping[str, Any]) -> int:
    """Post one message; the status of the answer, 0 where there is none."""
    body = json.dumps(message).encode()
    request = urllib.request.Request(  # noqa: S310 - the address is an option of whoever runs this
        receiver.url, data=body, headers=headers_of(body, receiver.secret), method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


class PushSender:
    """Sends what comes as the simulated clock goes on, from the moment at which it is started.

    Args:
        log: What there is to send.
        clock: The simulated clock.
        receivers: Where it goes now.
        send: Posts one message.
        note: Told the topic and the status of the last answer of each message.
    """

    def __init__(
        self,
        log: PushLog,
        clock: Clock,
        receivers: Callable[[], Sequence[Receiver]],
        send: Callable[[Receiver, Mapping[str, Any]], int] = post,
        note: Callable[[Receiver, str, int], None] = lambda _receiver, _topic, _status: None,
    ) -> None:
        self._log, self._clock, self._receivers, self._send, self._note = log, clock, receivers, send, note
        self._sent_until = clock.now().timestamp()
        self._ended = threading.Event()

    def start(self) -> None:
        """Send from now on, in a thread."""
        threading.Thread(target=self._run, name="webhooks", daemon=True).start()

    def end(self) -> None:
        """Send no more."""
        self._ended.set()

    def send_due(self) -> list[int]:
        """Send what arrives up to now, each up to three times; the statuses of the last answers."""
        now = self._clock.now().timestamp()
        since, self._sent_until = self._sent_until, max(now, self._sent_until)
        found: list[int] = []
        receivers = self._receivers()
        # What happens is worked out only where somebody hears of it.
        for message in self._log.due(since, now) if receivers else ():
            wanting = [one for one in receivers if one.wants(message["topic"])]
            found += [self.deliver(receiver, message) for receiver in wanting]
        return found

    def deliver(self, receiver: Receiver, message: Mapping[str, Any]) -> int:
        """Send one message, up to three times; the status of the last answer, 0 where there was none."""
        status = 0
        for _ in range(_ATTEMPTS):
            status = self._send(receiver, message)
            if 200 <= status < 500 and status != 429:
                break
        _log.info("webhook %s with %d events: %d", message["topic"], len(message["events"]), status)
        self._note(receiver, message["topic"], status)
        return status

    def _run(self) -> None:
        while not self._ended.wait(EVERY_SECONDS):
            self.send_due()
