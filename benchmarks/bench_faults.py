"""A day of operation in a cloud at its worst: what is lost, and which hours nobody hears of.

Polls every quarter of an hour, snapshots, then the morning that collects the day, against the simulated cloud over HTTP. All day long a
tenth of the requests stall, break, are cut off or hold an odd value; besides, lists without end at 08, an hour of 503 at 10, a site that
vanishes at 12, a storm of 401 at 15 and another while the morning collects. Schedules and retries are those of the project, driven here by a
simulated clock instead of Dagster's.

A reading is *lost* if the world has one and history has none the next morning. An hour is *silent* if its readings are incomplete an hour after
its end, and no poll in that time failed or said what it did without.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import polars as pl

from mist_pipeline.collect.fetch.snapshots import SnapshotKind
from mist_pipeline.collect.raw.errors import CollectError
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.mist.errors import MistError
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.simulator.cloud.endpoints import Behaviour
from mist_pipeline.simulator.cloud.http_faults import Faults, Kind, Spell
from mist_pipeline.simulator.cloud.server import Running, serve
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.world import World
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.cloud import Cloud
from mist_pipeline.workflows.collection.fetch import fetch_days, take_snapshot
from mist_pipeline.workflows.collection.history import dimension_frames, write_service_levels
from mist_pipeline.workflows.collection.late_hours import ask_for_late_hours
from mist_pipeline.workflows.collection.poll import poll
from mist_pipeline.workflows.progress import silent

DAY = date(2026, 3, 3)
START = datetime(2026, 3, 3, tzinfo=UTC)
RATES: dict[Kind, float] = {
    "stall": 0.01,
    "reset": 0.02,
    "truncated": 0.02,
    "bad_gateway": 0.02,
    "odd_value": 0.03,
}
"""Shares of all requests, all day long."""

STALL_SECONDS = 0.5
"""A stalled request ends with 504 after this; that the client gives up by itself is tested elsewhere, and takes it a minute."""

SNAPSHOTS = ((5, 50), (11, 50), (17, 50), (23, 50))
RETRIES = (timedelta(minutes=1), timedelta(minutes=3))
"""After what fails for now, as Dagster does it for scheduled assets."""

TRIES = 6
"""Hours over which the morning tries again."""


def spells(world: World) -> list[Spell]:
    """What goes wrong for a while."""

    def at(path: str, kind: Kind, hour: float, hours: float) -> Spell:
        start = START + timedelta(hours=hour)
        return Spell(path, kind, start, start + timedelta(hours=hours))

    victim = world.sites()[1].site_id
    return [
        at("/alarms/search", "endless_cursor", 8, 1),
        at("", "unavailable", 10, 1),
        at(f"/sites/{victim}/", "not_found", 12, 1),
        at("", "unauthorized", 15, 1 / 3),
        at("", "unauthorized", 26.25, 1),
    ]


@dataclass
class Told:
    """What a day of operation came to.

    Attributes:
        polls: How many there were.
        failed: When polls failed; a failed job is told.
        lacking: When polls went on and said what they did without.
        incomplete: Hours that were incomplete an hour after their end.
        silent: Those of them about which nobody was told.
        tries: How often the morning was started.
    """

    polls: int = 0
    failed: list[datetime] = field(default_factory=list)
    lacking: list[datetime] = field(default_factory=list)
    incomplete: list[datetime] = field(default_factory=list)
    silent: list[datetime] = field(default_factory=list)
    tries: int = 0


class Operation:
    """The project's jobs on one data folder, at instants that are given."""

    def __init__(self, settings: Settings, cloud: Running) -> None:
        self.settings = settings
        self.warehouse = Warehouse(settings.warehouse_path)
        self.told = Told()
        self._clock = cloud.clock
        self._cloud = Cloud(settings)
        self._store = RawStore(settings.data / "raw")

    def snapshots(self, instant: datetime) -> None:
        """All three, each by itself."""
        kinds: Sequence[SnapshotKind] = ("sites", "stats_sites", "devices")
        for kind in kinds:
            self._tried(instant, partial(self._snapshot, kind))

    def _snapshot(self, kind: SnapshotKind, at: datetime, _: object) -> None:
        take_snapshot(kind, self._cloud, self._store, at)

    def poll(self, instant: datetime) -> None:
        """One poll; a failed one is told, and the next comes soon."""
        self._clock.set(instant)
        self.told.polls += 1
        try:
            found = poll(self.settings, self._cloud, self._store, self.warehouse, instant, lambda _: None)
        except (MistError, CollectError):
            self.told.failed.append(instant)
            return
        self.warehouse.replace_tables(found.frames)
        if found.missing:
            self.told.lacking.append(instant)

    def morning(self, instant: datetime) -> bool:
        """Collect the day and make its history; whether it worked."""
        self.told.tries += 1
        if not self._tried(instant, self._collect):
            return False
        self._make()
        return True

    def late_hours(self, instant: datetime) -> None:
        """Ask again for what the cloud left out."""
        self._clock.set(instant)
        ask_for_late_hours(self.settings, self._cloud, self._store, self.warehouse, instant)
        self._make()

    def _collect(self, instant: datetime, is_tried_again: bool) -> object:
        return fetch_days(
            self.settings,
            self._cloud,
            self._store,
            [DAY],
            instant,
            silent_progress,
            is_tried_again=is_tried_again,
        )

    def _make(self) -> None:
        self.warehouse.prepare()
        self.warehouse.replace_all(dimension_frames(self._store, self.settings, [DAY]), [DAY])
        write_service_levels(self.warehouse, self._store, self.settings, [DAY], silent)

    def _tried(self, instant: datetime, work: Callable[[datetime, bool], object]) -> bool:
        for number, later in enumerate((timedelta(), *RETRIES)):
            self._clock.set(instant + later)
            try:
                work(instant + later, number < len(RETRIES))
            except (MistError, CollectError):
                continue
            return True
        return False


