"""A warehouse that several machines share: writers side by side, one whole winner, and words without secrets."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from threading import Barrier, Event

import duckdb
import polars as pl
import pytest

from mist_pipeline.settings import load_settings
from mist_pipeline.tables import history, live
from mist_pipeline.warehouse import extensions
from mist_pipeline.warehouse.connection import WarehouseBusyError, WarehouseUnavailableError
from mist_pipeline.warehouse.lake import Lake
from mist_pipeline.warehouse.migrations import CURRENT_VERSION, version_of
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.doctor import stored
from mist_pipeline.workflows.doctor.check import WRONG, Check
from mist_pipeline_tests.support.warehouse.lakes import Lakes, forget, lake_at
from mist_pipeline_tests.support.warehouse.rows import FIRST, SECOND, readings

pytestmark = pytest.mark.slow

PASSWORD = "pa ss'w0rd-of-the-catalogue"


def scores(warehouse: Warehouse) -> list[tuple[date, float]]:
    return warehouse.query("SELECT DISTINCT day, score_pct FROM history.sle_daily ORDER BY ALL").rows()


def meeting(lake: Lake, barrier: Barrier, tries: list[int]) -> Warehouse:
    """A writer whose first try commits only when that of the other has written everything, too."""

    class Meeting(Warehouse):
        def put(self, connection, table, frame, days):
            rows = super().put(connection, table, frame, days)
            tries.append(1)
            if len(tries) == 1:
                barrier.wait(20)
            return rows

    return Meeting(lake, wait_seconds=20)


def both(lake: Lake, write: Callable[[Warehouse, int], object]) -> list[int]:
    """Let two write at once; how often each had to."""
    barrier, tries = Barrier(2), ([], [])  # type: ignore[var-annotated]
    Warehouse(lake).prepare()
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(write, meeting(lake, barrier, tries[one]), one) for one in (0, 1)]:
            done.result(30)
    return sorted(map(len, tries))


def test_writers_of_different_new_days_do_not_meet(shared: Warehouse) -> None:
    days = (FIRST, SECOND)
    tries = both(
        shared.place,
        lambda ours, one: ours.replace_days(
            history.SLE_DAILY, readings(days[one], *[float(one)] * 50), [days[one]]
        ),
    )
    assert tries == [1, 1]
    assert scores(shared) == [(FIRST, 0.0), (SECOND, 1.0)]


@pytest.mark.parametrize("before", [0, 30], ids=["empty", "with rows"])
def test_of_two_writers_of_the_same_day_the_last_one_wins_wholly(shared: Warehouse, before: int) -> None:
    shared.replace_days(history.SLE_DAILY, readings(FIRST, *[9.0] * before), [FIRST])
    tries = both(
        shared.place,
        lambda ours, one: ours.replace_days(
            history.SLE_DAILY, readings(FIRST, *[float(one)] * (50 + one)), [FIRST]
        ),
    )
    assert tries == [1, 2]
    found = shared.query("SELECT score_pct, count(*) FROM history.sle_daily GROUP BY 1").rows()
    assert found in ([(0.0, 50)], [(1.0, 51)])


def test_writers_of_other_rows_of_one_file_both_succeed(shared: Warehouse) -> None:
    days = (FIRST, SECOND)
    rows = pl.concat([readings(day, *[9.0] * 50) for day in days])
    shared.replace_days(history.SLE_DAILY, rows, days)
    both(
        shared.place,
        lambda ours, one: ours.replace_days(
            history.SLE_DAILY, readings(days[one], *[float(one)] * 50), [days[one]]
        ),
    )
    assert scores(shared) == [(FIRST, 0.0), (SECOND, 1.0)]


def test_a_key_that_two_append_at_once_is_there_once(shared: Warehouse) -> None:
    row = {name: [None] for name in live.ALARMS.column_names} | {"day": [FIRST], "alarm_id": ["a"]}
    alarm = pl.DataFrame(row, schema=live.ALARMS.polars_schema())
    added: list[int] = []
    lake, seen = shared.place, Event()
    assert isinstance(lake, Lake)
    shared.prepare()

    def work(connection: duckdb.DuckDBPyConnection) -> None:
        ((there,),) = connection.execute("SELECT count(*) FROM live.alarms").fetchall()
        added.append(there)
        if not seen.is_set():
            seen.set()
            shared.append(live.ALARMS, alarm)

    lake.commit(work, {live.ALARMS: None}, 20, jitter=lambda _low, _high: 0)
    assert added == [0, 1]


def test_a_write_that_is_contradicted_every_time_ends_and_says_why(shared: Warehouse) -> None:
    lake, pauses = shared.place, list[float]()
    assert isinstance(lake, Lake)
    shared.replace_days(history.SLE_DAILY, readings(FIRST, *[1.0] * 20), [FIRST])

    def stranger(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("DELETE FROM history.sle_daily")
        with lake._opened(1, is_made=False) as (other, _):
            other.rollback()
            other.execute("UPDATE history.sle_daily SET score_pct = 2")

    with pytest.raises(WarehouseBusyError, match="Nothing of this write was kept"):
        lake.commit(stranger, {}, 20, sleep=pauses.append, jitter=lambda _low, high: high)
    assert pauses == sorted(pauses)
    assert len(pauses) == 6
    assert scores(shared) == [(FIRST, 2.0)]


def test_who_writes_alone_is_waited_for_and_named(shared: Warehouse) -> None:
    other = Warehouse(shared.place, wait_seconds=0.05)
    other.prepare()
    with shared.writing() as connection:
        connection.execute("DELETE FROM history.sle_daily")
        with pytest.raises(WarehouseBusyError, match="Others wrote to the shared warehouse mist"):
            other.replace_days(history.SLE_DAILY, readings(FIRST, 1.0), [FIRST])
    other.replace_days(history.SLE_DAILY, readings(FIRST, 1.0), [FIRST])
    assert scores(shared) == [(FIRST, 1.0)]


def test_reads_of_a_block_see_one_moment_and_can_change_nothing(shared: Warehouse) -> None:
    shared.replace_days(history.SLE_DAILY, readings(FIRST, 1.0), [FIRST])
    other = Warehouse(shared.place)
    with shared.reading() as connection:
        before = scores(shared)
        other.replace_days(history.SLE_DAILY, readings(FIRST, 2.0), [FIRST])
        assert scores(shared) == before == [(FIRST, 1.0)]
        with pytest.raises(duckdb.TransactionException, match="read-only"):
            connection.execute("DELETE FROM history.sle_daily")
    assert scores(shared) == [(FIRST, 2.0)]


def test_a_lake_that_two_threads_make_at_once_is_made_once_and_its_files_are_by_month(
    lakes: Lakes, tmp_path: Path
) -> None:
    lake = lake_at(lakes.server, lakes.database(), tmp_path / "files", tmp_path)
    with pytest.raises(FileNotFoundError, match="mist-pipeline backfill"):
        Warehouse(lake).query("SELECT 1")
    assert not lake.exists()
    try:
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(Warehouse(lake).prepare) for _ in range(2)]:
                done.result(60)
        with lake.reading(1) as connection:
            assert version_of(connection) == CURRENT_VERSION
        Warehouse(lake).replace_days(
            history.SLE_DAILY, readings(date(2026, 3, 28), *[1.0] * 20), [date(2026, 3, 28)]
        )
        (file,) = (tmp_path / "files/mist/history/sle_daily").rglob("*.parquet")
        assert file.parent.name == "month=3"
    finally:
        forget(lake)


def test_the_files_of_another_catalogue_are_left_alone(lakes: Lakes, tmp_path: Path) -> None:
    (tmp_path / "files/mist/history").mkdir(parents=True)
    (tmp_path / "files/mist/history/a.parquet").touch()
    lake = lake_at(lakes.server, lakes.database(), tmp_path / "files", tmp_path)
    with pytest.raises(WarehouseUnavailableError, match="whose catalogue is not the configured one"):
        Warehouse(lake).prepare()


def test_the_catalogue_of_a_lake_is_not_opened_over_other_files(shared: Warehouse, tmp_path: Path) -> None:
    lake = shared.place
    assert isinstance(lake, Lake)
    with pytest.raises(WarehouseUnavailableError, match="knows its files in another place"):
        Lake(lake.catalogue, str(tmp_path / "elsewhere"), "mist", tmp_path).exists()


@pytest.mark.parametrize(
    "catalogue",
    [
        f"host=/nowhere dbname=mist user=mist password='{PASSWORD.replace(chr(39), chr(92) + chr(39))}'",
        "postgresql://mist:pa%20ss%27w0rd-of-the-catalogue@/mist?host=/nowhere",
    ],
)
def test_no_error_shows_the_password_of_the_catalogue(catalogue: str, tmp_path: Path) -> None:
    lake = Lake(catalogue, str(tmp_path), "mist", tmp_path)
    with pytest.raises(WarehouseBusyError, match="did not answer for 0 s") as caught:
        Warehouse(lake, wait_seconds=0).query("SELECT 1")
    for said in (str(caught.value), repr(lake), str(lake), repr(caught.value.__cause__)):
        assert "pa ss" not in said
        assert "w0rd" not in said


def test_a_catalogue_that_refuses_is_not_waited_for(lakes: Lakes, tmp_path: Path) -> None:
    lake = lake_at(lakes.server, "no_such_database", tmp_path, tmp_path)
    with pytest.raises(WarehouseUnavailableError, match='database "no_such_database" does not exist'):
        Warehouse(lake, wait_seconds=60).query("SELECT 1")


@pytest.fixture
def no_extensions(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(extensions, "find_spec", lambda _name: None)
    monkeypatch.setattr("mist_pipeline.warehouse.lake._INSTANCES", {})
    return


def test_a_missing_extension_is_named_with_what_to_install(no_extensions: None, tmp_path: Path) -> None:
    with pytest.raises(WarehouseUnavailableError, match=r"duckdb-extension-ducklake.*mist-pipeline\[lake\]"):
        Lake("host=/nowhere", str(tmp_path), "mist", tmp_path).exists()


def test_doctor_says_which_warehouse_it_is_and_what_it_consists_of(shared: Warehouse, tmp_path: Path) -> None:
    lake = shared.place
    assert isinstance(lake, Lake)

    def said(catalogue: str) -> Check:
        variables = {
            "MIST_PIPELINE_DATA": str(tmp_path),
            "MIST_PIPELINE__WAREHOUSE__URL": f"ducklake:postgres:{catalogue}",
            "MIST_PIPELINE__WAREHOUSE__DATA_PATH": lake.data_path,
        }
        return stored.warehouse(load_settings(environment=variables), str)

    shared.replace_days(history.SLE_DAILY, readings(FIRST, *[1.0] * 20), [FIRST])
    state = lake.state(1)
    (file,) = Path(lake.files).rglob("*.parquet")
    assert (state.form, state.num_files, state.num_bytes) == ("1.0", 1, file.stat().st_size)
    found = said(lake.catalogue).found
    assert found.startswith(
        f"the shared warehouse mist (catalogue in PostgreSQL, files in {lake.files}): 1 days"
    )
    assert f"DuckLake 1.0, 1 file of 0.0 MiB, {state.num_snapshots} snapshots" in found
    broken = said(f"{lake.catalogue}&password={PASSWORD}&user=nobody")
    assert broken.verdict == WRONG
    assert "cannot be opened" in broken.found
    assert "w0rd" not in broken.found
