"""The life of one alert: pending → open → acknowledged → resolved, as a pure function of what one evaluation shows.

An alert and an observation in, events out; the clock is the evaluation's instant. Times count only while there were
readings: a missing reading, a stopped collector and a gap between evaluations freeze the hold of a pending alert and the
recovery of an open one alike.

>>> from datetime import UTC
>>> import polars as pl
>>> signal = Signal(
...     metric="coverage", kind="evidence", kinds=("evidence",), severity="major", summary="Coverage is bad.",
...     evidence="{}", classifier="", holds={"major": timedelta(0)}, lines={}, is_about_the_past=False,
... )
>>> evaluation = EvaluationInput(as_of=datetime(2026, 3, 2, 10, tzinfo=UTC), source="live", findings=pl.DataFrame())
>>> moment = Moment(evaluation=evaluation, previous=None, policy=Policy())
>>> [event.kind for event in advance(None, ("s1", "radio"), Observation(signal), moment)]
['pending', 'opened']

Not here: gathering observations (`observations`), whether a trouble is one that is known (`returns`), what an event changes (`projection`), causes (`grouping`), who is
notified (``notify``).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mist_pipeline.alerts.lifecycle.levels import far_above, risen
from mist_pipeline.alerts.lifecycle.model import Alert, Event, Json, Source, alert_fingerprint, stable_id
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput, Observation
from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.alerts.lifecycle.projection import apply_to_alert
from mist_pipeline.alerts.lifecycle.returns import goes_on, is_known, reopens, still_contains_it
from mist_pipeline.alerts.lifecycle.signals import Key, Signal
from mist_pipeline.domain.severity import SEVERITIES, Severity, milder, rank, worst

SITE_REMOVED = "site removed"

_ZERO = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When an evaluation takes place, and when the one before did."""

    evaluation: EvaluationInput
    previous: datetime | None
    policy: Policy

    @property
    def at(self) -> datetime:
        """The instant of the evaluation."""
        return self.evaluation.as_of

    @property
    def source(self) -> Source:
        """Its kind; what was pushed is of now, as what was polled is."""
        return "live" if self.evaluation.source == "push" else self.evaluation.source

    @property
    def has_gap(self) -> bool:
        """Whether there was no evaluation for too long before."""
        return self.previous is not None and self.at - self.previous > self.policy.gap(self.source)

    @property
    def valid_until(self) -> datetime:
        """How long what fires now is taken to fire."""
        return self.at + (self.policy.daily_validity if self.source == "daily" else _ZERO)


def advance(
    alert: Alert | None, key: Key, observation: Observation, moment: Moment, problem: str = ""
) -> list[Event]:
    """One alert's life moved on by one evaluation.

    Args:
        alert: The newest alert of this problem; None if there was none, or it was over too long ago to be reopened.
        key: Site and family.
        observation: What the evaluation shows of it.
        moment: When.
        problem: Classifier of a second problem that begins while the first goes on.

    Returns:
        The events, numbered: of the alert, and of a new one where a new excess begins while it recovers.
    """
    life = _Life(alert, key, moment, problem)
    if life.alert is None or life.alert.state in {"resolved", "lapsed"}:
        life.begin(observation)
    elif life.alert.state == "pending":
        life.hold(observation)
    else:
        life.watch(observation)
    life.follow_levels(observation)
    return life.events


def acknowledge(alert: Alert, by: str, at: datetime) -> list[Event]:
    """A person takes an open alert; nothing happens to one that is taken or over."""
    return [_next(alert, at, "acknowledged", {"by": by})] if alert.state == "open" else []


def unacknowledge(alert: Alert, by: str, at: datetime) -> list[Event]:
    """Who took an alert has it no longer; nothing happens to one that nobody has, or that is over."""
    return [_next(alert, at, "unacknowledged", {"by": by})] if alert.state == "acknowledged" else []


