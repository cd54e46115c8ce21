"""A shared warehouse whose catalogue goes away, without one: what is said, and what waits."""

from pathlib import Path

import duckdb
import pytest

from mist_pipeline.warehouse import lake
from mist_pipeline.warehouse.lake import Lake
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline_tests.support.postgresql import postgresql_server
from mist_pipeline_tests.support.warehouse.lakes import lake_at


def test_what_failed_first_is_said_though_the_rollback_fails_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Lake, "_attached", lambda *_, **__: (duckdb.connect(), "memory"))
    monkeypatch.setattr(lake, "_snapshot", lambda *_: 1)
    place = Lake("dbname=mist", str(tmp_path), "mist", tmp_path)

    def fail() -> None:
        with place.reading(0) as connection:
            connection.close()
            raise ValueError("first")

    with pytest.raises(ValueError, match="first"):
        fail()


def test_a_write_to_a_known_lake_does_not_ask_first_whether_it_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """That question does not wait, and a write is to wait for a PostgreSQL that starts again."""

    def away(_: Lake) -> bool:
        raise AssertionError("asked without a wait")

    monkeypatch.setattr(Lake, "exists", away)
    warehouse = Warehouse(Lake("dbname=mist", str(tmp_path), "mist", tmp_path))
    monkeypatch.setattr(warehouse, "_is_migrated", True)
    warehouse.prepare()


@pytest.mark.slow
def test_a_server_of_the_tests_that_ended_is_asked_nothing_by_the_lakes_of_later_ones(tmp_path: Path) -> None:
    for name in ("first", "second"):
        folder = tmp_path / name
        with postgresql_server() as server:
            warehouse = Warehouse(lake_at(server, "postgres", folder, folder))
            # Looks for tables that are not there, which DuckDB then looks for in whatever else it holds.
            warehouse.prepare()
            assert warehouse.query("SELECT count(*) AS days FROM history.sle_daily").rows() == [(0,)]
