"""Recurring times of day in a zone: maintenance windows, quiet hours, hours of duty.

Here: the keys of a window in the configuration, whether an instant lies inside, and when the occurrence ends. Not here:
what follows (`silences`, `routes`).

Two ways to say how long, which differ on the two days a year when clocks change (RFC 5545, 3.3.6 and 3.8.2.5): ``until``
is a wall-clock time of the same or the next day, ``lasts_hours`` is time that really passes. 19:40 until 06:40 is 10 h long
in the night clocks go forward and 12 h when they go back; 19:40 + 11 h always lasts eleven hours and ends at 07:40 or
05:40. A start that clocks skip is taken as if they had not been changed yet (02:30 becomes 03:30); of one that occurs
twice, the first counts.

>>> from datetime import UTC, datetime
>>> night = Window.model_validate({"begins": "19:40", "lasts_hours": 11, "zone": "Europe/Berlin", "weekdays": ["fri"]})
>>> night.ends_at(datetime(2026, 11, 27, 22, tzinfo=UTC))
datetime.datetime(2026, 11, 28, 5, 40, tzinfo=datetime.timezone.utc)
>>> night.contains(datetime(2026, 11, 28, 22, tzinfo=UTC))
False
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, field_validator, model_validator

from mist_pipeline.domain.config_section import PlacedError, Section
from mist_pipeline.domain.time_zones import known_zone

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_DAY = timedelta(days=1)
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", re.ASCII)


def _clock(value: object) -> object:
    """A time of day from a text. A number is none: nobody can tell whether 600 is 06:00 or ten hours."""
    if isinstance(value, time) and value.tzinfo is None:
        return value
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(
            'is no time of day; write it as "19:40", HH:MM (00:00 to 23:59, the zone is a key of its own)'
        )
    hour, minute, second = (int(part or 0) for part in found.groups())
    return time(hour, minute, second)


Clock = Annotated[time, BeforeValidator(_clock)]
"""A wall-clock time without a zone."""


class Window(Section):
    """A span of the day that comes again, in a time zone; it may cross midnight.

    Without ``weekdays`` it begins every day. ``until`` is a time of the next day if it is not after ``begins``. Weekdays may
    be abbreviated (``mo``, ``Thurs``) and are kept in full.

    Raises:
        ValidationError: Not exactly one of ``until`` and ``lasts_hours``, an unknown zone or weekday, days that never come.
    """

    begins: Clock = Field(description="Wall-clock time at which it begins.")
    zone: str = Field(description="IANA zone of that clock.")
    until: Clock | None = Field(None, description="Wall-clock time at which it ends, or `lasts_hours`.")
    lasts_hours: float | None = Field(None, gt=0, le=168, description="Hours that really pass, or `until`.")
    weekdays: tuple[str, ...] = Field((), description="Days on which it begins; empty: every day.")
    first_day: date | None = Field(None, description="First day on which it begins.")
    last_day: date | None = Field(None, description="Last day on which it begins.")

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return known_zone(value)

    @field_validator("weekdays")
    @classmethod
    def _known_days(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        numbers: set[int] = set()
        for position, name in enumerate(value):
            try:
                numbers.add(_weekday(name))
            except ValueError as error:
                raise PlacedError((position,), str(error)) from None
        return tuple(WEEKDAYS[number] for number in sorted(numbers))

    @model_validator(mode="after")
    def _has_one_end(self) -> Self:
        if (self.until is None) == (self.lasts_hours is None):
            raise ValueError(
                f"needs `until` or `lasts_hours`, {'one of them' if self.until is None else 'not both'}"
            )
        if self.first_day is not None and self.last_day is not None and self.first_day > self.last_day:
            raise ValueError(f"would never begin: {self.last_day} is before {self.first_day}")
        return self

    @property
    def lasts(self) -> timedelta | None:
        """How long an occurrence really lasts; None where it has an end by the clock."""
        return None if self.lasts_hours is None else timedelta(hours=self.lasts_hours)

    @property
    def weekday_numbers(self) -> list[int]:
        """Days on which it begins, 0 = Monday; none: every day."""
        return [WEEKDAYS.index(name) for name in self.weekdays]

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
        lasts = self.lasts
        back = 1 + (lasts // _DAY + 1 if lasts is not None else 1)
        for days in range(back + 1):
            day = today - days * _DAY
            if self._begins_on(day):
                yield self._occurrence(day)

    def _begins_on(self, day: date) -> bool:
        return (
            (not self.weekdays or day.weekday() in self.weekday_numbers)
            and (self.first_day is None or day >= self.first_day)
            and (self.last_day is None or day <= self.last_day)
        )

    def _occurrence(self, day: date) -> tuple[datetime, datetime]:
        zone = ZoneInfo(self.zone)
        start = datetime.combine(day, self.begins, zone).astimezone(UTC)
        if (lasts := self.lasts) is not None:
            return start, start + lasts
        until = self.until or self.begins
        last = day if until > self.begins else day + _DAY
        return start, datetime.combine(last, until, zone).astimezone(UTC)


def _weekday(name: str) -> int:
    found = [number for number, day in enumerate(WEEKDAYS) if len(name) >= 2 and day.startswith(name.lower())]
    if len(found) != 1:
        raise ValueError(f"{name!r} is no weekday; use {', '.join(WEEKDAYS)} or their beginnings")
    return found[0]
