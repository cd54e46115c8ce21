"""One small eventful world and one server for it, shared by the tests of this folder (they only read)."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from mist_pipeline.simulator import World
from mist_pipeline.simulator.cloud.server import Running, serve

Get = Callable[..., requests.Response]


@pytest.fixture(scope="session")
def world() -> World:
    return World(12, 40, 5)


@pytest.fixture(scope="session")
def running(world: World) -> Iterator[Running]:
    with serve(world) as cloud:
        yield cloud


def getter(cloud: Running, token: str | None = None) -> Get:
    """Asks the cloud with a token: path and query in, response out."""

    def get(path: str, **query: Any) -> requests.Response:
        headers = {"Authorization": f"Token {token or cloud.token}"}
        return requests.get(
            f"{cloud.base_url}/api/v1{path}", params=query, headers=headers, timeout=query.pop("_timeout", 10)
        )

    return get


@pytest.fixture(scope="session")
def get(running: Running) -> Get:
    return getter(running)
