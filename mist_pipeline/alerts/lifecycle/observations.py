"""What evaluations show about each site and family: their findings gathered, and whether there were readings at all.

Frames in, one `Observation` for each site and family that matters now out; set-based, so that 3,000 sites cost what their
findings cost, and several evaluations at once, so that a month of hours does not cost 720 times the least that a query costs.
Findings of kind ``correlation`` are no problem of their own but name the cause of others: they come out as `Cause`.

>>> from datetime import UTC
>>> found = pl.DataFrame(
...     {"site_id": ["s1", "s1"], "metric": ["coverage", "coverage"], "kind": ["threshold", "evidence"],
...      "severity": ["warning", "major"], "family": ["radio", "radio"], "summary": ["Low.", "Bad."],
...      "evidence": ['{"threshold_pct": 80}', "{}"]}
... )
>>> evaluation = EvaluationInput(as_of=datetime(2026, 3, 2, 10, tzinfo=UTC), source="live", findings=found)
>>> signal = observe(evaluation, Policy()).signals["s1", "radio"]
>>> signal.kinds, signal.severity, signal.is_raising
(('evidence', 'threshold'), 'major', True)

Not here: what follows from an observation (`lifecycle`).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

import polars as pl

from mist_pipeline.alerts.lifecycle.levels import Level, Levels
from mist_pipeline.alerts.lifecycle.model import Alert, Series, Source
from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.alerts.lifecycle.seen import (
    MOMENT,
    Episode,
    Episodes,
    PolarsType,
    Readings,
    Visibility,
    numbered,
)
from mist_pipeline.alerts.lifecycle.signals import EVIDENCE, Key, Signal, known_episodes, signals
from mist_pipeline.domain.metrics import CATALOGUE

FAMILIES: Mapping[str, str] = {metric.name: metric.family for metric in CATALOGUE.values()}
"""Metric → family, for findings that do not bring their own."""

CORRELATION = "correlation"
COLLECTOR = "collector"
PIPELINE = "pipeline"
"""Families of the pipeline's own trouble begin with it: ``pipeline:daily``, ``pipeline:checks``."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class EvaluationInput:
    """One evaluation: an instant and what was known then.

    Attributes:
        as_of: The instant.
        source: daily (the analysis of a whole day), live (an hour or less), or pipeline (the pipeline's own state, which
            says nothing about any site and is evaluated beside the other two), or push (what the cloud pushed about some
            sites between two polls).
        findings: site_id, metric, kind, severity, summary, evidence (JSON); family where the table has it.
        readings: site_id, metric, state, score_pct of everything that was asked. A site and metric without a row did not
            answer. None: everything answered; for tests and sources that do not know.
        support: site_id, family of evidence too weak to raise an alert, which still holds one without episodes (rows of
            ``evidence_notable.notable`` that are not alarming); the recovery line of evidence. None: nothing.
        episodes: site_id, family, metric, classifier, is_slow, began_at, last_bad_at, recovery, is_accepted of the excesses
            that are known at this moment (``evidence.gates.episodes``). An alert about one of these series is over once its
            recovery is 1, or once it is not among them any more. None: alerts are judged by findings and readings alone.
        levels: site_id, family, metric, classifier, level_pct, is_notable of the newest two hours (``evidence.gates.levels``). None:
            nothing is known of them, and no alert becomes much worse.
        causes: ``analysis.incidents`` of this moment: cause_fingerprint, scope, family, attribute, value, cause,
            site_ids. None: causes come from findings of kind correlation alone.
        covers_from: From when on a daily evaluation speaks; a day before ``as_of`` unless given.
        site_count: Sites of the organisation, for storms; 0 if unknown.
        removed_sites: Sites that are no longer in the organisation: absent from two complete lists in a row.
        only: Sites and families of which alone it speaks; None: of all.
    """

    as_of: datetime
    source: Source
    findings: pl.DataFrame
    readings: pl.DataFrame | None = None
    support: pl.DataFrame | None = None
    episodes: pl.DataFrame | None = None
    levels: pl.DataFrame | None = None
    causes: pl.DataFrame | None = None
    covers_from: datetime | None = None
    site_count: int = 0
    removed_sites: frozenset[str] = frozenset()
    only: frozenset[Key] | None = None

    def __post_init__(self) -> None:
        if self.as_of.tzinfo is None:
            raise ValueError(f"an evaluation needs an instant with a zone, not {self.as_of}")

    @property
    def begins(self) -> datetime:
        """From when on it speaks."""
        return self.covers_from or self.as_of - _DAY if self.source == "daily" else self.as_of

    @property
    def is_of_all_sites(self) -> bool:
        """Whether all that is watched was looked at; the time between two of these counts as watched."""
        return self.source in {"live", "daily"}

    def is_about(self, key: Key) -> bool:
        """Whether it can say anything about a site and family."""
        if self.only is not None:
            return key in self.only
        return is_pipeline(key[1]) == (self.source == "pipeline")


def is_pipeline(family: str) -> bool:
    """Whether a family is the pipeline's own trouble."""
    return family.partition(":")[0] == PIPELINE


