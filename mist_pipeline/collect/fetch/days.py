"""Days, hours and windows in the organisation's time zone, as epoch seconds.

A *day* is the calendar day of the organisation's zone, 23 to 25 hours long. An *hour* is a slot of 3,600 s counted
from the day's first second, so that in zones with a half-hour offset hours begin on the half hour; the last slot of a
day may be shorter. A *window* is a span that one request asks for. No clock is read here. What is asked in the windows
is decided in ``collect.fetch.plan``.

>>> day, berlin = date(2026, 3, 29), ZoneInfo("Europe/Berlin")
>>> len(hour_windows([day], berlin, now=1_800_000_000))
23
>>> len(span_windows([day], berlin, max_hours=6, now=1_800_000_000))
4
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

HOUR = 3600
DAY_HOURS = 24


@dataclass(frozen=True, order=True)
class Window:
    """A span of time that one request covers.

    Attributes:
        start: Epoch seconds, inclusive.
        end: Epoch seconds, exclusive.
        days: The days of the organisation's zone that it touches, in order.
    """

    start: int
    end: int
    days: tuple[date, ...]


def day_bounds(day: date, zone: ZoneInfo) -> tuple[int, int]:
    """First second of the day and first second of the next one, as epoch seconds."""
    return _midnight(day, zone), _midnight(day + timedelta(days=1), zone)


def hour_windows(days: Sequence[date], zone: ZoneInfo, *, now: int, since: int | None = None) -> list[Window]:
    """One window an hour of these days; the running hour ends at ``now`` and the future is left out.

    Args:
        days: Days wanted, in any order; repeated ones count once.
        zone: The organisation's time zone.
        now: Epoch seconds; nothing is asked beyond it.
        since: Leave out hours that had ended by then.
    """
    windows = []
    for day in sorted(set(days)):
        start, end = day_bounds(day, zone)
        for hour in range(start, end, HOUR):
            window = Window(hour, min(hour + HOUR, end, now), (day,))
            if window.start < window.end and (since is None or window.end > since):
                windows.append(window)
    return windows


def span_windows(
    days: Sequence[date], zone: ZoneInfo, *, max_hours: int, now: int, since: int | None = None
) -> list[Window]:
    """The fewest windows of at most ``max_hours`` that cover these days, cut at ``now``.

    From 24 hours on a window holds whole days (``max_hours // 24`` of them at most, a day of 25 hours counts as one);
    below, a day is cut into pieces that begin on its hours. Days that do not follow one another never share a window.

    Args:
        days: Days wanted, in any order; repeated ones count once.
        zone: The organisation's time zone.
        max_hours: Longest window.
        now: Epoch seconds; nothing is asked beyond it.
        since: Begin at the hour in which this instant lies instead of at the beginning of its day.
    """
    if max_hours < 1:
        raise ValueError(f"a window of {max_hours} hours covers nothing: at least 1 is needed")
    if max_hours < DAY_HOURS:
        return _pieces(days, zone, max_hours=max_hours, now=now, since=since)
    windows = []
    for run in _runs(sorted(set(days)), max_hours // DAY_HOURS):
        asked = [day for day in run if _is_open(day, zone, now, since)]
        if asked:
            start = _first_hour(asked[0], zone, since)
            windows.append(Window(start, min(day_bounds(asked[-1], zone)[1], now), tuple(asked)))
    return windows


def _pieces(
    days: Sequence[date], zone: ZoneInfo, *, max_hours: int, now: int, since: int | None
) -> list[Window]:
    windows = []
    for day in sorted(set(days)):
        if not _is_open(day, zone, now, since):
            continue
        end = min(day_bounds(day, zone)[1], now)
        windows += [
            Window(start, min(start + max_hours * HOUR, end), (day,))
            for start in range(_first_hour(day, zone, since), end, max_hours * HOUR)
        ]
    return windows


def _runs(days: Sequence[date], longest: int) -> list[list[date]]:
    runs: list[list[date]] = []
    for day in days:
        if runs and len(runs[-1]) < longest and day - runs[-1][-1] == timedelta(days=1):
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs


def _is_open(day: date, zone: ZoneInfo, now: int, since: int | None) -> bool:
    start, end = day_bounds(day, zone)
    return start < now and (since is None or since < end)


def _first_hour(day: date, zone: ZoneInfo, since: int | None) -> int:
    start, _ = day_bounds(day, zone)
    return start if since is None or since <= start else since - (since - start) % HOUR


def _midnight(day: date, zone: ZoneInfo) -> int:
    # Where a zone skips midnight (clocks go forward at 00:00), this is the instant of the jump: fold=0 resolves the
    # gap with the offset before it.
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())
