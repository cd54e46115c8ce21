"""Polls read each file of answers once, and find the same as if they read all again."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mist_pipeline.collect.fetch.fetcher import fetch_plan
from mist_pipeline.collect.fetch.plan import Budget, Known, make_plan
from mist_pipeline.collect.fetch.records import Origin
from mist_pipeline.collect.fetch.snapshots import fetch_snapshot
from mist_pipeline.collect.history import read_once
from mist_pipeline.collect.history.dimensions import connected_by_hour
from mist_pipeline.collect.history.frames import Wanted, make_hours, read_history
from mist_pipeline.collect.history.read_once import answers_read_once, connected_read_once, detail_read_once
from mist_pipeline.collect.raw.errors import RawDamagedError
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.mist.endpoints import Call
from mist_pipeline.mist.errors import NotSupported, Unavailable
from mist_pipeline_tests.support.collect.fake_cloud import (
    DAY,
    FakeCloud,
    ask,
    epoch,
    healthy_cloud,
    sites_of,
    sites_sle,
    summary,
    window,
)

LIVE = Origin("org-1", "test", lane="live")
NEXT = DAY + timedelta(days=1)
METRICS = ("capacity", "coverage")


@pytest.fixture
def store(tmp_path: Path) -> RawStore:
    return RawStore(tmp_path / "raw")


@pytest.fixture
def taken_apart(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Records of each reading of the organisation's answers."""
    return counted(monkeypatch, "organisation_frame")


