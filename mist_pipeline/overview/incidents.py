"""Incidents as lists and pages show them: values of the ledger in, values out; every text is clean."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from mist_pipeline.alerts.impacts.model import Impact
from mist_pipeline.alerts.lifecycle.model import Alert, Event, Incident
from mist_pipeline.alerts.lifecycle.signals import EVIDENCE
from mist_pipeline.domain.metrics import family_title, title_of
from mist_pipeline.domain.numbers import beyond_chance, rounded_down
from mist_pipeline.domain.severity import rank
from mist_pipeline.domain.text import clean, count
from mist_pipeline.domain.text import instant as in_words
from mist_pipeline.overview.model import IncidentDetail, IncidentNow, Source
from mist_pipeline.overview.timeline import timeline
from mist_pipeline.overview.wording import (
    Found,
    SiteNames,
    concerned,
    growth,
    last_bad,
    order,
    progress,
    severity_of,
    what,
    where,
    why_withheld,
)

MOST_DEVICES = 10
"""Devices that are listed."""
MOST_PARTS = 4
_KINDS = {"ap": "access point", "switch": "switch", "gateway": "gateway"}
_PARTS = {
    "wlan": "WLAN", "band": "Band", "device_type": "Kind of device", "device_os": "System",
    "ssid": "WLAN", "server": "Server", "vlan": "VLAN",
}  # fmt: skip
_BANDS = {"24": "2.4 GHz", "5": "5 GHz", "6": "6 GHz"}
"""How the cloud writes bands, and how people do."""

MOST_ALERTS = 30
"""Alerts that are named: an outage of everything has thousands."""
_AN_EXCESS = beyond_chance(10.0**-4)
"""Of a finding of evidence without its number: the least that such a finding needs."""
MOST_EVIDENCE = 12
"""Numbers of an alert's evidence that are shown."""


def incident_rows(found: Iterable[Found], sites: SiteNames) -> list[IncidentNow]:
    """Incidents, those that go on first, the worst of them first."""
    return [incident_row(incident, alerts, sites) for incident, alerts in order(found)]


def incident_row(incident: Incident, alerts: Sequence[Alert], sites: SiteNames) -> IncidentNow:
    """One incident."""
    about = concerned(alerts)
    return IncidentNow(
        incident_id=incident.incident_id,
        severity=severity_of(alerts),
        state=incident.state,
        progress=progress(incident, alerts).partition(",")[0],
        began_at=incident.began_at or incident.opened_at,
        opened_at=incident.opened_at,
        last_bad_at=last_bad(incident, alerts),
        resolved_at=incident.resolved_at,
        where=clean(where(alerts, sites), 110),
        what=clean(what(incident, alerts), 300),
        site_ids=tuple(dict.fromkeys(alert.site_id for alert in about if alert.site_id)),
        family=incident.family,
        acknowledged_by=clean(incident.acknowledged_by or "", 60),
        withheld=why_withheld(incident.withheld) if incident.is_active else "",
        num_alerts=len(alerts),
        worse=clean(growth(alerts, sites), 300),
    )


def incident_detail(
    incident: Incident,
    alerts: Sequence[Alert],
    events: Sequence[Event],
    records: Mapping[str, Sequence[Mapping[str, Any]]],
    sizes: Sequence[Impact],
    sites: SiteNames,
    at: datetime,
) -> IncidentDetail:
    """One incident in full.

    Args:
        incident: It.
        alerts: Its alerts.
        events: Of both, in order.
        records: Messages, escalations, tickets, feedback.
        sizes: Its newest size, the whole first.
        sites: What sites are called.
        at: When this was read.
    """
    ordered = sorted(alerts, key=lambda one: (not one.is_active, -rank(one.severity), one.alert_id))
    about = sorted(concerned(alerts), key=lambda one: (-rank(one.severity), one.alert_id))
    leading = about[0] if about else None
    return IncidentDetail(
        at=at,
        ledger=Source(name="ledger", as_of=at),
        incident=incident_row(incident, alerts, sites),
        cause=clean(incident.cause),
        alerts=[
            (
                alert.severity,
                alert.state,
                clean(
                    f"{sites.label(alert.site_id, alert.family)} · {title_of(alert.metric) or family_title(alert.family)}",
                    120,
                ),
                clean(alert.summary, 240),
            )
            for alert in ordered[:MOST_ALERTS]
        ],
        evidence={} if leading is None else evidence_of(leading.evidence),
        timeline=[(moment, clean(words, 300)) for moment, words in timeline(events, alerts, sites)],
        records=records,
        impact=impact_in_words(sizes[0]) if sizes else "",
        unknown=clean(sizes[0].unknown, 200) if sizes else "",
        devices=_devices(sizes[0], sites) if sizes else (),
        parts=parts_of(sizes[0]) if sizes else {},
        certainty="" if leading is None else certainty(leading),
        problems=list(dict.fromkeys((one.metric, classifier_of(one.evidence), one.family) for one in about)),
        series=list(dict.fromkeys((one.site_id, one.metric) for one in about if one.site_id and one.metric)),
    )


