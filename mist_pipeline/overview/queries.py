"""What is asked of the published files: frames, whole and typed, for `sites`."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import duckdb
import polars as pl

from mist_pipeline.domain.severity import SEVERITIES
from mist_pipeline.overview.model import HOURS
from mist_pipeline.warehouse.asking import frame_of

_RANK = f"list_position({list(SEVERITIES)!r}, severity)"


@dataclass(frozen=True)
class LiveFacts:
    """What the newest published poll says.

    Attributes:
        as_of: Instant of the poll.
        sites: site_id, metric, score_pct, severity, changed_since, clients: one row a site, of its worst service level.
    """

    as_of: datetime | None
    sites: pl.DataFrame


@dataclass(frozen=True)
class DayFacts:
    """What the newest analysed day says.

    Attributes:
        day: It; None of an empty copy.
        ends_at: When the copy's newest hour ends.
        sites: site_id, status, score, change.
        trends: site_id, metric, indicator.
        forecasts: site_id, forecast_metric, forecast_days.
        names: site_id, site_name of every site that was ever seen.
    """

    day: date | None
    ends_at: datetime | None
    sites: pl.DataFrame
    trends: pl.DataFrame
    forecasts: pl.DataFrame
    names: pl.DataFrame


_LIVE_SITES = f"""
    WITH newest AS (SELECT max(as_of) AS as_of FROM live.status),
    down AS (
        SELECT DISTINCT site_id FROM live.findings f, newest n
        WHERE f.as_of = n.as_of AND f.kind = 'site_down' AND f.severity = 'critical' AND f.site_id <> ''
    ), readings AS (
        -- A reading of an earlier day says nothing of now but that something was wrong.
        SELECT s.* REPLACE (
            CASE WHEN s.severity = 'info' AND s.as_of < n.as_of - INTERVAL 1 HOUR THEN NULL ELSE s.severity END AS severity
        ) FROM live.status s, newest n
    ), ranked AS (
        SELECT *, coalesce({_RANK}, 0) AS rank FROM readings
    )
    SELECT coalesce(r.site_id, d.site_id) AS site_id, r.metric, r.score_pct,
           CASE WHEN d.site_id IS NOT NULL THEN 'critical' ELSE r.severity END AS severity,
           r.changed_since, r.clients
    FROM (
        SELECT site_id,
               first(metric ORDER BY rank DESC, score_pct NULLS LAST, metric) AS metric,
               first(score_pct ORDER BY rank DESC, score_pct NULLS LAST, metric) AS score_pct,
               first(severity ORDER BY rank DESC, score_pct NULLS LAST, metric) AS severity,
               first(changed_since ORDER BY rank DESC, score_pct NULLS LAST, metric) AS changed_since,
               max(num_clients) AS clients
        FROM ranked WHERE state = 'ok' OR severity IS NOT NULL
        GROUP BY site_id
        UNION ALL
        SELECT site_id, '', NULL, NULL, NULL, NULL FROM live.status
        GROUP BY site_id HAVING count(*) FILTER (state = 'ok' OR severity IS NOT NULL) = 0
    ) r FULL JOIN down d USING (site_id)
    """


def live_facts(connection: duckdb.DuckDBPyConnection) -> LiveFacts:
    """The newest poll."""
    found = connection.execute("SELECT max(as_of) FROM live.status").fetchone()
    return LiveFacts(found[0] if found else None, frame_of(connection, _LIVE_SITES))


def day_facts(connection: duckdb.DuckDBPyConnection) -> DayFacts:
    """The newest analysed day."""
    row = connection.execute("SELECT max(day) FROM analysis.health_scores").fetchone()
    day: date | None = row[0] if row else None
    ended = connection.execute(
        "SELECT max(hour) FROM history.sle_hourly WHERE day = (SELECT max(day) FROM history.sle_hourly)"
    ).fetchone()
    newest: datetime | None = ended[0] if ended else None
    return DayFacts(
        day=day,
        ends_at=None if newest is None else newest + timedelta(hours=1),
        sites=frame_of(
            connection,
            "SELECT site_id, status, score, change FROM analysis.health_scores WHERE day = getvariable('day')",
            day=day,
        ),
        trends=frame_of(
            connection,
            "SELECT site_id, metric, indicator FROM analysis.trends WHERE day = getvariable('day')",
            day=day,
        ),
        forecasts=frame_of(
            connection,
            """
            SELECT site_id, arg_min(metric, coalesce(days, 99)) AS forecast_metric, min(days) AS forecast_days
            FROM analysis.risks WHERE day = getvariable('day') AND severity = 'critical' AND is_pre_warning AND state <> 'already'
            GROUP BY site_id
            """,
            day=day,
        ),
        names=frame_of(connection, "SELECT site_id, site_name FROM main.site_names"),
    )


def hours_of(
    connection: duckdb.DuckDBPyConnection, schema: str, wanted: pl.DataFrame, end: datetime
) -> pl.DataFrame:
    """Hours of some series before an instant.

    Args:
        connection: To the copy, or to the live tables.
        schema: ``history`` or ``live``.
        wanted: site_id, metric.
        end: When the last hour ends.

    Returns:
        site_id, metric, hour, score_pct of hours that were measured.
    """
    table = {"history": "history.sle_hourly", "live": "live.sle_hourly"}[schema]
    begin = end - timedelta(hours=HOURS)
    return frame_of(
        connection,
        # The days first: they are sorted, so that most of the table is never read.
        f"""
        SELECT site_id, metric, hour, score_pct FROM {table}
        SEMI JOIN (
            SELECT unnest(from_json(getvariable('wanted'), '[{{"site_id": "VARCHAR", "metric": "VARCHAR"}}]'), recursive := true)
        ) USING (site_id, metric)
        WHERE day BETWEEN getvariable('first') AND getvariable('last')
          AND hour >= getvariable('begin') AND hour < getvariable('end') AND state = 'ok'
        """,
        # One text: thousands of values take DuckDB's parser longer than all else.
        wanted=wanted.select("site_id", "metric").write_json(),
        first=begin.date() - timedelta(days=1),
        last=end.date() + timedelta(days=1),
        begin=begin,
        end=end,
    )
