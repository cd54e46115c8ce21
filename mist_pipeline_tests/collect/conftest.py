"""Fixtures of the tests of collecting."""

from pathlib import Path

import pytest

from mist_pipeline.collect.raw.store import RawStore


@pytest.fixture
def store(tmp_path: Path) -> RawStore:
    """An empty raw store."""
    return RawStore(tmp_path / "raw")
