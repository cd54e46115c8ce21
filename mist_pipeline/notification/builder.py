"""What a row of the outbox says: the message that every sink gets, made of the row, the ledger and its context.

Pure: no I/O, no clock. The row says what was true when it was decided (state, severity, sites in trouble), the ledger what
is known of the alerts by now. Names and sentences stay as they were typed: who renders them escapes them (``delivery``).
Not here: whether anybody is notified (``alerts.notify``), background (`context`, `charts`), sending (`worker`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from mist_pipeline.alerts.lifecycle.model import Alert, Incident, Worse, stable_id
from mist_pipeline.alerts.lifecycle.observations import COLLECTOR, is_pipeline
from mist_pipeline.alerts.notify.outcome import Delivery
from mist_pipeline.alerts.notify.plan import PAST
from mist_pipeline.delivery.message import AlertView, IncidentView, Message, Reason, SiteView, WorseView
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.delivery.rendering.incident_page import MOST_ALERTS
from mist_pipeline.domain import text
from mist_pipeline.domain.console_links import incident_url, incidents_url
from mist_pipeline.domain.severity import SEVERITIES, Severity, rank, worst
from mist_pipeline.domain.site_names import unnamed
from mist_pipeline.notification.impact import impact_view
from mist_pipeline.notification.message_context import Background, Pair, Subject, Surroundings
from mist_pipeline.notification.titles import digest_title, listed, with_size
from mist_pipeline.notification.worse import newest, told, worse_view

MOST_PICTURES = 3
"""Pictures that one message brings."""
MOST_PAIRS = MOST_ALERTS
"""Service levels whose background is worth reading: those of the alerts that a mail shows a row of."""

_REASONS: Mapping[str, Reason] = {
    **{reason: reason for reason in get_args(Reason)},
    # For a thread, a ticket or a page it is over; that nothing has recovered is said by ``merged_into``.
    "merged": "all_resolved",
}
_PIPELINE_NAME = "The pipeline"
_EXAMPLE = "Example site"
_STATUS_ORDER = {"open": 0, "acknowledged": 1, "resolved": 2}

Status = Literal["open", "acknowledged", "resolved"]
Scope = Literal["site", "infrastructure", "pipeline"]


@dataclass(frozen=True)
class _Statement:
    """What a row says about one incident: what was true when it was decided."""

    subject: Subject
    reason: str
    severity: Severity
    is_over: bool
    is_acknowledged: bool
    site_ids: frozenset[str] | None
    at: datetime
    worse: Worse | None

    @property
    def incident(self) -> Incident:
        return self.subject.incident

    @property
    def is_past(self) -> bool:
        """Whether a digest tells it because it was over before it was noticed."""
        return self.reason == PAST

    @property
    def status(self) -> Status:
        return "resolved" if self.is_over else "acknowledged" if self.is_acknowledged else "open"

    @property
    def ended_at(self) -> datetime | None:
        """When it was over; the ledger may have forgotten, since it came back."""
        if not self.is_over:
            return None
        known = self.incident.resolved_at
        return known if known is not None and known <= self.at else self.at

    def views(self, surroundings: Surroundings) -> list[AlertView]:
        """Its alerts as people see them, in no order."""
        return [_view(alert, self, surroundings) for alert in self.subject.alerts if self._shows(alert)]

    def _shows(self, alert: Alert) -> bool:
        """Whether an alert belongs into the message.

        Pending and lapsed ones do not, but one that people were notified of and that is pending again does. Silenced
        and inhibited ones do not: what was going on when the row was decided, at a site that it does not name, is one.
        """
        if alert.opened_at is None or alert.state == "lapsed":
            return False
        if self.is_over:
            return alert.opened_at <= self.at
        is_new = max(alert.opened_at, alert.pending_since) > self.at
        return not alert.is_active or is_new or self.site_ids is None or alert.site_id in self.site_ids


def incident_ids(delivery: Delivery) -> tuple[str, ...]:
    """The incidents that a row is about, which `compose` wants as subjects; none for a test."""
    if delivery.kind == "test":
        return ()
    if delivery.kind == "digest":
        return tuple(dict.fromkeys(str(one["incident_id"]) for one in _covers(delivery)))
    return (delivery.incident_id,)


def leading_pairs(
    delivery: Delivery,
    subjects: Mapping[str, Subject],
    site_names: Mapping[str, str] | None = None,
    most: int = MOST_PAIRS,
) -> tuple[Pair, ...]:
    """Site and metric of the alerts that lead the message, worst first: those whose background is worth reading.

    Args:
        delivery: The row.
        subjects: As for `compose`.
        site_names: As in the surroundings; alerts that are equally bad come in the order of names.
        most: At most so many.

    Raises:
        LookupError: A subject is missing.
    """
    if delivery.kind == "test":
        return ()
    alerts = _ordered(_statements(delivery, subjects), Surroundings(site_names=site_names or {}))
    pairs = dict.fromkeys((alert.site.site_id, alert.metric) for alert in alerts)
    return tuple(pair for pair in pairs if all(pair))[:most]


def compose(delivery: Delivery, subjects: Mapping[str, Subject], surroundings: Surroundings) -> Message:
    """The message of a row of the outbox.

    Args:
        delivery: The row, as it was leased.
        subjects: Incident id → incident with its alerts, of all that the row is about (`incident_ids`).
        surroundings: What it says besides.

    Raises:
        LookupError: An incident that the row is about is not among the subjects.
        ValueError: The row is none of the outbox: an unknown reason, a severity that is none, or a digest of nothing.
    """
    if delivery.reason not in _REASONS:
        raise ValueError(f"delivery {delivery.delivery_id}: {delivery.reason!r} is no reason of a message")
    if delivery.kind == "test":
        incident = _example(delivery, surroundings)
    else:
        statements = _statements(delivery, subjects)
        alerts = _ordered(statements, surroundings)
        make = _digest if delivery.kind == "digest" else _single
        incident = make(delivery, statements, alerts, surroundings)
    return Message(
        delivery_id=_delivery_id(delivery),
        reason=_REASONS[delivery.reason],
        sequence=delivery.sequence,
        incident=incident,
        # A row that was never leased has made no attempt yet.
        attempt=max(delivery.attempts, 1),
        reference=dict(delivery.reference),
        recipient=str(delivery.payload.get("detail", "")) if delivery.reason == "escalation" else "",
        unsure_since=delivery.unsure_since,
        served=delivery.served,
    )


def _delivery_id(delivery: Delivery) -> str:
    """The same for every attempt, and for no row of another ledger, whose rows are counted from 1 as well."""
    names = (delivery.incident_id, delivery.sink, delivery.reason, str(delivery.sequence))
    return f"{delivery.delivery_id}-{stable_id('delivery', *names)}"


def _covers(delivery: Delivery) -> Sequence[Mapping[str, Any]]:
    covers: Sequence[Mapping[str, Any]] = delivery.payload.get("covers", ())
    if not covers:
        raise ValueError(f"delivery {delivery.delivery_id}: a digest that covers no incident")
    return covers


def _statements(delivery: Delivery, subjects: Mapping[str, Subject]) -> list[_Statement]:
    """What the row says of each of its incidents, in its order."""
    if delivery.kind == "digest":
        rows = [(str(one["incident_id"]), str(one["reason"]), one) for one in _covers(delivery)]
    else:
        rows = [(delivery.incident_id, delivery.reason, delivery.payload)]
    found = []
    for incident_id, reason, said in rows:
        if incident_id not in subjects:
            raise LookupError(
                f"delivery {delivery.delivery_id} to {delivery.sink} is about incident {incident_id!r}, "
                "which the ledger does not have"
            )
        site_ids = said.get("site_ids")
        incident = subjects[incident_id].incident
        # What a row asks for is as old as the row; nobody is paged for what is over or taken by now.
        is_over = bool(said.get("is_over", False)) or not incident.is_active
        is_taken = bool(said.get("is_acknowledged", False)) or incident.state == "acknowledged"
        found.append(
            _Statement(
                subject=subjects[incident_id],
                reason=reason,
                severity=_severity(said),
                is_over=is_over,
                is_acknowledged=is_taken,
                site_ids=None if site_ids is None else frozenset(site_ids),
                at=delivery.created_at,
                worse=None if is_over else told(said, subjects[incident_id].alerts, delivery.created_at),
            )
        )
    return found


def _severity(said: Mapping[str, Any]) -> Severity:
    return SEVERITIES[rank(str(said["severity"]))]


def _ordered(statements: Sequence[_Statement], surroundings: Surroundings) -> list[AlertView]:
    """All alerts, each once, worst first: going on before taken before over, then by severity, then by name.

    What was over before it was noticed comes last.
    """
    views = {view.alert_id: view for one in statements for view in one.views(surroundings)}
    return sorted(
        views.values(),
        key=lambda view: (
            view.is_past,
            _STATUS_ORDER[view.status],
            -rank(view.severity),
            view.site.name.casefold(),
            view.site.site_id,
            view.alert_id,
        ),
    )


def _view(alert: Alert, statement: _Statement, surroundings: Surroundings) -> AlertView:
    is_over = statement.is_over or not alert.is_active
    ended_at = (
        min(alert.resolved_at or statement.at, statement.at) if statement.is_over else alert.resolved_at
    )
    return AlertView(
        alert_id=alert.alert_id,
        site=_site(alert.site_id, alert.family, surroundings),
        metric=alert.metric,
        family=alert.family,
        severity=alert.highest if is_over else alert.severity,
        status="resolved" if is_over else "acknowledged" if alert.state == "acknowledged" else "open",
        opened_at=alert.opened_at or alert.pending_since,
        resolved_at=ended_at if is_over else None,
        summaries=(alert.summary,) if alert.summary else (),
        classifier=alert.classifier,
        evidence=_evidence(alert, surroundings.background.get((alert.site_id, alert.metric))),
        began_at=alert.began_at,
        last_bad_at=_ended_bad_hours(alert, statement.at, is_over=is_over),
        is_past=alert.is_past,
    )


def _ended_bad_hours(alert: Alert, at: datetime, *, is_over: bool) -> datetime | None:
    """The end of its last bad hour, as it was known at an instant."""
    known = alert.last_bad_at
    if known is not None and known <= at:
        return known
    return min(alert.resolved_at or at, at) if is_over else None


def _last_bad_at(alerts: Sequence[AlertView]) -> datetime | None:
    """When the last of these alerts had its last bad hour; None while one goes on."""
    ends = [alert.last_bad_at for alert in alerts]
    return max((end for end in ends if end is not None), default=None) if None not in ends else None


def _site(site_id: str, family: str, surroundings: Surroundings) -> SiteView:
    if not site_id:
        return SiteView("", _PIPELINE_NAME if _is_our_own(family) else "")
    name = surroundings.site_names.get(site_id) or ""
    label = surroundings.site_labels.get(site_id) or unnamed(site_id)
    return SiteView(site_id, name, surroundings.site_url(site_id), label)


def _is_our_own(family: str) -> bool:
    """Whether trouble is that of the pipeline and not of the network."""
    return family == COLLECTOR or is_pipeline(family)


def _evidence(alert: Alert, background: Background | None) -> dict[str, object]:
    try:
        parsed = json.loads(alert.evidence) if alert.evidence else {}
    except ValueError:
        # A ledger is kept for years; what an older program wrote must not keep the message from being sent.
        parsed = {}
    evidence: dict[str, object] = dict(parsed) if isinstance(parsed, dict) else {}
    if background is not None and background.classifiers:
        day = background.classifiers_day
        evidence["classifiers"] = [
            {"classifier": row.classifier, "degraded_pct": row.degraded_pct, "num_users": row.num_users}
            for row in background.classifiers
        ]
        evidence["classifiers_day"] = None if day is None else day.isoformat()
    return evidence


def _single(
    delivery: Delivery,
    statements: Sequence[_Statement],
    alerts: Sequence[AlertView],
    surroundings: Surroundings,
) -> IncidentView:
    """The one incident of an ordinary row."""
    (one,) = statements
    scope = _scope(one.incident, alerts)
    return IncidentView(
        incident_id=one.incident.incident_id,
        fingerprint=one.incident.fingerprint,
        title=_title(one, scope, alerts, surroundings),
        severity=one.severity,
        scope=scope,
        status=one.status,
        opened_at=one.incident.opened_at,
        updated_at=delivery.created_at,
        resolved_at=one.ended_at,
        cause=_cause(one, scope, alerts, str(delivery.payload.get("detail", ""))),
        alerts=tuple(alerts),
        remediation=surroundings.remediation.for_alerts(alerts),
        report_url=surroundings.report_url,
        run_url=_failed_run_url(scope, alerts, surroundings) or surroundings.run_url,
        page_url=incident_url(surroundings.console_url, one.incident.incident_id),
        answer_urls=surroundings.answer_urls(one.incident.incident_id, delivery.created_at),
        charts=_charts(alerts, surroundings.background),
        merged_into=_merged_into(one, str(delivery.payload.get("detail", ""))),
        began_at=one.incident.began_at,
        last_bad_at=_last_bad_at(alerts),
        impact=impact_view(surroundings.impacts.get(one.incident.incident_id), surroundings),
        worse=_worse(statements, surroundings),
    )


def _failed_run_url(scope: Scope, alerts: Sequence[AlertView], surroundings: Surroundings) -> str | None:
    """The run that the pipeline's own trouble is about: its page says more than the run that sent the message."""
    if scope != "pipeline":
        return None
    runs = (alert.evidence.get("run_id") for alert in alerts)
    pages = (surroundings.failed_run_url(run) for run in runs if isinstance(run, str) and run)
    return next((page for page in pages if page), None)


