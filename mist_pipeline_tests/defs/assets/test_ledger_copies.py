"""Copies of the ledger: the same columns as the ledger's, replaced whole, and never in the way of the report."""

import sqlite3
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
import sqlalchemy as sa

from mist_pipeline.alerts.ledger.export import COPIED, schema
from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules, Ticket
from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.notify.escalation import EscalationPolicy, EscalationStep
from mist_pipeline.alerts.notify.matchers import parse_matchers
from mist_pipeline.alerts.notify.outcome import Accepted
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.alerts.notify.silences import Silence
from mist_pipeline.alerts.notify.time_windows import Window
from mist_pipeline.defs.assets.alert_tables import copies_job, ledger_copies_asset
from mist_pipeline.defs.assets.reports import PUBLISHED, report_assets
from mist_pipeline.defs.checks.rows import row_checks
from mist_pipeline.defs.partitions import daily_partitions
from mist_pipeline.defs.scope import ALONE
from mist_pipeline.defs.table_io import BACKFILL
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.tables import BY_NAME, alerts, analysis
from mist_pipeline.warehouse.reading import reading
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline.workflows.present.overview import published_files
from mist_pipeline_tests.support.alerts.histories import HOUR, START, finding, live
from mist_pipeline_tests.support.alerts.impacts import impact

pytestmark = pytest.mark.slow

