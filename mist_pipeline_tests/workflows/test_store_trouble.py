"""A shared store that does not answer: people are told so, and what needs it says so instead of finding nothing."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.storage.files import StoreError
from mist_pipeline.storage.folder import FolderStore
from mist_pipeline.tables import live
from mist_pipeline.workflows import shared_files
from mist_pipeline.workflows.ledger_access import known_sites, open_ledger
from mist_pipeline.workflows.notifying.evaluate import evaluate, ledger_troubles, tell_own_state
from mist_pipeline.workflows.pushing.devices import known_devices
from mist_pipeline.workflows.self_monitoring.reading import read_waiting

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOTHING = live.FINDINGS.empty()
SAID = "cannot list s3://bucket/evaluations: no answer in time"


class Dead(FolderStore):
    """A store that does not answer."""

    def files(self, folder: str = "", *, deep: bool = False) -> Any:
        raise StoreError(SAID, is_transient=True)

    folders = open = read = stat = put_if_absent = replace = files  # type: ignore[assignment]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(
        environment={
            "MIST_PIPELINE_DATA": str(tmp_path / "data"),
            "MIST_PIPELINE__STORAGE__URL": str(tmp_path / "share"),
            "MIST_PIPELINE__NOTIFICATIONS__SINKS": json.dumps({"here": {"type": "file"}}),
            "MIST_PIPELINE__NOTIFICATIONS__ROUTES": json.dumps([{"name": "all", "sinks": ["here"]}]),
        }
    )


@pytest.fixture
def dead(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nothing answers; ``undo`` brings it back."""
    monkeypatch.setattr(shared_files, "open_store", lambda address: Dead(Path(address)))
    return monkeypatch


def open_families(settings: Settings, now: datetime) -> set[str]:
    with open_ledger(settings) as ledger:
        return {alert.family for alert in ledger.lifecycle_state(now).alerts.values() if alert.is_active}


def test_people_are_told_and_hear_that_it_is_over(settings: Settings, dead: pytest.MonkeyPatch) -> None:
    recorded = tell_own_state(settings, NOTHING, NOW, lambda: NOW)
    assert open_families(settings, NOW) == {"pipeline:storage"}
    assert len(recorded.notifications) == 1
    assert ledger_troubles(settings, NOW)["family"].to_list() == ["pipeline:storage"]
    dead.undo()
    later = NOW + timedelta(minutes=5)
    assert "pipeline:storage" not in ledger_troubles(settings, later)["family"].to_list()
    for minutes in range(5, 60, 5):
        later = NOW + timedelta(minutes=minutes)
        tell_own_state(settings, NOTHING, later, partial(datetime.fromtimestamp, later.timestamp(), UTC))
    assert "pipeline:storage" not in open_families(settings, later)


def test_nothing_is_evaluated_and_that_is_no_success(settings: Settings, dead: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoreError, match="no answer in time"):
        evaluate(settings, NOTHING, NOW, lambda: NOW)


def test_what_else_is_wrong_can_still_be_found(settings: Settings, dead: pytest.MonkeyPatch) -> None:
    assert read_waiting(settings, NOW).unevaluated_since is None
    assert known_sites(settings).is_empty()
    assert known_devices(settings).is_empty()
