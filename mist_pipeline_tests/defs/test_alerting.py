"""The jobs that tell people, through real runs: nothing lost, nothing twice, and one broken sink is one broken sink."""

import html
import json
import logging
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
import pytest
import yaml

from mist_pipeline.alerts.ledger.evaluation_store import Evaluations, Name
from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.alerts.lifecycle.model import Incident
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.alerts.notify.matchers import parse_matchers
from mist_pipeline.alerts.notify.outcome import Delivery
from mist_pipeline.alerts.notify.silences import Silence
from mist_pipeline.defs.alert_jobs import alert_jobs
from mist_pipeline.defs.pipeline_facts import WATCHED, pipeline_trouble_sensor
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.tables import live as live_tables
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.evaluate import refused_messages
from mist_pipeline.workflows.ledger_access import kept_evaluations, open_ledger, remember_sites
from mist_pipeline.workflows.messages import MessageBuilder
from mist_pipeline.workflows.progress import AS_OF_TAG
from mist_pipeline_tests.defs.test_checks import row
from mist_pipeline_tests.support.alerts.histories import HOUR, START, daily, finding, live, reading
from mist_pipeline_tests.support.fakes.fake_http import FakeHttp, Reply
from mist_pipeline_tests.support.fakes.fake_jira import ANNA, FakeJira
from mist_pipeline_tests.support.fakes.fake_pagerduty import ROUTING_KEY, FakePagerDuty
from mist_pipeline_tests.support.fakes.fake_servicenow import FakeServiceNow
from mist_pipeline_tests.support.fakes.ticket_server import VirtualClock

pytestmark = pytest.mark.slow

HOSTILE = "<img src=x onerror=alert(1)> | [Store](javascript:alert(1)) `code` **bold**\n# Heading"
MINUTE = HOUR / 60
SECRETS = {
    "HOOK_URL": "https://unused.example.com/in",
    "HOOK_KEY": "a-key-of-the-webhook",
    "JIRA_TOKEN": "jira-very-secret",
    "PAGER_KEY": ROUTING_KEY,
    "NOW_PASSWORD": "now-very-secret",
}
FILES = {"type": "file"}
HOOK = {"type": "webhook", "url_from": "HOOK_URL", "key_from": "HOOK_KEY"}


class House:
    """One installation: its settings, its Dagster instance, and its jobs; hours are those of the histories."""

    def __init__(
        self, data: Path, instance: dg.DagsterInstance, told: Mapping[str, Any], **secrets: str
    ) -> None:
        self.instance = instance
        data.mkdir(parents=True, exist_ok=True)
        notifications = dict(told)
        content = {"alerts": notifications.pop("alerts", {}), "notifications": notifications}
        (data / "config.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        environment = {"MIST_PIPELINE_DATA": str(data), **SECRETS, **secrets}
        self.settings: Settings = load_settings(environment=environment)
        self.definitions = dg.Definitions(
            jobs=alert_jobs(()),
            resources={"settings": self.settings, "warehouse": Warehouse(self.settings.warehouse_path)},
        )

    def keep(self, *steps: EvaluationInput) -> None:
        """What a look leaves behind."""
        for step in steps:
            kept_evaluations(self.settings).keep(step)

    def run(self, job: str, hour: float) -> dg.ExecuteInProcessResult:
        """A run of a job, as of an hour."""
        return self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            tags={AS_OF_TAG: (START + hour * HOUR).isoformat()},
            raise_on_error=False,
        )

    def evaluates(self, hour: float, *rows: Mapping[str, str], **more: Any) -> dg.ExecuteInProcessResult:
        """A look, and the run that it wakes."""
        self.keep(live(hour, *rows, **more))
        result = self.run("evaluate", hour)
        assert result.success
        return result

    def read(self, job: str, hour: float) -> dg.ExecuteInProcessResult:
        result = self.run(job, hour)
        assert result.success
        return result

    def messages(self) -> dict[str, list[dict[str, Any]]]:
        """Incident → what the file sink got about it, in its order."""
        told: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for path in (self.settings.data / "messages").glob("*/*.json"):
            told[path.parent.name].append(json.loads(path.read_text(encoding="utf-8")))
        return {
            incident_id: sorted(
                documents, key=lambda document: int(document["delivery_id"].partition("-")[0])
            )
            for incident_id, documents in told.items()
        }

    def reasons(self) -> list[list[str]]:
        """Of every incident why the file sink was told, in order."""
        return sorted([document["reason"] for document in told] for told in self.messages().values())

    def deliveries(self, sink: str | None = None) -> list[tuple[str, str, str]]:
        """Rows of the outbox: sink, reason, state."""
        with self.ledger() as ledger:
            rows = ledger.frames()["deliveries"].sort("delivery_id")
        found = rows.select("sink", "reason", "state").iter_rows()
        return [row for row in found if sink is None or row[0] == sink]

    def incident(self, family: str = "radio") -> Incident:
        """The one incident of a family."""
        with self.ledger() as ledger:
            (found,) = [one for one in ledger.book(START).incidents.values() if one.family.startswith(family)]
        return found

    def ledger(self) -> Ledger:
        """The ledger, as another process opens it."""
        return open_ledger(self.settings)

    def said(self, result: dg.ExecuteInProcessResult, level: int = logging.WARNING) -> list[str]:
        """What our own code logged in a run, at a level."""
        entries = self.instance.all_logs(result.run_id)
        return [one.user_message for one in entries if one.level == level and not one.is_dagster_event]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


