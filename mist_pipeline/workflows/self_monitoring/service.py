"""Whether the pipeline does its work, judged by effect: what should have happened by now and has not.

A run that never starts fails nothing. So here: polls that nobody evaluated, messages and steps of escalations that nobody sent,
mornings without an analysis or a report, schedules and sensors that are off or do not tick, a full disk, a wrong clock. Not here: runs and
checks that failed (`jobs`, `checks`), and sinks that refuse (`delivery`).

>>> from datetime import UTC
>>> noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
>>> clock = Clock(name="delivery_sensor", every=timedelta(seconds=30), is_on=True, last_tick=noon - timedelta(hours=1))
>>> late = ServiceFacts(clocks=(clock,), is_unsent=True)
>>> [one.subject for one in service_troubles(late, noon, UTC)]
['unsent', 'not_ticking']
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo

from mist_pipeline.alerts.machines.lease import Machines
from mist_pipeline.domain.severity import Severity
from mist_pipeline.workflows.cloud_clock import Skew
from mist_pipeline.workflows.self_monitoring.jobs import DAILY
from mist_pipeline.workflows.self_monitoring.trouble import Trouble, iso, roughly, size

MORNING_SCHEDULE = "every_morning"

PATIENCE = timedelta(minutes=15)
"""A kept poll is evaluated, a due message or step sent within a minute or two; later than this nobody is at work."""

TICK_PATIENCE = timedelta(minutes=10)
"""A sensor or schedule may be so late: the daemon looks at them one after another."""

FAILED_TICKS = 3
"""So many failed ticks in a row are no hiccup."""

DAILY_BY_HOUR = 6
"""Yesterday is collected at 02:30 and analysed well before this hour, in the organisation's zone, also of 3,000 sites."""

REPORT_BY_HOUR = 8
"""When people read the page of yesterday, in the organisation's zone."""

DAYS_BACK = 30
"""So many days back a missing one is told."""

SCARCE_BYTES, FULL_BYTES = 2 * 1024**3, 512 * 1024**2
"""Free space at which the disk is trouble, and at which nothing can be written soon."""

MAX_SKEW = timedelta(minutes=5)
"""A clock that is wrong by more puts polls into wrong hours, and evaluations of the future are refused."""

