"""Does this need telling, to whom, and why."""

from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest

from mist_pipeline.alerts.lifecycle.model import Withheld, Worse
from mist_pipeline.alerts.notify.decision import (
    NOTIFYING,
    Decision,
    LastNotification,
    VisibleIncident,
    should_notify,
    visible_incidents,
)
from mist_pipeline.alerts.notify.escalation import (
    Due,
    EscalationPolicy,
    EscalationStep,
    calls_nobody,
    due_now,
    schedule,
)
from mist_pipeline.alerts.notify.matchers import parse_matchers
from mist_pipeline.alerts.notify.plan import MOST_PAST, RECIPIENTS, failing_sink_family, plan
from mist_pipeline.alerts.notify.routes import Route, chosen_routes, explain_route
from mist_pipeline.alerts.notify.silences import Silence
from mist_pipeline.alerts.notify.time_windows import Window
from mist_pipeline.domain.severity import Severity
from mist_pipeline_tests.support.alerts.histories import HOUR, START, finding, live, run

MINUTE = timedelta(minutes=1)
ALL = Route(name="all", sinks=("mail",))
NIGHT = Window(begins=time(22), zone="UTC", until=time(6))
NOON = Window(begins=time(12), zone="UTC", until=time(13))


def visible(
    severity: Severity = "major", sites: str = "ab", name: str = "i1", **more: Any
) -> VisibleIncident:
    given_: dict[str, Any] = {
        "incident_id": name,
        "state": "open",
        "severity": severity,
        "site_ids": frozenset(sites),
        "alerts": tuple(
            {"severity": (severity,), "site_group": ("North",), "site_id": (site,)} for site in sites or ("",)
        ),
        "opened_at": START,
        **more,
    }
    return VisibleIncident(**given_)


def told(
    severity: Severity = "major", sites: str = "ab", *, is_over: bool = False, sequence: int = 1
) -> LastNotification:
    return LastNotification(
        at=START, sequence=sequence, severity=severity, site_ids=frozenset(sites), is_over=is_over
    )


WORSE = Worse("a1", START, "coverage", 18.4, 61.9)
KNOWN = replace(told(), is_acknowledged=True)
REPEATING = ALL.model_copy(update={"repeat_after_hours": 4})
PARTIAL = ALL.model_copy(update={"tells_partial_recovery": True})
QUIET = ALL.model_copy(update={"quiet_hours": (NIGHT,)})
WAITING = ALL.model_copy(update={"group_wait_minutes": 1})
UNTOLD = ALL.model_copy(update={"tells_acknowledgement": False})


