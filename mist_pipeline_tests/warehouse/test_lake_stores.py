"""The files of a shared warehouse on object stores: written, read, published, merged and removed, with keys in no error."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import pytest

from mist_pipeline.tables import history
from mist_pipeline.warehouse.connection import WarehouseUnavailableError
from mist_pipeline.warehouse.extensions import STORES, grant_access
from mist_pipeline.warehouse.lake import Lake
from mist_pipeline.warehouse.publish import publish
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.warehouse.upkeep import keep_up
from mist_pipeline_tests.support.azurite import ACCOUNT, azurite, new_container, use_azurite
from mist_pipeline_tests.support.object_stores import SECRET_KEY, new_bucket, proxy, s3_endpoint, use_s3
from mist_pipeline_tests.support.warehouse.lakes import Lakes
from mist_pipeline_tests.support.warehouse.rows import FIRST, readings

pytestmark = pytest.mark.slow

DAY = timedelta(days=1)


@pytest.fixture(params=sorted(STORES))
def folder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of an empty folder of a store, whose keys are in the environment."""
    if request.param == "abfss":
        with azurite() as account:
            use_azurite(monkeypatch, account)
            yield f"abfss://{new_container(account)}@{ACCOUNT}.dfs.core.windows.net/warehouse"
    elif request.param == "gs":
        yield google(monkeypatch, s3_endpoint())
    else:
        use_s3(monkeypatch, s3_endpoint())
        yield f"{new_bucket()}/warehouse"


def google(monkeypatch: pytest.MonkeyPatch, server: str) -> str:
    """Address of an empty folder of Google's store: its second interface is that of S3."""
    monkeypatch.setenv("GS_ACCESS_KEY_ID", "GOOGOFTESTS")
    monkeypatch.setenv("GS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server)
    return f"{new_bucket().replace('s3://', 'gs://')}/warehouse"


def files_of(lake: Lake) -> set[str]:
    with lake.maintaining(20) as (connection, _):
        place = f"{lake.files}history/sle_daily/**/*.parquet"
        found = connection.execute(f"SELECT file FROM glob('{place}')").fetchall()
    return {file for (file,) in found}


def test_the_files_may_be_on_an_object_store(lakes: Lakes, folder: str, tmp_path: Path) -> None:
    with lakes.made(folder, tmp_path) as lake:
        warehouse = Warehouse(lake, wait_seconds=20)
        for number in (1, 2):
            days = [FIRST + number * DAY]
            warehouse.replace_days(history.SLE_DAILY, readings(days[0], *[1.0] * 50), days)
        rows = readings(FIRST, *map(float, range(50)))
        warehouse.replace_days(history.SLE_DAILY, readings(FIRST, *[5.0] * 50), [FIRST])
        kept = warehouse.replace_days(history.SLE_DAILY, rows, [FIRST])
        assert warehouse.read_days(history.SLE_DAILY, FIRST, FIRST).equals(kept)
        publish(warehouse, tmp_path / "mist.duckdb")
        with duckdb.connect(str(tmp_path / "mist.duckdb"), read_only=True) as reader:
            assert reader.execute("SELECT count(*) FROM history.sle_daily").fetchone() == (150,)

        if folder.startswith("s3"):
            return  # Google's store takes the same way from here
        before, now = files_of(lake), datetime.now(UTC)
        assert len(before) == 4
        done = keep_up(lake, now, timedelta(days=3), 20)
        assert (done.merged, done.into) == (3, 1)
        assert len(files_of(lake)) == 5, "somebody may be reading"
        later = keep_up(lake, now + timedelta(days=4), timedelta(days=3), 20)
        assert later.removed == 4
        assert len(files_of(lake) - before) == len(files_of(lake)) == 1
        assert warehouse.read_days(history.SLE_DAILY, FIRST, FIRST).equals(kept)


def test_a_store_that_removes_no_files_together_keeps_them_and_says_so(
    lakes: Lakes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with proxy() as (server, fault), lakes.made(google(monkeypatch, server), tmp_path) as lake:
        warehouse, now = Warehouse(lake, wait_seconds=20), datetime.now(UTC)
        for score in (1.0, 2.0):
            warehouse.replace_days(history.SLE_DAILY, readings(FIRST, *[score] * 50), [FIRST])
        fault.before = lambda method, path: (
            (400, "NotImplemented") if (method, "delete" in path) == ("POST", True) else None
        )
        done = keep_up(lake, now + timedelta(days=4), timedelta(days=3), 20)
        assert (done.removed, done.is_refused) == (0, True)
        assert "refuses to remove several files in one request" in list(done.lines())[-1]
        assert len(files_of(lake)) == 2
        fault.reset()
        again = keep_up(lake, now + timedelta(days=5), timedelta(days=3), 20)
        assert (again.removed > 0, again.is_refused, len(files_of(lake))) == (True, False, 1)


def test_a_store_that_is_not_there_is_named_without_its_key(
    lakes: Lakes, folder: str, tmp_path: Path
) -> None:
    place = urlsplit(folder)
    bucket = place.username or place.netloc
    elsewhere = place._replace(netloc=place.netloc.replace(bucket, "nowhere", 1)).geturl()
    with (
        lakes.made(folder, tmp_path) as lake,
        pytest.raises(WarehouseUnavailableError, match=r"NoSuchBucket|ContainerNotFound") as caught,
    ):
        Warehouse(Lake(lake.catalogue, elsewhere, "other", tmp_path)).prepare()
    assert SECRET_KEY not in str(caught.value)


def test_google_without_an_hmac_key_is_told_what_to_set() -> None:
    with (
        duckdb.connect() as connection,
        pytest.raises(WarehouseUnavailableError, match="GS_ACCESS_KEY_ID and GS_SECRET_ACCESS_KEY"),
    ):
        grant_access(connection, "gs://lake/mist", "one", {"GS_ACCESS_KEY_ID": "GOOG"})


AZURE = "abfss://lake@acme.dfs.core.windows.net/mist"
APPLICATION = {"AZURE_TENANT_ID": "t-1", "AZURE_CLIENT_ID": "c-1", "AZURE_CLIENT_SECRET": SECRET_KEY}


@pytest.mark.parametrize(
    ("variables", "provider"),
    [
        ({"AZURE_STORAGE_ACCOUNT_KEY": "a2V5"}, "config"),
        (APPLICATION, "service_principal"),
        ({}, "credential_chain"),
    ],
    ids=["key", "application", "machine"],
)
def test_azure_is_read_with_a_key_an_application_or_the_identity_of_the_machine(
    variables: Mapping[str, str], provider: str
) -> None:
    with duckdb.connect() as connection:
        grant_access(connection, AZURE, "one", variables)
        found = connection.execute("SELECT provider, scope, secret_string FROM duckdb_secrets()").fetchall()
    ((kept, scope, text),) = found
    assert (kept, scope) == (provider, ["az://lake"])
    assert SECRET_KEY not in text
