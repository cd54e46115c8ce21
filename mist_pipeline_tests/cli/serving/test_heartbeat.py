"""The command ``heartbeat``: its exit code, its words, and what the dead man's switch gets."""

import pytest

from mist_pipeline_tests.support.cli.calls import Call
from mist_pipeline_tests.support.fakes.fake_http import FakeHttp

pytestmark = pytest.mark.slow

KEY = "3f2a9c41-d0b7-e2aa"


def test_a_pipeline_that_nobody_started_fails_and_the_switch_is_told(call: Call) -> None:
    with FakeHttp() as receiver:
        ended = call(
            "heartbeat",
            MIST_PIPELINE__MONITORING__HEARTBEAT_URL=f"{receiver.url}/{KEY}",
            MIST_PIPELINE__MONITORING__HEARTBEAT_FAIL_URL=f"{receiver.url}/{KEY}/fail",
        )
        assert ended.code == 1
        assert "CRITICAL All schedules and sensors are switched off" in " ".join(ended.err.split())
        assert "failure sent" in ended.out
        assert [seen.target for seen in receiver.requests] == [f"/{KEY}/fail"]
    assert KEY not in ended.out + ended.err


def test_a_pipeline_that_works_beats(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mist_pipeline.defs.watching.now.stalled_now", lambda *_: [])
    with FakeHttp() as receiver:
        ended = call("heartbeat", MIST_PIPELINE__MONITORING__HEARTBEAT_URL=f"{receiver.url}/{KEY}")
        assert [seen.target for seen in receiver.requests] == [f"/{KEY}"]
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "The pipeline does its work; heartbeat sent.\n"
