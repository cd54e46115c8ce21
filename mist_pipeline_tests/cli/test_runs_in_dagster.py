"""What Dagster's UI knows of a run of the command line: the same as of one that it started itself."""

from pathlib import Path

import dagster as dg
import pytest
import yaml

from mist_pipeline.cli.code_location.files import WORKSPACE_YAML
from mist_pipeline.cli.dagster_home import instance
from mist_pipeline.cli.execution import execute, execute_days
from mist_pipeline.settings import load_settings
from mist_pipeline.workflows.progress import silent
from mist_pipeline_tests.support.settings.on_a_cluster import ON_A_CLUSTER


@pytest.mark.slow
def test_a_run_of_the_command_line_belongs_to_the_code_location_that_the_ui_shows(tmp_path: Path) -> None:
    settings = load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path)})
    workspace = yaml.safe_load(WORKSPACE_YAML.read_text(encoding="utf-8"))
    (location,) = (one["python_module"]["location_name"] for one in workspace["load_from"])
    assert execute(settings, "retention", progress=silent).is_success
    # The timeline, the history of a job and "Re-execute" find runs by this label.
    shown = dg.RunsFilter(job_name="retention", tags={".dagster/repository": f"__repository__@{location}"})
    with instance(settings) as opened:
        (run,) = opened.get_runs(shown)
    assert run.status == dg.DagsterRunStatus.SUCCESS
    assert run.remote_job_origin is not None
    assert (run.remote_job_origin.location_name, run.remote_job_origin.job_name) == (location, "retention")


@pytest.mark.slow
def test_a_run_that_fails_around_its_steps_is_no_success(tmp_path: Path) -> None:
    settings = load_settings(environment={**ON_A_CLUSTER, "MIST_PIPELINE_DATA": str(tmp_path)})
    (outcome,) = execute_days(settings, "search", [settings.history.start], progress=silent)
    (failure,) = outcome.failures
    assert failure.startswith("search: ")
    assert "Dagster's own storage is on this machine" in failure
    assert not outcome.is_success
