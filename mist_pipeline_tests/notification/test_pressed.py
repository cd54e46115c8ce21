"""A person presses a button in Slack, and the ledger knows: our bot's messages, Slack's requests, our listener."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules
from mist_pipeline.alerts.ledger.tables import INCIDENTS
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.delivery.sinks.slack.inbound import MOST_BYTES
from mist_pipeline.settings import Settings, SettingsError, load_settings
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline.workflows.notifying.messages import send_due
from mist_pipeline.workflows.notifying.pressed import pressing
from mist_pipeline_tests.support.alerts.histories import START, finding, live
from mist_pipeline_tests.support.fakes.fake_slack import CHANNEL, SIGNING_SECRET, TOKEN, FakeSlack, Pressed
from mist_pipeline_tests.support.guard.asgi import Answer, ask

pytestmark = pytest.mark.slow

DAY = timedelta(days=1)
TELL = NotificationRules(routes=[Route(name="all", sinks=("chat", "files"))])


def configured(data: Path, url: str, **chat: object) -> Settings:
    chat = {"type": "slack", "channel": CHANNEL, "token_from": "SLACK", "base_url": f"{url}/api", **chat}
    notifications = {
        "sinks": {"chat": chat, "files": {"type": "file"}},
        "routes": [{"name": "all", "sinks": ["chat", "files"]}],
    }
    return load_settings(
        environment={
            "MIST_PIPELINE_DATA": str(data),
            "MIST_PIPELINE__NOTIFICATIONS": yaml.safe_dump(notifications),
            "SLACK": TOKEN,
            "SIGNED": SIGNING_SECRET,
            "EMPTY": "",
        }
    )


@dataclass
class Desk:
    """A ledger whose incidents are posted, Slack, and the listener of what people press."""

    settings: Settings
    ledger: Ledger
    slack: FakeSlack
    now: datetime = START + DAY
    answers: list[tuple[str, str]] = field(default_factory=list)

    def tell(self, site: str = "s1") -> str:
        """An incident begins and is posted; returns its id."""
        before = set(self.ledger.lifecycle_state(START).incidents)
        self.ledger.record_evaluation(live(0, finding(site)), TELL)
        send_due(self.settings, self.ledger, ["chat", "files"])
        [name] = set(self.ledger.lifecycle_state(START).incidents) - before
        return name

    def press(self, action: str, **about: Any) -> Pressed:
        """Somebody presses a button of the newest message of the channel."""
        return self.slack.press(action, at=self.now, **about)

    def post(self, pressed: Pressed) -> Answer:
        """Slack's request arrives."""
        app = pressing(
            self.settings, lambda: self.now, lambda url, text: self.answers.append((url, text)) or ""
        )
        assert app is not None

        headers = [("Host", "mist.example.com"), *pressed.headers.items()]
        return ask(app, "POST", "/slack", headers, pressed.body)

    def hear(self, pressed: Pressed) -> str:
        """Slack's request arrives and is answered as it has to be; what the person is told."""
        self.answers.clear()
        answer = self.post(pressed)
        assert (answer.status, answer.body) == (200, "")
        return self.answers[0][1] if self.answers else ""

    def feedback(self, name: str) -> list[tuple[object, object, object]]:
        return [(row["verdict"], row["by"], row["at"]) for row in self.ledger.records(name)["feedback"]]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with FakeSlack() as slack:
        settings = configured(tmp_path, slack.url, signing_secret_from="SIGNED")
        with open_ledger(settings) as ledger:
            yield Desk(settings, ledger, slack)


def test_who_presses_acknowledge_has_taken_the_incident_and_the_message_says_so(desk: Desk) -> None:
    name = desk.tell()
    assert (
        desk.hear(desk.press("acknowledge")) == "You have taken this incident: nobody else is called for it."
    )
    incident = desk.ledger.incident(name)[0]
    assert (incident.state, incident.acknowledged_by) == ("acknowledged", "alex (Slack U0ALEX)")
    assert desk.answers[0][0] == "https://hooks.slack.com/actions/T0OURS/1/answer"
    send_due(desk.settings, desk.ledger, ["chat", "files"])
    assert desk.slack.buttons() == ["right", "wrong", "known", "planned"], (
        "the message was brought up to date"
    )
    assert "has taken this incident already" in desk.hear(desk.press("acknowledge")), "of an old client"


@pytest.mark.parametrize("verdict", ["right", "wrong", "known", "planned"])
def test_an_answer_is_kept_with_who_and_when(desk: Desk, verdict: str) -> None:
    name = desk.tell()
    assert desk.hear(desk.press(verdict)) == f"Thank you. Kept in your name: {verdict}."
    assert desk.feedback(name) == [(verdict, "alex (Slack U0ALEX)", desk.now)]


def test_a_press_on_the_message_of_an_incident_that_was_merged_is_about_the_other(desk: Desk) -> None:
    merged = desk.tell("s1")
    verdict = desk.press("wrong")
    first = desk.slack.posts()[0].ts
    desk.ledger.record_evaluation(live(1, finding("s1"), finding("s2", "wired", metric="switch")), TELL)
    send_due(desk.settings, desk.ledger, ["chat", "files"])
    [into] = set(desk.ledger.lifecycle_state(START).incidents) - {merged}
    with desk.ledger.engine.begin() as connection:
        state = {"state": "merged", "merged_into": into}
        connection.execute(sa.update(INCIDENTS).where(INCIDENTS.c.incident_id == merged).values(state))
    assert desk.hear(verdict) == "Thank you. Kept in your name: wrong."
    assert [verdict for verdict, *_ in desk.feedback(into)] == ["wrong"]
    assert desk.feedback(merged) == []
    desk.hear(desk.press("acknowledge", value=merged, ts=first))
    assert desk.ledger.incident(into)[0].state == "acknowledged"


