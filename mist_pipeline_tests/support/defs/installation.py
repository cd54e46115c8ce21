"""One installation: settings, a Dagster instance and the jobs that notify people; and what a run says about itself."""

import html
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.alerts.lifecycle.model import Incident
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.defs.alert_jobs import alert_jobs
from mist_pipeline.defs.resources import RUN, RunOptions, run_config
from mist_pipeline.defs.scope import Scope
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.ledger_access import kept_evaluations, open_ledger
from mist_pipeline_tests.support.alerts.histories import HOUR, START, live
from mist_pipeline_tests.support.fakes.fake_jira import FakeJira
from mist_pipeline_tests.support.fakes.fake_pagerduty import ROUTING_KEY

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


class Installation:
    """One installation: its settings, its Dagster instance, and its jobs; hours are those of the histories."""

    def __init__(
        self, data: Path, instance: dg.DagsterInstance, told: Mapping[str, Any], **secrets: str
    ) -> None:
        self.instance = instance
        data.mkdir(parents=True, exist_ok=True)
        notifications = dict(told)
        sections = {name: notifications.pop(name, {}) for name in ("alerts", "organisation")}
        content = {**sections, "notifications": notifications}
        (data / "config.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        environment = {"MIST_PIPELINE_DATA": str(data), **SECRETS, **secrets}
        self.settings: Settings = load_settings(environment=environment)
        self.scope = Scope.of(self.settings)
        self.definitions = dg.Definitions(
            jobs=alert_jobs(self.scope, ()),
            resources={
                "settings": self.settings,
                "warehouse": Warehouse(self.settings.warehouse_path),
                RUN: RunOptions(),
            },
        )

    def keep(self, *steps: EvaluationInput) -> None:
        """What a look leaves behind."""
        for step in steps:
            kept_evaluations(self.settings).keep(step)

    def run(self, job: str, hour: float) -> dg.ExecuteInProcessResult:
        """A run of a job, as of an hour."""
        return self.definitions.resolve_job_def(self.scope.name(job)).execute_in_process(
            instance=self.instance,
            run_config=run_config(START + hour * HOUR),
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
            (found,) = [
                one
                for one in ledger.lifecycle_state(START).incidents.values()
                if one.family.startswith(family)
            ]
        return found

    def ledger(self) -> Ledger:
        """The ledger, as another process opens it."""
        return open_ledger(self.settings)

    def said(self, result: dg.ExecuteInProcessResult, level: int = logging.WARNING) -> list[str]:
        """What our own code logged in a run, at a level."""
        entries = self.instance.all_logs(result.run_id)
        return [one.user_message for one in entries if one.level == level and not one.is_dagster_event]


Build = Callable[..., Installation]
"""Makes an installation of sinks and routes."""


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


def on_call(**more: Any) -> dict[str, Any]:
    steps = [{"after_minutes": minutes, "sink": "people"} for minutes in (15, 60)]
    return {"on call": {"steps": steps, **more}}


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
