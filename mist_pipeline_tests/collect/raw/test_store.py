import contextlib
import gzip
import json
import multiprocessing
import os
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.collect.raw import generation
from mist_pipeline.collect.raw.errors import RawBusyError, RawDamagedError
from mist_pipeline.collect.raw.format import Header, member, one_line, read_members, read_records
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.storage import durable
from mist_pipeline_tests.support.collect.fake_cloud import DAY, NOW, days
from mist_pipeline_tests.support.collect.raw_fetches import bodies, fetch, record

HOSTILE = "../../etc/passwd\n<script>\x00'\"é🛜"


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_what_was_received_is_read_back_with_its_request_and_times(store: RawStore) -> None:
    body = {"name": HOSTILE, "nested": [1, None, 2.5]}
    fetch(store, "sle_detail", [record("a", [DAY], body)])
    [(kept, of_days)] = store.read("sle_detail", [DAY])
    assert kept.document() == body
    assert kept.header == record("a", [DAY], body).header
    assert of_days == {DAY}


def test_a_body_is_kept_byte_for_byte_but_for_breaks_between_tokens() -> None:
    assert one_line(b'\xef\xbb\xbf{"a":\r\n [1.50,\n"x\\ny"]}') == b'{"a":   [1.50, "x\\ny"]}'
    assert one_line(b'{"a":1.50}') == b'{"a":1.50}'


@pytest.mark.slow
@given(
    bodies=st.lists(
        st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)),
        max_size=4,
    )
)
@settings(deadline=None, max_examples=50)
def test_any_document_survives_the_raw_format(bodies: list[Any]) -> None:
    packed = b"".join(member([record(str(index), [DAY], body)]) for index, body in enumerate(bodies))
    for size in (1, 7, len(packed) + 1):
        chunks = [packed[start : start + size] for start in range(0, len(packed), size)]
        assert [each.document() for each in read_records(chunks)] == bodies
        ends = [end for end, _ in read_members(chunks)]
        assert ends[-1:] == ([len(packed)] if bodies else [])


def test_a_raw_file_is_ordinary_gzip_with_two_lines_a_page(store: RawStore) -> None:
    fetch(store, "alarms", [record("a", [DAY], [1]), record("b", [DAY], [2])])
    [path] = (store.root / "alarms").rglob("*.jsonl.gz")
    lines = gzip.decompress(path.read_bytes()).splitlines()
    assert [json.loads(line) for line in lines[1::2]] == [[1], [2]]
    assert [json.loads(line)["key"] for line in lines[::2]] == ["a", "b"]


def test_one_fetch_of_a_day_is_one_file_however_many_requests(store: RawStore) -> None:
    fetch(store, "sle_detail", [record(f"site-{number}", [DAY], number) for number in range(200)])
    assert [path.suffixes[-2:] for path in files(store.root)] == [[".manifest", ".json"], [".jsonl", ".gz"]]


def test_a_window_of_several_days_is_found_from_each_of_them(store: RawStore) -> None:
    week = days(7)
    fetch(store, "sle_detail", [record("a", week, "week")])
    for day in week:
        assert bodies(store, "sle_detail", [day]) == {"week": frozenset([day])}
    assert bodies(store, "sle_detail", week) == {"week": frozenset(week)}
    assert bodies(store, "sle_detail", [DAY + timedelta(days=1)]) == {}


def test_a_day_fetched_again_is_read_anew_and_its_neighbours_as_before(store: RawStore) -> None:
    week = days(7)
    fetch(store, "sle_detail", [record("a", week, "old")])
    fetch(store, "sle_detail", [record("b", [week[3]], "new")], NOW - timedelta(days=3))
    assert bodies(store, "sle_detail", week) == {
        "old": frozenset(week) - {week[3]},
        "new": frozenset([week[3]]),
    }
    assert bodies(store, "sle_detail", [week[3]], every_generation=True) == {
        "old": frozenset([week[3]]),
        "new": frozenset([week[3]]),
    }


def test_committed_files_are_never_touched_again(store: RawStore) -> None:
    fetch(store, "sle_detail", [record("a", [DAY], "old")])
    before = {path: path.read_bytes() for path in files(store.root)}
    fetch(store, "sle_detail", [record("a", [DAY], "new")])
    assert all(path.read_bytes() == content for path, content in before.items())


def test_nothing_is_visible_before_the_commit(store: RawStore) -> None:
    with store.generation("sle_org", [DAY], NOW) as fetching:
        fetching.write([record("a", [DAY])])
        assert bodies(store, "sle_org", [DAY]) == {}
        assert store.newest("sle_org", DAY) is None


def test_a_commit_needs_every_request(store: RawStore) -> None:
    with store.generation("sle_org", [DAY], NOW) as fetching:
        fetching.write([record("a", [DAY])])
        with pytest.raises(ValueError, match="1 requests were never"):
            fetching.commit(["a", "b"], {})


