"""What the document says of the ledger: what is open, what began and ended. Part of the JSON dashboard (docs/report.md)."""

from typing import TypedDict

Series = list[float | None]


class IncidentSite(TypedDict):
    """A site of an incident; an empty id is the whole organisation, a null status is that of no site of the day."""

    site_id: str
    label: str
    url: str | None
    status: str | None


class Notified(TypedDict):
    """A sink that was notified, and when it last was."""

    sink: str
    at: str


class Ticket(TypedDict):
    """A ticket as its system calls it."""

    ticket: str
    url: str | None


class OpenIncident(TypedDict):
    """An incident that is not over.

    ``since`` (when it began) and ``recovering_since`` (the end of its last bad hour, None while it goes on) are said in the
    organisation's time; ``lasts`` is from the one to the other, or up to when the ledger was read.

    ``metric`` is that of its worst alert, ``score_pct`` and ``history`` are those of the day at the site of that alert.
    """

    incident_id: str
    url: str | None
    severity: str
    scope: str
    progress: str
    where: str
    what: str
    began_at: str
    opened_at: str
    since: str
    recovering_since: str | None
    lasts: str
    is_new: bool
    acknowledged_by: str | None
    acknowledged_at: str | None
    withheld: str | None
    notified: list[Notified]
    tickets: list[Ticket]
    impact: str | None
    worse: str | None
    next_steps: list[str]
    cause_fingerprint: str | None
    p_value: float | None
    num_sites: int
    sites: list[IncidentSite]
    metric: str | None
    score_pct: float | None
    threshold_pct: float | None
    history: Series


class Change(TypedDict):
    """What became of an incident since the report before.

    ``kind`` is ``began`` (it is open), ``began and ended``, ``ended`` or ``past`` (over before it was noticed); ``when`` and
    ``lasted`` are those of the trouble itself.
    """

    incident_id: str
    url: str | None
    kind: str
    at: str
    severity: str
    where: str
    what: str
    when: str
    lasted: str
    num_sites: int


class Ledger(TypedDict):
    """The ledger as it was when the report was made; ``open`` and ``changes`` are null where it could not be read."""

    read_at: str
    since: str
    evaluated_at: str | None
    trouble: str | None
    open: list[OpenIncident] | None
    changes: list[Change] | None


class PastSite(TypedDict):
    """A site of a past incident; an empty id is the whole organisation."""

    site_id: str
    label: str
    url: str | None


class PastIncident(TypedDict):
    """What was over before it was noticed; ``when`` is said in the organisation's time."""

    incident_id: str
    where: str
    what: str
    severity: str
    began_at: str
    last_bad_at: str
    when: str
    lasted: str
    num_sites: int
    sites: list[PastSite]
