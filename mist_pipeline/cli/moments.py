"""Days and instants as people type them. What cannot be read is refused with one that can.

Not here: what time it is for a command (`clock`), lengths of time (``domain.text.span_of``).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, TypeAlias

import typer

from mist_pipeline.domain.text import clean

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_BACK = {"today": 0, "yesterday": 1}
_YEARS = (1970, 9998)
"""Outside of these, the day before or the time in another zone may not exist."""


@dataclass(frozen=True)
class AskedDay:
    """A day as somebody asked for it.

    Attributes:
        word: ``today``, ``yesterday`` or the name of a weekday; '' where a date was given.
        day: The date that was given, if one was.
    """

    word: str = ""
    day: date | None = None

    def on(self, today: date) -> date:
        """Which day is meant where it is this day; a weekday is the last one before it.

        >>> str(AskedDay("yesterday").on(date(2026, 3, 1))), str(AskedDay("monday").on(date(2026, 3, 2)))
        ('2026-02-28', '2026-02-23')
        """
        if self.day is not None:
            return self.day
        if self.word in _BACK:
            return today - timedelta(days=_BACK[self.word])
        return today - timedelta(days=(today.weekday() - _WEEKDAYS.index(self.word) - 1) % 7 + 1)


def asked_day(text: str) -> AskedDay:
    """A day: a date, ``today``, ``yesterday``, or a weekday.

    Raises:
        typer.BadParameter: It is none of these.
    """
    word = text.strip().lower()
    if word in _BACK or word in _WEEKDAYS:
        return AskedDay(word)
    try:
        # Not what else the ISO norm knows, such as 20260301 and 2026-W09-7.
        day = datetime.strptime(word, "%Y-%m-%d").date()  # noqa: DTZ007 - a date has no zone
    except ValueError:
        day = None
    if day is None or not _YEARS[0] <= day.year <= _YEARS[1]:
        raise typer.BadParameter(
            f"{clean(text, 40)!r} is no day; write 2026-03-01, or yesterday, today, monday …"
        ) from None
    return AskedDay(day=day)


def instant(text: str) -> datetime:
    """An instant in UTC; without a zone it is meant in UTC.

    Raises:
        typer.BadParameter: It is none, or of a year that no calendar of ours holds.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(
            f"{clean(text, 40)!r} is no instant; write 2026-11-30T06:00 (UTC) or 2026-11-30T06:00+01:00"
        ) from None
    if not _YEARS[0] <= moment.year <= _YEARS[1]:
        raise typer.BadParameter(f"{clean(text, 40)} is not between the years {_YEARS[0]} and {_YEARS[1]}")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


AsOf: TypeAlias = Annotated[
    datetime | None,
    typer.Option(
        "--as-of",
        parser=instant,
        metavar="INSTANT",
        help="UTC instant to work as of, for a simulated cloud; default: now.",
    ),
]
