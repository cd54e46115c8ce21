from datetime import timedelta

import polars as pl
import pytest

from mist_pipeline.analysis.scores.bands import with_severity
from mist_pipeline.analysis.scores.status import known_share, site_status
from mist_pipeline.domain.severity import STATUSES
from mist_pipeline_tests.support.analysis.daily_frames import D, frame, reading

METRICS = ("capacity", "coverage", "roaming", "throughput")


def status_of(*scores: float | None, **columns: object) -> str:
    rows = [reading(score, metric=metric, **columns) for score, metric in zip(scores, METRICS, strict=False)]
    status: str = site_status(with_severity(frame(rows)), METRICS)["status"].item()
    return status


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ((95, 95, 95, 95), "HEALTHY"),
        ((95, 95, 95, 85), "DEGRADED"),
        ((95, 95, 75, 85), "UNHEALTHY"),
        ((95, 60, 75, 85), "CRITICAL"),
        ((60, None, None, None), "CRITICAL"),
        ((95, 95, None, None), "HEALTHY"),
        ((95, None, None, None), "UNKNOWN"),
        ((None, None, None, None), "UNKNOWN"),
    ],
)
def test_the_worst_metric_wins_and_healthy_needs_data(
    scores: tuple[float | None, ...], expected: str
) -> None:
    assert status_of(*scores) == expected
    assert expected in STATUSES


def test_two_clients_at_night_make_a_site_unknown_and_not_critical() -> None:
    assert status_of(10, 10, 10, 10, num_users=2, total_user_minutes=90.0) == "UNKNOWN"


def test_a_metric_that_a_site_does_not_support_is_not_missed() -> None:
    rows = [reading(95.0), *(reading(None, metric=name, state="not_supported") for name in METRICS[1:])]
    status = site_status(with_severity(frame(rows)), METRICS)
    assert status.select("status", "num_expected", "data_share").row(0) == ("HEALTHY", 1, 1.0)


def test_a_metric_that_was_never_requested_counts_as_unknown() -> None:
    share = known_share(with_severity(frame([reading(95.0)])), METRICS)
    assert share.select("num_expected", "num_judged", "data_share").row(0) == (4, 1, 0.25)


def test_a_site_without_any_reading_is_unknown_and_not_absent() -> None:
    sites = pl.DataFrame({"day": [D, D], "site_id": ["site", "silent"]})
    status = site_status(with_severity(frame([reading(95.0)])), ["capacity"], sites)
    assert status.select("site_id", "status").rows() == [("silent", "UNKNOWN"), ("site", "HEALTHY")]


def test_metrics_that_are_not_collected_do_not_decide() -> None:
    readings = with_severity(frame([reading(95.0), reading(10.0, metric="gateway-health")]))
    assert site_status(readings, ["capacity"])["status"].item() == "HEALTHY"


def test_a_site_that_supports_nothing_is_unknown() -> None:
    readings = with_severity(frame([reading(None, state="not_supported")]))
    assert site_status(readings, ["capacity"]).select("status", "data_share").row(0) == ("UNKNOWN", 0.0)


def test_the_worst_metric_is_named_the_lowest_score_first() -> None:
    rows = [reading(75.0, metric="roaming"), reading(71.0, metric="throughput"), reading(85.0)]
    assert site_status(with_severity(frame(rows)), METRICS)["worst_metric"].item() == "throughput"
    without_scores = with_severity(frame(rows)).drop("score_pct")
    assert site_status(without_scores, METRICS)["worst_metric"].item() == "roaming"
    assert site_status(with_severity(frame([reading(99.0)])), ["capacity"])["worst_metric"].item() is None


def test_every_day_has_a_status_of_its_own() -> None:
    readings = with_severity(frame([reading(60.0), reading(95.0, D - timedelta(days=1))]))
    assert site_status(readings, ["capacity"])["status"].to_list() == ["HEALTHY", "CRITICAL"]
