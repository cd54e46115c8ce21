"""An alert ends when its trouble ends, and says when it began."""

import json
from dataclasses import replace
from typing import Any

import pytest

from mist_pipeline.alerts.lifecycle.model import Event
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.alerts.lifecycle.projection import fold_alerts, fold_incidents
from mist_pipeline_tests.support.alerts.histories import (
    HOUR,
    START,
    correlation,
    daily,
    episodes,
    excess,
    finding,
    findings,
    kinds,
    live,
    only_alert,
    only_incident,
    reading,
    run,
)


def bad(hour: int, began: int = 0, **more: Any) -> EvaluationInput:
    """An hour of a trouble that goes on."""
    of = {"classifier": more.get("classifier", "")}
    return live(
        hour, excess(began, hour - 1, **of), episodes=episodes({"began": began, "last": hour - 1, **of})
    )


def recovering(hour: int, last: int, recovery: float, began: int = 0) -> EvaluationInput:
    return live(hour, episodes=episodes({"began": began, "last": last, "recovery": recovery}))


def over(hour: int) -> EvaluationInput:
    return live(hour, episodes=episodes())


def opened(events: list[Event]) -> int:
    return kinds(events).count("opened")


def test_an_alert_says_when_it_began_when_it_was_noticed_and_which_hour_was_the_last_bad_one() -> None:
    state, events = run([bad(6), bad(7), recovering(9, 6, 0.75), recovering(10, 6, 1.0)])
    alert = only_alert(state)
    assert kinds(events) == ["pending", "opened", "quieted", "resolved"]
    assert alert.began_at == START
    assert alert.opened_at == START + 6 * HOUR
    assert alert.last_bad_at == START + 7 * HOUR
    assert (alert.resolved_at, alert.resolution) == (START + 10 * HOUR, "recovered")
    (incident,) = state.incidents.values()
    assert (incident.began_at, incident.last_bad_at) == (alert.began_at, alert.last_bad_at)


def test_what_recovered_while_nobody_watched_says_since_when() -> None:
    state, events = run([bad(6), bad(7), recovering(12, 6, 0.75)])
    assert kinds(events)[-2:] == ["frozen", "thawed"]
    alert = only_alert(state)
    assert (alert.condition, alert.last_bad_at) == ("quiet", START + 7 * HOUR)


@pytest.mark.parametrize(
    ("of_coverage", "began"),
    [
        ({"began": -90, "last": 5, "classifier": "weak-signal"}, -90),
        ({"began": -90, "last": 5}, -90),
        ({"began": -90, "last": 5, "recovery": 1.0}, 2),
        ({"began": -90, "last": 5, "metric": "roaming"}, 2),
    ],
)
def test_an_alert_began_when_the_score_that_it_tells_of_went_bad(
    of_coverage: dict[str, Any], began: int
) -> None:
    low = finding(
        kind="threshold", severity="critical", evidence='{"threshold_pct": 70, "classifier": "weak-signal"}'
    )
    other = {"metric": "throughput", "classifier": "interference"}
    both = live(
        6,
        low,
        excess(2, 5, metric="throughput", classifier="interference"),
        episodes=episodes({"began": 2, "last": 5, **other}, of_coverage),
    )
    state, _ = run([both, replace(both, as_of=START + 9 * HOUR)])
    alert = only_alert(state)
    assert (alert.metric, alert.classifier) == ("coverage", "weak-signal")
    assert alert.began_at == START + began * HOUR
    assert [one.metric for one in alert.series] == ["throughput"]


def test_of_two_low_scores_the_lower_is_told() -> None:
    scores = [
        finding(
            kind="threshold",
            severity="critical",
            metric=metric,
            evidence=json.dumps({"threshold_pct": 70.0, "score_pct": score}),
        )
        for metric, score in (("capacity", 68.5), ("coverage", 36.5), ("throughput", 60.0))
    ]
    known = episodes({"began": 0, "last": 5})
    state, _ = run([live(hour, *scores, excess(0, hour - 1), episodes=known) for hour in (6, 9)])
    assert only_alert(state).metric == "coverage"


def test_while_it_goes_on_there_is_no_last_bad_hour() -> None:
    state, _ = run([bad(6), bad(7), recovering(9, 6, 0.75), bad(10)])
    assert only_alert(state).last_bad_at is None
    assert only_alert(state).condition == "firing"


