"""From the cloud to history, trends and the page, over HTTP, through real Dagster runs."""

import shutil
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from mist_pipeline.cli.execution import Outcome, execute, execute_days
from mist_pipeline.defs.resources import run_config
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.simulator.cloud.http_faults import Faults, Scripted
from mist_pipeline.simulator.cloud.server import Running, serve
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.world import World
from mist_pipeline.tables import TABLES
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.progress import silent
from mist_pipeline_tests.end_to_end.conftest import DAYS, NOW, ZONE, Configured, variables

pytestmark = pytest.mark.slow


def fill(settings: Settings, days: Sequence[date], *jobs: str) -> list[Outcome]:
    outcomes = [execute(settings, "snapshots", progress=silent, as_of=NOW)]
    for job in jobs or ("collect", "analyse"):
        outcomes += execute_days(settings, job, days, progress=silent, as_of=NOW)
    return outcomes


def contents(settings: Settings) -> dict[str, pl.DataFrame]:
    """Every history and analysis table, in a fixed order of rows."""
    warehouse = Warehouse(settings.warehouse_path)
    return {
        table.full_name: warehouse.query(f"SELECT * FROM {table.full_name} ORDER BY {', '.join(table.key)}")
        for table in TABLES
        if table.schema in ("history", "analysis")
    }


def assert_same(one: Settings, other: Settings) -> None:
    there = contents(other)
    for name, frame in contents(one).items():
        assert frame.equals(there[name]), name


@pytest.fixture(scope="module")
def filled(cloud: Running, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two days, collected and analysed; for reading only, `copied` is to write to."""
    settings = load_settings(environment=variables(cloud, tmp_path_factory.mktemp("filled") / "data"))
    fill(settings, DAYS[:2])
    return settings


@pytest.fixture
def copied(filled: Settings, configured: Configured, tmp_path: Path) -> Settings:
    """The same two days in a folder of its own."""
    shutil.copytree(filled.data, tmp_path / "copied")
    return configured("copied")


def test_three_days_come_over_http_and_are_what_the_world_says(
    configured: Configured, cloud: Running
) -> None:
    settings = configured()
    days = DAYS[:3]
    outcomes = fill(settings, days, "daily")
    assert [outcome.failures for outcome in outcomes] == [(), ()]
    ours = contents(settings)
    truth = cloud.world.history(days[0], days[-1])
    key = ["hour", "site_id", "metric"]
    columns = [*key, "score_pct", "total_user_minutes", "degraded_user_minutes", "state"]
    both = (
        ours["history.sle_hourly"]
        .select(columns)
        .join(truth["sle_hourly"].select(columns), on=key, how="full", suffix="_true", coalesce=True)
        .filter(pl.col("state_true").is_in(["ok", "no_users"]) & pl.col("total_user_minutes").is_not_null())
    )
    assert both.height > 2000
    assert (both["state"] == both["state_true"]).all()
    assert (both["score_pct"] - both["score_pct_true"]).abs().max() < 0.01
    daily = ours["history.sle_daily"]
    assert daily["day"].unique().sort().to_list() == days
    assert daily.group_by("day").len()["len"].unique().to_list() == [6 * 8]
    assert ours["history.sle_hourly"].filter(pl.col("day") == date(2026, 3, 29))["hour"].n_unique() == 23
    assert (settings.reports_path / "latest.html").exists()
    with duckdb.connect(str(settings.published_path), read_only=True) as published:
        assert published.execute("SELECT count(*) FROM worst_sites").fetchone() != (0,)


def test_collecting_again_gives_the_same_tables(filled: Settings, copied: Settings) -> None:
    fill(copied, DAYS[:2], "collect")
    assert_same(filled, copied)


def test_days_one_by_one_are_the_days_of_a_backfill(filled: Settings, configured: Configured) -> None:
    one_by_one = configured("one_by_one")
    for day in DAYS[:2]:
        fill(one_by_one, [day], "collect")
    # Told by the cloud for a day alone, not for several together.
    volatile = {"num_users", "num_aps", "impact_state"}
    there = contents(one_by_one)
    for name, frame in contents(filled).items():
        columns = [
            column for column in frame.columns if column not in volatile or name == "history.site_hourly"
        ]
        if name == "history.sle_daily":
            columns.remove("severity")
        if name.startswith("history."):
            assert frame.select(columns).equals(there[name].select(columns)), name


def test_history_is_rebuilt_from_raw_files_without_network(
    filled: Settings, copied: Settings, configured: Configured
) -> None:
    copied.warehouse_path.unlink()
    unreachable = configured("copied", MIST_BASE_URL="http://127.0.0.1:9")
    from mist_pipeline.definitions import build_defs

    rebuilt = build_defs(unreachable)
    from dagster import AssetSelection, DagsterInstance

    with DagsterInstance.ephemeral() as instance:
        job = rebuilt.resolve_implicit_global_asset_job_def()
        search = AssetSelection.assets("analysis/models")
        selected = (AssetSelection.groups("history", "analysis") - search).resolve(
            list(rebuilt.resolve_asset_graph().assets_defs)
        )
        result = job.get_subset(asset_selection=selected).execute_in_process(
            instance=instance,
            tags={
                "dagster/asset_partition_range_start": DAYS[0].isoformat(),
                "dagster/asset_partition_range_end": DAYS[1].isoformat(),
            },
            run_config=run_config(NOW),
        )
    assert result.success
    assert_same(filled, copied)


def test_predecessor_mistake_7_a_failed_fetch_is_no_empty_day(
    filled: Settings, copied: Settings, configured: Configured, cloud: Running
) -> None:
    broken = Faults(script=[Scripted("/sle/site/", "bad_gateway", first=40, times=10_000)])
    with serve(cloud.world, clock=Clock(NOW), faults=broken) as failing:
        outcomes = fill(configured("copied", MIST_BASE_URL=failing.base_url), DAYS[:1], "collect")
    [told] = [warning for warning in outcomes[-1].warnings if "answers_are_whole" in warning]
    assert "502" in told
    assert "The answers of an earlier fetch are kept." in told
    assert_same(filled, copied)


def test_the_live_job_tells_the_running_hour_and_what_changed(configured: Configured) -> None:
    later = NOW + timedelta(minutes=15)
    world = World(3, 8, seed=11, start=DAYS[0], organisation_zone=ZONE)
    clock = Clock(NOW)
    with serve(world, clock=clock) as running:
        here = configured(MIST_BASE_URL=running.base_url)
        fill(here, DAYS[-1:], "collect")
        assert execute(here, "live", progress=silent, as_of=NOW).is_success
        clock.set(later)
        assert execute(here, "live", progress=silent, as_of=later).is_success
    warehouse = Warehouse(here.warehouse_path)
    hours = warehouse.query("SELECT DISTINCT hour FROM live.sle_hourly ORDER BY hour")["hour"].to_list()
    assert [hour.hour for hour in hours] == [22, 23, *range(10)]
    status = warehouse.query("SELECT * FROM live.status")
    assert status["as_of"].unique().to_list() == [later]
    assert set(status["changed_since"]) <= {NOW, later}
    assert status.height == 3 * 8
    connected = warehouse.query("SELECT count(num_aps_connected) FROM live.site_hourly").item()
    assert connected >= 3
