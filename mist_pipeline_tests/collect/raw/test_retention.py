import contextlib
import gzip
import random
import shutil
import tarfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mist_pipeline.collect.fetch.fetcher import fetch_plan
from mist_pipeline.collect.fetch.plan import Budget, Known, make_plan
from mist_pipeline.collect.fetch.snapshots import fetch_snapshot
from mist_pipeline.collect.history.dimensions import sites_frame
from mist_pipeline.collect.history.frames import Wanted, read_history
from mist_pipeline.collect.raw import archive as archive_module
from mist_pipeline.collect.raw import retention
from mist_pipeline.collect.raw.archive import Archive
from mist_pipeline.collect.raw.errors import RawDamagedError
from mist_pipeline.collect.raw.retention import NotVerifiedError, Rules, apply_retention, plan_retention
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.storage import durable
from mist_pipeline.storage.folder import FolderStore
from mist_pipeline_tests.support.collect.fake_cloud import (
    ORIGIN,
    UTC_ZONE,
    FakeCloud,
    ask,
    healthy_cloud,
    same,
    sites_of,
)
from mist_pipeline_tests.support.collect.raw_records import scores

TODAY = date(2026, 3, 11)  # a Wednesday
RULES = Rules(keep_days=7, archive_after_days=30)


def weekly(start: date, end: date) -> str:
    return f"{start} to {end}"


def packed_reports(reports: Path) -> Archive:
    return Archive(FolderStore(reports / "archive"), "reports", reports / "archive")


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Reports of the ten days up to today, and the pointer to the newest."""
    folder = tmp_path / "reports"
    for back in range(10):
        day = TODAY - timedelta(days=back)
        home = folder / "history" / day.isoformat()
        home.mkdir(parents=True)
        (home / f"report-{day}.html").write_text(f"<p>{day}</p>" * 50)
        (home / f"report-{day}.json").write_text("{}")
    (folder / "latest.html").write_text("newest")
    return folder


RAW_DAYS = tuple(date(2026, 1, 29) + timedelta(days=offset) for offset in range(6))


@pytest.fixture(scope="module")
def raw_of_two_months(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw files of 29 January to 3 February, one window of six days, and two snapshots of the sites."""
    store = RawStore(tmp_path_factory.mktemp("template") / "raw")
    asked = ask(days=RAW_DAYS, now=datetime(2026, 2, 4, tzinfo=UTC), alarms=True, metrics=("capacity",))
    fetch_plan(make_plan(asked, Known(), Budget(None)), healthy_cloud(), store, ORIGIN)
    for taken in (datetime(2026, 1, 20, tzinfo=UTC), datetime(2026, 1, 25, tzinfo=UTC)):
        cloud = FakeCloud({"sites": lambda _: [{"id": "s1", "name": "One"}]})
        fetch_snapshot("sites", cloud, store, ORIGIN, taken)
    return store.root


@pytest.fixture
def raw(raw_of_two_months: Path, tmp_path: Path) -> Path:
    """The same files for one test."""
    return Path(shutil.copytree(raw_of_two_months, tmp_path / "raw"))


def run(raw: Path, reports: Path, rules: Rules = RULES, today: date = TODAY) -> list[str]:
    return apply_retention(plan_retention(RawStore(raw), reports, rules, today), weekly)


def history(raw: Path) -> Any:
    asked = ask(days=RAW_DAYS, metrics=("capacity",))
    return read_history(RawStore(raw), Wanted(sites_of(asked), asked.metrics, asked.days, asked.zone))


def test_reports_of_the_last_days_stay_and_older_ones_are_packed(raw: Path, reports: Path) -> None:
    before = content(reports / "history")
    run(raw, reports)
    kept = sorted(path.name for path in (reports / "history").iterdir())
    assert kept == [(TODAY - timedelta(days=back)).isoformat() for back in range(6, -1, -1)]
    assert (reports / "latest.html").exists()
    packed = {
        name: b"".join(chunks)
        for name, chunks in packed_reports(reports).read(packed_reports(reports).paths())
    }
    assert packed == {name: text for name, text in before.items() if name[:10] < "2026-03-05"}
    assert len(packed) == 6


def test_whole_months_of_raw_files_are_packed_and_read_where_they_are(raw: Path, reports: Path) -> None:
    before = history(raw)
    described = sites_frame(RawStore(raw), [date(2026, 1, 21)], UTC_ZONE)
    run(raw, reports)
    assert not list(raw.rglob("day=2026-01-*"))
    assert list(raw.rglob("day=2026-02-*"))
    assert (raw / "archive" / "raw-2026-01.tar.gz").exists()
    after = history(raw)
    assert same(before, after) == []
    assert sites_frame(RawStore(raw), [date(2026, 1, 21)], UTC_ZONE).equals(described)


def test_a_month_is_packed_once_its_last_day_is_old_enough(raw: Path, reports: Path) -> None:
    for today, months in (
        (date(2026, 3, 2), []),
        (date(2026, 3, 3), ["2026-01"]),
        (date(2026, 4, 1), ["2026-01", "2026-02"]),
    ):
        moves = plan_retention(RawStore(raw), reports, RULES, today).moves
        assert [move.label for move in moves if move.prefix == "raw"] == months


