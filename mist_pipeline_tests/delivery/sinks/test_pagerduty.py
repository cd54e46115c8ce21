"""PagerDuty: one page an incident and rise in severity, closed with it."""

from dataclasses import replace

import pytest

from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.sink import Accepted, Outcome, Refused, Retry, Unknown
from mist_pipeline.delivery.sinks.pagerduty.keys import dedup_key, incident_id_of
from mist_pipeline.delivery.sinks.pagerduty.sink import PagerDutySink, trigger_event
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.http_client.session import as_json
from mist_pipeline_tests.support.delivery.messages import (
    HOSTILE,
    WORSE,
    alert,
    incident,
    message,
    resolved,
    site,
)
from mist_pipeline_tests.support.delivery.retry_table import PATIENT
from mist_pipeline_tests.support.fakes.fake_http import Reply
from mist_pipeline_tests.support.fakes.fake_pagerduty import (
    ROUTING_KEY,
    SECOND_KEY,
    FakePagerDuty,
    event_trouble,
)


def pager(fake: FakePagerDuty) -> PagerDutySink:
    others = {"second line": Secret(SECOND_KEY)}
    return PagerDutySink("page", Secret(ROUTING_KEY), others, url=fake.url, limits=PATIENT)


def accepted(outcome: Outcome) -> Accepted:
    assert isinstance(outcome, Accepted), outcome
    return outcome


def raised(reference: Accepted, sequence: int = 2) -> Message:
    return message(incident(), "severity_rise", sequence, reference=reference.reference)


def test_an_incident_is_one_page_however_often_it_is_told() -> None:
    with FakePagerDuty() as fake:
        sink = pager(fake)
        first = accepted(sink.send(message()))
        second = accepted(sink.send(message(incident(3), "more_sites", 2, reference=first.reference)))
        accepted(sink.send(message(resolved(incident(3)), "all_resolved", 3, reference=second.reference)))
        [page] = fake.pages
    assert page.state == "resolved"
    assert page.notified == 1
    assert page.severity == "critical"


def test_the_same_attempt_made_twice_pages_once() -> None:
    with FakePagerDuty() as fake:
        accepted(pager(fake).send(message()))
        accepted(pager(fake).send(message(attempt=2)))
        assert fake.notifications == 1


def test_a_rise_in_severity_pages_again_although_the_page_was_acknowledged() -> None:
    with FakePagerDuty() as fake:
        sink = pager(fake)
        first = accepted(sink.send(message(incident(severity="major"))))
        accepted(
            sink.send(message(incident(status="acknowledged"), "acknowledged", 2, reference=first.reference))
        )
        assert [page.state for page in fake.pages] == ["acknowledged"]
        accepted(sink.send(raised(first, 3)))
        old, new = fake.pages
    assert (old.state, old.severity) == ("resolved", "error")
    assert (new.state, new.severity) == ("triggered", "critical")


@pytest.mark.parametrize("became", ["acknowledged", "resolved"])
def test_a_page_that_rang_before_its_sender_died_is_silenced_though_nobody_is_paged_anew(became: str) -> None:
    # The crash test found it ringing for ever: its key was in the answer that nobody wrote down.
    with FakePagerDuty() as fake:
        sink = pager(fake)
        told = message()
        sink.send(told)
        now = incident(status="acknowledged") if became == "acknowledged" else resolved(incident())
        again = accepted(sink.recover(replace(told, incident=now, attempt=2)))
        assert fake.notifications == 1
        reason = "acknowledged" if became == "acknowledged" else "all_resolved"
        accepted(sink.send(message(now, reason, 2, reference=again.reference)))
        assert [page.state for page in fake.pages] == [became]
        assert fake.notifications == 1


def test_a_call_that_was_withdrawn_and_may_ring_is_silenced_by_its_key() -> None:
    with FakePagerDuty() as fake:
        sink = pager(fake)
        called = message(incident(), "escalation", 1, recipient="second line")
        sink.send(called)
        reclaimed = sink.reclaim(replace(called, attempt=2))
        assert fake.notifications == 1
        accepted(sink.send(message(resolved(incident()), "all_resolved", 2, reference=reclaimed.reference)))
        assert fake.open_pages == []


