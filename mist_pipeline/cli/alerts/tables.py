"""How alerts and incidents are listed: tables for people, CSV and JSON for programs.

Here: values in, text out. Whatever came from the cloud or from a keyboard is cleaned (``domain.text.clean``) and printed as
plain text, never as markup. Not here: the commands, and one incident in full (`show`).
"""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from mist_pipeline.alerts.lifecycle.model import Alert, Incident
from mist_pipeline.cli.alerts.arguments import Sites
from mist_pipeline.cli.console import console
from mist_pipeline.domain.finding_kinds import kind_title
from mist_pipeline.domain.metrics import classifier_title, family_title, title_of
from mist_pipeline.domain.text import ID_LENGTH, clean, count
from mist_pipeline.overview.wording import (
    Found,
    concerned,
    progress,
    severity_of,
    since,
    what,
    where,
    why_withheld,
)

if TYPE_CHECKING:
    import polars as pl

    from mist_pipeline.alerts.ledger.ledger import Recorded


INSTANT_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
"""Of instants in files and JSON: UTC, to the second."""

CSV_COLUMNS = (
    "incident_id", "severity", "state", "opened_at", "resolved_at", "began_at", "last_bad_at", "site_count", "where", "what", "withheld",
)  # fmt: skip
"""Columns of a list of incidents."""

STYLES: dict[str, str] = {
    "critical": "bold red",
    "major": "red",
    "warning": "yellow",
    "info": "cyan",
    "open": "bold",
    "acknowledged": "green",
    "resolved": "dim",
    "merged": "dim",
}
"""Severity or state → how it is printed."""


def cell(text: str, style: str = "", limit: int = 200) -> Text:
    """Text of anybody's as one clean line without markup."""
    return Text(clean(text, limit), style=style or STYLES.get(text, ""))


def say(*parts: str | tuple[str, str]) -> None:
    """A sentence, some parts of it with a style; no part is markup."""
    clean_parts = [part if isinstance(part, tuple) else (part, "") for part in parts]
    console.print(Text.assemble(*clean_parts))


def table(*headings: str) -> Table:
    """An empty table as all commands print it; what is too long for its column goes on below, nothing is cut off."""
    rows = Table(*headings, box=None, pad_edge=False)
    for column in rows.columns:
        column.overflow = "fold"
    return rows


def short(name: str) -> str:
    """The beginning of an id that people are shown."""
    return clean(name, 64)[:ID_LENGTH]


def withheld_text(incident: Incident) -> str:
    """The same for programs: reason and detail; '' if there is no reason."""
    return "" if incident.withheld is None else str(incident.withheld)


def incident_table(found: Iterable[Found], sites: Sites, now: datetime) -> Table:
    """Incidents, one row each; why nobody was notified stands below what it is."""
    rows = Table(box=None, pad_edge=False)
    for heading in ("incident", "severity", "state", "began"):
        rows.add_column(heading, no_wrap=True)
    rows.add_column("where", min_width=10, max_width=26, overflow="fold")
    rows.add_column("what", ratio=1, overflow="fold")
    for incident, alerts in found:
        words = cell(what(incident, alerts))
        if reason := why_withheld(incident.withheld) if incident.is_active else "":
            words.append(f"\nnobody was notified: {reason}", style="yellow")
        rows.add_row(
            short(incident.incident_id),
            cell(severity_of(alerts) if alerts else "–"),
            cell(progress(incident, alerts)),
            f"{since(incident.began_at or incident.opened_at, now)} ago",
            cell(where(alerts, sites)),
            words,
        )
    return rows


