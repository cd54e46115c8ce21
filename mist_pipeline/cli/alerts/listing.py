"""``alerts list``: incidents, or every alert there was, for people and for programs.

Here: what is selected and in which order it is asked. Not here: how rows look (`tables`), one incident (`show`).
"""

import sys
from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from mist_pipeline.alerts.lifecycle.model import ACTIVE
from mist_pipeline.cli.alerts.arguments import (
    Json,
    SeverityName,
    Sites,
    is_there,
    no_ledger,
    now_of,
    opened,
)
from mist_pipeline.cli.alerts.tables import (
    alert_csv,
    alert_table,
    incident_csv,
    incident_json,
    incident_table,
    print_json,
    say,
    short,
)
from mist_pipeline.cli.console import Format, console, next_commands
from mist_pipeline.domain.severity import rank
from mist_pipeline.domain.text import count
from mist_pipeline.domain.text import instant as in_words
from mist_pipeline.overview.wording import Found, order, severity_of, since

if TYPE_CHECKING:
    import polars as pl

    from mist_pipeline.settings import Settings


class StateName(StrEnum):
    """State of an incident; an alert is never merged."""

    open = "open"
    acknowledged = "acknowledged"
    resolved = "resolved"
    merged = "merged"


def list_incidents(
    context: typer.Context,
    all_alerts: Annotated[
        bool,
        typer.Option(
            "--all", help="Every alert that ever opened, with the columns of a replay's alerts.csv."
        ),
    ] = False,
    severity: Annotated[SeverityName | None, typer.Option(help="This bad or worse.")] = None,
    site: Annotated[str | None, typer.Option(help="Name or id.")] = None,
    state: Annotated[StateName | None, typer.Option(help="Default: what goes on.")] = None,
    output: Annotated[Format, typer.Option("--format", help="How rows are printed.")] = Format.table,
    as_json: Json = False,
) -> None:
    """List incidents that go on, the worst first, and why nobody was notified where nobody was.

    Example: [cyan]mist-pipeline alerts list --severity major[/]
    """
    from mist_pipeline.settings import load_settings

    settings = load_settings()
    chosen = Format.json if as_json else output
    if all_alerts:
        _list_alerts(settings, severity, site, state, chosen)
        return
    sites, now = Sites.known(settings), now_of(context)
    states: Collection[str] = ACTIVE if state is None else (state.value,)
    everything: list[Found] = []
    polled: datetime | None = None
    if is_there(settings):
        with opened(settings) as ledger:
            everything, polled = ledger.incidents(states), ledger.last_evaluation()
    found = order(_fitting(everything, severity, site, sites))
    if chosen is Format.json:
        print_json([incident_json(incident, its, sites) for incident, its in found])
    elif chosen is Format.csv:
        incident_csv(found, sites)
    else:
        _show_incidents(settings, found, len(everything) - len(found), polled, sites, now)


def _fitting(
    found: list[Found], severity: SeverityName | None, site: str | None, sites: Sites
) -> list[Found]:
    if severity is not None:
        found = [one for one in found if rank(severity_of(one[1])) >= rank(severity.value)]
    if site is not None:
        wanted = sites.ids_of(site, also={alert.site_id for _, its in found for alert in its})
        found = [one for one in found if wanted & {alert.site_id for alert in one[1]}]
    return found


def _show_incidents(
    settings: "Settings",
    found: list[Found],
    others: int,
    polled: datetime | None,
    sites: Sites,
    now: datetime,
) -> None:
    if found:
        console.print(incident_table(found, sites, now))
        name = short(found[0][0].incident_id)
        follow = [(f"mist-pipeline alerts show {name}", "what happened, and who was notified")]
        if found[0][0].state == "open":
            follow.append((f"mist-pipeline alerts ack {name}", "take it; nobody else is called"))
    elif others:
        say(f"No incident fits; {count(others, 'other')} would without these filters.")
        follow = [("mist-pipeline alerts list", "all that go on")]
    elif polled is None:
        say(no_ledger(settings) if not is_there(settings) else "Nothing was ever evaluated.")
        follow = [("mist-pipeline daemon", "polls, evaluates and notifies")]
    else:
        say("No such incident.")
        follow = [("mist-pipeline alerts list --all", "every alert there was")]
    if polled is not None:
        # An old poll must not read like good news.
        say((f"Last poll of the sites: {in_words(polled)}, {since(polled, now)} ago.", "dim"))
    next_commands(*follow)


def _list_alerts(
    settings: "Settings",
    severity: SeverityName | None,
    site: str | None,
    state: StateName | None,
    output: Format,
) -> None:
    """Every alert that ever opened, as a replay would write it."""
    import polars as pl

    from mist_pipeline.alerts.lifecycle.replay import alert_frame

    if state is StateName.merged:
        raise typer.BadParameter("incidents are merged, alerts are not", param_hint="--state")
    frame = alert_frame((), {})
    if is_there(settings):
        with opened(settings) as ledger:
            frame = ledger.alert_frame()
            if state is not None:
                frame = frame.filter(pl.col("alert_id").is_in(ledger.alert_ids(state.value)))
    if severity is not None:
        bad = [name.value for name in SeverityName if rank(name.value) >= rank(severity.value)]
        frame = frame.filter(pl.col("severity").is_in(bad))
    if site is not None:
        ids = Sites.known(settings).ids_of(site, also=frame["site_id"].unique())
        frame = frame.filter(pl.col("site_id").is_in(list(ids)))
    _print_alerts(frame, output)


def _print_alerts(frame: "pl.DataFrame", output: Format) -> None:
    if output is Format.csv:
        sys.stdout.write(alert_csv(frame))
    elif output is Format.json:
        print_json(frame.to_dicts())
    else:
        console.print(alert_table(frame.drop("last_bad_at", "is_past", "opened_at")))
        console.print(count(frame.height, "alert"))
