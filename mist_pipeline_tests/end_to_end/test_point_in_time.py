"""Point in time: a day's analysis depends on history up to that day, whenever and in whichever runs it was made."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from mist_pipeline.cli.execution import execute_days
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.simulator.world.world import World
from mist_pipeline.tables import BY_NAME
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.analyse_day import baseline_rows, trend_rows
from mist_pipeline.workflows.progress import silent
from mist_pipeline_tests.support.end_to_end.tables import Contents, contents, differences

pytestmark = pytest.mark.slow

START = date(2026, 2, 4)
DAYS = [START + timedelta(days=offset) for offset in range(55)]
"""Enough for orders to be searched. The clocks go forward on the last but one, so that a day of the organisation is never one of UTC."""

ANALYSED = DAYS[-2:]
NOW = datetime(2026, 4, 2, 9, 25, tzinfo=UTC)

History = Mapping[str, pl.DataFrame]


@pytest.fixture(scope="module")
def history() -> History:
    """Eight weeks of three sites, straight from the simulated organisation."""
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
    Warehouse(settings.warehouse_path).replace_all(known, DAYS)


def run(settings: Settings, job: str, days: Sequence[date]) -> None:
    outcomes = execute_days(settings, job, days, progress=silent, as_of=NOW)
    assert [outcome.failures for outcome in outcomes] == [()], outcomes


def backfill(settings: Settings, days: Sequence[date]) -> None:
    """What ``mist-pipeline backfill`` does with history."""
    run(settings, "search", days)
    run(settings, "analyse", days)


def analysis(settings: Settings) -> Contents:
    """What was made of history, and the grades of it."""
    return contents(settings.warehouse_path, "analysis", "scorecard")


def of_days(made: Contents, days: Sequence[date]) -> Contents:
    return {name: frame.filter(pl.col("day").is_in(list(days))) for name, frame in made.items()}


@pytest.fixture(scope="module")
def in_one_run(history: History, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Every day analysed in one run that knew them all; for reading only."""
    settings = settings_of(tmp_path_factory.mktemp("one_run"))
    learn(settings, history, DAYS[-1])
    backfill(settings, ANALYSED)
    return settings


def test_there_is_something_to_compare(in_one_run: Settings) -> None:
    made = analysis(in_one_run)
    days = {name: frame["day"].n_unique() for name, frame in made.items() if frame.height}
    whole = {"trends", "baselines", "deviations", "forecasts", "risks", "health_scores", "findings"}
    assert {name for name, count in days.items() if count == len(ANALYSED)} >= {
        f"analysis.{name}" for name in whole
    }
    assert made["analysis.evidence"].height > 500
    assert made["analysis.trends"].height == len(ANALYSED) * 3 * 8
    assert made["analysis.models"]["params"].count() > 0
    assert any(
        "default" not in model
        for model in made["analysis.forecasts"].filter(pl.col("day") > ANALYSED[0])["model"]
        if model.startswith("arima")
    )
    assert made["scorecard.forecast_accuracy"].height > 0


def test_a_backfill_gives_what_each_morning_would_have_given(
    history: History, in_one_run: Settings, tmp_path: Path
) -> None:
    one_by_one = settings_of(tmp_path)
    for day in ANALYSED:
        learn(one_by_one, history, day)
        run(one_by_one, "analyse", [day])  # a morning does not wait for that day's search
        run(one_by_one, "search", [day])
    assert differences(analysis(in_one_run), analysis(one_by_one)) == []


READ_OWN_DAYS = {"forecasts", "risks", "health_scores", "incidents", "findings", "correlations"}
"""Tables that read earlier days of analyses: what those would have said is known only where they were made."""


def test_a_longer_backfill_over_days_that_are_there_gives_the_same_rows(
    in_one_run: Settings, tmp_path: Path
) -> None:
    longer = settings_of(tmp_path)
    shutil.copyfile(in_one_run.warehouse_path, longer.warehouse_path)
    backfill(longer, DAYS[-3:])
    shorter, made = analysis(in_one_run), of_days(analysis(longer), ANALYSED)
    same = [name for name in made if name.startswith("analysis.") and name[9:] not in READ_OWN_DAYS]
    assert differences({name: shorter[name] for name in same}, {name: made[name] for name in same}) == []


@pytest.mark.parametrize("rows", [trend_rows, baseline_rows])
def test_history_beyond_the_window_of_a_table_changes_no_row(
    rows: Callable[[Warehouse, Settings, Sequence[date]], pl.DataFrame],
    history: History,
    in_one_run: Settings,
    tmp_path: Path,
) -> None:
    later = settings_of(tmp_path)
    since = {name: frame.filter(pl.col("day") >= DAYS[9]) for name, frame in history.items()}
    learn(later, since, DAYS[-1])
    expected = rows(Warehouse(in_one_run.warehouse_path), in_one_run, ANALYSED)
    assert expected.height > 0
    assert rows(Warehouse(later.warehouse_path), later, ANALYSED).equals(expected)
