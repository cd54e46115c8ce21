"""Recurring times of day in a zone: maintenance windows, quiet hours, hours of duty.

Here: whether an instant lies inside, and when the occurrence ends. Not here: what follows (`silences`, `routes`).

Two ways to say how long, which differ on the two days a year when clocks change (RFC 5545, 3.3.6 and 3.8.2.5): ``until``
is a wall-clock time of the same or the next day, ``lasts`` is time that really passes. 19:40 until 06:40 is 10 h long in
the night clocks go forward and 12 h when they go back; 19:40 + 11 h always lasts eleven hours and ends at 07:40 or 05:40.
A start that clocks skip is taken as if they had not been changed yet (02:30 becomes 03:30); of one that occurs twice, the
first counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Window:
    """A span of time that comes every day, or on some days of the week.

    Attributes:
        begins: Wall-clock time at which it begins.
        zone: IANA zone of the clock.
        until: Wall-clock time at which it ends, of the next day if it is not after ``begins``.
        lasts: Instead of ``until``: how long.
        weekdays: Days on which it begins, 0 = Monday; none: every day.
        first_day: First day on which it begins, if any.
        last_day: Last day on which it begins, if any.

    Raises:
        ValueError: Not exactly one end, a length outside 0 h–7 d, an unknown weekday.
        ZoneInfoNotFoundError: The zone is unknown (a ``KeyError``).
    """

    begins: time
    zone: str
    until: time | None = None
    lasts: timedelta | None = None
    weekdays: frozenset[int] = frozenset()
    first_day: date | None = None
    last_day: date | None = None

    def __post_init__(self) -> None:
        ZoneInfo(self.zone)
        if (self.until is None) == (self.lasts is None):
            raise ValueError(f"a window from {self.begins} needs either an end or a length")
        if self.lasts is not None and not timedelta(0) < self.lasts <= 7 * _DAY:
            raise ValueError(f"a window lasts more than nothing and at most seven days, not {self.lasts}")
        if not self.weekdays <= frozenset(range(7)):
            raise ValueError(f"weekdays are 0 (Monday) to 6, not {sorted(self.weekdays)}")

    def contains(self, instant: datetime) -> bool:
        """Whether an instant lies in an occurrence; its start belongs to it, its end does not."""
        return self.ends_at(instant) is not None

    def ends_at(self, instant: datetime) -> datetime | None:
        """End (UTC) of the occurrence that an instant lies in, the latest of several; None outside."""
        ends = [end for start, end in self._near(instant) if start <= instant < end]
        return max(ends, default=None)

    def _near(self, instant: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Occurrences that can hold an instant."""
        today = instant.astimezone(ZoneInfo(self.zone)).date()
        back = 1 + (self.lasts // _DAY + 1 if self.lasts is not None else 1)
        for days in range(back + 1):
            day = today - days * _DAY
            if self._begins_on(day):
                yield self._occurrence(day)

    def _begins_on(self, day: date) -> bool:
        return (
            (not self.weekdays or day.weekday() in self.weekdays)
            and (self.first_day is None or day >= self.first_day)
            and (self.last_day is None or day <= self.last_day)
        )

    def _occurrence(self, day: date) -> tuple[datetime, datetime]:
        zone = ZoneInfo(self.zone)
        start = datetime.combine(day, self.begins, zone).astimezone(UTC)
        if self.lasts is not None:
            return start, start + self.lasts
        until = self.until or self.begins
        last = day if until > self.begins else day + _DAY
        return start, datetime.combine(last, until, zone).astimezone(UTC)
