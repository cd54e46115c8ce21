"""Point in time: a day's analysis depends on history up to that day, whenever and in whichever runs it was made."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from mist_pipeline.cli.execution import execute_days
from mist_pipeline.cli.run import analysis_jobs
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.simulator.world.world import World
from mist_pipeline.tables import BY_NAME, TABLES, state
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.analyse_day import baseline_rows, trend_rows
from mist_pipeline.workflows.progress import silent
from mist_pipeline_tests.support.end_to_end.tables import Contents, contents, differences

pytestmark = pytest.mark.slow

START = date(2026, 3, 1)
DAYS = [START + timedelta(days=offset) for offset in range(30)]
"""Enough for orders to be searched. The clocks go forward on the last but one, so that a day of the organisation is never one of UTC."""

ANALYSED = DAYS[-2:]
NOW = datetime(2026, 4, 2, 9, 25, tzinfo=UTC)

History = Mapping[str, pl.DataFrame]


@pytest.fixture(scope="module")
def history() -> History:
    """A month of three sites, straight from the simulated organisation."""
    return World(3, len(DAYS), seed=5, start=START, organisation_zone="Europe/Berlin").history(
        DAYS[0], DAYS[-1]
    )


def settings_of(folder: Path) -> Settings:
    return load_settings(
        environment={
            "MIST_PIPELINE_DATA": str(folder),
            "MIST_PIPELINE__HISTORY__START": START.isoformat(),
            "MIST_PIPELINE__ORGANISATION__TIMEZONE": "Europe/Berlin",
            "MIST_PIPELINE__COMPUTE__WORKERS": "1",
        }
    )


def learn(settings: Settings, history: History, until: date) -> None:
    """The warehouse knows history up to a day, and nothing of later ones."""
    known = {
        BY_NAME[f"history.{name}"]: frame.filter(pl.col("day") <= until) for name, frame in history.items()
    }
    days = sorted({day for frame in known.values() for day in frame["day"].unique()})
    Warehouse(settings.warehouse_path).replace_all(known, days)


def run(settings: Settings, job: str, days: Sequence[date]) -> None:
    outcomes = execute_days(settings, job, days, progress=silent, as_of=NOW)
    assert [outcome.failures for outcome in outcomes] == [()], outcomes


def forget(settings: Settings, since: date) -> None:
    """As it was before a day."""
    with Warehouse(settings.warehouse_path).writing() as connection:
        for table in TABLES:
            if table.partition == "day":
                connection.execute(
                    f"DELETE FROM {table.full_name} WHERE day >= ?",
                    [since - timedelta(days=1) if table is state.EVIDENCE else since],
                )


def backfill(settings: Settings, days: Sequence[date]) -> None:
    """What ``mist-pipeline backfill --mode insights`` does."""
    for job, span in analysis_jobs(settings, days):
        run(settings, job, span)


def made(settings: Settings) -> Contents:
    """History, what was made of it, and the grades of that."""
    return contents(settings.warehouse_path, "history", "analysis", "scorecard")


@pytest.fixture(scope="module")
def in_one_run(history: History, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The last days and their lead-in, which is all days before, analysed in one run that knew them all; for reading only."""
    settings = settings_of(tmp_path_factory.mktemp("one_run"))
    learn(settings, history, DAYS[-1])
    backfill(settings, ANALYSED)
    return settings


def test_there_is_something_to_compare(in_one_run: Settings) -> None:
    tables = made(in_one_run)
    days = {name: frame["day"].n_unique() for name, frame in tables.items() if frame.height}
    whole = {f"analysis.{name}" for name in ("trends", "forecasts", "risks", "health_scores")}
    some = {"deviations", "evidence", "anomalies", "incidents", "findings"}
    graded = {"forecast_accuracy", "probabilities", "crossings", "truths", "alert_quality"}
    assert {name for name, count in days.items() if count == len(DAYS)} >= {"history.sle_daily", *whole}
    assert set(days) >= {*(f"analysis.{name}" for name in some), *(f"scorecard.{name}" for name in graded)}
    assert tables["analysis.evidence"].height > 500
    assert tables["analysis.models"]["params"].count() > 0
    assert any(
        "default" not in model
        for model in tables["analysis.forecasts"].filter(pl.col("day") > ANALYSED[0])["model"]
        if model.startswith("arima")
    )


def test_a_backfill_gives_what_its_mornings_shorter_and_longer_ones_give(
    history: History, in_one_run: Settings, tmp_path: Path
) -> None:
    other = settings_of(tmp_path)
    shutil.copyfile(in_one_run.warehouse_path, other.warehouse_path)
    *past, today = DAYS
    forget(other, past[-2])
    learn(other, history, past[-1])
    backfill(other, past[-1:])  # and a day of lead-in
    learn(other, history, today)
    run(other, "analyse", [today])  # a morning does not wait for that day's search
    run(other, "search", [today])
    assert differences(made(in_one_run), made(other)) == []
    backfill(other, DAYS[-2:])  # over days that are analysed; there is no lead-in
    assert differences(made(in_one_run), made(other)) == []


@pytest.mark.parametrize("rows", [trend_rows, baseline_rows])
def test_history_beyond_the_window_of_a_table_changes_no_row(
    rows: Callable[[Warehouse, Settings, Sequence[date]], pl.DataFrame], tmp_path: Path
) -> None:
    world = World(3, 55, seed=5, start=DAYS[-1] - timedelta(days=54), organisation_zone="Europe/Berlin")
    every = world.history(world.first_day, DAYS[-1])
    made_of = {name: every[name] for name in ("sle_daily", "sites")}
    since = {
        name: frame.filter(pl.col("day") >= ANALYSED[0] - timedelta(days=43))
        for name, frame in made_of.items()
    }
    found = []
    for folder, known in (("every", made_of), ("since", since)):
        settings = settings_of(tmp_path / folder)
        learn(settings, known, DAYS[-1])
        found.append(rows(Warehouse(settings.warehouse_path), settings, ANALYSED))
    assert found[0].height > 0
    assert found[1].equals(found[0])
