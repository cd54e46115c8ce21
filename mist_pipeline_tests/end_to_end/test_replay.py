"""A day that was watched over HTTP, poll by poll, is replayed to the events that the ledger has."""

import csv
import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from mist_pipeline.cli.app import app
from mist_pipeline.cli.execution import execute
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.simulator.cloud.server import serve
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.scenario import site_offline, sudden_outage
from mist_pipeline.simulator.world.world import World
from mist_pipeline.tables import BY_NAME
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.evidence_walk import store_evidence
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline.workflows.progress import silent

pytestmark = pytest.mark.slow

ZONE = "Europe/Berlin"
START = date(2026, 3, 9)
DAYS = 18
TODAY = START + timedelta(days=DAYS - 1)
WATCHED = range(9, 15)


def at(hour: int, minute: int = 5, day: date = TODAY) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(ZONE))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, dict[str, str]]]:
    """A day with two troubles, looked at every hour from nine to two."""
    scenarios = [site_offline([1], at(10, 0), 1.0), sudden_outage([2], at(9, 0), 2.0, peak=0.9)]
    world = World(
        4,
        DAYS,
        seed=5,
        start=START,
        quiet=True,
        timezones=[ZONE],
        organisation_zone=ZONE,
        scenarios=scenarios,
    )
    clock = Clock(at(8))
    with serve(world, clock=clock) as cloud:
        environment = {
            "MIST_BASE_URL": cloud.base_url,
            "MIST_ORG_ID": cloud.org_id,
            "MIST_API_TOKEN": cloud.token,
            "MIST_PIPELINE_DATA": str(tmp_path_factory.mktemp("lived") / "data"),
            "MIST_PIPELINE__HISTORY__START": START.isoformat(),
            "MIST_PIPELINE__ORGANISATION__TIMEZONE": ZONE,
        }
        settings = load_settings(environment=environment)

        def run(*jobs: str) -> None:
            for job in jobs:
                assert execute(settings, job, progress=silent, as_of=clock.now()).failures == ()

        run("snapshots")
        past = [START + timedelta(days=offset) for offset in range(DAYS - 1)]
        history = world.history(past[0], past[-1])
        warehouse = Warehouse(settings.warehouse_path)
        warehouse.replace_all({BY_NAME[f"history.{name}"]: frame for name, frame in history.items()}, past)
        store_evidence(warehouse, settings, past)
        for hour in WATCHED:
            clock.set(at(hour))
            run("live", "evaluate")
        yield settings, environment


def test_a_replay_gives_the_events_of_the_live_run_one_by_one(
    lived: tuple[Settings, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, environment = lived
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    yesterday = TODAY - timedelta(days=1)
    words = ["replay", "--from", yesterday.isoformat(), "--to", TODAY.isoformat(), "--export", str(tmp_path)]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    with open_ledger(settings) as ledger:
        # Why nobody is told is decided beside the lives that a replay repeats, and shares the numbers of the incident's events.
        told = [event for event in ledger.events() if event.kind != "withheld"]
    lived_through = [(one.subject, one.subject_id, one.kind, one.at, dict(one.detail)) for one in told]
    with (tmp_path / "events.csv").open(encoding="utf-8") as file:
        again = [
            (row["subject"], row["subject_id"], row["kind"], datetime.fromisoformat(row["at"]), json.loads(row["detail"]))
            for row in csv.DictReader(file)
        ]  # fmt: skip
    kinds = [kind for _, _, kind, _, _ in lived_through]
    assert kinds.count("opened") >= 4, "two alerts and their incidents began …"
    assert kinds.count("resolved") >= 2, "… and at least one of each was over"
    assert again == json_like(lived_through)


def json_like(events: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Details as JSON gives them back: lists for tuples."""
    return [(*rest, json.loads(json.dumps(detail))) for *rest, detail in events]
