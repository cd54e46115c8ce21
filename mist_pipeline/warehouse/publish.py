"""The analysts' copy: a second file, replaced atomically, so that queries never meet the writer.

It holds every table with its comments, and views for the questions that are asked every day.
"""

import os
from pathlib import Path

import duckdb

from mist_pipeline.warehouse.connection import connect
from mist_pipeline.warehouse.schema import literal
from mist_pipeline.warehouse.tables import PUBLIC_TABLES

VIEWS: dict[str, tuple[str, str]] = {
    "sites": (
        "The sites as last described.",
        "SELECT * FROM history.sites WHERE day = (SELECT max(day) FROM history.sites)",
    ),
    "latest_scores": (
        "The newest day of every service level at every site, with the site's name.",
        """
        SELECT s.name AS site_name, d.*
        FROM history.sle_daily d LEFT JOIN main.sites s USING (site_id)
        WHERE d.day = (SELECT max(day) FROM history.sle_daily)
        """,
    ),
    "worst_sites": (
        "Sites by their worst service level on the newest day, worst first.",
        """
        SELECT site_id, any_value(site_name) AS site_name, min(score_pct) AS worst_pct,
               arg_min(metric, score_pct) AS worst_metric, count(*) FILTER (severity = 'critical') AS num_critical
        FROM main.latest_scores WHERE severity IS NOT NULL
        GROUP BY site_id ORDER BY worst_pct
        """,
    ),
    "degrading": (
        "What is getting worse, fastest first, on the newest day.",
        """
        SELECT s.name AS site_name, t.*
        FROM analysis.trends t LEFT JOIN main.sites s USING (site_id)
        WHERE t.day = (SELECT max(day) FROM analysis.trends) AND t.is_degrading
        ORDER BY t.change_pct
        """,
    ),
}
"""View name in schema ``main`` → comment, SQL."""


def publish(warehouse: Path, published: Path, *, wait_seconds: float = 60.0) -> Path:
    """Replace the published copy by the present state of the warehouse.

    Args:
        warehouse: The file that the pipeline writes.
        published: The file that analysts read; whoever has it open keeps reading the old one.
        wait_seconds: How long to wait for a writer.

    Returns:
        ``published``.

    Raises:
        FileNotFoundError: There is no warehouse yet.
    """
    if not warehouse.exists():
        raise FileNotFoundError(f"There is no warehouse at {warehouse} to publish")
    published.parent.mkdir(parents=True, exist_ok=True)
    fresh = published.with_name(f".{published.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    try:
        with connect(fresh, read_only=False) as connection:
            _attach(connection, warehouse, wait_seconds)
            for table in PUBLIC_TABLES:
                for statement in table.create_statements():
                    connection.execute(statement)
                connection.execute(
                    f"INSERT INTO {table.full_name} BY NAME SELECT * FROM source.{table.full_name}"
                )
            connection.execute("DETACH source")
            for name, (comment, sql) in VIEWS.items():
                connection.execute(f"CREATE VIEW main.{name} AS {sql}")
                connection.execute(f"COMMENT ON VIEW main.{name} IS {literal(comment)}")
        fresh.replace(published)
    finally:
        fresh.unlink(missing_ok=True)
    return published


def _attach(connection: duckdb.DuckDBPyConnection, warehouse: Path, wait_seconds: float) -> None:
    with connect(warehouse, read_only=True, wait_seconds=wait_seconds):
        connection.execute(f"ATTACH {literal(str(warehouse))} AS source (READ_ONLY)")
