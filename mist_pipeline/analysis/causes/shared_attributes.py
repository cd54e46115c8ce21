"""What the degraded sites have in common: the statistics of shared attributes.

Here: who belongs to which attribute, exact tails, the correction for many tests, and the choice of the most specific
explanation. Not here: rows, words and fingerprints (``candidates``, ``wording``).

Four of five degraded sites are in one group of five among forty: chance gives that rarely.

>>> p = shared_tail(*(np.array([float(n)]) for n in (40, 5, 5, 4)))
>>> float(p[0]) < 0.001
True
>>> [round(float(one), 2) for one in holm(np.array([0.01, 0.04, 0.03]))]
[0.03, 0.06, 0.06]
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from mist_pipeline.analysis.stats.site_attributes import ATTRIBUTES

CHANGE = "change"
"""A configuration change that came before the trouble; named last, where it is not the only thing that its sites share."""

NAMED = (*ATTRIBUTES, CHANGE)
"""Attributes in the order in which one is preferred when several describe the same sites."""

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Group:
    """Sites that share something, under every name that describes exactly these sites.

    Attributes:
        names: Attribute and value of each.
        members: Which sites.
        family: The only family whose trouble it may explain; '' for any.
    """

    names: tuple[tuple[str, str], ...]
    members: Mask
    family: str = ""


@dataclass(frozen=True)
class Event:
    """One kind of trouble at one moment.

    Attributes:
        family: Metric family.
        classifier: The dominant classifier that it is restricted to, or '' for any.
        judged: Which sites could be judged.
        degraded: Which of them are degraded in this way.
        rate: Probability of that at each site on an ordinary day.
    """

    family: str
    classifier: str
    judged: Mask
    degraded: Mask
    rate: Array


@dataclass(frozen=True)
class Explanation:
    """A group whose members are degraded beyond chance, and by how much.

    Attributes:
        event: What is explained.
        group: By which shared attribute.
        p_value: Corrected for the number of effective tests.
        p_shared: Hypergeometric tail: so many of the degraded in this group.
        p_chance: Binomial tail: so many degraded at once, given their own rates.
        tests: Effective tests of the moment.
    """

    event: Event
    group: Group
    p_value: float
    p_shared: float
    p_chance: float
    tests: int


def groups(members: pl.DataFrame, site_ids: Sequence[str], min_sites: int) -> list[Group]:
    """The groups of at least ``min_sites`` of these sites, those that describe the same sites made one.

    Args:
        members: As ``memberships`` gives them.
        site_ids: The sites, in the order of all masks.
        min_sites: Smallest group of interest.
    """
    index = pl.DataFrame({"site_id": list(site_ids)}, schema={"site_id": pl.String}).with_row_index("row")
    rows = (
        members.join(index, on="site_id")
        .group_by("attribute", "value")
        .agg(pl.col("row").sort())
        .filter(pl.col("row").list.len() >= min_sites)
        .sort("attribute", "value")
    )
    same: dict[tuple[int, ...], list[tuple[str, str]]] = {}
    for attribute, value, positions in rows.iter_rows():
        same.setdefault(tuple(positions), []).append((attribute, value))
    answer = []
    for positions, names in same.items():
        mask = np.zeros(len(site_ids), dtype=np.bool_)
        mask[list(positions)] = True
        answer.append(Group(_in_order(names), mask))
    return answer


def _in_order(names: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(names, key=lambda name: (NAMED.index(name[0]), name[1])))


def shared_tail(population: Array, degraded: Array, size: Array, hits: Array) -> Array:
    """P(X ≥ hits) when ``degraded`` of ``population`` sites are spread by chance and ``size`` are looked at.

    The hypergeometric tail (Fisher's exact test, one-sided), summed exactly in logarithms over arrays of one length.
    """
    from scipy.special import gammaln

    def log_choose(n: Array, k: Array) -> Array:
        return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))

    n, total, drawn, at_least = (np.asarray(a, dtype=np.float64) for a in (population, degraded, size, hits))
    lowest = np.maximum(at_least, np.maximum(0.0, drawn + total - n))
    terms = np.maximum(np.minimum(drawn, total) - lowest + 1, 0).astype(np.int64)
    answer = np.zeros(len(n))
    some = np.flatnonzero(terms)
    if not len(some):
        return answer
    which = np.repeat(some, terms[some])
    begins = np.concatenate([[0], np.cumsum(terms[some])[:-1]])
    k = lowest[which] + (np.arange(len(which)) - np.repeat(begins, terms[some]))
    logs = (
        log_choose(total[which], k)
        + log_choose(n[which] - total[which], drawn[which] - k)
        - log_choose(n[which], drawn[which])
    )
    peak = np.maximum.reduceat(logs, begins)
    sums = np.add.reduceat(np.exp(logs - np.repeat(peak, terms[some])), begins)
    answer[some] = np.minimum(np.exp(peak + np.log(sums)), 1.0)
    return answer


def chance_tail(rates: Array, hits: int) -> float:
    """P(at least ``hits`` of these sites are degraded), each at its own rate and independently.

    The binomial tail at the mean rate. Where hits exceed the mean by one or more it is an upper bound of the exact
    (Poisson binomial) tail (Hoeffding, Annals of Mathematical Statistics 27, 1956); below that nothing is notable.
    """
    from scipy.special import betainc

    if hits <= 0:
        return 1.0
    mean = float(rates.mean())
    if hits < mean * len(rates) + 1:
        return 1.0
    return float(betainc(hits, len(rates) - hits + 1, mean))


def effective_tests(smallest: Array, alpha: float) -> int:
    """How many of the tests could succeed at all (Tarone, Biometrics 46, 1990).

    A test of a group of three among two degraded sites cannot reach a small p-value whatever happens; whether it can
    is known from the margins alone, before the data of the test are seen, so it need not be paid for.

    Args:
        smallest: Smallest attainable p-value of each test.
        alpha: Family-wise error rate.

    Returns:
        The smallest k for which at most k tests can reach alpha / k.
    """
    ordered = np.sort(smallest)
    k = 1
    while np.searchsorted(ordered, alpha / k, side="right") > k:
        k += 1
    return k


def holm(p_values: Array) -> Array:
    """Adjusted p-values of Holm's step-down procedure (Scandinavian Journal of Statistics 6, 1979)."""
    order = np.argsort(p_values, kind="stable")
    steps = len(p_values) - np.arange(len(p_values))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * steps), 1.0)
    return adjusted


