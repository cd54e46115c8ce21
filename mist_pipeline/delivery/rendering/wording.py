"""The words of a message, the same for every sink: headline, reason, facts, alerts, whole text.

Everything here is plain text of clean lines: no control, direction or invisible character survives, whatever sites are
called. Not here: escaping for a renderer (HTML, Slack, Jira) and its limits, which are that renderer's work.

>>> fitting(["Cologne 1", "Cologne 2", "Cologne 3"], budget=100, most=2)
['Cologne 1', '… and 2 more']
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from mist_pipeline.delivery.message import AlertView, IncidentView, Message, Reason, SiteView, WorseView
from mist_pipeline.delivery.rendering.impact import client_line, impact_line, worst_device
from mist_pipeline.domain.metrics import CATALOGUE, family_title
from mist_pipeline.domain.numbers import grown
from mist_pipeline.domain.site_names import DISPLAY_NAME_LENGTH, display_names, unnamed
from mist_pipeline.domain.text import (
    ID_LENGTH,
    NAME_LENGTH,
    TITLE_LENGTH,
    clean,
    count,
    duration,
    instant,
    safe_url,
)

_WHY: Mapping[Reason, str] = {
    "first": "First message about this incident.",
    "severity_rise": "It has become worse.",
    "much_worse": "It has become much worse.",
    "more_sites": "More sites are hit.",
    "some_resolved": "A part of it has recovered.",
    "all_resolved": "All of it has recovered.",
    "reopened": "It is back after it had recovered.",
    "repeat_due": "It is still going on.",
    "escalation": "Nobody has acknowledged it in time.",
    "acknowledged": "Somebody is working on it.",
    "unacknowledged": "The acknowledgement was taken back: nobody is working on it.",
    "digest": "Collected during quiet hours.",
    "test": "This is a test. Nothing is wrong.",
}
_WHY_OVER: Mapping[Reason, str] = {
    "first": "First message about this incident. It is over already.",
    "severity_rise": "It had become worse. It is over now.",
    "much_worse": "It had become much worse. It is over now.",
    "more_sites": "More sites were hit. It is over now.",
    "some_resolved": "All of it has recovered.",
    "reopened": "It was back after it had recovered. It is over now.",
    "repeat_due": "It went on for longer. It is over now.",
    "escalation": "It was escalated. It is over now.",
    "acknowledged": "Somebody had acknowledged it. It is over now.",
    "unacknowledged": "The acknowledgement had been taken back. It is over now.",
}
"""Of what was over by the time it was sent, such as by a mail server that refused at first; the others hold then too."""
_WHY_TAKEN = "Somebody has acknowledged it, but it is not over yet."
"""Of an escalation that goes on until its incident is over, or that was taken while it was sent."""
_WHY_RECOVERING = "It is recovering."
_WHY_MERGED = "It is now part of another incident."
_PAST = "over before it was noticed"
_LATE = timedelta(minutes=15)
"""A message that is sent so long after it was decided says so."""


def title_of(incident: IncidentView) -> str:
    """The title as one clean line."""
    return clean(incident.title, TITLE_LENGTH) or f"Incident {incident.incident_id[:ID_LENGTH]}"


def site_labels(sites: Iterable[SiteView]) -> dict[str, str]:
    """Site id → what it is called: its label, or what tells it apart from the others that are given."""
    given = list(sites)
    made = display_names({site.site_id: site.name for site in given if site.site_id and not site.label})
    return {site.site_id: made.get(site.site_id) or _label(site) for site in given}


def _label(site: SiteView) -> str:
    if site.site_id:
        return clean(site.label, DISPLAY_NAME_LENGTH) or unnamed(site.site_id)
    return clean(site.name, NAME_LENGTH) or "The whole organisation"


def subject_of(alert: AlertView) -> str:
    """What an alert is about: the metric's title, or that of its family."""
    if alert.metric in CATALOGUE:
        return CATALOGUE[alert.metric].title
    return clean(alert.metric, NAME_LENGTH) or family_title(clean(alert.family, NAME_LENGTH))


