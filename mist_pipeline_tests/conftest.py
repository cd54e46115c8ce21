"""What every test gets: hypothesis without deadlines, an environment without anybody's configuration, quick files."""

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from mist_pipeline_tests.support.made_once import made_once

for library in ("OMP", "OPENBLAS", "MKL"):
    # Frames of tests are small: threads that wait for each other in a loop cost more than the sums that they share.
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 4 * 2**30

settings.register_profile("default", deadline=None, max_examples=60)
settings.register_profile(
    "ci", deadline=None, max_examples=40, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("fast", deadline=None, max_examples=10)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ENOUGH_BYTES:
    # Databases wait for the disk at every commit; no test is about what a power cut leaves.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


# As the command line and Dagster's processes do: the first test that loads the definitions would do it for those after it.
os.umask(0o077)


@pytest.fixture(scope="session", autouse=True)
def _made_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with made_once(tmp_path_factory.mktemp("empty")):
        yield


def pytest_collection_finish() -> None:
    """What was collected stays to the end: the collector of garbage need not look at a million objects again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _nobodys_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("MIST_") and name != "MIST_OPENAPI":
            monkeypatch.delenv(name)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