def test_a_call_of_an_escalation_rings_although_the_page_before_it_was_acknowledged() -> None:
    with FakePagerDuty() as fake:
        sink = pager(fake)
        first = accepted(sink.send(message(incident(), "escalation", 1)))
        taken = message(incident(status="acknowledged"), "acknowledged", 1, reference=first.reference)
        second = accepted(sink.send(taken))
        accepted(sink.send(message(incident(), "escalation", 2, reference=second.reference)))
        assert [page.state for page in fake.pages] == ["resolved", "triggered"]


def test_a_call_never_has_the_key_of_a_telling() -> None:
    call = message(reason="escalation")
    assert dedup_key(call) != dedup_key(replace(call, reason="severity_rise"))
    assert incident_id_of(dedup_key(call)) == call.incident.incident_id


def test_the_previous_page_is_resolved_only_once_the_new_one_is_accepted() -> None:
    with FakePagerDuty() as fake:
        sink = pager(fake)
        first = accepted(sink.send(message()))
        fake.script(Reply(503))
        assert isinstance(sink.send(raised(first)), Retry)
        assert [page.state for page in fake.pages] == ["triggered"]


def test_a_previous_page_that_could_not_be_resolved_is_resolved_later() -> None:
    with FakePagerDuty() as fake:
        sink = pager(fake)
        first = accepted(sink.send(message()))
        told = raised(first)
        with FakePagerDuty() as flaky:
            # The new page is accepted, the resolution of the old one is not.
            flaky.script(Reply(202), Reply(500))
            second = accepted(pager(flaky).send(told))
        assert second.note == "1 earlier page could not be resolved yet"
        assert len(second.reference["open_keys"].split()) == 2
        accepted(sink.send(told))
        accepted(sink.send(message(resolved(incident()), "all_resolved", 3, reference=second.reference)))
        assert fake.open_pages == []


def test_recovery_resolves_every_page_of_every_service() -> None:
    with FakePagerDuty() as fake:
        sink = pager(fake)
        first = accepted(sink.send(message()))
        escalated = message(incident(), "escalation", 2, reference=first.reference, recipient="second line")
        second = accepted(sink.send(escalated))
        assert [page.routing_key for page in fake.open_pages] == [ROUTING_KEY, SECOND_KEY]
        done = accepted(
            sink.send(message(resolved(incident()), "all_resolved", 3, reference=second.reference))
        )
        assert fake.open_pages == []
    assert done.reference == {}
    assert ROUTING_KEY not in str(second.reference)


def test_a_page_of_a_service_that_is_not_configured_any_more_is_told_and_holds_up_nothing() -> None:
    with FakePagerDuty() as fake:
        sink = pager(fake)
        first = accepted(sink.send(message(recipient="second line")))
        fewer = PagerDutySink("page", Secret(ROUTING_KEY), url=fake.url, limits=PATIENT)
        over = message(resolved(incident()), "all_resolved", 2, reference=first.reference)
        assert accepted(fewer.send(over)).note.endswith("stay open: second line")


def test_one_page_that_cannot_be_resolved_does_not_hold_up_the_others() -> None:
    with FakePagerDuty() as fake:
        sink = pager(fake)
        first = accepted(sink.send(message()))
        second = accepted(
            sink.send(
                message(incident(), "escalation", 2, reference=first.reference, recipient="second line")
            )
        )
        fake.script(Reply(503))
        over = message(resolved(incident()), "all_resolved", 3, reference=second.reference)
        assert isinstance(sink.send(over), Retry)
        assert [page.routing_key for page in fake.open_pages] == [ROUTING_KEY]
        accepted(sink.send(over))
        assert fake.open_pages == []


