"""The signature and the form of a message of Mist's webhooks."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.push.message import MOST_EVENTS, MalformedError, is_signed, parse, sign
from mist_pipeline_tests.support.pushes import CAPTURED, NOW, ORG, SECRET, SITE, raw, updown

BODY = raw(CAPTURED["access point"])


def test_a_signature_is_the_hexadecimal_hmac_sha256_of_the_raw_body() -> None:
    expected = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
    assert sign(BODY, Secret(SECRET)) == expected
    assert is_signed(BODY, expected, [Secret("another secret"), Secret(SECRET)])
    assert is_signed(BODY, f" {expected.upper()} ", [Secret(SECRET)])


@pytest.mark.parametrize(
    "signature",
    ["", "0" * 64, "sha256=" + "0" * 64, hmac.new(SECRET.encode(), BODY, hashlib.sha1).hexdigest(), "ä" * 64],
)
def test_what_is_no_signature_of_ours_is_refused(signature: str) -> None:
    assert not is_signed(BODY, signature, [Secret(SECRET)])


def test_without_a_secret_nothing_is_signed() -> None:
    assert not is_signed(BODY, sign(BODY, Secret("")), [])


def test_one_changed_byte_breaks_the_signature() -> None:
    signature = sign(BODY, Secret(SECRET))
    assert not is_signed(BODY + b" ", signature, [Secret(SECRET)])


@pytest.mark.parametrize("name", CAPTURED)
def test_captured_messages_are_read(name: str) -> None:
    message = parse(raw(CAPTURED[name]))
    assert (len(message.events), message.unreadable) == (1, 0)
    event = message.events[0]
    assert event.org_id == ("" if name == "ping" else ORG)
    assert event.site_id == ("" if name in {"audit", "edge"} else SITE)
    assert abs((event.happened_at - NOW).total_seconds()) < 101


def test_a_topic_is_one_however_it_is_spelt() -> None:
    assert parse(raw(CAPTURED["scores"])).topic == "site-sle"
    assert {parse(raw({"topic": name, "events": [updown("X", "")]})).topic for name in ("device_events", "Device-Events")} == {
        "device-events"
    }  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xff\xfe", b"no json", b"[]", b"null", b'"a"', b"{}", b'{"topic": "alarms"}', b"[" * 100_000,
        raw({"topic": "alarms", "events": []}),
        raw({"topic": "alarms", "events": {}}),
        raw({"topic": "a b", "events": [updown("X", "")]}),
        raw({"topic": "", "events": [updown("X", "")]}),
        raw({"topic": 7, "events": [updown("X", "")]}),
        raw({"topic": "alarms", "events": [{"type": "x"}]}),
        raw({"topic": "alarms", "events": [None, 3, "x", []]}),
        b'{"topic": "alarms", "events": [{"timestamp": NaN}]}',
        b'{"topic": "alarms", "events": [{"timestamp": 1772445600, "x": 1e999}]}',
        b'{"topic": "alarms", "events": [{"timestamp": ' + b"9" * 5000 + b"}]}",
        raw({"topic": "alarms", "events": [updown("X", "")] * (MOST_EVENTS + 1)}),
    ],
)  # fmt: skip
def test_what_is_no_message_is_malformed_and_not_quoted(body: bytes) -> None:
    with pytest.raises(MalformedError) as refused:
        parse(body)
    assert len(str(refused.value)) < 60


def test_an_event_that_cannot_be_read_does_not_take_the_others_with_it() -> None:
    message = parse(
        raw({"topic": "device-events", "events": [{"type": "x"}, updown("AP_CONNECTED", "a" * 12)]})
    )
    assert ([event.kind for event in message.events], message.unreadable) == (["AP_CONNECTED"], 1)


@pytest.mark.parametrize(
    ("timestamp", "is_read"),
    [(1772445600, True), (1772445600.25, True), ("1772445600.635342", True), (1772445600000, True), (True, False),
     ("yesterday", False), (None, False), (-1, False), (0, False), (10**400, False), ([], False)],
)  # fmt: skip
def test_times_are_seconds_or_milliseconds(timestamp: Any, is_read: bool) -> None:
    body = raw({"topic": "ping", "events": [{"timestamp": timestamp}, updown("X", "")]})
    read = parse(body).events
    assert len(read) == 1 + is_read
    assert all(abs((event.happened_at - NOW).total_seconds()) < 1 for event in read)


@pytest.mark.parametrize(
    ("field", "value"), [("site_id", "../../etc"), ("site_id", 7), ("type", "<script>"), ("mac", "xx2316ed6axx"), ("org_id", "\0")]
)  # fmt: skip
def test_what_is_no_plain_name_is_left_out(field: str, value: object) -> None:
    event = parse(
        raw({"topic": "device-events", "events": [{**updown("X", "b" * 12), field: value}]})
    ).events[0]
    assert {"site_id": event.site_id, "type": event.kind, "mac": event.device, "org_id": event.org_id}[
        field
    ] == ""


def test_the_same_event_of_the_site_and_of_its_organisation_is_one() -> None:
    one, other = updown("AP_CONNECTED", "a" * 12), updown("AP_CONNECTED", "a" * 12, for_site=True)
    keys = {event.key for event in parse(raw({"topic": "device-updowns", "events": [one, other]})).events}
    assert len(keys) == 1


def test_a_later_message_about_an_alarm_is_another_event_and_an_audit_is_known_by_its_id() -> None:
    alarm, audit = CAPTURED["alarm"]["events"][0], CAPTURED["audit"]["events"][0]
    alarms = parse(raw({"topic": "alarms", "events": [alarm, {**alarm, "count": 17}]})).events
    assert len({event.key for event in alarms}) == 2
    audits = parse(raw({"topic": "audits", "events": [audit, {**audit, "site_name": "added"}]})).events
    assert len({event.key for event in audits}) == 1


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
events = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("timestamp", "type", "mac", "ap", "site_id", "id"), documents)
)


@given(
    topic=documents | st.sampled_from(["alarms", "audits"]), found=documents | st.lists(events, max_size=4)
)
def test_whatever_comes_is_read_or_malformed(topic: object, found: object) -> None:
    try:
        message = parse(json.dumps({"topic": topic, "events": found}).encode())
    except MalformedError:
        return
    assert message.events
    assert all(event.happened_at.tzinfo for event in message.events)