def test_the_newest_snapshot_stays_in_its_place(raw: Path, reports: Path) -> None:
    run(raw, reports, today=date(2027, 1, 1))
    assert [path.name for path in (raw / "sites" / "snapshots").iterdir()] == [
        "20260125T000000.000000Z.jsonl.gz"
    ]


def test_a_second_run_finds_nothing_to_do(raw: Path, reports: Path) -> None:
    run(raw, reports)
    before = content(raw) | content(reports)
    plan = plan_retention(RawStore(raw), reports, RULES, TODAY)
    assert (plan.moves, plan.weeks, plan.lines(), plan.num_files) == ((), (), [], 0)
    assert apply_retention(plan, weekly) == []
    assert content(raw) | content(reports) == before


def test_the_dry_run_tells_everything_and_changes_nothing(raw: Path, reports: Path) -> None:
    before = content(raw) | content(reports)
    plan = plan_retention(RawStore(raw), reports, RULES, TODAY)
    lines = plan.lines()
    assert any("raw-2026-01.tar.gz" in line for line in lines)
    assert any("reports-2026-03-04.tar.gz" in line for line in lines)
    assert lines[-1] == "write the summary of 2026-03-02 to 2026-03-08"
    assert plan.num_files > 6
    assert content(raw) | content(reports) == before


def test_without_auto_archive_nothing_moves_and_nothing_is_removed(raw: Path, reports: Path) -> None:
    before = content(raw) | content(reports)
    [summary] = run(raw, reports, Rules(auto_archive=False), date(2027, 1, 1))
    after = content(raw) | content(reports)
    assert set(after) - set(before) == {f"archive/{Path(summary).name}"}
    assert all(after[name] == text for name, text in before.items())


@pytest.mark.parametrize(
    ("today", "name"),
    [
        (date(2026, 3, 9), "weekly-2026-W10.txt"),
        (date(2026, 3, 15), "weekly-2026-W10.txt"),
        (date(2027, 1, 4), "weekly-2026-W53.txt"),
    ],
)
def test_the_summary_of_a_week_is_written_once_from_monday_on_and_kept(
    raw: Path, reports: Path, today: date, name: str
) -> None:
    run(raw, reports, today=today)
    path = reports / "archive" / name
    monday = today - timedelta(days=today.weekday() + 7)
    assert path.read_text() == f"{monday} to {monday + timedelta(days=6)}"
    plan = plan_retention(RawStore(raw), reports, RULES, today)
    assert plan.weeks == ()


def test_the_summary_still_finds_the_reports_of_its_week(raw: Path, reports: Path) -> None:
    seen: list[int] = []

    def counting(start: date, end: date) -> str:
        seen.append(len(list((reports / "history").iterdir())))
        return f"{start}{end}"

    apply_retention(plan_retention(RawStore(raw), reports, RULES, TODAY), counting)
    assert seen == [10]


class Crash(BaseException):
    """The process dies here."""


