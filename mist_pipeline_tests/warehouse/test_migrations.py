"""An old warehouse is brought forward once; one that does not fit is refused."""

from pathlib import Path

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
        Warehouse(warehouse.path).replace_days(history.SLE_DAILY, readings(FIRST, 1.0), [FIRST])


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


def test_a_column_of_another_type_is_an_error_that_names_it(tmp_path: Path) -> None:
    with connect(tmp_path / "w.duckdb", read_only=False) as connection:
        migrate(connection)
        connection.execute("ALTER TABLE history.sle_daily ALTER num_users TYPE VARCHAR")
        with pytest.raises(WarehouseVersionError, match=r"history\.sle_daily\.num_users"):
            migrate(connection)
