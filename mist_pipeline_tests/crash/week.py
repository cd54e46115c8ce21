"""A simulated week: what is wrong where and when, who is told, and what happens at which moment.

Everything follows from one seed, so that a child that is started again, and one that is never killed, live the same week.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from random import Random
from typing import Literal

from mist_pipeline.alerts.ledger.ledger import NotificationRules
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.alerts.notify.escalation import EscalationPolicy, EscalationStep
from mist_pipeline.alerts.notify.matchers import parse_matchers
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.alerts.notify.silences import Silence
from mist_pipeline.alerts.notify.time_windows import Window
from mist_pipeline_tests.support.alerts.histories import HOUR, START, correlation, finding, findings, readings

SITES = tuple(f"s{number:02}" for number in range(1, 61))
METRICS = {
    "coverage": "radio",
    "roaming": "roaming",
    "successful-connect": "connect",
    "wan-link-health": "wan",
    "ap-health": "ap",
}
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
HANDS_AT = (90, 2435)
"""Seconds after an hour at which a person takes what the phone told: between two attempts, and right after a call."""
TICKET_AFTER = 9 * HOUR
"""When a person looks into the tickets: one whose creation several kills hit may be late by hours, and it is to be there by
then, for else the week goes on in another way than the undisturbed one."""
SIGNING_KEY = "a-signing-key-for-the-week"
WAKES = (5, 130, 200, 310, 730, 1215, 2420, 3010)
"""Seconds after a look at which the sensors ask whether anything is due."""
DRAINED = 8 * HOUR
"""After the last look, so that everything that is owed can arrive."""

WORSE = {"warning": "major", "major": "critical", "critical": "critical"}

Doing = Literal["look", "daily", "wake", "people", "tickets"]


@dataclass(frozen=True)
class Trouble:
    """Something wrong at one site, from an hour of the week to another."""

    site_id: str
    metric: str
    kind: str
    severity: str
    begins: float
    ends: float
    rises: float | None = None

    @property
    def family(self) -> str:
        return METRICS.get(self.metric, "device")

    def row(self, hour: float) -> dict[str, str]:
        severity = WORSE[self.severity] if self.rises is not None and hour >= self.rises else self.severity
        return finding(
            self.site_id,
            self.family,
            self.kind,
            severity,
            self.metric,
            json.dumps({"classifier": "dhcp" if self.metric == "successful-connect" else ""}),
            f"{self.kind} of {self.metric or 'the site'}.",
        )


@dataclass(frozen=True)
class Moment:
    """One thing that happens at one instant."""

    number: int
    at: datetime
    doing: Doing


class Week:
    """The week of a seed.

    Args:
        seed: Of its troubles.
        days: How many; fewer than seven hold fewer troubles of single sites, but all of the others.
    """

    def __init__(self, seed: int = 7, days: int = 7) -> None:
        self.seed, self.days, self.hours = seed, days, 24 * days
        self.end = START + self.hours * HOUR
        # Sites that go down together, a cause that shows late, a storm, and nobody who can look while it abates.
        self.outage, self.carrier, self.storm, self.blind = (
            int(share * self.hours) for share in (0.18, 0.35, 0.7, 0.82)
        )
        self.troubles = list(self._troubles(Random(seed)))

    def moments(self) -> list[Moment]:
        """Everything that happens, in order: looks, people, and when somebody is woken in between."""
        told: list[tuple[datetime, Doing]] = []
        for hour in range(self.hours):
            is_stormy = any(begins <= hour < begins + 3 for begins in (self.outage, self.storm, self.blind))
            slots = [0, 15, 30, 45] if is_stormy else [0]
            for minute in slots:
                at = START + hour * HOUR + minute * MINUTE
                told.append((at, "look"))
                told += [(at + seconds * SECOND, "wake") for seconds in WAKES if seconds < 3600 / len(slots)]
            told += [(START + hour * HOUR + seconds * SECOND, "people") for seconds in HANDS_AT]
            if hour % 3 == 2:
                told.append((START + hour * HOUR + 10 * MINUTE, "tickets"))
            if hour % 24 == 6:
                told.append((START + hour * HOUR + 5 * MINUTE, "daily"))
        told += [(self.end + minutes * MINUTE, "wake") for minutes in range(0, int(DRAINED / MINUTE), 10)]
        return [Moment(number, at, doing) for number, (at, doing) in enumerate(sorted(told))]

    def look(self, at: datetime) -> EvaluationInput:
        """What somebody sees who looks at the sites at an instant."""
        hour = (at - START) / HOUR
        wrong = [one for one in self.troubles if one.begins <= hour < one.ends]
        if self.blind <= hour < self.blind + 2.5:
            # The collection itself stopped: nobody sees anything.
            stopped = finding("", "collector", "collector", "critical", "", "{}", "No site answers.")
            return EvaluationInput(
                as_of=at,
                source="live",
                findings=findings([stopped]),
                readings=readings([]),
                site_count=len(SITES),
            )
        rows = [one.row(hour) for one in wrong]
        named = sorted({one.site_id for one in wrong if one.family == "wan" and one.kind == "evidence"})
        if len(named) >= 3 and hour > self.carrier + 6:
            rows.append(
                correlation(named, "wan", "carrier-a", attribute="carrier", summary="All use carrier A.")
            )
        bad = {(one.site_id, one.metric) for one in wrong}
        scores = [
            (site, metric, "ok", 60.0 if (site, metric) in bad else 98.0)
            for site in SITES
            for metric in METRICS
        ]
        return EvaluationInput(
            as_of=at, source="live", findings=findings(rows), readings=readings(scores), site_count=len(SITES)
        )

    def day(self, at: datetime) -> EvaluationInput:
        """What the analysis of yesterday says in the morning."""
        hour = (at - START) / HOUR
        known = {
            (one.site_id, one.family): one.row(one.ends)
            for one in self.troubles
            if one.family == "radio" and one.begins < hour and one.ends > hour - 24
        }
        return EvaluationInput(
            as_of=at,
            source="daily",
            findings=findings(known.values()),
            covers_from=at - 30 * HOUR,
            site_count=len(SITES),
        )

    def _troubles(self, random: Random) -> Iterator[Trouble]:
        homes = list(SITES)
        random.shuffle(homes)
        for number, site in enumerate(homes[: round(3.5 * self.days)]):
            yield from self._alone(site, number, random)
        for number, site in enumerate(homes[40:48]):
            # These grow worse when somebody has long taken their tickets.
            begins = 2 + number * self.hours // 14
            yield Trouble(site, "roaming", "evidence", "major", begins, begins + 17, begins + 14)
        for site in homes[20:32]:
            yield Trouble(site, "", "site_down", "critical", self.outage, self.outage + 1.5)
        for number, site in enumerate(homes[50:56]):
            # One after the other, and only then is it known what they have in common.
            yield Trouble(
                site,
                "wan-link-health",
                "evidence",
                "major",
                self.carrier + 2.5 * (number // 2),
                self.carrier + 12,
            )
        for site in homes[5:50]:
            begins = self.storm
            yield Trouble(site, "successful-connect", "evidence", "major", begins, begins + 3, begins + 1)
        for number, site in enumerate(homes[56:60]):
            # Mild ones at night wait for the morning.
            for night in range(self.days - 1):
                begins = 24 * night + 22
                yield Trouble(site, "roaming", "evidence", "warning", begins + number / 2, begins + 4)

    def _alone(self, site: str, number: int, random: Random) -> Iterator[Trouble]:
        """What befalls one site: some grow worse, some come back."""
        begins = random.randrange(4, 2 * (self.hours - 24)) / 2
        lasts = random.choice([1, 1.5, 3, 5, 8])
        kind = random.choice(["evidence", "evidence", "evidence", "site_down", "mist_alarm"])
        metric = {"site_down": "", "mist_alarm": "ap-health"}.get(
            kind, random.choice(["coverage", "roaming"])
        )
        severity = random.choice(["warning", "major", "critical"]) if kind == "evidence" else "critical"
        rises = begins + random.choice([0.5, 1, 2, 4]) if severity != "critical" and number % 2 else None
        yield Trouble(site, metric, kind, severity, begins, begins + lasts, rises)
        if number % 3 == 0:
            # Evidence is over after twelve good hours, a site that was down after one.
            again = begins + lasts + (14 if kind == "evidence" else 3.5)
            yield Trouble(site, metric, kind, severity, again, again + 2)


def notification_rules(week: Week) -> NotificationRules:
    """Who is told: critical ones page at once, others after twenty minutes, mild ones wait for the morning."""
    night = Window(begins=time(20), zone="Europe/Berlin", until=time(6))
    everybody = ("mail", "chat", "jira", "hook")
    return NotificationRules(
        routes=[
            Route(name="critical", sinks=("page", *everybody), min_severity="critical", escalation="ladder"),
            Route(
                name="major", sinks=everybody, min_severity="major", escalation="call", group_wait_minutes=1
            ),
            Route(name="mild", sinks=("mail", "hook"), quiet_hours=(night,)),
        ],
        escalations={
            "ladder": EscalationPolicy(
                steps=(
                    EscalationStep(after_minutes=20, sink="chat", to="C0OTHERONE"),
                    EscalationStep(after_minutes=40, sink="page", to="second line"),
                ),
            ),
            "call": EscalationPolicy(
                steps=(
                    EscalationStep(after_minutes=20, sink="page"),
                    EscalationStep(after_minutes=50, sink="mail", to="boss@example.com"),
                ),
            ),
        },
        windows=[
            Silence(
                silence_id="works",
                matchers=parse_matchers("family=radio"),
                starts_at=START + week.hours // 3 * HOUR,
                ends_at=START + (week.hours // 3 + 4) * HOUR,
            )
        ],
    )


Hand = Literal["phone", "ticket", "nobody"]


def taken_by(incident_id: str) -> tuple[Hand, timedelta]:
    """How an incident is taken by a person, and how long after it asks for one."""
    choice = int(incident_id[:8], 16) % 7
    ways: tuple[tuple[Hand, timedelta], ...] = (
        ("phone", timedelta(0)),
        ("phone", timedelta(0)),
        ("phone", 40 * MINUTE),
        ("phone", 60 * MINUTE),
        ("ticket", TICKET_AFTER),
        ("ticket", TICKET_AFTER),
        ("nobody", timedelta(0)),
    )
    return ways[choice]