def test_when_pagerduty_asks_for_a_pause_nothing_else_is_sent_to_it() -> None:
    with FakePagerDuty() as fake:
        sink = pager(fake)
        first = accepted(sink.send(message()))
        called = message(incident(), "escalation", 2, reference=first.reference, recipient="second line")
        second = accepted(sink.send(called))
        sent = len(fake.requests)
        fake.script(Reply(429, headers={"Retry-After": "60"}))
        over = message(resolved(incident()), "all_resolved", 3, reference=second.reference)
        outcome = sink.send(over)
        assert isinstance(outcome, Retry)
        assert outcome.after_seconds == 60
        assert len(fake.requests) == sent + 1


def test_a_test_that_is_asked_to_wait_sends_nothing_after_it() -> None:
    with FakePagerDuty() as fake:
        fake.script(Reply(503, headers={"Retry-After": "60"}))
        assert isinstance(pager(fake).send(message(reason="test")), Retry)
        assert len(fake.requests) == 1


def test_a_pause_is_kept_also_where_the_new_page_was_accepted_before_it() -> None:
    with FakePagerDuty() as fake:
        sink = pager(fake)
        first = accepted(sink.send(message()))
        reference = {"open_keys": f"{first.reference['open_keys']} mist-pipeline:1a2b3c4d5e6f7a8b:0"}
        fake.script(Reply(202), Reply(429, headers={"Retry-After": "60"}))
        second = accepted(sink.send(message(incident(), "severity_rise", 2, reference=reference)))
        assert second.after_seconds == 60
        assert second.note == "2 earlier pages could not be resolved yet"
        assert len(fake.requests) == 3


def test_what_became_much_worse_pages_again_and_says_how_much() -> None:
    with FakePagerDuty() as fake:
        sink = pager(fake)
        first = accepted(sink.send(message()))
        worse = message(incident(worse=WORSE), "much_worse", 2, reference=first.reference)
        accepted(sink.send(worse))
        assert [page.state for page in fake.pages] == ["resolved", "triggered"]
        assert fake.notifications == 2
    details = trigger_event(worse, "key")["payload"]["custom_details"]
    assert "Coverage grew from 18 % to 61 % of user-minutes degraded in the 2 h" in details["why"]
    assert details["Much worse"] in details["why"]


def test_an_incident_that_comes_back_pages_anew() -> None:
    with FakePagerDuty() as fake:
        sink = pager(fake)
        first = accepted(sink.send(message()))
        over = accepted(
            sink.send(message(resolved(incident()), "all_resolved", 2, reference=first.reference))
        )
        accepted(sink.send(message(incident(), "reopened", 3, reference=over.reference)))
        assert [page.state for page in fake.pages] == ["resolved", "triggered"]


def test_nobody_is_paged_for_what_somebody_is_working_on() -> None:
    with FakePagerDuty() as fake:
        outcome = accepted(pager(fake).send(message(incident(status="acknowledged"), "more_sites", 2)))
        assert fake.pages == []
    assert "nobody was paged" in outcome.note


def test_an_acknowledgement_that_was_taken_back_sends_nothing_and_keeps_the_page_to_resolve_later() -> None:
    with FakePagerDuty() as fake:
        sink = pager(fake)
        first = accepted(sink.send(message()))
        kept = accepted(sink.send(message(incident(), "unacknowledged", 2, reference=first.reference)))
        assert len(fake.events) == 1
        accepted(sink.send(message(resolved(incident()), "all_resolved", 3, reference=kept.reference)))
        assert fake.open_pages == []


def test_nothing_open_is_nothing_to_resolve() -> None:
    with FakePagerDuty() as fake:
        accepted(pager(fake).send(message(resolved(incident()), "all_resolved", 1)))
        assert fake.requests == []


def test_a_test_leaves_no_page_behind() -> None:
    with FakePagerDuty() as fake:
        accepted(pager(fake).send(message(reason="test")))
        [page] = fake.pages
    assert page.state == "resolved"
    assert page.severity == "info"
    assert page.summary.startswith("TEST")


def test_an_event_that_pagerduty_finds_invalid_is_refused_with_its_words() -> None:
    with FakePagerDuty() as fake:
        outcome = PagerDutySink("page", Secret("UNKNOWNKEY"), url=fake.url, limits=PATIENT).send(message())
    assert isinstance(outcome, Refused)
    assert "Invalid routing key ***" in outcome.error


