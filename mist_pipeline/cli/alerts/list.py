"""``alerts``: what goes on, who was told, and what people do about it.

Here: looking at incidents, taking and closing them, opinions. Neighbours: silences (`alert_silences`), who would be told
(`alert_routes`), messages that were given up (`alert_messages`), what people type (`alert_arguments`), how answers look
(`alert_tables`, `alert_story`). Rules and transactions are the ledger's (``alerts.ledger``).
"""

import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from mist_pipeline.alerts.lifecycle.model import Incident
from mist_pipeline.cli.alerts import routes, silences, test_route
from mist_pipeline.cli.alerts.arguments import (
    GOING_ON,
    By,
    Comment,
    Id,
    Json,
    SeverityName,
    Sites,
    instant,
    is_there,
    no_ledger,
    now_of,
    opened,
    subject_of,
    user,
)
from mist_pipeline.cli.alerts.show import print_story, story_json
from mist_pipeline.cli.alerts.tables import (
    Found,
    alert_csv,
    alert_table,
    incident_csv,
    incident_json,
    incident_table,
    order,
    print_json,
    say,
    say_what_follows,
    severity_of,
    short,
    since,
)
from mist_pipeline.cli.console import console, next_commands
from mist_pipeline.cli.report import Format
from mist_pipeline.domain.severity import rank
from mist_pipeline.domain.text import clean, count
from mist_pipeline.domain.text import instant as in_words
from mist_pipeline.settings import Settings, load_settings

if TYPE_CHECKING:
    import polars as pl

    from mist_pipeline.alerts.ledger.ledger import Ledger

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


class StateName(StrEnum):
    """State of an incident; an alert is never merged."""

    open = "open"
    acknowledged = "acknowledged"
    resolved = "resolved"
    merged = "merged"


class VerdictName(StrEnum):
    """What a person thinks of an alert."""

    useful = "useful"
    false_alarm = "false_alarm"
    too_late = "too_late"
    duplicate = "duplicate"


@app.callback()
def alerts(
    context: typer.Context,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            parser=instant,
            metavar="INSTANT",
            help="UTC instant to work as of, for a simulated cloud; default: now.",
        ),
    ] = None,
) -> None:
    """Incidents and alerts: look at them, take and silence them, see who is told.

    Example: [cyan]mist-pipeline alerts list[/]
    """
    context.obj = as_of or datetime.now(UTC)


@app.command(name="list")
def list_(
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
    """List incidents that go on, the worst first, and why nobody was told where nobody was.

    Example: [cyan]mist-pipeline alerts list --severity major[/]
    """
    settings = load_settings()
    chosen = Format.json if as_json else output
    if all_alerts:
        _list_alerts(settings, severity, site, state, chosen)
        return
    sites, now = Sites.known(settings), now_of(context)
    states = GOING_ON if state is None else (state.value,)
    everything: list[Found] = []
    looked: datetime | None = None
    if is_there(settings):
        with opened(settings) as ledger:
            everything, looked = ledger.incidents(states), ledger.last_evaluation()
    found = order(_fitting(everything, severity, site, sites))
    if chosen is Format.json:
        print_json([incident_json(incident, its, sites) for incident, its in found])
    elif chosen is Format.csv:
        incident_csv(found, sites)
    else:
        _show_incidents(settings, found, len(everything) - len(found), looked, sites, now)


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
    settings: Settings, found: list[Found], others: int, looked: datetime | None, sites: Sites, now: datetime
) -> None:
    if found:
        console.print(incident_table(found, sites, now))
        name = short(found[0][0].incident_id)
        follow = [(f"mist-pipeline alerts show {name}", "what happened, and who was told")]
        if found[0][0].state == "open":
            follow.append((f"mist-pipeline alerts ack {name}", "take it; nobody else is called"))
    elif others:
        say(f"No incident fits; {count(others, 'other')} would without these filters.")
        follow = [("mist-pipeline alerts list", "all that go on")]
    elif looked is None:
        say(no_ledger(settings) if not is_there(settings) else "Nothing was ever evaluated.")
        follow = [("mist-pipeline daemon", "looks, evaluates and tells")]
    else:
        say("No such incident.")
        follow = [("mist-pipeline alerts list --all", "every alert there was")]
    if looked is not None:
        # An old look must not read like good news.
        say((f"Last look at the sites: {in_words(looked)}, {since(looked, now)} ago.", "dim"))
    next_commands(*follow)


