"""150 sites lose their WAN at once: one incident, one message a sink, one ticket, one page, 150 children listed."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.alerts.ledger.pending import evaluate_pending
from mist_pipeline.analysis.scores.live_status import live_status
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.simulator.world.scenario import wan_storm
from mist_pipeline.simulator.world.world import World
from mist_pipeline.tables import BY_NAME
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.detect_hour import live_evaluation
from mist_pipeline.workflows.analysis.evidence_walk import store_evidence
from mist_pipeline.workflows.ledger_access import (
    kept_evaluations,
    notification_rules,
    open_ledger,
    remember_sites,
)
from mist_pipeline.workflows.notifying.messages import worker
from mist_pipeline_tests.support.delivery.mail_server import Mailbox, mail_server
from mist_pipeline_tests.support.fakes.fake_jira import FakeJira
from mist_pipeline_tests.support.fakes.fake_pagerduty import ROUTING_KEY, FakePagerDuty
from mist_pipeline_tests.support.fakes.fake_servicenow import FakeServiceNow
from mist_pipeline_tests.support.fakes.fake_slack import CHANNEL, TOKEN, FakeSlack

pytestmark = pytest.mark.slow

SITES, DAYS = 150, 3
START = date(2026, 3, 2)


@dataclass
class Storm:
    """What people's systems got."""

    settings: Settings
    world: World
    today: Mapping[str, pl.DataFrame]
    ledger: Ledger
    mailbox: Mailbox
    slack: FakeSlack
    pager: FakePagerDuty
    jira: FakeJira
    servicenow: FakeServiceNow

    def look(self, instant: datetime) -> None:
        """A look, its evaluation, and everything that is due."""
        warehouse = Warehouse(self.settings.warehouse_path)
        # Of the running hour only what is connected is known.
        frames = {
            name: self.today[name].filter(self.today[name]["hour"] < instant)
            for name in ("sle_hourly", "site_hourly")
        }
        status = live_status(
            warehouse.query("SELECT * FROM live.status"), frames["sle_hourly"], frames["site_hourly"], instant
        )
        frames["status"] = status
        warehouse.replace_tables({BY_NAME[f"live.{name}"]: frame for name, frame in frames.items()})
        seen = live_evaluation(warehouse, self.settings, instant)
        remember_sites(self.settings, seen.sites)
        kept = kept_evaluations(self.settings)
        kept.keep(seen.evaluation_input())
        evaluate_pending(self.ledger, kept, notification_rules(self.settings), instant)
        worker(self.settings, self.ledger, clock=lambda: instant).run()


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storm]:
    data: Path = tmp_path_factory.mktemp("storm")
    quiet = World(SITES, DAYS, 3, start=START, quiet=True, timezones=["UTC"])
    noon = quiet.midnight(START + timedelta(days=DAYS - 1)) + timedelta(hours=12)
    scenarios = [wan_storm(range(SITES), noon, 3.0)]
    world = World(SITES, DAYS, 3, start=START, quiet=True, timezones=["UTC"], scenarios=scenarios)
    with ExitStack() as stack:
        mailbox = Mailbox()
        port = stack.enter_context(mail_server(mailbox))
        slack, pager = stack.enter_context(FakeSlack()), stack.enter_context(FakePagerDuty())
        jira, servicenow = stack.enter_context(FakeJira()), stack.enter_context(FakeServiceNow())
        sinks = {
            "mail": {
                "type": "mail",
                "host": "localhost",
                "port": port,
                "security": "none",
                "sender": "mist@example.com",
                "recipients": ["noc@example.com"],
            },
            "chat": {"type": "slack", "channel": CHANNEL, "token_from": "CHAT", "base_url": f"{slack.url}/api"},
            "hook": {"type": "slack_webhook", "url_from": "HOOK"},
            "pager": {"type": "pagerduty", "routing_key_from": "PAGER", "url": pager.url},
            "jira": {
                "type": "jira", "base_url": jira.url, "project": "NET", "user": "bot@example.com", "token_from": "DESK",
            },
            "servicenow": {"type": "servicenow", "base_url": servicenow.url, "user": "bot", "token_from": "DESK"},
            "files": {"type": "file"},
        }  # fmt: skip
        settings = load_settings(
            environment={
                "MIST_PIPELINE_DATA": str(data),
                "MIST_PIPELINE__NOTIFICATIONS": yaml.safe_dump(
                    {"sinks": sinks, "routes": [{"name": "all", "sinks": list(sinks)}]}
                ),
                "CHAT": TOKEN,
                "HOOK": slack.hook,
                "PAGER": ROUTING_KEY,
                "DESK": "secret-of-the-desk",
            }
        )
        days = [START + timedelta(days=offset) for offset in range(DAYS - 1)]
        past = world.history(days[0], days[-1])
        warehouse = Warehouse(settings.warehouse_path)
        warehouse.replace_all({BY_NAME[f"history.{name}"]: frame for name, frame in past.items()}, days)
        # As every morning's analysis does it; else each look would read the days before anew.
        store_evidence(warehouse, settings, days)
        with open_ledger(settings) as ledger:
            today = world.history(days[-1] + timedelta(days=1), days[-1] + timedelta(days=1))
            made = Storm(settings, world, today, ledger, mailbox, slack, pager, jira, servicenow)
            made.look(noon - timedelta(minutes=55))
            made.look(noon + timedelta(hours=1, minutes=5))
            yield made


def test_a_storm_is_one_incident_with_every_site_as_its_child(storm: Storm) -> None:
    incidents = storm.ledger.frames()["incidents"]
    assert incidents["scope"].to_list() == ["infrastructure"]
    _, alerts, _ = storm.ledger.incident(incidents["incident_id"][0])
    assert len({alert.site_id for alert in alerts}) == SITES
    assert f"{SITES} sites" in incidents["cause"][0]


def test_everybody_is_notified_once(storm: Storm) -> None:
    deliveries = storm.ledger.frames()["deliveries"]
    assert set(deliveries["state"]) == {"sent"}
    assert deliveries["sink"].is_unique().all()
    assert len(storm.mailbox.arrived) == 1
    assert len(storm.slack.posts()) == 1
    assert len(storm.slack.hooked) == 1
    assert storm.pager.notifications == 1
    assert len(storm.jira.issues) == 1
    assert len(storm.servicenow.records) == 1


def test_every_child_is_listed_or_counted_within_the_limits_of_each(storm: Storm) -> None:
    (mail,) = storm.mailbox.mails()
    text = mail.get_body(("plain",))
    assert text is not None
    assert text.get_content().count("CRITICAL") >= SITES
    (post,) = storm.slack.posts()
    assert "more" in str(post.blocks), "Slack takes no 150 lines; what is left out is counted"
    (event,) = storm.pager.events
    assert len(event["payload"]["custom_details"]["alerts"]) > 100
    (text_file,) = (storm.settings.data / "messages").glob("*/*.txt")
    assert text_file.read_text(encoding="utf-8").count("CRITICAL") >= SITES


def test_everybody_is_notified_of_the_end_of_the_storm_once(storm: Storm) -> None:
    noon = storm.world.scenarios[0].onset
    for hours in (3, 5, 7):
        storm.look(noon + timedelta(hours=hours, minutes=5))
    incidents = storm.ledger.frames()["incidents"]
    assert incidents["state"].to_list() == ["resolved"]
    over = storm.ledger.frames()["deliveries"]
    assert over.filter(over["reason"] == "all_resolved")["sink"].is_unique().all()
    assert over.filter(over["reason"] == "all_resolved").height == 7
    assert storm.pager.open_pages == []
    assert storm.jira.open_keys() == []
