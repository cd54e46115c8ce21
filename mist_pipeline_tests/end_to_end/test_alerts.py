"""From trouble in the cloud to people and back, over HTTP on both sides, through real Dagster runs."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from mist_pipeline.alerts.lifecycle.model import Incident
from mist_pipeline.cli.execution import execute, execute_days
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.simulator.cloud.server import Running, serve
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.scenario import site_offline, slow_degradation
from mist_pipeline.simulator.world.world import World
from mist_pipeline.tables import BY_NAME
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.evidence_walk import store_evidence
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline.workflows.progress import silent
from mist_pipeline_tests.support.fakes.fake_jira import FakeJira
from mist_pipeline_tests.support.fakes.fake_pagerduty import ROUTING_KEY, FakePagerDuty
from mist_pipeline_tests.support.fakes.fake_slack import CHANNEL, TOKEN, FakeSlack
from mist_pipeline_tests.support.fakes.jira_workflows import (
    ANNA,
)

pytestmark = pytest.mark.slow

START = date(2026, 3, 2)
DAYS = 23
MORNINGS = 1
"""Days that were analysed in the morning after; earlier ones are history, of which nobody is told."""
TODAY = START + timedelta(days=DAYS - 1)
OUT, FADING = 2, 4
"""A site that goes down today, and one whose coverage has been fading for days."""


def at(hour: int, minute: int = 5) -> datetime:
    return datetime(TODAY.year, TODAY.month, TODAY.day, hour, minute, tzinfo=UTC)


@dataclass
class Town:
    """A cloud, the people's systems, and a pipeline between them."""

    world: World
    clock: Clock
    slack: FakeSlack
    pager: FakePagerDuty
    jira: FakeJira
    settings: Settings

    def run(self, *jobs: str) -> None:
        for job in jobs:
            outcome = execute(self.settings, job, progress=silent, as_of=self.clock.now())
            assert outcome.failures == ()

    def run_days(self, job: str, days: Sequence[date]) -> None:
        for outcome in execute_days(self.settings, job, days, progress=silent, as_of=self.clock.now()):
            assert outcome.failures == ()

    def look(self, hour: int, minute: int = 5) -> None:
        """One interval: the cloud's clock moves on, the live job looks, and what it found is evaluated."""
        self.clock.set(at(hour, minute))
        self.run("live", "evaluate")

    def alerts(self) -> pl.DataFrame:
        with open_ledger(self.settings) as ledger:
            return ledger.alert_frame()

    def incident_of(self, site: int) -> Incident:
        site_id = self.world.sites()[site].site_id
        (alert,) = self.alerts().filter(pl.col("site_id") == site_id).iter_rows(named=True)
        with open_ledger(self.settings) as ledger:
            return ledger.incident(alert["incident_id"])[0]

    def ticket_about(self, word: str) -> str:
        (key,) = [key for key, issue in self.jira.issues.items() if word in issue["fields"]["summary"]]
        return key

    def events_of_pages(self) -> list[str]:
        return [event["event_action"] for event in self.pager.events]


