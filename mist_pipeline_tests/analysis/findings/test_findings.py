"""Findings: each rule fires on what it is about and on nothing else, in a sentence with its evidence."""

import json
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from mist_pipeline.analysis.findings.findings import (
    COLUMNS,
    KINDS,
    FindingInputs,
    findings,
    fingerprint,
    live_findings,
)
from mist_pipeline.analysis.findings.series_rules import FindingRules
from mist_pipeline.analysis.scores.bands import Bands

DAY = date(2026, 11, 20)
AS_OF = datetime(2026, 11, 20, 10, 20, tzinfo=UTC)
RULES = FindingRules(
    families={"time-to-connect": "connect", "capacity": "radio", "roaming": "roaming"},
    titles={"time-to-connect": "Time to connect", "capacity": "Capacity", "roaming": "Roaming"},
)
NOTHING = FindingInputs(**dict.fromkeys((item.name for item in fields(FindingInputs)), None))

SCHEMAS: dict[str, dict[str, Any]] = {
    "readings": {
        "day": pl.Date,
        "site_id": pl.String,
        "metric": pl.String,
        "score_pct": pl.Float64,
        "severity": pl.String,
        "state": pl.String,
    },
    "classifiers": {
        "day": pl.Date,
        "site_id": pl.String,
        "metric": pl.String,
        "classifier": pl.String,
        "degraded_user_minutes": pl.Float64,
    },
    "sites": {"day": pl.Date, "site_id": pl.String},
    "site_hourly": {
        "day": pl.Date,
        "hour": pl.Datetime("us", "UTC"),
        "site_id": pl.String,
        "num_aps": pl.Int64,
        "num_aps_connected": pl.Int64,
    },
    "trends": {
        "day": pl.Date,
        "site_id": pl.String,
        "metric": pl.String,
        "score_pct": pl.Float64,
        "previous_pct": pl.Float64,
        "change_pct": pl.Float64,
        "velocity_pct_per_day": pl.Float64,
        "noise_pct": pl.Float64,
        "indicator": pl.String,
        "is_degrading": pl.Boolean,
    },
    "deviations": {
        "day": pl.Date,
        "site_id": pl.String,
        "metric": pl.String,
        "score_pct": pl.Float64,
        "expected_pct": pl.Float64,
        "sigma": pl.Float64,
        "is_deviating": pl.Boolean,
        "is_pooled": pl.Boolean,
    },
    "risks": {
        "day": pl.Date,
        "site_id": pl.String,
        "metric": pl.String,
        "severity": pl.String,
        "state": pl.String,
        "days": pl.Float64,
        "days_low": pl.Float64,
        "days_high": pl.Float64,
        "probability": pl.Float64,
        "level_pct": pl.Float64,
        "slope_pct_per_day": pl.Float64,
        "is_pre_warning": pl.Boolean,
    },
    "anomalies": {
        "day": pl.Date,
        "site_id": pl.String,
        "anomaly_score": pl.Float64,
        "is_anomaly": pl.Boolean,
        "rarity_per_1000": pl.Float64,
        "contributions": pl.String,
    },
    "health_scores": {
        "day": pl.Date,
        "site_id": pl.String,
        "score": pl.Float64,
        "previous_score": pl.Float64,
        "change": pl.Float64,
        "status": pl.String,
        "is_drop": pl.Boolean,
    },
    "incidents": {
        "day": pl.Date,
        "cause_fingerprint": pl.String,
        "scope": pl.String,
        "metrics": pl.List(pl.String),
        "site_ids": pl.List(pl.String),
        "cause": pl.String,
        "evidence": pl.String,
        "p_value": pl.Float64,
        "family": pl.String,
    },
    "notable": {
        "day": pl.Date,
        "hour": pl.Datetime("us", "UTC"),
        "site_id": pl.String,
        "family": pl.String,
        "metric": pl.String,
        "classifier": pl.String,
        "window_hours": pl.Int64,
        "surprise": pl.Float64,
        "margin": pl.Float64,
        "observed_pct": pl.Float64,
        "expected_pct": pl.Float64,
        "excess_user_minutes": pl.Float64,
        "corroboration": pl.String,
        "is_alarming": pl.Boolean,
    },
    "alarms": {
        "day": pl.Date,
        "site_id": pl.String,
        "type": pl.String,
        "severity": pl.String,
        "raised_at": pl.Datetime("us", "UTC"),
        "resolved_at": pl.Datetime("us", "UTC"),
        "status": pl.String,
        "aps": pl.List(pl.String),
        "switches": pl.List(pl.String),
        "gateways": pl.List(pl.String),
    },
}


