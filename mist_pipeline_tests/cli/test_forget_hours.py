"""``mist-pipeline warehouse forget-hours``: what is lost for good is given up, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mist_pipeline.settings import load_settings
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.doctor.stored import old_hours
from mist_pipeline.workflows.doctor.stored import warehouse as doctor_of_warehouse
from mist_pipeline.workflows.ledger_access import known_sites
from mist_pipeline_tests.cli.conftest import Call
from mist_pipeline_tests.support.warehouse.old_hours import (
    FEBRUARY,
    aged,
    file_of,
    filled_with_hours,
    flip,
    seen,
)

DAMAGE: dict[str, Callable[[Path], object]] = {"gone": Path.unlink, "flipped": lambda file: flip(file, 40)}


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGE)
def test_doctor_names_it_and_the_command_gives_it_up(call: Call, folder: Path, damage: str) -> None:
    settings = load_settings(environment={})
    warehouse = Warehouse(settings.warehouse_path)
    aged(filled_with_hours(warehouse))
    [fine] = old_hours(settings, str)
    assert fine.found == "3 files read; all are as they were written"
    nothing = call("warehouse", "forget-hours", "2026-01", "--yes")
    assert (nothing.code, "No file with hours of 2026-01 is damaged" in nothing.out) == (0, True)

    file = file_of(warehouse)
    DAMAGE[damage](file)
    [wrong] = old_hours(settings, str)
    assert file.name in wrong.found
    assert "forget-hours 2026-01" in wrong.fix
    if damage == "gone":
        assert "forget-hours 2026-01" in doctor_of_warehouse(settings, str).found
        # Nobody stays uninformed because of it.
        assert known_sites(settings).is_empty()
    assert call("warehouse", "forget-hours", "Jan").code == 2
    ended = call("warehouse", "forget-hours", "2026-01", "--yes")
    assert ended.code == 0
    assert "8 rows of history.sle_hourly are given up" in ended.out
    assert "--partition-range 2026-01-01...2026-01-31" in ended.out
    [fine] = old_hours(settings, str)
    assert fine.found == "2 files read; all are as they were written"
    assert seen(warehouse)["day"].unique().sort().to_list() == FEBRUARY