@pytest.mark.parametrize("noise", [finding(severity="warning", kind="threshold"), finding(kind="baseline")])
def test_a_noisy_hour_or_weak_evidence_holds_no_alert_open(noise: dict[str, str]) -> None:
    weak = live(9, noise, episodes=episodes({"began": 0, "last": 6, "recovery": 1.0}))
    state, _ = run([bad(6), bad(7), weak])
    assert only_alert(state).state == "resolved"


def test_long_windows_that_still_contain_the_trouble_raise_nothing_anew() -> None:
    window = excess(0, 6, recovery=1.0, window_hours=24)
    still = [
        live(hour, window, episodes=episodes({"began": 0, "last": 6, "recovery": 1.0}))
        for hour in range(10, 30)
    ]
    state, events = run([bad(6), bad(7), over(10), *still[1:]])
    assert opened(events) == 1
    assert only_alert(state).state == "resolved"


def test_all_series_that_raised_it_must_be_over() -> None:
    both = live(
        7,
        excess(2, 6, classifier="dhcp"),
        episodes=episodes({"began": 0, "last": 6}, {"began": 2, "last": 6, "classifier": "dhcp"}),
    )
    half = live(10, episodes=episodes({"began": 2, "last": 9, "classifier": "dhcp"}))
    state, _ = run([bad(6), both, half])
    assert only_alert(state).state == "open"
    state, _ = run([over(12)], state=state)
    assert only_alert(state).state == "resolved"


def test_without_readings_nothing_is_over() -> None:
    nothing = live(12, episodes=episodes(), readings=reading("missing"))
    state, _ = run([bad(6), bad(7), nothing])
    assert only_alert(state).state == "open"
    assert only_alert(state).condition == "frozen"


def test_a_new_excess_while_an_alert_recovers_is_a_new_alert() -> None:
    again = live(
        12,
        excess(10, 11, classifier="dhcp"),
        episodes=episodes(
            {"began": 0, "last": 6, "recovery": 0.75}, {"began": 10, "last": 11, "classifier": "dhcp"}
        ),
    )
    state, events = run([bad(6), bad(7), recovering(9, 6, 0.75), again])
    assert opened(events) == 2
    first, second = sorted(state.alerts.values(), key=lambda alert: alert.pending_since)
    assert (first.state, first.last_bad_at) == ("resolved", START + 7 * HOUR)
    assert (second.state, second.began_at) == ("open", START + 10 * HOUR)


def test_an_excess_that_began_before_the_told_end_is_the_same_alert() -> None:
    slow = live(
        40,
        excess(3, 39, window_hours=48),
        episodes=episodes({"began": 3, "last": 39, "is_slow": True}),
    )
    state, events = run([bad(6), bad(7), over(10), slow])
    assert kinds(events)[-2:] == ["pending", "reopened"]
    assert only_alert(state).state == "open"


def test_an_excess_that_comes_back_days_after_the_told_end_is_a_new_alert() -> None:
    slow = live(
        100,
        excess(3, 99, window_hours=48),
        episodes=episodes({"began": 3, "last": 99, "is_slow": True}),
    )
    state, events = run([bad(6), bad(7), over(10), slow])
    assert kinds(events)[-2:] == ["pending", "opened"]
    assert sorted(alert.state for alert in state.alerts.values()) == ["open", "resolved"]


@pytest.mark.parametrize(("window_hours", "is_news"), [(24, False), (6, True)])
@pytest.mark.parametrize("severity", ["warning", "critical"])
def test_a_window_of_another_metric_that_still_contains_the_trouble_reopens_nothing(
    window_hours: int, severity: str, *, is_news: bool
) -> None:
    other = {"began": 5, "last": 16, "metric": "capacity"}
    window = excess(5, 16, metric="capacity", window_hours=window_hours)
    low = finding(kind="threshold", severity=severity, evidence='{"threshold_pct": 70.0}')
    state, events = run([bad(6), bad(7), over(10), live(17, window, low, episodes=episodes(other))])
    assert ("reopened" in kinds(events)) is is_news
    assert only_alert(state).is_active is is_news


