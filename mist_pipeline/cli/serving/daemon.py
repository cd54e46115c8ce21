"""``daemon`` (the clock, and Dagster's UI) and ``ui`` (that alone): which processes they start, and what is cleared up before."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from mist_pipeline.cli.code_location.files import code_location
from mist_pipeline.cli.code_location.server import CodeServerEmptyError, code_server
from mist_pipeline.cli.console import console, errors, literal, shown
from mist_pipeline.cli.dagster_home import environment
from mist_pipeline.cli.place import announce, need_data_folder
from mist_pipeline.cli.serving.ports import HIGHEST, PortTakenError, need_free
from mist_pipeline.cli.serving.web import PORT as CONSOLE_PORT
from mist_pipeline.cli.together import ClockSteppedBackError, ClockWatch, Helper, hear_signals, run_together

if TYPE_CHECKING:
    from mist_pipeline.settings import Settings
    from mist_pipeline.workflows.running.folder_lock import FolderLock

HEARTBEAT_SECONDS = 120.0
"""A heartbeat that takes longer hangs: it is missed, and the next one is tried."""

START_ATTEMPTS = 3
"""Turning on the schedules asks the code server, which answers too late where the machine is busy."""


class NothingTurnedOnError(OSError):
    """Schedules or sensors could not be turned on: better no daemon, which is started again, than one that does nothing."""


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
    from mist_pipeline.settings import load_settings

    settings = load_settings()
    extra = {} if interval is None else {"MIST_PIPELINE__MONITORING__INTERVAL_MINUTES": str(interval)}
    if interval is not None:
        settings = load_settings(environment={**environment(settings), **extra})
    announce(settings)
    _refuse_another_organisation(settings)
    webserver = _webserver(settings, host, port, allowed_host or [], is_read_only=read_only)
    console_command = _console(settings, web_host, web_port, allowed_host or [], is_read_only=read_only)
    need_free(host, port)
    _say_if_taken(web_host, web_port)
    env = environment(settings, extra)
    lock = _take_folder(settings, "mist-pipeline daemon", f"http://{host}:{port}")
    # Its port may be taken later on: no reason to end polls and messages.
    helpers = [Helper("The console", console_command)]
    if settings.monitoring.heartbeat_url:
        pause = settings.monitoring.heartbeat_minutes * 60.0
        command = [sys.executable, "-m", "mist_pipeline.cli", "heartbeat"]
        helpers.append(Helper("The heartbeat", command, pause, longest_seconds=HEARTBEAT_SECONDS))
    ready = (
        f"Polling every {settings.monitoring.interval_minutes} minutes; every morning at the organisation's time. "
        f"UI: [cyan]http://{host}:{port}[/]  (Ctrl-C ends both)"
    )
    is_well = _serve(settings, env, lock, webserver, ready, helpers, start_all=True)
    lock.release()
    if not is_well:
        raise typer.Exit(1)


def _serve(
    settings: "Settings",
    env: dict[str, str],
    lock: "FolderLock",
    webserver: list[str],
    ready: str,
    helpers: Sequence[Helper] = (),
    *,
    start_all: bool = False,
) -> bool:
    """Dagster's code server, daemon and web server until somebody interrupts; whether all ended as they should."""
    keep_open = [lock.descriptor]
    hear_signals()
    while True:
        _clear_up(settings)
        with code_server(
            env, code_location(settings), configuration=settings.source, keep_open=keep_open
        ) as server:
            workspace = str(server.workspace)
            if start_all:
                _start(workspace, env)
            console.print(ready)
            # The daemon is also what starts the runs that people queue in the UI.
            services = [
                _dagster("dagster-daemon", "run", "--workspace", workspace),
                [*webserver, "--workspace", workspace],
            ]
            try:
                return run_together(
                    services,
                    env,
                    helpers,
                    keep_open,
                    beside=[server.process],
                    looks=[server.follow_configuration, server.need_project, ClockWatch()],
                )
            except CodeServerEmptyError:
                errors.print("[yellow]![/] What had loaded the project is gone: everything is started again.")
            except ClockSteppedBackError as error:
                errors.print(f"[yellow]![/] The clock was set back by {error}: everything is started again.")


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


def _take_folder(settings: "Settings", command: str, address: str) -> "FolderLock":
    """Refuse to work beside another daemon; a folder that is new is made."""
    from mist_pipeline.workflows.running.folder_lock import take_folder

    settings.data.mkdir(parents=True, exist_ok=True)
    return take_folder(settings.data, command, address, datetime.now(settings.organisation.zone))


