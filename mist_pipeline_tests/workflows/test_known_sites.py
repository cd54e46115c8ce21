"""The sites that notifications know: a damaged file of them is named and silences nobody."""

import io
import logging
import threading
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.tables import history, live
from mist_pipeline.warehouse.connection import connect
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.doctor.stored import sites as sites_checked
from mist_pipeline.workflows.ledger_access import (
    SITE_COLUMNS,
    known_sites,
    remember_sites,
)
from mist_pipeline.workflows.notifying.evaluate import escalate, evaluate, tell_own_state

NOW = datetime(2026, 3, 29, 9, tzinfo=UTC)


def whole() -> bytes:
    kept = io.BytesIO()
    frame("Cologne").write_parquet(kept)
    return kept.getvalue()


def frame(name: str, rows: int = 1) -> pl.DataFrame:
    row = {
        "site_id": "s1",
        "name": name,
        "timezone": "UTC",
        "country_code": "DE",
        "sitegroup_ids": ["g1"],
        "attributes": "{}",
    }
    return pl.DataFrame([row] * rows)


DAMAGED = {
    "empty": b"",
    "torn": whole()[: len(whole()) // 2],
    "its end lost": whole()[:-4],
    "its middle lost": whole()[:60] + whole()[120:],
    "no parquet": b"PAR1 but nothing of it PAR1",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "config.yaml").write_text("notifications: {sinks: {all: {type: file}}}", encoding="utf-8")
    return load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path)})


def damage(settings: Settings, content: bytes) -> None:
    settings.sites_path.parent.mkdir(parents=True, exist_ok=True)
    settings.sites_path.write_bytes(content)


def store_site(place: Path, name: str = "Cologne") -> None:
    row = pl.DataFrame({"day": [date(2026, 3, 28)], "site_id": ["s1"], "name": [name], "attributes": ["{}"]})
    absent = {
        column: pl.lit(None, dtype=dtype)
        for column, dtype in history.SITES.polars_schema().items()
        if column not in row.columns
    }
    Warehouse(place).replace_days(history.SITES, row.with_columns(**absent), [date(2026, 3, 28)])


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_no_sites_and_is_named_in_log_and_doctor(
    content: bytes, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    damage(settings, content)
    with caplog.at_level(logging.WARNING):
        found = known_sites(settings)
    assert (found.is_empty(), tuple(found.columns)) == (True, SITE_COLUMNS)
    assert "sites.parquet cannot be read" in caplog.text
    (check,) = sites_checked(settings, lambda path: path.name)
    assert (check.verdict, check.subject) == ("doubtful", "known sites")
    assert check.found.startswith("sites.parquet cannot be read: ")
    assert "\n" not in check.found


def test_a_row_that_names_no_site_is_no_site(settings: Settings) -> None:
    remember_sites(settings, frame("Cologne").with_columns(site_id=pl.lit(None, pl.String)))
    assert known_sites(settings).is_empty()


def test_the_published_copy_stands_in_for_an_absent_and_for_a_damaged_file(settings: Settings) -> None:
    store_site(settings.published_path)
    assert known_sites(settings)["name"].to_list() == ["Cologne"]
    damage(settings, b"")
    assert known_sites(settings)["name"].to_list() == ["Cologne"]
    remember_sites(settings, frame("Bonn"))
    assert known_sites(settings)["name"].to_list() == ["Bonn"], "the next run mends it"
    assert list(sites_checked(settings, str)) == []


def test_after_a_run_that_only_collected_the_warehouse_says_which_sites_there_are(settings: Settings) -> None:
    store_site(settings.warehouse_path)
    assert known_sites(settings)["name"].to_list() == ["Cologne"]
    store_site(settings.published_path, "Cologne 1")
    assert known_sites(settings)["name"].to_list() == ["Cologne 1"], "the copy, for which no writer waits"


def test_nobody_waits_for_a_warehouse_that_is_being_written(settings: Settings) -> None:
    store_site(settings.warehouse_path)
    with connect(settings.warehouse_path, read_only=False):
        assert known_sites(settings).is_empty()
    assert known_sites(settings).height == 1


def test_no_published_copy_or_another_file_in_its_place_is_no_sites(settings: Settings) -> None:
    assert known_sites(settings).is_empty()
    settings.published_path.parent.mkdir(parents=True, exist_ok=True)
    settings.published_path.write_bytes(b"no database" * 500)
    assert known_sites(settings).is_empty()
    assert list(sites_checked(settings, str)) == [], "absent before the first run is no trouble"


def test_with_a_damaged_file_everything_is_still_evaluated_and_escalated(settings: Settings) -> None:
    damage(settings, b"")
    evaluate(settings, live.FINDINGS.empty(), NOW)
    tell_own_state(settings, live.FINDINGS.empty(), NOW)
    escalate(settings, NOW)


def test_writers_at_once_leave_a_whole_file_and_nothing_else(settings: Settings) -> None:
    failed: list[str] = []

    def write(name: str) -> None:
        for _ in range(10):
            try:
                remember_sites(settings, frame(name, 2000))
                assert known_sites(settings)["name"].n_unique() == 1
            except Exception as error:  # noqa: BLE001 - whatever it is, the test must show it
                failed.append(repr(error))

    writers = [threading.Thread(target=write, args=(name,)) for name in ("Bonn", "Cologne")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert failed == []
    assert [path.name for path in settings.sites_path.parent.iterdir()] == ["sites.parquet"]
