"""Sites whose devices all lost the cloud, by what was pushed."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random

import polars as pl
import pytest

from mist_pipeline.analysis.findings.fingerprints import fingerprint
from mist_pipeline.analysis.findings.outages import DEVICES, EVENTS, Outages, outages

NOW = datetime(2026, 3, 2, 10, 2, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
LISTED = NOW - 2 * HOUR


def device(site: str, name: str, kind: str = "ap", is_connected: bool | None = True) -> tuple[object, ...]:
    return (site, name, kind, is_connected, LISTED)


def lost(
    site: str, name: str, before: timedelta = timedelta(0), kind: str = "AP_DISCONNECTED"
) -> tuple[object, ...]:
    return (site, name, kind, NOW - before)


def back(site: str, name: str, before: timedelta = timedelta(0)) -> tuple[object, ...]:
    return lost(site, name, before, "AP_CONNECTED")


def looked(
    devices: Iterable[tuple[object, ...]], events: Iterable[tuple[object, ...]], now: datetime = NOW
) -> Outages:
    return outages(
        pl.DataFrame(list(devices), schema=DEVICES, orient="row"),
        pl.DataFrame(list(events), schema=EVENTS, orient="row"),
        now,
    )


def sites(found: Outages) -> list[str]:
    return found.findings["site_id"].to_list()


TWO = [device("s", "a"), device("s", "b")]


@pytest.mark.parametrize(
    ("devices", "events", "is_down"),
    [
        pytest.param(TWO, [lost("s", "a"), lost("s", "b", MINUTE)], True, id="all within two minutes"),
        pytest.param(TWO, [lost("s", "a")], False, id="one of two"),
        pytest.param(TWO, [lost("s", "a"), lost("s", "b", MINUTE), back("s", "b")], False, id="one is back"),
        pytest.param(TWO, [lost("s", "a"), lost("s", "b"), back("s", "b", MINUTE)], True, id="a return before the loss"),
        pytest.param(TWO, [lost("s", "a"), back("s", "a"), lost("s", "b")], False, id="a return in the same second"),
        pytest.param(TWO, [lost("s", "a"), lost("s", "b"), lost("s", "b", kind="AP_RESTARTED")], False, id="restarted"),
        pytest.param(TWO, [lost("s", "a", HOUR), lost("s", "b", HOUR)], False, id="long ago: the polls know"),
        pytest.param(TWO, [lost("s", "a"), lost("s", "b", 20 * MINUTE)], True, id="half of two is together"),
        pytest.param(
            [*TWO, device("s", "c")],
            [lost("s", "a"), lost("s", "b", 20 * MINUTE), lost("s", "c", 25 * MINUTE)],
            False,
            id="one after the other",
        ),
        pytest.param(
            [*TWO, device("s", "c", is_connected=False)], [lost("s", "a"), lost("s", "b")], True, id="one was dead before"
        ),
        pytest.param([*TWO, device("s", "c", is_connected=None)], [lost("s", "a"), lost("s", "b")], True, id="one is unknown"),
        pytest.param(TWO, [lost("s", "a", 3 * HOUR), lost("s", "b", 3 * HOUR)], False, id="losses before the list"),
        pytest.param(TWO, [lost("s", "a"), lost("s", "b"), lost("s", "b", kind="AP_CONFIGURED")], True, id="of no matter"),
        pytest.param([], [lost("s", "a"), lost("s", "b")], False, id="nobody knows which devices the site has"),
        pytest.param(TWO[:1], [lost("s", "a"), lost("s", "b")], True, id="a device that is in no list yet"),
        pytest.param(TWO[:1], [lost("s", "a"), lost("s", "b"), back("s", "b")], False, id="such a one is back"),
        pytest.param(TWO, [lost("", "a"), lost("", "b")], True, id="events that name no site"),
        pytest.param(TWO, [lost("s", ""), lost("s", "")], False, id="events that name no device"),
        pytest.param([], [], False, id="nothing"),
    ],
)  # fmt: skip
def test_a_site_is_down_when_all_its_devices_fell_together(
    devices: list[tuple[object, ...]], events: list[tuple[object, ...]], is_down: bool
) -> None:
    assert sites(looked(devices, events)) == (["s"] if is_down else [])


def test_a_finding_is_that_of_the_polls_with_its_evidence_in_a_sentence() -> None:
    devices = [*TWO, device("s", "c", "switch"), device("s", "d", "gateway"), device("s", "e", "mxedge")]
    events = [lost("s", "a", 40 * SECOND), *(lost("s", name) for name in "bcde")]
    row = looked(devices, events, NOW + 3 * SECOND).findings.row(0, named=True)
    assert row["summary"] == (
        "All devices of the site (2 access points, 1 switch, 1 gateway, 1 of another type) lost the Mist cloud within 40 s, "
        "at 10:01 UTC."
    )
    assert (row["kind"], row["severity"], row["family"], row["metric"]) == (
        "site_down",
        "critical",
        "device",
        "",
    )
    assert row["fingerprint"] == fingerprint("site_down", "s", "")
    evidence = json.loads(row["evidence"])
    assert (evidence["source"], evidence["num_devices"], evidence["num_aps"], evidence["is_over"]) == (
        "pushes",
        5,
        2,
        False,
    )


def test_a_single_device_has_to_be_down_for_five_minutes() -> None:
    devices, events = [device("s", "a")], [lost("s", "a")]
    found = looked(devices, events, NOW + MINUTE)
    assert (sites(found), found.due_at) == ([], NOW + 5 * MINUTE)
    found = looked(devices, events, NOW + 5 * MINUTE)
    assert (sites(found), found.due_at) == (["s"], None)
    assert found.findings["summary"][0] == (
        "The only device of the site (1 access point) has not reached the Mist cloud since 10:02 UTC."
    )
    flapping = [*events, back("s", "a", -MINUTE), lost("s", "a", -2 * MINUTE)]
    assert looked(devices, flapping, NOW + 5 * MINUTE).due_at == NOW + 7 * MINUTE
    assert looked(devices, [*events, back("s", "a", -MINUTE)], NOW + 5 * MINUTE).due_at is None


def test_a_site_that_comes_back_is_named_with_its_time() -> None:
    events = [lost("s", "a", 5 * MINUTE), lost("s", "b", 5 * MINUTE), back("s", "b", MINUTE)]
    assert looked(TWO, events).back == {"s": NOW - MINUTE}
    assert looked(TWO, events[:2]).back == {}


def fleet(number: int, fallen: int) -> Outages:
    devices = [device(f"s{site:02}", f"{site}-{name}") for site in range(number) for name in "ab"]
    events = [lost(f"s{site:02}", f"{site}-{name}", site * SECOND) for site in range(fallen) for name in "ab"]
    return looked(devices, events)


@pytest.mark.parametrize(
    ("number", "fallen", "is_cloud"),
    [(10, 10, True), (10, 8, True), (10, 7, False), (2, 2, False), (3, 3, True)],
)
def test_most_sites_at_once_are_the_cloud(number: int, fallen: int, is_cloud: bool) -> None:
    found = fleet(number, fallen)
    assert len(sites(found)) == fallen
    assert found.causes.height == int(is_cloud)
    if is_cloud:
        row = found.causes.row(0, named=True)
        assert row["cause"].startswith(f"{fallen} of {number} sites lost the Mist cloud together")
        assert sorted(row["site_ids"]) == sites(found)


def test_order_and_repetition_change_nothing() -> None:
    devices = [device(f"s{site}", f"{site}-{name}") for site in range(5) for name in "abc"]
    drawn = Random(3)
    events = [
        drawn.choice([lost, back])(f"s{site}", f"{site}-{name}", drawn.randrange(200) * SECOND)
        for site in range(5)
        for name in "abc"
        for _ in range(3)
    ]
    plain = looked(devices, events)
    drawn.shuffle(events)
    mixed = looked(devices, events + events[::2])
    assert plain.findings.equals(mixed.findings)
    assert (plain.back, plain.due_at, plain.lost) == (mixed.back, mixed.due_at, mixed.lost)
