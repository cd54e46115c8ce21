"""Evidence of some days is the same, however much of history before them fits into memory at a time."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from mist_pipeline.analysis.evidence.model import evidence
from mist_pipeline.settings import load_settings
from mist_pipeline.simulator.world.world import World
from mist_pipeline.tables import BY_NAME, analysis
from mist_pipeline.warehouse.hours.aged import age, old_months
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis import evidence_walk
from mist_pipeline.workflows.analysis.evidence_walk import store_evidence
from mist_pipeline_tests.support.end_to_end.tables import contents, differences

START = date(2026, 3, 22)
DAYS = [START + timedelta(days=number) for number in range(9)]
"""One of them has 23 hours."""


@pytest.mark.slow
def test_days_far_from_the_newest_state_are_walked_to_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(
        environment={
            "MIST_PIPELINE_DATA": str(tmp_path),
            "MIST_PIPELINE__ORGANISATION__TIMEZONE": "Europe/Berlin",
        }
    )
    history = World(2, len(DAYS), seed=5, start=START, organisation_zone="Europe/Berlin").history(
        DAYS[0], DAYS[-1]
    )
    names = ("sle_hourly", "classifiers_hourly", "site_hourly", "sites")
    at_once, in_pieces = (Warehouse(tmp_path / name) for name in ("at_once", "in_pieces"))
    for warehouse in (at_once, in_pieces):
        warehouse.replace_all({BY_NAME[f"history.{name}"]: history[name] for name in names}, DAYS)
    store_evidence(at_once, settings, DAYS[-2:])

    read: list[int] = []

    def counting(scores: object, *frames: object, **options: object) -> object:
        read.append(scores["hour"].n_unique())  # type: ignore[index]
        return evidence(scores, *frames, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(evidence_walk, "evidence", counting)
    monkeypatch.setattr(evidence_walk, "CELLS_AT_ONCE", 1)
    store_evidence(in_pieces, settings, DAYS[-2:])
    assert at_once.read_days(analysis.EVIDENCE, DAYS[0], DAYS[-1]).height > 0
    assert (
        differences(contents(at_once.place.path, "analysis"), contents(in_pieces.place.path, "analysis"))
        == []
    )
    assert max(read) <= 2 * 24, "what is new; the week before comes a day at a time"
    assert len(read) > len(DAYS[-2:]) + 3


def test_where_nothing_is_known_of_a_week_the_state_waits_for_hours(tmp_path: Path) -> None:
    settings = load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path)})
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    days = DAYS[:2]
    history = World(1, len(days), seed=5, start=START).history(days[0], days[-1])
    names = ("sle_hourly", "classifiers_hourly", "site_hourly", "sites")
    warehouse.replace_all({BY_NAME[f"history.{name}"]: history[name] for name in names}, days)
    store_evidence(warehouse, settings, days)
    newest = "SELECT DISTINCT day FROM state.evidence ORDER BY day DESC LIMIT 1"
    reached = []
    for back in (14, 15):
        assert store_evidence(warehouse, settings, [days[-1] + timedelta(days=back)]) == 0
        reached.append(warehouse.query(newest).item())
    assert reached == [days[-1] + timedelta(days=14)] * 2, "it walks through a pause once"


@pytest.mark.slow
def test_evidence_is_the_same_whether_hours_are_in_the_warehouse_or_in_files(tmp_path: Path) -> None:
    settings = load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path)})
    first = date(2026, 3, 26)
    days = [first + timedelta(days=number) for number in range(9)]
    history = World(2, len(days), seed=5, start=first).history(days[0], days[-1])
    in_rows, in_files = (Warehouse(tmp_path / name / "warehouse.duckdb") for name in ("rows", "files"))
    for warehouse in (in_rows, in_files):
        names = ("sle_hourly", "classifiers_hourly", "site_hourly", "sites")
        warehouse.replace_all({BY_NAME[f"history.{name}"]: history[name] for name in names}, days)
    with in_files.reading() as connection:
        months = old_months(connection, date(2026, 4, 1))
    for month in months:
        with in_files.writing() as connection:
            age(connection, in_files.place.path, month)
    assert len(months) == 3
    for warehouse in (in_rows, in_files):
        store_evidence(warehouse, settings, days[-2:])
    assert in_rows.read_days(analysis.EVIDENCE, days[0], days[-1]).height > 0
    for schema in ("analysis", "state"):
        assert differences(contents(in_rows.place.path, schema), contents(in_files.place.path, schema)) == []
