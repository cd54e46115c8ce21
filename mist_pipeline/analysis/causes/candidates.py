"""Candidate causes of a moment: which degraded sites have one cause in common, and which.

Here: flags of degraded sites → one row per cause, either shared by sites (scope ``infrastructure``) or a site's own
(scope ``site``), for a day, an hour or the live evaluation alike. Not here: the statistics of shared attributes
(``shared_attributes``), the words (``wording``), who counts as degraded (``flags``), and incidents, which are what
people are notified about (``alerts``) and refer to these by ``cause_fingerprint``. The table is ``analysis.incidents``.

>>> from datetime import date
>>> sites = pl.DataFrame(
...     {
...         "site_id": [f"s{number:02}" for number in range(20)],
...         "name": [f"Shop {number}" for number in range(20)],
...         "country_code": ["DE"] * 20,
...         "sitegroup_ids": [["North" if number < 8 else "South"] for number in range(20)],
...         "attributes": ["{}"] * 20,
...     }
... )
>>> flags = sites.select(
...     pl.lit(date(2026, 3, 2)).alias("day"),
...     "site_id",
...     pl.lit("time-to-connect").alias("metric"),
...     pl.lit("connect").alias("family"),
...     (pl.col("site_id") < "s08").alias("is_degraded"),
...     pl.when(pl.col("site_id") < "s08").then(pl.lit("dns")).alias("classifier"),
... )
>>> found = candidate_causes(flags, sites, base_rates(flags.clear()))
>>> found.select("scope", "attribute", "value", "cause").rows()
[('infrastructure', 'site_group', 'North', 'DNS at 8 of 8 sites of group North → DNS service of that group')]
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from mist_pipeline.analysis.causes.changes import Candidate, Changed, candidates
from mist_pipeline.analysis.causes.shared_attributes import (
    CHANGE,
    Array,
    Event,
    Explanation,
    Group,
    Mask,
    chance_tail,
    explanations,
    groups,
)
from mist_pipeline.analysis.causes.wording import change_words, shared_cause, site_cause
from mist_pipeline.analysis.stats.site_attributes import memberships
from mist_pipeline.domain.site_names import display_names, unnamed
from mist_pipeline.tables import analysis

ORGANISATION = "organisation"


@dataclass(frozen=True)
class CauseSettings:
    """When a cause is called shared.

    Attributes:
        alpha: Probability that a moment without any shared cause names one.
        min_sites: Degraded sites that a shared cause needs.
        min_share: Share of a group's judged sites that must be degraded.
        min_preceded: Share of a change's degraded sites that it must have come before.
        organisation_share: Share of all judged sites from which the whole organisation is named.
        classifier_share: Share of the degraded sites from which a classifier is named in words.
        prior_rate: Rate of degraded moments assumed where nothing is known.
        prior_moments: How many moments of history that assumption is worth.
    """

    alpha: float = 0.01
    min_sites: int = 3
    min_share: float = 0.5
    min_preceded: float = 0.8
    organisation_share: float = 0.5
    classifier_share: float = 0.5
    prior_rate: float = 0.03
    prior_moments: float = 10.0


def cause_fingerprint(scope: str, attribute: str, value: str, family: str) -> str:
    """Stable name of a cause: the same from a backfill, a replay and a live evaluation, whichever sites it hits."""
    return hashlib.sha256("\x1f".join((scope, attribute, value, family)).encode()).hexdigest()[:16]


def base_rates(flags: pl.DataFrame, settings: CauseSettings | None = None) -> pl.DataFrame:
    """How often each site and family was degraded, shrunk to the organisation's rate, that to ``prior_rate``.

    Args:
        flags: site_id, family, is_degraded of moments before the wanted one (bounded look-back is the caller's).
        settings: Prior.

    Returns:
        site_id, family, rate.
    """
    settings = settings or CauseSettings()
    worth, prior = settings.prior_moments, settings.prior_rate
    pooled = (pl.col("hits").sum() + worth * prior) / (pl.col("n").sum() + worth)
    moment = next(name for name in ("day", "hour", "as_of") if name in flags.columns)
    return (
        flags.group_by(moment, "site_id", "family")
        .agg(pl.col("is_degraded").any())
        .group_by("site_id", "family")
        .agg(pl.col("is_degraded").sum().cast(pl.Float64).alias("hits"), pl.len().alias("n"))
        .with_columns(pooled.over("family").alias("pooled"))
        .select(
            "site_id",
            "family",
            ((pl.col("hits") + worth * pl.col("pooled")) / (pl.col("n") + worth)).alias("rate"),
        )
        .sort("site_id", "family")
    )


def candidate_causes(
    flags: pl.DataFrame,
    sites: pl.DataFrame,
    rates: pl.DataFrame,
    *,
    moment: str = "day",
    names: Mapping[str, str] | None = None,
    changed: Changed | None = None,
    settings: CauseSettings | None = None,
) -> pl.DataFrame:
    """Candidate causes of every moment in ``flags``.

    Args:
        flags: ``moment``, site_id, metric, family, is_degraded, classifier (null or '' = none dominates); one row
            per site and metric that had data. A site without a row had none and is no evidence either way.
        sites: site_id, name, country_code, sitegroup_ids, attributes (``history.sites`` of one day; of several
            days the newest row of a site counts).
        rates: ``base_rates`` of earlier moments; a site that it does not know gets ``prior_rate``.
        moment: Column that says when: ``day``, ``hour`` or ``as_of``.
        names: Names of groups and templates by id, for the words.
        changed: What people changed, and since when sites are in trouble; None where nothing is known of it.
        settings: Thresholds.

    Returns:
        The columns of ``analysis.incidents`` with ``moment`` in place of ``day``, infrastructure first. p_value (corrected; null for scope ``site``) is that of
        ``shared_attributes.explanations``, for the whole organisation the binomial tail times the families.
        evidence is JSON: attribute, value, also (other names of the same sites), family, classifier,
        classifier_sites, degraded_in_group, group_size, degraded_total, judged_total, lift (the group's share of degraded sites over
        that of all), p_shared, p_chance, tests; where one came before it, change: change_id, kind, action, title, changed_at,
        minutes_before, sites_before, sites_hit.
    """
    settings = settings or CauseSettings()
    newest = sites.sort("day") if "day" in sites.columns else sites
    newest = newest.unique(subset=["site_id"], keep="last", maintain_order=True)
    context = _Context(
        settings,
        dict(names or {}),
        display_names(dict(newest.select("site_id", "name").iter_rows())),
        memberships(newest),
        {} if changed is None else candidates(changed, moment, settings.min_sites),
    )
    columns = analysis.INCIDENTS.polars_schema()
    schema = {moment: flags.schema[moment], **{name: columns[name] for name in columns if name != "day"}}
    rows = [
        {moment: when, **row}
        for when, site_ids, troubles in _troubles(flags, rates, moment, settings.prior_rate)
        for row in _causes(site_ids, troubles, context, when)
    ]
    order = pl.col("scope") != "infrastructure"
    return pl.DataFrame(rows, schema=schema).sort(moment, order, "family", "attribute", "value")


@dataclass
class _Context:
    """What does not change from one moment to the next."""

    settings: CauseSettings
    names: dict[str, str]
    site_labels: dict[str, str]
    members: pl.DataFrame
    changes: Mapping[Any, Sequence[Candidate]]
    _known: tuple[list[str], list[Group]] = ([], [])

    def groups_of(self, site_ids: list[str]) -> list[Group]:
        """Groups of these sites; from one moment to the next they are mostly the same sites."""
        if site_ids != self._known[0]:
            self._known = site_ids, groups(self.members, site_ids, self.settings.min_sites)
        return self._known[1]

    def changes_before(self, when: Any, trouble: "_Trouble", site_ids: list[str]) -> list[Group]:
        """Groups of sites with one change, which came before the trouble of nearly all that are in it; the nearest of each group."""
        nearest: dict[bytes, tuple[float, Group]] = {}
        place = {site_id: at for at, site_id in enumerate(site_ids)}
        for change in self.changes.get(when, ()):
            if change.family != trouble.family:
                continue
            members = np.zeros(len(site_ids), dtype=np.bool_)
            members[[place[site_id] for site_id in change.site_ids if site_id in place]] = True
            before, hit = _before(change, members & trouble.degraded, site_ids)
            if len(before) < max(self.settings.min_sites, self.settings.min_preceded * hit):
                continue
            group, key = (
                Group(((CHANGE, change.change_id),), members, change.family),
                np.packbits(members).tobytes(),
            )
            if key not in nearest or float(np.median(before)) < nearest[key][0]:
                nearest[key] = float(np.median(before)), group
        return [group for _, group in nearest.values()]

    def change_of(self, when: Any, one: Explanation) -> Candidate | None:
        """The change among what the sites of an explanation share."""
        named = {value for attribute, value in one.group.names if attribute == CHANGE}
        told = (
            change
            for change in self.changes.get(when, ())
            if change.change_id in named and change.family == one.event.family
        )
        return next(told, None)


@dataclass(frozen=True)
class _Trouble:
    """One family at one moment, over the sites of that moment."""

    family: str
    judged: Mask
    degraded: Mask
    rate: Array
    classifier: list[str]
    metrics: list[list[str]]


def _before(change: Candidate, hit: Mask, site_ids: list[str]) -> tuple[list[float], int]:
    """Minutes by which a change came before the trouble at each of these sites, and how many sites there are."""
    there = [site_ids[at] for at in map(int, np.flatnonzero(hit))]
    return [change.minutes_before[one] for one in there if one in change.minutes_before], len(there)


def _causes(
    site_ids: list[str], troubles: Sequence[_Trouble], context: _Context, when: Any
) -> list[dict[str, Any]]:
    """Rows of one moment."""
    settings = context.settings
    changes = [group for trouble in troubles for group in context.changes_before(when, trouble, site_ids)]
    found = explanations(
        [event for trouble in troubles for event in _events(trouble, settings.min_sites)],
        [*context.groups_of(site_ids), *changes],
        settings.alpha,
        settings.min_sites,
        settings.min_share,
    )
    rows: list[dict[str, Any]] = []
    for trouble in troubles:
        own = [one for one in found if one.event.family == trouble.family]
        organisation = _whole_organisation(trouble, own, len(troubles), context)
        if organisation is not None:
            own = [organisation]
        explained = np.zeros(len(site_ids), dtype=np.bool_)
        for one in own:
            rows.append(_shared_row(one, trouble, site_ids, context, when))
            explained |= one.group.members
        rows.extend(
            _site_row(site_ids[i], trouble, i, context)
            for i in map(int, np.flatnonzero(trouble.degraded & ~explained))
        )
    return rows


def _troubles(
    flags: pl.DataFrame, rates: pl.DataFrame, moment: str, prior_rate: float
) -> Iterator[tuple[Any, list[str], list[_Trouble]]]:
    """Every moment with a degraded site, its sites in order, and its trouble by family, in their order."""
    degraded = flags.filter(pl.col("is_degraded"))
    key = [moment, "family"]
    # Moments without one, and families that are well, are not looked at any further.
    there = (
        flags.join(degraded.select(moment).unique(), on=moment, how="semi")
        .select(moment, "site_id")
        .unique()
        .sort(moment, "site_id")
        .with_columns(place=pl.int_range(pl.len()).over(moment))
    )
    judged = (
        flags.join(degraded.select(key).unique(), on=key, how="semi")
        .select(*key, "site_id")
        .unique()
        .join(there, on=[moment, "site_id"])
        .join(rates.select("site_id", "family", "rate"), on=["site_id", "family"], how="left")
        .join(_hits(degraded, [*key, "site_id"]), on=[*key, "site_id"], how="left")
        .with_columns(pl.col("rate").fill_null(prior_rate), pl.col("is_degraded").fill_null(value=False))
        .sort(*key, "place")
    )
    families = iter(judged.partition_by(key, as_dict=True, maintain_order=True).items())
    waiting = next(families, None)
    for (when,), frame in there.partition_by(moment, as_dict=True, maintain_order=True).items():
        troubles = []
        while waiting is not None and waiting[0][0] == when:
            troubles.append(_trouble(str(waiting[0][1]), waiting[1], frame.height))
            waiting = next(families, None)
        yield when, frame["site_id"].to_list(), troubles


def _hits(degraded: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Of every degraded site and family the classifier that most of its metrics blame, and these metrics."""
    blamed = (
        degraded.filter(pl.col("classifier").fill_null("") != "")
        .group_by(*key, "classifier")
        .len()
        .sort("len", "classifier", descending=[True, False])
        .unique(key, keep="first", maintain_order=True)
        .drop("len")
    )
    return (
        degraded.group_by(key)
        .agg(pl.lit(value=True).alias("is_degraded"), pl.col("metric").unique().sort().alias("metrics"))
        .join(blamed, on=key, how="left")
    )


def _trouble(family: str, rows: pl.DataFrame, num_sites: int) -> _Trouble:
    """One family over the sites of a moment: which had data, which are degraded, by what, in which metrics."""
    places, is_degraded = rows["place"].to_numpy(), rows["is_degraded"].to_numpy()
    judged, degraded = np.zeros(num_sites, dtype=np.bool_), np.zeros(num_sites, dtype=np.bool_)
    rate = np.zeros(num_sites)
    judged[places] = True
    degraded[places] = is_degraded
    rate[places] = rows["rate"].to_numpy()
    classifier, metrics = [""] * num_sites, [list[str]() for _ in range(num_sites)]
    hit = np.flatnonzero(is_degraded)
    blamed, levels = (rows[name].gather(hit).to_list() for name in ("classifier", "metrics"))
    for row, name, some in zip(hit, blamed, levels, strict=True):
        classifier[places[row]], metrics[places[row]] = name or "", some
    return _Trouble(family, judged, degraded, rate, classifier, metrics)


def _events(trouble: _Trouble, min_sites: int) -> list[Event]:
    """The family's trouble as a whole and, where enough sites share one, by classifier; the same sites only once."""
    classifier = np.array(trouble.classifier, dtype=object)
    events: list[Event] = []
    seen: set[bytes] = set()
    for name in [*sorted({*trouble.classifier} - {""}), ""]:
        degraded = trouble.degraded & (classifier == name) if name else trouble.degraded
        key = np.packbits(degraded).tobytes()
        if degraded.sum() >= min_sites and key not in seen:
            seen.add(key)
            events.append(Event(trouble.family, name, trouble.judged, degraded, trouble.rate))
    return events


def _whole_organisation(
    trouble: _Trouble, own: list[Explanation], families: int, context: _Context
) -> Explanation | None:
    """The organisation as the explanation, if most sites outside the shared causes are degraded, too."""
    settings = context.settings
    rest = trouble.judged.copy()
    for one in own:
        rest &= ~one.group.members
    hits = int((trouble.degraded & rest).sum())
    if hits < max(settings.min_sites, settings.organisation_share * int(rest.sum())):
        return None
    p_chance = chance_tail(trouble.rate[rest], hits)
    p_value = min(p_chance * families, 1.0)
    if p_value > settings.alpha:
        return None
    event = Event(trouble.family, "", trouble.judged, trouble.degraded, trouble.rate)
    everyone = Group(((ORGANISATION, ""),), np.ones(len(trouble.judged), dtype=np.bool_))
    return Explanation(event, everyone, p_value, 1.0, p_chance, families)


def _shared_row(
    one: Explanation, trouble: _Trouble, site_ids: list[str], context: _Context, when: Any
) -> dict[str, Any]:
    """Row of a cause that sites share; its sites are the degraded ones of the group."""
    attribute, value = one.group.names[0]
    inside = one.group.members & trouble.judged
    hit = np.flatnonzero(inside & trouble.degraded)
    classifier, classifier_sites = _dominant(
        [trouble.classifier[i] for i in hit], context.settings.classifier_share
    )
    evidence = {
        "attribute": attribute,
        "value": value,
        "also": [list(name) for name in one.group.names[1:]],
        "family": trouble.family,
        "classifier": classifier,
        "classifier_sites": classifier_sites,
        "degraded_in_group": len(hit),
        "group_size": int(inside.sum()),
        "degraded_total": int(trouble.degraded.sum()),
        "judged_total": int(trouble.judged.sum()),
        "lift": round(
            len(hit) * int(trouble.judged.sum()) / (int(inside.sum()) * int(trouble.degraded.sum())), 2
        ),
        "p_shared": one.p_shared,
        "p_chance": one.p_chance,
        "tests": one.tests,
    }
    words, change = "", context.change_of(when, one)
    if change is not None:
        before, sites_hit = _before(change, inside & trouble.degraded, site_ids)
        minutes = float(np.median(before))
        words = change_words(change, minutes, len(before), sites_hit)
        evidence["change"] = {
            "change_id": change.change_id,
            "kind": change.kind,
            "action": change.action,
            "title": change.title,
            "changed_at": change.changed_at.isoformat(),
            "minutes_before": round(minutes, 1),
            "sites_before": len(before),
            "sites_hit": sites_hit,
        }
    return {
        "cause_fingerprint": cause_fingerprint("infrastructure", attribute, value, trouble.family),
        "scope": "infrastructure",
        "metrics": sorted({metric for i in hit for metric in trouble.metrics[i]}),
        "site_ids": [site_ids[i] for i in hit],
        "cause": shared_cause(
            attribute,
            value,
            family=trouble.family,
            classifier=classifier,
            degraded=len(hit),
            judged=int(inside.sum()),
            names=context.names,
            change=words,
        ),
        "evidence": json.dumps(evidence, sort_keys=True),
        "p_value": one.p_value,
        "family": trouble.family,
        "attribute": attribute,
        "value": value,
        "classifier": classifier,
    }


def _site_row(site_id: str, trouble: _Trouble, at: int, context: _Context) -> dict[str, Any]:
    """Row of a cause that is one site's own."""
    classifier = trouble.classifier[at]
    evidence = {
        "attribute": "site",
        "value": site_id,
        "family": trouble.family,
        "classifier": classifier,
        "degraded_total": int(trouble.degraded.sum()),
        "judged_total": int(trouble.judged.sum()),
    }
    return {
        "cause_fingerprint": cause_fingerprint("site", "site", site_id, trouble.family),
        "scope": "site",
        "metrics": trouble.metrics[at],
        "site_ids": [site_id],
        "cause": site_cause(context.site_labels.get(site_id) or unnamed(site_id), trouble.family, classifier),
        "evidence": json.dumps(evidence, sort_keys=True),
        "p_value": None,
        "family": trouble.family,
        "attribute": "site",
        "value": site_id,
        "classifier": classifier,
    }


def _dominant(classifiers: list[str], share: float) -> tuple[str, int]:
    """The classifier of at least this share of the sites and how many they are, else '' and 0."""
    counts = {name: classifiers.count(name) for name in sorted(set(classifiers)) if name}
    best = max(counts, key=lambda name: counts[name], default="")
    if not best or counts[best] < share * len(classifiers):
        return "", 0
    return best, counts[best]
