"""``web``: the console in the browser and, at the same port, the webhooks of Mist and PagerDuty, and what people press in Slack.

Here: options, the socket. Not here: what stands at it (`consoles`), who may come in (`door`), the pages (``web``).
"""

import socket
from typing import TYPE_CHECKING, Annotated

import typer

from mist_pipeline.cli.alerts.arguments import user
from mist_pipeline.cli.console import console, errors, literal
from mist_pipeline.cli.moments import AsOf
from mist_pipeline.cli.serving.consoles import Way
from mist_pipeline.cli.serving.ports import HIGHEST, listener

if TYPE_CHECKING:
    import uvicorn

    from mist_pipeline.web.app import Application
    from mist_pipeline.web.several.application import SeveralConsoles

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

    Of several organisations it lists all, the worst first, and each is below its key (/acme/, /acme/mist). `daemon` starts it.

    Example: [cyan]mist-pipeline web --port 8601[/]
    """
    from mist_pipeline.cli.serving.consoles import one_console, several_consoles
    from mist_pipeline.cli.serving.served import configured
    from mist_pipeline.guard.connections import ConnectionLimits, bounded_config
    from mist_pipeline.web.app import Beside

    found, wrong = configured()
    way = Way(host, tuple(allowed_host or []), user(by), is_read_only=read_only)
    if len(found) == 1 and not found[0].is_one_of_several:
        stand = one_console(found[0], way, as_of)
    else:
        stand = several_consoles(found, wrong, way, as_of)
    if stand.pages is not None:
        stand.pages.warm()
    with listener(host, port, note=" (daemon: --web-port)") as listening_at:
        place = f"{f'[{host}]' if ':' in host else host}:{listening_at.getsockname()[1]}"
        for sentence in stand.left_out:
            errors.print(f"[yellow]![/] {literal(sentence)}", soft_wrap=True)
        if stand.app is not None:
            console.print(f"Console: [cyan]http://{place}/[/]  (Ctrl-C ends it)")
        else:
            errors.print(
                "[yellow]![/] Webhooks come to this port from outside, so the console is not served here until "
                "web.access is token or proxy.",
                soft_wrap=True,
            )
        for path in stand.webhooks:
            sender = _SENDERS[f"/{path.rpartition('/')[2]}"]
            console.print(f"Webhooks of {sender}: [cyan]http://{place}{path}[/]")
        limits = ConnectionLimits(connections=CONNECTIONS)
        server = ending_with(bounded_config(Beside(stand.webhooks, stand.app), limits=limits), stand.pages)

        def stop() -> None:
            server.should_exit = True

        for follower in stand.followers:
            follower.start(broken=stop)
        server.run(sockets=[listening_at])
        for follower in stand.followers:
            follower.end()
        if any(follower.is_broken for follower in stand.followers):
            # `daemon`, or whatever else watches over this process, starts it again.
            raise typer.Exit(1)


def ending_with(config: "uvicorn.Config", pages: "Application | SeveralConsoles | None") -> "uvicorn.Server":
    """A server at whose end nobody waits for those who look."""
    import uvicorn

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            if pages is not None:
                pages.end()
            await super().shutdown(sockets)

    return Server(config)
