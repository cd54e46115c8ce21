"""Pure functions, Polars frame in, Polars frame out: no Dagster, no I/O, no clock; every date is an argument."""
