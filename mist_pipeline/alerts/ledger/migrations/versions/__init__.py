"""One file for each version of the ledger, named after it: what changes between the version before and this one.

Here belong the changes of tables and of the rows in them. Not here: the tables as they are now (``ledger.tables``), and
running migrations (``ledger.database``).
"""
