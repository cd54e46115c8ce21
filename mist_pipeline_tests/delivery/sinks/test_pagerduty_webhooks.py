"""PagerDuty's webhooks and its alerts by REST: what they say of our pages, and what is not believed."""

from typing import Any

import pytest

from mist_pipeline.delivery.sinks.pagerduty.api import PagerDutyApi, PagerDutyApiError
from mist_pipeline.delivery.sinks.pagerduty.inbound import (
    MOST_BYTES,
    InvalidWebhookError,
    PageEvent,
    parse_webhook,
)
from mist_pipeline.delivery.sinks.pagerduty.keys import dedup_key
from mist_pipeline.delivery.sinks.pagerduty.sink import PagerDutySink
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.http_client.session import HttpLimits
from mist_pipeline_tests.support.delivery.messages import message
from mist_pipeline_tests.support.delivery.retry_table import IMPATIENT, PATIENT
from mist_pipeline_tests.support.fakes.fake_http import Reply
from mist_pipeline_tests.support.fakes.fake_pagerduty import (
    API_TOKEN,
    INTEGRATION,
    NOON,
    ROUTING_KEY,
    FakePagerDuty,
    incident_webhook,
    person,
    signed,
)

SIGNING_KEY = "a-subscription-signing-key"
KEYS = {"pager": [Secret("an older key"), Secret(SIGNING_KEY)]}
ALEX = person("Alex Admin")
KEY = dedup_key(message())


def said(document: object) -> PageEvent | None:
    return parse_webhook(*signed(document, SIGNING_KEY), KEYS)


def paged(fake: FakePagerDuty) -> None:
    PagerDutySink("pager", Secret(ROUTING_KEY), url=fake.url, limits=PATIENT).send(message())


def test_the_webhook_of_a_page_of_ours_has_no_key_and_names_us_as_the_client() -> None:
    with FakePagerDuty() as fake:
        paged(fake)
        (opened,) = fake.webhooks
        taken = fake.act(KEY, "acknowledged")
    assert opened["event"]["data"]["incident_key"] is None
    assert said(opened) == PageEvent(
        sink="pager",
        page=fake.incident_of(KEY),
        act="opened",
        by="PagerDuty",
        at=NOON,
        event_id=opened["event"]["id"],
        subjects=("1a2b3c4d5e6f7a8b",),
    )
    event = said(taken)
    assert event is not None
    assert (event.page, event.act, event.by, event.subjects) == (
        fake.incident_of(KEY),
        "taken",
        "Alex Admin",
        (),
    )


@pytest.mark.parametrize(
    ("kind", "status", "agent", "act"),
    [
        ("acknowledged", "acknowledged", ALEX, "taken"),
        ("acknowledged", "acknowledged", INTEGRATION, None),
        ("acknowledged", "acknowledged", None, None),
        ("resolved", "resolved", ALEX, "closed"),
        ("resolved", "resolved", INTEGRATION, None),
        ("resolved", "resolved", None, None),
        ("unacknowledged", "triggered", None, "given_back"),
        ("unacknowledged", "triggered", ALEX, "given_back"),
        ("reopened", "triggered", ALEX, "given_back"),
        ("reassigned", "triggered", ALEX, "given_back"),
        ("reassigned", "acknowledged", ALEX, None),
        ("delegated", "triggered", ALEX, "given_back"),
        ("escalated", "triggered", None, "given_back"),
        ("escalated", "acknowledged", None, None),
        ("triggered", "triggered", INTEGRATION, "opened"),
        ("triggered", "triggered", None, "opened"),
        ("annotated", "triggered", ALEX, None),
        ("priority_updated", "triggered", ALEX, None),
        ("something_new", "triggered", ALEX, None),
    ],
)
def test_what_happened_is_told_by_kind_status_and_agent(
    kind: str, status: str, agent: Any, act: str | None
) -> None:
    event = said(incident_webhook(f"incident.{kind}", status=status, agent=agent))
    assert (event.act if event else None) == act
    if event is not None:
        assert event.by == ("Alex Admin" if agent is ALEX else "PagerDuty")


def test_an_incident_that_is_merged_goes_on_in_another_and_nobody_has_closed_it() -> None:
    reason = {"type": "merge_resolve_reason", "incident": {"id": "Q9", "type": "incident_reference"}}
    event = said(incident_webhook("incident.resolved", agent=ALEX, resolve_reason=reason))
    assert event is not None
    assert (event.act, event.into) == ("merged", "Q9")


@pytest.mark.parametrize(
    ("client", "incident_key", "subjects"),
    [
        ({"name": KEY, "url": None}, None, ("1a2b3c4d5e6f7a8b",)),
        (None, KEY, ("1a2b3c4d5e6f7a8b",)),
        ({"name": KEY}, KEY, ("1a2b3c4d5e6f7a8b",)),
        ({"name": "Grafana", "url": "https://grafana.example.com"}, "grafana:7", ()),
        ({"name": None}, None, ()),
        ("mist-pipeline:x:1", None, ()),
    ],
)
def test_what_a_page_is_about_is_what_we_sent(
    client: Any, incident_key: str | None, subjects: tuple[str, ...]
) -> None:
    event = said(
        incident_webhook("incident.triggered", client=client, incident_key=incident_key, agent=INTEGRATION)
    )
    assert event is not None
    assert event.subjects == subjects


