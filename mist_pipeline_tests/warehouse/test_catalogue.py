"""Whether a table is there is asked without harm to a transaction that is open."""

import pytest

from mist_pipeline.warehouse.catalogue import has_table
from mist_pipeline.warehouse.store import Warehouse


@pytest.mark.parametrize(
    ("name", "is_there"),
    [("history.sle_daily", True), ("history.nothing", False), ("nowhere.sle_daily", False)],
)
def test_a_table_is_there_or_not_and_the_transaction_goes_on(
    name: str, is_there: bool, warehouse: Warehouse
) -> None:
    with warehouse.writing() as connection:
        connection.execute("CREATE TABLE main.noted (number INTEGER)")
        assert has_table(connection, name) == is_there
        connection.execute("INSERT INTO main.noted VALUES (1)")
    with warehouse.reading() as connection:
        (database,) = connection.execute("SELECT current_database()").fetchone() or ("",)
        assert has_table(connection, f"{database}.{name}") == is_there
        assert connection.execute("FROM main.noted").fetchall() == [(1,)]
