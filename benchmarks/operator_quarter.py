"""A quarter of alerts and the person who deals with them, with known true rates, as the ledger's copies tell it.

What happens is drawn event by event: a trouble, which becomes an alert or is missed, or a false alert. The operator acknowledges
some of what was told, ignores some, labels some, closes some tickets with a resolution; Mist raises an alarm of its own for some troubles.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from mist_pipeline.scorecard import truths
from mist_pipeline.scorecard.alert_quality import Told
from mist_pipeline.tables import alerts, history
from mist_pipeline.tables.schema import Table

DAYS = 90
LAST = date(2026, 3, 31)
END = datetime(2026, 4, 1, tzinfo=UTC)
SITES = 400
FAMILIES = ("radio", "connect", "roaming", "wan", "device")


@dataclass(frozen=True)
class Rates:
    """What is true of the world and of the operator.

    Attributes:
        events: Troubles and false alerts in the quarter.
        real: Share of events that are a trouble.
        detected: Share of troubles that become an alert.
        told: Share of alerts that somebody gets.
        acknowledged: Share of the told ones that the operator takes.
        labelled: Share of alerts that he judges, whether they were right or not.
        labelled_if_wrong: The same of false alerts, where it differs: a person who complains more than he praises.
        ticketed: Share of the other alerts whose ticket he closes with a resolution.
        alarmed: Share of troubles for which Mist raises a critical alarm itself.
    """

    events: int = 320
    real: float = 0.8
    detected: float = 0.85
    told: float = 0.9
    acknowledged: float = 0.7
    labelled: float = 0.4
    labelled_if_wrong: float | None = None
    ticketed: float = 0.2
    alarmed: float = 0.5

    @property
    def precision(self) -> float:
        """Share of alerts that are about a trouble."""
        right = self.real * self.detected
        return right / (right + 1 - self.real)

    @property
    def missed(self) -> float:
        """Share of troubles without an alert."""
        return 1 - self.detected

    @property
    def ignored(self) -> float:
        """Share of alerts that were told and that nobody touched: neither taken, nor labelled, nor closed in a ticket."""
        untouched = (1 - self.labelled) * (1 - self.ticketed)
        if self.labelled_if_wrong is not None:
            wrong = (1 - self.labelled_if_wrong) * (1 - self.ticketed)
            untouched = self.precision * untouched + (1 - self.precision) * wrong
        return (1 - self.acknowledged) * untouched


def quarter(rates: Rates, seed: int) -> Told:
    """What is known at its end."""
    rng = np.random.default_rng(seed)
    opened: list[dict[str, Any]] = []
    messages: list[dict[str, Any]] = []
    acts: list[tuple[str, str, datetime]] = []
    feedback: list[dict[str, Any]] = []
    tickets: list[dict[str, Any]] = []
    raised: list[dict[str, Any]] = []
    for number in range(rates.events):
        is_real, name = bool(rng.random() < rates.real), f"a{number:04d}"
        # What is open at the end of the quarter, or labelled after it, is not known yet; so nothing begins in its last days.
        began = END - timedelta(days=DAYS) + timedelta(days=float(rng.uniform(0.5, DAYS - 5)))
        place = {"site_id": f"s{rng.integers(SITES):03d}", "family": str(rng.choice(FAMILIES))}
        lasts = timedelta(hours=float(rng.exponential(6)) + 1)
        if is_real and rng.random() < rates.alarmed:
            raised.append(
                {
                    "alarm_id": name,
                    "type": "infra_ap",
                    "alarm_group": "infrastructure",
                    "severity": "critical",
                }
                | {
                    "site_id": place["site_id"],
                    "raised_at": began,
                    "resolved_at": began + lasts,
                    "last_seen": began,
                }
            )
        if is_real and rng.random() >= rates.detected:
            continue
        at = began + timedelta(hours=float(rng.exponential(1.5)) - 0.5)
        resolved = max(at, began + lasts) + timedelta(hours=2)
        opened.append(
            {"alert_id": name, "incident_id": f"i-{name}", **place, "kind": "evidence", "highest": "major"}
            | {
                "opened_at": at,
                "began_at": began,
                "last_bad_at": resolved,
                "resolved_at": resolved,
                "is_past": False,
            }
        )
        if rng.random() < rates.told:
            sent = at + timedelta(minutes=1)
            messages.append(
                {"delivery_id": number, "sink": "chat", "incident_id": f"i-{name}", "sent_at": sent}
            )
            if rng.random() < rates.acknowledged:
                acts.append(("incident", f"i-{name}", sent + timedelta(minutes=float(rng.exponential(30)))))
        said = "right" if is_real else "wrong"
        asked = rates.labelled if is_real or rates.labelled_if_wrong is None else rates.labelled_if_wrong
        if rng.random() < asked:
            when = resolved + timedelta(hours=float(rng.exponential(8)))
            feedback.append(
                {"feedback_id": number, "alert_id": name, "verdict": said, "by": "ada", "at": when}
            )
        elif rng.random() < rates.ticketed:
            tickets.append(
                {
                    "sink": "jira",
                    "incident_id": f"i-{name}",
                    "ticket": f"NOC-{number}",
                    "state": "closed",
                    "who": "ada",
                }
                | {"read_at": resolved + timedelta(hours=3), "resolution": said, "verdict": said}
            )
    known = pl.concat(
        [
            truths.from_feedback(_frame(alerts.FEEDBACK, feedback)),
            truths.from_tickets(_frame(alerts.TICKETS, tickets, verdict=pl.String())),
            truths.from_alarms(_frame(history.ALARMS, raised)),
        ]
    )
    first = LAST - timedelta(days=DAYS + 1)
    arrived = pl.DataFrame(
        messages,
        schema={
            "delivery_id": pl.Int64,
            "sink": pl.String,
            "incident_id": pl.String,
            "sent_at": pl.Datetime("us", "UTC"),
        },
    ).with_columns(recipients=pl.lit([], pl.List(pl.String)))
    taken = {"subject": pl.String(), "subject_id": pl.String(), "at": pl.Datetime("us", "UTC")}
    return Told(
        _frame(alerts.ALERTS, opened),
        arrived,
        pl.DataFrame(acts, schema=taken, orient="row"),
        truths.dated(known, "UTC", first, LAST),
        SITES,
        END - timedelta(days=DAYS),
    )


def _frame(table: Table, rows: list[dict[str, Any]], **more: Any) -> pl.DataFrame:
    schema = {**table.polars_schema(), **more}
    return pl.DataFrame([dict.fromkeys(schema) | row for row in rows], schema=schema)
