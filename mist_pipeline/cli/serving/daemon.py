"""``daemon`` (the clock, and Dagster's UI) and ``ui`` (that alone): which processes they start, and what is cleared up before."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from mist_pipeline.cli.code_location.server import code_server
from mist_pipeline.cli.console import console, errors, literal, shown
from mist_pipeline.cli.dagster_home import environment
from mist_pipeline.cli.place import announce, need_data_folder
from mist_pipeline.cli.serving.ports import HIGHEST, PortTakenError, need_free
from mist_pipeline.cli.serving.served import locations_of, settings_of_all, take_folders
from mist_pipeline.cli.serving.turning_on import turn_on
from mist_pipeline.cli.serving.turns import SENDER, keeping, refuse_unshared, take_turns
from mist_pipeline.cli.serving.web import PORT as CONSOLE_PORT
from mist_pipeline.cli.together import (
    ClockSteppedBackError,
    ClockWatch,
    Helper,
    end,
    hear_signals,
    run_together,
)
from mist_pipeline.workflows.running.term import VARIABLE as TERM

if TYPE_CHECKING:
    from mist_pipeline.settings import Settings
    from mist_pipeline.workflows.running.term import Term

DAGSTER_DAEMON = [sys.executable, "-m", "mist_pipeline.cli.serving.dagster_daemon"]

HEARTBEAT_SECONDS = 120.0
"""A heartbeat that takes longer hangs: it is missed, and the next one is tried."""


AllowedHosts = Annotated[
    list[str] | None,
    typer.Option(
        "--allowed-host",
        help="Name by which people reach the UI and the console, NAME or NAME:PORT; repeatable.",
    ),
]
ReadOnly = Annotated[
    bool, typer.Option("--read-only", help="Nobody can change anything in the UI or the console.")
]


def daemon(
    interval: Annotated[
        int | None, typer.Option(help="Minutes between two polls; default: monitoring.interval_minutes.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=HIGHEST, help="Port of the UI.")] = 3000,
    host: Annotated[str, typer.Option(help="Address of the UI.")] = "127.0.0.1",
    web_port: Annotated[
        int, typer.Option(min=0, max=HIGHEST, help="Port of the console, and of webhooks.")
    ] = CONSOLE_PORT,
    web_host: Annotated[str, typer.Option(help="Address of the console.")] = "127.0.0.1",
    allowed_host: AllowedHosts = None,
    read_only: ReadOnly = False,
) -> None:
    """Run Dagster's daemon and web UI with every schedule and sensor on, until interrupted.

    Example: [cyan]mist-pipeline daemon --interval 15[/]
    """
    extra = {} if interval is None else {"MIST_PIPELINE__MONITORING__INTERVAL_MINUTES": str(interval)}
    served = settings_of_all(extra)
    for settings in served:
        announce(settings)
        _refuse_another_organisation(settings, is_alone=len(served) == 1)
    webserver = _webserver(served, host, port, allowed_host or [], is_read_only=read_only)
    helpers = [one for settings in served if (one := _heartbeat(settings))]
    command = _console(served, web_host, web_port, allowed_host or [], is_read_only=read_only)
    # Its port may be taken later on: no reason to end polls and messages.
    _say_if_taken(web_host, web_port)
    minutes = " and ".join(sorted({str(one.monitoring.interval_minutes) for one in served}, key=int))
    ready = (
        f"Polling every {minutes} minutes; every morning at the organisation's time. "
        f"UI: [cyan]http://{host}:{port}[/]  (Ctrl-C ends both)"
    )
    if len(served) > 1:
        keys = ", ".join(one.organisation.key for one in served)
        ready = f"Serving {keys}.\n{ready}"
    with ExitStack() as stack:
        address = f"http://{host}:{port}"
        # Before the port: what is left of a daemon that was killed has both, and only the lock says what it is.
        keep_open = take_folders(served, "mist-pipeline daemon", address, stack)
        need_free(host, port)
        helpers.insert(0, Helper("The console", command, keep_open=keep_open))
        env = environment(served[0], extra)
        if served[0].monitoring.machines == 1:
            is_well = _serve(served, env, keep_open, webserver, ready, helpers, start_all=True)
        else:
            is_well = _serve_in_turns(served, env, keep_open, webserver, ready, helpers)
    if not is_well:
        raise typer.Exit(1)


def _serve_in_turns(
    served: "Sequence[Settings]",
    env: Mapping[str, str],
    keep_open: Sequence[int],
    webserver: list[str],
    ready: str,
    helpers: Sequence[Helper],
) -> bool:
    """Serve where several machines share the work: while this one is active, and but for its console and its sender only then."""
    refuse_unshared(served)
    always = [one for one in helpers if one.longest_seconds is None]
    always.append(Helper("What sends messages", SENDER, keep_open=keep_open))
    # The heartbeat is of the active one.
    also = [one for one in helpers if one not in always]

    def serve(term: "Term", look: Callable[[], None]) -> bool:
        mine = {**env, TERM: term.variable}
        return _serve(
            served,
            mine,
            keep_open,
            webserver,
            ready,
            [*always, *also],
            start_all=True,
            term=term.number,
            looks=[look],
        )

    with keeping(served) as keeper:
        return take_turns(keeper, env, always, serve)


def _heartbeat(settings: "Settings") -> Helper | None:
    if not settings.monitoring.heartbeat_url:
        return None
    pause = settings.monitoring.heartbeat_minutes * 60.0
    command = [sys.executable, "-m", "mist_pipeline.cli", "heartbeat"]
    command += ["--org", settings.organisation.key] if settings.is_one_of_several else []
    return Helper("The heartbeat", command, pause, longest_seconds=HEARTBEAT_SECONDS)


def _serve(
    served: "Sequence[Settings]",
    env: dict[str, str],
    keep_open: Sequence[int],
    webserver: list[str],
    ready: str,
    helpers: Sequence[Helper] = (),
    *,
    start_all: bool = False,
    term: int | None = None,
    looks: Sequence[Callable[[], None]] = (),
) -> bool:
    """Dagster's code servers, daemon and web server until somebody interrupts; whether all ended as they should."""
    hear_signals()
    locations = locations_of(served)
    while True:
        _clear_up(served, term)
        with code_server(env, locations, keep_open=keep_open) as server:
            workspace = str(server.workspace)
            if start_all and not (term is not None and all(map(_are_on, served))):
                turn_on(served[0], server.workspace, [location.name for location in server.served])
            starting = [] if term is None else [_poll(workspace, served, env)]
            console.print(ready)
            # The daemon is also what starts the runs that people queue in the UI.
            services = [
                [*DAGSTER_DAEMON, "run", "--workspace", workspace],
                [*webserver, "--workspace", workspace],
            ]
            try:
                return run_together(
                    services,
                    env,
                    helpers,
                    keep_open,
                    beside=[server.process],
                    looks=[*looks, server.follow_configuration, ClockWatch()],
                )
            except ClockSteppedBackError as error:
                errors.print(f"[yellow]![/] The clock was set back by {error}: everything is started again.")
            finally:
                end(starting)