@pytest.mark.parametrize(("blamed", "last"), [("dhcp", "reopened"), ("radius", "opened")])
def test_another_trouble_soon_after_the_end_is_a_new_alert(blamed: str, last: str) -> None:
    first = bad(6, classifier="dhcp"), bad(7, classifier="dhcp")
    _, events = run([*first, over(10), bad(16, began=14, classifier=blamed)])
    assert kinds(events)[-2:] == ["pending", last]


@pytest.mark.parametrize(
    ("began", "blamed", "last"),
    [
        (28, "dhcp", "reopened"),
        (76, "dhcp", "reopened"),
        (77, "dhcp", "opened"),
        (28, "radius", "opened"),
        (28, "", "opened"),
        (100, "dhcp", "opened"),
    ],
)
def test_what_is_back_at_its_hour_of_the_day_is_the_same_alert(began: int, blamed: str, last: str) -> None:
    first = [bad(hour, began=4, classifier="dhcp") for hour in (6, 7)]
    _, events = run([*first, over(10), bad(began + 2, began=began, classifier=blamed)])
    assert kinds(events)[-2:] == ["pending", last]


def test_the_last_bad_hour_of_what_nobody_could_see_is_the_last_that_was_seen() -> None:
    down = finding(kind="site_down")
    unseen = [live(hour, readings=reading("missing")) for hour in (3, 4, 5)]
    state, _ = run(
        [live(1, down), live(2, down), *unseen, *(live(hour, readings=reading("ok")) for hour in (6, 7, 8))]
    )
    alert = only_alert(state)
    assert (alert.state, alert.last_bad_at) == ("resolved", START + 3 * HOUR)


def test_an_alert_that_comes_back_in_vain_still_knows_what_it_was_about() -> None:
    window = excess(0, 6, recovery=1.0, window_hours=24)
    weak = findings([finding()]).select("site_id", "family")
    prediction = finding(kind="pre_warning", severity="major", metric="capacity")
    again = live(11, prediction, support=weak, episodes=episodes())
    ended = [bad(6), bad(7), recovering(9, 6, 0.75), recovering(10, 6, 1.0)]
    known = episodes({"began": 0, "last": 6, "recovery": 1.0})
    was = only_alert(run(ended)[0])
    state, events = run([*ended, again, over(12), live(13, window, episodes=known)])
    assert kinds(events)[-3:] == ["resolved", "pending", "lapsed"]
    alert = only_alert(state)
    assert (alert.state, alert.series) == ("resolved", was.series)
    assert (alert.began_at, alert.last_bad_at) == (START, START + 7 * HOUR)
    assert (alert.began_before, alert.ended_before, alert.series_before) == (None, None, ())
    assert fold_alerts(events) == dict(state.alerts)


def test_a_later_excursion_of_the_same_series_does_not_make_an_old_window_news() -> None:
    window = excess(2, 14, recovery=1.0, window_hours=24, classifier="weak-signal")
    noise = episodes({"began": 20, "last": 23, "recovery": 0.2, "classifier": "weak-signal"})
    ends = [recovering(9, 6, 0.75), recovering(10, 6, 1.0)]
    state, events = run([bad(6), bad(7), *ends, live(24, window, episodes=noise)])
    assert kinds(events)[-1] == "resolved"
    assert only_alert(state).last_bad_at == START + 7 * HOUR


def test_what_was_over_before_it_was_noticed_is_for_the_record() -> None:
    past = daily(
        30, excess(10, 19, recovery=1.0), episodes=episodes({"began": 10, "last": 19, "recovery": 1.0})
    )
    state, events = run([past])
    alert = only_alert(state)
    assert kinds(events) == ["pending", "opened", "resolved"]
    assert kinds(events, "incident") == ["opened", "joined", "resolved"]
    assert alert.is_past
    assert (alert.began_at, alert.last_bad_at) == (START + 10 * HOUR, START + 20 * HOUR)
    assert alert.resolution == "over before it was noticed"


