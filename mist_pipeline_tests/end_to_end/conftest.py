"""A simulated cloud over HTTP, and a pipeline of its own for every test."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.simulator.cloud.server import Running, serve
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.world import World
from mist_pipeline_tests.support.cli.runs_in_memory import runs_in_memory

START = date(2026, 3, 27)
NOW = datetime(2026, 4, 1, 9, 25, tzinfo=UTC)
DAYS = [START + timedelta(days=offset) for offset in range(5)]
ZONE = "Europe/Berlin"
"""Its clocks went forward on 29 March 2026: one of the days has 23 hours."""

Configured = Callable[..., Settings]


@pytest.fixture(scope="module", autouse=True)
def _in_memory() -> Iterator[None]:
    with runs_in_memory():
        yield


@pytest.fixture(scope="session")
def cloud() -> Iterator[Running]:
    """Six sites over five days, one of which the clocks shorten."""
    world = World(6, 8, seed=11, start=START, organisation_zone=ZONE)
    with serve(world, clock=Clock(NOW)) as running:
        yield running


@pytest.fixture
def configured(cloud: Running, tmp_path: Path) -> Configured:
    """Makes settings that point at the cloud and at an empty data folder."""

    def make(folder: str = "data", **environment: str) -> Settings:
        return load_settings(environment=variables(cloud, tmp_path / folder, **environment))

    return make


def variables(cloud: Running, data: Path, **more: str) -> dict[str, str]:
    """The environment of a pipeline."""
    return {
        "MIST_BASE_URL": cloud.base_url,
        "MIST_ORG_ID": cloud.org_id,
        "MIST_API_TOKEN": cloud.token,
        "MIST_PIPELINE_DATA": str(data),
        "MIST_PIPELINE__HISTORY__START": START.isoformat(),
        "MIST_PIPELINE__ORGANISATION__TIMEZONE": ZONE,
        **more,
    }
