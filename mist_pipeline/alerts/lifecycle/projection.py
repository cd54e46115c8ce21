"""State from events: what each kind of event changes about an alert or an incident.

The fold is total and has no conditions of its own: whatever had to be decided was decided before the event was written.
So state can be derived from the events alone, until those of what is long over are folded (``ledger.times.folding``): their state is kept beside them.

>>> from datetime import UTC
>>> at = datetime(2026, 3, 2, 10, tzinfo=UTC)
>>> opened = {"fingerprint": "f", "scope": "site", "family": "radio", "cause": "Bad.", "attribute": "site", "value": "s1"}
>>> events = [
...     Event("incident", "i1", 1, at, "opened", opened),
...     Event("incident", "i1", 2, at, "acknowledged", {"by": "ada", "severity": "major"}),
... ]
>>> incident = fold_incidents(events)["i1"]
>>> incident.state, incident.acknowledged_by, incident.version
('acknowledged', 'ada', 2)

Not here: deciding (`lifecycle`, `grouping`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from mist_pipeline.alerts.lifecycle.model import Alert, Event, Incident, Series, withheld_from


def fold_alerts(events: Iterable[Event], alerts: Mapping[str, Alert] | None = None) -> dict[str, Alert]:
    """Alerts by id after these events; events of incidents are passed over.

    Raises:
        ValueError: An event is missing or out of order.
    """
    state = dict(alerts or {})
    for event in events:
        if event.subject == "alert":
            state[event.subject_id] = apply_to_alert(state.get(event.subject_id), event)
    return state


def fold_incidents(
    events: Iterable[Event], incidents: Mapping[str, Incident] | None = None
) -> dict[str, Incident]:
    """Incidents by id after these events; events of alerts are passed over.

    Raises:
        ValueError: An event is missing or out of order.
    """
    state = dict(incidents or {})
    for event in events:
        if event.subject == "incident":
            state[event.subject_id] = apply_to_incident(state.get(event.subject_id), event)
    return state


def apply_to_alert(alert: Alert | None, event: Event) -> Alert:
    """An alert after one more event."""
    _check(event, 0 if alert is None else alert.version)
    detail: Any = event.detail
    if alert is None:
        if event.kind != "pending":
            raise ValueError(f"alert {event.subject_id} begins with {event.kind!r} instead of 'pending'")
        return Alert(
            alert_id=event.subject_id,
            state="pending",
            version=event.number,
            pending_since=event.at,
            condition="firing",
            since=event.at,
            counted=timedelta(0),
            highest=detail["severity"],
            began_at=_instant(detail.get("began_at")) or event.at,
            series=_series(detail),
            problem=detail.get("problem", ""),
            **_from_signal(detail),
            **{name: detail[name] for name in ("fingerprint", "site_id", "family")},
        )
    return replace(alert, version=event.number, **_ALERT_CHANGES[event.kind](alert, event.at, detail))


def apply_to_incident(incident: Incident | None, event: Event) -> Incident:
    """An incident after one more event."""
    _check(event, 0 if incident is None else incident.version)
    detail: Any = event.detail
    if incident is None:
        if event.kind != "opened":
            raise ValueError(f"incident {event.subject_id} begins with {event.kind!r} instead of 'opened'")
        names = ("fingerprint", "scope", "family", "cause", "attribute", "value")
        return Incident(
            incident_id=event.subject_id,
            state="open",
            alert_ids=(),
            opened_at=event.at,
            last_joined_at=event.at,
            began_at=event.at,
            asks_since=event.at,
            version=event.number,
            **{name: detail[name] for name in names},
        )
    return replace(
        incident, version=event.number, **_INCIDENT_CHANGES[event.kind](incident, event.at, detail)
    )


def _check(event: Event, version: int) -> None:
    if event.number != version + 1:
        raise ValueError(
            f"{event.subject} {event.subject_id}: event {event.number} ({event.kind}) follows {version}; events are missing"
        )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _series(detail: Any) -> tuple[Series, ...]:
    """The series of an event; events of before they were followed have none."""
    return tuple(Series(**one) for one in detail.get("series", ()))


def _from_signal(detail: Any) -> dict[str, Any]:
    """What a signal says of an alert."""
    return {
        "metric": detail["metric"],
        "kind": detail["kind"],
        "kinds": tuple(detail["kinds"]),
        "summary": detail["summary"],
        "evidence": detail["evidence"],
        "classifier": detail["classifier"],
        "severity": detail["severity"],
        "valid_until": datetime.fromisoformat(detail["valid_until"]),
        "source": detail["source"],
        "recovery_pct": {metric: float(line) for metric, line in detail["lines"].items()},
    }


def _pending_again(alert: Alert, at: datetime, detail: Any) -> dict[str, Any]:
    reported = _from_signal(detail)
    kept = {"kind": alert.kind, "metric": alert.metric, "kinds": _union(alert.kinds, reported["kinds"])}
    return {
        **reported,
        **kept,
        **_NOT_MOVING,
        "state": "pending",
        "began_at": _instant(detail.get("began_at")) or at,
        "last_bad_at": None,
        "series": _series(detail),
        "began_before": alert.began_at,
        "ended_before": alert.last_bad_at,
        "series_before": alert.series,
        "pending_since": at,
        "condition": "firing",
        "since": at,
        "counted": timedelta(0),
        "quiet_since": None,
    }


def _opened(_alert: Alert, at: datetime, detail: Any) -> dict[str, Any]:
    return {
        **_NOT_MOVING,
        "is_past": detail.get("is_past", False),
        "state": "open",
        "severity": detail["severity"],
        "highest": detail["severity"],
        "opened_at": at,
        "since": at,
        "counted": timedelta(0),
    }


def _reopened(alert: Alert, at: datetime, detail: Any) -> dict[str, Any]:
    return {
        # What was for the record alone is noticed now.
        "is_past": False,
        "opened_at": at if alert.is_past else alert.opened_at,
        **_NOT_MOVING,
        "state": "open",
        "severity": detail["severity"],
        "highest": detail["highest"],
        "since": at,
        "counted": timedelta(0),
        "resolved_at": None,
        "resolution": None,
        "acknowledged_at": None,
        "acknowledged_by": None,
        "reopenings": alert.reopenings + 1,
        **_NOTHING_BEFORE,
        **_NO_LEVEL,
    }


def _lapsed(alert: Alert, at: datetime, _detail: Any) -> dict[str, Any]:
    if alert.resolved_at is None:
        return {"state": "lapsed", "since": at}
    # An alert that was resolved before and did not come back for good is resolved still, and about what it was about.
    return {
        **_NOTHING_BEFORE,
        "state": "resolved",
        "since": at,
        "began_at": alert.began_before,
        "last_bad_at": alert.ended_before,
        "series": alert.series_before,
    }


def _seen(alert: Alert, _at: datetime, detail: Any) -> dict[str, Any]:
    lines = {metric: float(line) for metric, line in detail["lines"].items()}
    return {
        "kinds": _union(alert.kinds, detail["kinds"]),
        "summary": detail["summary"],
        "evidence": detail["evidence"],
        "classifier": detail["classifier"] or alert.classifier,
        "series": _union_of(alert.series, _series(detail)),
        "recovery_pct": {**alert.recovery_pct, **lines},
    }


def _renewed(_alert: Alert, at: datetime, detail: Any) -> dict[str, Any]:
    return {
        "condition": "firing",
        "since": at,
        "counted": timedelta(0),
        "quiet_since": None,
        "last_bad_at": None,
        "valid_until": datetime.fromisoformat(detail["valid_until"]),
        "source": detail["source"],
    }


def _quieted(alert: Alert, at: datetime, detail: Any) -> dict[str, Any]:
    return {
        "condition": "quiet",
        "since": at,
        "quiet_since": at,
        "last_bad_at": _instant(detail.get("last_bad_at")) or at,
        "source": detail.get("source", alert.source),
    }


def _frozen(_alert: Alert, at: datetime, detail: Any) -> dict[str, Any]:
    return {"condition": "frozen", "since": at, "counted": timedelta(seconds=detail["counted_seconds"])}


def _thawed(alert: Alert, at: datetime, detail: Any) -> dict[str, Any]:
    is_quiet = detail["condition"] == "quiet"
    counted = {} if is_quiet or alert.state == "pending" else {"counted": timedelta(0)}
    quiet_since = (alert.quiet_since or at) if is_quiet else None
    return {
        "condition": detail["condition"],
        "since": at,
        "quiet_since": quiet_since,
        "last_bad_at": _instant(detail.get("last_bad_at")) or alert.last_bad_at,
        **counted,
    }


def _rising(_alert: Alert, _at: datetime, detail: Any) -> dict[str, Any]:
    begins = None if detail["to"] is None else datetime.fromisoformat(detail["since"])
    return {"rising_since": begins, "rising_to": detail["to"]}


def _easing(_alert: Alert, _at: datetime, detail: Any) -> dict[str, Any]:
    begins = None if detail["to"] is None else datetime.fromisoformat(detail["since"])
    return {"easing_since": begins, "easing_to": detail["to"]}


def _rose(_alert: Alert, _at: datetime, detail: Any) -> dict[str, Any]:
    # What was acknowledged was milder: worse asks for a person anew.
    return {
        **_NOT_MOVING,
        "severity": detail["severity"],
        "highest": detail["highest"],
        "state": "open",
        "acknowledged_at": None,
        "acknowledged_by": None,
    }


def _peaked(alert: Alert, _at: datetime, detail: Any) -> dict[str, Any]:
    return {"levels": {**alert.levels, **detail["levels"]}}


def _much_worse(alert: Alert, at: datetime, detail: Any) -> dict[str, Any]:
    # As with a rise: what was acknowledged was milder.
    return {
        **_peaked(alert, at, detail),
        "worse_at": at,
        "worse_metric": detail["metric"],
        "worse_from_pct": detail["from_pct"],
        "worse_to_pct": detail["to_pct"],
        "state": "open",
        "acknowledged_at": None,
        "acknowledged_by": None,
    }


def _fell(_alert: Alert, _at: datetime, detail: Any) -> dict[str, Any]:
    return {**_NOT_MOVING, "severity": detail["severity"]}


def _acknowledged(_alert: Alert, at: datetime, detail: Any) -> dict[str, Any]:
    return {"state": "acknowledged", "acknowledged_at": at, "acknowledged_by": detail["by"]}


def _unacknowledged(_alert: Alert, _at: datetime, _detail: Any) -> dict[str, Any]:
    return {"state": "open", "acknowledged_at": None, "acknowledged_by": None}


def _resolved(alert: Alert, at: datetime, detail: Any) -> dict[str, Any]:
    return {
        **_NOT_MOVING,
        "state": "resolved",
        "resolved_at": at,
        "resolution": detail["because"],
        "last_bad_at": _instant(detail.get("last_bad_at")) or alert.last_bad_at or at,
    }


_NOTHING_BEFORE: Mapping[str, Any] = {"began_before": None, "ended_before": None, "series_before": ()}

_NO_LEVEL: Mapping[str, Any] = {
    "levels": {},
    **dict.fromkeys(("worse_at", "worse_metric", "worse_from_pct", "worse_to_pct")),
}
"""What is back was told as such: how bad it was before says nothing of what comes."""

_NOT_MOVING: Mapping[str, None] = dict.fromkeys(("rising_since", "rising_to", "easing_since", "easing_to"))

_ALERT_CHANGES = {
    "pending": _pending_again,
    "lapsed": _lapsed,
    "opened": _opened,
    "reopened": _reopened,
    "seen": _seen,
    "renewed": _renewed,
    "quieted": _quieted,
    "frozen": _frozen,
    "thawed": _thawed,
    "rising": _rising,
    "easing": _easing,
    "severity_rose": _rose,
    "severity_fell": _fell,
    "peaked": _peaked,
    "much_worse": _much_worse,
    "acknowledged": _acknowledged,
    "unacknowledged": _unacknowledged,
    "resolved": _resolved,
}


def _union_of(some: Iterable[Series], more: Iterable[Series]) -> tuple[Series, ...]:
    return tuple(dict.fromkeys((*some, *more)))


def _union(some: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*some, *more)))


def _joined(incident: Incident, at: datetime, detail: Any) -> dict[str, Any]:
    began = [at for at in (_instant(detail.get("began_at")), incident.began_at) if at is not None]
    return {
        "alert_ids": _union(incident.alert_ids, detail["alert_ids"]),
        "last_joined_at": at,
        "began_at": min(began),
        "last_bad_at": None,
    }


def _left(incident: Incident, _at: datetime, detail: Any) -> dict[str, Any]:
    gone = set(detail["alert_ids"])
    return {"alert_ids": tuple(name for name in incident.alert_ids if name not in gone)}


def _renamed(_incident: Incident, _at: datetime, detail: Any) -> dict[str, Any]:
    return {name: detail[name] for name in ("cause", "attribute", "value")}


def _merged(_incident: Incident, at: datetime, detail: Any) -> dict[str, Any]:
    return {"state": "merged", "merged_into": detail["into"], "resolved_at": at, "alert_ids": ()}


def _incident_acknowledged(_incident: Incident, at: datetime, detail: Any) -> dict[str, Any]:
    return {
        "state": "acknowledged",
        "acknowledged_at": at,
        "acknowledged_by": detail["by"],
        "acknowledged_severity": detail["severity"],
    }


def _incident_unacknowledged(_incident: Incident, at: datetime, _detail: Any) -> dict[str, Any]:
    return {"state": "open", "asks_since": at, **_UNACKNOWLEDGED}


def _incident_resolved(_incident: Incident, at: datetime, detail: Any) -> dict[str, Any]:
    last_bad_at = _instant(detail.get("last_bad_at")) or at
    return {"state": "resolved", "resolved_at": at, "last_bad_at": last_bad_at, "withheld": None}


def _incident_reopened(_incident: Incident, at: datetime, _detail: Any) -> dict[str, Any]:
    return {"state": "open", "asks_since": at, "resolved_at": None, "last_bad_at": None, **_UNACKNOWLEDGED}


def _worsened(_incident: Incident, at: datetime, _detail: Any) -> dict[str, Any]:
    return {"state": "open", "asks_since": at, **_UNACKNOWLEDGED}


def _withheld(_incident: Incident, _at: datetime, detail: Any) -> dict[str, Any]:
    return {"withheld": withheld_from(detail)}


_UNACKNOWLEDGED: Mapping[str, None] = dict.fromkeys(
    ("acknowledged_at", "acknowledged_by", "acknowledged_severity")
)

_INCIDENT_CHANGES = {
    "joined": _joined,
    "left": _left,
    "renamed": _renamed,
    "merged": _merged,
    "acknowledged": _incident_acknowledged,
    "unacknowledged": _incident_unacknowledged,
    "worsened": _worsened,
    "resolved": _incident_resolved,
    "reopened": _incident_reopened,
    "withheld": _withheld,
}
