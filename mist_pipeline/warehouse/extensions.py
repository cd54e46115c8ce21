"""DuckDB's extensions that a shared warehouse needs, and the keys of object stores.

The extensions come with the packages ``duckdb-extension-…`` and are loaded from there: nothing is fetched at run time, nor written
to a home folder. Keys come from where the tools of a store look for them, and stay in memory.
"""

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import duckdb

from mist_pipeline.tables.schema import literal
from mist_pipeline.warehouse.connection import WarehouseUnavailableError

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
CATALOGUE = ("ducklake", "postgres_scanner")
"""What every lake needs."""
STORES = {"s3": ("httpfs", "aws")}
"""Scheme of ``data_path`` → what its store needs."""


def load_extensions(connection: duckdb.DuckDBPyConnection, names: tuple[str, ...] = CATALOGUE) -> None:
    """Load extensions; of an instance of DuckDB once.

    Raises:
        WarehouseUnavailableError: One is not installed, or is of another version of DuckDB; says what to install.
    """
    for name in names:
        connection.execute(f"LOAD {literal(str(_file_of(name)))}")


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
            of the machine; ``AWS_ENDPOINT_URL_S3`` or ``AWS_ENDPOINT_URL`` is the address of a store of another maker.
        name: For the secret.
        variables: The environment.

    Raises:
        WarehouseUnavailableError: What the store needs is not installed.
    """
    place = urlsplit(data_path)
    if place.scheme not in STORES:
        return
    load_extensions(connection, STORES[place.scheme])
    options = {"SCOPE": f"{place.scheme}://{place.netloc}"}
    if region := variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION"):
        options["REGION"] = region
    if endpoint := next(filter(None, map(variables.get, _ENDPOINTS)), ""):
        address = urlsplit(endpoint)
        # Stores of other makers have no host a bucket.
        options |= {
            "ENDPOINT": address.netloc + address.path.rstrip("/"),
            "URL_STYLE": "path",
            "USE_SSL": str(address.scheme != "http").lower(),
        }
    given = "".join(f", {option} {literal(value)}" for option, value in options.items())
    connection.execute(
        f"CREATE OR REPLACE SECRET files_of_{name} (TYPE s3, PROVIDER credential_chain, REFRESH auto{given})"
    )


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