def inputs(**rows: list[tuple[Any, ...]]) -> FindingInputs:
    """Inputs from rows without their day, which is DAY."""
    return replace(
        NOTHING,
        **{
            name: pl.DataFrame([(DAY, *row) for row in given], schema=SCHEMAS[name], orient="row")
            for name, given in rows.items()
        },
    )


def found(given: FindingInputs, rules: FindingRules = RULES) -> list[dict[str, Any]]:
    return findings(given, [DAY], rules).rows(named=True)


def only(given: FindingInputs, rules: FindingRules = RULES) -> dict[str, Any]:
    (row,) = found(given, rules)
    return row


def risk(
    site: str,
    state: str,
    days: float | None,
    low: float | None,
    high: float | None,
    probability: float = 0.1,
    *,
    warns: bool = True,
) -> tuple[Any, ...]:
    return (site, "roaming", "critical", state, days, low, high, probability, 91.2, -0.8, warns)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 20, hour, minute, tzinfo=UTC)


def test_without_any_analysis_there_is_an_empty_table() -> None:
    table = findings(NOTHING, [DAY], RULES)
    assert table.columns == ["day", *COLUMNS]
    assert table.is_empty()
    assert live_findings(NOTHING, AS_OF).columns == ["as_of", *COLUMNS]
    assert found(inputs(**{name: [] for name in SCHEMAS})) == []


def test_a_critical_score_is_told_with_its_threshold_and_its_largest_classifier() -> None:
    row = only(
        inputs(
            readings=[
                ("a", "time-to-connect", 62.34, "critical", "ok"),
                ("a", "capacity", 95.0, "info", "ok"),
                ("b", "capacity", 12.0, None, "ok"),
            ],
            classifiers=[
                ("a", "time-to-connect", "dhcp-stuck", 40.0),
                ("a", "time-to-connect", "association", 9.0),
            ],
        )
    )
    assert row["summary"] == "Time to connect 62.3 %: critical (below 70 %), mostly dhcp-stuck."
    assert (row["kind"], row["severity"], row["family"]) == ("threshold", "critical", "connect")
    assert json.loads(row["evidence"]) == {
        "score_pct": 62.34,
        "threshold_pct": 70.0,
        "classifier": "dhcp-stuck",
    }


def test_the_threshold_is_that_of_the_metric_and_a_severity_that_is_not_told_stays_silent() -> None:
    given = inputs(readings=[("a", "capacity", 84.0, "major", "ok"), ("a", "roaming", 89.0, "warning", "ok")])
    rules = replace(
        RULES, by_metric={"capacity": Bands(75.0, 85.0, 95.0)}, told_severities=("critical", "major")
    )
    assert only(given, rules)["summary"] == "Capacity 84.0 %: major (below 85 %)."