@dataclass(frozen=True, slots=True)
class Observation:
    """What one evaluation shows about one site and family.

    Attributes:
        signal: Its findings, if any.
        visibility: Whether there were readings.
        is_supported: Something short of a finding holds an open alert: weak evidence, or a score not above the recovery
            line yet.
        episodes: Of the series of an alert; None where the evaluation does not follow any.
        levels: How bad the newest two hours were of what blames what an alert blames.
    """

    signal: Signal | None = None
    visibility: Visibility = "ok"
    is_supported: bool = False
    episodes: tuple[Episode, ...] | None = None
    levels: tuple[Level, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A cause that sites share, as analysis named it at this moment."""

    fingerprint: str
    family: str
    attribute: str
    value: str
    text: str
    site_ids: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Observations:
    """Everything that one evaluation shows.

    Attributes:
        signals: Problem → findings about it.
        second: Problem → its second strongest excess, where that began later and blames another classifier.
        causes: What sites share at this moment, by fingerprint.
        seen: What this and other evaluations were gathered from.
        moment: Its number there.
        margin: Score above its line until which an alert is held.
    """

    signals: Mapping[Key, Signal]
    second: Mapping[Key, Signal]
    causes: Sequence[Cause]
    seen: "Gathered"
    moment: int
    margin: float

    def of(self, alerts: Iterable[Alert]) -> dict[Key, Observation]:
        """An observation for each of these alerts and for each problem with findings that raise an alert."""
        held = {(alert.site_id, alert.family): alert for alert in alerts}
        raising = {key for key, signal in self.signals.items() if signal.is_raising or key in self.second}
        return {key: self.about(key, held.get(key)) for key in sorted(held.keys() | raising)}

    def about(self, key: Key, alert: Alert | None) -> Observation:
        """An observation for one problem and its alert, if it has one."""
        return Observation(
            self.signals.get(key),
            self.visibility(key),
            key in self.seen.weak[self.moment] or self._is_below_line(alert),
            self._followed(key, alert),
            self.levels_of(key, _series_of(alert, self.signals.get(key))),
        )

    def _followed(self, key: Key, alert: Alert | None) -> tuple[Episode, ...] | None:
        """Episodes of the series of an alert."""
        if self.seen.evaluations[self.moment].episodes is None:
            return None
        series = () if alert is None else dict.fromkeys(alert.series)
        return tuple(
            episode
            for one in series
            for episode in self.seen.episodes.of_series(
                self.moment, key[0], self.seen.families.get(one.metric, key[1]), one
            )
        )

    def levels_of(self, key: Key, series: Sequence[Series]) -> tuple[Level, ...]:
        """How bad the newest two hours were of what blames what these series blame."""
        if not series:
            return ()
        return tuple(self.seen.levels.of_trouble(self.moment, key, series, self.seen.families))

    def visibility(self, key: Key) -> Visibility:
        """Whether there were readings of a site and family.

        A family without readings of its own (devices, health) counts as read where its site answered anything at all.
        """
        site_id, family = key
        moment = self.moment
        if family == COLLECTOR or is_pipeline(family):
            return "ok"
        if moment in self.seen.stopped:
            return "missing"
        if self.seen.evaluations[moment].readings is None:
            return "ok"
        readings = self.seen.readings
        if site_id and family in self.seen.read_families:
            return readings.of_family(moment, site_id, family)
        return "ok" if readings.has_anything(moment, site_id) else "missing"

    def _is_below_line(self, alert: Alert | None) -> bool:
        """Whether a score of an alert has not risen above its recovery line."""
        return alert is not None and any(
            self.seen.readings.is_below(self.moment, alert.site_id, metric, line + self.margin)
            for metric, line in alert.recovery_pct.items()
        )


def _series_of(alert: Alert | None, signal: Signal | None) -> tuple[Series, ...]:
    """What an alert that goes on is about, or what one that opens now would be."""
    if alert is not None and alert.is_active:
        return alert.series
    return () if signal is None else signal.series


@dataclass(frozen=True)
class Gathered:
    """Several evaluations, gathered before any policy has its say; every part when it is asked for first.

    Attributes:
        evaluations: In their order; each is a moment.
        families: Metric → family, for readings and for findings without one.
    """

    evaluations: Sequence[EvaluationInput]
    families: Mapping[str, str] = field(default_factory=lambda: FAMILIES)

    def under(self, policy: Policy) -> list[Observations]:
        """What each evaluation shows under a policy: which rules raise alerts, and after which hold.

        Raises:
            ValueError: A finding has an unknown severity, or one of kind correlation has evidence that is no JSON object with
                fingerprint and sites.
        """
        told = signals(self._found, self._notes, self._known, policy)
        return [
            Observations(
                told.get((moment, False), {}),
                told.get((moment, True), {}),
                causes,
                self,
                moment,
                policy.recovery_margin_pct,
            )
            for moment, causes in enumerate(self.causes)
        ]

    @cached_property
    def weak(self) -> Sequence[AbstractSet[Key]]:
        """Of each moment the problems that weak evidence holds."""
        weak: list[set[Key]] = [set() for _ in self.evaluations]
        for moment, site_id, family in self._notes.iter_rows():
            weak[moment].add((site_id, family))
        return weak

    @cached_property
    def readings(self) -> Readings:
        """What was read."""
        return Readings.of([one.readings for one in self.evaluations], self.families)

    @cached_property
    def episodes(self) -> Episodes:
        """The excesses that are known."""
        return Episodes.of([one.episodes for one in self.evaluations])

    @cached_property
    def levels(self) -> Levels:
        """How bad the newest hours were."""
        return Levels.of([one.levels for one in self.evaluations])

    @cached_property
    def causes(self) -> Sequence[Sequence[Cause]]:
        """Of each moment what sites share, by fingerprint."""
        return _causes(self._findings.filter(pl.col("kind") == CORRELATION), self.evaluations)

    @cached_property
    def stopped(self) -> AbstractSet[int]:
        """Moments at which the collection itself is in trouble: sites are unknown, nothing recovers."""
        is_stopped = (pl.col("kind") == COLLECTOR) & (pl.col("site_id") == "")
        return set(self._findings.filter(is_stopped)[MOMENT])

    @cached_property
    def read_families(self) -> AbstractSet[str]:
        """Families with readings of their own."""
        return set(self.families.values())

    @cached_property
    def _findings(self) -> pl.DataFrame:
        found = [_with_family(one.findings, self.families) for one in self.evaluations]
        return numbered(found, _FINDING)

    @cached_property
    def _found(self) -> pl.DataFrame:
        """Findings but those that name causes, as `signals` takes them."""
        found = self._findings.filter(pl.col("kind") != CORRELATION)
        sources = [self.evaluations[moment].source for moment in found[MOMENT]]
        is_second = pl.col("evidence").str.json_path_match("$.is_second") == "true"
        return found.with_columns(
            pl.Series("source", sources, pl.String),
            is_second=((pl.col("kind") == EVIDENCE) & is_second).fill_null(value=False),
        )

    @cached_property
    def _notes(self) -> pl.DataFrame:
        """moment, site_id, family of weak evidence, each once."""
        return numbered([one.support for one in self.evaluations], _KEY).unique()

    @cached_property
    def _known(self) -> pl.DataFrame:
        return known_episodes([one.episodes for one in self.evaluations])


def observe(
    evaluation: EvaluationInput, policy: Policy, families: Mapping[str, str] = FAMILIES
) -> Observations:
    """Gather one evaluation.

    Args:
        evaluation: The evaluation.
        policy: Which rules raise alerts, and after which hold.
        families: Metric → family, for readings and for findings without one.

    Raises:
        ValueError: A finding has an unknown severity, or one of kind correlation no fingerprint and sites.
    """
    return Gathered([evaluation], families).under(policy)[0]


def _causes(correlated: pl.DataFrame, evaluations: Sequence[EvaluationInput]) -> list[list[Cause]]:
    """Of each evaluation the causes that its findings of kind correlation and its candidate causes name."""
    named: list[dict[str, Cause]] = [{} for _ in evaluations]
    for moment, where, text, evidence in correlated.select(
        MOMENT, "family", "summary", "evidence"
    ).iter_rows():
        cause = _cause_of(where or "", text, evidence)
        named[moment][cause.fingerprint] = cause
    shared = numbered([one.causes for one in evaluations], _CAUSE).filter(pl.col("scope") == "infrastructure")
    for moment, _, fingerprint, family, attribute, value, text, site_ids in shared.iter_rows():
        named[moment][fingerprint] = Cause(
            fingerprint=fingerprint,
            family=family,
            attribute=attribute,
            value=value,
            text=text,
            site_ids=frozenset(site_ids),
        )
    return [[of[name] for name in sorted(of)] for of in named]


def _cause_of(family: str, text: str, evidence: str) -> Cause:
    try:
        content = json.loads(evidence)
        statistics = content.get("statistics") or {}
        if isinstance(statistics, str):
            statistics = json.loads(statistics)
        return Cause(
            fingerprint=str(content["cause_fingerprint"]),
            family=family or str(statistics.get("family", "")),
            attribute=str(statistics.get("attribute", "")),
            value=str(statistics.get("value", "")),
            text=text,
            site_ids=frozenset(map(str, content["site_ids"])),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"a correlation finding needs evidence with cause_fingerprint and site_ids: {error!r}"
        ) from error


def _with_family(findings: pl.DataFrame, families: Mapping[str, str]) -> pl.DataFrame:
    """Findings with a family; those that name causes have none of their own."""
    if "family" in findings.columns or findings.is_empty():
        return findings
    family = pl.col("metric").replace(dict(families))
    return findings.with_columns(family=pl.when(pl.col("kind") != CORRELATION).then(family))


_KEY = dict.fromkeys(("site_id", "family"), pl.String)
_FINDING = dict.fromkeys(
    ("site_id", "metric", "kind", "severity", "summary", "evidence", "family"), pl.String
)
_CAUSE: Mapping[str, PolarsType] = {
    **dict.fromkeys(("scope", "cause_fingerprint", "family", "attribute", "value", "cause"), pl.String),
    "site_ids": pl.List(pl.String),
}
