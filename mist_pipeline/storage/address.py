"""Addresses of stores: which are known, and the store behind one.

Credentials never stand in an address: they come from the environment, in the variables that the store's own tools read
(``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``, ``GOOGLE_APPLICATION_CREDENTIALS``, ``AZURE_STORAGE_ACCOUNT_KEY`` …), or from the role of the machine.
"""

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mist_pipeline.storage.files import FileStore, StoreError
from mist_pipeline.storage.folder import FolderStore
from mist_pipeline.storage.objects import ObjectStore

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Client

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,221}")
_PATH = re.compile(r"[A-Za-z0-9/._=+-]*", re.ASCII)
_FORMS = "s3://bucket/path, gs://bucket/path, abfss://container@account.dfs.core.windows.net/path, or the absolute path of a folder"
CREDENTIALS = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_MASTER_KEY", "AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_KEY", "AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_TOKEN",
    "AZURE_STORAGE_CLIENT_SECRET", "AZURE_CLIENT_SECRET", "GOOGLE_SERVICE_ACCOUNT_KEY", "GS_SECRET_ACCESS_KEY",
)  # fmt: skip
"""Variables of the environment that hold what nobody else may read."""

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT")


@dataclass(frozen=True)
class Patience:
    """How long a store is waited for.

    Attributes:
        timeout_seconds: For one answer.
        max_retries: Further attempts at what can heal.
        pause_seconds: Before the first of them; it grows up to a hundredfold.
        give_up_seconds: No further attempt later than this.
    """

    timeout_seconds: float = 30
    max_retries: int = 5
    pause_seconds: float = 0.1
    give_up_seconds: float = 60


def checked_address(value: str) -> str:
    """An address as it may stand in the configuration.

    Raises:
        ValueError: It is none; says which there are.
    """
    if value.startswith("/"):
        return value.rstrip("/") or "/"
    parts = urlsplit(value)
    if parts.scheme not in {"s3", "gs", "abfss"}:
        raise ValueError(f"is no address of a store; use {_FORMS}")
    if (
        parts.password is not None
        or parts.query
        or parts.fragment
        or (parts.username and parts.scheme != "abfss")
    ):
        raise ValueError(
            "holds more than a bucket and a path; credentials come from the environment (AWS_ACCESS_KEY_ID, "
            "GOOGLE_APPLICATION_CREDENTIALS, AZURE_STORAGE_ACCOUNT_KEY and the like)"
        )
    bucket = (parts.username or "") if parts.scheme == "abfss" else parts.netloc
    if (
        not _BUCKET.fullmatch(bucket)
        or not _PATH.fullmatch(parts.path)
        or ".." in parts.path
        or "//" in parts.path
    ):
        raise ValueError(
            f"has no bucket, or a path of other characters than letters, digits and /._=+-; use {_FORMS}"
        )
    return value.rstrip("/")


def open_store(address: str, patience: Patience = Patience()) -> FileStore:
    """The store at an address; nothing is asked yet.

    Raises:
        ValueError: There is no such kind of address.
    """
    checked = checked_address(address)
    if checked.startswith("/"):
        return FolderStore(Path(checked))
    return ObjectStore(partial(_client, checked, patience), checked)


@cache
def _client(address: str, patience: Patience) -> "Client":
    try:
        from obstore.exceptions import BaseError
        from obstore.store import from_url
    except ImportError as error:
        raise StoreError(
            f"{address}: stores of objects need the extra `storage`. Install it: uv pip install '.[storage]'"
        ) from error
    # A store of one's own network may speak HTTP; it does where its variable says so.
    is_plain = any(os.environ.get(name, "").startswith("http://") for name in _ENDPOINTS)
    pause = timedelta(seconds=patience.pause_seconds)
    try:
        return from_url(
            address,
            client_options={
                "allow_http": is_plain,
                "timeout": timedelta(seconds=patience.timeout_seconds),
                "connect_timeout": timedelta(seconds=min(5, patience.timeout_seconds)),
            },
            retry_config={
                "max_retries": patience.max_retries,
                "retry_timeout": timedelta(seconds=patience.give_up_seconds),
                "backoff": {"init_backoff": pause, "max_backoff": 100 * pause, "base": 2},
            },
        )
    except (BaseError, ValueError) as error:
        # The message may hold what stands in the environment.
        raise StoreError(
            f"{address} cannot be opened ({type(error).__name__}): check storage.url and the variables of the store in the "
            "environment"
        ) from None
