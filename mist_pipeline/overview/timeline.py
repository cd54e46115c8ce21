"""What happened to an incident, in words: its events and those of its alerts, in order.

Not here: what it is called (`wording`).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from mist_pipeline.alerts.lifecycle.model import Alert, Event, withheld_from
from mist_pipeline.domain.finding_kinds import kind_title
from mist_pipeline.domain.metrics import family_title, title_of
from mist_pipeline.domain.numbers import grown
from mist_pipeline.domain.text import ID_LENGTH, clean, count
from mist_pipeline.overview.wording import SiteNames, why_withheld

MOST_NAMES = 3
"""Alerts that one line of the timeline names."""


def timeline(
    events: Sequence[Event], alerts: Sequence[Alert], sites: SiteNames
) -> list[tuple[datetime, str]]:
    """What happened, each with its instant; the same at the same time to several alerts is one line.

    How the worst two hours of an alert grow bit by bit is no news; that they grew much is.

    Args:
        events: In order.
        alerts: The alerts that events may be about.
        sites: What sites are called.
    """
    known = {alert.alert_id: alert for alert in alerts}

    def named(alert_id: str) -> str:
        alert = known.get(alert_id)
        if alert is None:
            return clean(alert_id, 64)[:ID_LENGTH]
        return f"{sites.label(alert.site_id, alert.family)} ({title_of(alert.metric) or family_title(alert.family)})"

    together = {(event.subject_id, event.at, event.kind) for event in events}
    worded = [
        (event, _words(event))
        for event in events
        if event.kind != "peaked"
        and not any(
            (event.subject_id, event.at, kind) in together for kind in _OVERTAKEN_BY.get(event.kind, ())
        )
    ]
    lines: list[tuple[datetime, str]] = []
    for (moment, subject), group in groupby(worded, key=lambda one: (one[0].at, one[0].subject)):
        of_words: dict[str, list[str]] = {}
        for event, words in group:
            of_words.setdefault(words, []).append(event.subject_id)
        for words, ids in of_words.items():
            if subject == "incident":
                lines.append((moment, f"Incident {words}"))
            else:
                lines.append((moment, f"{_listed(ids, named)}: {words}"))
    return lines


def _listed(ids: Sequence[str], named: Callable[[str], str]) -> str:
    more = f" and {len(ids) - MOST_NAMES:,} more" if len(ids) > MOST_NAMES else ""
    return ", ".join(clean(named(one), 80) for one in ids[:MOST_NAMES]) + more


def _rising(detail: Any) -> str:
    return f"seen as {detail['to']}; that has to hold" if detail["to"] else "not seen worse any more"


def _easing(detail: Any) -> str:
    return f"seen milder, as {detail['to']}" if detail["to"] else "not seen milder any more"


def _withheld(detail: Any) -> str:
    reason = why_withheld(withheld_from(detail))
    return f"is held back, nobody is notified: {reason}" if reason else "is not held back any more"


def _folded(detail: Any) -> str:
    return f"{count(detail['events'], 'event')} of how it was watched folded, since it is long over"


def _much_worse(detail: Any) -> str:
    what = title_of(detail["metric"]) or clean(detail["metric"], 80)
    return f"is much worse now: {grown(what, detail['from_pct'], detail['to_pct'])} before"


def _worsened(detail: Any) -> str:
    much = "much " if detail.get("is_much_worse") else ""
    return f"grew {much}worse than what was acknowledged: {detail['severity']}"


_WORDS: Mapping[str, str | Callable[[Any], str]] = {
    "alert pending": "seen; it has to hold before anybody is notified",
    "alert lapsed": "did not hold",
    "alert opened": "opened as {severity}",
    "alert reopened": "is back as {severity}",
    "alert seen": lambda detail: f"reported: {', '.join(map(kind_title, detail['kinds']))}",
    "alert renewed": "seen again",
    "alert quieted": "readings are good again; its recovery is counted",
    "alert frozen": "nobody can see it; its times stand still",
    "alert thawed": "can be seen again",
    "alert rising": _rising,
    "alert easing": _easing,
    "alert severity_rose": "is worse now: {severity}",
    "alert much_worse": _much_worse,
    "alert severity_fell": "is milder now: {severity}",
    "alert acknowledged": "acknowledged by {by}",
    "alert unacknowledged": "acknowledgement taken back by {by}",
    "alert resolved": "over, {because}",
    "alert folded": _folded,
    "incident opened": "opened: {cause}",
    "incident joined": lambda detail: f"gained {count(len(detail['alert_ids']), 'alert')}",
    "incident left": lambda detail: f"lost {count(len(detail['alert_ids']), 'alert')} to another incident",
    "incident renamed": "has a cause: {cause}",
    "incident merged": "became part of {into}",
    "incident acknowledged": "acknowledged by {by}",
    "incident unacknowledged": "acknowledgement taken back by {by}",
    "incident worsened": _worsened,
    "incident resolved": "is over",
    "incident reopened": "is back",
    "incident withheld": _withheld,
    "incident folded": _folded,
}
"""Subject and kind of an event → what happened, without the subject."""


_OVERTAKEN_BY: Mapping[str, tuple[str, ...]] = {
    "pending": ("opened", "reopened"),
    "rising": ("severity_rose",),
    "easing": ("severity_fell",),
    "frozen": ("thawed",),
}
"""Kind of event → kinds that, at the same instant, leave nothing of it to say."""


def _words(event: Event) -> str:
    words = _WORDS.get(f"{event.subject} {event.kind}", event.kind)
    return words.format_map(event.detail) if isinstance(words, str) else words(event.detail)
