"""Stores of every kind, for tests that hold for all of them."""

from pathlib import Path

import pytest

from mist_pipeline.storage.files import FileStore
from mist_pipeline.storage.folder import FolderStore
from mist_pipeline_tests.support.object_stores import in_memory, s3_store


@pytest.fixture(params=["folder", "memory", "s3"])
def files(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileStore:
    """An empty store of each kind."""
    match request.param:
        case "folder":
            return FolderStore(tmp_path / "store")
        case "memory":
            return in_memory()
        case _:
            return s3_store(monkeypatch)
