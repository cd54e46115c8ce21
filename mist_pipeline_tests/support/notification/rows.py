"""Rows of the outbox and what the ledger has about them, written down by hand."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from mist_pipeline.alerts.lifecycle.model import Alert, Incident
from mist_pipeline.alerts.notify.outcome import Delivery
from mist_pipeline.notification.message_context import Subject

START = datetime(2026, 11, 23, 4, 15, tzinfo=UTC)
DECIDED_AT = START + timedelta(minutes=10)
HOUR = timedelta(hours=1)


def site_id(number: int) -> str:
    return f"5171e{number:03d}-0000-4000-8000-{number:012x}"


def alert(number: int = 1, **changes: object) -> Alert:
    """An open, critical alert about the coverage of a site."""
    base = Alert(
        alert_id=f"alert-{number}",
        fingerprint=f"problem-{number}",
        site_id=site_id(number),
        family="radio",
        metric="coverage",
        kind="evidence",
        kinds=("evidence",),
        summary="Coverage 61.2 %: critical (below 70 %), mostly weak-signal.",
        evidence='{"score_pct": 61.2, "threshold_pct": 70.0}',
        classifier="weak-signal",
        state="open",
        severity="critical",
        highest="critical",
        version=2,
        pending_since=START,
        condition="firing",
        since=START,
        counted=timedelta(0),
        valid_until=START + HOUR,
        source="live",
        recovery_pct={},
        opened_at=START,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def over(one: Alert, at: datetime = DECIDED_AT) -> Alert:
    return replace(one, state="resolved", resolved_at=at, resolution="recovered")


def incident(alerts: Iterable[Alert] = (), **changes: object) -> Incident:
    """The incident of one site, or of a firmware where alerts are of several."""
    members = tuple(alerts)
    is_shared = len({one.site_id for one in members}) > 1
    base = Incident(
        incident_id="1a2b3c4d5e6f7a8b",
        fingerprint="cause-of-it",
        scope="infrastructure" if is_shared else "site",
        family="radio",
        cause="weak-signal at sites with firmware 0.14.2 → firmware 0.14.2 (radio coverage)"
        if is_shared
        else "Coverage 84.9 %: warning (below 90 %).",
        attribute="firmware" if is_shared else "site",
        value="0.14.2" if is_shared else members[0].site_id if members else site_id(1),
        state="open",
        alert_ids=tuple(one.alert_id for one in members),
        opened_at=START,
        last_joined_at=START,
        asks_since=START,
        version=2,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def subject(*alerts: Alert, **changes: object) -> Subject:
    return Subject(incident(alerts, **changes), alerts)


def by_id(*subjects: Subject) -> dict[str, Subject]:
    return {one.incident.incident_id: one for one in subjects}


def payload(about: Subject, **changes: Any) -> dict[str, Any]:
    """What is stored beside a row."""
    return {
        "route": "operations",
        "severity": "critical",
        "site_ids": sorted({one.site_id for one in about.alerts if one.is_active}),
        "is_over": False,
        "is_acknowledged": False,
        "detail": "",
        **changes,
    }


def delivery(about: Subject, reason: str = "first", sequence: int = 1, **changes: Any) -> Delivery:
    """A row about one incident, as it was leased for the first time; ``said`` changes its payload."""
    said = changes.pop("said", {})
    base = Delivery(
        delivery_id=7,
        sink="mail",
        incident_id=about.incident.incident_id,
        reason=reason,
        sequence=sequence,
        state="sending",
        payload=payload(about, **said),
        created_at=DECIDED_AT,
        due_at=DECIDED_AT,
        attempts=1,
    )
    return replace(base, **changes)


def digest(members: Sequence[tuple[Subject, str, dict[str, Any]]], severity: str = "critical") -> Delivery:
    """A row for several incidents: of each the reason and what differs from an ordinary payload."""
    covers = [
        {
            **payload(about, **said),
            "incident_id": about.incident.incident_id,
            "reason": reason,
            "sequence": 1,
        }
        for about, reason, said in members
    ]
    said = {"route": "night", "severity": severity, "detail": str(len(covers)), "is_over": False}
    return Delivery(
        delivery_id=9,
        sink="mail",
        incident_id="digest-0123456789abcdef",
        kind="digest",
        reason="digest",
        sequence=1,
        state="sending",
        payload={**said, "site_ids": [], "is_acknowledged": False, "covers": covers},
        created_at=DECIDED_AT,
        due_at=DECIDED_AT,
        attempts=1,
    )


def trial(severity: str = "major") -> Delivery:
    """A row that somebody asked for to try out a sink."""
    said = {"route": "", "severity": severity, "site_ids": [], "is_over": False, "detail": ""}
    return Delivery(
        delivery_id=3,
        sink="mail",
        incident_id="test-0f1e2d3c4b5a",
        kind="test",
        reason="test",
        sequence=1,
        state="sending",
        payload=said,
        created_at=DECIDED_AT,
        due_at=DECIDED_AT,
        attempts=1,
    )
