"""The asset checks name the column or the key that is wrong, look at the days of their run, and stop what is downstream."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from mist_pipeline.defs.checks.days import days_of_result
from mist_pipeline.defs.checks.history import sle_daily_checks
from mist_pipeline.defs.checks.rows import KEYS, PERCENTAGES, VALUES, faults, row_checks
from mist_pipeline.defs.resources import RUN, RunOptions, run_config
from mist_pipeline.defs.scope import ALONE
from mist_pipeline.defs.table_io import BACKFILL, days_of, replaced, spec
from mist_pipeline.settings import load_settings
from mist_pipeline.tables import PUBLIC_TABLES
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline_tests.support.defs.rows import FIRST, INSTANT, SECOND, TABLE, frame, row, write

pytestmark = pytest.mark.slow

DAILY = dg.DailyPartitionsDefinition(start_date="2026-03-01", timezone="UTC")
EVERY_TABLE = pytest.mark.parametrize("table", PUBLIC_TABLES, ids=lambda table: table.full_name)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse for tests that replace what they look at."""
    return Warehouse(tmp_path_factory.mktemp("checks") / "warehouse.duckdb")


def materialised(
    folder: Path, rows: pl.DataFrame, days: Sequence[date] = (FIRST,), *, as_of: datetime = INSTANT
) -> dg.ExecuteInProcessResult:
    """A run of an asset that writes these rows, its real checks, and an asset made from it."""

    @dg.multi_asset(specs=[spec(ALONE, TABLE, partitions=DAILY)], backfill_policy=BACKFILL)
    def source(context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]) -> Any:
        return replaced(ALONE, context, warehouse, TABLE, rows.filter(pl.col("day").is_in(days_of(context))))

    @dg.asset(deps=[ALONE.key(TABLE)], partitions_def=DAILY, backfill_policy=BACKFILL)
    def downstream() -> None: ...

    checks = [row_checks(ALONE, TABLE), *sle_daily_checks(ALONE)]
    definitions = dg.Definitions(
        assets=[source, downstream],
        asset_checks=checks,
        jobs=[dg.define_asset_job("all_of_it", executor_def=dg.in_process_executor)],
        resources={
            "warehouse": Warehouse(folder / "warehouse.duckdb"),
            "settings": load_settings(environment={}),
            RUN: RunOptions(),
        },
    )
    with dg.DagsterInstance.ephemeral() as instance:
        return definitions.resolve_job_def("all_of_it").execute_in_process(
            instance=instance,
            raise_on_error=False,
            tags={
                "dagster/asset_partition_range_start": days[0].isoformat(),
                "dagster/asset_partition_range_end": days[-1].isoformat(),
            },
            run_config=run_config(as_of),
        )


def evaluations(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}


def made(result: dg.ExecuteInProcessResult) -> set[str]:
    return {
        event.asset_key.to_user_string()
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }


WRONG_ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "more than everything": ({"score_pct": 101.0}, "score_pct"),
    "less than nothing": ({"score_pct": -0.1}, "score_pct"),
    "no number": ({"score_pct": float("nan")}, "score_pct"),
    "endless": ({"score_pct": float("inf")}, "score_pct"),
    "ok without a score": ({"score_pct": None}, "score_pct"),
    "no users, and a score": ({"state": "no_users"}, "score_pct"),
    "missing, and a score": ({"state": "missing"}, "score_pct"),
    "negative minutes": ({"degraded_user_minutes": -1.0}, "degraded_user_minutes"),
    "minutes that are no number": ({"total_user_minutes": float("nan")}, "total_user_minutes"),
    "negative users": ({"num_users": -1}, "num_users"),
}


@pytest.mark.parametrize(("values", "column"), WRONG_ROWS.values(), ids=WRONG_ROWS)
def test_an_impossible_value_fails_the_check_which_names_its_column(
    values: dict[str, Any], column: str, shared: Warehouse
) -> None:
    write(shared, TABLE, row(**values), row(site_id="b"))
    assert faults(shared, TABLE, (FIRST, FIRST))[VALUES] == {column: 1}


@pytest.mark.parametrize("state", ["healthy", "OK", "", None])
def test_an_unknown_state_is_reported(state: str | None, shared: Warehouse) -> None:
    write(shared, TABLE, row(state=state, score_pct=None))
    assert faults(shared, TABLE, (FIRST, FIRST))[VALUES] == {"state": 1}


def test_rows_without_a_score_are_possible_where_their_state_says_why(shared: Warehouse) -> None:
    states = ("no_users", "not_supported", "missing")
    write(shared, TABLE, *(row(site_id=state, state=state, score_pct=None) for state in states))
    assert faults(shared, TABLE, (FIRST, FIRST))[VALUES] == {}


@EVERY_TABLE
def test_a_possible_row_passes_and_the_same_row_twice_is_a_repeated_key(
    table: Table, shared: Warehouse
) -> None:
    good = row(table)
    write(shared, table, good)
    assert faults(shared, table, None)[VALUES] == {}
    assert faults(shared, table, None)[KEYS] == {}
    write(shared, table, good, good, good)
    assert faults(shared, table, None)[KEYS] == {"repeated": 1}


