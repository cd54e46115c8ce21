"""ServiceNow incidents over the Table API.

Here: one record per incident that follows its life. Not here: what the Table API understands
(`servicenow_api`), the words (`ticket_templates`), what tickets of every system share (`tickets`).

The record carries our ``correlation_id``, made of the cause and the incident. ServiceNow does not keep it unique, and
it *ignores* a query on a field that it does not know, answering with other people's records: so nothing is written to
a record before its ``correlation_id`` was read and is ours. ``correlation_display`` holds the mark of the last
delivery, written together with its work note, so that a repetition is recognised. Resolved records are reopened inside
the window; closed and cancelled ones never are, they get a successor.
"""

import re
import time
from collections.abc import Callable, Mapping

from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.sink import Accepted, Outcome, Refused, Retry, Unknown
from mist_pipeline.delivery.tickets.client import StoppedError
from mist_pipeline.delivery.tickets.jira.markup import plain
from mist_pipeline.delivery.tickets.policy import (
    WAKING_REASONS,
    Clock,
    TicketStatus,
    cause_name,
    delivery_mark,
    incident_name,
    problem_with_recipient,
    still_unknown,
    unusable,
    utc_now,
)
from mist_pipeline.delivery.tickets.servicenow.api import Record, ServiceNowApi, ServiceNowConfig
from mist_pipeline.delivery.tickets.ticket_text import TicketTemplates
from mist_pipeline.domain.text import clipped
from mist_pipeline.http_client.session import HttpLimits

_JOURNAL_CODE = re.compile(r"\[(?=\s*/?\s*code)", re.IGNORECASE)


