"""What is thought of the records: every promise, and what broke it.

Pure: records in, sentences out, so that doctored records show that the harness would notice a defect.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mist_pipeline.alerts.lifecycle.model import Event, Incident
from mist_pipeline_tests.crash.board import HANDS

RINGING = ("first", "severity_rise", "much_worse", "reopened", "escalation")
BY_TICKET = "Anna Ops"
POSTED = ("mail", "chat", "hook")
"""Sinks at which every row of the outbox is one message."""


@dataclass(frozen=True)
class Post:
    """A message that arrived.

    Attributes:
        sink: Where.
        key: The same for every attempt of one row.
        incident_id: '' where the receiver does not learn it.
        at: When, by the machine's clock.
        life: Number of the child that sent it.
        is_answered: Whether the sender was told.
    """

    sink: str
    key: str
    incident_id: str
    at: datetime
    life: int
    is_answered: bool = True

    def without_answer(self) -> "Post":
        """The same; nobody heard that it arrived."""
        return replace(self, is_answered=False)


@dataclass(frozen=True)
class Page:
    """A page that rang."""

    key: str
    incident_id: str
    at: datetime
    life: int


@dataclass(frozen=True)
class Ticket:
    """An issue as it is in the end."""

    key: str
    labels: tuple[str, ...]
    is_done: bool
    marks: tuple[str, ...]


@dataclass(frozen=True)
class Take:
    """A person took a ticket."""

    key: str
    at: datetime


@dataclass(frozen=True)
class Row:
    """A row of the outbox as it is in the end."""

    delivery_id: int
    sink: str
    incident_id: str
    reason: str
    sequence: int
    state: str
    last_error: str
    created_at: datetime
    attempts: int
    sent_at: datetime | None = None
    kind: str = "incident"
    withdrawn_reason: str | None = None

    @property
    def decision(self) -> tuple[object, ...]:
        """What was decided, whatever became of it."""
        return (self.sink, self.incident_id, self.reason, self.sequence, self.created_at)


@dataclass(frozen=True)
class Kill:
    """What the child was doing when it was killed.

    Attributes:
        life: Number of the child.
        moment: Of the week.
        hands: Hand → what the board says.
        request: What a receiver was asked just then, '' if it was not a request that the executioner waited for.
    """

    life: int
    moment: int
    hands: Mapping[str, str]
    request: str = ""


@dataclass(frozen=True)
class Records:
    """Everything that is known of one week."""

    events: tuple[Event, ...]
    incidents: Mapping[str, Incident]
    labels: Mapping[str, str]
    rows: tuple[Row, ...]
    posts: tuple[Post, ...]
    pages: tuple[Page, ...]
    open_pages: tuple[str, ...]
    tickets: tuple[Ticket, ...]
    kills: tuple[Kill, ...] = ()
    complaints: tuple[str, ...] = ()
    takes: tuple[Take, ...] = ()
    seconds: float = 0.0
    faults: Mapping[str, int] | None = None


def broken(calm: Records, shaken: Records) -> list[str]:
    """Every promise that a week with kills did not keep.

    Args:
        calm: The same week, undisturbed.
        shaken: The week with kills.
    """
    return [
        *(f"undisturbed: {fault}" for fault in _faults_of(calm)),
        *_faults_of(shaken),
        *_differences(map(_event, calm.events), map(_event, shaken.events)),
        *_decided_otherwise(calm, shaken),
    ]


def _faults_of(records: Records) -> Iterator[str]:
    yield from (f"a receiver complained: {said}" for said in records.complaints)
    yield from _left_over(records.rows)
    for check in (_not_arrived, _not_told, _tickets, _late_pages, _ringing, _silent, _stale_hands, _repeated):
        yield from check(records)


def _event(event: Event) -> tuple[object, ...]:
    return (
        event.subject,
        event.subject_id,
        event.number,
        event.kind,
        event.at,
        sorted(event.detail.items(), key=str),
    )


def _differences(wanted: Iterable[object], found: Iterable[object]) -> Iterator[str]:
    before, after = list(wanted), list(found)
    for number, (one, other) in enumerate(zip(before, after, strict=False)):
        if one != other:
            yield f"event {number} is {other}, undisturbed {one}"
            return
    if len(before) != len(after):
        yield f"{len(after)} events, undisturbed {len(before)}"


def _decided_otherwise(calm: Records, shaken: Records) -> Iterator[str]:
    """Decisions of one week alone.

    Only where a call was withdrawn may they differ: that depends on whether it was sent by then. Whose every call was
    withdrawn has heard nothing, need not hear that it was taken or is over, and hears of a rise as of something new.
    """
    uncalled = {
        (row.sink, row.incident_id)
        for row in (*calm.rows, *shaken.rows)
        if row.reason == "escalation" and row.state == "dead"
    }
    for lacking, rows, others in (("lacks", calm.rows, shaken.rows), ("has besides", shaken.rows, calm.rows)):
        known = {row.decision for row in others}
        for row in rows:
            if row.decision not in known and (row.sink, row.incident_id) not in uncalled:
                yield f"the week with kills {lacking} the decision {row.decision}"


def _left_over(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        is_withdrawn = row.state == "dead" and row.withdrawn_reason is not None
        if row.state != "sent" and not is_withdrawn:
            yield f"row {row.delivery_id} ({row.sink}, {row.reason}) is {row.state}: {row.last_error}"


def _not_arrived(records: Records) -> Iterator[str]:
    """Whatever is said to be sent arrived, and nothing arrived that was not to be said."""
    of_row = {row.delivery_id: row.incident_id for row in records.rows}
    for sink in POSTED:
        sent = Counter(row.incident_id for row in records.rows if row.sink == sink and row.state == "sent")
        keys = {(post.key, post.incident_id) for post in records.posts if post.sink == sink}
        came = Counter(name or of_row[int(key.partition("-")[0])] for key, name in keys)
        for name in sorted(sent.keys() | came.keys()):
            # One that was withdrawn while it was being sent arrived all the same.
            withdrawn = sum(
                row.sink == sink and row.incident_id == name and row.state == "dead" for row in records.rows
            )
            if not sent[name] <= came[name] <= sent[name] + withdrawn:
                yield f"{sink}: {sent[name]} messages about {name} were sent, {came[name]} arrived"


def _not_told(records: Records) -> Iterator[str]:
    """Every incident was told, or has a reason; who was told is told the end."""
    digests = any(row.kind == "digest" for row in records.rows)
    for name, incident in records.incidents.items():
        reasons = [row.reason for row in records.rows if row.incident_id == name and row.sink == "mail"]
        was_withheld = any(
            event.subject_id == name and event.kind == "withheld" and event.detail["reason"]
            for event in records.events
        )
        if not reasons and not was_withheld:
            yield f"nobody was told of incident {name}"
        is_over = incident.state in ("resolved", "merged")
        if reasons and is_over and not {"all_resolved", "merged"} & set(reasons) and not digests:
            yield f"nobody was told that incident {name} is over"


def _tickets(records: Records) -> Iterator[str]:
    wanted = {row.incident_id for row in records.rows if row.sink == "jira"}
    for name in sorted(wanted):
        mine = [ticket for ticket in records.tickets if records.labels[name] in ticket.labels]
        if len(mine) != 1:
            yield f"incident {name} has {len(mine)} tickets: {[ticket.key for ticket in mine]}"
        elif records.incidents[name].state in ("resolved", "merged") and not mine[0].is_done:
            yield f"incident {name} is over, its ticket {mine[0].key} is not"
    known = {records.labels[name] for name in wanted}
    for ticket in records.tickets:
        if not known & set(ticket.labels):
            yield f"ticket {ticket.key} is of no incident"
        for mark, times in Counter(ticket.marks).items():
            if times > 1:
                yield f"{ticket.key} says {mark} {times} times"


def _late_pages(records: Records) -> Iterator[str]:
    """A page that rang while somebody had the incident in hand."""
    taken = _spans(records.events)
    for page in records.pages:
        for begun, ended in taken[page.incident_id]:
            if begun < page.at and (ended is None or page.at < ended):
                yield f"page {page.key} rang at {page.at}; {page.incident_id} was acknowledged at {begun}"


def _spans(
    events: Iterable[Event],
    begin: Sequence[str] = ("acknowledged",),
    end: Sequence[str] = ("worsened", "resolved", "merged"),
) -> Mapping[str, list[tuple[datetime, datetime | None]]]:
    """Incident → from when to when it was in somebody's hands."""
    spans: dict[str, list[tuple[datetime, datetime | None]]] = defaultdict(list)
    for event in events:
        if event.subject != "incident":
            continue
        mine = spans[event.subject_id]
        if event.kind in begin:
            mine.append((event.at, None))
        elif event.kind in end and mine and mine[-1][1] is None:
            mine[-1] = (mine[-1][0], event.at)
    return spans


