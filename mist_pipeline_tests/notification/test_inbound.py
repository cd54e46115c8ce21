"""A person takes a page in PagerDuty, and the ledger knows: our sink, PagerDuty's incidents and webhooks, our listener."""

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn
import yaml

from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules
from mist_pipeline.alerts.lifecycle.model import Incident
from mist_pipeline.alerts.notify.escalation import EscalationPolicy, EscalationStep
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.delivery.sinks.pagerduty.inbound import MOST_BYTES
from mist_pipeline.settings import Settings, SettingsError, load_settings
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline.workflows.notifying.inbound import listening
from mist_pipeline.workflows.notifying.messages import send_due, utc_now
from mist_pipeline_tests.support.alerts.histories import HOUR, START, finding, live, reading
from mist_pipeline_tests.support.fakes.fake_http import Reply
from mist_pipeline_tests.support.fakes.fake_pagerduty import (
    API_TOKEN,
    ROUTING_KEY,
    FakePagerDuty,
    incident_webhook,
    person,
    signed,
)

pytestmark = pytest.mark.slow

KEY = "a signing key"
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
DUTY = EscalationPolicy(steps=(EscalationStep(after_minutes=15, sink="pager"),))
TELL = NotificationRules(
    routes=[Route(name="all", sinks=("pager", "files"), escalation="duty")], escalations={"duty": DUTY}
)


def configured(data: Path, **pager: object) -> Settings:
    sinks = {"pager": {"type": "pagerduty", "routing_key_from": "PAGER", **pager}, "files": {"type": "file"}}
    notifications = {"sinks": sinks, "routes": [{"name": "all", "sinks": ["pager", "files"]}]}
    return load_settings(
        environment={
            "MIST_PIPELINE_DATA": str(data),
            "MIST_PIPELINE__NOTIFICATIONS": yaml.safe_dump(notifications),
            "PAGER": ROUTING_KEY,
            "SIGNED": KEY,
            "TOKEN": API_TOKEN,
        }
    )


@contextmanager
def listener(settings: Settings, clock: Callable[[], datetime] = utc_now) -> Iterator[str]:
    """The application behind a real socket."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        server = uvicorn.Server(
            uvicorn.Config(listening(settings, clock), log_level="critical", lifespan="off")
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@dataclass
class Desk:
    """A ledger whose incidents are paged, PagerDuty, and the listener of its webhooks."""

    settings: Settings
    ledger: Ledger
    pagerduty: FakePagerDuty
    url: str

    def page(self, *sites: str, hour: int = 0, severity: Any = "major") -> list[str]:
        """Incidents at these sites begin, and are paged; returns their ids."""
        before = set(self.ledger.lifecycle_state(START).incidents)
        self.ledger.record_evaluation(live(hour, *[finding(site, severity=severity) for site in sites]), TELL)
        self.send()
        return sorted(set(self.ledger.lifecycle_state(START).incidents) - before)

    def send(self) -> None:
        send_due(self.settings, self.ledger, ["pager", "files"])

    def key(self, incident_id: str) -> str:
        """Key of the newest page about an incident."""
        return [page.key for page in self.pagerduty.pages if incident_id in page.key][-1]

    def hear(self, *documents: dict[str, Any]) -> list[str]:
        """PagerDuty's webhooks arrive; what the listener answered."""
        answers = [self.post(document) for document in documents]
        assert {status for status, _ in answers} <= {200}
        return [text for _, text in answers]

    def post(self, document: dict[str, Any], key: str = KEY) -> tuple[int, str]:
        body, signature = signed(document, key)
        headers = {"X-PagerDuty-Signature": signature, "Content-Type": "application/json"}
        answer = requests.post(f"{self.url}/pagerduty", data=body, headers=headers, timeout=10)
        return answer.status_code, answer.text

    def incident(self, incident_id: str) -> Incident:
        return self.ledger.incident(incident_id)[0]

    def reasons(self, sink: str = "files") -> list[str]:
        frame = self.ledger.frames()["deliveries"]
        return [reason for to, reason in frame.select("sink", "reason").iter_rows() if to == sink]


@contextmanager
def desk(
    data: Path, *, groups: bool = False, token: bool = False, at: datetime | None = None
) -> Iterator[Desk]:
    # The incidents of these tests began long ago; what people do with them happens one second after another.
    seconds = itertools.count()
    clock = lambda: (at or START + DAY) + next(seconds) * SECOND  # noqa: E731 - a clock
    with FakePagerDuty(clock, groups=groups) as pagerduty:
        more = {"api_token_from": "TOKEN", "api_url": pagerduty.url} if token else {}
        settings = configured(data, url=pagerduty.url, signing_keys_from={"ours": "SIGNED"}, **more)
        with open_ledger(settings) as ledger, listener(settings, clock) as url:
            yield Desk(settings, ledger, pagerduty, url)


