"""The views of the published files: everyday questions, each with a comment and its SQL.

Here: one dictionary for each published file that has views. A view knows the tables of its own file alone, so that the file can
also be read by itself. Not here: making the files (`publish`), reading them together (`reading`).
"""

from mist_pipeline.domain.severity import SEVERITIES

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

SITE_VIEWS: dict[str, tuple[str, str]] = {
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
}
"""Views over whole days: name in schema ``main`` → comment, SQL."""

ALERT_VIEWS: dict[str, tuple[str, str]] = {
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
        "Incidents that are open, worst first: sites, who acknowledged, which sinks were notified, or why none was.",
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
"""Views over the copies of the ledger: name in schema ``main`` → comment, SQL."""

VIEWS: dict[str, tuple[str, str]] = {**SITE_VIEWS, **ALERT_VIEWS}
