"""The warehouse: partitions replaced whole or not at all, waited for politely, published atomically."""

import multiprocessing
from datetime import UTC, date, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import duckdb
import polars as pl
import pytest

from mist_pipeline.tables import BY_NAME, TABLES, history, live
from mist_pipeline.tables.schema import Column, Table, data_dictionary
from mist_pipeline.warehouse import migrations
from mist_pipeline.warehouse.connection import WarehouseBusyError, connect
from mist_pipeline.warehouse.migrations import CURRENT_VERSION, Migration, WarehouseVersionError, migrate
from mist_pipeline.warehouse.publish import VIEWS, publish
from mist_pipeline.warehouse.store import Warehouse

FIRST, SECOND = date(2026, 3, 28), date(2026, 3, 29)


def readings(day: date, *scores: float | None) -> pl.DataFrame:
    rows = len(scores)
    frame = pl.DataFrame(
        {
            "day": [day] * rows,
            "site_id": [f"site-{number}" for number in range(rows)],
            "metric": ["capacity"] * rows,
            "score_pct": list(scores),
            "state": ["no_users" if score is None else "ok" for score in scores],
        },
        schema_overrides={"score_pct": pl.Float64},
    )
    missing = {
        name: pl.lit(None, dtype)
        for name, dtype in history.SLE_DAILY.polars_schema().items()
        if name not in frame.columns
    }
    return frame.with_columns(**missing)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse.duckdb", wait_seconds=0.2)


def scores(warehouse: Warehouse) -> list[tuple[date, float | None]]:
    return warehouse.query("SELECT day, score_pct FROM history.sle_daily ORDER BY day, site_id").rows()


def test_writing_a_partition_again_replaces_it_and_leaves_its_neighbours(warehouse: Warehouse) -> None:
    warehouse.replace_days(history.SLE_DAILY, readings(FIRST, 90.0, 91.0), [FIRST])
    warehouse.replace_days(history.SLE_DAILY, readings(SECOND, 80.0), [SECOND])
    warehouse.replace_days(history.SLE_DAILY, readings(FIRST, 70.0), [FIRST])
    assert scores(warehouse) == [(FIRST, 70.0), (SECOND, 80.0)]


def test_a_day_without_rows_empties_its_partition(warehouse: Warehouse) -> None:
    warehouse.replace_days(history.SLE_DAILY, readings(FIRST, 90.0), [FIRST])
    warehouse.replace_days(history.SLE_DAILY, history.SLE_DAILY.empty(), [FIRST])
    assert scores(warehouse) == []


def test_rows_of_another_day_are_refused_and_change_nothing(warehouse: Warehouse) -> None:
    warehouse.replace_days(history.SLE_DAILY, readings(FIRST, 90.0), [FIRST])
    with pytest.raises(ValueError, match="2026, 3, 29"):
        warehouse.replace_days(history.SLE_DAILY, readings(SECOND, 80.0), [FIRST])
    assert scores(warehouse) == [(FIRST, 90.0)]


def test_a_failure_inside_a_write_leaves_the_old_partition(warehouse: Warehouse) -> None:
    warehouse.replace_days(history.SLE_DAILY, readings(FIRST, 90.0), [FIRST])

    def interrupted() -> None:
        with warehouse.writing() as connection:
            connection.execute("DELETE FROM history.sle_daily")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power"):
        interrupted()
    assert scores(warehouse) == [(FIRST, 90.0)]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda frame: frame.drop("state"), r"lacks \['state'\]"),
        (lambda frame: frame.with_columns(extra=1), r"unknown columns \['extra'\]"),
        (lambda frame: frame.with_columns(num_users=pl.lit("many")), "history.sle_daily"),
    ],
)
def test_a_frame_that_does_not_fit_names_the_table_and_the_column(
    change, expected: str, warehouse: Warehouse
) -> None:
    with pytest.raises(ValueError, match=expected):
        warehouse.replace_days(history.SLE_DAILY, change(readings(FIRST, 90.0)), [FIRST])


def test_a_frame_comes_back_as_it_went_in(warehouse: Warehouse) -> None:
    sites = pl.DataFrame(
        {
            "day": [FIRST, FIRST],
            "site_id": ["a", "b"],
            "name": ["<script>'; DROP TABLE x; --", None],
            "timezone": ["Asia/Kathmandu", "UTC"],
            "country_code": ["NP", None],
            "latitude": [27.7, None],
            "longitude": [85.3, None],
            "sitegroup_ids": [["g1", "g2"], []],
            "attributes": ['{"models":{"AP45":3}}', "{}"],
            "is_substituted": [False, True],
        },
        schema=history.SITES.polars_schema(),
    )
    warehouse.replace_days(history.SITES, sites, [FIRST])
    assert warehouse.read_days(history.SITES, FIRST, FIRST).sort("site_id").equals(sites)


