"""Keeping forecasts and risks as they were first issued.

A day that is analysed again, because answers came late or the code changed, has other forecasts afterwards. What people were told
is what was issued first, and that is what is graded.
"""

from collections.abc import Sequence
from datetime import date, datetime

from mist_pipeline.tables import analysis
from mist_pipeline.tables.schema import Table, quote
from mist_pipeline.tables.scorecard import ISSUED_FORECASTS, ISSUED_RISKS
from mist_pipeline.warehouse.asking import ask
from mist_pipeline.warehouse.store import Warehouse

_SOURCES: dict[Table, tuple[Table, str]] = {
    ISSUED_FORECASTS: (analysis.FORECASTS, "mean_pct IS NOT NULL"),
    ISSUED_RISKS: (analysis.RISKS, "severity = 'critical'"),
}


def keep_issued(
    warehouse: Warehouse, table: Table, days: Sequence[date], issued_at: datetime, version: str
) -> int:
    """Keep what was issued for those of the days for which nothing is kept yet; returns the number of new rows.

    Args:
        warehouse: Where both tables are.
        table: `ISSUED_FORECASTS` or `ISSUED_RISKS`.
        days: The days.
        issued_at: Instant of the run.
        version: Version of the code that made the forecasts.
    """
    source, where = _SOURCES[table]
    own = ("issued_at", "version")
    columns = ", ".join(quote(name) for name in table.column_names if name not in own)
    with warehouse.writing() as connection:
        counted = ask(
            connection,
            f"""
            INSERT INTO {table.full_name} BY NAME
            SELECT {columns}, $issued_at::TIMESTAMPTZ AS issued_at, $version AS version FROM {source.full_name}
            WHERE day IN (SELECT unnest($days)) AND day NOT IN (SELECT DISTINCT day FROM {table.full_name}) AND {where}
            """,
            {"days": list(days), "issued_at": issued_at, "version": version},
        ).fetchone()
    return int(counted[0]) if counted else 0
