"""Who is hit, in one line: as far as it is known, and why the rest is not; the same on every surface."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from mist_pipeline.delivery.message import DeviceView, ImpactView
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.delivery.rendering.impact import client_line, impact_line, user_hours
from mist_pipeline.delivery.rendering.incident_page import render_page
from mist_pipeline.delivery.sinks.pagerduty.sink import trigger_event
from mist_pipeline.delivery.sinks.slack.blocks import change_blocks, incident_blocks
from mist_pipeline.delivery.sinks.webhook.document import document_of
from mist_pipeline.delivery.tickets.ticket_text import TicketTemplates
from mist_pipeline_tests.support.delivery.messages import HOSTILE, START, incident, message, resolved

URL = "https://manage.mist.com/admin/?org_id=o#!ap/detail/00000000-0000-0000-1000-5c5b35000001/s"
LINE = "42 of 180 users, 3 of 12 APs (AP-7, AP-1, AP 5c5b35000009), 12.5 user-hours lost so far"


def impact(**changes: Any) -> ImpactView:
    base = ImpactView(
        as_of=START,
        num_sites=1,
        num_sites_asked=1,
        num_users=42,
        total_users=180,
        num_aps=3,
        total_aps=12,
        lost_user_hours=12.53,
        devices=(
            DeviceView("ap", "AP-7", "5c5b35000007", URL),
            DeviceView("ap", "AP-1", "5c5b35000001", URL),
            DeviceView("ap", "", "5c5b35000009"),
        ),
    )
    return replace(base, **changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, LINE),
        ({"total_users": None, "num_users": 1}, "1 user, 3 of 12 APs (AP-7, AP-1, AP 5c5b35000009), 12.5 user-hours lost so far"),
        ({"num_aps": 5}, LINE.replace("3 of 12", "5 of 12").replace("9)", "9 …)")),
        ({"devices": ()}, "42 of 180 users, 3 of 12 APs, 12.5 user-hours lost so far"),
        ({"num_sites": 40, "num_sites_asked": 3}, f"at 3 of 40 sites: {LINE}"),
        ({"num_users": 0, "num_aps": 0, "lost_user_hours": 0.0}, "0 of 180 users, 0 of 12 APs, 0.0 user-hours lost so far"),
        (
            {"num_users": None, "num_aps": None, "devices": (), "unknown": "users and devices: the cloud did not answer (HTTP 503)"},
            "12.5 user-hours lost so far; not known: users and devices: the cloud did not answer (HTTP 503)",
        ),
        (
            {"num_users": None, "num_aps": None, "devices": (), "lost_user_hours": None, "unknown": "users: x"},
            "not known: users: x",
        ),
        (
            {"num_aps": None, "devices": (DeviceView("switch", "sw", "0"),), "num_switches": 1, "num_gateways": 2},
            "42 of 180 users, 1 switch (sw), 2 gateways, 12.5 user-hours lost so far",
        ),
        (
            {"num_users": 0, "total_users": 0, "num_aps": 0, "total_aps": 0, "lost_user_hours": 0.0},
            "0 users, 0 APs, 0.0 user-hours lost so far",
        ),
        ({"lost_user_hours": math.nan}, LINE.removesuffix(", 12.5 user-hours lost so far")),
        ({"lost_user_hours": math.inf}, LINE.removesuffix(", 12.5 user-hours lost so far")),
        ({"total_users": 40}, LINE.replace("42 of 180", "42")),
    ],
)  # fmt: skip
def test_the_line_says_what_is_known_and_why_the_rest_is_not(changes: dict[str, Any], expected: str) -> None:
    assert impact_line(impact(**changes), is_over=False) == expected


def test_what_is_over_is_lost_for_good() -> None:
    assert impact_line(impact(), is_over=True).endswith("12.5 user-hours lost")


@pytest.mark.parametrize(
    ("hours", "words"), [(0.0, "0.0 user-hours"), (0.01, "less than 0.1 user-hours"), (99.94, "99.9 user-hours"), (99.96, "100 user-hours"), (100.0, "100 user-hours"), (12345.6, "12,346 user-hours")]
)  # fmt: skip
def test_user_hours_are_rounded_once(hours: float, words: str) -> None:
    assert user_hours(hours) == words


def surfaces(**changes: Any) -> dict[str, str]:
    """The message as people see it everywhere, whitespace and escapes of JSON undone."""
    told = message(incident(impact=impact(**changes)))
    templates = TicketTemplates()
    return {
        "text": wording.plain_text(told),
        "page": render_page(told, {}),
        "slack": json.dumps(incident_blocks(told), ensure_ascii=False),
        "slack thread": json.dumps(change_blocks(told), ensure_ascii=False),
        "pagerduty": json.dumps(trigger_event(told, "key"), ensure_ascii=False),
        "ticket": templates.ticket(told, lambda _: True).body,
        "comment": templates.comment(told, lambda _: True),
    }


def test_every_surface_has_the_line() -> None:
    assert {name for name, text in surfaces().items() if LINE not in text} == set()


def test_a_hostile_name_of_an_access_point_is_text_everywhere() -> None:
    hostile = (DeviceView("ap", HOSTILE, "5c5b35000001", URL), DeviceView("ap", "<!channel>", '"><i>'))
    for name, text in surfaces(devices=hostile, clients=(HOSTILE,)).items():
        if name in ("page", "slack", "slack thread"):
            assert "<script>" not in text, name
            assert "<!channel>" not in text, name
        assert "\u202e" not in text, name
        assert "\x1b" not in text, name
        assert "\nBcc:" not in text, name


def test_devices_have_links_of_ours_alone() -> None:
    found = surfaces(
        devices=(DeviceView("ap", "AP-1", "0", URL), DeviceView("ap", "x", "1", "javascript:alert(1)"))
    )
    assert "javascript:" not in "".join(found.values())
    assert all(URL in text for name, text in found.items() if name not in ("slack thread", "comment"))
    assert ">AP-1</bdi></a>" in found["page"]


def test_people_are_named_only_where_the_message_has_their_names() -> None:
    assert "Clients" not in "".join(surfaces().values())
    shown = surfaces(clients=("anna's phone (a483e7390000)",))
    assert all("anna" in text for name, text in shown.items() if name != "slack thread")
    assert client_line(impact(clients=("a",) * 12)).endswith(" …")


def test_programs_get_numbers_and_null_for_what_is_not_known() -> None:
    found = document_of(message(incident(impact=impact(num_users=None, unknown="users: x"))))["incident"][
        "impact"
    ]
    assert (found["num_users"], found["num_aps"], found["unknown"]) == (None, 3, "users: x")
    assert found["devices"][0] == {"kind": "ap", "name": "AP-7", "mac": "5c5b35000007", "url": URL}
    assert document_of(message())["incident"]["impact"] is None


def test_nothing_is_said_before_anybody_has_asked() -> None:
    assert "Impact" not in dict(wording.facts(incident()))
    over = resolved(incident(impact=impact()))
    assert dict(wording.facts(over))["Impact"].endswith("user-hours lost")
