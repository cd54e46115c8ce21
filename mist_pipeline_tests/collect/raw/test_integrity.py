"""Damaged raw files are named with their remedy, and never stand for an empty day."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from mist_pipeline.collect.raw.errors import RawDamagedError
from mist_pipeline.collect.raw.format import Record, read_members
from mist_pipeline.collect.raw.integrity import examine
from mist_pipeline.collect.raw.retention import NotVerifiedError, Rules, apply_retention, plan_retention
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.settings import load_settings
from mist_pipeline.tables import history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.collection.history import write_service_levels
from mist_pipeline.workflows.doctor.check import FINE, WRONG
from mist_pipeline.workflows.doctor.stored import raw_files
from mist_pipeline.workflows.progress import silent
from mist_pipeline_tests.support.collect.fake_cloud import DAY, NOW, epoch
from mist_pipeline_tests.support.collect.raw_records import detail, scores
from mist_pipeline_tests.support.defs.rows import frame, row

pytestmark = pytest.mark.slow

TWO = (DAY - timedelta(days=1), DAY)
METRICS = ("capacity", "coverage")
LATER = date(2026, 4, 20)


def emptied(content: bytes) -> bytes:
    return content[:0]


def cut_at_a_member(content: bytes) -> bytes:
    return content[: next(read_members([content]))[0]]


def cut_inside_a_member(content: bytes) -> bytes:
    return content[:-3]


def one_bit_flipped(content: bytes) -> bytes:
    return content[:-30] + bytes([content[-30] ^ 4]) + content[-29:]


def grown(content: bytes) -> bytes:
    return content + content[: next(read_members([content]))[0]]


DAMAGES = pytest.mark.parametrize(
    "damage", [emptied, cut_at_a_member, cut_inside_a_member, one_bit_flipped, grown]
)


def keep(store: RawStore, kind: str, day: date) -> Path:
    """Two answers of a day; returns their file."""
    answers = [detail(epoch(day), epoch(day, 24), [day], metric=metric)[0] for metric in METRICS]
    with store.generation(kind, [day], NOW) as fetching:
        for metric, answer in zip(METRICS, answers, strict=True):
            fetching.write([Record(replace(answer.header, key=metric), answer.body)])
        fetching.commit(METRICS, {})
    return max((store.root / kind / f"day={day}").glob("*.jsonl.gz"))


def spoil(path: Path, damage: Callable[[bytes], bytes]) -> None:
    path.write_bytes(damage(path.read_bytes()))


@DAMAGES
def test_a_damaged_file_is_named_with_its_days_and_the_remedy(
    store: RawStore, damage: Callable[[bytes], bytes]
) -> None:
    path = keep(store, "sle_detail", DAY)
    spoil(path, damage)
    with pytest.raises(RawDamagedError) as caught:
        list(store.read("sle_detail", [DAY]))
    said = str(caught.value)
    assert str(path) in said
    assert f"Fetch these days again ({DAY})" in said
    assert "rows that are there already were kept" in said
    assert said == store.damage("sle_detail", DAY)


def test_manifests_without_sizes_are_compared_by_their_hash(store: RawStore) -> None:
    path = keep(store, "sle_detail", DAY)
    [manifest] = path.parent.glob("*.manifest.json")
    content = json.loads(manifest.read_bytes())
    del content["files"][0]["bytes"]
    manifest.write_text(json.dumps(content))
    assert store.damage("sle_detail", DAY) == ""
    spoil(path, emptied)
    assert "SHA-256 differs" in store.damage("sle_detail", DAY)


MANIFESTS = pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\x00" * 80, b'{"kind": "sle_detail"}', b"[" * 100_000]
)


@MANIFESTS
def test_a_manifest_that_is_none_is_named_and_does_not_stop_other_days(
    store: RawStore, content: bytes
) -> None:
    for day in TWO:
        keep(store, "sle_detail", day)
    [manifest] = (store.root / "sle_detail" / f"day={DAY}").glob("*.manifest.json")
    manifest.write_bytes(content)
    with pytest.raises(RawDamagedError, match=manifest.name):
        list(store.read("sle_detail", [DAY]))
    assert len(list(store.read("sle_detail", [TWO[0]]))) == 2
    newest = store.latest("sle_detail")
    assert newest is not None
    assert newest.day == TWO[0]
    keep(store, "sle_detail", DAY)
    assert [path.name[:6] for path in sorted(manifest.parent.glob("*.manifest.json"))] == ["000001", "000002"]
    assert len(list(store.read("sle_detail", [DAY]))) == 2


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("path", "../../etc/passwd", "names '../../etc/passwd', which is no file of answers below the raw folder"),
        ("path", "/etc/passwd", "is no file of answers below the raw folder"),
        ("path", "sle_detail/../../x/day=2026-01-05/1.jsonl.gz", "is no file of answers below the raw folder"),
        ("path", "sle_detail/day=2026-01-05/\0.jsonl.gz", "is no file of answers below the raw folder"),
        ("path", "sle_detail", "is no file of answers below the raw folder"),
        ("path", None, "is no file of answers below the raw folder"),
        ("bytes", "x", "promises a size that is no number of bytes"),
        ("bytes", True, "promises a size that is no number of bytes"),
        ("bytes", -1, "promises a size that is no number of bytes"),
    ],
)  # fmt: skip
def test_a_manifest_that_promises_what_cannot_be_is_named_with_the_remedy(
    store: RawStore, key: str, value: object, said: str
) -> None:
    [manifest] = keep(store, "sle_detail", DAY).parent.glob("*.manifest.json")
    content = json.loads(manifest.read_bytes())
    content["files"][0][key] = value
    manifest.write_text(json.dumps(content))
    damage = store.damage("sle_detail", DAY)
    assert damage.startswith(f"{manifest}: ")
    assert said in damage
    assert f"Fetch these days again ({DAY})" in damage
    assert said in examine(RawStore(store.root)).problems[manifest.relative_to(store.root).as_posix()]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"files": []}, "names no file of answers"),
        ({"day": "2026-01-01"}, "is the manifest of another day or kind"),
        ({"kind": "alarms"}, "is the manifest of another day or kind"),
    ],
)
def test_a_manifest_without_answers_or_of_another_day_is_no_empty_day(
    store: RawStore, changes: dict[str, object], said: str
) -> None:
    [manifest] = keep(store, "sle_detail", DAY).parent.glob("*.manifest.json")
    manifest.write_text(json.dumps(json.loads(manifest.read_bytes()) | changes))
    assert store.damage("sle_detail", DAY).startswith(f"{manifest}: {said}. Fetch these days again")


def test_a_folder_by_the_name_of_a_manifest_is_damage_until_the_day_is_fetched_again(store: RawStore) -> None:
    folder = keep(store, "sle_detail", DAY).parent / "000009-x.manifest.json"
    folder.mkdir()
    assert f"{folder}: cannot be read (Is a directory). Fetch these days again ({DAY})" in store.damage(
        "sle_detail", DAY
    )
    assert list(examine(RawStore(store.root)).problems) == [folder.relative_to(store.root).as_posix()]
    keep(store, "sle_detail", DAY)
    assert store.damage("sle_detail", DAY) == ""


def test_a_folder_by_the_name_of_its_answers_is_a_day_without_them(store: RawStore) -> None:
    path = keep(store, "sle_detail", DAY)
    path.unlink()
    path.mkdir()
    assert "is neither in its folder nor in an archive" in store.damage("sle_detail", DAY)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"[" * 100_000])
def test_a_commit_that_cannot_be_read_does_not_stop_other_fetches(store: RawStore, content: bytes) -> None:
    with store.generation("sle_detail", [DAY], NOW) as fetching:
        record, _ = detail(epoch(DAY), epoch(DAY, 24))
        fetching.write([record])
    [folder] = (store.root / "sle_detail" / "unfinished").iterdir()
    (folder / "commit.json").write_bytes(content)
    keep(store, "sle_detail", TWO[0])
    with store.generation("sle_detail", [DAY], NOW) as again:
        assert again.header("key") is not None


@pytest.mark.parametrize("damage", [emptied, cut_inside_a_member, one_bit_flipped])
def test_a_damaged_snapshot_is_no_empty_organisation(
    store: RawStore, damage: Callable[[bytes], bytes]
) -> None:
    record, _ = scores(0, [])
    path = Path(store.write_snapshot("sites", [record], NOW).address)
    spoil(path, damage)
    snapshot = store.snapshot_for("sites", NOW)
    assert snapshot is not None
    with pytest.raises(RawDamagedError, match=f"{path.name}.*another snapshot stands in"):
        store.read_snapshot(snapshot)


@DAMAGES
def test_good_rows_of_a_damaged_day_stay_and_other_days_are_written(
    store: RawStore, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    settings = load_settings(environment={})
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    paths = [keep(store, "sle_detail", day) for day in TWO]
    rows = [row(history.SITES, site_id="s1", day=day) for day in TWO]
    warehouse.replace_days(history.SITES, frame(*rows, table=history.SITES), TWO)

    def hours() -> dict[date, int]:
        found = warehouse.query(
            "SELECT day, count(*) FILTER (state = 'ok') AS n FROM history.sle_hourly GROUP BY day ORDER BY day"
        )
        return dict(found.iter_rows())

    write_service_levels(warehouse, store, settings, TWO[:1], silent)
    assert hours() == {TWO[0]: 48}
    spoil(paths[0], damage)
    with pytest.raises(RawDamagedError, match=str(paths[0])):
        write_service_levels(warehouse, store, settings, TWO, silent)
    assert hours() == {TWO[0]: 48, TWO[1]: 48}
    with pytest.raises(RawDamagedError, match=str(paths[0])):
        write_service_levels(warehouse, store, settings, TWO[:1], silent)
    assert hours() == {TWO[0]: 48, TWO[1]: 48}


def pack(store: RawStore) -> None:
    reports = store.root.parent / "reports"
    apply_retention(plan_retention(RawStore(store.root), reports, Rules(), LATER), lambda *_: "")


@DAMAGES
def test_retention_packs_what_is_whole_and_names_what_is_not(
    store: RawStore, damage: Callable[[bytes], bytes]
) -> None:
    whole, broken = (keep(store, "sle_detail", day) for day in TWO)
    spoil(broken, damage)
    with pytest.raises(NotVerifiedError, match=f"1 raw files are damaged.*{broken.name}"):
        pack(store)
    assert broken.exists()
    assert not whole.exists()
    after = RawStore(store.root)
    assert len(list(after.read("sle_detail", [TWO[0]]))) == 2
    with pytest.raises(RawDamagedError, match=str(broken)):
        list(after.read("sle_detail", [DAY]))


def test_an_index_that_was_emptied_is_made_again_from_its_archive(store: RawStore) -> None:
    keep(store, "sle_detail", DAY)
    pack(store)
    [index] = (store.root / "archive").glob("*.index.json")
    before = index.read_bytes()
    index.write_bytes(b"")
    assert len(list(RawStore(store.root).read("sle_detail", [DAY]))) == 2
    assert index.read_bytes() == before


def test_everything_can_be_examined(store: RawStore) -> None:
    settings = load_settings(environment={"MIST_PIPELINE_DATA": str(store.root.parent)})
    assert raw_files(settings, str).verdict == FINE
    record, _ = scores(0, [])
    snapshot = Path(store.write_snapshot("sites", [record], NOW).address)
    keep(store, "sle_detail", TWO[0] - timedelta(days=31))
    pack(store)
    paths = [keep(store, "sle_detail", day) for day in TWO]
    assert examine(RawStore(store.root)).problems == {}
    assert "all are as they were written" in raw_files(settings, str).found
    spoil(snapshot, emptied)
    spoil(paths[0], cut_at_a_member)
    paths[1].unlink()
    [manifest] = paths[0].parent.glob("*.manifest.json")
    problems = examine(RawStore(store.root)).problems
    assert {path.rsplit("/", 1)[1] for path in problems} == {snapshot.name, paths[0].name, paths[1].name}
    manifest.write_bytes(b"")
    told = raw_files(settings, str)
    assert told.verdict == WRONG
    assert f"{manifest}: is empty" in told.found
    assert "collect their days again" in told.fix


def test_a_damaged_archive_is_found_and_named(store: RawStore) -> None:
    keep(store, "sle_detail", DAY)
    pack(store)
    [packed] = (store.root / "archive").glob("*.tar.gz")
    packed.write_bytes(packed.read_bytes()[:-600])
    [problem] = examine(RawStore(store.root)).problems.values()
    assert packed.name in problem
