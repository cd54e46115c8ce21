"""A ledger with an incident: who is notified of it, and what its outbox holds."""

from datetime import timedelta

import sqlalchemy as sa

from mist_pipeline.alerts.ledger import tables
from mist_pipeline.alerts.ledger.database import reading
from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules
from mist_pipeline.alerts.notify.escalation import EscalationPolicy, EscalationStep
from mist_pipeline.alerts.notify.matchers import parse_matchers
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.alerts.notify.silences import Silence
from mist_pipeline_tests.support.alerts.histories import HOUR, START, finding

EVIDENCE = finding()
MINUTE = timedelta(minutes=1)
TELL = NotificationRules(routes=[Route(name="all", sinks=("mail",))])
PAGED = NotificationRules(
    routes=[Route(name="all", sinks=("mail",), escalation="duty")],
    escalations={
        "duty": EscalationPolicy(
            steps=(
                EscalationStep(after_minutes=15, sink="pager", to="ada"),
                EscalationStep(after_minutes=30, sink="pager", to="bob"),
            ),
        )
    },
)


def outbox_rows(ledger: Ledger) -> list[tuple[str, str, str]]:
    with reading(ledger.engine) as connection:
        query = sa.select(tables.DELIVERIES).order_by(tables.DELIVERIES.c.delivery_id)
        return [(row.sink, row.reason, row.state) for row in connection.execute(query)]


def incident_id(ledger: Ledger) -> str:
    (name,) = ledger.lifecycle_state(START).incidents
    return name


def silence(text: str, hours: float = 2) -> Silence:
    return Silence(
        silence_id="", matchers=parse_matchers(text), starts_at=START, ends_at=START + hours * HOUR
    )
