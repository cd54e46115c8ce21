"""Service levels: which metrics a site has, their buckets of user-minutes, and every site's score at once.

A score is ``100 · (1 − Σ degraded / Σ total)`` in user-minutes over the buckets that have both (nulls skipped). The raw
measurement beside it (``samples.value``) is never a score. No users is no score: neither 0 nor 100.

A bucket or a score that cannot be (negative minutes, more degraded than total, a share of 95) is null: missing, never healthy.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import le
from types import NoneType
from typing import Any, cast

from mist_pipeline.domain.metrics import CATALOGUE, canonical, normalise
from mist_pipeline.mist.errors import UnexpectedShape
from mist_pipeline.mist.parsers.oddities import Oddities
from mist_pipeline.mist.parsers.reader import Node, read_rows

_WIDTHS = (3600, 600, 60, 86_400)
_ROUNDING = 0.01
"""By how much degraded may exceed total, relative or in user-minutes, before it is no rounding."""
_LEAST_SHARE, _MOST_SHARE = -1e-6, 1 + 1e-6
_SHARES = {float, int, NoneType}
_COUNTS = {"site_id", "num_aps", "num_clients", "num_switches", "num_gateways"}


@dataclass(frozen=True, slots=True)
class SleMetrics:
    """The metrics of one site.

    Attributes:
        enabled: Spellings that the site reports.
        supported: Spellings that it could report.
        spellings: Canonical name → the spelling to ask for, for the enabled ones that the catalogue knows.
    """

    enabled: tuple[str, ...]
    supported: tuple[str, ...]
    spellings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Impact:
    """Who is hit, over the whole window; None where the cloud does not say."""

    num_users: int | None
    total_users: int | None
    num_aps: int | None
    total_aps: int | None


@dataclass(frozen=True, slots=True)
class ClassifierSeries:
    """One cause's share of a metric's degraded user-minutes.

    Attributes:
        name: Normalised to hyphens; unknown names are kept.
        spelling: As sent.
        degraded: User-minutes by bucket; empty where the cloud sends no samples.
        total: User-minutes by bucket, like `degraded`.
        impact: Who is hit by this cause.
    """

    name: str
    spelling: str
    degraded: list[float | None]
    total: list[float | None]
    impact: Impact


@dataclass(frozen=True, slots=True)
class SleSummary:
    """One metric at one site over one window, as columns of equal length (one entry per bucket).

    Attributes:
        name: The metric as the cloud calls it in the answer.
        metric: Its canonical name, or None if the catalogue does not know it.
        start: Epoch second at which the first bucket begins.
        end: Epoch second at which the window ends; the last bucket may be partial.
        interval: Width of a bucket in seconds. More than 3600: ask for a narrower window.
        total: User-minutes.
        degraded: User-minutes below the metric's threshold.
        value: Mean raw measurement in `unit`, as received (the cloud's own example sends a share of 1 under ``%``).
        unit: The cloud's label of the measurement, or None.
        impact: Who is hit over the window.
        classifiers: By cause.
    """

    name: str
    metric: str | None
    start: int
    end: int
    interval: int
    total: list[float | None]
    degraded: list[float | None]
    value: list[float | None]
    unit: str | None
    impact: Impact
    classifiers: tuple[ClassifierSeries, ...]

    @property
    def bucket_starts(self) -> list[int]:
        """Epoch seconds at which the buckets begin."""
        return [self.start + index * self.interval for index in range(len(self.total))]

    @property
    def score_pct(self) -> float | None:
        """Score of the whole window, 0–100, or None without users."""
        return score_pct(self.total, self.degraded)


@dataclass(frozen=True, slots=True)
class SitesSle:
    """Scores of all sites over one window, as columns of equal length (one entry per site).

    Attributes:
        start: Epoch second.
        end: Epoch second.
        site_ids: Keys, each once.
        num_clients: Mean number of clients as sent, or None.
        num_aps: Access points as sent, or None.
        scores_pct: Canonical metric → score 0–100, or None where a site has none.
        unknown: Fields that the catalogue does not know.
    """

    start: int
    end: int
    site_ids: list[str]
    num_clients: list[float | None]
    num_aps: list[float | None]
    scores_pct: Mapping[str, list[float | None]]
    unknown: frozenset[str]


def score_pct(total: Sequence[float | None], degraded: Sequence[float | None]) -> float | None:
    """``100 · (1 − Σ degraded / Σ total)`` over the buckets that have both, or None where Σ total is 0.

    Args:
        total: User-minutes of each bucket, None where the cloud had nothing.
        degraded: Those of them below the threshold.

    >>> score_pct([60.0, 120.0, None], [6.0, 30.0, None])
    80.0
    """
    pairs = [(t, d) for t, d in zip(total, degraded, strict=True) if t is not None and d is not None]
    whole = math.fsum(t for t, _ in pairs)
    if whole <= 0:
        return None
    return 100.0 * (1.0 - math.fsum(d for _, d in pairs) / whole)


def parse_sle_metrics(document: Any, odd: Oddities | None = None) -> SleMetrics:
    """The metrics of a site. Of two spellings of one metric the catalogue's own is preferred, else the first.

    Raises:
        UnexpectedShape: The document is no object, or a list is none: no list would say that the site has no metrics.
    """
    node = Node(document, odd or Oddities("sle_metrics"))
    for name in ("enabled", "supported"):
        if not isinstance(node.child(name).value, list | None):
            raise node.child(name).fail("a list")
    enabled = node.texts("enabled")
    spellings: dict[str, str] = {}
    for spelling in enabled:
        metric = canonical(spelling)
        if metric is not None and (metric not in spellings or normalise(spelling) == metric):
            spellings[metric] = spelling
    return SleMetrics(enabled, node.texts("supported"), spellings)


def parse_sle_summary(document: Any, odd: Oddities | None = None) -> SleSummary:
    """The buckets of one metric at one site.

    A bucket with impossible user-minutes is null. A cause that cannot be read is set aside, and so is the raw measurement where it has
    not as many buckets as the user-minutes.

    Raises:
        UnexpectedShape: No samples, no window, user-minutes of unequal length, more buckets than the window has room for: nothing of
            it can be placed in time.
    """
    node = Node(document, odd or Oddities("sle_summary"))
    sle = node.required("sle")
    minutes = _minutes(sle.required("samples"))
    name = sle.text("name") or ""
    start, end = window_of(node)
    classifiers = node.elements("classifiers")
    interval = _interval((sle, *classifiers), start, end, len(minutes.total))
    return SleSummary(
        name=name,
        metric=canonical(name),
        start=start,
        end=end,
        interval=interval,
        total=minutes.total,
        degraded=minutes.degraded,
        value=_measurement(sle.required("samples"), len(minutes.total)),
        unit=sle.text("y_label") or None,
        impact=_impact(node),
        classifiers=tuple(read_rows(classifiers, partial(_classifier, of=minutes), "name")),
    )


def parse_sites_sle(*documents: Any, odd: Oddities | None = None) -> SitesSle:
    """The scores of all pages, one entry per site, the last one sent; a row without site is set aside, an impossible score is null.

    Raises:
        UnexpectedShape: No list, no window, pages of different windows.
    """
    if not documents:
        raise ValueError("the answer has at least one page")
    odd = odd or Oddities("sites_sle")
    nodes = [Node(document, odd) for document in documents]
    windows = {window_of(node) for node in nodes}
    if len(windows) > 1:
        raise UnexpectedShape(
            f"pages of different windows: {sorted(windows)}", where="start", endpoint="sites_sle"
        )
    lists = [node.required("results").items() for node in nodes]
    rows = dict(found for each in lists for found in read_rows(each, _site_row, "site_id"))
    names = {
        name: canonical(name) for name in set[str]().union(*(row.value for row in rows.values())) - _COUNTS
    }
    scores: dict[str, list[float | None]] = {}
    # The catalogue's own spelling comes last, so that it wins where a site sends two.
    for name in sorted(names, key=lambda each: (normalise(each) in CATALOGUE, each)):
        metric = names[name]
        if metric is not None:
            column = _shares_pct(name, rows.values())
            earlier = scores.get(metric, [None] * len(column))
            scores[metric] = [
                new if new is not None else old for new, old in zip(column, earlier, strict=True)
            ]
    start, end = windows.pop()
    return SitesSle(
        start=start,
        end=end,
        site_ids=list(rows),
        num_clients=[row.number("num_clients", least=0.0) for row in rows.values()],
        num_aps=[row.number("num_aps", least=0.0) for row in rows.values()],
        scores_pct=scores,
        unknown=frozenset(name for name, metric in names.items() if metric is None),
    )


def _site_row(node: Node) -> tuple[str, Node]:
    return node.required_id("site_id"), node


@dataclass(frozen=True, slots=True)
class _Minutes:
    """User-minutes by bucket; `impossible` buckets are null in both columns."""

    total: list[float | None]
    degraded: list[float | None]
    impossible: frozenset[int]


def _minutes(samples: Node) -> _Minutes:
    """User-minutes of equal length; a column that is absent is all null, a rounding excess of degraded over total is cut off."""
    total, odd_totals = samples.numbers("total")
    degraded, odd_parts = samples.numbers("degraded")
    if total is not None and degraded is not None and len(total) != len(degraded):
        raise UnexpectedShape(
            f"arrays of unequal length: {len(total)} total and {len(degraded)} degraded user-minutes",
            where=samples.where,
            endpoint=samples.odd.endpoint,
        )
    length = len(total if total is not None else degraded or [])
    total = [None] * length if total is None else total
    degraded = [None] * length if degraded is None else degraded
    samples.odd.read += length
    if not odd_totals and not odd_parts and _are_possible(total, degraded):
        return _Minutes(total, degraded, frozenset())
    impossible = {node.where: node.fail("a number").what for node in (*odd_totals, *odd_parts)}
    buckets = {int(where.rpartition("[")[2][:-1]) for where in impossible}
    for index, (whole, part) in enumerate(zip(total, degraded, strict=True)):
        reason = _why_impossible(whole, part)
        if reason is not None:
            name, words = reason
            impossible[f"{samples.where}.{name}[{index}]"] = words
            buckets.add(index)
        elif whole is not None and part is not None and part > whole:
            degraded[index] = whole
    for index in buckets:
        total[index] = degraded[index] = None
    for where, words in impossible.items():
        samples.odd.set_aside(where, words, samples.row)
    return _Minutes(total, degraded, frozenset(buckets))


def _are_possible(total: list[float | None], degraded: list[float | None]) -> bool:
    """Whether no bucket is negative, or has more degraded than there were: the usual case, without a look at each reason."""
    if None in total or None in degraded:
        known = [each for each in (*total, *degraded) if each is not None]
        return min(known, default=0.0) >= 0 and all(
            t is None or d is None or d <= t for t, d in zip(total, degraded, strict=True)
        )
    whole, part = cast("list[float]", total), cast("list[float]", degraded)
    return min(part, default=0.0) >= 0 and all(map(le, part, whole))


def _why_impossible(total: float | None, degraded: float | None) -> tuple[str, str] | None:
    """Which of two user-minutes of a bucket cannot be, and why."""
    for name, minutes in (("total", total), ("degraded", degraded)):
        if minutes is not None and minutes < 0:
            return name, f"user-minutes cannot be negative, got {minutes!r}"
    if total is None or degraded is None or degraded - total <= _ROUNDING * max(total, 1.0):
        return None
    return "degraded", f"{degraded!r} degraded user-minutes of {total!r} in total"


def _measurement(samples: Node, length: int) -> list[float | None]:
    """The raw measurement by bucket; null where it has none, or where it cannot be told which bucket it is of."""
    value, odd = samples.numbers("value")
    for node in odd:
        node.empty("a number")
    if value is None:
        return [None] * length
    if len(value) != length:
        found = f"{len(value)} measurements where there are {length} buckets of user-minutes"
        samples.odd.emptied_field(f"{samples.where}.value", found, samples.row)
        return [None] * length
    return value


def _classifier(node: Node, of: _Minutes) -> ClassifierSeries:
    """One cause; in buckets in which the metric itself is impossible it is null too."""
    spelling = node.text("name") or ""
    samples = node.object("samples")
    total: list[float | None] = []
    degraded: list[float | None] = []
    if samples is not None:
        own = _minutes(samples)
        total, degraded = own.total, own.degraded
        if total and len(total) != len(of.total):
            raise UnexpectedShape(
                f"{len(total)} buckets where the metric itself has {len(of.total)}",
                where=samples.where,
                endpoint=samples.odd.endpoint,
            )
        for index in of.impossible.intersection(range(len(total))):
            total[index] = degraded[index] = None
    return ClassifierSeries(normalise(spelling), spelling, degraded, total, _impact(node))


def _impact(node: Node) -> Impact:
    impact = node.object("impact")
    if impact is None:
        return Impact(None, None, None, None)
    return Impact(
        num_users=impact.count("num_users"),
        total_users=impact.count("total_users"),
        num_aps=impact.count("num_aps"),
        total_aps=impact.count("total_aps"),
    )


def _interval(holders: Sequence[Node], start: int, end: int, buckets: int) -> int:
    """Width of a bucket as the metric or else a cause says, else the usual width that fits the window."""
    for holder in holders:
        interval = holder.number("interval", least=1.0) if isinstance(holder.value, dict) else None
        if interval is not None and interval == int(interval):
            if buckets > _most_buckets(start, end, interval):
                reason = f"{buckets} buckets of {interval:g} s in a window of {end - start} s"
                raise UnexpectedShape(reason, where="sle.samples", endpoint=holder.odd.endpoint)
            return int(interval)
    if buckets == 0:
        return _WIDTHS[0]
    for width in _WIDTHS:
        if buckets in (_most_buckets(start, end, width) - 1, _most_buckets(start, end, width)):
            return width
    raise holders[0].child("interval").fail(f"a width in seconds (for {buckets} buckets in {end - start} s)")


def _most_buckets(start: int, end: int, width: float) -> int:
    """How many buckets a window can touch: one more than it is long, if it is not aligned."""
    return math.ceil((end - start) / width) + 1


def window_of(node: Node) -> tuple[int, int]:
    """Epoch seconds between which an answer lies."""
    start, end = int(node.required_moment("start")), int(node.required_moment("end"))
    if end < start:
        raise node.child("end").fail("an end after the start")
    return start, end


def _shares_pct(name: str, rows: Collection[Node]) -> list[float | None]:
    """A column of scores as percentages. The usual one, of numbers and gaps, costs one pass; only another is read node by node."""
    values = [row.value.get(name) for row in rows]
    if set(map(type, values)) <= _SHARES:
        shares = [value for value in values if value is not None]
        # A sum is no number where a share is none, whatever the least and the largest of them are.
        if not shares or (
            min(shares) >= _LEAST_SHARE and max(shares) <= _MOST_SHARE and math.isfinite(sum(shares))
        ):
            return [None if value is None else 100.0 * min(max(value, 0.0), 1.0) for value in values]
    return [_share_pct(row.child(name)) for row in rows]


def _share_pct(node: Node) -> float | None:
    """A score as percentage; one that cannot be is set aside, since a reading is lost with it."""
    if node.value is None:
        return None
    share = node.value if type(node.value) in (int, float) else math.nan
    if _LEAST_SHARE <= share <= _MOST_SHARE:
        return 100.0 * min(max(float(share), 0.0), 1.0)
    node.odd.set_aside_reading(node.where, node.fail("a score between 0 and 1").what, node.row)
    return None
