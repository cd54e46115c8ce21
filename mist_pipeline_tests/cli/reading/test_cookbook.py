"""The cookbook: every query answers, its columns are those that the page shows, and its chart can be drawn."""

from collections.abc import Iterator
from pathlib import PurePosixPath

import duckdb
import polars as pl
import pytest

from mist_pipeline.cli.cookbook.__main__ import PAGE
from mist_pipeline.cli.cookbook.drawing import svg
from mist_pipeline.cli.cookbook.page import Chart, Recipe, recipes, with_results
from mist_pipeline.warehouse.reading import reading
from mist_pipeline_tests.support.warehouse.small_world import NAMES, SILENT, small_world

TEXT = PAGE.read_text(encoding="utf-8")
RECIPES = recipes(TEXT)
EVERY = pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.slug)


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with reading(small_world(tmp_path_factory.mktemp("world"))) as opened:
        yield opened.connection


def shown(recipe: Recipe) -> list[str]:
    """The rows of the result on the page, its columns first."""
    following = TEXT.find("\n## ", recipe.end)
    section = TEXT[recipe.end : following if following > 0 else len(TEXT)]
    return [line for line in section.splitlines() if line.startswith("|")]


def test_there_are_the_fifteen_questions_and_each_has_its_number() -> None:
    assert [recipe.title.partition(".")[0] for recipe in RECIPES] == [str(number) for number in range(1, 16)]
    assert TEXT.count("```sql") == len(RECIPES)


@pytest.mark.slow
@EVERY
def test_a_query_answers_with_the_columns_that_the_page_shows(
    recipe: Recipe, connection: duckdb.DuckDBPyConnection
) -> None:
    rows = connection.execute(recipe.query).pl()
    assert rows.height > 0
    assert not [name for name in rows.columns if rows[name].null_count() == rows.height], (
        "a column says nothing"
    )
    heading, _, *results = shown(recipe)
    assert heading == f"| {' | '.join(rows.columns)} |"
    assert results, "the page shows what the demonstration answers"


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [one for one in RECIPES if one.chart], ids=lambda recipe: recipe.slug)
def test_a_chart_is_drawn_and_is_on_the_page(recipe: Recipe, connection: duckdb.DuckDBPyConnection) -> None:
    assert recipe.chart is not None
    drawn = svg(recipe.chart, connection.execute(recipe.query).pl())
    assert drawn.startswith("<svg")
    assert "<script" not in drawn
    picture = PAGE.parent / "images/cookbook" / f"{recipe.slug}.svg"
    assert picture.stat().st_size < 60_000
    assert f"(images/cookbook/{recipe.slug}.svg)" in TEXT


@pytest.mark.slow
def test_a_site_without_data_is_found(connection: duckdb.DuckDBPyConnection) -> None:
    query = next(
        recipe.query for recipe in RECIPES if recipe.slug == "which-sites-send-no-data-or-too-little"
    )
    assert connection.execute(query).pl()["site_name"].to_list() == [NAMES[SILENT]]


def test_results_take_the_place_of_the_old_ones_and_nothing_else_changes() -> None:
    page = (
        "# P\n\n## 1. A\n\nText.\n\n```sql\nSELECT 1\n```\n\n| old |\n|---|\n| 1 |\n\n## Notes\n\n| kept |\n"
    )
    (recipe,) = recipes(page)
    rows = pl.DataFrame({"site": ["<b>|*", None], "n": [1.5, 2.0]})
    once = with_results(page, [(recipe, rows)], {"1. A": PurePosixPath("images/a.svg")})
    assert once == (
        "# P\n\n## 1. A\n\nText.\n\n```sql\nSELECT 1\n```\n\n| site | n |\n|---|---|\n| \\<b\\>\\|\\* | 1.5 |\n|  | 2 |\n"
        "\n![A](images/a.svg)\n\n## Notes\n\n| kept |\n"
    )
    (again,) = recipes(once)
    assert with_results(once, [(again, rows)], {"1. A": PurePosixPath("images/a.svg")}) == once


@pytest.mark.parametrize(
    ("chart", "says"),
    [
        (Chart("bar", {"x": "n", "y": "nowhere"}), "lacks: nowhere"),
        (Chart("pie", {"x": "n"}), "no chart 'pie'"),
    ],
)
def test_a_chart_that_cannot_be_drawn_says_why(chart: Chart, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        svg(chart, pl.DataFrame({"n": [1]}))
