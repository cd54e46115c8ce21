"""Jira tickets: Cloud (REST v3, ADF) and Data Center (REST v2, wiki markup).

Here: one ticket per incident that follows its life. Not here: what Jira understands (`jira_api`, `jira_format`), the
words (`ticket_templates`), what tickets of every system share (`tickets`).

Jira has no idempotency key, and its search shows new issues only after seconds to minutes. Hence: both names of the
incident are labels of the issue; a known issue is read by key, never searched; a create whose answer is missing is
`Unknown` until a search finds it or `TicketPolicy.settle` is over; where two were created all the same, the oldest
stays and the others are closed as its duplicates. Everything but the creation is a step towards a wanted state, or
leaves a mark that a repetition finds, so it may be done again.

Sources: Atlassian, "The Jira Cloud platform REST API" v3, and "Search after write with search and reconcile" for the
delay of its search; "Jira Data Center REST API" v2.
"""

import contextlib
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.sink import Accepted, Outcome, Refused, Retry, Unknown
from mist_pipeline.delivery.tickets.client import StoppedError
from mist_pipeline.delivery.tickets.jira.api import Change, Issue, JiraApi, JiraConfig
from mist_pipeline.delivery.tickets.jira.markup import SUMMARY_LIMIT, clip
from mist_pipeline.delivery.tickets.policy import (
    DUPLICATE_LABEL,
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
from mist_pipeline.delivery.tickets.ticket_text import TicketTemplates
from mist_pipeline.http_client.session import HttpLimits

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*-[0-9]+", re.ASCII)


class JiraSink:
    """One project of one Jira.

    Args:
        config: Where tickets go and how they look.
        clock: Tells the time; ages of tickets are measured by it.
        pause: Waits some seconds, between two searches of one ``recover``.
        templates: The words; the house's by default.
        limits: Limits of one request.
    """

    def __init__(
        self,
        config: JiraConfig,
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
        self._api = JiraApi(config, limits)
        self._own_id = ""

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self._config.name

    def problem_with(self, recipient: str) -> str | None:
        """Why a route must not name this recipient, None if it may."""
        return problem_with_recipient(recipient)

    def send(self, message: Message) -> Outcome:
        """Create the ticket of an incident, or comment, follow the severity, resolve, reopen."""
        return self._guarded(message, is_recovery=False)

    def recover(self, message: Message) -> Outcome:
        """Look up what became of a message; create the ticket only once a search would surely show it."""
        return self._guarded(message, is_recovery=True)

    def read_status(self, reference: Mapping[str, str]) -> TicketStatus | Retry | Refused:
        """Whether a person has taken or closed the ticket, by its history.

        Changes by this program's own account and by apps (automation) are nobody's hand. What lies before the last
        status set by this program, such as a reopening, is over.
        """
        key = reference.get("key", "")
        if not _KEY.fullmatch(key):
            return Refused("Jira: the reference holds no issue key, so there is no ticket to read")
        try:
            found = self._api.history(key)
            self._own_id = self._own_id or self._api.own_id()
        except StoppedError as stopped:
            return stopped.outcome if isinstance(stopped.outcome, Refused) else Retry(str(stopped))
        if found is None:
            return Refused(f"Jira: {key} is gone, or hidden from this account")
        return self._status(*found)

    def _status(self, issue: Issue, changes: Sequence[Change]) -> TicketStatus:
        """``changes`` newest first. What was given back (unassigned, moved back to new) is open again."""
        by_people: list[Change] = []
        for change in changes:
            if change.author_id == self._own_id and "status" in change.fields:
                break
            if change.author_id != self._own_id and not change.is_app:
                by_people.append(change)
        moved = next((change for change in by_people if "status" in change.fields), None)
        assigned = next((change for change in by_people if "assignee" in change.fields), None)
        if issue.is_done:
            if moved is None:
                return TicketStatus("closed", at=issue.closed_at)
            return TicketStatus("closed", is_by_person=True, who=moved.author, at=moved.at)
        hand = moved if issue.category == "indeterminate" else None
        if hand is None and assigned is not None and assigned.fields["assignee"]:
            hand = assigned
        if hand is None:
            return TicketStatus("open")
        return TicketStatus("acknowledged", is_by_person=True, who=hand.author, at=hand.at)

    def _guarded(self, message: Message, *, is_recovery: bool) -> Outcome:
        try:
            return unusable(message) or self._tell(message, is_recovery=is_recovery)
        except StoppedError as stopped:
            return still_unknown(stopped.outcome) if is_recovery else stopped.outcome

    def _tell(self, message: Message, *, is_recovery: bool) -> Outcome:
        """Find the ticket by its stored key, else by its labels, else create it."""
        key = message.reference.get("key", "")
        known = self._api.read(key) if _KEY.fullmatch(key) else None
        if known is not None and not self._is_over(known, message):
            return self._follow(message, known, is_unsure=is_recovery or message.attempt > 1)
        own, previous = self._look_up(message, self._policy.lookups if is_recovery else 1)
        if own:
            return self._follow(message, own[0], is_unsure=True)
        if is_recovery and not self._policy.is_settled(message, self._clock()):
            return Unknown(
                f"Jira: no issue has the label {incident_name(message.incident)} yet; search may lag",
                is_older=True,
            )
        return self._begin(message, previous or known, is_lost=bool(key) and known is None)

    def _begin(self, message: Message, previous: Issue | None, *, is_lost: bool) -> Outcome:
        """A ticket for an incident that has none: the one of its cause, if that is not over, else a new one."""
        if message.incident.status == "resolved" and message.reason != "first":
            return Accepted(message.reference, "recovered before it had a ticket")
        if is_lost and "replaced" in message.reference:
            return Refused(
                f"Jira: {message.reference['key']} is gone or hidden, and so was {message.reference['replaced']} before it;"
                " does this account have the Browse permission?"
            )
        # A closed predecessor is woken by what wants a person; anything else gets a ticket of its own.
        is_of_use = previous is not None and (
            not previous.is_done
            or (message.reason in WAKING_REASONS and not self._is_over(previous, message))
        )
        if previous is not None and is_of_use:
            self._api.add_labels(previous.key, [incident_name(message.incident)])
            return self._follow(message, previous, is_unsure=True)
        return self._create(message, previous)

    def _is_over(self, issue: Issue, message: Message) -> bool:
        """Whether the message needs a new ticket: a person is wanted, and this one was closed too long ago."""
        return (
            issue.is_done
            and message.reason in WAKING_REASONS
            and not self._policy.is_within_reopening(issue.closed_at, self._clock())
        )

    def _look_up(self, message: Message, lookups: int) -> tuple[list[Issue], Issue | None]:
        """Tickets of this incident that are not over, open ones and then the oldest first; and the newest other one.

        A search shows what was, so whatever is decided upon is read anew.
        """
        name = incident_name(message.incident)
        for number in range(lookups):
            if number:
                self._pause(self._policy.lookup_pause_seconds)
            found = self._api.search(cause_name(message.incident))
            own = [
                issue for each in found if name in each.labels and (issue := self._fresh(each)) is not None
            ]
            current = [issue for issue in own if not self._is_over(issue, message)]
            if current:
                return sorted(current, key=lambda issue: (issue.is_done, issue.number)), None
        others = (self._fresh(each) for each in reversed(found))
        return [], next((issue for issue in others if issue is not None), None)

    def _fresh(self, found: Issue) -> Issue | None:
        """A found issue as it is now; None if it is gone or somebody's duplicate."""
        issue = self._api.read(found.key)
        return None if issue is None or DUPLICATE_LABEL in issue.labels else issue

    def _create(self, message: Message, previous: Issue | None) -> Outcome:
        incident = message.incident
        ticket = self._templates.ticket(message, self._api.fits, previous=previous.key if previous else "")
        key = self._api.create(
            clip(ticket.summary, SUMMARY_LIMIT),
            ticket.body,
            [cause_name(incident), incident_name(incident)],
            incident.severity,
        )
        if not _KEY.fullmatch(key):
            return Unknown("Jira: an issue was created, but the answer does not name it")
        # The ticket exists: whatever fails from here on must not hide its key.
        notes = [f"created {key}"]
        with _noting(notes):
            if previous is not None:
                self._api.link(self._config.relates_link, key, previous.key)
        with _noting(notes):
            mine = self._api.read(key)
            own, _ = self._look_up(message, 1)
            older = next((issue for issue in own if mine and issue.number < mine.number), None)
            if mine and older:
                # Somebody else was faster.
                self._close_extra(mine, older)
                return self._follow(message, older, is_unsure=True)
            if mine and incident.status == "resolved" and self._policy.on_resolve == "auto":
                self._resolve(mine, notes)
        return Accepted(self._reference(message, key), "; ".join(notes))

    def _follow(self, message: Message, issue: Issue, *, is_unsure: bool) -> Outcome:
        """Bring a ticket to where its incident is. May be done again."""
        incident = message.incident
        notes = [f"updated {issue.key}"]
        is_resolved = incident.status == "resolved"
        is_woken = issue.is_done and not is_resolved and message.reason in WAKING_REASONS
        if is_woken and not self._api.move(issue, ("new", "indeterminate")):
            notes.append("its workflow has no transition that reopens it for this account")
        mark = delivery_mark(message)
        has_heard = is_unsure and (mark in issue.description or self._api.has_comment(issue.key, mark))
        if not has_heard:
            self._api.comment(issue.key, self._templates.comment(message, self._api.fits))
        if not is_resolved and message.reference.get("severity") != incident.severity:
            with _noting(notes, only=Refused):
                self._api.set_priority(issue.key, incident.severity)
        if is_resolved and not issue.is_done and self._policy.on_resolve == "auto":
            self._resolve(issue, notes)
        with _noting(notes):
            # Extras may have been hidden from earlier searches.
            own, _ = self._look_up(message, 1)
            for extra in own:
                if extra.key != issue.key and not extra.is_done:
                    self._close_extra(extra, issue)
        return Accepted(self._reference(message, issue.key), "; ".join(notes))

    def _resolve(self, issue: Issue, notes: list[str]) -> None:
        if not self._api.move(issue, ("done",)):
            notes.append("its workflow has no transition that closes it for this account; left open")

    def _close_extra(self, extra: Issue, kept: Issue) -> None:
        """Close a second ticket of one incident; its label comes last, so that a half-done one is found again."""
        self._api.move(extra, ("done",))
        with _noting([], only=Refused):
            self._api.link(self._config.duplicate_link, extra.key, kept.key)
        self._api.add_labels(extra.key, [DUPLICATE_LABEL])

    def _reference(self, message: Message, key: str) -> dict[str, str]:
        """What the ledger keeps: key and address, the severity told last, and a lost ticket that this one replaces."""
        reference = {"key": key, "url": self._api.url(key), "severity": message.incident.severity}
        before = message.reference.get("key", key)
        lost = message.reference.get("replaced", "") or (before if before != key else "")
        return reference | ({"replaced": lost} if lost else {})


@contextlib.contextmanager
def _noting(
    notes: list[str], only: type[Retry] | type[Unknown] | type[Refused] | None = None
) -> Iterator[None]:
    """Write a failure down and go on; of one kind of failure, or of any."""
    try:
        yield
    except StoppedError as stopped:
        if only is not None and not isinstance(stopped.outcome, only):
            raise
        notes.append(str(stopped))
