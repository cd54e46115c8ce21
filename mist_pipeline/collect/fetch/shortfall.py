"""What a fetch did not get: requests without an answer, and what could not be read of the answers. Pure.

Sources degrade alone: without alarms there are scores, without one site's detail there is that of the others. What is missing is
missing in the tables too, and said here in words for metadata and checks. Not here: asking (`fetcher`), reading (`mist.parsers`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from mist_pipeline.collect.fetch.plan import JsonValue, Request
from mist_pipeline.mist.errors import MistError, TransientFailure
from mist_pipeline.mist.parsers import Oddities

MOST_UNANSWERED_SHARE = 0.5
"""Above this share of the organisation's scores without an answer a fetch fails. Scores are what everything else explains, and
the group of one kind of network (a third of the requests) may be down alone; without most of them there is nothing to tell."""

MOST_SHOWN = 5
"""Requests and oddities that a sentence names."""


@dataclass(frozen=True)
class Unanswered:
    """A request without an answer, and why."""

    request: Request
    error: MistError

    @property
    def what(self) -> str:
        """What was asked."""
        request = self.request
        days = request.days
        of_site = request.site_id and f"of site {request.site_id}"
        span = f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}"
        return " ".join(filter(None, (request.purpose, request.metric, request.group, of_site, span)))


@dataclass
class Shortfall:
    """What is missing of a fetch, by raw kind.

    Attributes:
        unanswered: What was asked in vain, and why.
        odd: What could not be read.
        days: Days that lack something.
        kept: Kinds of which the answers of an earlier fetch go on counting, because they are more.
        not_allowed: Kinds that the role of the token may not read. That lasts until somebody changes it: it is counted, and
            ``doctor`` says it, but no fetch warns of it.
    """

    unanswered: dict[str, list[tuple[str, MistError]]] = field(default_factory=dict)
    odd: dict[str, Oddities] = field(default_factory=dict)
    days: dict[str, set[date]] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    not_allowed: set[str] = field(default_factory=set)

    def lacks(self, kind: str, failures: Sequence[Unanswered]) -> None:
        """Note requests without an answer."""
        for each in failures:
            self.unanswered.setdefault(kind, []).append((each.what, each.error))
            self.days.setdefault(kind, set()).update(each.request.days)

    def found_odd(self, kind: str, odd: Oddities, days: Iterable[date]) -> None:
        """Note what could not be read of an answer about these days."""
        if not odd.first:
            return
        if odd.lost:
            self.days.setdefault(kind, set()).update(days)
        self.odd.setdefault(kind, Oddities(odd.endpoint)).add(odd)

    def sentences(self, kind: str) -> list[str]:
        """What is missing of a kind, in words; empty where nothing is."""
        said = []
        failures = self.unanswered.get(kind, [])
        if failures:
            shown = "; ".join(f"{what}: {error}" for what, error in failures[:MOST_SHOWN])
            more = f"; and {len(failures) - MOST_SHOWN} more" if len(failures) > MOST_SHOWN else ""
            noun = "request has" if len(failures) == 1 else "requests have"
            kept = " The answers of an earlier fetch are kept." if kind in self.kept else ""
            said.append(f"{len(failures)} {noun} no answer: {shown}{more}.{kept}")
        odd = self.odd.get(kind)
        if odd is not None and odd.lost:
            said.append(lost_sentence(odd))
        return said

    def everything(self) -> list[str]:
        """What is missing of every kind, in words."""
        kinds = sorted({*self.unanswered, *self.odd})
        return [f"{kind}: {sentence}" for kind in kinds for sentence in self.sentences(kind)]

    def summary(self) -> dict[str, JsonValue]:
        """Counts and names, for the metadata of an asset."""
        return {
            "not_allowed": [*sorted(self.not_allowed)],
            "unanswered": {kind: len(failures) for kind, failures in self.unanswered.items()},
            "set_aside": {kind: odd.lost for kind, odd in self.odd.items() if odd.lost},
            "fields_emptied": {kind: odd.emptied for kind, odd in self.odd.items() if odd.emptied},
            "missing": list(self.everything()),
            "odd": [each.sentence for odd in self.odd.values() for each in odd.first],
        }


def lost_sentence(odd: Oddities) -> str:
    """What was set aside, in words."""
    shown = "; ".join(each.sentence for each in odd.first[: min(MOST_SHOWN, odd.lost)])
    more = f"; and {odd.lost - MOST_SHOWN} more" if odd.lost > MOST_SHOWN else ""
    subject = (
        "row or reading was set aside and is" if odd.lost == 1 else "rows and readings were set aside and are"
    )
    return f"{odd.lost} {subject} missing: {shown}{more}."


def is_too_little(purpose: str, asked: int, failures: Sequence[Unanswered]) -> bool:
    """Whether a fetch without these answers tells nothing."""
    return purpose == "organisation" and len(failures) > MOST_UNANSWERED_SHARE * asked


def may_heal(failures: Sequence[Unanswered]) -> bool:
    """Whether asking again soon may bring some of these answers."""
    return any(isinstance(each.error, TransientFailure) for each in failures)


def described(failures: Sequence[Unanswered]) -> list[tuple[str, MistError]]:
    """What was asked and why there is no answer."""
    return [(each.what, each.error) for each in failures]