def _digest(
    delivery: Delivery,
    statements: Sequence[_Statement],
    alerts: Sequence[AlertView],
    surroundings: Surroundings,
) -> IncidentView:
    """One incident that stands for all that quiet hours held back, and names what was over before it was noticed."""
    told = [one for one in statements if not one.is_past]
    lasting = [one for one in told if not one.is_over]
    left_out = int(delivery.payload.get("counted", 0))
    scopes = {_scope(one.incident, one.views(surroundings)) for one in told}
    shared = [one.incident.cause for one in told if one.incident.scope == "infrastructure"]
    return IncidentView(
        incident_id=delivery.incident_id,
        fingerprint=delivery.incident_id,
        title=digest_title(len(told), len(told) - len(lasting), len(statements) - len(told) + left_out),
        # As in any incident: the worst that goes on; of what is all over, the worst there was.
        severity=worst(one.severity for one in lasting or told),
        scope="pipeline" if scopes == {"pipeline"} else "infrastructure",
        status="open" if lasting else "resolved",
        opened_at=min(one.incident.opened_at for one in told),
        updated_at=delivery.created_at,
        resolved_at=None if lasting else max(one.ended_at or delivery.created_at for one in told),
        cause=listed(list(dict.fromkeys(shared))),
        alerts=tuple(alerts),
        remediation=surroundings.remediation.for_alerts(alerts),
        report_url=surroundings.report_url,
        run_url=surroundings.run_url,
        page_url=incidents_url(surroundings.console_url),
        charts=_charts(alerts, surroundings.background),
        began_at=min(one.incident.began_at or one.incident.opened_at for one in told),
        last_bad_at=_last_bad_at([alert for alert in alerts if not alert.is_past]) if not lasting else None,
        impact=impact_view(surroundings.impacts.get(delivery.incident_id), surroundings),
        past_left_out=left_out,
        worse=_worse([one for one in lasting if one.reason == "much_worse"], surroundings),
    )


