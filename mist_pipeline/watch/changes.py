"""What is different between two answers, and what nobody has seen yet. Pure; the clock is handed in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mist_pipeline.domain.severity import RANKS, SEVERITY_OF_STATUS, UNRANKED
from mist_pipeline.overview.model import Now, SiteNow

FRESH_SECONDS, FADING_SECONDS = 5.0, 20.0
"""For how long a changed row stands out, and then for how long a little."""


def is_worse(before: str, after: str) -> bool:
    """Whether a status is worse than another; what is not known is not worse than what was well."""
    return _rank(after) > max(_rank(before), RANKS["info"])


def _rank(status: str) -> int:
    return RANKS.get(SEVERITY_OF_STATUS.get(status, ""), UNRANKED)


@dataclass
class Changes:
    """What changed since somebody began to watch.

    Attributes:
        counts_at_start: Status → sites in the first answer.
        changed_at: Site → when its row last changed (seconds of the clock handed in).
        unseen: Sites that got worse and were not looked at yet.
    """

    counts_at_start: Mapping[str, int] = field(default_factory=dict)
    changed_at: dict[str, float] = field(default_factory=dict)
    unseen: set[str] = field(default_factory=set)
    _before: dict[str, SiteNow] = field(default_factory=dict)
    _incidents: set[str] = field(default_factory=set)
    _has_begun: bool = False

    def take(self, now: Now, seconds: float) -> bool:
        """Compare an answer with the one before it; says whether something got worse or is new.

        Args:
            now: The answer.
            seconds: Of a clock that only goes forward.
        """
        rows = {site.site_id: site for site in now.sites}
        incidents = {one.incident_id for one in now.incidents}
        is_news = False
        if self._has_begun:
            worse = self._worse(rows.values(), seconds)
            is_news = bool(worse) or bool(incidents - self._incidents)
        elif now.sites:
            self.counts_at_start = dict(now.organisation.counts)
            self._has_begun = True
        if now.sites:
            self._before, self._incidents = rows, incidents
            self.unseen &= rows.keys()
        return is_news

    def _worse(self, rows: Iterable[SiteNow], seconds: float) -> set[str]:
        worse = set()
        for site in rows:
            before = self._before.get(site.site_id)
            if before is None or _face(before) == _face(site):
                continue
            self.changed_at[site.site_id] = seconds
            if is_worse(before.last_status, site.last_status):
                worse.add(site.site_id)
            elif not is_worse("HEALTHY", site.last_status):
                self.unseen.discard(site.site_id)
        self.unseen |= worse
        return worse

    def see(self, site_id: str) -> None:
        """Somebody looked at a site."""
        self.unseen.discard(site_id)

    def heat(self, site_id: str, seconds: float) -> int:
        """How recently a row changed: 2 just now, 1 a while ago, 0 not lately."""
        changed = self.changed_at.get(site_id)
        if changed is None or seconds - changed > FADING_SECONDS:
            return 0
        return 2 if seconds - changed <= FRESH_SECONDS else 1


def _face(site: SiteNow) -> tuple[object, ...]:
    """What of a row is worth a highlight; the score of a healthy site moves at every poll."""
    score = None if site.worst_pct is None or site.last_status == "HEALTHY" else round(site.worst_pct)
    return (site.status, score, site.worst_metric if score is not None else "", site.incident_ids)
