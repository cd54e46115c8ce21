"""What is written with an answer: of which raw kind it is, who asked, what for and when.

Who reads raw files needs the kinds alone, and imports nothing that fetches.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from mist_pipeline.collect.fetch.plan import Purpose, Request
from mist_pipeline.collect.raw.format import Header, Record
from mist_pipeline.mist.page import Page

Lane = Literal["batch", "live"]

_KINDS: dict[Purpose, str] = {
    "organisation": "sle_org",
    "detail": "sle_detail",
    "alarms": "alarms",
    "changes": "changes",
}
KINDS = tuple(_KINDS.values())
"""Raw kinds of answers about whole days."""


@dataclass(frozen=True)
class Origin:
    """Who asks: recorded with every answer.

    Attributes:
        org_id: The organisation.
        client_version: Name and version of the client, as in raw files.
        lane: ``live`` keeps its raw files apart: they hold parts of a day and must never replace a whole one.
    """

    org_id: str
    client_version: str
    lane: Lane = "batch"

    def kind(self, purpose: Purpose) -> str:
        """The raw kind of this purpose's answers."""
        return kind_of(purpose, self.lane)


def kind_of(purpose: Purpose, lane: Lane = "batch") -> str:
    """The raw kind that holds the answers of a purpose: ``sle_detail``, ``live_sle_org`` and so on."""
    return f"live_{_KINDS[purpose]}" if lane == "live" else _KINDS[purpose]


def asked_for(request: Request) -> dict[str, Any]:
    """What was asked, as the header of its answer says it."""
    asked: dict[str, Any] = {
        "purpose": request.purpose,
        "start": request.start,
        "end": request.end,
        "days": [day.isoformat() for day in request.days],
    }
    optional = {"site_id": request.site_id, "metric": request.metric, "group": request.group}
    return asked | {name: value for name, value in optional.items() if value}


def record_of(page: Page, key: str, asked: Mapping[str, Any], as_of: datetime, origin: Origin) -> Record:
    """A page as it is kept."""
    header = Header(
        key=key,
        request={**asked, "path": page.url_path},
        number=page.number,
        as_of=as_of,
        requested_at=page.requested_at,
        received_at=page.received_at,
        client_version=origin.client_version,
    )
    return Record(header, page.body)


def nothing(request: Request, outcome: str, as_of: datetime, origin: Origin) -> Record:
    """A record that there is no answer, and why (``outcome``)."""
    header = Header(
        key=request.key,
        request=asked_for(request),
        number=0,
        as_of=as_of,
        requested_at=as_of,
        received_at=as_of,
        client_version=origin.client_version,
        outcome=outcome,
    )
    return Record(header, b"null")
