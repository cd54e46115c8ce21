"""Kept evaluations of two machines: what one keeps the other evaluates, on a folder, in memory and on S3."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from mist_pipeline.alerts.ledger.evaluation_store import EvaluationStore, UnreadableEvaluationError
from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules
from mist_pipeline.alerts.ledger.pending import evaluate_pending, pending_evaluations
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.storage.files import FileStore, StoreError
from mist_pipeline.storage.folder import FolderStore
from mist_pipeline_tests.support.alerts.histories import HOUR, START, daily, finding, live
from mist_pipeline_tests.support.object_stores import in_memory, s3_store

TELL = NotificationRules(routes=[Route(name="all", sinks=("mail",))])


@pytest.fixture(params=["folder", "memory", "s3"])
def files(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileStore:
    """An empty store of each kind."""
    if request.param == "s3":
        return s3_store(monkeypatch)
    return FolderStore(tmp_path / "shared") if request.param == "folder" else in_memory()


@pytest.fixture
def here(files: FileStore) -> EvaluationStore:
    """As one machine sees it."""
    return EvaluationStore(files)


@pytest.fixture
def there(files: FileStore) -> EvaluationStore:
    """As another machine sees it."""
    return EvaluationStore(files)


def test_what_one_machine_keeps_another_evaluates_once(
    here: EvaluationStore, there: EvaluationStore, ledger: Ledger
) -> None:
    kept = [here.keep(live(hour, finding())) for hour in range(2)]
    here.keep(daily(3, finding(), covers_from=START))
    assert there.names()[:2] == kept
    assert [name.as_of - START for name in there.names(START + HOUR)] == [HOUR, 3 * HOUR]
    assert_frame_equal(there.load(kept[0]).findings, live(0, finding()).findings)
    assert there.kept_at(kept[0]) is not None
    assert len(evaluate_pending(ledger, there, TELL, START + 3 * HOUR).names) == 3
    assert pending_evaluations(ledger, here) == []


def test_of_two_machines_that_keep_one_evaluation_the_first_has_it(
    here: EvaluationStore, there: EvaluationStore
) -> None:
    name = here.keep(live(0, finding()))
    assert there.keep(live(0)) == name
    assert here.load(name).findings.height == there.load(name).findings.height == 1
    assert here.names() == [name]


def test_what_is_damaged_is_set_aside_by_whoever_sees_it_first(
    files: FileStore, here: EvaluationStore, there: EvaluationStore
) -> None:
    name, whole = here.keep(live(0, finding())), here.keep(live(1))
    key = next(entry.key for entry in files.files(deep=True) if name.text in entry.key)
    files.replace(key, files.read(key)[:-40])
    for store in (here, there):
        with pytest.raises(UnreadableEvaluationError, match=name.text):
            store.load(name)
    here.set_aside(name)
    there.set_aside(name)
    assert there.set_aside_since(START) == [name.text]
    assert there.names() == [whole]


def test_what_is_of_a_time_to_come_is_postponed_for_both(
    here: EvaluationStore, there: EvaluationStore
) -> None:
    name = here.keep(live(50))
    here.postpone(name, START)
    there.postpone(name, START)
    assert there.postponed_since(START) == [name.text]
    assert there.names() == []


def test_old_days_go_with_all_that_is_in_them(
    files: FileStore, here: EvaluationStore, there: EvaluationStore
) -> None:
    names = [here.keep(live(hour)) for hour in (0, 1, 30)]
    here.set_aside(names[1])
    files.replace("sites.parquet", b"known")
    assert there.remove_before(START + 24 * HOUR) == 1
    assert here.names() == names[2:]
    assert here.set_aside_since(START) == []
    assert files.read("sites.parquet") == b"known"


@pytest.mark.parametrize("asked", ["load", "set_aside"])
def test_an_evaluation_of_an_earlier_version_is_one(
    files: FileStore, here: EvaluationStore, there: EvaluationStore, asked: str
) -> None:
    name = here.keep(live(0, finding(), site_count=7))
    [entry] = files.files(deep=True)
    folder = entry.key.removesuffix(".zip")
    with zipfile.ZipFile(io.BytesIO(files.read(entry.key))) as pack:
        for part in pack.namelist():
            files.replace(f"{folder}/{part}", pack.read(part))
    files.delete([entry.key])
    assert there.names() == there.names(START) == [name]
    assert there.kept_at(name) is not None
    assert there.keep(live(0)) == name
    assert there.load(name).site_count == 7
    assert there.load(name).findings.height == 1
    if asked == "set_aside":
        there.set_aside(name)
        assert (here.names(), here.set_aside_since(START)) == ([], [name.text])
    else:
        assert here.remove_before(START + 48 * HOUR) == 1


def test_what_is_not_ours_is_no_evaluation(files: FileStore, here: EvaluationStore) -> None:
    name = here.keep(live(0))
    day, _, own = files.files(deep=True)[0].key.partition("/")
    for key in (
        "notes/x.zip",
        f"{day}/x.zip",
        f"{day}/{own}.bak",
        f"2020-01-01/{own}",
        f"{day}/20260302T-live.zip",
    ):
        files.replace(key, json.dumps({}).encode())
    assert here.names() == [name]


class Dead(FolderStore):
    """A store that does not answer."""

    def read(self, key: str) -> bytes:
        raise StoreError("no answer in time", is_transient=True)


def test_a_store_that_does_not_answer_is_no_damage(tmp_path: Path, ledger: Ledger) -> None:
    name = EvaluationStore(FolderStore(tmp_path)).keep(live(0, finding()))
    with pytest.raises(StoreError, match="no answer"):
        evaluate_pending(ledger, EvaluationStore(Dead(tmp_path)), TELL, START)
    store = EvaluationStore(FolderStore(tmp_path))
    assert (store.names(), store.set_aside_since(START)) == ([name], [])