def test_pagerdutys_test_event_is_of_no_interest_and_no_error() -> None:
    ping = {
        "id": "01",
        "event_type": "pagey.ping",
        "resource_type": "pagey",
        "occurred_at": "2026-11-23T12:00:00Z",
    }
    assert said({"event": {**ping, "agent": None, "data": {"message": "Hello!", "type": "ping"}}}) is None


def test_names_of_people_become_one_clean_line() -> None:
    event = said(incident_webhook(agent=person("Ada\n\u202e<b>")))
    assert event is not None
    assert "\n" not in event.by
    assert "\u202e" not in event.by
    nameless = said(incident_webhook(agent={"id": "P", "type": "user_reference"}))
    assert nameless is not None
    assert nameless.by == "somebody in PagerDuty"


@pytest.mark.parametrize("which", [("new",), ("old", "new"), ("new", "old")])
def test_one_valid_signature_of_several_suffices_while_a_key_is_replaced(which: tuple[str, ...]) -> None:
    body, signature = signed(incident_webhook(agent=ALEX), *which)
    event = parse_webhook(body, signature, {"other": [Secret("theirs")], "pager": [Secret("new")]})
    assert event is not None
    assert event.sink == "pager"


@pytest.mark.parametrize("signature", ["", "v1=", "v1=" + "0" * 64, "v2=" + "0" * 64, "garbage\r\n"])
def test_a_webhook_without_a_valid_signature_is_refused(signature: str) -> None:
    body, _ = signed(incident_webhook(agent=ALEX), SIGNING_KEY)
    with pytest.raises(InvalidWebhookError, match="no valid signature"):
        parse_webhook(body, signature, KEYS)


def test_without_a_signing_key_nothing_is_believed() -> None:
    body, signature = signed(incident_webhook(agent=ALEX), "")
    for keys in ({}, {"pager": []}, {"pager": [Secret("")]}):
        with pytest.raises(InvalidWebhookError):
            parse_webhook(body, signature, keys)


def test_a_changed_body_is_refused() -> None:
    body, signature = signed(incident_webhook(agent=ALEX), SIGNING_KEY)
    with pytest.raises(InvalidWebhookError):
        parse_webhook(body.replace(b"acknowledged", b"resolved"), signature, KEYS)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"event": []}',
        b'{"event": {"event_type": "incident.acknowledged"}}',
        b"\xff",
        b"[" * 9999,
        signed(incident_webhook(page="../users"))[0],
        signed(incident_webhook(page=""))[0],
    ],
)
def test_a_signed_body_of_another_form_is_an_error_and_not_a_crash(body: bytes) -> None:
    with pytest.raises(InvalidWebhookError, match="documented form"):
        said(body)


def test_a_webhook_larger_than_any_of_pagerduty_is_not_read() -> None:
    with pytest.raises(InvalidWebhookError, match="larger"):
        parse_webhook(b"x" * (MOST_BYTES + 1), "", KEYS)


def test_a_time_without_a_zone_is_not_believed() -> None:
    body, _ = signed(incident_webhook(agent=ALEX))
    with pytest.raises(InvalidWebhookError, match="zone"):
        said(body.replace(b"12:00:00.000Z", b"12:00:00.000"))


def api(fake: FakePagerDuty, token: str = API_TOKEN, limits: HttpLimits = PATIENT) -> PagerDutyApi:
    return PagerDutyApi("pager", Secret(token), url=fake.url, limits=limits)


def test_the_alerts_of_an_incident_carry_the_keys_that_were_sent() -> None:
    with FakePagerDuty(groups=True) as fake:
        sink = PagerDutySink("pager", Secret(ROUTING_KEY), url=fake.url, limits=PATIENT)
        for number in range(1, 131):
            sink.send(message(reason="escalation", sequence=number))
        assert len(fake.incidents) == 1
        keys = api(fake).alert_keys(next(iter(fake.incidents)))
    assert keys == [page.key for page in fake.pages]


@pytest.mark.parametrize(
    ("reply", "may_heal"),
    [
        (Reply(401, b"HTTP Token: Access denied."), False),
        (Reply(404, b"{}"), False),
        (Reply(429, b"{}"), True),
        (Reply(500), True),
        (Reply(503), True),
        (Reply(200, b"<html>"), False),
        (Reply(200, b'{"incidents": []}'), False),
        (Reply(behaviour="silence"), True),
        (Reply(behaviour="reset"), True),
    ],
)
def test_alerts_that_cannot_be_read_are_an_error_without_the_token(reply: Reply, may_heal: bool) -> None:
    with FakePagerDuty() as fake:
        fake.script(reply)
        with pytest.raises(PagerDutyApiError) as caught:
            api(fake, limits=IMPATIENT if reply.behaviour == "silence" else PATIENT).alert_keys("Q1")
    assert caught.value.may_heal is may_heal
    assert API_TOKEN not in str(caught.value)


def test_a_wrong_token_says_so() -> None:
    with FakePagerDuty() as fake, pytest.raises(PagerDutyApiError, match="401: HTTP Token: Access denied"):
        api(fake, "wrong").alert_keys("Q1")


@pytest.mark.parametrize("token", ["", "two words", "line\r\n"])
def test_a_token_that_cannot_be_one_is_an_error_at_once(token: str) -> None:
    with pytest.raises(ValueError, match="API token"):
        PagerDutyApi("pager", Secret(token), url="https://api.example.com")
