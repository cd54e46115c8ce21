"""A shared warehouse is configured whole or not at all, and its password is nowhere to be seen."""

from pathlib import Path

import pytest

from mist_pipeline_tests.support.settings.configurations import complaint, load

PLACE = "url: 'ducklake:postgres:host=db.example.com dbname=mist user=mist', data_path: '/srv/mist'"


def test_without_a_word_of_it_the_warehouse_is_a_file(tmp_path: Path) -> None:
    configured = load("", tmp_path, {"MIST_PIPELINE_DATA": "d"})
    assert (configured.warehouse.url, configured.warehouse_path) == (None, Path("d/warehouse.duckdb"))


def test_each_organisation_has_a_catalogue_of_its_own(tmp_path: Path) -> None:
    one = load(f"warehouse: {{{PLACE}}}", tmp_path)
    assert (one.warehouse.catalogue, one.warehouse_name) == (
        "host=db.example.com dbname=mist user=mist",
        "mist",
    )
    assert (
        load(f"warehouse: {{{PLACE}}}\norganisation: {{key: acme}}", tmp_path).warehouse_name == "mist_acme"
    )
    assert load(f"warehouse: {{{PLACE}, name: tests}}", tmp_path).warehouse_name == "tests"


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("url: 'ducklake:postgres:dbname=mist'", "has only one of url and data_path; give data_path, too"),
        ("data_path: '/srv/mist'", "has only one of url and data_path; give url, too"),
        (
            "url: 'ducklake:sqlite:/srv/catalogue.db', data_path: /srv",
            "warehouse.url: is no catalogue in PostgreSQL",
        ),
        ("url: 'ducklake:postgres: ', data_path: /srv", "warehouse.url: is no catalogue in PostgreSQL"),
        (f"{PLACE.replace('/srv/mist', 'lake')}", "warehouse.data_path: is a relative path"),
        (
            f"{PLACE.replace('/srv/mist', 's3:///folder')}",
            "warehouse.data_path: is neither a folder nor an address",
        ),
        (
            f"{PLACE.replace('/srv/mist', 'ftp://host/folder')}",
            "warehouse.data_path: is neither a folder nor",
        ),
        (
            f"{PLACE.replace('/srv/mist', 's3://b/f?s3_secret_access_key=s3cret')}",
            "warehouse.data_path: holds more",
        ),
        (
            f"{PLACE.replace('/srv/mist', 'abfss://mist@acme.blob.core.windows.net/f')}",
            "warehouse.data_path: holds more",
        ),
        (
            f"{PLACE.replace('/srv/mist', 'abfss://acme.dfs.core.windows.net/f')}",
            "warehouse.data_path: is neither a folder nor",
        ),
        (f"{PLACE}, name: drop table", "is no name"),
        (f"{PLACE}, keep_snapshots_days: 0", "warehouse.keep_snapshots_days: "),
        (f"{PLACE.replace('user=mist', 'password=s3cret')}", "config.yaml: warehouse.url holds a password"),
        (
            "url: 'ducklake:postgres:postgresql://u:s3cret@host/mist', data_path: /srv",
            "set MIST_PIPELINE__WAREHOUSE__URL, or leave the password to PGPASSWORD",
        ),
    ],
)
def test_what_cannot_be_a_shared_warehouse_is_refused(section: str, words: str, tmp_path: Path) -> None:
    told = complaint(f"warehouse: {{{section}}}", tmp_path)
    assert words in told
    assert "s3cret" not in told


@pytest.mark.parametrize(
    "place", ["s3://bucket/mist", "gs://bucket/mist", "abfss://mist@acme.dfs.core.windows.net/mist"]
)
def test_the_files_may_be_at_each_store(place: str, tmp_path: Path) -> None:
    section = PLACE.replace("/srv/mist", place)
    assert load(f"warehouse: {{{section}}}", tmp_path).warehouse.data_path == place


@pytest.mark.parametrize(
    "catalogue",
    [
        "postgresql://mist:s3cr%2Fet-of-it@db.example.com/mist",
        "host=db.example.com user=mist password=s3cr/et-of-it",
        r"password = 's3cr/et-of-it' host=db.example.com",
        "postgresql://db.example.com/mist?user=mist&password=s3cr/et-of-it",
    ],
)
def test_its_password_may_come_from_the_environment_and_is_hidden(catalogue: str, tmp_path: Path) -> None:
    variables = {
        "MIST_PIPELINE__WAREHOUSE__URL": f"ducklake:postgres:{catalogue}",
        "MIST_PIPELINE__WAREHOUSE__DATA_PATH": "s3://bucket/mist",
    }
    configured = load("", tmp_path, variables)
    assert configured.warehouse.catalogue == catalogue
    assert (
        "s3cr" not in f"{configured!r} {configured} {configured.model_dump()} {configured.model_dump_json()}"
    )
    hide = configured.known_secrets().hide
    assert hide(f'Unable to connect to Postgres at "{catalogue}"') == 'Unable to connect to Postgres at "***"'
    assert hide("password s3cr/et-of-it was refused") == "password *** was refused"
