"""A person takes a page in PagerDuty, and the ledger knows."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
import uvicorn
import yaml

from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.delivery.sinks.pagerduty.inbound import MOST_BYTES
from mist_pipeline.settings import Settings, SettingsError, load_settings
from mist_pipeline.workflows.inbound import listening
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline_tests.support.alerts.histories import START, finding, live
from mist_pipeline_tests.support.fakes.fake_pagerduty import ROUTING_KEY, webhook

KEY = "a signing key"


def configured(data: Path, **pager: object) -> Settings:
    sinks = {
        "pager": {"type": "pagerduty", "routing_key_from": "PAGER", **pager},
        "files": {"type": "file"},
    }
    notifications = {"sinks": sinks, "routes": [{"name": "all", "sinks": ["files"]}]}
    return load_settings(
        environment={
            "MIST_PIPELINE_DATA": str(data),
            "MIST_PIPELINE__NOTIFICATIONS": yaml.safe_dump(notifications),
            "PAGER": ROUTING_KEY,
            "SIGNED": KEY,
        }
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return configured(tmp_path, signing_keys_from={"ours": "SIGNED"})


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with open_ledger(settings) as opened:
        opened.record_evaluation(
            live(0, finding()), NotificationRules(routes=[Route(name="all", sinks=("files",))])
        )
        yield opened


def name(ledger: Ledger) -> str:
    (incident_id,) = ledger.lifecycle_state(START).incidents
    return incident_id


@contextmanager
def listener(settings: Settings) -> Iterator[str]:
    """The application behind a real socket."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        server = uvicorn.Server(uvicorn.Config(listening(settings), log_level="critical", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def post(settings: Settings, key: str, **more: str) -> tuple[int, str]:
    body, signature = webhook(key, **{"signing_key": KEY, **more})
    with listener(settings) as url:
        headers = {"X-PagerDuty-Signature": signature}
        answer = requests.post(f"{url}/pagerduty", data=body, headers=headers, timeout=10)
    return answer.status_code, answer.text


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["incident.acknowledged", "incident.resolved"])
def test_who_takes_or_closes_a_page_has_taken_the_incident_and_others_hear_of_it(
    settings: Settings, ledger: Ledger, kind: str
) -> None:
    assert post(settings, f"mist-pipeline:{name(ledger)}:1", kind=kind) == (200, "acknowledged")
    incident = ledger.incident(name(ledger))[0]
    assert (incident.state, incident.acknowledged_by) == ("acknowledged", "Alex Admin")
    assert ledger.frames()["deliveries"]["reason"].to_list() == ["first", "acknowledged"]


@pytest.mark.slow
def test_a_repeated_event_changes_nothing(settings: Settings, ledger: Ledger) -> None:
    key = f"mist-pipeline:{name(ledger)}:1"
    post(settings, key)
    assert post(settings, key) == (200, "known")
    assert ledger.frames()["deliveries"].height == 2


def test_an_incident_that_the_ledger_does_not_know_is_of_no_interest(
    settings: Settings, ledger: Ledger
) -> None:
    assert post(settings, "mist-pipeline:0123456789abcdef:1") == (200, "unknown incident")
    assert ledger.incident(name(ledger))[0].state == "open"


def test_what_is_not_signed_by_a_configured_key_is_refused(settings: Settings, ledger: Ledger) -> None:
    assert post(settings, f"mist-pipeline:{name(ledger)}:1", signing_key="another") == (401, "refused")
    assert ledger.incident(name(ledger))[0].state == "open"


def test_a_body_that_is_too_large_is_not_read_to_its_end(settings: Settings) -> None:
    with listener(settings) as url:
        too_large = requests.post(f"{url}/pagerduty", data=b"x" * (MOST_BYTES + 1), timeout=10)
        assert too_large.status_code == 413
        assert requests.get(url, timeout=10).text == "mist-pipeline listens"


def test_without_a_signing_key_nobody_could_be_believed(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="signing_keys_from"):
        listening(configured(tmp_path))