def explanations(
    events: Sequence[Event], candidates: Sequence[Group], alpha: float, min_sites: int, min_share: float
) -> list[Explanation]:
    """The most specific shared attributes that explain the events of one moment, family by family.

    All pairs of event and group are tested at once: hypergeometric tail and chance tail, of which the larger counts
    (both must be small), Holm's correction over the effective tests. Of those that pass, the one with the smallest p
    is taken; if a group inside it stands out within it, that one instead. Its sites are set aside, and what remains
    must be significant again without them, so that an attribute which merely overlaps is not named.

    Args:
        events: Events of one moment; masks over the same sites.
        candidates: Groups over the same sites.
        alpha: Probability that a moment without any shared cause names one.
        min_sites: Degraded sites that a shared cause needs.
        min_share: Share of a group's judged sites that must be degraded.
    """
    tests = [
        (event, group, n, total, size, hits)
        for event in events
        for group, n, total, size, hits in _margins(event, candidates, min_sites)
    ]
    if not tests:
        return []
    margins = np.array([test[2:] for test in tests], dtype=np.float64)
    n, total, size, hits = margins.T
    smallest = shared_tail(n, total, size, np.minimum(size, total))
    count = effective_tests(smallest, alpha)
    possible = np.flatnonzero(smallest <= alpha / count)
    shared = shared_tail(n, total, size, hits)[possible]
    chance = np.array(
        [
            chance_tail(tests[i][0].rate[tests[i][1].members & tests[i][0].judged], int(hits[i]))
            for i in possible
        ]
    )
    adjusted = holm(np.maximum(shared, chance))
    is_large = (hits[possible] >= min_sites) & (hits[possible] >= min_share * size[possible])
    passed = [
        Explanation(tests[i][0], tests[i][1], float(adjusted[j]), float(shared[j]), float(chance[j]), count)
        for j, i in enumerate(possible)
        if is_large[j] and adjusted[j] <= alpha
    ]
    families = sorted({found.event.family for found in passed})
    return [
        chosen
        for family in families
        for chosen in _cover(
            [found for found in passed if found.event.family == family], alpha / count, min_sites, min_share
        )
    ]


