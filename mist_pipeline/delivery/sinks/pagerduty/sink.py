"""PagerDuty by Events API v2: a page is opened, acknowledged and resolved with the incident.

Here: what is sent to PagerDuty. Not here: what PagerDuty sends back, such as that somebody acknowledged (`inbound`).

A trigger under the key of an open or acknowledged page notifies nobody. So every rise in severity, every much worse level and every call of an
escalation gets a key of its own, and the key before it is resolved once the new one is accepted. The reference holds the
keys still open, per recipient.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from mist_pipeline.delivery.http_outcome import no_answer, refusal
from mist_pipeline.delivery.message import IncidentView, Message, Reason
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.delivery.sink import Accepted, Outcome, Refused, Retry, Unknown
from mist_pipeline.delivery.sinks.pagerduty.keys import dedup_key
from mist_pipeline.domain.text import clean, clipped, count, safe_url
from mist_pipeline.http_client.failures import NoAnswerError, excerpt
from mist_pipeline.http_client.secrets import Secret, Secrets
from mist_pipeline.http_client.session import HttpAnswer, HttpLimits, as_json, send
from mist_pipeline.http_client.urls import checked_base_url

_ACCEPTED, _INVALID = 202, 400
_SUMMARY_LENGTH = 1024
_SOURCE_LENGTH = 255
# PagerDuty refuses an event of 512 KB.
_EVENT_BYTES = 500_000
_MOST_LINES = 500
_MOST_STEPS = 20
_STEPS_LENGTH = 10_000
_SEVERITIES = {"critical": "critical", "major": "error", "warning": "warning", "info": "info"}
_NEW_KEY: frozenset[Reason] = frozenset({"severity_rise", "much_worse", "reopened", "escalation"})
_NO_KEY: frozenset[Reason] = frozenset({"acknowledged", "unacknowledged", "all_resolved", "test"})
"""Reasons that never open a page that stays."""


class PagerDutySink:
    """Pages people.

    Args:
        name: Its name in the configuration.
        routing_key: Integration key of the service that is paged.
        others: Integration keys of further services by a name of one's own, which routes and escalation steps give as
            the recipient.
        url: Of the Events API.
        limits: Of one request.
    """

    def __init__(
        self,
        name: str,
        routing_key: Secret,
        others: Mapping[str, Secret] | None = None,
        *,
        url: str,
        limits: HttpLimits | None = None,
    ) -> None:
        self._name = name
        self._keys = {"": routing_key, **(others or {})}
        for recipient, key in self._keys.items():
            if not key.reveal().isalnum():
                where = f"{name}, {recipient}" if recipient else name
                raise ValueError(f"pagerduty of {where}: a routing key is letters and digits only")
        self._url = f"{checked_base_url(url, f'pagerduty url of {name}')}/v2/enqueue"
        self._limits = limits

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self._name

    def problem_with(self, recipient: str) -> str | None:
        """Why a route must not name this recipient (a service), None if it may."""
        if recipient in self._keys:
            return None
        known = ", ".join(name for name in self._keys if name) or "none are configured"
        return f"{clean(recipient, 80)!r} is no PagerDuty service of {self._name} ({known})"

    def send(self, message: Message) -> Outcome:
        """Trigger, acknowledge or resolve, as the incident is."""
        if problem := self.problem_with(message.recipient):
            return Refused(problem)
        if message.reason == "test":
            return self._test(message)
        message = replace(message, reference=_with_lost(message))
        if message.incident.status == "resolved":
            return self._resolve_all(message)
        if message.reason == "acknowledged":
            return self._acknowledge_all(message)
        if message.reason == "unacknowledged":
            return Accepted(
                dict(message.reference), "PagerDuty calls again by itself; no event can tell it to"
            )
        return self._trigger(message)

    def recover(self, message: Message) -> Outcome:
        """Send it again: PagerDuty joins events of one key."""
        return self.send(message)

    def reclaim(self, message: Message) -> Accepted:
        """What a page that nobody needs any more is called by, should it ring; it is not sent again."""
        return Accepted(_with_lost(message), "withdrawn; should it have rung before, it is silenced")

    def _trigger(self, message: Message) -> Outcome:
        before = _open_keys(message.reference, message.recipient)
        is_worse = message.reason in _NEW_KEY
        if message.incident.status == "acknowledged":
            return Accepted(dict(message.reference), "somebody is working on it already: nobody was paged")
        is_new = not before or is_worse
        key = dedup_key(message) if is_new else before[-1]
        outcome = self._event(message.recipient, trigger_event(message, key))
        if outcome is not None:
            return outcome
        older = [one for one in before if one != key]
        left, pause = list[str](), None
        for one in older:
            trouble = (
                None if pause is not None else self._event(message.recipient, _short_event("resolve", one))
            )
            pause = _pause(trouble) if pause is None else pause
            if trouble is not None or pause is not None:
                left.append(one)
        note = f"{count(len(left), 'earlier page')} could not be resolved yet" if left else ""
        return Accepted(_with_keys(message.reference, message.recipient, [*left, key]), note, pause)

    def _acknowledge_all(self, message: Message) -> Outcome:
        return self._everywhere(message, "acknowledge") or Accepted(dict(message.reference))

    def _resolve_all(self, message: Message) -> Outcome:
        if trouble := self._everywhere(message, "resolve"):
            return trouble
        known = {_place(recipient) for recipient in self._keys}
        lost = sorted(place.partition("/")[2] for place in message.reference if place not in known)
        note = (
            f"pages of services that are not configured any more stay open: {', '.join(lost)}" if lost else ""
        )
        return Accepted({}, note)

    def _test(self, message: Message) -> Outcome:
        """A page that opens and closes, so that a test leaves nothing behind."""
        key = dedup_key(message)
        opened = self._event(message.recipient, trigger_event(message, key))
        if opened is not None and _pause(opened) is not None:
            return opened
        closed = self._event(message.recipient, _short_event("resolve", key))
        return _worst([opened, closed]) or Accepted(message.reference)

    def _everywhere(self, message: Message, action: Literal["acknowledge", "resolve"]) -> Outcome | None:
        """One event for every key still open, of every recipient.

        One that fails holds up none of the others, unless PagerDuty wants to be left alone.
        """
        outcomes: list[Retry | Unknown | Refused | None] = []
        for recipient in self._keys:
            for key in _open_keys(message.reference, recipient):
                outcomes.append(self._event(recipient, _short_event(action, key)))
                if _pause(outcomes[-1]) is not None:
                    return outcomes[-1]
        return _worst(outcomes)

    def _event(self, recipient: str, event: Mapping[str, Any]) -> Retry | Unknown | Refused | None:
        """Send one event; None if it was accepted."""
        routing_key = self._keys[recipient]
        body = as_json({"routing_key": routing_key.reveal(), **event})
        try:
            answer = send("POST", self._url, body=body, limits=self._limits)
        except NoAnswerError as error:
            return no_answer(error)
        if answer.status == _INVALID:
            return Refused(f"PagerDuty answered 400: {_errors(answer, routing_key)}")
        trouble = refusal(answer, "PagerDuty", [routing_key])
        if trouble is None and answer.status != _ACCEPTED:
            return Retry(f"PagerDuty answered {answer.status} and not 202; is a proxy in between?")
        return trouble


def trigger_event(message: Message, key: str) -> dict[str, Any]:
    """The event that pages, within PagerDuty's limits for any size of incident."""
    incident = message.incident
    worst = incident.alerts[0] if incident.alerts else None
    payload = {
        "summary": clipped(wording.headline(message), _SUMMARY_LENGTH),
        "source": clipped(wording.places(incident), _SOURCE_LENGTH) if worst else "mist-pipeline",
        "severity": "info" if message.reason == "test" else _SEVERITIES[incident.severity],
        "timestamp": incident.updated_at.isoformat(),
        "component": worst.family if worst else "",
        "group": incident.scope,
        "class": wording.subject_of(worst) if worst else "",
    }
    details: dict[str, Any] = {
        "why": wording.why(message),
        **dict(wording.facts(incident)),
        "what usually helps": wording.fitting(wording.steps(incident), _STEPS_LENGTH, _MOST_STEPS),
        "incident_id": incident.incident_id,
    }
    event: dict[str, Any] = {
        "event_action": "trigger",
        "dedup_key": key,
        # Of all that is sent, only the client comes back by webhook, and so the key is its name (`inbound`).
        "client": key,
        **({"client_url": url} if (url := _client_url(incident)) else {}),
        "links": [{"href": href, "text": text} for text, href in wording.links(incident)],
        "payload": {**payload, "custom_details": details},
    }
    # What the rest takes is measured, so that the children get all that is left.
    left = _EVENT_BYTES - len(as_json(event))
    details["alerts"] = wording.fitting(
        wording.lines_of(incident), left, _MOST_LINES, lambda line: len(as_json(line))
    )
    return event


