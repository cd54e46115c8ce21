"""Whether matchers can match anything that is known: a misspelt name must not look like a silence or a route that works.

Here: what is known of every label, and why matchers match none of it, alone or together, with the nearest name that there is.
A site that is called the same as another is told, too. Not here: matching itself (`matchers`), and what is done about it: the command line
refuses, ``doctor`` tells.
"""

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mist_pipeline.alerts.notify.contradictions import contradiction
from mist_pipeline.alerts.notify.fixed_values import FIXED, KINDS_TOGETHER, OF_SINKS, OF_SITES
from mist_pipeline.alerts.notify.matchers import Labels, Matcher, all_match
from mist_pipeline.domain.site_names import folded
from mist_pipeline.domain.text import clean

_NEW_SITE: Labels = dict.fromkeys(OF_SITES, ("a new one",))
"""Sites come: what excludes all that are known excludes not everything."""

_NEAR = 3
_WORDS = {"site": "site", "site_id": "site id", "site_group": "site group"}


@dataclass(frozen=True)
class Known:
    """What there is to match.

    Attributes:
        labels_by_site: Labels of every site (`silences.site_labels`).
        alerts: Labels of alerts that go on, also at sites that are no more.
    """

    labels_by_site: Mapping[str, Labels]
    alerts: tuple[Labels, ...] = ()

    def values(self, label: str) -> dict[str, None]:
        """Every value of a label that is known."""
        of_sites = (
            ((site_id,) for site_id in self.labels_by_site)
            if label == "site_id"
            else (labels.get(label) or ("",) for labels in self.labels_by_site.values())
        )
        of_alerts = (labels.get(label) or ("",) for labels in self.alerts)
        found = dict.fromkeys(FIXED.get(label, ()))
        if label in OF_SITES:
            found |= dict.fromkeys(value for values in of_sites for value in values)
        return found | dict.fromkeys(value for values in of_alerts for value in values)

    def sites_called(self, name: str) -> list[str]:
        """Ids of the sites that people would read as called so, in order."""
        wanted = folded(name)
        return sorted(
            site_id
            for site_id, labels in self.labels_by_site.items()
            if any(folded(value) == wanted for value in labels.get("site", ()) if value)
        )


def mismatch(matchers: Iterable[Matcher], known: Known) -> str:
    """Why nothing that is known could match, or what excludes nothing; '' where all is well.

    >>> from mist_pipeline.alerts.notify.matchers import parse_matchers
    >>> known = Known({"s1": {"site": ("Cologne 3",), "country": ("DE",)}})
    >>> mismatch(parse_matchers('site="Colonge 3"'), known)
    "no site is 'Colonge 3'; did you mean 'Cologne 3'?"
    >>> mismatch(parse_matchers('site="Cologne 3",severity=critical'), known)
    ''
    """
    wanted = tuple(matchers)
    for matcher in wanted:
        if sentence := _unknown(matcher, known):
            return sentence
    for label in dict.fromkeys(matcher.label for matcher in wanted if matcher.label in FIXED):
        of_label = [matcher for matcher in wanted if matcher.label == label]
        if not any(all_match(of_label, {label: values}) for values in _together(label, of_label, known)):
            return _nothing(of_label)
    of_sites = [matcher for matcher in wanted if matcher.label in OF_SITES]
    somewhere = [
        *({**labels, "site_id": (site_id,)} for site_id, labels in known.labels_by_site.items()),
        *known.alerts,
        {"site_id": ("",)},
        _NEW_SITE,
    ]
    if of_sites and not any(all_match(of_sites, labels) for labels in somewhere):
        return (
            f"no site fulfils all of {', '.join(map(str, of_sites))}"
            if len(of_sites) > 1
            else _nothing(of_sites)
        )
    return contradiction(wanted)


def _together(label: str, matchers: Iterable[Matcher], known: Known) -> Iterator[tuple[str, ...]]:
    """Values of a label that one alert may have at once, as far as they matter to the matchers."""
    values = dict.fromkeys(known.values(label))
    if label == "family":
        values |= dict.fromkeys(one.value for one in matchers if one.value.startswith(OF_SINKS))
    if label != "kind":
        yield from ((value,) for value in values)
        return
    excluding = [one for one in matchers if one.operator in {"!=", "!~"}]
    there = (labels.get("kind", ()) for labels in known.alerts)
    for kinds in (*KINDS_TOGETHER, *there):
        # One alert may have any of them: the most that nothing excludes fulfils the others if any do.
        if left := tuple(kind for kind in kinds if all_match(excluding, {"kind": (kind,)})):
            yield left


def _nothing(matchers: Sequence[Matcher]) -> str:
    listed = ", ".join(map(str, matchers))
    if len(matchers) == 1:
        return f"no alert can fulfil {listed}: it excludes everything"
    is_choice = sum(one.operator == "=" for one in matchers) > 1
    hint = "; for one of several values write =~ with | between them" if is_choice else ""
    return f"no alert fulfils all of {listed}{hint}"


def shared_names(matchers: Iterable[Matcher], known: Known) -> list[tuple[Matcher, list[str]]]:
    """Matchers that name one site, and mean several: each with the ids of all that are called so."""
    named = [
        (one, known.sites_called(one.value))
        for one in matchers
        if one.label == "site" and one.operator == "="
    ]
    return [(matcher, ids) for matcher, ids in named if len(ids) > 1]


def by_id(matcher: Matcher, ids: Collection[str]) -> Matcher:
    """The same by the ids of the sites that are meant."""
    if len(ids) == 1:
        return replace(matcher, label="site_id", operator="=", value=next(iter(ids)))
    return replace(matcher, label="site_id", operator="=~", value="|".join(sorted(ids)))


def _unknown(matcher: Matcher, known: Known) -> str:
    values = known.values(matcher.label)
    if matcher.label == "family" and matcher.value.startswith(OF_SINKS):
        return ""
    if matcher.label in OF_SITES and not known.labels_by_site and not known.alerts:
        return f"no site was seen yet, so {matcher} is not known; the first poll or run makes sites known"
    # What is excluded has to be there, too: a misspelt exception is none.
    positive = replace(matcher, operator="=~" if matcher.operator in {"=~", "!~"} else "=")
    if any(positive.matches({matcher.label: (value,)}) for value in values):
        return ""
    word = _WORDS.get(matcher.label, matcher.label)
    if positive.operator == "=~":
        return f"no {word} matches {clean(matcher.value, 80)!r}; {_some(values)}"
    shown = {folded(value): clean(value, 80) for value in values if clean(value)}
    near = difflib.get_close_matches(folded(matcher.value), shown, n=_NEAR)
    hint = f"did you mean {' or '.join(repr(shown[one]) for one in near)}?" if near else _some(values)
    return f"no {word} is {clean(matcher.value, 80)!r}; {hint}"


def _some(values: Iterable[str]) -> str:
    there = sorted({name for value in values if (name := clean(value, 60))})
    more = f" and {len(there) - _NEAR:,} more" if len(there) > _NEAR else ""
    return f"there is {', '.join(there[:_NEAR])}{more}" if there else "none is known"
