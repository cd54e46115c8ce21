"""A warehouse with hours of two months, of which the first is old, for tests of the files that old hours go into."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from mist_pipeline.tables import history
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.hours import aged as rooms
from mist_pipeline.warehouse.hours.aged import age, old_months
from mist_pipeline.warehouse.hours.files import hours_folder
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline_tests.support.defs.rows import frame, row

JANUARY = [date(2026, 1, 30), date(2026, 1, 31)]
FEBRUARY = [date(2026, 2, 1), date(2026, 2, 2)]
DAYS = [*JANUARY, *FEBRUARY]
HOURS = history.SLE_HOURLY
BEFORE = date(2026, 2, 2)
"""January is over, February is not."""


def hours(day: date, score: float = 50.0, table: Table = HOURS) -> pl.DataFrame:
    """Two hours of two sites, one without a score."""
    known = {"score_pct": score} if table is HOURS else {}
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    rows = (
        row(table, day=day, hour=begin + timedelta(hours=hour), site_id=site, **known)
        for hour in range(2)
        for site in ("a", "b")
    )
    found = frame(*rows, table=table)
    return (
        found.with_columns(score_pct=pl.when(pl.col("site_id") == "a").then("score_pct")) if known else found
    )


def filled_with_hours(warehouse: Warehouse) -> Warehouse:
    """It, with hours of all days in all tables of hours."""
    for day in DAYS:
        warehouse.replace_all({table: hours(day, table=table) for table in rooms.TABLES}, [day])
    return warehouse


def aged(warehouse: Warehouse, before: date = BEFORE) -> list[str]:
    """Move what is old enough; names of the files."""
    made = []
    for month in months(warehouse, before):
        with warehouse.writing() as connection:
            made.append(age(connection, warehouse.place.path, month).name)
    return made


def file_of(warehouse: Warehouse, number: int = 1) -> Path:
    """The file with January's scores; the next one once days have come back."""
    [found] = hours_folder(warehouse.place.path).glob(f"sle_hourly-2026-01.{number}.*.parquet")
    return found


def months(warehouse: Warehouse, before: date = BEFORE) -> list[rooms.Month]:
    """What is too old."""
    with warehouse.reading() as connection:
        return old_months(connection, before)


def seen(warehouse: Warehouse, table: Table = HOURS) -> pl.DataFrame:
    """What readers see of a table of hours."""
    return warehouse.query(f"SELECT * FROM {table.full_name} ORDER BY hour, site_id")


def flip(file: Path, at: int) -> None:
    """One bit is another one."""
    file.chmod(0o600)
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)
