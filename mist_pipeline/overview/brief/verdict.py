"""Is it well now, in one word and one sentence: for scripts, for checks that ring, and for the first line of a screen. Pure.

Incidents decide, not the counts of sites: what alerts leave out as noise must not ring either. What cannot be seen is critical: old or
missing data never calls anything healthy.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from mist_pipeline.domain.severity import WORST_FIRST
from mist_pipeline.domain.text import clean, clipped, count
from mist_pipeline.overview.model import Now

_LENGTH = 120
"""Characters of an incident's sentence."""

Level = Literal["OK", "WARNING", "CRITICAL"]


@dataclass(frozen=True)
class Verdict:
    """How it stands.

    Attributes:
        level: OK; WARNING: an incident goes on, or the pipeline has trouble; CRITICAL: a critical incident, or nobody can know.
        reasons: Why, the worst first; of OK what was looked at.
    """

    level: Level
    reasons: tuple[str, ...]

    @property
    def code(self) -> int:
        """The exit code of a check: 0, 1 or 2."""
        return {"OK": 0, "WARNING": 1, "CRITICAL": 2}[self.level]

    @property
    def sentence(self) -> str:
        """One line."""
        return f"{self.level}: {'; '.join(self.reasons)}"


def verdict(now: Now) -> Verdict:
    """How it stands at the instant of an answer."""
    critical: list[str] = []
    warning: list[str] = []
    if now.live.is_stale(now.at):
        critical.append(f"the sites are not seen: {now.live.words(now.at)}")
    elif now.live.trouble:
        warning.append(f"sites: {now.live.words(now.at)}")
    if now.ledger.as_of is None:
        critical.append(f"incidents are not known: {now.ledger.words(now.at)}")
    elif now.ledger.trouble:
        critical.append(f"incidents: {now.ledger.words(now.at)}")
    if now.incidents:
        numbers = Counter(one.severity for one in now.incidents)
        parts = [f"{numbers[name]:,} {name}" for name in WORST_FIRST if numbers[name]]
        taken = sum(one.state == "acknowledged" for one in now.incidents)
        said = f"{count(len(now.incidents), 'incident')} ({', '.join(parts)}"
        said += f"; {taken:,} acknowledged)" if taken else ")"
        worst = now.incidents[0]
        said += f", the worst at {worst.where}: {clipped(worst.what, _LENGTH)}"
        (critical if numbers["critical"] else warning).insert(0, said)
    for sink, why in now.pipeline.failing.items():
        warning.append(f"the sink {clean(sink, 40)} {why}")
    if now.days.is_stale(now.at):
        warning.append(f"whole days: {now.days.words(now.at)}")
    if critical:
        return Verdict("CRITICAL", (*critical, *warning))
    if warning:
        return Verdict("WARNING", tuple(warning))
    return Verdict(
        "OK",
        (f"no incident at {count(sum(now.organisation.counts.values()), 'site')}", now.live.words(now.at)),
    )
