"""Rules and times of the lifecycle: which kind of finding raises an alert, how long it must hold, when it is over.

Numbers with their reasons. The defaults follow what was measured on labelled worlds: evidence (an excess that is
significant, large and corroborated) and dead devices raise alerts by themselves; scores below a line, deviations, slopes
and forecasts are common on healthy sites, too, and need a second kind of finding or a long hold.

>>> Policy().quiet_needed(("evidence",), lasted=timedelta(hours=40))
datetime.timedelta(seconds=72000)
>>> Policy().storm_at(site_count=300)
5

Not here: what applies them (`lifecycle`, `grouping`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from mist_pipeline.alerts.lifecycle.model import Source
from mist_pipeline.domain.severity import Severity, rank

_NOW = timedelta(0)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Rule:
    """What one kind of finding may do.

    Attributes:
        alone: Least severity at which it raises an alert by itself; None: never.
        corroborated: Least severity at which it raises one together with another kind on the same site and family.
        hold: Severity → how long live evaluations must show it first; severities that are not named wait ``other_hold``.
        other_hold: See ``hold``.
        daily_hold: The same for daily evaluations, whose findings have held for a day already.
        quiet: Least time without it, by good readings, before the alert may be resolved; zero: at the first good one.
        max_quiet: Alerts that lasted long wait longer (see ``Policy.quiet_share``), up to this.
        has_own_clock: It ends by its own good readings even where an excess is followed besides.
        is_about_the_past: It is about the day that ended: news of a problem that was over before is no new problem.
    """

    alone: Severity | None = None
    corroborated: Severity | None = None
    hinted: Severity | None = None
    hold: Mapping[str, timedelta] = field(default_factory=dict)
    other_hold: timedelta = _NOW
    daily_hold: timedelta = _NOW
    quiet: timedelta = 12 * _HOUR
    max_quiet: timedelta = 48 * _HOUR
    has_own_clock: bool = False
    is_about_the_past: bool = True

    def held_for(self, severity: Severity, source: Source) -> timedelta:
        """How long this rule must hold at a severity."""
        return self.daily_hold if source == "daily" else self.hold.get(severity, self.other_hold)


def is_reached(severity: Severity, line: Severity | None) -> bool:
    """Whether a severity is at least so bad; no line is never reached."""
    return line is not None and rank(severity) >= rank(line)


DEFAULT_RULES: Mapping[str, Rule] = {
    "site_down": Rule("warning", quiet=_HOUR, max_quiet=_HOUR, has_own_clock=True),
    "evidence": Rule("warning"),
    "collector": Rule(
        "warning",
        hold={"critical": _NOW},
        other_hold=_HOUR / 2,
        quiet=_NOW,
        max_quiet=_NOW,
        is_about_the_past=False,
    ),
    "pipeline": Rule("warning", quiet=_NOW, max_quiet=_NOW, is_about_the_past=False),
    "mist_alarm": Rule(
        "critical",
        hinted="major",
        other_hold=_HOUR / 4,
        quiet=_HOUR,
        max_quiet=2 * _HOUR,
        has_own_clock=True,
    ),
    "pre_warning": Rule(hinted="major", other_hold=6 * _HOUR, is_about_the_past=False),
    "threshold": Rule(corroborated="major", hold={"critical": 2 * _HOUR}, other_hold=6 * _HOUR),
    "baseline": Rule(corroborated="critical", other_hold=6 * _HOUR),
    "trend": Rule(corroborated="critical", other_hold=6 * _HOUR),
    "anomaly": Rule(),
    "health_drop": Rule(other_hold=6 * _HOUR),
}
"""Kind of finding → what it may do. Kind ``correlation`` raises nothing: it names the cause of other alerts."""


@dataclass(frozen=True)
class Policy:
    """Times of the lifecycle and of grouping.

    Attributes:
        rules: Kind of finding → `Rule`; a kind that is not named is evidence on open alerts and raises none.
        recovery_margin_pct: An alert raised by a score below a line is held until the score is this far above it.
        tells_past: Whether what was over before it was noticed is opened like anything else.
        quiet_from: Recovery of all its series from which an alert counts as recovering; the way back is a bad hour.
        remembered: So long a resolved alert tells old news from new: evidence weighs a week.
        same_within: An excess that ended at most so long after a known trouble is the end of it, seen by another series.
        second_after: What begins so long after an alert of its site and family opened, with another classifier to blame, is a
            second problem and not a part of the first.
        min_open: An alert stays open at least so long.
        quiet_share: Good readings must last for this share of the alert's duration before it is resolved, within what its
            rules say.
        reopen_share: Inside this share of its duration a resolved alert is reopened …
        min_reopen: … at least inside this …
        max_reopen: … and never after this, so that a short blip does not swallow a later incident.
        same_complaint_within: What blames the same is reopened for so long at least: people come back a day later, and trouble that only
            people show is quiet until then.
        ease_after: Milder findings must last so long before the severity falls.
        worse_share: An alert is much worse in two hours that are so many times its worst two hours before …
        worse_pct: … and so many points …
        worse_after: … once it has been open for so long: two rushes of a day show how bad it is by itself.
        expire_after: An alert without readings for so long is over, as expired; so is a hold that is not met.
        site_wide_families: Families about a site as a whole: consequences, ignored while the site has another alert.
        daily_validity: A daily finding speaks for so long after its evaluation.
        max_gap: Longer between two evaluations (live) is time without evaluation, and counts for nothing.
        max_daily_gap: The same where evaluations are daily.
        regroup_within: Alerts that opened at most so long before may be attributed to a cause found now.
        caused_within: The same for alerts that are active: evidence weighs up to a week, so sites of one fault may be found
            so far apart. Older trouble has a cause of its own.
        same_site_within: Alerts of one site that open within this time are one incident.
        min_overlap: Share of sites that two causes must have in common to be one.
        ordinary_rate: Alerts of one family per site and week in ordinary life; generously.
        storm_chance: So many sites that begin within ``same_site_within`` are a storm as ordinary life brings together
            with at most this probability, three at least.
        shared_within: A shared fault shows within so long at all its sites, when their people come, and in all their
            families: sites that blame the same classifier are a storm then, and a site's other trouble belongs to it.
        complaint_share: Share of a family's alerts that blame one classifier in ordinary life; generously.
        storm_sites: The same where the number of sites is not known.
        max_new_incidents: More new incidents than this in one evaluation of any kind are one.
    """

    rules: Mapping[str, Rule] = field(default_factory=lambda: DEFAULT_RULES)
    recovery_margin_pct: float = 3.0
    tells_past: bool = False
    quiet_from: float = 0.5
    remembered: timedelta = timedelta(days=9)
    same_within: timedelta = 3 * _HOUR
    second_after: timedelta = 6 * _HOUR
    min_open: timedelta = _HOUR
    quiet_share: float = 0.5
    reopen_share: float = 0.5
    min_reopen: timedelta = 6 * _HOUR
    max_reopen: timedelta = 72 * _HOUR
    same_complaint_within: timedelta = 24 * _HOUR
    ease_after: timedelta = 6 * _HOUR
    worse_share: float = 1.5
    worse_pct: float = 10.0
    worse_after: timedelta = timedelta(days=2)
    expire_after: timedelta = timedelta(days=7)
    site_wide_families: frozenset[str] = frozenset({"health", ""})
    daily_validity: timedelta = 30 * _HOUR
    max_gap: timedelta = 2 * _HOUR
    max_daily_gap: timedelta = 36 * _HOUR
    regroup_within: timedelta = 48 * _HOUR
    caused_within: timedelta = timedelta(days=7)
    same_site_within: timedelta = 2 * _HOUR
    min_overlap: float = 0.5
    ordinary_rate: float = 0.1
    storm_chance: float = 1e-4
    shared_within: timedelta = 12 * _HOUR
    complaint_share: float = 0.25
    storm_sites: int = 10
    max_new_incidents: int = 50

    def __post_init__(self) -> None:
        if self.min_reopen > self.max_reopen:
            raise ValueError(f"min_reopen {self.min_reopen} is longer than max_reopen {self.max_reopen}")
        if self.recovery_margin_pct < 0:
            raise ValueError(
                f"recovery_margin_pct is {self.recovery_margin_pct:g}: recovery cannot be below the line"
            )

    def rule(self, kind: str) -> Rule:
        """The rule of a kind of finding."""
        return self.rules.get(kind, _EVIDENCE_ONLY)

    def quiet_needed(self, kinds: tuple[str, ...], lasted: timedelta) -> timedelta:
        """How long readings must be good before an alert with these kinds of findings, that lasted so long, is over."""
        rules = [self.rule(kind) for kind in kinds]
        least = max((rule.quiet for rule in rules), default=_NOW)
        most = max((rule.max_quiet for rule in rules), default=_NOW)
        return max(least, min(self.quiet_share * lasted, most))

    def has_own_clock(self, kind: str) -> bool:
        """Whether a kind of finding ends by its own good readings."""
        return self.rule(kind).has_own_clock

    def reopens_within(self, lasted: timedelta) -> timedelta:
        """How long after its end an alert that lasted so long is reopened rather than opened anew."""
        return min(max(self.reopen_share * lasted, self.min_reopen), self.max_reopen)

    def storm_at(self, site_count: int) -> int:
        """How many sites that begin within ``same_site_within`` are more than coincidence."""
        return self._more_than_chance(site_count, self.same_site_within)

    def complaints_at(self, site_count: int) -> int:
        """The same for sites that blame one classifier and begin within ``shared_within``."""
        return self._more_than_chance(site_count, self.shared_within, self.complaint_share)

    def _more_than_chance(self, site_count: int, within: timedelta, share: float = 1.0) -> int:
        """The tail of a Poisson distribution of ordinary alerts."""
        if not site_count:
            return self.storm_sites
        expected = site_count * self.ordinary_rate * share * (within / timedelta(weeks=1))
        sites, term = 0, math.exp(-expected)
        tail = 1.0 - term
        while tail > self.storm_chance:
            sites += 1
            term *= expected / sites
            tail -= term
        return max(sites + 1, 3)

    def gap(self, source: Source) -> timedelta:
        """Longest time between two evaluations that still counts as watched."""
        return self.max_daily_gap if source == "daily" else self.max_gap


_EVIDENCE_ONLY = Rule(quiet=_NOW, max_quiet=_NOW)
