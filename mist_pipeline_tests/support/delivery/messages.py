"""Messages for tests: an incident of any size, told for any reason."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from mist_pipeline.delivery.message import AlertView, IncidentView, Message, Reason, SiteView, WorseView

START = datetime(2026, 11, 23, 4, 15, tzinfo=UTC)
# A one-pixel picture.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
HOSTILE = '<script>alert("x")</script>\r\nBcc: evil@example.com\u202e <!channel> & *bold* {{ 7*7 }} \x1b[31m'


def site(number: int, name: str | None = None) -> SiteView:
    """A site with a page in Mist."""
    return SiteView(
        f"5171e{number:03d}-0000-0000-0000-000000000000",
        f"Store {number}" if name is None else name,
        f"https://manage.mist.com/admin/?org_id=o#!dashboard/site/{number}",
    )


def alert(where: SiteView, **changes: object) -> AlertView:
    """An open, critical alert about coverage."""
    base = AlertView(
        alert_id=f"alert-{where.site_id[:8]}",
        site=where,
        metric="coverage",
        family="radio",
        severity="critical",
        status="open",
        opened_at=START,
        summaries=("Coverage 61.2 %: critical (below 70 %), mostly weak-signal.",),
        classifier="weak-signal",
        evidence={"score_pct": 61.2, "classifiers": [{"classifier": "weak-signal", "degraded_pct": 31.5}]},
    )
    return replace(base, **changes)  # type: ignore[arg-type]


WORSE = WorseView(site(1), "coverage", 18.4, 61.9, START + timedelta(minutes=10))


def incident(sites: int = 1, **changes: object) -> IncidentView:
    """An open, critical incident of as many sites."""
    base = IncidentView(
        incident_id="1a2b3c4d5e6f7a8b",
        fingerprint="cause-of-it",
        title="Coverage is critical at Store 1" if sites == 1 else f"Coverage is critical at {sites} sites",
        severity="critical",
        scope="site" if sites == 1 else "infrastructure",
        status="open",
        opened_at=START,
        updated_at=START + timedelta(minutes=10),
        cause="All of them run firmware 0.14.2.",
        alerts=tuple(alert(site(number)) for number in range(1, sites + 1)),
        remediation=("Find the access points with most weak clients.", "Raise the minimum transmit power."),
        report_url="https://reports.example.com/latest.html",
        run_url="https://dagster.example.com/runs/1",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def message(
    about: IncidentView | None = None, reason: Reason = "first", sequence: int = 1, **changes: object
) -> Message:
    """One telling of an incident."""
    base = Message(
        delivery_id=f"delivery-{sequence}", reason=reason, sequence=sequence, incident=about or incident()
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def resolved(about: IncidentView) -> IncidentView:
    """The incident two hours and ten minutes later, over."""
    end = START + timedelta(hours=2, minutes=10)
    return replace(
        about,
        status="resolved",
        resolved_at=end,
        updated_at=end,
        alerts=tuple(replace(one, status="resolved", resolved_at=end) for one in about.alerts),
    )
