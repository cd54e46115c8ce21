"""Old hours go into files beside the warehouse and stay readable; whatever is killed meanwhile loses and doubles nothing."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from mist_pipeline.tables import history
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse import aged_hours
from mist_pipeline.warehouse.aged_hours import (
    HoursDamagedError,
    age,
    hours_folder,
    old_months,
    remove_old_files,
)
from mist_pipeline.warehouse.publish import publish
from mist_pipeline.warehouse.reading import Published, reading
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline_tests.support.defs.rows import frame, row

JANUARY = [date(2026, 1, 30), date(2026, 1, 31)]
FEBRUARY = [date(2026, 2, 1), date(2026, 2, 2)]
DAYS = [*JANUARY, *FEBRUARY]
HOURS = history.SLE_HOURLY
BEFORE = date(2026, 2, 2)
"""January is over, February is not."""


def hours(day: date, score: float = 50.0, table: Table = HOURS) -> pl.DataFrame:
    """Two hours of two sites, one without a score."""
    known = {"score_pct": score} if table is HOURS else {}
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    rows = (
        row(table, day=day, hour=begin + timedelta(hours=hour), site_id=site, **known)
        for hour in range(2)
        for site in ("a", "b")
    )
    found = frame(*rows, table=table)
    return (
        found.with_columns(score_pct=pl.when(pl.col("site_id") == "a").then("score_pct")) if known else found
    )


@pytest.fixture
def filled(warehouse_file: Warehouse) -> Warehouse:
    for day in DAYS:
        warehouse_file.replace_all({table: hours(day, table=table) for table in aged_hours.TABLES}, [day])
    return warehouse_file


def aged(warehouse: Warehouse, before: date = BEFORE) -> list[str]:
    """Move what is old enough; names of the files."""
    made = []
    for month in months(warehouse, before):
        with warehouse.writing() as connection:
            made.append(age(connection, warehouse.place.path, month).name)
    return made


def months(warehouse: Warehouse, before: date = BEFORE) -> list[aged_hours.Month]:
    with warehouse.reading() as connection:
        return old_months(connection, before)


def seen(warehouse: Warehouse, table: Table = HOURS) -> pl.DataFrame:
    return warehouse.query(f"SELECT * FROM {table.full_name} ORDER BY hour, site_id")


def in_file_of_warehouse(warehouse: Warehouse) -> list[date]:
    with duckdb.connect(str(warehouse.place.path), read_only=True) as plain:
        return [
            day
            for (day,) in plain.execute("SELECT DISTINCT day FROM history.sle_hourly ORDER BY 1").fetchall()
        ]


def test_whole_months_go_into_a_file_each_and_are_read_under_the_same_name(filled: Warehouse) -> None:
    before = {table: seen(filled, table) for table in aged_hours.TABLES}
    assert aged(filled) == [f"{table.name}-2026-01.1.parquet" for table in aged_hours.TABLES]
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
    "cut off": (lambda file: file.write_bytes(file.read_bytes()[:-50]), "No magic bytes"),
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
    file = hours_folder(filled.place.path) / "sle_hourly-2026-01.1.parquet"
    file.chmod(0o600)
    do, why = DAMAGED[damage]
    do(file)
    with pytest.raises(HoursDamagedError, match=f"{why}.*Restore the folder") as said:
        seen(filled)
    assert file.name in str(said.value)
    with pytest.raises(HoursDamagedError, match=why):
        publish(filled, tmp_path / "published" / "mist.duckdb")


def test_what_is_damaged_does_not_go_into_the_next_file(filled: Warehouse) -> None:
    [month, *_] = months(filled)
    aged(filled)
    filled.replace_days(HOURS, hours(JANUARY[0], 99.0), [JANUARY[0]])
    file = hours_folder(filled.place.path) / "sle_hourly-2026-01.1.parquet"
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
    assert aged(filled) == ["sle_hourly-2026-01.2.parquet"]
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
    file = hours_folder(filled.place.path) / "sle_hourly-2026-01.1.parquet"
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
    file = hours_folder(filled.place.path) / "sle_hourly-2026-01.1.parquet"
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
    newer = hours_folder(filled.place.path) / "sle_hourly-2026-01.2.parquet"

    def removed() -> list[str]:
        with filled.writing() as connection:
            return [path.name for path in remove_old_files(connection, filled.place.path, published)]

    os.utime(newer, (2e9, 2e9))
    assert removed() == []
    assert seen(Warehouse(published)).height == 16
    os.utime(publish(filled, published), (3e9, 3e9))
    assert removed() == ["sle_hourly-2026-01.1.parquet"]
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
from mist_pipeline.warehouse.aged_hours import age, old_months
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
    assert aged(filled)[0] == "sle_hourly-2026-01.1.parquet"
    assert seen(filled).equals(before)


def test_a_file_that_does_not_read_back_removes_nothing(
    filled: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = seen(filled)
    [month, *_] = months(filled)
    monkeypatch.setattr(
        aged_hours, "_columns", lambda _: "hour, site_id, metric, day, 49.0 + random() AS score_pct"
    )
    with pytest.raises(HoursDamagedError, match="they stay in the warehouse"), filled.writing() as connection:
        age(connection, filled.place.path, month)
    monkeypatch.undo()
    assert seen(filled).equals(before)
    assert list(hours_folder(filled.place.path).iterdir()) == []


def test_a_file_without_a_column_that_came_later_is_read_with_nulls(filled: Warehouse) -> None:
    aged(filled)
    place = hours_folder(filled.place.path) / "sle_hourly-2026-01.1.parquet"
    rows = pl.read_parquet(place).drop("measured_unit")
    place.chmod(0o600)
    rows.write_parquet(place)
    assert seen(filled)["measured_unit"].to_list() == [None] * 8 + ["a"] * 8
