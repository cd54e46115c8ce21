"""Stores of every kind, for tests that hold for all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mist_pipeline.storage.address import open_store
from mist_pipeline.storage.files import FileStore
from mist_pipeline.storage.folder import FolderStore
from mist_pipeline_tests.support.azurite import ACCOUNT, COMMAND, azurite, new_container, use_azurite
from mist_pipeline_tests.support.object_stores import in_memory, s3_store

KINDS = ["folder", "memory", "s3", *(["azure"] if COMMAND else [])]


@pytest.fixture(scope="session")
def azure() -> Iterator[str]:
    """Address of an account of Azure's emulator."""
    with azurite() as account:
        yield account


@pytest.fixture(params=KINDS)
def files(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileStore:
    """An empty store of each kind."""
    match request.param:
        case "folder":
            return FolderStore(tmp_path / "store")
        case "memory":
            return in_memory()
        case "azure":
            account: str = request.getfixturevalue("azure")
            use_azurite(monkeypatch, account)
            name = new_container(account)
            return open_store(f"abfss://{name}@{ACCOUNT}.dfs.core.windows.net/of/tests")
        case _:
            return s3_store(monkeypatch)
