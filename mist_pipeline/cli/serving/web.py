"""``web``: the console in the browser and, at the same port, the webhooks of Mist and PagerDuty, and what people press in Slack.

Here: options, wiring, the socket. Not here: who may come in (`door`), the pages (``web``), webhooks (``push``,
``notification.inbound``).
"""

import os
import socket
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from mist_pipeline.cli.alerts.arguments import user
from mist_pipeline.cli.clock import clock_of
from mist_pipeline.cli.console import console, errors
from mist_pipeline.cli.moments import AsOf
from mist_pipeline.cli.place import need_data_folder
from mist_pipeline.cli.serving.ports import HIGHEST, listener

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

    from mist_pipeline.settings import Settings
    from mist_pipeline.web.access import Access
    from mist_pipeline.web.app import Application
    from mist_pipeline.workflows.pushing.follow import PushFollower

PORT = 8601
_SENDERS = {"/mist": "Mist", "/pagerduty": "PagerDuty", "/slack": "Slack"}
CONNECTIONS = 128
"""At a time. A browser has a handful, and one more for updates while somebody looks (``web.live.MOST_STREAMS``)."""


def web(
    port: Annotated[
        int, typer.Option(min=0, max=HIGHEST, help="Port to listen on; 0 takes a free one.")
    ] = PORT,
    host: Annotated[
        str, typer.Option(help="Address to listen on; a proxy with TLS belongs in front.")
    ] = "127.0.0.1",
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allowed-host",
            help="Name by which people reach it besides web.console_url, NAME or NAME:PORT; repeatable.",
        ),
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Nobody decides anything here.")] = False,
    by: Annotated[
        str | None,
        typer.Option(help="In whose name decisions are kept where web.access is none; default: yours."),
    ] = None,
    as_of: AsOf = None,
) -> None:
    """Serve the console in the browser: now, incidents, sites. Takes webhooks of Mist (/mist) and PagerDuty (/pagerduty), and buttons of Slack (/slack).

    `daemon` starts it.

    Example: [cyan]mist-pipeline web --port 8601[/]
    """
    from mist_pipeline.cli.serving.door import door
    from mist_pipeline.guard.connections import ConnectionLimits, bounded_config
    from mist_pipeline.settings import load_settings
    from mist_pipeline.web.app import Beside
    from mist_pipeline.workflows.pushing.follow import PushFollower

    settings = load_settings()
    need_data_folder(settings)
    clock, stands = clock_of(settings, as_of)
    follower = PushFollower(settings) if settings.webhook_secrets and not stands else None
    # A console of another instant takes nothing of now: neither pushes nor presses.
    webhooks = {} if stands else webhooks_of(settings, follower)
    way = door(settings, host, allowed_host or [], user(by), os.environ, has_webhooks=bool(webhooks))
    pages = app = None
    if way.access is not None:
        pages = console_app(settings, way.access, clock, stands=stands, is_read_only=read_only)
        app = way.access.guarded(pages, way.rules)
        pages.warm()
    with listener(host, port, note=" (daemon: --web-port)") as listening_at:
        place = f"{f'[{host}]' if ':' in host else host}:{listening_at.getsockname()[1]}"
        if app is not None:
            console.print(f"Console: [cyan]http://{place}/[/]  (Ctrl-C ends it)")
        else:
            errors.print(
                "[yellow]![/] Webhooks come to this port from outside, so the console is not served here until "
                "web.access is token or proxy.",
                soft_wrap=True,
            )
        for path in webhooks:
            console.print(f"Webhooks of {_SENDERS[path]}: [cyan]http://{place}{path}[/]")
        config = bounded_config(Beside(webhooks, app), limits=ConnectionLimits(connections=CONNECTIONS))
        server = ending_with(config, pages)

        def stop() -> None:
            server.should_exit = True

        if follower is not None:
            follower.start(broken=stop)
        server.run(sockets=[listening_at])
        if follower is not None:
            follower.end()
            if follower.is_broken:
                # `daemon`, or whatever else watches over this process, starts it again.
                raise typer.Exit(1)


def webhooks_of(settings: "Settings", follower: "PushFollower | None") -> "dict[str, ASGIApp]":
    """Path → what takes the webhooks that come there: those that can be verified."""
    from mist_pipeline.notification.inbound import PATH as PAGERDUTY
    from mist_pipeline.notification.slack_inbound import PATH as SLACK
    from mist_pipeline.push.application import PATH as MIST
    from mist_pipeline.workflows.notifying.inbound import listening, signing_keys
    from mist_pipeline.workflows.notifying.pressed import pressing
    from mist_pipeline.workflows.pushing.receive import receiving

    mist = receiving(settings, wake=follower.wake) if follower else None
    pagerduty = listening(settings) if signing_keys(settings) else None
    found = {MIST: mist, PAGERDUTY: pagerduty, SLACK: pressing(settings)}
    return {path: app for path, app in found.items() if app is not None}


def ending_with(config: "uvicorn.Config", pages: "Application | None") -> "uvicorn.Server":
    """A server at whose end nobody waits for those who look."""
    import uvicorn

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            if pages is not None:
                pages.end()
            await super().shutdown(sockets)

    return Server(config)


def console_app(
    settings: "Settings",
    access: "Access",
    clock: Callable[[], datetime],
    *,
    stands: bool = False,
    is_read_only: bool = False,
) -> "Application":
    """The console of these settings, not guarded yet."""
    from mist_pipeline.web.app import Application
    from mist_pipeline.web.context import Console
    from mist_pipeline.workflows.organisation_pin import organisation_name
    from mist_pipeline.workflows.present.actions import ScreenActions
    from mist_pipeline.workflows.present.overview import overview

    dagster = settings.notifications.dagster_url
    return Application(
        Console(
            overview=overview(settings),
            actions_of=lambda who: ScreenActions(settings, who),
            clock=clock,
            organisation=organisation_name(settings),
            is_read_only=is_read_only or settings.web.read_only,
            stands_still=stands,
            links={"Dagster": dagster} if dagster else {},
            steps_for=settings.notifications.advice().steps,
            link_key=settings.link_key,
        ),
        access,
    )
