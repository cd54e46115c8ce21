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

from mist_pipeline.analysis.evidence.windows import EvidenceOptions
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
    return warehouse.path


@pytest.fixture
def new(analysed: Path, tmp_path: Path) -> Warehouse:
    return Warehouse(Path(shutil.copy(analysed, tmp_path)))


def stored_state(warehouse: Warehouse) -> pl.DataFrame:
    return warehouse.query("SELECT * FROM state.evidence ORDER BY day, part, site_id, metric, classifier")


@pytest.mark.slow
def test_the_converted_state_is_the_one_that_this_version_stores(old: Warehouse, new: Warehouse) -> None:
    with old.reading() as connection:
        assert version_of(connection) == 1
    old.prepare()
    with old.reading() as connection:
        assert version_of(connection) == CURRENT_VERSION
    assert stored_state(old).height > 0
    # An earlier version knew no episodes: they begin anew.
    is_episode = pl.col("part").str.starts_with("episode.")
    assert_frame_equal(
        stored_state(old).filter(~is_episode), stored_state(new).filter(~is_episode), check_exact=True
    )
    assert stored_state(old).filter(is_episode).height == stored_state(new).filter(is_episode).height
    assert stored_state(old).filter(is_episode)["numbers"].list.sum().sum() == 0


@pytest.mark.slow
def test_the_next_day_after_an_old_state_has_the_rows_that_a_new_state_gives(
    old: Warehouse, new: Warehouse, settings: Settings
) -> None:
    for warehouse in (old, new):
        assert store_evidence(warehouse, settings, [LAST]) > 0
    episodes = ("began_at", "last_bad_at", "recovery", "lost_user_minutes", "is_accepted")
    rows = [
        warehouse.read_days(analysis.EVIDENCE, DAYS[0], LAST)
        .filter(pl.col("surprise") >= EvidenceOptions().min_surprise)
        .drop(episodes)
        for warehouse in (old, new)
    ]
    assert_frame_equal(*rows, check_row_order=False, check_exact=True)


@pytest.mark.slow
def test_a_warehouse_from_before_there_was_a_state_is_opened_too(old: Warehouse) -> None:
    with duckdb.connect(str(old.path)) as connection:
        connection.execute("DROP TABLE state.evidence")
    old.prepare()
    assert old.read_days(state.EVIDENCE, DAYS[0], LAST).is_empty()