def test_a_degrading_trend_is_told_with_its_numbers_and_at_least_a_warning() -> None:
    given = inputs(
        trends=[
            ("a", "capacity", 84.0, 91.5, -7.5, -1.3, 2.0, "↑", True),
            ("b", "capacity", 91.0, 91.5, -0.5, 0.1, 2.0, "→", False),
            ("c", "roaming", 60.0, 80.0, -20.0, 0.4, 2.0, "↑", True),
        ],
        readings=[("c", "roaming", 60.0, "critical", "ok"), ("a", "capacity", 84.0, "warning", "ok")],
    )
    rows = {row["site_id"]: row for row in found(given) if row["kind"] == "trend"}
    assert set(rows) == {"a", "c"}
    assert (
        rows["a"]["summary"]
        == "Capacity fell 7.5 points, from 91.5 % to 84.0 %; over the week -1.3 points a day."
    )
    assert rows["c"]["summary"] == "Roaming fell 20.0 points, from 80.0 % to 60.0 %."
    assert [rows["a"]["severity"], rows["c"]["severity"]] == ["warning", "critical"]


def test_a_falling_score_under_its_line_is_pre_warned_and_a_critical_or_steady_one_is_not() -> None:
    row = only(
        inputs(
            trends=[
                ("under", "capacity", 84.0, 86.0, -2.0, -1.5, 1.0, "↑", False),
                ("critical", "capacity", 69.0, 86.0, -2.0, -1.5, 1.0, "↑", False),
                ("steady", "capacity", 84.0, 84.2, -0.2, -0.1, 1.0, "→", False),
                ("rising", "capacity", 84.0, 86.0, -2.0, 0.5, 1.0, "↑", False),
                ("no line", "time-to-connect", 84.0, 86.0, -2.0, -1.5, 1.0, "↑", False),
            ]
        )
    )
    assert row["site_id"] == "under"
    assert row["severity"] == "warning"
    assert (
        row["summary"]
        == "Capacity 84.0 % is below its pre-warning line of 85 % and heading down (-1.5 points a day)."
    )


def test_a_predicted_crossing_is_told_in_the_words_of_the_risk() -> None:
    row = only(inputs(risks=[risk("a", "crossing", 2.4, 2.1, 2.9, 0.7)]))
    assert row["summary"] == "Roaming is approaching critical in 2–3 days at the current trend (70 %)."
    assert (row["kind"], row["severity"]) == ("pre_warning", "major")
    assert json.loads(row["evidence"])["days_high"] == 2.9


def test_where_risks_were_made_they_decide_and_the_trend_does_not() -> None:
    given = inputs(
        risks=[
            risk("under", "never", None, None, None),
            risk("calm", "never", None, None, None, warns=False),
        ],
        trends=[
            ("under", "roaming", 91.0, 93.0, -2.0, -1.5, 1.0, "↑", False),
            ("calm", "roaming", 91.0, 93.0, -2.0, -1.5, 1.0, "↑", False),
        ],
    )
    row = only(given)
    assert (row["site_id"], row["severity"]) == ("under", "warning")
    assert row["summary"] == (
        "Roaming 91.2 % is below its pre-warning line of 95 % and heading down (-0.8 points a day)."
    )


def test_a_deviation_is_told_only_of_a_mature_baseline_of_its_own_and_when_it_matters() -> None:
    row = only(
        inputs(
            deviations=[
                ("a", "roaming", 82.1, 94.5, -4.2, True, False),
                ("small", "roaming", 98.0, 99.5, -4.2, True, False),
                ("immature", "roaming", 50.0, 94.5, None, True, False),
                ("pooled", "roaming", 50.0, 94.5, -9.0, True, True),
                ("inside", "roaming", 90.0, 94.5, -1.2, False, False),
            ]
        )
    )
    assert row["site_id"] == "a"
    assert row["summary"] == "Roaming 82.1 %, where 94.5 % is usual here: 4.2 standard deviations below."


