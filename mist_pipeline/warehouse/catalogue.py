"""What is in a database, asked of DuckDB itself.

Here: whether a table is there. Not here: what tables should be there (``tables``), and bringing them about (`migrations`).
"""

import duckdb


def has_table(connection: duckdb.DuckDBPyConnection, full_name: str) -> bool:
    """Whether there is a table of this name.

    ``duckdb_tables()`` would list all tables of all that is attached, which takes ten times as long; every reader comes by here.

    Args:
        connection: Any; a transaction that is open goes on.
        full_name: ``schema.table`` of the current database, or ``database.schema.table``; our own name, never data.
    """
    try:
        connection.execute(f"SELECT 1 FROM {full_name} LIMIT 0")
    except duckdb.CatalogException:
        return False
    return True
