"""What keeps running: ``daemon`` (clock and UI), ``ui``, ``listen`` (PagerDuty), ``heartbeat`` and ``simulate`` (a Mist cloud)."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from mist_pipeline.cli.code_location.server import code_server
from mist_pipeline.cli.console import console, errors, literal, shown
from mist_pipeline.cli.dagster_home import environment
from mist_pipeline.cli.place import announce, need_data_folder
from mist_pipeline.cli.together import ClockSteppedBackError, ClockWatch, Helper, hear_signals, run_together

if TYPE_CHECKING:
    from mist_pipeline.settings import Settings
    from mist_pipeline.simulator.cloud.http_faults import Kind
    from mist_pipeline.workflows.running.folder_lock import FolderLock

HEARTBEAT_SECONDS = 120.0
"""A heartbeat that takes longer hangs: it is missed, and the next one is tried."""

AllowedHosts = Annotated[
    list[str] | None,
    typer.Option("--allowed-host", help="Name by which people reach the UI, NAME or NAME:PORT; repeatable."),
]
ReadOnly = Annotated[bool, typer.Option("--read-only", help="Nobody can change anything in the UI.")]


def daemon(
    interval: Annotated[
        int | None, typer.Option(help="Minutes between two polls; default: monitoring.interval_minutes.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port of the UI.")] = 3000,
    host: Annotated[str, typer.Option(help="Address of the UI.")] = "127.0.0.1",
    listen_port: Annotated[
        int, typer.Option(help="Port for PagerDuty's webhooks, where signing_keys_from is set.")
    ] = 8601,
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
    env = environment(settings, extra)
    lock = _take_folder(settings, "mist-pipeline daemon", f"http://{host}:{port}")
    helpers = []
    if any(pager.signing_keys_from for pager in settings.notifications.pagers.values()):
        # Its port may be taken: no reason to end polls and messages.
        listener = ["listen", "--host", host, "--port", str(listen_port)]
        helpers.append(
            Helper("The listener for PagerDuty", [sys.executable, "-m", "mist_pipeline.cli", *listener])
        )
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
        with code_server(env, configuration=settings.source, keep_open=keep_open) as server:
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
                    looks=[server.follow_configuration, ClockWatch()],
                )
            except ClockSteppedBackError as error:
                errors.print(f"[yellow]![/] The clock was set back by {error}: everything is started again.")


def _take_folder(settings: "Settings", command: str, address: str) -> "FolderLock":
    """Refuse to work beside another daemon; a folder that is new is made."""
    from mist_pipeline.workflows.running.folder_lock import take_folder

    settings.data.mkdir(parents=True, exist_ok=True)
    return take_folder(settings.data, command, address, datetime.now(settings.organisation.zone))


def _clear_up(settings: "Settings") -> None:
    """End what an earlier daemon left behind when it was killed or its clock was wrong, before anything waits for it."""
    from mist_pipeline.cli.dagster_home import instance
    from mist_pipeline.defs.runs.dead import bury_the_dead
    from mist_pipeline.defs.runs.ticks import set_back_ticks

    with instance(settings) as opened:
        ended = bury_the_dead(opened, launches_nobody=True)
        late = set_back_ticks(opened, time.time())
    if ended:
        errors.print(f"[yellow]![/] {len(ended)} runs of killed processes were ended: {', '.join(ended)}")
    if late:
        errors.print(f"[yellow]![/] The clock was ahead: these would have waited for it: {', '.join(late)}")


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


def listen(
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8601,
    host: Annotated[
        str, typer.Option(help="Address to listen on; a proxy with TLS belongs in front.")
    ] = "127.0.0.1",
) -> None:
    """Receive PagerDuty's webhooks at /pagerduty: who takes a page there has taken the incident.

    Needs `signing_keys_from` at the sink; `daemon` starts it where that is set.

    Example: [cyan]mist-pipeline listen --port 8601[/]
    """
    import uvicorn

    from mist_pipeline.guard.connections import bounded_config
    from mist_pipeline.settings import load_settings
    from mist_pipeline.workflows.inbound import listening

    config = bounded_config(listening(load_settings()), host=host, port=port)
    console.print(f"Listening at [cyan]http://{host}:{port}/pagerduty[/]  (Ctrl-C ends it)")
    uvicorn.Server(config).run()


def heartbeat() -> None:
    """Say whether the pipeline does its work, and tell the dead man's switch (monitoring.heartbeat_url). Exit code 1 if not.

    `daemon` does it every few minutes; a timer of the system can, too, and then also notices that the daemon is gone.

    Example: [cyan]mist-pipeline heartbeat[/]
    """
    from mist_pipeline.cli.dagster_home import instance
    from mist_pipeline.defs.watching.now import stalled_now
    from mist_pipeline.domain.text import clean
    from mist_pipeline.settings import load_settings
    from mist_pipeline.workflows.heartbeat import beat

    settings = load_settings()
    need_data_folder(settings)
    with instance(settings) as opened:
        found = stalled_now(opened, settings, datetime.now(UTC))
    for one in found:
        errors.print(f"{one.severity.upper()} {clean(one.summary)}", markup=False, soft_wrap=True)
    sent = beat(settings, [one.subject for one in found])
    well = "The pipeline does its work" if sent.is_well else "The pipeline does not do all of its work"
    console.print(f"{well}; {sent.said}.", markup=False, soft_wrap=True)
    if not sent.is_well or not sent.is_delivered:
        raise typer.Exit(1)


def ui(
    port: Annotated[int, typer.Option(help="Port of the UI.")] = 3000,
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
    lock = _take_folder(settings, "mist-pipeline ui", f"http://{host}:{port}")
    ready = f"UI: [cyan]http://{host}:{port}[/]  Data: {shown(settings.data)}  (Ctrl-C ends it)"
    is_well = _serve(settings, environment(settings), lock, webserver, ready)
    lock.release()
    if not is_well:
        raise typer.Exit(1)


def simulate(
    sites: Annotated[int, typer.Option(min=0, max=3000, help="Sites of the organisation.")] = 24,
    days: Annotated[int, typer.Option(min=1, help="Days of history before now.")] = 60,
    seed: Annotated[int, typer.Option(help="Same seed, same cloud.")] = 7,
    port: Annotated[int, typer.Option(help="Port on loopback; 0 takes a free one.")] = 8600,
    now: Annotated[
        datetime | None,
        typer.Option(help="The cloud's clock stands at this UTC instant; default: the real time."),
    ] = None,
    retention_days: Annotated[
        float | None, typer.Option(min=1, help="Hourly data older than this is gone; default: nothing is.")
    ] = None,
    coarse_after_days: Annotated[
        float | None, typer.Option(min=1, help="Longer windows come in buckets of a day; default: never.")
    ] = None,
    without_trend: Annotated[
        bool, typer.Option("--without-trend", help="An older cloud: summary-trend answers 404.")
    ] = False,
    story: Annotated[
        bool,
        typer.Option("--story", help="On the day before now the DHCP service of a whole site group fails."),
    ] = False,
    messy: Annotated[
        bool,
        typer.Option(
            "--messy",
            help="Sites change and are noisy in their own ways, troubles are partial, intermittent or overlap.",
        ),
    ] = False,
    control: Annotated[
        bool, typer.Option("--control", help="POST /simulator/clock moves the clock.")
    ] = False,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="KIND=SHARE of requests that go wrong, repeatable, for example bad_gateway=0.01."),
    ] = None,
    fault_seed: Annotated[int, typer.Option(help="Same seed, same faults.")] = 1,
) -> None:
    """Serve a simulated Mist cloud on loopback until interrupted.

    Example: [cyan]mist-pipeline simulate --sites 24 --days 60 --seed 7 --fault rate_limited=0.02[/]
    """
    from mist_pipeline.simulator.cloud.endpoints import Behaviour
    from mist_pipeline.simulator.cloud.http_faults import KINDS, Faults
    from mist_pipeline.simulator.cloud.server import Running, run_server

    def ready(running: Running) -> None:
        console.print(
            f"A simulated Mist cloud with {sites} sites answers at [cyan]{running.base_url}[/]. Point at it:"
        )
        console.print(
            f"export MIST_BASE_URL={running.base_url} MIST_ORG_ID={running.org_id} MIST_API_TOKEN={running.token}",
            soft_wrap=True,
        )

    rates = dict(_fault(text, KINDS) for text in fault or [])
    try:
        faults = Faults(rates=rates, seed=fault_seed)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--fault") from None
    run_server(
        sites=sites,
        days=days,
        seed=seed,
        port=port,
        now=None if now is None else now.replace(tzinfo=now.tzinfo or UTC),
        story=story,
        messy=messy,
        behaviour=Behaviour(
            retention_days=retention_days,
            coarse_after_days=coarse_after_days,
            has_summary_trend=not without_trend,
            has_control=control,
        ),
        faults=faults,
        on_ready=ready,
    )


def _fault(text: str, kinds: "tuple[Kind, ...]") -> "tuple[Kind, float]":
    name, _, share = text.partition("=")
    for kind in kinds:
        if kind == name:
            try:
                return kind, float(share)
            except ValueError:
                break
    raise typer.BadParameter(f"{text!r} is no KIND=SHARE; kinds are {', '.join(kinds)}", param_hint="--fault")


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

    from mist_pipeline.cli.webserver import TOKEN_VARIABLE, rules_of, signing_in
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
    command = [sys.executable, "-m", "mist_pipeline.cli.webserver"]
    command += ["--host", host, "--port", str(port), *(["--read-only"] if is_read_only else [])]
    return command + [part for name in names for part in ("--allowed-host", name)]


def _start(workspace: str, env: dict[str, str]) -> None:
    """Turn on every schedule and sensor."""
    for kind in ("schedule", "sensor"):
        command = _dagster("dagster", kind, "start", "--start-all", "--workspace", workspace)
        ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if ended.returncode:
            reason = " ".join(ended.stderr.strip().splitlines()[-1:])
            errors.print(f"[yellow]Could not start every {kind}:[/] {reason}", markup=True)
