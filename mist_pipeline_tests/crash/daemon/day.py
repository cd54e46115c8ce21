"""A busy day: sites that go down one after the other, a poll every quarter of an hour, and yesterday's analysis in between."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import yaml

from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.simulator.cloud.http_faults import Faults
from mist_pipeline.simulator.cloud.server import serve
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.scenario import site_offline
from mist_pipeline.simulator.world.world import World

QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
SITES = 8
HISTORY_DAYS = 2

SINKS = ("first", "second")
"""Sinks that write files, and their folders."""

NOTIFICATIONS = {
    "routes": [{"name": "all", "sinks": ["first"], "escalation": "duty"}],
    "escalations": {"duty": {"steps": [{"after_minutes": 1, "sink": "second"}]}},
}


@dataclass(frozen=True)
class Day:
    """The day and its cloud, which outlive every service.

    Attributes:
        environment: Of the service.
        settings: The same as settings.
        clock: The cloud's.
        date: Its date: the real day before, so that nothing of it is too old.
    """

    environment: dict[str, str]
    settings: Settings
    clock: Clock
    date: date

    def at(self, number: int) -> datetime:
        """The instant of a poll by its number."""
        midnight = datetime(self.date.year, self.date.month, self.date.day, tzinfo=UTC)
        return midnight + number * QUARTER + timedelta(minutes=5)


@contextmanager
def busy_day(
    folder: Path,
    now: datetime,
    *,
    sites: int = SITES,
    history_days: int = HISTORY_DAYS,
    faults: Faults | None = None,
) -> Iterator[Day]:
    """The day before now, below a folder.

    Args:
        folder: Made.
        now: The real time.
        sites: How many there are.
        history_days: Days before, from the first day of history on.
        faults: What goes wrong in the cloud.
    """
    day = now.astimezone(UTC).date() - timedelta(days=1)
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
    # Every three hours another site goes down for two, so that all day something begins, goes on or ends.
    outages = [site_offline([hour % sites], begins + hour * HOUR, 2.0) for hour in range(0, 22, 3)]
    world = World(
        sites,
        history_days + 1,
        seed=4,
        start=day - timedelta(days=history_days),
        scenarios=outages,
        quiet=True,
        timezones=["UTC"],
    )
    clock = Clock(begins)
    data = folder / "data"
    data.mkdir(parents=True)
    sinks = {name: {"type": "file", "folder": str(data / name)} for name in SINKS}
    content = {"notifications": {**NOTIFICATIONS, "sinks": sinks}}
    (data / "config.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    with serve(world, clock=clock, faults=faults) as cloud:
        environment = {
            "MIST_BASE_URL": cloud.base_url,
            "MIST_ORG_ID": cloud.org_id,
            "MIST_API_TOKEN": cloud.token,
            "MIST_PIPELINE_DATA": str(data),
            "MIST_PIPELINE__HISTORY__START": (day - timedelta(days=history_days)).isoformat(),
        }
        yield Day(environment, load_settings(environment=environment), clock, day)
