"""What the ledger says: what is open and what next, what began and ended, what was over before it was noticed.

Each is told once. Not here: reading the ledger (``overview``), what candidate causes say (`causes`).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import polars as pl

from mist_pipeline.domain.severity import rank
from mist_pipeline.domain.site_names import display_names
from mist_pipeline.domain.text import clean, count, duration, safe_url
from mist_pipeline.overview.morning import IncidentTold, Morning
from mist_pipeline.report.document.formatting import local, period, stamp
from mist_pipeline.report.document.incident_model import (
    Change,
    IncidentSite,
    Ledger,
    Notified,
    OpenIncident,
    PastIncident,
    PastSite,
    Ticket,
)
from mist_pipeline.report.document.model import CandidateCause, Site
from mist_pipeline.report.document.series import score_series
from mist_pipeline.report.queries.data import ReportData
from mist_pipeline.report.queries.frames import of_day, score

_ORGANISATION = "The whole organisation"
_MAX_NAMED = 3


def ledger(
    data: ReportData, sites: Mapping[str, Site], causes: Sequence[CandidateCause] | None
) -> Ledger | None:
    """The ledger as it was when the report was made; None where it was not asked.

    Args:
        data: The report's frames.
        sites: The sites of the document by id; an incident may be of a site that is no more.
        causes: Candidate causes, for how sure a shared one is.
    """
    morning = data.ledger
    if morning is None:
        return None
    is_known = not morning.trouble
    return Ledger(
        read_at=stamp(morning.at),
        since=stamp(morning.since),
        evaluated_at=None if morning.evaluated_at is None else stamp(morning.evaluated_at),
        trouble=clean(morning.trouble) or None,
        open=_open(data, morning, sites, causes or []) if is_known else None,
        changes=_changes(data, morning, sites) if is_known else None,
    )


def _open(
    data: ReportData, morning: Morning, sites: Mapping[str, Site], causes: Iterable[CandidateCause]
) -> list[OpenIncident]:
    names = _names(morning.open, sites)
    chance = {cause["cause_fingerprint"]: cause["p_value"] for cause in causes}
    leading = {one.incident.incident_id: one.problems[0] for one in morning.open if one.problems}
    series = pl.DataFrame(
        list({(worst.site_id, worst.metric) for worst in leading.values() if worst.site_id and worst.metric}),
        schema={"site_id": pl.String, "metric": pl.String},
        orient="row",
    )
    histories = score_series(data, series)
    readings = of_day(data.sle_daily, data.day).filter(pl.col("state") == "ok")
    rows = readings.join(series, on=["site_id", "metric"]).select("site_id", "metric", score("score_pct"))
    scores = {(site_id, metric): value for site_id, metric, value in rows.iter_rows()}
    listed: list[OpenIncident] = []
    for one in morning.open:
        incident, worst = one.incident, leading.get(one.incident.incident_id)
        recovered = incident.last_bad_at if incident.progress == "recovering" else None
        hit = [_site(site_id, sites, names) for site_id in incident.site_ids or ("",)]
        key = (worst.site_id, worst.metric) if worst else ("", "")
        listed.append(
            OpenIncident(
                incident_id=incident.incident_id,
                url=data.links.incident(incident.incident_id),
                severity=incident.severity,
                scope=one.scope,
                progress=incident.progress,
                where=_where(hit, incident.where),
                what=clean(incident.what),
                began_at=stamp(incident.began_at),
                opened_at=stamp(incident.opened_at),
                since=local(incident.began_at, data.zone),
                recovering_since=None if recovered is None else local(recovered, data.zone),
                lasts=_lasted(incident.began_at, recovered or morning.at),
                is_new=_is_new(incident.opened_at, morning),
                acknowledged_by=clean(incident.acknowledged_by, 60) or None,
                acknowledged_at=None if one.acknowledged_at is None else stamp(one.acknowledged_at),
                withheld=clean(incident.withheld) or None,
                notified=[Notified(sink=clean(sink, 60), at=stamp(moment)) for sink, moment in one.notified],
                tickets=[Ticket(ticket=clean(name, 60), url=safe_url(url)) for name, url in one.tickets],
                impact=clean(one.impact) or None,
                worse=clean(incident.worse) or None,
                next_steps=[clean(step) for step in data.next_steps.get(incident.incident_id, ())],
                cause_fingerprint=one.fingerprint if one.scope == "infrastructure" else None,
                p_value=chance.get(one.fingerprint),
                num_sites=len(incident.site_ids),
                sites=hit,
                metric=worst.metric or None if worst else None,
                score_pct=scores.get(key),
                threshold_pct=data.settings.bands_of(key[1]).critical if key in histories else None,
                history=histories.get(key, []),
            )
        )
    return listed


def _changes(data: ReportData, morning: Morning, sites: Mapping[str, Site]) -> list[Change]:
    """What began and ended, the newest change first."""
    begun = [one for one in morning.open if _is_new(one.incident.opened_at, morning)]
    everything = [*begun, *morning.over]
    names = _names(everything, sites)
    listed = [_change(one, data, morning, sites, names) for one in everything]
    # Twice: what happened at one instant is worst first, and always in the same order.
    listed.sort(key=lambda change: (-rank(change["severity"]), change["incident_id"]))
    return sorted(listed, key=lambda change: change["at"], reverse=True)


def _change(
    one: IncidentTold,
    data: ReportData,
    morning: Morning,
    sites: Mapping[str, Site],
    names: Mapping[str, str],
) -> Change:
    incident = one.incident
    hit = [_site(site_id, sites, names) for site_id in incident.site_ids or ("",)]
    began, ended = incident.began_at, incident.bad_until or morning.at
    is_open = incident.is_active
    if is_open:
        kind = "began"
    elif one.is_past:
        kind = "past"
    else:
        kind = "began and ended" if _is_new(incident.opened_at, morning) else "ended"
    changed = incident.opened_at if is_open or one.is_past else incident.resolved_at or incident.opened_at
    return Change(
        incident_id=incident.incident_id,
        url=data.links.incident(incident.incident_id),
        kind=kind,
        at=stamp(changed),
        severity=incident.severity,
        where=_where(hit, incident.where),
        what=clean(incident.what),
        when=f"since {local(began, data.zone)}" if is_open else period(began, max(began, ended), data.zone),
        lasted=_lasted(began, ended),
        num_sites=len(incident.site_ids),
    )


def past_incidents(data: ReportData, sites: Mapping[str, Site]) -> list[PastIncident] | None:
    """The incidents that were over before they were noticed, worst first; None where the ledger is not known.

    Args:
        data: The report's frames.
        sites: The sites of the document by id.
    """
    if data.ledger is None or data.ledger.trouble:
        return None
    past = [one for one in data.ledger.over if one.is_past]
    names = _names(past, sites)
    listed = [_past(one, data, sites, names) for one in past]
    return sorted(listed, key=lambda told: (-rank(told["severity"]), told["began_at"], told["incident_id"]))


def _past(
    one: IncidentTold, data: ReportData, sites: Mapping[str, Site], names: Mapping[str, str]
) -> PastIncident:
    incident = one.incident
    began, ended = incident.began_at, incident.bad_until or incident.opened_at
    hit = [_site(site_id, sites, names) for site_id in incident.site_ids or ("",)]
    return PastIncident(
        incident_id=incident.incident_id,
        where=_where(hit, incident.where),
        what=clean(incident.what),
        severity=incident.severity,
        began_at=stamp(began),
        last_bad_at=stamp(ended),
        when=period(began, ended, data.zone),
        lasted=duration(ended - began),
        num_sites=len(incident.site_ids),
        sites=[PastSite(site_id=site["site_id"], label=site["label"], url=site["url"]) for site in hit],
    )


def _is_new(opened_at: datetime, morning: Morning) -> bool:
    return morning.since < opened_at <= morning.until


def _lasted(began: datetime, ended: datetime) -> str:
    return duration(max(ended, began) - began)


def _names(told: Iterable[IncidentTold], sites: Mapping[str, Site]) -> dict[str, str]:
    """Names of sites that are no more."""
    ids = {site_id for one in told for site_id in one.incident.site_ids}
    return display_names(dict.fromkeys(sorted(ids - sites.keys())))


def _site(site_id: str, sites: Mapping[str, Site], gone: Mapping[str, str]) -> IncidentSite:
    if site_id in sites:
        site = sites[site_id]
        return IncidentSite(site_id=site_id, label=site["label"], url=site["url"], status=site["status"])
    return IncidentSite(site_id=site_id, label=gone.get(site_id, _ORGANISATION), url=None, status=None)


def _where(hit: Sequence[IncidentSite], otherwise: str) -> str:
    """``Leeds, York, Hull and 12 more sites``; what the ledger calls it where it is of no site."""
    if not hit[0]["site_id"]:
        return clean(otherwise) or _ORGANISATION
    named = [site["label"] for site in hit[:_MAX_NAMED]]
    left = len(hit) - len(named)
    return ", ".join(named) + (f" and {count(left, 'more site')}" if left else "")
