"""What the fakes of ticket systems share: a clock that stands, faults planned by path, and two requests at one moment."""

import re
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mist_pipeline_tests.support.fakes.fake_http import FakeHttp, Reply, Seen


class VirtualClock:
    """A clock that stands until it is moved."""

    def __init__(self, at: datetime = datetime(2026, 11, 23, 4, 25, tzinfo=UTC)) -> None:
        self.now = at

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Fault:
    """What happens to the next ``times`` requests that match; ``is_done`` says that they take effect all the same.

    An empty method or path matches any.
    """

    method: str
    path: str
    reply: Reply
    times: int = 1
    is_done: bool = False


class TicketServer(FakeHttp):
    """A subclass answers `handle`, one request at a time, as a database would."""

    def __init__(self, clock: VirtualClock | None = None) -> None:
        super().__init__()
        self.clock = clock or VirtualClock()
        self.faults: list[Fault] = []
        self.meeting: tuple[str, str, threading.Barrier] | None = None
        """Requests of a method and path that wait for each other before any of them is done."""
        self.fates: dict[int, Fault] = {}
        """What happens to the request of a number, whatever it asks; from 0."""
        self.hidden: set[str] = set()
        """Ids of tickets that this account may not see any more."""

    def fail(self, method: str, path: str, reply: Reply, *, times: int = 1, is_done: bool = False) -> None:
        self.faults.append(Fault(method, path, reply, times, is_done))

    def lose_answer(self, method: str, path: str, *, times: int = 1) -> None:
        """The next matching requests take effect, but nobody hears of it."""
        self.fail(method, path, Reply(behaviour="reset"), times=times, is_done=True)

    def asked(self, method: str, path: str = "") -> list[Seen]:
        """Requests of a method whose path matches."""
        return [seen for seen in self.requests if seen.method == method and re.search(path, seen.path)]

    def writes(self) -> list[Seen]:
        """Requests that may change something; a search by POST does not."""
        return [seen for seen in self.requests if seen.method != "GET" and "/search" not in seen.path]

    def _answer(self, seen: Seen) -> Reply:
        if self.meeting and self.meeting[0] == seen.method and re.search(self.meeting[1], seen.path):
            self.meeting[2].wait(10)
        fates = [fate] if (fate := self.fates.pop(len(self.requests), None)) else self.faults
        for fault in fates:
            if fault.times and fault.method in ("", seen.method) and re.search(fault.path, seen.path):
                fault.times -= 1
                if fault.is_done:
                    super()._answer(seen)
                else:
                    self.requests.append(seen)
                return fault.reply
        return super()._answer(seen)
