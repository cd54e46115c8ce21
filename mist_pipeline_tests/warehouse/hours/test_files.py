"""A damaged file of old hours is found and named, is read as nothing else, and can be given up where there is no backup of it."""

import random
from datetime import date
from pathlib import Path

import duckdb
import pytest

from mist_pipeline.warehouse.hours.aged import age, forget_damaged
from mist_pipeline.warehouse.hours.files import (
    LIST,
    HoursDamagedError,
    examine,
    hours_folder,
    listed,
)
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline_tests.support.warehouse.old_hours import (
    DAYS,
    FEBRUARY,
    HOURS,
    JANUARY,
    aged,
    file_of,
    flip,
    hours,
    months,
    seen,
)


def problems(warehouse: Warehouse) -> dict[str, str]:
    with duckdb.connect(str(warehouse.place.path), read_only=True) as connection:
        return {one.path.name: why for one, why in examine(connection, warehouse.place.path) if why}


def test_any_flipped_bit_is_found_by_reading_through(filled: Warehouse) -> None:
    aged(filled)
    assert problems(filled) == {}
    file = file_of(filled)
    whole = file.read_bytes()
    for at in random.Random(7).sample(range(len(whole)), 40):
        flip(file, at)
        assert "SHA-256 differs" in problems(filled)[file.name], at
        file.write_bytes(whole)


def first_page(file: Path) -> int:
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT min(least(data_page_offset, coalesce(dictionary_page_offset, data_page_offset))) FROM parquet_metadata($file)",
            {"file": str(file)},
        ).fetchone()
    return int((found or (0,))[0])


def test_an_error_of_duckdb_while_old_hours_are_read_names_the_file_and_what_to_do(filled: Warehouse) -> None:
    aged(filled)
    file = file_of(filled)
    # The header of a page; the foot of the file, which every reader looks at, is whole.
    file.chmod(0o600)
    content = bytearray(file.read_bytes())
    at = first_page(file)
    content[at : at + 8] = b"\xff" * 8
    file.write_bytes(content)
    with pytest.raises(HoursDamagedError) as said:
        seen(filled)
    words = str(said.value)
    assert "history.sle_hourly, 2026-01" in words
    assert str(file) in words
    assert "mist-pipeline warehouse forget-hours 2026-01" in words
    # What does not ask for them goes on.
    assert filled.query("SELECT count(*) FROM history.sle_daily").item() == 0


def test_an_error_of_something_else_stays_what_it_is(filled: Warehouse) -> None:
    aged(filled)
    with pytest.raises(duckdb.CatalogException):
        filled.query("SELECT * FROM history.nothing")


def test_a_flipped_value_does_not_go_into_the_next_file(filled: Warehouse) -> None:
    [month, *_] = months(filled)
    aged(filled)
    filled.replace_days(HOURS, hours(JANUARY[0], 99.0), [JANUARY[0]])
    flip(file_of(filled), 40)
    with pytest.raises(HoursDamagedError, match="SHA-256"), filled.writing() as connection:
        age(connection, filled.place.path, month)
    assert [one.name for one in hours_folder(filled.place.path).glob("sle*")] == [file_of(filled).name]


def test_a_file_whose_days_were_all_made_again_need_not_be_there(filled: Warehouse) -> None:
    aged(filled)
    file_of(filled).unlink()
    with pytest.raises(HoursDamagedError, match="it is not there"):
        seen(filled)
    filled.replace_all({HOURS: hours(JANUARY[0], 99.0)}, JANUARY[:1])
    with pytest.raises(HoursDamagedError):
        seen(filled)
    filled.replace_days(HOURS, hours(JANUARY[1], 98.0), JANUARY[1:])
    assert seen(filled)["day"].unique().sort().to_list() == DAYS
    assert aged(filled) == [file_of(filled, 2).name]
    assert seen(filled)["day"].unique().sort().to_list() == DAYS


def test_what_is_lost_for_good_is_given_up_and_everything_else_goes_on(filled: Warehouse) -> None:
    aged(filled)
    aged(filled, date(2026, 3, 1))
    file_of(filled).unlink()
    with filled.writing() as connection:
        given_up = forget_damaged(connection, filled.place.path, JANUARY[0].replace(day=1))
        assert [one.table_name for one in given_up] == ["sle_hourly"]
        assert forget_damaged(connection, filled.place.path, FEBRUARY[0]) == []
    assert seen(filled)["day"].unique().sort().to_list() == FEBRUARY
    assert filled.query("SELECT count(DISTINCT day) FROM history.site_hourly").item() == len(DAYS)
    filled.replace_days(HOURS, hours(JANUARY[0]), [JANUARY[0]])
    assert aged(filled) == [file_of(filled).name]


def test_a_file_of_an_earlier_version_has_no_hash_and_is_read(filled: Warehouse) -> None:
    aged(filled)
    file = file_of(filled)
    earlier = file.with_name("sle_hourly-2026-01.1.parquet")
    file.rename(earlier)
    with filled.writing() as connection:
        connection.execute(f"UPDATE {LIST} SET file = ? WHERE file = ?", [earlier.name, file.name])
    assert seen(filled).height == 16
    assert problems(filled) == {}
    with filled.reading() as connection:
        assert {one.number for one in listed(connection, hours_folder(filled.place.path))} == {1}
    filled.replace_days(HOURS, hours(JANUARY[0], 99.0), [JANUARY[0]])
    assert aged(filled) == [file_of(filled, 2).name]
