"""``simulate``: a Mist cloud to try things with."""

import os
import sys
import threading
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from mist_pipeline.cli.console import console
from mist_pipeline.cli.moments import instant
from mist_pipeline.cli.serving.ports import HIGHEST, need_free

if TYPE_CHECKING:
    from mist_pipeline.simulator.cloud.http_faults import Kind


def simulate(
    sites: Annotated[int, typer.Option(min=0, max=3000, help="Sites of the organisation.")] = 24,
    days: Annotated[int, typer.Option(min=1, help="Days of history before now.")] = 60,
    seed: Annotated[int, typer.Option(help="Same seed, same cloud.")] = 7,
    port: Annotated[
        int, typer.Option(min=0, max=HIGHEST, help="Port on loopback; 0 takes a free one.")
    ] = 8600,
    now: Annotated[
        datetime | None,
        typer.Option(
            parser=instant,
            metavar="INSTANT",
            help="The cloud's clock stands at this UTC instant; default: the real time.",
        ),
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
    webhook: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where the cloud pushes what happens, signed with MIST_WEBHOOK_SECRET (the first, if it holds several).",
        ),
    ] = None,
    fault_seed: Annotated[int, typer.Option(help="Same seed, same faults.")] = 1,
    with_parent: Annotated[
        bool, typer.Option("--with-parent", hidden=True, help="End when standard input is closed.")
    ] = False,
) -> None:
    """Serve a simulated Mist cloud on loopback until interrupted.

    Example: [cyan]mist-pipeline simulate --sites 24 --days 60 --seed 7 --fault rate_limited=0.02[/]
    """
    from mist_pipeline.simulator.cloud.endpoints import Behaviour
    from mist_pipeline.simulator.cloud.http_faults import KINDS, Faults
    from mist_pipeline.simulator.cloud.push_sender import Receiver
    from mist_pipeline.simulator.cloud.server import Running, run_server

    def ready(running: Running) -> None:
        console.print(
            f"A simulated Mist cloud with {sites} sites answers at [cyan]{running.base_url}[/]. Point at it:"
        )
        console.print(
            f"export MIST_BASE_URL={running.base_url} MIST_ORG_ID={running.org_id} MIST_API_TOKEN={running.token}",
            soft_wrap=True,
        )

    if with_parent:
        _end_with_parent()
    rates = dict(_fault(text, KINDS) for text in fault or [])
    try:
        faults = Faults(rates=rates, seed=fault_seed)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--fault") from None
    need_free("127.0.0.1", port)
    run_server(
        sites=sites,
        days=days,
        seed=seed,
        port=port,
        now=now,
        story=story,
        messy=messy,
        behaviour=Behaviour(
            retention_days=retention_days,
            coarse_after_days=coarse_after_days,
            has_summary_trend=not without_trend,
            has_control=control,
        ),
        faults=faults,
        webhook=Receiver(webhook, _secret()) if webhook else None,
        on_ready=ready,
    )


def _secret() -> str:
    """What signs webhooks."""
    return os.environ.get("MIST_WEBHOOK_SECRET", "").partition(",")[0].strip()


def _end_with_parent() -> None:
    """End this process when whoever started it ends, however that is: a killed one ends nobody, but its pipe is closed."""

    def wait() -> None:
        while sys.stdin.buffer.read(1):
            pass
        # It keeps nothing; and a signal may be one that whoever started it ignores.
        os._exit(0)

    threading.Thread(target=wait, name="parent", daemon=True).start()


def _fault(text: str, kinds: "tuple[Kind, ...]") -> "tuple[Kind, float]":
    name, _, share = text.partition("=")
    for kind in kinds:
        if kind == name:
            try:
                return kind, float(share)
            except ValueError:
                break
    raise typer.BadParameter(f"{text!r} is no KIND=SHARE; kinds are {', '.join(kinds)}", param_hint="--fault")
