"""How often something may happen: a bucket of tokens that fills with time. Pure; the caller says what time it is."""

from dataclasses import dataclass, field


@dataclass
class Rate:
    """So many a second in the long run, and so many at once.

    Attributes:
        per_second: Tokens that come back in a second.
        burst: Tokens of a full bucket.

    >>> rate = Rate(per_second=1, burst=2)
    >>> [rate.allows(at) for at in (0, 0, 0, 0.5, 1.0)]
    [True, True, False, False, True]
    """

    per_second: float
    burst: float
    _left: float = field(init=False)
    _at: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._left = self.burst

    def allows(self, now: float) -> bool:
        """Whether one more may happen; it counts if so.

        Args:
            now: Seconds of a clock that never goes back.
        """
        passed = 0.0 if self._at is None else now - self._at
        self._left, self._at = min(self.burst, self._left + passed * self.per_second), now
        if self._left < 1:
            return False
        self._left -= 1
        return True