def silent_progress(_done: int, _total: int) -> None:
    """Nobody watches."""


def lacking(ours: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """Readings that the world has and we have not."""
    said = ours.filter(pl.col("state").is_in(["ok", "no_users"]))
    return truth.join(said, on=["hour", "site_id", "metric"], how="anti")


def operate(running: Operation, truth: pl.DataFrame, hours: int, minutes: int) -> None:
    """A day of polls and snapshots, then the morning."""
    heard = running.told
    running.snapshots(START - timedelta(minutes=10))
    for minute in range(minutes, (hours + 1) * 60 + 1, minutes):
        instant = START + timedelta(minutes=minute)
        if (instant.hour, instant.minute) in [(hour, at // minutes * minutes) for hour, at in SNAPSHOTS]:
            running.snapshots(instant)
        running.poll(instant)
        if minute % 60 or minute < 120:
            continue
        hour = instant - timedelta(hours=2)
        wanted = truth.filter(pl.col("hour") == hour)
        if lacking(running.warehouse.query("SELECT * FROM live.sle_hourly"), wanted).is_empty():
            continue
        heard.incomplete.append(hour)
        if not any(hour + timedelta(hours=1) < at <= instant for at in (*heard.failed, *heard.lacking)):
            heard.silent.append(hour)
    if hours < 24:
        return
    begin = START + timedelta(hours=26, minutes=30)
    for later in range(TRIES):
        if running.morning(begin + timedelta(hours=later)):
            break
    running.late_hours(START + timedelta(hours=29, minutes=10))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what was lost and which hours were silent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=6)
    parser.add_argument("--hours", type=int, default=24, help="less than 24: polls only, without the morning")
    parser.add_argument("--minutes", type=int, default=15, help="between polls")
    asked = parser.parse_args(arguments)
    world = World(asked.sites, 4, seed=4, start=DAY - timedelta(days=1), quiet=True, timezones=["UTC"])
    truth = (
        world.history(DAY, DAY)["sle_hourly"]
        .filter(pl.col("state").is_in(["ok", "no_users"]))
        .select("hour", "site_id", "metric")
    )
    faults = Faults(RATES, spells=spells(world), stall_seconds=STALL_SECONDS, seed=3)
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as data,
        serve(world, clock=Clock(START), faults=faults, behaviour=Behaviour(request_limit=100_000)) as cloud,
    ):
        settings = load_settings(
            environment={
                "MIST_BASE_URL": cloud.base_url,
                "MIST_ORG_ID": cloud.org_id,
                "MIST_API_TOKEN": cloud.token,
                "MIST_PIPELINE_DATA": str(Path(data) / "data"),
                "MIST_PIPELINE__HISTORY__START": DAY.isoformat(),
            }
        )
        running = Operation(settings, cloud)
        operate(running, truth, asked.hours, asked.minutes)
        told, met = running.told, cloud.requests
        print(
            f"{asked.sites} sites, {asked.hours} h, {met.total:,} requests, {time.monotonic() - began:.0f} s"
        )
        print(f"faults met: {', '.join(f'{kind} {count}' for kind, count in sorted(met.faults.items()))}")
        print(
            f"polls: {told.polls}, failed and told {len(told.failed)}, said what they lack {len(told.lacking)}"
        )
        print(f"hours incomplete an hour after their end: {len(told.incomplete)} of {asked.hours}")
        if asked.hours >= 24:
            ours = running.warehouse.query("SELECT * FROM history.sle_hourly")
            print(f"mornings started: {told.tries}; readings of the day: {truth.height:,}")
            print(f"readings lost: {lacking(ours, truth).height}")
        print(f"silent hours: {len(told.silent)}")


if __name__ == "__main__":
    main()