def test_an_anomaly_is_told_with_its_largest_contributions_and_the_family_of_the_first() -> None:
    row = only(
        inputs(
            anomalies=[
                (
                    "a",
                    0.71,
                    True,
                    2.2,
                    '{"roaming": 0.46, "capacity": 0.31, "x\\"y: 1": 0.2, "coverage": 0.03}',
                ),
                ("b", 0.5, False, 400.0, '{"roaming": 1.0}'),
                ("c", None, None, None, None),
            ]
        )
    )
    assert row["summary"] == (
        "Unusual for this site (about 2 in 1000 site-days score as high), "
        'because of Roaming 46 %, Capacity 31 %, x\\"y: 1 20 %.'
    )
    assert (row["metric"], row["family"], row["severity"]) == ("", "roaming", "warning")
    evenly = only(inputs(anomalies=[("a", 0.8, True, 0.01, '{"roaming": 0.09}')]))
    assert evenly["summary"] == (
        "Unusual for this site (fewer than 1 in 1000 site-days score as high), because of all metrics together."
    )


def test_a_drop_of_health_is_told_with_the_severity_of_the_status() -> None:
    given = inputs(
        health_scores=[
            ("a", 71.4, 90.0, -18.6, "CRITICAL", True),
            ("b", 75.0, 90.0, -15.0, "HEALTHY", True),
            ("c", 89.0, 90.0, -1.0, "CRITICAL", False),
        ]
    )
    rows = found(given)
    assert [row["severity"] for row in rows] == ["critical", "warning"]
    assert rows[0]["summary"] == "Health fell 18.6 points, from 90.0 to 71.4 of 100."
    assert rows[0]["family"] == "health"


def test_shared_causes_are_findings_of_the_organisation_and_causes_of_a_site_are_not() -> None:
    given = inputs(
        incidents=[
            (
                "f1",
                "infrastructure",
                ["time-to-connect"],
                ["a", "b", "c"],
                "dns at 3 of 3 …",
                "{}",
                1e-9,
                "connect",
            ),
            (
                "f2",
                "infrastructure",
                ["time-to-connect", "x"],
                ["d"],
                "dhcp at 9 of 9 …",
                "{}",
                1e-9,
                "connect",
            ),
            ("f3", "site", ["time-to-connect"], ["e"], "dns at Shop 5", "{}", None, "connect"),
        ],
        readings=[
            ("a", "time-to-connect", 85.0, "info", "ok"),
            ("b", "time-to-connect", 65.0, "critical", "ok"),
            ("d", "capacity", 65.0, "critical", "ok"),
        ],
    )
    rows = {row["fingerprint"]: row for row in found(given) if row["kind"] == "correlation"}
    first = rows[fingerprint("correlation", "", "time-to-connect", "f1")]
    second = rows[fingerprint("correlation", "", "", "f2")]
    assert len(rows) == 2
    assert (first["severity"], second["severity"]) == ("critical", "major")
    assert first["summary"] == "dns at 3 of 3 …."
    assert json.loads(first["evidence"])["site_ids"] == ["a", "b", "c"]
    alone = findings(replace(given, readings=None), [DAY], RULES)
    assert alone["severity"].to_list() == ["major", "major"]


def alarm(
    kind: str,
    severity: str,
    raised: int,
    *,
    aps: list[str] | None = None,
    resolved: int | None = None,
    status: str | None = None,
) -> tuple[Any, ...]:
    return (
        "a",
        kind,
        severity,
        at(raised),
        None if resolved is None else at(resolved),
        status,
        aps,
        None,
        None,
    )


def test_open_critical_alarms_of_the_cloud_are_one_finding_a_site() -> None:
    row = only(
        inputs(
            alarms=[
                alarm("dhcp_failure", "critical", 8),
                alarm("dhcp_failure", "critical", 9),
                alarm("authentication_failure", "critical", 9),
                alarm("bad_cable", "warn", 9),
                alarm("authentication_failure", "critical", 3, resolved=4),
                alarm("insufficient_coverage", "critical", 3, status="resolved"),
            ]
        )
    )
    assert row["summary"] == "Open alarms of the Mist cloud: dhcp_failure (2), authentication_failure (1)."
    assert json.loads(row["evidence"])["count"] == 3
    assert (row["severity"], row["family"]) == ("critical", "device")