def _say_if_taken(host: str, port: int) -> None:
    """The console may wait for its port; polls and messages do not wait for the console.

    Raises:
        typer.BadParameter: Nothing will ever listen there.
    """
    try:
        need_free(host, port, "--web-port")
    except PortTakenError as error:
        errors.print(
            f"[yellow]![/] The console does not start: {error.message}. The rest does; it is tried again every minute.",
            soft_wrap=True,
        )


def _clear_up(served: "Sequence[Settings]", term: int | None = None) -> None:
    """End what an earlier daemon left behind when it was killed or its clock was wrong, before anything waits for it."""
    from mist_pipeline.cli.dagster_home import instance
    from mist_pipeline.defs.runs.dead import bury_the_dead
    from mist_pipeline.defs.runs.ticks import set_back_runs, set_back_ticks
    from mist_pipeline.defs.scope import Scope

    with instance(served[0]) as opened:
        ended = bury_the_dead(opened, not_launched=list(map(Scope.of, served)), term=term)
        late = set_back_ticks(opened, time.time())
        runs = set_back_runs(opened, time.time())
    if ended:
        errors.print(f"[yellow]![/] {len(ended)} runs of killed processes were ended: {', '.join(ended)}")
    if late:
        errors.print(f"[yellow]![/] The clock was ahead: these would have waited for it: {', '.join(late)}")
    if runs:
        errors.print(f"[yellow]![/] The clock was ahead: {runs} runs of times that have not come are of now.")


def _refuse_another_organisation(settings: "Settings", *, is_alone: bool) -> None:
    """Ask whose the token is before anything starts; a cloud that does not answer now is asked again by the polls.

    Args:
        settings: Of one organisation.
        is_alone: It is the only one; where there are others, they are served, and the polls of this one refuse it.

    Raises:
        SettingsError: The data folder belongs to another organisation.
    """
    from mist_pipeline.mist.errors import MistError
    from mist_pipeline.settings import SettingsError
    from mist_pipeline.workflows.cloud import Cloud

    if not settings.tokens:
        errors.print(
            f"[yellow]![/] {settings.mist.token_from} is not set: nothing can be asked of the cloud."
        )
        return
    try:
        with Cloud(settings).client(patience_seconds=0):
            pass
    except MistError as error:
        errors.print(f"[yellow]![/] The cloud did not say whose the token is: {literal(str(error))}")
    except SettingsError as error:
        if is_alone:
            raise
        errors.print(f"[yellow]![/] {literal(str(error))}", soft_wrap=True)


