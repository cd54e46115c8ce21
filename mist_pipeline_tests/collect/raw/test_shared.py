"""Raw files that several machines share: the same on a folder, in memory and on S3, whoever writes first."""

import contextlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mist_pipeline.collect.raw import generation
from mist_pipeline.collect.raw.errors import RawDamagedError
from mist_pipeline.collect.raw.format import read_records
from mist_pipeline.collect.raw.integrity import examine
from mist_pipeline.collect.raw.manifest import RawFile
from mist_pipeline.collect.raw.retention import NotVerifiedError, Rules, apply_retention, plan_retention
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.storage.files import FileStore, StoreError
from mist_pipeline.storage.folder import FolderStore
from mist_pipeline_tests.support.collect.fake_cloud import DAY, NOW, days
from mist_pipeline_tests.support.collect.raw_fetches import bodies, fetch, record
from mist_pipeline_tests.support.object_stores import in_memory, s3_store

NEXT_DAY = DAY + timedelta(days=1)
LATER = NOW + timedelta(minutes=1)


@pytest.fixture(params=["folder", "memory", "s3"])
def files(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileStore:
    """An empty store of each kind."""
    if request.param == "s3":
        return s3_store(monkeypatch)
    return FolderStore(tmp_path / "shared") if request.param == "folder" else in_memory()


@pytest.fixture
def here(files: FileStore, tmp_path: Path) -> RawStore:
    """The store as one machine sees it."""
    return RawStore(tmp_path / "here", files)


@pytest.fixture
def there(files: FileStore, tmp_path: Path) -> RawStore:
    """The same store as another machine sees it."""
    return RawStore(tmp_path / "there", files)


def keys(store: RawStore) -> list[str]:
    return [entry.key for entry in store.files.files(deep=True)]


def test_what_one_machine_fetched_another_reads(here: RawStore, there: RawStore) -> None:
    fetch(here, "sle_org", [record("a", days(3), "window"), record("b", [DAY], "day")])
    assert bodies(there, "sle_org", days(3)) == {"window": frozenset(days(3)), "day": frozenset([DAY])}
    newest = there.latest("sle_org")
    assert newest is not None
    assert (newest.day, newest.as_of) == (DAY, NOW)
    assert not list(there.root.glob("**/*"))


def test_nothing_is_there_before_the_commit_and_all_of_it_afterwards(here: RawStore, there: RawStore) -> None:
    with here.generation("sle_org", [DAY], NOW) as fetching:
        fetching.write([record("a", [DAY])])
        assert (keys(there), there.has("sle_org", DAY), there.latest("sle_org")) == ([], False, None)
        fetching.commit(["a"], {})
    assert [key.rpartition(".")[2] for key in keys(there)] == ["json", "gz"]
    assert there.has("sle_org", DAY)


def test_a_snapshot_is_for_all(here: RawStore, there: RawStore) -> None:
    here.write_snapshot("sites", [record("sites", [], "known")], NOW)
    found = there.snapshot_for("sites", NOW)
    assert found is not None
    assert [each.document() for each in there.read_snapshot(found)] == ["known"]
    there.files.replace(found.path, b"torn")
    with pytest.raises(RawDamagedError, match="another snapshot stands in") as caught:
        here.read_snapshot(found)
    assert here.files.address(found.path) in str(caught.value)


def test_two_machines_that_fetch_a_day_at_once_are_both_kept_and_never_mixed(
    here: RawStore, there: RawStore
) -> None:
    with here.generation("sle_org", [DAY], NOW) as one, there.generation("sle_org", [DAY], NOW) as other:
        for fetching, said in ((one, "here"), (other, "there")):
            for key in ("a", "b"):
                fetching.write([record(key, [DAY], f"{said} {key}")])
            fetching.commit(["a", "b"], {})
    assert set(bodies(here, "sle_org", [DAY])) == {"there a", "there b"}
    assert set(bodies(here, "sle_org", [DAY], every_generation=True)) == {
        "here a",
        "here b",
        "there a",
        "there b",
    }


class Overtaken:
    """Lets another machine commit once, right after this one has looked."""

    def __init__(self, look: Callable[[str, date], Any], commit: Callable[[], object]) -> None:
        self._look = look
        self._commit = commit
        self.times = 0

    def __call__(self, kind: str, day: date) -> Any:
        number = self._look(kind, day)
        if not self.times:
            self.times += 1
            self._commit()
        return number


def test_who_comes_second_takes_the_next_number(
    here: RawStore, there: RawStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    overtaken = Overtaken(here.next_number, lambda: fetch(there, "sle_org", [record("b", [DAY], "there")]))
    monkeypatch.setattr(here, "next_number", overtaken)
    fetch(here, "sle_org", [record("a", [DAY], "here")])
    assert overtaken.times == 1
    assert [key for key in keys(here) if key.endswith(".json")] == [
        f"sle_org/day={DAY}/00000{number}.manifest.json" for number in (1, 2)
    ]
    assert set(bodies(there, "sle_org", [DAY])) == {"here"}


@pytest.mark.parametrize("seen", ["next_number", "counting"])
def test_answers_that_two_machines_add_at_once_all_count(
    here: RawStore, there: RawStore, monkeypatch: pytest.MonkeyPatch, seen: str
) -> None:
    fetch(here, "sle_org", [record("a", [DAY], "first")])

    def add(store: RawStore, key: str) -> None:
        with store.generation("sle_org", [DAY], LATER, adds=True) as fetching:
            fetching.write([record(key, [DAY], key)])
            fetching.commit([key], {})

    overtaken = Overtaken(getattr(here, seen), lambda: add(there, "there"))
    monkeypatch.setattr(here, seen, overtaken)
    add(here, "here")
    assert set(bodies(there, "sle_org", [DAY])) == {"first", "there", "here"}


class Crash(BaseException):
    """The machine dies here."""


@pytest.mark.parametrize("step", range(5))
@pytest.mark.parametrize("adds", [False, True])
def test_a_machine_that_dies_in_a_commit_finishes_it_once_though_others_went_on(
    here: RawStore, there: RawStore, monkeypatch: pytest.MonkeyPatch, step: int, adds: bool
) -> None:
    counter = iter(range(100))
    two = days(2)
    fetch(there, "sle_org", [record("old", two, "old")], NOW - timedelta(days=1))

    def dying(original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any) -> Any:
            if next(counter) == step:
                raise Crash
            return original(*arguments)

        return wrapped

    with monkeypatch.context() as patched:
        patched.setattr(here.files, "put_if_absent", dying(here.files.put_if_absent))
        patched.setattr(generation.shutil, "rmtree", dying(generation.shutil.rmtree))
        with contextlib.suppress(Crash), here.generation("sle_org", two, NOW, adds=adds) as fetching:
            fetching.write([record("mine", two, "mine")])
            fetching.commit(["mine"], {})
    fetch(there, "sle_org", [record("other", two[:1], "other")], LATER)
    with here.generation("sle_org", [NEXT_DAY], NOW):
        pass  # the next fetch of the kind finishes what is written down
    for day in two:
        names = [found.files for found in _every(there, day)]
        assert sum(any("mine" in _said(there, file) for file in newest) for newest in names[-2:]) >= 1
        assert len(names) == (3 if day == two[0] else 2)
    kept = {"mine", "old"} if adds else {"mine"}
    assert set(bodies(there, "sle_org", two[1:])) == kept
    assert not list((here.root / "sle_org" / "unfinished").iterdir())


def _every(store: RawStore, day: date) -> list[Any]:
    return [store._read_manifest(found, day) for found in store._manifests("sle_org", day)]


def _said(store: RawStore, file: RawFile) -> set[Any]:
    return {each.document() for each in read_records(store.files.open(file.path))}


def kept_day(store: RawStore, day: date, at: datetime = NOW) -> str:
    """Two answers of a day; returns the key of their file."""
    fetch(store, "sle_detail", [record(key, [day], f"{key} {day}") for key in ("a", "b")], at)
    manifest = store.newest("sle_detail", day)
    assert manifest is not None
    return manifest.files[0].path


def retain(store: RawStore, tmp_path: Path, today: date) -> list[str]:
    plan = plan_retention(store, tmp_path / "reports", Rules(), today)
    return apply_retention(plan, lambda *_: "")


def test_a_month_is_packed_read_where_it_is_and_found_whole(
    here: RawStore, there: RawStore, tmp_path: Path
) -> None:
    first = DAY.replace(day=1)
    for offset in range(3):
        kept_day(here, first + timedelta(days=offset))
    here.write_snapshot(
        "sites", [record("sites", [], "known")], datetime(first.year, first.month, 1, tzinfo=UTC)
    )
    before = bodies(there, "sle_detail", [first, first + timedelta(days=2)])
    # This machine has read already, and knows of no archive.
    assert there.archive.packed == {}
    retain(here, tmp_path, first + timedelta(days=100))
    label = f"raw-{first:%Y-%m}"
    assert [key for key in keys(here) if "/day=" in key] == []
    assert [key for key in keys(here) if label in key] == [
        f"archive/{label}.index.json",
        f"archive/{label}.tar.gz",
    ]
    assert (
        bodies(RawStore(tmp_path / "third", here.files), "sle_detail", [first, first + timedelta(days=2)])
        == before
    )
    assert here.snapshot_for("sites", NOW) is not None
    examined = examine(here)
    assert (examined.num_files, dict(examined.problems)) == (7, {})
    assert plan_retention(there, tmp_path / "reports", Rules(), first + timedelta(days=100)).moves == ()
    assert not list(here.root.rglob(".packing-*"))


def test_a_machine_that_began_to_read_finds_what_another_packed_meanwhile(
    here: RawStore, there: RawStore, tmp_path: Path
) -> None:
    path = kept_day(here, DAY)
    assert there.archive.packed == {}
    retain(here, tmp_path, DAY + timedelta(days=100))
    assert path in {name for name, _ in there.archive.read([path])}


def test_two_machines_that_pack_a_month_at_once_make_one_archive(
    here: RawStore, there: RawStore, tmp_path: Path
) -> None:
    kept_day(here, DAY)
    late = DAY + timedelta(days=100)
    plans = [plan_retention(store, tmp_path / "reports", Rules(), late) for store in (here, there)]
    (move,) = plans[1].moves
    # Both read all files before either removes one.
    made = there.archive.pack(move.label, there.files, move.paths)
    assert apply_retention(plans[0], lambda *_: "")[1:] == [made]
    assert len([key for key in keys(here) if key.startswith("archive/")]) == 2
    assert len(bodies(RawStore(tmp_path / "third", here.files), "sle_detail", [DAY])) == 2


def test_what_is_damaged_is_named_with_its_address_and_is_not_packed(
    here: RawStore, there: RawStore, tmp_path: Path
) -> None:
    path = kept_day(here, DAY)
    kept_day(here, NEXT_DAY)
    content = here.files.read(path)
    here.files.replace(path, content[:-30] + bytes([content[-30] ^ 4]) + content[-29:])
    assert list(examine(there).problems) == [path]
    with pytest.raises(RawDamagedError, match=r"Fetch these days again") as caught:
        list(there.read("sle_detail", [DAY]))
    assert there.files.address(path) in str(caught.value)
    with pytest.raises(NotVerifiedError, match="1 raw files are damaged"):
        retain(here, tmp_path, DAY + timedelta(days=100))
    assert here.files.read(path) != content
    assert len(bodies(RawStore(tmp_path / "third", here.files), "sle_detail", [NEXT_DAY])) == 2


def test_a_file_that_is_lost_is_told_and_is_no_empty_day(here: RawStore, there: RawStore) -> None:
    path = kept_day(here, DAY)
    here.files.delete([path])
    with pytest.raises(RawDamagedError, match="neither in its folder nor in an archive"):
        list(there.read("sle_detail", [DAY]))
    assert "is neither in its folder nor in an archive" in examine(there).problems[path]


def test_answers_of_polls_go_once_their_day_is_collected_whole(
    here: RawStore, there: RawStore, tmp_path: Path
) -> None:
    fetch(here, "live_sle_org", [record("poll", [DAY], "poll")])
    fetch(here, "live_sle_org", [record("poll", [NEXT_DAY], "poll")])
    fetch(here, "sle_org", [record("a", [DAY], "day")], LATER)
    retain(there, tmp_path, DAY + timedelta(days=3))
    assert not there.has("live_sle_org", DAY)
    assert there.has("live_sle_org", NEXT_DAY)


def test_files_of_an_earlier_version_are_read_and_counted_on(here: RawStore) -> None:
    path = kept_day(here, DAY)
    newest = here.newest("sle_detail", DAY)
    assert newest is not None
    folder = path.rpartition("/")[0]
    old = f"{folder}/{newest.generation}"
    manifest = json.loads(here.files.read(f"{folder}/000001.manifest.json"))
    manifest["files"][0]["path"] = f"{old}.jsonl.gz"
    here.files.replace(f"{old}.jsonl.gz", here.files.read(path))
    here.files.replace(f"{old}.manifest.json", json.dumps(manifest).encode())
    here.files.delete([path, f"{folder}/000001.manifest.json"])
    assert len(bodies(here, "sle_detail", [DAY])) == 2
    assert examine(here).problems == {}
    kept_day(here, DAY, LATER)
    names = [each.name for each in here.files.files(folder) if each.name.endswith(".manifest.json")]
    assert names == [f"{newest.generation}.manifest.json", "000002.manifest.json"]
    assert len(bodies(here, "sle_detail", [DAY])) == 2


def test_a_commit_of_an_earlier_version_is_finished(
    here: RawStore, there: RawStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(there, "sle_org", [record("a", [DAY], "first")])
    with monkeypatch.context() as patched, contextlib.suppress(Crash):
        patched.setattr(here.files, "put_if_absent", lambda *_: (_ for _ in ()).throw(Crash()))
        with here.generation("sle_org", [DAY], LATER, adds=True) as fetching:
            fetching.write([record("b", [DAY], "added")])
            fetching.commit(["b"], {})
    [intent] = (here.root / "sle_org" / "unfinished").glob("*/commit.json")
    written = json.loads(intent.read_bytes())
    del written["adds"]
    first = there.newest("sle_org", DAY)
    assert first is not None
    written |= {
        "generation": "000002-x",
        "earlier": {DAY.isoformat(): [file.to_json() for file in first.files]},
    }
    intent.write_text(json.dumps(written))
    with here.generation("sle_org", [NEXT_DAY], LATER):
        pass
    assert set(bodies(there, "sle_org", [DAY])) == {"first", "added"}


class Dead(FolderStore):
    """A store that does not answer."""

    def files(self, folder: str = "", *, deep: bool = False) -> Any:
        raise StoreError("cannot list s3://bucket: no answer in time", is_transient=True)

    open = read = stat = files  # type: ignore[assignment]


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.newest("sle_org", DAY),
        lambda store: store.has("sle_org", DAY),
        lambda store: store.damage("sle_org", DAY),
        lambda store: list(store.read("sle_org", [DAY])),
        lambda store: store.snapshot_for("sites", NOW),
        lambda store: store.archive.paths(),
        examine,
    ],
)
def test_a_store_that_does_not_answer_is_never_an_empty_one(
    tmp_path: Path, ask: Callable[[RawStore], object]
) -> None:
    with pytest.raises(StoreError, match="no answer in time"):
        ask(RawStore(tmp_path, Dead(tmp_path)))
