"""Who counts as degraded: beyond the own normal, by enough to matter, and only where someone was there to suffer."""

from datetime import UTC, date, datetime, timedelta

import polars as pl

from mist_pipeline.analysis.causes.flags import (
    SCHEMA,
    FlagSettings,
    daily_flags,
    dominant_classifiers,
    evidence_flags,
    silence_flags,
)

DAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEYS = {"day": pl.Date, "site_id": pl.String, "metric": pl.String}
NO_CLASSIFIERS = pl.DataFrame(schema={**KEYS, "classifier": pl.String, "degraded_user_minutes": pl.Float64})
FAMILIES = {"time-to-connect": "connect"}


def scores(*rows: tuple[str, float | None, str | None, str]) -> pl.DataFrame:
    return pl.DataFrame(
        [(DAY, site, "time-to-connect", score, severity, state) for site, score, severity, state in rows],
        schema={**KEYS, "score_pct": pl.Float64, "severity": pl.String, "state": pl.String},
        orient="row",
    )


def expectations(*rows: tuple[str, float | None, bool | None]) -> pl.DataFrame:
    return pl.DataFrame(
        [(DAY, site, "time-to-connect", expected, deviating) for site, expected, deviating in rows],
        schema={**KEYS, "expected_pct": pl.Float64, "is_deviating": pl.Boolean},
        orient="row",
    )


def test_degraded_is_deviating_by_enough_to_matter() -> None:
    found = daily_flags(
        scores(
            ("far", 80.0, "warning", "ok"),
            ("near", 97.0, "info", "ok"),
            ("chronic", 65.0, "critical", "ok"),
            ("fine", 96.0, "info", "ok"),
        ),
        expectations(
            ("far", 95.0, True), ("near", 99.0, True), ("chronic", 66.0, False), ("fine", 96.0, False)
        ),
        NO_CLASSIFIERS,
        FAMILIES,
    )
    assert dict(found.select("site_id", "is_degraded").iter_rows()) == {
        "far": True,
        "near": False,
        "chronic": False,
        "fine": False,
    }
    assert dict(found.schema) == SCHEMA


def test_a_site_without_an_expectation_is_judged_by_its_severity_or_not_at_all() -> None:
    found = daily_flags(
        scores(
            ("bad", 60.0, "critical", "ok"), ("good", 97.0, "info", "ok"), ("few users", 50.0, None, "ok")
        ),
        expectations(("good", None, None)),
        NO_CLASSIFIERS,
        FAMILIES,
    )
    assert dict(found.select("site_id", "is_degraded").iter_rows()) == {"bad": True, "good": False}


def test_what_has_no_reading_is_not_judged() -> None:
    found = daily_flags(
        scores(
            ("a", None, None, "missing"), ("b", None, None, "no_users"), ("c", 99.0, "info", "not_supported")
        ),
        expectations(),
        NO_CLASSIFIERS,
        FAMILIES,
    )
    assert found.is_empty()


def test_the_dominant_classifier_has_the_most_minutes_and_enough_of_them() -> None:
    frame = pl.DataFrame(
        [
            (DAY, "a", "m", "dns", 60.0),
            (DAY, "a", "m", "arp", 40.0),
            (DAY, "b", "m", "dns", 25.0),
            *((DAY, "b", "m", f"other-{i}", 25.0) for i in range(3)),
            (DAY, "c", "m", "arp", 5.0),
            (DAY, "c", "m", "dns", 5.0),
            (DAY, "d", "m", "dns", 0.0),
        ],
        schema=NO_CLASSIFIERS.schema,
        orient="row",
    )
    assert dominant_classifiers(frame).rows() == [(DAY, "a", "m", "dns"), (DAY, "c", "m", "arp")]
    assert len(dominant_classifiers(frame, FlagSettings(min_classifier_share=0.2))) == 3


def test_the_classifier_and_the_family_come_with_the_flag() -> None:
    classifiers = pl.DataFrame(
        [(DAY, "a", "time-to-connect", "dns", 9.0)], schema=NO_CLASSIFIERS.schema, orient="row"
    )
    frame = scores(("a", 60.0, "critical", "ok"))
    found = daily_flags(frame, expectations(), classifiers, FAMILIES)
    assert found.select("family", "classifier").rows() == [("connect", "dns")]
    assert daily_flags(frame, expectations(), classifiers, {})["family"].to_list() == ["time-to-connect"]


def test_evidence_flags_what_alarms_or_surprises_with_its_classifier() -> None:
    notable = pl.DataFrame(
        [
            (NOON, "a", "time-to-connect", "dns", 7.0, True),
            (NOON, "weak", "time-to-connect", "dns", 1.0, False),
            (NOON, "strong", "time-to-connect", "", 5.0, False),
            (NOON, "gone", "time-to-connect", "", 9.0, True),
            (NOON + timedelta(hours=1), "quiet", "time-to-connect", "", 9.0, True),
        ],
        schema=["as_of", "site_id", "metric", "classifier", "surprise", "is_alarming"],
        orient="row",
    )
    judged = pl.DataFrame(
        {
            "as_of": [NOON] * 4,
            "site_id": ["a", "weak", "strong", "quiet"],
            "metric": ["time-to-connect"] * 4,
        }
    )
    assert evidence_flags(notable, judged, FAMILIES).rows() == [
        (NOON, "a", "time-to-connect", "connect", True, "dns"),
        (NOON, "quiet", "time-to-connect", "connect", False, None),
        (NOON, "strong", "time-to-connect", "connect", True, None),
        (NOON, "weak", "time-to-connect", "connect", False, None),
    ]


def test_silent_sites_are_degraded_and_every_known_site_is_judged() -> None:
    notable = pl.DataFrame(
        [
            (DAY, "a", "silence", "outage", True),
            (DAY, "a", "silence", "device-loss", True),
            (DAY, "b", "silence", "outage", False),
            (DAY, "c", "capacity", "", True),
        ],
        schema=["day", "site_id", "metric", "classifier", "is_alarming"],
        orient="row",
    )
    sites = pl.DataFrame({"day": [DAY] * 3, "site_id": ["a", "b", "c"]})
    assert silence_flags(notable, sites).rows() == [
        (DAY, "a", "silence", "device", True, "outage"),
        (DAY, "b", "silence", "device", False, None),
        (DAY, "c", "silence", "device", False, None),
    ]
