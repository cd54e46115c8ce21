"""``webhook`` as somebody types it, against a simulated cloud."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mist_pipeline.cli.app import app
from mist_pipeline.simulator.cloud import webhook_endpoints
from mist_pipeline.simulator.cloud.endpoints import Behaviour
from mist_pipeline.simulator.cloud.server import serve
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.world import World
from mist_pipeline.workflows.pushing import registration
from mist_pipeline_tests.support.pushes import SECRET

pytestmark = pytest.mark.slow

URL = "https://mist.example.com/[red]mist"


@contextmanager
def cloud(data: Path, monkeypatch: pytest.MonkeyPatch, *, may_write: bool = True) -> Iterator[None]:
    with serve(World(1, 1), clock=Clock(None), behaviour=Behaviour(may_write=may_write)) as running:
        for name, value in {
            "MIST_BASE_URL": running.base_url,
            "MIST_API_TOKEN": running.token,
            "MIST_PIPELINE_DATA": str(data),
            "MIST_WEBHOOK_SECRET": SECRET,
        }.items():
            monkeypatch.setenv(name, value)
        yield


def typed(*words: str, answer: str = "") -> Result:
    result = CliRunner().invoke(app, ["webhook", *words, "--url", URL], input=answer, env={"COLUMNS": "200"})
    assert SECRET not in result.output
    return result


def test_it_is_made_checked_and_removed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registration, "PING_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(webhook_endpoints, "post", lambda *_: 503)
    with cloud(tmp_path, monkeypatch):
        assert typed("check").exit_code == 1
        made = typed("register")
        assert (made.exit_code, URL in made.output) == (0, True)
        assert "is made" in made.output
        assert f"webhook check --url {URL}" in made.output
        assert "was as it has to be" in typed("register").output
        checked = typed("check")
        assert checked.exit_code == 1
        assert "the webhook is as it has to be" in checked.output
        assert "a ping, and it did not arrive" in checked.output
        again = typed("check")
        assert "did not arrive; the last one, of ping: status 503" in again.output
        assert typed("remove", answer="n\n").exit_code == 1
        removed = typed("remove", answer="y\n")
        assert (removed.exit_code, "Removed the webhook 'mist-pipeline'" in removed.output) == (0, True)
        assert "nothing changes" in typed("remove", "--yes").output


def test_a_token_that_may_only_read_is_told_what_to_click(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cloud(tmp_path, monkeypatch, may_write=False):
        told = typed("register")
    assert told.exit_code == 1
    for said in (
        "may read and not write",
        "Settings → Webhooks",
        URL,
        "alarms, audits, device-events, device-updowns",
    ):
        assert said in told.output
