"""``alerts test-route``: who would be told, why, and whether messages arrive there.

Here: the command. Choosing routes is that of the real thing (``alerts.routes.explain_route``), and so is sending
(``defs.sending``).
"""

import difflib
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mist_pipeline.cli.alerts.arguments import Json, SeverityName, Sites, instant, is_there, now_of, opened
from mist_pipeline.cli.alerts.tables import cell, print_json, say, table
from mist_pipeline.cli.console import console, next_commands
from mist_pipeline.cli.run import RunFailedError
from mist_pipeline.domain.metrics import CATALOGUE, canonical
from mist_pipeline.domain.text import clean, duration
from mist_pipeline.domain.text import instant as in_words
from mist_pipeline.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from mist_pipeline.alerts.ledger.ledger import Telling
    from mist_pipeline.alerts.notify.escalation import Due
    from mist_pipeline.alerts.notify.matchers import Labels
    from mist_pipeline.alerts.notify.routes import Explanation
    from mist_pipeline.alerts.notify.silences import Silence

_FAMILIES = {
    "site_down": "device",
    "collector": "collector",
    "health_drop": "health",
    "pipeline": "pipeline:daily",
}
"""Kind of finding that is not about a metric → the family that its alerts have."""


class ScopeName(StrEnum):
    """Whether it is one site's own trouble, or has a cause that several share."""

    site = "site"
    infrastructure = "infrastructure"


@dataclass(frozen=True)
class Sent:
    """What became of a test message.

    Attributes:
        sink: Where to.
        state: sent, failed, unknown or dead; pending if it waits.
        error: Of the sink.
    """

    sink: str
    state: str
    error: str


