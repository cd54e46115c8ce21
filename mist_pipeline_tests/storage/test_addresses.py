"""Which addresses may stand in the configuration, and what is said of others."""

import pytest

from mist_pipeline.settings import SettingsError, load_settings
from mist_pipeline.storage.address import checked_address, open_store
from mist_pipeline.storage.files import StoreError
from mist_pipeline.storage.folder import FolderStore
from mist_pipeline.workflows.shared_files import raw_store


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("s3://bucket", "s3://bucket"),
        ("s3://my.bucket-1/some/path/", "s3://my.bucket-1/some/path"),
        ("gs://bucket/x", "gs://bucket/x"),
        ("abfss://files@account.dfs.core.windows.net/x", "abfss://files@account.dfs.core.windows.net/x"),
        ("/mnt/share/", "/mnt/share"),
    ],
)
def test_known_addresses_are_taken(given: str, kept: str) -> None:
    assert checked_address(given) == kept
    assert load_settings(environment={"MIST_PIPELINE__STORAGE__URL": given}).storage.url == kept


@pytest.mark.parametrize(
    "given",
    [
        "bucket", "data/raw", "http://host/x", "file:///x", "ftp://x/y", "s3:///x", "s3://", "s3://b/../x", "s3://b//x", "s3://b/a b",
        "s3://AKIA:hush-hush@b/x", "s3://AKIA@b/x", "s3://b/x?sig=hush-hush", "s3://b/x#hush-hush", "abfss://account.dfs.core.windows.net/x",
        "abfss://c:hush-hush@account.dfs.core.windows.net/x", "s3://b/\u00e9", "s3://[b/x",
    ],
)  # fmt: skip
def test_others_are_refused_with_what_is_possible_and_without_what_they_hold(given: str) -> None:
    with pytest.raises(SettingsError, match=r"storage\.url") as caught:
        load_settings(environment={"MIST_PIPELINE__STORAGE__URL": given})
    assert "hush-hush" not in str(caught.value)


def test_without_an_address_raw_files_are_in_the_data_folder() -> None:
    settings = load_settings(environment={"MIST_PIPELINE_DATA": "/somewhere"})
    assert raw_store(settings).files.address("x") == "/somewhere/raw/x"


@pytest.mark.parametrize(
    ("url", "key", "found"),
    [
        ("s3://bucket/mist", "", "s3://bucket/mist/raw/x"),
        ("s3://bucket/mist", "acme_eu", "s3://bucket/mist/acme_eu/raw/x"),
        ("/mnt/share", "acme_eu", "/mnt/share/acme_eu/raw/x"),
    ],
)
def test_keys_in_a_store_begin_with_the_organisation_where_it_has_a_key(
    url: str, key: str, found: str
) -> None:
    environment = {"MIST_PIPELINE__STORAGE__URL": url}
    environment |= {"MIST_PIPELINE__ORGANISATION__KEY": key} if key else {}
    store = raw_store(load_settings(environment=environment))
    assert store.files.address("x") == found
    assert str(store.root) == "data/raw"


def test_a_folder_is_a_store_like_any_other() -> None:
    assert isinstance(open_store("/mnt/share"), FolderStore)


def test_a_wrong_environment_is_an_error_without_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "hush hush, no base64")
    with pytest.raises(StoreError, match=r"check storage\.url") as caught:
        open_store("abfss://files@account.dfs.core.windows.net/x").files()
    assert "hush" not in str(caught.value)
