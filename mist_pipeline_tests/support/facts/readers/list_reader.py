"""The list of incidents of the command line, for people and for programs, against the ledger's rows."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from mist_pipeline.domain.severity import rank, worst
from mist_pipeline.domain.text import ID_LENGTH, clean, count, duration
from mist_pipeline_tests.support.facts.readers.incident_reader import Rows


def list_falsehoods(
    lines: Sequence[Mapping[str, str]], programs: Sequence[Mapping[str, Any]], known: Sequence[Rows]
) -> list[str]:
    """What a list says that is not so.

    Args:
        lines: For people: heading → cell.
        programs: The same as JSON.
        known: What the ledger has of each of its incidents.
    """
    by_name = {rows.incident.incident_id[:ID_LENGTH]: rows for rows in known}
    short = (
        len({rows.incident.incident_id[-ID_LENGTH:] for rows in known}) if len(by_name) < len(known) else 0
    )
    wrong: list[str] = []
    for number, (line, document) in enumerate(zip(lines, programs, strict=True)):
        of_document = next(
            (one for one in known if one.incident.incident_id == document["incident_id"]), None
        )
        rows = of_document if short else by_name.get(line["incident"])
        if rows is None or of_document is None:
            wrong.append(f"CLI: row {number}: no such incident")
            continue
        wrong += [f"CLI: {why}" for why in _line(line, rows)]
        wrong += [f"JSON: {why}" for why in _document(document, of_document)]
    wrong += [f"CLI: {why}" for why in _order(lines)]
    return wrong


def _severity(rows: Rows) -> str:
    return worst([alert.severity for alert in rows.going] or [alert.highest for alert in rows.alerts])


def _about(rows: Rows) -> list[str]:
    """The sites that an incident is about now."""
    return list(dict.fromkeys(rows.labels[alert.site_id] for alert in rows.going or rows.alerts))


def _line(line: Mapping[str, str], rows: Rows) -> Iterator[str]:
    ends = [alert.last_bad_at for alert in rows.going]
    state = "over" if not rows.incident.is_active else "recovering" if ends and all(ends) else "going on"
    if rows.incident.state == "acknowledged":
        state += ", acknowledged"
    places = _about(rows)
    leading = max(rows.going or rows.alerts, key=lambda alert: rank(alert.severity))
    known = {
        "severity": _severity(rows),
        "state": state,
        "began": f"{duration(max(rows.at - rows.began, rows.at - rows.at))} ago",
        "where": places[0] if len(places) == 1 else count(len(places), "site"),
        "what": clean(leading.summary if rows.incident.scope == "site" else rows.incident.cause),
    }
    for heading, value in known.items():
        if line[heading] != value:
            yield f"{heading}: {line[heading]}, the tables have {value}"


def _document(document: Mapping[str, Any], rows: Rows) -> Iterator[str]:
    incident = rows.incident
    for name in (
        "state",
        "scope",
        "began_at",
        "last_bad_at",
        "opened_at",
        "resolved_at",
        "acknowledged_by",
        "cause",
    ):
        if document[name] != getattr(incident, name):
            yield f"{name} {document[name]}, the tables have {getattr(incident, name)}"
    if document["severity"] != _severity(rows):
        yield f"severity {document['severity']}, the tables have {_severity(rows)}"
    if [site["label"] for site in document["sites"]] != _about(rows):
        yield f"sites {document['sites']}, the tables have {_about(rows)}"


def _order(lines: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """What goes on before what is over, the worst first."""
    for above, below in pairwise(lines):
        is_over = [line["state"] == "over" for line in (above, below)]
        if is_over == [True, False]:
            yield f"what is {below['state']} stands below what is over"
        elif is_over == [False, False] and rank(below["severity"]) > rank(above["severity"]):
            yield f"{below['severity']} stands below {above['severity']}"