def test_past_trouble_that_sites_share_is_one_incident_of_its_cause() -> None:
    sites = ("s1", "s2", "s3")
    rows = [excess(10 + number, 12, site_id=site, family="connect") for number, site in enumerate(sites)]
    known = episodes(
        *(
            {"site_id": site, "family": "connect", "began": 10 + number, "last": 19, "recovery": 1.0}
            for number, site in enumerate(sites)
        )
    )
    state, _ = run([daily(30, *rows, correlation(sites), episodes=known)])
    incident = only_incident(state)
    assert (incident.state, incident.scope, len(incident.alert_ids)) == ("resolved", "infrastructure", 3)
    assert (incident.began_at, incident.last_bad_at) == (START + 10 * HOUR, START + 20 * HOUR)


def test_a_score_of_the_same_day_does_not_make_the_past_go_on() -> None:
    low = finding(kind="threshold", severity="critical", evidence='{"threshold_pct": 70.0}')
    past = daily(
        30,
        excess(10, 12),
        low,
        episodes=episodes({"began": 10, "last": 19, "recovery": 1.0}),
    )
    state, _ = run([past])
    assert only_alert(state).is_past
    assert only_alert(state).last_bad_at == START + 20 * HOUR


def test_an_alarm_that_raises_by_itself_now_is_not_past() -> None:
    alarm = finding(kind="mist_alarm", severity="critical", metric="")
    now = daily(30, excess(10, 12), alarm, episodes=episodes({"began": 10, "last": 19, "recovery": 1.0}))
    state, _ = run([now])
    assert not only_alert(state).is_past


def test_a_day_that_ends_in_trouble_is_not_past() -> None:
    # The strongest evidence of the day is of the morning; the day's end knows more.
    going = daily(24, excess(10, 12), episodes=episodes({"began": 10, "last": 23}))
    state, _ = run([going])
    assert only_alert(state).state == "open"
    assert not only_alert(state).is_past


def test_whoever_wants_to_hear_of_the_past_is_told() -> None:
    past = daily(
        30, excess(10, 19, recovery=1.0), episodes=episodes({"began": 10, "last": 19, "recovery": 1.0})
    )
    state, _ = run([past], Policy(tells_past=True))
    assert only_alert(state).state == "open"


def test_a_site_that_is_removed_ends_its_alerts_and_makes_no_new_ones() -> None:
    gone = live(8, excess(0, 7), episodes=episodes(), removed_sites=frozenset({"s1"}))
    state, events = run([bad(6), gone])
    alert = only_alert(state)
    assert (alert.state, alert.resolution) == ("resolved", "site removed")
    _, events = run(
        [live(hour, excess(0, hour - 1), removed_sites=frozenset({"s1"})) for hour in range(9, 12)],
        state=state,
    )
    assert events == []


def test_another_site_is_not_removed_with_it() -> None:
    gone = live(8, excess(0, 7), episodes=episodes({"began": 0, "last": 7}), removed_sites=frozenset({"s2"}))
    state, _ = run([bad(6), gone])
    assert only_alert(state).state == "open"


def test_a_new_level_is_accepted_and_said_so() -> None:
    accepted = live(8, episodes=episodes({"began": 0, "last": 7, "recovery": 1.0, "is_accepted": True}))
    state, _ = run([bad(6), bad(7), accepted])
    assert only_alert(state).resolution == "new level accepted"


def test_yesterdays_analysis_ends_nothing_that_the_live_evaluation_sees_going_on() -> None:
    yesterday = daily(
        9.5, excess(0, 5, recovery=1.0), episodes=episodes({"began": 0, "last": 5, "recovery": 1.0})
    )
    state, _ = run([bad(6), bad(9), yesterday])
    assert only_alert(state).state == "open"


def test_the_state_is_that_of_its_events() -> None:
    state, events = run([bad(6), bad(7), recovering(9, 6, 0.75), over(10)])
    assert fold_alerts(events) == dict(state.alerts)
    assert fold_incidents(events) == dict(state.incidents)


def second(hour: int, began: int, first_began: int = 0) -> EvaluationInput:
    """An hour in which another classifier's excess goes on beside the first."""
    lead = excess(first_began, hour - 1, classifier="dhcp")
    other = excess(began, hour - 1, classifier="radar", is_second=True)
    known = episodes(
        {"began": first_began, "last": hour - 1, "classifier": "dhcp"},
        {"began": began, "last": hour - 1, "classifier": "radar"},
    )
    return live(hour, lead, other, episodes=known)