def test_a_request_that_is_sent_again_changes_nothing_and_a_second_press_is_one(desk: Desk) -> None:
    name = desk.tell()
    pressed = desk.press("wrong")
    assert desk.hear(pressed)
    assert desk.hear(pressed) == ""
    assert desk.hear(desk.press("right"))
    assert [verdict for verdict, *_ in desk.feedback(name)] == ["wrong", "right"]


REFUSED: Mapping[str, Any] = {
    "of another secret": lambda desk: desk.press("wrong", secret="another secret"),
    "changed on its way": lambda desk: desk.press("wrong").changed(b"U0ALEX", b"U0EVIL"),
    "without a signature": lambda desk: desk.press("wrong").without("X-Slack-Signature"),
    "with a signature that is no ASCII": lambda desk: desk.press("wrong").with_header(
        "X-Slack-Signature", "v0=\xe4"
    ),
    "without a timestamp": lambda desk: desk.press("wrong").without("X-Slack-Request-Timestamp"),
    "with a timestamp that was not signed": lambda desk: desk.press("wrong").with_header(
        "X-Slack-Request-Timestamp", str(int(desk.now.timestamp()) + 1)
    ),
    "five minutes old": lambda desk: desk.slack.press("wrong", at=desk.now - timedelta(seconds=301)),
    "five minutes ahead": lambda desk: desk.slack.press("wrong", at=desk.now + timedelta(seconds=301)),
    "without a payload": lambda desk: desk.slack.signed(b"ssl_check=1", desk.now),
    "no JSON": lambda desk: desk.slack.signed(b"payload=%7B", desk.now),
    "a list": lambda desk: desk.slack.signed(b"payload=%5B%5D", desk.now),
    "deep": lambda desk: desk.slack.signed(b"payload=" + b"%5B" * 100_000, desk.now),
    "about what is no incident's id": lambda desk: desk.press("wrong", value="../../etc"),
    "of what is no channel": lambda desk: desk.press("wrong", channel="<!channel>"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_request_that_slack_did_not_send_now_changes_nothing(desk: Desk, why: str) -> None:
    name = desk.tell()
    answer = desk.post(REFUSED[why](desk))
    assert (answer.status, answer.body) == (401, "refused")
    assert (desk.feedback(name), desk.answers) == ([], [])


@pytest.mark.parametrize(
    "about",
    [
        pytest.param({"action_id": "mist-pipeline:explode"}, id="an unknown button of ours"),
        pytest.param({"action_id": "approve"}, id="a button of somebody else"),
        pytest.param({"kind": "view_submission"}, id="another kind of interaction"),
    ],
)
def test_what_is_of_no_interest_is_answered_and_ignored(desk: Desk, about: dict[str, str]) -> None:
    name = desk.tell()
    assert desk.hear(desk.press("wrong", **about)) == ""
    assert desk.feedback(name) == []


@pytest.mark.parametrize(
    "about",
    [
        pytest.param({"value": "0" * 32}, id="an incident that is no more"),
        pytest.param({"channel": "C0ELSEWHERE", "team": "T0OTHER"}, id="a message of another workspace"),
        pytest.param({"ts": "1700000000.000100"}, id="another message of our channel"),
    ],
)
def test_a_message_that_is_not_of_this_ledger_is_told_so(desk: Desk, about: dict[str, str]) -> None:
    name = desk.tell()
    told = desk.hear(desk.press("wrong", **about))
    assert told == "This message is of no incident that is known here; nothing was kept."
    assert desk.feedback(name) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.com.evil.example/actions/T/1/x",
        "http://hooks.slack.com/actions/T/1/x",
        "https://hooks.slack.com@evil.example/",
        "https://hooks.slack.com:8443/actions/T/1/x",
        "https://evil.example/\\@hooks.slack.com/",
        "https://169.254.169.254/",
        "https://hooks.slack.com\n.evil.example/",
        "https://[/",
        None,
        7,
    ],
)
def test_only_slacks_own_address_is_answered(desk: Desk, url: object) -> None:
    name = desk.tell()
    assert desk.hear(desk.press("wrong", response_url=url)) == ""
    assert len(desk.feedback(name)) == 1


def test_a_name_from_slack_is_cleaned(desk: Desk) -> None:
    name = desk.tell()
    desk.hear(desk.press("wrong", user="\x1b[31m<!channel>\n" + "x" * 500))
    [(_, who, _)] = desk.feedback(name)
    assert isinstance(who, str)
    assert len(who) < 110
    assert who.isprintable()
    assert who.endswith("(Slack U0ALEX)")


def test_a_body_that_is_too_large_is_refused(desk: Desk) -> None:
    answer = desk.post(desk.slack.signed(b"payload=" + b"x" * MOST_BYTES, desk.now))
    assert answer.status == 413


def test_without_a_signing_secret_there_are_no_buttons_and_no_listener(tmp_path: Path) -> None:
    with FakeSlack() as slack:
        settings = configured(tmp_path, slack.url)
        assert pressing(settings) is None
        with open_ledger(settings) as ledger:
            Desk(settings, ledger, slack).tell()
        assert slack.buttons() == []


@pytest.mark.parametrize("variable", ["EMPTY", "MISSING"])
def test_buttons_without_the_secret_that_proves_a_press_are_refused_with_the_variables_name(
    tmp_path: Path, variable: str
) -> None:
    with pytest.raises(SettingsError, match=variable):
        configured(tmp_path, "https://slack.example.com", signing_secret_from=variable).sinks()
