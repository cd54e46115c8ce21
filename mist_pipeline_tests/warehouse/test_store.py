"""Partitions are replaced whole or not at all, and frames come back as they went in."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from mist_pipeline.tables import history, live
from mist_pipeline.warehouse import store
from mist_pipeline.warehouse.connection import connect
from mist_pipeline.warehouse.store import Warehouse, glance_of
from mist_pipeline_tests.support.warehouse.lakes import Lakes, forget, lake_at
from mist_pipeline_tests.support.warehouse.rows import FIRST, SECOND, readings


def scores(warehouse: Warehouse) -> list[tuple[date, float | None]]:
    return warehouse.query("SELECT day, score_pct FROM history.sle_daily ORDER BY day, site_id").rows()


@pytest.mark.slow
def test_writing_a_partition_again_replaces_it_and_leaves_its_neighbours(warehouse: Warehouse) -> None:
    warehouse.replace_days(history.SLE_DAILY, readings(FIRST, 90.0, 91.0), [FIRST])
    warehouse.replace_days(history.SLE_DAILY, readings(SECOND, 80.0), [SECOND])
    warehouse.replace_days(history.SLE_DAILY, readings(FIRST, 70.0), [FIRST])
    assert scores(warehouse) == [(FIRST, 70.0), (SECOND, 80.0)]


@pytest.mark.slow
def test_a_day_without_rows_empties_its_partition(warehouse: Warehouse) -> None:
    warehouse.replace_days(history.SLE_DAILY, readings(FIRST, 90.0), [FIRST])
    warehouse.replace_days(history.SLE_DAILY, history.SLE_DAILY.empty(), [FIRST])
    assert scores(warehouse) == []


@pytest.mark.slow
def test_rows_of_another_day_are_refused_and_change_nothing(warehouse_file: Warehouse) -> None:
    warehouse_file.replace_days(history.SLE_DAILY, readings(FIRST, 90.0), [FIRST])
    with pytest.raises(ValueError, match="2026, 3, 29"):
        warehouse_file.replace_days(history.SLE_DAILY, readings(SECOND, 80.0), [FIRST])
    assert scores(warehouse_file) == [(FIRST, 90.0)]


@pytest.mark.slow
def test_a_failure_inside_a_write_leaves_the_old_partition(warehouse: Warehouse) -> None:
    warehouse.replace_days(history.SLE_DAILY, readings(FIRST, 90.0), [FIRST])

    def interrupted() -> None:
        with warehouse.writing() as connection:
            connection.execute("DELETE FROM history.sle_daily")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power"):
        interrupted()
    assert scores(warehouse) == [(FIRST, 90.0)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda frame: frame.drop("state"), r"lacks \['state'\]"),
        (lambda frame: frame.with_columns(extra=1), r"unknown columns \['extra'\]"),
        (lambda frame: frame.with_columns(num_users=pl.lit("many")), "history.sle_daily"),
    ],
)
def test_a_frame_that_does_not_fit_names_the_table_and_the_column(
    change, expected: str, warehouse_file: Warehouse
) -> None:
    with pytest.raises(ValueError, match=expected):
        warehouse_file.replace_days(history.SLE_DAILY, change(readings(FIRST, 90.0)), [FIRST])


def test_a_frame_comes_back_as_it_went_in(warehouse: Warehouse) -> None:
    sites = pl.DataFrame(
        {
            "day": [FIRST, FIRST],
            "site_id": ["a", "b"],
            "name": ["<script>'; DROP TABLE x; --", None],
            "timezone": ["Asia/Kathmandu", "UTC"],
            "country_code": ["NP", None],
            "latitude": [27.7, None],
            "longitude": [85.3, None],
            "sitegroup_ids": [["g1", "g2"], []],
            "attributes": ['{"models":{"AP45":3}}', "{}"],
            "is_substituted": [False, True],
        },
        schema=history.SITES.polars_schema(),
    )
    warehouse.replace_days(history.SITES, sites, [FIRST])
    assert warehouse.read_days(history.SITES, FIRST, FIRST).sort("site_id").equals(sites)


@pytest.mark.slow
def test_instants_come_back_in_utc(warehouse: Warehouse) -> None:
    hour = datetime(2026, 3, 29, 1, tzinfo=UTC)
    rows = pl.DataFrame(
        {"hour": [hour], "site_id": ["a"], "day": [SECOND], "num_clients": [3], "num_aps": [1]}
    ).with_columns(num_aps_connected=pl.lit(None, pl.Int64))
    warehouse.replace_days(history.SITE_HOURLY, rows, [SECOND])
    assert warehouse.read_days(history.SITE_HOURLY, SECOND, SECOND)["hour"].to_list() == [hour]


@pytest.mark.slow
def test_appending_skips_keys_that_are_there(warehouse: Warehouse) -> None:
    alarms = live.ALARMS.empty()
    row = {name: [None] for name in live.ALARMS.column_names} | {"day": [FIRST], "alarm_id": ["a"]}
    first = pl.DataFrame(row, schema=live.ALARMS.polars_schema())
    assert warehouse.append(live.ALARMS, alarms) == 0
    assert warehouse.append(live.ALARMS, first) == 1
    assert warehouse.append(live.ALARMS, pl.concat([first, first.with_columns(alarm_id=pl.lit("b"))])) == 1


@pytest.mark.slow
def test_rows_of_a_day_are_stored_by_site_so_that_one_site_is_found_without_reading_all(
    warehouse_file: Warehouse,
) -> None:
    rows = pl.concat([readings(FIRST, 90.0, 91.0, 92.0), readings(SECOND, 80.0, 81.0)]).reverse()
    warehouse_file.replace_days(history.SLE_DAILY, rows, [FIRST, SECOND])
    stored = warehouse_file.query("SELECT day, site_id FROM history.sle_daily").rows()
    assert stored == sorted(stored)


@pytest.mark.slow
def test_reads_of_a_block_take_one_connection_which_is_closed_at_its_end(warehouse_file: Warehouse) -> None:
    warehouse_file.replace_days(history.SLE_DAILY, readings(FIRST, 90.0), [FIRST])
    attached = "SELECT database_name FROM duckdb_databases() WHERE NOT internal AND path IS NOT NULL"
    with warehouse_file.reading() as outer:
        name = outer.execute("SELECT current_database()").fetchone()
        with warehouse_file.reading() as inner:
            assert inner is outer
        assert warehouse_file.query("SELECT current_database()").row(0) == name
        assert scores(warehouse_file) == [(FIRST, 90.0)]
    warehouse_file.replace_days(history.SLE_DAILY, readings(FIRST, 80.0), [FIRST])
    assert scores(warehouse_file) == [(FIRST, 80.0)]
    assert warehouse_file.query(attached).height == 1


@pytest.mark.slow
def test_threads_do_not_share_a_connection(warehouse_file: Warehouse) -> None:
    warehouse_file.prepare()
    with warehouse_file.reading() as ours, ThreadPoolExecutor(1) as pool:

        def theirs() -> bool:
            with warehouse_file.reading() as connection:
                return connection is ours

        assert not pool.submit(theirs).result()


@pytest.mark.slow
def test_a_file_that_was_removed_is_prepared_again(warehouse_file: Warehouse) -> None:
    warehouse_file.prepare()
    warehouse_file.place.path.unlink()
    warehouse_file.prepare()
    assert scores(warehouse_file) == []


@pytest.mark.slow
def test_stored_rows_at_a_glance_are_what_is_read_at_a_glance(warehouse: Warehouse) -> None:
    days = [FIRST, SECOND]
    rows = pl.concat([readings(SECOND, 70.0), readings(FIRST, *range(12))]).reverse()
    stored = warehouse.replace_days(history.SLE_DAILY, rows, days)
    ours = glance_of(history.SLE_DAILY, stored, days)
    assert [ours[day][0] for day in days] == [12, 1]
    for day, (count, first) in warehouse.glance(history.SLE_DAILY, days).items():
        assert (count, first.rows()) == (ours[day][0], ours[day][1].rows())


def test_files_have_the_form_that_opens_quickly(tmp_path: Path) -> None:
    with connect(tmp_path / "new.duckdb", read_only=False) as connection:
        tags = connection.execute(
            "SELECT tags FROM duckdb_databases() WHERE database_name = 'new'"
        ).fetchone()
    assert tags == ({"storage_version": "v1.2.0+"},)


@pytest.fixture
def unmade(lakes: Lakes, tmp_path: Path) -> Iterator[Warehouse]:
    lake = lake_at(lakes.server, lakes.database(), tmp_path / "files", tmp_path)
    yield Warehouse(lake)
    forget(lake)


@pytest.mark.slow
def test_what_was_begun_and_has_no_tables_says_how_it_is_filled(
    unmade: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(_connection: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(store, "migrate", die)
        with pytest.raises(KeyboardInterrupt):
            unmade.prepare()
    assert unmade.place.exists()
    for _ in range(2):
        with pytest.raises(
            FileNotFoundError, match=r"was begun, and nothing was ever written.*backfill --from"
        ):
            unmade.query("SELECT * FROM history.sle_daily")
    unmade.prepare()
    assert unmade.query("SELECT * FROM history.sle_daily").is_empty()
