"""What is worth asking about incidents within so many calls: the worst first, and of each the numbers before the names.

Pure. A question is one call. Who sends it is ``workflows.impact``.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from mist_pipeline.alerts.impacts.due import DueIncident, window
from mist_pipeline.domain.metrics import CATALOGUE

Subject: TypeAlias = Literal["counts", "devices", "parts", "people"]
"""How many; which devices; what they share; whose clients (only with ``privacy.show_clients``, or to count them)."""

MOST_PLACES = 3
"""Sites and service levels of one incident that are asked about."""
SHORTEST_WINDOW = timedelta(hours=1)
"""What a score is made of; an alert may have begun this very moment."""
REMEMBERED = timedelta(days=14)
"""About so long the cloud keeps what it counts by the hour; what ended before is history only."""
LONGEST_WINDOW = timedelta(days=7)
"""Longer windows come in buckets of a day, and the cloud forgets."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """One service level at one site, of one incident, over a window."""

    incident_id: str
    site_id: str
    metric: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Question:
    """One call."""

    place: Place
    subject: Subject


def places(due: DueIncident, now: datetime, most: int = MOST_PLACES) -> list[Place]:
    """Where to ask about an incident: its worst alerts, one a site, whose service level the cloud can be asked about."""
    found: dict[str, Place] = {}
    for alert in due.alerts:
        start, end = window(alert, now)
        if (
            alert.metric not in CATALOGUE
            or not alert.site_id
            or alert.site_id in found
            or is_forgotten(end, now)
        ):
            continue
        start = min(max(start, end - LONGEST_WINDOW), end - SHORTEST_WINDOW)
        found[alert.site_id] = Place(due.incident.incident_id, alert.site_id, alert.metric, start, end)
        if len(found) == most:
            break
    return list(found.values())


def is_forgotten(end: datetime, now: datetime) -> bool:
    """Whether the cloud does not know any more what was then."""
    return end < now - REMEMBERED


def every_question(asked: Sequence[Sequence[Place]], *, shows_clients: bool) -> list[Question]:
    """All that is worth asking, the most important first.

    Numbers of every incident's worst place come first, then the names of its devices, then the rest; within each the worst
    incident.

    Args:
        asked: The places of each incident, the worst incident first.
        shows_clients: Whether the names of clients are wanted.
    """
    firsts = [own[0] for own in asked if own]
    others = [place for own in asked for place in own[1:]]
    wanted = [Question(place, "counts") for place in firsts]
    wanted += [Question(place, "devices") for place in firsts]
    wanted += [Question(place, "counts") for place in others]
    wanted += [Question(place, "devices") for place in others]
    wanted += [Question(place, "parts") for place in firsts]
    if shows_clients:
        wanted += [Question(place, "people") for place in (*firsts, *others)]
    return wanted


def fitting(wanted: Sequence[Question], calls: int, named: Container[str]) -> list[Question]:
    """The first questions that so many calls pay for.

    Args:
        wanted: In order.
        calls: How many may be spent.
        named: Sites whose names for service levels are known; any other costs a call of its own.
    """
    found: list[Question] = []
    asked: set[str] = set()
    for question in wanted:
        site_id = question.place.site_id
        calls -= 1 if site_id in named or site_id in asked else 2
        if calls < 0:
            break
        asked.add(site_id)
        found.append(question)
    return found
