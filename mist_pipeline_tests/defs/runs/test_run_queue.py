"""What is materialised by hand waits for its like, as the runs of jobs do."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

# What the web server hands to the queue can only be made with classes that have no public name.
from dagster._core.test_utils import in_process_test_workspace
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceRequestContext

from mist_pipeline.cli.dagster_home import instance
from mist_pipeline.definitions import build_defs, defs
from mist_pipeline.defs.run_queue import load_of
from mist_pipeline.defs.scope import LOAD_TAG, ORGANISATION_TAG
from mist_pipeline.settings import load_settings


@pytest.mark.parametrize(
    ("groups", "load"),
    [
        pytest.param({"live"}, "live", id="a poll"),
        pytest.param({"analysis"}, "heavy", id="analysis of a day"),
        pytest.param({"analysis", "live"}, "heavy", id="everything"),
        pytest.param({"snapshots"}, None, id="snapshots, whose job has no load"),
        pytest.param({"alerts"}, None, id="copies of the ledger, whose job has no load"),
        pytest.param({"snapshots", "live"}, "live", id="a poll and snapshots"),
        pytest.param({"something new"}, "heavy", id="a group that nobody has thought of"),
        pytest.param({None}, "heavy", id="an asset that is not there any more"),
        pytest.param(set(), None, id="nothing"),
    ],
)
def test_the_load_of_assets(groups: set[str | None], load: str | None) -> None:
    assert load_of(groups) == load


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """The instance as the project's own ``dagster.yaml`` makes it."""
    folder: Path = tmp_path_factory.mktemp("data")
    with instance(load_settings(environment={"MIST_PIPELINE_DATA": str(folder)})) as made:
        yield made


@pytest.fixture(scope="module")
def workspace(opened: dg.DagsterInstance) -> Iterator[WorkspaceRequestContext]:
    with in_process_test_workspace(
        opened, LoadableTargetOrigin(module_name="mist_pipeline.definitions")
    ) as loaded:
        yield loaded


@pytest.mark.slow
@pytest.mark.parametrize(
    ("job", "asset", "load"),
    [
        ("__ASSET_JOB", ["analysis", "trends"], "heavy"),
        ("__ASSET_JOB", ["live", "findings"], "live"),
        ("__ASSET_JOB", ["raw", "sites"], None),
        ("evaluate", None, "evaluate"),
    ],
)
def test_a_run_that_enters_the_queue_has_the_load_of_what_it_makes(
    job: str,
    asset: list[str] | None,
    load: str | None,
    opened: dg.DagsterInstance,
    workspace: WorkspaceRequestContext,
) -> None:
    (location,) = workspace.code_locations
    (repository,) = location.get_repositories().values()
    known = repository.get_full_job(job)
    made = opened.create_run_for_job(
        defs.resolve_job_def(job),
        asset_selection=frozenset([dg.AssetKey(asset)]) if asset else None,
        tags=dict(defs.resolve_job_def(job).tags),
        remote_job_origin=known.get_remote_origin(),
        job_code_origin=known.get_python_origin(),
    )
    queued = opened.submit_run(made.run_id, workspace)
    assert queued.status == dg.DagsterRunStatus.QUEUED
    assert queued.tags.get(LOAD_TAG) == load


KEYED = """\
from mist_pipeline.definitions import build_defs
from mist_pipeline.settings import load_settings

defs = build_defs(load_settings(environment={"MIST_PIPELINE__ORGANISATION__KEY": "acme"}))
"""


@pytest.mark.slow
def test_what_is_materialised_by_hand_says_whose_it_is_and_waits_for_runs_of_its_organisation(
    opened: dg.DagsterInstance, tmp_path: Path
) -> None:
    place = tmp_path / "keyed.py"
    place.write_text(KEYED, encoding="utf-8")
    keyed = build_defs(load_settings(environment={"MIST_PIPELINE__ORGANISATION__KEY": "acme"}))
    with in_process_test_workspace(opened, LoadableTargetOrigin(python_file=str(place))) as loaded:
        (location,) = loaded.code_locations
        (repository,) = location.get_repositories().values()
        known = repository.get_full_job("__ASSET_JOB")
        made = opened.create_run_for_job(
            keyed.resolve_job_def("__ASSET_JOB"),
            asset_selection=frozenset([dg.AssetKey(["acme", "live", "findings"])]),
            remote_job_origin=known.get_remote_origin(),
            job_code_origin=known.get_python_origin(),
        )
        queued = opened.submit_run(made.run_id, loaded)
    assert (queued.tags[LOAD_TAG], queued.tags[ORGANISATION_TAG]) == ("acme__live", "acme")