@pytest.mark.parametrize("kind", ["acknowledged", "resolved"])
def test_who_takes_or_closes_a_page_has_taken_the_incident_and_others_hear_of_it(
    tmp_path: Path, kind: str
) -> None:
    with desk(tmp_path) as office:
        (name,) = office.page("s1")
        assert office.hear(*office.pagerduty.webhooks) == ["noted"]
        assert office.hear(office.pagerduty.act(office.key(name), kind)) == ["acknowledged"]
        incident = office.incident(name)
        assert (incident.state, incident.acknowledged_by) == ("acknowledged", "Alex Admin")
        assert office.reasons() == ["first", "acknowledged"]


def test_a_page_is_opened_acknowledged_by_webhook_and_resolved_each_once(tmp_path: Path) -> None:
    """The whole way, with PagerDuty's own webhooks about what our events do, and escalations that are due."""
    down = finding("s1", family="device", kind="site_down", metric="", severity="critical")
    with desk(tmp_path) as office:
        pagerduty, ledger = office.pagerduty, office.ledger
        ledger.record_evaluation(live(0, down), TELL)
        office.send()
        (name,) = ledger.lifecycle_state(START).incidents
        (page,) = pagerduty.pages
        assert (page.state, page.severity, page.key) == ("triggered", "critical", f"mist-pipeline:{name}:1")
        assert office.hear(*pagerduty.webhooks) == ["noted"]

        assert office.hear(pagerduty.act(page.key, "acknowledged")) == ["acknowledged"]
        assert office.incident(name).acknowledged_by == "Alex Admin"
        assert ledger.escalate(TELL, START + 0.5 * HOUR) == [], "nobody else is called"
        ledger.record_evaluation(live(1, down), TELL)
        office.send()
        assert [event["event_action"] for event in pagerduty.events] == ["trigger", "acknowledge"]

        for hour in (2, 3, 4):
            ledger.record_evaluation(live(hour, readings=reading("ok")), TELL)
        office.send()
        assert office.incident(name).state == "resolved"
        assert pagerduty.open_pages == []
        assert [event["event_action"] for event in pagerduty.events] == ["trigger", "acknowledge", "resolve"]
        # PagerDuty tells us of our own doing: it changes nothing.
        assert office.hear(pagerduty.webhooks[-1]) == ["of no interest"]
        assert (office.incident(name).state, pagerduty.notifications) == ("resolved", 1)
        assert office.reasons() == ["first", "acknowledged", "all_resolved"]
        assert {row["state"] for row in ledger.records(name)["deliveries"]} == {"sent"}


def test_of_two_incidents_the_one_whose_page_was_taken_is_acknowledged(tmp_path: Path) -> None:
    with desk(tmp_path) as office:
        first, second = office.page("s1", "s2")
        office.hear(*office.pagerduty.webhooks)
        office.hear(office.pagerduty.act(office.key(second), "acknowledged"))
        assert [office.incident(name).state for name in (first, second)] == ["open", "acknowledged"]


def test_an_acknowledgement_that_times_out_is_taken_back_and_people_are_called_anew(tmp_path: Path) -> None:
    with desk(tmp_path) as office:
        (name,) = office.page("s1")
        key = office.key(name)
        office.hear(*office.pagerduty.webhooks, office.pagerduty.act(key, "acknowledged"))
        assert office.hear(office.pagerduty.act(key, "unacknowledged", who=None)) == ["unacknowledged"]
        incident = office.incident(name)
        assert (incident.state, incident.acknowledged_by) == ("open", None)
        assert office.reasons() == ["first", "acknowledged", "unacknowledged"]
        assert office.hear(office.pagerduty.act(key, "acknowledged", who="Bob")) == ["acknowledged"]
        assert office.incident(name).acknowledged_by == "Bob"


@pytest.mark.parametrize("kind", ["reopened", "reassigned", "delegated", "escalated"])
def test_a_page_that_goes_to_somebody_else_or_comes_back_is_taken_by_nobody(
    tmp_path: Path, kind: str
) -> None:
    with desk(tmp_path) as office:
        (name,) = office.page("s1")
        key = office.key(name)
        taken = office.pagerduty.act(key, "resolved" if kind == "reopened" else "acknowledged")
        office.hear(*office.pagerduty.webhooks[:1], taken)
        assert office.hear(office.pagerduty.act(key, kind)) == ["unacknowledged"]
        assert office.incident(name).state == "open"


