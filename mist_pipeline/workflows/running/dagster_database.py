"""The address of Dagster's own database, as its driver wants it. Not here: who opens it (`cli.dagster_home`, steps on a cluster)."""

from collections.abc import MutableMapping

PG_URL = "DAGSTER_PG_URL"
"""Variable with the address of Dagster's own database, as docs/operations.md has it in ``dagster.yaml``."""


def with_driver(address: str) -> str:
    """An address of PostgreSQL that names the driver which Dagster's storage is written for.

    SQLAlchemy takes another one for a plain ``postgresql://``, with which no event can be stored and no run begins.

    >>> with_driver("postgresql://mist@db/dagster")
    'postgresql+psycopg2://mist@db/dagster'
    """
    scheme, separator, rest = address.partition("://")
    return f"postgresql+psycopg2://{rest}" if separator and scheme in ("postgres", "postgresql") else address


def name_driver(variables: MutableMapping[str, str]) -> None:
    """Have the variable, where it is set, name the driver."""
    if PG_URL in variables:
        variables[PG_URL] = with_driver(variables[PG_URL])
