"""The whole pipeline on what machines share, PostgreSQL and S3: the same rows as in files, a report, a poll, and its upkeep."""

from pathlib import Path

import pytest

from mist_pipeline.cli.execution import execute, execute_days
from mist_pipeline.settings import load_settings
from mist_pipeline.workflows.progress import silent
from mist_pipeline_tests.end_to_end.conftest import DAYS, NOW, Running, variables
from mist_pipeline_tests.support.object_stores import new_bucket, s3_endpoint, use_s3
from mist_pipeline_tests.support.postgresql import postgresql_server
from mist_pipeline_tests.support.warehouse.contents import contents, differing

pytestmark = pytest.mark.slow


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
        assert differing(found["file"], found["lake"]) == []
        assert found["file"]["analysis.findings"].height + found["file"]["history.sle_hourly"].height > 0
