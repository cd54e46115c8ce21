"""``alerts show``: one incident in full: facts, alerts, what happened in words, who was notified, what people said.

Here: values of the ledger in, text out; as clean as the lists are (`tables`). Not here: deciding about it (`decisions`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from mist_pipeline.alerts.impacts.model import Impact
from mist_pipeline.alerts.lifecycle.model import Alert, Event, Incident
from mist_pipeline.cli.alerts.arguments import Id, Sites, looked_at, now_of, subject_of
from mist_pipeline.cli.alerts.tables import incident_json, say, table
from mist_pipeline.cli.console import console, next_commands
from mist_pipeline.cli.printing.layout import Column
from mist_pipeline.cli.printing.options import Json
from mist_pipeline.cli.printing.rows import Grid, print_json
from mist_pipeline.cli.printing.values import STYLES, cell, short
from mist_pipeline.delivery.rendering.wording import left_out
from mist_pipeline.domain.metrics import family_title, title_of
from mist_pipeline.domain.severity import rank
from mist_pipeline.domain.text import clean, count, safe_url
from mist_pipeline.domain.text import instant as in_words
from mist_pipeline.overview.brief.stories import story
from mist_pipeline.overview.timeline import MOST_NAMES, timeline
from mist_pipeline.overview.wording import (
    growth,
    last_bad,
    progress,
    severity_of,
    since,
    what,
    where,
    why_sent,
    why_withheld,
)

if TYPE_CHECKING:
    from mist_pipeline.settings import Settings

MOST_ALERTS = 20
"""Alerts that are shown."""
MOST_LINES = 40
"""Lines of the timeline that are shown, the newest."""

Rows = Sequence[Mapping[str, Any]]


def show(context: typer.Context, subject: Id, as_json: Json = False) -> None:
    """Show one incident: its alerts, what happened to it, who was notified, tickets, escalations, feedback.

    Example: [cyan]mist-pipeline alerts show 3f2a[/]
    """
    from mist_pipeline.settings import load_settings

    settings = load_settings()
    show_incident(settings, subject, now_of(context, settings), as_json=as_json)


def show_incident(settings: "Settings", subject: str, now: datetime, *, as_json: bool) -> None:
    """Print one incident in full.

    Raises:
        typer.BadParameter: No incident, or several, have an id that begins so.
    """
    with looked_at(settings) as ledger:
        told = story(ledger, subject_of(ledger, subject).incident_id)
    incident, its, events, records, sizes = told.incident, told.alerts, told.events, told.records, told.sizes
    if not settings.privacy.show_clients:
        sizes = [replace(one, clients=()) for one in sizes]
    sites = Sites.known(settings)
    if as_json:
        print_json(
            story_json(incident, its, events, records, sites) | {"impacts": [asdict(one) for one in sizes]}
        )
        return
    print_story(incident, its, events, records, sites, now, sizes)
    follow = [(f"mist-pipeline alerts show {short(incident.merged_into or '')}", "what it is part of")]
    if incident.state == "open":
        follow = [
            (f"mist-pipeline alerts ack {short(incident.incident_id)}", "take it; nobody else is called")
        ]
    elif incident.state != "merged":
        follow = [
            (
                f"mist-pipeline alerts feedback {short(incident.incident_id)} right",
                "or wrong, known, planned …",
            )
        ]
    next_commands(*follow)


def print_story(
    incident: Incident,
    alerts: Sequence[Alert],
    events: Sequence[Event],
    records: Mapping[str, Rows],
    sites: Sites,
    now: datetime,
    sizes: Sequence[Impact] = (),
) -> None:
    """Print everything about an incident.

    Args:
        incident: It.
        alerts: Its alerts.
        events: Of both, in order.
        records: As `Ledger.records` gives them.
        sites: What sites are called.
        now: The instant.
        sizes: Who is hit, the whole incident first; nothing where nobody has asked yet.
    """
    severity = severity_of(alerts)
    say(("Incident ", "bold"), (incident.incident_id, "bold cyan"), "  ", (severity, STYLES[severity]))
    console.print(cell(what(incident, alerts), "bold"))
    facts = table("", "")
    facts.show_header = False
    for name, value in _facts(incident, alerts, sites, now):
        facts.add_row(name, cell(value))
    for name, value in _impact_facts(incident, sizes, now):
        facts.add_row(cell(name), cell(value, limit=400))
    console.print(facts)
    _print_alerts(alerts, sites, now)
    _section("What happened")
    lines = timeline(events, alerts, sites)
    if len(lines) > MOST_LINES:
        console.print(
            f"  {count(len(lines) - MOST_LINES, 'earlier line')} left out; --json has all", style="dim"
        )
    happened = table("", "")
    happened.show_header = False
    for moment, words in lines[-MOST_LINES:]:
        happened.add_row(in_words(moment), cell(words, limit=400))
    console.print(happened)
    _print_records(records, now)


def _facts(
    incident: Incident, alerts: Sequence[Alert], sites: Sites, now: datetime
) -> Iterable[tuple[str, str]]:
    yield "State", _state(incident, alerts)
    began = incident.began_at or incident.opened_at
    bad_until = last_bad(incident, alerts)
    ended = bad_until or incident.resolved_at
    if incident.is_active or ended is None:
        yield "Since", f"{in_words(began)} ({since(began, max(bad_until or now, began))})"
    else:
        yield "When", f"{in_words(began)} to {in_words(ended)} ({since(began, max(ended, began))})"
    yield "Noticed", f"{in_words(incident.opened_at)} ({since(incident.opened_at, now)} ago)"
    if bad_until is not None:
        yield "Last bad hour", f"until {in_words(bad_until)} ({since(bad_until, now)} ago)"
    if incident.resolved_at is not None:
        yield "Over", f"{in_words(incident.resolved_at)} ({since(incident.resolved_at, now)} ago)"
    if worse := growth(alerts, sites):
        yield "Much worse", worse
    yield "Where", where(alerts, sites)
    if clean(incident.cause) != what(incident, alerts):
        yield "Cause" if incident.scope == "infrastructure" else "Began as", incident.cause
    if reason := why_withheld(incident.withheld) if incident.is_active else "":
        yield "Nobody notified", reason


def _impact_facts(incident: Incident, sizes: Sequence[Impact], now: datetime) -> Iterable[tuple[str, str]]:
    """Who is hit and how much, when that was asked, what those who are hit share."""
    # Here, since commands that print no incident do not need messages.
    from mist_pipeline.delivery.rendering.impact import client_line, device_label, impact_line
    from mist_pipeline.notification.impact import impact_view
    from mist_pipeline.notification.message_context import Surroundings
    from mist_pipeline.overview.incidents import parts_of

    view = impact_view(sizes[0], Surroundings()) if sizes else None
    if view is None:
        return
    yield "Impact", impact_line(view, is_over=not incident.is_active)
    yield "… as of", f"{in_words(view.as_of)} ({since(view.as_of, now)} ago)"
    if len(view.devices) > MOST_NAMES:
        yield "Devices", ", ".join(device_label(device) for device in view.devices)
    if people := client_line(view):
        yield "Clients", people
    for part, shares in parts_of(sizes[0]).items():
        yield part, ", ".join(f"{name} {share:.0f} %" for name, share in shares)


def _state(incident: Incident, alerts: Sequence[Alert]) -> str:
    if incident.state == "merged":
        return f"merged into {incident.merged_into}"
    if incident.state == "acknowledged" and incident.acknowledged_at is not None:
        by = f"acknowledged by {incident.acknowledged_by}, {in_words(incident.acknowledged_at)}"
        return f"{progress(incident, alerts).partition(',')[0]}, {by}"
    if alerts and all(alert.is_past for alert in alerts):
        return "over before it was noticed"
    return progress(incident, alerts)


def _section(title: str) -> None:
    console.print(f"\n[bold]{title}[/]")


def _print_alerts(alerts: Sequence[Alert], sites: Sites, now: datetime) -> None:
    if not alerts:
        return
    _section("Alerts")
    rows = Grid(
        "alert",
        "severity",
        "state",
        "began",
        Column("where", least=10),
        Column("metric", least=8),
        Column("what", least=12),
    )
    ordered = sorted(alerts, key=lambda one: (not one.is_active, -rank(one.severity), one.alert_id))
    for alert in ordered[:MOST_ALERTS]:
        rows.add_row(
            short(alert.alert_id),
            cell(alert.severity),
            cell(alert.state),
            f"{since(alert.began_at or alert.opened_at or alert.pending_since, now)} ago",
            cell(sites.label(alert.site_id, alert.family)),
            cell(title_of(alert.metric) or family_title(alert.family)),
            cell(alert.summary),
        )
    rows.print()
    if len(alerts) > MOST_ALERTS:
        console.print(left_out(len(alerts) - MOST_ALERTS))


def _print_records(records: Mapping[str, Rows], now: datetime) -> None:
    _section("Messages")
    rows = Grid(
        Column("message", is_number=True),
        Column("sink", least=8),
        Column("reason", least=8),
        "state",
        Column("tries", is_number=True),
        "at",
        Column("error or note", least=12),
    )
    for row in records["deliveries"]:
        at = row["sent_at"] or (row["due_at"] if row["state"] != "dead" else row["created_at"])
        style = {"sent": "green", "dead": "red"}.get(row["state"], "yellow")
        rows.add_row(
            str(row["delivery_id"]),
            cell(row["sink"]),
            cell(why_sent(row["reason"])),
            cell(row["state"], style),
            str(row["attempts"]),
            in_words(at),
            cell(row["last_error"]),
        )
    if rows.row_count:
        rows.print()
    else:
        console.print("Nobody was notified.")
    _print_conversations(records)
    if records["escalations"]:
        _section("Escalation")
        rows = Grid(
            Column("policy", least=8),
            Column("step", is_number=True),
            Column("calls", least=10),
            "due",
            Column("state", least=10),
        )
        for row in records["escalations"]:
            rows.add_row(
                cell(row["policy"]),
                str(row["number"]),
                cell(f"{row['sink']} → {row['target']}" if row["target"] else row["sink"]),
                in_words(row["due_at"]),
                cell(_step(row, now)),
            )
        rows.print()
    if records["feedback"]:
        _section("Feedback")
        rows = Grid("at", Column("by", least=8), "about", "verdict", Column("comment", least=12))
        for row in records["feedback"]:
            about = f"alert {short(row['alert_id'])}" if row["alert_id"] else "the incident"
            rows.add_row(
                in_words(row["at"]), cell(row["by"]), about, cell(row["verdict"]), cell(row["comment"])
            )
        rows.print()


def _step(row: Mapping[str, Any], now: datetime) -> str:
    if row["state"] == "pending":
        late = row["due_at"] <= now
        return "due now" if late else f"in {since(now, row['due_at'])}"
    called = {"fired": "called", "cancelled": "not needed"}.get(row["state"], row["state"])
    return f"{called}: {row['because']}" if row["because"] else called


def _print_conversations(records: Mapping[str, Rows]) -> None:
    """Tickets as they were read back, and what sinks call the incident where no ticket says more."""
    tickets = {row["sink"]: row for row in records["tickets"]}
    others = [row for row in records["threads"] if row["sink"] not in tickets and row["reference"]]
    if not tickets and not others:
        return
    _section("Tickets and threads")
    rows = Grid(Column("sink", least=8), Column("is", least=20), "state", Column("who", least=8))
    for sink, row in tickets.items():
        address = safe_url(row["url"])
        rows.add_row(
            cell(sink),
            cell(f"{row['ticket']}  {address}" if address else row["ticket"]),
            cell(row["state"]),
            cell(row["who"]),
        )
    for row in others:
        rows.add_row(
            cell(row["sink"]),
            cell(", ".join(f"{key}: {value}" for key, value in row["reference"].items())),
            "",
            "",
        )
    rows.print()


def story_json(
    incident: Incident,
    alerts: Sequence[Alert],
    events: Sequence[Event],
    records: Mapping[str, Rows],
    sites: Sites,
) -> dict[str, Any]:
    """Everything about an incident for programs."""
    from mist_pipeline.alerts.ledger.export import public_detail

    return {
        **incident_json(incident, alerts, sites),
        "alerts": [asdict(alert) for alert in alerts],
        "events": [{**asdict(event), "detail": public_detail(event)} for event in events],
        **{name: list(rows) for name, rows in records.items()},
    }
