"""A Jira that keeps state, Cloud (v3) or Data Center (v2), with what makes real ones hard.

Its search lags (`lag`), statuses and transitions are in German and per workflow, long or misshapen texts are refused
with 400, and faults can be planned (see `ticket_server`).
"""

import copy
import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from mist_pipeline_tests.support.fakes.fake_http import Reply, Seen, json_reply
from mist_pipeline_tests.support.fakes.ticket_server import TicketServer, VirtualClock

US = {
    "accountId": "acc-us",
    "key": "mist",
    "name": "mist",
    "displayName": "Mist Pipeline",
    "accountType": "atlassian",
}
ANNA = {
    "accountId": "acc-anna",
    "key": "anna",
    "name": "anna",
    "displayName": "Anna Ops",
    "accountType": "atlassian",
}
ROBOT = {
    "accountId": "acc-bot",
    "key": "bot",
    "name": "bot",
    "displayName": "Automation",
    "accountType": "app",
}
PRIORITIES = {"1": "Höchste", "2": "Hoch", "3": "Mittel", "4": "Niedrig"}


@dataclass(frozen=True)
class Way:
    """A transition: its id and (translated) name, where it leads, and fields that its screen demands."""

    id: str
    name: str
    to: str
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Workflow:
    """Statuses by id (name, category), and the transitions that leave each."""

    statuses: dict[str, tuple[str, str]]
    ways: dict[str, list[Way]]
    initial: str


STATUSES = {
    "10": ("Zu erledigen", "new"),
    "20": ("In Arbeit", "indeterminate"),
    "30": ("Fertig", "done"),
}
EVERY_WAY = [Way("11", "Zurückstellen", "10"), Way("21", "Beginnen", "20"), Way("31", "Erledigen", "30")]
SIMPLE = Workflow(STATUSES, {"10": EVERY_WAY, "20": EVERY_WAY, "30": EVERY_WAY}, "10")
STRICT = Workflow(
    STATUSES,
    {
        "10": [Way("21", "Done!", "20")],  # a name that lies about where it leads
        "20": [
            Way(
                "31",
                "Schließen",
                "30",
                {"resolution": {"required": True, "allowedValues": [{"id": "7", "name": "Erledigt"}]}},
            )
        ],
        "30": [Way("41", "Wieder öffnen", "20")],
    },
    "10",
)
"""No way from new to done but through work, and a resolution is demanded there."""
DEAD_END = Workflow(STATUSES, {"10": [], "20": [], "30": []}, "10")


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
        if self.authorization is not None and seen.headers.get("authorization") != self.authorization:
            return _errors(401, "Client must be authenticated to access this resource.")
        if not seen.path.startswith(self.root + "/"):
            return _errors(404, "dead link")
        path = seen.path.removeprefix(self.root)
        match seen.method, path.strip("/").split("/"):
            case "GET", ["serverInfo"]:
                kind = "Cloud" if self.kind == "cloud" else "Server"
                return _reply(
                    200, {"baseUrl": self.url, "versionNumbers": [1001, 0, 0], "deploymentType": kind}
                )
            case "GET", ["myself"]:
                return _reply(200, US)
            case "GET", ["field"]:
                return _reply(200, [])
            case (("GET" | "POST"), ["search", *rest]):
                return self._search(seen, is_new=rest == ["jql"])
            case "POST", ["issue"]:
                return self._create(seen.document()["fields"])
            case "POST", ["issueLink"]:
                return self._link(seen.document())
            case _, ["issue", key, *rest] if key in self.issues and key not in self.hidden:
                return self._issue(seen, self.issues[key], rest)
        return _errors(404, "Vorgang ist nicht vorhanden oder Sie haben keine Berechtigung.")

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

    def _create(self, fields: dict[str, Any]) -> Reply:
        if complaint := self._bad_fields(fields):
            return complaint
        issue = self.add(fields)
        return _reply(
            201,
            {"id": issue["id"], "key": issue["key"], "self": f"{self.url}{self.root}/issue/{issue['id']}"},
        )

    def _edit(self, issue: dict[str, Any], body: dict[str, Any]) -> Reply:
        fields = body.get("fields", {})
        if complaint := self._bad_fields({**issue["fields"], **fields} if fields else issue["fields"]):
            return complaint
        for change in body.get("update", {}).get("labels", []):
            if change["add"] not in issue["fields"]["labels"]:
                issue["fields"]["labels"].append(change["add"])
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
        missing = [name for name in way.fields if name not in body.get("fields", {})]
        if missing:
            return _reply(
                400, {"errorMessages": [], "errors": dict.fromkeys(missing, "Feld ist erforderlich.")}
            )
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
        hits = sorted(
            (
                shown
                for shown in self._visible()
                if (label is None or label[1] in shown["fields"]["labels"])
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
        return {"id": way.id, "name": way.name, "to": self._status(way.to), "fields": way.fields}

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
            errors["priority"] = "Feld 'priority' kann nicht festgelegt werden."
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
