"""Pages: a pager's incidents and ours, in whatever order a pager tells of them."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
import sqlalchemy as sa

from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules
from mist_pipeline.alerts.ledger.pages import CLOCKS_DIFFER, FORGOTTEN_AFTER, PageNews
from mist_pipeline.alerts.ledger.tables import HEARD
from mist_pipeline.alerts.lifecycle.model import Event
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.alerts.notify.time_windows import Window
from mist_pipeline_tests.support.alerts.histories import HOUR, START, finding, live
from mist_pipeline_tests.support.alerts.ledgers import MINUTE, TELL, incident_id

pytestmark = pytest.mark.slow

SECOND = timedelta(seconds=1)


def paged(ledger: Ledger, sites: int = 1) -> list[str]:
    ledger.record_evaluation(live(0, *[finding(f"s{number}") for number in range(sites)]), TELL)
    return sorted(ledger.lifecycle_state(START).incidents)


def news(act: str, minute: float, page: str = "Q1", by: str = "ada", **more: object) -> PageNews:
    return PageNews(page=page, act=act, at=START + minute * MINUTE, by=by, **more)  # type: ignore[arg-type]


def heard(ledger: Ledger, *told: PageNews) -> list[Event]:
    return [
        event
        for number, one in enumerate(told)
        for event in ledger.record_page(one, START + HOUR + number * SECOND)
    ]


def test_whatever_the_order_who_has_a_page_last_has_the_incident(ledger: Ledger) -> None:
    names = paged(ledger, sites=6)
    orders = list(permutations(range(4)))[::4]
    for number, (name, order) in enumerate(zip(names, orders, strict=True)):
        page = f"Q{number}"
        acts = [
            news("opened", 0, page, subjects=(name,)),
            news("taken", 1, page),
            news("given_back", 2, page, by="PagerDuty"),
            news("taken", 3, page, by="bob"),
        ]
        heard(ledger, *[acts[place] for place in order])
        assert ledger.incident(name)[0].state == "acknowledged", order
        assert heard(ledger, *acts) == [], order


@pytest.mark.parametrize(
    ("minute", "is_taken"), [(0, True), (-0.9, True), (-1.1, False), (-600, False), (600, True)]
)
def test_an_act_of_before_the_incident_asked_takes_nothing_but_clocks_may_differ(
    ledger: Ledger, minute: float, is_taken: bool
) -> None:
    assert timedelta(minutes=1) == CLOCKS_DIFFER
    (name,) = paged(ledger)
    heard(ledger, news("opened", -1000, subjects=(name,)), news("taken", minute))
    assert (ledger.incident(name)[0].state == "acknowledged") is is_taken


def test_an_incident_that_two_people_have_stays_taken_until_both_gave_it_back(ledger: Ledger) -> None:
    (name,) = paged(ledger)
    heard(
        ledger,
        news("opened", 0, "Q1", subjects=(name,)),
        news("opened", 0, "Q2", subjects=(name,)),
        news("taken", 1, "Q1"),
        news("taken", 2, "Q2", by="bob"),
    )
    assert heard(ledger, news("given_back", 3, "Q1")) == []
    assert ledger.incident(name)[0].state == "acknowledged"
    heard(ledger, news("given_back", 4, "Q2"))
    assert ledger.incident(name)[0].state == "open"


def test_a_page_that_was_given_back_late_can_be_taken_again_whatever_our_clock_says(ledger: Ledger) -> None:
    # Both were told twenty minutes later, when the listener answered again.
    (name,) = paged(ledger)
    heard(ledger, news("opened", 0, subjects=(name,)), news("taken", 1))
    heard(ledger, news("given_back", 10, by="PagerDuty"), news("taken", 12, by="bob"))
    assert ledger.incident(name)[0].acknowledged_by == "bob"


def test_who_takes_the_page_of_a_digest_takes_all_that_it_covers(ledger: Ledger) -> None:
    night = Window(begins="00:00", until="23:59", zone="UTC")
    quiet = NotificationRules(routes=[Route(name="all", sinks=("mail",), quiet_hours=(night,))])
    ledger.record_evaluation(live(0, finding("s1"), finding("s2")), quiet)
    ledger.notify(TELL, START + MINUTE)
    (digest,) = ledger.frames()["deliveries"]["incident_id"].to_list()
    assert digest.startswith("digest-")
    heard(ledger, news("taken", 2, subjects=(digest,)))
    assert {one.state for one in ledger.lifecycle_state(START).incidents.values()} == {"acknowledged"}


@pytest.mark.parametrize("act", ["opened", "taken", "given_back", "merged", "closed"])
def test_a_page_of_others_or_of_a_test_changes_nothing_and_is_forgotten(ledger: Ledger, act: str) -> None:
    name = paged(ledger)[0]
    (test,) = ledger.send_test(["mail"], "info", START)
    assert (
        heard(ledger, news(act, 1, "Q8", into="Q9"), news(act, 1, "Q9", subjects=(test.incident_id, "gone")))
        == []
    )
    assert not ledger.knows_page("Q8")
    ledger.record_page(news("opened", 2, "Q1", subjects=(name,)), START + 2 * FORGOTTEN_AFTER)
    assert heard(ledger, news("opened", 0, "Q8", subjects=(name,))) == []
    assert ledger.incident(name)[0].state == "open"


def test_an_act_of_a_clock_far_ahead_does_not_make_all_later_ones_old(ledger: Ledger) -> None:
    (name,) = paged(ledger)
    assert heard(ledger, news("opened", 0, subjects=(name,)), news("closed", 60 * 24 * 365)) == []
    heard(ledger, news("taken", 1))
    assert ledger.incident(name)[0].state == "acknowledged"


def test_what_is_over_is_not_taken(ledger: Ledger) -> None:
    (name,) = paged(ledger)
    heard(ledger, news("opened", 0, subjects=(name,)))
    ledger.resolve(incident_id(ledger), "ada", START + MINUTE)
    assert heard(ledger, news("taken", 2), news("given_back", 3)) == []


def test_an_event_is_taken_once_and_its_name_is_forgotten_when_it_is_too_old(ledger: Ledger) -> None:
    (name,) = paged(ledger)
    opened = news("opened", 0, subjects=(name,))
    taken = news("taken", 1, sink="pager", event_id="E1")
    assert heard(ledger, opened, taken) != []
    again = news("given_back", 2, sink="pager", event_id="E1")
    assert heard(ledger, again) == []
    assert heard(ledger, replace(again, sink="other")) != []
    for number in range(20):
        one = news("taken", 3 + number, page="Q9", sink="pager", event_id=f"E{2 + number}")
        ledger.record_page(one, START + number * HOUR)
    with ledger.engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(HEARD)).scalar_one() <= 4
