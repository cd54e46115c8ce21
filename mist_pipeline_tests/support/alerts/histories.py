"""Evaluations written down by hand: small frames for the lifecycle, hour by hour."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from mist_pipeline.alerts.lifecycle.evaluation import LifecycleState, evaluate
from mist_pipeline.alerts.lifecycle.model import Alert, Event, Incident
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.alerts.lifecycle.policy import Policy

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)

FINDING = dict.fromkeys(
    ("site_id", "metric", "kind", "severity", "summary", "evidence", "fingerprint", "family"), pl.String
)


def finding(
    site_id: str = "s1",
    family: str = "radio",
    kind: str = "evidence",
    severity: str = "major",
    metric: str = "coverage",
    evidence: str = "{}",
    summary: str = "Coverage is bad.",
) -> dict[str, str]:
    return {
        "site_id": site_id,
        "metric": metric,
        "kind": kind,
        "severity": severity,
        "summary": summary,
        "evidence": evidence,
        "fingerprint": f"{kind}-{site_id}-{metric}",
        "family": family,
    }


def findings(rows: Iterable[Mapping[str, str]] = ()) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=FINDING)


def readings(rows: Sequence[tuple[str, str, str, float | None]]) -> pl.DataFrame:
    """site_id, metric, state, score_pct."""
    return pl.DataFrame(
        rows,
        schema={"site_id": pl.String, "metric": pl.String, "state": pl.String, "score_pct": pl.Float64},
        orient="row",
    )


def reading(state: str, score: float | None = 99.0, site_id: str = "s1") -> pl.DataFrame:
    return readings([(site_id, "coverage", state, score if state == "ok" else None)])


def live(hour: float, *rows: Mapping[str, str], **more: Any) -> EvaluationInput:
    return EvaluationInput(as_of=START + hour * HOUR, source="live", findings=findings(rows), **more)


def daily(hour: float, *rows: Mapping[str, str], **more: Any) -> EvaluationInput:
    return EvaluationInput(as_of=START + hour * HOUR, source="daily", findings=findings(rows), **more)


def run(
    steps: Iterable[EvaluationInput],
    policy: Policy | None = None,
    state: LifecycleState | None = None,
    **more: Any,
) -> tuple[LifecycleState, list[Event]]:
    state, events = state or LifecycleState(), []
    for step in steps:
        state, happened = evaluate(state, step, policy, **more)
        events += happened
    return state, events


def kinds(events: Iterable[Event], subject: str = "alert") -> list[str]:
    return [event.kind for event in events if event.subject == subject]


def only_alert(state: LifecycleState) -> Alert:
    (alert,) = state.alerts.values()
    return alert


def only_incident(state: LifecycleState) -> Incident:
    (incident,) = [one for one in state.incidents.values() if one.state != "merged"]
    return incident


def correlation(
    site_ids: Sequence[str], family: str = "connect", value: str = "north", **more: Any
) -> dict[str, str]:
    attribute = str(more.get("attribute", "site_group"))
    evidence = {
        "cause_fingerprint": more.get("fingerprint", f"cause-{attribute}-{value}-{family}"),
        "site_ids": list(site_ids),
        "metrics": [],
        "p_value": 0.001,
        "statistics": json.dumps({"attribute": attribute, "value": value, "family": family}),
    }
    return finding(
        "", family, "correlation", "major", "", json.dumps(evidence), more.get("summary", f"DHCP of {value}.")
    )


EPISODE: dict[str, pl.DataType] = {
    "site_id": pl.String(),
    "family": pl.String(),
    "metric": pl.String(),
    "classifier": pl.String(),
    "is_slow": pl.Boolean(),
    "began_at": pl.Datetime("us", "UTC"),
    "last_bad_at": pl.Datetime("us", "UTC"),
    "recovery": pl.Float64(),
    "is_accepted": pl.Boolean(),
}


def episodes(*rows: Mapping[str, Any]) -> pl.DataFrame:
    """Excesses that an evaluation knows; of each row began and last (hours after START) and whatever differs."""
    return pl.DataFrame([_episode(row) for row in rows], schema=EPISODE)


def _episode(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "site_id": row.get("site_id", "s1"),
        "family": row.get("family", "radio"),
        "metric": row.get("metric", "coverage"),
        "classifier": row.get("classifier", ""),
        "is_slow": row.get("is_slow", False),
        "began_at": START + row["began"] * HOUR,
        "last_bad_at": START + row["last"] * HOUR,
        "recovery": row.get("recovery", 0.0),
        "is_accepted": row.get("is_accepted", False),
    }


LEVEL: dict[str, pl.DataType] = {
    "site_id": pl.String(),
    "family": pl.String(),
    "metric": pl.String(),
    "classifier": pl.String(),
    "level_pct": pl.Float64(),
    "is_notable": pl.Boolean(),
}


def levels(*rows: Mapping[str, Any]) -> pl.DataFrame:
    """How bad the newest two hours were; of each row level_pct and whatever differs."""
    usual = {"site_id": "s1", "family": "radio", "metric": "coverage", "classifier": "", "is_notable": True}
    return pl.DataFrame([{**usual, **row} for row in rows], schema=LEVEL)


def at_level(hour: float, level_pct: float, site_id: str = "s1", **more: Any) -> EvaluationInput:
    """An hour of a critical trouble that began at START and goes on, at a level."""
    of = {"classifier": more.pop("classifier", ""), "site_id": site_id}
    return live(
        hour,
        excess(0, hour - 1, severity="critical", **of),
        episodes=episodes({"began": 0, "last": hour - 1, **of}),
        levels=levels({**of, "level_pct": level_pct, **more}),
    )


def excess(
    began: float, last: float, recovery: float = 0.0, classifier: str = "", **more: Any
) -> dict[str, str]:
    """A finding of evidence that knows its episode."""
    known = {
        "classifier": classifier,
        "window_hours": (window_hours := more.pop("window_hours", 6)),
        "is_slow": window_hours >= 48,
        "began_at": (START + began * HOUR).isoformat(),
        "last_bad_at": (START + last * HOUR).isoformat(),
        "recovery": recovery,
        "is_second": more.pop("is_second", False),
    }
    return finding(evidence=json.dumps(known), **more)
