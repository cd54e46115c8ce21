"""The forest of the week is grown once, and again where it would be another one."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from mist_pipeline.analysis.anomalies.isolation_forest import AnomalySettings
from mist_pipeline.analysis.anomalies.model import Model
from mist_pipeline.tables import state
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis import kept_forest
from mist_pipeline.workflows.analysis.kept_forest import forest_of
from mist_pipeline_tests.support.analysis.site_days import DAY, SMALL, world, worsened


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    made = Warehouse(tmp_path / "warehouse.duckdb")
    shapes = world(6)
    made.replace_days(state.DAY_SHAPES, shapes, shapes["day"].unique().to_list())
    return made


@pytest.fixture
def grown(monkeypatch: pytest.MonkeyPatch) -> list[date]:
    """The days for which a forest was grown."""
    days: list[date] = []
    grow = kept_forest.model_of

    def counted(shapes: pl.DataFrame, day: date, settings: AnomalySettings) -> Model | None:
        days.append(day)
        return grow(shapes, day, settings)

    monkeypatch.setattr(kept_forest, "model_of", counted)
    return days


def rows_of(model: Model | None) -> pl.DataFrame:
    assert model is not None
    return model.rows()


def test_it_is_grown_once_a_week(warehouse: Warehouse, grown: list[date]) -> None:
    first = rows_of(forest_of(warehouse, DAY, SMALL))
    assert rows_of(forest_of(warehouse, DAY, SMALL)).equals(first)
    assert rows_of(forest_of(warehouse, DAY - timedelta(days=1), SMALL)).equals(first)
    assert grown == [DAY]
    assert not rows_of(forest_of(warehouse, DAY - timedelta(days=7), SMALL)).equals(first)
    assert warehouse.query("SELECT DISTINCT day FROM state.forests").height == 1


def test_it_is_grown_again_of_other_days_settings_and_code(
    warehouse: Warehouse, grown: list[date], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = rows_of(forest_of(warehouse, DAY, SMALL))
    day = DAY - timedelta(days=10)
    shapes = worsened(warehouse.read_days(state.DAY_SHAPES, day, day), "s03", ["roaming"], 0.5, day)
    warehouse.replace_days(state.DAY_SHAPES, shapes, [day])
    second = rows_of(forest_of(warehouse, DAY, SMALL))
    assert not second.equals(first)
    third = rows_of(forest_of(warehouse, DAY, replace(SMALL, seed=8)))
    assert not third.equals(second)
    monkeypatch.setattr(kept_forest, "_CODE", ("analysis/stats",))
    assert rows_of(forest_of(warehouse, DAY, replace(SMALL, seed=8))).equals(third)
    assert len(grown) == 4
    # Days after its training change nothing.
    warehouse.replace_days(state.DAY_SHAPES, shapes.with_columns(day=pl.lit(DAY)), [DAY])
    forest_of(warehouse, DAY, replace(SMALL, seed=8))
    assert len(grown) == 4


def test_what_cannot_be_read_is_grown_again(warehouse: Warehouse, grown: list[date]) -> None:
    first = rows_of(forest_of(warehouse, DAY, SMALL))
    with warehouse.writing() as connection:
        connection.execute("DELETE FROM state.forests WHERE part = 'tail'")
    assert rows_of(forest_of(warehouse, DAY, SMALL)).equals(first)
    assert rows_of(forest_of(warehouse, DAY, SMALL)).equals(first)
    assert len(grown) == 2


def test_that_there_is_none_yet_is_kept_too(tmp_path: Path, grown: list[date]) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    assert forest_of(warehouse, DAY, SMALL) is None
    assert forest_of(warehouse, DAY, SMALL) is None
    assert len(grown) == 1
