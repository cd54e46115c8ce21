"""The simple alarms of the benchmark say what they claim, of hours up to now alone; their alerts open and end as described."""

import numpy as np
import pytest

from benchmarks.alert_rivals import SIMPLE
from benchmarks.bench_rival_alerts import runs

NAN = np.nan

# Hours of a first week have no weeks before them.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def week(*last: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """One series: five weeks that go up and down between 90 and 94 by the hour of the day, then these hours."""
    usual = 92 + 2 * np.sin(np.arange(5 * 168) * 2 * np.pi / 24)
    return np.array([[*usual, *last]])


@pytest.mark.parametrize(
    ("method", "last", "expected"),
    [
        ("fixed threshold", [80.0], 20.0),
        ("seasonal naive", [80.0], 12.0),
        # The mean is 92, the standard deviation √2.
        ("2σ", [80.0], 12 / np.sqrt(2)),
        # The same hour of four weeks was 92 each time: the least standard deviation counts.
        ("seasonal band", [80.0], 12 / 0.5),
        # A line that falls from 100 by one an hour is at 77 now and at 53 in a day, and reaches 70 in 7 hours.
        ("linear, 24 hours", [100.0 - at for at in range(24)], 100 - 53.0),
        ("Zabbix timeleft", [100.0 - at for at in range(24)], -7.0),
        ("Zabbix timeleft", [float(90 + at / 10) for at in range(24)], -np.inf),
        ("fixed threshold", [NAN], NAN),
        ("2σ", [NAN], NAN),
        ("seasonal band", [NAN], NAN),
        ("linear, 24 hours", [NAN], NAN),
    ],
)
def test_a_method_gives_what_is_computed_by_hand(method: str, last: list[float], expected: float) -> None:
    assert SIMPLE[method](week(*last))[0, -1] == pytest.approx(expected, rel=1e-3, nan_ok=True)


@pytest.mark.parametrize("method", sorted(SIMPLE))
def test_no_method_sees_an_hour_after_the_one_it_judges(method: str) -> None:
    before, after = SIMPLE[method](week(80.0)), SIMPLE[method](week(80.0, 20.0, NAN))
    np.testing.assert_allclose(after[:, :-2], before)


@pytest.mark.parametrize(
    ("hours", "in_a_row", "alerts"),
    [
        (".xx...xx", 1, [(0, 1, 2, 6), (0, 6, 7, None)]),
        (".xx...xx", 2, [(0, 1, 3, 6), (0, 6, 8, None)]),
        (".xx.x..", 3, []),
        (".x x...", 2, [(0, 1, 4, 7)]),
        (".xx..xx...", 2, [(0, 1, 3, 10)]),
    ],
    ids=[
        "at once",
        "after two",
        "never three in a row",
        "a gap does not interrupt",
        "two good hours end nothing",
    ],
)
def test_an_alert_opens_after_hours_in_a_row_and_ends_after_three_good_ones(
    hours: str, in_a_row: int, alerts: list[tuple[int, int, int, int | None]]
) -> None:
    over, seen = (np.array([[letter in which for letter in hours]]) for which in ("x", "x."))
    assert list(runs(over, seen, in_a_row)) == alerts