def test_what_was_acknowledged_elsewhere_is_not_taken_back_by_the_pagers_timer(tmp_path: Path) -> None:
    with desk(tmp_path) as office:
        (name,) = office.page("s1")
        office.hear(*office.pagerduty.webhooks)
        office.ledger.acknowledge(name, "ada", utc_now())
        assert office.hear(office.pagerduty.act(office.key(name), "unacknowledged", who=None)) == ["noted"]
        assert office.incident(name).acknowledged_by == "ada"


def test_an_event_that_is_delivered_twice_does_nothing_twice(tmp_path: Path) -> None:
    with desk(tmp_path) as office:
        (name,) = office.page("s1")
        key = office.key(name)
        opened = office.pagerduty.webhooks[0]
        taken = office.pagerduty.act(key, "acknowledged")
        assert office.hear(opened, opened, taken, taken, taken) == [
            *["noted"] * 2,
            "acknowledged",
            *["noted"] * 2,
        ]
        given_back = office.pagerduty.act(key, "unacknowledged", who=None)
        assert office.hear(given_back, taken, opened, given_back) == ["unacknowledged", *["noted"] * 3]
        assert office.incident(name).state == "open"
        assert office.reasons() == ["first", "acknowledged", "unacknowledged"]


def test_an_acknowledgement_that_is_heard_before_the_page_is_known_counts_once_it_is(tmp_path: Path) -> None:
    with desk(tmp_path, at=utc_now()) as office:
        (name,) = office.page("s1")
        taken = office.pagerduty.act(office.key(name), "acknowledged")
        assert office.hear(taken) == ["of no incident of ours"]
        assert office.incident(name).state == "open"
        assert office.hear(office.pagerduty.webhooks[0]) == ["acknowledged"]
        assert office.incident(name).acknowledged_by == "Alex Admin"


def test_an_acknowledgement_of_before_it_grew_worse_does_not_take_what_it_is_now(tmp_path: Path) -> None:
    with desk(tmp_path, at=START + timedelta(minutes=10)) as office:
        (name,) = office.page("s1")
        office.hear(*office.pagerduty.webhooks)
        office.hear(office.pagerduty.act(office.key(name), "acknowledged"))
        late = office.pagerduty.act(office.key(name), "resolved")
        office.page("s1", hour=1, severity="critical")
        assert office.incident(name).state == "open"
        assert office.hear(late) == ["noted"]
        assert office.incident(name).state == "open"


def test_a_new_page_after_it_grew_worse_is_the_same_incident(tmp_path: Path) -> None:
    with desk(tmp_path, at=START + timedelta(hours=2)) as office:
        (name,) = office.page("s1")
        office.hear(*office.pagerduty.webhooks, office.pagerduty.act(office.key(name), "acknowledged"))
        office.page("s1", hour=1, severity="critical")
        old, new = office.pagerduty.incidents
        assert old != new
        office.hear(
            *office.pagerduty.webhooks[2:], office.pagerduty.act(office.key(name), "acknowledged", "Bob")
        )
        assert office.incident(name).acknowledged_by == "Bob"


def test_alerts_that_pagerduty_groups_are_found_by_its_rest_api(tmp_path: Path) -> None:
    with desk(tmp_path, groups=True, token=True) as office:
        first, second = office.page("s1", "s2")
        assert len(office.pagerduty.incidents) == 1
        office.hear(*office.pagerduty.webhooks, office.pagerduty.act(office.key(second), "acknowledged"))
        assert [office.incident(name).acknowledged_by for name in (first, second)] == ["Alex Admin"] * 2


def test_a_page_that_was_opened_while_nobody_listened_is_found_by_the_rest_api(tmp_path: Path) -> None:
    with desk(tmp_path, token=True) as office:
        (name,) = office.page("s1")
        assert office.hear(office.pagerduty.act(office.key(name), "acknowledged")) == ["acknowledged"]


def test_while_the_rest_api_does_not_answer_pagerduty_is_asked_to_tell_again(tmp_path: Path) -> None:
    with desk(tmp_path, token=True, at=utc_now()) as office:
        (name,) = office.page("s1")
        taken = office.pagerduty.act(office.key(name), "acknowledged")
        office.pagerduty.script(Reply(503))
        assert office.post(taken) == (503, "send it again later")
        assert office.post(taken) == (200, "acknowledged")


