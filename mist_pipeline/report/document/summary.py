"""The report in one sentence, and the totals behind it."""

from collections import Counter
from collections.abc import Sequence

from mist_pipeline.domain.metrics import title_of
from mist_pipeline.domain.numbers import percent, rounded_down
from mist_pipeline.domain.text import count
from mist_pipeline.report.document.model import (
    STATES,
    STATUSES,
    Anomaly,
    AtRisk,
    CandidateCause,
    Site,
    Totals,
    Trend,
)
from mist_pipeline.report.document.sites import main_reason


def totals(
    sites: Sequence[Site],
    trends: Sequence[Trend],
    risks: Sequence[AtRisk] | None,
    anomalies: Sequence[Anomaly] | None,
    causes: Sequence[CandidateCause] | None,
) -> Totals:
    """Counts over the whole organisation; None for what was not computed."""
    now = Counter(site["status"] for site in sites)
    before = Counter(site["previous_status"] for site in sites if site["previous_status"])
    readings = Counter(reading["state"] for site in sites for reading in site["metrics"])
    scores = [site["health"]["score"] for site in sites if site["health"] is not None]
    known = [score for score in scores if score is not None]
    return Totals(
        sites=len(sites),
        status={status: now[status] for status in STATUSES},
        previous_status={status: before[status] for status in STATUSES} if before else None,
        readings={state: readings[state] for state in STATES},
        mean_health=rounded_down(sum(known) / len(known)) if known else None,
        at_risk_series=None if risks is None else len(risks),
        degrading_series=len(trends),
        anomalies=None if anomalies is None else len(anomalies),
        incidents=None if causes is None else len(causes),
    )


def _state_of_the_sites(sites: Sequence[Site], status: dict[str, int], *, has_cause: bool) -> str:
    """The first part: how many are in which trouble."""
    known = len(sites) - status["UNKNOWN"]
    if status["CRITICAL"]:
        worst = sites[0]
        reading = min(
            (
                reading
                for reading in worst["metrics"]
                if reading["severity"] == "critical" and reading["score_pct"] is not None
            ),
            key=lambda reading: reading["score_pct"] or 0.0,
            default=None,
        )
        why = "" if reading is None else f" ({title_of(reading['metric'])} {percent(reading['score_pct'])})"
        verb = "is" if status["CRITICAL"] == 1 else "are"
        text = f"{status['CRITICAL']:,} of {count(len(sites), 'site')} {verb} critical"
        return text if has_cause else f"{text}, worst {worst['label']}{why}"
    troubled = [(status[word], word.lower()) for word in ("UNHEALTHY", "DEGRADED") if status[word]]
    if troubled:
        return "No site is critical, " + " and ".join(f"{amount:,} {word}" for amount, word in troubled)
    return (
        f"All {count(known, 'site')} are healthy"
        if known == len(sites)
        else f"All {count(known, 'judged site')} are healthy"
    )


def summary_sentence(
    sites: Sequence[Site],
    totals_: Totals,
    risks: Sequence[AtRisk] | None,
    causes: Sequence[CandidateCause] | None,
    forecast_days: int,
) -> str:
    """One sentence that a person can act on; never calls healthy what is not known.

    Args:
        sites: Every site, worst first.
        totals_: `totals`.
        risks: Series about to cross a threshold.
        causes: Candidate causes.
        forecast_days: How soon is soon.
    """
    status = totals_["status"]
    if not sites:
        return "There is no site to report on: the organisation has none, or its list was never collected."
    if status["UNKNOWN"] == len(sites):
        why = Counter(main_reason(site) for site in sites).most_common(1)[0][0]
        return f"None of {count(len(sites), 'site')} could be judged: {why}."
    shared = [cause for cause in causes or [] if cause["scope"] == "infrastructure"]
    parts = [_state_of_the_sites(sites, status, has_cause=bool(shared))]
    if shared:
        parts.append(f"{count(shared[0]['num_sites'], 'site')} share one cause: {shared[0]['cause']}")
    soon = {
        risk["site_id"]
        for risk in risks or []
        if risk["threshold"] == "critical" and risk["days"] is not None and risk["days"] <= forecast_days
    } - {site["site_id"] for site in sites if site["status"] == "CRITICAL"}
    if soon:
        parts.append(
            f"{count(len(soon), 'more site')} {'is' if len(soon) == 1 else 'are'} expected to be critical "
            f"within {count(forecast_days, 'day')}"
        )
    if status["UNKNOWN"]:
        parts.append(f"{count(status['UNKNOWN'], 'site')} could not be judged")
    return "; ".join(parts) + "."
