"""The webhook of the organisation, made and looked at over the API of a simulated cloud."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.http_client.session import as_json
from mist_pipeline.mist import endpoints
from mist_pipeline.mist.client import MistClient
from mist_pipeline.mist.errors import Forbidden, Unavailable
from mist_pipeline.mist.parsers import Webhook, parse_webhook_deliveries, parse_webhooks
from mist_pipeline.settings import Settings, SettingsError, load_settings
from mist_pipeline.simulator.cloud import webhook_endpoints
from mist_pipeline.simulator.cloud.endpoints import Behaviour
from mist_pipeline.simulator.cloud.http_faults import Faults, Scripted
from mist_pipeline.simulator.cloud.push_sender import Receiver
from mist_pipeline.simulator.cloud.server import serve
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.world import World
from mist_pipeline.workflows.cloud import Cloud
from mist_pipeline.workflows.pushing import registration
from mist_pipeline.workflows.pushing.receive import receiving
from mist_pipeline.workflows.pushing.registration import NAME, TOPICS, Wanted, register
from mist_pipeline_tests.support.pushes import OLD_SECRET, SECRET, post

pytestmark = pytest.mark.slow

URL = "https://mist.example.com/mist"
WISH = Wanted(URL, Secret(SECRET))
OTHERS = {
    "name": "siem",
    "type": "splunk",
    "url": "https://splunk.example.com/in",
    "topics": ["audits"],
    "splunk_token": "another-secret",
}


class Town:
    """A simulated cloud, and settings and a client of its organisation."""

    def __init__(self, stack: ExitStack, data: Path, *broken: Scripted, may_write: bool = True) -> None:
        running = stack.enter_context(
            serve(
                World(1, 1),
                clock=Clock(None),
                faults=Faults(script=list(broken)),
                behaviour=Behaviour(may_write=may_write),
            )
        )
        self.settings: Settings = load_settings(
            environment={
                "MIST_BASE_URL": running.base_url,
                "MIST_API_TOKEN": running.token,
                "MIST_PIPELINE_DATA": str(data),
                "MIST_WEBHOOK_SECRET": f"{SECRET},{OLD_SECRET}",
            }
        )
        self.client: MistClient = stack.enter_context(Cloud(self.settings).client())
        self.org_id = running.org_id

    def make(self, **fields: Any) -> None:
        self.client.change(endpoints.add_webhook(self.org_id, as_json(fields)))

    def webhooks(self) -> list[Webhook]:
        return parse_webhooks(*[page.document for page in self.client.pages(endpoints.webhooks(self.org_id))])

    def ours(self) -> Webhook:
        webhook = registration.found(self.client, URL)
        assert webhook
        return webhook


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def town(stack: ExitStack, tmp_path: Path) -> Town:
    return Town(stack, tmp_path)


def test_it_is_made_once_with_everything_that_we_read_and_others_are_left_alone(town: Town) -> None:
    town.make(**OTHERS)
    assert [register(town.client, WISH), register(town.client, WISH)] == ["made", "unchanged"]
    other, ours = town.webhooks()
    assert (other.name, other.kind) == ("siem", "splunk")
    assert (ours.name, ours.url, ours.topics, ours.is_enabled) == (NAME, URL, TOPICS, True)
    assert ours.document["secret"] == SECRET
    assert ours.document["verify_cert"]
    registration.remove(town.client, ours)
    assert [one.name for one in town.webhooks()] == ["siem"]
    assert registration.found(town.client, URL) is None


@pytest.mark.parametrize(
    ("fields", "difference"),
    [
        ({"enabled": False}, "it is switched off"),
        ({"topics": ["alarms", "client-join"]}, "it does not tell audits, device-events, device-updowns"),
        (
            {"secret": "of somebody else, long enough"},
            "it signs with another secret than this installation has",
        ),
        ({"secret": ""}, "it does not sign: it has no secret"),
        ({"url": "https://old.example.com/mist"}, "it sends to another address"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_as_it_has_to_be_is_said_and_mended_and_nothing_else_changes(
    town: Town, fields: dict[str, Any], difference: str
) -> None:
    theirs = {"headers": {"x-team": "network"}, "verify_cert": False}
    right = {"name": NAME, "type": "http-post", "url": URL, "secret": SECRET, "topics": list(TOPICS)}
    town.make(**{**right, **theirs, **fields})
    before = town.ours()
    assert registration.differences(before, WISH) == [difference]
    assert register(town.client, WISH) == "changed"
    after = town.ours()
    assert registration.differences(after, WISH) == []
    assert after.id == before.id
    assert set(after.topics) == {*TOPICS, *before.topics}
    assert {name: after.document[name] for name in theirs} == theirs


def test_an_answer_that_was_lost_makes_no_second_one(stack: ExitStack, tmp_path: Path) -> None:
    town = Town(stack, tmp_path, Scripted("/webhooks", "truncated", first=2))
    with pytest.raises(Unavailable):
        register(town.client, WISH)
    assert register(town.client, WISH) == "unchanged"
    assert len(town.webhooks()) == 1


def test_what_may_have_arrived_is_not_sent_again(stack: ExitStack, tmp_path: Path) -> None:
    town = Town(stack, tmp_path, Scripted("/webhooks", "bad_gateway"))
    with pytest.raises(Unavailable) as failed:
        town.make(**OTHERS)
    assert (failed.value.method, failed.value.attempt) == ("POST", 1)
    assert "another-secret" not in str(failed.value) + repr(failed.value.__dict__)
    assert town.webhooks() == []


def test_a_token_that_may_only_read_changes_nothing_and_says_so(stack: ExitStack, tmp_path: Path) -> None:
    town = Town(stack, tmp_path, may_write=False)
    with pytest.raises(Forbidden, match="may read and not write"):
        register(town.client, WISH)


def test_a_ping_that_arrives_is_seen_and_one_that_does_not_is_missed(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = receiving(town.settings)
    assert app
    status = {"now": 0}

    def sent(receiver: Receiver, message: Any) -> int:
        if status["now"]:
            status["now"] = post(app, json.dumps(message).encode(), secret=receiver.secret).status
        return status["now"]

    monkeypatch.setattr(webhook_endpoints, "post", sent)
    register(town.client, WISH)
    ours = town.ours()
    passing = iter(range(0, 1000, 10))
    missed = registration.pinged(
        town.client, town.settings, ours, timer=lambda: next(passing), sleep=lambda _: None
    )
    assert missed is None
    status["now"] = 1
    assert registration.pinged(town.client, town.settings, ours) is not None


def test_results_say_how_many_arrived_and_what_failed_last() -> None:
    rows = [
        {"timestamp": 100, "topic": "alarms", "status": "success", "status_code": 200},
        {"timestamp": 300, "topic": "ping", "status": "failure", "status_code": 0, "error": "timeout"},
        {"timestamp": 200, "topic": "audits", "status": "failure", "status_code": 503, "error": "HTTP 503"},
        {"topic": "audits", "status": "success"},
        {"timestamp": 250, "topics": ["audits"], "status": "success", "status_code": "200"},
    ]
    said = registration.summed(parse_webhook_deliveries({"results": rows}))
    assert (said.taken, said.failed) == (2, 2)
    assert said.last_taken_at
    assert said.last_taken_at.timestamp() == 250
    assert said.last_failed
    assert (said.last_failed.topic, said.last_failed.error) == ("ping", "timeout")
    assert registration.summed([]) == registration.Results()


def test_nothing_of_a_webhook_or_a_wish_shows_its_secret(town: Town) -> None:
    register(town.client, WISH)
    call = endpoints.add_webhook(town.org_id, as_json({"secret": SECRET}))
    assert SECRET not in repr([town.ours(), WISH, call])


@pytest.mark.parametrize(
    ("environment", "url", "complaint"),
    [
        ({}, URL, "MIST_WEBHOOK_SECRET is not set"),
        ({"MIST_WEBHOOK_SECRET": SECRET}, None, "where is the cloud to send to"),
        ({"MIST_WEBHOOK_SECRET": SECRET}, "http://mist.example.com/mist", "must be https"),
        ({"MIST_WEBHOOK_SECRET": SECRET}, "http://127.0.0.1:8601/mist", "the cloud reaches https alone"),
        ({"MIST_WEBHOOK_SECRET": SECRET}, "https://me:pw@mist.example.com/mist", "must not hold credentials"),
    ],
)
def test_an_address_that_the_cloud_cannot_reach_is_refused(
    environment: dict[str, str], url: str | None, complaint: str, tmp_path: Path
) -> None:
    settings = load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path), **environment})
    with pytest.raises(SettingsError, match=complaint):
        registration.wanted(settings, url, is_real=True)


def test_the_address_is_that_of_the_console_unless_another_is_given(tmp_path: Path) -> None:
    environment = {
        "MIST_PIPELINE_DATA": str(tmp_path),
        "MIST_WEBHOOK_SECRET": f"{SECRET},{OLD_SECRET}",
        "MIST_PIPELINE__WEB__CONSOLE_URL": "https://mist.example.com/",
    }
    wish = registration.wanted(load_settings(environment=environment), None, is_real=True)
    assert (wish.url, wish.secret.reveal()) == (URL, SECRET)