def evidence_of(text: str) -> dict[str, str]:
    """The plain numbers and words of an alert's evidence, by name.

    >>> evidence_of('{"score_pct": 69.96, "hours": [1, 2], "classifier": "weak-signal"}')
    {'score pct': '69.9', 'classifier': 'weak-signal'}
    """
    shown: dict[str, str] = {}
    for name, value in _parsed(text).items():
        if isinstance(value, bool | str):
            words = _said(str(value))
        elif isinstance(value, float):
            words = f"{rounded_down(value) if name.endswith('_pct') else value:,.1f}"
        elif isinstance(value, int):
            words = f"{value:,}"
        else:
            continue
        shown[clean(name, 40).replace("_", " ")] = words
        if len(shown) == MOST_EVIDENCE:
            break
    return shown


def certainty(alert: Alert) -> str:
    """How much an alert is more than chance, in words; '' where no statistics raised it.

    Of an alert whose sentence is that of a score, the numbers of the excess beside it are not kept, only that there was one.
    """
    surprise = _parsed(alert.evidence).get("surprise")
    if isinstance(surprise, bool) or not isinstance(surprise, int | float):
        return _AN_EXCESS if EVIDENCE in alert.kinds else ""
    return beyond_chance(10.0 ** -min(surprise, 300.0))


def classifier_of(text: str) -> str:
    """What the cloud blames by an alert's evidence; '' for nothing."""
    found = _parsed(text).get("classifier")
    return found if isinstance(found, str) else ""


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _said(value: str) -> str:
    """A word of the evidence; an instant as instants are written."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return clean(value, 80)
    return in_words(moment) if moment.tzinfo else clean(value, 80)


def _devices(size: Impact, sites: SiteNames) -> list[tuple[str, str, str, float]]:
    return [
        (
            _KINDS.get(one.kind, clean(one.kind, 20)),
            clean(one.name, 60) or clean(one.mac, 20),
            clean(sites.label(one.site_id), 110),
            one.degraded_user_minutes,
        )
        for one in size.devices[:MOST_DEVICES]
    ]


def parts_of(size: Impact) -> dict[str, list[tuple[str, float]]]:
    """What those who are hit use, the largest share first; what only one value has says nothing."""
    found = {}
    for name, shares in size.parts.items():
        largest = sorted(shares.items(), key=lambda one: (-one[1], one[0]))[:MOST_PARTS]
        if len(shares) > 1:
            found[_PARTS.get(name, clean(name, 40))] = [
                ((_BANDS.get(one) if name == "band" else None) or clean(one, 60), 100 * share)
                for one, share in largest
            ]
    return found


def impact_in_words(size: Impact) -> str:
    """Who is hit, in words, as far as it is known."""
    parts = []
    if size.num_users is not None:
        total = "" if size.total_users is None else f" of {size.total_users:,}"
        parts.append(f"{size.num_users:,}{total} users hit")
    if size.num_aps is not None:
        parts.append(f"{count(size.num_aps, 'access point')} hit")
    if size.lost_user_minutes is not None:
        parts.append(f"{size.lost_user_minutes / 60:,.0f} user-hours lost")
    return ", ".join(parts)
