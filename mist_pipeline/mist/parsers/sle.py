"""Service levels: which metrics a site has, their buckets of user-minutes, and every site's score at once.

A score is ``100 · (1 − Σ degraded / Σ total)`` in user-minutes over the buckets that have both (nulls skipped). The raw
measurement beside it (``samples.value``) is never a score. No users is no score: neither 0 nor 100.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mist_pipeline.domain.metrics import CATALOGUE, canonical, normalise
from mist_pipeline.mist.errors import UnexpectedShape
from mist_pipeline.mist.parsers.reader import Node

_WIDTHS = (3600, 600, 60, 86_400)
_ROUNDING = 0.01
"""By how much degraded may exceed total, relative or in user-minutes, before it is no rounding."""
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


def parse_sle_metrics(document: Any) -> SleMetrics:
    """The metrics of a site. Of two spellings of one metric the catalogue's own is preferred, else the first.

    Raises:
        UnexpectedShape: A list that is none, or an entry that is no text.
    """
    node = Node(document, "sle_metrics")
    enabled = node.texts("enabled")
    spellings: dict[str, str] = {}
    for spelling in enabled:
        metric = canonical(spelling)
        if metric is not None and (metric not in spellings or normalise(spelling) == metric):
            spellings[metric] = spelling
    return SleMetrics(enabled, node.texts("supported"), spellings)


def parse_sle_summary(document: Any) -> SleSummary:
    """The buckets of one metric at one site.

    Raises:
        UnexpectedShape: A wrong type, arrays of unequal length, negative user-minutes, more degraded than total, more
            buckets than the window has room for.
    """
    node = Node(document, "sle_summary")
    sle = node.required("sle")
    samples = sle.required("samples")
    total, degraded, value = _columns(samples, ("total", "degraded", "value"))
    _check_minutes(samples, total, degraded)
    name = sle.text("name") or ""
    start, end = window_of(node)
    return SleSummary(
        name=name,
        metric=canonical(name),
        start=start,
        end=end,
        interval=_interval(node, start, end, len(total)),
        total=total,
        degraded=degraded,
        value=value,
        unit=sle.text("y_label") or None,
        impact=_impact(node),
        classifiers=tuple(_classifier(each, len(total)) for each in node.elements("classifiers")),
    )


def parse_sites_sle(*documents: Any) -> SitesSle:
    """The scores of all pages, one entry per site, the last one sent.

    Raises:
        UnexpectedShape: No list, a site without id, a score outside 0 to 1, pages of different windows.
    """
    if not documents:
        raise ValueError("the answer has at least one page")
    nodes = [Node(document, "sites_sle") for document in documents]
    windows = {window_of(node) for node in nodes}
    if len(windows) > 1:
        raise UnexpectedShape(
            f"pages of different windows: {sorted(windows)}", where="start", endpoint="sites_sle"
        )
    rows = {row.required_id("site_id"): row for node in nodes for row in node.required("results").items()}
    names = {name: canonical(name) for row in rows.values() for name in row.names() if name not in _COUNTS}
    scores: dict[str, list[float | None]] = {}
    # The catalogue's own spelling comes last, so that it wins where a site sends two.
    for name in sorted(names, key=lambda each: (normalise(each) in CATALOGUE, each)):
        metric = names[name]
        if metric is not None:
            column = [_share_pct(row.child(name)) for row in rows.values()]
            earlier = scores.get(metric, [None] * len(column))
            scores[metric] = [
                new if new is not None else old for new, old in zip(column, earlier, strict=True)
            ]
    start, end = windows.pop()
    return SitesSle(
        start=start,
        end=end,
        site_ids=list(rows),
        num_clients=[row.number("num_clients") for row in rows.values()],
        num_aps=[row.number("num_aps") for row in rows.values()],
        scores_pct=scores,
        unknown=frozenset(name for name, metric in names.items() if metric is None),
    )


def _columns(samples: Node, names: Sequence[str]) -> list[list[float | None]]:
    """Arrays of equal length; an absent one is all null."""
    found = {name: samples.numbers(name) for name in names}
    lengths = {name: len(column) for name, column in found.items() if column is not None}
    if len(set(lengths.values())) > 1:
        raise UnexpectedShape(
            f"arrays of unequal length: {lengths}", where=samples.where, endpoint=samples.endpoint
        )
    length = next(iter(lengths.values()), 0)
    return [[None] * length if column is None else column for column in found.values()]


def _check_minutes(samples: Node, total: list[float | None], degraded: list[float | None]) -> None:
    """No negative user-minutes; a rounding excess of degraded over total is cut off in place."""
    for index, (whole, part) in enumerate(zip(total, degraded, strict=True)):
        for name, minutes in (("total", whole), ("degraded", part)):
            if minutes is not None and minutes < 0:
                raise _at(samples, name, index, f"user-minutes cannot be negative, got {minutes!r}")
        if whole is not None and part is not None and part > whole:
            if part - whole > _ROUNDING * max(whole, 1.0):
                raise _at(samples, "degraded", index, f"{part!r} degraded user-minutes of {whole!r} in total")
            degraded[index] = whole


def _at(samples: Node, name: str, index: int, reason: str) -> UnexpectedShape:
    return UnexpectedShape(reason, where=f"{samples.where}.{name}[{index}]", endpoint=samples.endpoint)


def _classifier(node: Node, length: int) -> ClassifierSeries:
    spelling = node.text("name") or ""
    samples = node.object("samples")
    total: list[float | None] = []
    degraded: list[float | None] = []
    if samples is not None:
        total, degraded = _columns(samples, ("total", "degraded"))
        _check_minutes(samples, total, degraded)
        if total and len(total) != length:
            raise UnexpectedShape(
                f"{len(total)} buckets where the metric itself has {length}",
                where=samples.where,
                endpoint=samples.endpoint,
            )
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


def _interval(node: Node, start: int, end: int, buckets: int) -> int:
    """Width of a bucket as the document says, else the usual width that fits the window."""
    sle = node.child("sle")
    for holder in (sle, *node.elements("classifiers")):
        interval = holder.number("interval")
        if interval is not None:
            if interval < 1 or interval != int(interval):
                raise holder.child("interval").fail("a width in seconds")
            if buckets > _most_buckets(start, end, interval):
                reason = f"{buckets} buckets of {interval:g} s in a window of {end - start} s"
                raise UnexpectedShape(reason, where="sle.samples", endpoint=node.endpoint)
            return int(interval)
    if buckets == 0:
        return _WIDTHS[0]
    for width in _WIDTHS:
        if buckets in (_most_buckets(start, end, width) - 1, _most_buckets(start, end, width)):
            return width
    raise sle.child("interval").fail(f"a width in seconds (for {buckets} buckets in {end - start} s)")


def _most_buckets(start: int, end: int, width: float) -> int:
    """How many buckets a window can touch: one more than it is long, if it is not aligned."""
    return math.ceil((end - start) / width) + 1


def window_of(node: Node) -> tuple[int, int]:
    """Epoch seconds between which an answer lies."""
    start, end = int(node.required_moment("start")), int(node.required_moment("end"))
    if end < start:
        raise node.child("end").fail("an end after the start")
    return start, end


def _share_pct(node: Node) -> float | None:
    share = node.as_number()
    if share is None:
        return None
    if not -1e-6 <= share <= 1 + 1e-6:
        raise node.fail("a score between 0 and 1")
    return 100.0 * min(max(share, 0.0), 1.0)
