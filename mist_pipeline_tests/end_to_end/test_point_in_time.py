"""Point in time: a day's analysis depends on history up to that day, whenever and in whichever runs it was made."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from mist_pipeline.cli.execution import execute_days
from mist_pipeline.settings import load_settings
from mist_pipeline.simulator.world.world import World
from mist_pipeline.tables import BY_NAME
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.progress import silent
from mist_pipeline_tests.support.end_to_end.tables import Contents, contents, differences

pytestmark = pytest.mark.slow

START = date(2026, 3, 16)
DAYS = [START + timedelta(days=offset) for offset in range(20)]
"""The clocks go forward on the fourteenth, so that a day of the organisation is never a day of UTC."""

ANALYSED = DAYS[11:]
FIRST_ANALYSED = DAYS[11:16]
CUT = FIRST_ANALYSED[-1]
NOW = datetime(2026, 4, 5, 9, 25, tzinfo=UTC)

History = Mapping[str, pl.DataFrame]


@pytest.fixture(scope="module")
def history() -> History:
    """Twenty days of four sites, straight from the simulated organisation."""
    return World(4, 20, seed=5, start=START, organisation_zone="Europe/Berlin").history(DAYS[0], DAYS[-1])


def analysed(
    folder: Path, history: History, runs: Sequence[Sequence[date]], *, known_until: date = DAYS[-1]
) -> Contents:
    """The analysis tables of a warehouse that knows history up to a day, after these runs."""
    settings = load_settings(
        environment={
            "MIST_PIPELINE_DATA": str(folder),
            "MIST_PIPELINE__HISTORY__START": START.isoformat(),
            "MIST_PIPELINE__ORGANISATION__TIMEZONE": "Europe/Berlin",
            "MIST_PIPELINE__COMPUTE__WORKERS": "1",
        }
    )
    known = {
        BY_NAME[f"history.{name}"]: frame.filter(pl.col("day") <= known_until)
        for name, frame in history.items()
    }
    Warehouse(settings.warehouse_path).replace_all(known, DAYS)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        for days in runs:
            outcomes = execute_days(settings, "analyse", days, progress=silent, as_of=NOW)
            assert [outcome.failures for outcome in outcomes] == [()]
    return contents(settings.warehouse_path, "analysis")


def until(day: date, tables: Contents) -> Contents:
    return {name: frame.filter(pl.col("day") <= day) for name, frame in tables.items()}


@pytest.fixture(scope="module")
def in_one_run(history: History, tmp_path_factory: pytest.TempPathFactory) -> Contents:
    return analysed(tmp_path_factory.mktemp("one_run"), history, [ANALYSED])


def test_there_is_something_to_compare(in_one_run: Contents) -> None:
    days = {name: frame["day"].n_unique() for name, frame in in_one_run.items() if frame.height}
    whole = {"trends", "baselines", "deviations", "forecasts", "risks", "health_scores", "findings"}
    assert {name for name, count in days.items() if count == len(ANALYSED)} >= {
        f"analysis.{name}" for name in whole
    }
    assert in_one_run["analysis.evidence"].height > 1000
    assert in_one_run["analysis.trends"].height == len(ANALYSED) * 4 * 8


def test_a_days_analysis_is_the_same_whether_or_not_later_days_are_known(
    history: History, in_one_run: Contents, tmp_path: Path
) -> None:
    then = analysed(tmp_path, history, [FIRST_ANALYSED], known_until=CUT)
    assert differences(until(CUT, in_one_run), then) == []


def test_days_one_by_one_are_the_days_of_one_run(
    history: History, in_one_run: Contents, tmp_path: Path
) -> None:
    one_by_one = analysed(tmp_path, history, [[day] for day in FIRST_ANALYSED])
    assert differences(until(CUT, in_one_run), one_by_one) == []


def test_analysing_past_days_again_changes_nothing(
    history: History, in_one_run: Contents, tmp_path: Path
) -> None:
    again = analysed(tmp_path, history, [FIRST_ANALYSED, FIRST_ANALYSED[1:3]])
    assert differences(until(CUT, in_one_run), again) == []
