"""What people have confirmed as trouble is no part of what is usual."""

from datetime import timedelta
from pathlib import Path

import polars as pl

from mist_pipeline.settings import load_settings
from mist_pipeline.tables import history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.analyse_day import baseline_rows
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline_tests.support.alerts.histories import HOUR, START, live
from mist_pipeline_tests.support.alerts.ledgers import EVIDENCE, TELL, incident_id
from mist_pipeline_tests.support.analysis.daily_frames import series


def test_the_days_of_a_confirmed_incident_are_left_out_from_its_confirmation_on(tmp_path: Path) -> None:
    settings = load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path)})
    warehouse = Warehouse(settings.warehouse_path)
    trouble = START.date()
    days = [trouble + timedelta(days=offset) for offset in range(-20, 4)]
    scores = [95.0 if day < trouble else 60.0 for day in days]
    readings = series(scores, days[-1], site_id="s1", metric="coverage")
    warehouse.replace_days(history.SLE_DAILY, history.SLE_DAILY.conform(readings), days)

    def usual() -> list[tuple[int, int]]:
        rows = baseline_rows(warehouse, settings, days[-3:]).filter(pl.col("day_of_week") == -1)
        return rows.sort("day").select(pl.col("day").dt.day(), "n").rows()

    known = [(3, 21), (4, 22), (5, 23)]
    assert usual() == known, "without a ledger"
    with open_ledger(settings) as ledger:
        ledger.record_evaluation(live(1, EVIDENCE), TELL)
        assert usual() == known, "nobody has confirmed it"
        ledger.acknowledge(incident_id(ledger), "ada", START + 50 * HOUR)
    # Confirmed on the 4th: what the 3rd was compared with stays as it was.
    assert usual() == [(3, 21), (4, 20), (5, 20)]