def test_an_interrupted_fetch_goes_on_where_it_was(store: RawStore) -> None:
    with store.generation("sle_org", [DAY], NOW) as fetching:
        fetching.write([record("a", [DAY], 1), record("a", [DAY], 2, number=2)])
    with store.generation("sle_org", [DAY], NOW + timedelta(hours=1)) as again:
        header = again.header("a")
        assert header is not None
        assert header.number == 2
        again.write([record("b", [DAY], 3)])
        again.commit(["a", "b"], {})
    assert set(bodies(store, "sle_org", [DAY])) == {1, 2, 3}


@pytest.mark.parametrize("later", [timedelta(hours=25), timedelta(hours=-1)])
def test_answers_of_another_day_or_of_the_future_are_not_reused(store: RawStore, later: timedelta) -> None:
    with store.generation("sle_org", [DAY], NOW) as fetching:
        fetching.write([record("a", [DAY])])
    with store.generation("sle_org", [DAY], NOW + later) as again:
        assert again.header("a") is None


@pytest.mark.parametrize("rest", [b"", b"\x1f\x8b\x08", b"\x00" * 512, b"garbage"])
@pytest.mark.parametrize("cut", [0, 5, 17])
def test_a_torn_end_costs_one_request_and_not_the_file(store: RawStore, rest: bytes, cut: int) -> None:
    with store.generation("sle_org", [DAY], NOW) as fetching:
        for key in ("a", "b"):
            fetching.write([record(key, [DAY], key)])
    [part] = (store.root / "sle_org" / "unfinished").rglob("*.jsonl.gz")
    content = part.read_bytes()
    part.write_bytes(content[: len(content) - cut] + rest)
    with store.generation("sle_org", [DAY], NOW) as again:
        assert again.header("a") is not None
        assert (again.header("b") is None) == (cut > 0)
        again.write([record("b", [DAY], "b")])
        again.commit(["a", "b"], {})
    assert set(bodies(store, "sle_org", [DAY])) == {"a", "b"}


