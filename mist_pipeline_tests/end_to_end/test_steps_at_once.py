"""Steps that do not wait for one another may run at the same time on a cluster: none reads what another one of them makes."""

import re
from collections import defaultdict
from collections.abc import Mapping

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import create_execution_plan, execute_run_iterator
from dagster._core.execution.plan.plan import ExecutionPlan

from mist_pipeline.cli.execution import execute
from mist_pipeline.definitions import build_defs
from mist_pipeline.defs.resources import run_config
from mist_pipeline.tables import TABLES
from mist_pipeline.warehouse import store
from mist_pipeline.workflows.analysis import evidence_walk
from mist_pipeline.workflows.progress import silent
from mist_pipeline.workflows.scorecard import issue
from mist_pipeline_tests.end_to_end.conftest import DAYS, NOW, Configured

pytestmark = pytest.mark.slow

_TABLE = re.compile(r"\b(?:FROM|JOIN)\s+\"?(\w+)\"?\.\"?(\w+)", re.IGNORECASE)


def behind(plan: ExecutionPlan) -> dict[str, set[str]]:
    """Step → every step that has ended before it may begin."""
    found: dict[str, set[str]] = {}
    for step in plan.get_all_steps_in_topo_order():
        direct = step.get_execution_dependency_keys()
        found[step.key] = set(direct).union(*(found[one] for one in direct))
    return found


def test_a_step_reads_only_what_steps_before_it_have_made(
    configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = configured()
    assert execute(settings, "snapshots", progress=silent, as_of=NOW).is_success
    job = build_defs(settings, retry=None).resolve_job_def("daily")
    makers = {
        ".".join(key.path[-2:]): str(job.asset_layer.get_op_output_handle(key).node_handle)
        for key in job.asset_layer.executable_asset_keys
    }
    reads: Mapping[str, set[str]] = defaultdict(set)
    current = ""
    for module in (store, evidence_walk, issue):
        real = module.ask

        def noted(connection: object, sql: str, *rest: object, real: object = real) -> object:
            reads[current].update(".".join(found).lower() for found in _TABLE.findall(sql))
            return real(connection, sql, *rest)  # type: ignore[operator]

        monkeypatch.setattr(module, "ask", noted)
    span = {
        "dagster/asset_partition_range_start": DAYS[0].isoformat(),
        "dagster/asset_partition_range_end": DAYS[1].isoformat(),
    }
    with dg.DagsterInstance.ephemeral() as opened:
        run = opened.create_run_for_job(job, tags=span, run_config=run_config(NOW))
        for event in execute_run_iterator(InMemoryJob(job), run, opened):
            if event.event_type == dg.DagsterEventType.STEP_START:
                current = str(event.step_key)
        assert event.event_type == dg.DagsterEventType.RUN_SUCCESS
    before = behind(create_execution_plan(job, run_config=run_config(NOW), tags=span))
    known = {table.full_name for table in TABLES}
    racing = {
        f"{step} reads {table}, which {makers[table]} makes"
        for step, tables in reads.items()
        for table in tables & known & set(makers)
        if step and makers[table] != step and makers[table] not in before[step]
    }
    assert racing == set()
    assert "history.sle_daily" in reads["forecasts"], "reads are noted"
    assert "analysis.evidence" in reads["findings"], "reads are noted"
