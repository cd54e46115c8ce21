"""The life of one alert, evaluation by evaluation."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from mist_pipeline.alerts.lifecycle.evaluation import LifecycleState
from mist_pipeline.alerts.lifecycle.lifecycle import acknowledge, resolve
from mist_pipeline.alerts.lifecycle.model import Event, alert_fingerprint
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.alerts.lifecycle.policy import DEFAULT_RULES, Policy, Rule
from mist_pipeline.alerts.lifecycle.projection import fold_alerts, fold_incidents
from mist_pipeline.alerts.lifecycle.replay import replay
from mist_pipeline.domain.severity import rank
from mist_pipeline_tests.support.alerts.histories import (
    HOUR,
    START,
    daily,
    finding,
    findings,
    kinds,
    live,
    only_alert,
    only_incident,
    reading,
    readings,
    run,
)

EVIDENCE = finding()
CRITICAL = finding(severity="critical")
LEVELS = Policy(
    rules={
        **DEFAULT_RULES,
        "threshold": Rule("critical", "major", hold={"critical": 6 * HOUR}, other_hold=12 * HOUR),
    }
)
"""For organisations that want to be told of a critical score as such."""
DOWN = finding(family="device", kind="site_down", severity="critical", metric="", summary="The site is down.")
THRESHOLD = finding(
    kind="threshold", severity="critical", evidence='{"score_pct": 60.0, "threshold_pct": 70.0}'
)


def test_evidence_opens_an_alert_at_once_and_recovery_needs_hours_of_good_readings() -> None:
    state, events = run([live(0, EVIDENCE), *(live(hour) for hour in range(1, 13))])
    assert kinds(events) == ["pending", "opened", "quieted"]
    assert only_alert(state).state == "open"
    state, events = run([live(13)], state=state)
    assert kinds(events) == ["resolved"]
    alert = only_alert(state)
    assert (alert.opened_at, alert.resolved_at, alert.resolution) == (START, START + 13 * HOUR, "recovered")


def test_a_site_that_is_down_with_its_devices_is_told_at_the_first_evaluation() -> None:
    state, _ = run([live(0, DOWN)])
    assert only_alert(state).state == "open"
    assert only_incident(state).cause == "The site is down."


@pytest.mark.slow
@pytest.mark.parametrize(
    ("row", "hours", "expected"),
    [
        (THRESHOLD, 5, "pending"),
        (THRESHOLD, 6, "open"),
        (finding("", "collector", "collector", "major", ""), 0.25, "pending"),
        (finding("", "collector", "collector", "major", ""), 0.5, "open"),
        (finding("", "collector", "collector", "critical", ""), 0, "open"),
    ],
)
def test_the_hold_depends_on_rule_and_severity(row: dict[str, str], hours: float, expected: str) -> None:
    steps = [live(quarter / 4, row) for quarter in range(int(hours * 4) + 1)]
    state, _ = run(steps, LEVELS)
    assert only_alert(state).state == expected


def test_a_pending_alert_that_does_not_hold_lapses_and_nobody_hears_of_it() -> None:
    state, events = run([live(0, THRESHOLD), live(1)], LEVELS)
    assert kinds(events) == ["pending", "lapsed"]
    assert kinds(events, "incident") == []
    assert not state.alerts


@pytest.mark.parametrize("kind", ["threshold", "baseline", "trend", "anomaly", "pre_warning"])
def test_what_is_daily_life_at_mediocre_sites_raises_nothing_by_itself(kind: str) -> None:
    assert run([daily(0, finding(kind=kind, severity="critical"))])[1] == []


def test_weak_evidence_lets_a_prediction_raise_an_alert() -> None:
    prediction = finding(kind="pre_warning", severity="major")
    weak = findings([EVIDENCE]).select("site_id", "family")
    assert kinds(run([daily(0, prediction, support=weak)])[1]) == ["pending", "opened"]
    assert run([daily(0, finding(kind="pre_warning", severity="warning"), support=weak)])[1] == []


def test_a_critical_score_beside_evidence_makes_it_worse_after_its_own_hold() -> None:
    state, _ = run([live(hour, EVIDENCE, THRESHOLD) for hour in range(2)])
    assert only_alert(state).severity == "major"
    state, _ = run([live(2, EVIDENCE, THRESHOLD)], state=state)
    assert only_alert(state).severity == "critical"


def test_a_chronic_score_does_not_hold_an_alert_whose_evidence_is_over() -> None:
    state, _ = run([live(0, EVIDENCE), *(live(hour, THRESHOLD) for hour in range(1, 14))])
    assert only_alert(state).state == "resolved"
    assert only_alert(state).kinds == ("evidence", "threshold")


@pytest.mark.slow
def test_flapping_around_the_threshold_is_one_alert_by_hysteresis() -> None:
    """69 opens; 71 is above the threshold but below the recovery line; only above 73 does recovery begin."""
    steps = [live(hour, THRESHOLD, readings=reading("ok", 69.0)) for hour in range(7)]
    for hour in range(7, 60):
        is_below = hour % 2
        steps.append(
            live(hour, *([THRESHOLD] if is_below else []), readings=reading("ok", 69.0 if is_below else 71.0))
        )
    state, events = run(steps, LEVELS)
    assert kinds(events).count("opened") == 1
    assert "quieted" not in kinds(events)
    _, events = run([live(hour, readings=reading("ok", 74.0)) for hour in range(60, 120)], LEVELS, state)
    assert kinds(events) == ["quieted", "resolved"]


def test_weak_evidence_holds_an_open_alert_and_raises_none() -> None:
    weak = findings([EVIDENCE]).select("site_id", "family")
    assert run([live(0, support=weak)])[1] == []
    state, events = run([live(0, EVIDENCE), *(live(hour, support=weak) for hour in range(1, 100))])
    assert kinds(events) == ["pending", "opened"]
    assert only_alert(state).condition == "firing"


def test_missing_data_is_not_recovery() -> None:
    steps = [
        live(0, EVIDENCE),
        *(live(hour, readings=reading("missing")) for hour in range(1, 100)),
    ]
    state, events = run(steps)
    assert kinds(events) == ["pending", "opened", "frozen"]
    assert only_alert(state).state == "open"


def test_a_target_that_vanishes_without_a_row_is_not_recovered() -> None:
    steps = [live(0, EVIDENCE), *(live(hour, readings=reading("ok", site_id="s2")) for hour in range(1, 100))]
    assert "resolved" not in kinds(run(steps)[1])


def test_the_recovery_clock_stands_while_data_is_missing_and_goes_on_afterwards() -> None:
    steps = [live(0, EVIDENCE)]
    steps += [live(hour, readings=reading("ok")) for hour in range(1, 8)]  # six hours of quiet are counted
    steps += [live(hour, readings=reading("missing")) for hour in range(8, 60)]
    steps += [live(hour, readings=reading("ok")) for hour in range(60, 70)]
    state, _ = run(steps)
    assert only_alert(state).resolved_at == START + 66 * HOUR


def test_no_users_let_the_clock_run_but_are_no_proof_of_recovery() -> None:
    steps = [live(0, EVIDENCE), *(live(hour, readings=reading("no_users")) for hour in range(1, 40))]
    state, events = run(steps)
    assert only_alert(state).state == "open"
    _, events = run([live(40, readings=reading("ok"))], state=state)
    assert kinds(events) == ["resolved"]


@pytest.mark.slow
def test_a_stopped_collector_is_an_incident_of_its_own_and_freezes_recovery() -> None:
    stopped = finding("", "collector", "collector", "critical", "", summary="No site answered.")
    steps = [live(0, EVIDENCE), live(1)]
    steps += [live(hour, stopped) for hour in range(2, 50)]
    state, events = run(steps)
    assert {alert.family: alert.state for alert in state.alerts.values()} == {
        "radio": "open",
        "collector": "open",
    }
    assert len([one for one in state.incidents.values() if one.is_active]) == 2
    state, events = run([live(50), live(51)], state=state)
    assert [alert.family for alert in state.alerts.values() if alert.state == "resolved"] == ["collector"]
    assert "resolved" in kinds(events)


def test_an_evaluation_that_never_took_place_is_not_recovery() -> None:
    """Down for two days: nobody looked, so nothing was good."""
    state, events = run([live(0, EVIDENCE), live(1), live(49)])
    assert kinds(events) == ["pending", "opened", "quieted", "frozen", "thawed"]
    assert only_alert(state).state == "open"


def test_the_hold_of_a_pending_alert_stands_while_data_is_missing() -> None:
    steps = [live(hour, THRESHOLD) for hour in range(4)]
    steps += [live(hour, readings=reading("missing")) for hour in range(4, 30)]
    state, _ = run(steps, LEVELS)
    assert only_alert(state).state == "pending"
    state, _ = run([live(hour, THRESHOLD) for hour in (30, 31, 32)], LEVELS, state)
    assert only_alert(state).state == "pending"
    state, _ = run([live(33, THRESHOLD)], LEVELS, state)
    assert only_alert(state).state == "open"


@pytest.mark.slow
def test_an_alert_without_readings_for_a_week_expires() -> None:
    steps = [live(0, EVIDENCE), *(live(hour, readings=reading("missing")) for hour in range(1, 170))]
    state, _ = run(steps)
    alert = only_alert(state)
    assert (alert.state, alert.resolution) == ("resolved", "expired")


@pytest.mark.slow
def test_a_hold_that_is_never_met_expires() -> None:
    steps = [live(hour, THRESHOLD, readings=reading("missing")) for hour in range(3)]
    steps += [live(hour, readings=reading("missing")) for hour in range(3, 171)]
    assert kinds(run(steps, LEVELS)[1])[-1] == "lapsed"


def test_severity_rises_once_its_own_hold_is_met() -> None:
    steps = [live(0, EVIDENCE), *(live(hour, EVIDENCE, THRESHOLD) for hour in range(1, 7))]
    state, events = run(steps, LEVELS)
    assert only_alert(state).severity == "major"
    assert "severity_rose" not in kinds(events)
    state, events = run([live(7, EVIDENCE, THRESHOLD)], LEVELS, state)
    assert kinds(events) == ["severity_rose"]
    assert only_alert(state).severity == "critical"


@pytest.mark.slow
def test_a_flicker_to_critical_does_not_rise() -> None:
    steps = [live(0, EVIDENCE)]
    steps += [live(hour, EVIDENCE, *([THRESHOLD] if hour % 4 else [])) for hour in range(1, 60)]
    assert "severity_rose" not in kinds(run(steps, LEVELS)[1])


def test_severity_falls_after_hours_of_milder_findings() -> None:
    steps = [live(0, CRITICAL), *(live(hour, finding(severity="warning")) for hour in range(1, 7))]
    state, _ = run(steps)
    assert only_alert(state).severity == "critical"
    state, events = run([live(7, finding(severity="warning"))], state=state)
    assert kinds(events) == ["severity_fell"]
    alert = only_alert(state)
    assert (alert.severity, alert.highest) == ("warning", "critical")


def test_a_rise_withdraws_the_acknowledgement_and_a_fall_does_not() -> None:
    state, _ = run([live(0, EVIDENCE)])
    state = state.after(acknowledge(only_alert(state), "ada", START + HOUR / 2))
    assert only_alert(state).state == "acknowledged"
    milder, _ = run([live(hour, finding(severity="warning")) for hour in range(1, 9)], state=state)
    assert (only_alert(milder).state, only_alert(milder).severity) == ("acknowledged", "warning")
    worse, _ = run([live(1, CRITICAL)], state=state)
    assert (only_alert(worse).state, only_alert(worse).acknowledged_by) == ("open", None)


def test_acknowledging_twice_or_after_the_end_does_nothing() -> None:
    state, _ = run([live(0, EVIDENCE)])
    state = state.after(acknowledge(only_alert(state), "ada", START))
    assert acknowledge(only_alert(state), "bob", START) == []
    state = state.after(resolve(only_alert(state), "ada", START + HOUR))
    assert only_alert(state).resolution == "closed by ada"
    assert resolve(only_alert(state), "bob", START + HOUR) == []


def test_a_refire_soon_after_the_end_reopens_the_same_alert() -> None:
    steps = [live(0, EVIDENCE), *(live(hour) for hour in range(1, 14)), live(16, EVIDENCE)]
    state, events = run(steps, Policy(max_gap=4 * HOUR))
    assert kinds(events)[-3:] == ["resolved", "pending", "reopened"]
    assert (only_alert(state).state, only_alert(state).reopenings) == ("open", 1)


def test_a_refire_outside_the_reopen_window_is_a_new_alert() -> None:
    """A blip that was over after 13 hours reopens for six and a half hours, not for days."""
    steps = [live(0, EVIDENCE), *(live(hour) for hour in range(1, 22)), live(22, EVIDENCE)]
    state, _ = run(steps)
    assert sorted(alert.state for alert in state.alerts.values()) == ["open", "resolved"]
    assert len({alert.fingerprint for alert in state.alerts.values()}) == 1


def test_the_reopen_window_grows_with_what_went_before() -> None:
    policy = Policy()
    assert policy.reopens_within(timedelta(hours=2)) == timedelta(hours=6)
    assert policy.reopens_within(timedelta(hours=40)) == timedelta(hours=20)
    assert policy.reopens_within(timedelta(days=30)) == timedelta(hours=72)


def test_a_reopening_that_does_not_hold_leaves_the_alert_resolved() -> None:
    long_hold = Policy(rules={**Policy().rules, "evidence": Rule("warning", other_hold=2 * HOUR)})
    steps = [live(hour, EVIDENCE) for hour in range(3)] + [live(hour) for hour in range(3, 17)]
    state, _ = run([*steps, live(17, EVIDENCE), live(18)], long_hold)
    assert only_alert(state).state == "resolved"


def test_a_daily_finding_speaks_for_a_day() -> None:
    steps = [daily(24, THRESHOLD), *(live(hour) for hour in range(25, 48)), daily(48, THRESHOLD)]
    assert kinds(run(steps, LEVELS)[1]) == ["pending", "opened", "renewed"]


@pytest.mark.slow
def test_a_chronic_site_is_told_once() -> None:
    steps = [daily(24 * day, THRESHOLD) for day in range(1, 60)]
    state, events = run(steps, LEVELS)
    assert kinds(events).count("opened") == 1
    assert kinds(events, "incident") == ["opened", "joined"]
    assert only_alert(state).state == "open"


def test_the_daily_news_of_an_outage_that_is_over_neither_reopens_nor_holds_it() -> None:
    steps = [live(1, EVIDENCE), *(live(hour) for hour in range(2, 24))]
    state, events = run([*steps, daily(24, THRESHOLD), live(25)], LEVELS)
    assert kinds(events).count("opened") == 1
    assert only_alert(state).state == "resolved"
    late = [live(20, EVIDENCE), live(21), live(22), live(23), daily(24, THRESHOLD)]
    state, _ = run([*late, *(live(hour) for hour in range(25, 36))], LEVELS)
    assert only_alert(state).state == "resolved"


def test_live_evidence_takes_over_what_the_daily_analysis_opened() -> None:
    state, events = run([daily(24, EVIDENCE), live(25, EVIDENCE)])
    assert kinds(events) == ["pending", "opened", "renewed"]
    assert only_alert(state).source == "live"


def test_health_is_not_told_beside_the_trouble_that_lowers_it() -> None:
    health = finding(family="health", kind="health_drop", severity="critical", metric="")
    wanted = Policy(rules={**LEVELS.rules, "health_drop": Rule("critical")})
    state, _ = run([daily(24, health, THRESHOLD)], wanted)
    assert only_alert(state).family == "radio"
    state, _ = run([daily(24, health)], wanted)
    assert only_alert(state).family == "health"
    assert run([daily(24, health)])[1] == []


def test_the_first_finding_names_the_alert_and_later_ones_are_evidence_on_it() -> None:
    dhcp = finding(kind="mist_alarm", severity="critical", evidence='{"classifier": "dhcp"}')
    state, _events = run([live(0, EVIDENCE), live(1, EVIDENCE, dhcp)])
    alert = only_alert(state)
    assert (alert.kind, alert.kinds, alert.classifier) == ("evidence", ("evidence", "mist_alarm"), "dhcp")


def test_the_fingerprint_is_that_of_the_problem_whoever_saw_it_first() -> None:
    by_day, _ = run([daily(24, THRESHOLD)], LEVELS)
    by_hour, _ = run([live(3, EVIDENCE)])
    expected = alert_fingerprint("s1", "radio")
    assert only_alert(by_day).fingerprint == only_alert(by_hour).fingerprint == expected


def test_backfill_replay_and_live_give_the_same_names() -> None:
    steps = [live(0, EVIDENCE), live(1, EVIDENCE, DOWN), daily(24, THRESHOLD)]
    _, events = run(steps)
    assert replay(iter(steps)).events == tuple(events)


def test_findings_without_a_family_get_that_of_the_catalogue() -> None:
    step = live(0, EVIDENCE)
    bare = type(step)(as_of=step.as_of, source="live", findings=step.findings.drop("family"))
    assert only_alert(run([bare])[0]).family == "radio"


def test_families_without_readings_of_their_own_are_seen_where_the_site_answers() -> None:
    answering = readings([("s1", "coverage", "no_users", None)])
    state, _ = run([live(0, DOWN), live(1, readings=answering), live(2, readings=answering)])
    assert only_alert(state).state == "resolved"
    silent, _ = run([live(0, DOWN), *(live(hour, readings=reading("missing")) for hour in range(1, 9))])
    assert only_alert(silent).state == "open"


def test_trouble_of_the_organisation_is_seen_where_anything_answers() -> None:
    everywhere = finding("", "radio", "mist_alarm", "critical")
    steps = [live(0, everywhere), live(0.25, everywhere)]
    good = [live(1 + hour, readings=reading("ok")) for hour in range(3)]
    dark = [live(1 + hour, readings=reading("missing")) for hour in range(3)]
    assert only_alert(run(steps + good)[0]).state == "resolved"
    assert only_alert(run(steps + dark)[0]).condition == "frozen"


def test_evaluations_go_forward() -> None:
    with pytest.raises(ValueError, match="replay"):
        run([live(1), live(1)])


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (lambda: run([live(0, finding(severity="dreadful"))]), "dreadful"),
        (lambda: rank("dreadful"), "dreadful"),
        (
            lambda: live(0).__class__(as_of=START.replace(tzinfo=None), source="live", findings=findings()),
            "zone",
        ),
        (lambda: Policy(min_reopen=timedelta(days=9)), "min_reopen"),
        (lambda: Policy(recovery_margin_pct=-1), "recovery"),
        (lambda: fold_alerts([Event("alert", "a", 1, START, "opened")]), "pending"),
        (lambda: fold_incidents([Event("incident", "a", 1, START, "joined")]), "opened"),
        (lambda: fold_alerts([Event("alert", "a", 2, START, "pending")]), "missing"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(problem: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        problem()  # type: ignore[operator]


def test_a_book_that_never_saw_an_evaluation_forgets_nothing() -> None:
    assert LifecycleState().without_forgotten(Policy()) == LifecycleState()


def pipeline(hour: float, *rows: Mapping[str, str]) -> EvaluationInput:
    return EvaluationInput(
        as_of=START + hour * HOUR, source="pipeline", findings=findings(rows), readings=readings([])
    )


def test_the_pipelines_own_trouble_is_an_alert_beside_those_of_sites() -> None:
    failed = finding("", "pipeline:daily", "pipeline", "critical", metric="", summary="The daily run failed.")
    steps = [live(0, finding()), pipeline(0.1, failed), live(0.25, finding()), pipeline(0.3)]
    state, events = run(steps)
    site, own = sorted(state.alerts.values(), key=lambda alert: alert.family, reverse=True)
    assert (site.family, site.state, site.condition) == ("radio", "open", "firing")
    assert (own.family, own.state, own.resolution) == ("pipeline:daily", "resolved", "recovered")
    assert "frozen" not in kinds(events)


def test_a_look_at_the_pipeline_is_no_look_at_any_site() -> None:
    state, _ = run([live(0, finding()), pipeline(3)])
    assert state.as_of == START
    state, events = run([live(5)], state=state)
    assert kinds(events)[0] == "frozen", "between the looks at the sites lies a gap"


def test_looks_at_the_pipeline_may_be_older_than_the_newest_look_at_the_sites() -> None:
    state, _ = run([live(1, finding()), pipeline(0.9, finding("", "pipeline:live", "pipeline", "warning"))])
    assert {alert.state for alert in state.alerts.values()} == {"open"}
