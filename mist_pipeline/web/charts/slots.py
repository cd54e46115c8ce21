"""The horizontal axis: equal slots of an hour or a day, with their labels in the time zone of a place. Pure.

>>> from zoneinfo import ZoneInfo
>>> slots = hour_slots(datetime(2026, 3, 2, 14, tzinfo=UTC), 24, ZoneInfo("Europe/Berlin"))
>>> slots.labels[0], slots.ticks[:2], slots.zone
('Mon 2 Mar 15:00', ((0.0417, '16:00'), (0.2083, '20:00')), 'Europe/Berlin')
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

_DAY = timedelta(days=1)
_MOST_LABELS = 8


@dataclass(frozen=True)
class Slots:
    """Time in equal parts.

    Attributes:
        begin: When the first begins.
        size: Of one.
        labels: What each is called.
        exact: The same for programs: ISO 8601, hours with their offset.
        ticks: Share of the width, text.
        zone: Whose time the labels are in; '' where they are no times.
        title: Of their column.
    """

    begin: datetime
    size: timedelta
    labels: Sequence[str]
    exact: Sequence[str]
    ticks: Sequence[tuple[float, str]]
    zone: str
    title: str = "Time"

    @property
    def about(self) -> str:
        """From when to when, in words."""
        if not self.labels:
            return ""
        return f"{self.labels[0]} to {self.labels[-1]}{f', {self.zone}' if self.zone else ''}"

    def __len__(self) -> int:
        return len(self.labels)

    def share(self, moment: datetime) -> float:
        """Where an instant is, 0 at the left and 1 at the right; what lies outside is at the edge."""
        return min(max((moment - self.begin) / (self.size * max(len(self), 1)), 0.0), 1.0)


def hour_slots(begin: datetime, number: int, zone: tzinfo) -> Slots:
    """Hours from a full hour on; of two days or fewer every fourth is labelled, of more every midnight.

    Args:
        begin: Of the first.
        number: So many.
        zone: Of the labels.
    """
    local = [(begin + timedelta(hours=place)).astimezone(zone) for place in range(number)]
    are_few = number <= 48
    ticks = [
        (round(place / number, 4), f"{moment:%H:%M}" if are_few else f"{moment:%a} {moment.day}")
        for place, moment in enumerate(local)
        if (moment.hour % (4 if number <= 24 else 8) == 0 if are_few else moment.hour == 0)
    ]
    labels = [f"{moment:%a} {moment.day} {moment:%b %H:%M}" for moment in local]
    return Slots(
        begin, timedelta(hours=1), labels, [moment.isoformat() for moment in local], tuple(ticks), str(zone)
    )


def day_slots(first: date, number: int, zone: tzinfo) -> Slots:
    """Days; Mondays are labelled, of many weeks not every one.

    Args:
        first: The first.
        number: So many.
        zone: In which days begin and end.
    """
    days = [first + place * _DAY for place in range(number)]
    mondays = [place for place, day in enumerate(days) if day.weekday() == 0]
    stride = max((len(mondays) + _MOST_LABELS - 1) // _MOST_LABELS, 1)
    ticks = tuple(
        (round(place / number, 4), f"{days[place].day} {days[place]:%b}") for place in mondays[::stride]
    )
    if not ticks:
        ticks = tuple((round(place / number, 4), f"{day.day} {day:%b}") for place, day in enumerate(days))
    begin = datetime(first.year, first.month, first.day, tzinfo=zone).astimezone(UTC)
    labels = [f"{day:%a} {day.day} {day:%b}" for day in days]
    return Slots(begin, _DAY, labels, [day.isoformat() for day in days], ticks, str(zone))


def value_slots(low: int, high: int, step: int, unit: str, title: str) -> Slots:
    """Classes of a value instead of times.

    Args:
        low: Lower end of the first class.
        high: Upper end of the last one.
        step: Width of a class.
        unit: Behind a number.
        title: Of the column.
    """
    edges = range(low, high, step)
    number = len(edges)
    labels = [f"{edge}–{edge + step}{unit}" for edge in edges]
    stride = max((number + _MOST_LABELS - 1) // _MOST_LABELS, 1)
    ticks = tuple(
        (round(place / number, 4), f"{edge}") for place, edge in enumerate(edges) if place % stride == 0
    )
    return Slots(
        datetime.min.replace(tzinfo=UTC), _DAY, labels, [str(edge) for edge in edges], ticks, "", title
    )
