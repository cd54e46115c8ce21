"""The published copy for analysts: a second file, replaced atomically, so that queries never block the writer.

It holds every public table with its comments, and views for everyday questions. The live tables are published once more by
themselves after every poll, as a small file beside it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from mist_pipeline.domain.severity import SEVERITIES
from mist_pipeline.domain.site_names import display_names
from mist_pipeline.tables import PUBLIC_TABLES, live
from mist_pipeline.tables.schema import Table, literal
from mist_pipeline.warehouse.connection import connect
from mist_pipeline.warehouse.store import Warehouse

_RANK = f"list_position({list(SEVERITIES)!r}, {{}})"
"""How bad a severity is; the column goes into the braces."""

_SITES = """
    list_sort(coalesce(list_transform(
        list(DISTINCT {'id': site_id, 'name': site_name}) FILTER (site_id <> ''), lambda site: site.name
    ), [])) AS site_names,
    count(DISTINCT site_id) FILTER (site_id <> '') AS num_sites"""
"""Sites of some alerts, each once: names repeat, ids do not. The whole organisation is no site."""

_MINUTES = "date_diff('millisecond', i.opened_at, {}) / 60000"
"""From the opening of an incident to an instant."""

VIEWS: dict[str, tuple[str, str]] = {
    "sites": (
        "The sites as last described; site_name is what every surface calls them.",
        """
        SELECT s.*, n.site_name FROM history.sites s LEFT JOIN main.site_names n USING (site_id)
        WHERE s.day = (SELECT max(day) FROM history.sites)
        """,
    ),
    "latest_scores": (
        "The newest day of every service level at every site, with the site's name.",
        """
        SELECT s.site_name, d.*
        FROM history.sle_daily d LEFT JOIN main.site_names s USING (site_id)
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
        SELECT s.site_name, t.*
        FROM analysis.trends t LEFT JOIN main.site_names s USING (site_id)
        WHERE t.day = (SELECT max(day) FROM analysis.trends) AND t.is_degrading
        ORDER BY t.change_pct
        """,
    ),
    "named_alerts": (
        "Every alert with the newest name of its site, also of one that is gone.",
        """
        SELECT n.site_name, a.* FROM alerts.alerts a LEFT JOIN main.site_names n USING (site_id)
        """,
    ),
    "tellings": (
        "A row for every message and incident that it is about: a digest is about several. Test messages are left out.",
        """
        SELECT delivery_id, sink, incident_id, reason, false AS is_digest, state, created_at, sent_at
        FROM alerts.deliveries WHERE reason NOT IN ('digest', 'test')
        UNION ALL
        SELECT delivery_id, sink, covered->>'incident_id', covered->>'reason', true, state, created_at, sent_at
        FROM (
            SELECT *, unnest((payload->'covers')::JSON[]) AS covered
            FROM alerts.deliveries WHERE reason = 'digest'
        )
        """,
    ),
    "incident_history": (
        "Incidents, newest first: sites, how soon people were notified and acknowledged, how long it lasted; without merged ones.",
        f"""
        WITH children AS (
            SELECT incident_id, arg_max(highest, {_RANK.format("highest")}) AS worst_severity,
                   {_SITES}, count(*) AS num_alerts
            FROM main.named_alerts GROUP BY incident_id
        ), notified AS (
            SELECT incident_id, min(sent_at) AS first_told_at, list(DISTINCT sink ORDER BY sink) AS told_sinks
            FROM main.tellings WHERE state = 'sent' GROUP BY incident_id
        ), acts AS (
            SELECT e.subject_id AS incident_id,
                   min(e.at) FILTER (e.kind = 'acknowledged') AS first_acknowledged_at,
                   arg_min(e.detail->>'by', e.number) FILTER (e.kind = 'acknowledged') AS first_acknowledged_by,
                   count(*) FILTER (e.kind = 'reopened') AS num_reopenings
            FROM alerts.events e WHERE e.subject = 'incident' GROUP BY e.subject_id
        )
        SELECT i.incident_id, i.state, i.scope, i.family, i.cause, c.worst_severity, c.site_names, c.num_sites,
               c.num_alerts, coalesce(t.told_sinks, []) AS told_sinks, i.opened_at, t.first_told_at,
               a.first_acknowledged_at, a.first_acknowledged_by, i.resolved_at,
               {_MINUTES.format("t.first_told_at")} AS told_after_minutes,
               {_MINUTES.format("a.first_acknowledged_at")} AS acknowledged_after_minutes,
               {_MINUTES.format("i.resolved_at")} AS duration_minutes,
               a.num_reopenings
        FROM alerts.incidents i
        LEFT JOIN children c USING (incident_id)
        LEFT JOIN notified t USING (incident_id)
        LEFT JOIN acts a USING (incident_id)
        WHERE i.state <> 'merged'
        ORDER BY i.opened_at DESC, i.incident_id
        """,
    ),
    "open_incidents": (
        "Incidents open when the copy was made, worst first: sites, who acknowledged, which sinks were notified, or why none was.",
        f"""
        WITH troubled AS (
            SELECT incident_id, arg_max(severity, {_RANK.format("severity")}) AS severity, {_SITES}
            FROM main.named_alerts WHERE state IN ('open', 'acknowledged') GROUP BY incident_id
        )
        SELECT i.incident_id, i.state, n.severity, i.scope, i.family, i.cause, n.site_names, n.num_sites,
               i.opened_at, i.acknowledged_at, i.acknowledged_by, h.told_sinks, i.withheld
        FROM alerts.incidents i
        LEFT JOIN troubled n USING (incident_id)
        LEFT JOIN main.incident_history h USING (incident_id)
        WHERE i.state IN ('open', 'acknowledged')
        ORDER BY {_RANK.format("n.severity")} DESC, i.opened_at, i.incident_id
        """,
    ),
}
"""View name in schema ``main`` → comment, SQL."""

_SITE_NAMES_COMMENT = "What sites are called, also those that are gone: no two of them the same."

_SEEN_SITES = """
    WITH newest AS (
        SELECT site_id, arg_max(name, day) AS name, max(day) < (SELECT max(day) FROM history.sites) AS is_gone
        FROM history.sites GROUP BY site_id
    )
    SELECT site_id, n.name, coalesce(n.is_gone, true)
    FROM newest n FULL JOIN (
        SELECT DISTINCT site_id FROM alerts.alerts WHERE site_id <> ''
        UNION SELECT DISTINCT site_id FROM history.sle_daily
        WHERE day = (SELECT max(day) FROM history.sle_daily)
    ) a USING (site_id) ORDER BY site_id
    """
"""Every site that the copy tells of: id, newest name, whether it is gone."""


def publish(warehouse: Path, published: Path, *, wait_seconds: float = 60.0) -> Path:
    """Replace the published copy by the present state of the warehouse.

    Args:
        warehouse: The file that the pipeline writes.
        published: The file that analysts read; a reader that has it open keeps reading the old one.
        wait_seconds: How long to wait for a writer.

    Returns:
        ``published``.

    Raises:
        FileNotFoundError: There is no warehouse yet.
        WarehouseVersionError: It is of a later version than this program.
    """
    if not warehouse.exists():
        raise FileNotFoundError(f"There is no warehouse at {warehouse} to publish")
    # A warehouse of an earlier version lacks tables, and nothing may have been written since the update.
    Warehouse(warehouse, wait_seconds).prepare()
    with _replacing(published, warehouse, wait_seconds) as connection:
        for table in PUBLIC_TABLES:
            _copy(connection, table)
        connection.execute("DETACH source")
        _name_sites(connection)
        for name, (comment, sql) in VIEWS.items():
            connection.execute(f"CREATE VIEW main.{name} AS {sql}")
            connection.execute(f"COMMENT ON VIEW main.{name} IS {literal(comment)}")
    return published


def publish_live(warehouse: Path, published: Path, *, wait_seconds: float = 60.0) -> Path:
    """Replace the published live tables by those of the warehouse: a small file, made after every poll.

    The analysts' copy is made once a day and holds all history; this one holds today alone, and of the findings those of
    the last two days, so that it is made within a second or two.

    Args:
        warehouse: The file that the pipeline writes.
        published: The file that is read; a reader that has it open keeps reading the old one.
        wait_seconds: How long to wait for a writer.

    Returns:
        ``published``.
    """
    with _replacing(published, warehouse, wait_seconds) as connection:
        for table in live.TABLES:
            recent = f"WHERE as_of >= {_NEWEST_FINDING} - INTERVAL 2 DAY" if table is live.FINDINGS else ""
            _copy(connection, table, recent)
        connection.execute("DETACH source")
    return published


_NEWEST_FINDING = "(SELECT max(as_of) FROM source.live.findings)"


@contextmanager
def _replacing(published: Path, warehouse: Path, wait_seconds: float) -> Iterator[duckdb.DuckDBPyConnection]:
    """A new file beside a published one, with the warehouse as ``source``; takes its place when the block ends well."""
    published.parent.mkdir(parents=True, exist_ok=True)
    fresh = published.with_name(f".{published.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    try:
        with (
            # Keeps writers out as long as it is copied.
            connect(warehouse, read_only=True, wait_seconds=wait_seconds),
            connect(fresh, read_only=False) as connection,
        ):
            connection.execute(f"ATTACH {literal(str(warehouse))} AS source (READ_ONLY)")
            yield connection
        # The folder says who may read what is in it.
        fresh.chmod(0o600 | (published.parent.stat().st_mode & 0o044))
        fresh.replace(published)
    finally:
        fresh.unlink(missing_ok=True)


def _copy(connection: duckdb.DuckDBPyConnection, table: Table, where: str = "") -> None:
    for statement in table.create_statements():
        connection.execute(statement)
    connection.execute(
        f"INSERT INTO {table.full_name} BY NAME SELECT * FROM source.{table.full_name} {where}"
    )


def _name_sites(connection: duckdb.DuckDBPyConnection) -> None:
    """``main.site_names``: what views call a site is what the report and messages call it."""
    seen = connection.execute(_SEEN_SITES).fetchall()
    shown = display_names(
        {site_id: name for site_id, name, _ in seen}, {site_id for site_id, _, is_gone in seen if is_gone}
    )
    connection.execute("CREATE TABLE main.site_names (site_id VARCHAR PRIMARY KEY, site_name VARCHAR)")
    connection.execute(f"COMMENT ON TABLE main.site_names IS {literal(_SITE_NAMES_COMMENT)}")
    connection.execute(
        "INSERT INTO main.site_names SELECT unnest($1::VARCHAR[]), unnest($2::VARCHAR[])",
        [list(shown), list(shown.values())],
    )
