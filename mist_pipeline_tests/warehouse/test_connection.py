"""One writer at a time: waited for with a limit, its holder named, closed on every path."""

import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path

import duckdb
import pytest

from mist_pipeline.tables import history
from mist_pipeline.warehouse.connection import WarehouseBusyError, connect
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline_tests.support.warehouse.rows import FIRST, readings


def test_reading_before_anything_was_written_says_what_to_do(warehouse_file: Warehouse) -> None:
    with pytest.raises(FileNotFoundError, match="mist-pipeline backfill"):
        warehouse_file.query("SELECT 1")


def hold(path: str, ready: Connection) -> None:
    connection = duckdb.connect(path)
    ready.send("held")
    ready.recv()
    connection.close()


@pytest.mark.slow
def test_a_held_warehouse_is_waited_for_and_its_holder_named(warehouse_file: Warehouse) -> None:
    warehouse_file.replace_days(history.SLE_DAILY, readings(FIRST, 90.0), [FIRST])
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    holder = multiprocessing.get_context("spawn").Process(
        target=hold, args=(str(warehouse_file.place.path), theirs)
    )
    holder.start()
    try:
        assert ours.recv() == "held"
        with pytest.raises(WarehouseBusyError, match=rf"process {holder.pid}"):
            warehouse_file.query("SELECT 1")
        pauses: list[float] = []

        def release(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 2:
                ours.send("release")
                holder.join()

        with connect(warehouse_file.place.path, read_only=True, wait_seconds=60, sleep=release) as connection:
            assert connection.execute("SELECT count(*) FROM history.sle_daily").fetchone() == (1,)
        assert len(pauses) == 2
    finally:
        if holder.is_alive():
            holder.kill()
            holder.join()


def test_a_connection_is_closed_when_its_block_raises(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with pytest.raises(RuntimeError), connect(path, read_only=False):
        raise RuntimeError("inside")
    with connect(path, read_only=True, wait_seconds=0) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_reader_has_let_go_of_the_file_when_its_block_ends(warehouse_file: Warehouse) -> None:
    warehouse_file.replace_days(history.SLE_DAILY, readings(FIRST, 90.0), [FIRST])
    with (
        connect(warehouse_file.place.path, read_only=True) as one,
        connect(warehouse_file.place.path, read_only=True) as other,
    ):
        assert one.execute("SELECT count(*) FROM history.sle_daily").fetchone() == (1,)
        assert other.execute("SELECT count(*) FROM history.sle_daily").fetchone() == (1,)
        with (
            pytest.raises(WarehouseBusyError, match="another connection"),
            connect(warehouse_file.place.path, read_only=False, wait_seconds=0),
        ):
            pass
    with connect(warehouse_file.place.path, read_only=False, wait_seconds=0) as writer:
        writer.execute("DELETE FROM history.sle_daily")
        with (
            pytest.raises(WarehouseBusyError, match="another connection"),
            connect(warehouse_file.place.path, read_only=True, wait_seconds=0),
        ):
            pass
    assert warehouse_file.query("SELECT count(*) AS n FROM history.sle_daily")["n"].item() == 0


def test_readers_of_two_files_see_their_own_tables_only(tmp_path: Path) -> None:
    for name in ("one", "other"):
        with connect(tmp_path / f"{name}.duckdb", read_only=False) as connection:
            connection.execute(f"CREATE TABLE main.{name} AS SELECT '{name}' AS name")
            connection.execute(f"CREATE VIEW main.names AS SELECT * FROM main.{name}")
    with (
        connect(tmp_path / "one.duckdb", read_only=True) as first,
        connect(tmp_path / "other.duckdb", read_only=True) as second,
    ):
        assert first.execute("SELECT * FROM names").fetchall() == [("one",)]
        assert second.execute("SELECT * FROM names").fetchall() == [("other",)]
        with pytest.raises(duckdb.CatalogException):
            first.execute("SELECT * FROM main.other")


def test_a_file_that_is_replaced_is_read_anew_and_a_reader_of_the_old_one_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "copy.duckdb"
    for number in (1, 2):
        with connect(tmp_path / f"{number}.duckdb", read_only=False) as connection:
            connection.execute(f"CREATE TABLE main.version AS SELECT {number} AS number")
    (tmp_path / "1.duckdb").replace(path)
    with connect(path, read_only=True) as old:
        (tmp_path / "2.duckdb").replace(path)
        with connect(path, read_only=True) as new:
            assert new.execute("SELECT number FROM version").fetchone() == (2,)
        assert old.execute("SELECT number FROM version").fetchone() == (1,)


def read_in_a_child(path: str, answer: Connection) -> None:
    with connect(Path(path), read_only=True) as connection:
        answer.send(connection.execute("SELECT 42").fetchone())


@pytest.mark.slow
def test_a_child_that_was_forked_has_an_instance_of_its_own(warehouse_file: Warehouse) -> None:
    warehouse_file.replace_days(history.SLE_DAILY, readings(FIRST, 90.0), [FIRST])
    warehouse_file.query("SELECT 1")
    forked = multiprocessing.get_context("fork")
    ours, theirs = forked.Pipe()
    child = forked.Process(target=read_in_a_child, args=(str(warehouse_file.place.path), theirs))
    child.start()
    assert ours.poll(30)
    assert ours.recv() == (42,)
    child.join(30)
    assert child.exitcode == 0
