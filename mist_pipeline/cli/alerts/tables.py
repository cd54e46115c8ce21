"""How alerts and incidents are listed: tables for people, CSV and JSON for programs.

Here: values in, text out. Whatever came from the cloud or from a keyboard is cleaned (``domain.text.clean``) and printed as
plain text, never as markup. Not here: the commands, and one incident in full (`show`).
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from mist_pipeline.alerts.lifecycle.model import Alert, Incident
from mist_pipeline.cli.alerts.arguments import Sites
from mist_pipeline.cli.console import console
from mist_pipeline.cli.printing.rows import Field
from mist_pipeline.cli.printing.values import INSTANT_FORMAT, cell, short
from mist_pipeline.domain.finding_kinds import kind_title
from mist_pipeline.domain.metrics import classifier_title, family_title, title_of
from mist_pipeline.domain.text import clean, count
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


def withheld_text(incident: Incident) -> str:
    """The same for programs: reason and detail; '' if there is no reason."""
    return "" if incident.withheld is None else str(incident.withheld)


def incident_fields(sites: Sites, now: datetime, *, with_reasons: bool) -> list[Field[Found]]:
    """Columns of a list of incidents.

    Args:
        sites: What sites are called.
        now: As of when.
        with_reasons: Whether there is one of which nobody was notified.
    """
    fields: list[Field[Found]] = [
        Field("incident_id", lambda one: one[0].incident_id, heading="incident", said=lambda one: short(one[0].incident_id)),
        Field("severity", lambda one: severity_of(one[1]), heading="severity",
              said=lambda one: cell(severity_of(one[1]) if one[1] else "–")),
        Field("state", lambda one: one[0].state, heading="state", said=lambda one: cell(progress(one[0], one[1]))),
        Field("opened_at", lambda one: one[0].opened_at, datetime),
        Field("resolved_at", lambda one: one[0].resolved_at, datetime),
        Field("began_at", lambda one: one[0].began_at, datetime, heading="began",
              said=lambda one: f"{since(one[0].began_at or one[0].opened_at, now)} ago"),
        Field("last_bad_at", lambda one: one[0].last_bad_at, datetime),
        Field("site_count", lambda one: len({alert.site_id for alert in concerned(one[1])}), int),
        Field("where", lambda one: where(one[1], sites), heading="where", said=lambda one: cell(where(one[1], sites)), least=12),
        Field("what", lambda one: what(one[0], one[1]), heading="what", said=lambda one: cell(what(one[0], one[1])), least=16),
        Field("withheld", lambda one: withheld_text(one[0]), heading="nobody was notified" if with_reasons else "",
              said=lambda one: cell(reason_of(one[0]), "yellow"), least=12),
    ]  # fmt: skip
    return fields


def reason_of(incident: Incident) -> str:
    """Why nobody was notified of what goes on, in words."""
    return why_withheld(incident.withheld) if incident.is_active else ""


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


def alert_csv(frame: "pl.DataFrame") -> str:
    """Rows of ids, metrics and instants as the files of a replay and ``alerts list --all`` have them."""
    from mist_pipeline.cli.printing.frames import csv_of

    return csv_of(frame, INSTANT_FORMAT)


_TITLES: dict[str, Callable[[str], str]] = {
    "metric": title_of,
    "family": family_title,
    "classifier": classifier_title,
    "kind": kind_title,
}
"""Columns that people are shown in words."""


def alert_fields(columns: Sequence[str]) -> list[Field[dict[str, Any]]]:
    """Alerts with the columns of `alert_csv` for people: ids and instants are shortened, names are titles."""

    def field(name: str) -> Field[dict[str, Any]]:
        return Field(
            name,
            lambda row: row[name],
            heading=name,
            said=lambda row: _alert_cell(name, row[name]),
            least=_LEAST.get(name, 0),
        )

    return [field(name) for name in columns]


_LEAST = {"summary": 20, "metric": 10, "classifier": 10, "family": 10, "site_name": 10}
"""Columns that may be cut."""


def _alert_cell(name: str, value: object) -> Text:
    if name in _TITLES and value:
        return cell(_TITLES[name](str(value)))
    if isinstance(value, datetime):
        return Text(f"{value.astimezone(UTC):%Y-%m-%d %H:%M}Z")
    return cell(short(str(value or "")) if name.endswith("_id") else str(value or ""))


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