def _worse(statements: Sequence[_Statement], surroundings: Surroundings) -> WorseView | None:
    """How the incidents of a row last became much worse."""
    worse = newest(one.worse for one in statements)
    if worse is None:
        return None
    alerts = [alert for one in statements for alert in one.subject.alerts if alert.alert_id == worse.alert_id]
    return worse_view(worse, _site(alerts[0].site_id, alerts[0].family, surroundings)) if alerts else None


def _example(delivery: Delivery, surroundings: Surroundings) -> IncidentView:
    """What a test shows: everything that a message has, of a site that does not exist."""
    alert = AlertView(
        alert_id=f"{delivery.incident_id}-alert",
        site=SiteView("example", _EXAMPLE),
        metric="coverage",
        family="radio",
        severity=_severity(delivery.payload),
        status="open",
        opened_at=delivery.created_at,
        summaries=("This is an example of an alert; its numbers are made up.",),
        classifier="weak-signal",
        evidence={
            "classifiers": [
                {"classifier": "weak-signal", "degraded_pct": 23.4, "num_users": 31},
                {"classifier": "asymmetry-uplink", "degraded_pct": 6.1, "num_users": 9},
            ]
        },
    )
    return IncidentView(
        incident_id=delivery.incident_id,
        fingerprint=stable_id("test", delivery.sink),
        title="An example incident, to try out how messages arrive",
        severity=alert.severity,
        scope="site",
        status="open",
        opened_at=delivery.created_at,
        updated_at=delivery.created_at,
        cause="Somebody asked for a test message. There is no such site, and nothing needs to be done.",
        alerts=(alert,),
        remediation=surroundings.remediation.for_alerts((alert,)),
        report_url=surroundings.report_url,
        run_url=surroundings.run_url,
    )


