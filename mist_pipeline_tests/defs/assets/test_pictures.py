"""Pictures on the pages of assets: drawn of whatever there is, and of nothing."""

import base64
import re
from collections.abc import Callable

import dagster as dg
import polars as pl
import pytest

from mist_pipeline.defs.metadata import pictures
from mist_pipeline.defs.metadata.drawing import fan, heat_map, stacked_bars
from mist_pipeline.tables import analysis, history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline_tests.support.defs.rows import FIRST, SECOND, row, write

HOSTILE = '<script>alert("x")</script>&\x00\n# [a](b)'
DRAWN = (pictures.status_map, pictures.forecast_fan, pictures.coverage, pictures.evidence_map)
Draw = Callable[[Warehouse, object], dg.MetadataValue]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    made = Warehouse(tmp_path_factory.mktemp("empty") / "warehouse.duckdb")
    made.prepare()
    return made


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    made = Warehouse(tmp_path_factory.mktemp("filled") / "warehouse.duckdb")
    days = (FIRST, SECOND)
    write(made, history.SITES, *(row(history.SITES, day=day, name=HOSTILE) for day in days))
    write(made, history.SLE_DAILY, row(day=FIRST), row(day=SECOND, state="missing", score_pct=None))
    write(
        made,
        analysis.HEALTH_SCORES,
        *(row(analysis.HEALTH_SCORES, day=day, status="CRITICAL") for day in days),
    )
    write(made, analysis.FORECASTS, row(analysis.FORECASTS, day=SECOND))
    write(made, analysis.EVIDENCE, row(analysis.EVIDENCE, day=SECOND, surprise=6.0))
    return made


def png(value: dg.MetadataValue) -> bytes:
    found = re.fullmatch(r"!\[[\w ]+\]\(data:image/png;base64,(.+)\)", str(value.value))
    assert found, value
    return base64.b64decode(found[1])


@pytest.mark.slow
@pytest.mark.parametrize("draw", DRAWN, ids=lambda draw: draw.__name__)
def test_a_picture_is_drawn_of_sites_with_any_name(draw: Draw, filled: Warehouse) -> None:
    assert 2_000 < len(png(draw(filled, SECOND))) < 40_000


@pytest.mark.slow
@pytest.mark.parametrize("draw", DRAWN, ids=lambda draw: draw.__name__)
def test_an_empty_organisation_fails_no_picture(draw: Draw, empty: Warehouse) -> None:
    assert draw(empty, SECOND).value


@pytest.mark.slow
@pytest.mark.parametrize(
    "facts", [{}, {"calls_by_purpose": {"detail": 12, "organisation": 3}, "calls_available": 4000}]
)
def test_calls_are_drawn_as_far_as_they_are_known(facts: dict[str, object]) -> None:
    assert png(pictures.call_budget(facts))


@pytest.mark.slow
def test_statuses_of_no_day_are_drawn_too() -> None:
    schema = {"day": pl.Date, "site_id": pl.String, "status": pl.String}
    assert png(pictures.sites_by_status(pl.DataFrame(schema=schema)))


@pytest.mark.parametrize(
    "svg",
    [
        heat_map(HOSTILE, [HOSTILE], [HOSTILE], [["red"]], {HOSTILE: "red"}),
        stacked_bars(HOSTILE, [HOSTILE], {HOSTILE: [1.0]}, {HOSTILE: "red"}),
        fan(HOSTILE, [None, 90.0], [80.0], [("red", [70.0], [90.0])], [HOSTILE]),
    ],
    ids=["heat map", "bars", "fan"],
)
def test_text_in_a_picture_is_text(svg: str) -> None:
    assert "<script" not in svg
    assert "&lt;script&gt;" in svg