def test_a_rest_api_that_does_not_answer_for_long_does_not_cost_us_the_subscription(tmp_path: Path) -> None:
    with desk(tmp_path, token=True, at=utc_now() - timedelta(minutes=11)) as office:
        foreign = incident_webhook(agent=person("Alex Admin"), at=utc_now() - timedelta(minutes=22))
        office.pagerduty.script(Reply(503))
        assert office.hear(foreign) == ["of no incident of ours"]


@pytest.mark.parametrize("status", [401, 404, 503])
def test_what_is_known_already_does_not_wait_for_the_rest_api(tmp_path: Path, status: int) -> None:
    with desk(tmp_path, token=True) as office:
        (name,) = office.page("s1")
        office.hear(*office.pagerduty.webhooks)
        taken = office.pagerduty.act(office.key(name), "acknowledged")
        office.pagerduty.script(Reply(status))
        assert office.hear(taken) == ["acknowledged"]


def test_a_token_that_is_refused_does_not_make_pagerduty_give_up_on_us(tmp_path: Path) -> None:
    # After three webhooks that are refused, PagerDuty turns the subscription off for a day.
    with desk(tmp_path, token=True) as office:
        (name,) = office.page("s1")
        office.pagerduty.script(Reply(401))
        taken = office.pagerduty.act(office.key(name), "acknowledged")
        assert office.hear(taken) == ["of no incident of ours"]


def test_who_takes_the_incident_that_a_page_was_merged_into_has_taken_ours(tmp_path: Path) -> None:
    with desk(tmp_path) as office:
        first, second = office.page("s1", "s2")
        keys = [office.key(name) for name in (first, second)]
        merged = office.pagerduty.merge(keys[1], into=keys[0])
        office.hear(*office.pagerduty.webhooks[:2])
        assert office.hear(merged) == ["noted"]
        assert [office.incident(name).state for name in (first, second)] == ["open", "open"]
        office.hear(office.pagerduty.act(keys[0], "acknowledged"))
        assert [office.incident(name).state for name in (first, second)] == ["acknowledged"] * 2


def test_incidents_of_others_are_of_no_interest(tmp_path: Path) -> None:
    with desk(tmp_path) as office:
        (name,) = office.page("s1")
        at, grafana = START + DAY, {"name": "Grafana", "url": None}
        foreign = incident_webhook(agent=person("Alex Admin"), client=grafana, at=at, event_id="E1")
        client = {"name": "mist-pipeline:0123456789abcdef:1"}
        unknown = incident_webhook("incident.triggered", client=client, at=at, event_id="E2")
        assert office.hear(foreign, unknown) == ["of no incident of ours"] * 2
        assert office.incident(name).state == "open"


@pytest.mark.parametrize("late", [timedelta(hours=2), timedelta(days=2200), -timedelta(hours=2)], ids=str)
def test_what_was_signed_long_ago_is_ignored_and_does_not_cost_us_the_subscription(
    tmp_path: Path, late: timedelta
) -> None:
    with desk(tmp_path) as office:
        (name,) = office.page("s1")
        office.hear(*office.pagerduty.webhooks)
        taken = office.pagerduty.act(office.key(name), "acknowledged")
        with listener(office.settings, lambda: START + DAY + late) as url:
            assert replace(office, url=url).post(taken) == (200, "ignored: not of now")
        assert office.incident(name).state == "open"
        assert office.hear(taken) == ["acknowledged"]


def test_what_is_not_signed_by_a_configured_key_is_refused(tmp_path: Path) -> None:
    with desk(tmp_path) as office:
        (name,) = office.page("s1")
        office.hear(*office.pagerduty.webhooks)
        taken = office.pagerduty.act(office.key(name), "acknowledged")
        assert office.post(taken, "another") == (401, "refused")
        assert office.incident(name).state == "open"


def test_a_body_that_is_too_large_is_not_read_to_its_end(tmp_path: Path) -> None:
    settings = configured(tmp_path, signing_keys_from={"ours": "SIGNED"})
    with listener(settings) as url:
        too_large = requests.post(
            f"{url}/pagerduty",
            data=b"x" * (MOST_BYTES + 1),
            headers={"Content-Type": "application/json"},
            timeout=10,
        )
        assert too_large.status_code == 413
        assert requests.get(f"{url}/pagerduty", timeout=10).status_code == 405


def test_without_a_signing_key_nobody_could_be_believed(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="signing_keys_from"):
        listening(configured(tmp_path))