def _margins(
    event: Event, candidates: Sequence[Group], min_sites: int
) -> list[tuple[Group, int, int, int, int]]:
    """Group, sites, degraded sites, sites of the group, degraded ones of those; groups that are the same here once."""
    candidates = [group for group in candidates if group.family in ("", event.family)]
    if event.degraded.sum() < min_sites:
        return []
    masks = np.array([group.members for group in candidates], dtype=np.bool_).reshape(
        len(candidates), len(event.judged)
    )
    inside = masks & event.judged
    size, hits = inside.sum(axis=1), (inside & event.degraded).sum(axis=1)
    n, total = int(event.judged.sum()), int(event.degraded.sum())
    seen: dict[bytes, int] = {}
    answer: list[tuple[Group, int, int, int, int]] = []
    for i in map(int, np.flatnonzero((size >= min_sites) & (size < n))):
        key = np.packbits(inside[i]).tobytes()
        if key in seen:
            at = seen[key]
            names = {*answer[at][0].names, *candidates[i].names}
            answer[at] = (Group(_in_order(names), answer[at][0].members), *answer[at][1:])
        else:
            seen[key] = len(answer)
            answer.append((candidates[i], n, total, int(size[i]), int(hits[i])))
    return answer


def _cover(
    passed: list[Explanation], threshold: float, min_sites: int, min_share: float
) -> list[Explanation]:
    """Greedy cover of one family's degraded sites by explanations that hold without the sites already explained."""
    chosen: list[Explanation] = []
    remaining = passed
    explained = np.zeros(len(passed[0].group.members), dtype=np.bool_)
    while remaining:
        best = _most_specific(
            min(remaining, key=lambda found: _rank(found, explained)), remaining, explained, threshold
        )
        chosen.append(best)
        explained = explained | best.group.members
        remaining = [
            found
            for found in remaining
            if found is not best and _holds(found, ~explained, threshold, min_sites, min_share)
        ]
    return chosen


def _rank(found: Explanation, explained: Mask) -> tuple[float, int, int, str, str]:
    """Sort key: smallest tail among what is left, then smallest group, then the preferred attribute."""
    left = ~explained
    attribute, value = found.group.names[0]
    return (
        _tail_within(found, left),
        int((found.group.members & left).sum()),
        NAMED.index(attribute),
        value,
        found.event.classifier,
    )


def _most_specific(
    best: Explanation, passed: Sequence[Explanation], explained: Mask, threshold: float
) -> Explanation:
    """The explanation inside ``best`` that stands out even among its sites, else ``best`` itself."""
    while True:
        left = best.group.members & ~explained
        inside = [
            found
            for found in passed
            if found is not best
            and (found.group.members & ~explained & ~left).sum() == 0
            and (found.group.members & left).sum() < left.sum()
            and _tail_within(found, left) <= threshold
        ]
        if not inside:
            return best
        best = min(inside, key=lambda found: _rank(found, explained))


def _holds(found: Explanation, left: Mask, threshold: float, min_sites: int, min_share: float) -> bool:
    """Whether an explanation is large and significant among the sites that are left."""
    size = int((found.group.members & found.event.judged & left).sum())
    hits = int((found.group.members & found.event.degraded & left).sum())
    return hits >= max(min_sites, min_share * size) and _tail_within(found, left) <= threshold


def _tail_within(found: Explanation, within: Mask) -> float:
    """Hypergeometric tail of an explanation with the world narrowed to some sites."""
    judged = found.event.judged & within
    degraded = found.event.degraded & within
    group = found.group.members & judged
    margins = (judged.sum(), degraded.sum(), group.sum(), (group & degraded).sum())
    return float(shared_tail(*(np.array([value], dtype=np.float64) for value in margins))[0])
