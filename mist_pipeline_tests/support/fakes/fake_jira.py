"""A Jira that keeps state, Cloud (v3) or Data Center (v2), with what makes real ones hard.

Its search lags (`lag`), statuses and transitions are in German and per workflow, long or misshapen texts are refused
with 400, and faults can be planned (see `ticket_server`).
"""

import copy
import json
import re
from datetime import datetime, timedelta
from typing import Any, Literal

from mist_pipeline_tests.support.fakes.fake_http import Reply, Seen, json_reply
from mist_pipeline_tests.support.fakes.jira_workflows import (
    ANNA,
    CREATED_WITH,
    NOT_ON_SCREEN,
    PRIORITIES,
    SIMPLE,
    US,
    Way,
    Workflow,
)
from mist_pipeline_tests.support.fakes.ticket_server import TicketServer, VirtualClock


class FakeJira(TicketServer):
    """See the module."""

    def __init__(
        self,
        kind: Literal["cloud", "datacenter"] = "cloud",
        *,
        clock: VirtualClock | None = None,
        workflow: Workflow = SIMPLE,
        authorization: str | None = None,
    ) -> None:
        super().__init__(clock)
        self.kind = kind
        self.workflow = workflow
        self.authorization = authorization
        self.lag = timedelta(0)
        self.page_size = 50
        self.has_priority = True
        self.screen = list(CREATED_WITH)
        """Fields on the screen of new issues; `has_priority` takes priority off it."""
        self.demanded: dict[str, str] = {}
        """Further fields that it demands: id → name."""
        self.drops_labels = False
        """Whether an automation takes the labels of this account off an issue as soon as they are there."""
        self.issues: dict[str, dict[str, Any]] = {}
        self.links: list[tuple[str, str, str]] = []
        self._indexed: list[tuple[datetime, dict[str, Any]]] = []

    @property
    def root(self) -> str:
        return "/rest/api/3" if self.kind == "cloud" else "/rest/api/2"

    # What tests look at and what people do

    def add(self, fields: dict[str, Any]) -> dict[str, Any]:
        """An issue that somebody has made."""
        number = len(self.issues) + 1
        issue: dict[str, Any] = {
            "id": str(10_000 + number),
            "key": f"{fields['project']['key']}-{number}",
            "fields": copy.deepcopy(fields),
            "priority": fields.get("priority", {}).get("id", "3"),
            "status": self.workflow.initial,
            "created": self.clock(),
            "updated": self.clock(),
            "category_at": self.clock(),
            "resolved_at": None,
            "comments": [],
            "history": [],
        }
        self.issues[issue["key"]] = issue
        self._index(issue)
        return issue

    def open_keys(self) -> list[str]:
        return [key for key in self.issues if self.category(key) != "done"]

    def category(self, key: str) -> str:
        return self.workflow.statuses[self.issues[key]["status"]][1]

    def comments(self, key: str) -> list[str]:
        return [json.dumps(comment["body"], ensure_ascii=False) for comment in self.issues[key]["comments"]]

    def priority(self, key: str) -> str:
        return str(self.issues[key]["priority"])

    def set_status(self, key: str, status: str, by: dict[str, str] = ANNA) -> None:
        issue = self.issues[key]
        self._history(issue, by, "status", issue["status"], status)
        before, issue["status"] = self.category(key), status
        if self.category(key) != before:
            issue["category_at"] = self.clock()
        issue["resolved_at"] = self.clock() if self.category(key) == "done" else None
        self._index(issue)

    def assign(self, key: str, to: dict[str, str] | None, by: dict[str, str] = ANNA) -> None:
        issue = self.issues[key]
        self._history(issue, by, "assignee", None, to["accountId"] if to else None)
        self._index(issue)

    # HTTP

    def handle(self, seen: Seen) -> Reply:
        if self.authorization not in (None, seen.headers.get("authorization")):
            return _errors(401, "Client must be authenticated to access this resource.")
        if not seen.path.startswith(self.root + "/"):
            return _errors(404, "dead link")
        path = seen.path.removeprefix(self.root)
        match seen.method, path.strip("/").split("/"):
            case "GET", ["serverInfo" | "myself" | "field" as about]:
                return _reply(200, self._about(about))
            case "GET", ["issue", "createmeta", project, "issuetypes", *rest]:
                return self._createmeta(seen, project, rest)
            case (("GET" | "POST"), ["search", *rest]):
                return self._search(seen, is_new=rest == ["jql"])
            case "POST", ["issue"]:
                return self._create(seen.document()["fields"])
            case "POST", ["issueLink"]:
                return self._link(seen.document())
            case _, ["issue", key, *rest] if key in self.issues and key not in self.hidden:
                return self._issue(seen, self.issues[key], rest)
        return _errors(404, "Vorgang ist nicht vorhanden oder Sie haben keine Berechtigung.")

    def _about(self, what: str) -> object:
        kind = "Cloud" if self.kind == "cloud" else "Server"
        server = {"baseUrl": self.url, "versionNumbers": [1001, 0, 0], "deploymentType": kind}
        return {"serverInfo": server, "myself": US}.get(what, [])

    def _issue(self, seen: Seen, issue: dict[str, Any], rest: list[str]) -> Reply:
        match seen.method, rest:
            case "GET", []:
                return _reply(200, self._shown(issue, expand=seen.query.get("expand", "")))
            case "PUT", []:
                return self._edit(issue, seen.document())
            case "GET", ["comment"]:
                comments = issue["comments"]
                if seen.query.get("orderBy") == "-created":
                    comments = list(reversed(comments))
                page = comments[: int(seen.query.get("maxResults", 50))]
                return _reply(
                    200, {"comments": page, "total": len(comments), "startAt": 0, "maxResults": len(page)}
                )
            case "POST", ["comment"]:
                if complaint := self._bad_text("comment", seen.document().get("body")):
                    return complaint
                comment = {
                    "id": str(len(issue["comments"]) + 1),
                    "body": seen.document()["body"],
                    "author": US,
                }
                issue["comments"].append(comment)
                return _reply(201, comment)
            case "GET", ["transitions"]:
                ways = self.workflow.ways[issue["status"]]
                return _reply(200, {"transitions": [self._way(way) for way in ways]})
            case "POST", ["transitions"]:
                return self._move(issue, seen.document())
        return _errors(405, "Method Not Allowed")

    def _createmeta(self, seen: Seen, project: str, rest: list[str]) -> Reply:
        if project != "OPS":
            return _errors(404, "Es wurde kein Projekt gefunden.")
        if not rest:
            rows: list[dict[str, Any]] = [
                {"id": "10001", "name": "Task", "subtask": False},
                {"id": "10002", "name": "Störung", "subtask": False},
            ]
            name = "issueTypes"
        else:
            rows, name = [self._created_with(each) for each in [*self.screen, *self.demanded]], "fields"
            rows = [each for each in rows if each["fieldId"] != "priority" or self.has_priority]
        start, size = int(seen.query.get("startAt", 0)), min(int(seen.query.get("maxResults", 50)), 3)
        page, total = rows[start : start + size], len(rows)
        if self.kind == "cloud":
            return _reply(200, {"startAt": start, "maxResults": size, "total": total, name: page})
        is_last = start + size >= total
        return _reply(
            200, {"startAt": start, "maxResults": size, "total": total, "isLast": is_last, "values": page}
        )

    def _created_with(self, name: str) -> dict[str, Any]:
        is_demanded = name in self.demanded or name in ("summary", "issuetype", "project", "reporter")
        about: dict[str, Any] = {
            "required": is_demanded,
            "schema": {"type": "string", "system": name},
            "name": self.demanded.get(name, name.title()),
            "fieldId": name,
            "hasDefaultValue": name == "priority",
            "operations": ["set"],
        }
        if self.kind == "cloud":
            about["key"] = name
        if name == "priority":
            about["allowedValues"] = [{"id": number, "name": title} for number, title in PRIORITIES.items()]
        return about

    def _create(self, fields: dict[str, Any]) -> Reply:
        off = [name for name in fields if name not in self.screen and name not in self.demanded]
        errors = {name: NOT_ON_SCREEN.format(name) for name in off}
        errors |= {
            name: f"{title} ist erforderlich." for name, title in self.demanded.items() if name not in fields
        }
        if errors:
            return _reply(400, {"errorMessages": [], "errors": errors})
        if complaint := self._bad_fields(fields):
            return complaint
        issue = self.add({**fields, "labels": []} if self.drops_labels else fields)
        return _reply(
            201,
            {"id": issue["id"], "key": issue["key"], "self": f"{self.url}{self.root}/issue/{issue['id']}"},
        )

    def _edit(self, issue: dict[str, Any], body: dict[str, Any]) -> Reply:
        fields = body.get("fields", {})
        if complaint := self._bad_fields({**issue["fields"], **fields} if fields else issue["fields"]):
            return complaint
        for change in body.get("update", {}).get("labels", []):
            labels = issue["fields"]["labels"]
            if "remove" in change:
                issue["fields"]["labels"] = [label for label in labels if label != change["remove"]]
            elif change["add"] not in labels and not self.drops_labels:
                labels.append(change["add"])
        issue["fields"] |= {name: value for name, value in fields.items() if name != "priority"}
        if "priority" in fields:
            self._history(issue, US, "priority", issue["priority"], fields["priority"]["id"])
            issue["priority"] = fields["priority"]["id"]
        self._index(issue)
        return Reply(204)

    def _move(self, issue: dict[str, Any], body: dict[str, Any]) -> Reply:
        way = next(
            (
                each
                for each in self.workflow.ways[issue["status"]]
                if each.id == str(body["transition"]["id"])
            ),
            None,
        )
        if way is None:
            return _errors(400, "Es ist nicht möglich, diesen Übergang auszuführen.")
        if not way.is_available:
            return _errors(400, "Es ist nicht möglich, diesen Übergang auszuführen.")
        if errors := _bad_screen(way, body):
            return _reply(400, {"errorMessages": [], "errors": errors})
        for added in body.get("update", {}).get("comment", []):
            if complaint := self._bad_text("comment", added["add"]["body"]):
                return complaint
            issue["comments"].append({"id": "0", "body": added["add"]["body"], "author": US})
        self.set_status(issue["key"], way.to, US)
        return Reply(204)

    def _link(self, body: dict[str, Any]) -> Reply:
        kind = body["type"]["name"]
        if kind not in ("Relates", "Duplicate"):
            return _errors(404, f"Kein Verknüpfungstyp mit Namen '{kind}'.")
        link = (kind, body["inwardIssue"]["key"], body["outwardIssue"]["key"])
        if any(key not in self.issues for key in link[1:]):
            return _errors(404, "Vorgang ist nicht vorhanden.")
        if link not in self.links:
            self.links.append(link)
        return Reply(201)

    def _search(self, seen: Seen, *, is_new: bool) -> Reply:
        if is_new != (self.kind == "cloud"):
            return _errors(410, "The requested API has been removed.")
        asked = seen.document() if seen.method == "POST" else seen.query
        label, project = (
            re.search(r'labels = "([^"]*)"', asked["jql"]),
            re.search(r'project = "?(\w+)', asked["jql"]),
        )
        words = re.search(r'summary ~ "\\"(.*)\\""', asked["jql"])
        hits = sorted(
            (
                shown
                for shown in self._visible()
                if (label is None or label[1] in shown["fields"]["labels"])
                and (words is None or words[1] in shown["fields"]["summary"])
                and (project is None or shown["key"].startswith(f"{project[1]}-"))
            ),
            key=lambda shown: int(shown["id"]),
        )
        size = min(self.page_size, int(asked.get("maxResults") or 50))
        if is_new:
            start = int(asked.get("nextPageToken") or 0)
            page = hits[start : start + size]
            answer: dict[str, Any] = {
                "issues": page if asked.get("fields") else [{"id": each["id"]} for each in page]
            }
            is_last = start + size >= len(hits)
            answer |= (
                {"isLast": is_last} if is_last else {"isLast": False, "nextPageToken": str(start + size)}
            )
            return _reply(200, answer)
        start = int(asked.get("startAt") or 0)
        page = hits[start : start + size]
        return _reply(200, {"issues": page, "startAt": start, "maxResults": size, "total": len(hits)})

    # Inside

    def _index(self, issue: dict[str, Any]) -> None:
        issue["updated"] = self.clock()
        self._indexed.append((self.clock(), self._shown(issue)))

    def _visible(self) -> list[dict[str, Any]]:
        """Each issue as the index has it: as it was some time ago, or not at all."""
        latest = {shown["key"]: shown for at, shown in self._indexed if at + self.lag <= self.clock()}
        return [shown for key, shown in latest.items() if key not in self.hidden]

    def _history(self, issue: dict[str, Any], by: dict[str, str], name: str, was: Any, to: Any) -> None:
        item = {"field": name, "from": was, "to": to}
        issue["history"].append({"author": by, "created": _stamp(self.clock()), "items": [item]})

    def _status(self, status: str) -> dict[str, Any]:
        name, category = self.workflow.statuses[status]
        return {"id": status, "name": name, "statusCategory": {"id": 2, "key": category, "name": name}}

    def _way(self, way: Way) -> dict[str, Any]:
        return {
            "id": way.id,
            "name": way.name,
            "to": self._status(way.to),
            "hasScreen": bool(way.fields),
            "isGlobal": False,
            "isInitial": False,
            "isAvailable": way.is_available,
            "isConditional": not way.is_available,
            "looped": False,
            "fields": way.fields,
        }

    def _shown(self, issue: dict[str, Any], expand: str = "") -> dict[str, Any]:
        shown = {
            "id": issue["id"],
            "key": issue["key"],
            "self": f"{self.url}{self.root}/issue/{issue['id']}",
            "fields": {
                **copy.deepcopy(issue["fields"]),
                "status": self._status(issue["status"]),
                "priority": {"id": issue["priority"], "name": PRIORITIES.get(issue["priority"], "?")},
                "created": _stamp(issue["created"]),
                "updated": _stamp(issue["updated"]),
                "resolutiondate": _stamp(issue["resolved_at"]) if issue["resolved_at"] else None,
            },
        }
        if self.kind == "cloud":
            shown["fields"]["statuscategorychangedate"] = _stamp(issue["category_at"])
        if "changelog" in expand:
            histories = issue["history"] if self.kind == "datacenter" else list(reversed(issue["history"]))
            shown["changelog"] = {"histories": histories, "total": len(histories)}
        return shown

    def _bad_fields(self, fields: dict[str, Any]) -> Reply | None:
        errors: dict[str, str] = {}
        if not 0 < len(fields.get("summary", "")) <= 255 or "\n" in fields["summary"]:
            errors["summary"] = "Die Zusammenfassung muss weniger als 255 Zeichen haben."
        if any(" " in label for label in fields.get("labels", [])):
            errors["labels"] = "Die Bezeichnung enthält Leerzeichen."
        if "priority" in fields and not self.has_priority:
            errors["priority"] = NOT_ON_SCREEN.format("priority")
        elif fields.get("priority", {}).get("id", "1") not in PRIORITIES:
            errors["priority"] = "Die Priorität ist ungültig."
        if errors:
            return _reply(400, {"errorMessages": [], "errors": errors})
        return self._bad_text("description", fields.get("description"))

    def _bad_text(self, name: str, text: Any) -> Reply | None:
        if self.kind == "cloud":
            is_valid = isinstance(text, dict) and text.get("type") == "doc" and is_adf(text)
            if not is_valid:
                return _reply(400, {"errorMessages": [], "errors": {name: "INVALID_INPUT"}})
            length = len(json.dumps(text, ensure_ascii=False, separators=(",", ":")).encode("utf-16-le")) // 2
        else:
            if not isinstance(text, str):
                return _reply(
                    400,
                    {"errorMessages": [], "errors": {name: "Der Vorgangswert muss eine Zeichenfolge sein"}},
                )
            length = len(text.encode("utf-16-le")) // 2
        if length > 32_767:
            return _reply(400, {"errorMessages": [], "errors": {name: "CONTENT_LIMIT_EXCEEDED"}})
        return None


