"""Values go into a query as they are, and rows come out as DuckDB has them, without what takes long to import."""

import subprocess
import sys
from datetime import UTC, date, datetime

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.warehouse.asking import Value, ask, frame_of, frame_of_relation, registered


@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00")))
def test_no_text_ends_its_literal(text: str) -> None:
    with duckdb.connect() as connection:
        assert frame_of(connection, "SELECT getvariable('x') AS x", x=text).rows() == [(text,)]


VALUES: list[Value] = [
    *(7, None, True, 0.1, float("inf"), date(2026, 3, 1), datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
    *(datetime(2026, 3, 1, 9, 30), ["x", "'; --"], [date(2026, 3, 1)], [[1], [2, 3]]),  # noqa: DTZ001 - DuckDB has them, too
]


@pytest.mark.parametrize("value", VALUES)
def test_a_value_comes_back_as_it_went_in(value: Value) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        # `end` is a word of SQL.
        assert frame_of(connection, "SELECT getvariable('end') AS x", end=value).rows() == [(value,)]


@pytest.mark.parametrize("value", VALUES)
def test_a_value_of_a_statement_comes_back_as_it_went_in(value: Value) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        named = ask(connection, "SELECT $end AS x, typeof($end)", {"end": value}).fetchall()
        in_order = ask(connection, "SELECT ? AS x, typeof($1)", [value]).fetchall()
        as_duckdb_does = connection.execute("SELECT $end AS x, typeof($end)", {"end": value}).fetchall()
    assert named == in_order == as_duckdb_does == [(value, named[0][1])]


def test_a_statement_changes_rows_and_says_how_many() -> None:
    rows = pl.DataFrame({"x": [1, 2, 3], "y": ["a", None, "c"]}, schema_overrides={"y": pl.Categorical})
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE it (y VARCHAR, x BIGINT)")
        with registered(connection, "incoming", rows):
            connection.execute("INSERT INTO it BY NAME SELECT * FROM incoming")
        deleted = ask(connection, "DELETE FROM it WHERE x IN (SELECT unnest($which))", {"which": [1]})
        assert deleted.fetchall() == [(1,)]
        assert ask(connection, "SELECT x, y FROM it").fetchall() == [(2, None), (3, "c")]
        with pytest.raises(duckdb.CatalogException):
            connection.execute("FROM incoming")


def test_neither_values_nor_rows_import_pandas() -> None:
    program = """
import sys, duckdb, polars
from mist_pipeline.warehouse.asking import ask, registered
with duckdb.connect() as connection:
    with registered(connection, "it", polars.DataFrame({"x": [1]})):
        connection.execute("CREATE TABLE there AS FROM it")
    assert ask(connection, "FROM there WHERE x = ?", [1]).pl().height == 1
assert "pandas" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_columns_of_one_name_stay_apart() -> None:
    with duckdb.connect() as connection:
        frame = frame_of_relation(connection.sql('SELECT 1 AS a, 2 AS a, 3 AS a_1, 4 AS "b""c", 5 AS "b""c"'))
    assert frame.rows(named=True) == [{"a": 1, "a_1": 2, "a_1_1": 3, 'b"c': 4, 'b"c_1': 5}]
