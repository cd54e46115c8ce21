"""The whole pipeline on what machines share, PostgreSQL and S3: the same rows as in files, a report, a poll, and its upkeep."""

from pathlib import Path

import polars as pl
import pytest

from mist_pipeline.cli.execution import execute, execute_days
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.tables import TABLES
from mist_pipeline.workflows.progress import silent
from mist_pipeline.workflows.warehouse_access import warehouse_of
from mist_pipeline_tests.end_to_end.conftest import DAYS, NOW, Running, variables
from mist_pipeline_tests.support.object_stores import new_bucket, s3_endpoint, use_s3
from mist_pipeline_tests.support.postgresql import postgresql_server

pytestmark = pytest.mark.slow


def contents(settings: Settings) -> dict[str, pl.DataFrame]:
    """Every history and analysis table, in a fixed order of rows."""
    warehouse = warehouse_of(settings)
    with warehouse.reading():
        return {
            table.full_name: warehouse.query(
                f"SELECT * FROM {table.full_name} ORDER BY {', '.join(table.key)}"
            )
            for table in TABLES
            if table.schema in {"history", "analysis"}
        }


def test_what_machines_share_holds_what_a_file_does(
    cloud: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_s3(monkeypatch, s3_endpoint())
    bucket = new_bucket()
    with postgresql_server() as server:
        shared = {
            "MIST_PIPELINE__WAREHOUSE__URL": f"ducklake:postgres:{server}",
            "MIST_PIPELINE__WAREHOUSE__DATA_PATH": f"{bucket}/warehouse",
            "MIST_PIPELINE__STORAGE__URL": f"{bucket}/files",
            "MIST_PIPELINE__ALERTS__LEDGER": server,
        }
        found = {}
        for name, where in (("file", {}), ("lake", shared)):
            settings = load_settings(environment=variables(cloud, tmp_path / name) | where)
            outcomes = [
                execute(settings, "snapshots", progress=silent, as_of=NOW),
                *execute_days(settings, "daily", DAYS[:1], progress=silent, as_of=NOW),
            ]
            if where:
                outcomes += [
                    execute(settings, job, progress=silent, as_of=NOW) for job in ("live", "retention")
                ]
            assert [one.failures for one in outcomes] == [()] * len(outcomes)
            found[name] = contents(settings)
        assert not settings.warehouse_path.exists()
        assert not [*(tmp_path / "lake" / "raw").rglob("*.manifest.json")]
        assert settings.published_path.exists()
        assert settings.published_live_path.exists()
        for table, rows in found["file"].items():
            assert found["lake"][table].equals(rows), table
        assert found["file"]["analysis.findings"].height + found["file"]["history.sle_hourly"].height > 0
