"""What every store of files promises, on a folder, in memory and on S3."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mist_pipeline.storage import objects
from mist_pipeline.storage.files import FileStore, StoreError
from mist_pipeline.storage.folder import FolderStore
from mist_pipeline_tests.support.object_stores import put_object, s3_store

KEY = "sle_org/day=2026-01-05/000001.manifest.json"


def keys(files: FileStore, folder: str = "", *, deep: bool = False) -> list[str]:
    return [entry.key for entry in files.files(folder, deep=deep)]


def local(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "local"
    path.write_bytes(content)
    return path


def test_what_was_put_is_read_and_listed_with_its_size(files: FileStore) -> None:
    assert files.put_if_absent(KEY, b"{}")
    assert files.read(KEY) == b"{}"
    [entry] = files.files("sle_org/day=2026-01-05")
    assert (entry.key, entry.name, entry.num_bytes) == (KEY, "000001.manifest.json", 2)
    assert entry == files.stat(KEY)


def test_a_key_is_never_put_twice_and_the_first_content_stays(files: FileStore) -> None:
    assert files.put_if_absent(KEY, b"first")
    assert not files.put_if_absent(KEY, b"other")
    assert files.read(KEY) == b"first"


def test_the_same_content_counts_as_put(files: FileStore) -> None:
    assert files.put_if_absent(KEY, b"first")
    assert files.put_if_absent(KEY, b"first")


def test_a_local_file_is_taken_where_it_was_put_and_stays_where_not(files: FileStore, tmp_path: Path) -> None:
    path = local(tmp_path, b"one")
    assert files.put_if_absent(KEY, path)
    assert not path.exists()
    assert files.put_if_absent(KEY, local(tmp_path, b"one"))
    assert not path.exists()
    assert not files.put_if_absent(KEY, local(tmp_path, b"two"))
    assert path.read_bytes() == b"two"
    assert files.read(KEY) == b"one"


def test_of_several_writers_of_one_key_one_alone_succeeds(files: FileStore) -> None:
    won: list[int] = []

    def write(number: int) -> None:
        if files.put_if_absent(KEY, str(number).encode()):
            won.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [files.read(KEY)] == [str(number).encode() for number in won]


def test_a_file_can_be_replaced_and_is_another_version_then(files: FileStore, tmp_path: Path) -> None:
    files.replace(KEY, b"first")
    before = files.stat(KEY)
    path = local(tmp_path, b"second")
    files.replace(KEY, path)
    after = files.stat(KEY)
    assert before is not None
    assert after is not None
    assert files.read(KEY) == b"second"
    assert before.version != after.version
    assert path.exists()


def test_what_is_missing_is_no_file_and_no_error_of_the_store(files: FileStore) -> None:
    assert files.stat(KEY) is None
    with pytest.raises(FileNotFoundError):
        files.open(KEY)
    with pytest.raises(FileNotFoundError):
        files.read(KEY)
    assert (files.files("nothing"), files.folders("nothing"), keys(files, deep=True)) == ([], [], [])
    files.delete([KEY])
    files.delete([])


def test_an_empty_file_is_read_as_one(files: FileStore) -> None:
    files.replace(KEY, b"")
    assert files.read(KEY) == b""


def test_folders_are_listed_one_level_at_a_time_or_all_at_once(files: FileStore) -> None:
    names = ["a/b/1", "a/b/2", "a/c", "ab/1", "top"]
    for name in reversed(names):
        files.replace(name, name.encode())
    assert (keys(files), files.folders()) == (["top"], ["a", "ab"])
    assert (keys(files, "a"), files.folders("a")) == (["a/c"], ["b"])
    assert keys(files, "a", deep=True) == names[:3]
    assert keys(files, deep=True) == names


def test_what_marks_a_folder_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    files = s3_store(monkeypatch)
    bucket = files.address().removeprefix("s3://").partition("/")[0]
    files.put_if_absent("raw/day=1/one", b"1")
    files.put_if_absent("raw/day=1/empty", b"")
    for folder in ("of/tests/", "of/tests/raw/", "of/tests/raw/day=1/", "of/tests/raw/day=2/"):
        put_object(f"/{bucket}/{folder}")
    raw = files.within("raw")
    assert keys(files) == keys(raw) == []
    assert files.folders() == ["raw"]
    assert keys(raw, "day=1") == ["day=1/empty", "day=1/one"]
    assert keys(raw, deep=True)[:2] == ["day=1/empty", "day=1/one"]
    raw.clear("day=1")
    assert keys(raw, "day=1") == []


def test_a_part_of_a_store_knows_nothing_of_the_rest(files: FileStore) -> None:
    part = files.within("acme").within("raw")
    part.replace("x/1", b"inside")
    files.replace("acme/other", b"outside")
    assert keys(part, deep=True) == ["x/1"]
    assert part.read("x/1") == files.read("acme/raw/x/1") == b"inside"
    assert part.address("x/1") == files.address("acme/raw/x/1")
    part.delete(["x/1"])
    assert keys(files, deep=True) == ["acme/other"]


def test_removing_many_leaves_the_others(files: FileStore) -> None:
    for number in range(5):
        files.replace(f"folder/{number}", b"x")
    files.delete([f"folder/{number}" for number in range(4)])
    assert keys(files, deep=True) == ["folder/4"]
    files.delete(["folder/4"])
    assert files.folders() == []


def test_a_file_that_goes_while_its_folder_is_listed_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore(tmp_path)
    for number in range(3):
        store.replace(f"day/{number}", b"x")
    scandir = os.scandir

    @contextlib.contextmanager
    def late(path: Path) -> Iterator[list[os.DirEntry[str]]]:
        with scandir(path) as found:
            entries = list(found)
        if path.name == "day":
            (path / "1").unlink()
        yield entries

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", late)
        assert keys(store, deep=True) == ["day/0", "day/2"]


def test_a_folder_is_cleared_with_what_nobody_lists(files: FileStore) -> None:
    for name in ("day/1", "day/x/2", "day/.hidden", "days/3", ".hidden"):
        files.replace(name, b"x")
    assert keys(files, deep=True) == ["day/1", "day/x/2", "days/3"]
    files.clear("day")
    files.clear("day")
    assert keys(files, deep=True) == ["days/3"]
    assert files.stat("day/.hidden") is None
    assert files.stat(".hidden") is not None


def test_what_is_larger_than_a_piece_is_read_whole(files: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "PIECE", 1000)
    content = bytes(range(250)) * 13
    files.replace(KEY, content)
    assert files.read(KEY) == content


def test_a_large_file_is_put_in_parts_and_only_where_there_is_none(
    files: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "AT_ONCE", 100)
    content = bytes(6 << 20)
    assert files.put_if_absent(KEY, local(tmp_path, content))
    assert files.put_if_absent(KEY, local(tmp_path, content))
    assert not files.put_if_absent(KEY, local(tmp_path, content + b"1"))
    assert files.read(KEY) == content


def test_a_file_that_is_replaced_while_it_is_read_is_never_a_mixture(
    files: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "PIECE", 10)
    files.replace(KEY, b"a" * 25)
    pieces = files.open(KEY)
    first = next(pieces)
    files.replace(KEY, b"b" * 25)
    read = first
    with contextlib.suppress(StoreError):
        # A folder gives the old file to its end, an object store says that it is gone.
        read += b"".join(pieces)
        assert read == b"a" * 25
    assert read.strip(b"a") == b""
