"""What has not come yet is refused before anything is made as of it: by what somebody typed, and by the cloud's clock."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from mist_pipeline.alerts.ledger.times.ahead import TOLERANCE
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.settings import Settings, SettingsError, load_settings
from mist_pipeline.simulator.cloud.server import serve
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.world import World
from mist_pipeline.tables import live as live_tables
from mist_pipeline.workflows.cloud import Cloud
from mist_pipeline.workflows.collection.fetch import take_snapshot
from mist_pipeline.workflows.ledger_access import kept_evaluations, open_ledger
from mist_pipeline.workflows.notifying.evaluate import evaluate, ledger_troubles
from mist_pipeline.workflows.running.instants import (
    ClockAheadError,
    refuse_future,
    refuse_later_than_cloud,
)
from mist_pipeline_tests.support.alerts.histories import HOUR, START, finding, live

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("late", "is_refused"),
    [
        (-timedelta(days=400), False),
        (timedelta(0), False),
        (TOLERANCE, False),
        (TOLERANCE + SECOND, True),
        (timedelta(hours=3), True),
        (timedelta(days=365), True),
    ],
    ids=["long ago", "now", "a little ahead", "more than that", "hours ahead", "a wrong year"],
)
def test_only_what_has_not_come_is_refused(late: timedelta, is_refused: bool) -> None:
    for refuse, error in ((refuse_future, SettingsError), (refuse_later_than_cloud, ClockAheadError)):
        if is_refused:
            with pytest.raises(error, match=r"--as-of"):
                refuse(NOON + late, NOON)
        else:
            refuse(NOON + late, NOON)


def test_the_refusal_says_both_times_and_the_remedy() -> None:
    with pytest.raises(ClockAheadError) as refused:
        refuse_later_than_cloud(NOON + 3 * HOUR, NOON)
    for fact in ("2026-03-01 15:00:00", "2026-03-01 12:00:00", "3 hours earlier", "NTP"):
        assert fact in str(refused.value)


@pytest.mark.slow
def test_a_machine_whose_clock_is_ahead_of_the_cloud_asks_nothing(tmp_path: Path) -> None:
    now = datetime.now(UTC) + timedelta(days=400)  # later than any real clock, so that the cloud has its own
    with serve(World(2, 2, seed=4, start=now.date() - timedelta(days=1)), clock=Clock(now)) as cloud:
        settings = load_settings(
            environment={
                "MIST_BASE_URL": cloud.base_url,
                "MIST_API_TOKEN": cloud.token,
                "MIST_PIPELINE_DATA": str(tmp_path),
            }
        )
        store = RawStore(settings.data / "raw")
        take_snapshot("sites", Cloud(settings), store, now)
        with pytest.raises(ClockAheadError):
            take_snapshot("sites", Cloud(settings), store, now + timedelta(hours=3))
        assert store.snapshot_for("sites", now + timedelta(hours=3)) == store.snapshot_for("sites", now)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path)})


def troubles_of(settings: Settings, now: datetime) -> dict[str, str]:
    found = ledger_troubles(settings, now)
    assert live_tables.FINDINGS.conform(found).equals(found)
    return dict(found.select("family", "summary").iter_rows())


def test_evaluations_of_the_future_are_reported_and_later_ones_are_not_silenced(settings: Settings) -> None:
    none = live_tables.FINDINGS.empty()
    store = kept_evaluations(settings)
    store.keep(live(3, finding()))
    evaluate(settings, none, START + 3 * HOUR, lambda: START + 3 * HOUR)
    now = START + HOUR
    assert "1 evaluation" not in str(troubles_of(settings, now))
    store.keep(live(200, finding("s3")))
    store.keep(live(0.9, finding("s2")))
    assert list(troubles_of(settings, now)) == ["pipeline:clock"]
    result = evaluate(settings, none, now, lambda: now)
    assert [name.source for name in result.names] == ["live", "pipeline"]
    with open_ledger(settings) as ledger:
        incidents = {
            (alert.site_id, alert.family): alert.summary
            for _, alerts in ledger.incidents(("open",))
            for alert in alerts
        }
    assert {site for site, _ in incidents} == {"s1", "s2", ""}
    assert "2 evaluations of a time that has not come" in incidents["", "pipeline:clock"]
    assert "set back to now" in incidents["", "pipeline:clock"]


def test_a_run_of_the_past_does_not_take_what_came_since_for_the_future(settings: Settings) -> None:
    none: pl.DataFrame = live_tables.FINDINGS.empty()
    kept_evaluations(settings).keep(live(5, finding()))
    present = START + 5 * HOUR
    evaluate(settings, none, present, lambda: present)
    result = evaluate(settings, none, START, lambda: present)
    assert not result.names
    assert troubles_of(settings, present) == {}
    with open_ledger(settings) as ledger:
        assert ledger.last_evaluation() == present
