"""What ``doctor`` says of the store that several machines share."""

from pathlib import Path

import pytest

from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.storage.files import FileStore
from mist_pipeline.storage.folder import FolderStore
from mist_pipeline.workflows import shared_files
from mist_pipeline.workflows.doctor import store as checked
from mist_pipeline.workflows.doctor.check import DOUBTFUL, FINE, WRONG
from mist_pipeline.workflows.doctor.store import shared_store
from mist_pipeline.workflows.doctor.stored import raw_files, raw_snapshot, sites
from mist_pipeline_tests.support.collect.fake_cloud import NOW
from mist_pipeline_tests.support.collect.raw_fetches import record
from mist_pipeline_tests.support.object_stores import SECRET_KEY, new_bucket, s3_endpoint, use_s3


def sharing(tmp_path: Path, url: str) -> Settings:
    return load_settings(
        environment={"MIST_PIPELINE_DATA": str(tmp_path / "data"), "MIST_PIPELINE__STORAGE__URL": url}
    )


def test_nothing_is_said_where_all_files_are_in_the_data_folder(tmp_path: Path) -> None:
    assert list(shared_store(load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path)}))) == []


def test_a_good_store_is_named_with_the_time_it_takes_and_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_s3(monkeypatch, s3_endpoint())
    url = new_bucket()
    settings = sharing(tmp_path, url)
    [check] = shared_store(settings)
    assert check.verdict == FINE
    assert check.found.startswith(f"{url}: a file was written, read and removed in ")
    store = shared_files.store_at(settings, url)
    assert store.files(deep=True) == []
    assert raw_snapshot(settings, str).found == f"{url}/raw: no list of sites yet"
    shared_files.raw_store(settings).write_snapshot("sites", [record("sites", [], [])], NOW)
    assert "newest list of sites of" in raw_snapshot(settings, str).found
    assert raw_files(settings, str).verdict == FINE


def test_a_store_that_cannot_be_used_is_wrong_and_no_key_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_s3(monkeypatch, s3_endpoint())
    settings = sharing(tmp_path, "s3://not-a-bucket")
    [check] = shared_store(settings)
    assert check.verdict == WRONG
    assert "404 NoSuchBucket" in check.found
    assert raw_snapshot(settings, str).verdict == DOUBTFUL
    assert raw_files(settings, str).verdict == WRONG
    [known] = sites(settings, str)
    assert known.verdict == DOUBTFUL
    assert SECRET_KEY not in check.found + raw_files(settings, str).found


def test_a_folder_that_cannot_be_written_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    [check] = shared_store(sharing(tmp_path, str(tmp_path / "file")))
    assert check.verdict == WRONG


class Forgetful(FolderStore):
    """A store that answers, and keeps nothing."""

    def put_if_absent(self, key: str, content: object) -> bool:
        return super().put_if_absent(key, b"something else")


class Overwriting(FolderStore):
    """A store that does not know conditional puts."""

    def put_if_absent(self, key: str, content: bytes | Path) -> bool:
        self.replace(key, content)
        return True


def test_a_store_that_replaces_what_it_should_not_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_files, "store_at", lambda _settings, url: Overwriting(Path(url)))
    [check] = shared_store(sharing(tmp_path, str(tmp_path / "share")))
    assert check.verdict == WRONG
    assert "conditional puts" in check.found
    assert not list((tmp_path / "share").glob("*"))


def test_a_store_that_does_not_keep_what_it_is_given_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetful(_settings: Settings, url: str) -> FileStore:
        return Forgetful(Path(url))

    monkeypatch.setattr(shared_files, "store_at", forgetful)
    [check] = shared_store(sharing(tmp_path, str(tmp_path / "share")))
    assert check.verdict == WRONG
    assert "does not hold what was just written" in check.found
    assert not list((tmp_path / "share").glob("*"))


def test_a_slow_store_is_doubtful(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checked, "SLOW_SECONDS", -1.0)
    [check] = shared_store(sharing(tmp_path, str(tmp_path / "share")))
    assert check.verdict == DOUBTFUL


def test_what_stands_in_the_environment_for_the_store_is_a_known_secret(tmp_path: Path) -> None:
    settings = load_settings(
        environment={
            "MIST_PIPELINE_DATA": str(tmp_path),
            "MIST_PIPELINE__STORAGE__URL": "s3://bucket",
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }
    )
    assert SECRET_KEY not in settings.known_secrets().hide(f"said {SECRET_KEY}")
