"""How does the pipeline say in Dagster what it does and when? Jobs, schedules, sensors, checks and, in `assets`, tables.

Here: definitions, run tags, partitions, metadata, and what Dagster's instance says about runs and checks.
Not here: what an asset or op does (``workflows``), rules (``analysis``, ``alerts``), and putting it together (``definitions``).
"""
