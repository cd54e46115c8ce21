"""Makes ``version_1.duckdb.gz``: a small warehouse of the last version that stored the state of evidence by position.

Not run by the tests. To make the file again, check out commit 007dddf somewhere and run this script with that package::

    git worktree add ../version-1 007dddf
    cd ../version-1 && PYTHONPATH=. python <this file> version_1.duckdb.gz

It holds fourteen days of hours of two sites, analysed up to the thirteenth, as that version left them.
"""

import gzip
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import polars as pl  # and, below, modules of the old version
from mist_pipeline.defs.evidence import walk
from mist_pipeline.warehouse.tables import history as tables

from mist_pipeline.settings import load_settings
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline_tests.analysis.evidence_frames import START, history


def main(target: Path) -> None:
    """Write the compressed warehouse."""
    days = [START.date() + timedelta(days=number) for number in range(14)]
    frames = history(sites=2, days=len(days), metrics=("coverage",), extra={(1, "coverage"): (296, 320, 0.5)})
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(
            environment={"MIST_PIPELINE_DATA": folder, "MIST_PIPELINE__ORGANISATION__TIMEZONE": "UTC"}
        )
        warehouse = Warehouse(Path(folder) / "warehouse.duckdb")
        for name, table in {
            "sle_hourly": tables.SLE_HOURLY,
            "classifiers_hourly": tables.CLASSIFIERS_HOURLY,
            "site_hourly": tables.SITE_HOURLY,
            "sites": tables.SITES,
        }.items():
            rows = pl.concat([table.empty(), frames[name]], how="diagonal_relaxed").select(table.column_names)
            warehouse.replace_days(table, rows, days)
        walk(warehouse, settings, days[:-1])
        target.write_bytes(gzip.compress(warehouse.place.path.read_bytes(), mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
