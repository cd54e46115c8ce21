"""What programs are told of an incident: the event of PagerDuty and the document of a webhook, against the ledger's rows."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.sinks.pagerduty.sink import trigger_event
from mist_pipeline.delivery.sinks.webhook.document import document_of
from mist_pipeline.domain.severity import worst
from mist_pipeline_tests.support.facts.claims import Passage
from mist_pipeline_tests.support.facts.readers.incident_reader import Facts, Rows

_OF_PAGERDUTY = {"critical": "critical", "error": "major", "warning": "warning", "info": "info"}
_NO_FACTS = {"why", "what usually helps", "incident_id", "alerts"}
_OF_AN_ALERT = (
    "site_id",
    "metric",
    "family",
    "severity",
    "last_bad_at",
    "opened_at",
    "resolved_at",
    "is_past",
)


def page_facts(message: Message) -> Facts:
    """The facts of a page."""
    payload = trigger_event(message, "key")["payload"]
    details: Mapping[str, Any] = payload["custom_details"]
    return {
        "Severity": _OF_PAGERDUTY[payload["severity"]],
        **{name: str(value) for name, value in details.items() if name not in _NO_FACTS},
    }


def page_lines(message: Message) -> list[str]:
    """The alerts of a page, as lists of messages have them."""
    return [f"- {line}" for line in trigger_event(message, "key")["payload"]["custom_details"]["alerts"]]


def webhook_passages(message: Message) -> Iterator[Passage]:
    """The sentences of a webhook."""
    for alert in document_of(message)["incident"]["alerts"]:
        for sentence in alert["summaries"]:
            yield Passage("webhook", sentence, alert["site_id"], alert["metric"])


def _worse_falsehoods(said: Mapping[str, Any] | None, rows: Rows) -> list[str]:
    grew = [one.worse for one in rows.going if one.worse is not None]
    newest = max(grew, key=lambda one: (one.at, one.to_pct), default=None)
    if said is None or newest is None:
        return [] if (said is None) == (newest is None) else [f"worse: {said}, the tables have {newest}"]
    site = {one.alert_id: one.site_id for one in rows.alerts}[newest.alert_id]
    known = {
        "site_id": site,
        "metric": newest.metric,
        "from_pct": newest.from_pct,
        "to_pct": newest.to_pct,
        "at": _json(newest.at),
    }
    return [] if said == known else [f"worse: {said}, the tables have {known}"]


def webhook_falsehoods(message: Message, rows: Rows) -> list[str]:
    """What a webhook says of an incident that is not so."""
    said = document_of(message)["incident"]
    known: dict[str, object] = {
        "severity": worst(
            [alert.severity for alert in rows.going] or [alert.highest for alert in rows.alerts]
        ),
        "scope": rows.incident.scope,
        "began_at": rows.began,
        "last_bad_at": rows.last_bad,
        "opened_at": rows.incident.opened_at,
        "resolved_at": rows.incident.resolved_at,
        "status": rows.incident.state,
    }
    wrong = [
        f"{name} {said[name]}, the tables have {value}"
        for name, value in known.items()
        if said[name] != _json(value)
    ]
    wrong += _worse_falsehoods(said["worse"], rows)
    size = (
        {}
        if rows.impact is None
        else {one.name: getattr(rows.impact, one.name) for one in fields(rows.impact)}
    )
    told = said["impact"] or {}
    wrong += [
        f"impact: {name} {told[name]}, the tables have {size[name]}"
        for name in sorted(told.keys() & size.keys() - {"devices", "clients"})
        if told[name] != _json(size[name])
    ]
    if bool(told) != bool(size):
        wrong.append(f"impact {told}, the tables have {size}")
    alerts = {alert.alert_id: alert for alert in rows.alerts}
    if sorted(one["alert_id"] for one in said["alerts"]) != sorted(alerts):
        wrong.append(f"alerts: the tables have {sorted(alerts)}")
    for one in said["alerts"]:
        alert = alerts.get(one["alert_id"])
        of_alert = {name: getattr(alert, name) for name in _OF_AN_ALERT} if alert else {}
        if alert:
            of_alert["began_at"] = alert.began_at or alert.opened_at
        wrong += [
            f"alert: {name} {one[name]}, the tables have {value}"
            for name, value in of_alert.items()
            if one[name] != _json(value)
        ]
    return [f"webhook: {why}" for why in wrong]


def _json(value: Any) -> Any:
    """As JSON has it: instants in UTC."""
    return value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else value