def bounded() -> Iterator[tuple[Table, str, float]]:
    for table in PUBLIC_TABLES:
        for column in table.columns:
            if column.name in PERCENTAGES:
                yield table, column.name, 100.5
            elif column.name.endswith("_user_minutes") and not column.name.startswith("excess"):
                yield table, column.name, -1.0


@pytest.mark.parametrize(
    ("table", "column", "value"),
    list(bounded()),
    ids=[f"{table.full_name}.{column}" for table, column, _ in bounded()],
)
def test_every_bounded_column_is_watched(table: Table, column: str, value: float, shared: Warehouse) -> None:
    write(shared, table, row(table, **{column: value}))
    assert faults(shared, table, None)[VALUES] == {column: 1}


def test_a_run_tells_what_is_wrong_and_makes_nothing_of_it(tmp_path: Path) -> None:
    wrong = frame(row(score_pct=101.0, num_users=-2), row(site_id="b", num_users=-1), row(site_id="c"))
    result = materialised(tmp_path, wrong)
    check = evaluations(result)["values_are_possible"]
    assert not check.passed
    assert check.blocking
    assert set(str(check.description).split(", ")) == {"1 rows of score_pct", "2 rows of num_users"}
    assert {name: check.metadata[name].value for name in ("score_pct", "num_users")} == {
        "score_pct": 1,
        "num_users": 2,
    }
    assert made(result) == {"history/sle_daily"}
    assert not result.success


def test_a_repeated_key_is_reported_with_the_columns_of_the_key_and_stops_the_run(tmp_path: Path) -> None:
    result = materialised(tmp_path, frame(row(), row(), row(site_id="b")))
    check = evaluations(result)["keys_are_unique"]
    assert not check.passed
    assert check.description == "1 keys (day, site_id, metric) occur more than once"
    assert made(result) == {"history/sle_daily"}
    assert not result.success


def test_good_rows_pass_and_the_run_goes_on(tmp_path: Path) -> None:
    result = materialised(tmp_path, frame(row(), row(site_id="b")))
    assert {name: check.passed for name, check in evaluations(result).items()} == {
        "keys_are_unique": True,
        "values_are_possible": True,
        "sites_report": True,
        "is_fresh": True,
    }
    assert made(result) == {"history/sle_daily", "downstream"}
    assert result.success


def test_a_check_reads_the_days_of_its_run_only(tmp_path: Path) -> None:
    Warehouse(tmp_path / "warehouse.duckdb").replace_days(TABLE, frame(row(score_pct=101.0)), [FIRST])
    later = frame(row(day=SECOND))
    assert evaluations(materialised(tmp_path, later, [SECOND]))["values_are_possible"].passed
    both = frame(row(score_pct=101.0), row(day=SECOND, score_pct=101.0))
    check = evaluations(materialised(tmp_path, both, [FIRST, SECOND]))["values_are_possible"]
    assert check.description == "2 rows of score_pct"


def test_a_result_says_which_days_it_is_about_and_which_of_them_failed(tmp_path: Path) -> None:
    silent = [row(site_id=f"s{n}", state="missing", score_pct=None) for n in range(3)]
    rows = frame(row(), *silent, row(day=SECOND, score_pct=101.0), row(day=SECOND, site_id="b"))
    found = evaluations(materialised(tmp_path, rows, [FIRST, SECOND]))
    assert {name: days_of_result(check.metadata) for name, check in found.items()} == {
        "keys_are_unique": ((FIRST, SECOND), ()),
        "values_are_possible": ((FIRST, SECOND), (SECOND,)),
        "sites_report": ((FIRST, SECOND), (FIRST,)),
        "is_fresh": (None, ()),
    }


def test_a_repeated_key_names_its_day(tmp_path: Path) -> None:
    rows = frame(row(), row(day=SECOND), row(day=SECOND))
    check = evaluations(materialised(tmp_path, rows, [FIRST, SECOND]))["keys_are_unique"]
    assert days_of_result(check.metadata) == ((FIRST, SECOND), (SECOND,))


def test_a_day_on_which_few_sites_report_is_a_warning_that_names_the_day(tmp_path: Path) -> None:
    silent = [row(site_id=f"s{n}", day=SECOND, state="missing", score_pct=None) for n in range(3)]
    rows = frame(row(), row(day=SECOND), *silent)
    result = materialised(tmp_path, rows, [FIRST, SECOND])
    check = evaluations(result)["sites_report"]
    assert not check.passed
    assert check.severity == dg.AssetCheckSeverity.WARN
    assert check.description == "1 days, the first 2026-03-29"
    assert check.metadata["missing"].value == 3
    assert made(result) == {"history/sle_daily", "downstream"}
    assert result.success


@pytest.mark.parametrize(("days_later", "is_fresh"), [(0, True), (1, True), (2, True), (3, False)])
def test_old_data_is_a_warning_that_names_its_newest_day(
    days_later: int, is_fresh: bool, tmp_path: Path
) -> None:
    result = materialised(tmp_path, frame(row()), as_of=INSTANT + timedelta(days=days_later))
    check = evaluations(result)["is_fresh"]
    assert check.passed == is_fresh
    assert check.metadata["newest_day"].value == "2026-03-28"
    assert result.success
