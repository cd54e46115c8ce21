"""Every table is defined once, with meanings, units and a key."""

import pytest

from mist_pipeline.tables import BY_NAME, TABLES
from mist_pipeline.tables.schema import Column, Table, data_dictionary


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
    page = data_dictionary(TABLES, {"worst_sites": "Sites by their worst service level."})
    for table in TABLES:
        assert f"## {table.full_name}" in page
        for column in table.columns:
            assert column.name in page
    assert "| worst_sites | Sites by their worst service level. |" in page