def test_a_lost_device_that_came_back_is_no_alarm_and_one_lost_again_is() -> None:
    back = [
        alarm("switch_down", "critical", 5, aps=["m1"]),
        alarm("switch_reconnected", "info", 6, aps=["m1"]),
        alarm("gateway_down", "critical", 5),
        alarm("gateway_reconnected", "info", 6),
    ]
    assert found(inputs(alarms=back)) == []
    again = [*back, alarm("switch_down", "critical", 7, aps=["m1"])]
    assert only(inputs(alarms=again))["summary"] == "Open alarms of the Mist cloud: switch_down (1)."
    other = [*back, alarm("switch_down", "critical", 5, aps=["m2"])]
    assert len(found(inputs(alarms=other))) == 1
    half = [*back, alarm("switch_down", "critical", 5, aps=["m1", "m2"])]
    assert len(found(inputs(alarms=half))) == 1


def test_an_alarm_of_the_organisation_belongs_to_no_site() -> None:
    given = inputs(alarms=[(None, *alarm("dhcp_failure", "critical", 8)[1:])])
    assert only(given)["site_id"] == ""


@pytest.mark.parametrize(("answered", "severity"), [(0, "critical"), (4, "major"), (5, None)])
def test_too_few_answers_are_trouble_of_the_collector(answered: int, severity: str | None) -> None:
    sites = [f"s{i}" for i in range(10)]
    given = inputs(
        sites=[(site,) for site in sites],
        readings=[
            (site, "capacity", None, None, "no_users" if i < answered else "missing")
            for i, site in enumerate(sites)
        ],
    )
    rows = found(given)
    assert [row["severity"] for row in rows] == ([] if severity is None else [severity])
    if rows:
        assert (
            rows[0]["summary"]
            == f"Only {answered} of 10 sites answered; the others are unknown, not healthy."
        )
        assert rows[0]["site_id"] == ""


def test_sites_that_are_known_to_be_down_are_no_trouble_of_the_collector() -> None:
    sites = [f"s{i}" for i in range(10)]
    given = inputs(
        sites=[(site,) for site in sites],
        readings=[(site, "capacity", None, None, "missing") for site in sites],
        site_hourly=[(at(9), site, 3, 0) for site in sites],
    )
    assert {row["kind"] for row in found(given)} == {"site_down"}
    half_told = replace(given, site_hourly=inputs(site_hourly=[(at(9), "s0", 3, 0)]).site_hourly)
    (collector,) = [row for row in found(half_told) if row["kind"] == "collector"]
    assert collector["summary"].startswith("Only 1 of 10 sites answered")


def notable(
    site: str,
    hour: int,
    metric: str = "time-to-connect",
    margin: float = 2.0,
    observed: float = 35.0,
    **more: Any,
) -> tuple[Any, ...]:
    return (
        at(hour),
        site,
        more.get("family", "connect"),
        metric,
        more.get("classifier", "dhcp-stuck"),
        6,
        more.get("surprise", 8.2),
        margin,
        observed,
        3.14,
        900.0,
        "horizon",
        more.get("alarming", True),
    )


def test_the_strongest_alarming_evidence_of_a_site_and_family_is_told() -> None:
    given = inputs(
        notable=[
            notable("a", 8, margin=1.0),
            notable("a", 9, margin=3.0, observed=25.5),
            notable("a", 9, "capacity", family="radio", classifier="", observed=12.0),
            notable("b", 9, alarming=False),
            notable("c", 9, "load", family="load"),
        ]
    )
    rows = found(given)
    assert [(row["site_id"], row["metric"], row["severity"]) for row in rows] == [
        ("a", "capacity", "warning"),
        ("a", "time-to-connect", "major"),
    ]
    assert rows[1]["summary"] == (
        "Time to connect: 25.5 % of user-minutes degraded by dhcp-stuck over 6 h, where 3.1 % is expected "
        "(about 1 in 10^8 by chance)."
    )
    assert "degraded over 6 h" in rows[0]["summary"]
    beyond = only(inputs(notable=[notable("a", 9, surprise=35.0)]))
    assert beyond["summary"].endswith("(less than 1 in 10^9 by chance).")
    assert only(inputs(notable=[notable("a", 9)]))["severity"] == "critical"


