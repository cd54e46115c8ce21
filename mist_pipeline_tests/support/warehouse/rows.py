"""Days of scores in the columns of history.sle_daily."""

from datetime import date

import polars as pl

from mist_pipeline.tables import history

FIRST, SECOND = date(2026, 3, 28), date(2026, 3, 29)


def readings(day: date, *scores: float | None) -> pl.DataFrame:
    rows = len(scores)
    frame = pl.DataFrame(
        {
            "day": [day] * rows,
            "site_id": [f"site-{number}" for number in range(rows)],
            "metric": ["capacity"] * rows,
            "score_pct": list(scores),
            "state": ["no_users" if score is None else "ok" for score in scores],
        },
        schema_overrides={"score_pct": pl.Float64},
    )
    missing = {
        name: pl.lit(None, dtype)
        for name, dtype in history.SLE_DAILY.polars_schema().items()
        if name not in frame.columns
    }
    return frame.with_columns(**missing)
