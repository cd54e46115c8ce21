"""Whose rows a warehouse has: it belongs to the organisation for which it was first written, and to no other.

Here: the pin in the warehouse itself, so that it holds wherever the file is moved. Not here: the pin of the data folder, and
which organisation is asked (``workflows.organisation_pin``).
"""

from dataclasses import dataclass

import duckdb

from mist_pipeline.domain.text import clean
from mist_pipeline.warehouse.catalogue import has_table

_TABLE = "main.warehouse_organisation"


class OtherOwnerError(RuntimeError):
    """The warehouse belongs to another organisation."""


@dataclass(frozen=True)
class Owner:
    """An organisation, as it is pinned.

    Attributes:
        org_id: Its id.
        name: Its name for people, '' where the cloud does not say; typed by strangers.
        cloud: Base URL of its cloud, '' where that is not known.
    """

    org_id: str
    name: str = ""
    cloud: str = ""

    def __str__(self) -> str:
        where = f"cloud {self.cloud}" if self.cloud else ""
        name = clean(self.name, 80) or (
            "an organisation without a name" if self.org_id else "the organisation of this token"
        )
        return f"{name} ({', '.join(part for part in (clean(self.org_id, 80), where) if part)})"


def prepare_pin(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the place of the pin."""
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {_TABLE} (org_id VARCHAR, name VARCHAR, cloud VARCHAR, pinned_at TIMESTAMPTZ)"
    )


def owner_of(connection: duckdb.DuckDBPyConnection) -> Owner | None:
    """Whose rows these are, None where nobody was pinned yet."""
    if not has_table(connection, _TABLE):
        return None
    row = connection.execute(f"SELECT org_id, name, cloud FROM {_TABLE}").fetchone()
    return Owner(*row) if row else None


def claim(connection: duckdb.DuckDBPyConnection, owner: Owner) -> None:
    """Pin the warehouse to an organisation; nothing to do where it is pinned to it already.

    Raises:
        OtherOwnerError: It is pinned to another one.
    """
    pinned = owner_of(connection)
    if pinned is None:
        connection.execute(
            f"INSERT INTO {_TABLE} VALUES (?, ?, ?, now())", [owner.org_id, owner.name, owner.cloud]
        )
    elif pinned.org_id != owner.org_id:
        raise OtherOwnerError(
            f"This warehouse holds the rows of {pinned}, its data folder is that of {owner}. "
            "Nothing was written. Give each organisation a data folder of its own: MIST_PIPELINE_DATA."
        )
