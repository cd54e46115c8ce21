"""Polls read each file of answers once, and find the same as if they read all again."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mist_pipeline.collect.fetch.fetcher import Origin, fetch_plan
from mist_pipeline.collect.fetch.plan import Budget, Known, make_plan
from mist_pipeline.collect.history import read_once
from mist_pipeline.collect.history.frames import Wanted, read_history
from mist_pipeline.collect.history.read_once import answers_read_once
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.mist.endpoints import Call
from mist_pipeline_tests.support.collect.fake_cloud import (
    DAY,
    ask,
    epoch,
    healthy_cloud,
    sites_of,
    sites_sle,
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
    """Records of each reading."""
    counts: list[int] = []
    take_apart = read_once.organisation_frame

    def counted(records: Any) -> Any:
        kept = list(records)
        counts.append(len(kept))
        return take_apart(kept)

    monkeypatch.setattr(read_once, "organisation_frame", counted)
    return counts


def poll(store: RawStore, minutes: int, days: tuple[date, ...] = (DAY,)) -> None:
    """Answers of the last two hours, which are others each time; sites come and go."""
    now = datetime.fromtimestamp(epoch(DAY) + 60 * minutes, UTC)

    def scores(call: Call) -> Any:
        sites = [f"s{number}" for number in range(1, 4) if (number + minutes // 20) % 4]
        share = {site: (1 + len(site) * minutes % 89) / 91 for site in sites}
        rows = [{"site_id": site, "num_clients": minutes % 7, "capacity": share[site]} for site in sites]
        return sites_sle(*window(call), rows)

    asked = ask(days=days, now=now, since=now - timedelta(hours=2), detail="off")
    cloud = replace(healthy_cloud(sites_sle=scores), now=now)
    fetch_plan(make_plan(asked, Known(), Budget(None)), cloud, store, LIVE)


def agree(store: RawStore, days: tuple[date, ...] = (DAY,), code: str = "1") -> None:
    """What was read once makes the same tables as all read again."""
    asked = ask(days=days)
    wanted = Wanted(sites_of(asked), METRICS, days, asked.zone)
    once = read_history(store, wanted, lane="live", answers=answers_read_once(store, wanted, code)).tables()
    again = read_history(store, wanted, lane="live").tables()
    for name, frame in again.items():
        assert frame.equals(once[name]), name
    assert again["sle_hourly"].height > 0


def test_each_poll_reads_what_it_asked_and_finds_the_same(store: RawStore, taken_apart: list[int]) -> None:
    for minutes in range(65, 300, 20):
        poll(store, minutes)
        agree(store)
    assert max(taken_apart) <= 4 * 2  # an hour begun, two whole ones and one cut, by group
    agree(store)
    assert len(taken_apart) == 12


def test_a_day_that_is_over_goes_and_a_new_one_is_read_whole(store: RawStore, taken_apart: list[int]) -> None:
    both = (DAY, NEXT)
    poll(store, 23 * 60 + 50)
    agree(store)
    poll(store, 24 * 60 + 5, both)
    agree(store, both)
    whole = taken_apart[-1]
    assert whole > taken_apart[0]
    poll(store, 24 * 60 + 20, both)
    agree(store, both)
    assert taken_apart[-1] < whole + taken_apart[0]
    poll(store, 24 * 60 + 35, (NEXT,))
    agree(store, (NEXT,))
    assert taken_apart[-1] < whole


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
