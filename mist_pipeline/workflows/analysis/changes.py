"""What the warehouse knows of configuration changes: the stored days, and today's.

Not here: collecting them (``workflows.collection``), what follows from them (``analysis.causes.changes``).
"""

from datetime import date

import polars as pl

from mist_pipeline.tables import history, live
from mist_pipeline.warehouse.store import Warehouse


def known_changes(
    warehouse: Warehouse, first: date, last: date, *, with_today: bool = False, with_admins: bool = False
) -> pl.DataFrame:
    """``history.changes`` of these days; empty in a warehouse that was made before this table was there.

    Args:
        warehouse: Where they are.
        first: First day.
        last: Last day.
        with_today: Days that are not stored yet are taken from ``live.changes``.
        with_admins: Names of people are wanted; without them they are left out, also of days that were stored with them.
    """
    tables = warehouse.query(
        "SELECT count(*) FROM information_schema.tables WHERE table_name = 'changes' AND table_schema IN ('history', 'live')"
    ).item()
    if tables < 2:
        return history.CHANGES.empty()
    known = warehouse.read_days(history.CHANGES, first, last)
    if with_today:
        known = pl.concat([known, _today(warehouse, first, last)], how="vertical_relaxed")
    return known if with_admins else known.with_columns(admin=pl.lit(None, pl.String))


def _today(warehouse: Warehouse, first: date, last: date) -> pl.DataFrame:
    rows = warehouse.query(
        "SELECT * FROM live.changes WHERE day BETWEEN $first AND $last AND day NOT IN (SELECT DISTINCT day FROM history.sle_daily)",
        {"first": first, "last": last},
    )
    return live.CHANGES.conform(rows)