Build = Callable[..., House]


@pytest.fixture
def build(tmp_path: Path, instance: dg.DagsterInstance) -> Build:
    """Makes a house of sinks and routes."""

    def built(
        sinks: Mapping[str, Mapping[str, Any]] | None = None,
        routes: list[dict[str, Any]] | None = None,
        **more: Any,
    ) -> House:
        known = {"people": FILES} if sinks is None else sinks
        ways = [{"name": "everybody", "sinks": [*known]}] if routes is None and known else routes or []
        secrets = {name: more.pop(name) for name in list(more) if name.isupper()}
        return House(tmp_path / "data", instance, {"sinks": known, "routes": ways, **more}, **secrets)

    return built


def metadata(result: dg.ExecuteInProcessResult, step: str) -> dict[str, Any]:
    """What a step says about itself, whether it succeeded or failed."""
    for event in result.all_events:
        if event.step_key == step and event.is_successful_output:
            return {name: value.value for name, value in event.step_output_data.metadata.items()}
        if event.step_key == step and event.is_step_failure:
            failure = event.step_failure_data.user_failure_data
            assert failure is not None
            return {name: value.value for name, value in failure.metadata.items()}
    raise AssertionError(f"{step} did not run")


def failed(result: dg.ExecuteInProcessResult) -> set[str | None]:
    return {event.step_key for event in result.all_events if event.is_step_failure}


def cells(markdown: str) -> list[list[str]]:
    """The rows of a Markdown table without its heads, as people read them."""
    lines = markdown.splitlines()[2:]
    return [[as_read(cell).strip() for cell in line.strip("|").split("|")] for line in lines]


def as_read(text: str) -> str:
    shown = html.unescape(text)
    return shown if shown == text else as_read(shown)


# From a look to people


def test_a_kept_look_becomes_events_and_its_message_lies_there_after_the_same_run(build: Build) -> None:
    house = build()
    house.keep(live(0, finding()))
    result = house.run("evaluate", 0)
    assert result.success
    (told,) = house.messages().values()
    assert [(document["reason"], document["incident"]["severity"]) for document in told] == [
        ("first", "major")
    ]
    said = metadata(result, "evaluate_looks")
    assert said["evaluated"] == ["20260302T000000.000000Z-live"]
    assert said["events"]["alert opened"] == said["events"]["incident opened"] == 1
    (notice,) = cells(said["to tell"])
    assert (notice[0], notice[1], notice[3]) == ("people", house.incident().incident_id, "major")
    assert cells(said["withheld"]) == []
    sent = metadata(result, "notify")
    assert sent["states"] == {"sent": 1}
    assert cells(sent["messages"])[0][0] == "people"


def test_the_same_run_again_tells_nobody_anything(build: Build) -> None:
    house = build()
    house.evaluates(0, finding())
    with house.ledger() as ledger:
        before = ledger.events()
    again = house.read("evaluate", 0)
    assert metadata(again, "evaluate_looks")["evaluated"] == []
    assert metadata(again, "evaluate_looks")["events"] == {}
    assert house.reasons() == [["first"]]
    with house.ledger() as ledger:
        assert ledger.events() == before


def test_looks_that_nobody_evaluated_are_made_up_for_in_order_and_told_once(build: Build) -> None:
    house = build()
    house.keep(*(live(hour, finding()) for hour in range(3)))
    result = house.read("evaluate", 3)
    assert metadata(result, "evaluate_looks")["evaluated"] == [
        f"20260302T0{hour}0000.000000Z-live" for hour in range(3)
    ]
    assert house.incident().opened_at == START
    assert house.reasons() == [["first"]]


def test_looks_of_one_instant_are_all_told_by_a_run_of_that_instant(build: Build) -> None:
    house = build()
    job_that("daily", broken).execute_in_process(instance=house.instance, raise_on_error=False)
    house.keep(daily(0, finding("s1"), covers_from=START - 24 * HOUR), live(0, finding("s2", "connect")))
    result = house.read("evaluate", 0)
    assert cells(metadata(result, "evaluate_looks")["withheld"]) == []
    assert house.reasons() == [["first"]] * 3