def try_route(
    context: typer.Context,
    severity: Annotated[SeverityName, typer.Option(help="How bad it would be.")],
    site: Annotated[str | None, typer.Option(help="Name or id of the site.")] = None,
    metric: Annotated[str, typer.Option(help="Metric, such as coverage.")] = "",
    kind: Annotated[str, typer.Option(help="Kind of finding, such as site_down.")] = "evidence",
    scope: Annotated[ScopeName, typer.Option(help="Of one site, or shared by several.")] = ScopeName.site,
    at: Annotated[
        datetime | None, typer.Option(parser=instant, metavar="INSTANT", help="When; default: now.")
    ] = None,
    send: Annotated[
        bool, typer.Option("--send", help="Send a message, marked as a test, to all who would be told.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show who would be told about something, route by route, and why; with --send, try whether it arrives.

    Example: [cyan]mist-pipeline alerts test-route --severity critical --site "Cologne 3" --send[/]
    """
    from mist_pipeline.alerts.notify.routes import explain_route
    from mist_pipeline.workflows.ledger_access import telling

    settings = load_settings()
    moment = at or now_of(context)
    who_is_told = telling(settings)
    labels = _labels(settings, who_is_told, severity, site, metric, kind, scope)
    answers = explain_route(who_is_told.routes, labels, moment)
    hiding = _hiding(settings, who_is_told, labels, moment)
    sinks = list(dict.fromkeys(sink for answer in answers for sink in answer.sinks))
    calls = _calls(who_is_told, answers, moment)
    if not as_json:
        _print_answers(who_is_told, answers, hiding, calls, labels, moment)
    if send and not sinks:
        raise SettingsError("nobody would be told of this, so there is nobody to send a test to")
    sent = _send_now(settings, sinks, severity) if send else []
    if as_json:
        print_json(_json(answers, hiding, calls, labels, moment, sinks, sent))
    elif send:
        _print_sent(sent)
    else:
        next_commands(("mist-pipeline alerts test-route … --send", "try whether messages arrive"))
    if any(one.state in {"failed", "dead", "unknown"} for one in sent):
        raise typer.Exit(1)


def _labels(
    settings: Settings,
    who_is_told: "Telling",
    severity: SeverityName,
    site: str | None,
    metric: str,
    kind: str,
    scope: ScopeName,
) -> "Labels":
    """The labels that an alert of this would have (``alerts.silences.alert_labels``)."""
    from mist_pipeline.alerts.lifecycle.policy import DEFAULT_RULES

    if kind not in DEFAULT_RULES:
        raise typer.BadParameter(
            f"{clean(kind, 40)!r} is no kind; {_hint(kind, DEFAULT_RULES)}", param_hint="--kind"
        )
    name = canonical(metric) if metric else ""
    if name is None:
        raise typer.BadParameter(
            f"{clean(metric, 40)!r} is no metric; {_hint(metric, CATALOGUE)}", param_hint="--metric"
        )
    family = CATALOGUE[name].family if name else _FAMILIES.get(kind, "")
    site_id = _site_id(settings, site) if site is not None else ""
    return {
        **who_is_told.of_sites.get(site_id, {}),
        "site_id": (site_id,),
        "family": (family,),
        "metric": (name,),
        "kind": (kind,),
        "severity": (severity.value,),
        "classifier": ("",),
        "scope": (scope.value,),
    }


def _site_id(settings: Settings, site: str) -> str:
    found = sorted(Sites.known(settings).ids_of(site))
    if len(found) > 1:
        raise typer.BadParameter(
            f"{len(found)} sites are called {clean(site, 60)!r}; give the id, one of {', '.join(found[:5])}",
            param_hint="--site",
        )
    return found[0]


def _hint(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}"


def _hiding(
    settings: Settings, who_is_told: "Telling", labels: "Labels", moment: datetime
) -> "list[Silence]":
    """Silences and planned ones that would keep it from being told."""
    known = list(who_is_told.windows)
    if is_there(settings):
        with opened(settings) as ledger:
            known += ledger.silences()
    return [one for one in known if one.silences(labels, moment)]


def _calls(
    who_is_told: "Telling", answers: "Sequence[Explanation]", moment: datetime
) -> "dict[str, list[Due]]":
    """Escalation → its steps with their times, if it were told at this instant."""
    from mist_pipeline.alerts.notify.escalation import schedule

    names = dict.fromkeys(answer.escalation for answer in answers if answer.escalation)
    return {name: schedule(who_is_told.escalations[name], moment) for name in names}


def _print_answers(
    who_is_told: "Telling",
    answers: "Sequence[Explanation]",
    hiding: "Sequence[Silence]",
    calls: "dict[str, list[Due]]",
    labels: "Labels",
    moment: datetime,
) -> None:
    known = "  ".join(f"{name}={'|'.join(values)}" for name, values in labels.items() if any(values))
    say(("At ", "dim"), (in_words(moment), "dim"), ("  ", ""), (clean(known), "dim"))
    rows = table("", "route", "because", "tells", "then calls")
    for answer in answers:
        rows.add_row(
            "[green]✓[/]" if answer.is_chosen else "[dim]–[/]",
            cell(answer.route),
            cell(answer.because, "" if answer.is_chosen else "dim", limit=300),
            cell(", ".join(answer.sinks)),
            cell(answer.escalation or ""),
        )
    console.print(
        rows if answers else "There are no routes: notifications.routes of the configuration is empty."
    )
    _print_times(who_is_told, answers, moment)
    for name, steps in calls.items():
        policy = who_is_told.escalations[name]
        say("\nEscalation ", (clean(name), "bold"), f", until somebody has {policy.stops_when} it:")
        rows = table("", "after", "at", "calls")
        for due in steps:
            target = f"{due.sink} → {due.target}" if due.target else due.sink
            rows.add_row(str(due.number), duration(due.at - moment), in_words(due.at), cell(target))
        console.print(rows)
    for one in hiding:
        kind = "Planned silence" if one in who_is_told.windows else "Silence"
        say(
            (f"{kind} {clean(one.silence_id)} hides it", "bold yellow"),
            f" for now: {clean(', '.join(map(str, one.matchers)))}",
        )
    if not any(answer.is_chosen for answer in answers):
        say(("Nobody would be told.", "bold red"))


def _print_times(who_is_told: "Telling", answers: "Sequence[Explanation]", moment: datetime) -> None:
    """What makes a message wait."""
    routes = {route.name: route for route in who_is_told.routes}
    for answer in (one for one in answers if one.is_chosen):
        name = clean(answer.route)
        if answer.quiet_until is not None:
            say(
                ("Quiet hours: ", "yellow"), f"{name} waits for the digest at {in_words(answer.quiet_until)}."
            )
        if wait := routes[answer.route].group_wait:
            say(f"{name} waits {duration(wait)} for what may follow; told at {in_words(moment + wait)}.")


def _send_now(settings: Settings, sinks: Sequence[str], severity: SeverityName) -> list[Sent]:
    """Put a test for each sink into the outbox and send what waits for these sinks, the tests last.

    Raises:
        RunFailedError: Something of ours broke; the tests stay in the outbox.
    """
    from mist_pipeline.notification.worker import SinksFailedError
    from mist_pipeline.workflows.messages import worker

    with opened(settings, makes=True) as ledger:
        # By the clock of the machine, whatever instant was asked about: this really happens, and now.
        tests = {
            notice.incident_id: notice.sink
            for notice in ledger.send_test(sinks, severity.value, datetime.now(UTC))
        }
        try:
            worker(settings, ledger).run(sinks)
        except SinksFailedError as error:
            raise RunFailedError(clean(str(error))) from error
        rows = {name: ledger.records(name)["deliveries"][0] for name in tests}
    return [
        Sent(sink, str(rows[name]["state"]), str(rows[name]["last_error"])) for name, sink in tests.items()
    ]


def _print_sent(sent: Sequence[Sent]) -> None:
    say("\nTest messages:")
    for one in sent:
        sign, style = ("✓", "green") if one.state == "sent" else ("✗", "red")
        words = {
            "sent": "sent",
            "dead": "refused:",
            "failed": "failed, and is tried again:",
            "unknown": "may have arrived, which is looked up:",
            "pending": "waits for an earlier message",
            "sending": "is being sent by another run",
        }
        say(
            (f"{sign} ", style),
            (clean(one.sink), "bold"),
            f" {words.get(one.state, one.state)} ",
            clean(one.error),
        )


def _json(
    answers: "Sequence[Explanation]",
    hiding: "Sequence[Silence]",
    calls: "dict[str, list[Due]]",
    labels: "Labels",
    moment: datetime,
    sinks: Sequence[str],
    sent: Sequence[Sent],
) -> dict[str, Any]:
    return {
        "at": moment,
        "labels": dict(labels),
        "routes": [asdict(answer) for answer in answers],
        "sinks": list(sinks),
        "escalations": {
            name: [
                {"number": due.number, "at": due.at, "sink": due.sink, "target": due.target} for due in steps
            ]
            for name, steps in calls.items()
        },
        "hidden_by": [one.silence_id for one in hiding],
        "sent": [asdict(one) for one in sent],
    }
