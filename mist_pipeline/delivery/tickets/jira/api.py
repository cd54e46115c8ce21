"""Jira as a ticket system, in its two dialects: Cloud (REST v3, ADF) and Data Center (REST v2, wiki markup).

Here: issues, search, comments, transitions, links and change history behind `TicketSystem`. The names of an incident are
labels of its issue; a duplicate carries a label of its own. Not here: when any of it is done (``delivery.tickets.lifecycle``),
the reading of its answers (`answers`), and the text formats (`markup`).

Sources: Atlassian, "The Jira Cloud platform REST API" v3, and "Search after write with search and reconcile" for the
delay of its search; "Jira Data Center REST API" v2.
"""

import json
import re
from collections.abc import Mapping, Sequence

from mist_pipeline.delivery.sink import Concern, Refused, Unknown
from mist_pipeline.delivery.tickets.client import TicketClient, dig, rows_of, text_of
from mist_pipeline.delivery.tickets.jira.answers import (
    Category,
    Edit,
    Issue,
    account_of,
    edit_of,
    filled_fields,
    hand_of,
    issue_of,
    required_fields,
)
from mist_pipeline.delivery.tickets.jira.config import JiraConfig
from mist_pipeline.delivery.tickets.jira.creation_screen import concerns
from mist_pipeline.delivery.tickets.jira.markup import (
    SUMMARY_LIMIT,
    adf,
    adf_fits,
    clip,
    wiki,
    wiki_fits,
)
from mist_pipeline.delivery.tickets.policy import Names
from mist_pipeline.delivery.tickets.system import (
    Change,
    NewTicket,
    ReadBack,
    StoppedError,
    Written,
    noting,
)
from mist_pipeline.domain.severity import Severity
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.http_client.session import HttpLimits

_UNKEPT = "this project does not keep the labels that mist-pipeline writes"
_KEPT = "this project keeps the labels of mist-pipeline again"
_REMEDY = (
    "Add labels to the screens of new and edited issues, and check the automation rules that change them"
)
DUPLICATE_LABEL = "mist-duplicate"
"""Marks the ticket that was closed where two were created."""

_ASKED_FOR = "Moved by mist-pipeline, with the incident."
"""A comment where a transition demands one."""

_FIELDS = (
    "summary,status,labels,description,created,updated,resolution,resolutiondate,statuscategorychangedate"
)
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*-[0-9]+", re.ASCII)
_PAGES = 20
_PAGE = 50
_HOPS = 4


