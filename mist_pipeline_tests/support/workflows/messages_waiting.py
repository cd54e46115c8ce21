"""Sinks that are files, and messages to them that were decided two hours ago."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from mist_pipeline.alerts.ledger.ledger import NotificationRules
from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.alerts.notify.outcome import Outcome
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline.workflows.notifying.messages import utc_now
from mist_pipeline_tests.support.alerts.histories import finding, findings

HOUR = timedelta(hours=1)


def configured(data: Path, *sinks: str) -> Settings:
    notifications = {"sinks": {name: {"type": "file", "folder": str(data / name)} for name in sinks}}
    return load_settings(
        environment={
            "MIST_PIPELINE_DATA": str(data),
            "MIST_PIPELINE__NOTIFICATIONS": yaml.safe_dump(notifications, default_flow_style=True),
        }
    )


def waits(settings: Settings, **answers: Outcome | None) -> None:
    """A message to each of these sinks was decided two hours ago, and was answered so, or not tried."""
    then = utc_now() - 2 * HOUR
    rules = NotificationRules(routes=[Route(name="all", sinks=tuple(answers))])
    with open_ledger(settings) as ledger:
        ledger.record_evaluation(
            EvaluationInput(as_of=then, source="live", findings=findings([finding()])), rules
        )
        tried: dict[str, Any] = {
            name: lambda _row, answer=answer: answer for name, answer in answers.items() if answer is not None
        }
        Outbox(ledger.engine).work(tried, "w", lambda: then)
