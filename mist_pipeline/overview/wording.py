"""What an incident is called: where, what, how bad, its evidence, why somebody was notified or nobody was.

Every surface (command line, live screen, pages) says it with these words. Not here: its history (`timeline`).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from mist_pipeline.alerts.lifecycle.model import Alert, Incident, Withheld
from mist_pipeline.alerts.lifecycle.policy import Policy, is_reached
from mist_pipeline.domain.metrics import classifier_title, title_of
from mist_pipeline.domain.numbers import grown
from mist_pipeline.domain.severity import Severity, rank, worst
from mist_pipeline.domain.text import clean, count, duration
from mist_pipeline.domain.text import instant as in_words

Found = tuple[Incident, list[Alert]]
"""An incident with its alerts."""


class SiteNames(Protocol):
    """What sites are called."""

    def label(self, site_id: str, family: str = "") -> str:
        """What a site is called; without one the organisation, or the pipeline itself."""


def severity_of(alerts: Sequence[Alert]) -> Severity:
    """The worst of what goes on; of what is all over, the worst there was."""
    going = [alert.severity for alert in alerts if alert.is_active]
    return worst(going or [alert.highest for alert in alerts])


def concerned(alerts: Sequence[Alert]) -> list[Alert]:
    """The alerts that an incident is about: those that go on, or all where none does."""
    return [alert for alert in alerts if alert.is_active] or list(alerts)


def where(alerts: Sequence[Alert], sites: SiteNames) -> str:
    """The name of the one site, or how many there are."""
    labels = {sites.label(alert.site_id, alert.family) for alert in concerned(alerts)}
    return next(iter(labels)) if len(labels) == 1 else count(len(labels), "site") if labels else "–"


def what(incident: Incident, alerts: Sequence[Alert]) -> str:
    """The shared cause; of one site's trouble the newest sentence about the worst of it."""
    if incident.state == "merged":
        return f"is part of {incident.merged_into} now"
    leading = max(concerned(alerts), key=lambda alert: rank(alert.severity), default=None)
    summary = clean(leading.summary) if leading is not None and incident.scope == "site" else ""
    return summary or clean(incident.cause) or "Without words."


def since(moment: datetime, now: datetime) -> str:
    """How long ago; never less than nothing, whatever clocks say."""
    return duration(max(now - moment, timedelta(0)))


def why_withheld(withheld: Withheld | None) -> str:
    """Why nobody was notified of an incident, in words; '' if there is no reason."""
    if withheld is None:
        return ""
    if withheld.until is not None:
        return f"{_WAITS.get(withheld.reason, withheld.reason)}, until {in_words(withheld.until)}"
    words = {
        "no_route": "no route fits",
        "silenced_by": f"silenced by {clean(withheld.detail, 60)}",
        "inhibited_by": f"incident {clean(withheld.detail, 60)} says it already",
    }
    return words.get(withheld.reason, clean(str(withheld), 80))


IN_TROUBLE = ("CRITICAL", "UNHEALTHY")
"""Status of a site that people expect to hear of."""


def why_untold(status: str, kinds: Iterable[tuple[str, Severity]], policy: Policy) -> str:
    """Why nobody is notified of a site in trouble with no incident that goes on; '' for a site that is not in trouble.

    Args:
        status: Of the site.
        kinds: kind, severity of the findings of the newest poll.
        policy: Which of them raise an alert.

    >>> why_untold("CRITICAL", [("threshold", "critical")], Policy())[:51]
    'No alert: a low score or a deviation alone raises n'
    """
    if status not in IN_TROUBLE:
        return ""
    if any(is_reached(severity, policy.rule(kind).alone) for kind, severity in kinds):
        return "No alert yet: it has to last first."
    return (
        "No alert: a low score or a deviation alone raises none, because healthy sites have such hours, too "
        "(alerts.raises changes that). More trouble than chance brings to this site would raise one."
    )


_WAITS = {"quiet_hours": "quiet hours", "not_yet": "waits for what may follow"}


def order(found: Iterable[Found]) -> list[Found]:
    """What goes on before what is over: the worst first, then the newest; of what is over the newest."""
    newest = sorted(found, key=lambda one: (one[0].opened_at, one[0].incident_id), reverse=True)
    return sorted(
        newest,
        key=lambda one: (not one[0].is_active, -rank(severity_of(one[1])) if one[0].is_active else 0),
    )


def progress(incident: Incident, alerts: Iterable[Alert]) -> str:
    """``going on``, ``recovering``, ``over``, ``merged``; and who has taken it is not part of it."""
    if incident.state == "merged":
        return "merged"
    if not incident.is_active:
        return "over"
    words = "going on" if last_bad(incident, alerts) is None else "recovering"
    return f"{words}, acknowledged" if incident.state == "acknowledged" else words


def last_bad(incident: Incident, alerts: Iterable[Alert]) -> datetime | None:
    """End of its last bad hour: of all its alerts together while some are active; None while one of these goes on."""
    if not incident.is_active:
        return incident.last_bad_at
    ends = [alert.last_bad_at for alert in alerts if alert.is_active]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def growth(alerts: Iterable[Alert], sites: SiteNames) -> str:
    """How what goes on last became much worse, the worst of what did so together; '' if nothing did."""
    going = [alert for alert in alerts if alert.is_active]
    grew = [(alert.worse, alert) for alert in going if alert.worse is not None]
    if not grew:
        return ""
    worse, alert = max(grew, key=lambda one: (one[0].at, one[0].to_pct, one[0].alert_id))
    where = f"{sites.label(alert.site_id, alert.family)}: " if len({one.site_id for one in going}) > 1 else ""
    what = title_of(worse.metric) or clean(worse.metric, 80)
    return f"{where}{grown(what, worse.from_pct, worse.to_pct)} until {in_words(worse.at)}"


_REASONS: Mapping[str, str] = {
    "first": "began", "severity_rise": "grew worse", "much_worse": "grew much worse", "more_sites": "more sites", "some_resolved": "some sites recovered",
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


def why_sent(reason: str) -> str:
    """Why a message was sent, in words; an unknown reason as it came.

    >>> why_sent("severity_rise")
    'grew worse'
    """
    return _REASONS.get(reason, clean(reason, 40))


def evidence_in_words(known: Mapping[str, str]) -> list[tuple[str, str]]:
    """Numbers behind an alert under names for people; what only programs need is left out.

    >>> evidence_in_words({"score pct": "69.9", "classifier": "weak-signal", "surprise": "36.8"})
    [('Score', '69.9 %'), ('The cloud blames', 'Weak signal')]
    """
    shown = []
    for name, value in known.items():
        title, unit = _EVIDENCE.get(name, (name.capitalize(), ""))
        words = classifier_title(value) if name == "classifier" else _CONFIRMED_BY.get(value, value)
        if title:
            shown.append((title, f"{words} {unit}".strip()))
    return shown