@pytest.mark.parametrize(
    ("seen", "before", "route", "minutes", "reason"),
    [
        (visible(), None, ALL, 0, "first"),
        (visible(), None, WAITING, 0.5, "not_yet"),
        (visible(), None, WAITING, 1, "first"),
        (visible(), told(), ALL, 600, "unchanged"),
        (visible("critical"), told(), ALL, 0, "severity_rise"),
        (visible("warning"), told(), ALL, 600, "unchanged"),
        (visible(sites="abc"), told(), ALL, 4, "not_yet"),
        (visible(sites="abc"), told(), ALL, 5, "more_sites"),
        (visible(sites="a"), told(), ALL, 600, "unchanged"),
        (visible(sites="a"), told(), PARTIAL, 4, "not_yet"),
        (visible(sites="a"), told(), PARTIAL, 5, "some_resolved"),
        (visible(), told(), REPEATING, 239, "unchanged"),
        (visible(), told(), REPEATING, 240, "repeat_due"),
        (visible(state="acknowledged"), told(), REPEATING, 600, "acknowledged"),
        (visible(state="acknowledged"), KNOWN, REPEATING, 600, "unchanged"),
        (visible(state="acknowledged"), told(), UNTOLD, 600, "unchanged"),
        (visible(), KNOWN, ALL, 0, "unacknowledged"),
        (visible(), KNOWN, UNTOLD, 600, "unchanged"),
        (visible("critical"), KNOWN, ALL, 0, "severity_rise"),
        (visible("critical", worse=WORSE), told("critical"), ALL, 0, "much_worse"),
        (
            visible("critical", worse=WORSE),
            replace(told("critical"), worse_at=START - HOUR),
            ALL,
            0,
            "much_worse",
        ),
        (visible("critical", worse=WORSE), replace(told("critical"), worse_at=START), ALL, 600, "unchanged"),
        (visible("critical", worse=WORSE), told(), ALL, 0, "severity_rise"),
        (visible("critical", worse=WORSE), None, ALL, 0, "first"),
        (visible("critical", worse=WORSE), KNOWN, ALL, 0, "severity_rise"),
        (visible(worse=WORSE), KNOWN, ALL, 0, "much_worse"),
        (visible(worse=WORSE, sites="abc"), told(), ALL, 0, "much_worse"),
        (visible(worse=WORSE), told(), QUIET, 0, "quiet_hours"),
        (visible(worse=WORSE), told(), QUIET, 360, "much_worse"),
        (visible(worse=WORSE, silenced_by="works"), told(), ALL, 0, "silenced_by"),
        (visible(worse=WORSE, inhibited_by="i2"), told(), ALL, 0, "inhibited_by"),
        (visible(worse=WORSE), told(is_over=True), ALL, 0, "reopened"),
        (visible(state="resolved", worse=WORSE), told(), ALL, 0, "all_resolved"),
        (visible(), told(is_over=True), ALL, 0, "reopened"),
        (visible(state="resolved"), told(), ALL, 0, "all_resolved"),
        (visible(state="resolved"), told(is_over=True), ALL, 0, "unchanged"),
        (visible(state="resolved"), None, ALL, 0, "unchanged"),
        (visible(state="resolved", silenced_by="s"), told(), ALL, 0, "silenced_by"),
        (visible(state="merged", merged_into="i2"), told(), ALL, 0, "merged"),
        (visible(state="merged", merged_into="i2"), None, ALL, 0, "unchanged"),
        (visible(silenced_by="works"), None, ALL, 0, "silenced_by"),
        (visible("critical", silenced_by="works"), told(), ALL, 0, "silenced_by"),
        (visible(inhibited_by="i2"), None, ALL, 0, "inhibited_by"),
        (visible(), None, QUIET, 0, "quiet_hours"),
        (visible("critical"), None, QUIET, 0, "first"),
        (visible(), None, QUIET, 360, "first"),
        (visible(), told(), QUIET, 0, "unchanged"),
        (visible(state="resolved"), told(), QUIET, 0, "all_resolved"),
        (visible(state="resolved", is_past=True), None, ALL, 0, "past"),
        (visible(state="resolved", is_past=True), told(is_over=True), ALL, 0, "unchanged"),
        (visible(state="resolved", is_past=True, silenced_by="works"), None, ALL, 0, "unchanged"),
        (visible(state="resolved", is_past=True, inhibited_by="i2"), None, ALL, 0, "unchanged"),
    ],
)
def test_the_decision_has_a_name(
    seen: VisibleIncident, before: LastNotification | None, route: Route, minutes: float, reason: str
) -> None:
    decision = should_notify(seen, before, route, START + minutes * MINUTE)
    assert decision.reason == reason
    assert decision.is_notifying == (reason in NOTIFYING)


def test_the_decision_says_by_whom_and_until_when() -> None:
    assert should_notify(visible(silenced_by="works"), None, ALL, START) == Decision("silenced_by", "works")
    assert should_notify(visible(), None, QUIET, START).until == START + 6 * HOUR
    assert should_notify(visible("critical"), told(), ALL, START).detail == "major → critical"


def silence(text: str) -> Silence:
    return Silence(
        silence_id="works", matchers=parse_matchers(text), starts_at=START, ends_at=START + 9 * HOUR
    )


def test_a_site_that_is_down_silences_its_metrics() -> None:
    down = finding(family="device", kind="site_down", severity="critical", metric="")
    state, _ = run([live(0, finding(severity="critical")), live(5, finding(), down)])
    seen = visible_incidents(state, [], {}, START + 5 * HOUR)
    inhibited = [one for one in seen.values() if one.inhibited_by]
    (shown,) = [one for one in seen.values() if not one.inhibited_by]
    assert len(inhibited) == 1
    assert inhibited[0].inhibited_by == shown.incident_id
    assert should_notify(inhibited[0], None, ALL, START + 5 * HOUR).reason == "inhibited_by"


