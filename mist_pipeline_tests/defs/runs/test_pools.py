"""Nothing that computes or asks the cloud keeps others from their turn at the warehouse."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Event

import dagster as dg
import polars as pl
import pytest

from mist_pipeline.definitions import build_defs
from mist_pipeline.defs.assets import forecasts as module
from mist_pipeline.defs.assets.forecasts import forecast_assets
from mist_pipeline.defs.assets.live_findings import live_findings_asset
from mist_pipeline.defs.partitions import daily_partitions
from mist_pipeline.defs.resources import RUN, RunOptions, run_config
from mist_pipeline.defs.scope import ALONE
from mist_pipeline.settings import load_settings
from mist_pipeline.tables import PUBLIC_TABLES, analysis, live
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.progress import silent

DAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


def test_every_step_that_makes_a_table_has_a_pool_that_no_other_has() -> None:
    graph = build_defs(load_settings(environment={})).resolve_asset_graph()
    makers = {graph.get(ALONE.key(table)).assets_def.op for table in PUBLIC_TABLES}
    pools = [pool for maker in makers for pool in maker.pools]
    assert {name for name, count in Counter(pools).items() if count > 1} == set()
    assert len(pools) == len(makers)


@pytest.mark.slow
def test_a_poll_is_evaluated_while_the_search_computes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(
        environment={
            "MIST_PIPELINE_DATA": str(tmp_path),
            "MIST_PIPELINE__HISTORY__START": DAY.isoformat(),
            "MIST_PIPELINE__ORGANISATION__TIMEZONE": "UTC",
        }
    )
    warehouse = Warehouse(settings.warehouse_path, wait_seconds=1)
    warehouse.prepare()
    is_computing, may_end = Event(), Event()

    def computing(*_: object) -> pl.DataFrame:
        is_computing.set()
        assert may_end.wait(60)
        return analysis.MODELS.empty()

    monkeypatch.setattr(module, "model_rows", computing)

    definitions = dg.Definitions(
        assets=[*forecast_assets(ALONE, daily_partitions(settings)), live_findings_asset(ALONE)],
        jobs=[
            dg.define_asset_job("search", dg.AssetSelection.assets(ALONE.key(analysis.MODELS))),
            dg.define_asset_job("evaluation", dg.AssetSelection.assets(ALONE.key(live.FINDINGS))),
        ],
        resources={"settings": settings, "warehouse": warehouse, "progress": silent, RUN: RunOptions()},
    )
    one_place_each = {"concurrency": {"pools": {"default_limit": 1}}}
    with dg.instance_for_test(overrides=one_place_each) as instance, ThreadPoolExecutor(1) as beside:
        search = beside.submit(
            definitions.resolve_job_def("search").execute_in_process,
            instance=instance,
            partition_key=DAY.isoformat(),
        )
        try:
            assert is_computing.wait(60)
            taken = instance.event_log_storage.get_concurrency_info("models")
            evaluated = definitions.resolve_job_def("evaluation").execute_in_process(
                instance=instance, run_config=run_config(NOON)
            )
        finally:
            may_end.set()
        assert taken.active_slot_count == taken.slot_count == 1
        assert evaluated.success
        assert search.result().success
