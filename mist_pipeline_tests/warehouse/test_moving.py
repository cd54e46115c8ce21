"""A warehouse is moved whole, compared row for row, and only to where nothing is."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from mist_pipeline.tables import TABLES, history, live
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse import moving
from mist_pipeline.warehouse.moving import Moved, MoveError, move
from mist_pipeline.warehouse.owner import OtherOwnerError, Owner
from mist_pipeline.warehouse.store import UnfinishedMoveError, Warehouse
from mist_pipeline_tests.support.warehouse.rows import FIRST, readings

DAYS = [FIRST, FIRST + timedelta(days=40)]
OURS = Owner("org-1", "Acme", "https://api.mist.com")

pytestmark = pytest.mark.slow


@pytest.fixture
def source(tmp_path: Path) -> Warehouse:
    made = Warehouse(tmp_path / "source.duckdb", owner=lambda: OURS)
    for day in DAYS:
        made.replace_days(history.SLE_DAILY, readings(day, 90.0, None, 70.0), [day])
    status = {name: [None] for name in live.STATUS.column_names} | {"site_id": ["a"]}
    made.replace_tables(
        {live.STATUS: live.STATUS.empty().vstack(live.STATUS.conform(_frame(live.STATUS, status)))}
    )
    return made


def _frame(table: Table, values: dict[str, list[object]]):
    import polars as pl

    return pl.DataFrame(values, schema=table.polars_schema())


def rows(warehouse: Warehouse) -> dict[str, list[tuple[object, ...]]]:
    with warehouse.reading() as connection:
        found = {
            table.full_name: connection.execute(f"FROM {table.full_name} ORDER BY ALL").fetchall()
            for table in TABLES
        }
    return {name: of_table for name, of_table in found.items() if of_table}


def test_there_and_back_every_row_is_the_same_and_belongs_to_the_same(
    source: Warehouse, shared: Warehouse, tmp_path: Path
) -> None:
    steps: list[tuple[str, int, int]] = []
    assert move(source, shared, lambda *step: steps.append(step)) == Moved(2, 7, 7)
    assert steps[0] == ("copying rows", 0, 7)
    assert steps[-1] == ("copying rows", 7, 7)
    again = Warehouse(tmp_path / "again.duckdb")
    move(shared, again, lambda *_step: None)
    assert rows(source) == rows(shared) == rows(again)
    assert len(rows(source)["history.sle_daily"]) == 6
    with pytest.raises(OtherOwnerError, match="Acme"):
        Warehouse(again.place, owner=lambda: Owner("org-2")).prepare()
    with again.reading() as connection:
        assert connection.execute(
            "SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE '%move%'"
        ).fetchone() == (0,)


@pytest.fixture
def target(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "target.duckdb")


class InterruptedMoveError(Exception):
    pass


def begin(source: Warehouse, target: Warehouse) -> None:
    """A move that is interrupted when the first month is there."""

    def interrupt(_step: str, done: int, _total: int) -> None:
        if done:
            raise InterruptedMoveError

    with pytest.raises(InterruptedMoveError):
        move(source, target, interrupt)


def test_what_was_interrupted_goes_on_where_it_was(source: Warehouse, target: Warehouse) -> None:
    begin(source, target)
    assert len(rows(target)["history.sle_daily"]) == 3
    # A day that was made again meanwhile is copied again.
    source.replace_days(history.SLE_DAILY, readings(DAYS[0], 10.0, 20.0), [DAYS[0]])
    assert move(source, target, lambda *_step: None) == Moved(2, 6, 6)
    assert rows(source) == rows(target)


def test_a_month_that_went_at_the_source_meanwhile_goes_at_the_target(
    source: Warehouse, target: Warehouse
) -> None:
    begin(source, target)
    assert len(rows(target)["history.sle_daily"]) == 3
    source.replace_days(history.SLE_DAILY, history.SLE_DAILY.empty(), [DAYS[0]])
    assert move(source, target, lambda *_step: None) == Moved(2, 4, 4)
    assert rows(source) == rows(target)


def test_a_place_with_a_part_of_a_warehouse_is_used_by_nobody_before_it_is_whole(
    source: Warehouse, target: Warehouse
) -> None:
    begin(source, target)
    place = target.place
    with pytest.raises(
        UnfinishedMoveError, match=r"only a part of the rows of .*Type `mist-pipeline warehouse move`"
    ):
        Warehouse(place).query("SELECT 1")
    with pytest.raises(UnfinishedMoveError):
        Warehouse(place, owner=lambda: Owner("org-2")).prepare()
    move(source, Warehouse(place), lambda *_step: None)
    assert rows(Warehouse(place)) == rows(source)


def test_what_is_there_from_an_earlier_try_is_compared_and_not_copied_again(
    source: Warehouse, target: Warehouse
) -> None:
    begin(source, target)
    assert move(source, target, lambda *_step: None) == Moved(2, 7, 4)


def with_rows(target: Warehouse) -> None:
    target.replace_days(history.SLE_DAILY, readings(FIRST, 1.0), [FIRST])


def of_somebody(target: Warehouse) -> None:
    Warehouse(target.place, owner=lambda: Owner("org-2", "Globex")).prepare()


@pytest.mark.parametrize(
    ("occupy", "words"),
    [
        (with_rows, r"has rows in history\.sle_daily already\. Nothing was copied"),
        (of_somebody, "belongs to Globex"),
    ],
)
def test_a_place_that_is_not_empty_is_refused_and_left_alone(
    occupy, words, source: Warehouse, target: Warehouse
) -> None:
    occupy(target)
    before = rows(target)
    with pytest.raises(MoveError, match=words):
        move(source, target, lambda *_step: None)
    assert rows(target) == before


def test_a_place_with_a_part_of_another_warehouse_is_refused(
    source: Warehouse, target: Warehouse, tmp_path: Path
) -> None:
    begin(source, target)
    other = Warehouse(tmp_path / "other.duckdb")
    other.prepare()
    with pytest.raises(MoveError, match=r"has a part of .*source\.duckdb"):
        move(other, target, lambda *_step: None)
    with pytest.raises(MoveError, match="already"):
        move(source, source, lambda *_step: None)
    with pytest.raises(FileNotFoundError, match="no warehouse"):
        move(Warehouse(tmp_path / "nowhere.duckdb"), target, lambda *_step: None)


@pytest.fixture
def damaging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    copy = moving._copy

    def damaged(reader, target, part):
        copy(reader, target, part)
        with target.writing() as connection:
            connection.execute(
                f"UPDATE {part.table.full_name} SET score_pct = score_pct + 1 WHERE score_pct = 70"
            )

    monkeypatch.setattr(moving, "_copy", damaged)
    return


def test_a_row_that_reads_back_otherwise_is_noticed(
    damaging: None, source: Warehouse, target: Warehouse
) -> None:
    with pytest.raises(MoveError, match=r"history\.sle_daily reads back with 3 rows or others than the 3"):
        move(source, target, lambda *_step: None)
    assert (date(2026, 3, 28), 70.0) in source.query("SELECT day, score_pct FROM history.sle_daily").rows()
