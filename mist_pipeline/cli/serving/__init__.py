"""Commands that run until somebody ends them, and what they start: ``daemon``, ``ui``, ``listen``, ``heartbeat``, ``simulate``.

Here: which processes belong together, their ports, the lock of the data folder, Dagster's web server behind the guard. Not
here: how processes live together (`together`), what is served (``definitions``, ``workflows``), what may reach it (``guard``).
"""
