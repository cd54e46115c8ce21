"""Detection: the one recipe from the frames of a span to findings.

The steps are the same for the daily analysis, for the live evaluation and for a replay of closed hours:

1. Gates: which evidence is significant, large and corroborated (``evidence.gates``).
2. Flags: which sites are degraded, in which service level (``causes.flags``).
3. Candidate causes: what the degraded sites share, beyond how often they are degraded anyway (``causes.candidates``).
4. Findings: what every rule saw (``findings``).

What differs between the three, and nothing else does:

================  =====================  ==============================  ==========================
step              day                    live evaluation                 closed hours (replay)
================  =====================  ==============================  ==========================
moment            ``day``                ``as_of``: the instant          ``as_of``: end of each hour
flags from        scores, deviations     evidence of the newest hour     evidence of each hour
base rates        28 days before         one prior for all sites         one prior for all sites
causes sought     always                 always                          where enough sites alarm
findings see      the day's rows         the newest rows within `FRESH`  the hour's rows
================  =====================  ==============================  ==========================

Silence of a site is a flag in all three. By the hour every site starts from the same prior: how often it is degraded
at that hour is already in its surprise.

Here: the order of the steps and these differences. Not here: the steps themselves, reading frames from the warehouse
(``workflows.analysis``), and what becomes of findings (``alerts``).

>>> from datetime import UTC
>>> from mist_pipeline.tables import history
>>> hours = pl.DataFrame(
...     {
...         "hour": [datetime(2026, 3, 2, 11, tzinfo=UTC)],
...         "site_id": ["s1"],
...         "metric": ["capacity"],
...         "state": ["ok"],
...         "score_pct": [61.2],
...         "severity": ["critical"],
...     }
... )
>>> evidence, sites = tables.EVIDENCE.empty(), history.SITES.empty()
>>> detected = detect_hours(SpanFrames(readings=hours), evidence, sites, date(2026, 3, 2), DetectionRules())
>>> detected.findings.select(pl.col("as_of").dt.hour(), "kind", "summary").rows()
[(12, 'threshold', 'capacity 61.2 %: critical (below 70 %).')]
>>> detected.causes.height  # one site in trouble shares nothing
0
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import polars as pl

from mist_pipeline.analysis.causes.candidates import base_rates, candidate_causes
from mist_pipeline.analysis.causes.changes import Changed
from mist_pipeline.analysis.causes.flags import daily_flags, evidence_flags, silence_flags
from mist_pipeline.analysis.evidence.gates import NotableOptions, episodes, levels, notable, silent_hours
from mist_pipeline.analysis.findings.findings import findings, hourly_findings, live_findings
from mist_pipeline.analysis.findings.inputs import FindingInputs, SpanFrames
from mist_pipeline.analysis.findings.series_rules import FindingRules
from mist_pipeline.tables import analysis as tables

BASE_RATE_DAYS = 28
"""Look-back of how often sites are degraded anyway."""

MIN_ALARMING_SITES = 3
"""Closed hours with fewer sites in trouble are not searched for causes: so few share nothing beyond chance."""

HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class DetectionRules:
    """What detection takes from the configuration.

    Attributes:
        findings: What fires a rule; its families are those of evidence and flags as well.
        names: Names of groups and templates by id, for the words of causes.
        gates: What evidence must show.
    """

    findings: FindingRules = field(default_factory=FindingRules)
    names: Mapping[str, str] = field(default_factory=dict)
    gates: NotableOptions = field(default_factory=NotableOptions)


@dataclass(frozen=True, kw_only=True)
class Detected:
    """What was detected at one or more moments; every frame begins with ``as_of`` or has it as a column.

    Attributes:
        notable: Evidence that passed its gate, as ``evidence.gates.notable``.
        flags: as_of, site_id, metric, family, is_degraded, classifier.
        causes: as_of and the columns of ``analysis.incidents`` after ``day``.
        findings: As ``live.findings``.
        episodes: as_of and the columns of ``evidence.gates.episodes``: since when, until when, and how far recovered.
        levels: as_of and the columns of ``evidence.gates.levels``: how bad the newest two hours were.
        silent: ``evidence.gates.silent_hours``: what users lost where a site was silent.
    """

    notable: pl.DataFrame
    flags: pl.DataFrame
    causes: pl.DataFrame
    findings: pl.DataFrame
    episodes: pl.DataFrame
    levels: pl.DataFrame
    silent: pl.DataFrame

    @property
    def losses(self) -> pl.DataFrame:
        """What users lost, of every episode and silent hour: hour, site_id, family, began_at, last_bad_at, lost_user_minutes."""
        return losses(self.episodes, self.silent)

    @property
    def support(self) -> pl.DataFrame:
        """Evidence too weak for a finding, which still holds an open alert: as_of, site_id, family."""
        return self.notable.filter(~pl.col("is_alarming")).select("as_of", "site_id", "family")


def losses(running: pl.DataFrame, silent: pl.DataFrame) -> pl.DataFrame:
    """What users lost, of every episode and silent hour, in the columns of `silent`."""
    return pl.concat([running.select(silent.columns), silent], how="vertical_relaxed")


def flags_of_days(frames: SpanFrames, evidence: pl.DataFrame, rules: DetectionRules) -> pl.DataFrame:
    """Which sites are degraded on each day: day, site_id, metric, family, is_degraded, classifier.

    Args:
        frames: readings, deviations, classifiers and sites of the days.
        evidence: ``analysis.evidence`` of the days and of the day before the first.
        rules: Families.

    Raises:
        ValueError: One of the frames is not given.
    """
    readings, deviations, classifiers, sites = (
        frames.readings,
        frames.deviations,
        frames.classifiers,
        frames.sites,
    )
    if readings is None or deviations is None or classifiers is None or sites is None:
        raise ValueError("flags of days need readings, deviations, classifiers and sites")
    return pl.concat(
        [
            daily_flags(readings, deviations, classifiers, rules.findings.families),
            silence_flags(notable(evidence, rules.findings.families, rules.gates), sites),
        ]
    )


def onsets_of_days(evidence: pl.DataFrame, flags: pl.DataFrame, rules: DetectionRules) -> pl.DataFrame:
    """Since when sites are in trouble, as each day knows at its end: day, site_id, family, began_at.

    Args:
        evidence: ``analysis.evidence`` of the days and of the day before the first.
        flags: As `flags_of_days` gives them.
        rules: Families.
    """
    days = evidence.select("hour", "day").unique()
    last = silent_since(silent_hours(evidence)).join(days, on="hour").sort("hour")
    last = last.unique(["day", "site_id"], keep="last", maintain_order=True)
    return _onsets(episodes_of_days(evidence, rules), last, flags, "day")


def silent_since(silent: pl.DataFrame) -> pl.DataFrame:
    """``evidence.gates.silent_hours`` with ``began_at`` of the run of silent hours that each belongs to."""
    is_new = (pl.col("hour").diff() != HOUR).fill_null(value=True)
    ordered = silent.sort("site_id", "hour").with_columns(run=is_new.cum_sum().over("site_id"))
    return ordered.with_columns(began_at=pl.col("hour").first().over("site_id", "run")).drop("run")


def _onsets(running: pl.DataFrame, silent: pl.DataFrame, flags: pl.DataFrame, moment: str) -> pl.DataFrame:
    """When the trouble of each flagged site and family began: of silence, and of the episode of what its flag blames.

    An older or slower episode of the same metric is another trouble; it counts where there is no other.
    """
    columns = [moment, "site_id", "family", "began_at"]
    bad = flags.filter("is_degraded").select(moment, "site_id", "family", "metric", blamed="classifier")
    is_blamed = pl.col("classifier") == pl.col("blamed").fill_null("")
    episodes_of_bad = (
        running.drop("family")
        .join(bad, on=[moment, "site_id", "metric"])
        .sort(is_blamed, ~pl.col("is_slow"), "lost_user_minutes", descending=True, nulls_last=True)
        .unique([moment, "site_id", "family"], keep="first", maintain_order=True)
    )
    parts = [episodes_of_bad.select(columns), silent.select(columns)]
    return pl.concat(parts, how="vertical_relaxed").sort(columns)


def causes_of_days(
    flags: pl.DataFrame,
    sites: pl.DataFrame,
    days: Sequence[date],
    rules: DetectionRules,
    changed: Changed | None = None,
) -> pl.DataFrame:
    """``analysis.incidents`` of days, each against how often sites were degraded in the `BASE_RATE_DAYS` before it.

    Args:
        flags: As `flags_of_days` gives them, of the days and `BASE_RATE_DAYS` before the first.
        sites: ``history.sites`` of the days.
        days: Days to search.
        rules: Names.
        changed: What people changed before and on these days, with `onsets_of_days`; None where nothing is known of it.
    """
    found = [tables.INCIDENTS.empty()]
    for day in days:
        first = day - timedelta(days=BASE_RATE_DAYS)
        earlier = flags.filter(pl.col("day").is_between(first, day, closed="left"))
        of_day, here = (frame.filter(pl.col("day") == day) for frame in (flags, sites))
        found.append(candidate_causes(of_day, here, base_rates(earlier), names=rules.names, changed=changed))
    return pl.concat(found, how="diagonal_relaxed")


def findings_of_days(
    frames: SpanFrames,
    evidence: pl.DataFrame,
    causes: pl.DataFrame,
    days: Sequence[date],
    rules: DetectionRules,
) -> pl.DataFrame:
    """``analysis.findings`` of days.

    Args:
        frames: Of the days.
        evidence: ``analysis.evidence`` of the days and of the day before the first.
        causes: ``analysis.incidents`` of the days.
        days: Days whose findings are wanted.
        rules: What fires a rule.
    """
    gated = notable(evidence, rules.findings.families, rules.gates)
    return findings(_inputs(frames, gated, causes), days, rules.findings)


def detect_now(
    frames: SpanFrames,
    evidence: pl.DataFrame,
    newest_hours: pl.DataFrame,
    sites: pl.DataFrame,
    as_of: datetime,
    rules: DetectionRules,
    changes: pl.DataFrame | None = None,
) -> Detected:
    """What the live evaluation detects at an instant.

    Args:
        frames: Live frames; of each the newest rows not after the instant count.
        evidence: ``analysis.evidence`` of the newest closed hours.
        newest_hours: hour, site_id, metric, state of the newest closed hour: who can be degraded in it.
        sites: ``history.sites``; of each site its newest row counts.
        as_of: The instant.
        rules: What fires a rule.
        changes: ``history.changes`` of the last days, those of today included; None where nothing is known of them.
    """
    gated = notable(evidence, rules.findings.families, rules.gates)
    at = pl.lit(as_of, pl.Datetime("us", "UTC")).alias("as_of")
    newest = gated.filter(pl.col("hour") == newest_closed_hour(as_of)).with_columns(at)
    instants = pl.select(at)["as_of"]
    flags = _flags_of_hours(newest, newest_hours.with_columns(at), sites, instants, rules)
    hour = evidence.filter(pl.col("hour") == newest_closed_hour(as_of))
    running = episodes(hour, rules.findings.families).with_columns(at)
    two_hours = evidence.filter(pl.col("hour") >= newest_closed_hour(as_of) - HOUR)
    level = levels(two_hours, rules.findings.families, rules.gates)
    # A silence that goes on since before the first of these hours began nobody knows when.
    first = pl.lit(evidence["hour"].min(), evidence.schema["hour"])
    silent = silent_since(silent_hours(evidence)).filter(pl.col("began_at") > first)
    quiet = silent.filter(pl.col("hour") == newest_closed_hour(as_of)).with_columns(at)
    causes = _causes_of_hours(flags, sites, rules, _changed(changes, running, quiet, flags))
    found = live_findings(_inputs(frames, gated, causes), as_of, rules.findings)
    return Detected(
        notable=newest,
        flags=flags,
        causes=causes,
        findings=found,
        episodes=running,
        levels=level.filter(pl.col("hour") == newest_closed_hour(as_of)).with_columns(at),
        silent=silent_hours(evidence),
    )


def detect_hours(
    frames: SpanFrames,
    evidence: pl.DataFrame,
    sites: pl.DataFrame,
    first: date,
    rules: DetectionRules,
    min_alarming_sites: int = MIN_ALARMING_SITES,
    changes: pl.DataFrame | None = None,
) -> Detected:
    """What was to be detected at the end of every closed hour from a day on, from these hours alone.

    Args:
        frames: Hourly frames; ``readings`` (hour, site_id, metric, state, score_pct, severity) must be among them.
        evidence: ``analysis.evidence`` of the days and of the day before the first.
        sites: ``history.sites``; of each site its newest row counts.
        first: First day.
        rules: What fires a rule.
        min_alarming_sites: Hours with fewer sites with alarming evidence are not searched for causes.
        changes: ``history.changes`` of the days and of some before; None where nothing is known of them.

    Raises:
        ValueError: The frames have no readings.
    """
    if frames.readings is None:
        raise ValueError("closed hours need readings")
    end = (pl.col("hour") + HOUR).alias("as_of")
    gated = (
        notable(evidence, rules.findings.families, rules.gates)
        .filter(pl.col("day") >= first)
        .with_columns(end)
    )
    alarming = gated.filter("is_alarming").group_by("as_of").agg(pl.col("site_id").n_unique())
    wanted = alarming.filter(pl.col("site_id") >= min_alarming_sites)["as_of"].sort()
    judged, there = (
        frame.filter(pl.col("as_of").is_in(wanted.implode()))
        for frame in (frames.readings.with_columns(end), gated)
    )
    flags = _flags_of_hours(there, judged, sites, wanted, rules)
    running = episodes(evidence.filter(pl.col("day") >= first), rules.findings.families).with_columns(end)
    searched = pl.col("as_of").is_in(wanted.implode())
    quiet = silent_since(silent_hours(evidence)).with_columns(end)
    causes = _causes_of_hours(
        flags, sites, rules, _changed(changes, running.filter(searched), quiet.filter(searched), flags)
    )
    found = hourly_findings(_inputs(frames, gated, causes), rules.findings)
    return Detected(
        notable=gated,
        flags=flags,
        causes=causes,
        findings=found,
        episodes=running,
        levels=levels(evidence, rules.findings.families, rules.gates).with_columns(end),
        silent=silent_hours(evidence.filter(pl.col("day") >= first)),
    )


def episodes_of_days(evidence: pl.DataFrame, rules: DetectionRules) -> pl.DataFrame:
    """What each day knows at its end of the newest episode of every series: day and the columns of ``episodes``.

    Args:
        evidence: ``analysis.evidence`` of the days.
        rules: Families.
    """
    days = evidence.select("hour", "day").unique()
    hourly = episodes(evidence, rules.findings.families).join(days, on="hour")
    key = ["day", "site_id", "family", "metric", "classifier", "is_slow"]
    return hourly.sort("hour").unique(subset=key, keep="last").sort(key)


def newest_closed_hour(as_of: datetime) -> datetime:
    """Start of the newest hour that was over at an instant."""
    return as_of.replace(minute=0, second=0, microsecond=0) - HOUR


def _flags_of_hours(
    gated: pl.DataFrame, hours: pl.DataFrame, sites: pl.DataFrame, instants: pl.Series, rules: DetectionRules
) -> pl.DataFrame:
    """Which sites are degraded at each instant; ``gated`` and ``hours`` with ``as_of``."""
    gated = gated.filter(~pl.col("is_second"))
    answered = hours.filter(pl.col("state") == "ok")
    everywhere = instants.to_frame().join(sites.select("site_id"), how="cross")
    return pl.concat(
        [
            evidence_flags(gated, answered, rules.findings.families),
            silence_flags(gated, everywhere, moment="as_of"),
        ]
    )


def _changed(
    changes: pl.DataFrame | None, running: pl.DataFrame, silent: pl.DataFrame, flags: pl.DataFrame
) -> Changed | None:
    """Changes with the onsets of each instant."""
    return None if changes is None else Changed(changes, _onsets(running, silent, flags, "as_of"))


def _causes_of_hours(
    flags: pl.DataFrame, sites: pl.DataFrame, rules: DetectionRules, changed: Changed | None
) -> pl.DataFrame:
    """Candidate causes of each instant, with the prior as every site's base rate."""
    return candidate_causes(
        flags, sites, base_rates(flags.clear()), names=rules.names, moment="as_of", changed=changed
    )


def _inputs(frames: SpanFrames, gated: pl.DataFrame, causes: pl.DataFrame) -> FindingInputs:
    """What the rules look at."""
    return FindingInputs(**vars(frames), notable=gated, causes=causes)
