"""When people are at a site: local time, opening hours, weekends, public holidays.

Everything is vectorised over hours since the epoch (UTC). Neighbours: `organisation` says which site keeps which
hours, `measurements` turns the shape into clients.

>>> hour_of(datetime(1970, 1, 2, 6, 30, tzinfo=UTC)), moment_of(30).isoformat()
(30, '1970-01-02T06:00:00+00:00')
>>> holidays("US", 2026)[-2:]
(datetime.date(2026, 11, 26), datetime.date(2026, 12, 25))
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

import numpy as np
import polars as pl

from mist_pipeline.simulator.world.randomness import Floats, Ints

_EPOCH: Final = date(1970, 1, 1)

_FIXED_HOLIDAYS: Final[dict[str, tuple[tuple[int, int], ...]]] = {
    "GB": ((1, 1), (12, 25), (12, 26)),
    "DE": ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26)),
    "US": ((1, 1), (6, 19), (7, 4), (11, 11), (12, 25)),
    "CA": ((1, 1), (7, 1), (12, 25), (12, 26)),
    "IN": ((1, 26), (8, 15), (10, 2)),
    "AU": ((1, 1), (1, 26), (4, 25), (12, 25), (12, 26)),
    "JP": ((1, 1), (2, 11), (2, 23), (4, 29), (5, 3), (5, 4), (5, 5), (11, 3), (11, 23)),
}
_EASTER_HOLIDAYS: Final[dict[str, tuple[int, ...]]] = {
    "GB": (-2, 1),
    "DE": (-2, 1, 39, 50),
    "AU": (-2, 1),
    "CA": (-2,),
}


def hour_of(moment: datetime) -> int:
    """Whole hours since the epoch."""
    return int(moment.timestamp() // 3600)


def moment_of(hour: int) -> datetime:
    """The start of an hour since the epoch, in UTC."""
    return datetime.fromtimestamp(hour * 3600, tz=UTC)


def utc_offsets(zone: str, hours: Ints) -> Floats:
    """Hours to add to UTC for local time at the start of each hour; halves and quarters occur."""
    instants = pl.Series(hours * 3_600_000_000).cast(pl.Datetime("us", "UTC"))
    local = instants.dt.convert_time_zone(zone).dt.replace_time_zone(None)
    seconds = (local - instants.dt.replace_time_zone(None)).dt.total_seconds()
    return np.asarray(seconds.to_numpy() / 3600.0)


def local_time(zone: str, hours: Ints) -> tuple[Floats, Ints]:
    """Hour of the local day in the middle of each hour (0–24), and the local day since the epoch."""
    local = hours + 0.5 + utc_offsets(zone, hours)
    days = np.floor_divide(local, 24.0).astype(np.int64)
    return local - 24.0 * days, days


def weekday(days: Ints) -> Ints:
    """Day of the week of days since the epoch, 0 = Monday (the epoch was a Thursday)."""
    return (days + 3) % 7


@lru_cache(maxsize=256)
def holidays(country: str, year: int) -> tuple[date, ...]:
    """The public holidays of a country and year that this world keeps; none for a country it does not know."""
    fixed = [date(year, month, day) for month, day in _FIXED_HOLIDAYS.get(country, ())]
    moving = [_easter(year) + timedelta(days=shift) for shift in _EASTER_HOLIDAYS.get(country, ())]
    if country == "US":
        first_of_november = date(year, 11, 1)
        moving.append(first_of_november + timedelta(days=(3 - first_of_november.weekday()) % 7 + 21))
    return tuple(sorted({*fixed, *moving}))


def is_holiday(country: str, days: Ints) -> np.typing.NDArray[np.bool_]:
    """Whether each local day since the epoch is a public holiday of the country."""
    first, last = (_EPOCH + timedelta(days=int(day)) for day in (days.min(), days.max()))
    kept = [
        (day - _EPOCH).days for year in range(first.year, last.year + 1) for day in holidays(country, year)
    ]
    return np.isin(days, np.array(kept, dtype=np.int64))


def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous algorithm, Meeus, Astronomical Algorithms, chapter 8)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    el = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 19 * el) // 433
    month = (h + el - 7 * m + 90) // 25
    return date(year, month, (h + el - 7 * m + 33 * month + 19) % 32)


def presence(
    local_hour: Floats,
    day_of_week: Ints,
    opens: Floats,
    closes: Floats,
    week: Floats,
    night: Floats,
) -> Floats:
    """Share of the busiest hour's people that are there.

    Args:
        local_hour: Hour of the local day, shape (S, H).
        day_of_week: 0 = Monday, shape (S, H).
        opens: Opening hour by site, shape (S, 1); 0 to 24 means always open.
        closes: Closing hour by site, shape (S, 1).
        week: Factor of each weekday by site, shape (S, 7).
        night: Share that stays outside opening hours, shape (S, 1).

    Returns:
        Shares 0–1, shape (S, H).
    """
    through = np.clip((local_hour - opens) / (closes - opens), 0.0, 1.0)
    bump = np.sin(np.pi * through) ** 0.6
    factor = np.take_along_axis(week, day_of_week, axis=1)
    return np.asarray(night + (1.0 - night) * bump * factor)
