"""DuckDB's extensions that a shared warehouse needs, and the keys of object stores.

The extensions come with the packages ``duckdb-extension-…`` and are loaded from there: nothing is fetched at run time, nor written
to a home folder. Keys come from where the tools of a store look for them, and stay in memory.
"""

import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import duckdb

from mist_pipeline.tables.schema import literal
from mist_pipeline.warehouse.connection import WarehouseUnavailableError

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
CATALOGUE = ("ducklake", "postgres_scanner")
"""What every lake needs."""
STORES = {"s3": ("httpfs", "aws"), "gs": ("httpfs",), "abfss": ("azure",)}
"""Scheme of ``data_path`` → what its store needs."""

_PLAIN = "http"


def load_extensions(connection: duckdb.DuckDBPyConnection, names: tuple[str, ...] = CATALOGUE) -> None:
    """Load extensions; of an instance of DuckDB once.

    Raises:
        WarehouseUnavailableError: One is not installed, or is of another version of DuckDB; says what to install.
    """
    for name in names:
        connection.execute(f"LOAD {literal(str(_file_of(name)))}")


def place_for_duckdb(data_path: str) -> str:
    """Where the files of a lake are, as DuckDB has it: it reaches Azure's containers by the interface of blobs.

    >>> place_for_duckdb("abfss://mist@acme.dfs.core.windows.net/warehouse"), place_for_duckdb("s3://bucket/mist")
    ('az://mist/warehouse', 's3://bucket/mist')
    """
    place = urlsplit(data_path)
    return f"az://{place.username}{place.path}" if place.scheme == "abfss" else data_path


def grant_access(
    connection: duckdb.DuckDBPyConnection,
    data_path: str,
    name: str,
    variables: Mapping[str, str] = os.environ,
) -> None:
    """Let an instance of DuckDB read and write where the files of a lake are.

    Args:
        connection: Of the instance.
        data_path: A folder needs nothing. ``s3://bucket/…`` is read with the keys of AWS's usual chain: variables, profile, role
            of the machine; ``AWS_ENDPOINT_URL_S3`` or ``AWS_ENDPOINT_URL`` is the address of a store of another maker. ``gs://bucket/…`` is read
            with an HMAC key (``GS_ACCESS_KEY_ID``, ``GS_SECRET_ACCESS_KEY``), ``abfss://container@account…`` with ``AZURE_STORAGE_ACCOUNT_KEY``, an application
            (``AZURE_TENANT_ID``, ``AZURE_CLIENT_ID``, ``AZURE_CLIENT_SECRET``) or the identity of the machine.
        name: For the secret.
        variables: The environment.

    Raises:
        WarehouseUnavailableError: What the store needs is not installed, or a key is missing or none.
    """
    place = urlsplit(data_path)
    if place.scheme not in STORES:
        return
    load_extensions(connection, STORES[place.scheme])
    kind, options = _SECRETS[place.scheme](place, variables)
    container = urlsplit(place_for_duckdb(data_path))
    options["SCOPE"] = f"{container.scheme}://{container.netloc}"
    given = "".join(f", {option} {literal(value)}" for option, value in options.items())
    try:
        connection.execute(f"CREATE OR REPLACE SECRET files_of_{name} ({kind}{given})")
    except duckdb.Error as error:
        # Its message may quote the statement, and so the key.
        raise WarehouseUnavailableError(
            f"DuckDB does not take the keys of {data_path} ({type(error).__name__}): check the variables of the store in the environment"
        ) from None


_Secret = tuple[str, dict[str, str]]
"""Type and provider of a secret, and its options."""


def _of_s3(_place: SplitResult, variables: Mapping[str, str]) -> _Secret:
    options = {}
    if region := variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION"):
        options["REGION"] = region
    if endpoint := next(filter(None, map(variables.get, _ENDPOINTS)), ""):
        options |= _elsewhere(endpoint)
    return "TYPE s3, PROVIDER credential_chain, REFRESH auto", options


def _of_google(place: SplitResult, variables: Mapping[str, str]) -> _Secret:
    """Google's store by its second interface, which is that of S3 and takes HMAC keys alone."""
    key, secret = variables.get("GS_ACCESS_KEY_ID"), variables.get("GS_SECRET_ACCESS_KEY")
    if not key or not secret:
        raise WarehouseUnavailableError(
            f"{place.geturl()} is read and written with an HMAC key of a service account: set GS_ACCESS_KEY_ID and "
            "GS_SECRET_ACCESS_KEY (docs/scale.md)"
        )
    options = {"KEY_ID": key, "SECRET": secret}
    if emulator := variables.get("STORAGE_EMULATOR_HOST", ""):
        options |= _elsewhere(emulator if "://" in emulator else f"{_PLAIN}://{emulator}")
    return "TYPE gcs", options


def _of_azure(place: SplitResult, variables: Mapping[str, str]) -> _Secret:
    account, _, rest = (place.hostname or "").partition(".")
    suffix = rest.removeprefix("dfs.")
    if key := variables.get("AZURE_STORAGE_ACCOUNT_KEY"):
        parts = {"DefaultEndpointsProtocol": "https", "AccountName": account, "AccountKey": key}
        if endpoint := variables.get("AZURE_STORAGE_ENDPOINT"):
            parts |= {"DefaultEndpointsProtocol": urlsplit(endpoint).scheme, "BlobEndpoint": endpoint}
        else:
            parts["EndpointSuffix"] = suffix
        text = ";".join(f"{name}={value}" for name, value in parts.items())
        return "TYPE azure", {"CONNECTION_STRING": text}
    names = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
    tenant, client, secret = map(variables.get, names)
    if tenant and client and secret:
        application = {"TENANT_ID": tenant, "CLIENT_ID": client, "CLIENT_SECRET": secret}
        return "TYPE azure, PROVIDER service_principal", {"ACCOUNT_NAME": account, **application}
    chain = {"CHAIN": "workload_identity;managed_identity", "ACCOUNT_NAME": account}
    return "TYPE azure, PROVIDER credential_chain", chain


_SECRETS: Mapping[str, Callable[[SplitResult, Mapping[str, str]], _Secret]] = {
    "s3": _of_s3,
    "gs": _of_google,
    "abfss": _of_azure,
}


def _elsewhere(endpoint: str) -> dict[str, str]:
    """Options of a store of another maker, which has no host a bucket."""
    address = urlsplit(endpoint)
    return {
        "ENDPOINT": address.netloc + address.path.rstrip("/"),
        "URL_STYLE": "path",
        "USE_SSL": str(address.scheme != _PLAIN).lower(),
    }


def _file_of(name: str) -> Path:
    version = duckdb.__version__
    spec = find_spec(f"duckdb_extension_{name}")
    file = (
        Path(spec.submodule_search_locations[0]) / "extensions" / f"v{version}" / f"{name}.duckdb_extension"
        if spec and spec.submodule_search_locations
        else None
    )
    if file is None or not file.exists():
        package = f"duckdb-extension-{name.replace('_', '-')}"
        raise WarehouseUnavailableError(
            f"The package {package} of version {version} is not installed, which a shared warehouse (warehouse.url) needs: "
            "pip install 'mist-pipeline[lake]'"
        )
    return file
