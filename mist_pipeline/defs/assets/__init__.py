"""Which tables and files are made of what, a partition at a time? One module a layer of assets.

Here: keys, dependencies with their look-back, descriptions, and the one call that makes an asset's content.
Not here: that content (``workflows``), columns (``tables``), what every table's asset has in common (``defs.table_io``).
"""
