"""What the clocks of the morning start, by what Dagster knows of the days."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from mist_pipeline.definitions import build_defs
from mist_pipeline.defs.mornings import WHY_TAG, complete_days, late_days, look
from mist_pipeline.defs.resources import run_config
from mist_pipeline.defs.scope import ALONE
from mist_pipeline.settings import load_settings
from mist_pipeline.tables import history

pytestmark = pytest.mark.slow

YESTERDAY = date(2026, 3, 20)
SETTINGS = load_settings(environment={})
TICK = datetime(2026, 3, 21, 2, 30, tzinfo=UTC)
ROWS, DETAIL = ALONE.key(history.SLE_DAILY), ALONE.asset("raw", "sle_detail")


@pytest.fixture(scope="module")
def repository() -> dg.RepositoryDefinition:
    return build_defs(SETTINGS).get_repository_def()


@pytest.fixture(scope="module")
def everything(repository: dg.RepositoryDefinition) -> list[dg.AssetKey]:
    graph = repository.get_job("daily").asset_layer.asset_graph
    return [node.key for node in graph.asset_nodes if node.partitions_def is not None and node.is_executable]


def made(instance: dg.DagsterInstance, assets: Iterable[dg.AssetKey], *back: int) -> None:
    """Materialisations as a run leaves them: what was answered first."""
    for asset in sorted(assets, key=lambda one: one.path[0] != "raw"):
        for days in back:
            partition = (YESTERDAY - timedelta(days=days)).isoformat()
            instance.report_runless_asset_event(dg.AssetMaterialization(asset, partition=partition))


def tick(
    instance: dg.DagsterInstance, repository: dg.RepositoryDefinition, at: datetime = TICK, *, is_asking: bool
) -> dg.RunRequest | str:
    found = look(instance, repository, SETTINGS, at, is_asking=is_asking)
    return str(found.skip_message) if isinstance(found, dg.SkipReason) else found


def test_a_day_is_complete_when_all_of_it_was_made(instance: dg.DagsterInstance) -> None:
    made(instance, [ROWS], 1, 2)
    made(instance, [DETAIL], 2, 3)
    assert complete_days(instance, [ROWS, DETAIL]) == {YESTERDAY - timedelta(days=2)}
    assert complete_days(instance, []) == set()


def test_a_backfill_writes_the_page_of_its_last_day_alone_and_is_complete(
    instance: dg.DagsterInstance, repository: dg.RepositoryDefinition, everything: list[dg.AssetKey]
) -> None:
    pages = [asset for asset in everything if asset.path[0] in ("published", "report")]
    tables = [asset for asset in everything if asset not in pages]
    assert pages
    made(instance, tables, 0, 1, 2, 3)
    assert complete_days(instance, tables, pages) == set()
    made(instance, pages, 1)
    assert complete_days(instance, tables, pages) == {YESTERDAY - timedelta(days=back) for back in (1, 2, 3)}
    request = tick(instance, repository, is_asking=True)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-03-20"
    made(instance, pages, 0)
    assert "is complete" in str(tick(instance, repository, is_asking=True))


def test_a_day_is_late_when_answers_came_after_its_rows(instance: dg.DagsterInstance) -> None:
    made(instance, [DETAIL, ROWS], 0, 1, 2)
    assert late_days(instance, ALONE, YESTERDAY) == set()
    made(instance, [DETAIL], 1)
    assert late_days(instance, ALONE, YESTERDAY) == {YESTERDAY - timedelta(days=1)}
    made(instance, [ROWS], 1)
    assert late_days(instance, ALONE, YESTERDAY) == set()


def test_a_night_of_trouble_costs_an_hour_and_not_the_day(
    instance: dg.DagsterInstance, repository: dg.RepositoryDefinition, everything: list[dg.AssetKey]
) -> None:
    made(instance, everything, 2)
    # The morning before failed after it had collected; so did this one, and the next hour tries again.
    made(instance, [DETAIL], 1)
    for hour in (2, 3, 23):
        request = tick(instance, repository, TICK.replace(hour=hour), is_asking=True)
        assert isinstance(request, dg.RunRequest)
        assert request.tags["dagster/asset_partition_range_start"] == "2026-03-19"
        assert request.tags["dagster/asset_partition_range_end"] == "2026-03-20"
        assert request.run_config == run_config(notify=True)
        assert request.tags[WHY_TAG] == "2026-03-19 … 2026-03-20: 1 earlier days are not complete"
    assert "other clock" in str(tick(instance, repository, is_asking=False))
    made(instance, everything, 0, 1)
    assert tick(instance, repository, is_asking=True) == "Every day up to 2026-03-20 is complete."


def test_an_ordinary_morning_makes_yesterday_as_its_partition(
    instance: dg.DagsterInstance, repository: dg.RepositoryDefinition, everything: list[dg.AssetKey]
) -> None:
    made(instance, everything, 1)
    request = tick(instance, repository, is_asking=True)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-03-20"
    assert request.run_config == {}


def test_late_answers_make_their_day_and_those_behind_it_again_and_ask_nobody(
    instance: dg.DagsterInstance, repository: dg.RepositoryDefinition, everything: list[dg.AssetKey]
) -> None:
    made(instance, everything, 0, 1, 2)
    made(instance, [DETAIL], 2)
    assert "other clock" in str(tick(instance, repository, is_asking=True))
    request = tick(instance, repository, is_asking=False)
    assert isinstance(request, dg.RunRequest)
    assert request.tags["dagster/asset_partition_range_start"] == "2026-03-18"
    assert request.run_config == {}
    selected = repository.get_job("renew").asset_layer.selected_asset_keys
    assert {ROWS, ALONE.key(history.SITES)} <= selected
    assert not [asset for asset in selected if asset.path[0] == "raw"]


def test_while_a_heavy_run_goes_on_nothing_is_started(
    instance: dg.DagsterInstance, repository: dg.RepositoryDefinition
) -> None:
    instance.create_run_for_job(
        repository.get_job("search"),
        status=dg.DagsterRunStatus.STARTED,
        tags={"mist_pipeline/load": "heavy"},
    )
    assert "search is under way" in str(tick(instance, repository, is_asking=True))
