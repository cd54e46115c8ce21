"""Point in time: a day's analysis depends on history up to that day, whenever and in whichever runs it was made."""

import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from mist_pipeline.cli.execution import execute_days
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.simulator.world.world import World
from mist_pipeline.tables import BY_NAME
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.progress import silent
from mist_pipeline_tests.support.end_to_end.tables import Contents, contents, differences

pytestmark = pytest.mark.slow

START = date(2026, 3, 16)
DAYS = [START + timedelta(days=offset) for offset in range(15)]
"""The clocks go forward on the fourteenth, so that a day of the organisation is never a day of UTC."""

ANALYSED = DAYS[12:]
FIRST_ANALYSED = DAYS[12:14]
CUT = FIRST_ANALYSED[-1]
NOW = datetime(2026, 4, 2, 9, 25, tzinfo=UTC)

History = Mapping[str, pl.DataFrame]


@pytest.fixture(scope="module")
def history() -> History:
    """Fifteen days of four sites, straight from the simulated organisation."""
    return World(4, 15, seed=5, start=START, organisation_zone="Europe/Berlin").history(DAYS[0], DAYS[-1])


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


def analyse(settings: Settings, days: Sequence[date]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        outcomes = execute_days(settings, "analyse", days, progress=silent, as_of=NOW)
    assert [outcome.failures for outcome in outcomes] == [()], outcomes


def analysis(settings: Settings) -> Contents:
    return contents(settings.warehouse_path, "analysis")


@pytest.fixture(scope="module")
def in_one_run(history: History, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Every day analysed in one run that knew them all; for reading only."""
    settings = settings_of(tmp_path_factory.mktemp("one_run"))
    learn(settings, history, DAYS[-1])
    analyse(settings, ANALYSED)
    return settings


def test_there_is_something_to_compare(in_one_run: Settings) -> None:
    made = analysis(in_one_run)
    days = {name: frame["day"].n_unique() for name, frame in made.items() if frame.height}
    whole = {"trends", "baselines", "deviations", "forecasts", "risks", "health_scores", "findings"}
    assert {name for name, count in days.items() if count == len(ANALYSED)} >= {
        f"analysis.{name}" for name in whole
    }
    assert made["analysis.evidence"].height > 1000
    assert made["analysis.trends"].height == len(ANALYSED) * 4 * 8


def test_days_one_by_one_that_knew_no_later_day_are_the_days_of_one_run(
    history: History, in_one_run: Settings, tmp_path: Path
) -> None:
    one_by_one = settings_of(tmp_path)
    for day in FIRST_ANALYSED:
        learn(one_by_one, history, day)
        analyse(one_by_one, [day])
    until_then = {name: frame.filter(pl.col("day") <= CUT) for name, frame in analysis(in_one_run).items()}
    assert differences(until_then, analysis(one_by_one)) == []


def test_analysing_past_days_again_changes_nothing(in_one_run: Settings, tmp_path: Path) -> None:
    again = settings_of(tmp_path)
    shutil.copyfile(in_one_run.warehouse_path, again.warehouse_path)
    analyse(again, FIRST_ANALYSED)
    assert differences(analysis(in_one_run), analysis(again)) == []
