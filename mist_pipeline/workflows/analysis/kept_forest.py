"""The forest of the week, kept between polls and mornings: it changes once a week, and making it takes longer than most of what they find.

What it was made of is kept with it as a digest: of the shapes of its days as they are now, the settings, the code and the libraries. Where any
of these is another, or what is kept cannot be read, the forest is made again. Here: reading and keeping it. Not here: growing it
(``analysis.anomalies.isolation_forest``).
"""

import json
from dataclasses import asdict
from datetime import date, timedelta
from hashlib import blake2b
from importlib import metadata

import polars as pl

from mist_pipeline.analysis.anomalies.isolation_forest import AnomalySettings, model_of, training_day
from mist_pipeline.analysis.anomalies.model import Model
from mist_pipeline.tables import state
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.code_digest import code_digest

_CODE = ("analysis/anomalies", "analysis/stats")
"""Rooms that decide over a forest."""


def forest_of(warehouse: Warehouse, day: date, settings: AnomalySettings) -> Model | None:
    """The forest that a day is scored with: the one that is kept, or a new one, which is kept then.

    Args:
        warehouse: With ``state.day_shapes`` of the days before.
        day: The day.
        settings: Schedule and size of the forest.

    Returns:
        None where too few days are known.
    """
    warehouse.prepare()
    training = training_day(day, settings.train_weekday)
    first = training - timedelta(days=settings.training_days + settings.reference_days)
    last = training - timedelta(days=1)
    with warehouse.reading():
        made_of = _made_of(warehouse, first, last, settings)
        kept = warehouse.read_days(state.FORESTS, training, training)
        if set(kept["made_of"]) == {made_of}:
            if kept["part"].to_list() == [_NONE]:
                return None
            try:
                return Model.from_rows(kept)
            except ValueError:
                pass  # a new one takes its place
        shapes = warehouse.read_days(state.DAY_SHAPES, first, last)
        weeks = warehouse.query("SELECT DISTINCT day FROM state.forests ORDER BY day")["day"].to_list()
    model = model_of(shapes, day, settings)
    rows = _nothing() if model is None else model.rows()
    rows = rows.with_columns(day=pl.lit(training), made_of=pl.lit(made_of))
    # The newest other week's stays: polls of today go on with it while an old day is analysed again. All others go.
    others = [week for week in weeks if week != training]
    warehouse.replace_days(state.FORESTS, rows.select(state.FORESTS.column_names), [*others[:-1], training])
    return model


_NONE = "none"
"""The only part where the days are too few for a forest."""


def _nothing() -> pl.DataFrame:
    schema = state.FORESTS.polars_schema()
    row = {"part": _NONE, "name": "", "place": 0, "numbers": []}
    return pl.DataFrame([row], schema={name: schema[name] for name in row})


def _made_of(warehouse: Warehouse, first: date, last: date, settings: AnomalySettings) -> str:
    """What the forest of these days would be made of now."""
    digest = blake2b(digest_size=16)
    digest.update(code_digest(*_CODE).encode())
    libraries = [metadata.version(name) for name in ("numpy", "scikit-learn", "scipy")]
    # In any order of the rows, and of each of them all columns.
    shapes = warehouse.query(
        "SELECT count(*)::VARCHAR, sum(hash(shapes))::VARCHAR FROM state.day_shapes AS shapes WHERE day BETWEEN ? AND ?",
        [first, last],
    ).row(0)
    digest.update(json.dumps([asdict(settings), libraries, first.isoformat(), shapes]).encode())
    return digest.hexdigest()
