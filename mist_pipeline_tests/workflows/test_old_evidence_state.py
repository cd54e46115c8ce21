"""A warehouse of version 1, whose state of evidence was stored by position, is read as if it had always been by name.

The file is made by ``mist_pipeline_tests/support/warehouse/version_1.py``.
"""

import gzip
import shutil
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.tables import analysis, history, state
from mist_pipeline.warehouse.migrations import CURRENT_VERSION, version_of
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.evidence_walk import store_evidence

VERSION_1 = Path(__file__).parent.parent / "warehouse" / "version_1.duckdb.gz"
DAYS = [date(2026, 2, 2) + timedelta(days=number) for number in range(14)]
LAST = DAYS[-1]


def unpacked(path: Path) -> Warehouse:
    path.write_bytes(gzip.decompress(VERSION_1.read_bytes()))
    return Warehouse(path)


@pytest.fixture
def old(tmp_path: Path) -> Warehouse:
    return unpacked(tmp_path / "old.duckdb")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    data = str(tmp_path_factory.mktemp("data"))
    return load_settings(
        environment={"MIST_PIPELINE_DATA": data, "MIST_PIPELINE__ORGANISATION__TIMEZONE": "UTC"}
    )


@pytest.fixture(scope="module")
def analysed(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of this version with the same history, analysed up to the same day."""
    folder = tmp_path_factory.mktemp("new")
    source, warehouse = unpacked(folder / "old.duckdb"), Warehouse(folder / "new.duckdb")
    for table in (history.SLE_HOURLY, history.CLASSIFIERS_HOURLY, history.SITE_HOURLY, history.SITES):
        warehouse.replace_days(table, source.read_days(table, DAYS[0], LAST), DAYS)
    store_evidence(warehouse, settings, DAYS[:-1])
    return warehouse.place.path


@pytest.fixture
def new(analysed: Path, tmp_path: Path) -> Warehouse:
    return Warehouse(Path(shutil.copy(analysed, tmp_path)))


def stored_state(warehouse: Warehouse) -> pl.DataFrame:
    return warehouse.query("SELECT * FROM state.evidence ORDER BY day, part, site_id, metric, classifier")


@pytest.mark.slow
def test_the_converted_state_has_the_form_that_this_version_stores(old: Warehouse, new: Warehouse) -> None:
    with old.reading() as connection:
        assert version_of(connection) == 1
    old.prepare()
    with old.reading() as connection:
        assert version_of(connection) == CURRENT_VERSION
    assert stored_state(old).height > 0
    before, now = stored_state(old), stored_state(new)
    keys = ["day", "part", "site_id", "metric", "classifier"]
    assert_frame_equal(before.select(keys), now.select(keys))
    assert before["numbers"].list.len().to_list() == now["numbers"].list.len().to_list()
    # An earlier version knew no episodes and no tails of single series, which begin anew, and learnt noise from other days.
    begun = pl.col("part").str.starts_with("episode.") | pl.col("part").is_in(
        ["series.tail", "series.tail_weight"]
    )
    assert before.filter(begun)["numbers"].list.sum().sum() == 0
    usual = pl.col("part").is_in(["version", "next_hour", "windows", "series.days", "series.fast_exposure"])
    is_same = usual | pl.col("part").str.starts_with("site.")
    assert_frame_equal(before.filter(is_same), now.filter(is_same), check_exact=True)


@pytest.mark.slow
def test_the_next_day_after_an_old_state_finds_what_a_new_state_finds(
    old: Warehouse, new: Warehouse, settings: Settings
) -> None:
    for warehouse in (old, new):
        assert store_evidence(warehouse, settings, [LAST]) > 0
    # Noise was learnt from other days, so that surprises differ a little: what is there, and what is worst, does not.
    rows = [
        warehouse.read_days(analysis.EVIDENCE, LAST, LAST).sort("surprise", descending=True)
        for warehouse in (old, new)
    ]
    series = ["site_id", "metric", "classifier", "window_hours"]
    assert rows[0].select(series).row(0) == rows[1].select(series).row(0)
    assert rows[0]["surprise"][0] == pytest.approx(rows[1]["surprise"][0], rel=0.3)


@pytest.mark.slow
def test_a_warehouse_from_before_there_was_a_state_is_opened_too(old: Warehouse) -> None:
    with duckdb.connect(str(old.place.path)) as connection:
        connection.execute("DROP TABLE state.evidence")
    old.prepare()
    assert old.read_days(state.EVIDENCE, DAYS[0], LAST).is_empty()
