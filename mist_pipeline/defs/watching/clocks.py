"""Schedules and sensors as Dagster keeps them: which are on, when they ticked last, and whether their ticks fail.

Not here: what they start (`jobs`, `sensors`), what follows from one that is still (``workflows.self_monitoring.service``).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import dagster as dg

# What Dagster keeps of schedules and sensors has no public name.
from dagster._core.scheduler.instigation import InstigatorState, InstigatorTick, TickStatus

from mist_pipeline.defs.scope import Scope
from mist_pipeline.http_client.secrets import NONE_KNOWN, Secrets
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.self_monitoring.service import FAILED_TICKS, MORNING_SCHEDULE, Clock
from mist_pipeline.workflows.self_monitoring.trouble import one_line

_DAY, _LONGER = timedelta(days=1), timedelta(hours=1)
"""A day, and how much longer it is when summer time ends."""


def expected_clocks(settings: Settings) -> dict[str, timedelta]:
    """Every schedule and sensor that there should be → the longest time between two ticks."""
    return {
        # Hourly by day; none ticks in the first hours of a day.
        MORNING_SCHEDULE: _DAY / 8 + _LONGER,
        "after_late_answers": _DAY / 8 + _LONGER,
        "after_the_morning": _DAY + _LONGER,
        "after_the_findings": _DAY + _LONGER,
        "every_night": _DAY + _LONGER,
        "four_times_a_day": _DAY / 4 + _LONGER,
        "every_hour": _DAY / 24,
        "every_few_minutes": timedelta(minutes=settings.monitoring.interval_minutes),
        "degradation_sensor": timedelta(seconds=30),
        "delivery_sensor": timedelta(seconds=30),
        "escalation_sensor": timedelta(seconds=30),
        "ticket_sensor": timedelta(minutes=5),
        "pipeline_trouble": timedelta(minutes=1),
    }


def read_clocks(
    instance: dg.DagsterInstance,
    scope: Scope,
    expected: Mapping[str, timedelta],
    secrets: Secrets = NONE_KNOWN,
) -> tuple[Clock, ...]:
    """The state of each of an organisation; none where the instance keeps no clocks."""
    if instance.schedule_storage is None:
        return ()
    states: dict[str, list[InstigatorState]] = {}
    for state in instance.all_instigator_state():
        states.setdefault(state.name, []).append(state)
    return tuple(
        _clock(instance, name, every, states.get(scope.name(name), []), secrets)
        for name, every in expected.items()
    )


def _clock(
    instance: dg.DagsterInstance,
    name: str,
    every: timedelta,
    states: list[InstigatorState],
    secrets: Secrets,
) -> Clock:
    # An earlier version may have left one behind, under the name of a code location that is no more.
    running = [state for state in states if state.status.value == "RUNNING"]
    ticks = sorted(
        (tick for state in running for tick in _ticks(instance, state)),
        # Not by their time: a clock that was ahead for a while would hide all that came after.
        key=lambda tick: tick.tick_id,
        reverse=True,
    )
    failed = list(takewhile(lambda tick: tick.status == TickStatus.FAILURE, ticks))
    error = failed[0].error if failed else None
    return Clock(
        name=name,
        every=every,
        is_on=bool(running),
        on_since=max((at for at in map(_on_since, running) if at is not None), default=None),
        last_tick=datetime.fromtimestamp(ticks[0].timestamp, UTC) if ticks else None,
        failures=len(failed),
        error=one_line(error.message, secrets) if error else "",
    )


def _ticks(instance: dg.DagsterInstance, state: InstigatorState) -> list[InstigatorTick]:
    return list(
        instance.get_ticks(
            origin_id=state.instigator_origin_id, selector_id=state.selector_id, limit=FAILED_TICKS
        )
    )


def _on_since(state: InstigatorState) -> datetime | None:
    data = state.instigator_data
    at = getattr(data, "start_timestamp", None) or getattr(data, "last_sensor_start_timestamp", None)
    return datetime.fromtimestamp(at, UTC) if at else None
