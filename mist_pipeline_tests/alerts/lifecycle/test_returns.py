"""Which trouble an alert was about, and which is another one: by what is blamed, since when, and how soon."""

import pytest

from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline_tests.support.alerts.histories import (
    HOUR,
    START,
    episodes,
    excess,
    kinds,
    live,
    only_alert,
    run,
)

Blamed = tuple[str, str]
"""Metric and classifier."""
CAPACITY, THROUGHPUT = ("capacity", "wifi-interference"), ("throughput", "capacity-wifi-interference")


def bad(hour: int, began: int, *blamed: Blamed, window_hours: int = 2) -> EvaluationInput:
    """An hour in which these are bad; the first is the strongest, the second a row of its own."""
    known = [
        {"began": began, "last": hour - 1, "metric": metric, "classifier": classifier}
        for metric, classifier in blamed
    ]
    rows = [
        excess(
            began,
            hour - 1,
            metric=metric,
            classifier=classifier,
            is_second=number > 0,
            window_hours=window_hours,
        )
        for number, (metric, classifier) in enumerate(blamed)
    ]
    return live(hour, *rows, episodes=episodes(*known))


def over(hour: int) -> EvaluationInput:
    return live(hour, episodes=episodes())


@pytest.mark.parametrize(
    ("later", "alerts"),
    [
        (THROUGHPUT, 1),
        (("coverage", "weak-signal"), 2),
        (("capacity", "non-wifi-interference"), 2),
        (("capacity", "unheard-of"), 2),
    ],
)
def test_the_same_complaint_of_another_service_level_is_no_second_problem(later: Blamed, alerts: int) -> None:
    hours = [bad(hour, 0, CAPACITY) for hour in range(2, 9)]
    state, events = run([*hours, *(bad(hour, 8, later) for hour in range(10, 12))])
    assert kinds(events).count("opened") == alerts
    followed = {(one.metric, one.classifier) for alert in state.alerts.values() for one in alert.series}
    assert followed == {CAPACITY, later}, "what is no second problem is followed with the first"


@pytest.mark.parametrize(
    ("began", "blamed", "last"),
    [
        (20, CAPACITY, "reopened"),
        (31, CAPACITY, "reopened"),
        (31, THROUGHPUT, "reopened"),
        (31, ("coverage", "weak-signal"), "opened"),
        (31, ("capacity", ""), "opened"),
        (36, CAPACITY, "opened"),
    ],
    ids=[
        "a night",
        "a day",
        "another service level",
        "another complaint",
        "nothing blamed",
        "more than a day",
    ],
)
def test_the_same_complaint_within_a_day_is_the_same_trouble(began: int, blamed: Blamed, last: str) -> None:
    _, events = run([bad(7, 5, CAPACITY), bad(8, 5, CAPACITY), over(11), bad(began + 2, began, blamed)])
    assert kinds(events)[-2:] == ["pending", last]


def test_what_was_recorded_as_past_and_is_back_goes_on_from_then_on() -> None:
    past = excess(2, 5, recovery=1.0, metric="capacity", classifier="wifi-interference")
    known = {"began": 2, "last": 5, "metric": "capacity", "classifier": "wifi-interference", "recovery": 1.0}
    recorded = live(9, past, episodes=episodes(known))
    assert only_alert(run([recorded])[0]).is_past
    state, events = run([recorded, bad(22, 20, CAPACITY)])
    alert = only_alert(state)
    assert kinds(events)[-2:] == ["pending", "reopened"]
    assert (alert.is_past, alert.opened_at) == (False, START + 22 * HOUR)
