"""The published copy is replaced atomically, with comments and views."""

from pathlib import Path

import duckdb
import pytest

from mist_pipeline.tables import history
from mist_pipeline.warehouse.publish import VIEWS, publish
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline_tests.support.warehouse.rows import FIRST, readings


@pytest.mark.slow
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
