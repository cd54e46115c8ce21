"""Faults of the simulated cloud on request: which request fails depends on the seed only.

A fault is drawn from the request's path and query and from how often that same request has come before. So a retry is
drawn anew, the order in which threads send does not matter, and a run can be repeated. `app` carries the faults out.
"""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, get_args

import numpy as np

from mist_pipeline.simulator.world import randomness

Kind = Literal[
    "rate_limited",
    "rate_limited_bare",
    "bad_gateway",
    "unavailable",
    "stall",
    "reset",
    "truncated",
    "odd_value",
    "endless_cursor",
    "unauthorized",
    "forbidden",
    "not_found",
]
"""429 with and without `Retry-After`, 502 with an HTML body, 503, no answer for long, a connection reset, half an answer with
status 200, one value of a wrong type or out of range, a list whose cursors never end, and the refusals 401, 403, 404."""

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


@dataclass(frozen=True)
class Scripted:
    """Fail certain requests by count.

    Attributes:
        path: Text that the path holds, e.g. `/insights/sites-sle`.
        kind: What happens.
        first: The first request (1 is the first) with such a path that fails.
        times: How many fail in a row from there on.
    """

    path: str
    kind: Kind
    first: int = 1
    times: int = 1


@dataclass(frozen=True)
class Spell:
    """Fail certain requests for a while, by the cloud's clock.

    Attributes:
        path: Text that the path holds; '' for every path.
        kind: What happens.
        start: First instant.
        end: Instant after the last.
    """

    path: str
    kind: Kind
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Faults:
    """What goes wrong, and how often.

    Attributes:
        rates: Share of requests by kind, together at most 1.
        script: Requests that fail by count; they go before the rates.
        spells: Times at which requests fail; they go before script and rates.
        seed: Of the rates.
        retry_after_seconds: What `Retry-After` says.
        stall_seconds: How long a stalled request gets no answer.
    """

    rates: Mapping[Kind, float] = field(default_factory=dict)
    script: Sequence[Scripted] = ()
    spells: Sequence[Spell] = ()
    seed: int = 1
    retry_after_seconds: int = 1
    stall_seconds: float = 60.0

    def __post_init__(self) -> None:
        unknown = sorted(
            {*self.rates, *(item.kind for item in self.script), *(item.kind for item in self.spells)}
            - set(KINDS)
        )
        if unknown:
            raise ValueError(f"unknown kinds of fault {unknown}: choose from {list(KINDS)}")
        if any(rate < 0 for rate in self.rates.values()) or sum(self.rates.values()) > 1:
            raise ValueError(f"rates of faults are shares that add up to at most 1, not {dict(self.rates)}")
        if self.retry_after_seconds < 0 or self.stall_seconds < 0:
            raise ValueError("Retry-After and stalls are not negative")


class Injector:
    """Decides what each request meets; counts requests, and holds no other state."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self._lock = threading.Lock()
        self._seen: Counter[str] = Counter()
        self._matched: Counter[int] = Counter()
        self._key = randomness.key(faults.seed, 77)

    def fault(self, path: str, query: str, now: datetime | None = None) -> Kind | None:
        """The fault that this request meets, or None.

        Args:
            path: Of the request.
            query: Of the request.
            now: The cloud's clock, for spells.
        """
        for spell in self.faults.spells:
            if now is not None and spell.path in path and spell.start <= now < spell.end:
                return spell.kind
        with self._lock:
            scripted: Kind | None = None
            for number, item in enumerate(self.faults.script):
                if item.path in path:
                    self._matched[number] += 1
                    if scripted is None and item.first <= self._matched[number] < item.first + item.times:
                        scripted = item.kind
            request = f"{path}?{query}"
            self._seen[request] += 1
            attempt = self._seen[request]
        return scripted or self._drawn(request, attempt)

    def draw(self, path: str, query: str) -> float:
        """A number in [0, 1) that belongs to this request as it comes for the present time."""
        request = f"{path}?{query}"
        return self._uniform(request, 1_000_000 + self._seen[request])

    def _drawn(self, request: str, attempt: int) -> Kind | None:
        if not self.faults.rates:
            return None
        draw = self._uniform(request, attempt)
        for kind in KINDS:
            draw -= self.faults.rates.get(kind, 0.0)
            if draw < 0:
                return kind
        return None

    def _uniform(self, request: str, attempt: int) -> float:
        letters = np.frombuffer(request.encode(), dtype=np.uint8).astype(np.int64)
        address = int((letters * (np.arange(len(letters)) * 2_654_435_761 % 1_000_003 + 1)).sum())
        return float(
            randomness.uniform(randomness.cells(self._key, np.array([address]), np.array([attempt])))[0]
        )
