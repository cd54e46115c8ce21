"""Ranges of time as they stand in addresses: the last 24 hours, 7, 30 or 90 days. Pure.

>>> hours = Period.of("24h", datetime(2026, 3, 2, 14, 47, tzinfo=UTC), UTC)
>>> hours.begin.isoformat(), hours.number
('2026-03-01T15:00:00+00:00', 24)
>>> days = Period.of("30d", datetime(2026, 3, 2, 14, 47, tzinfo=UTC), UTC)
>>> days.first_day.isoformat(), days.last_day.isoformat()
('2026-01-31', '2026-03-01')
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

TITLES = {"24h": "24 hours", "7d": "7 days", "30d": "30 days", "90d": "90 days"}
"""Name in an address → what people read."""
RANGES = tuple(TITLES)
_HOURS = {"24h": 24, "7d": 168}
_DAYS = {"30d": 30, "90d": 90}


@dataclass(frozen=True)
class Period:
    """One range of time.

    Attributes:
        name: As in an address.
        begin: When its first slot begins.
        end: When its last slot ends.
        number: Of slots.
        first_day: The first day, in the organisation's time zone, that it touches.
        last_day: The last one.
        is_hourly: Whether a slot is an hour; else it is a whole day of the organisation.
        zone: In which days begin and end.
    """

    name: str
    begin: datetime
    end: datetime
    number: int
    first_day: date
    last_day: date
    is_hourly: bool
    zone: tzinfo

    @classmethod
    def of(cls, name: str, at: datetime, zone: tzinfo) -> "Period":
        """The range that ends now: with the running hour, or with yesterday, since a day is known when it is over.

        Args:
            name: One of `RANGES`.
            at: Now.
            zone: In which days begin and end.
        """
        if name in _HOURS:
            end = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
            begin = end - timedelta(hours=_HOURS[name])
            days = begin.astimezone(zone).date(), at.astimezone(zone).date()
            return cls(name, begin, end, _HOURS[name], *days, is_hourly=True, zone=zone)
        number = _DAYS[name]
        today = at.astimezone(zone).date()
        first = today - timedelta(days=number)
        begin, end = (datetime(day.year, day.month, day.day, tzinfo=zone) for day in (first, today))
        return cls(name, begin, end, number, first, today - timedelta(days=1), is_hourly=False, zone=zone)

    def place(self, when: datetime | date) -> int | None:
        """Number of the slot of an hour, or of a day; None outside."""
        if isinstance(when, datetime):
            found = int((when - self.begin) // timedelta(hours=1))
        else:
            found = (when - self.first_day).days
        return found if 0 <= found < self.number else None

    @property
    def title(self) -> str:
        """For people."""
        return TITLES[self.name]
