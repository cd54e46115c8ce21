"""``alerts test-route``: who would be notified, why, and whether messages arrive there.

Here: what was typed, and how the answer looks. Not here: the answer (``workflows.notifying.routing``), sending the test
(``workflows.notifying.messages``).
"""

import difflib
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from mist_pipeline.cli.alerts.arguments import SeverityName, Sites, is_there, now_of, opened
from mist_pipeline.cli.alerts.choosing import chosen
from mist_pipeline.cli.alerts.tables import say
from mist_pipeline.cli.console import console, next_commands
from mist_pipeline.cli.failures import RunFailedError
from mist_pipeline.cli.moments import instant
from mist_pipeline.cli.printing.layout import Column
from mist_pipeline.cli.printing.options import Json
from mist_pipeline.cli.printing.rows import Grid, print_json
from mist_pipeline.cli.printing.values import cell
from mist_pipeline.domain.metrics import CATALOGUE, canonical
from mist_pipeline.domain.text import clean, duration
from mist_pipeline.domain.text import instant as in_words

if TYPE_CHECKING:
    from mist_pipeline.alerts.ledger.ledger import NotificationRules
    from mist_pipeline.alerts.notify.silences import Silence
    from mist_pipeline.settings import Settings
    from mist_pipeline.workflows.notifying.messages import SentTest
    from mist_pipeline.workflows.notifying.routing import Routing


class ScopeName(StrEnum):
    """Whether it is one site's own trouble, or has a cause that several share."""

    site = "site"
    infrastructure = "infrastructure"


