"""What the page of a partition or of a failed check shows: of that day, and of those rows."""

from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mist_pipeline.defs.checks.rows import row_checks
from mist_pipeline.defs.scope import ALONE
from mist_pipeline.defs.table_io import BACKFILL, replaced, spec
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline_tests.support.defs.rows import FIRST, SECOND, TABLE, frame, row

DAILY = dg.DailyPartitionsDefinition(start_date=FIRST.isoformat(), timezone="UTC")
THIRD = date(2026, 3, 30)
SITE = "<script>alert(1)</script>"
ROWS = frame(
    row(site_id="a"),
    row(site_id="b"),
    row(site_id="b"),
    row(day=SECOND, site_id=SITE, score_pct=float("nan")),
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dg.ExecuteInProcessResult:
    """A run over three days, of which the last has no row."""
    folder: Path = tmp_path_factory.mktemp("metadata")

    @dg.multi_asset(specs=[spec(ALONE, TABLE, partitions=DAILY)], backfill_policy=BACKFILL)
    def source(context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]) -> Any:
        return replaced(
            ALONE, context, warehouse, TABLE, ROWS, lambda day: {"sites": day["site_id"].n_unique()}
        )

    definitions = dg.Definitions(
        assets=[source],
        asset_checks=[row_checks(ALONE, TABLE)],
        jobs=[dg.define_asset_job("made", executor_def=dg.in_process_executor)],
        resources={"warehouse": Warehouse(folder / "warehouse.duckdb")},
    )
    span = {
        "dagster/asset_partition_range_start": FIRST.isoformat(),
        "dagster/asset_partition_range_end": THIRD.isoformat(),
    }
    with dg.DagsterInstance.ephemeral() as instance:
        return definitions.resolve_job_def("made").execute_in_process(
            instance=instance, raise_on_error=False, tags=span
        )


def test_each_day_of_a_run_tells_its_own_rows(result: dg.ExecuteInProcessResult) -> None:
    told = {}
    for event in result.asset_materializations_for_node("source"):
        assert event.asset_key == ALONE.key(TABLE)
        told[event.partition] = {name: value.value for name, value in event.metadata.items()}
    days = [day.isoformat() for day in (FIRST, SECOND, THIRD)]
    assert [told[day]["dagster/row_count"] for day in days] == [3, 1, 0]
    assert [told[day]["sites"] for day in days] == [2, 1, 0]
    previews = [told[day]["preview"] for day in days]
    assert [len(text.splitlines()) - 2 for text in previews] == [3, 1, 0]
    assert "script" in previews[1]
    assert "<script" not in previews[1]


def test_a_failed_check_shows_the_rows_and_the_query_that_finds_them(
    result: dg.ExecuteInProcessResult,
) -> None:
    failed = {one.check_name: one for one in result.get_asset_check_evaluations()}
    keys, values = (failed[name].metadata for name in ("keys_are_unique", "values_are_possible"))
    assert [record.data["site_id"] for record in keys["failing_rows"].records] == ["b", "b"]
    (nan,) = values["failing_rows"].records
    assert (nan.data["site_id"], nan.data["score_pct"]) == (SITE, "nan")
    assert f"BETWEEN DATE '{FIRST}' AND DATE '{THIRD}'" in values["query"].value
    assert "QUALIFY" in keys["query"].value
