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


def test_reading_before_anything_was_written_says_what_to_do(warehouse: Warehouse) -> None:
    with pytest.raises(FileNotFoundError, match="mist-pipeline backfill"):
        warehouse.query("SELECT 1")


def hold(path: str, ready: Connection) -> None:
    connection = duckdb.connect(path)
    ready.send("held")
    ready.recv()
    connection.close()


@pytest.mark.slow
def test_a_held_warehouse_is_waited_for_and_its_holder_named(warehouse: Warehouse) -> None:
    warehouse.replace_days(history.SLE_DAILY, readings(FIRST, 90.0), [FIRST])
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    holder = multiprocessing.get_context("spawn").Process(target=hold, args=(str(warehouse.path), theirs))
    holder.start()
    try:
        assert ours.recv() == "held"
        with pytest.raises(WarehouseBusyError, match=rf"process {holder.pid}"):
            warehouse.query("SELECT 1")
        pauses: list[float] = []

        def release(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 2:
                ours.send("release")
                holder.join()

        with connect(warehouse.path, read_only=True, wait_seconds=60, sleep=release) as connection:
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
