"""What one evaluation shows about each site and family: its findings gathered, and whether there were readings at all.

Frames in, one `Observation` for each site and family that matters now out; set-based, so that 3,000 sites cost what their
findings cost. Findings of kind ``correlation`` are no problem of their own but name the cause of others: they come out as
`Cause`.

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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Literal

import polars as pl

from mist_pipeline.alerts.lifecycle.model import Alert, Series, Source
from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.alerts.lifecycle.signals import EVIDENCE, HOUR, Key, Signal, signals
from mist_pipeline.domain.metrics import CATALOGUE

FAMILIES: Mapping[str, str] = {metric.name: metric.family for metric in CATALOGUE.values()}
"""Metric → family, for findings that do not bring their own."""

CORRELATION = "correlation"
COLLECTOR = "collector"
PIPELINE = "pipeline"
"""Families of the pipeline's own trouble begin with it: ``pipeline:daily``, ``pipeline:checks``."""

Visibility = Literal["ok", "idle", "missing"]
"""A reading, no users, or nothing: the last freezes."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """An excess of one series as this evaluation knows it.

    Attributes:
        series: Whose.
        began_at: Its first hour.
        last_bad_at: End of its last bad hour so far.
        recovery: 0 at a bad hour … 1 over.
        is_accepted: It is over because its level is the new normal.
    """

    series: Series
    began_at: datetime
    last_bad_at: datetime
    recovery: float
    is_accepted: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """What one evaluation shows about one site and family.

    Attributes:
        signal: Its findings, if any.
        visibility: Whether there were readings.
        is_supported: Something short of a finding holds an open alert: weak evidence, or a score not above the recovery
            line yet.
        episodes: Of the series of an alert; None where the evaluation does not follow any.
    """

    signal: Signal | None = None
    visibility: Visibility = "ok"
    is_supported: bool = False
    episodes: tuple[Episode, ...] | None = None


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
        is_collector_stopped: The collection itself is in trouble: sites are unknown, nothing recovers.
        supported: Problems that weak evidence holds.
        readings: As in `EvaluationInput`.
    """

    signals: Mapping[Key, Signal]
    is_collector_stopped: bool
    supported: frozenset[Key]
    readings: pl.DataFrame | None
    families: Mapping[str, str]
    margin: float
    episodes: pl.DataFrame | None = None
    second: Mapping[Key, Signal] = field(default_factory=dict)

    def of(self, alerts: Iterable[Alert]) -> dict[Key, Observation]:
        """An observation for each of these alerts and for each problem with findings."""
        held = {(alert.site_id, alert.family): alert for alert in alerts}
        below = self._below_line(held)
        followed = self._followed(held)
        return {
            key: Observation(
                self.signals.get(key),
                self.visibility(key),
                key in self.supported or held.get(key) in below,
                None if followed is None else followed.get(key, ()),
            )
            for key in sorted(held.keys() | self.signals.keys())
        }

    def _followed(self, held: Mapping[Key, Alert]) -> dict[Key, tuple[Episode, ...]] | None:
        """Episodes of the series of these alerts."""
        if self.episodes is None:
            return None
        wanted = [
            (site_id, family, one.metric, one.classifier, one.is_slow)
            for (site_id, family), alert in held.items()
            for one in alert.series
        ]
        key = {"site_id": pl.String, "family": pl.String, "metric": pl.String, "classifier": pl.String}
        names = pl.DataFrame(wanted, schema={**key, "is_slow": pl.Boolean}, orient="row")
        found: dict[Key, tuple[Episode, ...]] = {}
        rows = self.episodes.join(names, on=names.columns, how="semi", nulls_equal=True)
        for row in rows.sort(names.columns).iter_rows(named=True):
            where = (row["site_id"], row["family"])
            found[where] = (*found.get(where, ()), _episode(row))
        return found

    def visibility(self, key: Key) -> Visibility:
        """Whether there were readings of a site and family.

        A family without readings of its own (devices, health) counts as read where its site answered anything at all.
        """
        site_id, family = key
        if family == COLLECTOR or is_pipeline(family):
            return "ok"
        if self.is_collector_stopped:
            return "missing"
        if self.readings is None:
            return "ok"
        own, anything = self._answers
        if not site_id:
            return "ok" if anything else "missing"
        if family in self._read_families:
            return own.get(key, "missing")
        return "ok" if site_id in anything else "missing"

    @cached_property
    def _read_families(self) -> frozenset[str]:
        return frozenset(self.families.values())

    @cached_property
    def _answers(self) -> tuple[dict[Key, Visibility], frozenset[str]]:
        """What was seen of each site and family, and which sites answered anything."""
        assert self.readings is not None  # noqa: S101  (for the type checker; `observation` asks first)
        answered = (
            self.readings.lazy()
            .filter(pl.col("state").is_in(["ok", "no_users"]))
            .group_by("site_id", pl.col("metric").replace(dict(self.families)).alias("family"))
            .agg((pl.col("state") == "ok").any().alias("is_ok"))
            .collect()
        )
        own: dict[Key, Visibility] = {
            (site, family): "ok" if is_ok else "idle" for site, family, is_ok in answered.iter_rows()
        }
        return own, frozenset(answered["site_id"])

    def _below_line(self, held: Mapping[Key, Alert]) -> list[Alert | None]:
        """Alerts whose score has not risen above their recovery line."""
        lines = [
            (site_id, metric, family, line + self.margin)
            for (site_id, family), alert in held.items()
            for metric, line in alert.recovery_pct.items()
        ]
        if not lines or self.readings is None or "score_pct" not in self.readings.columns:
            return []
        below = (
            pl.DataFrame(lines, schema=["site_id", "metric", "family", "line"], orient="row")
            .join(self.readings.filter(pl.col("state") == "ok"), on=["site_id", "metric"])
            .filter(pl.col("score_pct") < pl.col("line"))
        )
        return [held[key] for key in below.select("site_id", "family").unique().iter_rows()]