def ui(
    port: Annotated[int, typer.Option(min=0, max=HIGHEST, help="Port of the UI.")] = 3000,
    host: Annotated[str, typer.Option(help="Address of the UI.")] = "127.0.0.1",
    allowed_host: AllowedHosts = None,
    read_only: ReadOnly = False,
) -> None:
    """Open Dagster's web UI on this data folder; starts no schedules (those that a daemon started stay on).

    Example: [cyan]mist-pipeline ui --port 3001[/]
    """
    served = settings_of_all()
    for settings in served:
        need_data_folder(settings)
        if settings.monitoring.machines > 1:
            raise typer.BadParameter("several machines take turns: use the UI of the active one's daemon")
    webserver = _webserver(served, host, port, allowed_host or [], is_read_only=read_only)
    need_free(host, port)
    folder = served[0].data if len(served) == 1 else served[0].installation
    ready = f"UI: [cyan]http://{host}:{port}[/]  Data: {shown(folder)}  (Ctrl-C ends it)"
    with ExitStack() as stack:
        keep_open = take_folders(served, "mist-pipeline ui", f"http://{host}:{port}", stack)
        is_well = _serve(served, environment(served[0]), keep_open, webserver, ready)
    if not is_well:
        raise typer.Exit(1)


def _dagster(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "dagster", *arguments]


def _webserver(
    served: "Sequence[Settings]",
    host: str,
    port: int,
    allowed_hosts: list[str],
    *,
    is_read_only: bool,
) -> list[str]:
    """The command of the UI's process, but for its workspace; what would keep it from starting is refused here, before anything runs."""
    from urllib.parse import urlsplit

    from mist_pipeline.cli.serving.webserver import TOKEN_VARIABLE, rules_of, signing_in
    from mist_pipeline.guard.rules import is_local

    # Where links of messages lead, people come from.
    linked = [urlsplit(one.notifications.dagster_url or "").netloc for one in served]
    names = [*dict.fromkeys([*allowed_hosts, *filter(None, linked)])]
    try:
        rules_of(host, names, is_read_only=is_read_only)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--allowed-host") from None
    try:
        who = signing_in(os.environ)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=TOKEN_VARIABLE) from None
    if who is None and not is_local(host):
        errors.print(
            f"[yellow]![/] Whoever reaches {host}:{port} can use the UI; {TOKEN_VARIABLE} makes it ask for a token.",
            soft_wrap=True,
        )
    command = [sys.executable, "-m", "mist_pipeline.cli.serving.webserver"]
    command += ["--host", host, "--port", str(port), *(["--read-only"] if is_read_only else [])]
    return command + [part for name in names for part in ("--allowed-host", name)]


def _console(
    served: "Sequence[Settings]", host: str, port: int, allowed_hosts: list[str], *, is_read_only: bool
) -> list[str]:
    """The command of the console's process; what would keep it from starting is refused here, before anything runs."""
    from mist_pipeline.cli.serving.door import door, door_of_all

    if served[0].is_one_of_several:
        door_of_all(served, host, allowed_hosts, "", os.environ, has_webhooks=False)
    else:
        door(served[0], host, allowed_hosts, "", os.environ, has_webhooks=False)
    command = [sys.executable, "-m", "mist_pipeline.cli", "web", "--host", host, "--port", str(port)]
    command += ["--read-only"] if is_read_only else []
    return command + [part for name in allowed_hosts for part in ("--allowed-host", name)]


def _are_on(settings: "Settings") -> bool:
    """Whether another machine has turned on every schedule and sensor: then nobody waits for that here."""
    from mist_pipeline.cli.dagster_home import instance
    from mist_pipeline.defs.scope import Scope
    from mist_pipeline.defs.watching.clocks import expected_clocks, read_clocks

    with instance(settings) as opened:
        clocks = read_clocks(opened, Scope.of(settings), expected_clocks(settings))
    return all(clock.is_on for clock in clocks)


def _poll(workspace: str, served: "Sequence[Settings]", env: dict[str, str]) -> "subprocess.Popen[bytes]":
    """Let the machine that has just become active poll: the one before may have died in the middle of a poll."""
    from mist_pipeline.cli.code_location.files import code_location
    from mist_pipeline.defs.scope import Scope
    from mist_pipeline.workflows.self_monitoring.jobs import POLL

    command = [sys.executable, "-m", "mist_pipeline.cli.code_location.launching", workspace]
    command += [f"{code_location(one)}={Scope.of(one).name(POLL)}" for one in served]
    # It only puts runs into the queue; that fails aloud, and the next poll comes by the schedule.
    return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
