"""The rules of the tables: every one can be broken, and then its column is named."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from mist_pipeline.defs.checks.analysis import EVERY_SITE
from mist_pipeline.defs.checks.every import all_checks
from mist_pipeline.defs.checks.rows import RULES, RULES_HOLD, faults
from mist_pipeline.defs.resources import RUN, RunOptions
from mist_pipeline.defs.scope import ALONE
from mist_pipeline.settings import load_settings
from mist_pipeline.tables import analysis, history
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline_tests.support.defs.rows import FIRST, SECOND, row, write

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

SOUND: dict[Table, dict[str, Any]] = {
    history.CHANGES: {"state": "ok", "source": "log", "changed_at": NOON},
    analysis.TRENDS: {"indicator": "→"},
    analysis.UTILISATION: {"value_pct": 79.0, "indicator": "↑"},
    analysis.BASELINES: {"day_of_week": 6},
    analysis.DEVIATIONS: {"is_deviating": True, "sigma": 2.5},
    analysis.EVIDENCE: {},
    analysis.MODELS: {"p": None, "fallback": "mean"},
    analysis.FORECASTS: {
        "horizon_days": 1,
        "target_day": SECOND,
        "lower_pct": 40.0,
        "lower_80_pct": 45.0,
        "mean_pct": 50.0,
        "upper_80_pct": 55.0,
        "upper_pct": 60.0,
        "model": "arima(1,1,1)",
    },
    analysis.RISKS: {"state": "crossing", "days": 2, "days_low": 1, "days_high": 3, "probability": 0.5},
    analysis.ANOMALIES: {"anomaly_score": 0.5, "state": "ok"},
    analysis.HEALTH_SCORES: {"score": 90.0, "confidence": 0.7},
    analysis.CORRELATIONS: {"site_a": "a", "site_b": "b", "coefficient": -0.9},
    analysis.INCIDENTS: {"p_value": 0.01, "site_ids": ["a"]},
    analysis.FINDINGS: {"severity": "critical", "summary": "Capacity is critical."},
}
"""What a row of a table needs, beside any value of the type of its column, to keep every rule."""

BROKEN: dict[Table, list[tuple[str, dict[str, Any]]]] = {
    history.CHANGES: [
        ("state", {"state": "missing", "changed_at": None}),
        ("state", {"change_id": ""}),
        ("changed_at", {"changed_at": None}),
        ("source", {"source": "rumour"}),
    ],
    analysis.TRENDS: [("noise_pct", {"noise_pct": -1.0}), ("indicator", {"indicator": "up"})],
    analysis.UTILISATION: [("value_pct", {"value_pct": 100.1}), ("indicator", {"indicator": "up"})],
    analysis.BASELINES: [
        ("std_pct", {"std_pct": -0.1}),
        ("mad_pct", {"mad_pct": -0.1}),
        ("n", {"n": -1}),
        ("day_of_week", {"day_of_week": 7}),
        ("day_of_week", {"day_of_week": -2}),
    ],
    analysis.DEVIATIONS: [("is_deviating", {"sigma": None})],
    analysis.EVIDENCE: [("surprise", {"surprise": -0.1}), ("day", {"day": None})],
    analysis.MODELS: [("p", {"p": 1}), ("p", {"fallback": None})],
    analysis.FORECASTS: [
        ("lower_pct", {"lower_pct": -1.0}),
        ("lower_pct", {"lower_pct": 46.0}),
        ("mean_pct", {"mean_pct": 55.1}),
        ("upper_pct", {"upper_pct": 100.1}),
        ("target_day", {"target_day": FIRST}),
        ("spread", {"spread": 0.0}),
    ],
    analysis.RISKS: [
        ("days", {"days": 4}),
        ("probability", {"probability": 1.1}),
        ("probability", {"probability": float("nan")}),
        ("state", {"state": "soon"}),
    ],
    analysis.ANOMALIES: [
        ("anomaly_score", {"anomaly_score": 1.1}),
        ("state", {"anomaly_score": None}),
        ("state", {"state": "too_little_history"}),
    ],
    analysis.HEALTH_SCORES: [("score", {"score": 100.5}), ("confidence", {"confidence": -0.1})],
    analysis.CORRELATIONS: [("coefficient", {"coefficient": 1.5}), ("site_a", {"site_b": "a"})],
    analysis.INCIDENTS: [("p_value", {"p_value": 2.0}), ("site_ids", {"site_ids": []})],
    analysis.FINDINGS: [("severity", {"severity": "grave"}), ("summary", {"summary": ""})],
}


def broken() -> Iterator[Any]:
    for table, cases in BROKEN.items():
        for column, values in cases:
            yield pytest.param(table, column, values, id=f"{table.name}: {values}")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return Warehouse(tmp_path_factory.mktemp("rules") / "warehouse.duckdb")


def store(warehouse: Warehouse, table: Table, *changes: dict[str, Any]) -> None:
    rows = [row(table, **{"day": FIRST, **SOUND[table], **change}) for change in changes]
    if all(one["day"] is not None for one in rows):
        write(warehouse, table, *rows)
        return
    # A day that is null belongs to no partition, so the store would refuse it: it goes past the store.
    frame = pl.DataFrame(rows, schema=table.polars_schema(), orient="row")
    with warehouse.writing() as connection:
        connection.execute(f"DELETE FROM {table.full_name}")
        connection.register("incoming", frame)
        connection.execute(f"INSERT INTO {table.full_name} BY NAME SELECT * FROM incoming")


@pytest.mark.slow
@pytest.mark.parametrize("table", RULES, ids=lambda table: table.name)
def test_a_sound_row_keeps_every_rule(table: Table, shared: Warehouse) -> None:
    store(shared, table, {})
    assert faults(shared, table, (FIRST, FIRST))[RULES_HOLD] == {}


@pytest.mark.slow
@pytest.mark.parametrize(("table", "column", "values"), list(broken()))
def test_a_broken_rule_names_its_column(
    table: Table, column: str, values: dict[str, Any], shared: Warehouse
) -> None:
    store(shared, table, values)
    assert faults(shared, table, None)[RULES_HOLD] == {column: 1}


def test_every_rule_is_broken_by_a_test() -> None:
    assert {(table.name, column) for table, rules in RULES.items() for column in rules} == {
        (table.name, column) for table, cases in BROKEN.items() for column, _ in cases
    }


def alone(folder: Path, asset: dg.AssetKey, name: str) -> dg.AssetCheckEvaluation:
    """A check run on its own, as from its button in the UI."""
    check = next(
        one
        for one in all_checks(ALONE)
        if dg.AssetCheckKey(asset, name) in {spec.key for spec in one.check_specs}
    )
    definitions = dg.Definitions(
        asset_checks=[check],
        jobs=[
            dg.define_asset_job(
                "check",
                dg.AssetSelection.checks(dg.AssetCheckKey(asset, name)),
                executor_def=dg.in_process_executor,
            )
        ],
        resources={
            "warehouse": Warehouse(folder / "warehouse.duckdb"),
            "settings": load_settings(environment={}),
            RUN: RunOptions(),
        },
    )
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def("check").execute_in_process(
            instance=instance, raise_on_error=False
        )
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation


@pytest.mark.slow
@pytest.mark.parametrize("table", EVERY_SITE, ids=lambda table: table.name)
def test_a_site_without_a_row_is_counted(table: Table, tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    write(warehouse, history.SITES, row(history.SITES), row(history.SITES, site_id="b"))
    store(warehouse, table, {})
    evaluation = alone(tmp_path, ALONE.key(table), "every_site_is_there")
    assert not evaluation.passed
    assert evaluation.severity == dg.AssetCheckSeverity.WARN
    assert evaluation.description == "1 sites have no row"


@pytest.mark.slow
@pytest.mark.parametrize(("fallen_back", "passes"), [(1, True), (2, False)])
def test_many_fall_backs_are_reported_with_their_share(
    fallen_back: int, passes: bool, tmp_path: Path
) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    models = ["mean"] * fallen_back + ["arima(1,1,1)"] * (3 - fallen_back)
    store(
        warehouse,
        analysis.FORECASTS,
        *({"site_id": f"s{number}", "model": model} for number, model in enumerate(models)),
    )
    evaluation = alone(tmp_path, ALONE.key(analysis.FORECASTS), "few_fall_backs")
    assert evaluation.passed == passes
    assert evaluation.metadata["share"].value == pytest.approx(fallen_back / 3)


@pytest.mark.slow
def test_a_check_on_its_own_reads_every_day(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    rows = [row(day=day, score_pct=101.0) for day in (FIRST, SECOND)]
    write(warehouse, history.SLE_DAILY, *rows)
    evaluation = alone(tmp_path, ALONE.key(history.SLE_DAILY), "values_are_possible")
    assert evaluation.description == "2 rows of score_pct"