def observe(
    evaluation: EvaluationInput, policy: Policy, families: Mapping[str, str] = FAMILIES
) -> Observations:
    """Gather an evaluation.

    Args:
        evaluation: The evaluation.
        policy: Which rules raise alerts, and after which hold.
        families: Metric → family, for readings and for findings without one.

    Raises:
        ValueError: A finding has an unknown severity.
    """
    found = _with_family(evaluation.findings.filter(pl.col("kind") != CORRELATION), families)
    supported = _keys(evaluation.support)
    is_second = (pl.col("kind") == EVIDENCE) & (
        pl.col("evidence").str.json_path_match("$.is_second") == "true"
    ).fill_null(value=False)
    return Observations(
        signals(found.filter(~is_second), supported, policy, evaluation.source, evaluation.episodes),
        bool(((found["kind"] == COLLECTOR) & (found["site_id"] == "")).any()),
        supported,
        evaluation.readings,
        families,
        policy.recovery_margin_pct,
        evaluation.episodes,
        signals(found.filter(is_second), supported, policy, evaluation.source, evaluation.episodes),
    )


def _episode(row: Mapping[str, Any]) -> Episode:
    return Episode(
        series=Series(row["metric"], row["classifier"], row["is_slow"]),
        began_at=row["began_at"],
        last_bad_at=row["last_bad_at"] + HOUR,
        recovery=row["recovery"],
        is_accepted=bool(row.get("is_accepted")),
    )


def causes(evaluation: EvaluationInput) -> list[Cause]:
    """Causes that sites share at this moment, by fingerprint.

    Raises:
        ValueError: A finding of kind correlation has evidence that is no JSON object with fingerprint and sites.
    """
    named: dict[str, Cause] = {}
    correlated = evaluation.findings.filter(pl.col("kind") == CORRELATION)
    family = "family" if "family" in correlated.columns else pl.lit("").alias("family")
    for where, text, evidence in correlated.select(family, "summary", "evidence").iter_rows():
        cause = _cause_of(where, text, evidence)
        named[cause.fingerprint] = cause
    if evaluation.causes is not None:
        shared = evaluation.causes.filter(pl.col("scope") == "infrastructure")
        columns = ("cause_fingerprint", "family", "attribute", "value", "cause", "site_ids")
        for fingerprint, where, attribute, value, text, site_ids in shared.select(columns).iter_rows():
            named[fingerprint] = Cause(
                fingerprint=fingerprint,
                family=where,
                attribute=attribute,
                value=value,
                text=text,
                site_ids=frozenset(site_ids),
            )
    return [named[name] for name in sorted(named)]


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
    if "family" in findings.columns:
        return findings
    return findings.with_columns(pl.col("metric").replace(dict(families)).alias("family"))


def _keys(support: pl.DataFrame | None) -> frozenset[Key]:
    if support is None:
        return frozenset()
    return frozenset(support.select("site_id", "family").unique().iter_rows())
