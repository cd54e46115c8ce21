"""Finds the official OpenAPI file, or says how to get it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mist_pipeline.mist.client import MistClient, connect
from mist_pipeline_tests.support.contract.official import HOW_TO_GET_IT, Contract, find
from mist_pipeline_tests.support.mist.scripted_cloud import ScriptedCloud


@pytest.fixture(scope="session")
def contract() -> Contract:
    """The official file as a judge; without it the test is skipped, or fails where `REQUIRE_CONTRACT=1`."""
    path = find()
    if path is None:
        unavailable: Callable[[str], None] = (
            pytest.fail if os.environ.get("REQUIRE_CONTRACT") == "1" else pytest.skip
        )
        unavailable(HOW_TO_GET_IT)
    assert isinstance(path, Path)
    return Contract(path)


@pytest.fixture
def cloud() -> Iterator[ScriptedCloud]:
    scripted = ScriptedCloud()
    yield scripted
    scripted.close()


@pytest.fixture
def client(cloud: ScriptedCloud, tmp_path: Path) -> Iterator[MistClient]:
    with connect(
        cloud=cloud.url, tokens=["contract-token"], budget_path=tmp_path / "b.db", calls_per_hour=100_000
    ) as made:
        yield made
