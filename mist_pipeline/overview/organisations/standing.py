"""How one of several organisations stands, and which of them is worse. Pure: an answer of the read model in, a line of a list out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from mist_pipeline.domain.severity import WORST_FIRST
from mist_pipeline.domain.text import clean
from mist_pipeline.overview.brief.verdict import Verdict, verdict
from mist_pipeline.overview.model import Now, SiteNow
from mist_pipeline.overview.orders import chosen_sites

MOST_SITES = 3
"""Sites that a list names of each organisation."""

_NAME_LENGTH = 80
_LEVELS = ("CRITICAL", "WARNING", "OK")
_FINE = frozenset({"HEALTHY", "UNKNOWN"})


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How an organisation stands.

    Attributes:
        key: By which it is chosen.
        name: What people call it, clean; its key where nobody named it.
        verdict: In words.
        now: What the read model says, without its sites and labels; None where it could not be asked.
        sites: The worst sites that are in trouble.
        severities: Severity → incidents that go on; the worst first, only those that there are.
    """

    key: str
    name: str
    verdict: Verdict
    now: Now | None = None
    sites: Sequence[SiteNow] = ()
    severities: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_seen(self) -> bool:
        """Whether its sites and its incidents are known as they are now."""
        now = self.now
        return now is not None and not now.live.is_stale(now.at) and now.ledger.as_of is not None


def brief(now: Now) -> Now:
    """An answer without what is large in it: its sites but those that a list names, and all labels."""
    worst = [
        site
        for site in chosen_sites(now.sites, {}, "", "status")
        if site.incident_ids or site.status not in _FINE
    ]
    return replace(now, sites=tuple(worst[:MOST_SITES]), labels={})


def standing(key: str, name: str, known: Now, at: datetime) -> Standing:
    """How it stands at an instant.

    Args:
        key: Of the organisation.
        name: Of the organisation.
        known: A `brief` answer, which may be older: its ages are counted from ``at``.
        at: Now.
    """
    now = replace(known, at=at)
    numbers = Counter(one.severity for one in now.incidents)
    return Standing(
        key=key,
        name=_called(key, name),
        verdict=verdict(now),
        now=now,
        sites=now.sites,
        severities={severity: numbers[severity] for severity in WORST_FIRST if numbers[severity]},
    )


def unknown(key: str, name: str, why: str) -> Standing:
    """One of which nothing can be said: that is never well."""
    return Standing(key=key, name=_called(key, name), verdict=Verdict("CRITICAL", (clean(why, 400),)))


def _called(key: str, name: str) -> str:
    return clean(name, _NAME_LENGTH) or key


def worst_first(found: Iterable[Standing]) -> list[Standing]:
    """The one order of organisations, on every surface.

    By verdict; then by critical incidents, the most first; then those that are not seen; then by incidents of the other severities; then by
    critical and unhealthy sites; then by name.
    """
    return sorted(found, key=_badness)


def _badness(one: Standing) -> tuple[object, ...]:
    counts = one.now.organisation.counts if one.now else {}
    critical, *others = (-one.severities.get(severity, 0) for severity in WORST_FIRST)
    sites = (-counts.get(status, 0) for status in ("CRITICAL", "UNHEALTHY"))
    level = _LEVELS.index(one.verdict.level)
    return (level, critical, one.is_seen, *others, *sites, one.name.casefold(), one.key)
