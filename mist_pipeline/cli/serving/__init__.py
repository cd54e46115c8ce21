"""Commands that run until somebody ends them, and what they start: ``daemon``, ``ui``, ``web``, ``heartbeat``, ``simulate``.

Here: which processes belong together, their ports, the lock of the data folder, Dagster's web server and the console behind the guard. Not
here: how processes live together (`together`), what is served (``definitions``, ``web``), what may reach it (``guard``).
"""
