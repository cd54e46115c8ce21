"""A cluster is refused where its workers, on other machines, would see nothing."""

import pytest

from mist_pipeline.settings import SettingsError, load_settings
from mist_pipeline.settings.loading import PREFIX
from mist_pipeline_tests.support.settings.on_a_cluster import ON_A_CLUSTER

NEEDED = {
    "WAREHOUSE": "warehouse.url",
    "STORAGE": "storage.url",
    "ALERTS": "alerts.ledger",
}


def without(*sections: str) -> dict[str, str]:
    return {
        name: value
        for name, value in ON_A_CLUSTER.items()
        if name.removeprefix(PREFIX).partition("__")[0] not in sections
    }


def test_a_cluster_with_all_that_its_workers_need_is_taken() -> None:
    assert load_settings(environment=ON_A_CLUSTER).compute.scheduler == "tcp://127.0.0.1:1"


@pytest.mark.parametrize("section", NEEDED)
def test_what_is_in_the_data_folder_alone_is_named(section: str) -> None:
    with pytest.raises(SettingsError, match=r"compute\.engine: dask runs steps on workers") as refused:
        load_settings(environment=without(section))
    said = str(refused.value)
    assert NEEDED[section] in said
    assert not any(other in said for name, other in NEEDED.items() if name != section)
    assert "MIST_PIPELINE__COMPUTE__ENGINE" in said


def test_all_that_is_missing_is_said_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(environment=without(*NEEDED))
    assert all(one in str(refused.value) for one in NEEDED.values())


def test_a_ledger_in_a_file_is_no_ledger_of_workers() -> None:
    variables = {**ON_A_CLUSTER, f"{PREFIX}ALERTS__LEDGER": "/var/lib/mist/ledger.db"}
    with pytest.raises(SettingsError, match=r"alerts\.ledger \(postgresql"):
        load_settings(environment=variables)


def test_processes_of_this_machine_need_nothing_of_it() -> None:
    variables = {**without(*NEEDED), f"{PREFIX}COMPUTE__ENGINE": "processes"}
    assert load_settings(environment=variables).compute.engine == "processes"
