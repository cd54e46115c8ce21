"""Whether what is seen is a trouble that an alert was about, or another one.

A trouble that is over is seen again in three ways: a long window still contains it, it goes on since its end was told too early, or it has come
back. Only the last two reopen its alert, and what blames something else is another trouble. What is blamed is compared as a complaint: the
same one has another classifier in another service level (``domain.services``).

>>> from mist_pipeline.alerts.lifecycle.model import Series
>>> noon, dhcp = datetime(2026, 3, 2, 12), Series("time-to-connect", "dhcp-unresponsive", is_slow=False)
>>> def seen(began: datetime, last_bad: datetime | None) -> Signal:
...     return Signal(
...         metric="time-to-connect", kind="evidence", kinds=("evidence",), severity="major", summary="Bad.", evidence="{}",
...         classifier=dhcp.classifier, holds={}, lines={}, is_about_the_past=False, series=(dhcp,), began_at=began, last_bad_at=last_bad,
...     )
>>> was = Alert(
...     alert_id="a", fingerprint="f", site_id="s1", family="connect", metric="time-to-connect", kind="evidence", kinds=("evidence",),
...     severity="major", highest="major", summary="Bad.", evidence="{}", classifier=dhcp.classifier, version=3, source="live",
...     state="resolved", condition="quiet", since=noon, pending_since=noon, valid_until=noon, counted=timedelta(0), recovery_pct={},
...     began_at=noon, last_bad_at=noon + timedelta(hours=2), resolved_at=noon + timedelta(hours=5), series=(dhcp,),
... )
>>> is_known(was, seen(noon, noon + timedelta(hours=2)), Policy())
True
>>> [reopens(was, seen(noon + timedelta(days=2, hours=late), None), noon + timedelta(days=2, hours=3), Policy()) for late in (0, 1)]
[True, False]

Not here: what follows for the alert (`lifecycle`), several families of one site (`parts`).
"""

from datetime import datetime, timedelta

from mist_pipeline.alerts.lifecycle.model import Alert
from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.alerts.lifecycle.signals import Signal
from mist_pipeline.domain.services import complaint

_DAY = timedelta(days=1)


def is_second_problem(alert: Alert, signal: Signal, policy: Policy) -> bool:
    """Whether an excess is another problem than the one that goes on: another complaint, and begun since."""
    known = _complaints(alert)
    return (
        alert.is_active
        and bool(alert.series)
        and signal.is_raising
        and not signal.is_over
        and signal.began_at is not None
        and alert.opened_at is not None
        and signal.began_at >= alert.opened_at + policy.second_after
        and bool(signal.classifier)
        and complaint(signal.classifier) not in known
    )


def is_forgotten(alert: Alert, at: datetime, policy: Policy) -> bool:
    """Whether an alert is over for so long that it means nothing to later findings."""
    if alert.state == "lapsed":
        return True
    memory = max(policy.max_reopen, policy.max_daily_gap, policy.remembered)
    return alert.state == "resolved" and alert.resolved_at is not None and at - alert.resolved_at > memory


def is_known(alert: Alert, signal: Signal, policy: Policy) -> bool:
    """Whether a resolved alert was about this: windows of evidence contain an excess for a week, and blur its end."""
    ended, last_bad, began = alert.last_bad_at, signal.last_bad_at, signal.began_at
    if alert.resolved_at is None or ended is None or last_bad is None or began is None:
        return False
    # What is no excess, as a site that is down, ends when it ends: the next hour is another one.
    until = ended + (policy.same_within if signal.series else timedelta(0))
    return last_bad <= until or (signal.is_over and began <= until)


def still_contains_it(alert: Alert, signal: Signal, at: datetime, policy: Policy) -> bool:
    """Whether a window of another series reaches back into the trouble that is over: of the hours since it says nothing."""
    ended = alert.last_bad_at
    mine, seen = ({(one.metric, one.classifier) for one in some} for some in (alert.series, signal.series))
    if ended is None or signal.window is None or mine & seen:
        return False
    return goes_on(alert, signal, at, policy) and at - signal.window < ended


def goes_on(alert: Alert, signal: Signal, at: datetime, policy: Policy) -> bool:
    """Whether an excess began before the known trouble ended: the end was told too early."""
    ended, began = alert.last_bad_at, signal.began_at
    if alert.state != "resolved" or ended is None or began is None:
        return False
    return began <= ended + policy.same_within and at - ended <= policy.max_reopen


def reopens(alert: Alert, signal: Signal, at: datetime, policy: Policy) -> bool:
    """Whether the trouble of a resolved alert is back: soon, within a day with the same complaint, or at its hour of a later day.

    Never where another complaint is to blame.
    """
    if alert.state != "resolved" or _is_another(alert, signal):
        return False
    within = policy.reopens_within(alert.duration)
    if _complaints(alert) & _complaints(signal):
        within = max(within, policy.same_complaint_within)
    is_soon = alert.resolved_at is not None and at - alert.resolved_at <= within
    return is_soon or _comes_back(alert, signal, policy)


def _is_another(alert: Alert, signal: Signal) -> bool:
    """Whether an excess blames something else than the trouble that is over: no part of it, however soon it comes."""
    known = _complaints(alert)
    return bool(known) and bool(signal.classifier) and complaint(signal.classifier) not in known


def _complaints(of: Alert | Signal) -> set[str]:
    """What is blamed: by the excesses themselves; of an alert about what was over, which follows none, by the cloud."""
    blamed = {one.classifier for one in of.series} or {of.classifier}
    return {complaint(one) for one in blamed if one}


def _comes_back(alert: Alert, signal: Signal, policy: Policy) -> bool:
    """Whether a trouble is back at its hour of the day: a rush of every noon is one problem."""
    known, began = alert.began_at, signal.began_at
    mine, seen = (
        {(one.metric, one.classifier) for one in some if one.classifier}
        for some in (alert.series, signal.series)
    )
    if known is None or began is None or not mine & seen:
        return False
    days, rest = divmod(began - known, _DAY)
    return not rest and 1 <= days <= policy.max_reopen / _DAY
