"""Checks of history that warn say what is odd, and where."""

from pathlib import Path

from mist_pipeline.defs.checks.history import unknown_zones
from mist_pipeline.tables import history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline_tests.support.defs.rows import FIRST, SECOND, row, write


def test_sites_whose_time_zone_names_no_place_are_named(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    odd = '{"unknown_timezone": "localtime"}'
    write(
        warehouse,
        history.SITES,
        row(history.SITES, site_id="a", name="Shop\n<b>", attributes=odd),
        row(history.SITES, site_id="b", name="Mended", attributes=odd),
        row(history.SITES, site_id="b", name="Mended", day=SECOND),
        row(history.SITES, site_id="c", name="Never", attributes=None),
    )
    assert unknown_zones(warehouse, None) == ["Shop <b>: localtime"]
    assert unknown_zones(warehouse, (SECOND, SECOND)) == []
    assert len(unknown_zones(warehouse, (FIRST, FIRST))) == 2
