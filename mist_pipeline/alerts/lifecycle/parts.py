"""Troubles of one site that begin together are one trouble, whichever service levels show it: one alert.

An outage of a provider lowers time to connect and throughput at once. People have one problem then, so the excess of one family
becomes a part of the alert of the other: its series are followed, its severity counts, and the alert lasts until all are over.

- What began in the same hour as an alert that opened at most ``same_site_within`` ago is a part of it; of families that raise an
  alert in the same evaluation the first by name holds it. What a family that is a part shows of the same hours later is, too.
- Lost devices are a cause and never a part: they keep an alert of their own.
- After the end of the alert what its parts still show of it is known.

>>> families = {"coverage": "radio", "time-to-connect": "connect"}
>>> from mist_pipeline.alerts.lifecycle.model import Series
>>> began = datetime(2026, 3, 2, 9)
>>> def low(metric: str, severity: str) -> Observation:
...     return Observation(Signal(
...         metric=metric, kind="evidence", kinds=("evidence",), severity=severity, summary="Bad.", evidence="{}", classifier="",
...         holds={severity: timedelta(0)}, lines={}, is_about_the_past=False, series=(Series(metric, "", False),), began_at=began,
...     ))
>>> both = {("s1", "connect"): low("time-to-connect", "warning"), ("s1", "radio"): low("coverage", "major")}
>>> shown = with_parts(both, [], datetime(2026, 3, 2, 10), Policy(), families)
>>> shown["s1", "radio"].signal is None, shown["s1", "connect"].signal.severity, shown["s1", "connect"].signal.summary
(True, 'major', 'Bad. Also: Coverage.')

Not here: which alerts are one incident (`grouping`), the life of an alert (`lifecycle`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from mist_pipeline.alerts.lifecycle.model import Alert
from mist_pipeline.alerts.lifecycle.observations import Observation
from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.alerts.lifecycle.returns import is_known
from mist_pipeline.alerts.lifecycle.signals import Key, Signal
from mist_pipeline.domain.metrics import title_of
from mist_pipeline.domain.severity import worst

OF_DEVICES = frozenset({"ap", "device"})
"""Families that name a cause where others show what it does."""


def with_parts(
    observations: Mapping[Key, Observation],
    alerts: Iterable[Alert],
    at: datetime,
    policy: Policy,
    families: Mapping[str, str],
) -> dict[Key, Observation]:
    """Observations in which the parts of a trouble are with it, and not by themselves.

    Args:
        observations: Of one evaluation, by site and family.
        alerts: All that may go on or were over lately, the newest of each problem.
        at: The instant.
        policy: Times.
        families: Metric → family.
    """
    of_site: dict[str, list[Alert]] = {}
    for alert in alerts:
        if alert.series:
            of_site.setdefault(alert.site_id, []).append(alert)
    busy = {(one.site_id, one.family) for some in of_site.values() for one in some if _is_busy(one)}
    told = dict(observations)
    for key, observation in observations.items():
        signal = observation.signal
        if key in busy or key[1] in OF_DEVICES or signal is None or not (signal.is_raising and signal.series):
            continue
        here = of_site.get(key[0], [])
        if any(
            _knows(alert, key[1], signal, at, policy, families) for alert in here if alert.family != key[1]
        ):
            told[key] = replace(observation, signal=None)
            continue
        for whole in (
            alert for alert in here if alert.is_active and alert.family != key[1] and not alert.problem
        ):
            lead = told.get((key[0], whole.family))
            if lead is None or not _holds(whole, key[1], lead, signal, at, policy, families):
                continue
            if lead.signal is not None:
                told[key[0], whole.family] = replace(lead, signal=_together(lead.signal, signal))
            told[key] = replace(observation, signal=None)
            break
        else:
            _join_new(told, key, signal, busy)
    return told


def _join_new(told: dict[Key, Observation], key: Key, signal: Signal, busy: set[Key]) -> None:
    """What raises an alert in this evaluation together with a family before it is a part of that one."""
    for other in sorted(one for one in told if one[0] == key[0] and one < key and one not in busy):
        lead = told[other].signal
        if lead is None or not (lead.is_raising and lead.series) or lead.is_over or signal.is_over:
            continue
        if lead.began_at is not None and lead.began_at == signal.began_at:
            told[other] = replace(told[other], signal=_together(lead, signal))
            told[key] = replace(told[key], signal=None)
            return


def _is_busy(alert: Alert) -> bool:
    return alert.is_active or alert.state == "pending"


def _is_near(some: datetime | None, other: datetime | None, within: timedelta) -> bool:
    return some is not None and other is not None and abs(some - other) <= within


def _holds(
    whole: Alert,
    family: str,
    lead: Observation,
    signal: Signal,
    at: datetime,
    policy: Policy,
    families: Mapping[str, str],
) -> bool:
    """Whether an excess is a part of an alert that goes on: one already, or begun with it just now."""
    if set(whole.series) & set(signal.series):
        return True
    if any(families.get(one.metric) == family for one in whole.series):
        return signal.began_at is not None and (
            signal.is_over or _is_near(whole.began_at, signal.began_at, policy.same_site_within)
        )
    return (
        not signal.is_over
        and lead.signal is not None
        and whole.condition == "firing"
        and whole.opened_at is not None
        and at - whole.opened_at <= policy.same_site_within
        and whole.began_at == signal.began_at
    )


def _knows(
    alert: Alert, family: str, signal: Signal, at: datetime, policy: Policy, families: Mapping[str, str]
) -> bool:
    """Whether an excess is what a resolved alert was about, as one of its parts, or a window that still contains it."""
    ended, began, last_bad = alert.last_bad_at, signal.began_at, signal.last_bad_at
    if alert.state != "resolved" or ended is None or began is None or last_bad is None:
        return False
    if all(families.get(one.metric) != family for one in alert.series):
        return False
    if is_known(alert, signal, policy):
        return True
    mine, seen = ({(one.metric, one.classifier) for one in some} for some in (alert.series, signal.series))
    reaches_back = signal.window is not None and at - signal.window < ended
    return reaches_back and began <= ended + policy.same_within and not mine & seen


def _together(lead: Signal, part: Signal) -> Signal:
    """A signal that says what a part of the trouble shows besides."""
    holds = dict(lead.holds)
    for severity, hold in part.holds.items():
        holds[severity] = min(hold, holds.get(severity, hold))
    series = tuple(dict.fromkeys((*lead.series, *part.series)))
    title = title_of(part.metric)
    return replace(
        lead,
        kinds=tuple(sorted({*lead.kinds, *part.kinds})),
        severity=worst([lead.severity, part.severity]),
        summary=lead.summary if f"Also: {title}" in lead.summary else f"{lead.summary} Also: {title}.",
        holds=holds,
        series=series,
        last_bad_at=None
        if lead.last_bad_at is None or part.last_bad_at is None
        else max(lead.last_bad_at, part.last_bad_at),
        is_over=lead.is_over and part.is_over,
        is_about_the_past=lead.is_about_the_past and part.is_about_the_past,
    )