def test_a_timeout_is_recovered_without_a_second_page() -> None:
    with FakePagerDuty() as fake:
        sink = pager(fake)
        fake.script(Reply(behaviour="after_commit"))
        assert isinstance(sink.send(message()), Unknown)
        accepted(sink.recover(message(attempt=2)))
        assert fake.notifications == 1


@pytest.mark.parametrize("key", ["", "not a key", "abc\r\n"])
def test_a_routing_key_that_cannot_be_one_is_an_error_at_once(key: str) -> None:
    with pytest.raises(ValueError, match="routing key") as caught:
        PagerDutySink("page", Secret(ROUTING_KEY), {"second": Secret(key)}, url="https://events.example.com")
    assert not key or key not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("sites", [1, 300, 3000])
def test_an_event_of_any_size_is_within_the_limits(sites: int) -> None:
    alerts = tuple(alert(site(number, HOSTILE * 9), summaries=("ü" * 5000,)) for number in range(sites))
    about = incident(2, alerts=alerts, title="x" * 5000, cause="y" * 5000)
    event = trigger_event(message(about), "key")
    assert event_trouble({**event, "routing_key": ROUTING_KEY}, len(as_json(event))) is None
    listed = event["payload"]["custom_details"]["alerts"]
    *shown, last = listed
    left = int(last.removeprefix("… and ").removesuffix(" more").replace(",", "")) if last[0] == "…" else 1
    assert len(shown) + left == sites
    assert len(shown) >= min(sites - 1, 200)


def test_an_event_says_where_what_and_what_helps() -> None:
    event = trigger_event(message(), "key")
    assert event["payload"]["source"] == "Store 1"
    assert event["payload"]["class"] == "Coverage"
    assert event["payload"]["custom_details"]["what usually helps"][0].startswith("Find the access points")
    assert {link["text"] for link in event["links"]} == {"Site in Mist", "Report of the day", "Dagster run"}


def test_the_key_names_the_incident_and_foreign_keys_name_none() -> None:
    key = dedup_key(message())
    assert incident_id_of(key) == "1a2b3c4d5e6f7a8b"
    for foreign in ("", "grafana:1", "mist-pipeline:", "mist-pipeline:x", "mist-pipeline::1", "None"):
        assert incident_id_of(foreign) is None


@pytest.mark.parametrize("links", [True, False])
def test_the_client_of_an_event_is_its_key_since_nothing_else_of_it_comes_back(links: bool) -> None:
    about = incident() if links else replace(incident(), report_url=None, run_url=None, alerts=())
    event = trigger_event(message(about), "mist-pipeline:1a2b3c4d5e6f7a8b:1")
    assert event["client"] == "mist-pipeline:1a2b3c4d5e6f7a8b:1"
    assert ("client_url" in event) is links


@pytest.mark.parametrize("status", [200, 201, 204, 206])
def test_only_202_means_that_pagerduty_has_it(status: int) -> None:
    with FakePagerDuty() as fake:
        fake.script(Reply(status, b"<html>a proxy</html>"))
        outcome = pager(fake).send(message())
    assert isinstance(outcome, Retry)
    assert f"answered {status} and not 202" in outcome.error


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            b'{"status":"invalid event","message":"Event object is invalid","errors":["a is bad","b is bad"]}',
            "PagerDuty answered 400: Event object is invalid; a is bad; b is bad",
        ),
        (b'{"errors": null}', 'PagerDuty answered 400: {"errors": null}'),
        (b"Bad Request", "PagerDuty answered 400: Bad Request"),
    ],
)
def test_an_invalid_event_is_refused_with_what_is_wrong_with_it(body: bytes, words: str) -> None:
    with FakePagerDuty() as fake:
        fake.script(Reply(400, body))
        assert pager(fake).send(message()) == Refused(words)


def test_an_incident_without_alerts_can_be_paged() -> None:
    event = trigger_event(message(replace(incident(), alerts=(), scope="pipeline")), "key")
    assert event_trouble({**event, "routing_key": ROUTING_KEY}, 100) is None
