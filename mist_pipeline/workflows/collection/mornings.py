"""Which days the morning makes: yesterday, and whatever was left behind since.

Pure. A day is *complete* when everything of it was made; it is *late* when raw answers came after its history was made. Days that are
not complete are collected anew, up to yesterday; late ones are made again from the raw files, with all days behind them, which depend
on them. Not here: where that is known from, and starting runs (``defs.mornings``).

>>> monday = date(2026, 3, 2)
>>> due({monday}, set(), monday, date(2026, 3, 5))
Due(first=datetime.date(2026, 3, 3), last=datetime.date(2026, 3, 5), is_asking=True, behind=2)
>>> due({monday}, set(), monday, monday) is None
True
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, timedelta

from mist_pipeline.workflows.layers import DAYS_A_RUN

LOOK_BACK_DAYS = 7
"""A day that is not complete behind one that is, is made good if it is no older; older ones are the work of ``backfill``."""

_ONE = timedelta(days=1)


@dataclass(frozen=True)
class Due:
    """What has to be made now.

    Attributes:
        first: First day.
        last: Last day: yesterday, since later days depend on earlier ones.
        is_asking: The cloud is asked; else the raw files are enough.
        behind: Days before yesterday that are not complete, or late.
    """

    first: date
    last: date
    is_asking: bool
    behind: int

    def __str__(self) -> str:
        span = str(self.last) if self.first == self.last else f"{self.first} … {self.last}"
        if not self.is_asking:
            return f"{span}: answers came late"
        return f"{span}: {self.behind} earlier days are not complete" if self.behind else span


def due(
    complete: AbstractSet[date], late: AbstractSet[date], history_start: date, yesterday: date
) -> Due | None:
    """What has to be made now, None if nothing has.

    Args:
        complete: Days of which everything was made.
        late: Those of them whose raw answers are newer than their history.
        history_start: First day of history.
        yesterday: The newest whole day.
    """
    known = {day for day in complete if day <= yesterday}
    if missing := _missing(known, history_start, yesterday):
        return Due(missing[0], yesterday, is_asking=True, behind=sum(day < yesterday for day in missing))
    behind = sorted(day for day in late if yesterday - day < timedelta(days=LOOK_BACK_DAYS) and day in known)
    if behind:
        return Due(behind[0], yesterday, is_asking=False, behind=sum(day < yesterday for day in behind))
    return None


def _missing(known: AbstractSet[date], history_start: date, yesterday: date) -> list[date]:
    """Days not complete since the newest complete one, and among the last ones; without any complete one, yesterday alone."""
    if yesterday < history_start:
        return []
    if not known:
        return [yesterday]
    recent = yesterday - timedelta(days=LOOK_BACK_DAYS - 1)
    first = max(
        min(max(known) + _ONE, recent), min(known), history_start, yesterday - (DAYS_A_RUN - 1) * _ONE
    )
    days = [first + offset * _ONE for offset in range((yesterday - first).days + 1)]
    return [day for day in days if day not in known]
