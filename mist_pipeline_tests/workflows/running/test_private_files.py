"""What the pipeline writes, nobody else of the machine can read, but for what has other readers."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.storage.durable import write_atomically
from mist_pipeline.warehouse.publish import publish
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline.workflows.running.private_files import keep_private


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """Everybody may read what this process writes, as on most machines."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def settings_of(data: Path, *, is_shared: bool = False) -> Settings:
    shared = {"MIST_PIPELINE__PRIVACY__READABLE_BY_GROUP": "true"} if is_shared else {}
    return load_settings(environment={"MIST_PIPELINE_DATA": str(data), **shared})


def write_everything(settings: Settings) -> None:
    with open_ledger(settings):
        pass
    Warehouse(settings.warehouse_path).prepare()
    publish(Warehouse(settings.warehouse_path), settings.published_path)
    write_atomically(settings.data / "raw" / "sites" / "a.json.gz", [b"x"])


def rights(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): f"{stat.S_IMODE(path.stat().st_mode):o}" for path in folder.rglob("*")
    }


def test_whatever_is_written_is_the_accounts_alone(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "data")
    keep_private(settings)
    settings.data.mkdir()
    write_everything(settings)
    found = {"data": f"{stat.S_IMODE(settings.data.stat().st_mode):o}", **rights(settings.data)}
    assert {"ledger.db", "warehouse.duckdb", "published/mist.duckdb", "raw/sites/a.json.gz"} <= found.keys()
    assert {name: mode for name, mode in found.items() if mode not in {"600", "700"}} == {}


def test_where_the_group_may_read_it_reads_reports_and_the_published_copy_and_nothing_else(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    settings = settings_of(data, is_shared=True)
    keep_private(settings)
    write_everything(settings)
    found = rights(data)
    assert (found["published"], found["published/mist.duckdb"], found["reports"]) == ("750", "640", "750")
    assert (found["ledger.db"], found["warehouse.duckdb"], found["raw"]) == ("600", "600", "700")
    assert stat.S_IMODE(data.stat().st_mode) == 0o710
    # And back, and again: what is there follows.
    keep_private(settings_of(data))
    assert [rights(data)[name] for name in ("published", "published/mist.duckdb")] == ["700", "600"]
    keep_private(settings)
    assert [rights(data)[name] for name in ("published", "published/mist.duckdb")] == ["750", "640"]


def test_where_the_group_reads_the_published_copy_it_reads_its_old_hours(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "hours").mkdir(parents=True, mode=0o700)
    (data / "hours" / "sle_hourly-2026-01.1.parquet").write_bytes(b"x")
    (data / "hours" / "sle_hourly-2026-01.1.parquet").chmod(0o400)
    keep_private(settings_of(data))
    assert rights(data) == {"hours": "700", "hours/sle_hourly-2026-01.1.parquet": "400"}
    keep_private(settings_of(data, is_shared=True))
    found = rights(data)
    assert (found["hours"], found["hours/sle_hourly-2026-01.1.parquet"]) == ("750", "640")


def test_what_an_earlier_version_left_open_is_closed_and_what_is_not_ours_stays_as_it_is(
    tmp_path: Path,
) -> None:
    for name in (
        "ledger.db",
        "ledger.db-wal",
        "warehouse.duckdb",
        "call_budget.db",
        "config.yaml",
        "notes.txt",
    ):
        (tmp_path / name).touch(0o644)
    (tmp_path / "reports").mkdir()
    tmp_path.chmod(0o755)
    keep_private(settings_of(tmp_path))
    assert rights(tmp_path) == {
        "ledger.db": "600",
        "ledger.db-wal": "600",
        "warehouse.duckdb": "600",
        "call_budget.db": "600",
        "config.yaml": "644",
        "notes.txt": "644",
        "reports": "700",
    }
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_the_folder_that_nobody_named_is_closed_once_it_holds_an_organisation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data"
    data.mkdir()
    for is_pinned, mode in ((False, 0o755), (True, 0o700)):
        if is_pinned:
            pin = {"id": "o-1", "name": "Acme", "cloud": "https://api.mist.com"}
            (data / "organisation.json").write_text(json.dumps(pin), encoding="utf-8")
        keep_private(load_settings(environment={}))
        assert stat.S_IMODE(data.stat().st_mode) == mode


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    keep_private(settings_of(tmp_path / "data", is_shared=True))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_init_makes_a_folder_of_the_account_and_a_configuration_for_everybody(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mist_pipeline.cli", "init"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    found = rights(tmp_path)
    assert (found["data"], found["config/config.yaml"]) == ("700", "644")
