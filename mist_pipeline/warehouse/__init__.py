"""DuckDB: connection, table definitions (the data dictionary), migrations, partition writes, publishing."""
