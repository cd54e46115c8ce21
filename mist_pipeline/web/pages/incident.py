"""One incident: what, since when, how sure, who and what is hit, what happened, who was told, what next; and deciding about it."""

from collections.abc import Iterable, Mapping
from typing import Any

from starlette.responses import Response

from mist_pipeline.alerts.ledger.reader import NoSuchSubjectError
from mist_pipeline.domain.metrics import classifier_title
from mist_pipeline.domain.text import clean, safe_url
from mist_pipeline.overview.actions import incident_matchers
from mist_pipeline.overview.model import IncidentDetail
from mist_pipeline.web.context import Context, NotHereError, Page

MOST_SITES = 40
MOST_EVENTS = 200
MOST_STEPS = 5

_REASONS: Mapping[str, str] = {
    "first": "began", "severity_rise": "grew worse", "more_sites": "more sites", "some_resolved": "some sites recovered",
    "all_resolved": "over", "reopened": "is back", "repeat_due": "still goes on", "escalation": "was escalated",
    "acknowledged": "was taken", "unacknowledged": "was given back", "digest": "digest", "test": "test",
}  # fmt: skip
"""Why a message was sent, in words."""


_EVIDENCE: Mapping[str, tuple[str, str]] = {
    "score pct": ("Score", "%"), "threshold pct": ("Line", "%"), "classifier": ("The cloud blames", ""),
    "observed pct": ("Degraded", "% of user-minutes"), "expected pct": ("Usual", "% of user-minutes"),
    "excess user minutes": ("Beyond usual", "user-minutes"), "window hours": ("Looked at together", "h"),
    "hour": ("Newest hour", ""), "began at": ("Began", ""), "last bad at": ("Last bad", ""),
    "corroboration": ("Confirmed by", ""), "surprise": ("", ""), "margin": ("", ""), "recovery": ("", ""),
    "is second": ("", ""), "is slow": ("", ""),
}  # fmt: skip
"""Name of a number → its title and unit; without a title it is not shown."""


_CONFIRMED_BY: Mapping[str, str] = {
    "horizon": "several hours together", "second-hour": "a second hour", "related-metric": "a related service level",
    "devices": "lost devices", "peers": "sites like it",
}  # fmt: skip
"""What made short trouble believed (``corroboration`` in analysis.evidence), in words."""


def page(context: Context) -> Response:
    """The page."""
    context.address.finish()
    detail = detail_of(context)
    return context.page(
        "incident.html.j2",
        title=detail.incident.what,
        detail=detail,
        incident=detail.incident,
        evidence=_evidence(detail.evidence),
        sites=detail.sites[:MOST_SITES],
        steps=steps(context, detail),
        happened=list(reversed(detail.timeline[-MOST_EVENTS:])),
        left_out=max(len(detail.timeline) - MOST_EVENTS, 0),
        messages=[_message(row) for row in detail.records.get("deliveries", ())],
        tickets=[_ticket(row) for row in detail.records.get("tickets", ())],
        calls=[_call(row) for row in detail.records.get("escalations", ())],
        feedback=[_thought(row) for row in detail.records.get("feedback", ())],
        matchers=incident_matchers(detail.incident),
    )


def detail_of(context: Context) -> IncidentDetail:
    """The incident of the address.

    Raises:
        NotHereError: There is none of this id.
        UnreadableError: The ledger cannot be read.
    """
    name = context.values["incident_id"]
    try:
        return context.overview.incident(name, context.at)
    except NoSuchSubjectError:
        raise NotHereError(f"There is no incident {clean(name, 40)}.") from None


def steps(context: Context, detail: IncidentDetail) -> list[str]:
    """What usually helps, the worst problem's first."""
    found: Iterable[str] = (
        step for problem in detail.problems for step in context.console.steps_for(*problem)
    )
    return list(dict.fromkeys(found))[:MOST_STEPS]


def _evidence(known: Mapping[str, str]) -> list[tuple[str, str]]:
    """Numbers behind the worst alert under names for people; what only programs need is left out."""
    shown = []
    for name, value in known.items():
        title, unit = _EVIDENCE.get(name, (name.capitalize(), ""))
        words = classifier_title(value) if name == "classifier" else _CONFIRMED_BY.get(value, value)
        if title:
            shown.append((title, f"{words} {unit}".strip()))
    return shown


def _message(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "at": row["sent_at"] or row["created_at"],
        "sink": clean(row["sink"], 40),
        "why": _REASONS.get(row["reason"], clean(row["reason"], 40)),
        "state": row["state"],
        "error": clean(row["last_error"] or "", 200),
    }


def _ticket(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sink": clean(row["sink"], 40),
        "ticket": clean(row["ticket"] or "", 60),
        "state": clean(row["state"], 40),
        "who": clean(row["who"] or "", 60),
        "url": safe_url(row["url"]),
    }


def _call(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "due": row["due_at"],
        "policy": clean(row["policy"], 40),
        "number": row["number"],
        "whom": clean(f"{row['sink']} {row['target'] or ''}", 80),
        "state": row["state"],
        "because": clean(row["because"] or "", 80),
    }


def _thought(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "at": row["at"],
        "by": clean(row["by"], 60),
        "verdict": row["verdict"].replace("_", " "),
        "comment": clean(row["comment"] or "", 400),
    }


PAGES = (Page("/incident/{incident_id}", page, under="Incidents"),)
