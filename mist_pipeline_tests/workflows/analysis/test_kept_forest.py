"""The forest of the week is grown once, and again where it would be another one."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from mist_pipeline.analysis.anomalies.isolation_forest import AnomalySettings
from mist_pipeline.analysis.anomalies.model import Model
from mist_pipeline.settings import load_settings
from mist_pipeline.tables import history, state
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis import analyse_day, kept_forest, rules
from mist_pipeline.workflows.analysis.analyse_day import anomaly_frames
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


def test_of_other_weeks_the_newest_stays(warehouse: Warehouse, grown: list[date]) -> None:
    for weeks in (0, 3, 2, 1):
        forest_of(warehouse, DAY - timedelta(weeks=weeks), SMALL)
    assert warehouse.query("SELECT DISTINCT day FROM state.forests").height == 2
    rows_of(forest_of(warehouse, DAY, SMALL))
    assert len(grown) == 4


def test_a_morning_takes_it_and_gives_the_rows_of_days_analysed_together(
    warehouse: Warehouse, grown: list[date], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "anomaly_settings", lambda _: SMALL)
    shapes = warehouse.read_days(state.DAY_SHAPES, DAY - timedelta(days=90), DAY)
    monkeypatch.setattr(
        analyse_day, "day_shapes", lambda hours, *_: shapes.filter(pl.col("day") == hours["day"].first())
    )
    days = [DAY - timedelta(days=1), DAY]
    for day in days:
        hour = datetime(day.year, day.month, day.day, tzinfo=UTC)
        reading = {**dict.fromkeys(history.SLE_HOURLY.column_names), "hour": hour, "day": day}
        warehouse.replace_days(
            history.SLE_HOURLY, pl.DataFrame([reading], schema=history.SLE_HOURLY.polars_schema()), [day]
        )
    settings = load_settings(environment={})
    together, made = anomaly_frames(warehouse, settings, days)
    assert not grown
    anomaly_frames(warehouse, settings, [DAY])
    assert not grown, "a replay of a day writes nothing"
    mornings = [anomaly_frames(warehouse, settings, [day], keeps_forest=True) for day in days]
    assert grown == [days[0]], "the second takes what the first kept"
    assert pl.concat(rows for rows, _ in mornings).equals(together)
    assert together.filter(pl.col("state") == "ok").height
    assert pl.concat(shapes for _, shapes in mornings).equals(made)


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
