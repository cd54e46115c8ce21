"""Steps that every section takes with its frames: no later days, no NaN, lists as lists.

>>> scores = pl.DataFrame({"day": [date(2026, 11, 22)], "site_id": ["a"], "score_pct": [69.999]})
>>> daily_lists(scores, ["site_id"], "score_pct", last_days(date(2026, 11, 22), 3))["history"].to_list()
[[None, None, 69.99]]
"""

from datetime import date, timedelta

import polars as pl
import polars.selectors as cs

from mist_pipeline.domain.numbers import rounded_down_column


def finite(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with NaN and infinities as null: a document of JSON has no word for them."""
    return frame.with_columns(pl.when(cs.float().is_finite()).then(cs.float()).name.keep())


def of_day(frame: pl.DataFrame, day: date) -> pl.DataFrame:
    """The rows of one day, finite."""
    return finite(frame.filter(pl.col("day") == day))


def of_days(frame: pl.DataFrame, day: date, days: int) -> pl.DataFrame:
    """The rows of the ``days`` days that end with ``day``, finite."""
    return finite(frame.filter(pl.col("day").is_between(day - timedelta(days=days - 1), day)))


def last_days(day: date, days: int) -> list[date]:
    """The ``days`` days that end with ``day``."""
    return [day - timedelta(days=back) for back in range(days - 1, -1, -1)]


def score(column: str) -> pl.Expr:
    """A score as the document holds it: rounded down to two decimals, so that 69.999 is 69.99."""
    return rounded_down_column(pl.col(column), 2)


def shown_change(value: str = "score_pct", change: str = "change_pct") -> pl.Expr:
    """A change as the document holds it: between the two scores as they are shown, so that it adds up."""
    now, before = pl.col(value), pl.col(value) - pl.col(change)
    return (rounded_down_column(now) - rounded_down_column(before)).round(1).alias(change)


def list_of_strings(frame: pl.DataFrame, column: str) -> pl.Expr:
    """A column of ids as a list, whether the warehouse gave a list or JSON text; null is an empty list."""
    values = pl.col(column)
    if frame.schema[column] == pl.String:
        values = values.str.json_decode(pl.List(pl.String))
    return values.cast(pl.List(pl.String)).fill_null([])


def daily_lists(frame: pl.DataFrame, keys: list[str], value: str, days: list[date]) -> pl.DataFrame:
    """A value of every series on every one of ``days`` as one list, null where there is none.

    Args:
        frame: day, the keys and the value; at most one row a day and key.
        keys: Columns that name a series.
        value: Column to collect.
        days: The days, in order.

    Returns:
        The keys and ``history``.
    """
    calendar = pl.DataFrame({"day": days}, schema={"day": pl.Date})
    return (
        frame.select(keys)
        .unique()
        .join(calendar, how="cross")
        .join(frame.select("day", *keys, value), on=["day", *keys], how="left")
        .sort(*keys, "day")
        .group_by(keys, maintain_order=True)
        .agg(history=score(value))
    )