@pytest.fixture
def details(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Records of each reading of details."""
    return counted(monkeypatch, "detail_frames")


@pytest.fixture
def snapshots(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Snapshots of each reading of them."""
    counts: list[int] = []
    read = read_once.connected

    def reading(store: RawStore, hours: Any) -> Any:
        counts.append(len(hours))
        return read(store, hours)

    monkeypatch.setattr(read_once, "connected", reading)
    return counts


def counted(monkeypatch: pytest.MonkeyPatch, name: str) -> list[int]:
    counts: list[int] = []
    take_apart = getattr(read_once, name)

    def reading(records: Any, *others: Any, **options: Any) -> Any:
        kept = list(records)
        counts.append(len(kept))
        return take_apart(kept, *others, **options)

    monkeypatch.setattr(read_once, name, reading)
    return counts


def poll(store: RawStore, minutes: int, days: tuple[date, ...] = (DAY,), detail: str = "off") -> None:
    """Answers of the last two hours, which are others each time; sites come and go, details lack hours, fail and are corrected."""
    now = datetime.fromtimestamp(epoch(DAY) + 60 * minutes, UTC)

    def scores(call: Call) -> Any:
        sites = [f"s{number}" for number in range(1, 4) if (number + minutes // 20) % 4]
        share = {site: (1 + len(site) * minutes % 89) / 91 for site in sites}
        rows = [{"site_id": site, "num_clients": minutes % 7, "capacity": share[site]} for site in sites]
        return sites_sle(*window(call), rows)

    def of_site(call: Call) -> Any:
        start, end = window(call)
        number = int(call.site_id[1:])
        if number == 3:
            return NotSupported("no such metric", status=404)
        if number == 2 and minutes % 3 == 0:
            return Unavailable("in trouble", status=500)
        count = -(-(end - start) // 3600)
        # The cloud counts late: the newest hour is empty at every other poll, and an earlier one is corrected.
        total: list[float | None] = [100.0 + minutes % 11 + place for place in range(count)]
        if minutes % 2:
            total[-1] = None
        found = summary(
            start,
            end,
            metric=call.spelling,
            total=total,
            degraded=7.0 + minutes % 5,
            classifiers={"a": 3.0, "b_c": 1.0},
        )
        if minutes % 7 == 0:
            found["sle"]["samples"]["total"][0] = -1.0  # odd, so read by the parser
        return found

    asked = ask(
        days=days,
        now=now,
        since=now - timedelta(hours=2),
        detail=detail,
        site_ids=("s1", "s2", "s3"),
        metrics=METRICS,
    )
    cloud = replace(healthy_cloud(sites_sle=scores, sle_summary=of_site), now=now)
    fetch_plan(make_plan(asked, Known(), Budget(None)), cloud, store, LIVE)
    stats = [
        {"id": f"s{number}", "num_ap": 5, "num_ap_connected": (number + minutes) % 5} for number in (1, 2)
    ]
    seen = FakeCloud({"stats_sites": lambda _: stats}, now=now)
    fetch_snapshot("stats_sites", seen, store, LIVE, now)


def agree(store: RawStore, days: tuple[date, ...] = (DAY,), code: str = "1") -> None:
    """What was read once makes the same tables as all read again."""
    asked = ask(days=days)
    wanted = Wanted(sites_of(asked), METRICS, days, asked.zone)
    connected = connected_by_hour(store, days, asked.zone)
    assert connected_read_once(store, days, asked.zone, code).equals(connected)
    once = make_hours(
        detail_read_once(store, wanted, code), answers_read_once(store, wanted, code), wanted, connected
    )
    again = read_history(store, wanted, connected, lane="live").tables()
    for name, frame in vars(once).items():
        # Rows of classifiers are in the order of their hours alone.
        by = frame.columns if name == "classifiers_hourly" else []
        assert (frame.sort(by) if by else frame).equals(again[name].sort(by) if by else again[name]), name
    assert again["sle_hourly"].height > 0


def test_each_poll_reads_what_it_asked_and_finds_the_same(store: RawStore, taken_apart: list[int]) -> None:
    for minutes in range(65, 300, 20):
        poll(store, minutes)
        agree(store)
    assert max(taken_apart) <= 4 * 2  # an hour begun, two whole ones and one cut, by group
    agree(store)
    assert len(taken_apart) == 12


def test_a_day_that_is_over_goes_and_a_new_one_comes(store: RawStore, taken_apart: list[int]) -> None:
    both = (DAY, NEXT)
    poll(store, 23 * 60 + 50)
    agree(store)
    agree(store, both)  # of which the new one has nothing yet
    poll(store, 24 * 60 + 5, both)
    agree(store, both)
    poll(store, 24 * 60 + 20, both)
    agree(store, both)
    agree(store, (NEXT,))
    poll(store, 24 * 60 + 35, (NEXT,))
    agree(store, (NEXT,))
    assert len(taken_apart) == 4
    assert max(taken_apart) <= 4 * 2
    # A day that went and comes back is read again.
    agree(store, both)
    assert len(taken_apart) == 5


def test_a_window_over_midnight_is_read_again_for_its_second_day(
    store: RawStore, taken_apart: list[int], details: list[int]
) -> None:
    both = (DAY, NEXT)
    poll(store, 24 * 60 + 5, both, detail="full")
    agree(store, (DAY,))
    assert set(store.promised("live_sle_detail", (DAY,))) & set(store.promised("live_sle_detail", (NEXT,)))
    agree(store, both)
    assert details[1] == details[0] > 0
    assert len(taken_apart) == 2


def test_a_day_that_is_over_and_damaged_stops_no_other(store: RawStore, taken_apart: list[int]) -> None:
    both = (DAY, NEXT)
    poll(store, 24 * 60 + 5, both)
    agree(store, both)
    for manifest in (store.root / "live_sle_org" / f"day={DAY}").glob("*.manifest.json"):
        manifest.write_text("{")
    agree(store, (NEXT,))
    assert len(taken_apart) == 2


def test_other_code_damage_and_files_that_are_gone_are_read_again(
    store: RawStore, taken_apart: list[int]
) -> None:
    for minutes in (65, 85):
        poll(store, minutes)
        agree(store)
    agree(store, code="2")
    whole = taken_apart[-1]
    assert whole == sum(taken_apart[:2])
    kept = store.root / "live_sle_org" / "unfinished" / "read.parquet"
    for damage in (kept.read_bytes()[:-9], b"", b"PAR1"):
        kept.write_bytes(damage)
        agree(store, code="2")
        assert taken_apart[-1] == whole
    first, _ = sorted((store.root / "live_sle_org" / f"day={DAY}").glob("*.manifest.json"))
    first.unlink()
    agree(store, code="2")
    assert taken_apart[-1] == taken_apart[1]


def test_details_of_each_poll_are_read_once_and_count_as_if_all_were_read(
    store: RawStore, details: list[int]
) -> None:
    for minutes in range(65, 300, 20):
        poll(store, minutes, detail="full")
        agree(store)
    assert max(details) == 3 * len(METRICS)
    agree(store)
    assert details[-1] == 0
    hours = agreed_classifiers(store)
    assert hours > 10


def agreed_classifiers(store: RawStore) -> int:
    asked = ask()
    wanted = Wanted(sites_of(asked), METRICS, (DAY,), asked.zone)
    return read_history(store, wanted, lane="live").classifiers_hourly.height


def test_details_of_a_day_that_is_over_go_and_a_new_one_comes(store: RawStore, details: list[int]) -> None:
    both = (DAY, NEXT)
    for minutes, days in (
        (23 * 60 + 50, (DAY,)),
        (24 * 60 + 5, both),
        (24 * 60 + 20, both),
        (24 * 60 + 36, (NEXT,)),
    ):
        poll(store, minutes, days, detail="full")
        agree(store, days)
    assert max(details) <= 2 * 3 * len(METRICS)  # two days asked at once


def test_kept_details_that_do_not_fit_together_are_read_again(store: RawStore, details: list[int]) -> None:
    folder = store.root / "live_sle_detail" / "unfinished"
    poll(store, 65, detail="full")
    agree(store)
    one_earlier = (folder / "read-buckets.parquet").read_bytes()
    poll(store, 85, detail="full")
    agree(store)
    whole = sum(details)
    for name in ("read-answers", "read-buckets", "read-classifiers"):
        kept = folder / f"{name}.parquet"
        for damage in (kept.read_bytes()[:-9], b"", b"PAR1", one_earlier):
            kept.write_bytes(damage)
            agree(store)
            assert details[-1] == whole, (name, damage[:9])
    agree(store, code="2")
    assert details[-1] == whole
    agree(store, code="2")
    assert details[-1] == 0
    # One that was never read, and is damaged, is named as ever.
    poll(store, 105, detail="full")
    newest = max((store.root / "live_sle_detail" / f"day={DAY}").glob("*.jsonl.gz"))
    newest.write_bytes(newest.read_bytes()[:-20])
    with pytest.raises(RawDamagedError, match=newest.name):
        agree(store, code="2")


def test_the_last_snapshot_of_each_hour_is_read_once(store: RawStore, snapshots: list[int]) -> None:
    for minutes in (65, 85, 125, 145, 185):
        poll(store, minutes)
        agree(store)
    assert snapshots == [1] * 5  # of an hour that goes on the newest one takes the place of the one before
    agree(store)
    assert snapshots[-1] == 0
    kept = store.root / "stats_sites" / "unfinished" / "read.parquet"
    for damage in (kept.read_bytes()[:-9], b"", b"PAR1"):
        kept.write_bytes(damage)
        agree(store)
        assert snapshots[-1] == 3
    agree(store, code="2")
    assert snapshots[-1] == 3
    last = max((store.root / "stats_sites" / "snapshots").iterdir())
    last.unlink()
    agree(store, code="2")
    assert snapshots[-1] == 0
    poll(store, 24 * 60 + 5, (DAY, NEXT))
    agree(store, (DAY, NEXT), code="2")
    assert snapshots[-1] == 1
    agree(store, (NEXT,), code="2")
    assert snapshots[-1] == 0