SKEW_HOLDS = timedelta(hours=6)
"""How long what the last answer of the cloud said about this machine's clock counts."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """A schedule or sensor.

    Attributes:
        name: Its name.
        every: From one tick to the next, at most.
        is_on: Whether it is switched on.
        on_since: When it was.
        last_tick: Its last tick.
        failures: Ticks that failed in a row.
        error: Why the last one did, in one line.
    """

    name: str
    every: timedelta
    is_on: bool
    on_since: datetime | None = None
    last_tick: datetime | None = None
    failures: int = 0
    error: str = ""


@dataclass(frozen=True)
class Disk:
    """Free space of a place: what people call it, and bytes."""

    place: str
    free_bytes: int


@dataclass(frozen=True, kw_only=True)
class ServiceFacts:
    """What is known of the work at one moment.

    Attributes:
        clocks: Schedules and sensors that there should be; none where Dagster keeps no clocks.
        running_since: When the daemon was started; None if nobody knows.
        analysed_days: Days with an analysis; None if nobody knows.
        newest_report: Day of the newest page; None if there is none yet, or nobody knows.
        unevaluated_since: When the oldest poll was kept that is not evaluated.
        is_unsent: Whether a message was due `PATIENCE` ago and nobody has it.
        is_uncalled: Whether a step of an escalation was, or an incident that waited for its time.
        disks: Where data lies.
        skew: What the cloud's answers said about the clock.
        machines: Who is active and who would take over; None where one machine works alone.
        expected_machines: How many there should be.
    """

    clocks: tuple[Clock, ...] = ()
    running_since: datetime | None = None
    analysed_days: frozenset[date] | None = None
    newest_report: date | None = None
    unevaluated_since: datetime | None = None
    is_unsent: bool = False
    is_uncalled: bool = False
    disks: tuple[Disk, ...] = ()
    skew: Skew | None = None
    machines: Machines | None = None
    expected_machines: int = 1

    @property
    def is_served(self) -> bool:
        """Whether somebody has turned on what starts the work; without it nothing is late."""
        return any(clock.is_on for clock in self.clocks)


def service_troubles(
    facts: ServiceFacts, now: datetime, zone: tzinfo, *, is_start_spared: bool = True
) -> list[Trouble]:
    """What has not happened though its time is over, and what will keep it from happening.

    Args:
        facts: What is known.
        now: The instant.
        zone: Of the organisation, whose days these are.
        is_start_spared: A service that has just started is given time for what waited. Without it one that is started again and
            again, and never gets to its work, is in trouble, too.
    """
    found = [*_disks(facts.disks), *_skew(facts.skew, now)]
    if not facts.is_served:
        return found
    if facts.running_since is not None and facts.running_since > now:
        # The clock was set back since: nobody knows how long it has been running.
        facts = replace(facts, running_since=None)
    # Behind a pause everything is late for a moment.
    is_settled = facts.running_since is None or now - facts.running_since >= TICK_PATIENCE
    waiting = _waiting(facts, now) if is_settled or not is_start_spared else ()
    clocks = _clocks(facts, now) if is_settled else ()
    return [*waiting, *clocks, *_mornings(facts, now, zone), *found]


def _waiting(facts: ServiceFacts, now: datetime) -> Iterator[Trouble]:
    minutes = round(PATIENCE / timedelta(minutes=1))
    since = facts.unevaluated_since
    if since is not None and now - since > PATIENCE:
        yield Trouble(
            "unevaluated",
            "critical",
            f"Polls are kept, but nothing was evaluated for {roughly(now - since)}: nobody is told of trouble at sites.",
            {"since": since.isoformat()},
        )
    if facts.is_unsent:
        yield Trouble("unsent", "major", f"Messages that were due {minutes} minutes ago are not sent.", {})
    if facts.is_uncalled:
        yield Trouble(
            "uncalled",
            "critical",
            f"Steps of escalations that were due {minutes} minutes ago are not taken: nobody is called.",
            {},
        )


def _clocks(facts: ServiceFacts, now: datetime) -> Iterator[Trouble]:
    off = [clock.name for clock in facts.clocks if not clock.is_on]
    if off:
        are = "is" if len(off) == 1 else "are"
        yield Trouble(
            "switched_off",
            "major",
            f"{_listed(off)} {are} switched off; `mist-pipeline daemon` turns all on.",
            {"switched_off": off},
        )
    still = [clock for clock in facts.clocks if clock.is_on and _is_still(clock, facts.running_since, now)]
    if still:
        ticked = {clock.name: iso(clock.last_tick) for clock in still}
        do = "does" if len(still) == 1 else "do"
        yield Trouble(
            "not_ticking",
            "major",
            f"{_listed(list(ticked))} {do} not tick any more, though switched on: does Dagster's daemon run?",
            {"last_ticks": ticked},
        )
    failing = [clock for clock in facts.clocks if clock.is_on and clock.failures >= FAILED_TICKS]
    if failing:
        errors = {clock.name: clock.error for clock in failing}
        do = "fails" if len(failing) == 1 else "fail"
        yield Trouble(
            "ticks_fail",
            "major",
            f"{_listed(list(errors))} {do} at every tick: {failing[0].error}",
            {"errors": errors},
        )


def _is_still(clock: Clock, running_since: datetime | None, now: datetime) -> bool:
    known = [at for at in (clock.last_tick, clock.on_since, running_since) if at is not None]
    return bool(known) and now - max(known) > clock.every + TICK_PATIENCE


def _mornings(facts: ServiceFacts, now: datetime, zone: tzinfo) -> Iterator[Trouble]:
    """A day without an analysis by its hour, each of its own: only that day makes it good. And yesterday's page."""
    morning = next((clock for clock in facts.clocks if clock.name == MORNING_SCHEDULE), None)
    if morning is None or not morning.is_on or not facts.analysed_days:
        return
    here = now.astimezone(zone)
    newest_due = here.date() - timedelta(days=1 if here.hour >= DAILY_BY_HOUR else 2)
    begun = max((at for at in (morning.on_since, facts.running_since) if at is not None), default=None)
    if begun is not None and now - begun < timedelta(hours=DAILY_BY_HOUR):
        # Who has just started collects what is missing first.
        return
    first = max(min(facts.analysed_days), newest_due - timedelta(days=DAYS_BACK - 1))
    for number in range((newest_due - first).days + 1):
        day = first + timedelta(days=number)
        if day not in facts.analysed_days:
            yield Trouble(
                f"{DAILY}@{day}",
                "critical",
                f"There is no analysis of {day}: it was due the morning after.",
                {"days": [day.isoformat()]},
            )
    yesterday = here.date() - timedelta(days=1)
    is_read = here.hour >= REPORT_BY_HOUR and yesterday in facts.analysed_days
    if is_read and facts.newest_report is not None and facts.newest_report < yesterday:
        yield Trouble(
            f"{DAILY}@{yesterday}",
            "major",
            f"{yesterday} is analysed, but its report is not written: the newest is of {facts.newest_report}.",
            {"days": [yesterday.isoformat()]},
        )


def _disks(disks: Sequence[Disk]) -> Iterator[Trouble]:
    scarce = [disk for disk in disks if disk.free_bytes < SCARCE_BYTES]
    if not scarce:
        return
    least = min(scarce, key=lambda disk: disk.free_bytes)
    severity: Severity = "critical" if least.free_bytes < FULL_BYTES else "major"
    yield Trouble(
        "disk",
        severity,
        f"Only {size(least.free_bytes)} are free at {least.place}: soon nothing can be written.",
        {disk.place: disk.free_bytes for disk in scarce},
    )


def _skew(skew: Skew | None, now: datetime) -> Iterator[Trouble]:
    if skew is None or now - skew.seen_at > SKEW_HOLDS or abs(skew.ahead) <= MAX_SKEW:
        return
    side = "behind" if skew.ahead > timedelta(0) else "ahead of"
    yield Trouble(
        "cloud_clock",
        "critical",
        f"This machine's clock is {roughly(abs(skew.ahead))} {side} the cloud's: synchronise it (NTP).",
        {"cloud_ahead_seconds": skew.ahead.total_seconds(), "seen_at": skew.seen_at.isoformat()},
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + (" and " if names[1:] else "") + names[-1]
