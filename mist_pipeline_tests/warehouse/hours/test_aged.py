"""Old hours go into files beside the warehouse and stay readable; whatever is killed meanwhile loses and doubles nothing."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from mist_pipeline.warehouse.hours import aged as rooms
from mist_pipeline.warehouse.hours.aged import age, remove_old_files
from mist_pipeline.warehouse.hours.files import HoursDamagedError, hours_folder, label_of
from mist_pipeline.warehouse.publish import publish
from mist_pipeline.warehouse.reading import Published, reading
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline_tests.support.warehouse.old_hours import (
    DAYS,
    FEBRUARY,
    HOURS,
    JANUARY,
    aged,
    file_of,
    hours,
    months,
    seen,
)


def in_file_of_warehouse(warehouse: Warehouse) -> list[date]:
    with duckdb.connect(str(warehouse.place.path), read_only=True) as plain:
        return [
            day
            for (day,) in plain.execute("SELECT DISTINCT day FROM history.sle_hourly ORDER BY 1").fetchall()
        ]


def test_whole_months_go_into_a_file_each_and_are_read_under_the_same_name(filled: Warehouse) -> None:
    before = {table: seen(filled, table) for table in rooms.TABLES}
    assert list(map(label_of, aged(filled))) == [f"{table.name}-2026-01" for table in rooms.TABLES]
    assert in_file_of_warehouse(filled) == FEBRUARY
    for table, rows in before.items():
        assert seen(filled, table).equals(rows)
    assert filled.read_days(HOURS, JANUARY[1], FEBRUARY[0])["day"].unique().sort().to_list() == DAYS[1:3]
    # What was asked for once is not done again.
    assert aged(filled) == []
    # Other tables of the same schema are found beside the views.
    assert filled.query("SELECT count(*) FROM history.sites").item() == 0


DAMAGED: dict[str, tuple[Callable[[Path], object], str]] = {
    "gone": (Path.unlink, "it is not there"),
    "gone with its folder": (lambda file: file.parent.rename(file.parent.with_name("x")), "it is not there"),
    "cut off": (lambda file: file.write_bytes(file.read_bytes()[:-50]), "SHA-256 differs"),
    "another, with fewer rows": (
        lambda file: pl.read_parquet(file).head(3).write_parquet(file),
        "it has 3 rows, not 8",
    ),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_file_that_is_not_what_is_listed_is_said_and_never_read_as_fewer_rows(
    filled: Warehouse, tmp_path: Path, damage: str
) -> None:
    aged(filled)
    file = file_of(filled)
    file.chmod(0o600)
    do, why = DAMAGED[damage]
    do(file)
    with pytest.raises(HoursDamagedError, match=f"{why}.*Restore the file") as said:
        seen(filled)
    assert file.name in str(said.value)
    with pytest.raises(HoursDamagedError, match=why):
        publish(filled, tmp_path / "published" / "mist.duckdb")


def test_what_is_damaged_does_not_go_into_the_next_file(filled: Warehouse) -> None:
    [month, *_] = months(filled)
    aged(filled)
    filled.replace_days(HOURS, hours(JANUARY[0], 99.0), [JANUARY[0]])
    file = file_of(filled)
    file.chmod(0o600)
    pl.read_parquet(file).head(3).write_parquet(file)
    with pytest.raises(HoursDamagedError, match="3 rows"), filled.writing() as connection:
        age(connection, filled.place.path, month)
    assert in_file_of_warehouse(filled) == [JANUARY[0], *FEBRUARY]


@pytest.mark.parametrize("name", ["day=2026-05-05", "org=acme", "a*b"])
def test_no_name_of_a_folder_becomes_a_column_or_a_wildcard(tmp_path: Path, name: str) -> None:
    """DuckDB would read ``key=value`` as a column, and with ``*`` the files of a folder beside this one."""
    for folder in (name, "axb"):
        warehouse = Warehouse(tmp_path / folder / "mist.duckdb")
        warehouse.replace_days(HOURS, hours(JANUARY[0]), [JANUARY[0]])
        before = seen(warehouse)
        aged(warehouse)
    warehouse = Warehouse(tmp_path / name / "mist.duckdb")
    assert seen(warehouse).equals(before)
    published = publish(warehouse, tmp_path / name / "published" / "mist.duckdb")
    places = Published(days=published, today=tmp_path / "no.duckdb", ledger=tmp_path / "none.duckdb")
    with reading(places) as opened:
        rows = opened.connection.execute("SELECT * FROM history.sle_hourly ORDER BY hour, site_id").pl()
        assert rows.drop("hour").equals(before.drop("hour"))


def test_a_folder_beside_a_warehouse_without_a_list_is_not_read(filled: Warehouse) -> None:
    hours_folder(filled.place.path).mkdir()
    with duckdb.connect(str(filled.place.path)) as earlier:
        earlier.execute("DROP TABLE main.aged_hours")
    assert seen(Warehouse(filled.place.path)).height == 16


def test_a_day_that_is_made_again_comes_back_and_counts_instead_of_its_file(filled: Warehouse) -> None:
    aged(filled)
    filled.replace_days(HOURS, hours(JANUARY[0], 99.0), [JANUARY[0]])
    again = seen(filled).filter(pl.col("day") == JANUARY[0])
    assert again["score_pct"].to_list() == [99.0, None] * 2
    assert seen(filled).height == 16
    # The next time both go into one file.
    assert aged(filled) == [file_of(filled, 2).name]
    assert seen(filled).filter(pl.col("day") == JANUARY[0]).equals(again)
    assert seen(filled).height == 16


def test_a_day_that_is_made_again_without_rows_has_none(filled: Warehouse) -> None:
    aged(filled)
    filled.replace_days(HOURS, HOURS.empty(), [JANUARY[0]])
    assert seen(filled)["day"].unique().sort().to_list() == [JANUARY[1], *FEBRUARY]


def test_the_published_copy_and_queries_of_it_hold_both_and_write_nothing(
    filled: Warehouse, tmp_path: Path
) -> None:
    before = seen(filled)
    aged(filled)
    published = publish(filled, tmp_path / "published" / "mist.duckdb")
    with duckdb.connect(str(published), read_only=True) as plain:
        assert plain.execute("SELECT count(*), min(day) FROM history.sle_hourly").fetchone() == (
            16,
            JANUARY[0],
        )
    assert seen(Warehouse(published)).equals(before)
    places = Published(days=published, today=tmp_path / "no.duckdb", ledger=tmp_path / "none.duckdb")
    file = file_of(filled)
    kept = file.read_bytes()
    with reading(places) as opened:
        assert opened.connection.execute("SELECT count(*) FROM history.sle_hourly").fetchone() == (16,)
        with pytest.raises(duckdb.PermissionException):
            opened.connection.execute(f"COPY (SELECT 1) TO '{file}'")
        with pytest.raises(duckdb.PermissionException):
            opened.connection.execute(f"SELECT * FROM read_text('{tmp_path}/x')")
    assert file.read_bytes() == kept


def test_where_an_old_file_is_lost_the_published_copy_says_so_only_of_hours(
    filled: Warehouse, tmp_path: Path
) -> None:
    aged(filled)
    published = publish(filled, tmp_path / "published" / "mist.duckdb")
    file = file_of(filled)
    file.unlink()
    places = Published(days=published, today=tmp_path / "no.duckdb", ledger=tmp_path / "none.duckdb")
    with reading(places) as opened:
        assert opened.parts[0].trouble == ""
        assert opened.connection.execute("SELECT count(*) FROM history.sle_daily").fetchone() == (0,)
        with pytest.raises(duckdb.Error, match=file.name):
            opened.connection.execute("SELECT count(*) FROM history.sle_hourly")


def test_an_old_file_stays_until_the_published_copy_reads_another(filled: Warehouse, tmp_path: Path) -> None:
    aged(filled)
    published = publish(filled, tmp_path / "published" / "mist.duckdb")
    filled.replace_days(HOURS, hours(JANUARY[0], 99.0), [JANUARY[0]])
    aged(filled)
    newer = file_of(filled, 2)

    def removed() -> list[str]:
        with filled.writing() as connection:
            return [path.name for path in remove_old_files(connection, filled.place.path, published)]

    os.utime(newer, (2e9, 2e9))
    assert removed() == []
    assert seen(Warehouse(published)).height == 16
    os.utime(publish(filled, published), (3e9, 3e9))
    old = file_of(filled)
    assert removed() == [old.name]
    assert seen(Warehouse(published)).filter(pl.col("score_pct") == 99.0).height == 2


KILLED = {
    "before the file has its name": "Path.replace = die",
    "after the file has its name": "replace = Path.replace; Path.replace = lambda *names: (replace(*names), die())",
    "before the transaction is over": "Warehouse.writing = writing",
}
SCRIPT = """
import contextlib, os, signal, sys
from datetime import date
from pathlib import Path
from mist_pipeline.warehouse.hours.aged import age, old_months
from mist_pipeline.warehouse.store import Warehouse

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

