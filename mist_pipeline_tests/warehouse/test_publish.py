"""The published copy is replaced atomically, with comments and views."""

from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from mist_pipeline.tables import history
from mist_pipeline.warehouse.publish import publish
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.warehouse.views import SITE_VIEWS
from mist_pipeline_tests.support.warehouse.rows import FIRST, readings


def described(day_offset: int, *sites: tuple[str, str | None]) -> pl.DataFrame:
    absent = dict.fromkeys(history.SITES.column_names)
    day = FIRST + timedelta(days=day_offset)
    rows = [{**absent, "day": day, "site_id": site_id, "name": name} for site_id, name in sites]
    return pl.DataFrame(rows, schema=history.SITES.polars_schema())


def test_views_call_a_site_as_every_surface_does(warehouse_file: Warehouse, tmp_path: Path) -> None:
    earlier = described(0, ("s1", "Lab"), ("s2", "Old"), ("gone", "Shop"))
    warehouse_file.replace_days(history.SITES, earlier, [FIRST])
    newest = described(1, ("s1", "Lab"), ("s2", "lab"), ("s3", "Shop"), ("s4", None))
    warehouse_file.replace_days(history.SITES, newest, [FIRST + timedelta(days=1)])
    published = publish(warehouse_file, tmp_path / "mist.duckdb")
    with duckdb.connect(str(published), read_only=True) as reader:
        named = dict(reader.execute("SELECT site_id, site_name FROM site_names").fetchall())
        present = dict(reader.execute("SELECT site_id, site_name FROM sites").fetchall())
    assert named == {
        "s1": "Lab · s1",
        "s2": "lab · s2",
        "s3": "Shop",
        "s4": "site s4",
        "gone": "Shop · gone",
    }
    assert present == {site_id: name for site_id, name in named.items() if site_id != "gone"}


@pytest.mark.slow
def test_the_published_copy_has_the_rows_the_comments_and_the_views(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    warehouse.replace_days(history.SLE_DAILY, readings(FIRST, 90.0, 60.0), [FIRST])
    target = tmp_path / "published" / "mist.duckdb"
    publish(warehouse, target)
    warehouse.replace_days(history.SLE_DAILY, readings(FIRST, 50.0), [FIRST])
    with duckdb.connect(str(target), read_only=True) as reader:
        publish(warehouse, target)
        assert reader.execute("SELECT count(*) FROM history.sle_daily").fetchone() == (2,)
    with duckdb.connect(str(target), read_only=True) as reader:
        assert reader.execute("SELECT score_pct FROM history.sle_daily").fetchall() == [(50.0,)]
        comment = reader.execute(
            "SELECT comment FROM duckdb_columns() WHERE table_name = 'sle_daily' AND column_name = 'score_pct'"
        ).fetchone()
        assert comment is not None
        assert "[%]" in comment[0]
        for view in SITE_VIEWS:
            reader.execute(f"SELECT * FROM {view}")
    assert [path.name for path in target.parent.iterdir()] == ["mist.duckdb"]


@pytest.mark.slow
def test_a_warehouse_of_an_earlier_version_is_published_with_the_tables_that_it_lacks(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    with warehouse.writing() as connection:
        connection.execute("DROP SCHEMA scorecard CASCADE")
    published = publish(Warehouse(warehouse.place), tmp_path / "mist.duckdb")
    with duckdb.connect(str(published), read_only=True) as reader:
        assert reader.execute("SELECT count(*) FROM scorecard.crossings").fetchone() == (0,)