def test_an_infrastructure_incident_silences_what_its_sites_tell_on_their_own() -> None:
    rows = [finding(f"s{n}", "device", "site_down", "critical", "") for n in range(12)]
    state, _ = run([live(0, *rows)])
    (name, storm), *_ = state.incidents.items()
    alone = replace(storm, incident_id="own", scope="site", alert_ids=storm.alert_ids[:1])
    with_own = replace(state, incidents={name: storm, "own": alone})
    assert visible_incidents(with_own, [], {}, START)["own"].inhibited_by == name
    assert visible_incidents(with_own, [], {}, START)[name].inhibited_by is None


def test_silenced_sites_are_taken_out_of_an_incident_and_the_rest_is_told() -> None:
    rows = [finding(f"s{n}", "device", "site_down", "critical", "") for n in range(12)]
    state, _ = run([live(0, *rows)])
    (seen,) = visible_incidents(state, [silence('site_id=~"s1?[0-3]"')], {}, START).values()
    assert seen.silenced_by is None
    assert seen.site_ids == {f"s{n}" for n in range(4, 10)}
    assert {alert["site_id"] for alert in seen.alerts} == {(site,) for site in seen.site_ids}
    (hidden,) = visible_incidents(state, [silence('site_id=~".*"')], {}, START).values()
    assert (hidden.silenced_by, hidden.site_ids) == ("works", frozenset())


ROUTES = [
    Route(name="night shift", sinks=("pager",), min_severity="critical", hours=(NIGHT,), goes_on=True),
    Route(name="north", sinks=("north-slack",), match="site_group=North", escalation="duty"),
    Route(name="rest", sinks=("mail", "slack"), quiet_hours=(NIGHT,)),
]


@pytest.mark.parametrize(
    ("severity", "group", "hour", "names"),
    [
        ("critical", "North", 23, ["night shift", "north"]),
        ("critical", "North", 12, ["north"]),
        ("critical", "South", 23, ["night shift", "rest"]),
        ("warning", "South", 23, ["rest"]),
        ("info", "South", 12, []),
    ],
)
def test_routes_go_by_severity_label_and_time(severity: str, group: str, hour: int, names: list[str]) -> None:
    labels = {"severity": (severity,), "site_group": (group,)}
    now = START + hour * HOUR
    assert [route.name for route in chosen_routes(ROUTES, [labels], now)] == names
    assert [one.route for one in explain_route(ROUTES, labels, now) if one.is_chosen] == names


def test_the_explanation_says_why_and_why_not() -> None:
    labels = {"severity": ("major",), "site_group": ("South",)}
    first, second, third = explain_route(ROUTES, labels, START + 23 * HOUR)
    assert first.because == "severity major is milder than critical"
    assert second.because == 'site_group is South, wanted site_group="North"'
    assert (third.sinks, third.quiet_until) == (("mail", "slack"), START + 30 * HOUR)
    assert third.because == "severity is at least warning"
    labels = {"severity": ("critical",), "site_group": ("North",)}
    first, second, third = explain_route(ROUTES, labels, START + 12 * HOUR)
    assert first.because == "outside its hours"
    assert (second.because, second.escalation) == ('site_group="North"', "duty")
    assert third.because == "route 'north' ends the search"
    nothing = explain_route([ROUTES[1]], {"severity": ("major",)}, START)
    assert nothing[0].because == 'site_group is nothing, wanted site_group="North"'


