"""history.changes: entries of the audit log by day, and days of which nobody knows."""

import gzip
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from mist_pipeline.collect.fetch.fetcher import fetch_plan
from mist_pipeline.collect.fetch.plan import Budget, Known, make_plan
from mist_pipeline.collect.fetch.records import Origin
from mist_pipeline.collect.fetch.snapshots import fetch_snapshot
from mist_pipeline.collect.fetch.wlan_templates import keep_wlan_templates
from mist_pipeline.collect.history.changes import changes_frame
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.mist.errors import Forbidden, MistError, NotFound, Unavailable
from mist_pipeline.tables import history
from mist_pipeline_tests.support.collect.fake_cloud import (
    DAY,
    NOW,
    ORIGIN,
    UTC_ZONE,
    FakeCloud,
    ask,
    days,
    epoch,
    healthy_cloud,
    window,
)


def entry(entry_id: str, hour: float, message: str = "Update Site Settings", **more: Any) -> dict[str, Any]:
    return {"id": entry_id, "timestamp": epoch(DAY, hour), "message": message, "admin_name": "Jo Doe", **more}


def log(*entries: dict[str, Any]) -> Any:
    """A log that answers what lies in the window asked."""

    def answer(call: Any) -> Any:
        start, end = window(call)
        found = [one for one in entries if start <= one["timestamp"] < end]
        return {"start": start, "end": end, "limit": 1000, "total": len(found), "results": found}

    return answer


def fetch(store: RawStore, answer: Any, origin: Origin = ORIGIN, **changes: Any) -> Any:
    asked = ask(changes=True, **changes)
    return fetch_plan(
        make_plan(asked, Known(), Budget(None)), healthy_cloud(audit_logs=answer), store, origin
    )


def rows(frame: pl.DataFrame, *columns: str) -> list[Any]:
    return frame.select(*columns).rows()


def test_an_entry_is_a_row_of_its_day_with_the_sites_that_use_the_template(store: RawStore) -> None:
    sites = [
        {"id": "s1", "name": "A", "timezone": "UTC", "networktemplate_id": "t1", "rftemplate_id": "r1"},
        {"id": "s2", "name": "B", "timezone": "UTC", "networktemplate_id": "t1"},
        {"id": "s3", "name": "C", "timezone": "UTC"},
    ]
    fetch_snapshot("sites", FakeCloud({"sites": lambda _: sites}), store, ORIGIN, NOW)
    fetch(
        store,
        log(
            entry("a", 9.5, 'Update Network Template "Retail"', networktemplate_id="t1", site_id=None),
            entry("b", 10, site_id="s3"),
            entry("c", 11, 'Update WLAN Template "All"', template_id="w1"),
        ),
    )
    found = changes_frame(store, [DAY], UTC_ZONE)
    assert rows(found, "change_id", "kind", "title", "site_ids") == [
        ("a", "network_template", "Retail", ["s1", "s2"]),
        ("b", "site_settings", None, ["s3"]),
        ("c", "wlan_template", "All", None),
    ]
    assert found["changed_at"][0] == datetime.fromtimestamp(epoch(DAY, 9.5), UTC)
    assert set(found["state"]) == {"ok"}
    assert dict(found.schema) == history.CHANGES.polars_schema()


@pytest.mark.parametrize(("error", "said"), [(Forbidden("no"), 0), (NotFound("no"), 1)])
def test_a_log_that_may_not_be_read_costs_the_changes_alone_and_its_day_says_so(
    store: RawStore, error: MistError, said: int
) -> None:
    spent = fetch(store, lambda _: error)
    assert set(spent.days) == {"sle_org", "sle_detail"}
    sentences = spent.shortfall.sentences("changes")
    assert [one.partition(":")[0] for one in sentences] == ["1 request has no answer"] * said
    found = changes_frame(store, [DAY], UTC_ZONE)
    assert rows(found, "day", "change_id", "state") == [(DAY, "", "missing")]


def test_a_day_without_entries_has_no_row_and_one_that_was_never_asked_for_is_missing(
    store: RawStore,
) -> None:
    fetch(store, log(), days=(DAY,))
    found = changes_frame(store, days(3), UTC_ZONE)
    assert rows(found, "day", "state") == [(day, "missing") for day in days(3)[:2]]


