"""The server itself: faults on the wire, counters, starting and stopping."""

import socket
import threading
from datetime import UTC, datetime, timedelta

import pytest
import requests

from mist_pipeline.simulator import ORG_ID, World
from mist_pipeline.simulator.cloud.endpoints import Behaviour
from mist_pipeline.simulator.cloud.http_faults import Faults, Kind, Scripted
from mist_pipeline.simulator.cloud.server import Running, run_server, serve, served_world
from mist_pipeline_tests.simulator.conftest import getter

pytestmark = pytest.mark.slow

SITES = f"/orgs/{ORG_ID}/sites"


def _once(kind: Kind) -> Faults:
    return Faults(script=[Scripted("/sites", kind)], retry_after_seconds=7, stall_seconds=30)


@pytest.mark.parametrize(
    ("kind", "status", "retry_after", "content"),
    [
        ("rate_limited", 429, "7", "application/json"),
        ("rate_limited_bare", 429, None, "application/json"),
        ("bad_gateway", 502, None, "text/html; charset=utf-8"),
        ("unauthorized", 401, None, "application/json"),
        ("forbidden", 403, None, "application/json"),
        ("not_found", 404, None, "application/json"),
    ],
)
def test_a_refusal_looks_like_the_cloud_s_and_the_next_request_is_served(
    world: World, kind: Kind, status: int, retry_after: str | None, content: str
) -> None:
    with serve(world, faults=_once(kind)) as cloud:
        get = getter(cloud)
        refused, served = get(SITES), get(SITES)
    assert refused.status_code == status
    assert refused.headers.get("Retry-After") == retry_after
    assert refused.headers["Content-Type"] == content
    assert served.status_code == 200
    assert cloud.requests.faults == {kind: 1}


def test_a_reset_connection_breaks_without_an_answer(world: World) -> None:
    with serve(world, faults=_once("reset")) as cloud:
        with pytest.raises(requests.ConnectionError):
            getter(cloud)(SITES)
        assert getter(cloud)(SITES).status_code == 200


def test_half_an_answer_is_no_json(world: World) -> None:
    with serve(world, faults=_once("truncated")) as cloud:
        broken = getter(cloud)(SITES)
        assert broken.status_code == 200
        with pytest.raises(requests.JSONDecodeError):
            broken.json()


def test_a_stall_outlasts_patience_and_does_not_hold_up_others_or_the_end(world: World) -> None:
    with serve(world, faults=_once("stall")) as cloud:
        headers = {"Authorization": f"Token {cloud.token}"}
        with pytest.raises(requests.ReadTimeout):
            requests.get(f"{cloud.base_url}/api/v1{SITES}", headers=headers, timeout=0.2)
        assert getter(cloud)(SITES).status_code == 200


def test_requests_are_counted_by_endpoint_path_and_status(world: World) -> None:
    with serve(world) as cloud:
        get = getter(cloud)
        for path in ("/self", SITES, SITES, "/orgs/11111111-2222-3333-4444-555555555555/sites"):
            get(path)
    assert cloud.requests.endpoints == {"self": 1, "sites": 3}
    assert cloud.requests.statuses == {200: 3, 403: 1}
    assert cloud.requests.paths[f"/api/v1{SITES}"] == 2
    assert cloud.requests.total == 4


def test_a_taken_port_is_an_error_at_once(world: World) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"), serve(world, port=taken.getsockname()[1]):
            pytest.fail("served on a taken port")


def test_after_the_block_nobody_listens(world: World) -> None:
    with serve(world) as cloud:
        pass
    with pytest.raises(requests.ConnectionError):
        requests.get(cloud.base_url, timeout=2)


def test_the_foreground_server_serves_the_world_that_python_can_build() -> None:
    now = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
    ready: list[Running] = []
    arrived = threading.Event()

    def announce(running: Running) -> None:
        ready.append(running)
        arrived.set()

    options = {"sites": 3, "days": 20, "seed": 4, "port": 0, "now": now, "on_ready": announce}
    thread = threading.Thread(target=run_server, kwargs={**options, "behaviour": Behaviour()}, daemon=True)
    thread.start()
    assert arrived.wait(20)
    (running,) = ready
    served = getter(running)(SITES).json()
    world = served_world(3, 20, 4, now)
    assert [site["id"] for site in served] == [site.site_id for site in world.sites()]
    assert world.start == datetime(2026, 4, 14, tzinfo=UTC)
    assert running.clock.now() == now
    assert running.world.truth == world.truth
    assert world.end > now + timedelta(days=13)
