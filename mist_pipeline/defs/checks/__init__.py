"""Is what was written right? Asset checks of rows, which block, and of days, which warn.

Here belongs what Dagster asks a table after it was written, in SQL, over the days of the run. Not here: what follows from a
failed check (`watching`, ``workflows``), and what a collection says about its own answers (`assets`).
"""
