"""What Jira can be asked and told, in its two dialects; no decisions.

Here: issues, search, comments, transitions, links, change history. Not here: which of them an incident needs (`jira`).
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from mist_pipeline.delivery.message import Severity
from mist_pipeline.delivery.sink import Refused
from mist_pipeline.delivery.tickets.client import (
    Credentials,
    StoppedError,
    TicketClient,
    dig,
    rows_of,
    text_of,
)
from mist_pipeline.delivery.tickets.jira.markup import adf, adf_fits, wiki, wiki_fits
from mist_pipeline.delivery.tickets.policy import TicketPolicy
from mist_pipeline.http_client.session import HttpLimits

_FIELDS = "summary,status,labels,description,created,updated,resolutiondate,statuscategorychangedate"
_PAGES = 20
_PAGE = 50
_HOPS = 4

Category = Literal["new", "indeterminate", "done"]


@dataclass(frozen=True)
class JiraConfig:
    """Where tickets go and how they look.

    Attributes:
        base_url: ``https://your-site.atlassian.net`` or the address of a Data Center.
        project: Key of the project.
        credentials: `Basic` (mail address, API token) for Cloud, `Bearer` (personal access token) for Data Center.
        deployment: Which dialect it speaks.
        name: Name of the sink in the configuration.
        issue_type: Name of the issue type, or its id (digits; names are translated).
        priorities: Severity → id or name of a priority; empty where the project has none.
        fields: Further fields of a new issue, such as components or custom fields, as Jira's API takes them.
        labels: Further labels of a new issue; no spaces.
        relates_link: Name of the link type between a ticket and its successor.
        duplicate_link: Name of the link type between two tickets of one incident.
        policy: How a ticket follows its incident.

    Raises:
        ValueError: For a project key or label that Jira cannot have.
    """

    base_url: str
    project: str
    credentials: Credentials
    deployment: Literal["cloud", "datacenter"] = "cloud"
    name: str = "jira"
    issue_type: str = "Task"
    priorities: Mapping[Severity, str] = field(
        default_factory=lambda: {"critical": "1", "major": "2", "warning": "3", "info": "4"}
    )
    fields: Mapping[str, object] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    relates_link: str = "Relates"
    duplicate_link: str = "Duplicate"
    policy: TicketPolicy = field(default_factory=TicketPolicy)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{1,254}", self.project, re.ASCII):
            raise ValueError(
                f"jira: {self.project!r} is no project key; it is what stands before the dash of an issue"
            )
        if self.deployment not in ("cloud", "datacenter"):
            raise ValueError(f"jira: deployment is {self.deployment!r}; use cloud or datacenter")
        for label in self.labels:
            if not label or len(label) > 255 or any(character.isspace() for character in label):
                raise ValueError(
                    f"jira: {label!r} is no label; labels have no spaces and at most 255 characters"
                )


@dataclass(frozen=True)
class Issue:
    """An issue as it was read.

    Attributes:
        key: Such as OPS-17.
        number: Its id; grows with age.
        category: Category of its status; names of statuses are per workflow and translated.
        status_id: Its status.
        labels: Its labels.
        description: Its description as JSON or text, for finding marks in it.
        created: UTC.
        closed_at: When it came to its category done, else None.
    """

    key: str
    number: int
    category: Category
    status_id: str
    labels: frozenset[str]
    description: str
    created: datetime
    closed_at: datetime | None

    @property
    def is_done(self) -> bool:
        """Whether it is closed."""
        return self.category == "done"


@dataclass(frozen=True)
class Change:
    """One entry of the history of an issue: which of its fields somebody changed."""

    at: datetime
    author_id: str
    author: str
    is_app: bool
    fields: Mapping[str, str]


class JiraApi:
    """One Jira; every method raises `StoppedError` where it cannot go on.

    Args:
        config: Which one.
        limits: Limits of one request.
    """

    def __init__(self, config: JiraConfig, limits: HttpLimits | None = None) -> None:
        self._config = config
        self._is_cloud = config.deployment == "cloud"
        self._root = "/rest/api/3" if self._is_cloud else "/rest/api/2"
        self._client = TicketClient("Jira", config.base_url, config.credentials, limits)
        self.fits = adf_fits if self._is_cloud else wiki_fits

    def url(self, key: str) -> str:
        """Address of an issue for people."""
        return f"{self._client.base_url}/browse/{key}"

    def read(self, key: str) -> Issue | None:
        """An issue by its key, which is never stale; None if it is gone or hidden from us."""
        answer = self._client.ask(f"{self._root}/issue/{key}", {"fields": _FIELDS}, also=frozenset({404}))
        return None if answer.status == 404 else _issue(answer.document)

    def search(self, label: str) -> list[Issue]:
        """Issues with a label, oldest first. May lack what happened within the last minutes."""
        jql = f'project = "{self._config.project}" AND labels = "{label}" ORDER BY created ASC, key ASC'
        found: list[object] = []
        token = ""
        for _ in range(_PAGES):
            body: dict[str, object] = {"jql": jql, "maxResults": _PAGE, "fields": _FIELDS.split(",")}
            if self._is_cloud:
                body |= {"nextPageToken": token} if token else {}
                document = self._client.ask(f"{self._root}/search/jql", body=body).document
                token = text_of(document, "nextPageToken")
                is_last = not token or dig(document, "isLast") is True
            else:
                body["startAt"] = len(found)
                document = self._client.ask(f"{self._root}/search", body=body).document
                total = dig(document, "total")
                is_last = not isinstance(total, int) or len(found) + len(rows_of(document, "issues")) >= total
            page = rows_of(document, "issues")
            found += page
            if is_last or not page:
                break
        issues = [_issue(each) for each in found]
        # What came back is checked: nothing without our label is ever written to.
        return sorted((issue for issue in issues if label in issue.labels), key=lambda issue: issue.number)

    def create(self, summary: str, body: str, labels: Sequence[str], severity: Severity) -> str:
        """A new issue: its key, empty if the answer does not tell."""
        fields: dict[str, object] = {
            **self._config.fields,
            "project": {"key": self._config.project},
            "issuetype": _named(self._config.issue_type),
            "summary": summary,
            "description": self._text(body),
            "labels": [*labels, *self._config.labels],
            **self._priority(severity),
        }
        document = self._client.tell("POST", f"{self._root}/issue", {"fields": fields}).document
        return text_of(document, "key")

    def set_priority(self, key: str, severity: Severity) -> None:
        """Follow a severity."""
        if fields := self._priority(severity):
            self._client.tell("PUT", f"{self._root}/issue/{key}", {"fields": fields})

    def add_labels(self, key: str, labels: Sequence[str]) -> None:
        """Add labels; ones it has already stay once."""
        update = {"labels": [{"add": label} for label in labels]}
        self._client.tell("PUT", f"{self._root}/issue/{key}", {"update": update})

    def comment(self, key: str, body: str) -> None:
        """Add a comment."""
        self._client.tell("POST", f"{self._root}/issue/{key}/comment", {"body": self._text(body)})

    def has_comment(self, key: str, mark: str) -> bool:
        """Whether one of the newest comments holds a mark."""
        params = {"orderBy": "-created", "maxResults": str(_PAGE)}
        document = self._client.ask(f"{self._root}/issue/{key}/comment", params).document
        return any(mark in json.dumps(dig(each, "body")) for each in rows_of(document, "comments"))

    def move(self, issue: Issue, wanted: Sequence[Category]) -> bool:
        """Bring an issue into one of some categories of status, the first preferred, over at most four transitions.

        A workflow may have no direct way: then it goes through a status in work that it has not been in yet.

        Returns:
            Whether it got there.
        """
        path = f"{self._root}/issue/{issue.key}/transitions"
        seen = {issue.status_id}
        if issue.category in wanted:
            return True
        for _ in range(_HOPS):
            document = self._client.ask(path, {"expand": "transitions.fields"}).document
            ways = [way for way in rows_of(document, "transitions") if text_of(way, "to", "id") not in seen]
            ways.sort(key=lambda way: (_required(way) != [], len(text_of(way, "id")), text_of(way, "id")))
            by_category = {text_of(way, "to", "statusCategory", "key"): way for way in reversed(ways)}
            way = next((by_category[each] for each in wanted if each in by_category), None)
            is_there = way is not None
            way = way if is_there else by_category.get("indeterminate")
            if way is None:
                return False
            body: dict[str, object] = {"transition": {"id": text_of(way, "id")}}
            if filled := _filled(way):
                body["fields"] = filled
            self._client.tell("POST", path, body)
            if is_there:
                return True
            seen.add(text_of(way, "to", "id"))
        return False

    def link(self, kind: str, inward: str, outward: str) -> None:
        """Link two issues: ``inward`` is the one that, for example, duplicates ``outward``."""
        body = {"type": {"name": kind}, "inwardIssue": {"key": inward}, "outwardIssue": {"key": outward}}
        self._client.tell("POST", f"{self._root}/issueLink", body)

    def history(self, key: str) -> tuple[Issue, list[Change]] | None:
        """An issue with what was changed, newest first; None if it is gone."""
        answer = self._client.ask(
            f"{self._root}/issue/{key}", {"fields": _FIELDS, "expand": "changelog"}, also=frozenset({404})
        )
        if answer.status == 404:
            return None
        changes = [_change(each) for each in rows_of(answer.document, "changelog", "histories")]
        return _issue(answer.document), sorted(changes, key=lambda change: change.at, reverse=True)

    def own_id(self) -> str:
        """Who we are in a history."""
        document = self._client.ask(f"{self._root}/myself").document
        return text_of(document, "accountId") or text_of(document, "key") or text_of(document, "name")

    def _text(self, body: str) -> object:
        return adf(body) if self._is_cloud else wiki(body)

    def _priority(self, severity: Severity) -> dict[str, object]:
        value = self._config.priorities.get(severity)
        return {} if value is None else {"priority": _named(value)}


def _named(value: str) -> dict[str, str]:
    return {"id": value} if value.isascii() and value.isdigit() else {"name": value}


def _issue(document: object) -> Issue:
    key, number = text_of(document, "key"), text_of(document, "id")
    category = text_of(document, "fields", "status", "statusCategory", "key")
    created = _instant(text_of(document, "fields", "created"))
    if not (key and number.isdecimal() and category and created):
        raise StoppedError(
            Refused("Jira: an issue came without key, id, status category or date (too few permissions?)")
        )
    closed = (
        _instant(text_of(document, "fields", name))
        for name in ("statuscategorychangedate", "resolutiondate", "updated")
    )
    is_done = category == "done"
    return Issue(
        key=key,
        number=int(number),
        category="done" if is_done else "new" if category == "new" else "indeterminate",
        status_id=text_of(document, "fields", "status", "id"),
        labels=frozenset(str(label) for label in rows_of(document, "fields", "labels")),
        description=json.dumps(dig(document, "fields", "description")),
        created=created,
        closed_at=next((at for at in closed if at), None) if is_done else None,
    )


def _change(document: object) -> Change:
    author = dig(document, "author")
    return Change(
        at=_instant(text_of(document, "created")) or datetime.min.replace(tzinfo=UTC),
        author_id=text_of(author, "accountId") or text_of(author, "key") or text_of(author, "name"),
        author=text_of(author, "displayName"),
        is_app=text_of(author, "accountType") == "app",
        fields={text_of(item, "field"): text_of(item, "to") for item in rows_of(document, "items")},
    )


def _instant(text: str) -> datetime | None:
    """Jira's ``2026-11-23T17:00:00.000+0000``."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").astimezone(UTC)
    except ValueError:
        return None


def _required(way: object) -> list[str]:
    """Fields that a transition demands and that have no default."""
    fields = dig(way, "fields")
    if not isinstance(fields, Mapping):
        return []
    return [
        str(name)
        for name, about in fields.items()
        if dig(about, "required") is True and dig(about, "hasDefaultValue") is not True
    ]


def _filled(way: object) -> dict[str, object]:
    """The first allowed value of every demanded choice (usually the resolution); others Jira will name itself."""
    filled: dict[str, object] = {}
    for name in _required(way):
        allowed = rows_of(way, "fields", name, "allowedValues")
        if allowed and text_of(allowed[0], "id"):
            filled[name] = {"id": text_of(allowed[0], "id")}
    return filled
