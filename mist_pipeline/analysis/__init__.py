"""What the history means: pure functions from frames to frames, with the day or the instant as an argument.

Here belong methods, a sub-room for each question. No clock, no I/O, no Dagster: reading and storing is in
``workflows``, tables are in ``tables``, what people are told about the results is in ``alerts`` and ``notification``.
"""
