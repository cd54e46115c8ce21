"""One trouble that shows in two families of a site is one alert."""

from typing import Any

import pytest

from mist_pipeline.alerts.lifecycle.model import Series
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.alerts.notify.silences import alert_labels, labels_of_parts
from mist_pipeline_tests.support.alerts.histories import (
    HOUR,
    START,
    episodes,
    excess,
    kinds,
    live,
    only_alert,
    only_incident,
    run,
)

CONNECT = {"metric": "time-to-connect", "family": "connect"}
RADIO = {"metric": "throughput", "family": "radio"}
OF_APS = {"metric": "ap-health", "family": "ap"}


def hour(at: int, *shown: dict[str, Any]) -> EvaluationInput:
    """An hour at which these series are in excess; each since ``began``, with an episode that has recovered so far."""
    rows, known = [], []
    for one in shown:
        of = {name: value for name, value in one.items() if name in ("metric", "family", "classifier")}
        last, recovery = one.get("last", at - 1), one.get("recovery", 0.0)
        if one.get("is_found", True):
            rows.append(
                excess(
                    one.get("began", 5),
                    last,
                    recovery=recovery,
                    severity=one.get("severity", "warning"),
                    **of,
                )
            )
        known.append({"began": one.get("began", 5), "last": last, "recovery": recovery, **of})
    return live(at, *rows, episodes=episodes(*known))


def test_one_cause_in_two_families_of_a_site_is_one_alert_as_bad_as_the_worse() -> None:
    state, events = run([hour(6, CONNECT, {**RADIO, "severity": "critical"}), hour(7, CONNECT, RADIO)])
    alert = only_alert(state)
    assert kinds(events)[:2] == ["pending", "opened"]
    assert (alert.family, alert.metric, alert.highest) == ("connect", "time-to-connect", "critical")
    assert alert.summary.endswith(" Also: Throughput.")
    assert Series("throughput", "", is_slow=False) in alert.series
    assert alert.metrics_of_parts == {"radio": ("throughput",)}
    assert only_incident(state).alert_ids == (alert.alert_id,)


def test_a_family_that_shows_the_same_hour_later_is_a_part_of_the_open_alert() -> None:
    state, events = run([hour(6, RADIO), hour(7, RADIO, CONNECT)])
    assert only_alert(state).metrics_of_parts == {"connect": ("time-to-connect",)}
    assert kinds(events) == ["pending", "opened", "seen"]


def test_an_alert_lasts_until_its_parts_are_over_too() -> None:
    over = {"last": 6, "recovery": 1.0, "is_found": False}
    both, one = hour(6, CONNECT, RADIO), hour(10, {**CONNECT, **over}, RADIO)
    state, _ = run([both, one])
    assert only_alert(state).state == "open"
    state, _ = run([hour(12, {**CONNECT, **over}, {**RADIO, **over, "last": 9})], state=state)
    assert only_alert(state).state == "resolved"
    assert only_alert(state).last_bad_at == START + 10 * HOUR


@pytest.mark.parametrize("is_found", [True, False])
def test_what_windows_still_show_of_a_part_that_is_over_is_known(*, is_found: bool) -> None:
    over = {"last": 6, "recovery": 1.0}
    ended = hour(9, {**CONNECT, **over, "is_found": False}, {**RADIO, **over, "is_found": False})
    later = hour(11, {**RADIO, **over, "is_found": is_found})
    _, events = run([hour(6, CONNECT, RADIO), hour(7, CONNECT, RADIO), ended, later])
    assert kinds(events) == ["pending", "opened", "quieted", "resolved"]


@pytest.mark.parametrize(("window_hours", "is_news"), [(24, False), (2, True)])
def test_a_window_of_another_service_level_that_still_contains_a_part_is_no_news(
    window_hours: int, *, is_news: bool
) -> None:
    over = {"last": 6, "recovery": 1.0, "is_found": False}
    ended = hour(9, {**CONNECT, **over}, {**RADIO, **over})
    coverage = {"began": 5, "last": 19, "metric": "coverage", "family": "radio"}
    late = live(20, excess(5, 19, metric="coverage", window_hours=window_hours), episodes=episodes(coverage))
    state, _ = run([hour(6, CONNECT, RADIO), hour(7, CONNECT, RADIO), ended, late])
    assert (len(state.alerts) == 2) is is_news


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({**RADIO, "began": 6}, "begins later"),
        ({**OF_APS, "began": 5}, "is of devices"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_has_a_cause_of_its_own_has_an_alert_of_its_own(other: dict[str, Any], why: str) -> None:
    state, _ = run([hour(6, CONNECT), hour(7, CONNECT, other)])
    assert sorted(alert.family for alert in state.alerts.values()) == sorted(
        ["connect", str(other["family"])]
    ), why
    assert len(only_incident(state).alert_ids) == 2


def test_long_after_it_opened_an_alert_takes_no_new_family() -> None:
    state, _ = run([hour(6, CONNECT), hour(7, CONNECT), hour(8, CONNECT), hour(9, CONNECT, RADIO)])
    assert len(state.alerts) == 2


def test_routes_find_an_alert_by_its_parts_and_silences_do_not() -> None:
    state, _ = run([hour(6, CONNECT, RADIO)])
    alert = only_alert(state)
    own = alert_labels(alert, {})
    assert (own["family"], own["metric"]) == (("connect",), ("time-to-connect",))
    (part,) = labels_of_parts(alert, own)
    assert (part["family"], part["metric"], part["site_id"]) == (("radio",), ("throughput",), own["site_id"])
