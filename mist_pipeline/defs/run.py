"""What a run is given from outside: its instant, and who watches its progress. Knows nothing of Dagster."""
