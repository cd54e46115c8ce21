"""What polls keep of the week before today: evidence is the same with it, and it is made again wherever it does not fit."""

import shutil
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mist_pipeline.analysis.evidence.model import LOOK_BACK, EvidenceOptions, evidence
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.tables import analysis, history, live
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis import kept_week
from mist_pipeline.workflows.analysis.detect_hour import EVIDENCE_HOURS, RecentHours, evidence_now
from mist_pipeline.workflows.analysis.evidence_walk import EVIDENCE_COLUMNS, store_evidence, stored_state
from mist_pipeline_tests.support.analysis import evidence_frames
from mist_pipeline_tests.support.analysis.evidence_frames import START
from mist_pipeline_tests.support.overview.organisations import full

DAYS = [START.date() + timedelta(days=number) for number in range(12)]
TODAY = DAYS[-1]
NOON = START + timedelta(days=11, hours=12)
FRAMES = evidence_frames.history(days=13, sites=3, extra={(1, "coverage"): (11 * 24 + 8, 11 * 24 + 14, 0.5)})
LIVE = {
    history.SLE_HOURLY: live.SLE_HOURLY,
    history.CLASSIFIERS_HOURLY: live.CLASSIFIERS_HOURLY,
    history.SITE_HOURLY: live.SITE_HOURLY,
}


def put_days(warehouse: Warehouse, days: list[date], frames: evidence_frames.Frames = FRAMES) -> None:
    """Whole days of history."""
    of_days = {
        of: full(of, frames[of.name].filter(pl.col("day").is_in(days)))
        for of in (history.SLE_HOURLY, history.CLASSIFIERS_HOURLY, history.SITE_HOURLY)
    }
    scores = of_days[history.SLE_HOURLY].unique(["day", "site_id", "metric"])
    of_days[history.SLE_DAILY] = full(history.SLE_DAILY, scores.select("day", "site_id", "metric", "state"))
    sites = frames["sites"].drop("day").join(pl.DataFrame({"day": days}), how="cross")
    of_days[history.SITES] = full(history.SITES, sites)
    warehouse.replace_all(of_days, days)


def put_today(
    warehouse: Warehouse, until: datetime, frames: evidence_frames.Frames = FRAMES, since: date = TODAY
) -> None:
    """What polls know of the days from one on."""
    is_known = (pl.col("day") >= since) & (pl.col("hour") < until)
    warehouse.replace_tables({to: full(to, frames[of.name].filter(is_known)) for of, to in LIVE.items()})


def settings_of(folder: Path) -> Settings:
    return load_settings(environment={"MIST_PIPELINE_DATA": str(folder)})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(tmp_path)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder that each test gets a copy of: evidence until yesterday, and polls until noon."""
    folder = tmp_path_factory.mktemp("prepared")
    settings = settings_of(folder)
    made = Warehouse(settings.warehouse_path)
    put_days(made, DAYS[:-1])
    store_evidence(made, settings, DAYS[:-1])
    put_today(made, NOON)
    return folder


@pytest.fixture
def warehouse(prepared: Path, settings: Settings) -> Warehouse:
    shutil.copytree(prepared, settings.data, dirs_exist_ok=True)
    return Warehouse(settings.warehouse_path)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A place for each time that the week was read: how many readings."""
    counts: list[int] = []
    make = kept_week.past_week_of

    def counted(scores: pl.DataFrame, *others: Any) -> Any:
        counts.append(scores.height)
        return make(scores, *others)

    monkeypatch.setattr(kept_week, "past_week_of", counted)
    return counts


Asked = Callable[..., None]


@pytest.fixture
def agree(warehouse: Warehouse, settings: Settings) -> Asked:
    """Evidence of a moment is what it is where all hours are read together; and there is some."""

    def check(as_of: datetime = NOON, *, is_some: bool = True) -> None:
        hours = RecentHours(warehouse, as_of + timedelta(minutes=5))
        found = evidence_now(hours, settings, hours.sites())
        known, ends = stored_state(warehouse, hours.newest)
        assert ends is not None
        read = (hours.for_evidence(of, ends - timedelta(hours=LOOK_BACK), as_of) for of in EVIDENCE_COLUMNS)
        whole = evidence(
            *read,
            hours.sites(),
            from_hour=max(hours.newest - timedelta(hours=EVIDENCE_HOURS), ends),
            until_hour=as_of,
            state=known,
            options=EvidenceOptions(time_zone=settings.organisation.timezone),
        )
        assert found.equals(analysis.EVIDENCE.conform(whole.rows))
        assert found.height > 0 or not is_some

    return check


def test_the_week_is_read_once_between_two_mornings(
    warehouse: Warehouse, agree: Asked, made: list[int]
) -> None:
    for hour in range(12, 16):
        now = START + timedelta(days=11, hours=hour)
        put_today(warehouse, now)
        agree(now)
        agree(now)
    assert made == [7 * 24 * 3 * 2]