EVERY_COPY = pytest.mark.parametrize("copied", COPIED, ids=lambda table: table.name)
RANGE = {
    "dagster/asset_partition_range_start": "2026-03-01",
    "dagster/asset_partition_range_end": "2026-03-03",
}
HOSTILE = '<b>Store</b>\'; DROP TABLE alerts; -- \x00 😀 "quoted" `code`'
STEPS = (EscalationStep(after_minutes=15, sink="pager", to="ada"),)
TELL = NotificationRules(
    routes=[Route(name="all", sinks=("chat",), escalation="duty")],
    escalations={"duty": EscalationPolicy(steps=STEPS)},
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(
        environment={"MIST_PIPELINE_DATA": str(tmp_path), "MIST_PIPELINE__HISTORY__START": "2026-03-01"}
    )


def live_through(ledger: Ledger) -> None:
    """Something for every table."""
    ledger.record_evaluation(live(0, finding(summary=HOSTILE)), TELL)
    (incident,) = ledger.lifecycle_state(START).incidents
    (alert,) = ledger.lifecycle_state(START).alerts
    ledger.record_impacts([impact(incident_id=incident, unknown=HOSTILE)])
    Outbox(ledger.engine).work(
        {"chat": lambda _row: Accepted({"#noc": "C1/17.3"})}, "worker", lambda: START + 0.1 * HOUR
    )
    window = Window(begins=START.time(), zone="Europe/Berlin", lasts_hours=1, weekdays=("monday", "sunday"))
    matchers = parse_matchers('site="North",severity=~"major|critical"')
    for silence_id, ends, recurring in (("", START + HOUR, None), ("weekly", None, window)):
        ledger.add_silence(
            Silence(
                silence_id=silence_id,
                matchers=matchers,
                starts_at=START,
                ends_at=ends,
                window=recurring,
                created_by="ada",
                comment=HOSTILE,
            )
        )
    ticket = Ticket(
        sink="jira",
        incident_id=incident,
        ticket="NOC-1",
        url="https://jira.example.com/browse/NOC-1",
        state="acknowledged",
        who=HOSTILE,
        is_by_person=True,
    )
    ledger.record_ticket(ticket, START + HOUR)
    ledger.add_feedback("right", "bob", START + HOUR, alert_id=alert, comment=HOSTILE)


def definitions(settings: Settings, *others: Any) -> dg.Definitions:
    """The real copies with their real checks, beside others."""
    daily = daily_partitions(settings)

    @dg.asset(
        key=ALONE.key(analysis.FINDINGS),
        partitions_def=daily,
        backfill_policy=BACKFILL,
        group_name="analysis",
    )
    def findings() -> None: ...

    return dg.Definitions(
        assets=[findings, *others, ledger_copies_asset(ALONE)],
        asset_checks=[*(row_checks(ALONE, table) for table in alerts.TABLES)],
        jobs=[copies_job(ALONE), dg.define_asset_job("daily", executor_def=dg.in_process_executor)],
        resources={"settings": settings, "warehouse": Warehouse(settings.warehouse_path)},
    )


def run(
    made: dg.Definitions, job: str = "copies", tags: dict[str, str] | None = None
) -> dg.ExecuteInProcessResult:
    with dg.DagsterInstance.ephemeral() as instance:
        return made.resolve_job_def(job).execute_in_process(
            instance=instance, tags=tags, raise_on_error=False
        )


def copied(settings: Settings) -> dict[str, pl.DataFrame]:
    warehouse = Warehouse(settings.warehouse_path)
    return {
        table.name: warehouse.query(f"FROM {table.full_name} ORDER BY ALL").select(
            pl.col(name).cast(dtype) for name, dtype in table.polars_schema().items()
        )
        for table in alerts.TABLES
    }


def published_alerts(settings: Settings) -> pl.DataFrame:
    with reading(published_files(settings)) as opened:
        return opened.connection.execute("FROM alerts.alerts").pl()


def made_by(result: dg.ExecuteInProcessResult) -> set[str]:
    events = result.get_asset_materialization_events()
    return {event.asset_key.to_user_string() for event in events if event.asset_key}


def test_every_copied_table_of_the_ledger_is_a_table_of_the_warehouse() -> None:
    assert [table.name for table in COPIED] == [table.name for table in alerts.TABLES]


@EVERY_COPY
def test_a_copy_has_the_columns_types_and_key_of_its_table(copied: sa.Table) -> None:
    table = BY_NAME[f"alerts.{copied.name}"]
    assert table.polars_schema() == schema(copied)
    assert table.key == tuple(column.name for column in copied.primary_key.columns)
    assert table.partition is None
    for column in table.columns:
        # Evidence is text that already was JSON when it came.
        stored = copied.c.get(column.name)
        is_json = column.name == "evidence" or (stored is not None and isinstance(stored.type, sa.JSON))
        assert (column.type == "JSON") == is_json, column.name


def test_the_copies_say_what_the_ledger_says(settings: Settings) -> None:
    with open_ledger(settings) as ledger:
        live_through(ledger)
        truth = ledger.frames()
    result = run(definitions(settings))
    assert result.success
    assert made_by(result) == {f"alerts/{table.name}" for table in alerts.TABLES}
    for name, frame in copied(settings).items():
        assert not frame.is_empty(), name
        assert frame.equals(truth[name].sort(pl.all())), name
    assert (
        published_alerts(settings).drop_nulls("summary")["summary"].to_list()
        == truth["alerts"]["summary"].to_list()
    )
    warehouse = Warehouse(settings.warehouse_path)
    window = warehouse.query(
        """SELECT s."window"->>'zone' FROM alerts.silences s WHERE s."window" IS NOT NULL"""
    )
    assert window.item() == "Europe/Berlin"


def test_every_table_is_reported_with_its_rows_and_checked(settings: Settings) -> None:
    with open_ledger(settings) as ledger:
        live_through(ledger)
        truth = ledger.frames()
    result = run(definitions(settings))
    told = {
        event.asset_key.path[-1]: event.step_materialization_data.materialization.metadata
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }
    newest = str(truth["events"]["at"].max())
    for name, facts in told.items():
        assert facts["dagster/row_count"].value == truth[name].height
        assert facts["newest_event"].value == newest
    checks = result.get_asset_check_evaluations()
    assert len(checks) == 2 * len(alerts.TABLES)
    assert all(check.passed and check.blocking for check in checks)


def test_what_is_gone_from_the_ledger_is_gone_from_the_copies(settings: Settings) -> None:
    later = Silence(
        silence_id="later",
        matchers=parse_matchers("site=North"),
        starts_at=START + 9 * HOUR,
        ends_at=START + 10 * HOUR,
    )
    with open_ledger(settings) as ledger:
        ledger.add_silence(later)
        run(definitions(settings))
        assert copied(settings)["silences"]["silence_id"].to_list() == ["later"]
        # One that has not begun is taken back altogether.
        ledger.end_silence("later", START)
    run(definitions(settings))
    assert copied(settings)["silences"].is_empty()


def test_before_the_first_alert_there_are_empty_copies(settings: Settings) -> None:
    result = run(definitions(settings))
    assert result.success
    assert {name: frame.height for name, frame in copied(settings).items()} == dict.fromkeys(
        (table.name for table in alerts.TABLES), 0
    )


def out_of_reach(settings: Settings) -> None:
    """The ledger becomes one of a later version, which is refused."""
    with sqlite3.connect(settings.ledger) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()


def test_a_ledger_that_cannot_be_read_fails_the_run_and_leaves_the_copies(settings: Settings) -> None:
    with open_ledger(settings) as ledger:
        live_through(ledger)
    run(definitions(settings))
    before = copied(settings)
    out_of_reach(settings)
    result = run(definitions(settings))
    assert not result.success
    assert made_by(result) == set()
    after = copied(settings)
    assert all(frame.equals(after[name]) for name, frame in before.items())


def published(settings: Settings) -> dg.AssetsDefinition:
    return next(
        one for one in report_assets(ALONE, daily_partitions(settings)) if ALONE.asset(*PUBLISHED) in one.keys
    )


def test_a_ledger_that_cannot_be_read_does_not_keep_the_days_from_being_published(settings: Settings) -> None:
    with open_ledger(settings) as ledger:
        live_through(ledger)
    run(definitions(settings))
    out_of_reach(settings)
    result = run(definitions(settings, published(settings)), "daily", RANGE)
    assert not result.success
    assert {event.step_key for event in result.all_events if event.is_step_failure} == {"ledger_copies"}
    assert "published/mist" in made_by(result)
    assert published_alerts(settings).height == 1, "as they were before"
