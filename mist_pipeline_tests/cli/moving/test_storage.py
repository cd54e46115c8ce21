"""``storage move``: all raw files at another place, compared; nothing is removed, and what is there is never replaced."""

from datetime import date
from pathlib import Path

import pytest

from mist_pipeline.alerts.ledger.evaluation_store import EvaluationStore
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.settings import load_settings
from mist_pipeline.storage.address import open_store
from mist_pipeline.storage.folder import FolderStore
from mist_pipeline.workflows import move_files
from mist_pipeline.workflows.ledger_access import kept_evaluations
from mist_pipeline.workflows.shared_files import raw_store
from mist_pipeline_tests.support.alerts.histories import finding, live
from mist_pipeline_tests.support.cli.calls import Call
from mist_pipeline_tests.support.collect.fake_cloud import DAY, NOW
from mist_pipeline_tests.support.collect.raw_fetches import bodies, fetch, record
from mist_pipeline_tests.support.object_stores import new_bucket, s3_endpoint, use_s3


@pytest.fixture
def data(folder: Path) -> Path:
    """A data folder with two days, a snapshot, and a fetch that is unfinished."""
    store = RawStore(folder / "data" / "raw")
    for day in (DAY, date(2026, 2, 1)):
        fetch(store, "sle_org", [record("a", [day], str(day))])
    evaluations = EvaluationStore(FolderStore(folder / "data" / "evaluations"))
    evaluations.keep(live(0, finding()))
    FolderStore(folder / "data" / "evaluations").replace("sites.parquet", b"known here")
    store.write_snapshot("sites", [record("sites", [], [])], NOW)
    with store.generation("alarms", [DAY], NOW) as fetching:
        fetching.write([record("a", [DAY])])
    return folder / "data"


def keys(url: str) -> set[str]:
    return {entry.key for entry in open_store(url).files(deep=True)}


def test_all_files_are_copied_compared_and_stay(
    data: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_s3(monkeypatch, s3_endpoint())
    url = f"{new_bucket()}/mist"
    before = {path for path in data.rglob("*") if path.is_file()}
    ended = call("storage", "move", "--to", url)
    assert ended.code == 0, ended.text
    said = " ".join(ended.text.split())
    assert f"read back as they are at {url}/raw; 0 were there" in said
    assert "5 files" in said
    assert {path for path in data.rglob("*") if path.is_file()} == before
    assert f"read back as they are at {url}/evaluations; 0 were there" in said
    assert len(keys(url)) == 7
    assert not any("unfinished" in key for key in keys(url))
    monkeypatch.setenv("MIST_PIPELINE__STORAGE__URL", url)
    assert bodies(raw_store(load_settings()), "sle_org", [DAY]) == {str(DAY): frozenset([DAY])}
    assert len(kept_evaluations(load_settings()).names()) == 1
    again = call("storage", "move", "--to", url)
    assert again.code == 2
    assert "already" in again.text


def test_an_interrupted_copy_goes_on_and_shows_no_fetch_before_it_is_whole(
    data: Path, tmp_path: Path
) -> None:
    source, target = FolderStore(data / "raw"), FolderStore(tmp_path / "share" / "raw")
    entries = move_files.to_copy(source)
    first = move_files.copy_files(source, target, entries[:3], tmp_path)
    assert (first.num_files, first.num_there) == (3, 0)
    assert RawStore(tmp_path / "there", target).newest("sle_org", DAY) is None
    rest = move_files.copy_files(source, target, entries, tmp_path)
    assert (rest.num_files, rest.num_there) == (5, 3)
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_a_file_of_somebody_else_is_never_replaced(data: Path, call: Call, tmp_path: Path) -> None:
    share = FolderStore(tmp_path / "share")
    key = move_files.to_copy(FolderStore(data / "raw"))[0].key
    share.replace(f"raw/{key}", b"theirs")
    ended = call("storage", "move", "--to", str(tmp_path / "share"))
    assert ended.code == 1
    assert "is there and is another file than" in " ".join(ended.text.split())
    assert share.read(f"raw/{key}") == b"theirs"


def test_what_does_not_read_back_is_told(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Rotting(FolderStore):
        """A store that loses a byte."""

        def open(self, key: str):  # type: ignore[no-untyped-def]
            return iter([self.read(key)[1:]])

    source = FolderStore(data / "raw")
    with pytest.raises(move_files.RawDamagedError, match="does not read back"):
        move_files.copy_files(source, Rotting(tmp_path / "share"), move_files.to_copy(source), tmp_path)


def test_what_polls_write_anew_is_left_where_it_is_newer(data: Path, tmp_path: Path) -> None:
    source, target = FolderStore(data / "evaluations"), FolderStore(tmp_path / "share")
    target.replace("sites.parquet", b"known there")
    copied = move_files.copy_files(source, target, move_files.to_copy(source), tmp_path)
    assert (copied.num_files, copied.num_there) == (1, 1)
    assert target.read("sites.parquet") == b"known there"


@pytest.mark.parametrize("place", ["bucket", "s3://b/x?key=hush-hush", "relative/folder"])
def test_a_place_that_is_none_is_refused(data: Path, call: Call, place: str) -> None:
    ended = call("storage", "move", "--to", place)
    assert ended.code == 2
    assert "--to" in ended.text
    assert "hush-hush" not in ended.text
