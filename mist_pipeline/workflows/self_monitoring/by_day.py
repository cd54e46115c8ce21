"""What failed for which days, and is not good again for the same days.

A run or a check is about days; only a later success about the same day ends a failure. Open days of one subject are told
together if they first failed together, so that what is told keeps its name while some of its days are made good.

>>> from datetime import UTC
>>> def attempt(hour: int, days: set[int], is_good: bool) -> Attempt:
...     at = datetime(2026, 3, 9, hour, tzinfo=UTC)
...     return Attempt(subject="collect", run_id=f"r{hour}", at=at, is_good=is_good, days=frozenset(date(2026, 3, d) for d in days))
>>> (left,) = open_failures([attempt(1, {1, 2, 3}, False), attempt(2, {2}, True), attempt(3, {8}, True)])
>>> left.span, [day.day for day in left.days]
('2026-03-01..2026-03-03', [1, 3])
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import takewhile


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One run of a job, or one result of a check.

    Attributes:
        subject: Which job or check.
        run_id: The run.
        at: When it ended.
        is_good: Whether all of it is good.
        days: The days that it was about; None: everything.
        bad_days: Days that are not good, where that is known; the other days of it are.
    """

    subject: str
    run_id: str
    at: datetime
    is_good: bool
    days: frozenset[date] | None = None
    bad_days: frozenset[date] = frozenset()

    @property
    def failed_days(self) -> Iterable[date | None]:
        """Days for which it failed; None where it named none."""
        if self.is_good:
            return ()
        return self.bad_days or self.days or (None,)

    def says(self, day: date | None) -> bool | None:
        """Whether a day is good by it; None if it is not about that day.

        Args:
            day: A day, or None for a failure that named no days: any later success ends it.
        """
        if day in self.failed_days:
            return False
        if day is None:
            return True if self.is_good else None
        is_covered = self.days is None or day in self.days
        return True if is_covered and (self.is_good or self.bad_days) else None


@dataclass(frozen=True, kw_only=True)
class OpenFailure:
    """What failed and is not good again.

    Attributes:
        subject: Which job or check.
        span: The days of the first failure, as a name: ``2026-03-02``, ``2026-03-02..2026-03-09``, '' where it named none.
        days: Days that are still not good.
        newest: The last attempt that failed for one of them.
        first: The first attempt of those in a row that failed for one of them.
        failures: Failed attempts in a row for one of them.
    """

    subject: str
    newest: Attempt
    first: Attempt
    span: str = ""
    days: tuple[date, ...] = ()
    failures: int = 1


@dataclass
class _Group:
    newest: Attempt
    days: set[date] = field(default_factory=set)
    failures: int = 0


Healed = Callable[[date | None, datetime], bool]
"""Whether a day that failed at an instant was made good since in another way."""


def open_failures(
    attempts: Iterable[Attempt], is_healed: Healed = lambda _day, _at: False
) -> list[OpenFailure]:
    """Failures of one subject that no later attempt about the same day made good, by the first of them.

    Args:
        attempts: Of one subject, in any order.
        is_healed: Other ways in which a day may have become good.
    """
    newest_first = sorted(attempts, key=lambda one: (one.at, one.run_id), reverse=True)
    groups: dict[str, _Group] = {}
    firsts: dict[str, Attempt] = {}
    candidates = {day for one in newest_first for day in one.failed_days}
    for day in sorted(candidates, key=lambda one: (one is not None, one or date.min)):
        said = ((one, one.says(day)) for one in newest_first)
        since_good = takewhile(lambda pair: pair[1] is not True, said)
        failed = [one for one, is_good in since_good if is_good is False]
        if not failed or is_healed(day, failed[0].at):
            continue
        first = failed[-1]
        firsts[first.run_id] = first
        group = groups.setdefault(first.run_id, _Group(failed[0]))
        group.newest = max(group.newest, failed[0], key=lambda one: one.at)
        group.failures = max(group.failures, len(failed))
        if day is not None:
            group.days.add(day)
    return [
        OpenFailure(
            subject=group.newest.subject,
            newest=group.newest,
            first=firsts[name],
            span=span_of(firsts[name].days or firsts[name].bad_days),
            days=tuple(sorted(group.days)),
            failures=group.failures,
        )
        for name, group in groups.items()
    ]


def span_of(days: Iterable[date]) -> str:
    """Days as a name.

    >>> span_of([date(2026, 3, 2), date(2026, 3, 1)]), span_of([date(2026, 3, 2)]), span_of([])
    ('2026-03-01..2026-03-02', '2026-03-02', '')
    """
    ordered = sorted(days)
    if not ordered:
        return ""
    return str(ordered[0]) if len(ordered) == 1 else f"{ordered[0]}..{ordered[-1]}"


def told_days(days: tuple[date, ...]) -> str:
    """Days in a sentence, with the word before them; '' for none.

    >>> told_days((date(2026, 3, 1), date(2026, 3, 4))), told_days((date(2026, 3, 1),))
    (' for 2 days (2026-03-01 … 2026-03-04)', ' for 2026-03-01')
    """
    if not days:
        return ""
    return f" for {days[0]}" if len(days) == 1 else f" for {len(days)} days ({days[0]} … {days[-1]})"
