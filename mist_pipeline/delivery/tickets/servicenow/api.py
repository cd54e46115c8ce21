"""What ServiceNow's Table API can be asked and told; no decisions.

Here: records, searched by cause and read by sys_id, each checked to be ours. Not here: which of them an incident needs
(`servicenow`).

Sources: ServiceNow, "Table API" (``sysparm_*`` parameters; an invalid part of a query is ignored; empty results are
404 in v1), property ``glide.invalid_query.returns_no_rows``, "Incident state model" of the base system.
"""

import re
from collections.abc import Mapping
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
from mist_pipeline.delivery.tickets.policy import TicketPolicy
from mist_pipeline.http_client.session import HttpLimits

_FIELDS = (
    "sys_id", "number", "state", "correlation_id", "correlation_display", "assigned_to", "resolved_by", "resolved_at",
    "closed_by", "closed_at", "sys_created_on", "sys_updated_on", "sys_updated_by",
)  # fmt: skip
_LIMIT = 100
_SYS_ID = re.compile(r"[0-9a-f]{32}")
_READING: Mapping[str, str] = {
    "sysparm_fields": ",".join(_FIELDS),
    "sysparm_display_value": "all",
    "sysparm_exclude_reference_link": "true",
}
"""Values for us and display values for people; no links of references."""


@dataclass(frozen=True)
class States:
    """Values of the field ``state``, which every instance may number anew; the defaults are the base system's."""

    new: str = "1"
    in_progress: str = "2"
    on_hold: str = "3"
    resolved: str = "6"
    closed: str = "7"
    cancelled: str = "8"

    @property
    def over(self) -> frozenset[str]:
        """States that are never left again."""
        return frozenset({self.closed, self.cancelled})


@dataclass(frozen=True)
class ServiceNowConfig:
    """Where records go and how they look.

    Attributes:
        base_url: ``https://your-instance.service-now.com``.
        credentials: `Basic` or `Bearer` (OAuth).
        name: Name of the sink in the configuration.
        table: The table; one that extends ``task`` and has the fields of ``incident``.
        version: Version of the Table API in its path, such as ``v2``; empty for the latest.
        impact_urgency: Severity → impact and urgency; the instance derives the priority.
        states: Values of ``state``.
        close_code: Resolution code of a record that recovered by itself.
        duplicate_close_code: Resolution code of the second record of one incident.
        fields: Further fields of a new record, such as ``assignment_group`` or ``caller_id``.
        description_limit: Longest ``description``; the instance cuts silently what is longer.
        note_limit: Longest work note.
        policy: How a record follows its incident.

    Raises:
        ValueError: For a table or version that cannot be one.
    """

    base_url: str
    credentials: Credentials
    name: str = "servicenow"
    table: str = "incident"
    version: Literal["", "v1", "v2"] = ""
    impact_urgency: Mapping[Severity, tuple[str, str]] = field(
        default_factory=lambda: {
            "critical": ("1", "1"), "major": ("2", "1"), "warning": ("2", "2"), "info": ("3", "3"),
        }
    )  # fmt: skip
    states: States = field(default_factory=States)
    close_code: str = "Resolved by caller"
    duplicate_close_code: str = "Duplicate"
    fields: Mapping[str, str] = field(default_factory=dict)
    description_limit: int = 4000
    note_limit: int = 4000
    policy: TicketPolicy = field(default_factory=TicketPolicy)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.table, re.ASCII):
            raise ValueError(
                f"servicenow: {self.table!r} is no table; use the name that its URL shows, such as incident"
            )
        if self.version not in ("", "v1", "v2"):
            raise ValueError(
                f"servicenow: version is {self.version!r}; use v1, v2, or leave it empty for the latest"
            )


@dataclass(frozen=True)
class Record:
    """A record as it was read: values, and what people are shown of them."""

    values: Mapping[str, str]
    shown: Mapping[str, str]

    @property
    def sys_id(self) -> str:
        """Its id; 32 hexadecimal digits."""
        return self.values["sys_id"]

    @property
    def state(self) -> str:
        """One of `States`."""
        return self.values["state"]

    def ended_at(self) -> datetime | None:
        """When it was resolved or closed."""
        return instant(self.values["closed_at"]) or instant(self.values["resolved_at"])


class ServiceNowApi:
    """One table of one instance; every method raises `StoppedError` where it cannot go on.

    Args:
        config: Which one.
        limits: Limits of one request.
    """

    def __init__(self, config: ServiceNowConfig, limits: HttpLimits | None = None) -> None:
        self._table = config.table
        self._client = TicketClient("ServiceNow", config.base_url, config.credentials, limits)
        self._path = "/".join(filter(None, ("/api/now", config.version, "table", config.table)))

    def url(self, sys_id: str) -> str:
        """Address of a record for people."""
        return f"{self._client.base_url}/nav_to.do?uri={self._table}.do?sys_id={sys_id}"

    def search(self, cause: str) -> list[Record]:
        """Records of a cause, the newest hundred.

        Raises:
            StoppedError: With `Refused` if records of others came back: then the instance ignored the query.
        """
        params = {
            "sysparm_query": f"correlation_idSTARTSWITH{cause}.^ORDERBYDESCsys_created_on",
            "sysparm_limit": str(_LIMIT),
            **_READING,
        }
        answer = self._client.ask(self._path, params, also=frozenset({404}))
        if answer.status == 404:
            # v1 answers an empty result this way; any other 404 is a wrong address.
            if "no record" in text_of(answer.document, "error", "message").lower():
                return []
            raise StoppedError(
                Refused(f"ServiceNow: GET {self._path} answered 404; check base_url, version and table")
            )
        records = [as_record(each) for each in rows_of(answer.document, "result")]
        if any(not _is_of(record, cause) for record in records):
            raise StoppedError(
                Refused(
                    "ServiceNow ignored the query on correlation_id and answered with records of others; nothing was"
                    " written. Does the table have this field, and may this account read it?"
                )
            )
        return records

    def read(self, sys_id: str, cause: str) -> Record | None:
        """A record by its sys_id; None if there is none, or it is not of this cause."""
        if not _SYS_ID.fullmatch(sys_id):
            return None
        answer = self._client.ask(f"{self._path}/{sys_id}", _READING, also=frozenset({404}))
        if answer.status == 404:
            return None
        record = as_record(dig(answer.document, "result"))
        return record if record.sys_id == sys_id and _is_of(record, cause) else None

    def create(self, values: Mapping[str, str]) -> Record | None:
        """A new record; None if the answer does not name it."""
        record = as_record(dig(self._client.tell("POST", self._path, dict(values)).document, "result"))
        return record if _SYS_ID.fullmatch(record.sys_id) else None

    def change(self, record: Record, values: Mapping[str, str]) -> None:
        """Write fields of a record, all in one."""
        self._client.tell("PATCH", f"{self._path}/{record.sys_id}", dict(values))


def _is_of(record: Record, cause: str) -> bool:
    return bool(cause) and record.values["correlation_id"].startswith(f"{cause}.")


def as_record(row: object) -> Record:
    """A row with plain values, or with value and display value."""
    return Record(
        values={name: text_of(row, name, "value") or text_of(row, name) for name in _FIELDS},
        shown={name: text_of(row, name, "display_value") or text_of(row, name) for name in _FIELDS},
    )


def instant(text: str) -> datetime | None:
    """ServiceNow's ``2026-11-23 17:00:00``, always UTC in values."""
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
