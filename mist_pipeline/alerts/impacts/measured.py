"""What follows from the answers: the size of an incident, of each place that was asked, and why the rest is not known.

Pure. Answers that did not come are sentences that say why.

>>> [one for one in unknown({"users": "the cloud did not answer (HTTP 503)", "devices": "the cloud did not answer (HTTP 503)"})]
['users and devices: the cloud did not answer (HTTP 503)']
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

from mist_pipeline.alerts.impacts.due import DueIncident, windows
from mist_pipeline.alerts.impacts.model import DeviceKind, HitClient, HitDevice, Impact
from mist_pipeline.alerts.impacts.questions import Place, Question, is_forgotten
from mist_pipeline.alerts.impacts.silent import DEVICES_NOT_KNOWN, Silent
from mist_pipeline.domain.metrics import CATALOGUE

MOST_DEVICES = 20
"""Devices that are kept by name."""
MOST_CLIENTS = 50
"""Clients that are kept by name, if at all."""
NO_SERVICE_LEVEL = "none of its alerts is about a service level that the cloud can be asked about"
HISTORY_ONLY = "history only: it ended before what the cloud remembers"
NOBODY_COUNTED = "the cloud counted nobody there at that time"
NOT_SAID = "the cloud does not say"
NO_EVIDENCE = "no evidence of user-minutes behind its alerts"


@dataclass(frozen=True)
class Counts:
    """How many are hit, and how many there are; None where the cloud does not say."""

    num_users: int | None = None
    total_users: int | None = None
    num_aps: int | None = None
    total_aps: int | None = None


@dataclass(frozen=True)
class Devices:
    """Which devices are hit, the worst first, and how many."""

    kind: DeviceKind
    count: int | None
    rows: tuple[HitDevice, ...] = ()


@dataclass(frozen=True)
class People:
    """How many clients are hit, and which if that was wanted."""

    count: int | None
    rows: tuple[HitClient, ...] = ()


@dataclass(frozen=True)
class Parts:
    """What those who are hit share."""

    shares: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


Answer: TypeAlias = Counts | Devices | People | Parts | str
"""What the cloud said, or why it said nothing."""


def impacts(
    due: DueIncident,
    asked: Sequence[Place],
    answers: Mapping[Question, Answer],
    loss: float | None,
    now: datetime,
) -> list[Impact]:
    """The whole incident first, then each place that was asked.

    Args:
        due: The incident.
        asked: Its places.
        answers: What came of the questions about them; what was not asked says so.
        loss: Its user-minutes lost so far (`size.lost`); None where there is no evidence.
        now: The instant.
    """
    start, end = windows(due.alerts, now)
    parts = [_of_place(due, place, answers, now) for place in asked]
    heard = [impact for impact, _ in parts if impact.num_users is not None]
    reasons: dict[str, str] = {}
    for _, own in reversed(parts):
        reasons |= own
    silent = Silent.of_alerts(due.alerts)
    if not asked:
        why = HISTORY_ONLY if is_forgotten(end, now) else NO_SERVICE_LEVEL
        reasons = dict.fromkeys(("users", "devices"), why)
        if silent.num_sites:
            reasons["users"] = silent.why_no_users
            reasons["devices"] = DEVICES_NOT_KNOWN
            if silent.num_aps is not None:
                del reasons["devices"]
    before = due.before.lost_user_minutes if due.before is not None else None
    lost = max((one for one in (before, loss) if one is not None), default=None)
    if lost is None:
        reasons["user-hours"] = NO_EVIDENCE
    devices = sorted(
        (device for impact, _ in parts for device in impact.devices),
        key=lambda one: -one.degraded_user_minutes,
    )
    whole = Impact(
        incident_id=due.incident.incident_id,
        as_of=now,
        occasion=due.occasion,
        severity=due.severity,
        num_sites=max(len({alert.site_id for alert in due.alerts}), 1),
        num_sites_asked=len(heard),
        window_start=start,
        window_end=end,
        num_users=_total([impact.num_users for impact in heard]),
        total_users=_total([impact.total_users for impact in heard]),
        num_aps=_total([impact.num_aps for impact, _ in parts]) if asked else silent.num_aps,
        total_aps=_total([impact.total_aps for impact, _ in parts]) if asked else silent.num_aps,
        num_switches=_total([impact.num_switches for impact, _ in parts]),
        num_gateways=_total([impact.num_gateways for impact, _ in parts]),
        lost_user_minutes=lost,
        devices=tuple(devices[:MOST_DEVICES]),
        parts=parts[0][0].parts if len(parts) == 1 else {},
        clients=tuple(client for impact, _ in parts for client in impact.clients)[:MOST_CLIENTS],
        unknown="; ".join(unknown(reasons)),
    )
    return [whole, *(impact for impact, _ in parts)]


def unknown(reasons: Mapping[str, str]) -> list[str]:
    """Sentences about what is not known: what has the same reason stands together."""
    by_reason: dict[str, list[str]] = {}
    for what in sorted(reasons, key=["users", "devices", "user-hours", "clients"].index):
        by_reason.setdefault(reasons[what], []).append(what)
    return [f"{' and '.join(what)}: {reason}" for reason, what in by_reason.items()]


def _of_place(
    due: DueIncident, place: Place, answers: Mapping[Question, Answer], now: datetime
) -> tuple[Impact, dict[str, str]]:
    """What is known of one place, and why the rest is not."""
    counts = answers.get(Question(place, "counts"), Counts())
    devices = answers.get(Question(place, "devices"), Devices("ap", None))
    people = answers.get(Question(place, "people"), People(None))
    shares = answers.get(Question(place, "parts"), Parts())
    reasons: dict[str, str] = {}
    impact = Impact(
        incident_id=place.incident_id,
        as_of=now,
        site_id=place.site_id,
        metric=place.metric,
        occasion=due.occasion,
        severity=due.severity,
        num_sites=1,
        num_sites_asked=0,
        window_start=place.start,
        window_end=place.end,
    )
    number, everyone, why = _users(counts, people)
    impact = replace(impact, num_users=number, total_users=everyone)
    if why:
        reasons["users"] = why
    if isinstance(counts, Counts) and CATALOGUE[place.metric].group == "wifi":
        impact = replace(impact, num_aps=counts.num_aps, total_aps=counts.total_aps)
    if isinstance(devices, Devices):
        impact = replace(_counted(impact, devices), devices=devices.rows[:MOST_DEVICES])
    elif impact.num_aps is None:
        reasons["devices"] = devices if isinstance(devices, str) else NOT_SAID
    if isinstance(people, People):
        impact = replace(impact, clients=people.rows[:MOST_CLIENTS])
    elif isinstance(people, str) and impact.num_users is not None:
        reasons["clients"] = people
    if isinstance(shares, Parts):
        impact = replace(impact, parts=shares.shares)
    asked = int(impact.num_users is not None)
    return replace(impact, num_sites_asked=asked, unknown="; ".join(unknown(reasons))), reasons


def _users(counts: Answer, people: Answer) -> tuple[int | None, int | None, str]:
    """Users hit and users there, and why the first is not known.

    Nobody there at all is no answer about a service level that went wrong: the cloud forgot, or the site is gone.
    """
    said = counts if isinstance(counts, Counts) else Counts()
    if said.num_users is not None and said.total_users != 0:
        return said.num_users, said.total_users, ""
    if isinstance(people, People) and people.count:
        return people.count, said.total_users or None, ""
    if said.total_users == 0:
        return None, None, NOBODY_COUNTED
    return None, said.total_users, next((why for why in (counts, people) if isinstance(why, str)), NOT_SAID)


def _counted(impact: Impact, devices: Devices) -> Impact:
    """The number of devices by their kind; a list knows no more than the count of the whole window."""
    if devices.count is None:
        return impact
    if devices.kind == "switch":
        return replace(impact, num_switches=devices.count)
    if devices.kind == "gateway":
        return replace(impact, num_gateways=devices.count)
    known = impact.num_aps if impact.num_aps is not None else devices.count
    return replace(impact, num_aps=known)


def _total(numbers: Sequence[int | None]) -> int | None:
    """The sum of what is known, None where nothing is."""
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None