def _bad_screen(way: Way, body: dict[str, Any]) -> dict[str, str]:
    """What Jira finds wrong with what is sent for the screen of a transition."""
    errors: dict[str, str] = {}
    sent, changed = body.get("fields", {}), body.get("update", {})
    for name in {*way.fields, *sent, *changed}:
        about = way.fields.get(name)
        if about is None:
            errors[name] = NOT_ON_SCREEN.format(name)
        elif name not in sent and name not in changed:
            errors[name] = "Feld ist erforderlich."
        elif name in sent and "set" not in about["operations"]:
            errors[name] = "Das Feld kann nicht gesetzt werden."
        elif name in sent and (about["schema"]["type"] == "array") != isinstance(sent[name], list):
            errors[name] = "Daten haben das falsche Format."
    return errors


def is_adf(node: dict[str, Any]) -> bool:
    kind = node.get("type")
    if kind == "text":
        return isinstance(node.get("text"), str) and node["text"] != ""
    if kind == "hardBreak":
        return True
    known = {
        "doc": "block",
        "heading": "inline",
        "paragraph": "inline",
        "bulletList": "item",
        "listItem": "block",
    }
    children = node.get("content")
    if kind not in known or not isinstance(children, list) or not children:
        return False
    allowed = {
        "block": {"heading", "paragraph", "bulletList"},
        "inline": {"text", "hardBreak"},
        "item": {"listItem"},
    }[known[kind]]
    return all(child.get("type") in allowed and is_adf(child) for child in children)


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0000"


def _errors(status: int, message: str) -> Reply:
    return _reply(status, {"errorMessages": [message], "errors": {}})


def _reply(status: int, document: object) -> Reply:
    return json_reply(document, status)