@pytest.mark.parametrize(
    ("match", "alerts", "refusal"),
    [
        ('site!="Lab"', [("Lab", "radio", "critical")], 'site is Lab, wanted site!="Lab"'),
        ('site!="Lab"', [("Lab", "radio", "critical"), ("Bonn", "radio", "critical")], ""),
        ('site!~"L.*"', [("Lab", "radio", "critical"), ("Bonn", "radio", "warning")], ""),
        ('family!="roaming"', [("Bonn", "radio", "major"), ("Bonn", "roaming", "major")], ""),
        ('severity!="warning"', [("Bonn", "radio", "warning"), ("Bonn", "wan", "critical")], ""),
        ('site="Bonn",family="wan"', [("Bonn", "radio", "major"), ("Bonn", "wan", "major")], ""),
        (
            'site="Bonn",family="wan"',
            [("Bonn", "radio", "major"), ("Lab", "wan", "major")],
            'no single alert fulfils all of site="Bonn", family="wan"',
        ),
        (
            'site="Kiel"',
            [(f"s{n}", "wan", "major") for n in range(9)],
            'site is s0, s1, s2, s3, s4 and 4 more, wanted site="Kiel"',
        ),
        ('site!="Lab"', [], ""),
    ],
)
def test_a_route_fits_an_incident_if_one_of_its_alerts_fits_every_matcher(
    match: str, alerts: list[tuple[str, str, str]], refusal: str
) -> None:
    route = Route(name="all", sinks=("mail",), min_severity="info", match=match)
    its = tuple(
        {"site": (site,), "family": (family,), "severity": (level,)} for site, family, level in alerts
    )
    assert route.refuses(its, START) == refusal
    said = plan([visible(alerts=its)], {}, [route], START)
    assert [one.sink for one in said.notifications] == ([] if refusal else ["mail"])
    assert said.withheld == ({"i1": Withheld("no_route")} if refusal else {})


def test_an_incident_that_grows_over_an_excluded_site_is_still_told() -> None:
    rows = [finding(f"s{n}", "device", "site_down", "critical", "") for n in range(12)]
    state, _ = run([live(0, *rows)])
    seen = visible_incidents(state, [], {}, START).values()
    routes = [Route(name="all", sinks=("mail",), match='site_id!="s3"')]
    assert [one.sink for one in plan(seen, {}, routes, START).notifications] == ["mail"]
    works = [silence('site_id!="s3"')]
    only_excluded = visible_incidents(state, works, {}, START).values()
    assert [one.site_ids for one in only_excluded] == [{"s3"}]
    assert plan(only_excluded, {}, routes, START).notifications == ()


def test_a_route_without_sinks_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 item"):
        Route(name="void", sinks=())


def test_a_sink_on_two_routes_is_told_once() -> None:
    routes = [Route(name="all", sinks=("mail",), goes_on=True), Route(name="again", sinks=("mail",))]
    said = plan([visible()], {}, routes, START)
    assert [
        (notification.sink, notification.route, notification.sequence) for notification in said.notifications
    ] == [("mail", "all", 1)]


def test_quiet_hours_collect_what_is_mild_into_one_digest() -> None:
    during = [visible(name="i1"), visible("critical", name="i2"), visible(name="i3")]
    night = plan(during, {}, [QUIET], START)
    assert [notification.incident_id for notification in night.notifications] == ["i2"]
    assert night.held == {("mail", "i1"), ("mail", "i3")}
    assert {name: withheld.reason for name, withheld in night.withheld.items()} == {
        "i1": "quiet_hours",
        "i3": "quiet_hours",
    }
    fresh = visible(name="i4", opened_at=START + 6 * HOUR)
    morning = plan(
        [*during, fresh], {("mail", "i2"): told("critical")}, [QUIET], START + 6 * HOUR, night.held
    )
    own, digest = morning.notifications
    assert (own.incident_id, own.reason) == ("i4", "first")
    assert (digest.reason, digest.detail) == ("digest", "2")
    assert [one["incident_id"] for one in digest.payload()["covers"]] == ["i1", "i3"]
    assert morning.held == frozenset()


def test_what_ended_during_quiet_hours_is_not_news_in_the_morning() -> None:
    over = visible(name="i1", state="resolved")
    assert plan([over], {}, [QUIET], START + 6 * HOUR, {("mail", "i1")}).notifications == ()


def test_a_single_one_that_waited_is_no_digest() -> None:
    said = plan([visible()], {}, [QUIET], START + 6 * HOUR, {("mail", "i1")})
    assert [notification.reason for notification in said.notifications] == ["first"]


