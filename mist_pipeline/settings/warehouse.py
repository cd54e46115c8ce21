"""Where the warehouse is, if several machines share it; without a word of it, it is one file in the data folder."""

import re
from pathlib import PurePosixPath
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from mist_pipeline.domain.config_section import Section

PREFIX = "ducklake:postgres:"
_BUCKETS = ("s3", "gs")
_AZURE = re.compile(r"abfss://[a-z0-9$-]{1,63}@[a-z0-9]{3,24}\.dfs\.core\.windows\.net(/[^?#]*)?")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class SharedWarehouse(Section):
    """A warehouse that several machines share (docs/scale.md)."""

    url: SecretStr | None = Field(
        None,
        description="`ducklake:postgres:` and how the database of the catalogue is reached, as in "
        "`ducklake:postgres:host=db.example.com dbname=mist user=mist`; empty: one DuckDB file in the data folder. An address with a "
        "password belongs into the environment.",
    )
    data_path: str = Field(
        "",
        description="Folder that all machines share, or `s3://bucket/folder`, `gs://bucket/folder` or "
        "`abfss://container@account.dfs.core.windows.net/folder`, for the rows; needed with `url`.",
    )
    name: str = Field(
        "",
        description="Schema of the database that holds the catalogue, and folder of `data_path`; empty: `mist`, with a key of the "
        "organisation `mist_KEY`.",
    )
    keep_snapshots_days: int = Field(
        3,
        ge=1,
        description="Days for which rows that were replaced can still be read, before `retention` removes their files.",
    )

    @field_validator("url")
    @classmethod
    def _known_form(cls, value: SecretStr | None) -> SecretStr | None:
        # The address is not quoted: it may hold a password.
        address = value.get_secret_value() if value else ""
        if value and not (address.startswith(PREFIX) and address.removeprefix(PREFIX).strip()):
            raise ValueError(
                f"is no catalogue in PostgreSQL; write {PREFIX}host=… dbname=… user=…, or {PREFIX}postgresql://user@host/name"
            )
        return value

    @field_validator("data_path")
    @classmethod
    def _known_place(cls, value: str) -> str:
        place = urlsplit(value)
        if _AZURE.fullmatch(value):
            return value
        if place.query or place.username or place.password:
            raise ValueError(
                "holds more than a place; keys of an object store come from the environment, as for its own tools"
            )
        if "://" in value and (place.scheme not in _BUCKETS or not place.netloc):
            raise ValueError(
                "is neither a folder nor an address such as s3://bucket/folder, gs://bucket/folder or "
                "abfss://container@account.dfs.core.windows.net/folder"
            )
        if value and "://" not in value and not PurePosixPath(value).is_absolute():
            raise ValueError("is a relative path, which is another folder for every program; write it whole")
        return value

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        if value and not _NAME.fullmatch(value):
            raise ValueError(
                f"{value!r} is no name; use lower-case letters, digits and _, beginning with a letter"
            )
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.url is None) != (not self.data_path):
            missing = "data_path" if self.url else "url"
            raise ValueError(f"has only one of url and data_path; give {missing}, too")
        return self

    @property
    def catalogue(self) -> str:
        """How libpq reaches the catalogue; may hold a password."""
        return self.url.get_secret_value().removeprefix(PREFIX).strip() if self.url else ""
