"""A message about what was found on a day, as the ledger would have made an incident of it."""

from pathlib import Path

import polars as pl

import mist_pipeline
from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.rendering.remediation import load_remediation
from mist_pipeline.notification.builder import compose
from mist_pipeline.notification.message_context import Background, Blamed, Surroundings
from mist_pipeline_tests.support.facts.truth import Truth
from mist_pipeline_tests.support.notification.rows import alert, by_id, delivery, subject

SHIPPED = Path(mist_pipeline.__file__).parent / "delivery" / "rendering" / "remediation.yaml"


def message_of_findings(truth: Truth, *, dated: bool = True) -> Message | None:
    """An incident of all findings of the day about a metric, with what the cloud blamed; None where there are none."""
    found = truth.data.findings
    rows = [] if found is None else found.filter(pl.col("metric") != "").rows(named=True)
    if not rows:
        return None
    alerts = [
        alert(
            number,
            site_id=row["site_id"],
            metric=row["metric"],
            kind=row["kind"],
            summary=row["summary"],
            severity=row["severity"],
            evidence=row["evidence"],
        )
        for number, row in enumerate(rows)
    ]
    background = {
        (row["site_id"], row["metric"]): Background(
            classifiers=tuple(
                Blamed(name, one["degraded_pct"])
                for name, one in truth.blamed(row["site_id"], row["metric"]).items()
            ),
            classifiers_day=truth.day if dated else None,
        )
        for row in rows
    }
    about = subject(*alerts)
    around = Surroundings(
        site_names={row["site_id"]: f"Store {row['site_id']}" for row in rows},
        background=background,
        remediation=load_remediation(SHIPPED),
    )
    return compose(delivery(about), by_id(about), around)
