"""What did the cloud push? Events of its webhooks, kept in the database of the ledger.

Here: keeping them once and counting them. Not here: their tables, which are made with those of the ledger (``ledger.tables``),
what a message is (``push``), and what follows (``workflows.pushing``).
"""
