"""What a report says of incidents, read back out of document, page and text, against the ledger: since when, who has it, what
began and ended, what was over before it was noticed.
"""

import re
from collections.abc import Iterator
from datetime import datetime

from mist_pipeline.domain.text import duration
from mist_pipeline.overview.morning import IncidentTold, Morning
from mist_pipeline.report.document.model import Dashboard
from mist_pipeline_tests.support.facts.plain import section
from mist_pipeline_tests.support.facts.tree import Node
from mist_pipeline_tests.support.facts.truth import Truth

_STATE = re.compile(
    r"(?P<severity>critical|major|warning|info)? ?(?P<progress>going on|recovering) since (?P<since>[\d-]+ [\d:]+) \S+, (?:after )?"
    r"(?P<lasts>less than a minute|\d+ (?:d|h|min)(?: \d+ (?:h|min))?)(?P<new>, new)?[;]? (?:(?P<who>.+) has it)"
)
_KINDS = {
    "began": "began",
    "began and ended": "began and ended",
    "ended": "ended",
    "past": "over before it was noticed",
}


def ledger_falsehoods(document: Dashboard, page: Node, text: str, truth: Truth) -> Iterator[str]:
    """What any form of the report says of incidents that is not so."""
    morning, told = truth.data.ledger, document["ledger"]
    if morning is None or told is None or morning.trouble:
        if (told is None) != (morning is None) or (
            told and (told["open"] is not None or not told["trouble"])
        ):
            yield "JSON, ledger: it is not known, and it is told"
        return
    if [one["incident_id"] for one in told["open"] or []] != [
        one.incident.incident_id for one in morning.open
    ]:
        yield "JSON, open: not the incidents of the ledger"
    changed = _changed(morning)
    if {one["incident_id"]: one["kind"] for one in told["changes"] or []} != {
        name: kind for name, (kind, _) in changed.items()
    }:
        yield "JSON, changes: not those of the ledger"
    known = {one.incident.incident_id: one for one in morning.open}
    for card in page.one(at="open").all("article"):
        one = known.get(card.attributes["id"].removeprefix("i-"))
        state = card.one(of="state").text
        if one is not None and (
            "much worse: " in card.text,
            f"much worse: {one.incident.worse}" in card.text,
        ) != (
            bool(one.incident.worse),
            bool(one.incident.worse),
        ):
            yield f"page, {card.one('h3').text}: much worse, the ledger has “{one.incident.worse}”"
        yield from _state(f"page, {card.one('h3').text}", state, card.one(of="cause").text, one, truth)
    items = list(section(text, "OPEN NOW"))
    shown = morning.open[: truth.data.settings.max_attention]
    states = [line.strip(" ·") for line in items if "      · " in line and " since " in line]
    if morning.evaluated_at is not None and len(states) != len(shown):
        yield f"text, open: {len(states)} states for {len(shown)} incidents"
    for state, one in zip(states, shown, strict=False):
        first = next((line for line in items if f": {one.incident.what}" in line), "")
        said = f"{first.split()[0] if first else ''} {state}"
        yield from _state("text, open", said, one.incident.what if first else "", one, truth)
    yield from _past(document, truth, morning)
    yield from _changes(document, page, text, truth, changed)


def _changed(morning: Morning) -> dict[str, tuple[str, IncidentTold]]:
    """Incident → what became of it between the two instants."""
    found: dict[str, tuple[str, IncidentTold]] = {}
    for one in (*morning.open, *morning.over):
        began = morning.since < one.incident.opened_at <= morning.until
        if one.incident.resolved_at is None:
            if began:
                found[one.incident.incident_id] = ("began", one)
        elif one.is_past:
            found[one.incident.incident_id] = ("past", one)
        else:
            found[one.incident.incident_id] = ("began and ended" if began else "ended", one)
    return found


