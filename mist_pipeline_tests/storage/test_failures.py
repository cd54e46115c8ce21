"""A store that fails as S3 is documented to: what is tried again, what is said, and what is never taken for an empty store."""

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mist_pipeline.storage.address import open_store
from mist_pipeline.storage.files import FileStore, StoreError
from mist_pipeline_tests.support.object_stores import (
    PATIENT,
    QUICK,
    SECRET_KEY,
    Fault,
    new_bucket,
    proxy,
    s3_endpoint,
    use_s3,
)

KEY = "sle_org/day=2026-01-05/000001.manifest.json"


@pytest.fixture(scope="module")
def between() -> Iterator[tuple[str, Fault]]:
    """A proxy between us and S3."""
    with proxy() as known:
        yield known


@pytest.fixture
def fault(between: tuple[str, Fault], monkeypatch: pytest.MonkeyPatch) -> Fault:
    """What the proxy does in one test."""
    endpoint, fault = between
    fault.reset()
    use_s3(monkeypatch, endpoint)
    return fault


@pytest.fixture
def files(fault: Fault) -> FileStore:
    """A store behind the proxy, whose caller waits for every answer."""
    return open_store(new_bucket(), PATIENT)


@pytest.fixture
def hasty(files: FileStore) -> FileStore:
    """The same, whose caller has little patience."""
    return open_store(files.address(), QUICK)


def read(files: FileStore) -> object:
    return files.read(KEY)


def look(files: FileStore) -> object:
    return files.stat(KEY)


def listed(files: FileStore) -> object:
    return files.files("sle_org")


def walked(files: FileStore) -> object:
    return files.files(deep=True)


def folders(files: FileStore) -> object:
    return files.folders()


def put(files: FileStore) -> object:
    return files.put_if_absent(KEY, b"{}")


def replaced(files: FileStore) -> object:
    return files.replace(KEY, b"{}")


def removed(files: FileStore) -> object:
    return files.delete([KEY])


STEPS = pytest.mark.parametrize("step", [read, look, listed, walked, folders, put, replaced, removed])


@STEPS
@pytest.mark.parametrize(
    ("status", "code", "heals"),
    [(503, "SlowDown", True), (500, "InternalError", True), (403, "AccessDenied", False), (401, "", False)],
)
def test_no_answer_is_an_error_that_names_store_and_step_and_never_an_empty_store(
    files: FileStore, fault: Fault, step: Callable[[FileStore], object], status: int, code: str, heals: bool
) -> None:
    fault.before = lambda _method, _path: (status, code)
    with pytest.raises(StoreError, match=f"the store answered {status}") as caught:
        step(files)
    said = str(caught.value)
    assert files.address() in said
    assert said.startswith("cannot ")
    assert SECRET_KEY not in said
    assert "AKIDOFTESTS" not in said
    assert caught.value.is_transient == heals
    # What heals is asked again, what is refused is not; a put is looked for once more.
    assert len(fault.seen) == (3 if heals else 1) * (2 if heals and step is put else 1)


def test_what_heals_soon_is_not_noticed(files: FileStore, fault: Fault) -> None:
    answers = iter([(503, "SlowDown"), (500, "InternalError"), None, None, None])
    fault.before = lambda _method, _path: next(answers)
    assert files.put_if_absent(KEY, b"{}")
    assert files.read(KEY) == b"{}"


@pytest.mark.parametrize("lost", ["drop", "hang"])
def test_a_put_whose_answer_is_lost_is_found_and_not_called_anothers(
    files: FileStore, hasty: FileStore, fault: Fault, lost: str
) -> None:
    answers = iter([lost])
    fault.after = lambda method, _path: next(answers, None) if method == "PUT" else None
    assert (hasty if lost == "hang" else files).put_if_absent(KEY, b"{}")
    fault.after = lambda _method, _path: None
    assert files.read(KEY) == b"{}"


def test_a_put_that_did_not_happen_is_an_error_though_nobody_answered(hasty: FileStore, fault: Fault) -> None:
    fault.before = lambda method, _path: "hang" if method == "PUT" else None
    with pytest.raises(StoreError, match="no answer in time") as caught:
        hasty.put_if_absent(KEY, b"{}")
    assert caught.value.is_transient
    assert hasty.stat(KEY) is None


def test_a_store_that_does_not_answer_in_time_is_no_empty_one(hasty: FileStore, fault: Fault) -> None:
    fault.before = lambda _method, _path: "hang"
    with pytest.raises(StoreError, match=r"cannot list s3://.*no answer in time \(asked 3 times\)"):
        hasty.files("sle_org")


def test_a_store_that_is_not_there_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    use_s3(monkeypatch, "http://127.0.0.1:1")
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        open_store("s3://nobody-listens", PATIENT).files()
    assert caught.value.is_transient


@STEPS
def test_a_bucket_that_does_not_exist_is_no_empty_store(
    monkeypatch: pytest.MonkeyPatch, step: Callable[[FileStore], object]
) -> None:
    use_s3(monkeypatch, s3_endpoint())
    with pytest.raises(StoreError, match=r"404 NoSuchBucket.*storage\.url") as caught:
        step(open_store("s3://not-a-bucket/path", PATIENT))
    assert not caught.value.is_transient


def test_a_manifest_that_another_machine_put_first_is_its_own(files: FileStore, fault: Fault) -> None:
    other = open_store(files.address())
    assert other.put_if_absent(KEY, b"theirs")
    assert not files.put_if_absent(KEY, b"ours!!")
    assert sum(each.startswith("PUT") for each in fault.seen) == 2
    assert files.read(KEY) == b"theirs"


def test_errors_survive_processes() -> None:
    error: Any = pickle.loads(pickle.dumps(StoreError("text", is_transient=True)))
    assert (str(error), error.is_transient) == ("text", True)
