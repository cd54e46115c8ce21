"""Schedules, sensors and runs after a clock that was ahead.

Dagster asks no schedule or sensor before the time of its last tick has come: a clock that was three hours ahead would stop every poll and
every message for three hours, in silence. And for three hours a run of that time would be the newest of its job: a failure would
be told though it is long made good, or a success would hide every failure since. Not here: times in the ledger (``alerts.ledger.times``), and who notices that the clock stepped back (``cli.together``).
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from dagster import DagsterInstance
from dagster._core.scheduler.instigation import (
    InstigatorState,
    ScheduleInstigatorData,
    SensorInstigatorData,
)
from dagster._core.storage.runs import SqlRunStorage
from dagster._core.storage.runs.schema import RunsTable

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


def set_back_runs(instance: DagsterInstance, now: float) -> int:
    """Set the times of runs that have not come yet to now.

    Args:
        instance: Dagster's instance; nothing of it must run.
        now: Epoch seconds.

    Returns:
        How many runs were created, began or ended at such a time.
    """
    storage, columns = instance.run_storage, RunsTable.c
    if not isinstance(storage, SqlRunStorage):
        return 0
    limit = now + TOLERANCE.total_seconds()
    latest: list[tuple[sa.Column[Any], Any, Any]] = [
        (column, limit, now) for column in (columns.start_time, columns.end_time)
    ]
    most, instead = (datetime.fromtimestamp(one, UTC).replace(tzinfo=None) for one in (limit, now))
    # Dagster stores when a run was created as UTC without a zone.
    latest += [(column, most, instead) for column in (columns.create_timestamp, columns.update_timestamp)]
    is_ahead = sa.or_(*(column > after for column, after, _ in latest))
    with storage.connect() as connection:
        found = connection.execute(sa.select(sa.func.count()).select_from(RunsTable).where(is_ahead)).scalar()
        for column, after, value in latest if found else ():
            connection.execute(sa.update(RunsTable).where(column > after).values({column.name: value}))
    return int(found or 0)


def _with(state: InstigatorState, data: ScheduleInstigatorData | SensorInstigatorData) -> InstigatorState:
    return state._replace(instigator_data=data)
