"""What polls leave out while the cloud is heard, and that they ask everything again once it is silent."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mist_pipeline.settings import Settings
from mist_pipeline.workflows.collection.poll import asks_for_changes
from mist_pipeline.workflows.pushing.channel import Channel, channel
from mist_pipeline.workflows.pushing.receive import receiving
from mist_pipeline_tests.support.push_company import mac, made
from mist_pipeline_tests.support.pushes import CAPTURED, NOW, post, raw, updown

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return made(tmp_path)


def arrives(settings: Settings, message: object, at: datetime = NOW) -> None:
    app = receiving(settings, lambda: at)
    assert app
    assert post(app, raw(message)).status == 200


def falls(settings: Settings, kind: str, numbers: range, at: datetime) -> None:
    events = [updown(kind, mac("north", number), at, "north", org_id="") for number in numbers]
    arrives(settings, {"topic": "device-updowns", "events": events}, at)


def test_before_anything_was_pushed_everything_is_asked_and_nothing_is_made(settings: Settings) -> None:
    assert channel(settings, NOW) == Channel()
    assert not (settings.data / "pushes.db").exists()


def test_a_site_is_lost_from_its_last_device_until_its_first_is_back(settings: Settings) -> None:
    falls(settings, "AP_DISCONNECTED", range(2), NOW)
    assert channel(settings, NOW).lost == frozenset()
    falls(settings, "AP_DISCONNECTED", range(2, 3), NOW + 5 * MINUTE)
    assert channel(settings, NOW + 50 * MINUTE).lost == {"north"}
    falls(settings, "AP_CONNECTED", range(1), NOW + 55 * MINUTE)
    assert channel(settings, NOW + 56 * MINUTE).lost == frozenset()


def test_a_cloud_that_is_not_heard_any_more_is_asked_everything(settings: Settings) -> None:
    arrives(settings, CAPTURED["audit"])
    falls(settings, "AP_DISCONNECTED", range(3), NOW)
    assert channel(settings, NOW + 59 * MINUTE) == Channel(tells_changes=True, lost=frozenset({"north"}))
    assert channel(settings, NOW + 61 * MINUTE) == Channel()
    arrives(settings, {"topic": "ping", "events": [updown("", "", NOW + 2 * HOUR)]}, NOW + 2 * HOUR)
    assert channel(settings, NOW + 2 * HOUR + MINUTE).tells_changes


def test_what_came_by_a_clock_that_was_ahead_is_no_sign_that_the_cloud_is_heard_now(
    settings: Settings,
) -> None:
    arrives(settings, {"topic": "ping", "events": [updown("", "", NOW + 48 * HOUR)]}, NOW + 48 * HOUR)
    falls(settings, "AP_DISCONNECTED", range(3), NOW)
    assert channel(settings, NOW + MINUTE).lost == {"north"}
    assert channel(settings, NOW + 2 * HOUR) == Channel()


def test_what_is_refused_is_no_sign_that_the_cloud_is_heard(settings: Settings) -> None:
    arrives(settings, CAPTURED["audit"], NOW - HOUR)
    arrives(settings, {"topic": "audits", "events": [updown("", "", NOW - 30 * HOUR)]})
    assert channel(settings, NOW + MINUTE) == Channel()


def test_a_webhook_that_has_not_told_of_changes_for_a_week_does_not_tell_them(settings: Settings) -> None:
    arrives(settings, CAPTURED["audit"])
    later = NOW + timedelta(days=8)
    arrives(settings, {"topic": "ping", "events": [updown("", "", later)]}, later)
    assert not channel(settings, later).tells_changes


@pytest.mark.parametrize(
    ("before", "tells", "asks"),
    [
        (None, True, True),
        (NOW - 15 * MINUTE, True, True),
        (NOW, True, False),
        (NOW, False, True),
        (NOW + 15 * MINUTE, True, False),
    ],
)
def test_the_log_is_read_by_the_first_poll_of_an_hour_where_its_entries_are_pushed(
    settings: Settings, before: datetime | None, *, tells: bool, asks: bool
) -> None:
    heard = Channel(tells_changes=tells)
    assert asks_for_changes(settings, before, NOW + 30 * MINUTE, heard) == asks
    off = settings.model_copy(
        update={"monitoring": settings.monitoring.model_copy(update={"enable_changes": False})}
    )
    assert not asks_for_changes(off, before, NOW + 30 * MINUTE, heard)
