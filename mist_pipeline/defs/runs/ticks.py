"""Schedules and sensors after a clock that was ahead: Dagster asks none of them before the time of its last tick has come.

A clock that was three hours ahead would stop every poll and every message for three hours, in silence. Not here: times in
the ledger (``alerts.ledger.times``), and who notices that the clock stepped back (``cli.together``).
"""

from typing import Any

from dagster import DagsterInstance
from dagster._core.scheduler.instigation import (
    InstigatorState,
    ScheduleInstigatorData,
    SensorInstigatorData,
)

from mist_pipeline.alerts.ledger.times.ahead import TOLERANCE

_OF_A_SCHEDULE = ("start_timestamp", "last_iteration_timestamp")
_OF_A_SENSOR = (
    "last_tick_timestamp",
    "last_tick_start_timestamp",
    "last_sensor_start_timestamp",
    "last_tick_success_timestamp",
)


def set_back_ticks(instance: DagsterInstance, now: float) -> list[str]:
    """Set the times of schedules and sensors that have not come yet to now.

    Args:
        instance: Dagster's instance; its daemon must not run, since it remembers such times.
        now: Epoch seconds.

    Returns:
        Names of the schedules and sensors that would have waited.
    """
    limit = now + TOLERANCE.total_seconds()
    found = []
    for state in instance.all_instigator_state():
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, after=limit)
        for tick in ticks:
            instance.update_tick(tick._replace(tick_data=tick.tick_data._replace(timestamp=now)))
        data = state.instigator_data
        names = _OF_A_SCHEDULE if isinstance(data, ScheduleInstigatorData) else _OF_A_SENSOR
        late: dict[str, Any] = {
            name: now for name in names if data is not None and (getattr(data, name) or 0.0) > limit
        }
        if isinstance(data, ScheduleInstigatorData | SensorInstigatorData) and late:
            instance.update_instigator_state(_with(state, data._replace(**late)))
        if ticks or late:
            found.append(state.instigator_name)
    return sorted(found)


def _with(state: InstigatorState, data: ScheduleInstigatorData | SensorInstigatorData) -> InstigatorState:
    return state._replace(instigator_data=data)
