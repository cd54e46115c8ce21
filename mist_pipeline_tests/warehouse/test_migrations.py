"""An old warehouse is brought forward once; one that does not fit is refused."""

from datetime import timedelta
from pathlib import Path
from typing import cast

import duckdb
import pytest

from mist_pipeline.tables import history
from mist_pipeline.warehouse import migrations
from mist_pipeline.warehouse.connection import connect
from mist_pipeline.warehouse.migrations import CURRENT_VERSION, Migration, WarehouseVersionError, migrate
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline_tests.support.warehouse.rows import FIRST, readings


def test_a_warehouse_of_a_later_version_is_refused(warehouse: Warehouse) -> None:
    with warehouse.writing() as connection:
        connection.execute(
            "INSERT INTO warehouse_version VALUES (?, 'from the future', now())", [CURRENT_VERSION + 1]
        )
    with pytest.raises(WarehouseVersionError, match="Update"):
        Warehouse(warehouse.place).replace_days(history.SLE_DAILY, readings(FIRST, 1.0), [FIRST])


@pytest.mark.slow
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


@pytest.mark.slow
def test_the_days_of_an_old_warehouse_are_put_in_the_order_of_sites_once(tmp_path: Path) -> None:
    second = FIRST + timedelta(days=1)
    stored = f"SELECT day, site_id FROM {history.SLE_HOURLY.full_name} ORDER BY rowid"
    with connect(tmp_path / "w.duckdb", read_only=False) as connection:
        migrate(connection)
        comments = connection.execute(_COMMENTS).fetchall()
        connection.execute("DROP TABLE history.devices")
        connection.execute("DELETE FROM warehouse_version")
        connection.execute("INSERT INTO warehouse_version VALUES (5, 'test', now())")
        connection.execute(
            f"INSERT INTO {history.SLE_HOURLY.full_name} (day, site_id) SELECT day, 's' || n FROM "
            "(SELECT unnest([3, 1, 2]) AS n), (SELECT unnest([$first, $second]) AS day)",
            {"first": second, "second": FIRST},
        )
        migrate(connection)
        rows = connection.execute(stored).fetchall()
        assert rows == [(day, site) for day in (FIRST, second) for site in ("s1", "s2", "s3")]
        assert connection.execute(_COMMENTS).fetchall() == comments
        connection.execute(
            f"INSERT INTO {history.SLE_HOURLY.full_name} (day, site_id) VALUES ($day, 's0')", {"day": FIRST}
        )
        migrate(connection)
        assert connection.execute(stored).fetchall() == [*rows, (FIRST, "s0")]


_COMMENTS = """
    SELECT schema_name, table_name, column_name, data_type, comment FROM duckdb_columns()
    WHERE NOT internal AND schema_name <> 'main' ORDER BY ALL
    """


def test_a_column_of_another_type_is_an_error_that_names_it(tmp_path: Path) -> None:
    with connect(tmp_path / "w.duckdb", read_only=False) as connection:
        migrate(connection)
        connection.execute("ALTER TABLE history.sle_daily ALTER num_users TYPE VARCHAR")
        with pytest.raises(WarehouseVersionError, match=r"history\.sle_daily\.num_users"):
            migrate(connection)


def test_comments_follow_their_definitions_and_a_current_warehouse_is_left_alone(tmp_path: Path) -> None:
    executed: list[str] = []

    class Listening:
        """A connection that writes down what it is asked to do."""

        def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
            self._connection = connection

        def execute(self, sql: str, *parameters: object) -> duckdb.DuckDBPyConnection:
            executed.append(sql)
            return self._connection.execute(sql, *parameters)

        def __getattr__(self, name: str) -> object:
            return getattr(self._connection, name)

    with connect(tmp_path / "w.duckdb", read_only=False) as connection:
        migrate(connection)
        connection.execute("COMMENT ON TABLE history.alarms IS 'of an earlier version'")
        connection.execute("COMMENT ON COLUMN history.alarms.status IS NULL")
        for _ in range(2):
            migrate(cast("duckdb.DuckDBPyConnection", Listening(connection)))
        ((table,),) = connection.execute(
            "SELECT comment FROM duckdb_tables() WHERE schema_name = 'history' AND table_name = 'alarms'"
        ).fetchall()
        ((column,),) = connection.execute(
            "SELECT comment FROM duckdb_columns() WHERE schema_name = 'history' AND table_name = 'alarms' "
            "AND column_name = 'status'"
        ).fetchall()
    (status,) = (one for one in history.ALARMS.columns if one.name == "status")
    assert (table, column) == (history.ALARMS.comment, status.description)
    (change,) = (sql for sql in executed if "COMMENT ON" in sql)
    assert change.count("COMMENT ON") == 2
