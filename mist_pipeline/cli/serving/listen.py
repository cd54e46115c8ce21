"""``listen``: PagerDuty's webhooks."""

from typing import Annotated

import typer

from mist_pipeline.cli.console import console


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
    from mist_pipeline.workflows.notifying.inbound import listening

    config = bounded_config(listening(load_settings()), host=host, port=port)
    console.print(f"Listening at [cyan]http://{host}:{port}/pagerduty[/]  (Ctrl-C ends it)")
    uvicorn.Server(config).run()
