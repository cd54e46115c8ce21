"""What the cloud can only tell about now."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mist_pipeline.collect.fetch.snapshots import fetch_snapshot, sites_of
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.mist.endpoints import Call
from mist_pipeline.mist.errors import MistError, Unavailable
from mist_pipeline_tests.support.collect.fake_cloud import NOW, ORIGIN, FakeCloud, Pages


@pytest.mark.parametrize(
    ("kind", "endpoint", "document"),
    [
        ("sites", "sites", [{"id": "s1", "name": "One"}]),
        ("stats_sites", "stats_sites", [{"id": "s1", "num_ap": 3}]),
        ("devices", "stats_devices", [{"id": "d1", "type": "ap"}]),
    ],
)
def test_a_snapshot_is_kept_under_the_instant_of_its_run(
    store: RawStore, kind: Any, endpoint: str, document: Any
) -> None:
    cloud = FakeCloud(
        {endpoint: lambda _: Pages([document, []])}, now=datetime(2026, 2, 10, 6, 0, 3, tzinfo=UTC)
    )
    taken = fetch_snapshot(kind, cloud, store, ORIGIN, NOW)
    assert taken.written.address.rpartition("/")[2].startswith("20260210T060000")
    found = store.snapshot_for(kind, NOW)
    assert found is not None
    assert [record.document() for record in store.read_snapshot(found)] == [document, []]


@pytest.mark.parametrize("answer", [Unavailable("down"), {"not": "a list"}, [{"name": "without id"}]])
def test_a_snapshot_that_fails_is_not_kept(store: RawStore, answer: Any) -> None:
    with pytest.raises(MistError):
        fetch_snapshot("sites", FakeCloud({"sites": lambda _: answer}), store, ORIGIN, NOW)
    assert store.snapshot_for("sites", NOW) is None


def test_one_odd_site_is_set_aside_and_counted_and_the_answer_is_kept_as_received(store: RawStore) -> None:
    document = [{"id": f"s{number}"} for number in range(3)] + [{"name": "no id", "latlng": ""}]
    taken = fetch_snapshot("sites", FakeCloud({"sites": lambda _: document}), store, ORIGIN, NOW)
    assert (taken.odd.read, taken.odd.lost) == (4, 1)
    found = store.snapshot_for("sites", NOW)
    assert found is not None
    assert [record.document() for record in store.read_snapshot(found)] == [document]


def test_a_list_of_odd_sites_is_refused(store: RawStore) -> None:
    document = [{"id": f"s{number}" if number > 3 else number} for number in range(20)]
    with pytest.raises(MistError, match="4 of 20 rows cannot be read"):
        fetch_snapshot("sites", FakeCloud({"sites": lambda _: document}), store, ORIGIN, NOW)


def sending(document: Any) -> Callable[[Call], Any]:
    return lambda _: document


def test_a_site_whose_row_cannot_be_read_for_days_is_not_forgotten(store: RawStore) -> None:
    sound = [{"id": f"s{number}"} for number in range(4)]
    odd = [{**site, "id": 7 if site["id"] == "s2" else site["id"]} for site in sound]
    for number, document in enumerate([sound, odd, odd, sound[:2]]):
        at = NOW + timedelta(hours=6 * number)
        fetch_snapshot("sites", FakeCloud({"sites": sending(document)}), store, ORIGIN, at)
    known = []
    for number in range(4):
        snapshot = store.snapshot_for("sites", NOW + timedelta(hours=6 * number))
        assert snapshot is not None
        known.append(sorted(site.id for site in sites_of(store, snapshot)))
    assert known == [["s0", "s1", "s2", "s3"]] * 3 + [["s0", "s1"]]
