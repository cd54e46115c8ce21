"""What docs/operations.md promises of a year of 3,000 sites, extrapolated from a few: rows of a site and day × bytes of a row × rules.

The rows are those of a morning of a small simulated organisation. What a row takes is measured on so many copies of them, as of other sites,
that DuckDB compresses them as it does those of a large organisation.
"""

import re
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

from benchmarks.bench_daily import HOURLY, LAST, analysed, prepared
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis, history, scorecard, state
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.hours import aged as rooms
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.evidence_walk import KEPT_DAYS, store_evidence
from mist_pipeline.workflows.scorecard.issue import keep_issued

SITES, LARGE, YEAR = 4, 3_000, 365
COPIED_ROWS = 130_000
"""More than DuckDB stores together."""
BESIDE_GB = 10
"""Raw files, snapshots, kept evaluations, findings, Dagster's home: measured, and named in the same place."""


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, Settings]:
    warehouse, settings = prepared(tmp_path_factory.mktemp("year"), SITES, HOURLY)
    store_evidence(warehouse, settings, HOURLY[:-1])
    analysed(warehouse, settings, [LAST])
    for table in (scorecard.ISSUED_FORECASTS, scorecard.ISSUED_RISKS):
        keep_issued(warehouse, table, [LAST], datetime(2026, 3, 2, tzinfo=UTC), "1")
    return warehouse, settings


def bytes_a_day(warehouse: Warehouse, table: Table, folder: Path) -> float:
    """What the rows of the newest day take, of one site."""
    newest = f"(SELECT max({table.partition}) FROM {table.full_name})"
    rows = warehouse.query(f"SELECT * FROM {table.full_name} WHERE {table.partition} = {newest}")
    if rows.is_empty():
        return 0.0
    copies = -(-COPIED_ROWS // rows.height)
    sizes = []
    for name, frame in (("empty", rows.clear()), ("full", like_many_sites(table, rows, copies))):
        file = folder / f"{table.schema}-{table.name}-{name}.duckdb"
        with duckdb.connect(str(file)) as connection:
            connection.register("rows_of_it", frame)
            connection.execute("CREATE TABLE it AS SELECT * FROM rows_of_it")
        sizes.append(file.stat().st_size)
    return (sizes[1] - sizes[0]) / copies / SITES


def like_many_sites(table: Table, rows: pl.DataFrame, copies: int) -> pl.DataFrame:
    """As many copies of rows under other sites, with numbers that differ a little: the same ones would take no space."""
    many = pl.concat([rows] * copies)
    copy = pl.int_range(pl.len()) // rows.height
    drawn = np.random.default_rng(5).normal(1.0, 1e-3, many.height)
    return table.conform(
        many.with_columns(
            pl.col(pl.Float64) * pl.Series(drawn),
            *([(pl.col("site_id") + copy.cast(pl.String))] if "site_id" in rows.columns else []),
        )
    ).sort(table.stored_order or table.key)


def promised_gb() -> float:
    text = (Path(__file__).parents[1] / "docs" / "operations.md").read_text(encoding="utf-8")
    found = re.search(r"a year of 3,000 sites stays under \*\*(\d+) GB\*\*", text)
    assert found is not None
    return float(found[1])


@pytest.mark.slow
def test_a_year_of_3000_sites_stays_under_what_is_promised(
    morning: tuple[Warehouse, Settings], tmp_path: Path
) -> None:
    warehouse, settings = morning
    kept = settings.history
    warehouse_days, hourly = 0.0, 0.0
    for table in (*history.TABLES, *analysis.TABLES, *scorecard.TABLES):
        if table.partition is None:
            continue
        size = bytes_a_day(warehouse, table, tmp_path)
        if table in rooms.TABLES:
            hourly += size
        else:
            warehouse_days += size
    states = bytes_a_day(warehouse, state.EVIDENCE, tmp_path) * (kept.keep_state_days / 7 + KEPT_DAYS)
    shapes = bytes_a_day(warehouse, state.DAY_SHAPES, tmp_path) * kept.keep_state_days
    # Hours are in the warehouse or in a file, which is smaller; the published copy has all days and the hours of the warehouse.
    hours = hourly * max(YEAR, kept.keep_hourly_days)
    published = warehouse_days * YEAR + hourly * kept.keep_hourly_days
    year = LARGE * (warehouse_days * YEAR + hours + states + shapes + published) / 1e9
    assert year > 5, "nothing was measured"
    assert year + BESIDE_GB < promised_gb()
