"""Things that were said once and were not so: each has to be found by the check, and none may be said again."""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
import pytest

from mist_pipeline.report import build_dashboard
from mist_pipeline.report.document.model import Dashboard
from mist_pipeline_tests.support.facts.claims import Passage, falsehoods
from mist_pipeline_tests.support.facts.organisations import D, told
from mist_pipeline_tests.support.facts.readers.report_reader import (
    card_falsehoods,
    finding_falsehoods,
    order_falsehoods,
    report_falsehoods,
)
from mist_pipeline_tests.support.facts.series import (
    BAD_WEEK,
    BELOW_ITS_LEVEL,
    DROPPED,
    FALLING,
    FLAT,
    RECOVERING,
    UNDER,
    noisy,
)

pytestmark = pytest.mark.slow  # every case is an organisation that is analysed and told whole

Scores = Sequence[float | None]
Series = dict[str, Scores]

SAID: dict[str, tuple[Passage, Series]] = {
    "approaching what is under the line": (
        Passage("a", "Approaching critical in 1 day at the current trend (92 %)", "a", "coverage"),
        {"a_coverage": UNDER},
    ),
    "heading down over scores that rise": (
        Passage("a", "Under the pre-warning line and heading down", "a", "roaming"),
        {"a_roaming": RECOVERING},
    ),
    "flat, and crossing": (
        Passage("a", "Approaching critical in 1 day at the current trend (50 %)", "a", "coverage"),
        {"a_coverage": FLAT},
    ),
    "nothing unusual beside a deviation": (
        Passage("a", "Nothing: every site that could be judged behaves like itself and its peers."),
        {"a_coverage": DROPPED},
    ),
    "usual as something else": (Passage("a", "usual 85.8 %", "a", "coverage"), {"a_coverage": DROPPED}),
    "a level for a score": (
        Passage(
            "a",
            "Capacity 83.6 % is below its pre-warning line of 85 % and heading down (-1.6 points a day).",
            "a",
            "capacity",
        ),
        {"a_capacity": BELOW_ITS_LEVEL},
    ),
    "rounded up": (
        Passage("a", "Coverage 58.1 %: critical (below 70 %), mostly Weak signal.", "a", "coverage"),
        {"a_coverage": DROPPED},
    ),
    "not below what it is below": (
        Passage("a", "Coverage 80.0 %: major (below 80 %), mostly Weak signal.", "a", "coverage"),
        {"a_coverage": [*noisy(95, 59), 79.96]},
    ),
    "an alert that improves": (
        Passage("a", "↑ ALERT: critical, +0.6 points a day", "a", "coverage"),
        {"a_coverage": BAD_WEEK},
    ),
    "nothing to attend to beside a site that is critical": (
        Passage("a", "Nothing: no site is critical or unhealthy, and no degraded one worsens."),
        {"a_coverage": DROPPED},
    ),
    "nothing fell beside a fall": (
        Passage("a", "Nothing fell beyond its own noise against the day before."),
        {"a_coverage": DROPPED},
    ),
    "nothing at risk beside a risk": (
        Passage("a", "Nothing: no series is expected to cross a threshold."),
        {"a_coverage": FALLING},
    ),
    "nothing blamed beside a classifier": (Passage("a", "Nothing is blamed."), {"a_coverage": DROPPED}),
    "a sentence without a checker": (Passage("a", "All is 99 % well."), {"a_coverage": FLAT}),
}


@pytest.mark.parametrize("name", SAID)
def test_the_check_finds_it(name: str) -> None:
    passage, series = SAID[name]
    assert falsehoods([passage], told(**series))


def worst_first(document: Dashboard) -> None:
    """As it was once: a site with 58.7 below one with 61.4."""
    document["attention"].reverse()


def level_above_the_line(document: Dashboard) -> None:
    """As it was once: more than even odds to cross, and a middle course that never does."""
    for risk in document["at_risk"] or []:
        for day in risk["forecast"]:
            day["mean_pct"] = 99.0


def courses_of_another_series(document: Dashboard) -> None:
    for risk in document["at_risk"] or []:
        risk["courses"] = [[99.0] * 7 for _ in risk["courses"]]


@pytest.mark.parametrize(
    ("mend", "series", "said"),
    [
        (
            worst_first,
            {"a_coverage": [*noisy(96, 59), 61.4], "b_coverage": [*noisy(96, 59), 58.7]},
            "worst first",
        ),
        (level_above_the_line, {"b_coverage": FALLING}, "the line that is drawn ends at 99.0 above 70"),
        (courses_of_another_series, {"b_coverage": FALLING}, "0% of the courses that are drawn cross"),
    ],
)
def test_the_check_finds_a_wrong_order_and_a_wrong_picture(
    mend: Callable[[Dashboard], None], series: dict[str, Scores], said: str
) -> None:
    truth = told(**series)
    document = build_dashboard(truth.data)
    assert [*card_falsehoods(document, truth), *order_falsehoods(document)] == []
    mend(document)
    wrong = [*card_falsehoods(document, truth), *order_falsehoods(document)]
    assert any(said in one for one in wrong), wrong


DAYS: dict[str, tuple[Series, str]] = {
    "approaching what is under the line": ({"a_coverage": UNDER}, "already"),
    "a drawing that never crosses": (
        {"a_coverage": [*noisy(96, 48), *np.linspace(95, 72, 12).tolist()], "b_coverage": FALLING},
        "drawn",
    ),
    "heading down over scores that rise": ({"a_roaming": RECOVERING}, "the last scores rise"),
    "flat, and crossing": ({"a_coverage": FLAT}, "points a day"),
    "nothing unusual beside a deviation": ({"a_coverage": DROPPED}, "Nothing"),
    "a level for a score": ({"a_capacity": BELOW_ITS_LEVEL}, "score:"),
    "rounded up": ({"a_coverage": DROPPED}, "58.1"),
    "not below what it is below": ({"a_coverage": [*noisy(95, 59), 79.96]}, "80.0 is not below 80"),
    "an alert that improves": ({"a_coverage": BAD_WEEK}, "an alert that worsens"),
    "worst first": (
        {
            "a_coverage": [*noisy(96, 59), 61.4],
            "a_roaming": [*noisy(96, 59), 62.0],
            "b_coverage": [*noisy(96, 59), 58.7],
            "b_roaming": noisy(96, 60),
        },
        "worst first",
    ),
}


@pytest.mark.parametrize("name", DAYS)
def test_it_is_not_said(name: str) -> None:
    series, fault = DAYS[name]
    truth = told(**series)
    said = [*finding_falsehoods(truth), *report_falsehoods(truth)]
    assert [one for one in said if fault in one] == []


def test_a_day_of_hand_made_series_has_what_the_cases_need() -> None:
    truth = told(a_coverage=FALLING)
    assert truth.row("risks", "a", "coverage", "critical")["state"] == "crossing"
    assert truth.data.findings is not None
    assert set(truth.data.findings["kind"]) >= {"threshold", "pre_warning"}
    assert truth.data.sle_daily.filter(pl.col("day") == D).height == 1