def _clear_up(settings: "Settings") -> None:
    """End what an earlier daemon left behind when it was killed or its clock was wrong, before anything waits for it."""
    from mist_pipeline.cli.dagster_home import instance
    from mist_pipeline.defs.runs.dead import bury_the_dead
    from mist_pipeline.defs.runs.ticks import set_back_runs, set_back_ticks
    from mist_pipeline.defs.scope import Scope

    with instance(settings) as opened:
        ended = bury_the_dead(opened, not_launched=[Scope.of(settings)])
        late = set_back_ticks(opened, time.time())
        runs = set_back_runs(opened, time.time())
    if ended:
        errors.print(f"[yellow]![/] {len(ended)} runs of killed processes were ended: {', '.join(ended)}")
    if late:
        errors.print(f"[yellow]![/] The clock was ahead: these would have waited for it: {', '.join(late)}")
    if runs:
        errors.print(f"[yellow]![/] The clock was ahead: {runs} runs of times that have not come are of now.")


def _refuse_another_organisation(settings: "Settings") -> None:
    """Ask whose the token is before anything starts; a cloud that does not answer now is asked again by the polls."""
    from mist_pipeline.mist.errors import MistError
    from mist_pipeline.workflows.cloud import Cloud

    if not settings.tokens:
        errors.print("[yellow]![/] MIST_API_TOKEN is not set: nothing can be asked of the cloud.")
        return
    try:
        with Cloud(settings).client(patience_seconds=0):
            pass
    except MistError as error:
        errors.print(f"[yellow]![/] The cloud did not say whose the token is: {literal(str(error))}")


def ui(
    port: Annotated[int, typer.Option(min=0, max=HIGHEST, help="Port of the UI.")] = 3000,
    host: Annotated[str, typer.Option(help="Address of the UI.")] = "127.0.0.1",
    allowed_host: AllowedHosts = None,
    read_only: ReadOnly = False,
) -> None:
    """Open Dagster's web UI on this data folder; starts no schedules (those that a daemon started stay on).

    Example: [cyan]mist-pipeline ui --port 3001[/]
    """
    from mist_pipeline.settings import load_settings

    settings = load_settings()
    need_data_folder(settings)
    webserver = _webserver(settings, host, port, allowed_host or [], is_read_only=read_only)
    need_free(host, port)
    lock = _take_folder(settings, "mist-pipeline ui", f"http://{host}:{port}")
    ready = f"UI: [cyan]http://{host}:{port}[/]  Data: {shown(settings.data)}  (Ctrl-C ends it)"
    is_well = _serve(settings, environment(settings), lock, webserver, ready)
    lock.release()
    if not is_well:
        raise typer.Exit(1)


def _dagster(program: str, *arguments: str) -> list[str]:
    # `dagster-daemon` has no public module name: its console script, which need not be on the path, runs this one.
    module = {"dagster-daemon": "dagster._daemon", "dagster": "dagster"}
    return [sys.executable, "-m", module[program], *arguments]


def _webserver(
    settings: "Settings",
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
    linked = urlsplit(settings.notifications.dagster_url or "").netloc
    names = [*allowed_hosts, *([linked] if linked else [])]
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
    settings: "Settings", host: str, port: int, allowed_hosts: list[str], *, is_read_only: bool
) -> list[str]:
    """The command of the console's process; what would keep it from starting is refused here, before anything runs."""
    from mist_pipeline.cli.serving.door import door

    door(settings, host, allowed_hosts, "", os.environ, has_webhooks=False)
    command = [sys.executable, "-m", "mist_pipeline.cli", "web", "--host", host, "--port", str(port)]
    command += ["--read-only"] if is_read_only else []
    return command + [part for name in allowed_hosts for part in ("--allowed-host", name)]


def _start(workspace: str, env: dict[str, str]) -> None:
    """Turn on every schedule and sensor.

    Raises:
        NothingTurnedOnError: Dagster did not do it, several times.
    """
    for kind in ("schedule", "sensor"):
        command = _dagster("dagster", kind, "start", "--start-all", "--workspace", workspace)
        for attempt in range(1, START_ATTEMPTS + 1):
            ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
            if not ended.returncode:
                break
            reason = " ".join(ended.stderr.strip().splitlines()[-1:])
            if attempt == START_ATTEMPTS:
                raise NothingTurnedOnError(
                    f"Dagster did not turn on every {kind}, without which nothing runs by itself: {reason}"
                )
            errors.print(f"[yellow]![/] Not every {kind} could be turned on, once more: {literal(reason)}")