def show_routes(
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
        bool, typer.Option("--send", help="Send a message, marked as a test, to all who would be notified.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show who would be notified of something, route by route, and why; with --send, try whether it arrives.

    Example: [cyan]mist-pipeline alerts test-route --severity critical --site "Cologne 3" --send[/]
    """
    from mist_pipeline.notification.worker import SinksFailedError
    from mist_pipeline.settings import SettingsError, load_settings
    from mist_pipeline.workflows.ledger_access import notification_rules
    from mist_pipeline.workflows.notifying import messages
    from mist_pipeline.workflows.notifying.routing import labels_of, routing

    settings = load_settings()
    notified = notification_rules(settings)
    labels = labels_of(
        notified,
        severity=severity.value,
        kind=_known_kind(kind),
        metric=_known_metric(metric),
        site_id=_site_id(settings, site, asks=not as_json) if site is not None else "",
        scope=scope.value,
    )
    found = routing(notified, _silences(settings), labels, at or now_of(context, settings))
    if not as_json:
        _print_routing(notified, found)
    if send and not found.sinks:
        raise SettingsError("nobody would be notified of this, so there is nobody to send a test to")
    tests: Sequence[SentTest] = ()
    if send:
        with opened(settings, makes=True) as ledger:
            try:
                tests = messages.send_tests(settings, ledger, found.sinks, severity.value)
            except SinksFailedError as error:
                raise RunFailedError(clean(str(error))) from error
    if as_json:
        print_json(_json(found, tests))
    elif send:
        _print_tests(tests)
    else:
        next_commands(("mist-pipeline alerts test-route … --send", "try whether messages arrive"))
    if any(one.state in {"failed", "partly", "dead", "unknown"} for one in tests):
        raise typer.Exit(1)


def _known_kind(kind: str) -> str:
    from mist_pipeline.alerts.lifecycle.policy import DEFAULT_RULES

    if kind not in DEFAULT_RULES:
        raise typer.BadParameter(
            f"{clean(kind, 40)!r} is no kind; {_hint(kind, DEFAULT_RULES)}", param_hint="--kind"
        )
    return kind


def _known_metric(metric: str) -> str:
    name = canonical(metric) if metric else ""
    if name is None:
        raise typer.BadParameter(
            f"{clean(metric, 40)!r} is no metric; {_hint(metric, CATALOGUE)}", param_hint="--metric"
        )
    return name


def _site_id(settings: "Settings", site: str, *, asks: bool) -> str:
    sites = Sites.known(settings)
    found = sorted(sites.ids_of(site))
    if len(found) == 1:
        return found[0]
    hint = "Give the id of the one that is meant: --site ID"
    return chosen(site, found, sites, asks=asks, several=False, hint=hint)[0]


def _hint(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}"


def _silences(settings: "Settings") -> "list[Silence]":
    """Those of the ledger, none before there is one."""
    if not is_there(settings):
        return []
    with opened(settings) as ledger:
        return ledger.silences()


def _print_routing(notified: "NotificationRules", found: "Routing") -> None:
    known = "  ".join(f"{name}={'|'.join(values)}" for name, values in found.labels.items() if any(values))
    say(("At ", "dim"), (in_words(found.at), "dim"), ("  ", ""), (clean(known), "dim"))
    rows = Grid(
        " ",
        Column("route", least=10),
        Column("because", least=20),
        Column("notifies", least=8),
        Column("then calls", least=8),
    )
    for route in found.routes:
        rows.add_row(
            Text("✓", "green") if route.is_chosen else Text("–", "dim"),
            cell(route.route),
            cell(route.because, "" if route.is_chosen else "dim", limit=300),
            cell(", ".join(route.sinks)),
            cell(route.escalation or ""),
        )
    if found.routes:
        rows.print()
    else:
        console.print("There are no routes: notifications.routes of the configuration is empty.")
    _print_waits(notified, found)
    for name, steps in found.calls.items():
        policy = notified.escalations[name]
        say("\nEscalation ", (clean(name), "bold"), f", until somebody has {policy.stops_when} it:")
        rows = Grid(Column(" ", is_number=True), "after", "at", Column("calls", least=10))
        for due in steps:
            target = f"{due.sink} → {due.target}" if due.target else due.sink
            rows.add_row(str(due.number), duration(due.at - found.at), in_words(due.at), cell(target))
        rows.print()
    for one in found.silences:
        kind = "Planned silence" if one in notified.windows else "Silence"
        say(
            (f"{kind} {clean(one.silence_id)} hides it", "bold yellow"),
            f" for now: {clean(', '.join(map(str, one.matchers)))}",
        )
    if not any(route.is_chosen for route in found.routes):
        say(("Nobody would be notified.", "bold red"))


def _print_waits(notified: "NotificationRules", found: "Routing") -> None:
    """What makes a message wait."""
    waits = {route.name: route.group_wait for route in notified.routes}
    for route in (one for one in found.routes if one.is_chosen):
        name = clean(route.route)
        if route.quiet_until is not None:
            say(("Quiet hours: ", "yellow"), f"{name} waits for the digest at {in_words(route.quiet_until)}.")
        if wait := waits[route.route]:
            say(
                f"{name} waits {duration(wait)} for what may follow; notified at {in_words(found.at + wait)}."
            )


def _print_tests(tests: "Sequence[SentTest]") -> None:
    say("\nTest messages:")
    for one in tests:
        sign, style = ("✓", "green") if one.state == "sent" else ("✗", "red")
        words = {
            "sent": "sent",
            "dead": "refused:",
            "failed": "failed, and is tried again:",
            "partly": "sent to some; the others are tried again:",
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


def _json(found: "Routing", tests: "Sequence[SentTest]") -> dict[str, Any]:
    return {
        "at": found.at,
        "labels": dict(found.labels),
        "routes": [asdict(route) for route in found.routes],
        "sinks": list(found.sinks),
        "escalations": {
            name: [
                {"number": due.number, "at": due.at, "sink": due.sink, "target": due.target} for due in steps
            ]
            for name, steps in found.calls.items()
        },
        "hidden_by": [one.silence_id for one in found.silences],
        "sent": [asdict(test) for test in tests],
    }
