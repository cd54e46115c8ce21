"""An incident as a whole, read back out of mail, text, Slack, ticket and command line, against the ledger's rows.

Since when, until when, how it is, how bad, where, how many alerts, how large: each fact has a checker, and a fact without one
is an error. Instants are recomputed from the rows, not taken from what was rendered.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import floor

from mist_pipeline.alerts.impacts.model import Impact
from mist_pipeline.alerts.lifecycle.model import Alert, Incident
from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.delivery.rendering.incident_page import render_page
from mist_pipeline.delivery.sinks.slack.blocks import incident_blocks
from mist_pipeline.delivery.tickets.ticket_text import TicketTemplates, plain
from mist_pipeline.domain.metrics import title_of
from mist_pipeline.domain.severity import worst
from mist_pipeline.domain.text import clean, duration
from mist_pipeline_tests.support.facts.claims import N
from mist_pipeline_tests.support.facts.tree import tree
from mist_pipeline_tests.support.facts.truth import nearest, number_in

Facts = Mapping[str, str]
"""Name → value, as a surface shows them."""

_INSTANT = r"\d{4}-\d\d-\d\d \d\d:\d\d"
_TOOK = r"(?:less than a minute|[\d dhmin]+)"


@dataclass(frozen=True)
class Rows:
    """What the ledger has of an incident, at the instant at which it is told.

    Attributes:
        incident: Its row.
        alerts: Those of its alerts that opened.
        at: The instant.
        impact: Its newest size.
        labels: Site → what it is called.
    """

    incident: Incident
    alerts: Sequence[Alert]
    at: datetime
    impact: Impact | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def going(self) -> list[Alert]:
        """The alerts that go on."""
        return [alert for alert in self.alerts if alert.is_active]

    @property
    def began(self) -> datetime:
        """When it began."""
        return min(self.incident.began_at or self.incident.opened_at, self.incident.opened_at)

    @property
    def last_bad(self) -> datetime | None:
        """The end of the last bad hour; None while it goes on."""
        ends = [alert.last_bad_at for alert in self.alerts]
        known = [end for end in ends if end is not None]
        if self.incident.is_active:
            return max(known) if len(known) == len(ends) else None
        return max(known, default=self.incident.resolved_at)

    @property
    def lasted(self) -> timedelta:
        """How long the trouble has lasted."""
        return max((self.last_bad or self.at) - self.began, timedelta(0))


Checker = Callable[[str, Rows], Iterator[str]]


def said_of(message: Message) -> dict[str, Facts]:
    """Surface → the facts that it shows."""
    page = tree(render_page(message, {}))
    rows = page.one("table", of="facts").all("tr")
    fields = [one["text"] for block in incident_blocks(message) for one in block.get("fields", [])]
    return {
        "text": _in_lines(wording.plain_text(message)),
        "mail": {row.all("td")[0].text: row.all("td")[1].text for row in rows},
        "Slack": {
            name.strip("*"): _plain(value) for name, _, value in (one.partition("\n") for one in fields)
        },
        "ticket": _in_lines(plain(TicketTemplates().ticket(message, lambda _: True).body)),
    }


def in_columns(printed: str) -> Facts:
    """Facts of a command: name and value with at least two spaces between them, until the first heading."""
    lines = printed.split("\nAlerts\n", maxsplit=1)[0].splitlines()
    pairs = (re.fullmatch(r"(\S.*?) {2,}(\S.*)", line.rstrip()) for line in lines)
    return {found[1]: found[2] for found in pairs if found and not found[1].startswith("Incident ")}


def _in_lines(text: str) -> Facts:
    """The lines from the severity on to the next empty one."""
    block = re.search(r"^Severity:.*?(?=\n\n)", text, flags=re.DOTALL | re.MULTILINE)
    pairs = (line.partition(":") for line in (block[0] if block else "").splitlines())
    return {name: value.strip() for name, _, value in pairs}


def _plain(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def fact_falsehoods(surface: str, facts: Facts, rows: Rows) -> list[str]:
    """What a surface says of an incident that is not so, and what cannot be checked."""
    wrong = [] if facts.keys() >= {"State", "Where"} else [f"{surface}: no facts at all: {sorted(facts)}"]
    for name, value in facts.items():
        checker = _CHECKERS.get(name)
        if checker is None:
            wrong.append(f"{surface}: no checker for “{name}: {value}”")
            continue
        wrong += [f"{surface}: “{name}: {value}”: {why}" for why in checker(value, rows)]
    return wrong


def _instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


def _at(said: str, known: datetime | None, what: str) -> Iterator[str]:
    if known is None or _instant(said) != known.replace(second=0, microsecond=0):
        yield f"{what}: the tables have {known}"


def _took(said: str, known: timedelta) -> Iterator[str]:
    if said != duration(known):
        yield f"it is {duration(known)}"


def _severity(value: str, rows: Rows) -> Iterator[str]:
    known = worst([alert.severity for alert in rows.going] or [alert.highest for alert in rows.alerts])
    if value != known:
        yield f"the tables have {known}"


def _state(value: str, rows: Rows) -> Iterator[str]:
    words, *rest = value.split(", acknowledged")
    if bool(rest) != (rows.incident.state == "acknowledged"):
        yield f"the tables have {rows.incident.state}"
    if rest and rest[0]:
        by = re.fullmatch(rf" by (.+), ({_INSTANT}) UTC", rest[0])
        if by is None or by[1] != rows.incident.acknowledged_by:
            yield f"the tables have {rows.incident.acknowledged_by}"
    known = "going on" if rows.last_bad is None else "recovering" if rows.incident.is_active else "over"
    found = re.fullmatch(
        rf"(going on|recovering|over)(?: since ({_INSTANT}) UTC| before it was noticed)?", words
    )
    if found is None or found[1] != known:
        yield f"the tables have {known}"
    elif found[2]:
        yield from _at(found[2], rows.last_bad, "last bad hour")
    if "before it was noticed" in words and not all(alert.is_past for alert in rows.alerts):
        yield "one of its alerts was noticed in time"


def _since(value: str, rows: Rows) -> Iterator[str]:
    found = re.fullmatch(rf"({_INSTANT}) UTC \(({_TOOK})\)(?:, noticed at ({_INSTANT}) UTC)?", value)
    if found is None:
        yield "cannot be read"
        return
    if not rows.incident.is_active:
        yield "it is over"
    yield from _at(found[1], rows.began, "began")
    yield from _took(found[2], rows.lasted)
    if found[3]:
        yield from _at(found[3], rows.incident.opened_at, "noticed")


def _when(value: str, rows: Rows) -> Iterator[str]:
    found = re.fullmatch(
        rf"({_INSTANT}) UTC to ({_INSTANT}) UTC \(({_TOOK})\)(?:, noticed at ({_INSTANT}) UTC)?", value
    )
    if found is None:
        yield "cannot be read"
        return
    if rows.incident.is_active:
        yield "it goes on"
    yield from _at(found[1], rows.began, "began")
    yield from _at(found[2], rows.last_bad, "last bad hour")
    yield from _took(found[3], rows.lasted)
    if found[4]:
        yield from _at(found[4], rows.incident.opened_at, "noticed")


def _ago(known: Callable[[Rows], datetime | None]) -> Checker:
    """An instant, and how long ago it was."""

    def check(value: str, rows: Rows) -> Iterator[str]:
        found = re.fullmatch(rf"(?:until )?({_INSTANT}) UTC \(({_TOOK}) ago\)", value)
        moment = known(rows)
        if found is None or moment is None:
            yield f"the tables have {moment}"
            return
        yield from _at(found[1], moment, "instant")
        yield from _took(found[2], max(rows.at - moment, timedelta(0)))

    return check


_GREW = re.compile(
    rf"(?:(?P<where>.+): )?(?P<what>.+) grew from (?P<from>\d+) % to (?P<to>\d+) % of user-minutes degraded in the 2 h "
    rf"until (?P<at>{_INSTANT}) UTC"
)


def _much_worse(value: str, rows: Rows) -> Iterator[str]:
    found = _GREW.fullmatch(value)
    grew = [one for one in rows.going if one.worse_at is not None and one.worse_at <= rows.at]
    alert = max(grew, key=lambda one: (one.worse_at or rows.at, one.worse_to_pct or 0.0), default=None)
    if found is None or alert is None or alert.worse is None:
        yield f"the tables have {alert}"
        return
    yield from _at(found["at"], alert.worse.at, "much worse")
    known = [floor(alert.worse.from_pct), floor(alert.worse.to_pct)]
    if [int(found["from"]), int(found["to"])] != known:
        yield f"it grew from {alert.worse.from_pct} to {alert.worse.to_pct}"
    if found["what"] != title_of(alert.worse.metric):
        yield f"it grew in {alert.worse.metric}"
    if found["where"] and found["where"] != rows.labels[alert.site_id]:
        yield f"it grew at {rows.labels[alert.site_id]}"
    if not found["where"] and len({one.site_id for one in rows.going}) > 1:
        yield "nobody knows where"


def _where(value: str, rows: Rows) -> Iterator[str]:
    shown = [alert for alert in rows.alerts if not alert.is_past] or list(rows.alerts)
    hit = {rows.labels[alert.site_id] for alert in shown}
    going = {rows.labels[alert.site_id] for alert in rows.going} or hit
    found = re.fullmatch(rf"({N}) sites?(?:: (.+))?", value)
    if found is None:
        if hit != {value} and going != {value}:
            yield f"the tables have {sorted(hit)}"
        return
    if number_in(found[1]) not in (len(hit), len(going)):
        yield f"the tables have {len(hit)} sites, {len(going)} of them in trouble now"
    named, *more = re.split(r" and (?=\d)", found[2] or "")
    names = named.split(", ") if named else []
    if not hit.issuperset(names):
        yield f"{sorted(set(names) - hit)} are none of the sites"
    if named and len(names) + (number_in(more[0].removesuffix(" more")) if more else 0) != number_in(
        found[1]
    ):
        yield "the names and the rest are not as many"


def _alerts(value: str, rows: Rows) -> Iterator[str]:
    known = Counter("over before it was noticed" if one.is_past else str(one.state) for one in rows.alerts)
    said = {words: int(number_in(number)) for number, words in re.findall(rf"({N}) ([a-z ]+)", value)}
    if said != dict(known):
        yield f"the tables have {dict(known)}"


def _cause(value: str, rows: Rows) -> Iterator[str]:
    if clean(value.removeprefix("It began with: ")) != clean(rows.incident.cause):
        yield f"the tables have {rows.incident.cause}"


_COUNTED: Mapping[str, tuple[str, str | None]] = {
    "user": ("num_users", "total_users"),
    "AP": ("num_aps", "total_aps"),
    "switch": ("num_switches", None),
    "gateway": ("num_gateways", None),
}
_PART = re.compile(
    rf"(?:at (?P<asked>{N}) of (?P<sites>{N}) sites?: )?(?P<number>{N})(?: of (?P<total>{N}))? "
    r"(?P<what>user|AP|switch|gateway)(?:s|es)?(?: \((?P<names>.+)\))?"
)
_LOST = re.compile(rf"(?:(?P<tiny>less than 0\.1)|(?P<hours>{N})) user-hours lost(?P<going> so far)?")


def _impact(value: str, rows: Rows) -> Iterator[str]:
    impact = rows.impact
    if impact is None:
        yield "nobody has asked yet"
        return
    counted, _, unknown = value.partition("not known: ")
    if unknown != clean(impact.unknown):
        yield f"the tables do not know because of “{impact.unknown}”"
    for part in re.split(r", (?![^(]*\))", counted.removesuffix("; ")) if counted else ():
        if found := _PART.fullmatch(part):
            yield from _count(found, impact)
        elif lost := _LOST.fullmatch(part):
            yield from _lost(lost, impact, rows)
        else:
            yield f"no checker for “{part}”"
    missing = [
        name
        for name, (column, _) in _COUNTED.items()
        if getattr(impact, column) is not None and name not in counted
    ]
    if missing:
        yield f"{missing} are known and not said"


def _count(found: re.Match[str], impact: Impact) -> Iterator[str]:
    column, everyone = _COUNTED[found["what"]]
    yield from nearest(found["number"], getattr(impact, column), found["what"])
    if found["total"]:
        yield from nearest(found["total"], getattr(impact, everyone or column), f"every {found['what']}")
    if found["asked"]:
        yield from nearest(found["asked"], impact.num_sites_asked, "sites asked")
        yield from nearest(found["sites"], impact.num_sites, "sites")
    elif found["what"] == "user" and impact.num_sites_asked < impact.num_sites:
        yield f"it is of {impact.num_sites_asked} of {impact.num_sites} sites only"
    names = {clean(device.name) for device in impact.devices} | {"…"}
    for name in re.split(", | (?=…)", found["names"]) if found["names"] else ():
        if name not in names and not name.startswith(("AP ", "switch ", "gateway ")):
            yield f"{name} is no device of it"


def _lost(found: re.Match[str], impact: Impact, rows: Rows) -> Iterator[str]:
    hours = None if impact.lost_user_minutes is None else impact.lost_user_minutes / 60
    if found["tiny"]:
        if hours is None or not 0 < hours < 0.05:
            yield f"the tables have {hours}"
    else:
        yield from nearest(found["hours"], hours, "user-hours")
    if bool(found["going"]) != rows.incident.is_active:
        yield f"the incident is {rows.incident.state}"


def _shares(dimension: str) -> Checker:
    """What those who are hit share, and how much of the degraded minutes is theirs."""

    def check(value: str, rows: Rows) -> Iterator[str]:
        known = {} if rows.impact is None else rows.impact.parts.get(dimension, {})
        said = dict(re.fullmatch(r"(.+) (\d+) %", part).groups() for part in value.split(", "))  # type: ignore[union-attr]
        if said != {name: f"{100 * share:.0f}" for name, share in known.items()}:
            yield f"the tables have {known}"

    return check


def _nothing(_value: str, _rows: Rows) -> Iterator[str]:
    return iter(())


_CHECKERS: Mapping[str, Checker] = {
    "Severity": _severity,
    "State": _state,
    "Since": _since,
    "When": _when,
    "Much worse": _much_worse,
    "Where": _where,
    "Alerts": _alerts,
    "Impact": _impact,
    "Cause": _cause,
    "Began as": _cause,
    "Noticed": _ago(lambda rows: rows.incident.opened_at),
    "Last bad hour": _ago(lambda rows: rows.last_bad),
    "Over": _ago(lambda rows: rows.incident.resolved_at),
    "… as of": _ago(lambda rows: None if rows.impact is None else rows.impact.as_of),
    "WLAN": _shares("wlan"),
    "Clients": _nothing,  # names of people: shown or not, `test_impact` says
    "Devices": _nothing,  # links, of which the impact line names the first
}


_DIGEST = re.compile(
    rf"(?P<told>{N}) incidents? during quiet hours(?:, (?P<over>{N}) of them over)?"
    rf"(?:; (?P<past>{N}) more (?:was over before it was|were over before they were) noticed)?"
)


def digest_falsehoods(title: str, told: Sequence[Rows], counted: int = 0) -> list[str]:
    """What the title of a digest says of its incidents that is not so.

    Args:
        title: The title.
        told: What the ledger has of its incidents.
        counted: How many more were over before they were noticed.
    """
    found = _DIGEST.fullmatch(title)
    if found is None:
        return [f"no checker for “{title}”"]
    past = [one for one in told if all(alert.is_past for alert in one.alerts)]
    now = [one for one in told if one not in past]
    over = sum(not one.incident.is_active for one in now)
    wrong = [*nearest(found["told"], len(now), "incidents")]
    # Where all are over, the state says so.
    wrong += nearest(found["over"] or "0", over if over < len(now) else 0, "over")
    wrong += nearest(found["past"] or "0", len(past) + counted, "over before they were noticed")
    return wrong


def past_line_falsehoods(
    lines: Iterable[str], alerts: Sequence[Alert], labels: Mapping[str, str]
) -> list[str]:
    """What the lines of a digest say of what was over before it was noticed."""
    wrong, left = [], {labels[alert.site_id]: alert for alert in alerts if alert.is_past}
    for line in lines:
        found = re.search(rf"PAST (.+), ({_INSTANT}) to ({_INSTANT}|\d\d:\d\d) UTC \(({_TOOK})\): (.+)", line)
        if found is None:
            continue
        alert = left.pop(found[1], None)
        if alert is None or alert.began_at is None or alert.last_bad_at is None:
            wrong.append(f"“{line}”: nothing was over at {found[1]}")
            continue
        end = found[3] if len(found[3]) > 5 else f"{found[2][:10]} {found[3]}"
        why = [*_at(found[2], alert.began_at, "began"), *_at(end, alert.last_bad_at, "last bad hour")]
        why += _took(found[4], alert.last_bad_at - alert.began_at)
        wrong += [f"“{line}”: {one}" for one in why]
        if clean(alert.summary) != found[5]:
            wrong.append(f"“{line}”: the tables have “{alert.summary}”")
    return [*wrong, *(f"nothing is said of {label}" for label in left)]
