"""."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from mist_pipeline.alerts.ledger.outbox import Done
from mist_pipeline.alerts.lifecycle.observations import PIPELINE
from mist_pipeline.analysis.findings.findings import fingerprint
from mist_pipeline.tables import live

AFTER_LOOKS = timedelta(seconds=1)
"""Looks of one instant are evaluated one after another, each a moment later: nobody would be told yet of what began
after now."""


def refused_messages(refused: Sequence[tuple[str, str, datetime]], now: datetime) -> pl.DataFrame:
    """Sinks that refuse what they are told, as one finding; none where all accept.

    Args:
        refused: Sink, error and since when, as `Ledger.refused` gives them.
        now: The instant of the evaluation.
    """
    if not refused:
        return _NO_FINDINGS
    sinks, errors, since = zip(*refused, strict=True)
    evidence = {"sinks": dict(zip(sinks, errors, strict=True)), "since": min(since).isoformat()}
    summary = f"Messages do not arrive by {', '.join(sinks)}: {errors[0]}"
    return _own_finding(now, "delivery", "major", summary, evidence)


def unreadable_looks(names: Sequence[str], now: datetime) -> pl.DataFrame:
    """Kept looks that were damaged and set aside, as one finding; none where there are none."""
    if not names:
        return _NO_FINDINGS
    summary = f"{len(names)} kept looks are damaged and were not evaluated, the newest {names[-1]}."
    return _own_finding(now, "evaluations", "warning", summary, {"looks": list(names)})


_NO_FINDINGS = live.FINDINGS.empty()


def _own_finding(
    now: datetime, subject: str, severity: str, summary: str, evidence: Mapping[str, object]
) -> pl.DataFrame:
    """One finding about the pipeline itself."""
    row = {
        "as_of": now,
        "site_id": "",
        "metric": "",
        "kind": PIPELINE,
        "severity": severity,
        "summary": summary,
        "evidence": json.dumps(evidence),
        "fingerprint": fingerprint(PIPELINE, "", "", subject),
        "family": f"{PIPELINE}:{subject}",
    }
    return pl.DataFrame([row], schema=live.FINDINGS.polars_schema(), orient="row")


def ticket_name(reference: "dict[str, str] | Any") -> str:
    """What people call the ticket of a reference: an issue key, or a number."""
    return str(reference.get("key") or reference.get("number") or reference.get("sys_id") or "")


def _sentence(one: Done) -> str:
    delivery = one.delivery
    return (
        f"{delivery.sink}: {delivery.reason} of incident {delivery.incident_id} is {one.state}: {_error(one)}"
    )


def _error(one: Done) -> str:
    return str(getattr(one.outcome, "error", "") or getattr(one.outcome, "note", ""))