def _client_url(incident: IncidentView) -> str | None:
    """Where people go from PagerDuty: its page in the console, the report, or whatever else there is."""
    known = safe_url(incident.page_url) or safe_url(incident.report_url)
    return known or next((href for _text, href in wording.links(incident)), None)


def _errors(answer: HttpAnswer, routing_key: Secret) -> str:
    """What PagerDuty finds wrong with an event, in its own words."""
    document = answer.document()
    if isinstance(document, dict) and isinstance(document.get("errors"), list):
        text = "; ".join(map(str, [document.get("message") or "invalid event", *document["errors"]]))
    else:
        text = answer.text
    return excerpt(Secrets([routing_key]).hide(text))


def _short_event(action: Literal["acknowledge", "resolve"], key: str) -> dict[str, Any]:
    return {"event_action": action, "dedup_key": key}


def _pause(trouble: Retry | Unknown | Refused | None) -> float | None:
    """How long PagerDuty wants to be left alone, in seconds; None if it does not say so."""
    return trouble.after_seconds if isinstance(trouble, Retry) else None


def _worst(outcomes: Sequence[Retry | Unknown | Refused | None]) -> Retry | Unknown | Refused | None:
    """What several events mean together: another attempt while it may help for one of them. Events may be repeated."""
    for kind in (Retry, Unknown, Refused):
        for outcome in outcomes:
            if isinstance(outcome, kind):
                return outcome
    return None


def _with_lost(message: Message) -> Mapping[str, str]:
    """The reference with the key that an earlier attempt may have opened, whose answer nobody wrote down.

    Whatever became of the incident meanwhile, that page rings until its key is acknowledged or resolved.
    """
    before = _open_keys(message.reference, message.recipient)
    if message.attempt == 1 or message.reason in _NO_KEY or (before and message.reason not in _NEW_KEY):
        return message.reference
    keys = dict.fromkeys([*before, dedup_key(message)])
    return _with_keys(message.reference, message.recipient, list(keys))


def _open_keys(reference: Mapping[str, str], recipient: str) -> list[str]:
    return reference.get(_place(recipient), "").split()


def _with_keys(reference: Mapping[str, str], recipient: str, keys: Sequence[str]) -> dict[str, str]:
    return {**reference, _place(recipient): " ".join(keys)}


def _place(recipient: str) -> str:
    return f"open_keys/{recipient}" if recipient else "open_keys"