usual = Warehouse.writing
@contextlib.contextmanager
def writing(self):
    with usual(self) as connection:
        yield connection
        die()

warehouse = Warehouse(Path(sys.argv[1]))
with warehouse.reading() as connection:
    [month, *_] = old_months(connection, date(2026, 2, 2))
{}
with warehouse.writing() as connection:
    age(connection, warehouse.place.path, month)
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", KILLED)
def test_a_kill_loses_and_doubles_nothing(filled: Warehouse, moment: str) -> None:
    before = seen(filled)
    script = SCRIPT.format(KILLED[moment])
    ended = subprocess.run(
        [sys.executable, "-c", script, str(filled.place.path)], check=False, capture_output=True
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    assert seen(filled).equals(before)
    assert aged(filled)[0] == file_of(filled).name
    assert seen(filled).equals(before)


def test_a_file_that_does_not_read_back_removes_nothing(
    filled: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = seen(filled)
    [month, *_] = months(filled)
    monkeypatch.setattr(
        rooms, "_columns", lambda _: "hour, site_id, metric, day, 49.0 + random() AS score_pct"
    )
    with pytest.raises(HoursDamagedError, match="they stay in the warehouse"), filled.writing() as connection:
        age(connection, filled.place.path, month)
    monkeypatch.undo()
    assert seen(filled).equals(before)
    assert list(hours_folder(filled.place.path).iterdir()) == []


def test_a_file_without_a_column_that_came_later_is_read_with_nulls(filled: Warehouse) -> None:
    aged(filled)
    place = file_of(filled)
    rows = pl.read_parquet(place).drop("measured_unit")
    place.chmod(0o600)
    rows.write_parquet(place)
    assert seen(filled)["measured_unit"].to_list() == [None] * 8 + ["a"] * 8