class Crash(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("step", range(12))
def test_a_crash_at_any_step_of_a_commit_leaves_each_day_whole_old_or_new(
    store: RawStore, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    two = days(2)
    fetch(store, "sle_org", [record(f"a{day}", [day], f"old {day}") for day in two])
    new = [record(f"b{day}", [day], f"new {day}") for day in two]
    keys = [each.header.key for each in new]
    counter = iter(range(100))

    def dying(original: Any) -> Any:
        def wrapped(*arguments: Any) -> Any:
            if next(counter) == step:
                raise Crash
            return original(*arguments)

        return wrapped

    with monkeypatch.context() as patched:
        for name in ("write_atomically", "move", "sync_file"):
            patched.setattr(durable, name, dying(getattr(durable, name)))
        patched.setattr(generation.shutil, "rmtree", dying(generation.shutil.rmtree))
        with contextlib.suppress(Crash), store.generation("sle_org", two, NOW) as fetching:
            for each in new:
                fetching.write([each])
            fetching.commit(keys, {})
    for day in two:
        assert set(bodies(store, "sle_org", [day])) in ({f"old {day}"}, {f"new {day}"})
    # The next fetch of anything of this kind finishes a commit that was written down, and goes on otherwise.
    with store.generation("sle_org", two, NOW) as fetching:
        for each in new:
            if fetching.header(each.header.key) is None:
                fetching.write([each])
        fetching.commit(keys, {})
    assert bodies(store, "sle_org", two) == {f"new {day}": frozenset([day]) for day in two}
    assert not list((store.root / "sle_org" / "unfinished").rglob("*.gz"))


def test_a_part_that_is_lost_before_its_commit_is_an_error(
    store: RawStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched, contextlib.suppress(Crash):
        patched.setattr(durable, "move", lambda *_: (_ for _ in ()).throw(Crash()))
        fetch(store, "sle_org", [record("a", [DAY])])
    [part] = (store.root / "sle_org" / "unfinished").rglob("*.jsonl.gz")
    part.unlink()
    with pytest.raises(RawDamagedError, match="fetch again"), store.generation("sle_org", [DAY], NOW):
        pass


def test_a_commit_that_another_process_is_carrying_out_is_left_to_it(store: RawStore) -> None:
    yesterday = DAY - timedelta(days=1)
    with store.generation("sle_org", [yesterday], NOW) as other:
        other.write([record("a", [yesterday])])
        [folder] = [path for path in (store.root / "sle_org" / "unfinished").iterdir() if path.is_dir()]
        (folder / "commit.json").write_text("{}")
        with store.generation("sle_org", [DAY], NOW) as mine:
            mine.write([record("b", [DAY])])
            assert mine.commit(["b"], {}) == [DAY]
        (folder / "commit.json").unlink()


def _write_until_killed(root: Path, ready: Any) -> None:
    store = RawStore(root)
    with store.generation("sle_org", [DAY], NOW) as fetching:
        fetching.write([record("a", [DAY], "a")])
        ready.set()
        signal.pause()


@pytest.mark.slow
def test_a_killed_process_holds_no_lock_and_loses_no_answer(store: RawStore) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_write_until_killed, args=(store.root, ready))
    process.start()
    assert ready.wait(60)
    with pytest.raises(RawBusyError, match="another process"), store.generation("sle_org", [DAY], NOW):
        pass
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with store.generation("sle_org", [DAY], NOW) as again:
        assert again.header("a") is not None


def test_a_fetch_of_other_days_is_not_held_up(store: RawStore) -> None:
    with (
        store.generation("sle_org", [DAY], NOW),
        store.generation("sle_org", [DAY - timedelta(days=1)], NOW) as other,
    ):
        other.write([record("a", [DAY - timedelta(days=1)])])
        assert other.commit(["a"], {}) == [DAY - timedelta(days=1)]


def test_the_manifest_says_what_was_planned(store: RawStore) -> None:
    fetch(store, "sle_org", [record("a", [DAY])])
    manifest = store.newest("sle_org", DAY)
    assert manifest is not None
    assert (manifest.kind, manifest.day, manifest.as_of, manifest.notes) == (
        "sle_org",
        DAY,
        NOW,
        {"strategy": "full"},
    )


def test_a_lost_file_is_an_error_that_names_it_and_not_an_empty_day(store: RawStore) -> None:
    fetch(store, "sle_org", [record("a", [DAY])])
    [path] = (store.root / "sle_org").rglob("*.jsonl.gz")
    content = path.read_bytes()
    path.unlink()
    with pytest.raises(RawDamagedError, match=path.name):
        list(store.read("sle_org", [DAY]))
    for damaged in (content[:-3], content[:10] + b"\xff" * 9 + content[19:]):
        path.write_bytes(damaged)
        with pytest.raises(RawDamagedError, match="Fetch these days again"):
            list(store.read("sle_org", [DAY]))


def test_a_header_that_is_none_is_damage() -> None:
    with pytest.raises(RawDamagedError, match="not the header"):
        Header.from_json(b'{"key": 1}')
    with pytest.raises(RawDamagedError, match="lacks its body"):
        list(read_records([gzip.compress(b"{}\n")]))


@pytest.mark.parametrize(
    ("until", "hour", "substituted"),
    [(5, 4, False), (4, 4, False), (3, 2, False), (1, 2, True), (30, 20, False)],
)
def test_a_day_takes_the_newest_snapshot_up_to_its_end_else_the_earliest_later_one(
    store: RawStore, until: int, hour: int, substituted: bool
) -> None:
    midnight = NOW.replace(hour=0)
    for taken in (2, 4, 20):
        at = midnight + timedelta(hours=taken)
        store.write_snapshot("sites", [record("sites", [], taken, as_of=at)], at)
    found = store.snapshot_for("sites", midnight + timedelta(hours=until))
    assert found is not None
    assert [each.document() for each in store.read_snapshot(found)] == [hour]
    assert (found.as_of, found.is_substituted) == (midnight + timedelta(hours=hour), substituted)


def test_without_any_snapshot_there_is_none(store: RawStore) -> None:
    assert store.snapshot_for("sites", NOW) is None
    assert store.snapshots("sites", NOW - timedelta(days=9), NOW) == []


def test_snapshots_of_a_span_leave_its_end_to_the_next(store: RawStore) -> None:
    for taken in (0, 1, 2):
        at = NOW + timedelta(hours=taken)
        store.write_snapshot("stats_sites", [record("x", [], taken, as_of=at)], at)
    found = store.snapshots("stats_sites", NOW, NOW + timedelta(hours=2))
    assert [each.as_of - NOW for each in found] == [timedelta(0), timedelta(hours=1)]


@pytest.mark.parametrize("kind", ["../x", "", "A", "a/b", "a.b"])
def test_a_kind_cannot_leave_its_folder(store: RawStore, kind: str) -> None:
    with pytest.raises(ValueError, match="cannot be a kind"), store.generation(kind, [DAY], NOW):
        pass


def test_an_instant_without_zone_is_refused(store: RawStore) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        store.write_snapshot("sites", [], NOW.replace(tzinfo=None))


def test_names_of_files_hold_nothing_of_the_cloud(store: RawStore) -> None:
    fetch(store, "sle_detail", [record(HOSTILE, [DAY], HOSTILE)])
    for path in files(store.root):
        assert str(path.relative_to(store.root)).isascii()
        assert "passwd" not in str(path)