def summary_of(alert: AlertView) -> str:
    """Its newest sentence, or its subject and severity where it has none."""
    sentence = clean(alert.summaries[0]) if alert.summaries else ""
    return sentence or f"{subject_of(alert)}: {alert.severity}."


def alert_line(alert: AlertView, label: str) -> str:
    """A child in one line, such as ``CRITICAL Cologne 3: Coverage 61.2 %, critical``; of what is past with its times."""
    if alert.is_past:
        return f"PAST {label}, {past_period(alert)}: {summary_of(alert)}"
    state = alert.status.upper() if alert.status != "open" else alert.severity.upper()
    return f"{state} {label}: {summary_of(alert)}"


def past_period(alert: AlertView) -> str:
    """From when to when something was bad: ``2026-11-22 09:00 to 13:00 UTC (4 h)``."""
    began = (alert.began_at or alert.opened_at).astimezone(UTC)
    ended = max((alert.last_bad_at or alert.resolved_at or alert.opened_at).astimezone(UTC), began)
    end = f"{ended:%H:%M}" if ended.date() == began.date() else f"{ended:%Y-%m-%d %H:%M}"
    return f"{began:%Y-%m-%d %H:%M} to {end} UTC ({duration(ended - began)})"


def headline(message: Message) -> str:
    """The message in one line, its state first."""
    return f"{state(message)}: {title_of(message.incident)}"


def state(message: Message) -> str:
    """The state of the incident as this message says it: ``CRITICAL, more sites``, ``RESOLVED after 2 h 10 min``."""
    incident = message.incident
    severity = incident.severity.upper()
    if message.reason == "test":
        return f"TEST, {severity}"
    if incident.status == "resolved":
        end = "MERGED" if incident.merged_into else "RESOLVED"
        return f"{end} after {duration(lasted(incident))}"
    acknowledged = f"{severity}, acknowledged" if incident.status == "acknowledged" else severity
    still = f"{acknowledged}, recovering" if is_recovering(incident) else f"Still {acknowledged}"
    return {
        "severity_rise": f"Now {severity}",
        "much_worse": f"{acknowledged}, much worse",
        "more_sites": f"{acknowledged}, more sites",
        "some_resolved": f"{acknowledged}, partly recovered",
        "reopened": f"{severity} again",
        "unacknowledged": f"{severity}, no longer acknowledged",
        "repeat_due": still,
        "escalation": f"ESCALATED, {acknowledged}",
        "digest": f"DIGEST, {acknowledged}",
    }.get(message.reason, acknowledged)


def why(message: Message) -> str:
    """The sentence behind the reason of the message, and another one where it is sent late."""
    sentence = _why(message.incident, message.reason)
    decided, sent = message.incident.updated_at, message.sent_at
    if sent is None or sent - decided < _LATE:
        return sentence
    return f"{sentence} Told late: it was so at {instant(decided)}, and is sent at {instant(sent)}."


def _why(incident: IncidentView, reason: Reason) -> str:
    if incident.merged_into:
        return _WHY_MERGED
    if incident.status == "resolved":
        return _WHY_OVER.get(reason, _WHY[reason])
    if reason == "repeat_due" and is_recovering(incident):
        return _WHY_RECOVERING
    if reason == "escalation" and incident.status == "acknowledged":
        return _WHY_TAKEN
    if reason == "much_worse" and incident.worse is not None:
        has_site = len(incident.sites) > 1
        return f"It has become much worse: {growth(incident.worse, has_site=has_site)}."
    return _WHY[reason]


_NOTICED_LATER = timedelta(minutes=10)
"""Trouble that was noticed so much later than it began says both."""


def lasted(incident: IncidentView) -> timedelta:
    """From its beginning to the end of its last bad hour, or to this message while it goes on."""
    ended = over_since(incident) or incident.last_bad_at or incident.updated_at
    return max(ended - incident.since, timedelta(0))