class JiraSystem:
    """One project of one Jira; every method raises `StoppedError` where it cannot go on.

    Args:
        config: Which one, and how issues look.
        secret: API token or personal access token.
        limits: Limits of one request.

    Raises:
        ValueError: For an address that would send the token in the clear, or is none.
    """

    title = "Jira"

    def __init__(self, config: JiraConfig, secret: Secret, limits: HttpLimits | None = None) -> None:
        self._config = config
        self._is_cloud = config.deployment == "cloud"
        self._root = "/rest/api/3" if self._is_cloud else "/rest/api/2"
        self._client = TicketClient(self.title, config.base_url, config.user, secret, limits)
        self._own_id = ""

    def number_in(self, reference: Mapping[str, str]) -> str:
        """The key."""
        return reference.get("key", "")

    def fits_ticket(self, text: str) -> bool:
        """Whether it is short enough in the format of this dialect."""
        return adf_fits(text) if self._is_cloud else wiki_fits(text)

    fits_comment = fits_ticket

    def search(self, names: Names) -> list[Issue]:
        """Issues with the label of the cause, oldest first. May lack what happened within the last minutes."""
        jql = f'project = "{self._config.project}" AND labels = "{names.cause}" ORDER BY created ASC, key ASC'
        found: list[object] = []
        token = ""
        for _ in range(_PAGES):
            body: dict[str, object] = {"jql": jql, "maxResults": _PAGE, "fields": _FIELDS.split(",")}
            if self._is_cloud:
                body |= {"nextPageToken": token} if token else {}
                document = self._client.query(f"{self._root}/search/jql", body=body).document
                token = text_of(document, "nextPageToken")
                is_last = not token or dig(document, "isLast") is True
            else:
                body["startAt"] = len(found)
                document = self._client.query(f"{self._root}/search", body=body).document
                total = dig(document, "total")
                is_last = not isinstance(total, int) or len(found) + len(rows_of(document, "issues")) >= total
            page = rows_of(document, "issues")
            found += page
            if is_last or not page:
                break
        issues = [issue_of(each) for each in found]
        # What came back is checked: nothing without our label is ever written to.
        return sorted((issue for issue in issues if names.cause in issue.names), key=lambda issue: issue.age)

    def refresh(self, found: Issue) -> Issue | None:
        """Read by key, for the search lags."""
        issue = self._read(found.id)
        return None if issue is None or DUPLICATE_LABEL in issue.names else issue

    def read(self, reference: Mapping[str, str], names: Names) -> Issue | None:  # noqa: ARG002
        """By its key, which is never stale."""
        key = reference.get("key", "")
        return self._read(key) if _KEY.fullmatch(key) else None

    def has_mark(self, ticket: Issue, mark: str) -> bool:
        """Whether the description or one of the newest comments holds it."""
        if mark in ticket.description:
            return True
        params = {"orderBy": "-created", "maxResults": str(_PAGE)}
        document = self._client.query(f"{self._root}/issue/{ticket.id}/comment", params).document
        return any(mark in json.dumps(dig(each, "body")) for each in rows_of(document, "comments"))

    def create(self, new: NewTicket[Issue]) -> Written:
        """A new issue; its template puts the mark into the description."""
        fields: dict[str, object] = {
            **self._config.fields,
            "project": {"key": self._config.project},
            "issuetype": _named(self._config.issue_type),
            "summary": clip(new.summary, SUMMARY_LIMIT),
            "description": self._text(new.body),
            "labels": [new.names.cause, new.names.incident, *self._config.labels],
            **self._priority(new.severity),
        }
        self._test_again(new.names)
        notes: list[str] = []
        key = text_of(self._write_new(fields, notes), "key")
        if not _KEY.fullmatch(key):
            raise StoppedError(Unknown("Jira: an issue was created, but the answer does not name it"))
        self._check_labels(key, new.names, notes)
        if new.previous is not None:
            with noting(notes):
                self._link(self._config.relates_link, key, new.previous.id)
        return Written(self._reference(key), notes)

    def _write_new(self, fields: dict[str, object], notes: list[str]) -> object:
        """Create an issue; without a priority where the project has none to give."""
        path = f"{self._root}/issue"
        try:
            return self._client.write("POST", path, {"fields": fields}).document
        except StoppedError as stopped:
            complaint = text_of(stopped.said, "errors", "priority")
            if not (isinstance(stopped.outcome, Refused) and complaint and "priority" in fields):
                raise
        # Jira refuses the whole issue for a field that is not on the screen of new issues, or a value of another scheme.
        without = {name: value for name, value in fields.items() if name != "priority"}
        document = self._client.write("POST", path, {"fields": without}).document
        notes.append(f"created without a priority, for Jira says: {self._client.said(complaint)}")
        return document

    def _check_labels(self, key: str, names: Names, notes: list[str]) -> None:
        """An issue is found by its labels only, and the answer to its creation does not show them.

        Raises:
            StoppedError: With `Refused` where they are not kept; the issue is closed, and stays as the one that says so.
        """
        wanted = {names.cause, names.incident}
        issue: Issue | None = None
        # That it could not be read is no news of its labels.
        with noting(notes):
            issue = self._read(key)
        if issue is None or wanted <= issue.names:
            return
        if self._keeps(issue, wanted):
            return
        what = f"Jira: {_UNKEPT}. {_REMEDY}. Until then no issue is created"
        try:
            self._client.write("PUT", f"{self._root}/issue/{key}", {"fields": {"summary": _UNKEPT}})
            is_closed = self._move(issue, ("done",))
        except StoppedError as stopped:
            raise StoppedError(
                Refused(f"{what}; {key} was created and cannot be closed: {stopped}")
            ) from None
        state = "is closed again" if is_closed else "its workflow does not let this account close it"
        raise StoppedError(Refused(f"{what}; {key} was created and {state}"))

    def _keeps(self, issue: Issue, labels: set[str]) -> bool:
        """Whether labels stay on an issue once they are added to it."""
        try:
            for label in sorted(labels - issue.names):
                self._add_label(issue, label)
        except StoppedError as stopped:
            if not isinstance(stopped.outcome, Refused):
                raise
        again = self._read(issue.id)
        return again is not None and labels <= again.names

    def _failed_test(self) -> Issue | None:
        """The issue that says that labels are not kept here."""
        jql = f'project = "{self._config.project}" AND summary ~ "\\"{_UNKEPT}\\"" ORDER BY created ASC'
        body = {"jql": jql, "maxResults": 10, "fields": _FIELDS.split(",")}
        path = f"{self._root}/search/jql" if self._is_cloud else f"{self._root}/search"
        for row in rows_of(self._client.query(path, body=body).document, "issues"):
            # A search for words finds more than it was asked for.
            if text_of(row, "fields", "summary") == _UNKEPT:
                return self._read(issue_of(row).id)
        return None

    def _test_again(self, names: Names) -> None:
        """Try on the issue of the last failure whether labels are kept by now, so that there is no further one.

        Raises:
            StoppedError: With `Refused` where they are not.
        """
        failed = self._failed_test()
        if failed is None:
            return
        if not self._keeps(failed, {names.cause}):
            raise StoppedError(
                Refused(
                    f"Jira: {_UNKEPT}, as {failed.number} shows. {_REMEDY}. Until then no issue is created"
                )
            )
        path = f"{self._root}/issue/{failed.id}"
        remove = {"labels": [{"remove": names.cause}]}
        self._client.write("PUT", path, {"fields": {"summary": _KEPT}, "update": remove})

    def examine(self) -> list[Concern]:
        """Whether the fields of a new issue are on its screen, and whether an earlier issue was not kept whole."""
        metas = f"{self._root}/issue/createmeta/{self._config.project}/issuetypes"
        kinds = self._all_of(metas, "issueTypes")
        found = concerns(self._config, kinds, lambda kind: self._all_of(f"{metas}/{kind}", "fields"))
        if (failed := self._failed_test()) is not None:
            found.append(Concern(f"Jira: {failed.number} says: {_UNKEPT}", _REMEDY, is_hindrance=True))
        return found

    def _all_of(self, path: str, name: str) -> list[object]:
        """All rows of a paged answer; Cloud calls them by their name, Data Center ``values``."""
        found: list[object] = []
        for _ in range(_PAGES):
            params = {"startAt": str(len(found)), "maxResults": str(_PAGE)}
            document = self._client.query(path, params).document
            page = rows_of(document, name) or rows_of(document, "values")
            found += page
            total = dig(document, "total")
            if not page or not isinstance(total, int) or len(found) >= total:
                break
        return found

    def update(self, ticket: Issue, change: Change, before: Mapping[str, str]) -> Written:  # noqa: ARG002
        """Labels, reopening, comment, priority, closing: each a request of its own, and only where it is needed."""
        path = f"{self._root}/issue/{ticket.id}"
        notes: list[str] = []
        if change.names.incident not in ticket.names:
            self._add_label(ticket, change.names.incident)
        if change.goal == "open" and ticket.is_done and not self._move(ticket, ("new", "indeterminate")):
            notes.append("its workflow has no transition that reopens it for this account")
        if change.comment is not None:
            self._client.write("POST", f"{path}/comment", {"body": self._text(change.comment)})
        if change.severity is not None and (fields := self._priority(change.severity)):
            with noting(notes, only=Refused):
                self._client.write("PUT", path, {"fields": fields})
        if change.goal == "done" and not ticket.is_done and not self._move(ticket, ("done",)):
            notes.append("its workflow has no transition that closes it for this account; left open")
        return Written(self._reference(ticket.id), notes)

    def close_duplicate(self, extra: Issue, kept: Issue) -> None:
        """Close and link it; its label comes last, so that one that was left half-way is found again."""
        self._move(extra, ("done",))
        with noting([], only=Refused):
            self._link(self._config.duplicate_link, extra.id, kept.id)
        self._add_label(extra, DUPLICATE_LABEL)

    def read_back(self, reference: Mapping[str, str]) -> ReadBack[Issue] | None:
        """From the history. Changes by this program's own account and by apps (automation) are not by people.

        What lies before the last status set by this program, such as a reopening, is over.
        """
        key = reference.get("key", "")
        if not _KEY.fullmatch(key):
            raise StoppedError(
                Refused("Jira: the reference holds no issue key, so there is no ticket to read")
            )
        params = {"fields": _FIELDS, "expand": "changelog"}
        answer = self._client.query(f"{self._root}/issue/{key}", params, also=frozenset({404}))
        if answer.status == 404:
            return None
        self._own_id = self._own_id or self._read_own_id()
        issue = issue_of(answer.document)
        edits = [edit_of(each) for each in rows_of(answer.document, "changelog", "histories")]
        by_people: list[Edit] = []
        for edit in sorted(edits, key=lambda edit: edit.at, reverse=True):
            if edit.author_id == self._own_id and "status" in edit.fields:
                break
            if edit.author_id != self._own_id and not edit.is_app:
                by_people.append(edit)
        moved = next((edit for edit in by_people if "status" in edit.fields), None)
        assigned = next((edit for edit in by_people if "assignee" in edit.fields), None)
        if issue.is_done:
            return ReadBack(issue, hand_of(moved))
        # What was given back (unassigned, moved back to new) is open again.
        taken = moved if issue.category == "indeterminate" else None
        if taken is None and assigned is not None and assigned.fields["assignee"]:
            taken = assigned
        return ReadBack(issue, hand_of(taken))

    def _reference(self, key: str) -> dict[str, str]:
        return {"key": key, "url": f"{self._client.base_url}/browse/{key}"}

    def _read(self, key: str) -> Issue | None:
        answer = self._client.query(f"{self._root}/issue/{key}", {"fields": _FIELDS}, also=frozenset({404}))
        return None if answer.status == 404 else issue_of(answer.document)

    def _add_label(self, issue: Issue, label: str) -> None:
        """One that it has already stays once."""
        update = {"labels": [{"add": label}]}
        self._client.write("PUT", f"{self._root}/issue/{issue.id}", {"update": update})

    def _move(self, issue: Issue, wanted: Sequence[Category]) -> bool:
        """Bring an issue into one of some categories of status, the first preferred, over at most four transitions.

        A workflow may have no direct way: then it goes through a status in work that it has not been in yet.

        Returns:
            Whether it got there.
        """
        path = f"{self._root}/issue/{issue.id}/transitions"
        seen = {issue.status_id}
        if issue.category in wanted:
            return True
        for _ in range(_HOPS):
            document = self._client.query(path, {"expand": "transitions.fields"}).document
            ways = [
                way
                for way in rows_of(document, "transitions")
                if text_of(way, "to", "id") not in seen and dig(way, "isAvailable") is not False
            ]
            ways.sort(
                key=lambda way: (required_fields(way) != [], len(text_of(way, "id")), text_of(way, "id"))
            )
            by_category = {text_of(way, "to", "statusCategory", "key"): way for way in reversed(ways)}
            way = next((by_category[each] for each in wanted if each in by_category), None)
            is_there = way is not None
            way = way if is_there else by_category.get("indeterminate")
            if way is None:
                return False
            body = {"transition": {"id": text_of(way, "id")}, **filled_fields(way, self._text(_ASKED_FOR))}
            self._client.write("POST", path, body)
            if is_there:
                return True
            seen.add(text_of(way, "to", "id"))
        return False

    def _link(self, kind: str, inward: str, outward: str) -> None:
        """Link two issues: ``inward`` is the one that, for example, duplicates ``outward``."""
        body = {"type": {"name": kind}, "inwardIssue": {"key": inward}, "outwardIssue": {"key": outward}}
        self._client.write("POST", f"{self._root}/issueLink", body)

    def _read_own_id(self) -> str:
        """Who we are in a history."""
        return account_of(self._client.query(f"{self._root}/myself").document)

    def _text(self, body: str) -> object:
        return adf(body) if self._is_cloud else wiki(body)

    def _priority(self, severity: Severity) -> dict[str, object]:
        value = self._config.priorities.get(severity)
        return {} if value is None else {"priority": _named(value)}


def _named(value: str) -> dict[str, str]:
    return {"id": value} if value.isascii() and value.isdigit() else {"name": value}