TEMPLATES = [
    {
        "id": "w1",
        "name": "All",
        "applies": {"org_id": "o-1"},
        "exceptions": {"site_ids": ["s2"]},
        "psk": "hunter2",
    },
    {"id": "w2", "applies": {"sitegroup_ids": ["g1"]}},
]


def test_a_change_of_a_wlan_template_applies_where_the_template_does(store: RawStore) -> None:
    sites = [
        {"id": f"s{number}", "name": "", "sitegroup_ids": ["g1"] * (number == 3)} for number in range(1, 4)
    ]
    cloud = FakeCloud({"sites": lambda _: sites, "wlan_templates": lambda _: TEMPLATES})
    fetch_snapshot("sites", cloud, store, ORIGIN, NOW)
    assert keep_wlan_templates(cloud, store, ORIGIN, NOW) is None
    entries = [
        entry(name, 9, 'Update WLAN Template "All"', template_id=template)
        for name, template in (("a", "w1"), ("b", "w2"), ("c", "gone"))
    ]
    fetch(store, log(*entries))
    found = changes_frame(store, [DAY], UTC_ZONE)
    assert rows(found, "change_id", "site_ids") == [("a", ["s1", "s3"]), ("b", ["s3"]), ("c", None)]


def test_of_a_template_only_where_it_applies_is_kept_and_it_is_asked_once_a_day(store: RawStore) -> None:
    cloud = FakeCloud({"wlan_templates": lambda _: TEMPLATES})
    for hours in (0, 1, 19, 20, 21):
        assert keep_wlan_templates(cloud, store, ORIGIN, NOW + timedelta(hours=hours)) is None
    assert len(cloud.asked("wlan_templates")) == 2
    snapshot = store.snapshot_for("wlan_templates", NOW)
    assert snapshot is not None
    [record] = store.read_snapshot(snapshot)
    assert record.document()[0].keys() == {"id", "applies", "exceptions"}


@pytest.mark.parametrize(
    ("answer", "is_told"),
    [(Forbidden("no"), False), (NotFound("no"), False), (Unavailable("down"), True), ({"no": "list"}, True)],
)
def test_without_templates_nothing_is_kept_and_what_may_heal_is_told(
    store: RawStore, answer: Any, *, is_told: bool
) -> None:
    failure = keep_wlan_templates(FakeCloud({"wlan_templates": lambda _: answer}), store, ORIGIN, NOW)
    assert (failure is not None) == is_told
    assert store.snapshot_for("wlan_templates", NOW) is None


def test_every_day_is_asked_for_by_itself_and_costs_a_call(store: RawStore) -> None:
    plan = make_plan(ask(changes=True, days=days(5)), Known(), Budget(None))
    assert [request.days for request in plan.of("changes")] == [(day,) for day in days(5)]
    assert plan.cost == make_plan(ask(days=days(5)), Known(), Budget(None)).cost + 5


@pytest.mark.parametrize("is_wanted", [False, True])
def test_people_are_kept_only_where_they_are_wanted(store: RawStore, *, is_wanted: bool) -> None:
    secret = {"before": {"psk": "a passphrase"}, "src_ip": "192.0.2.7"}
    fetch(store, log(entry("a", 1, **secret)), admins=is_wanted)
    written = b"".join(gzip.decompress(path.read_bytes()) for path in (store.root / "changes").rglob("*.gz"))
    assert (b"Jo Doe" in written, b"passphrase" in written, b"192.0.2" in written) == (
        is_wanted,
        False,
        False,
    )
    names = [changes_frame(store, [DAY], UTC_ZONE, with_admins=shown)["admin"][0] for shown in (False, True)]
    assert names == [None, "Jo Doe" if is_wanted else None]


def test_what_webhooks_told_is_there_until_the_log_tells_it_and_counts_once(store: RawStore) -> None:
    live = Origin("org-1", "test", lane="live")
    pushed = [entry("a", 1), entry("b", 2, 'Update WLAN "Guests"'), {"message": "no id"}]
    before = changes_frame(store, [DAY], UTC_ZONE, pushed=pushed, lane="live")
    assert rows(before, "change_id", "source") == [("", None), ("a", "webhook"), ("b", "webhook")]
    fetch(store, log(entry("a", 1)), live)
    after = changes_frame(store, [DAY], UTC_ZONE, pushed=pushed, lane="live")
    assert rows(after, "change_id", "source") == [("a", "log"), ("b", "webhook")]
    assert set(after["admin"]) == {None}
