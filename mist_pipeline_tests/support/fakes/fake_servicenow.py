"""A ServiceNow instance with one table of incidents that keeps state, with what makes real ones hard.

Conditions on fields that it does not know are ignored, so that everybody's records come back; an empty result is 404
in v1 and an empty list otherwise; fields that are not on the table or that the account must not write are left out
while success is answered; closed records cannot be written; long texts are cut silently; a record is resolved
only with code and notes; priority is derived; correlation ids may repeat. Faults can be planned (`ticket_server`).
"""

import hashlib
import re
from typing import Any

from mist_pipeline_tests.support.fakes.fake_http import Reply, Seen, json_reply
from mist_pipeline_tests.support.fakes.ticket_server import TicketServer, VirtualClock

LENGTHS = {"short_description": 160, "description": 4000, "correlation_id": 100, "correlation_display": 100}
USERS = {"": "", "u-anna": "Anna Ops", "u-us": "Mist Pipeline"}
STATES = {
    "1": "Neu",
    "2": "In Bearbeitung",
    "3": "Wartend",
    "6": "Gelöst",
    "7": "Geschlossen",
    "8": "Abgebrochen",
}


class FakeServiceNow(TicketServer):
    """See the module."""

    def __init__(self, *, clock: VirtualClock | None = None, authorization: str | None = None) -> None:
        super().__init__(clock)
        self.authorization = authorization
        self.records: dict[str, dict[str, str]] = {}
        self.notes: dict[str, list[str]] = {}
        self.unknown_fields: set[str] = set()
        """Fields that this instance pretends not to have, when asked for by a query."""
        self.missing_fields: set[str] = set()
        """Fields that are not on the table: not kept, and in no answer."""
        self.denied_fields: set[str] = set()
        """Fields that this account must not write: success is answered, and they stay as they were."""

    def add(self, **values: str) -> str:
        """A record that somebody has made; answers its sys_id."""
        return self._insert(values, "admin")["sys_id"]

    def as_person(self, sys_id: str, **values: str) -> None:
        """What Anna does to a record in her browser."""
        self._update(self.records[sys_id], values, "anna")
        if values.get("state") in ("6", "7"):
            self.records[sys_id]["resolved_by"] = "u-anna"

    def active(self) -> list[str]:
        return [sys_id for sys_id, record in self.records.items() if record["state"] in ("1", "2", "3")]

    def handle(self, seen: Seen) -> Reply:
        if self.authorization is not None and seen.headers.get("authorization") != self.authorization:
            return _error(401, "User Not Authenticated", "Required to provide Auth information")
        match = re.fullmatch(r"/api/now(?:/(v[12]))?/table/(\w+)(?:/(\w+))?", seen.path)
        if not match:
            return _error(400, "Requested URI does not represent any resource", seen.path)
        version, table, sys_id = match.groups()
        if table != "incident":
            return _error(400, f"Invalid table {table}", "")
        if sys_id is None:
            return self._insert_reply(seen) if seen.method == "POST" else self._query(seen, version)
        record = self.records.get(sys_id)
        if record is None or sys_id in self.hidden:
            return _error(
                404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval"
            )
        if seen.method == "GET":
            return json_reply({"result": self._shown(record, seen.query)})
        if record["state"] in ("7", "8"):
            return _error(403, "Operation Failed", "ACL Exception Update Failed due to security constraints")
        if complaint := self._bad(seen.document()):
            return complaint
        self._update(record, self._permitted(seen.document()), "mist")
        return json_reply({"result": self._shown(record, seen.query)})

    def _query(self, seen: Seen, version: str | None) -> Reply:
        conditions, order = [], ("sys_created_on", False)
        for part in filter(None, seen.query.get("sysparm_query", "").split("^")):
            if ordering := re.fullmatch(r"ORDERBY(DESC)?(\w+)", part):
                order = (ordering[2], bool(ordering[1]))
            elif condition := re.fullmatch(r"(\w+?)(STARTSWITH|=|IN)(.*)", part):
                name = condition[1]
                known = name in next(iter(self.records.values()), {"correlation_id": ""})
                # The trap: what cannot be understood is left out, and the rest of the query holds.
                if known and name not in self.unknown_fields:
                    conditions.append(condition.groups())
        found = [
            record
            for sys_id, record in self.records.items()
            if sys_id not in self.hidden and all(_holds(record, *each) for each in conditions)
        ]
        found.sort(key=lambda record: (record.get(order[0], ""), record["number"]), reverse=order[1])
        start = int(seen.query.get("sysparm_offset", 0))
        page = found[start : start + int(seen.query.get("sysparm_limit", 10_000))]
        if not page and version == "v1":
            return _error(404, "No Record found", "Records matching query not found")
        shown = [self._shown(record, seen.query) for record in page]
        return json_reply({"result": shown}, 200, {"X-Total-Count": str(len(found))})

    def _insert_reply(self, seen: Seen) -> Reply:
        if complaint := self._bad(seen.document()):
            return complaint
        return json_reply(
            {"result": self._shown(self._insert(self._permitted(seen.document()), "mist"), seen.query)}, 201
        )

    def _insert(self, values: dict[str, str], by: str) -> dict[str, str]:
        number = len(self.records) + 1
        sys_id = hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()
        record = dict.fromkeys(("short_description", "description", "correlation_id", "correlation_display", "assigned_to", "assignment_group", "resolved_by", "resolved_at", "closed_by", "closed_at", "close_code", "close_notes", "parent_incident", "work_notes"), "")  # fmt: skip
        record |= {
            "sys_id": sys_id,
            "number": f"INC{number:07d}",
            "state": "1",
            "impact": "3",
            "urgency": "3",
            "sys_created_on": self._now(),
        }
        self.records[sys_id] = record
        self.notes[sys_id] = []
        self._update(record, values, by)
        return record

    def _update(self, record: dict[str, str], values: dict[str, str], by: str) -> None:
        before = record["state"]
        for name, value in values.items():
            if name == "work_notes":
                self.notes[record["sys_id"]].append(value)
            elif name in record and name not in ("sys_id", "number", "priority"):
                record[name] = value[: LENGTHS.get(name, 4000)]
        if record["state"] != before and record["state"] == "6":
            record |= {"resolved_at": self._now(), "resolved_by": "u-us"}
        if record["state"] != before and record["state"] == "7":
            record |= {"closed_at": self._now(), "closed_by": "u-anna"}
        if record["state"] in ("1", "2", "3"):
            record |= {"resolved_at": "", "resolved_by": ""}
        total = int(record["impact"]) + int(record["urgency"]) - 1
        record |= {"priority": str(min(total, 5)), "sys_updated_on": self._now(), "sys_updated_by": by}

    def _permitted(self, values: dict[str, str]) -> dict[str, str]:
        """What of a write by this account is kept; the rest is left out without a word."""
        lost = self.missing_fields | self.denied_fields
        return {name: value for name, value in values.items() if name not in lost}

    def _bad(self, values: dict[str, str]) -> Reply | None:
        if values.get("state") == "6" and not (values.get("close_code") and values.get("close_notes")):
            return _error(403, "Operation Failed", "Data Policy Exception: Resolution code, Resolution notes")
        return None

    def _shown(self, record: dict[str, str], query: dict[str, str]) -> dict[str, Any]:
        names = query.get("sysparm_fields", "").split(",") if query.get("sysparm_fields") else list(record)
        how = query.get("sysparm_display_value", "false")

        def shown(name: str) -> str:
            value = record[name]
            return STATES.get(value, value) if name == "state" else USERS.get(value, value)

        return {
            name: {"value": record[name], "display_value": shown(name)}
            if how == "all"
            else shown(name)
            if how == "true"
            else record[name]
            for name in names
            if name in record and name not in self.missing_fields
        }

    def _now(self) -> str:
        return f"{self.clock():%Y-%m-%d %H:%M:%S}"


def _holds(record: dict[str, str], name: str, operator: str, value: str) -> bool:
    actual = record.get(name, "")
    if operator == "STARTSWITH":
        return actual.startswith(value)
    return actual in value.split(",") if operator == "IN" else actual == value


def _error(status: int, message: str, detail: str) -> Reply:
    return json_reply({"error": {"message": message, "detail": detail}, "status": "failure"}, status)
