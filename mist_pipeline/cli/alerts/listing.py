"""``alerts list``: incidents, or every alert there was, for people and for programs.

Here: what is selected and in which order it is asked. Not here: how rows look (`tables`), one incident (`show`).
"""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from mist_pipeline.alerts.lifecycle.model import ACTIVE
from mist_pipeline.cli.alerts.arguments import SeverityName, Sites, is_there, looked_at, no_ledger, now_of
from mist_pipeline.cli.alerts.tables import alert_fields, incident_fields, incident_json, reason_of, say
from mist_pipeline.cli.console import console, next_commands
from mist_pipeline.cli.printing.options import Csv, Json, Output, Parquet, Wide, output_of
from mist_pipeline.cli.printing.rows import print_frame, print_json, print_rows, print_table
from mist_pipeline.cli.printing.values import short
from mist_pipeline.domain.severity import rank
from mist_pipeline.domain.text import count
from mist_pipeline.domain.text import instant as in_words
from mist_pipeline.overview.brief.stories import Listed, listed
from mist_pipeline.overview.wording import Found, severity_of, since

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
    as_json: Json = False,
    csv: Csv = False,
    parquet: Parquet = None,
    wide: Wide = False,
) -> None:
    """List incidents that go on, the worst first, and why nobody was notified where nobody was.

    Example: [cyan]mist-pipeline alerts list --severity major[/]
    """
    from mist_pipeline.settings import load_settings

    settings = load_settings()
    output = output_of(as_json=as_json, csv=csv, parquet=parquet, wide=wide)
    if all_alerts:
        _list_alerts(settings, severity, site, state, output)
        return
    sites, now = Sites.known(settings), now_of(context, settings)
    known = Listed()
    if is_there(settings):
        with looked_at(settings) as ledger:
            known = listed(ledger, ACTIVE if state is None else (state.value,))
    found = _fitting(list(known.found), severity, site, sites)
    reasons = any(reason_of(incident) for incident, _ in found)
    if found or not output.is_table:
        fields = incident_fields(sites, now, with_reasons=reasons)
        print_rows(found, fields, output, lambda one: incident_json(*one, sites))
    if output.is_table:
        _say_what_next(settings, found, len(known.found) - len(found), known.evaluated_at, now)


def _fitting(
    found: list[Found], severity: SeverityName | None, site: str | None, sites: Sites
) -> list[Found]:
    if severity is not None:
        found = [one for one in found if rank(severity_of(one[1])) >= rank(severity.value)]
    if site is not None:
        wanted = sites.ids_of(site, also={alert.site_id for _, its in found for alert in its})
        found = [one for one in found if wanted & {alert.site_id for alert in one[1]}]
    return found


def _say_what_next(
    settings: "Settings",
    found: list[Found],
    others: int,
    polled: datetime | None,
    now: datetime,
) -> None:
    if found:
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
    output: Output,
) -> None:
    """Every alert that ever opened, as a replay would write it."""
    import polars as pl

    from mist_pipeline.alerts.lifecycle.replay import alert_frame

    if state is StateName.merged:
        raise typer.BadParameter("incidents are merged, alerts are not", param_hint="--state")
    frame = alert_frame((), {})
    if is_there(settings):
        with looked_at(settings) as ledger:
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


def _print_alerts(frame: "pl.DataFrame", output: Output) -> None:
    if output.form == "json":
        print_json(frame.to_dicts())
    elif not output.is_table:
        print_frame(frame, output)
    else:
        people = frame.drop("last_bad_at", "is_past", "opened_at")
        print_table(alert_fields(people.columns), people.to_dicts(), is_wide=output.is_wide)
        console.print(count(frame.height, "alert"))