def _ringing(records: Records) -> Iterator[str]:
    for key in records.open_pages:
        name = key.split(":")[1]
        if not records.incidents[name].is_active:
            yield f"page {key} is still open, its incident is {records.incidents[name].state}"


def _silent(records: Records) -> Iterator[str]:
    """A page that was to ring and did not, though nobody had the incident in hand."""
    rung = {page.key.partition("/")[2] for page in records.pages}
    taken, over = _spans(records.events), _spans(records.events, ("resolved", "merged"), ("reopened",))
    for row in records.rows:
        if row.sink != "page" or row.state != "sent" or row.reason not in RINGING:
            continue
        at = row.sent_at
        assert at is not None
        is_needed = not any(
            begun <= at and (ended is None or at < ended)
            for spans in (taken, over)
            for begun, ended in spans[row.incident_id]
        )
        call = "call-" if row.reason == "escalation" else ""
        if is_needed and f"mist-pipeline:{row.incident_id}:{call}{row.sequence}" not in rung:
            yield f"row {row.delivery_id} ({row.reason} of {row.incident_id}) rang nobody"


def _stale_hands(records: Records) -> Iterator[str]:
    """An acknowledgement by a ticket that nobody had touched since the incident asked."""
    asked: dict[str, datetime] = {}
    for event in records.events:
        if event.subject != "incident":
            continue
        if event.kind in ("opened", "reopened", "worsened"):
            asked[event.subject_id] = event.at
        if event.kind == "acknowledged" and event.detail["by"] == BY_TICKET:
            label, since = records.labels[event.subject_id], asked[event.subject_id]
            mine = {ticket.key for ticket in records.tickets if label in ticket.labels}
            if not any(take.key in mine and since <= take.at <= event.at for take in records.takes):
                yield f"{event.subject_id} was acknowledged at {event.at} by a hand from before {since}"