class ServiceNowSink:
    """One table of one instance.

    Args:
        config: Where records go and how they look.
        clock: Tells the time; ages of records are measured by it.
        pause: Waits some seconds, between two searches of one ``recover``.
        templates: The words; the house's by default.
        limits: Limits of one request.
    """

    def __init__(
        self,
        config: ServiceNowConfig,
        *,
        clock: Clock = utc_now,
        pause: Callable[[float], None] = time.sleep,
        templates: TicketTemplates | None = None,
        limits: HttpLimits | None = None,
    ) -> None:
        self._config = config
        self._policy = config.policy
        self._clock = clock
        self._pause = pause
        self._templates = templates or TicketTemplates()
        self._api = ServiceNowApi(config, limits)

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self._config.name

    def problem_with(self, recipient: str) -> str | None:
        """Why a route must not name this recipient, None if it may."""
        return problem_with_recipient(recipient)

    def send(self, message: Message) -> Outcome:
        """Create the record of an incident, or note, follow the severity, resolve, reopen."""
        return self._guarded(message, is_recovery=False)

    def recover(self, message: Message) -> Outcome:
        """Look up what became of a message; create the record only once a search would surely show it."""
        return self._guarded(message, is_recovery=True)

    def read_status(self, reference: Mapping[str, str]) -> TicketStatus | Retry | Refused:
        """Whether a person has taken or closed the record.

        What this program did itself is known from the reference: the state it set, whom the record was assigned to by
        then, and whether it resolved it.
        """
        if not reference.get("cause"):
            return Refused("ServiceNow: the reference names no cause, so the record could be anybody's")
        try:
            record = self._api.read(reference.get("sys_id", ""), reference["cause"])
        except StoppedError as stopped:
            return stopped.outcome if isinstance(stopped.outcome, Refused) else Retry(str(stopped))
        if record is None:
            return Refused(
                f"ServiceNow: {reference.get('number', 'the record')} is gone, or hidden from this account"
            )
        return self._status(record, reference)

    def _status(self, record: Record, reference: Mapping[str, str]) -> TicketStatus:
        states = self._config.states
        if self._is_done(record):
            if reference.get("state") == states.resolved:
                return TicketStatus("closed", at=record.ended_at())
            who = record.shown["closed_by"] or record.shown["resolved_by"] or record.shown["sys_updated_by"]
            return TicketStatus("closed", is_by_person=True, who=who, at=record.ended_at())
        is_in_work = record.state in (states.in_progress, states.on_hold)
        is_moved = is_in_work and record.state != reference.get("state")
        is_assigned = record.values["assigned_to"] not in ("", reference.get("assigned_to", ""))
        if not (is_moved or is_assigned):
            return TicketStatus("open")
        return TicketStatus(
            "acknowledged",
            is_by_person=True,
            who=record.shown["assigned_to"] or record.shown["sys_updated_by"],
            # The record says when it was last touched, by anybody, and not when it was taken.
            at=None,
        )

    def _guarded(self, message: Message, *, is_recovery: bool) -> Outcome:
        try:
            return unusable(message) or self._tell(message, is_recovery=is_recovery)
        except StoppedError as stopped:
            return still_unknown(stopped.outcome) if is_recovery else stopped.outcome

    def _tell(self, message: Message, *, is_recovery: bool) -> Outcome:
        """Find the record by its stored sys_id, else by its correlation id, else create it."""
        known = self._api.read(message.reference.get("sys_id", ""), cause_name(message.incident))
        if known is not None and not self._is_over(known, message):
            return self._follow(message, known)
        own, previous = self._look_up(message, self._policy.lookups if is_recovery else 1)
        if own:
            return self._follow(message, own[0])
        if message.incident.status == "resolved" and message.reason != "first":
            return Accepted(message.reference, "recovered before it had a record")
        if is_recovery and not self._policy.is_settled(message, self._clock()):
            return Unknown(
                f"ServiceNow: no record has the correlation id {_correlation_id(message)} yet", is_older=True
            )
        previous = previous or known
        # A closed predecessor is woken by what wants a person; anything else gets a record of its own.
        is_of_use = previous is not None and (
            not self._is_done(previous)
            or (message.reason in WAKING_REASONS and not self._is_over(previous, message))
        )
        if previous is not None and is_of_use:
            return self._follow(message, previous)
        return self._create(message, previous)

    def _is_dead(self, record: Record) -> bool:
        return record.state in self._config.states.over

    def _is_done(self, record: Record) -> bool:
        return self._is_dead(record) or record.state == self._config.states.resolved

    def _is_over(self, record: Record, message: Message) -> bool:
        """Whether the message needs a new record: a person is wanted, and this one is closed or long resolved."""
        if message.reason not in WAKING_REASONS:
            return False
        if self._is_dead(record):
            return True
        return record.state == self._config.states.resolved and not self._policy.is_within_reopening(
            record.ended_at(), self._clock()
        )

    def _look_up(self, message: Message, lookups: int) -> tuple[list[Record], Record | None]:
        """Records of this incident that are not over, open ones and then the oldest first; and the newest other one."""
        for number in range(lookups):
            if number:
                self._pause(self._policy.lookup_pause_seconds)
            found = self._api.search(cause_name(message.incident))
            own = [
                record
                for record in found
                if record.values["correlation_id"] == _correlation_id(message)
                and not self._is_over(record, message)
            ]
            if own:
                return sorted(own, key=lambda record: (self._is_done(record), _age(record))), None
        return [], max(found, key=_age, default=None)

    def _create(self, message: Message, previous: Record | None) -> Outcome:
        incident, states = message.incident, self._config.states
        number = previous.values["number"] if previous else ""
        ticket = self._templates.ticket(
            message, lambda text: len(plain(text)) <= self._config.description_limit, previous=number
        )
        impact, urgency = self._config.impact_urgency[incident.severity]
        values = {
            **self._config.fields,
            "short_description": clipped(ticket.summary, 160),
            "description": plain(ticket.body),
            "impact": impact,
            "urgency": urgency,
            "correlation_id": _correlation_id(message),
            "correlation_display": delivery_mark(message),
        }
        if previous is not None:
            values["parent_incident"] = previous.sys_id
        created = self._api.create(values)
        if created is None:
            return Unknown("ServiceNow: a record was created, but the answer does not name it")
        # The record exists: whatever fails from here on must not hide its sys_id.
        try:
            own, _ = self._look_up(message, 1)
            if own and own[0].sys_id != created.sys_id and _age(own[0]) <= _age(created):
                # Somebody else was faster.
                return self._follow(message, own[0])
            if incident.status == "resolved" and self._policy.on_resolve == "auto":
                self._api.change(created, self._resolution(message))
                return Accepted(self._reference(message, created, states.resolved), "created and resolved")
        except StoppedError as stopped:
            return Accepted(self._reference(message, created, states.new), f"created; {stopped}")
        return Accepted(self._reference(message, created, states.new), f"created {created.values['number']}")

    def _follow(self, message: Message, record: Record) -> Outcome:
        """Bring a record to where its incident is, in one write. May be done again."""
        incident = message.incident
        if self._is_dead(record):
            return Accepted(message.reference, f"{record.values['number']} is closed; it is not written to")
        values: dict[str, str] = {}
        has_heard = record.values["correlation_display"] == delivery_mark(message)
        if not has_heard:
            note = self._templates.comment(message, lambda text: len(_note(text)) <= self._config.note_limit)
            values |= {"work_notes": _note(note), "correlation_display": delivery_mark(message)}
        if record.values["correlation_id"] != _correlation_id(message):
            values["correlation_id"] = _correlation_id(message)
        if incident.status != "resolved" and message.reference.get("severity") != incident.severity:
            impact, urgency = self._config.impact_urgency[incident.severity]
            values |= {"impact": impact, "urgency": urgency}
        change, state = self._change_of_state(message, record, has_heard=has_heard)
        values |= change
        if values:
            self._api.change(record, values)
        note = f"updated {record.values['number']}"
        try:
            self._close_extras(message, record)
        except StoppedError as stopped:
            note = f"{note}; {stopped}"
        return Accepted(self._reference(message, record, state, is_set="state" in values), note)

    def _change_of_state(
        self, message: Message, record: Record, *, has_heard: bool
    ) -> tuple[dict[str, str], str]:
        """What to write to resolve or reopen, and the state that this program answers for afterwards."""
        states = self._config.states
        ours = message.reference.get("state", states.new)
        is_resolved = record.state == states.resolved
        if message.incident.status == "resolved":
            if self._policy.on_resolve != "auto":
                return {}, ours
            if not is_resolved:
                return self._resolution(message), states.resolved
            # If it was not an earlier attempt, a person was faster, and it stays that person's doing.
            return {}, states.resolved if has_heard else ours
        if message.reason not in WAKING_REASONS:
            return {}, ours
        if is_resolved:
            return {"state": states.new}, states.new
        return {}, states.new if has_heard and ours == states.resolved else ours

    def _close_extras(self, message: Message, kept: Record) -> None:
        """Resolve what else was opened for the incident, by two workers at one moment."""
        own, _ = self._look_up(message, 1)
        for extra in own:
            if extra.sys_id != kept.sys_id and not self._is_done(extra):
                self._api.change(
                    extra,
                    {
                        "state": self._config.states.resolved,
                        "close_code": self._config.duplicate_close_code,
                        "close_notes": f"Duplicate of {kept.values['number']}",
                    },
                )

    def _resolution(self, message: Message) -> dict[str, str]:
        return {
            "state": self._config.states.resolved,
            "close_code": self._config.close_code,
            "close_notes": f"Recovered by itself, seen by mist-pipeline. {delivery_mark(message)}",
        }

    def _reference(
        self, message: Message, record: Record, state: str, *, is_set: bool = True
    ) -> dict[str, str]:
        """What the ledger keeps: the record, and what this program made of it (see `read_status`)."""
        is_ours_anew = is_set or state != message.reference.get("state")
        return {
            "sys_id": record.sys_id,
            "number": record.values["number"],
            "url": self._api.url(record.sys_id),
            "cause": cause_name(message.incident),
            "severity": message.incident.severity,
            "state": state,
            "assigned_to": record.values["assigned_to"]
            if is_ours_anew
            else message.reference.get("assigned_to", ""),
        }


def _correlation_id(message: Message) -> str:
    return f"{cause_name(message.incident)}.{incident_name(message.incident)}"


def _age(record: Record) -> tuple[str, str]:
    """Sorts oldest first; creation has a resolution of one second, so the number decides ties."""
    return record.values["sys_created_on"], record.values["number"]


def _note(text: str) -> str:
    """A work note: plain text in which nobody's name can switch on HTML, which ``[code]`` does."""
    return _JOURNAL_CODE.sub("(", plain(text))
