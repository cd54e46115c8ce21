"""Old hours: whole months of the hourly tables in Parquet files beside the warehouse.

Here: which files there are and whether they are sound (`files`), moving months into them and reading both as one (`aged`). Not here: which hours are
too old (``workflows.retention``).
"""