def repetitions(records: Records) -> dict[str, list[int]]:
    """Sink → the lives after whose end a message came again; those after a lost answer are not a kill's."""
    found: dict[str, list[int]] = {sink: [] for sink in HANDS if sink != "main"}
    copies: dict[tuple[str, str], list[Post]] = defaultdict(list)
    for post in records.posts:
        copies[post.sink, post.key].append(post)
    for (sink, _key), posts in copies.items():
        found[sink] += [post.life for post in posts[:-1] if post.is_answered]
    rings: dict[str, list[int]] = defaultdict(list)
    for page in records.pages:
        rings[page.key].append(page.life)
    for lives in rings.values():
        found["page"] += lives[:-1]
    for ticket in records.tickets:
        for times in Counter(ticket.marks).values():
            found["jira"] += [0] * (times - 1)
    return found


def _repeated(records: Records) -> Iterator[str]:
    repeated = repetitions(records)
    lives = {kill.life for kill in records.kills}
    total = sum(map(len, repeated.values()))
    if total > len(records.kills):
        yield f"{total} messages came twice, by {len(records.kills)} kills"
    for sink, after in repeated.items():
        for life, times in Counter(after).items():
            if life not in lives:
                yield f"{sink}: {times} messages came twice though child {life} was not killed"
            elif times > 1:
                yield f"{sink}: {times} messages came twice after one kill of child {life}"


