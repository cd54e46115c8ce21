"""The settings as what decides who is notified: ledger, routes, escalations, planned silences, labels of the sites.

Not here: sinks (``settings``), deciding (``alerts``), and sending (`messages`).
"""

from datetime import datetime
from pathlib import Path

import polars as pl

from mist_pipeline.alerts.ledger.evaluation_store import EvaluationStore
from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules
from mist_pipeline.alerts.ledger.reader import Unreached
from mist_pipeline.alerts.ledger.sink_health import FailingSink
from mist_pipeline.alerts.lifecycle.model import ACTIVE
from mist_pipeline.alerts.notify.known_values import Known
from mist_pipeline.alerts.notify.silences import alert_labels, site_labels
from mist_pipeline.settings import Settings

SITE_COLUMNS = ("site_id", "name", "timezone", "country_code", "sitegroup_ids", "attributes")
"""Columns of ``history.sites`` that notifications need."""


def open_ledger(settings: Settings) -> Ledger:
    """The ledger of these settings, brought to its current version.

    Raises:
        LedgerUnavailableError: It cannot be opened, or is of a later version.
    """
    return Ledger(settings.ledger, settings.alerts.policy())


def kept_evaluations(settings: Settings) -> EvaluationStore:
    """What evaluations were, or will be, made of."""
    return EvaluationStore(settings.evaluations_path)


def failing_sinks(
    settings: Settings, ledger: Ledger, now: datetime, *, untried: bool = False
) -> list[FailingSink]:
    """Configured sinks that fail.

    One that is not configured any more will never accept anything again: its end would never come.
    """
    found = ledger.failing_sinks(now, settings.alerts.sink_patience, untried=untried)
    return [one for one in found if one.sink in settings.notifications.sinks]


def unreached(settings: Settings, ledger: Ledger) -> list[Unreached]:
    """Recipients that the configuration still names and that do not get what others of their sink get."""
    named = settings.notifications.may_write_to
    return [one for one in ledger.unreached() if named(one.sink, one.recipient)]


def notification_rules(settings: Settings) -> NotificationRules:
    """Who is notified of what, with the sites as they were last seen."""
    notified = settings.notifications
    return NotificationRules(
        routes=notified.routes,
        escalations=notified.escalations,
        labels_by_site=site_labels(known_sites(settings), settings.organisation.names),
        windows=notified.planned_silences(),
        # A ticket is somebody's work; that messages do not arrive is one only where nobody else can be told.
        sinks=[name for name in notified.sinks if name not in notified.tickets] or list(notified.sinks),
        pagers=[name for name, sink in notified.sinks.items() if sink.is_pager],
    )


def known_labels(settings: Settings, ledger: Ledger | None) -> Known:
    """What matchers can match: the sites as they were last seen, and what goes on."""
    labels_by_site = site_labels(known_sites(settings), settings.organisation.names)
    going = ledger.incidents(ACTIVE) if ledger is not None else []
    return Known(
        labels_by_site,
        tuple(
            alert_labels(alert, labels_by_site, incident.scope)
            for incident, alerts in going
            for alert in alerts
            if alert.is_active
        ),
    )


def known_sites(settings: Settings) -> pl.DataFrame:
    """The sites as they were last seen, with `SITE_COLUMNS`; none before the first poll.

    A file of its own, since a notification must never wait for the warehouse.
    """
    path = sites_file(settings)
    if not path.exists():
        types = dict.fromkeys(SITE_COLUMNS, pl.String) | {"sitegroup_ids": pl.List(pl.String)}
        return pl.DataFrame(schema=types)
    return pl.read_parquet(path)


def remember_sites(settings: Settings, sites: pl.DataFrame) -> None:
    """Keep the sites for notifications about them."""
    path = sites_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.unfinished")
    sites.select(SITE_COLUMNS).write_parquet(fresh)
    fresh.replace(path)


def sites_file(settings: Settings) -> Path:
    """Where the sites as they were last seen are."""
    return settings.evaluations_path / "sites.parquet"
