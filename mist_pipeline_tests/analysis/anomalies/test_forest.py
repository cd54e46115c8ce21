"""A forest as arrays answers as scikit-learn's does, and a model comes back from its rows as it was."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import IsolationForest

from mist_pipeline.analysis.anomalies import isolation_forest
from mist_pipeline.analysis.anomalies.forest import Forest
from mist_pipeline.analysis.anomalies.isolation_forest import anomalies, anomalies_with, model_of
from mist_pipeline.analysis.anomalies.model import Model
from mist_pipeline.tables.state import FORESTS
from mist_pipeline_tests.support.analysis.site_days import DAY, METRICS, SMALL, world, worsened


@pytest.mark.parametrize(("rows", "columns", "most"), [(5000, 11, 256), (130, 3, 65), (8, 2, 2)])
def test_scores_are_those_of_scikit_learn_to_the_bit(rows: int, columns: int, most: int) -> None:
    rng = np.random.default_rng(rows)
    learnt, asked = (np.round(rng.normal(size=(n, columns)), 2) for n in (rows, 5000))
    grown = IsolationForest(n_estimators=20, max_samples=most, random_state=7).fit(learnt)
    found = Forest.of(grown).scores(asked)
    assert np.array_equal(found, -grown.score_samples(asked))


def test_nothing_is_asked_and_nothing_said() -> None:
    grown = IsolationForest(n_estimators=2, random_state=7).fit(np.arange(20.0).reshape(10, 2))
    assert Forest.of(grown).scores(np.zeros((0, 2))).shape == (0,)


def kept(model: Model) -> pl.DataFrame:
    return FORESTS.conform(model.rows().with_columns(day=pl.lit(DAY), made_of=pl.lit("x")))


@pytest.mark.parametrize("sites_at_once", [2_000, 5, 1])
def test_a_kept_forest_gives_the_same_rows_from_the_days_of_reference_alone(
    sites_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation_forest, "_SITES_AT_ONCE", sites_at_once)
    shapes = worsened(world(), "s03", ["roaming"], 0.6)
    # A service level that went before the days of reference, and one that came today.
    gone = world(days=66, metrics=["throughput"], seed=9).filter(pl.col("day") < DAY - timedelta(days=28))
    come = world(days=1, metrics=["ap-health"], seed=3).filter(pl.col("site_id") != "s05")
    shapes = pl.concat([shapes, gone, come])
    expected = anomalies(shapes, [DAY], SMALL)
    model = model_of(shapes.filter(pl.col("day") < DAY), DAY, SMALL)
    assert model is not None
    assert set(model.metrics) == {*METRICS, "throughput"}
    again = Model.from_rows(kept(model).sample(fraction=1.0, shuffle=True, seed=4))
    recent = shapes.filter(pl.col("day") >= DAY - timedelta(days=28))
    assert anomalies_with(recent, DAY, again, SMALL).equals(expected)
    assert expected["is_anomaly"].sum() == 1
    # A poll asks for the reasons of what it tells alone.
    told = anomalies_with(recent, DAY, again, SMALL, explains_all=False)
    assert told.drop("contributions").equals(expected.drop("contributions"))
    assert told.filter("is_anomaly").equals(expected.filter("is_anomaly"))
    assert told.filter(~pl.col("is_anomaly"))["contributions"].null_count() == told.height - 1


@pytest.mark.parametrize(
    "damage",
    [
        pl.col("part") != "tail",
        (pl.col("part") != "bound") | (pl.col("place") != 3),
        (pl.col("part") != "column") | (pl.col("place") > 0),
        (pl.col("part") != "precision") | (pl.col("place") > 0),
        pl.lit(value=False),
    ],
)
def test_a_part_of_a_model_is_no_model(damage: pl.Expr) -> None:
    model = model_of(world(), DAY, SMALL)
    assert model is not None
    with pytest.raises(ValueError, match=r"whole model|fit together"):
        Model.from_rows(kept(model).filter(damage))


def test_too_few_days_have_no_forest() -> None:
    few = world(days=20)
    assert model_of(few, DAY, SMALL) is None
    assert model_of(few.clear(), DAY, SMALL) is None
    assert anomalies_with(few, DAY, None, SMALL).equals(anomalies(few, [DAY], SMALL))
