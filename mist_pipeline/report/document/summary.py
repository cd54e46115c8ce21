"""The report in one sentence: better or worse than the day before, and why; and the totals behind it."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from mist_pipeline.domain.metrics import title_of
from mist_pipeline.domain.numbers import change, percent, rounded_down
from mist_pipeline.domain.severity import UNKNOWN
from mist_pipeline.domain.text import count
from mist_pipeline.report.document.model import (
    STATES,
    STATUSES,
    Anomaly,
    AtRisk,
    CandidateCause,
    Comparison,
    Site,
    Totals,
    Trend,
)
from mist_pipeline.report.document.sites import main_reason
from mist_pipeline.report.queries.data import ReportData
from mist_pipeline.report.queries.frames import of_day

_TROUBLED = ("CRITICAL", "UNHEALTHY", "DEGRADED")
_NOTHING = 0.05
"""A change of less than this share of the sites of a status decides nothing: of many sites some change every day."""
_VERDICTS = {"worse": "Worse than", "better": "Better than", "same": "Much as"}


def comparison(sites: Sequence[Site], site_status: pl.DataFrame, day: date) -> Comparison:
    """The day against the newest day before it, over the sites that could be judged on both.

    The first of critical, unhealthy, degraded whose number of sites changed decides; one of twenty is no change.

    Args:
        sites: Every site of the day.
        site_status: day, site_id, status.
        day: The day.
    """
    before = max(site_status.filter(pl.col("day") < day)["day"].unique().to_list(), default=None)
    both = [
        (_rank(site["status"]), _rank(site["previous_status"]))
        for site in sites
        if UNKNOWN not in (site["status"], site["previous_status"]) and site["previous_status"] is not None
    ]
    verdict = None if not both else "same"
    for place in range(len(_TROUBLED)):
        now, then = (sum(pair[side] == place for pair in both) for side in (0, 1))
        if abs(now - then) > _NOTHING * max(now, then):
            verdict = "worse" if now > then else "better"
            break
    return Comparison(
        day=before.isoformat() if before is not None and both else None,
        verdict=verdict,
        num_judged=len(both),
        num_worse=sum(now < then for now, then in both),
        num_better=sum(now > then for now, then in both),
    )


def _rank(status: str | None) -> int:
    """0 for critical, then one more for each that is milder; healthy is the last."""
    return _TROUBLED.index(status) if status in _TROUBLED else len(_TROUBLED)


def totals(
    data: ReportData,
    sites: Sequence[Site],
    trends: Sequence[Trend],
    risks: Sequence[AtRisk] | None,
    anomalies: Sequence[Anomaly] | None,
    causes: Sequence[CandidateCause] | None,
) -> Totals:
    """Counts over the whole organisation; None for what was not computed.

    Args:
        data: The report's frames.
        sites: Every site.
        trends: Series that get worse.
        risks: Series about to cross a threshold.
        anomalies: Unusual sites.
        causes: Candidate causes.
    """
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
        mean_health_change=_mean_change(data),
        at_risk_series=None if risks is None else len(risks),
        degrading_series=len(trends),
        anomalies=None if anomalies is None else len(anomalies),
        incidents=None if causes is None else len(causes),
    )


def _mean_change(data: ReportData) -> float | None:
    """How the mean health of the sites changed that have one on both days, between the two means as they are shown."""
    if data.health_scores is None:
        return None
    both = of_day(data.health_scores, data.day).drop_nulls(["score", "change"])
    if both.is_empty():
        return None
    now, before = both.select(pl.col("score").mean(), before=(pl.col("score") - pl.col("change")).mean()).row(
        0
    )
    return change(before, now)


def _against(now: int, then: int | None) -> str:
    """``, up from 1``; empty where it is the same or not known."""
    if then is None or then == now:
        return ""
    return f", {'up' if now > then else 'down'} from {then:,}"


def _state_of_the_sites(
    sites: Sequence[Site], status: dict[str, int], before: dict[str, int] | None, *, has_cause: bool
) -> str:
    """How many are in which trouble."""
    known = len(sites) - status["UNKNOWN"]
    then = None if before is None else before["CRITICAL"]
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
        text = f"{status['CRITICAL']:,} of {count(len(sites), 'site')} {verb} critical{_against(status['CRITICAL'], then)}"
        return text if has_cause else f"{text}, worst {worst['label']}{why}"
    troubled = [(status[word], word.lower()) for word in ("UNHEALTHY", "DEGRADED") if status[word]]
    if troubled:
        were = f" ({then:,} {'was' if then == 1 else 'were'})" if then else ""
        return f"no site is critical{were}, " + " and ".join(
            f"{amount:,} {word}" for amount, word in troubled
        )
    verb = "is" if known == 1 else "are"
    if known == len(sites):
        return f"all {count(known, 'site')} {verb} healthy"
    return f"all {count(known, 'judged site')} {verb} healthy"


def summary_sentence(
    sites: Sequence[Site],
    totals_: Totals,
    compared: Comparison,
    day: date,
    risks: Sequence[AtRisk] | None,
    causes: Sequence[CandidateCause] | None,
    forecast_days: int,
) -> str:
    """One sentence: better or worse, and what a person can act on; never calls healthy what is not known.

    Args:
        sites: Every site, worst first.
        totals_: `totals`.
        compared: `comparison`.
        day: The day.
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
    before = totals_["previous_status"] if compared["verdict"] else None
    state = _state_of_the_sites(sites, status, before, has_cause=bool(shared))
    parts = [f"{_verdict(compared, day)}: {state}" if compared["verdict"] else state[:1].upper() + state[1:]]
    if shared:
        parts.append(
            f"{count(shared[0]['num_sites'], 'site')} share one cause: {shared[0]['cause'].rstrip('.')}"
        )
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


def _verdict(compared: Comparison, day: date) -> str:
    """``Worse than the day before``; than which day, where that is not the day before."""
    is_eve = compared["day"] == (day - timedelta(days=1)).isoformat()
    return f"{_VERDICTS[compared['verdict'] or '']} {'the day before' if is_eve else 'on ' + str(compared['day'])}"