def test_a_second_problem_beside_one_that_goes_on_is_told_and_ends_by_itself() -> None:
    chronic = [bad(hour, classifier="dhcp") for hour in range(6, 30)]
    state, events = run([*chronic, second(30, began=28), second(31, began=28)])
    assert opened(events) == 2
    first, other = sorted(state.alerts.values(), key=lambda alert: alert.pending_since)
    assert (first.problem, other.problem) == ("", "radar")
    assert other.fingerprint != first.fingerprint
    assert other.began_at == START + 28 * HOUR
    state, events = run([bad(32, classifier="dhcp"), bad(33, classifier="dhcp")], state=state)
    assert {alert.problem: alert.state for alert in state.alerts.values()} == {
        "": "open",
        "radar": "resolved",
    }


def test_the_first_look_at_two_problems_tells_the_first_and_not_the_second() -> None:
    worse = excess(2, 29, classifier="weak-signal", severity="critical", summary="The first.")
    milder = excess(20, 29, classifier="radar", severity="warning", summary="The second.", is_second=True)
    low = finding(
        kind="threshold", severity="critical", metric="coverage", evidence='{"threshold_pct": 70.0}'
    )
    known = episodes(
        {"began": 2, "last": 29, "classifier": "weak-signal"},
        {"began": 20, "last": 29, "classifier": "radar"},
    )
    for look in (live(30, worse, milder, episodes=known), daily(30, worse, milder, low, episodes=known)):
        state, _ = run([look])
        alert = only_alert(state)
        assert (alert.severity, alert.classifier, alert.state) == ("critical", "weak-signal", "open")
        assert alert.began_at == START + 2 * HOUR


def test_a_second_problem_outlives_the_first_without_a_new_alert() -> None:
    chronic = [bad(hour, classifier="dhcp") for hour in range(6, 30)]
    alone = [bad(hour, began=28, classifier="radar") for hour in range(32, 36)]
    state, events = run([*chronic, second(30, began=28), second(31, began=28), *alone])
    assert opened(events) == 2
    assert {alert.problem: alert.state for alert in state.alerts.values()} == {
        "": "resolved",
        "radar": "open",
    }


def test_what_began_with_the_first_is_a_part_of_it() -> None:
    _, events = run([*(bad(hour, classifier="dhcp") for hour in range(6, 10)), second(10, began=5)])
    assert opened(events) == 1


def test_a_second_problem_ends_after_the_first_although_nothing_is_found_any_more() -> None:
    chronic = [bad(hour, classifier="dhcp") for hour in range(6, 30)]
    known = {"began": 28, "last": 31, "classifier": "radar"}
    quiet = [live(33, episodes=episodes({**known, "recovery": 0.75})), over(34), over(35)]
    alone = bad(32, began=28, classifier="radar")
    state, _ = run([*chronic, second(30, began=28), second(31, began=28), alone, *quiet])
    assert {alert.problem: alert.state for alert in state.alerts.values()} == {
        "": "resolved",
        "radar": "resolved",
    }


def test_windows_that_still_contain_a_second_problem_do_not_tell_it_again_as_past() -> None:
    chronic = [bad(hour, classifier="dhcp") for hour in range(6, 30)]
    window = excess(28, 30, recovery=1.0, classifier="radar", window_hours=24)
    ended = {"began": 28, "last": 30, "classifier": "radar", "recovery": 1.0}
    later = [live(hour, window, episodes=episodes(ended)) for hour in range(34, 40)]
    _, events = run([*chronic, second(30, began=28), second(31, began=28), over(33), *later])
    assert opened(events) == 2


def test_a_site_that_is_down_again_is_told_at_once() -> None:
    def down(first: int, last: int) -> dict[str, str]:
        hours = {"first": (START + first * HOUR).isoformat(), "last": (START + last * HOUR).isoformat()}
        return finding(
            kind="site_down", family="device", metric="", severity="critical", evidence=json.dumps(hours)
        )

    _, first = run([live(1, down(0, 0)), live(2, down(0, 1)), live(3), live(4), live(4.5)])
    assert kinds(first)[-1] == "resolved"
    state, events = run(
        [live(1, down(0, 0)), live(2, down(0, 1)), live(3), live(4), live(4.5), live(5, down(4, 4))]
    )
    assert kinds(events)[-1] == "reopened"
    assert only_alert(state).state == "open"