def over_before(name: str, severity: Severity = "major") -> VisibleIncident:
    return visible(severity, "", name, state="resolved", is_past=True)


def morning(*incidents: VisibleIncident, before: Any = None, **more: Any) -> list[Any]:
    """What a sink gets at the end of quiet hours: reason, and reason and incident of what it covers."""
    held = {("mail", "i1"), ("mail", "i2")}
    said = plan(incidents, before or {}, [QUIET], START + 6 * HOUR, held, **more).notifications
    return [(one.reason, [(covered.reason, covered.incident_id) for covered in one.covers]) for one in said]


def test_a_digest_tells_what_was_over_before_it_was_noticed_and_nothing_else_does() -> None:
    past = over_before("p1"), over_before("p2", "critical")
    alone = plan(past, {}, [ALL], START)
    assert alone.notifications == ()
    assert alone.withheld == {}
    assert morning(*past) == []
    told_now = [("first", "i1"), ("first", "i2"), ("past", "p2"), ("past", "p1")]
    assert morning(visible(name="i1"), visible(name="i2"), *past) == [("digest", told_now)]


def test_a_single_one_that_waited_goes_out_with_the_past() -> None:
    said = morning(visible(name="i1"), over_before("p1"))
    assert said == [("digest", [("first", "i1"), ("past", "p1")])]


def test_the_past_is_told_once_a_sink_and_never_by_a_pager() -> None:
    once = {("mail", "p1"): told(is_over=True)}
    assert morning(visible(name="i1"), over_before("p1"), before=once) == [("first", [])]
    assert morning(visible(name="i1"), over_before("p1"), pagers=["mail"]) == [("first", [])]


def test_the_past_makes_a_digest_no_worse() -> None:
    incidents = visible(name="i1"), over_before("p1", "critical")
    (digest,) = plan(incidents, {}, [QUIET], START + 6 * HOUR, {("mail", "i1")}).notifications
    assert (digest.severity, digest.site_ids, digest.detail) == ("major", ("a", "b"), "1")
    (_, past) = digest.payload()["covers"]
    assert (past["severity"], past["is_over"], past["site_ids"]) == ("critical", True, [])


def test_more_of_the_past_than_anybody_reads_is_counted() -> None:
    many = [over_before(f"p{number:03d}") for number in range(MOST_PAST + 7)]
    (digest,) = plan(
        [visible(name="i1"), *many], {}, [QUIET], START + 6 * HOUR, {("mail", "i1")}
    ).notifications
    assert len(digest.covers) == 1 + MOST_PAST
    assert digest.payload()["counted"] == 7


def test_messages_of_an_incident_are_numbered_and_remember_the_worst() -> None:
    (over,) = plan([visible("info", "", state="resolved")], {("mail", "i1"): told("critical", sequence=4)}, [ALL], START).notifications  # fmt: skip
    assert (over.sequence, over.severity, over.is_over, over.site_ids) == (5, "critical", True, ())
    (again,) = plan(
        [visible("warning")], {("mail", "i1"): told("critical", is_over=True)}, [ALL], START
    ).notifications
    assert (again.reason, again.severity) == ("reopened", "warning")


def test_an_escalation_begins_with_the_first_message_and_not_before() -> None:
    paged = QUIET.model_copy(update={"escalation": "duty"})
    assert plan([visible()], {}, [paged], START).begun == {}
    assert plan([visible()], {}, [paged], START + 6 * HOUR).begun == {"i1": ("duty",)}


def test_no_route_is_a_reason_too() -> None:
    assert plan([visible("info")], {}, [ALL], START).withheld == {"i1": Withheld("no_route")}


STEPS = (
    EscalationStep(after_minutes=0, sink="pager", to="ada"),
    EscalationStep(after_minutes=10, sink="pager", to="bob"),
)


