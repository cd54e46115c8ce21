from datetime import timedelta

import polars as pl
import pytest

from mist_pipeline.analysis.forecasts import model_search
from mist_pipeline.analysis.forecasts.forecast import forecasts
from mist_pipeline.analysis.forecasts.model_search import search_orders
from mist_pipeline.analysis.stats.cluster import ClusterError
from mist_pipeline.analysis.stats.parallel import Compute, parallel_map, slices
from mist_pipeline_tests.support.analysis.daily_frames import D
from mist_pipeline_tests.support.analysis.noisy_series import sites


def total(numbers: list[int]) -> int:
    return sum(numbers)


def test_slices_cover_everything_once() -> None:
    assert slices(5, 2) == [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert slices(0, 2) == []


def test_a_cluster_needs_an_address() -> None:
    with pytest.raises(ValueError, match="address of a scheduler"):
        Compute(engine="dask")


def test_one_chunk_runs_here_and_reports_progress() -> None:
    seen: list[tuple[int, int]] = []
    found = parallel_map(total, [[1, 2]], [2], Compute(), what="sums", progress=lambda *now: seen.append(now))

    assert found == [3]
    assert seen == [(2, 2)]


@pytest.mark.slow
def test_results_come_back_in_the_order_of_the_chunks_from_processes() -> None:
    seen: list[tuple[int, int]] = []
    chunks = [[n, n] for n in range(6)]
    found = parallel_map(
        total, chunks, [2] * 6, Compute(workers=2), what="sums", progress=lambda *now: seen.append(now)
    )

    assert found == [0, 2, 4, 6, 8, 10]
    assert seen[-1] == (12, 12)


@pytest.mark.slow
def test_a_cluster_of_two_workers_gives_the_same_models_and_forecasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from distributed import LocalCluster

    monkeypatch.setattr(model_search, "CHUNK", 2)
    monkeypatch.setattr("mist_pipeline.analysis.forecasts.forecast.CHUNK", 2)
    history, before = sites(4), D - timedelta(days=1)
    here = search_orders(history, [before], only_due=False)
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        there = Compute(engine="dask", scheduler=cluster.scheduler_address)
        models = search_orders(history, [before], only_due=False, compute=there)
        found = forecasts(history, D, models=models, compute=there)
    assert models.drop("day").equals(here.drop("day"))
    assert found.equals(forecasts(history, D, models=here))
    assert isinstance(found, pl.DataFrame)


def total_of_totals(numbers: list[list[int]]) -> int:
    """A task that has tasks of its own, as a step that makes forecasts does; where the cluster is, its worker knows."""
    nowhere = Compute(engine="dask", scheduler="tcp://127.0.0.1:1")
    found = [parallel_map(total, numbers, [1] * len(numbers), nowhere, what="sums") for _ in range(2)]
    assert found[0] == found[1]
    return sum(found[0])


@pytest.mark.slow
def test_a_task_may_have_tasks_on_a_cluster_of_one_worker_with_one_thread() -> None:
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        there = Compute(engine="dask", scheduler=cluster.scheduler_address)
        chunks = [[[1, 2], [3]], [[4], [5, 6]], [[7]]]
        assert parallel_map(total_of_totals, chunks, [1] * 3, there, what="sums") == [6, 15, 7]


def test_a_cluster_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mist_pipeline.analysis.stats.cluster.ANSWERS_WITHIN_SECONDS", 0.2)
    there = Compute(engine="dask", scheduler="tcp://127.0.0.1:1")
    with pytest.raises(ClusterError, match=r"tcp://127\.0\.0\.1:1 .compute\.scheduler. does not answer"):
        parallel_map(total, [[1]], [1], there, what="sums")