def _list_alerts(
    settings: Settings,
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
        console.print(alert_table(frame))
        console.print(count(frame.height, "alert"))


@app.command()
def show(context: typer.Context, subject: Id, as_json: Json = False) -> None:
    """Show one incident: its alerts, what happened to it, who was told, tickets, escalations, feedback.

    Example: [cyan]mist-pipeline alerts show 3f2a[/]
    """
    settings = load_settings()
    with opened(settings) as ledger:
        incident, its, events = ledger.incident(subject_of(ledger, subject).incident_id)
        records = ledger.records(incident.incident_id)
    sites = Sites.known(settings)
    if as_json:
        print_json(story_json(incident, its, events, records, sites))
        return
    print_story(incident, its, events, records, sites, now_of(context))
    follow = [(f"mist-pipeline alerts show {short(incident.merged_into or '')}", "what it is part of")]
    if incident.state == "open":
        follow = [
            (f"mist-pipeline alerts ack {short(incident.incident_id)}", "take it; nobody else is called")
        ]
    elif incident.state != "merged":
        follow = [(f"mist-pipeline alerts feedback {short(incident.incident_id)} useful", "or false_alarm …")]
    next_commands(*follow)


@app.command()
def ack(context: typer.Context, subject: Id, by: By = None) -> None:
    """Take an incident: nobody else is called, pagers stop. It asks anew if it grows worse. Doing it twice is fine.

    Example: [cyan]mist-pipeline alerts ack 3f2a --by ada[/]
    """
    from mist_pipeline.workflows.ledger_access import telling

    settings, now, who = load_settings(), now_of(context), user(by)
    with opened(settings) as ledger:
        incident = _active_or_over(ledger, subject, "ack")
        calls = _calls(ledger, incident)
        is_taken = bool(ledger.acknowledge(incident.incident_id, who, now))
        calls -= _calls(ledger, incident)
        # Also where it was taken before: somebody may have been interrupted between the two.
        recorded = ledger.tell(telling(settings), now)
    if is_taken:
        _say_done(incident, f"is acknowledged by {who}.", calls)
        say_what_follows(recorded)
    elif incident.state == "acknowledged":
        _say_done(incident, f"was acknowledged already, by {_taken(incident)}; nothing changes.", 0)
    else:
        _say_done(incident, f"{_over(incident)}; nothing changes.", 0)


@app.command()
def resolve(context: typer.Context, subject: Id, by: By = None) -> None:
    """Say that an incident is over, with all of its alerts. What fires again comes back.

    Example: [cyan]mist-pipeline alerts resolve 3f2a --by ada[/]
    """
    from mist_pipeline.workflows.ledger_access import telling

    settings, now, who = load_settings(), now_of(context), user(by)
    with opened(settings) as ledger:
        incident = _active_or_over(ledger, subject, "resolve")
        calls = _calls(ledger, incident)
        is_closed = bool(ledger.resolve(incident.incident_id, who, now))
        calls -= _calls(ledger, incident)
        recorded = ledger.tell(telling(settings), now)
    if is_closed:
        _say_done(incident, f"is closed by {who}; it comes back if it fires again.", calls)
        say_what_follows(recorded)
    else:
        _say_done(incident, f"{_over(incident)}; nothing changes.", 0)


def _active_or_over(ledger: "Ledger", subject: str, command: str) -> Incident:
    """The incident, unless another one has its alerts: a person may not mean that."""
    incident, _alerts, _events = ledger.incident(subject_of(ledger, subject).incident_id)
    if incident.state == "merged":
        other = short(incident.merged_into or "")
        raise typer.BadParameter(
            f"incident {short(incident.incident_id)} is part of {other} now; `mist-pipeline alerts {command} {other}` "
            "does it for all of that"
        )
    return incident


def _calls(ledger: "Ledger", incident: Incident) -> int:
    """How many calls of its escalations are still to come."""
    steps = ledger.records(incident.incident_id)["escalations"]
    return sum(step["state"] == "pending" for step in steps)


def _say_done(incident: Incident, words: str, calls: int) -> None:
    say(
        "Incident ",
        (short(incident.incident_id), "bold cyan"),
        " ",
        clean(words),
        " ",
        (clean(incident.cause), "dim"),
    )
    if calls:
        say(f"{count(calls, 'call')} that would have followed {'is' if calls == 1 else 'are'} cancelled.")


def _taken(incident: Incident) -> str:
    when = in_words(incident.acknowledged_at) if incident.acknowledged_at else "some time"
    return f"{incident.acknowledged_by} at {when}"


def _over(incident: Incident) -> str:
    when = f" since {in_words(incident.resolved_at)}" if incident.resolved_at else ""
    return f"is over{when}"


@app.command()
def feedback(
    context: typer.Context,
    subject: Id,
    verdict: Annotated[VerdictName, typer.Argument(help="What you think of it.")],
    comment: Comment = "",
    by: By = None,
) -> None:
    """Say what you think of an alert or incident; analysts find it beside the alert.

    Example: [cyan]mist-pipeline alerts feedback 3f2a false_alarm --comment "building is closed"[/]
    """
    now, who = now_of(context), user(by)
    with opened(load_settings()) as ledger:
        found = subject_of(ledger, subject)
        about = {"alert_id": found.alert_id} if found.alert_id else {"incident_id": found.incident_id}
        ledger.add_feedback(verdict.value, who, now, comment=comment, **about)
    kind, name = ("Alert", found.alert_id) if found.alert_id else ("Incident", found.incident_id)
    say(f"{kind} ", (short(name), "bold cyan"), f": {verdict.value}, noted for {who}.")


app.command()(test_route.retry)
app.command()(silences.silence)
app.command()(silences.unsilence)
app.command()(silences.silences)
app.command(name="test-route")(routes.try_route)