def test_a_site_without_a_connected_access_point_is_down_until_one_is_back() -> None:
    given = inputs(
        site_hourly=[
            (at(8), "down", 12, 12),
            (at(9), "down", 12, 0),
            (at(10), "down", 12, 0),
            (at(8), "was", 12, 0),
            (at(9), "was", 12, 0),
            (at(10), "was", 12, 3),
            (at(10), "unknown", 12, None),
            (at(10), "empty", 0, 0),
        ]
    )
    rows = {row["site_id"]: row for row in found(given)}
    assert set(rows) == {"down", "was"}
    assert rows["down"]["summary"] == "The site is down, since 2026-11-20 09:00 UTC or longer."
    assert rows["was"]["summary"] == "The site was down for 2 h, until 2026-11-20 10:00 UTC."
    assert (rows["down"]["severity"], rows["was"]["severity"]) == ("critical", "major")
    assert json.loads(rows["was"]["evidence"])["is_over"] is True
    assert rows["down"]["family"] == "device"


def test_silence_is_down_and_a_part_of_the_devices_is_not() -> None:
    given = inputs(
        notable=[
            notable("silent", 9, "silence", family="device", classifier="outage"),
            notable("partial", 9, "silence", family="device", classifier="device-loss"),
            notable("weak", 9, "silence", family="device", classifier="outage", alarming=False),
        ]
    )
    rows = {row["site_id"]: row for row in found(given)}
    assert {site: row["severity"] for site, row in rows.items()} == {"silent": "critical", "partial": "major"}
    assert rows["partial"]["summary"] == "The site has lost many of its devices."
    both = replace(given, site_hourly=inputs(site_hourly=[(at(9), "silent", 3, 0)]).site_hourly)
    twice = {row["site_id"]: row for row in found(both)}
    assert json.loads(twice["silent"]["evidence"])["source"] == "devices and silence"


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
        incidents=[("f1", "infrastructure", ["roaming"], ["a"], "x", "{}", 1e-9, "roaming")],
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
    live = replace(
        daily,
        readings=daily.readings.with_columns(pl.lit(AS_OF).alias("as_of")).drop("day"),  # type: ignore[union-attr]
        deviations=daily.deviations.with_columns(pl.lit(at(9)).alias("hour")).drop("day"),  # type: ignore[union-attr]
    )
    on_the_day, now = findings(daily, [DAY], RULES), live_findings(live, AS_OF, RULES)
    assert now["as_of"].unique().to_list() == [AS_OF]
    assert sorted(now["fingerprint"]) == sorted(on_the_day["fingerprint"])
    later = {item.name: getattr(daily, item.name) for item in fields(FindingInputs)}
    moved = FindingInputs(
        **{name: frame.with_columns(pl.col("day") + timedelta(days=3)) for name, frame in later.items()}
    )
    assert sorted(findings(moved, [DAY + timedelta(days=3)], RULES)["fingerprint"]) == sorted(
        on_the_day["fingerprint"]
    )


def test_the_live_moment_knows_nothing_later_and_nothing_stale() -> None:
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
    told = {(row["kind"], row["site_id"]) for row in table.iter_rows(named=True)}
    assert told == {("evidence", "now"), ("mist_alarm", "a"), ("health_drop", "a"), ("pre_warning", "a")}
    assert "bad" not in table.filter(pl.col("kind") == "mist_alarm")["summary"][0]


def test_other_days_are_not_told() -> None:
    assert findings(everything(), [DAY - timedelta(days=1)], RULES).is_empty()
