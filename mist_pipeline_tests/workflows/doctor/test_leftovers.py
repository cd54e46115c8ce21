"""Files that killed processes left behind are swept; those of living ones, and all others, stay."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.workflows.running.leftovers import find_leftovers, sweep
from mist_pipeline_tests.support.collect.fake_cloud import DAY

NOW = datetime(2026, 3, 20, tzinfo=UTC)
HEX = "0123456789abcdef" * 2


@pytest.fixture(scope="module")
def dead() -> int:
    """The number of a process that is no more."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def written(path: Path, age: timedelta = timedelta(0)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"12345")
    at = (NOW - age).timestamp()
    os.utime(path, (at, at))
    os.utime(path.parent, (at, at))
    return path


def test_what_a_killed_process_left_behind_goes_and_its_size_is_told(tmp_path: Path, dead: int) -> None:
    days = timedelta(days=2)
    gone = [
        written(tmp_path / "published" / f".mist.duckdb.{dead}"),
        written(tmp_path / "published" / f".mist.duckdb.{dead}.wal"),
        written(tmp_path / "evaluations" / "2026-03-20" / f".live.parquet.{dead}.unfinished"),
        written(tmp_path / "raw" / "sle_org" / "day=2026-03-01" / f".{HEX}.tmp", days),
        written(tmp_path / "reports" / "history" / ".incoming-1", days),
        written(tmp_path / "warehouse.duckdb.tmp" / "duckdb_temp_storage-0.tmp", days),
    ]
    packing = written(tmp_path / "raw" / "archive" / ".packing-x" / "archive", days)
    assert {each.path for each in find_leftovers(tmp_path, NOW)} == {*gone, packing.parent}
    assert all(path.exists() for path in gone)
    assert sum(each.num_bytes for each in sweep(tmp_path, NOW)) == 7 * 5
    assert not any(path.exists() for path in (*gone, packing.parent))
    assert sweep(tmp_path, NOW) == []


def test_what_a_living_process_writes_stays(tmp_path: Path) -> None:
    ours = written(tmp_path / "published" / f".mist.duckdb.{os.getpid()}")
    os.utime(ours)
    fresh = written(tmp_path / "raw" / "sle_org" / "snapshots" / f".{HEX}.tmp")
    with RawStore(tmp_path / "raw").generation("sle_org", [DAY], NOW) as fetching:
        unfinished = written(tmp_path / "raw" / "sle_org" / "unfinished" / "x", timedelta(days=30)).parent
        assert sweep(tmp_path, NOW) == []
        assert fetching.keys == frozenset()
    assert ours.exists()
    assert fresh.exists()
    assert unfinished.exists()


def test_a_number_that_another_process_has_now_protects_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "published" / f".mist.duckdb.{os.getpid()}", timedelta(days=900))
    assert [each.path for each in sweep(tmp_path, NOW)] == [path]


def test_a_number_says_nothing_where_processes_of_other_machines_write_too(tmp_path: Path, dead: int) -> None:
    path = written(tmp_path / "published" / f".mist.duckdb.{dead}")
    os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    assert sweep(tmp_path, NOW, is_shared=True) == []
    late = NOW + timedelta(days=2)
    assert [each.path for each in sweep(tmp_path, late, is_shared=True)] == [path]


def test_other_files_stay_however_old(tmp_path: Path, dead: int) -> None:
    ages = timedelta(days=900)
    kept = [
        written(tmp_path / name, ages)
        for name in (
            "published/mist.duckdb",
            f"published/mist.duckdb.{dead}",
            "published/.gitkeep",
            f"notes.{dead}",
            "raw/sle_org/day=2026-01-01/000001.jsonl.gz",
            "raw/sle_org/unfinished/x/commit.json",
            "reports/latest.html",
            ".env",
        )
    ]
    outside = written(tmp_path.parent / "outside.tmp", ages)
    (tmp_path / "published" / f".link.{dead}").symlink_to(outside)
    assert sweep(tmp_path, NOW) == []
    assert all(path.exists() for path in (*kept, outside))


def test_an_interrupted_fetch_goes_when_nobody_can_use_it_any_more(tmp_path: Path) -> None:
    folder = written(tmp_path / "raw" / "sle_org" / "unfinished" / "abc" / "2026-03-01.jsonl.gz").parent
    assert sweep(tmp_path, NOW + timedelta(days=6)) == []
    assert [each.path for each in sweep(tmp_path, NOW + timedelta(days=8))] == [folder]
    assert list((tmp_path / "raw" / "sle_org" / "unfinished").iterdir()) == []
