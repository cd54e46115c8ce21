"""A message as the JSON document that webhooks get and file sinks write. Not here: signing and posting it (`sink`)."""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from mist_pipeline.delivery.message import AlertView, ImpactView, Message, WorseView
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.domain.text import NAME_LENGTH, clean

SCHEMA = "mist-pipeline/message"
_FEW = 10
"""Devices and people that it names then."""
_LONG = 250
"""Characters of a text in a document that would be too long otherwise."""

VERSION = 1
"""Rises when a receiver could break; members may be added within a version."""


def document_of(message: Message) -> dict[str, Any]:
    """The message as JSON values; names and sentences are as their authors typed them, so receivers escape them."""
    incident = message.incident
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "delivery_id": message.delivery_id,
        "reason": message.reason,
        "sequence": message.sequence,
        "attempt": message.attempt,
        "headline": wording.headline(message),
        "incident": {
            "incident_id": incident.incident_id,
            "fingerprint": incident.fingerprint,
            "title": incident.title,
            "severity": incident.severity,
            "scope": incident.scope,
            "status": incident.status,
            "began_at": _instant(incident.since),
            "last_bad_at": _instant(incident.last_bad_at),
            "opened_at": _instant(incident.opened_at),
            "updated_at": _instant(incident.updated_at),
            "resolved_at": _instant(incident.resolved_at),
            "cause": incident.cause,
            "remediation": list(incident.remediation),
            "report_url": incident.report_url,
            "run_url": incident.run_url,
            "page_url": incident.page_url,
            "answer_urls": dict(incident.answer_urls),
            "worse": None if incident.worse is None else _worse(incident.worse),
            "impact": None if incident.impact is None else _impact(incident.impact),
            "alerts": [_alert(alert) for alert in incident.alerts],
            "alerts_left_out": 0,
            "past_left_out": incident.past_left_out,
        },
    }


def _impact(impact: ImpactView) -> dict[str, Any]:
    return {
        **{
            name: value for name, value in vars(impact).items() if name not in ("as_of", "devices", "clients")
        },
        "as_of": _instant(impact.as_of),
        "devices": [vars(device) for device in impact.devices],
        "clients": list(impact.clients),
    }


def _worse(worse: WorseView) -> dict[str, Any]:
    return {
        "site_id": worse.site.site_id,
        "metric": worse.metric,
        "from_pct": worse.from_pct,
        "to_pct": worse.to_pct,
        "at": _instant(worse.at),
    }


def _short_impact(impact: dict[str, Any] | None) -> dict[str, Any] | None:
    """With the worst devices and people only, and how many there are besides."""
    if impact is None:
        return None
    devices, clients = impact["devices"], impact["clients"]
    return {
        **impact,
        "unknown": clean(impact["unknown"], _LONG),
        "devices": [{**one, "name": clean(one["name"], NAME_LENGTH)} for one in devices[:_FEW]],
        "devices_left_out": max(len(devices) - _FEW, 0),
        "clients": [clean(one, NAME_LENGTH) for one in clients[:_FEW]],
        "clients_left_out": max(len(clients) - _FEW, 0),
    }


def fitting_document(message: Message, most: int, encode: Callable[[object], bytes]) -> dict[str, Any]:
    """The document in at most so many bytes of JSON: the worst alerts, and in ``alerts_left_out`` how many there are besides.

    Args:
        message: The message.
        most: Bytes, at least 20,000.
        encode: How a document becomes bytes.
    """
    document = document_of(message)
    incident = document["incident"]
    alerts, incident["alerts"] = incident["alerts"], []
    left = most - len(encode(document)) - len(str(len(alerts)))
    if left < 0:
        # Texts of people have no limit of their own: each gets a share.
        for part in (document, incident):
            part.update({name: clean(text, _LONG) for name, text in part.items() if isinstance(text, str)})
        incident["remediation"] = [clean(step, _LONG) for step in incident["remediation"][:6]]
        incident["impact"] = _short_impact(incident["impact"])
        left = most - len(encode(document)) - len(str(len(alerts)))
    for alert in alerts:
        left -= len(encode(alert)) + 1
        if left < 0:
            break
        incident["alerts"].append(alert)
    incident["alerts_left_out"] = len(alerts) - len(incident["alerts"])
    return document


def _alert(alert: AlertView) -> dict[str, Any]:
    return {
        "alert_id": alert.alert_id,
        "site_id": alert.site.site_id,
        "site_name": alert.site.name,
        "site_label": alert.site.label or alert.site.name,
        "site_url": alert.site.url,
        "metric": alert.metric,
        "family": alert.family,
        "severity": alert.severity,
        "status": alert.status,
        "began_at": _instant(alert.began_at or alert.opened_at),
        "last_bad_at": _instant(alert.last_bad_at),
        "opened_at": _instant(alert.opened_at),
        "resolved_at": _instant(alert.resolved_at),
        "is_past": alert.is_past,
        "summaries": list(alert.summaries),
        "classifier": alert.classifier,
        "evidence": _json(alert.evidence),
    }


def _json(value: object) -> Any:
    """Evidence as JSON: what JSON does not know (instants, NaN) becomes text or null."""
    if isinstance(value, Mapping):
        return {str(name): _json(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_json(member) for member in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return _instant(value) if isinstance(value, datetime) else str(value)


def _instant(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None