def test_a_morning_and_a_rewritten_hour_make_another_week(
    warehouse: Warehouse, settings: Settings, agree: Asked, made: list[int]
) -> None:
    agree()
    worse = pl.when(pl.col("hour") == START + timedelta(days=8, hours=10)).then(40.0).otherwise("score_pct")
    put_days(
        warehouse, [DAYS[8]], FRAMES | {"sle_hourly": FRAMES["sle_hourly"].with_columns(score_pct=worse)}
    )
    agree()
    agree()
    assert len(made) == 2
    # Whoever writes without a mark is noticed by the number of rows; then nobody can say what else is new.
    with warehouse.writing() as connection:
        connection.execute(
            "DELETE FROM history.sle_hourly WHERE hour = ?", [START + timedelta(days=9, hours=10)]
        )
    agree()
    agree()
    assert len(made) == 4
    put_days(warehouse, [DAYS[9], TODAY])
    store_evidence(warehouse, settings, [TODAY])
    tomorrow = START + timedelta(days=12, hours=12)
    put_today(warehouse, tomorrow, since=TODAY + timedelta(days=1))
    agree(tomorrow, is_some=False)
    agree(tomorrow, is_some=False)
    assert len(made) == 5


def test_a_poll_after_a_gap_walks_through_it(warehouse: Warehouse, agree: Asked, made: list[int]) -> None:
    agree()
    later = START + timedelta(days=12, hours=18)
    put_today(warehouse, later)
    agree(later, is_some=False)
    assert len(made) == 1


def test_a_site_that_comes_goes_or_is_renamed_is_known_at_once(
    warehouse: Warehouse, agree: Asked, made: list[int]
) -> None:
    agree()
    others = evidence_frames.history(days=12, sites=5)
    for kept in (["site-000", "site-001", "site-004"], ["site-004"]):
        here = {name: frame.filter(pl.col("site_id").is_in(kept)) for name, frame in others.items()}
        put_today(warehouse, NOON, here)
        agree(is_some=False)
    renamed = {
        name: frame.with_columns(pl.col("site_id").replace({"site-001": "site-1-renamed"}))
        for name, frame in FRAMES.items()
    }
    put_today(warehouse, NOON, renamed)
    agree(is_some=False)
    assert len(made) == 1


def test_hours_that_polls_may_still_change_are_not_kept(
    warehouse: Warehouse, settings: Settings, agree: Asked, made: list[int]
) -> None:
    """The last day is known to polls alone, though its evidence is stored: somebody removed it."""
    for of in (history.SLE_HOURLY, history.SLE_DAILY):
        warehouse.replace_days(of, of.empty(), [DAYS[-2]])
    put_today(warehouse, NOON, since=DAYS[-2])
    agree()
    worse = FRAMES["sle_hourly"].with_columns(score_pct=pl.col("score_pct") * 0.9)
    put_today(warehouse, NOON, FRAMES | {"sle_hourly": worse}, since=DAYS[-2])
    agree()
    assert len(made) == 2
    assert not settings.kept_week_path.exists()


def test_other_code_and_damage_are_made_again(
    settings: Settings,
    agree: Asked,
    made: list[int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    agree()
    file = settings.kept_week_path
    whole = file.read_bytes()
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 1
    for number, damage in enumerate(
        (b"", b"PK", whole[:-100], whole[: len(whole) // 2], bytes(changed)), start=2
    ):
        file.write_bytes(damage)
        agree()
        assert len(made) == number, damage[:10]
        assert "made again" in caplog.text
        caplog.clear()
        agree()
        assert len(made) == number
    # One array of another shape, though the file says that it is of this week.
    with np.load(file) as arrays:
        content = {name: arrays[name] for name in arrays.files}
    np.savez(file, **content | {"hours.observed": content["hours.observed"][:, 1:]})
    agree()
    assert len(made) == 7
    assert "observed" in caplog.text
    np.save(file.with_suffix(".npy"), np.zeros(3))
    file.with_suffix(".npy").replace(file)
    agree()
    assert len(made) == 8
    monkeypatch.setattr(kept_week, "code_digest", lambda *_: "another")
    agree()
    assert len(made) == 9


def test_a_folder_that_cannot_be_written_costs_time_alone(
    settings: Settings, agree: Asked, made: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    settings.kept_week_path.parent.write_text("a file in its place")
    agree()
    agree()
    assert len(made) == 2
    assert "cannot be kept" in caplog.text


def test_of_a_shared_warehouse_nothing_is_kept(
    warehouse: Warehouse, settings: Settings, agree: Asked, made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_week, "WarehouseFile", type("Lake", (), {}))
    agree()
    agree()
    assert len(made) == 2
    assert not settings.kept_week_path.exists()
