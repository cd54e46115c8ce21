"""Filter as you type: words, or the matchers of silences and routes. Pure.

>>> from mist_pipeline.overview.model import SiteNow
>>> site = SiteNow(site_id="1", label="Berlin 3", groups=("North",), status="CRITICAL", last_status="CRITICAL")
>>> [bool(Filter.of(text).takes(site, {"site": ("Berlin 3",)})) for text in ("ber crit", "bonn", 'site=~"Berlin.*"', "site=~")]
[True, False, True, False]
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mist_pipeline.alerts.notify.matchers import Labels, Matcher, all_match, parse_matchers
from mist_pipeline.domain.metrics import title_of
from mist_pipeline.domain.severity import SEVERITY_OF_STATUS
from mist_pipeline.domain.site_names import folded
from mist_pipeline.overview.model import IncidentNow, SiteNow


@dataclass(frozen=True)
class Filter:
    """What was typed, understood.

    Attributes:
        words: All of them must be in what a row says.
        matchers: All of them must match its labels.
    """

    words: tuple[str, ...] = ()
    matchers: tuple[Matcher, ...] = ()

    @classmethod
    def of(cls, text: str) -> "Filter":
        """What was typed; what is no matcher, or not one yet, is words."""
        if "=" in text or "!~" in text:
            try:
                return cls(matchers=parse_matchers(text))
            except ValueError:
                pass
        return cls(words=tuple(folded(text).split()))

    def takes(self, site: SiteNow, labels: Labels) -> bool:
        """Whether a site is among what was asked for."""
        if self.matchers:
            severity = SEVERITY_OF_STATUS.get(site.status, "")
            known = {
                **labels,
                "site_id": (site.site_id,),
                "severity": (severity,),
                "metric": (site.worst_metric,),
            }
            return all_match(self.matchers, known)
        if not self.words:
            return True
        said = folded(
            " ".join(
                (
                    site.label,
                    site.site_id,
                    *site.groups,
                    site.status,
                    site.worst_metric,
                    title_of(site.worst_metric),
                )
            )
        )
        return all(word in said for word in self.words)

    def takes_incident(self, incident: IncidentNow, label_sets: Iterable[Labels]) -> bool:
        """Whether an incident is: one of its sites must match, or its words.

        Args:
            incident: The incident.
            label_sets: Labels of its sites.
        """
        if self.matchers:
            own = {"severity": (incident.severity,), "family": (incident.family,)}
            return any(all_match(self.matchers, {**labels, **own}) for labels in label_sets)
        said = folded(
            " ".join((incident.incident_id, incident.severity, incident.state, incident.where, incident.what))
        )
        return all(word in said for word in self.words)


def search(
    text: str, sites: Sequence[SiteNow], incidents: Sequence[IncidentNow], most: int = 20
) -> tuple[list[SiteNow], list[IncidentNow]]:
    """Sites and incidents that words mean, those whose name begins with them first.

    Args:
        text: What was typed.
        sites: All.
        incidents: All that may be found.
        most: So many of each.
    """
    wanted = Filter.of(text)
    start = folded(text)
    if not start:
        return [], []
    found = [site for site in sites if wanted.takes(site, {"site": (site.label,)})]
    found.sort(key=lambda site: (not folded(site.label).startswith(start), folded(site.label)))
    return found[:most], [one for one in incidents if wanted.takes_incident(one, [])][:most]
