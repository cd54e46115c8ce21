"""Runs as processes: which process a run is, how long it may take, and its end when the process is gone.

Here: what Dagster has to know of it (launcher, executor, tags). Not here: what runs do (`assets`, `alert_jobs`), how processes
are recognised (``workflows.running``).
"""