def resolve(alert: Alert, by: str, at: datetime) -> list[Event]:
    """A person says that it is over; nothing happens to an alert that is not active."""
    return [_next(alert, at, "resolved", {"because": f"closed by {by}", "by": by})] if alert.is_active else []


def remove(alert: Alert, at: datetime) -> list[Event]:
    """The site is no longer in the organisation: nothing will ever be known of its trouble."""
    if alert.state == "pending":
        return [_next(alert, at, "lapsed", {})]
    return [_next(alert, at, "resolved", {"because": SITE_REMOVED})] if alert.is_active else []


def _next(alert: Alert, at: datetime, kind: str, detail: dict[str, Json]) -> Event:
    return Event("alert", alert.alert_id, alert.version + 1, at, kind, detail)


@dataclass
class _Life:
    """One alert during one evaluation; every event is applied at once, so that the next decision sees it."""

    alert: Alert | None
    key: Key
    moment: Moment
    problem: str = ""
    events: list[Event] = field(default_factory=list)

    @property
    def it(self) -> Alert:
        """The alert, once there is one."""
        if self.alert is None:
            raise ValueError(f"no alert of {self.key} yet")
        return self.alert

    def begin(self, observation: Observation) -> None:
        """A problem without an alert, or with one that is over."""
        signal = observation.signal
        if signal is None or not signal.is_raising:
            return
        if self.alert is not None and (
            self._is_old_news(signal, self.alert.resolved_at)
            or is_known(self.it, signal, self.moment.policy)
            or still_contains_it(self.it, signal, self.moment.at, self.moment.policy)
        ):
            return
        if signal.is_over and not self.moment.policy.tells_past:
            self._record(signal)
            return
        if (
            self.alert is not None
            and not goes_on(self.alert, signal, self.moment.at, self.moment.policy)
            and not reopens(self.alert, signal, self.moment.at, self.moment.policy)
        ):
            self.alert = None
        self._pend(signal)
        self._open_if_held(signal)

    def _record(self, signal: Signal) -> None:
        """What was over before it was noticed: opened and resolved at once."""
        self.alert = None
        self._pend(signal)
        severity = worst(signal.holds)
        self._emit("opened", severity=severity, is_past=True)
        self._end("over before it was noticed", signal.last_bad_at)

    def hold(self, observation: Observation) -> None:
        """A pending alert: has it held, is it over, or are there no readings?"""
        signal, at = observation.signal, self.moment.at
        if self.moment.has_gap:
            self._freeze_since_before()
        if at - self.it.pending_since > self.moment.policy.expire_after:
            self._emit("lapsed")
        elif signal is not None:
            self._notice(signal)
            self._fire(is_seen=True)
            if signal.is_raising:
                self._open_if_held(signal)
        elif observation.is_supported or at < self.it.valid_until:
            self._fire()
        elif observation.visibility == "missing":
            self._freeze()
        else:
            self._emit("lapsed")

    def watch(self, observation: Observation) -> None:
        """An open or acknowledged alert: does it fire, grow, fall, recover, or are there no readings?"""
        if self.moment.has_gap:
            self._freeze_since_before()
        signal = observation.signal
        if signal is not None and self._is_new_trouble(signal):
            self._end("recovered", self.it.last_bad_at)
            self.alert = None
            self.begin(observation)
            return
        if signal is not None:
            self._notice(signal)
        if self.it.series and observation.episodes is not None:
            self._follow_episodes(observation)
        elif signal is not None and signal.is_raising and not self._is_old_news(signal, self._quiet_since()):
            is_daily = self.moment.source == "daily"
            self._fire(is_seen=True, renew=is_daily and not self._is_held_by_live(signal))
            self._follow(signal)
        elif observation.is_supported or self.moment.at < self.it.valid_until:
            self._fire()
        elif observation.visibility == "missing":
            self._freeze()
            self._expire()
        else:
            self._calm(is_proof=observation.visibility == "ok")

    def _is_new_trouble(self, signal: Signal) -> bool:
        """Whether an excess began after the last bad hour of an alert that recovers: people must hear of it."""
        ended, began = self.it.last_bad_at, signal.began_at
        if ended is None or began is None or self.it.condition == "firing" or not self.it.series:
            return False
        if self.moment.source == "daily" and self.it.source == "live":
            return False
        return signal.is_raising and not signal.is_over and began >= ended

    def _follow_episodes(self, observation: Observation) -> None:
        """An alert about excesses: it goes on, recovers and ends with them."""
        signal, alert = observation.signal, self.it
        is_daily = self.moment.source == "daily"
        if observation.visibility == "missing":
            self._freeze()
            self._expire()
            return
        if is_daily and alert.source == "live":
            return
        is_raising = signal is not None and signal.is_raising and not signal.is_over
        running = [one for one in observation.episodes or () if one.recovery < 1]
        policy = self.moment.policy
        if running and all(one.recovery >= policy.quiet_from for one in running):
            self._recover(max(one.last_bad_at for one in running))
        elif running or is_raising:
            self._fire(is_seen=True)
        else:
            ends = [one.last_bad_at for one in observation.episodes or ()]
            self._recover(max(ends, default=None if signal is None else signal.last_bad_at))
            is_accepted = any(one.is_accepted for one in observation.episodes or ())
            self._end_if_quiet("new level accepted" if is_accepted else "recovered")
        if signal is not None and is_raising:
            self._follow(signal)

    def follow_levels(self, observation: Observation) -> None:
        """How bad it has been so far, and whether it is much worse now; where its severity rose just now, people hear of that."""
        alert = self.alert
        is_going = alert is not None and alert.is_active and alert.condition == "firing"
        if alert is None or not is_going or self.moment.source == "daily":
            return
        blamed = {one.classifier for one in alert.series}
        levels = [one for one in observation.levels if one.classifier in blamed]
        new = risen(alert.levels, levels)
        worse = far_above(alert, levels, self.moment.at, self.moment.policy)
        if worse is not None and all(event.kind != "severity_rose" for event in self.events):
            self._emit(
                "much_worse",
                metric=worse.metric,
                classifier=worse.classifier,
                from_pct=alert.levels[worse.name],
                to_pct=worse.level_pct,
                levels=new,
            )
        elif new:
            self._emit("peaked", levels=new)

    def _recover(self, last_bad_at: datetime | None) -> None:
        """Its excesses recover."""
        ended = None if last_bad_at is None else last_bad_at.isoformat()
        if self.it.condition == "firing":
            self._emit("quieted", last_bad_at=ended, source=self.moment.source)
        elif self.it.condition == "frozen":
            # Since when it recovers is known, although nobody watched meanwhile.
            self._emit("thawed", condition="quiet", last_bad_at=ended)

    def _end_if_quiet(self, because: str) -> None:
        """Its excesses are over; what ends by its own readings must have been quiet for its time besides."""
        alert, at, policy = self.it, self.moment.at, self.moment.policy
        own = tuple(kind for kind in alert.kinds if policy.has_own_clock(kind))
        needed = policy.quiet_needed(own, _ZERO)
        quiet = at - (alert.last_bad_at or alert.since)
        if quiet >= needed and at - (alert.opened_at or at) >= policy.min_open:
            self._end(because, alert.last_bad_at)

    def _end(self, because: str, last_bad_at: datetime | None) -> None:
        ended = None if last_bad_at is None else last_bad_at.isoformat()
        self._emit("resolved", because=because, last_bad_at=ended)

    def _is_old_news(self, signal: Signal, over_since: datetime | None) -> bool:
        """A daily finding about a day in which the trouble ended: known, and over."""
        evaluation = self.moment.evaluation
        return (
            evaluation.source == "daily"
            and signal.is_about_the_past
            and over_since is not None
            and over_since > evaluation.begins
            and self.it.source == "live"
        )

    def _is_held_by_live(self, signal: Signal) -> bool:
        """Live evaluations see it firing and will see it end; a finding about the past need not hold it for them."""
        return signal.is_about_the_past and self.it.source == "live" and self.it.condition == "firing"

    def _quiet_since(self) -> datetime | None:
        return self.it.quiet_since

    def _pend(self, signal: Signal) -> None:
        at, (site_id, family) = self.moment.at, self.key
        fingerprint = alert_fingerprint(site_id, family, self.problem)
        detail: dict[str, Json] = {
            **self._facts(signal),
            "fingerprint": fingerprint,
            "site_id": site_id,
            "family": family,
            "problem": self.problem,
            "metric": signal.metric,
            "kind": signal.kind,
            "severity": signal.severity,
            "began_at": self._began(signal).isoformat(),
            "valid_until": self.moment.valid_until.isoformat(),
            "source": self.moment.source,
        }
        if self.alert is None:
            alert_id = stable_id(fingerprint, at.isoformat())
            event = Event("alert", alert_id, 1, at, "pending", detail)
            self.alert = apply_to_alert(None, event)
            self.events.append(event)
        else:
            self._emit("pending", **detail)

    def _began(self, signal: Signal) -> datetime:
        """Estimated onset; of findings that do not know, the beginning of what the evaluation is about."""
        return min(signal.onset or signal.began_at or self.moment.evaluation.begins, self.moment.at)

    def _open_if_held(self, signal: Signal) -> None:
        """Open at the worst severity whose hold is met; what is worse goes on holding."""
        alert, at = self.it, self.moment.at
        held = alert.counted + (at - alert.since)
        met = [severity for severity, hold in signal.holds.items() if hold <= held]
        if not met:
            return
        severity = worst(met)
        if alert.resolved_at is None:
            self._emit("opened", severity=severity)
        else:
            self._emit("reopened", severity=severity, highest=worst([severity, alert.highest]))
        self._look_up(signal, since=alert.pending_since)

    def _notice(self, signal: Signal) -> None:
        """New kinds of findings and a new leading kind or line are worth an event; another number is not."""
        alert = self.it
        lines = {**alert.recovery_pct, **signal.lines}
        is_new = not set(signal.kinds) <= set(alert.kinds) or lines.keys() != alert.recovery_pct.keys()
        if is_new or (not signal.is_over and not set(signal.series) <= set(alert.series)):
            self._emit("seen", **self._facts(signal))

    def _fire(self, *, is_seen: bool = False, renew: bool = False) -> None:
        """It fires: daily findings renew how long, live ones take over."""
        alert, source = self.it, self.moment.source
        is_news_to_live = is_seen and source == "live" and alert.source == "daily"
        if renew or is_news_to_live or alert.condition == "quiet":
            is_live = source == "live"
            until = alert.valid_until if is_live else self.moment.valid_until
            self._emit("renewed", valid_until=until.isoformat(), source=source)
        elif alert.condition == "frozen":
            self._emit("thawed", condition="firing")

    def _follow(self, signal: Signal) -> None:
        """Severity after a finding: worse once it has held, milder after a while."""
        self._look_up(signal, since=self.moment.at)
        alert, at = self.it, self.moment.at
        if alert.rising_since is not None and alert.rising_to is not None:
            held = at - alert.rising_since
            met = [
                severity
                for severity, hold in signal.holds.items()
                if rank(alert.severity) < rank(severity) <= rank(alert.rising_to) and hold <= held
            ]
            if met:
                severity, since = worst(met), alert.rising_since
                self._emit("severity_rose", severity=severity, highest=worst([severity, alert.highest]))
                self._look_up(signal, since=since if rank(alert.rising_to) > rank(severity) else at)
        self._look_down(signal)

    def _look_up(self, signal: Signal, *, since: datetime) -> None:
        """Since when findings are worse than its severity, and at least how bad."""
        alert = self.it
        above = [severity for severity in signal.holds if rank(severity) > rank(alert.severity)]
        if not above:
            if alert.rising_to is not None:
                self._emit("rising", to=None)
        elif alert.rising_to is None:
            self._emit("rising", to=worst(above), since=since.isoformat())
        else:
            self._at_least(worst(above))

    def _at_least(self, seen: Severity) -> None:
        alert = self.it
        if alert.rising_to is None or alert.rising_since is None:
            return
        to = milder(seen, alert.rising_to)
        if to != alert.rising_to:
            self._emit("rising", to=to, since=alert.rising_since.isoformat())

    def _look_down(self, signal: Signal) -> None:
        alert, at = self.it, self.moment.at
        if rank(signal.severity) >= rank(alert.severity):
            if alert.easing_to is not None:
                self._emit("easing", to=None)
            return
        seen = worst([signal.severity, SEVERITIES[1]])
        if rank(seen) >= rank(alert.severity):
            return
        to = worst([seen, alert.easing_to or seen])
        if alert.easing_since is None or to != alert.easing_to:
            self._emit("easing", to=to, since=(alert.easing_since or at).isoformat())
        alert = self.it
        if alert.easing_since is not None and at - alert.easing_since >= self.moment.policy.ease_after:
            self._emit("severity_fell", severity=to)

    def _calm(self, *, is_proof: bool) -> None:
        """Good readings: recovery begins, goes on, or is complete."""
        alert, at = self.it, self.moment.at
        if alert.condition == "firing":
            self._emit("quieted")
        elif alert.condition == "frozen":
            # Nobody saw it since: the last that is known of it is that it was bad.
            ended = alert.last_bad_at or alert.since
            self._emit("thawed", condition="quiet", last_bad_at=ended.isoformat())
        alert, policy = self.it, self.moment.policy
        opened = alert.opened_at or alert.pending_since
        quiet = alert.counted + (at - alert.since)
        needed = policy.quiet_needed(alert.kinds, max((alert.quiet_since or at) - opened, _ZERO))
        if is_proof and quiet >= needed and at - opened >= min(policy.min_open, needed):
            self._end("recovered", alert.last_bad_at)

    def _freeze(self) -> None:
        """There are no readings: what was counted so far stays."""
        alert = self.it
        if alert.condition != "frozen":
            watched = self.moment.previous or alert.since
            self._emit("frozen", counted_seconds=self._counted(watched))

    def _freeze_since_before(self) -> None:
        """No evaluation since the one before: the time between counts for nothing."""
        if self.it.condition != "frozen" and self.moment.previous is not None:
            self._emit("frozen", counted_seconds=self._counted(self.moment.previous))

    def _counted(self, watched: datetime) -> float:
        """Seconds of hold or of quiet until the last evaluation."""
        alert = self.it
        if alert.condition == "firing" and alert.state != "pending":
            return 0.0
        return (alert.counted + max(watched - alert.since, _ZERO)).total_seconds()

    def _expire(self) -> None:
        alert = self.it
        if alert.condition == "frozen" and self.moment.at - alert.since >= self.moment.policy.expire_after:
            self._emit("resolved", because="expired")

    def _facts(self, signal: Signal) -> dict[str, Json]:
        return {
            "kinds": list(signal.kinds),
            "summary": signal.summary,
            "evidence": signal.evidence,
            "classifier": signal.classifier,
            "lines": {metric: f"{line:.12g}" for metric, line in signal.lines.items()},
            "series": [] if signal.is_over else [one.row() for one in signal.series],
        }

    def _emit(self, kind: str, /, **detail: Json) -> None:
        event = _next(self.it, self.moment.at, kind, detail)
        self.alert = apply_to_alert(self.alert, event)
        self.events.append(event)
