"""How rows get into the DuckDB warehouse and out of it.

Opening the file or the lake that several machines share, reading and replacing rows, migrations and the published copy with its views belong here. The tables
themselves are defined in ``tables``, and what they hold is computed in ``collect``, ``analysis`` and ``alerts``.
"""