def test_instants_come_back_in_utc(warehouse: Warehouse) -> None:
    hour = datetime(2026, 3, 29, 1, tzinfo=UTC)
    rows = pl.DataFrame(
        {"hour": [hour], "site_id": ["a"], "day": [SECOND], "num_clients": [3], "num_aps": [1]}
    ).with_columns(num_aps_connected=pl.lit(None, pl.Int64))
    warehouse.replace_days(history.SITE_HOURLY, rows, [SECOND])
    assert warehouse.read_days(history.SITE_HOURLY, SECOND, SECOND)["hour"].to_list() == [hour]


def test_appending_skips_keys_that_are_there(warehouse: Warehouse) -> None:
    alarms = live.ALARMS.empty()
    row = {name: [None] for name in live.ALARMS.column_names} | {"day": [FIRST], "alarm_id": ["a"]}
    first = pl.DataFrame(row, schema=live.ALARMS.polars_schema())
    assert warehouse.append(live.ALARMS, alarms) == 0
    assert warehouse.append(live.ALARMS, first) == 1
    assert warehouse.append(live.ALARMS, pl.concat([first, first.with_columns(alarm_id=pl.lit("b"))])) == 1


def test_reading_before_anything_was_written_says_what_to_do(warehouse: Warehouse) -> None:
    with pytest.raises(FileNotFoundError, match="mist-pipeline backfill"):
        warehouse.query("SELECT 1")


def hold(path: str, ready: Connection) -> None:
    connection = duckdb.connect(path)
    ready.send("held")
    ready.recv()
    connection.close()


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


def test_a_warehouse_of_a_later_version_is_refused(warehouse: Warehouse) -> None:
    with warehouse.writing() as connection:
        connection.execute(
            "INSERT INTO warehouse_version VALUES (?, 'from the future', now())", [CURRENT_VERSION + 1]
        )
    with pytest.raises(WarehouseVersionError, match="Update"):
        Warehouse(warehouse.path).replace_days(history.SLE_DAILY, readings(FIRST, 1.0), [FIRST])


def test_an_old_warehouse_gets_new_columns_and_its_migrations_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "w.duckdb"
    with connect(path, read_only=False) as connection:
        migrate(connection)
        connection.execute("ALTER TABLE history.alarms DROP COLUMN status")
        connection.execute("CREATE TABLE counted (times INTEGER)")
    monkeypatch.setattr(
        migrations,
        "MIGRATIONS",
        (*migrations.MIGRATIONS, Migration(CURRENT_VERSION + 1, "test", ("INSERT INTO counted VALUES (1)",))),
    )
    monkeypatch.setattr(migrations, "CURRENT_VERSION", CURRENT_VERSION + 1)
    for _ in range(2):
        with connect(path, read_only=False) as connection:
            migrate(connection)
            assert connection.execute("SELECT count(*) FROM counted").fetchone() == (1,)
            assert migrations.version_of(connection) == CURRENT_VERSION + 1
            connection.execute("SELECT status FROM history.alarms")


def test_a_column_of_another_type_is_an_error_that_names_it(tmp_path: Path) -> None:
    with connect(tmp_path / "w.duckdb", read_only=False) as connection:
        migrate(connection)
        connection.execute("ALTER TABLE history.sle_daily ALTER num_users TYPE VARCHAR")
        with pytest.raises(WarehouseVersionError, match=r"history\.sle_daily\.num_users"):
            migrate(connection)


def test_the_published_copy_has_the_rows_the_comments_and_the_views(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    warehouse.replace_days(history.SLE_DAILY, readings(FIRST, 90.0, 60.0), [FIRST])
    target = tmp_path / "published" / "mist.duckdb"
    publish(warehouse.path, target)
    warehouse.replace_days(history.SLE_DAILY, readings(FIRST, 50.0), [FIRST])
    with duckdb.connect(str(target), read_only=True) as reader:
        publish(warehouse.path, target)
        assert reader.execute("SELECT count(*) FROM history.sle_daily").fetchone() == (2,)
    with duckdb.connect(str(target), read_only=True) as reader:
        assert reader.execute("SELECT score_pct FROM history.sle_daily").fetchall() == [(50.0,)]
        comment = reader.execute(
            "SELECT comment FROM duckdb_columns() WHERE table_name = 'sle_daily' AND column_name = 'score_pct'"
        ).fetchone()
        assert comment is not None
        assert "[%]" in comment[0]
        for view in VIEWS:
            reader.execute(f"SELECT * FROM {view}")
    assert [path.name for path in target.parent.iterdir()] == ["mist.duckdb"]


def test_every_table_is_defined_once_with_meanings_and_a_key() -> None:
    assert len(BY_NAME) == len(TABLES)
    for table in TABLES:
        assert table.key
        assert table.comment
        for column in table.columns:
            assert column.comment, f"{table.full_name}.{column.name}"
            if column.name.endswith("_pct") and not column.name.startswith(("lower", "upper", "is_")):
                assert column.unit, f"{table.full_name}.{column.name} has no unit"


def test_a_definition_with_a_key_that_is_no_column_is_refused() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        Table("s", "t", "c", (Column("day", "DATE", "d"),), ("nowhere",))


def test_the_data_dictionary_names_every_column() -> None:
    page = data_dictionary(TABLES)
    for table in TABLES:
        assert f"## {table.full_name}" in page
        for column in table.columns:
            assert column.name in page