WINDOWS: Sequence[tuple[str, frozenset[str]]] = (
    ("between lease and request", frozenset({"leased"})),
    ("at the receiver", frozenset({"sending", "looking up"})),
    ("between answer and its record", frozenset({"answered", "settling"})),
    ("between two rows", frozenset({"leasing", "settled"})),
)


def table(records: Records, calm: Records) -> str:
    """The result, for people."""
    repeated = repetitions(records)

    def late(sink: str) -> str:
        waits = [row.sent_at - row.created_at for row in records.rows if row.sink == sink and row.sent_at]
        return f"{max(waits).total_seconds() / 60:.0f} min"

    mains = Counter(kill.hands["main"] or "between two moments" for kill in records.kills)
    lines = [
        "| | undisturbed | killed |",
        "|---|---|---|",
        f"| kills | {len(calm.kills)} | {len(records.kills)} |",
        f"| events of the lifecycle | {len(calm.events)} | {len(records.events)} |",
        f"| incidents | {len(calm.incidents)} | {len(records.incidents)} |",
        f"| rows of the outbox | {len(calm.rows)} | {len(records.rows)} |",
        f"| … withdrawn before they were sent | {_dead(calm)} | {_dead(records)} |",
        f"| pages after an acknowledgement | {len(list(_late_pages(calm)))} | {len(list(_late_pages(records)))} |",
        f"| pages left open | {len(list(_ringing(calm)))} | {len(list(_ringing(records)))} |",
        f"| tickets | {len(calm.tickets)} | {len(records.tickets)} |",
        f"| requests refused for now, answers lost | {_faults(calm)} | {_faults(records)} |",
        f"| seconds | {calm.seconds:.0f} | {records.seconds:.0f} |",
        "",
        "| sink | rows sent | messages that arrived | twice after a kill | twice after a lost answer | latest |",
        "|---|---|---|---|---|---|",
    ]
    for sink in ("mail", "chat", "hook"):
        posts = [post for post in records.posts if post.sink == sink]
        sent = sum(row.sink == sink and row.state == "sent" for row in records.rows)
        lost = sum(not post.is_answered for post in posts)
        after_loss = len(posts) - len({post.key for post in posts}) - len(repeated[sink])
        lines.append(
            f"| {sink} | {sent} | {len(posts)} | {len(repeated[sink])} | {after_loss} of {lost} | {late(sink)} |"
        )
    paged = sum(row.sink == "page" and row.state == "sent" for row in records.rows)
    lines.append(
        f"| page (rings) | {paged} | {len(records.pages)} | {len(repeated['page'])} | 0 | {late('page')} |"
    )
    told = sum(row.sink == "jira" and row.state == "sent" for row in records.rows)
    marks = sum(len(ticket.marks) for ticket in records.tickets)
    lines.append(f"| jira (texts) | {told} | {marks} | {len(repeated['jira'])} | 0 | {late('jira')} |")
    times_of = Counter(life for lives in repeated.values() for life in lives)
    most = Counter(times_of[kill.life] for kill in records.kills)
    lines += ["", "| messages that came twice after one kill | kills |", "|---|---|"]
    lines += [f"| {number} | {kills} |" for number, kills in sorted(most.items())]
    lines += ["", "| killed while | kills |", "|---|---|"]
    lines += [
        f"| {doing} | {times} |" for doing, times in sorted(mains.items(), key=lambda one: (-one[1], one[0]))
    ]
    lines += ["", "| … a message was | mail | chat | page | jira | hook |", "|---|---|---|---|---|---|"]
    for window, words in WINDOWS:
        counts = [
            sum(kill.hands["main"] == "deliver" and kill.hands[hand] in words for kill in records.kills)
            for hand in HANDS[1:]
        ]
        lines.append(f"| {window} | {' | '.join(map(str, counts))} |")
    creating = sum(kill.request.endswith("jira POST /rest/api/3/issue") for kill in records.kills)
    lines += ["", f"Of these kills, {creating} hit the creation of a ticket."]
    return "\n".join(lines)


def _dead(records: Records) -> int:
    return sum(row.state == "dead" for row in records.rows)


def _faults(records: Records) -> str:
    counts = records.faults or {}
    return f"{counts.get('refused', 0)}, {counts.get('lost', 0)}"
