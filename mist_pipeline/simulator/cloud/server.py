"""A socket for the simulated cloud: in a thread for tests, in the foreground for `mist-pipeline simulate`."""

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from mist_pipeline.simulator.cloud.app import Counters, SimulatedCloud
from mist_pipeline.simulator.cloud.endpoints import Behaviour
from mist_pipeline.simulator.cloud.http_faults import Faults
from mist_pipeline.simulator.cloud.push_sender import PushSender, Receiver
from mist_pipeline.simulator.world import scenario
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.organisation import ORG_ID
from mist_pipeline.simulator.world.world import World

FUTURE_DAYS: Final = 14
"""How long troubles go on after `now` in a served world, so that a clock that moves on finds some."""
_STARTUP_SECONDS: Final = 30.0


@dataclass(frozen=True)
class Running:
    """A simulated cloud that answers.

    Attributes:
        base_url: Without a trailing slash.
        org_id: Of its only organisation.
        token: A valid token; `Behaviour.tokens` holds all.
        clock: Move it to move the world.
        world: With the truth.
        requests: What has been asked and answered.
    """

    base_url: str
    org_id: str
    token: str
    clock: Clock
    world: World
    requests: Counters


class _Connection(H11Protocol):
    """Lets the application reset its connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state: dict[str, Any] = {**self.app_state, "reset": self._reset}

    def _reset(self) -> None:
        raw = self.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class _Server(uvicorn.Server):
    """Signals when it is ready, and ends stalled requests when it closes."""

    def __init__(self, config: uvicorn.Config, cloud: SimulatedCloud) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._cloud = cloud

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._cloud.closing.set()
        await super().shutdown(sockets)


def _dated(app: ASGIApp, clock: Clock) -> ASGIApp:
    """Answers with the time of the cloud as their ``Date``: the real one, or the simulated one where that is later.

    A simulated cloud of the past answers now, as a real one answers about the past; nobody asks a cloud about its future.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def stamp(message: Message) -> None:
            if message["type"] == "http.response.start":
                now = max(time.time(), clock.now().timestamp())
                date = (b"date", formatdate(now, usegmt=True).encode())
                message = {**message, "headers": [*message.get("headers", ()), date]}
            await send(message)

        await app(scope, receive, stamp)

    return answer


def _prepare(cloud: SimulatedCloud, host: str, port: int) -> tuple[_Server, socket.socket, Running]:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    bound = listener.getsockname()[1]
    config = uvicorn.Config(
        _dated(cloud.app(), cloud.clock),
        date_header=False,
        http=_Connection,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=5,
    )
    address = f"[{host}]" if ":" in host else host
    running = Running(
        base_url=f"http://{address}:{bound}",
        org_id=ORG_ID,
        token=cloud.behaviour.tokens[0],
        clock=cloud.clock,
        world=cloud.world,
        requests=cloud.counters,
    )
    return _Server(config, cloud), listener, running


@contextlib.contextmanager
def serve(
    world: World,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    clock: Clock | None = None,
    faults: Faults | None = None,
    behaviour: Behaviour | None = None,
) -> Iterator[Running]:
    """Serve a world from a thread until the block ends.

    Args:
        world: The world.
        host: Address to listen on.
        port: 0 takes a free one.
        clock: Simulated time; by default it stands at the world's end.
        faults: What goes wrong; by default nothing.
        behaviour: Which kind of cloud it is.

    Raises:
        OSError: If the port is taken.
    """
    cloud = SimulatedCloud(world, clock, behaviour, faults)
    server, listener, running = _prepare(cloud, host, port)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name="simulated-cloud", daemon=True
    )
    thread.start()
    try:
        if not server.ready.wait(_STARTUP_SECONDS):
            raise RuntimeError(f"the simulated cloud did not start on {running.base_url}")
        yield running
    finally:
        server.should_exit = True
        thread.join(_STARTUP_SECONDS)
        listener.close()


def served_world(
    sites: int, days: int, seed: int, now: datetime, *, story: bool = False, messy: bool = False
) -> World:
    """The world that `run_server` serves: so many days of history up to now, and two more weeks of troubles.

    Args:
        sites: How many sites.
        days: Days of history before now.
        seed: Same seed and now, same world.
        now: Where history ends.
        story: Add an incident for a demonstration: on the day before now, the DHCP service of the largest site group
            fails for ten hours.
        messy: As in `World`.
    """
    start = now.astimezone(UTC).date() - timedelta(days=days)
    world = World(sites, days + FUTURE_DAYS, seed, start=start, messy=messy)
    if not story:
        return world
    members: dict[str, list[int]] = {}
    for site in world.sites():
        for group in site.sitegroup_ids:
            members.setdefault(group, []).append(site.index)
    group, hit = max(members.items(), key=lambda item: (len(item[1]), item[0]))
    onset = world.midnight(now.astimezone(UTC).date()) - timedelta(hours=14)
    failure = scenario.dhcp_failure(hit, onset, 10.0, sitegroup_id=group)
    return World(sites, days + FUTURE_DAYS, seed, start=start, scenarios=[failure], messy=messy)


def run_server(  # noqa: PLR0913 - one keyword for each option of the command
    *,
    sites: int = 24,
    days: int = 60,
    seed: int = 7,
    host: str = "127.0.0.1",
    port: int = 8600,
    now: datetime | None = None,
    story: bool = False,
    messy: bool = False,
    behaviour: Behaviour | None = None,
    faults: Faults | None = None,
    webhook: Receiver | None = None,
    on_ready: Callable[[Running], None] | None = None,
) -> None:
    """Serve a world in the foreground until SIGINT or SIGTERM.

    Args:
        sites: How many sites.
        days: Days of history before now.
        seed: Same seed and now, same world.
        host: Address to listen on.
        port: 0 takes a free one.
        now: Where the clock stands still; None follows the wall clock.
        story: See `served_world`.
        messy: As in `World`.
        behaviour: Which kind of cloud it is.
        faults: What goes wrong.
        webhook: Where the cloud pushes what happens, besides the webhooks that are made over its API.
        on_ready: Called once it listens, before the first request.

    Raises:
        OSError: If the port is taken.
    """
    clock = Clock(now)
    world = served_world(sites, days, seed, clock.now(), story=story, messy=messy)
    cloud = SimulatedCloud(world, clock, behaviour, faults)
    server, listener, running = _prepare(cloud, host, port)
    try:
        listener.listen()
        given = [webhook] if webhook is not None else []
        PushSender(
            cloud.pushes, clock, lambda: [*given, *cloud.webhooks.receivers()], note=cloud.webhooks.note
        ).start()
        if on_ready is not None:
            on_ready(running)
        server.run(sockets=[listener])
    finally:
        listener.close()
