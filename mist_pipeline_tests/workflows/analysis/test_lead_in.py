"""Which days before a backfill are analysed first: those that have history and no analysis."""

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import pytest

from mist_pipeline.cli.run import analysis_jobs
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.tables import analysis, history
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.lead_in import ALWAYS_MADE

START = date(2026, 3, 1)


def day(number: int) -> date:
    """The days of March."""
    return START + timedelta(days=number - 1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(
        environment={"MIST_PIPELINE_DATA": str(tmp_path), "MIST_PIPELINE__HISTORY__START": START.isoformat()}
    )


def put(settings: Settings, days: Iterable[int], *tables: Table) -> None:
    """One row a day, with nothing but its key."""
    with Warehouse(settings.warehouse_path).writing() as connection:
        for number in days:
            for table in tables:
                types = {column.name: column.type for column in table.columns}
                key = ", ".join(
                    f"CAST('{day(number) if types[name] == 'DATE' else 1}' AS {types[name]}) AS {name}"
                    for name in table.key
                )
                connection.execute(f"INSERT INTO {table.full_name} BY NAME SELECT {key}")


def read(settings: Settings, days: Iterable[int], *, series: int = 60, state: str = "ok") -> None:
    """History of some days; so many series that some are searched on every weekday."""
    with Warehouse(settings.warehouse_path).writing() as connection:
        for number in days:
            connection.execute(
                f"""INSERT INTO {history.SLE_DAILY.full_name} BY NAME
                SELECT $day AS day, 's' || number AS site_id, 'capacity' AS metric, $state AS state FROM range($series) AS made(number)""",
                {"day": day(number), "series": series, "state": state},
            )


def jobs(settings: Settings, *days: int, search_all: bool = True) -> list[tuple[str, list[int]]]:
    planned = analysis_jobs(settings, [day(number) for number in days], search_all=search_all)
    return [(job, [(each - START).days + 1 for each in span]) for job, span in planned]


def test_without_a_warehouse_there_is_no_lead_in(settings: Settings) -> None:
    assert jobs(settings, 8, 9) == [("search", [8, 9]), ("analyse", [8, 9])]
    assert not settings.warehouse_path.exists()


def test_days_with_history_and_no_analysis_are_analysed_first(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    read(settings, [0, *range(3, 10)])  # one before history.start, and the days themselves
    assert jobs(settings, 8, 9) == [("search", [3, 4, 5, 6, 7, 8, 9]), ("analyse", [3, 4, 5, 6, 7, 8, 9])]
    assert capsys.readouterr().out == (
        "Lead-in: 5 earlier days (2026-03-03 … 2026-03-07) with history and no analysis are analysed first.\n"
    )


def test_days_that_are_analysed_are_not_made_again_and_a_half_analysed_one_is(settings: Settings) -> None:
    read(settings, range(1, 10))
    put(settings, range(1, 8), *ALWAYS_MADE[1:], analysis.MODELS)
    put(settings, [1, 2, 4, 5, 7], ALWAYS_MADE[0])
    assert jobs(settings, 8, 9) == [
        ("search", [8, 9]),
        ("analyse", [3]),
        ("analyse", [6]),
        ("analyse", [8, 9]),
    ]


def test_days_without_history_are_not_made(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    read(settings, [2, 5, 6])
    assert [span for job, span in jobs(settings, 8) if job == "analyse"] == [[2], [5, 6], [8]]
    assert "3 earlier days (2026-03-02 … 2026-03-06)" in capsys.readouterr().out


def test_a_search_of_the_last_week_alone_searches_no_lead_in(settings: Settings) -> None:
    read(settings, [6, 7])
    assert jobs(settings, *range(8, 18), search_all=False) == [
        ("search", list(range(11, 18))),
        ("analyse", list(range(6, 18))),
    ]


def test_a_day_on_which_nobody_had_a_score_is_analysed_once(settings: Settings) -> None:
    read(settings, range(1, 4))
    read(settings, [4], state="no_users")
    put(settings, range(1, 5), *ALWAYS_MADE[1:], analysis.MODELS)
    put(settings, range(1, 4), ALWAYS_MADE[0])
    assert jobs(settings, 5) == [("search", [5]), ("analyse", [5])]


def test_days_on_which_no_series_is_due_are_not_searched_again_and_again(settings: Settings) -> None:
    read(settings, range(1, 15), series=1)
    put(settings, range(1, 15), *ALWAYS_MADE)
    (searched, _), (analysed, _) = (jobs(settings, 15)[0], jobs(settings, 15)[-1])
    assert (searched, analysed) == ("search", "analyse")
    earlier = [span for job, span in jobs(settings, 15) if job == "search"][:-1]
    assert [len(span) for span in earlier] == [1, 1], "once a week"
