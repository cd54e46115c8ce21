"""Fixtures of the client's tests: a scripted cloud, a clock that only sleeping moves, and clients of both."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mist_pipeline.mist.budget import CallBudget, fingerprint
from mist_pipeline.mist.client import Limits, MistClient
from mist_pipeline_tests.support.mist.scripted_cloud import LIMITS, TOKEN, ClientMaker, Clock, ScriptedCloud


@pytest.fixture
def cloud() -> Iterator[ScriptedCloud]:
    scripted = ScriptedCloud()
    yield scripted
    scripted.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_client(cloud: ScriptedCloud, clock: Clock, tmp_path: Path) -> Iterator[ClientMaker]:
    """Makes clients of the scripted cloud; nothing in them waits, and they are closed at the end."""
    made: list[MistClient] = []

    def make(
        *tokens: str,
        limits: Limits = LIMITS,
        calls_per_hour: int | None = None,
        org_id: str | None = None,
        base_url: str | None = None,
    ) -> MistClient:
        tokens = tokens or (TOKEN,)
        url = base_url or cloud.url
        budget = CallBudget(
            tmp_path / "budget.db",
            [fingerprint(url, token) for token in tokens],
            limit_override=calls_per_hour,
            clock=clock.epoch,
        )
        client = MistClient(
            base_url=url,
            tokens=tokens,
            budget=budget,
            org_id=org_id,
            limits=limits,
            clock=clock,
            sleep=clock.sleep,
            random=lambda: 0.5,
        )
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()
