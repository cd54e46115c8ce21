"""An ephemeral Dagster instance, one with schedules, and installations for the jobs that notify people."""

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import dagster as dg
import pytest

from mist_pipeline_tests.support.defs.installation import (
    FILES,
    Build,
    Installation,
)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@pytest.fixture
def scheduled() -> Iterator[dg.DagsterInstance]:
    """An instance with schedules."""
    with dg.instance_for_test() as opened:
        yield opened


@pytest.fixture
def build(tmp_path: Path, instance: dg.DagsterInstance) -> Build:
    """Makes a installed of sinks and routes."""

    def built(
        sinks: Mapping[str, Mapping[str, Any]] | None = None,
        routes: list[dict[str, Any]] | None = None,
        **more: Any,
    ) -> Installation:
        known = {"people": FILES} if sinks is None else sinks
        ways = [{"name": "everybody", "sinks": [*known]}] if routes is None and known else routes or []
        secrets = {name: more.pop(name) for name in list(more) if name.isupper()}
        return Installation(tmp_path / "data", instance, {"sinks": known, "routes": ways, **more}, **secrets)

    return built


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks the network fails, whatever library it takes."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a sensor asked the network")

    connect = socket.socket.connect

    def local_only(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX:
            refuse()
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
