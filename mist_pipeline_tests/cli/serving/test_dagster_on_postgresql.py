"""Dagster's own storage on PostgreSQL, set up as the page on operations says."""

import re
from pathlib import Path

import dagster as dg
import pytest

from mist_pipeline.cli.code_location.files import DAGSTER_YAML
from mist_pipeline.cli.dagster_home import instance
from mist_pipeline.cli.execution import execute
from mist_pipeline.settings import load_settings
from mist_pipeline.workflows.progress import silent
from mist_pipeline_tests.support.postgresql import postgresql_server

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"


@pytest.mark.slow
def test_a_run_is_stored_in_postgresql_and_takes_its_place_in_a_pool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(
        "dagster_postgres", reason="PostgreSQL NOT TESTED: the extra postgres is not installed"
    )
    documented = re.search(
        r"<<'YAML'\n(storage:.*?)YAML\n", OPERATIONS.read_text(encoding="utf-8"), re.DOTALL
    )
    assert documented
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(
        DAGSTER_YAML.read_text(encoding="utf-8") + documented[1], encoding="utf-8"
    )
    settings = load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path / "data")})
    with postgresql_server() as address:
        assert address.startswith("postgresql://")
        monkeypatch.setenv("DAGSTER_HOME", str(home))
        monkeypatch.setenv("DAGSTER_PG_URL", address)
        assert execute(settings, "copies", progress=silent).is_success
        with instance(settings) as opened:
            (run,) = opened.get_runs()
            pool = opened.event_log_storage.get_concurrency_info("ledger_copies")
            storage = type(opened.run_storage).__name__
    assert run.status == dg.DagsterRunStatus.SUCCESS
    assert (pool.slot_count, pool.active_slot_count) == (1, 0)
    assert "Postgres" in storage
