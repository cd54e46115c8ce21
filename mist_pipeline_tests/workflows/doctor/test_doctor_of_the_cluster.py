"""What ``doctor`` says of a Dask cluster."""

from pathlib import Path
from typing import Any

import pytest

from mist_pipeline.settings import load_settings
from mist_pipeline.workflows.doctor.cluster import cluster, judged
from mist_pipeline.workflows.running.likeness import facts
from mist_pipeline_tests.support.settings.on_a_cluster import ON_A_CLUSTER

HERE = {"polars": "1.40", "setting thresholds.deviation_sigma": "1f"}
GIB = 1024**3


def worker(threads: int = 1, memory: int = 4 * GIB) -> dict[str, Any]:
    return {"nthreads": threads, "memory_limit": memory}


def test_nothing_is_said_where_there_is_no_cluster() -> None:
    assert list(cluster(load_settings(environment={}))) == []


def test_a_scheduler_that_does_not_answer_is_told_with_its_address() -> None:
    (found,) = cluster(load_settings(environment=ON_A_CLUSTER))
    assert found.verdict == "wrong"
    assert "tcp://127.0.0.1:1" in found.found
    assert "dask scheduler" in found.fix


def test_workers_like_this_machine_are_counted() -> None:
    (found,) = judged("tcp://s:1", {"a": worker(), "b": worker(memory=2 * GIB)}, {"a": HERE, "b": HERE}, HERE)
    assert found.verdict == "fine"
    assert "2 workers like this machine" in found.found
    assert "2.0 GiB" in found.found or "2 GiB" in found.found


def test_workers_that_would_refuse_are_named_with_what_differs() -> None:
    said = {
        "a": HERE,
        "b": {**HERE, "polars": "1.41"},
        "c": ModuleNotFoundError("No module named 'mist_pipeline'"),
    }
    (found,) = judged("tcp://s:1", {name: worker() for name in "abcd"}, said, HERE)
    assert found.verdict == "wrong"
    assert found.found.startswith("3 of 4 workers would refuse every step")
    assert "b: polars 1.41 instead of 1.40" in found.found
    assert "c: No module named" in found.found
    assert "d: it did not answer" in found.found


def test_a_worker_with_several_threads_is_doubtful() -> None:
    (found,) = judged("tcp://s:1", {"a": worker(), "b": worker(threads=4)}, {"a": HERE, "b": HERE}, HERE)
    assert found.verdict == "doubtful"
    assert "--nthreads 1" in found.fix


@pytest.mark.slow
def test_a_cluster_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import LocalCluster

    for name, value in ON_A_CLUSTER.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MIST_PIPELINE_DATA", str(tmp_path))
    with LocalCluster(n_workers=0, dashboard_address=None, processes=True, threads_per_worker=1) as made:
        variables = {**ON_A_CLUSTER, "MIST_PIPELINE__COMPUTE__SCHEDULER": made.scheduler_address}
        (empty,) = cluster(load_settings(environment={**variables, "MIST_PIPELINE_DATA": str(tmp_path)}))
        assert "has no workers" in empty.found
        made.scale(1)
        made.wait_for_workers(1, 60)
        (found,) = cluster(load_settings(environment={**variables, "MIST_PIPELINE_DATA": str(tmp_path)}))
        assert found.verdict == "fine", found
        other = {**variables, "MIST_PIPELINE__THRESHOLDS__DEVIATION_SIGMA": "7"}
        (unlike,) = cluster(load_settings(environment={**other, "MIST_PIPELINE_DATA": str(tmp_path)}))
        assert unlike.verdict == "wrong"
        assert "another setting thresholds.deviation_sigma" in unlike.found


def test_no_value_of_a_setting_travels() -> None:
    secret = "postgresql://ledger:very-secret@127.0.0.1:1/ledger"
    settings = load_settings(environment={**ON_A_CLUSTER, "MIST_PIPELINE__ALERTS__LEDGER": secret})
    told = str(facts(settings))
    assert "very-secret" not in told
    assert "bucket-of-tests" not in told
