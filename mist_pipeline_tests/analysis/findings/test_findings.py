"""The table of findings: every kind, its fingerprints, and what a day or a live evaluation may know."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl

from mist_pipeline.analysis.findings.findings import KINDS, findings, live_findings
from mist_pipeline.analysis.findings.inputs import FindingInputs
from mist_pipeline.tables import analysis, live
from mist_pipeline_tests.support.analysis.finding_inputs import (
    DAY,
    NOTHING,
    RULES,
    SCHEMAS,
    alarm,
    at,
    found,
    inputs,
    notable,
    risk,
)

AS_OF = datetime(2026, 11, 20, 10, 20, tzinfo=UTC)


def test_without_any_analysis_there_is_an_empty_table() -> None:
    table = findings(NOTHING, [DAY], RULES)
    assert table.columns == analysis.FINDINGS.column_names
    assert table.is_empty()
    assert live_findings(NOTHING, AS_OF).columns == live.FINDINGS.column_names
    assert found(inputs(**{name: [] for name in SCHEMAS})) == []


def everything() -> FindingInputs:
    """Inputs in which every rule fires for site a or the organisation."""
    return inputs(
        readings=[("a", "time-to-connect", 60.0, "critical", "ok")],
        classifiers=[],
        sites=[("a",), ("b",), ("c",)],
        site_hourly=[(at(9), "a", 5, 0)],
        trends=[("a", "capacity", 84.0, 91.5, -7.5, -1.25, 2.0, "↑", True)],
        deviations=[("a", "roaming", 82.1, 94.5, -4.2, True, False)],
        risks=[risk("a", "crossing", 2.0, 1.5, 2.5, 0.8)],
        anomalies=[("a", 0.71, True, 2.2, '{"roaming": 1.0}')],
        health_scores=[("a", 71.4, 90.0, -18.6, "CRITICAL", True)],
        causes=[("f1", "infrastructure", ["roaming"], ["a"], "x", "{}", 1e-9, "roaming")],
        notable=[notable("a", 9)],
        alarms=[alarm("dhcp_failure", "critical", 8)],
    )


def test_every_kind_has_a_rule_and_every_row_a_sentence_with_evidence() -> None:
    table = findings(everything(), [DAY], RULES)
    assert set(table["kind"]) == set(KINDS)
    assert table.null_count().sum_horizontal().item() == 0
    assert table["fingerprint"].is_unique().all()
    for row in table.iter_rows(named=True):
        assert row["summary"].endswith(".")
        assert isinstance(json.loads(row["evidence"]), dict)
        assert row["severity"] in {"critical", "major", "warning", "info"}


def test_live_and_daily_findings_of_the_same_trouble_have_the_same_fingerprints() -> None:
    daily = everything()
    instant = replace(
        daily,
        readings=daily.readings.with_columns(pl.lit(AS_OF).alias("as_of")).drop("day"),  # type: ignore[union-attr]
        deviations=daily.deviations.with_columns(pl.lit(at(9)).alias("hour")).drop("day"),  # type: ignore[union-attr]
    )
    on_the_day, now = findings(daily, [DAY], RULES), live_findings(instant, AS_OF, RULES)
    assert now["as_of"].unique().to_list() == [AS_OF]
    assert sorted(now["fingerprint"]) == sorted(on_the_day["fingerprint"])
    moved = daily.each(lambda frame: frame.with_columns(pl.col("day") + timedelta(days=3)))
    assert sorted(findings(moved, [DAY + timedelta(days=3)], RULES)["fingerprint"]) == sorted(
        on_the_day["fingerprint"]
    )


def test_a_live_evaluation_knows_nothing_later_and_nothing_stale() -> None:
    given = replace(
        NOTHING,
        notable=inputs(notable=[notable("stale", 7), notable("now", 9), notable("later", 11)]).notable,
        alarms=inputs(alarms=[alarm("dhcp_failure", "critical", 3), alarm("bad", "critical", 11)]).alarms,
        health_scores=inputs(health_scores=[("a", 71.4, 90.0, -18.6, "CRITICAL", True)]).health_scores,
        risks=pl.DataFrame(
            [risk("a", "crossing", 2.0, 1.5, 2.5, 0.8)],
            schema={name: kind for name, kind in SCHEMAS["risks"].items() if name != "day"},
            orient="row",
        ),
    )
    table = live_findings(given, AS_OF, RULES)
    kinds = {(row["kind"], row["site_id"]) for row in table.iter_rows(named=True)}
    assert kinds == {("evidence", "now"), ("mist_alarm", "a"), ("health_drop", "a"), ("pre_warning", "a")}
    assert "bad" not in table.filter(pl.col("kind") == "mist_alarm")["summary"][0]


def test_other_days_give_no_findings() -> None:
    assert findings(everything(), [DAY - timedelta(days=1)], RULES).is_empty()