def over_since(incident: IncidentView) -> datetime | None:
    """Since when it is over; None while it is not. Where all that it shows was over before it was noticed, it is over."""
    if incident.status == "resolved":
        return incident.last_bad_at or incident.resolved_at or incident.updated_at
    if incident.alerts and all(alert.is_past for alert in incident.alerts):
        return max(alert.last_bad_at or alert.resolved_at or alert.opened_at for alert in incident.alerts)
    return None


def is_recovering(incident: IncidentView) -> bool:
    """Whether none of it is bad any more, and it is not over yet."""
    return over_since(incident) is None and incident.last_bad_at is not None


def condition(incident: IncidentView) -> str:
    """Whether it goes on: ``going on``, ``recovering since …``, ``over since …``, ``merged``."""
    if incident.merged_into:
        return "merged"
    taken = ", acknowledged" if incident.status == "acknowledged" else ""
    if ended := over_since(incident):
        return f"over since {instant(ended)}"
    if incident.last_bad_at is not None:
        return f"recovering since {instant(incident.last_bad_at)}{taken}"
    return f"going on{taken}"


def facts(incident: IncidentView) -> list[tuple[str, str]]:
    """Severity, state, since when, where, how many alerts, who is hit, cause: name and value."""
    took = f"({duration(lasted(incident))})"
    noticed = ""
    if incident.opened_at - incident.since >= _NOTICED_LATER:
        noticed = f", noticed at {instant(incident.opened_at)}"
    when = ("Since", f"{instant(incident.since)} {took}{noticed}")
    if ended := over_since(incident):
        when = ("When", f"{instant(incident.since)} to {instant(ended)} {took}{noticed}")
    found = [("Severity", incident.severity), ("State", condition(incident)), when]
    if incident.worse is not None:
        found.append(("Much worse", growth(incident.worse, has_site=len(incident.sites) > 1)))
    if incident.alerts:
        found.append(("Where", places(incident)))
        states = Counter[str](_PAST if alert.is_past else alert.status for alert in incident.alerts)
        order = ("open", "acknowledged", "resolved", _PAST)
        found.append(("Alerts", ", ".join(f"{states[state]:,} {state}" for state in order if states[state])))
    if incident.past_left_out:
        left = count(incident.past_left_out, "more incident")
        found.append(
            ("Not listed", f"{left} that ended before anybody noticed; the morning reports have them")
        )
    if impact := impact_of(incident):
        found.append(("Impact", impact))
    if people := client_line(incident.impact) if incident.impact else "":
        found.append(("Clients", people))
    if (cause := clean(incident.cause)) and not title_of(incident).startswith(cause):
        found.append(("Cause", cause))
    return found


def growth(worse: WorseView, *, has_site: bool = False) -> str:
    """``Coverage grew from 18 % to 61 % of user-minutes degraded in the 2 h until 2026-03-02 11:00 UTC``.

    Args:
        worse: From what to what.
        has_site: Whether it says where.
    """
    what = CATALOGUE[worse.metric].title if worse.metric in CATALOGUE else clean(worse.metric, NAME_LENGTH)
    where = f"{site_labels([worse.site])[worse.site.site_id]}: " if has_site else ""
    return f"{where}{grown(what, worse.from_pct, worse.to_pct)} until {instant(worse.at)}"


def impact_of(incident: IncidentView) -> str:
    """Who is hit and how much, in one line; empty where nobody has asked yet."""
    if incident.impact is None:
        return ""
    return impact_line(incident.impact, is_over=over_since(incident) is not None)


