"""Rules about a site or the organisation: each fires on what it is about and on nothing else, in a sentence."""

import json
from dataclasses import replace

import pytest

from mist_pipeline.analysis.findings.findings import findings
from mist_pipeline.analysis.findings.fingerprints import fingerprint
from mist_pipeline_tests.support.analysis.finding_inputs import (
    DAY,
    RULES,
    alarm,
    at,
    found,
    inputs,
    notable,
    only,
)


def test_an_anomaly_is_a_finding_with_its_largest_contributions_and_the_family_of_the_first() -> None:
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
        'because of Roaming 46 %, Capacity 31 %, x"y: 1 20 %.'
    )
    assert (row["metric"], row["family"], row["severity"]) == ("", "roaming", "warning")
    evenly = only(inputs(anomalies=[("a", 0.8, True, 0.01, '{"roaming": 0.09}')]))
    assert evenly["summary"] == (
        "Unusual for this site (fewer than 1 in 1000 site-days score as high), because of all metrics together."
    )


def test_a_drop_of_health_is_a_finding_with_the_severity_of_the_status() -> None:
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
        causes=[
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
    evidence = json.loads(twice["silent"]["evidence"])
    assert evidence["source"] == "devices and silence"
    assert (evidence["num_aps"], evidence["is_partial"]) == (3, False)
    assert evidence["usual_users"] > 0
    assert json.loads(rows["partial"]["evidence"])["usual_users"] is None


def test_a_silent_site_is_down_since_the_first_hour_of_its_silence() -> None:
    row = notable("s1", 9, "silence", family="device", classifier="outage", window_hours=3)
    (down,) = found(inputs(notable=[row]))
    assert down["summary"] == "The site is down, since 2026-11-20 07:00 UTC or longer."
