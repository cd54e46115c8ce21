"""The simulated cloud pushes what happens as a real one does: in batches, some late, some twice, signed."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.push.message import TOPICS, is_signed, parse
from mist_pipeline.simulator import World
from mist_pipeline.simulator.cloud.app import SimulatedCloud
from mist_pipeline.simulator.cloud.push_sender import PushSender, Receiver, headers_of
from mist_pipeline.simulator.cloud.pushes import LATEST_SECONDS, PushLog, arrivals
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.scenario import site_offline
from mist_pipeline_tests.support.pushes import SECRET, raw

PLAIN = World(sites=6, days=3, seed=5)
ONSET = PLAIN.start + timedelta(days=1, hours=10)
WORLD = World(sites=6, days=3, seed=5, scenarios=[site_offline([2], ONSET, 2.0)])


@pytest.fixture(scope="module")
def log() -> PushLog:
    return SimulatedCloud(WORLD, Clock(WORLD.end)).pushes


def whole(log: PushLog, seconds: float) -> list[dict[str, Any]]:
    """All messages from shortly before a site is lost until it is back, asked for in steps."""
    at, end = ONSET.timestamp() - 60, ONSET.timestamp() + 2.5 * 3600
    found = []
    while at < end:
        found += log.due(at, at + seconds)
        at += seconds
    return found


def events(messages: list[dict[str, Any]], topic: str) -> Counter[str]:
    return Counter(
        json.dumps(event, sort_keys=True)
        for one in messages
        if one["topic"] == topic
        for event in one["events"]
    )


def test_every_device_of_a_lost_site_is_told_and_comes_back(log: PushLog) -> None:
    site = WORLD.sites()[2]
    told = [json.loads(one) for one in events(whole(log, 5), "device-updowns")]
    mine = Counter(
        one["type"]
        for one in told
        if one["site_id"] == site.site_id and one["timestamp"] < ONSET.timestamp() + 300
    )
    assert (mine["AP_DISCONNECTED"], mine["SW_DISCONNECTED"], mine["GW_DISCONNECTED"]) == (
        site.num_aps, site.num_switches, site.num_gateways,
    )  # fmt: skip
    assert (
        Counter(one["type"] for one in told if one["site_id"] == site.site_id)["AP_CONNECTED"] >= site.num_aps
    )


def test_whoever_asks_in_other_steps_gets_the_same_events(log: PushLog) -> None:
    for topic in ("alarms", "device-updowns", "device-events"):
        assert events(whole(log, 20), topic) == events(whole(log, 180), topic)


def test_events_come_in_batches_and_some_twice_or_late(log: PushLog) -> None:
    assert max(len(one["events"]) for one in whole(log, 5)) > 5
    drawn = [arrivals(f"event {number}", 0.0) for number in range(2_000)]
    assert 0.03 < sum(len(one) == 2 for one in drawn) / len(drawn) < 0.07
    late = [one[0] for one in drawn if one[0] > 5]
    assert 0.015 < len(late) / len(drawn) < 0.05
    assert max(late) <= LATEST_SECONDS


def test_every_message_is_one_that_the_listener_reads(log: PushLog) -> None:
    for message in whole(log, 30):
        read = parse(raw(message))
        assert (read.topic in TOPICS, read.unreadable, len(read.events)) == (True, 0, len(message["events"]))


def test_a_body_is_signed_as_the_cloud_signs() -> None:
    headers = headers_of(b"{}", SECRET)
    assert is_signed(b"{}", headers["X-Mist-Signature-v2"], [Secret(SECRET)])
    assert len(headers["X-Mist-Signature"]) == 40
    assert "X-Mist-Signature-v2" not in headers_of(b"{}", "")


def test_the_sender_sends_what_comes_since_it_was_started_and_again_what_was_not_taken(log: PushLog) -> None:
    clock, sent, answers = Clock(ONSET), list[Mapping[str, Any]](), iter([503, 0, 200] * 1_000)
    sender = PushSender(
        log,
        clock,
        lambda: [Receiver("http://127.0.0.1/mist", SECRET)],
        lambda _to, message: (sent.append(message), next(answers))[1],
    )
    assert sender.send_due() == []
    clock.advance(timedelta(minutes=4))
    statuses = sender.send_due()
    assert statuses
    assert set(statuses) == {200}
    assert len(sent) == 3 * len(statuses)
    assert sender.send_due() == []


def test_each_receiver_gets_its_topics_and_without_any_nothing_is_worked_out(
    log: PushLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(ONSET - timedelta(seconds=10))
    receivers: list[Receiver] = []
    sent: list[tuple[str, str]] = []

    def send(to: Receiver, message: Any) -> int:
        sent.append((to.url, message["topic"]))
        return 200

    sender = PushSender(log, clock, lambda: receivers, send)
    with monkeypatch.context() as patch:
        patch.setattr(log, "due", lambda *_: pytest.fail("nobody hears of it"))
        clock.advance(timedelta(seconds=10))
        assert sender.send_due() == []
    receivers += [Receiver("all", SECRET), Receiver("some", SECRET, frozenset({"device-updowns"}))]
    clock.advance(timedelta(minutes=4))
    sender.send_due()
    assert {topic for to, topic in sent if to == "some"} == {"device-updowns"}
    assert {topic for to, topic in sent if to == "all"} > {"device-updowns"}
