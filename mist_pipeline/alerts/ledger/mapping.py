"""Rows of the ledger as values, and back. Not here: queries (`queries`, `outbox`), public columns (`export`)."""

import logging
from collections.abc import Mapping
from dataclasses import fields
from datetime import date, time, timedelta
from typing import Any

from mist_pipeline.alerts.lifecycle.model import Alert, Event, Incident, Series, Withheld
from mist_pipeline.alerts.notify.decision import LastNotification
from mist_pipeline.alerts.notify.escalation import Stop
from mist_pipeline.alerts.notify.matchers import Matcher, parse_matchers
from mist_pipeline.alerts.notify.outcome import Delivery
from mist_pipeline.alerts.notify.silences import Silence
from mist_pipeline.alerts.notify.time_windows import WEEKDAYS, Window

_log = logging.getLogger(__name__)

Row = Mapping[str, Any]

_ALERT = [item.name for item in fields(Alert)]
_INCIDENT = [item.name for item in fields(Incident) if item.name != "withheld"]
_DELIVERY = [item.name for item in fields(Delivery)]


def alert_row(alert: Alert, incident_id: str | None) -> dict[str, Any]:
    """An alert as a row of ``alerts``."""
    return {
        **{name: getattr(alert, name) for name in _ALERT},
        "kinds": list(alert.kinds),
        "recovery_pct": dict(alert.recovery_pct),
        "levels": dict(alert.levels),
        "series": [one.row() for one in alert.series],
        "series_before": [one.row() for one in alert.series_before],
        "counted": alert.counted.total_seconds(),
        "incident_id": incident_id,
    }


def alert_of(row: Row) -> Alert:
    """A row of ``alerts`` as an alert."""
    values = {name: row[name] for name in _ALERT}
    values["kinds"] = tuple(row["kinds"])
    values["counted"] = timedelta(seconds=row["counted"])
    for name in ("series", "series_before"):
        values[name] = tuple(Series(**one) for one in row[name])
    return Alert(**values)


def incident_row(incident: Incident) -> dict[str, Any]:
    """An incident as a row of ``incidents``."""
    withheld = incident.withheld
    return {
        **{name: getattr(incident, name) for name in _INCIDENT},
        "alert_ids": list(incident.alert_ids),
        "withheld_reason": None if withheld is None else withheld.reason,
        "withheld_detail": None if withheld is None else withheld.detail,
        "withheld_until": None if withheld is None else withheld.until,
    }


def incident_of(row: Row) -> Incident:
    """A row of ``incidents`` as an incident."""
    values = {name: row[name] for name in _INCIDENT}
    values["alert_ids"] = tuple(row["alert_ids"])
    return Incident(**values, withheld=withheld_of(row))


def withheld_of(row: Row) -> Withheld | None:
    """Why an incident of a row of ``incidents`` is withheld, if it is."""
    if row["withheld_reason"] is None:
        return None
    return Withheld(row["withheld_reason"], row["withheld_detail"] or "", row["withheld_until"])


def stop_of(row: Row) -> Stop | None:
    """Why the step of a row of ``escalations`` was cancelled, if it was."""
    return None if row["stop_reason"] is None else Stop(row["stop_reason"], row["stopped_by"] or "")


def event_row(event: Event) -> dict[str, Any]:
    """An event as a row of ``events``; its number there comes from the database."""
    return {
        "subject": event.subject,
        "subject_id": event.subject_id,
        "number": event.number,
        "at": event.at,
        "kind": event.kind,
        "detail": dict(event.detail),
    }


def event_of(row: Row) -> Event:
    """A row of ``events`` as an event."""
    return Event(row["subject"], row["subject_id"], row["number"], row["at"], row["kind"], row["detail"])


def delivery_of(row: Row) -> Delivery:
    """A row of ``deliveries`` as what a sink is handed."""
    return Delivery(**{name: row[name] for name in _DELIVERY if name in row})


def last_notification_of(row: Row) -> LastNotification:
    """A row of ``told``."""
    return LastNotification(
        at=row["at"],
        sequence=row["sequence"],
        severity=row["severity"],
        site_ids=frozenset(row["site_ids"]),
        is_over=row["is_over"],
        is_acknowledged=row["is_acknowledged"],
        worse_at=row["worse_at"],
    )


def silence_row(silence: Silence) -> dict[str, Any]:
    """A silence as a row of ``silences``."""
    return {
        "silence_id": silence.silence_id,
        "matchers": ",".join(map(str, silence.matchers)),
        "starts_at": silence.starts_at,
        "ends_at": silence.ends_at,
        "window": None if silence.window is None else _window_row(silence.window),
        "created_by": silence.created_by,
        "comment": silence.comment,
    }


def silence_of(row: Row) -> Silence:
    """A row of ``silences`` as a silence."""
    return Silence(
        silence_id=row["silence_id"],
        matchers=_matchers_of(row["matchers"]),
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        window=None if row["window"] is None else _window_of(row["window"]),
        created_by=row["created_by"],
        comment=row["comment"],
    )


def _matchers_of(text: str) -> tuple[Matcher, ...]:
    """Matchers as they were stored.

    An earlier version took expressions that this one refuses. Such a silence is about nothing: better that people hear too
    much, and that everything else goes on.
    """
    try:
        return parse_matchers(text)
    except ValueError as error:
        _log.warning("a stored silence is about nothing: %s", error)
        return (Matcher("severity", "=", f"not readable any more: {text}"),)


def _window_row(window: Window) -> dict[str, Any]:
    return {
        "begins": window.begins.isoformat(),
        "zone": window.zone,
        "until": None if window.until is None else window.until.isoformat(),
        "lasts_seconds": None if window.lasts is None else window.lasts.total_seconds(),
        "weekdays": window.weekday_numbers,
        "first_day": None if window.first_day is None else window.first_day.isoformat(),
        "last_day": None if window.last_day is None else window.last_day.isoformat(),
    }


def _window_of(row: Row) -> Window:
    return Window(
        begins=time.fromisoformat(row["begins"]),
        zone=row["zone"],
        until=None if row["until"] is None else time.fromisoformat(row["until"]),
        lasts_hours=None if row["lasts_seconds"] is None else row["lasts_seconds"] / 3600,
        weekdays=tuple(WEEKDAYS[number] for number in row["weekdays"]),
        first_day=None if row["first_day"] is None else date.fromisoformat(row["first_day"]),
        last_day=None if row["last_day"] is None else date.fromisoformat(row["last_day"]),
    )
