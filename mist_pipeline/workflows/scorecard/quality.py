"""Truths of days, and how good the alerts were by them.

Here: reading the ledger's copies, scores and alarms, and what the configuration says of resolutions and planned windows. Not here:
what a truth counts (``scorecard.truths``), summing up (``scorecard.alert_quality``).
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from mist_pipeline.alerts.notify.silences import Silence, silenced_by, site_labels
from mist_pipeline.delivery.tickets.config import TicketConfig
from mist_pipeline.scorecard import truths
from mist_pipeline.scorecard.alert_quality import WINDOWS, Told, alert_quality
from mist_pipeline.settings import Settings
from mist_pipeline.tables import alerts, history
from mist_pipeline.tables import scorecard as table
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.warehouse.views import VIEWS
from mist_pipeline.workflows.analysis import rules
from mist_pipeline.workflows.analysis.days import back

_CRITICAL = "severity = 'critical'"
_MESSAGES = f"""
    SELECT delivery_id, t.sink, t.incident_id, d.sent_at,
           coalesce(list_transform(
               list_filter(
                   map_entries(CAST(d.payload->'answers' AS MAP(VARCHAR, JSON))),
                   lambda said: json_extract_string(said.value, '$.state') = 'accepted'
               ),
               lambda said: said.key
           ), []) AS recipients
    FROM ({VIEWS["tellings"][1]}) t JOIN alerts.deliveries d USING (delivery_id)
    WHERE d.sent_at IS NOT NULL
"""
"""What arrived: a row a message and incident."""


def truth_rows(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """``scorecard.truths`` of these days."""
    families = pl.DataFrame(
        list(rules.families(settings).items()),
        schema={"metric": pl.String, "family": pl.String},
        orient="row",
    )
    with warehouse.reading():
        scores = warehouse.read_days(
            history.SLE_DAILY,
            back(days, truths.SUSTAINED_DAYS),
            days[-1],
            columns=("day", "site_id", "metric", "severity"),
            where=_CRITICAL,
        )
        feedback, tickets = copied(warehouse, alerts.FEEDBACK), _judged_tickets(warehouse, settings)
        planned = _in_windows(warehouse, settings, days)
        alarms = warehouse.read_days(history.ALARMS, days[0], days[-1], where=_CRITICAL)
    found = [
        truths.from_feedback(feedback),
        truths.from_tickets(tickets),
        truths.from_maintenance(planned),
        truths.from_alarms(alarms),
        *(
            truths.from_scores(
                scores, families, day, _midnight(settings, back([day], 1)), end_of(settings, day)
            )
            for day in days
        ),
    ]
    return truths.dated(pl.concat(found), settings.organisation.timezone, days[0], days[-1])


def quality_rows(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """``scorecard.alert_quality`` of these days."""
    with warehouse.reading():
        opened = copied(warehouse, alerts.ALERTS)
        messages = warehouse.query(_MESSAGES)
        known = warehouse.read_days(table.TRUTHS, back(days, max(WINDOWS)), days[-1])
        acts = warehouse.query(
            """
            SELECT e.subject, e.subject_id, e.at FROM alerts.events e
            WHERE e.kind = 'acknowledged' OR (e.kind = 'resolved' AND (e.detail->>'by') IS NOT NULL)
            """
        )
        since = warehouse.query("SELECT min(e.at) AS since FROM alerts.events e")["since"][0]
        sites = dict(
            warehouse.query(
                "SELECT day, count(*) FROM history.sites WHERE day BETWEEN $first AND $last GROUP BY day",
                {"first": days[0], "last": days[-1]},
            ).iter_rows()
        )
    rows = [table.ALERT_QUALITY.empty()]
    for day in days:
        near = known.filter(pl.col("day").is_between(back([day], max(WINDOWS)), day))
        told = Told(opened, messages, acts, near, sites.get(day, 0), since)
        rows.append(alert_quality(told, day, end_of(settings, day)))
    return pl.concat(rows)


def end_of(settings: Settings, day: date) -> datetime:
    """When a day of the organisation ends."""
    return _midnight(settings, day + timedelta(days=1))


def _midnight(settings: Settings, day: date) -> datetime:
    return datetime.combine(day, time(), settings.organisation.zone).astimezone(UTC)


def copied(warehouse: Warehouse, of: Table) -> pl.DataFrame:
    """A copy of a table of the ledger; what an earlier version that made it did not know is null."""
    rows = warehouse.query(f"FROM {of.full_name}")
    return rows.select(
        (pl.col(name) if name in rows.columns else pl.lit(None).alias(name)).cast(kind)
        for name, kind in of.polars_schema().items()
    )


def _judged_tickets(warehouse: Warehouse, settings: Settings) -> pl.DataFrame:
    """Tickets with what the configuration of their sink says of their resolution."""
    tickets = copied(warehouse, alerts.TICKETS)
    sinks = settings.notifications.sinks
    verdicts = [
        sink.judgement(resolution) if isinstance(sink := sinks.get(name), TicketConfig) else None
        for name, resolution in tickets.select("sink", "resolution").iter_rows()
    ]
    return tickets.with_columns(verdict=pl.Series(verdicts, dtype=pl.String))


def _in_windows(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """Alerts that opened in a planned window on these days: alert_id, site_id, family, opened_at, window."""
    windows = [planned.silence() for planned in settings.notifications.maintenance]
    opened = warehouse.query(
        """
        SELECT alert_id, site_id, family, metric, kind, highest, classifier, opened_at FROM alerts.alerts
        WHERE opened_at >= $first AND opened_at < $last AND site_id <> ''
        """,
        {"first": _midnight(settings, days[0]), "last": end_of(settings, days[-1])},
    )
    covered = []
    if windows and opened.height:
        newest = warehouse.query(
            "SELECT * FROM history.sites WHERE day = (SELECT max(day) FROM history.sites)"
        )
        labels = site_labels(newest, settings.organisation.names)
        for row in opened.iter_rows(named=True):
            own = {
                "site_id": (row["site_id"],),
                "family": (row["family"],),
                "metric": (row["metric"],),
                "kind": (row["kind"],),
                "severity": (row["highest"],),
                "classifier": (row["classifier"],),
                "scope": ("site",),
            }
            name = _window({**labels.get(row["site_id"], {}), **own}, windows, row["opened_at"])
            covered.append({**row, "window": name})
    schema = {**opened.schema, "window": pl.String()}
    return pl.DataFrame(covered, schema=schema).filter(pl.col("window").is_not_null())


def _window(labels: dict[str, tuple[str, ...]], windows: Sequence[Silence], at: datetime) -> str | None:
    return silenced_by(labels, windows, at)