@pytest.mark.slow
@pytest.mark.parametrize("step", range(0, 40, 3))
def test_a_crash_at_any_step_loses_nothing_and_the_next_run_finishes(
    raw: Path, reports: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    before = history(raw)
    pages = content(reports / "history")
    counter = iter(range(10_000))

    def dying(original: Any) -> Any:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            if next(counter) == step:
                raise Crash
            return original(*arguments, **options)

        return wrapped

    with monkeypatch.context() as patched:
        for name in ("write_atomically", "move"):
            patched.setattr(durable, name, dying(getattr(durable, name)))
        patched.setattr(Path, "unlink", dying(Path.unlink))
        patched.setattr(archive_module.tarfile, "open", dying(tarfile.open))
        with contextlib.suppress(Crash):
            run(raw, reports)
    after = history(raw)
    assert same(before, after) == []
    run(raw, reports)
    assert plan_retention(RawStore(raw), reports, RULES, TODAY).lines() == []
    packed = packed_reports(reports)
    kept = content(reports / "history") | {
        name.removeprefix("reports/"): b"".join(chunks) for name, chunks in packed.read(packed.paths())
    }
    assert kept == pages
    after = history(raw)
    assert same(before, after) == []


def test_nothing_is_removed_that_does_not_read_back(
    raw: Path, reports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(raw)
    original = durable.move

    def rotting(source: Path, target: Path) -> bool:
        done = original(source, target)
        packed = shutil.copy(target, target.with_suffix(".copy"))
        with tarfile.open(packed) as read, tarfile.open(target, "w:gz") as write:
            for number, entry in enumerate(read):
                body = read.extractfile(entry)
                assert body is not None
                if number:  # the first file is lost on the way
                    write.addfile(entry, body)
        Path(packed).unlink()
        return done

    monkeypatch.setattr(durable, "move", rotting)
    with pytest.raises(NotVerifiedError, match="Check the disk"):
        run(raw, reports)
    monkeypatch.undo()
    assert before.items() <= content(raw).items()


def test_a_file_that_changed_after_packing_is_packed_again(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    old = reports / "history" / "2026-01-01" / "page.html"
    old.parent.mkdir(parents=True)
    for text in ("first", "second"):
        old.parent.mkdir(parents=True, exist_ok=True)
        old.write_text(text)
        run(tmp_path / "raw", reports)
    packed = packed_reports(reports)
    assert [b"".join(chunks) for _, chunks in packed.read(packed.paths())] == [b"second"]
    assert len(list((reports / "archive").glob("reports-*.tar.gz"))) == 2


def test_foreign_and_unfinished_files_are_left_alone(raw: Path, reports: Path, tmp_path: Path) -> None:
    odd = [
        reports / "history" / "notes" / "keep.txt",
        reports / "history" / "2026-13-45" / "keep.txt",
        reports / "history" / "2026-03-01" / ".incoming-1",
        raw / "sle_org" / "unfinished" / "abc" / "2026-01-20.jsonl.gz",
        raw / "sle_org" / "day=today" / "x",
        raw / "sites" / "snapshots" / "x",
    ]
    for path in odd:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    run(raw, reports)
    assert all(path.read_text() == "mine" for path in odd)


def test_a_damaged_archive_is_an_error_and_not_an_empty_month(raw: Path, reports: Path) -> None:
    run(raw, reports)
    packed = raw / "archive" / "raw-2026-01.tar.gz"
    packed.write_bytes(packed.read_bytes()[:-2000])
    with pytest.raises(RawDamagedError, match="raw-2026-01"):
        history(raw)
    with tarfile.open(packed, "w:gz"):
        pass
    with pytest.raises(RawDamagedError, match="its index promises"):
        history(raw)


@pytest.mark.parametrize("values", [{"keep_days": 0}, {"archive_after_days": 0}])
def test_rules_that_would_pack_today_are_refused(values: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Rules(**values)


def test_nothing_there_is_nothing_to_do_but_the_week(tmp_path: Path) -> None:
    plan = plan_retention(RawStore(tmp_path / "raw"), tmp_path / "reports", RULES, TODAY)
    assert (plan.moves, len(plan.weeks)) == ((), 1)
    assert Path(retention.apply_retention(plan, weekly)[0]).exists()


def polled(raw: Path, day: date) -> list[Path]:
    """Two polls of a day; returns their files."""
    store = RawStore(raw)
    for minute in (0, 15):
        at = datetime(day.year, day.month, day.day, 12, minute, tzinfo=UTC)
        with store.generation("live_sle_org", [day], at) as fetching:
            record, _ = scores(minute / 60, [], day=day)
            fetching.write([record])
            fetching.commit([record.header.key], {})
    return sorted((raw / "live_sle_org" / f"day={day}").iterdir())


def test_answers_of_polls_go_once_their_day_was_collected_and_reads_whole(raw: Path, reports: Path) -> None:
    collected, never_collected = RAW_DAYS[-1], date(2026, 2, 20)
    gone, kept = polled(raw, collected), polled(raw, never_collected)
    before = history(raw)
    lines = plan_retention(RawStore(raw), reports, RULES, date(2026, 2, 21)).lines()
    assert any(
        f"remove 4 files ({sum(map(size, gone)):,} bytes) of the polls of {collected}" in line
        for line in lines
    )
    run(raw, reports, today=date(2026, 2, 21))
    assert not gone[0].parent.exists()
    assert all(path.exists() for path in kept)
    assert same(before, history(raw)) == []
    assert plan_retention(RawStore(raw), reports, RULES, date(2026, 2, 21)).superseded == ()


def test_answers_of_the_polls_of_yesterday_stay(raw: Path, reports: Path) -> None:
    kept = polled(raw, RAW_DAYS[-1])
    run(raw, reports, today=RAW_DAYS[-1] + timedelta(days=1))
    assert all(path.exists() for path in kept)


def test_answers_of_polls_stay_where_their_day_is_damaged(raw: Path, reports: Path) -> None:
    day = RAW_DAYS[-1]
    kept = polled(raw, day)
    # The window of six days lies with its first day.
    for path in (raw / "sle_detail" / f"day={RAW_DAYS[0]}").glob("*.jsonl.gz"):
        path.write_bytes(b"")
    with pytest.raises(NotVerifiedError, match=f"sle_detail.*{RAW_DAYS[0]}"):
        run(raw, reports, today=date(2026, 2, 21))
    assert all(path.exists() for path in kept)


def size(path: Path) -> int:
    return path.stat().st_size


def test_a_month_of_large_files_stays_where_it_is(raw: Path, reports: Path) -> None:
    # What is compressed already does not get smaller: random bytes stand for it.
    noise = random.Random(7).randbytes(400_000)
    for path in (raw / "sle_org").rglob("day=2026-01-*/*.gz"):
        with path.open("ab") as file:
            file.write(gzip.compress(noise))
    assert [
        move for move in plan_retention(RawStore(raw), reports, RULES, TODAY).moves if move.prefix == "raw"
    ] == []
