"""Questions as calls, and answers as values; or why there is no answer."""

from collections.abc import Mapping

from mist_pipeline.alerts.impacts.measured import (
    MOST_CLIENTS,
    MOST_DEVICES,
    Answer,
    Counts,
    Devices,
    Parts,
    People,
)
from mist_pipeline.alerts.impacts.model import DeviceKind, HitClient, HitDevice
from mist_pipeline.alerts.impacts.questions import Question
from mist_pipeline.domain.metrics import CATALOGUE, Group
from mist_pipeline.mist import endpoints
from mist_pipeline.mist.endpoints import Call
from mist_pipeline.mist.errors import (
    BudgetExhausted,
    Forbidden,
    MistError,
    NotSupported,
    RateLimited,
    Unauthorized,
    Unavailable,
    UnexpectedShape,
)
from mist_pipeline.mist.page import Page
from mist_pipeline.mist.parsers import (
    parse_impact_summary,
    parse_impacted_devices,
    parse_impacted_people,
    parse_sle_metrics,
    parse_sle_summary,
)

_LISTED: Mapping[Group, DeviceKind] = {"wifi": "ap", "wired": "switch", "wan": "gateway"}
_MOST_PARTS = 3

NOT_OFFERED = "the cloud does not offer this service level there"
TOO_LATE = "the cloud took too long"


_WHY: tuple[tuple[type[MistError], str], ...] = (
    (NotSupported, "the cloud does not say who is hit there"),
    (BudgetExhausted, "not asked: the calls of this hour are used up"),
    (RateLimited, "the cloud takes no more calls for now (HTTP 429)"),
    (Unauthorized, "the cloud does not accept the API token (HTTP 401)"),
    (Forbidden, "the API token may not see it (HTTP 403)"),
    (UnexpectedShape, "the cloud's answer cannot be read"),
)


def why(error: Exception) -> str:
    """Why the cloud said nothing, in a few words; no text of the cloud.

    >>> why(Unavailable("the cloud is in trouble", status=503))
    'the cloud did not answer (HTTP 503)'
    >>> why(BudgetExhausted("used up"))
    'not asked: the calls of this hour are used up'
    """
    if isinstance(error, Unavailable) and error.reason == TOO_LATE:
        return TOO_LATE
    for kind, words in _WHY:
        if isinstance(error, kind):
            return words
    if isinstance(error, MistError) and error.status is not None:
        return f"the cloud did not answer (HTTP {error.status})"
    return "the cloud did not answer"


def names(result: list[Page] | MistError) -> Mapping[str, str | None] | str:
    """What a site calls its service levels, or why that is not known."""
    if isinstance(result, MistError):
        return why(result)
    try:
        return dict(parse_sle_metrics(result[0].document).spellings)
    except UnexpectedShape as error:
        return why(error)


def call_of(question: Question, spelling: str) -> Call:
    """The call that answers a question."""
    place = question.place
    group = CATALOGUE[place.metric].group
    start, end = (
        int(place.start.timestamp()),
        max(int(place.end.timestamp()), int(place.start.timestamp()) + 1),
    )
    if question.subject == "counts":
        return endpoints.sle_summary(place.site_id, spelling, start, end)
    if question.subject == "devices":
        return endpoints.impacted_devices(place.site_id, spelling, _LISTED[group], start, end)
    if question.subject == "parts":
        return endpoints.impact_summary(place.site_id, spelling, start, end)
    connection: endpoints.Connection = "wired" if group == "wired" else "wireless"
    return endpoints.impacted_people(place.site_id, spelling, connection, start, end)


def answer_of(question: Question, result: list[Page] | MistError, *, shows_clients: bool) -> Answer:
    """What an answer says, or why it says nothing."""
    if isinstance(result, MistError):
        return why(result)
    try:
        return _read(question, result[0].document, shows_clients=shows_clients)
    except UnexpectedShape as error:
        return why(error)


def _read(question: Question, document: object, *, shows_clients: bool) -> Answer:
    site_id = question.place.site_id
    if question.subject == "counts":
        said = parse_sle_summary(document).impact
        return Counts(said.num_users, said.total_users, said.num_aps, said.total_aps)
    if question.subject == "devices":
        listed = parse_impacted_devices(document)
        kind = _LISTED[CATALOGUE[question.place.metric].group]
        rows = [
            HitDevice(kind, row.mac, row.name, site_id, row.degraded)
            for row in listed.rows[:MOST_DEVICES]
            if row.kind == kind
        ]
        return Devices(kind, listed.count, tuple(rows))
    if question.subject == "people":
        people = parse_impacted_people(document)
        shown = people.rows[:MOST_CLIENTS] if shows_clients else ()
        return People(
            people.count, tuple(HitClient(row.name, row.mac, row.address, site_id) for row in shown)
        )
    return Parts(_shares(document))


def _shares(document: object) -> dict[str, dict[str, float]]:
    """What those who are hit share: dimension → name → its share of the degraded minutes, the largest first."""
    minutes: dict[str, dict[str, float]] = {}
    for row in parse_impact_summary(document).rows:
        if row.dimension != "ap" and row.degraded > 0:
            of_dimension = minutes.setdefault(row.dimension, {})
            name = row.name or row.key
            of_dimension[name] = of_dimension.get(name, 0.0) + row.degraded
    return {
        dimension: {
            name: round(counted[name] / sum(counted.values()), 3)
            for name in sorted(counted, key=counted.__getitem__, reverse=True)[:_MOST_PARTS]
            if name
        }
        for dimension, counted in minutes.items()
    }
