"""Published files of two machines: one publishes, the other has the same file a moment later, and never half of one."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.storage import durable
from mist_pipeline.storage.files import StoreError
from mist_pipeline.storage.folder import FolderStore
from mist_pipeline.storage.objects import ObjectStore
from mist_pipeline.workflows import shared_publishing as sharing
from mist_pipeline.workflows.ledger_access import SITE_COLUMNS, known_sites, remember_sites
from mist_pipeline.workflows.present.overview import show_poll
from mist_pipeline.workflows.shared_publishing import fetch_newer, keep_fresh, send, try_to_fetch
from mist_pipeline_tests.support.object_stores import new_bucket, s3_endpoint, use_s3


@pytest.fixture(params=["folder", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty store of each kind."""
    if request.param == "folder":
        return str(tmp_path / "share")
    use_s3(monkeypatch, s3_endpoint())
    return new_bucket()


def machine(tmp_path: Path, name: str, url: str) -> Settings:
    return load_settings(
        environment={"MIST_PIPELINE_DATA": str(tmp_path / name), "MIST_PIPELINE__STORAGE__URL": url}
    )


@pytest.fixture
def here(tmp_path: Path, url: str) -> Settings:
    """A machine that publishes."""
    return machine(tmp_path, "here", url)


@pytest.fixture
def there(tmp_path: Path, url: str) -> Settings:
    """A machine that reads."""
    return machine(tmp_path, "there", url)


def published(settings: Settings, content: bytes) -> Path:
    """What ``publish`` leaves: a file that was renamed into its place."""
    path = settings.published_path
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name("fresh")
    fresh.write_bytes(content)
    fresh.replace(path)
    return path


def test_what_one_machine_publishes_another_has_once_it_looks(here: Settings, there: Settings) -> None:
    assert fetch_newer(there) == []
    send(here, published(here, b"first"))
    assert fetch_newer(there) == [there.published_path]
    assert there.published_path.read_bytes() == b"first"
    assert fetch_newer(there) == []
    send(here, published(here, b"second"))
    assert fetch_newer(there) == [there.published_path]
    assert there.published_path.read_bytes() == b"second"
    assert [path.name for path in there.published_path.parent.glob("[!.]*")] == ["mist.duckdb"]


def test_who_publishes_fetches_nothing_until_another_does(here: Settings, there: Settings) -> None:
    send(here, published(here, b"mine"))
    assert fetch_newer(here) == []
    send(there, published(there, b"theirs"))
    assert fetch_newer(here) == [here.published_path]
    assert here.published_path.read_bytes() == b"theirs"
    assert fetch_newer(there) == []


def test_what_could_not_be_sent_stays_what_this_machine_shows(here: Settings, there: Settings) -> None:
    send(here, published(here, b"first"))
    published(here, b"second, not sent")
    assert fetch_newer(here) == []
    assert here.published_path.read_bytes() == b"second, not sent"


def test_the_sites_that_a_poll_saw_are_known_to_the_other(here: Settings, there: Settings) -> None:
    sites = pl.DataFrame(
        {name: ["x"] if name != "sitegroup_ids" else [["g"]] for name in SITE_COLUMNS},
    )
    remember_sites(here, sites)
    assert known_sites(there)["name"].to_list() == ["x"]
    assert fetch_newer(there) == [there.sites_path]
    assert pl.read_parquet(there.sites_path).height == 1
    assert fetch_newer(there) == []


def test_a_reader_that_has_the_old_file_open_reads_it_to_its_end(here: Settings, there: Settings) -> None:
    send(here, published(here, b"old"))
    fetch_newer(there)
    with there.published_path.open("rb") as opened:
        send(here, published(here, b"new"))
        fetch_newer(there)
        assert opened.read() == b"old"
    assert there.published_path.read_bytes() == b"new"


def test_a_lost_file_is_fetched_again(here: Settings, there: Settings) -> None:
    send(here, published(here, b"first"))
    fetch_newer(there)
    there.published_path.unlink()
    assert fetch_newer(there) == [there.published_path]


def test_a_file_is_durable_before_it_is_noted_as_fetched(
    here: Settings, there: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(here, published(here, b"first"))
    synced: list[bytes] = []
    sync_file = durable.sync_file

    def sync(path: Path) -> None:
        if path.is_file():
            assert not sharing._note(there.published_path).exists()
            synced.append(path.read_bytes())
        sync_file(path)

    monkeypatch.setattr(durable, "sync_file", sync)
    fetch_newer(there)
    assert synced == [b"first"]


def test_of_two_processes_one_fetches(here: Settings, there: Settings) -> None:
    send(here, published(here, b"first"))
    with sharing._alone(there.published_path) as is_free:
        assert is_free
        assert fetch_newer(there) == []
    assert fetch_newer(there) == [there.published_path]


@pytest.mark.parametrize("broken", ["stat", "open"])
def test_a_store_that_does_not_answer_leaves_what_is_here(
    here: Settings,
    there: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    broken: str,
) -> None:
    send(here, published(here, b"first"))
    fetch_newer(there)
    send(here, published(here, b"second"))

    def dead(*_: object) -> object:
        raise StoreError("cannot read s3://x: no answer in time", is_transient=True)

    for kind in (FolderStore, ObjectStore):
        monkeypatch.setattr(kind, broken, dead)
    with pytest.raises(StoreError):
        fetch_newer(there)
    try_to_fetch(there)
    assert "What other machines published is not fetched" in caplog.text
    assert there.published_path.read_bytes() == b"first"
    monkeypatch.undo()


def test_without_a_shared_store_nothing_is_sent_or_fetched(tmp_path: Path) -> None:
    settings = load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path)})
    send(settings, published(settings, b"mine"))
    assert fetch_newer(settings) == []
    assert keep_fresh(settings) is None
    assert [path.name for path in settings.published_path.parent.iterdir()] == ["mist.duckdb"]


def until(is_so: Callable[[], bool]) -> bool:
    ends = time.monotonic() + 10
    while not (found := is_so()) and time.monotonic() < ends:
        threading.Event().wait(0.01)
    return found


def test_who_shows_the_present_has_what_is_new_without_being_asked(here: Settings, there: Settings) -> None:
    ended = keep_fresh(there, every_seconds=0.01)
    assert ended is not None
    assert keep_fresh(there) is ended
    send(here, published(here, b"first"))
    assert until(there.published_path.exists)
    ended.set()


def test_a_poll_is_published_here_though_the_store_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = machine(tmp_path, "here", str(tmp_path / "share"))
    said: list[str] = []
    monkeypatch.setattr("mist_pipeline.warehouse.publish.publish_live", lambda *_, **__: None)

    def full(*_: object) -> None:
        raise StoreError("cannot write: the store answered 403")

    monkeypatch.setattr("mist_pipeline.workflows.present.overview.send", full)
    show_poll(settings, said.append)
    assert said == [
        "This poll is published on this machine, and not for others: cannot write: the store answered 403"
    ]