def _scope(incident: Incident, alerts: Sequence[AlertView]) -> Scope:
    if alerts:
        is_own = all(not alert.site.site_id and _is_our_own(alert.family) for alert in alerts)
    else:
        is_own = incident.scope == "site" and not incident.value and _is_our_own(incident.family)
    return "pipeline" if is_own else incident.scope


def _title(
    statement: _Statement, scope: Scope, alerts: Sequence[AlertView], surroundings: Surroundings
) -> str:
    """One sentence: where, and what; of a shared cause what, and at how many sites."""
    incident = statement.incident
    sites = {alert.site.site_id: alert.site for alert in alerts}
    if scope == "infrastructure":
        return with_size(incident, len(sites))
    sentence = wording.summary_of(alerts[0]) if alerts else incident.cause
    if scope == "pipeline":
        return sentence.removesuffix(".")
    # An incident whose alerts have gone elsewhere still knows whose it was.
    home = alerts[0].site if alerts else _site(incident.value, incident.family, surroundings)
    label = wording.site_labels(sites.values() or [home])[home.site_id]
    return f"{label}: {sentence}".removesuffix(".")


def _cause(statement: _Statement, scope: Scope, alerts: Sequence[AlertView], detail: str) -> str:
    cause = statement.incident.cause
    if scope != "infrastructure":
        # What one site's incident is called by is the sentence of its first alert.
        is_in_title = not alerts or cause in alerts[0].summaries
        cause = "" if is_in_title or not cause else f"It began with: {cause}"
    if other := _merged_into(statement, detail):
        return f"It is now part of incident {other}. {cause}".strip()
    return cause