def _state(name: str, said: str, what: str, one: IncidentTold | None, truth: Truth) -> Iterator[str]:
    found = _STATE.fullmatch(said)
    if one is None or found is None or truth.data.ledger is None:
        yield f"{name}: no checker for “{said}”"
        return
    incident = one.incident
    recovered = incident.last_bad_at if incident.progress == "recovering" else None
    began = (recovered or incident.began_at).astimezone(truth.data.zone)
    facts = {
        "severity": incident.severity,
        "progress": incident.progress,
        "since": f"{began:%Y-%m-%d %H:%M}",
        "lasts": duration((recovered or truth.data.ledger.at) - incident.began_at),
        "who": incident.acknowledged_by or "nobody",
    }
    for fact, value in facts.items():
        if found[fact] != value:
            yield f"{name}: {fact} {found[fact]}, the ledger has {value}"
    if bool(found["new"]) != (truth.data.ledger.since < incident.opened_at <= truth.data.ledger.until):
        yield f"{name}: new is {bool(found['new'])}, it was opened at {incident.opened_at}"
    if what != incident.what:
        yield f"{name}: “{what}”, the ledger has “{incident.what}”"


def _period(said: str, began: datetime, ended: datetime | None, name: str) -> Iterator[str]:
    times = re.findall(r"(?:(\d{4}-\d{2}-\d{2}) )?(\d{2}:\d{2})", said)
    ends = [began] if ended is None else [began, ended]
    day = f"{began:%Y-%m-%d}"
    if [f"{date or day} {hour}" for date, hour in times] != [f"{at:%Y-%m-%d %H:%M}" for at in ends]:
        yield f"{name}: “{said}”, the ledger has {began} to {ended}"


def _past(document: Dashboard, truth: Truth, morning: Morning) -> Iterator[str]:
    """What was over before it was noticed: its times, how long it lasted, how bad it was."""
    known = {one.incident.incident_id: one for one in morning.over if one.is_past}
    told = document["past_incidents"] or []
    if {past["incident_id"] for past in told} != known.keys():
        yield "JSON, past: not the incidents of the ledger"
        return
    for past in told:
        one = known[past["incident_id"]]
        began, ended = (
            one.incident.began_at,
            one.incident.last_bad_at or one.incident.resolved_at or one.incident.opened_at,
        )
        zone = truth.data.zone
        yield from _period(past["when"], began.astimezone(zone), ended.astimezone(zone), "JSON, past")
        if past["lasted"] != duration(ended - began):
            yield f"JSON, past: “{past['lasted']}”, but it lasted {duration(ended - began)}"
        if past["severity"] != one.incident.severity:
            yield f"JSON, past: {past['severity']} is not the worst of its alerts"


def _changes(
    document: Dashboard, page: Node, text: str, truth: Truth, changed: dict[str, tuple[str, IncidentTold]]
) -> Iterator[str]:
    zone, ledger = truth.data.zone, document["ledger"]
    rows = [[cell.text for cell in row.all("td")] for row in page.one(at="since").one("tbody").all("tr")]
    lines = list(section(text, "SINCE "))
    for said in (ledger["changes"] if ledger else None) or []:
        kind, one = changed.get(said["incident_id"], ("", None))
        if one is None or truth.data.ledger is None:
            continue
        began = one.incident.began_at
        is_over = one.incident.resolved_at is not None
        ended = one.incident.last_bad_at or one.incident.resolved_at
        yield from _period(
            said["when"],
            began.astimezone(zone),
            ended.astimezone(zone) if ended and is_over else None,
            "JSON, changes",
        )
        lasted = duration((ended or truth.data.ledger.at) - began)
        if said["lasted"] != lasted:
            yield f"JSON, changes: “{said['lasted']}”, the ledger has {lasted}"
        facts = [_KINDS[kind], said["when"], said["lasted"]]
        if not any([row[0], *row[2:]] == facts for row in rows):
            yield f"page, changes: no row says {facts}"
        if not any(f"{said['when']} ({said['lasted']})" in line for line in lines):
            yield f"text, changes: no line says {facts}"
        if not any(line.startswith(f"  {_KINDS[kind]}  {one.incident.severity}  ") for line in lines):
            yield f"text, changes: no line says {_KINDS[kind]} and {one.incident.severity}"
