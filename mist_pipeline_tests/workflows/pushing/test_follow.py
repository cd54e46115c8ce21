"""From a webhook to a message: what was pushed is evaluated and told within seconds, by the ledger and the outbox of everything else."""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.alerts.lifecycle.model import Alert, Incident
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.push.application import SIGNATURE
from mist_pipeline.push.message import sign
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.ledger_access import (
    kept_evaluations,
    open_ledger,
)
from mist_pipeline.workflows.notifying.evaluate import evaluate
from mist_pipeline.workflows.notifying.messages import utc_now
from mist_pipeline.workflows.pushing.evaluate import keep_what_was_pushed
from mist_pipeline.workflows.pushing.follow import PushFollower
from mist_pipeline.workflows.pushing.receive import receiving
from mist_pipeline.workflows.self_monitoring.trouble import findings as no_troubles
from mist_pipeline_tests.support.alerts.histories import finding, findings, readings
from mist_pipeline_tests.support.push_company import SITES, mac, made
from mist_pipeline_tests.support.pushes import NOW, SECRET, post, raw, updown
from mist_pipeline_tests.support.web.serving import serving

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


class Company:
    """An organisation whose time the test moves."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.now = settings, NOW
        self.follower = PushFollower(settings, lambda: self.now)
        self.app = receiving(settings, lambda: self.now)

    def push(
        self, kind: str, site: str, numbers: Iterable[int], at: datetime | None = None
    ) -> datetime | None:
        """Devices of a site are lost or come back, which is told three seconds later; then one look."""
        at = at or self.now
        events = [updown(kind, mac(site, number), at, site, org_id="") for number in numbers]
        self.now = max(self.now + SECOND, at + 3 * SECOND)
        assert self.app
        assert post(self.app, raw({"topic": "device-updowns", "events": events})).status == 200
        return self.follower.look()

    def poll(self, *down: str) -> None:
        """A poll that found these sites down, and its evaluation."""
        rows = [
            finding(site, "device", "site_down", "critical", "", '{"is_over": false}', "The site is down.")
            for site in down
        ]
        poll = EvaluationInput(
            as_of=self.now,
            source="live",
            findings=findings(rows),
            readings=readings([(site, "coverage", "ok", 99.0) for site in SITES if site not in down]),
            site_count=len(SITES),
        )
        kept_evaluations(self.settings).keep(poll)
        self.evaluate()

    def evaluate(self) -> None:
        """What the job `evaluate` does."""
        keep_what_was_pushed(self.settings, self.now)
        evaluate(self.settings, no_troubles([], self.now), self.now + SECOND, lambda: self.now + SECOND)

    def read(self, question: Callable[[Ledger], Any]) -> Any:
        with open_ledger(self.settings) as ledger:
            return question(ledger)

    def alerts(self) -> list[Alert]:
        found = self.read(lambda ledger: ledger.lifecycle_state(self.now).alerts.values())
        return [alert for alert in found if alert.site_id]

    def alert(self) -> Alert:
        (alert,) = self.alerts()
        return alert

    def incidents(self) -> list[Incident]:
        return [
            one for one, _ in self.read(lambda ledger: ledger.incidents({"open", "acknowledged", "resolved"}))
        ]

    def messages(self) -> list[str]:
        rows = self.read(lambda ledger: ledger.frames()["deliveries"])
        return [str(reason) for reason in rows["reason"]]


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(made(tmp_path))


DOWN, UP = "AP_DISCONNECTED", "AP_CONNECTED"


def test_a_site_that_is_lost_is_told_before_the_next_poll(company: Company) -> None:
    company.push(DOWN, "north", [0, 1])
    assert company.alerts() == []
    company.push(DOWN, "north", [2])
    alert = company.alert()
    assert (alert.state, alert.severity, alert.family, alert.kind) == (
        "open",
        "critical",
        "device",
        "site_down",
    )
    assert alert.summary.startswith("All devices of the site (3 access points) lost the Mist cloud")
    assert company.messages() == ["first"]


def test_repeated_and_late_messages_change_nothing(company: Company) -> None:
    company.push(DOWN, "north", [0, 1, 2])
    first = company.alert()
    company.push(DOWN, "north", [2, 1], NOW)
    company.push(DOWN, "north", [0], NOW - MINUTE)
    assert company.alert() == first


def test_the_next_poll_confirms(company: Company) -> None:
    company.push(DOWN, "north", [0, 1, 2])
    company.now += 10 * MINUTE
    company.poll("north")
    assert (company.alert().condition, company.messages()) == ("firing", ["first"])


def test_the_next_poll_corrects_and_old_pushes_do_not_contradict_it(company: Company) -> None:
    company.push(DOWN, "north", [0, 1, 2])
    company.now += 10 * MINUTE
    company.poll()
    assert company.alert().condition == "quiet"
    company.follower.look()
    company.push(DOWN, "south", [0])
    assert [alert.condition for alert in company.alerts()] == ["quiet"]
    company.now += 61 * MINUTE
    company.poll()
    assert (company.alert().state, company.alert().resolution) == ("resolved", "recovered")
    assert company.messages() == ["first", "all_resolved"]


def test_a_poll_that_still_says_down_counts_against_a_push_that_said_up(company: Company) -> None:
    company.push(DOWN, "north", [0, 1, 2])
    company.push(UP, "north", [0], company.now + MINUTE)
    assert company.alert().condition == "quiet"
    company.now += 5 * MINUTE
    company.poll("north")
    company.follower.look()
    assert (company.alert().condition, company.messages()) == ("firing", ["first"])
    company.push(UP, "north", [1], company.now + MINUTE)
    assert company.alert().condition == "quiet"


def test_a_push_that_says_down_counts_against_the_poll_before_it(company: Company) -> None:
    company.poll()
    company.push(DOWN, "north", [0, 1, 2])
    assert (company.alert().condition, company.messages()) == ("firing", ["first"])


def test_a_site_that_reconnects_recovers_and_may_fall_again(company: Company) -> None:
    company.push(DOWN, "north", [0, 1, 2])
    company.push(UP, "north", range(3), company.now + MINUTE)
    assert company.alert().condition == "quiet"
    company.push(DOWN, "north", range(3), company.now + MINUTE)
    assert company.alert().condition == "firing"
    assert company.messages() == ["first"]


def test_a_site_that_falls_again_after_it_was_over_is_told_again(company: Company) -> None:
    company.push(DOWN, "north", range(3))
    company.push(UP, "north", range(3), company.now + MINUTE)
    company.now += 70 * MINUTE
    company.poll()
    assert company.alert().state == "resolved"
    company.push(DOWN, "north", range(3), company.now + MINUTE)
    assert company.alert().state == "open"
    assert company.messages() == ["first", "all_resolved", "reopened"]


def test_a_site_with_one_device_is_told_after_five_minutes(tmp_path: Path) -> None:
    company = Company(made(tmp_path, {"north": 1, "south": 3}))
    assert company.push(DOWN, "north", [0]) == NOW + 5 * MINUTE
    assert company.alerts() == []
    company.now = NOW + 5 * MINUTE
    assert company.follower.look() is None
    assert company.alert().site_id == "north"


def test_a_single_device_that_flaps_is_not_told(tmp_path: Path) -> None:
    company = Company(made(tmp_path, {"north": 1, "south": 3}))
    for _ in range(6):
        company.push(DOWN, "north", [0], company.now + MINUTE)
        company.push(UP, "north", [0], company.now + MINUTE)
    assert company.alerts() == []


def test_all_sites_at_once_are_one_incident_of_the_cloud(company: Company) -> None:
    for site in SITES:
        company.push(DOWN, site, range(3), NOW)
    shared = [one for one in company.incidents() if one.scope == "infrastructure"]
    assert [(one.attribute, len(one.alert_ids)) for one in shared] == [("cloud", 4)]
    assert shared[0].cause.startswith("4 of 4 sites lost the Mist cloud together")
    assert [one for one in company.incidents() if one.state != "merged"] == shared
    company.now += 10 * MINUTE
    company.poll(*SITES)
    assert [one.incident_id for one in company.incidents() if one.family == "device"] == [
        shared[0].incident_id
    ]


def test_pushes_say_nothing_about_other_families_and_other_sites(company: Company) -> None:
    trouble = [
        finding("south", "radio", "evidence"),
        finding("east", "device", "site_down", "critical", "", "{}"),
    ]
    kept_evaluations(company.settings).keep(
        EvaluationInput(as_of=NOW - MINUTE, source="live", findings=findings(trouble))
    )
    company.evaluate()
    before = {alert.site_id: alert for alert in company.alerts()}
    company.push(DOWN, "north", [0, 1, 2])
    assert {alert.site_id: alert for alert in company.alerts() if alert.site_id != "north"} == before


def test_planned_work_is_not_told(tmp_path: Path) -> None:
    work = [
        {
            "name": "works",
            "match": 'site="north"',
            "starts_at": "2026-03-02T09:00:00+00:00",
            "ends_at": "2026-03-02T12:00:00+00:00",
        }
    ]
    company = Company(made(tmp_path, zone="Europe/Berlin", maintenance=work))
    company.push(DOWN, "north", [0, 1, 2])
    assert (company.alert().state, company.messages()) == ("open", [])


def test_sites_that_nobody_knows_and_missing_lists_are_no_trouble(tmp_path: Path) -> None:
    company = Company(made(tmp_path))
    company.settings.devices_path.write_bytes(b"no parquet")
    events = [updown(DOWN, "aa0000000001", NOW, "elsewhere"), updown(DOWN, "aa0000000002", NOW, "elsewhere")]
    assert company.app
    company.now += SECOND
    post(company.app, raw({"topic": "device-updowns", "events": events}))
    assert company.follower.look() is None
    assert company.alerts() == []


def test_what_a_dead_listener_left_the_job_evaluate_does(company: Company) -> None:
    company.follower.look = lambda: None  # type: ignore[method-assign]
    company.push(DOWN, "north", [0, 1, 2])
    company.evaluate()
    assert company.alert().site_id == "north"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_ends_whoever_runs_it_and_not_the_thread_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defect(_self: PushFollower) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(PushFollower, "look", defect)
    follower, told = PushFollower(made(tmp_path), together_seconds=0), threading.Event()
    follower.start(broken=told.set)
    assert told.wait(60)
    follower.end()
    assert follower.is_broken


@pytest.mark.slow
def test_a_dead_site_is_told_over_http_without_anybody_else_at_work(tmp_path: Path) -> None:
    settings = made(tmp_path)
    follower = PushFollower(settings, together_seconds=0.05)
    app = receiving(settings, wake=follower.wake)
    assert app
    follower.start()
    try:
        with serving(app) as address:
            body = raw(
                {
                    "topic": "device-updowns",
                    "events": [updown(DOWN, mac("north", one), utc_now(), "north") for one in range(3)],
                }
            )
            headers = {"Content-Type": "application/json", SIGNATURE: sign(body, Secret(SECRET))}
            arrived = utc_now()
            assert requests.post(f"{address}/mist", data=body, headers=headers, timeout=30).status_code == 200
            assert Waiting(15).until(lambda: list(tmp_path.rglob("*-first-*.txt")))
    finally:
        follower.end()
    with open_ledger(settings) as ledger:
        (evaluated,) = ledger.frames()["deliveries"]["created_at"]
    assert evaluated - arrived <= 5 * SECOND
    (told,) = tmp_path.rglob("*-first-*.txt")
    assert "All devices of the site (3 access points) lost the Mist cloud" in told.read_text()


class Waiting:
    """Asks again until something is so."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    def until(self, question: Callable[[], object]) -> bool:
        while not question():
            if time.monotonic() > self._ends:
                return False
            threading.Event().wait(0.05)
        return True