def test_steps_repeat_until_they_expire() -> None:
    policy = EscalationPolicy(steps=STEPS, repeats=5, repeat_every_minutes=60, expires_after_hours=1.25)
    dues = schedule(policy, START)
    assert [(due.number, (due.at - START) // MINUTE, due.target) for due in dues] == [
        (1, 0, "ada"),
        (2, 10, "bob"),
        (3, 60, "ada"),
        (4, 70, "bob"),
    ]
    assert [due.number for due in due_now(dues, START + 5 * MINUTE)] == [1]
    assert [due.number for due in due_now(dues, START + 2 * HOUR)] == [3, 4]
    assert due_now([Due(1, START + HOUR, "pager")], START) == []


FAILS = {"family": (failing_sink_family("chat"),), "severity": ("major",), "scope": ("site",)}


@pytest.mark.parametrize(
    ("routes", "told_to"),
    [
        ([Route(name="all", sinks=("chat", "mail"))], ["mail"]),
        ([Route(name="all", sinks=("chat",))], ["mail", "pager"]),
        ([], ["mail", "pager"]),
        ([Route(name="a", sinks=("chat",), goes_on=True), Route(name="b", sinks=("pager",))], ["pager"]),
        ([Route(name="bad", sinks=("pager",), min_severity="critical")], ["mail", "pager"]),
        # Where a route leads to another at other hours, its hours hold.
        ([Route(name="noon", sinks=("mail",), hours=(NOON,))], []),
        ([Route(name="all", sinks=("mail",), match='family!~"pipeline.*"')], ["mail", "pager"]),
    ],
)
def test_a_sink_that_fails_is_told_to_the_others(routes: list[Route], told_to: list[str]) -> None:
    said = plan(
        [visible(alerts=(FAILS,), site_ids=frozenset({""}))],
        {},
        routes,
        START,
        sinks=("chat", "mail", "pager"),
    )
    assert sorted(one.sink for one in said.notifications) == told_to
    assert said.withheld.keys() == (set() if told_to else {"i1"})


@pytest.mark.parametrize(
    ("routes", "told_to"),
    [
        ([Route(name="all", sinks=("mail",))], ["mail"]),
        ([Route(name="bad", sinks=("pager",), min_severity="critical")], ["chat", "mail", "pager"]),
        ([], ["chat", "mail", "pager"]),
    ],
)
def test_a_recipient_that_gets_nothing_is_told_by_the_routes_or_else_by_all(
    routes: list[Route], told_to: list[str]
) -> None:
    labels = {**FAILS, "family": (RECIPIENTS,)}
    said = plan([visible(alerts=(labels,))], {}, routes, START, sinks=("chat", "mail", "pager"))
    assert sorted(one.sink for one in said.notifications) == told_to


def test_who_heard_that_a_sink_fails_hears_that_it_works_again() -> None:
    last = {("mail", "i1"): told()}
    over = visible(state="resolved", alerts=(FAILS,), site_ids=frozenset({""}))
    said = plan([over], last, [Route(name="all", sinks=("chat",))], START, sinks=("chat", "mail"))
    assert [(one.sink, one.reason) for one in said.notifications] == [("mail", "all_resolved")]


def test_where_there_is_only_the_sink_that_fails_nobody_can_be_told() -> None:
    said = plan([visible(alerts=(FAILS,))], {}, [Route(name="all", sinks=("chat",))], START, sinks=("chat",))
    assert said.notifications == ()
    assert str(said.withheld["i1"]) == "no_route"


@pytest.mark.parametrize(
    ("stops_when", "state", "is_over"),
    [
        ("acknowledged", "open", False),
        ("acknowledged", "acknowledged", True),
        ("resolved", "acknowledged", False),
        ("resolved", "resolved", True),
        ("resolved", "merged", True),
    ],
)
def test_who_reacts_stops_it_as_the_policy_says(stops_when: str, state: Any, is_over: bool) -> None:
    assert calls_nobody(stops_when, state) is is_over


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"steps": ()}, "at least 1 item"),
        ({"steps": STEPS[::-1]}, "in order of after_minutes"),
        ({"steps": STEPS, "repeats": 1}, "exceed the last step's 10 minutes"),
        ({"steps": STEPS, "repeats": 1, "repeat_every_minutes": 10}, "exceed the last step's 10 minutes"),
    ],
)
def test_an_escalation_that_cannot_work_is_refused(given_: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EscalationPolicy(**given_)
