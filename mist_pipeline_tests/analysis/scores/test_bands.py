import polars as pl
import pytest

from mist_pipeline.analysis.scores.bands import Bands, UserGate, severity, with_severity
from mist_pipeline.domain.severity import WORST_FIRST
from mist_pipeline_tests.support.analysis.daily_frames import frame, reading


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (0.0, "critical"),
        (69.999, "critical"),
        (70.0, "major"),
        (79.999, "major"),
        (80.0, "warning"),
        (89.999, "warning"),
        (90.0, "info"),
        (100.0, "info"),
        (None, None),
        (float("nan"), None),
    ],
)
def test_a_score_on_a_threshold_is_in_the_better_band(score: float | None, expected: str | None) -> None:
    scores = pl.DataFrame({"score_pct": [score]}, schema={"score_pct": pl.Float64})
    assert scores.select(severity(pl.col("score_pct"), Bands())).item() == expected


def test_the_names_of_the_severities_are_those_that_are_given() -> None:
    scores = pl.DataFrame({"score_pct": [10.0, 75.0, 85.0, 95.0]})
    assert tuple(scores.select(severity(pl.col("score_pct"), Bands())).to_series()) == WORST_FIRST


def test_predecessor_mistake_9_configured_thresholds_are_read() -> None:
    readings = frame([reading(85.0), reading(85.0, metric="roaming")])
    by_default = with_severity(readings)
    assert by_default["severity"].to_list() == ["warning", "warning"]
    stricter = with_severity(readings, Bands(critical=86, major=90, warning=95))
    assert stricter["severity"].to_list() == ["critical", "critical"]
    one_metric = with_severity(readings, by_metric={"roaming": Bands(critical=80, major=90, warning=95)})
    assert one_metric["severity"].to_list() == ["warning", "major"]


@pytest.mark.parametrize(
    "bands", [(80, 70, 90), (70, 70, 90), (-1, 80, 90), (70, 80, 101), (float("nan"), 80, 90)]
)
def test_bands_that_do_not_rise_are_refused(bands: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="must rise"):
        Bands(*bands)


@pytest.mark.parametrize(
    ("num_users", "minutes", "is_judged"),
    [
        (2, 40_000.0, False),
        (4, 5_000.0, False),
        (5, 299.0, False),
        (5, 300.0, True),
        (500, 299.0, False),
        (5, None, True),
        (4, None, False),
        (None, None, False),
        # Four users cannot contribute more than 4 × 1,440 minutes a day: beyond that there must be a fifth.
        (None, 5_760.0, False),
        (None, 5_761.0, True),
        (0, 0.0, False),
    ],
)
def test_predecessor_mistake_14_too_few_users_decide_nothing(
    num_users: int | None, minutes: float | None, is_judged: bool
) -> None:
    judged = with_severity(frame([reading(10.0, num_users=num_users, total_user_minutes=minutes)]))
    assert judged["severity"].item() == ("critical" if is_judged else None)
    assert judged["state"].item() == "ok", "few users are not an error"


def test_the_gate_can_be_set_and_switched_off() -> None:
    few = frame([reading(10.0, num_users=1, total_user_minutes=20.0)])
    assert with_severity(few)["severity"].item() is None
    assert (
        with_severity(few, gate=UserGate(min_users=1, min_user_minutes=20))["severity"].item() == "critical"
    )
    unknown = frame([reading(10.0, num_users=None, total_user_minutes=20.0)])
    assert (
        with_severity(unknown, gate=UserGate(min_users=1, min_user_minutes=20))["severity"].item()
        == "critical"
    )
    an_hour = UserGate(min_users=3, min_user_minutes=10, window_minutes=60)
    proven = frame([reading(10.0, num_users=None, total_user_minutes=121.0)])
    assert with_severity(proven, gate=an_hour)["severity"].item() == "critical"


@pytest.mark.parametrize("state", ["no_users", "not_supported", "missing"])
def test_only_an_ok_reading_has_a_severity(state: str) -> None:
    assert with_severity(frame([reading(10.0, state=state)]))["severity"].item() is None
