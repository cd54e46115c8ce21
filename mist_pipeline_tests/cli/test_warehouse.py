"""``mist-pipeline warehouse move``: what people read, and what is refused before anything is opened."""

from datetime import timedelta
from pathlib import Path

import pytest

from mist_pipeline.settings import load_settings
from mist_pipeline.tables import history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline_tests.cli.conftest import Call
from mist_pipeline_tests.support.warehouse.rows import FIRST, readings

LAKE = "ducklake:postgres:host=/nowhere dbname=mist user=mist"


@pytest.mark.slow
def test_what_was_copied_and_what_comes_next_is_said(call: Call, folder: Path) -> None:
    ours = Warehouse(load_settings(environment={}).warehouse_path)
    for day in (FIRST, FIRST + timedelta(days=40)):
        ours.replace_days(history.SLE_DAILY, readings(day, 90.0, 91.0), [day])
    there = folder / "elsewhere" / "copy.duckdb"
    ended = call("warehouse", "move", "--to", str(there))
    assert ended.code == 0
    assert ended.out.startswith("4 rows of 1 table are at ")
    assert f"mv {there} data/warehouse.duckdb" in ended.out
    assert Warehouse(there).query("SELECT count(*) FROM history.sle_daily").item() == 4
    again = call("warehouse", "move", "--to", str(there))
    assert again.code == 1
    assert "has rows in history.sle_daily already. Nothing was copied." in again.text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--to", f"{LAKE} password=s3cret", "--data-path", "/srv"), "--to holds a password"),
        (
            ("--to", "ducklake:postgres:postgresql://u:s3cret@h/d", "--data-path", "/srv"),
            "--to holds a password",
        ),
        (("--to", "ducklake:sqlite:/srv/c.db", "--data-path", "/srv"), "--to is no catalogue in PostgreSQL"),
        (("--to", LAKE), "--to: has only one of url and data_path; give data_path, too"),
        (("--to", LAKE, "--data-path", "lake"), "--data-path is a relative path"),
        (("--to", LAKE, "--data-path", "/srv", "--name", "A B"), "--name 'A B' is no name"),
    ],
)
def test_a_place_that_is_none_is_refused(options: tuple[str, ...], words: str, call: Call) -> None:
    ended = call("warehouse", "move", *options)
    assert ended.code == 2
    assert words in " ".join(ended.text.split())
    assert "s3cret" not in ended.text