def notifications(slack: FakeSlack, pager: FakePagerDuty, jira: FakeJira) -> dict[str, Any]:
    return {
        "sinks": {
            "chat": {
                "type": "slack",
                "channel": CHANNEL,
                "token_from": "CHAT",
                "base_url": f"{slack.url}/api",
            },
            "pager": {"type": "pagerduty", "routing_key_from": "PAGER", "url": pager.url},
            "desk": {
                "type": "jira",
                "base_url": jira.url,
                "project": "NET",
                "user": "bot@example.com",
                "token_from": "DESK",
            },
            "files": {"type": "file"},
        },
        "routes": [
            {"name": "everything", "sinks": ["files", "desk"], "goes_on": True},
            {"name": "critical", "sinks": ["chat"], "min_severity": "critical", "escalation": "duty"},
        ],
        "escalations": {"duty": {"steps": [{"after_minutes": 10, "sink": "pager"}]}},
    }


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    data: Path = tmp_path_factory.mktemp("town") / "data"
    begins = at(0) - timedelta(days=7)
    scenarios = [
        site_offline([OUT], at(10, 0), 2.0),
        slow_degradation(FADING, begins, 24.0, "coverage", peak=0.55),
    ]
    world = World(6, DAYS, seed=5, start=START, quiet=True, timezones=["UTC"], scenarios=scenarios)
    clock = Clock(at(8))
    with ExitStack() as stack:
        cloud: Running = stack.enter_context(serve(world, clock=clock))
        slack, pager = stack.enter_context(FakeSlack()), stack.enter_context(FakePagerDuty())
        jira = stack.enter_context(FakeJira())
        environment = {
            "MIST_BASE_URL": cloud.base_url,
            "MIST_ORG_ID": cloud.org_id,
            "MIST_API_TOKEN": cloud.token,
            "MIST_PIPELINE_DATA": str(data),
            "MIST_PIPELINE__HISTORY__START": START.isoformat(),
            "MIST_PIPELINE__NOTIFICATIONS": yaml.safe_dump(notifications(slack, pager, jira)),
            "CHAT": TOKEN,
            "PAGER": ROUTING_KEY,
            "DESK": "jira-token",
        }
        made = Town(world, clock, slack, pager, jira, load_settings(environment=environment))
        made.run("snapshots")
        days = [START + timedelta(days=offset) for offset in range(DAYS - 1)]
        past = world.history(days[0], days[-1])
        warehouse = Warehouse(made.settings.warehouse_path)
        warehouse.replace_all({BY_NAME[f"history.{name}"]: frame for name, frame in past.items()}, days)
        store_evidence(warehouse, made.settings, days[:-MORNINGS])
        for day in days[-MORNINGS:]:
            clock.set(datetime(day.year, day.month, day.day, 2, 30, tzinfo=UTC) + timedelta(days=1))
            made.run_days("analyse", [day])
            made.run("evaluate")
        clock.set(at(8))
        yield made


def test_a_slow_degradation_is_notified_before_it_is_critical(town: Town) -> None:
    (fading,) = [one for one in town.world.truth if one.kind == "slow_degradation"]
    assert fading.critical_at is not None
    assert town.clock.now() < fading.critical_at
    site_id = town.world.sites()[FADING].site_id
    told = town.alerts().filter(pl.col("site_id") == site_id)
    assert told.height == 1
    messages = list((town.settings.data / "messages").glob("*/*-first-*.txt"))
    assert len(messages) == town.alerts()["incident_id"].n_unique()
    assert any("overage" in path.read_text(encoding="utf-8") for path in messages)


def test_an_outage_is_notified_paged_acknowledged_and_resolved_each_once(town: Town) -> None:
    before = len(town.slack.posts())
    town.look(10)
    posts = town.slack.posts()
    assert len(posts) == before + 1, "one interval after it went down"
    incident = town.incident_of(OUT)
    assert (incident.state, incident.scope) == ("open", "site")
    down = posts[-1]
    assert "down" in down.text
    key = town.ticket_about("down")

    town.clock.set(at(10, 20))
    town.run("escalate")
    assert town.events_of_pages() == ["trigger"], "nobody has reacted"
    town.run("escalate", "deliver")
    assert town.events_of_pages() == ["trigger"]

    town.jira.assign(key, ANNA)
    town.clock.set(at(10, 30))
    town.run("read_back")
    assert town.incident_of(OUT).state == "acknowledged"
    town.look(11)
    town.clock.set(at(11, 40))
    town.run("escalate", "deliver")
    assert town.events_of_pages().count("trigger") == 1, "no page after it was taken"

    for hour in (12, 13, 15):
        town.look(hour)
    assert town.incident_of(OUT).state == "resolved"
    assert town.jira.category(key) == "done"
    assert town.pager.open_pages == []
    assert [post.ts for post in town.slack.posts()] == [post.ts for post in posts], (
        "one message, brought up to date"
    )
    assert any(reply.thread_ts == down.ts and "RESOLVED" in reply.text for reply in town.slack.replies())
    assert town.ticket_about("down") == key, "still the only one"


def test_nothing_is_notified_twice_when_everything_runs_again(town: Town) -> None:
    seen = (len(town.slack.channels[CHANNEL]), len(town.pager.events), len(town.jira.writes()))
    town.run("evaluate", "escalate", "deliver", "read_back")
    assert (len(town.slack.channels[CHANNEL]), len(town.pager.events), len(town.jira.writes())) == seen