def _merged_into(statement: _Statement, detail: str) -> str:
    """Where the alerts went, if that is the news."""
    if statement.reason != "merged":
        return ""
    return detail or statement.incident.merged_into or "unknown"


def _charts(alerts: Sequence[AlertView], background: Mapping[Pair, Background]) -> dict[str, bytes]:
    """The pictures of the worst alerts that have one, under names that say what and where."""
    labels = wording.site_labels({alert.site.site_id: alert.site for alert in alerts}.values())
    chosen: dict[Pair, tuple[AlertView, bytes]] = {}
    for alert in alerts:
        pair = (alert.site.site_id, alert.metric)
        picture = background[pair].picture if pair in background else None
        if picture is not None and len(chosen) < MOST_PICTURES:
            chosen.setdefault(pair, (alert, picture))
    charts: dict[str, bytes] = {}
    for number, (alert, picture) in enumerate(chosen.values(), 1):
        # A mail shows the name as a heading, and takes two that it cuts to the same for one picture: so they are numbered.
        place = labels[alert.site.site_id].replace("/", " ")
        name = f"{wording.subject_of(alert)} at {place}"
        numbered = name if len(chosen) == 1 else f"{number}. {name}"
        charts[f"{text.clipped(numbered, text.NAME_LENGTH)}.png"] = picture
    return charts
