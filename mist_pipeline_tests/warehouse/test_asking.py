"""Values go into a query as they are, and rows come out as DuckDB has them, without what takes long to import."""

from datetime import UTC, date, datetime

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.warehouse.asking import Value, frame_of, frame_of_relation


@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00")))
def test_no_text_ends_its_literal(text: str) -> None:
    with duckdb.connect() as connection:
        assert frame_of(connection, "SELECT getvariable('x') AS x", x=text).rows() == [(text,)]


@pytest.mark.parametrize(
    "value",
    [7, None, date(2026, 3, 1), datetime(2026, 3, 1, 9, 30, tzinfo=UTC), ["x", "'; --"]],
)
def test_a_value_comes_back_as_it_went_in(value: Value) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        # `end` is a word of SQL.
        assert frame_of(connection, "SELECT getvariable('end') AS x", end=value).rows() == [(value,)]


def test_columns_of_one_name_stay_apart() -> None:
    with duckdb.connect() as connection:
        frame = frame_of_relation(connection.sql('SELECT 1 AS a, 2 AS a, 3 AS a_1, 4 AS "b""c", 5 AS "b""c"'))
    assert frame.rows(named=True) == [{"a": 1, "a_1": 2, "a_1_1": 3, 'b"c': 4, 'b"c_1': 5}]
