"""ServiceNow as a ticket system, over the Table API.

Here: records behind `TicketSystem`, searched by cause and read by sys_id. Both names of an incident, joined, are the
``correlation_id`` of its record. ServiceNow does not keep it unique, and it *ignores* a query on a field that it does not
know, answering with other people's records: so nothing is written to a record before its ``correlation_id`` was read and is
ours. ``correlation_display`` holds the mark of the last message, written together with its work note, so that a repetition is
recognised. Resolved records may be reopened; closed and cancelled ones never are. Not here: when any of it is done
(``delivery.tickets.lifecycle``).

Sources: ServiceNow, "Table API" (``sysparm_*`` parameters; an invalid part of a query is ignored; empty results are
404 in v1), property ``glide.invalid_query.returns_no_rows``, "Incident state model" of the base system.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from mist_pipeline.delivery.sink import Concern, Refused, Unknown
from mist_pipeline.delivery.tickets.client import TicketClient, dig, rows_of, text_of
from mist_pipeline.delivery.tickets.policy import Names
from mist_pipeline.delivery.tickets.servicenow.config import ServiceNowConfig
from mist_pipeline.delivery.tickets.system import (
    Change,
    Hand,
    NewTicket,
    ReadBack,
    StoppedError,
    Ticket,
    Written,
)
from mist_pipeline.delivery.tickets.ticket_text import plain
from mist_pipeline.domain.severity import Severity
from mist_pipeline.domain.text import clipped
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.http_client.session import HttpLimits

_FIELDS = (
    "sys_id", "number", "state", "correlation_id", "correlation_display", "assigned_to", "resolved_by", "resolved_at",
    "closed_by", "closed_at", "close_code", "sys_created_on", "sys_updated_by",
)  # fmt: skip
_EXACT = frozenset({"correlation_id", "correlation_display", "state", "impact", "urgency"})
"""Fields that mean something else once they are changed."""
_UNKEPT = "this table does not keep the field correlation_id that mist-pipeline writes"
_KEPT = "this table keeps the field correlation_id again"
_REMEDY = (
    "Add correlation_id to the table, let the account write and read it, and check the business rules on it"
)
_LIMIT = 100
_SUMMARY_LIMIT = 160
_TEXT_LIMIT = 4000
"""Longest description or work note; the instance cuts silently what is longer."""
_SYS_ID = re.compile(r"[0-9a-f]{32}")
_JOURNAL_CODE = re.compile(r"\[(?=\s*/?\s*code)", re.IGNORECASE)
_READING: Mapping[str, str] = {
    "sysparm_fields": ",".join(_FIELDS),
    "sysparm_display_value": "all",
    "sysparm_exclude_reference_link": "true",
}
"""Values for us and display values for people; no links of references."""


@dataclass(frozen=True, kw_only=True)
class Record(Ticket):
    """A record as it was read; its id is the sys_id, 32 hexadecimal digits.

    Attributes:
        state: Value of its field ``state``.
        values: Its fields.
        shown: Its fields as people are shown them.
    """

    state: str
    values: Mapping[str, str]
    shown: Mapping[str, str]


class ServiceNowSystem:
    """One table of one instance; every method raises `StoppedError` where it cannot go on.

    Args:
        config: Which one, and how records look.
        secret: Password or OAuth token.
        limits: Limits of one request.

    Raises:
        ValueError: For an address that would send the secret in the clear, or is none.
    """

    title = "ServiceNow"

    def __init__(self, config: ServiceNowConfig, secret: Secret, limits: HttpLimits | None = None) -> None:
        self._config = config
        self._client = TicketClient(self.title, config.base_url, config.user, secret, limits)
        self._path = "/".join(filter(None, ("/api/now", config.version, "table", config.table)))

    def number_in(self, reference: Mapping[str, str]) -> str:
        """The number, such as INC0010023."""
        return reference.get("number", "")

    def fits_ticket(self, text: str) -> bool:
        """Whether a description would not be cut."""
        return len(plain(text)) <= _TEXT_LIMIT

    def fits_comment(self, text: str) -> bool:
        """Whether a work note would not be cut."""
        return len(_note(text)) <= _TEXT_LIMIT

    def search(self, names: Names) -> list[Record]:
        """Records of a cause, the newest hundred, oldest first.

        Raises:
            StoppedError: With `Refused` if records of others came back: then the instance ignored the query.
        """
        params = {
            "sysparm_query": f"correlation_idSTARTSWITH{names.cause}.^ORDERBYDESCsys_created_on",
            "sysparm_limit": str(_LIMIT),
            **_READING,
        }
        answer = self._client.query(self._path, params, also=frozenset({404}))
        if answer.status == 404:
            # v1 answers an empty result this way; any other 404 is a wrong address.
            if "no record" in text_of(answer.document, "error", "message").lower():
                return []
            raise StoppedError(
                Refused(f"ServiceNow: GET {self._path} answered 404; check base_url, version and table")
            )
        records = [self._record(each) for each in rows_of(answer.document, "result")]
        if any(not _is_of(record, names.cause) for record in records):
            raise StoppedError(
                Refused(
                    "ServiceNow ignored the query on correlation_id and answered with records of others; nothing was"
                    " written. Does the table have this field, and may this account read it?"
                )
            )
        return sorted(records, key=lambda record: record.age)

    def refresh(self, found: Record) -> Record | None:
        """The record itself: this search shows what is."""
        return found

    def read(self, reference: Mapping[str, str], names: Names) -> Record | None:
        """By its sys_id, if it is of this cause."""
        return self._read(reference.get("sys_id", ""), names.cause)

    def has_mark(self, ticket: Record, mark: str) -> bool:
        """Whether the last message in it was the one of the mark."""
        return ticket.values["correlation_display"] == mark

    def create(self, new: NewTicket[Record]) -> Written:
        """A new record, with the previous one as its parent."""
        values = {
            # ServiceNow writes its truth values small, as JSON does.
            **{
                key: value if isinstance(value, str) else json.dumps(value)
                for key, value in self._config.fields.items()
            },
            "short_description": clipped(new.summary, _SUMMARY_LIMIT),
            "description": plain(new.body),
            **self._priority(new.severity),
            "correlation_id": _correlation_id(new.names),
            "correlation_display": new.mark,
        }
        if new.previous is not None:
            values["parent_incident"] = new.previous.id
        self._test_again(values["correlation_id"])
        row = dig(self._client.write("POST", self._path, values).document, "result")
        created = self._record(row)
        if not _SYS_ID.fullmatch(created.id):
            raise StoppedError(Unknown("ServiceNow: a record was created, but the answer does not name it"))
        if created.values["correlation_id"] != values["correlation_id"]:
            self._give_up(created, values["correlation_id"])
        lost = _unkept(row, values)
        return Written(
            self._reference(created, new.names, self._config.states["new"]), [_not_kept(lost)] if lost else []
        )

    def update(self, ticket: Record, change: Change, before: Mapping[str, str]) -> Written:
        """Everything in one write.

        The reference remembers which state this program answers for, and whom the record was assigned to by then: that is how
        `read_back` knows what people did.
        """
        values: dict[str, str] = {}
        if change.comment is not None:
            values |= {"work_notes": _note(change.comment), "correlation_display": change.mark}
        if ticket.values["correlation_id"] != _correlation_id(change.names):
            values["correlation_id"] = _correlation_id(change.names)
        if change.severity is not None:
            values |= self._priority(change.severity)
        change_of_state, ours = self._change_of_state(
            ticket, change, before.get("state", self._config.states["new"])
        )
        values |= change_of_state
        notes = []
        if values and (lost := _unkept(self._change(ticket, values), values)):
            notes.append(_not_kept(lost))
            # What the instance did not do, this program does not answer for.
            ours = before.get("state", self._config.states["new"]) if "state" in lost else ours
        reference = self._reference(ticket, change.names, ours)
        if "state" not in values and ours == before.get("state"):
            reference["assigned_to"] = before.get("assigned_to", "")
        return Written(reference, notes)

    def _change_of_state(self, ticket: Record, change: Change, ours: str) -> tuple[dict[str, str], str]:
        """What to write to resolve or reopen, and the state that this program answers for afterwards; ``ours`` so far."""
        states = self._config.states
        # The comment is there already: an earlier attempt of this message has written it, and the state with it.
        is_repeated = change.comment is None
        match change.goal:
            case "done" if not ticket.is_done:
                notes = f"Recovered by itself, seen by mist-pipeline. {change.mark}"
                return self._closing(self._config.close_code, notes), states["resolved"]
            case "done":
                # A person was faster, and it stays that person's doing.
                return {}, states["resolved"] if is_repeated else ours
            case "open" if ticket.is_done:
                return {"state": states["new"]}, states["new"]
            case "open" if is_repeated and ours == states["resolved"]:
                return {}, states["new"]
        return {}, ours

    def close_duplicate(self, extra: Record, kept: Record) -> None:
        """Resolve it with a code of its own."""
        self._change(extra, self._closing(self._config.duplicate_close_code, f"Duplicate of {kept.number}"))

    def read_back(self, reference: Mapping[str, str]) -> ReadBack[Record] | None:
        """What this program did itself is known from the reference: the state it set, and the assignee by then."""
        if not reference.get("cause"):
            raise StoppedError(
                Refused("ServiceNow: the reference names no cause, so the record could be anybody's")
            )
        record = self._read(reference.get("sys_id", ""), reference["cause"])
        return None if record is None else ReadBack(record, self._hand(record, reference))

    def _hand(self, record: Record, reference: Mapping[str, str]) -> Hand | None:
        states, shown = self._config.states, record.shown
        if record.is_done:
            if reference.get("state") == states["resolved"]:
                return None
            who = shown["closed_by"] or shown["resolved_by"] or shown["sys_updated_by"]
            return Hand(who, record.closed_at)
        is_in_work = record.state in (states["in_progress"], states["on_hold"])
        is_moved = is_in_work and record.state != reference.get("state")
        is_assigned = record.values["assigned_to"] not in ("", reference.get("assigned_to", ""))
        if not (is_moved or is_assigned):
            return None
        # The record says when it was last touched, by anybody, and not when it was taken.
        return Hand(shown["assigned_to"] or shown["sys_updated_by"], None)

    def _read(self, sys_id: str, cause: str) -> Record | None:
        if not _SYS_ID.fullmatch(sys_id):
            return None
        answer = self._client.query(f"{self._path}/{sys_id}", _READING, also=frozenset({404}))
        if answer.status == 404:
            return None
        record = self._record(dig(answer.document, "result"))
        return record if record.id == sys_id and _is_of(record, cause) else None

    def examine(self) -> list[Concern]:
        """Whether the fields that a record is found by can be read, and whether an earlier record was not kept whole."""
        params = {**_READING, "sysparm_limit": "1"}
        answer = self._client.query(self._path, params, also=frozenset({404}))
        rows = rows_of(answer.document, "result")
        needed = ("correlation_id", "correlation_display", "state", "number")
        missing = (
            [name for name in needed if isinstance(rows[0], Mapping) and name not in rows[0]] if rows else []
        )
        concerns = [
            Concern(
                f"ServiceNow: the table {self._config.table} does not show {name} to this account",
                "add the field to the table, or let the account read and write it",
                is_hindrance=name != "correlation_display",
            )
            for name in missing
        ]
        if (failed := self._failed_test()) is not None:
            concerns.append(
                Concern(f"ServiceNow: {failed.number} says: {_UNKEPT}", _REMEDY, is_hindrance=True)
            )
        return concerns

    def _give_up(self, created: Record, correlation_id: str) -> None:
        """A record that could never be found again is closed, and stays as the one that says so.

        Raises:
            StoppedError: With `Refused`, unless a second reading shows that it was kept.
        """
        answer = self._client.query(f"{self._path}/{created.id}", _READING, also=frozenset({404}))
        if self._record(dig(answer.document, "result")).values["correlation_id"] == correlation_id:
            return
        what = f"ServiceNow: {_UNKEPT}. {_REMEDY}. Until then no incident is created"
        closing = self._closing(self._config.close_code, f"Closed by mist-pipeline. {_UNKEPT}. {_REMEDY}.")
        try:
            self._change(created, {**closing, "short_description": _UNKEPT})
        except StoppedError as stopped:
            raise StoppedError(
                Refused(f"{what}; {created.number} was created and cannot be closed: {stopped}")
            ) from None
        raise StoppedError(Refused(f"{what}; {created.number} was created and is closed again"))

    def _failed_test(self) -> Record | None:
        """The record that says that this table does not keep what was written, if it can still be written to."""
        params = {
            **_READING,
            "sysparm_query": f"short_descriptionSTARTSWITH{_UNKEPT}^ORDERBYDESCsys_created_on",
            "sysparm_limit": "1",
            "sysparm_fields": ",".join(("short_description", *_FIELDS)),
        }
        answer = self._client.query(self._path, params, also=frozenset({404}))
        for row in rows_of(answer.document, "result"):
            record = self._record(row)
            # What an ignored query answers is not taken for it.
            if text_of(row, "short_description", "value") == _UNKEPT and not record.is_final:
                return record
        return None

    def _test_again(self, correlation_id: str) -> None:
        """Try on the record of the last failure whether the field is kept by now, so that there is no further one.

        Raises:
            StoppedError: With `Refused` where it is not.
        """
        failed = self._failed_test()
        if failed is None:
            return
        row = self._change(failed, {"correlation_id": correlation_id})
        if self._record(row).values["correlation_id"] != correlation_id:
            raise StoppedError(
                Refused(
                    f"ServiceNow: {_UNKEPT}, as {failed.number} shows. {_REMEDY}. Until then no incident is created"
                )
            )
        self._change(failed, {"correlation_id": "", "short_description": _KEPT})

    def _change(self, record: Record, values: Mapping[str, str]) -> object:
        """Write to a record; answers the row as it is afterwards."""
        answer = self._client.write("PATCH", f"{self._path}/{record.id}", dict(values))
        return dig(answer.document, "result")

    def _closing(self, code: str, notes: str) -> dict[str, str]:
        return {"state": self._config.states["resolved"], "close_code": code, "close_notes": notes}

    def _priority(self, severity: Severity) -> dict[str, str]:
        impact, urgency = self._config.impact_urgency[severity]
        return {"impact": impact, "urgency": urgency}

    def _reference(self, record: Record, names: Names, state: str) -> dict[str, str]:
        """What the ledger keeps: the record, and what this program made of it (see `read_back`)."""
        return {
            "sys_id": record.id,
            "number": record.number,
            "url": f"{self._client.base_url}/nav_to.do?uri={self._config.table}.do?sys_id={record.id}",
            "cause": names.cause,
            "state": state,
            "assigned_to": record.values["assigned_to"],
        }

    def _record(self, row: object) -> Record:
        """A row with plain values, or with value and display value."""
        values = {name: text_of(row, name, "value") or text_of(row, name) for name in _FIELDS}
        states = self._config.states
        is_final = values["state"] in (states["closed"], states["cancelled"])
        is_done = is_final or values["state"] == states["resolved"]
        return Record(
            id=values["sys_id"],
            number=values["number"],
            # Creation has a resolution of one second, so the number decides ties.
            age=f"{values['sys_created_on']} {values['number']}",
            names=frozenset(values["correlation_id"].split(".")),
            is_done=is_done,
            is_final=is_final,
            closed_at=(_instant(values["closed_at"]) or _instant(values["resolved_at"])) if is_done else None,
            resolution=values["close_code"] if is_done else "",
            state=values["state"],
            values=values,
            shown={name: text_of(row, name, "display_value") or text_of(row, name) for name in _FIELDS},
        )


def _unkept(row: object, sent: Mapping[str, str]) -> list[str]:
    """Fields that came back empty, or changed where nothing but what was sent makes sense.

    An instance answers success though the table lacks a field, the account may not write it, or a business rule took it out.
    """
    if not isinstance(row, Mapping) or "sys_id" not in row:
        return []
    lost = []
    for name, value in sent.items():
        kept = text_of(row, name, "value") or text_of(row, name)
        # Journals come back empty, texts cut, references as ids.
        if value and name != "work_notes" and kept != value and (not kept or name in _EXACT):
            lost.append(name)
    return lost


def _not_kept(names: list[str]) -> str:
    return (
        f"the instance did not keep: {', '.join(names)} (not on the table, no permission, or a business rule)"
    )


def _correlation_id(names: Names) -> str:
    return f"{names.cause}.{names.incident}"


def _is_of(record: Record, cause: str) -> bool:
    return bool(cause) and record.values["correlation_id"].startswith(f"{cause}.")


def _note(text: str) -> str:
    """A work note: plain text in which nobody's name can switch on HTML, which ``[code]`` does."""
    return _JOURNAL_CODE.sub("(", plain(text))


def _instant(text: str) -> datetime | None:
    """ServiceNow's ``2026-11-23 17:00:00``, always UTC in values."""
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