def test_a_run_that_dies_between_two_looks_loses_nothing(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = build()
    house.keep(live(0, finding()), live(1, finding(), finding("s2", "connect")))
    load = Evaluations.load

    def dies(self: Evaluations, name: Name) -> EvaluationInput:
        if name.as_of > START:
            raise OSError("no space left on device")
        return load(self, name)

    with monkeypatch.context() as patch:
        patch.setattr(Evaluations, "load", dies)
        broken = house.run("evaluate", 1)
    assert failed(broken) == {"evaluate_looks"}
    assert house.messages() == {}
    house.read("evaluate", 1.1)
    assert house.reasons() == [["first"], ["first"]]


def test_a_run_that_dies_before_it_sends_leaves_rows_that_are_sent_later(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = build()
    house.keep(live(0, finding()))
    with monkeypatch.context() as patch:
        patch.setattr("mist_pipeline.defs.alert_jobs.worker", lambda *_, **__: 1 / 0)
        assert failed(house.run("evaluate", 0)) == {"notify", "ticket"}
    assert house.messages() == {}
    assert house.deliveries() == [("people", "first", "pending")]
    house.read("deliver", 0.1)
    assert house.reasons() == [["first"]]


def test_the_end_of_an_incident_is_told_where_its_beginning_was(build: Build) -> None:
    house = build()
    down = finding(family="device", kind="site_down", severity="critical", metric="")
    house.evaluates(0, down, readings=reading("ok"))
    for hour in (1, 2, 3):
        house.evaluates(hour, readings=reading("ok"))
    assert house.reasons() == [["first", "all_resolved"]]


def test_without_a_route_nobody_is_told_and_the_run_says_so(build: Build) -> None:
    house = build(routes=[])
    result = house.evaluates(0, finding())
    assert house.messages() == {}
    assert house.deliveries() == []
    incident = house.incident()
    assert incident.withheld == "no_route"
    assert cells(metadata(result, "evaluate_looks")["withheld"]) == [[incident.incident_id, "no_route"]]


@pytest.mark.parametrize("job", ["evaluate", "deliver", "escalate", "read_back"])
def test_without_any_sink_every_job_succeeds(build: Build, job: str) -> None:
    house = build(sinks={})
    house.keep(live(0, finding()))
    result = house.read(job, 0)
    assert metadata(result, "notify")["states"] == metadata(result, "ticket")["states"] == {}
    assert not house.said(result)


@pytest.mark.parametrize("job", ["evaluate", "deliver", "escalate", "read_back"])
def test_before_the_first_look_every_job_succeeds(build: Build, job: str) -> None:
    house = build()
    assert house.read(job, 0).success
    assert house.messages() == {}


def test_the_newest_known_sites_give_names_and_labels_without_a_warehouse(build: Build) -> None:
    house = build(
        routes=[
            {"name": "berlin", "sinks": ["people"], "match": 'site="Berlin <1>"'},
        ]
    )
    sites = pl.DataFrame(
        {
            "site_id": ["s1", "s2"],
            "name": ["Berlin <1>", "Paris"],
            "timezone": ["UTC"] * 2,
            "country_code": ["DE", "FR"],
            "sitegroup_ids": [["g"], []],
            "attributes": ["{}", "{}"],
        }
    )
    remember_sites(house.settings, sites)
    house.evaluates(0, finding("s1"), finding("s2", "connect"))
    ((document,),) = house.messages().values()
    assert "Berlin <1>" in document["incident"]["title"]
    assert not house.settings.warehouse_path.exists()


def test_what_strangers_typed_cannot_break_out_of_what_a_run_says(build: Build) -> None:
    with FakeHttp() as hook:
        house = build(
            sinks={"people": FILES, "hook": HOOK},
            routes=[{"name": HOSTILE, "sinks": ["people", "hook"]}],
            maintenance=[{"name": HOSTILE, "match": "site_id=s2", "ends_at": (START + 9 * HOUR).isoformat()}],
            HOOK_URL=f"{hook.url}/in",
        )
        hook.script(Reply(400, HOSTILE.encode()))
        result = house.evaluates(0, finding("s1", summary=HOSTILE), finding("s2", "connect", summary=HOSTILE))
    shown = [metadata(result, step) for step in ("evaluate_looks", "notify")]
    tables = [text for said in shown for text in said.values() if isinstance(text, str)]
    assert len(tables) == 3
    for text in tables:
        heads, *rows = text.splitlines()
        assert len(rows) >= 2
        assert all(line.count("|") == heads.count("|") for line in rows)
        assert not set("<`*") & set(text)
        assert "](" not in text
    (withheld,) = cells(shown[0]["withheld"])
    assert withheld[1].startswith("silenced_by: <img")
    refused = next(row for row in cells(shown[1]["messages"]) if row[0] == "hook")
    assert "400" in refused[-1]


# One sink fails


def test_a_sink_that_does_not_answer_keeps_no_other_from_being_told_and_is_tried_again_later(
    build: Build,
) -> None:
    with FakeHttp() as hook:
        house = build(sinks={"hook": HOOK, "people": FILES}, HOOK_URL=f"{hook.url}/in")
        hook.script(Reply(503))
        result = house.evaluates(0, finding())
        assert house.reasons() == [["first"]]
        assert house.deliveries("hook") == [("hook", "first", "failed")]
        assert metadata(result, "notify")["states"] == {"failed": 1, "sent": 1}
        (warning,) = house.said(result)
        assert "hook: first" in warning
        assert "503" in warning
        house.read("deliver", 0)
        assert len(hook.requests) == 1
        house.read("deliver", 1)
        assert house.deliveries("hook") == [("hook", "first", "sent")]
        first, second = hook.requests
    assert first.headers["x-mist-delivery"] == second.headers["x-mist-delivery"]
    assert house.reasons() == [["first"]]


def test_a_refused_message_becomes_trouble_of_the_pipeline_until_the_sink_accepts_again(build: Build) -> None:
    with FakeHttp() as hook:
        house = build(sinks={"hook": HOOK, "people": FILES}, HOOK_URL=f"{hook.url}/in")
        hook.script(Reply(400, b"no such channel"))
        result = house.evaluates(0, finding())
        assert house.deliveries("hook") == [("hook", "first", "dead")]
        (error,) = house.said(result, logging.ERROR)
        assert "no such channel" in error
        hook.script(Reply(400, b"no such channel"))
        house.evaluates(0.25, finding())
        refused = house.incident("pipeline")
        assert refused.family == "pipeline:delivery"
        told = house.messages()[refused.incident_id]
        assert [document["reason"] for document in told] == ["first"]
        assert "Messages do not arrive by hook" in told[0]["incident"]["title"]
        assert told[0]["incident"]["scope"] == "pipeline"
        # It lasts, is said once, and hangs on no other news.
        house.evaluates(0.5, finding())
        assert [document["reason"] for document in house.messages()[refused.incident_id]] == ["first"]
        # The next message is accepted, and the evaluation after that one says so.
        house.evaluates(0.75, finding(), finding("s2", "connect"))
        assert house.deliveries("hook")[-1][2] == "sent"
        house.evaluates(1, finding(), finding("s2", "connect"))
    told = house.messages()[refused.incident_id]
    assert [document["reason"] for document in told] == ["first", "all_resolved"]


def test_what_was_given_up_after_a_day_of_trying_is_told_as_well(build: Build) -> None:
    with FakeHttp() as hook:
        house = build(sinks={"hook": HOOK, "people": FILES}, HOOK_URL=f"{hook.url}/in")
        hook.script(*[Reply(503)] * 3)
        house.evaluates(0, finding())
        house.read("deliver", 12)
        house.read("deliver", 25)
        assert house.deliveries("hook") == [("hook", "first", "dead")]
        house.read("evaluate", 25)
        assert house.incident("pipeline").family == "pipeline:delivery"


def test_a_sink_that_is_not_configured_any_more_is_no_trouble(build: Build) -> None:
    with FakeHttp() as hook:
        house = build(sinks={"hook": HOOK, "people": FILES}, HOOK_URL=f"{hook.url}/in")
        hook.script(Reply(400), Reply(400))
        house.evaluates(0, finding())
        house.read("evaluate", 0.25)
        assert house.incident("pipeline").is_active
    house = build()
    house.read("evaluate", 0.5)
    assert not house.incident("pipeline").is_active


def test_refused_messages_of_several_sinks_are_one_finding_with_every_error() -> None:
    assert refused_messages([], START).is_empty()
    found = refused_messages([("chat", "a", START), ("mail", "b", START - HOUR)], START + HOUR)
    assert live_tables.FINDINGS.conform(found).equals(found)
    (row_,) = found.rows(named=True)
    assert row_["summary"] == "Messages do not arrive by chat, mail: a"
    assert json.loads(row_["evidence"]) == {
        "sinks": {"chat": "a", "mail": "b"},
        "since": (START - HOUR).isoformat(),
    }
    assert row_["fingerprint"] == refused_messages([("mail", "c", START)], START)["fingerprint"].item()


def test_a_defect_of_ours_fails_its_step_and_tickets_are_opened_all_the_same(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeJira() as jira:
        house = build(sinks={"people": FILES, "other": {**FILES, "folder": "/dev/null/x"}, **tickets(jira)})
        message = MessageBuilder.message

        def defective(self: MessageBuilder, delivery: Delivery) -> Any:
            if delivery.sink == "people":
                raise ZeroDivisionError("a defect")
            return message(self, delivery)

        house.keep(live(0, finding()))
        with monkeypatch.context() as patch:
            patch.setattr(MessageBuilder, "message", defective)
            result = house.run("evaluate", 0)
        assert not result.success
        assert failed(result) == {"notify"}
        assert len(jira.open_keys()) == 1
        said = metadata(result, "notify")
        assert said["states"] == {"failed": 2}
        assert [line[0] for line in cells(said["messages"])] == ["other", "people"]
        house.read("deliver", 1)
    assert house.reasons() == [["first"]]


# Who is called if nobody reacts


def on_call(**more: Any) -> dict[str, Any]:
    steps = [{"after_minutes": minutes, "sink": "people"} for minutes in (15, 60)]
    return {"on call": {"steps": steps, **more}}


def escalating(build: Build, **route: Any) -> House:
    way = {"name": "everybody", "sinks": ["people"], "escalation": "on call", **route}
    return build(routes=[way], escalations=on_call())


def is_due(house: House, hour: float) -> bool:
    """What the sensor asks."""
    with house.ledger() as ledger:
        return ledger.is_due(START + hour * HOUR)


def test_a_step_is_told_when_it_is_due_and_once_also_after_a_restart(build: Build) -> None:
    house = escalating(build)
    house.evaluates(0, finding())
    assert not is_due(house, 0.2)
    early = house.read("escalate", 0.2)
    assert cells(metadata(early, "escalate_steps")["steps"]) == []
    assert is_due(house, 0.3)
    due = house.read("escalate", 0.3)
    assert [line[2] for line in cells(metadata(due, "escalate_steps")["steps"])] == ["escalation"]
    assert not is_due(house, 0.3)
    # Every run opens the ledger anew, as a restarted process does.
    again = house.read("escalate", 0.4)
    assert cells(metadata(again, "escalate_steps")["steps"]) == []
    assert house.reasons() == [["first", "escalation"]]
    assert is_due(house, 1.1)
    house.read("escalate", 1.1)
    assert house.reasons() == [["first", "escalation", "escalation"]]


def test_a_step_that_was_decided_before_the_process_died_is_told_by_the_next_one(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = escalating(build)
    house.evaluates(0, finding())
    with monkeypatch.context() as patch:
        patch.setattr("mist_pipeline.defs.alert_jobs.worker", lambda *_, **__: 1 / 0)
        house.run("escalate", 0.3)
    assert house.reasons() == [["first"]]
    house.read("deliver", 0.4)
    assert house.reasons() == [["first", "escalation"]]


def test_nobody_is_called_after_somebody_has_taken_it(build: Build) -> None:
    house = escalating(build, tells_acknowledgement=False)
    house.evaluates(0, finding())
    with house.ledger() as ledger:
        ledger.acknowledge(house.incident().incident_id, "ada", START + 5 * MINUTE)
    for hour in (0.3, 1.1, 3):
        assert not is_due(house, hour)
        house.read("escalate", hour)
    assert house.reasons() == [["first"]]


def test_a_step_that_waits_to_be_sent_is_withdrawn_when_somebody_takes_the_incident(build: Build) -> None:
    with FakeHttp() as hook:
        house = build(
            sinks={"people": FILES, "hook": HOOK},
            routes=[{"name": "all", "sinks": ["people"], "escalation": "on call"}],
            escalations={"on call": {"steps": [{"after_minutes": 15, "sink": "hook"}]}},
            HOOK_URL=f"{hook.url}/in",
        )
        house.evaluates(0, finding())
        hook.script(Reply(503))
        house.read("escalate", 0.3)
        assert house.deliveries("hook") == [("hook", "escalation", "failed")]
        with house.ledger() as ledger:
            ledger.acknowledge(house.incident().incident_id, "ada", START + 0.5 * HOUR)
        house.read("deliver", 2)
        assert len(hook.requests) == 1
        house.read("evaluate", 2)
    # It was withdrawn, not refused: nothing is wrong with the sink.
    assert house.deliveries("hook") == [("hook", "escalation", "dead")]
    assert [one for one in house.deliveries() if one[1] == "first"] == [("people", "first", "sent")]


def test_what_waited_for_the_group_is_told_when_its_time_has_come(build: Build) -> None:
    house = build(routes=[{"name": "all", "sinks": ["people"], "group_wait_minutes": 10}])
    result = house.evaluates(0, finding())
    assert house.messages() == {}
    (withheld,) = cells(metadata(result, "evaluate_looks")["withheld"])
    assert withheld[1].startswith("not_yet")
    assert not is_due(house, 0.1)
    house.read("escalate", 0.1)
    assert house.messages() == {}
    assert is_due(house, 0.2)
    told = house.read("escalate", 0.2)
    assert [line[2] for line in cells(metadata(told, "escalate_steps")["news"])] == ["first"]
    assert not is_due(house, 0.2)
    assert house.reasons() == [["first"]]


def test_when_quiet_hours_end_what_goes_on_is_one_message(build: Build) -> None:
    night = {"begins": "22:00", "until": "06:00", "zone": "UTC"}
    house = build(routes=[{"name": "all", "sinks": ["people"], "quiet_hours": [night]}])
    house.evaluates(0, finding(), finding("s2", "connect"))
    assert house.messages() == {}
    assert not is_due(house, 5.9)
    assert is_due(house, 6)
    house.read("escalate", 6)
    assert house.reasons() == [["digest"]]
    assert not is_due(house, 6)


# Tickets


def tickets(jira: FakeJira) -> dict[str, Any]:
    return {
        "jira": {
            "type": "jira",
            "base_url": jira.url,
            "project": "NOC",
            "user": "mist@example.com",
            "token_from": "JIRA_TOKEN",
        }
    }


def records(servicenow: FakeServiceNow) -> dict[str, Any]:
    return {
        "now": {
            "type": "servicenow",
            "base_url": servicenow.url,
            "user": "mist",
            "token_from": "NOW_PASSWORD",
        }
    }


def pagers(pagerduty: FakePagerDuty) -> dict[str, Any]:
    return {"pager": {"type": "pagerduty", "url": pagerduty.url, "routing_key_from": "PAGER_KEY"}}


@pytest.fixture
def systems() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_who_takes_the_jira_ticket_has_taken_the_incident_and_the_pager_stops(
    build: Build, systems: ExitStack
) -> None:
    jira, pager = systems.enter_context(FakeJira()), systems.enter_context(FakePagerDuty())
    house = build(sinks={**tickets(jira), **pagers(pager), "people": FILES}, escalations=on_call())
    house.evaluates(0, finding(severity="critical"))
    (key,) = jira.open_keys()
    assert [page.state for page in pager.pages] == ["triggered"]
    nothing = house.read("read_back", 0.1)
    assert cells(metadata(nothing, "read_tickets")["tickets"])[0][2:] == [key, "open", ""]
    jira.set_status(key, "20", ANNA)
    result = house.read("read_back", 0.2)
    assert cells(metadata(result, "read_tickets")["tickets"])[0][2:] == [key, "acknowledged", "Anna Ops"]
    incident = house.incident()
    assert (incident.state, incident.acknowledged_by) == ("acknowledged", "Anna Ops")
    assert [page.state for page in pager.pages] == ["acknowledged"]
    assert house.reasons() == [["first", "acknowledged"]]
    house.read("read_back", 0.3)
    assert house.reasons() == [["first", "acknowledged"]]


def test_who_takes_the_servicenow_record_has_taken_the_incident_and_the_pager_stops(
    build: Build, systems: ExitStack
) -> None:
    now, pager = systems.enter_context(FakeServiceNow()), systems.enter_context(FakePagerDuty())
    house = build(sinks={**records(now), **pagers(pager)})
    house.evaluates(0, finding(severity="critical"))
    (sys_id,) = now.active()
    now.as_person(sys_id, state="2", assigned_to="u-anna")
    house.read("read_back", 0.2)
    incident = house.incident()
    assert (incident.state, incident.acknowledged_by) == ("acknowledged", "Anna Ops")
    assert [page.state for page in pager.pages] == ["acknowledged"]
    with house.ledger() as ledger:
        (read,) = ledger.frames()["tickets"].rows(named=True)
    assert (read["ticket"], read["state"], read["who"]) == ("INC0000001", "acknowledged", "Anna Ops")


def test_who_took_the_ticket_before_it_grew_worse_has_not_taken_what_it_is_now(
    build: Build, systems: ExitStack
) -> None:
    clock = VirtualClock(START)
    jira, pager = systems.enter_context(FakeJira(clock=clock)), systems.enter_context(FakePagerDuty())
    house = build(sinks={**tickets(jira), **pagers(pager)})
    house.evaluates(0, finding(severity="major"))
    (key,) = jira.open_keys()
    clock.advance(minutes=10)
    jira.set_status(key, "20", ANNA)
    house.read("read_back", 0.25)
    assert house.incident().state == "acknowledged"
    house.evaluates(1, finding(severity="critical"))
    assert house.incident().state == "open"
    paged = [page.state for page in pager.open_pages]
    assert paged == ["triggered"]
    house.read("read_back", 1.1)
    assert house.incident().state == "open"
    assert [page.state for page in pager.open_pages] == ["triggered"]
    clock.advance(minutes=60)
    jira.assign(key, ANNA)
    jira.set_status(key, "20", ANNA)
    house.read("read_back", 1.25)
    assert house.incident().state == "acknowledged"
    assert [page.state for page in pager.open_pages] == ["acknowledged"]


def test_what_this_program_did_to_a_ticket_is_nobodys_hand(build: Build, systems: ExitStack) -> None:
    jira = systems.enter_context(FakeJira())
    house = build(sinks=tickets(jira))
    house.evaluates(0, finding())
    (key,) = jira.open_keys()
    jira.set_status(key, "20", {**ANNA, "accountId": "acc-us"})
    house.read("read_back", 0.25)
    assert house.incident().state == "open"


@pytest.mark.parametrize("fault", [Reply(503), Reply(behaviour="reset")], ids=["503", "reset"])
def test_a_ticket_system_that_is_down_is_a_warning_and_the_others_are_read(
    build: Build, systems: ExitStack, fault: Reply
) -> None:
    jira, now = systems.enter_context(FakeJira()), systems.enter_context(FakeServiceNow())
    known = {**tickets(jira), **records(now)}
    house = build(sinks=known, routes=[{"name": "all", "sinks": [*known], "tells_acknowledgement": False}])
    house.evaluates(0, finding(), finding("s2", "connect"))
    for sys_id in now.active():
        now.as_person(sys_id, state="2", assigned_to="u-anna")
    jira.fail("GET", "", fault, times=99)
    asked = len(jira.requests)
    result = house.read("read_back", 0.25)
    (warning,) = house.said(result)
    assert warning.startswith("jira: ")
    # One question is enough: who does not answer one keeps the next one waiting as long.
    assert len(jira.requests) == asked + 1
    read = cells(metadata(result, "read_tickets")["tickets"])
    assert [line[3] for line in read] == ["not read", "not asked", "acknowledged", "acknowledged"]
    with house.ledger() as ledger:
        states = {one.state for one in ledger.book(START).incidents.values()}
    assert states == {"acknowledged"}
    assert metadata(result, "notify")["states"] == {}


def test_a_ticket_that_is_gone_is_a_warning_and_the_next_one_is_read(
    build: Build, systems: ExitStack
) -> None:
    jira = systems.enter_context(FakeJira())
    house = build(sinks=tickets(jira))
    house.evaluates(0, finding(), finding("s2", "connect"))
    with house.ledger() as ledger:
        (first, second) = [reference["key"] for _, _, reference in ledger.references(["jira"])]
    del jira.issues[first]
    jira.set_status(second, "30", ANNA)
    result = house.read("read_back", 0.25)
    assert len(house.said(result)) == 1
    read = cells(metadata(result, "read_tickets")["tickets"])
    assert [line[3] for line in read] == ["not read", "closed"]


def test_a_persons_name_cannot_break_out_of_what_a_run_says(build: Build, systems: ExitStack) -> None:
    jira = systems.enter_context(FakeJira())
    house = build(sinks=tickets(jira))
    house.evaluates(0, finding())
    (key,) = jira.open_keys()
    jira.set_status(key, "20", {**ANNA, "displayName": HOSTILE})
    result = house.read("read_back", 0.25)
    text = metadata(result, "read_tickets")["tickets"]
    assert not set("<`*[") & set(text)
    ((*_, who),) = cells(text)
    assert who.startswith("<img")


# The pipeline's own trouble


def job_that(name: str, does: Callable[[], None]) -> dg.JobDefinition:
    @dg.op(name="step")
    def step() -> None:
        does()

    @dg.job(name=name)
    def made() -> None:
        step()

    return made


def broken() -> None:
    raise ValueError("the tower fell")


def fine() -> None:
    """Nothing goes wrong."""


def test_a_failed_daily_run_is_told_once_and_its_recovery_in_the_same_place(
    build: Build, instance: dg.DagsterInstance
) -> None:
    house = build()
    evaluate = house.definitions.resolve_job_def("evaluate")
    sensor = pipeline_trouble_sensor(house.settings, WATCHED, (), evaluate, lambda: START)
    cursor: str | None = None

    def happens(does: Callable[[], None], hour: float) -> bool:
        """A run of ``daily``, then the sensor, then the run that it asks for; whether it asks."""
        nonlocal cursor
        job_that("daily", does).execute_in_process(instance=instance, raise_on_error=False)
        with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
            said = sensor(context)
            cursor = context.cursor
        if isinstance(said, dg.RunRequest):
            house.read("evaluate", hour)
        return isinstance(said, dg.RunRequest)

    assert happens(broken, 0)
    ((told,),) = house.messages().values()
    assert told["reason"] == "first"
    assert told["incident"]["severity"] == "critical"
    assert "Job daily failed: step: ValueError: the tower fell" in told["incident"]["title"]
    assert not happens(broken, 1)
    house.read("evaluate", 1)
    assert house.reasons() == [["first"]]
    assert happens(fine, 2)
    assert house.reasons() == [["first", "all_resolved"]]
    assert len(house.messages()) == 1
    house.read("evaluate", 3)
    assert house.reasons() == [["first", "all_resolved"]]


def test_the_pipelines_own_state_says_nothing_about_any_site(
    build: Build, instance: dg.DagsterInstance
) -> None:
    house = build()
    house.evaluates(0, finding())
    job_that("daily", broken).execute_in_process(instance=instance, raise_on_error=False)
    house.read("evaluate", 0.5)
    assert house.incident("radio").is_active
    assert house.incident("pipeline").is_active
    assert house.reasons() == [["first"], ["first"]]


# What a message brings along


def published(house: House) -> None:
    """A published copy that knows a month of one service level."""
    warehouse = Warehouse(house.settings.published_path)
    days = [START.date() - timedelta(days=back) for back in range(30, 0, -1)]
    from mist_pipeline.tables import history

    rows = [
        row(
            history.SLE_DAILY,
            day=day,
            site_id="s1",
            metric="coverage",
            state="ok",
            score_pct=90.0 + number % 5,
        )
        for number, day in enumerate(days)
    ]
    frame = history.SLE_DAILY.conform(pl.DataFrame(rows, schema=history.SLE_DAILY.polars_schema()))
    warehouse.replace_days(history.SLE_DAILY, frame, days)


def test_a_message_for_who_shows_pictures_brings_the_month_of_its_service_level(build: Build) -> None:
    house = build()
    published(house)
    house.evaluates(0, finding())
    (page,) = (house.settings.data / "messages").glob("*/*.html")
    assert "data:image/png;base64," in page.read_text(encoding="utf-8")


def test_without_a_published_copy_no_warehouse_is_opened(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a warehouse was opened")

    monkeypatch.setattr(duckdb, "connect", refuse)
    house = build()
    house.evaluates(0, finding())
    for job in ("deliver", "escalate", "read_back"):
        house.read(job, 0)
    assert house.reasons() == [["first"]]
    assert not house.settings.warehouse_path.exists()
    assert not house.settings.published_path.exists()


def test_a_sink_without_pictures_does_not_open_the_published_copy(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeHttp() as hook:
        house = build(sinks={"hook": HOOK}, HOOK_URL=f"{hook.url}/in")
        published(house)
        monkeypatch.setattr(duckdb, "connect", lambda *_, **__: 1 / 0)
        house.evaluates(0, finding())
    assert house.deliveries() == [("hook", "first", "sent")]


CHILD = """
import sys
import warnings

warnings.simplefilter("ignore")
import dagster as dg
import duckdb

def refuse(*_, **__):
    raise AssertionError("a warehouse was opened")

duckdb.connect = refuse

from mist_pipeline.definitions import build_defs
from mist_pipeline.settings import load_settings

definitions = build_defs(load_settings())
for job in ("evaluate", "deliver", "escalate", "read_back"):
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def(job).execute_in_process(
            instance=instance, tags={"mist_pipeline/as_of": sys.argv[1]}
        )
    assert result.success
heavy = {"pmdarima", "sklearn", "statsmodels", "altair", "vl_convert", "distributed", "numba"} & set(sys.modules)
assert not heavy, f"telling people imports {sorted(heavy)}"
"""


def test_telling_people_imports_neither_forecasts_nor_forests_nor_drawings(build: Build) -> None:
    house = build()
    house.keep(live(0, finding()))
    ended = subprocess.run(
        [sys.executable, "-c", CHILD, START.isoformat()],
        capture_output=True,
        text=True,
        check=False,
        env={"MIST_PIPELINE_DATA": str(house.settings.data), "PATH": ""},
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert house.reasons() == [["first"]]


def test_a_run_without_an_instant_of_its_own_keeps_the_present_time(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    later: datetime = START + HOUR
    monkeypatch.setattr("mist_pipeline.defs.alert_jobs.utc_now", lambda: later)
    house = build()
    house.keep(live(0, finding()))
    result = house.definitions.resolve_job_def("evaluate").execute_in_process(instance=house.instance)
    assert result.success
    with house.ledger() as ledger:
        (row_,) = ledger.frames()["deliveries"].rows(named=True)
    assert row_["created_at"] == row_["sent_at"] == later


# Silences and hysteresis, from a look to the file that people would read


def test_a_silence_silences_for_as_long_as_it_says_and_not_a_moment_longer(build: Build) -> None:
    house = build()
    silence = Silence(
        silence_id="",
        matchers=parse_matchers('site_id="s1"'),
        starts_at=START + HOUR,
        ends_at=START + 3 * HOUR,
    )
    with house.ledger() as ledger:
        ledger.add_silence(silence)
    for hour in (1.0, 2.0, 2.75):
        house.evaluates(hour, finding())
        assert house.messages() == {}, f"silenced at {hour} h"
    assert house.incident().withheld.startswith("silenced_by")
    house.evaluates(3, finding())
    assert house.reasons() == [["first"]]


def test_a_silence_in_a_planned_window_silences_inside_of_it_alone(build: Build) -> None:
    nightly = {"begins": "01:00", "lasts_hours": 2, "zone": "UTC"}
    house = build(maintenance=[{"name": "nightly", "match": 'family="radio"', "window": nightly}])
    house.evaluates(0.5, finding("s2", family="connect"))
    house.evaluates(2, finding(), finding("s2", family="connect"))
    assert house.reasons() == [["first"]], "what the window names is silent, the other family is not"
    house.evaluates(3, finding(), finding("s2", family="connect"))
    assert house.reasons() == [["first"], ["first"]]


def test_an_incident_that_hovers_at_its_line_is_told_once_and_ends_above_the_recovery_line(
    build: Build,
) -> None:
    house = build(alerts={"raises": {"threshold": "critical"}})
    low = finding(kind="threshold", severity="critical", evidence='{"threshold_pct": 70.0}')
    for hour in range(4):
        house.evaluates(hour, low, readings=reading("ok", 68.0))
    assert house.reasons() == [["first"]]
    for hour in range(4, 40):
        hovering = hour % 2 == 0
        rows = [low] if hovering else []
        house.evaluates(hour, *rows, readings=reading("ok", 69.0 if hovering else 71.0))
    assert house.reasons() == [["first"]], "above the line, but not above the recovery line"
    for hour in range(40, 90):
        house.evaluates(hour, readings=reading("ok", 95.0))
    assert house.reasons() == [["first", "all_resolved"]]