def places(incident: IncidentView, shown: int = 3) -> str:
    """``Cologne 3`` or ``12 sites: Aachen 1, Bonn 2, Cologne 3 and 9 more``."""
    named = site_labels(incident.sites)
    # What was over before it was noticed is no place of trouble now.
    going = {alert.site.site_id for alert in incident.alerts if not alert.is_past} or named.keys()
    labels = [label for site_id, label in named.items() if site_id in going]
    if len(labels) == 1:
        return labels[0]
    names = ", ".join(labels[:shown])
    more = f" and {len(labels) - shown:,} more" if len(labels) > shown else ""
    return f"{count(len(labels), 'site')}: {names}{more}"


def lines_of(incident: IncidentView) -> list[str]:
    """All children, each in one line, in their order (worst first)."""
    labels = site_labels(incident.sites)
    return [alert_line(alert, labels[alert.site.site_id]) for alert in incident.alerts]


def fitting(lines: Sequence[str], budget: int, most: int, cost: Callable[[str], int] = len) -> list[str]:
    """As many lines as fit, and a last one that says how many do not.

    Args:
        lines: What is to be listed.
        budget: Characters that all lines and their line ends may take together.
        most: Lines that may be taken, the last one included.
        cost: What a line takes, its end left out.
    """
    reserve = cost(left_out(len(lines))) + 1
    taken: list[str] = []
    used = 0
    for number, line in enumerate(lines, 1):
        is_last = number == len(lines)
        used += cost(line) + 1
        if used > budget - (0 if is_last else reserve) or number > most - (0 if is_last else 1):
            return [*taken, left_out(len(lines) - len(taken))]
        taken.append(line)
    return taken


def left_out(how_many: int) -> str:
    """``… and 260 more``."""
    return f"… and {how_many:,} more"


def links(incident: IncidentView) -> list[tuple[str, str]]:
    """Name and address of what can be looked at: its page in the console, the site (where it is one), the report, the run."""
    sites = incident.sites
    candidates = [
        ("Open in the console", incident.page_url),
        ("Site in Mist", sites[0].url if len(sites) == 1 else None),
        *([worst] if incident.impact and (worst := worst_device(incident.impact)) else []),
        ("Report of the day", incident.report_url),
        ("Dagster run", incident.run_url),
    ]
    return [(name, safe) for name, url in candidates if (safe := safe_url(url))]


def answers(incident: IncidentView) -> list[tuple[str, str]]:
    """What people may think of it, and the address at which they say so."""
    return [(answer, safe) for answer, url in incident.answer_urls.items() if (safe := safe_url(url))]


def steps(incident: IncidentView) -> list[str]:
    """What usually helps, each as one clean line."""
    return [line for step in incident.remediation if (line := clean(step))]


def plain_text(message: Message, *, budget: int = 100_000, has_answers: bool = False) -> str:
    """The whole message as text: headline, why, facts, children, steps, links.

    Args:
        message: The message.
        budget: Characters for the list of children; what does not fit is counted.
        has_answers: Whether it asks what people think of the incident; whoever reads it has to be able to open the console.
    """
    incident = message.incident
    head = headline(message)
    width = max(len(name) for name, _ in facts(incident)) + 1
    parts = [
        f"{head}\n{'=' * min(len(head), 78)}",
        why(message),
        "\n".join(f"{name + ':':<{width}} {value}" for name, value in facts(incident)),
    ]
    if incident.alerts:
        listed = fitting([f"- {line}" for line in lines_of(incident)], budget, len(incident.alerts) + 1)
        parts.append("\n".join(["Alerts", "------", *listed]))
    if (helpful := steps(incident)) and over_since(incident) is None:
        numbered = [f"{number}. {step}" for number, step in enumerate(helpful, 1)]
        parts.append("\n".join(["What usually helps", "------------------", *numbered]))
    if addresses := links(incident):
        parts.append("\n".join(f"{name}: {url}" for name, url in addresses))
    if has_answers and (asked := answers(incident)):
        parts.append("\n".join(["Was this right? It was", *(f"{name}: {url}" for name, url in asked)]))
    parts.append(f"Incident {clean(incident.incident_id, 80)}, message {message.sequence}")
    return "\n\n".join(parts) + "\n"
