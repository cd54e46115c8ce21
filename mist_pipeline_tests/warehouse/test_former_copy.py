"""The published copy is made of the former one: the same rows as if it were made whole, and whole where the former one is not as expected."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from mist_pipeline.tables import history
from mist_pipeline.warehouse import publish as module
from mist_pipeline.warehouse.copies import former_copy
from mist_pipeline.warehouse.copies.marks import MARKS, marks
from mist_pipeline.warehouse.publish import DAY_TABLES, publish
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline_tests.support.warehouse.rows import FIRST, readings

DAYS = [FIRST + timedelta(days=ahead) for ahead in range(4)]


def described(day: date, *sites: tuple[str, str]) -> pl.DataFrame:
    absent = dict.fromkeys(history.SITES.column_names)
    rows = [{**absent, "day": day, "site_id": site_id, "name": name} for site_id, name in sites]
    return pl.DataFrame(rows, schema=history.SITES.polars_schema())


def rows_of(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that people can read in a copy, and what sites are called; in no order."""
    names = [*(table.full_name for table in DAY_TABLES), "main.site_names", "main.worst_sites"]
    with duckdb.connect(str(path), read_only=True) as reader:
        return {name: sorted(reader.execute(f"FROM {name}").fetchall(), key=repr) for name in names}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a warehouse of three days and its published copy; each test gets copies of the two."""
    folder = tmp_path_factory.mktemp("prepared")
    warehouse = Warehouse(folder / "warehouse.duckdb")
    for day in DAYS[:3]:
        warehouse.replace_days(history.SLE_DAILY, readings(day, 90.0, 60.0), [day])
    warehouse.replace_days(history.SITES, described(FIRST, ("s0", "Lab"), ("s1", "Shop")), [FIRST])
    publish(warehouse, folder / "published" / "mist.duckdb")
    return folder


@pytest.fixture
def filled(prepared: Path, warehouse_file: Warehouse, tmp_path: Path) -> Warehouse:
    """A warehouse with three days."""
    shutil.copyfile(prepared / "warehouse.duckdb", tmp_path / "warehouse.duckdb")
    return warehouse_file


@pytest.fixture
def copy(prepared: Path, filled: Warehouse, tmp_path: Path) -> Path:
    """Its published copy."""
    published = tmp_path / "published" / "mist.duckdb"
    published.parent.mkdir()
    shutil.copyfile(prepared / "published" / "mist.duckdb", published)
    return published


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """No copy can be made whole any more."""

    def refuse(*_: object) -> None:
        raise AssertionError("the copy was made whole")

    monkeypatch.setattr(module, "_copy_days", refuse)


def write_earlier_day(warehouse: Warehouse) -> None:
    warehouse.replace_days(history.SLE_DAILY, readings(DAYS[1], 10.0), [DAYS[1]])


def write_same_number_of_rows(warehouse: Warehouse) -> None:
    warehouse.replace_days(history.SLE_DAILY, readings(DAYS[2], 11.0, 12.0), [DAYS[2]])


def write_next_day(warehouse: Warehouse) -> None:
    warehouse.replace_days(history.SLE_DAILY, readings(DAYS[3], 80.0), [DAYS[3]])


def empty_a_day(warehouse: Warehouse) -> None:
    warehouse.replace_days(history.SLE_DAILY, history.SLE_DAILY.empty(), [DAYS[0]])


def rename_a_site(warehouse: Warehouse) -> None:
    warehouse.replace_days(history.SITES, described(DAYS[1], ("s0", "Lab"), ("s1", "Lab")), [DAYS[1]])


def write_without_a_mark(warehouse: Warehouse) -> None:
    with warehouse.writing() as connection:
        connection.execute(
            "INSERT INTO scorecard.issued_forecasts (day, site_id) VALUES ($day, 's0')", {"day": DAYS[2]}
        )


def remove_without_a_mark(warehouse: Warehouse) -> None:
    with warehouse.writing() as connection:
        connection.execute("DELETE FROM history.sle_daily WHERE day = $day", {"day": DAYS[0]})


def nothing(_: Warehouse) -> None: ...


@pytest.mark.parametrize(
    "change",
    [
        nothing,
        write_earlier_day,
        write_same_number_of_rows,
        write_next_day,
        empty_a_day,
        rename_a_site,
        write_without_a_mark,
        remove_without_a_mark,
    ],
)
def test_a_copy_made_of_the_former_one_has_the_rows_of_a_whole_one(
    filled: Warehouse,
    copy: Path,
    tmp_path: Path,
    change: Callable[[Warehouse], None],
    request: pytest.FixtureRequest,
) -> None:
    change(filled)
    whole = publish(filled, tmp_path / "whole.duckdb")
    request.getfixturevalue("refused")
    with duckdb.connect(str(copy), read_only=True) as reader:
        before = reader.execute("SELECT count(*) FROM history.sle_daily").fetchone()
        publish(filled, copy)
        assert reader.execute("SELECT count(*) FROM history.sle_daily").fetchone() == before
    assert rows_of(copy) == rows_of(whole)
    assert [path.name for path in copy.parent.iterdir()] == ["mist.duckdb"]


def test_several_mornings_in_a_row(filled: Warehouse, copy: Path, tmp_path: Path, refused: None) -> None:
    for change in (write_next_day, write_earlier_day, empty_a_day, write_next_day, rename_a_site):
        change(filled)
        publish(filled, copy)
    with pytest.raises(AssertionError, match="made whole"):
        publish(filled, tmp_path / "whole.duckdb")
    with duckdb.connect(str(copy), read_only=True) as reader:
        scores = reader.execute(
            "SELECT day, score_pct FROM history.sle_daily ORDER BY day, score_pct"
        ).fetchall()
    assert scores == [(DAYS[1], 10.0), (DAYS[2], 60.0), (DAYS[2], 90.0), (DAYS[3], 80.0)]


def damage(copy: Path) -> None:
    content = bytearray(copy.read_bytes())
    content[100:40_000] = bytes(39_900)
    copy.write_bytes(content)


def cut_off(copy: Path) -> None:
    copy.write_bytes(copy.read_bytes()[:5_000])


def replace_by_text(copy: Path) -> None:
    copy.write_text("not a database")


def of_an_earlier_version(copy: Path) -> None:
    with duckdb.connect(str(copy)) as connection:
        connection.execute(f"DROP TABLE {former_copy.FORM}")


def of_other_views(copy: Path) -> None:
    with duckdb.connect(str(copy)) as connection:
        connection.execute(f"UPDATE {former_copy.FORM} SET form = 'another'")


def with_other_rows(copy: Path) -> None:
    with duckdb.connect(str(copy)) as connection:
        connection.execute("DELETE FROM history.sle_daily WHERE score_pct = 60")


def gone(copy: Path) -> None:
    copy.unlink()


@pytest.mark.parametrize(
    "harm",
    [damage, cut_off, replace_by_text, of_an_earlier_version, of_other_views, with_other_rows, gone],
)
def test_a_copy_that_is_not_as_expected_is_made_whole(
    filled: Warehouse, copy: Path, harm: Callable[[Path], None]
) -> None:
    expected = rows_of(copy)
    harm(copy)
    publish(filled, copy)
    assert rows_of(copy) == expected
    assert [path.name for path in copy.parent.iterdir()] == ["mist.duckdb"]


def test_a_copy_that_is_mostly_empty_is_made_whole(
    filled: Warehouse, copy: Path, monkeypatch: pytest.MonkeyPatch, refused: None
) -> None:
    monkeypatch.setattr(former_copy, "_share_free", lambda _: 0.6)
    with pytest.raises(AssertionError, match="made whole"):
        publish(filled, copy)


def test_days_of_another_warehouse_are_not_taken_for_those_of_this_one(
    filled: Warehouse, copy: Path, tmp_path: Path, refused: None
) -> None:
    other = Warehouse(tmp_path / "other.duckdb")
    for day in DAYS[:3]:
        other.replace_days(history.SLE_DAILY, readings(day, 20.0, 30.0), [day])
    publish(other, copy)
    with duckdb.connect(str(copy), read_only=True) as reader:
        assert reader.execute("SELECT DISTINCT score_pct FROM history.sle_daily ORDER BY 1").fetchall() == [
            (20.0,),
            (30.0,),
        ]
        assert reader.execute("SELECT count(*) FROM history.sites").fetchone() == (0,)


def test_every_write_has_another_mark_and_a_rolled_back_one_has_none(filled: Warehouse) -> None:
    key = (history.SLE_DAILY.full_name, DAYS[1])

    def known() -> tuple[str, int]:
        with filled.reading() as connection:
            return marks(connection)[key]

    before = known()
    assert before[1] == 2
    write_earlier_day(filled)
    assert known()[0] != before[0]
    assert known()[1] == 1
    now = known()
    with suppress(ZeroDivisionError), filled.writing() as connection:
        filled.put(connection, history.SLE_DAILY, readings(DAYS[1], 1.0), [DAYS[1]])
        raise ZeroDivisionError
    assert known() == now


def test_after_a_migration_every_day_counts_as_written(filled: Warehouse, copy: Path, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        before = marks(connection)
        connection.execute("UPDATE warehouse_version SET version = 5")
        connection.execute("UPDATE history.sle_daily SET score_pct = 1")
    publish(Warehouse(filled.place), copy)
    with duckdb.connect(str(copy), read_only=True) as reader:
        assert reader.execute("SELECT DISTINCT score_pct FROM history.sle_daily").fetchall() == [(1.0,)]
        assert {found for found, _ in marks(reader).values()}.isdisjoint(
            found for found, _ in before.values()
        )
        assert reader.execute(f"SELECT count(*) FROM {MARKS}").fetchone() == (4,)
