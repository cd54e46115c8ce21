"""``scorecard``: the published grades in sentences and for programs."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mist_pipeline.settings import load_settings
from mist_pipeline.tables import history
from mist_pipeline.tables.schema import Table
from mist_pipeline.tables.scorecard import ALERT_QUALITY, CROSSINGS, PROPOSALS
from mist_pipeline.warehouse.publish import publish
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline_tests.support.cli.calls import Call

DAY = date(2026, 3, 2)
HOSTILE = "[bold]Lab[/]\x1b]0;x\x07"

pytestmark = pytest.mark.slow


def put(warehouse: Warehouse, table: Table, *rows: dict[str, Any]) -> None:
    schema = table.polars_schema()
    warehouse.replace_days(
        table,
        pl.DataFrame([dict.fromkeys(schema) | {"day": DAY} | row for row in rows], schema=schema),
        [DAY],
    )


@pytest.fixture
def graded(folder: Path) -> Warehouse:
    settings = load_settings(environment={"MIST_PIPELINE_DATA": str(folder / "data")})
    warehouse = Warehouse(settings.warehouse_path)
    warehouse.prepare()
    put(
        warehouse,
        CROSSINGS,
        *(
            {
                "site_id": f"s{at}",
                "metric": "capacity",
                "outcome": "hit",
                "lead_days": 2,
                "is_withheld": False,
            }
            for at in range(11)
        ),
    )
    put(warehouse, ALERT_QUALITY, {"window_days": 90, "rule": "", "severity": "", "sink": "", "n_alerts": 4, "n_true": 1, "n_judged": 1, "n_false": 0, "n_unjudged": 3, "n_told": 0, "n_troubles": 0, "n_acknowledged": 0, "n_waiting": 0})  # fmt: skip
    put(
        warehouse,
        PROPOSALS,
        {
            "kind": "silence",
            "subject": "s1",
            "n_judged": 3,
            "n_against": 3,
            "action": "mist-pipeline alerts silence",
        },
    )
    put(
        warehouse,
        history.SITES,
        {"site_id": "s1", "name": HOSTILE, "as_of": datetime(2026, 3, 2, tzinfo=UTC)},
    )
    publish(Warehouse(settings.warehouse_path), settings.published_path)
    return warehouse


def test_sentences_for_people(graded: Warehouse, call: Call) -> None:
    ended = call("scorecard")
    assert ended.code == 0
    assert "Up to 2026-03-02" in ended.text
    assert "Of 11 warnings 11 came true; median lead 2 days." in ended.text
    assert "1 alert was judged; 3 were not judged: too few for a precision." in ended.text
    assert "People called 3 of 3 judged alerts of" in ended.text
    assert "\x1b]0" not in ended.out


def test_the_same_for_programs(graded: Warehouse, call: Call) -> None:
    told = json.loads(call("scorecard", "--json").out)
    lines = {line["name"]: line for line in told["lines"]}
    assert told["day"] == "2026-03-02"
    assert lines["warnings"]["values"]["hit"] == 11
    assert lines["precision"]["is_enough"] is False
    assert len(told["proposals"]) == 1


def test_before_the_first_grades_it_says_so(folder: Path, call: Call) -> None:
    settings = load_settings(environment={"MIST_PIPELINE_DATA": str(folder / "data")})
    ended = call("scorecard")
    assert ended.code != 0
    assert "Nothing is published" in ended.text
    Warehouse(settings.warehouse_path).prepare()
    publish(Warehouse(settings.warehouse_path), settings.published_path)
    assert "Nothing was graded yet" in call("scorecard").text
    assert json.loads(call("scorecard", "--json").out) is None
    # A copy that an earlier version published has none of the newer tables.
    with Warehouse(settings.published_path).writing() as connection:
        connection.execute("DROP TABLE scorecard.proposals")
    assert "Nothing was graded yet" in call("scorecard").text