def incident_json(incident: Incident, alerts: Sequence[Alert], sites: Sites) -> dict[str, Any]:
    """An incident for programs; names and sentences as they came, since JSON can hold anything."""
    about = concerned(alerts)
    site_ids = list(dict.fromkeys(alert.site_id for alert in about))
    return {
        "incident_id": incident.incident_id,
        "severity": severity_of(alerts),
        "state": incident.state,
        "scope": incident.scope,
        "family": incident.family,
        "cause": incident.cause,
        "summary": what(incident, alerts),
        "began_at": incident.began_at,
        "last_bad_at": incident.last_bad_at,
        "opened_at": incident.opened_at,
        "acknowledged_at": incident.acknowledged_at,
        "acknowledged_by": incident.acknowledged_by,
        "resolved_at": incident.resolved_at,
        "merged_into": incident.merged_into,
        "withheld": withheld_text(incident),
        "sites": [
            {"site_id": name, "name": sites.names.get(name, ""), "label": sites.label(name, incident.family)}
            for name in site_ids
        ],
        "alert_ids": list(incident.alert_ids),
    }


def incident_csv(found: Iterable[Found], sites: Sites) -> None:
    """Incidents on standard output with `CSV_COLUMNS`."""
    import polars as pl

    from mist_pipeline.cli.printing.frames import csv_of

    rows = [
        (
            incident.incident_id,
            severity_of(alerts),
            incident.state,
            plain(incident.opened_at),
            plain(incident.resolved_at) if incident.resolved_at else "",
            plain(incident.began_at) if incident.began_at else "",
            plain(incident.last_bad_at) if incident.last_bad_at else "",
            len({alert.site_id for alert in concerned(alerts)}),
            where(alerts, sites),
            what(incident, alerts),
            withheld_text(incident),
        )
        for incident, alerts in found
    ]
    schema = {name: pl.Int64 if name == "site_count" else pl.String for name in CSV_COLUMNS}
    frame = pl.DataFrame(rows, schema, orient="row")
    sys.stdout.write(csv_of(frame))


def alert_csv(frame: "pl.DataFrame") -> str:
    """Rows of ids, metrics and instants as the files of a replay and ``alerts list --all`` have them."""
    from mist_pipeline.cli.printing.frames import csv_of

    return csv_of(frame, INSTANT_FORMAT)


def alert_table(frame: "pl.DataFrame") -> Table:
    """Alerts with the columns of `alert_csv`; ids and instants are shortened, so that a row is a line, and names are titles."""
    rows = table(*frame.columns)
    for row in frame.iter_rows(named=True):
        rows.add_row(*(_alert_cell(name, value) for name, value in row.items()))
    return rows


_TITLES: dict[str, Callable[[str], str]] = {
    "metric": title_of,
    "family": family_title,
    "classifier": classifier_title,
    "kind": kind_title,
}
"""Columns that people are shown in words."""


def _alert_cell(name: str, value: object) -> Text:
    if name in _TITLES and value:
        return cell(_TITLES[name](str(value)))
    if isinstance(value, datetime):
        return Text(f"{value.astimezone(UTC):%Y-%m-%d %H:%M}Z")
    return cell(short(str(value or "")) if name.endswith("_id") else str(value or ""))


def print_json(value: object) -> None:
    """JSON on standard output."""
    # All beyond ASCII is escaped: JSON stays the same, and no name can command the terminal it is printed on.
    sys.stdout.write(json.dumps(value, indent=2, default=plain) + "\n")


def plain(value: object) -> object:
    """What JSON has no type for."""
    match value:
        case datetime():
            return value.astimezone(UTC).strftime(INSTANT_FORMAT)
        case timedelta():
            return value.total_seconds()
        case time():
            return value.isoformat()
        case set() | frozenset() | tuple():
            return list(value)
        case _:
            return str(value)


def say_what_follows(recorded: "Recorded") -> None:
    """Which messages a decision has brought about, and who sends them."""
    messages = [f"{notification.sink} ({notification.reason})" for notification in recorded.notifications]
    if not messages:
        say("No message goes out for it now.")
        return
    say(
        f"{count(len(messages), 'message')} waiting: ",
        clean(", ".join(messages)),
        ". The next delivery run of the daemon sends what waits.",
    )
