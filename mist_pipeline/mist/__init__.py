"""The Mist cloud: client, paging, call budget, record shapes, metric catalogue. Knows nothing of Dagster or DuckDB."""
